//! `verbund key list`: every key of an organisation, as its home log knows it.
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::carry::{connect, org};
use crate::cli::options::Global;
use crate::config::node::read_run;
use crate::domain::reason::Refusal;
use crate::domain::trust::key_book::{BookedKey, KeyBook};

/// `key list`.
#[derive(Args)]
pub struct Arguments {
    /// Einstellungen des Knotens (run.toml); sonst gilt das Profil
    #[arg(long, value_name = "DATEI")]
    config: Option<PathBuf>,
}

const COLUMNS: [(&str, &str); 4] =
    [("Zweck", "used_as"), ("Fingerabdruck", "key_hash"), ("widerrufen", "revoked"), ("Protokolle", "logs")];

/// Prints the keys in force and those revoked, the root keys first; before them a recovery that is announced.
pub(super) async fn run(global: &Global, arguments: Arguments) -> Result<(), Refusal> {
    let config = arguments.config.as_deref().map(read_run).transpose()?;
    let mut client = connect(global, config.as_ref()).await?;
    let book = client.keys(&org(global, &client, config.as_ref())?).await?;
    global.out().rows(&COLUMNS, &rows(&book))
}

fn rows(book: &KeyBook) -> Vec<Vec<Value>> {
    let root = |key: &crate::domain::signing::PublicKey| {
        let needed = format!("root {}/{}", book.root.threshold, book.root.keys.len());
        vec![json!(needed), json!(key.hash().to_string()), Value::Null, Value::Null]
    };
    let online = |key: &BookedKey| {
        let logs: Vec<String> = key.logs.iter().map(|good| format!("{}:{}", good.log, good.size)).collect();
        vec![
            json!(key.used_as.to_string()),
            json!(key.hash.to_string()),
            key.revoked.map_or(Value::Null, |reason| json!(reason.word())),
            json!(logs.join(" ")),
        ]
    };
    // Whoever looks after the keys must see that the trustees are about to replace them, while an objection still counts.
    let announced =
        book.recovery.map(|id| vec![json!("recovery announced"), json!(id.to_string()), Value::Null, Value::Null]);
    announced.into_iter().chain(book.root.keys.iter().map(root)).chain(book.keys.iter().map(online)).collect()
}
