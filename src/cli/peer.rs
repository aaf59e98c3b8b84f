//! `verbund peer`: the other nodes, as one node sees them.
use std::time::Duration;

use clap::Subcommand;
use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::options::Global;
use crate::cli::output::Output;
use crate::domain::reason::Refusal;
use crate::wire::pb::node::v1 as pb;

/// What to do with peers.
#[derive(Subcommand)]
pub enum Verb {
    /// Alle bekannten Knoten: verbunden seit wann, letzter Kontakt, Rückstand, Verstöße
    List,
}

/// The columns of a list of peers, in German and in English.
const COLUMNS: [(&str, &str); 9] = [
    ("Knoten", "node"),
    ("verbunden", "up"),
    ("seit", "since"),
    ("letzter Kontakt", "last_contact"),
    ("Rückstand", "lag"),
    ("hat mehr", "ahead"),
    ("gemieden bis", "shunned_until"),
    ("Verstöße", "strikes"),
    ("Uhr vor (ms)", "clock_offset_ms"),
];

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let Verb::List = verb;
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let peers = client.peers().await?;
    let out = global.out();
    out.rows(&COLUMNS, &peers.iter().map(|peer| row(peer, out)).collect::<Vec<_>>())
}

/// One peer. `lag` counts journal positions of the node asked that the peer has not acknowledged, `ahead` the logs of
/// which the peer says that it has more.
fn row(peer: &pb::PeerStatus, out: Output) -> Vec<Value> {
    let time = |time: &Option<_>| match time {
        Some(_) => out.time(time.as_ref()),
        None => Value::Null,
    };
    vec![
        peer.node.clone().into(),
        peer.up.into(),
        time(&peer.since),
        time(&peer.last_contact),
        peer.lag.map_or(Value::Null, Value::from),
        peer.ahead_count.into(),
        time(&peer.shunned_until),
        peer.strikes.into(),
        peer.clock_offset_ms.map_or(Value::Null, Value::from),
    ]
}
