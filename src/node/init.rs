//! A new node's folder: settings, fresh keys, and the statements with which its log begins.
//!
//! What only the root keys of an organisation may say is left open where they are not at hand, as a proposal that is
//! carried there and back. The folder comes into being whole or not at all.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::folder::NodeFolder;
use crate::config::node::{Limits, PinnedRoot, RunFile, to_toml};
use crate::domain::envelope;
use crate::domain::facts::{EntityFacts, Membership};
use crate::domain::id::{OrgId, Origin, StatementId};
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{SecretKey, Signer};
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::signers::Office;
use crate::domain::trust::subject::{Subject, subject_of};
use crate::domain::trust::{KeyRole, LogTrust, NodeRecord, drafts};
use crate::domain::trust_file::{TrustFile, fold, printed};
use crate::node::keys;
use crate::node::passphrase::Passphrase;
use crate::node::sealing::{RecoveryPublic, RecoverySecret};
use crate::node::system::fresh_key;
use crate::node::tls::{CERTIFICATE_FILE, Identity, KEY_FILE};
use crate::protocol::settings::NodeKeys;

/// What a node folder is made from.
pub struct Plan {
    /// The operator's description of the node, its organisations, their facts and offerings.
    pub described: NodeFolder,
    /// What the federation says: its root, and the admissions of the organisations.
    pub file: TrustFile,
    /// Where the node listens.
    pub listen: SocketAddr,
    /// The addresses under which others reach it.
    pub addresses: Vec<String>,
    /// Root keys of the organisations that are at hand.
    pub root_keys: Vec<Box<dyn Signer>>,
    /// To which recovery key the node seals what it deposits at others.
    pub recovery: RecoveryPublic,
    /// The file with the passphrase for the node's keys, and what is in it; without one they lie there as they are.
    pub passphrase: Option<(PathBuf, Passphrase)>,
}

/// A statement of the log's beginning.
#[expect(clippy::large_enum_variant, reason = "a beginning has some hundred of them")]
enum Piece {
    Done(Signed),
    Open(Proposal),
}

/// A node folder before it is written.
pub struct Beginning {
    plan: Plan,
    keys: NodeKeys,
    identity: Identity,
    pieces: Vec<Piece>,
}

impl Beginning {
    /// Makes keys and signs what can be signed with what is at hand.
    pub fn new(plan: Plan) -> Result<Self, Refusal> {
        let profile = &plan.described.profile;
        let identity = Identity::make(&[profile.node.to_string()], None)?;
        let statements: BTreeMap<OrgId, Vec<SecretKey>> =
            profile.hosts.iter().map(|org| (org.clone(), vec![fresh_key()])).collect();
        let keys = NodeKeys { log: vec![fresh_key()], witness: vec![fresh_key()], statements, ..NodeKeys::default() };
        let mut beginning = Self { keys, identity, pieces: Vec::new(), plan };
        beginning.pieces = beginning.begun()?;
        beginning.check_whole()?;
        Ok(beginning)
    }

    fn origin(&self) -> Origin {
        Origin {
            federation: self.plan.file.federation.clone(),
            node: self.plan.described.profile.node.clone(),
            epoch: 1,
        }
    }

    /// Root versions and what else concerns everyone; the operator, whose key event names the log key under which the
    /// rest is checked; the other organisations; facts and offerings.
    fn begun(&self) -> Result<Vec<Piece>, Refusal> {
        let profile = &self.plan.described.profile;
        let folded = self.plan.file.fold(&profile.node);
        let concerns_all = |signed: &Signed| subject_of(signed) == Some(Subject::Federation);
        let mut pieces: Vec<Piece> = folded.taken.into_iter().filter(concerns_all).map(Piece::Done).collect();
        let (operator, others): (Vec<&OrgId>, Vec<&OrgId>) =
            profile.hosts.iter().partition(|org| **org == profile.operator);
        for org in operator.into_iter().chain(others) {
            let trust = self.admitted(org)?;
            pieces.extend(self.said_of(org).cloned().map(Piece::Done));
            pieces.push(Piece::Open(self.registration(&trust, org)?));
            if *org == profile.operator {
                pieces.push(Piece::Done(self.record()?));
            }
        }
        pieces.extend(self.facts().into_iter().map(Piece::Done));
        Ok(pieces)
    }

