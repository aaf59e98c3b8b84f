//! The one integration-test binary.
mod audit_cases;
mod cli;
mod cluster;
mod configs;
mod dice;
mod dossier;
mod evidence;
mod federation;
mod golden;
mod journeys;
mod shared;
mod sim;
mod store_contract;
mod tidy;
mod vectors;
