//! What becomes of a statement that has been written: shown, put into a file for others to sign, or published.
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::options::Global;
use crate::cli::passphrase::opener;
use crate::config::node::{NodeConfig, read_run};
use crate::domain::envelope;
use crate::domain::id::OrgId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{PublicKey, Signer};
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::RootKeys;
use crate::node::keys::Opener;

/// What becomes of it.
#[derive(Args)]
pub(super) struct Carry {
    /// Nur zeigen, was unterschrieben würde; nichts wird geschrieben oder veröffentlicht
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Nicht veröffentlichen, sondern in eine Datei schreiben, die andere noch unterschreiben
    #[arg(long, value_name = "DATEI", conflicts_with = "dry_run")]
    pub(super) out: Option<PathBuf>,
}

/// `key sign`.
#[derive(Args)]
pub struct Signing {
    /// Erklärung (DSSE in JSON); die Unterschrift kommt hinzu
    #[arg(long, value_name = "DATEI")]
    file: PathBuf,
    /// Wurzelschlüssel, einer oder mehrere
    #[arg(long, value_name = "DATEI", required = true)]
    root_key: Vec<PathBuf>,
}

/// `key publish`.
#[derive(Args)]
pub struct Publishing {
    /// Erklärung (DSSE in JSON)
    #[arg(long, value_name = "DATEI")]
    file: PathBuf,
    /// Einstellungen des Knotens (run.toml); sonst gilt das Profil
    #[arg(long, value_name = "DATEI")]
    config: Option<PathBuf>,
}

/// The node to talk to: the one of the profile or the options, else the one of the settings.
pub(super) async fn connect(global: &Global, config: Option<&NodeConfig>) -> Result<Client, Refusal> {
    match config {
        Some(config) if global.profile.is_none() && global.address.is_none() => {
            Client::to_own(config, Duration::from_secs(global.timeout)).await
        }
        _ => Client::connect(global, Duration::from_secs(global.timeout)),
    }
}

/// Whose keys: as the options say, else the operator's.
pub(super) fn org(global: &Global, client: &Client, config: Option<&NodeConfig>) -> Result<OrgId, Refusal> {
    let of_config = || config.map(|config| config.profile.operator.clone());
    let org = global.org.clone().or_else(of_config).or_else(|| client.org.clone());
    org.ok_or_else(|| Refusal::new(Reason::UsageInvalid).with("missing", "--org"))
}

/// Opens key files, those of a node too.
pub(super) fn node_opener(global: &Global, config: &NodeConfig) -> Result<Opener, Refusal> {
    let opener = opener(global)?;
    match &config.passphrase_file {
        Some(file) => opener.with_passphrase_file(file),
        None => Ok(opener),
    }
}

/// Root keys in files or tokens.
pub(super) fn signers(opener: &mut Opener, places: &[PathBuf]) -> Result<Vec<Box<dyn Signer>>, Refusal> {
    places.iter().map(|place| opener.signer(place)).collect()
}

/// Public keys in files, in their order.
pub(super) fn public_keys(opener: &mut Opener, files: &[PathBuf]) -> Result<Vec<PublicKey>, Refusal> {
    files.iter().map(|file| public_key(opener, file)).collect()
}

/// A public key in a file: its own PEM, or that of the private key.
fn public_key(opener: &mut Opener, file: &Path) -> Result<PublicKey, Refusal> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if text.contains("BEGIN PUBLIC KEY") {
        return PublicKey::from_pem(&text).map_err(|refusal| refusal.with("file", file.display()));
    }
    opener.signer(file).map(|key| key.public())
}

/// Refuses too few root keys before anything is written, unless others sign later.
pub(super) fn check_roots(root: &RootKeys, signers: &[Box<dyn Signer>], carry: &Carry) -> Result<(), Refusal> {
    let entitled = signers.iter().filter(|signer| root.keys.contains(&signer.public())).count();
    if carry.out.is_some() || entitled >= root.threshold as usize {
        return Ok(());
    }
    Err(Refusal::new(Reason::ThresholdMissed).with("signatures", entitled).with("needed", root.threshold))
}

/// Signs and shows, writes or publishes. `said` and `lines` are what there is to say beside it.
pub(super) async fn finish<T: Serialize>(
    global: &Global,
    client: &mut Client,
    (kind, body): (&Kind, &T),
    signers: &[&dyn Signer],
    carry: &Carry,
    (mut said, mut lines): (Value, Vec<String>),
) -> Result<(), Refusal> {
    let out = global.out();
    let body_value = serde_json::to_value(body).map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?;
    if carry.dry_run {
        lines.insert(0, out.say("Es würde unterschrieben:", "This would be signed:").to_owned());
        lines.push(format!("{body_value:#}"));
        (said["dry_run"], said["kind"], said["body"]) = (json!(true), json!(kind.name()), body_value);
        return out.one(&said, &lines.join("\n"));
    }
    let signed = Signed::sign_with(kind, body, signers)?;
    said["statement_id"] = json!(signed.id().to_string());
    if let Some(file) = &carry.out {
        write(file, &signed)?;
        said["file"] = json!(file.display().to_string());
        lines.push(format!("{}: {}", out.say("Geschrieben", "Written"), file.display()));
        lines.push(out.say(NEXT_DE, NEXT_EN).to_owned());
        return out.one(&said, &lines.join("\n"));
    }
    let done = client.publish(&signed).await?;
    (said["log_origin"], said["log_index"]) = (json!(done.log_origin), json!(done.log_index));
    let place = format!("{} {}", done.log_origin, done.log_index);
    lines.push(format!("{}: {} ({place})", out.say("Veröffentlicht", "Published"), signed.id()));
    out.one(&said, &lines.join("\n"))
}

const NEXT_DE: &str = "Weiter: `verbund key sign --file … --root-key …`, dann `verbund key publish --file …`.";
const NEXT_EN: &str = "Next: `verbund key sign --file … --root-key …`, then `verbund key publish --file …`.";

fn write(file: &Path, signed: &Signed) -> Result<(), Refusal> {
    std::fs::write(file, envelope::write(signed))
        .map_err(|error| Refusal::new(Reason::FileUnwritable).with("file", file.display()).with("problem", error))
}

fn read(file: &Path) -> Result<Signed, Refusal> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", error))?;
    envelope::read(&text).map_err(|refusal| refusal.with("file", file.display()))
}

/// Adds signatures to the file; a key that has signed already changes nothing.
pub(super) fn sign(global: &Global, arguments: &Signing) -> Result<(), Refusal> {
    let Signing { file, root_key } = arguments;
    let signers = signers(&mut opener(global)?, root_key)?;
    let signed = read(file)?.signed_too(&signers.iter().map(|key| &**key).collect::<Vec<_>>())?;
    write(file, &signed)?;
    let keys: Vec<String> = signed.signatures().iter().map(|by| by.key.to_string()).collect();
    let out = global.out();
    let text = format!("{}: {}\n{}", out.say("Unterschriften", "Signatures"), keys.len(), keys.join("\n"));
    let value = json!({"statement_id": signed.id().to_string(), "kind": signed.kind().name(), "signed_by": keys});
    out.one(&value, &text)
}

/// Publishes what is in the file.
pub(super) async fn publish(global: &Global, arguments: &Publishing) -> Result<(), Refusal> {
    let config = arguments.config.as_deref().map(read_run).transpose()?;
    let mut client = connect(global, config.as_ref()).await?;
    crate::cli::offering::publish(global, &mut client, &read(&arguments.file)?).await
}
