//! Floor 1: values and rules. No clock, no dice, no files, no network, no async; everything here is a pure function.
pub mod body;
pub mod envelope;
pub mod fact_base;
pub mod facts;
pub mod id;
pub mod json;
pub mod law;
pub mod money;
pub mod offering;
pub mod order;
pub mod price;
pub mod reason;
pub mod route;
pub mod signing;
pub mod statement;
pub mod time;
pub mod trust;
