//! `verbund node init`: everything an operator makes before a node runs for the first time.
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::options::{self, Global};
use crate::cli::trust::carried::{read_keys, read_standing};
use crate::config::folder::read_node_folder;
use crate::config::node::HostPort;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::trust_file::printed;
use crate::node::init::{Beginning, Plan, waiting_for};
use crate::node::keys::Opener;
use crate::node::passphrase::Passphrase;

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
    let beginning = Beginning::new(Plan {
        described: read_node_folder(&init.from)?,
        file: read_standing(&init.standing)?,
        listen: init.listen,
        addresses,
        root_keys: read_keys(global, &init.root_key)?,
        passphrase: passphrase(global)?,
    })?;
    if !init.dry_run {
        beginning.write(&init.out)?;
    }
    let open = beginning.open(&init.out);
    let out = global.out();
    let files: Vec<String> = open.iter().map(|(path, _)| path.display().to_string()).collect();
    let value = json!({
        "folder": init.out.display().to_string(),
        "federation_root": printed(beginning.root()),
        "to_be_signed": files,
        "dry_run": init.dry_run,
    });
    let mut lines = vec![format!("{}: {}", out.say("Ordner des Knotens", "Node folder"), init.out.display())];
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

/// `--passphrase-file`: for the node's keys too, and named in its settings from wherever it is started.
fn passphrase(global: &Global) -> Result<Option<(PathBuf, Passphrase)>, Refusal> {
    let Some(file) = &global.passphrase_file else { return Ok(None) };
    let passphrase = Opener::default().with_passphrase_file(file)?.into_passphrase();
    let file = std::path::absolute(file)
        .map_err(|error| Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", error))?;
    Ok(passphrase.map(|passphrase| (file, passphrase)))
}
