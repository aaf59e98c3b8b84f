//! `verbund key rotate`: a new key of the node in the place of the old one. The node runs on meanwhile.
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::carry::{Carry, check_roots, connect, finish, node_opener, org};
use super::tls;
use crate::cli::options::Global;
use crate::cli::options::address;
use crate::cli::trust::carried::{each, read_keys};
use crate::config::node::{HostPort, NodeConfig, read_run};
use crate::domain::id::OrgId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{SecretKey, Signer};
use crate::domain::statement::Kind;
use crate::domain::trust::key_book::KeyBook;
use crate::domain::trust::{KeyRole, LastGood, RevocationReason};
use crate::node::keys::{self, Opener};
use crate::node::passphrase::Passphrase;
use crate::node::system::fresh_key;

/// `key rotate`.
#[derive(Args)]
pub struct Arguments {
    /// Wozu der Schlüssel dient
    #[arg(long, value_enum)]
    role: Role,
    /// Einstellungen des Knotens (run.toml): sein Schlüsselordner, und wo er zu erreichen ist
    #[arg(long, value_name = "DATEI")]
    config: PathBuf,
    /// Wurzelschlüssel der Organisation, so viele wie nötig sind
    #[arg(long, value_name = "DATEI")]
    root_key: Vec<PathBuf>,
    /// Warum der alte endet
    #[arg(long, value_enum, default_value_t)]
    reason: Why,
    /// Nur mit `tls`: unter welcher Adresse der Knoten künftig zu erreichen ist; sonst bleiben die bisherigen
    #[arg(long = "reach", value_name = "HOST:PORT", value_parser = address)]
    addresses: Vec<HostPort>,
    /// Nur mit `tls`: der alte ist verloren. Der Knoten läuft nicht; beim nächsten Start stellt er sich neu vor
    #[arg(long)]
    lost: bool,
    /// Nach einem Diebstahl: bis wohin der alte Schlüssel galt, je Protokoll; in nicht genannten nirgends
    #[arg(long, value_name = "LOG:ANZAHL")]
    last_good: Vec<LastGood>,
    #[command(flatten)]
    carry: Carry,
}

/// What a key of a node is for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Unterschreibt für eine Organisation
    Statement,
    /// Unterschreibt die Stände des Protokolls
    Log,
    /// Bezeugt die Stände anderer
    Witness,
    /// Zeigt anderen Knoten, wer dieser ist; braucht keinen Wurzelschlüssel
    Tls,
}

/// Why the key that is replaced ends.
#[derive(Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Why {
    /// Ersetzt; was er unterschrieben hat, gilt weiter
    #[default]
    Superseded,
    /// Gestohlen oder verloren
    Compromised,
}

impl From<Why> for RevocationReason {
    fn from(why: Why) -> Self {
        match why {
            Why::Superseded => Self::Superseded,
            Why::Compromised => Self::Compromised,
        }
    }
}

/// Makes the next generation of the key, publishes the event that names it, and says which key it is.
pub(super) async fn run(global: &Global, arguments: Arguments) -> Result<(), Refusal> {
    let Arguments { role, config, root_key, reason, addresses, lost, last_good, carry } = arguments;
    let config = read_run(&config)?;
    let role = match role {
        // The node signs its record itself, at once.
        Role::Tls if carry.out.is_some() => {
            return Err(Refusal::new(Reason::UsageInvalid).with("rule", "--role tls: no --out"));
        }
        Role::Tls if lost => return tls::replace_lost(global, &config, &addresses),
        Role::Tls => return tls::rotate(global, &config, &addresses, &carry).await,
        _ if lost || !addresses.is_empty() => {
            return Err(Refusal::new(Reason::UsageInvalid).with("rule", "--reach, --lost: --role tls"));
        }
        Role::Statement => KeyRole::Statement,
        Role::Log => KeyRole::Log,
        Role::Witness => KeyRole::Witness,
    };
    let mut opener = node_opener(global, &config)?;
    let mut client = connect(global, Some(&config)).await?;
    let org = org(global, &client, Some(&config))?;
    if !config.profile.hosts.contains(&org) {
        return Err(Refusal::new(Reason::OrgElsewhere).with("org", org));
    }
    let book = client.keys(&org).await?;
    let roots = read_keys(global, &root_key)?;
    if !carry.dry_run {
        check_roots(&book.root, &roots, &carry)?;
    }
    let next = Next::find(&mut opener, &config, &book, role, &org)?;
    let event = book.rotate(role, &next.key.public(), reason.into(), &last_good)?;
    if !carry.dry_run {
        next.lay_down(opener.into_passphrase_for(&config)?.as_ref())?;
    }
    let signing: Vec<&dyn Signer> = each(&roots).chain([&next.key as &dyn Signer]).collect();
    let former = event.revoke.first().map(|revoked| revoked.key.to_string());
    let said = json!({
        "org": org, "role": role.word(), "former_key_hash": former,
        "key_hash": next.key.public().hash().to_string(), "key_file": next.file.display().to_string(),
    });
    let out = global.out();
    let mut lines = vec![format!("{}: {}", out.say("Schlüsseldatei", "Key file"), next.file.display())];
    // A dry run makes no key, so it has no fingerprint to show.
    if !carry.dry_run {
        lines.push(format!("{}: {}", out.say("Neuer Schlüssel", "New key"), next.key.public().hash()));
    }
    finish(global, &mut client, &org, (&Kind::KeyEvent, &event), &signing, &carry, (said, lines)).await
}

/// The next generation of a key.
struct Next {
    file: PathBuf,
    key: SecretKey,
    is_new: bool,
}

impl Next {
    /// One that lies there and was never registered, left by an earlier try; else a new one.
    fn find(
        opener: &mut Opener,
        config: &NodeConfig,
        book: &KeyBook,
        role: KeyRole,
        org: &OrgId,
    ) -> Result<Self, Refusal> {
        let name = match role {
            KeyRole::Statement => format!("statement-{org}"),
            other => other.word().to_owned(),
        };
        let newest = keys::newest_generation(&config.keys, &name);
        if let Some(number) = newest {
            let file = keys::generation(&config.keys, &name, number);
            let key = opener.read(&file)?;
            if book.keys.iter().all(|known| known.hash != key.public().hash()) {
                return Ok(Self { file, key, is_new: false });
            }
        }
        let file = keys::generation(&config.keys, &name, newest.map_or(0, |number| number + 1));
        Ok(Self { file, key: fresh_key(), is_new: true })
    }

    /// Writes its file before anyone hears of it; under the node's passphrase, where it has one.
    fn lay_down(&self, passphrase: Option<&Passphrase>) -> Result<(), Refusal> {
        if self.is_new { keys::write_pem(&self.file, &self.key.to_pem(), passphrase) } else { Ok(()) }
    }
}