    fn said_of<'a>(&'a self, org: &'a OrgId) -> impl Iterator<Item = &'a Signed> {
        let is_about = move |signed: &&Signed| match subject_of(signed) {
            Some(Subject::Organisation(of) | Subject::Officer(of, _)) => of == *org,
            _ => false,
        };
        self.plan.file.statements.iter().filter(is_about)
    }

    /// What is said of an organisation that the trustees have admitted here.
    fn admitted(&self, org: &OrgId) -> Result<LogTrust, Refusal> {
        let node = &self.plan.described.profile.node;
        let folded = self.plan.file.fold(node);
        let Some(standing) = folded.trust.orgs().get(org) else {
            let about = Some(Subject::Organisation(org.clone()));
            let why = folded.refused.into_iter().find(|(signed, _)| subject_of(signed) == about);
            let refusal = why.map_or_else(|| Refusal::new(Reason::OrgUnknown), |(_, refusal)| refusal);
            return Err(refusal.with("org", org));
        };
        let admission = &standing.admission;
        if admission.home_node != *node {
            let refusal = Refusal::new(Reason::OrgElsewhere).with("org", org);
            return Err(refusal.with("node", &admission.home_node));
        }
        let operates = *org == self.plan.described.profile.operator;
        if operates != admission.operates.is_some() {
            return Err(Refusal::new(Reason::NodeTaken).with("org", org).with("node", node));
        }
        Ok(folded.trust)
    }

    /// The key event that registers an organisation's keys, signed by them and by the root keys at hand.
    fn registration(&self, trust: &LogTrust, org: &OrgId) -> Result<Proposal, Refusal> {
        let mut added: Vec<(&SecretKey, KeyRole)> =
            self.keys.statements_of(org).iter().map(|key| (key, KeyRole::Statement)).collect();
        if *org == self.plan.described.profile.operator {
            added.extend(self.keys.log.iter().map(|key| (key, KeyRole::Log)));
            added.extend(self.keys.witness.iter().map(|key| (key, KeyRole::Witness)));
        }
        let publics: Vec<_> = added.iter().map(|(key, role)| (key.public(), *role)).collect();
        let event = drafts::registration(trust, org, &publics)?;
        let proposal = Proposal::new(Kind::KeyEvent, &event, &self.plan.file)?;
        let proposal = added.iter().try_fold(proposal, |proposal, (key, _)| proposal.sign(*key))?;
        let roots = proposal.progress()?.into_iter().find(|one| matches!(one.panel.office, Office::Root(_)));
        let at_hand = self
            .plan
            .root_keys
            .iter()
            .filter(|key| roots.as_ref().is_some_and(|roots| roots.panel.member(&key.public().hash()).is_some()));
        at_hand.into_iter().try_fold(proposal, |proposal, key| proposal.sign(key.as_ref()))
    }

    fn record(&self) -> Result<Signed, Refusal> {
        let profile = &self.plan.described.profile;
        let record = NodeRecord {
            node: profile.node.clone(),
            operator: profile.operator.clone(),
            addresses: self.plan.addresses.clone(),
            tls_sha256: self.identity.pin()?,
            log: self.origin(),
            alone_since: None,
        };
        record.check()?;
        Ok(Signed::sign(&Kind::NodeRecord, &record, &self.keys_of(&profile.operator)))
    }

    fn keys_of(&self, org: &OrgId) -> Vec<&SecretKey> {
        self.keys.statements_of(org).iter().take(1).collect()
    }

