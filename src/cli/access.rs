//! `verbund access`: the metadata with which other tools prove who is asking, for five minutes and one node.
use std::time::Duration;

use serde_json::json;

use crate::cli::client::Client;
use crate::cli::options::Global;
use crate::domain::reason::Refusal;
use crate::wire::access::{ACCESS_KEY, encoded};

/// Prints one line of metadata, as `grpcurl` and `buf curl` take it after `-H`.
pub async fn run(global: &Global) -> Result<(), Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let value = encoded(&client.access().await?);
    global.out().one(&json!({"name": ACCESS_KEY, "value": value}), &format!("{ACCESS_KEY}: {value}"))
}
