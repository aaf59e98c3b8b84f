//! `verbund key revoke`: a key ends and nothing takes its place. Officers' keys too.
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::carry::{Carry, check_roots, connect, finish, org};
use crate::cli::options::Global;
use crate::cli::trust::carried::{each, read_keys};
use crate::config::node::read_run;
use crate::domain::id::KeyHash;
use crate::domain::reason::Refusal;
use crate::domain::signing::Signer;
use crate::domain::statement::Kind;
use crate::domain::trust::{LastGood, RevocationReason};

/// `key revoke`.
#[derive(Args)]
pub struct Arguments {
    /// Fingerabdruck des Schlüssels, wie `key list` ihn zeigt
    #[arg(long = "hash", value_name = "FINGERABDRUCK")]
    hash: KeyHash,
    /// Warum
    #[arg(long, value_enum)]
    reason: Why,
    /// Nach einem Diebstahl: bis wohin der Schlüssel galt, je Protokoll; in nicht genannten nirgends
    #[arg(long, value_name = "LOG:ANZAHL")]
    last_good: Vec<LastGood>,
    /// Wurzelschlüssel der Organisation, so viele wie nötig sind
    #[arg(long, value_name = "DATEI")]
    root_key: Vec<PathBuf>,
    /// Einstellungen des Knotens (run.toml); sonst gilt das Profil
    #[arg(long, value_name = "DATEI")]
    config: Option<PathBuf>,
    #[command(flatten)]
    carry: Carry,
}

/// Why a key ends.
#[derive(Clone, Copy, ValueEnum)]
enum Why {
    /// Ersetzt; was er unterschrieben hat, gilt weiter
    Superseded,
    /// Nicht mehr gebraucht; was er unterschrieben hat, gilt weiter
    Ceased,
    /// Gestohlen oder verloren
    Compromised,
}

/// Writes and publishes the event.
pub(super) async fn run(global: &Global, arguments: Arguments) -> Result<(), Refusal> {
    let Arguments { hash, reason, last_good, root_key, config, carry } = arguments;
    let config = config.as_deref().map(read_run).transpose()?;
    let mut client = connect(global, config.as_ref()).await?;
    let org = org(global, &client, config.as_ref())?;
    let book = client.keys(&org).await?;
    let roots = read_keys(global, &root_key)?;
    let reason = match reason {
        Why::Superseded => RevocationReason::Superseded,
        Why::Ceased => RevocationReason::Ceased,
        Why::Compromised => RevocationReason::Compromised,
    };
    let event = book.revoke(&hash, reason, &last_good)?;
    if !carry.dry_run {
        check_roots(&book.root, &roots, &carry)?;
    }
    let signing: Vec<&dyn Signer> = each(&roots).collect();
    let said = json!({"org": org, "key_hash": hash.to_string(), "reason": reason.word()});
    let lines = vec![format!("{}: {hash}", global.out().say("Widerrufen", "Revoked"))];
    finish(global, &mut client, &org, (&Kind::KeyEvent, &event), &signing, &carry, (said, lines)).await
}