    /// Facts and offerings of the hosted organisations, signed with their statement keys.
    fn facts(&self) -> Vec<Signed> {
        let NodeFolder { organisations, offerings, .. } = &self.plan.described;
        let membership = |fact: &Membership| Signed::sign(&Kind::Membership, fact, &self.keys_of(&fact.of));
        let entity = |fact: &EntityFacts| Signed::sign(&Kind::EntityFacts, fact, &self.keys_of(&fact.org));
        let reports = organisations.connection_reports.iter();
        let reports = reports.map(|one| Signed::sign(&Kind::ConnectionReport, one, &self.keys_of(&one.municipality)));
        let profiles = organisations.connection_profiles.iter();
        let profiles =
            profiles.map(|one| Signed::sign(&Kind::ConnectionProfile, one, &self.keys_of(&one.municipality)));
        let offered = offerings.iter().map(|one| Signed::sign(&Kind::Offering, one, &self.keys_of(&one.seller)));
        let facts = organisations.memberships.iter().map(membership).chain(organisations.entities.iter().map(entity));
        facts.chain(reports).chain(profiles).chain(offered).collect()
    }

    /// A beginning that lacks no signature must be one that a node may begin with.
    fn check_whole(&self) -> Result<(), Refusal> {
        let whole: Option<Vec<Signed>> = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Done(signed) => Some(signed.clone()),
                Piece::Open(proposal) => proposal.statement().ok(),
            })
            .collect();
        let folded = whole.map(|all| fold(self.plan.file.root, self.origin(), &all));
        match folded.and_then(|folded| folded.refused.into_iter().next()) {
            Some((signed, refusal)) => Err(refusal.with("kind", signed.kind())),
            None => Ok(()),
        }
    }

    /// The federation's root hash.
    pub fn root(&self) -> StatementId {
        self.plan.file.root
    }

    /// The statements that root keys must still sign, with their files below the folder.
    pub fn open(&self, folder: &Path) -> Vec<(PathBuf, Proposal)> {
        let numbered = self.pieces.iter().enumerate();
        let open = numbered.filter_map(|(number, piece)| match piece {
            Piece::Open(proposal) if !proposal.is_complete() => {
                Some((folder.join("genesis").join(file_name(number, piece)), proposal.clone()))
            }
            _ => None,
        });
        open.collect()
    }

    /// Writes the folder, and the recovery key at its own place. Refused if there is a folder or a key already.
    pub fn write(&self, folder: &Path, recovery: Option<(&RecoverySecret, &Path)>) -> Result<(), Refusal> {
        if folder.exists() {
            return Err(Refusal::new(Reason::FileExists).with("file", folder.display()));
        }
        let Some((secret, file)) = recovery else { return self.write_folder(folder) };
        check_recovery_place(folder, file)?;
        if let Some(above) = file.parent() {
            make(above)?;
        }
        keys::write_pem(file, &secret.to_pem(), self.passphrase())?;
        let written = self.write_folder(folder);
        if written.is_err() {
            // It opens nothing without the folder; what was refused says more than a failure to remove it.
            let _ = fs::remove_file(file);
        }
        written
    }

    fn passphrase(&self) -> Option<&Passphrase> {
        self.plan.passphrase.as_ref().map(|(_, passphrase)| passphrase)
    }

    fn write_folder(&self, folder: &Path) -> Result<(), Refusal> {
        let unwritable = |problem: &dyn std::fmt::Display| {
            Refusal::new(Reason::FileUnwritable).with("file", folder.display()).with("problem", problem)
        };
        if let Some(above) = folder.parent() {
            make(above)?;
        }
        let beside = folder.with_extension("neu");
        let written = self.write_into(&beside);
        let moved = written.and_then(|()| fs::rename(&beside, folder).map_err(|error| unwritable(&error)));
        if moved.is_err() {
            // Half a folder with keys is of no use; what was refused says more than a failure to remove it.
            let _ = fs::remove_dir_all(&beside);
        }
        moved
    }

    fn write_into(&self, folder: &Path) -> Result<(), Refusal> {
        let (key_folder, genesis) = (folder.join("keys"), folder.join("genesis"));
        make(folder)?;
        keys::make_folder(&key_folder)?;
        make(&genesis)?;
        let passphrase = self.passphrase();
        keys::write_node(&key_folder, &self.keys, passphrase)?;
        keys::write_pem(&key_folder.join(KEY_FILE), &self.identity.key_pem, passphrase)?;
        write(&key_folder.join(CERTIFICATE_FILE), &self.identity.certificate_pem)?;
        write(&folder.join(CERTIFICATE_FILE), &self.identity.certificate_pem)?;
        for (number, piece) in self.pieces.iter().enumerate() {
            let text = match piece {
                Piece::Done(signed) => envelope::write(signed),
                Piece::Open(proposal) => proposal.write(),
            };
            write(&genesis.join(file_name(number, piece)), &text)?;
        }
        let profile = toml::to_string_pretty(&self.plan.described.profile)
            .map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?;
        write(&folder.join("node.toml"), &profile)?;
        write(&folder.join("run.toml"), &to_toml(&self.run_file())?)?;
        write(&folder.join("client.toml"), &self.client_profile())
    }

    fn run_file(&self) -> RunFile {
        RunFile {
            listen: self.plan.listen,
            data: "data".into(),
            keys: "keys".into(),
            genesis: "genesis".into(),
            epoch: 1,
            profile: "node.toml".into(),
            federation: self.plan.file.federation.clone(),
            federation_root: PinnedRoot(self.plan.file.root),
            recovery_key: Some(self.plan.recovery.to_string()),
            metrics: None,
            services: None,
            passphrase_file: self.plan.passphrase.as_ref().map(|(file, _)| file.clone()),
            peers: Vec::new(),
            limits: Limits::default(),
            web: None,
        }
    }

    fn client_profile(&self) -> String {
        let address = self.plan.addresses.first().map(String::as_str).unwrap_or_default();
        format!(
            "# How the command line reaches this node; paths are relative to this file.\n\
             node = \"{}\"\naddress = \"{address}\"\ntls = \"{CERTIFICATE_FILE}\"\nfederation_root = \"{}\"\n",
            self.plan.described.profile.node,
            printed(self.plan.file.root)
        )
    }
}

