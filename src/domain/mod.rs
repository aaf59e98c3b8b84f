//! Floor 1: values and rules. No clock, no dice, no files, no network, no async; everything here is a pure function.
pub mod facts;
pub mod id;
pub mod json;
pub mod money;
pub mod offering;
pub mod reason;
pub mod signing;
pub mod statement;
pub mod time;
