//! `verbund node init`: everything an operator makes before a node runs for the first time.
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::options::{self, Global};
use crate::cli::trust::carried::{read_keys, read_standing};
use crate::config::folder::read_node_folder;
use crate::config::node::HostPort;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::trust_file::printed;
use crate::node::init::{Beginning, Plan, check_recovery_place, waiting_for};
use crate::node::keys::Opener;
use crate::node::passphrase::Passphrase;
use crate::node::sealing::{RecoveryPublic, RecoverySecret};

/// What the node folder is made from.
#[derive(clap::Args)]
pub struct Init {
    /// Ordner mit node.toml, organisations.toml und, wenn es Angebote gibt, offerings/
    #[arg(long, value_name = "ORDNER")]
    from: PathBuf,
    /// Ordner mit der Wurzel und den Aufnahmen, oder Datei aus `trust show -o json`
    #[arg(long, value_name = "DATEI|ORDNER")]
    standing: PathBuf,
    /// Wo der Knoten lauscht, z. B. 0.0.0.0:7401
    #[arg(long, value_name = "IP:PORT")]
    listen: SocketAddr,
    /// Unter welchen Adressen andere ihn erreichen; ohne Angabe die, an der er lauscht
    #[arg(long, value_name = "HOST:PORT", value_parser = options::address)]
    address: Vec<HostPort>,
    /// Wurzelschlüssel der Organisationen, soweit zur Hand; was fehlt, wird zum Unterschreiben getragen
    #[arg(long, value_name = "DATEI")]
    root_key: Vec<PathBuf>,
    /// Wohin der private Wiederherstellungsschlüssel kommt, der zu den Wurzelschlüsseln gehört und nie auf den Knoten; ohne
    /// Angabe neben den Ordner des Knotens, als `NAME-wiederherstellung.pem`
    #[arg(long, value_name = "DATEI", conflicts_with = "recovery_public")]
    recovery_key: Option<PathBuf>,
    /// Öffentlicher Teil eines Wiederherstellungsschlüssels, den es schon gibt (`verbund key recovery`): 64 Ziffern
    #[arg(long, value_name = "HEX")]
    recovery_public: Option<RecoveryPublic>,
    /// Neuer Ordner des Knotens
    #[arg(long, value_name = "ORDNER")]
    out: PathBuf,
    /// Nur prüfen und zeigen, was entstünde
    #[arg(long)]
    dry_run: bool,
}

/// Runs the verb.
pub fn run(global: &Global, init: Init) -> Result<(), Refusal> {
    let mut addresses: Vec<String> = init.address.iter().map(|address| address.as_str().to_owned()).collect();
    if addresses.is_empty() {
        addresses.push(init.listen.to_string());
    }
    let recovery = Recovery::of(&init);
    let beginning = Beginning::new(Plan {
        described: read_node_folder(&init.from)?,
        file: read_standing(&init.standing)?,
        listen: init.listen,
        addresses,
        root_keys: read_keys(global, &init.root_key)?,
        recovery: recovery.public(),
        passphrase: passphrase(global)?,
    })?;
    let made = recovery.made();
    match init.dry_run {
        true => made.map_or(Ok(()), |(_, file)| check_recovery_place(&init.out, file))?,
        false => beginning.write(&init.out, made)?,
    }
    let open = beginning.open(&init.out);
    let out = global.out();
    let files: Vec<String> = open.iter().map(|(path, _)| path.display().to_string()).collect();
    let value = json!({
        "folder": init.out.display().to_string(),
        "federation_root": printed(beginning.root()),
        "to_be_signed": files,
        "recovery_key": recovery.public().to_string(),
        "recovery_key_file": made.map(|(_, file)| file.display().to_string()),
        "dry_run": init.dry_run,
    });
    let mut lines = vec![format!("{}: {}", out.say("Ordner des Knotens", "Node folder"), init.out.display())];
    if let Some((_, file)) = made {
        let (told, do_now) = (
            out.say("Wiederherstellungsschlüssel", "Recovery key"),
            out.say("jetzt zu den Wurzelschlüsseln legen", "put it with the root keys now"),
        );
        lines.push(format!("{told}: {} ({do_now})", file.display()));
    }
    if open.is_empty() {
        lines.push(out.say("Jetzt den Knoten starten.", "Now start the node.").to_owned());
    } else {
        let orgs: Vec<String> = waiting_for(&open).into_iter().collect();
        let (told, with) = (
            out.say("Noch zu unterschreiben von den Wurzelschlüsseln von", "Still to be signed by the root keys of"),
            out.say("mit `verbund trust sign`", "with `verbund trust sign`"),
        );
        lines.push(format!("{told} {} {with}:", orgs.join(", ")));
        lines.extend(files);
    }
    if init.dry_run {
        lines.push(out.say("Nichts geschrieben, Probelauf.", "Nothing written, dry run.").to_owned());
    }
    out.one(&value, &lines.join("\n"))
}

/// The recovery key of the new node: made now, or made before.
enum Recovery {
    Made(RecoverySecret, PathBuf),
    Known(RecoveryPublic),
}

impl Recovery {
    fn of(init: &Init) -> Self {
        if let Some(public) = init.recovery_public {
            return Self::Known(public);
        }
        let beside = || {
            let name = init.out.file_name().unwrap_or_default().to_string_lossy();
            init.out.with_file_name(format!("{name}-wiederherstellung.pem"))
        };
        Self::Made(RecoverySecret::make(), init.recovery_key.clone().unwrap_or_else(beside))
    }

    fn public(&self) -> RecoveryPublic {
        match self {
            Self::Made(secret, _) => secret.public(),
            Self::Known(public) => *public,
        }
    }

    fn made(&self) -> Option<(&RecoverySecret, &Path)> {
        if let Self::Made(secret, file) = self { Some((secret, file)) } else { None }
    }
}

/// `--passphrase-file`: for the node's keys too, and named in its settings from wherever it is started.
fn passphrase(global: &Global) -> Result<Option<(PathBuf, Passphrase)>, Refusal> {
    let Some(file) = &global.passphrase_file else { return Ok(None) };
    let passphrase = Opener::default().with_passphrase_file(file)?.into_passphrase();
    let file = std::path::absolute(file)
        .map_err(|error| Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", error))?;
    Ok(passphrase.map(|passphrase| (file, passphrase)))
}