/// The private half of the recovery key is needed when the node's folder is gone, and whoever gets hold of the folder must
/// not have it.
pub fn check_recovery_place(folder: &Path, file: &Path) -> Result<(), Refusal> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if absolute(file).starts_with(absolute(folder)) {
        return Err(Refusal::new(Reason::RecoveryKeyPlace).with("file", file.display()));
    }
    Ok(())
}

fn file_name(number: usize, piece: &Piece) -> String {
    match piece {
        Piece::Done(signed) => format!("{number:04}-{}.dsse.json", signed.kind()),
        Piece::Open(proposal) => {
            let org = match proposal.body() {
                crate::domain::body::Body::KeyEvent(event) => event.org.to_string(),
                _ => proposal.id().short(),
            };
            format!("{number:04}-{}-{org}.vorschlag.json", proposal.kind())
        }
    }
}

/// The names of the organisations whose root keys nobody has at hand, for whoever carries the files.
pub fn waiting_for(open: &[(PathBuf, Proposal)]) -> BTreeSet<String> {
    let orgs = open.iter().filter_map(|(_, proposal)| match proposal.body() {
        crate::domain::body::Body::KeyEvent(event) => Some(event.org.to_string()),
        _ => None,
    });
    orgs.collect()
}

/// Makes a folder with everything above it.
pub(super) fn make(folder: &Path) -> Result<(), Refusal> {
    fs::create_dir_all(folder)
        .map_err(|error| Refusal::new(Reason::FileUnwritable).with("file", folder.display()).with("problem", error))
}

/// Writes a file that is not secret.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Refusal> {
    fs::write(path, text)
        .map_err(|error| Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", error))
}
