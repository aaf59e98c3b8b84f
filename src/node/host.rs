//! A node takes in one more organisation: its key, the operator's settings, and the statements that its log needs, in
//! files to be signed and published.
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::node::read_run;
use crate::domain::envelope;
use crate::domain::id::OrgId;
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signer;
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::drafts;
use crate::domain::trust_file::{Folded, TrustFile};
use crate::node::init::{make, write};
use crate::node::keys::{self, Opener};
use crate::node::system::fresh_key;

/// Whom to take in.
pub struct Arrival {
    /// The node's settings.
    pub run: PathBuf,
    /// The organisation, which the trustees have admitted here.
    pub org: OrgId,
    /// What the federation says of it.
    pub file: TrustFile,
    /// Its root keys that are at hand.
    pub root_keys: Vec<Box<dyn Signer>>,
    /// Knows the passphrase of the node's keys, if they are under one.
    pub opener: Opener,
}

/// Makes the key and writes the files into a new folder, which is published in the order of its names once the root
/// keys have signed. Gives the key event. Nothing is written in a dry run.
pub fn host(arrival: Arrival, folder: &Path, dry_run: bool) -> Result<(PathBuf, Proposal), Refusal> {
    let config = read_run(&arrival.run)?;
    let passphrase = arrival.opener.into_passphrase_for(&config)?;
    let (org, mut profile) = (&arrival.org, config.profile);
    let Folded { trust, taken, .. } = arrival.file.at_home_of(org);
    let standing = trust.orgs().get(org).ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))?;
    let home = &standing.admission.home_node;
    if *home != profile.node {
        return Err(Refusal::new(Reason::OrgElsewhere).with("org", org).with("node", home));
    }
    let key = fresh_key();
    let event = drafts::arrival(&trust, org, key.public(), &arrival.file.logs)?;
    let proposal = Proposal::new(Kind::KeyEvent, &event, &arrival.file)?.sign(&key)?;
    let proposal = arrival.root_keys.iter().try_fold(proposal, |proposal, key| proposal.sign(key.as_ref()))?;
    let grounds = arrival.file.grounds(Some(org));
    let copies: Vec<&Signed> = taken
        .iter()
        .filter(|signed| {
            !matches!(signed.kind(), Kind::FederationRoot | Kind::Succession) && grounds.contains(signed)
        })
        .collect();
    let event_file = folder.join(format!("{:04}-key-event-{org}.vorschlag.json", copies.len()));
    if dry_run {
        return Ok((event_file, proposal));
    }
    let key_file = keys::generation(&config.keys, &format!("statement-{org}"), 0);
    if let Some(path) = [folder, key_file.as_path()].into_iter().find(|path| path.exists()) {
        return Err(Refusal::new(Reason::FileExists).with("file", path.display()));
    }
    make(folder)?;
    for (number, signed) in copies.into_iter().enumerate() {
        write(&folder.join(format!("{number:04}-{}.dsse.json", signed.kind())), &envelope::write(signed))?;
    }
    write(&event_file, &proposal.write())?;
    keys::write_pem(&key_file, &key.to_pem(), passphrase.as_ref())?;
    if !profile.hosts.contains(org) {
        profile.hosts.push(org.clone());
        let text =
            toml::to_string_pretty(&profile).map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?;
        let path = profile_path(&arrival.run)?;
        let beside = path.with_extension("neu");
        write(&beside, &text)?;
        fs::rename(&beside, &path).map_err(|error| {
            Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", error)
        })?;
    }
    Ok((event_file, proposal))
}

/// Where the settings say that `node.toml` lies.
fn profile_path(run: &Path) -> Result<PathBuf, Refusal> {
    let document = crate::config::document::Document::open(run)?;
    let file: crate::config::node::RunFile = document.read()?;
    Ok(document.resolve(&file.profile))
}
