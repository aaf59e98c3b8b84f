//! What becomes of a statement about keys: shown, proposed for others to sign, or signed and published.
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::options::Global;
use crate::cli::passphrase::opener;
use crate::cli::trust::carried::{path_for, signed_by, write_new};
use crate::cli::trust::words::{proposal_text, proposal_value};
use crate::config::node::NodeConfig;
use crate::domain::id::OrgId;
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signer;
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::RootKeys;
use crate::domain::trust_file::TrustFile;
use crate::node::keys::Opener;

/// What becomes of it.
#[derive(Args)]
pub(super) struct Carry {
    /// Nur zeigen, was unterschrieben würde; nichts wird geschrieben oder veröffentlicht
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Nicht veröffentlichen, sondern als Vorschlag in diese Datei oder diesen Ordner legen, den andere noch unterschreiben
    #[arg(long, value_name = "DATEI|ORDNER", conflicts_with = "dry_run")]
    pub(super) out: Option<PathBuf>,
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

/// Refuses too few root keys before anything is written, unless others sign later.
pub(super) fn check_roots(root: &RootKeys, signers: &[Box<dyn Signer>], carry: &Carry) -> Result<(), Refusal> {
    let entitled = signers.iter().filter(|signer| root.keys.contains(&signer.public())).count();
    if carry.out.is_some() || entitled >= root.threshold as usize {
        return Ok(());
    }
    Err(Refusal::new(Reason::ThresholdMissed).with("signatures", entitled).with("needed", root.threshold))
}

/// Signs and shows, proposes or publishes what is said of `org`. `said` and `lines` are what there is to say beside it.
pub(super) async fn finish<T: Serialize>(
    global: &Global,
    client: &mut Client,
    org: &OrgId,
    (kind, body): (&Kind, &T),
    signers: &[&dyn Signer],
    carry: &Carry,
    (mut said, mut lines): (Value, Vec<String>),
) -> Result<(), Refusal> {
    let out = global.out();
    if carry.dry_run {
        let body = serde_json::to_value(body).map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?;
        lines.insert(0, out.say("Es würde unterschrieben:", "This would be signed:").to_owned());
        lines.push(format!("{body:#}"));
        (said["dry_run"], said["kind"], said["body"]) = (json!(true), json!(kind.name()), body);
        return out.one(&said, &lines.join("\n"));
    }
    if let Some(place) = &carry.out {
        let standing = TrustFile::try_from(&client.trust(Some(org)).await?)?;
        let proposal = signed_by(&Proposal::new(kind.clone(), body, &standing)?, signers.iter().copied())?;
        let file = path_for(place, &proposal);
        write_new(&file, &proposal.write())?;
        (said["file"], said["proposal"]) = (json!(file.display().to_string()), proposal_value(&proposal)?);
        lines.push(proposal_text(&proposal, out)?);
        lines.push(format!("{}: {}", out.say("Datei", "File"), file.display()));
        lines.push(out.say(NEXT_DE, NEXT_EN).to_owned());
        return out.one(&said, &lines.join("\n"));
    }
    let signed = Signed::sign_with(kind, body, signers)?;
    let done = client.publish(&signed).await?;
    said["statement_id"] = json!(signed.id().to_string());
    (said["log_origin"], said["log_index"]) = (json!(done.log_origin), json!(done.log_index));
    let place = format!("{} {}", done.log_origin, done.log_index);
    lines.push(format!("{}: {} ({place})", out.say("Veröffentlicht", "Published"), signed.id()));
    out.one(&said, &lines.join("\n"))
}

const NEXT_DE: &str = "Weiter: `verbund trust sign DATEI --key …`, dann `verbund trust publish DATEI`.";
const NEXT_EN: &str = "Next: `verbund trust sign FILE --key …`, then `verbund trust publish FILE`.";
