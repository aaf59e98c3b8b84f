//! `verbund key rotate-root` and `verbund key recover`: new root keys of an organisation, by the set it has committed to or,
//! where that is lost, by the trustees.
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::carry::{Carry, check_roots, connect, finish, org};
use crate::cli::options::Global;
use crate::cli::trust::carried::{each, read_keys, read_public};
use crate::cli::trust::propose::{How, of_org};
use crate::config::node::read_run;
use crate::domain::id::OrgId;
use crate::domain::reason::Refusal;
use crate::domain::signing::{PublicKey, Signer};
use crate::domain::statement::Kind;
use crate::domain::trust::{RootKeys, drafts};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;

/// A set of root keys and the one after it.
#[derive(Args)]
struct Sets {
    /// Die neuen Wurzelschlüssel (öffentlich, PEM), in der festgelegten Reihenfolge
    #[arg(long, value_name = "DATEI", required = true)]
    new_root: Vec<PathBuf>,
    /// Wie viele von ihnen unterschreiben müssen
    #[arg(long, value_name = "ZAHL")]
    threshold: u32,
    /// Die Menge, die einmal auf sie folgt (öffentlich, PEM); nur ihr Hash wird veröffentlicht
    #[arg(long, value_name = "DATEI", required = true)]
    next_root: Vec<PathBuf>,
    /// Wie viele von diesen unterschreiben müssen
    #[arg(long, value_name = "ZAHL")]
    next_threshold: u32,
}

impl Sets {
    fn read(&self, global: &Global) -> Result<RootKeys, Refusal> {
        let read = |files: &[PathBuf]| {
            files.iter().map(|file| read_public(global, file)).collect::<Result<Vec<PublicKey>, Refusal>>()
        };
        let (keys, next) = (read(&self.new_root)?, read(&self.next_root)?);
        let next_sha256 = RootKeys::commitment(&next, self.next_threshold);
        // A set that could never be used must not be committed to.
        RootKeys { keys: next, threshold: self.next_threshold, next_sha256 }.check()?;
        let root = RootKeys { keys, threshold: self.threshold, next_sha256 };
        root.check().map(|()| root)
    }
}

/// `key rotate-root`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    sets: Sets,
    /// Schlüssel der neuen Menge, so viele wie nötig sind
    #[arg(long, value_name = "DATEI")]
    root_key: Vec<PathBuf>,
    /// Einstellungen des Knotens (run.toml); sonst gilt das Profil
    #[arg(long, value_name = "DATEI")]
    config: Option<PathBuf>,
    #[command(flatten)]
    carry: Carry,
}

/// `key recover`.
#[derive(Args)]
pub struct Recovering {
    /// Welche Organisation
    #[arg(long = "of", value_name = "ORG")]
    of: OrgId,
    #[command(flatten)]
    sets: Sets,
    /// Warum die Organisation ihre Wurzelschlüssel nicht mehr hat
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    how: How,
}

fn said(root: &RootKeys) -> Value {
    json!({
        "root_keys": root.keys.iter().map(|key| key.hash().to_string()).collect::<Vec<_>>(),
        "threshold": root.threshold,
        "next_sha256": root.next_sha256.to_string(),
    })
}

/// The committed set takes over; it signs for itself.
pub(super) async fn run(global: &Global, arguments: Arguments) -> Result<(), Refusal> {
    let Arguments { sets, root_key, config, carry } = arguments;
    let config = config.as_deref().map(read_run).transpose()?;
    let root = sets.read(global)?;
    let mut client = connect(global, config.as_ref()).await?;
    let org = org(global, &client, config.as_ref())?;
    let event = client.keys(&org).await?.rotate_root(root.clone())?;
    let roots = read_keys(global, &root_key)?;
    if !carry.dry_run {
        check_roots(&root, &roots, &carry)?;
    }
    let signing: Vec<&dyn Signer> = each(&roots).collect();
    let line = format!("{}: {}", global.out().say("Neue Wurzelschlüssel", "New root keys"), root.keys.len());
    finish(global, &mut client, &org, (&Kind::KeyEvent, &event), &signing, &carry, (said(&root), vec![line])).await
}

/// The trustees announce new root keys, or put them into force after 72 hours without an objection.
pub(super) async fn recover(global: &Global, recovering: Recovering) -> Result<(), Refusal> {
    let Recovering { of, sets, reason, how } = recovering;
    let root = sets.read(global)?;
    let standing = how.carried.file(global, Some(&of)).await?;
    let recovery = drafts::recovery(&of_org(&standing, &of)?, &of, root, SystemClock.now(), &reason)?;
    how.propose(global, Kind::Recovery, &recovery, &standing)
}
