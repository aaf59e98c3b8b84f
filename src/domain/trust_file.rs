//! What a federation says about trust, as files that a person can carry: the statements themselves, so that whoever
//! reads them needs to believe nobody but the root hash.
use serde::{Deserialize, Serialize};

use crate::domain::body::Body;
use crate::domain::envelope::Envelope;
use crate::domain::id::{NodeId, OrgId, Origin, StatementId};
use crate::domain::json;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::trust::subject::{Subject, subject_of};
use crate::domain::trust::{LastGood, LogTrust};

/// Largest file: an organisation with a hundred key events and grants, each with several signatures.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// Greater than the size of any log: carried statements stand beyond all positions that revocations name.
const BEYOND: u64 = 1 << 48;

/// Trust statements of one federation, in the order of the log they come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustFile {
    /// The federation.
    pub federation: OrgId,
    /// Its root hash.
    pub root: StatementId,
    /// The statements.
    pub statements: Vec<Signed>,
    /// The logs in which the organisation asked for was ever at home, with their sizes. Information, not proof.
    pub logs: Vec<LastGood>,
}

/// What statements say about trust, and which of them say nothing that counts.
pub struct Folded {
    /// What counts.
    pub trust: LogTrust,
    /// The statements that count, in an order in which each follows those before.
    pub taken: Vec<Signed>,
    /// What was refused, and why.
    pub refused: Vec<(Signed, Refusal)>,
}

#[derive(Serialize, Deserialize)]
struct File {
    federation: OrgId,
    federation_root: String,
    #[serde(default)]
    logs: Vec<LastGood>,
    statements: Vec<Envelope>,
}

/// A root hash as it is printed: `sha256:` and 64 digits.
pub fn printed(root: StatementId) -> String {
    format!("sha256:{root}")
}

/// Reads a printed root hash.
pub fn read_root(text: &str) -> Result<StatementId, Refusal> {
    let refuse = || Refusal::new(Reason::DigestInvalid).with("value", crate::domain::id::shortened(text));
    text.strip_prefix("sha256:").and_then(|digits| digits.parse().ok()).ok_or_else(refuse)
}

impl TrustFile {
    /// The file of a federation whose first root version is among these statements; they are brought into order.
    pub fn of(statements: Vec<Signed>) -> Result<Self, Refusal> {
        let roots = statements.iter().filter(|signed| *signed.kind() == Kind::FederationRoot);
        let first = roots.filter_map(|signed| match Body::read(signed) {
            Ok(Body::FederationRoot(root)) if root.version == 1 => Some((root.federation, signed.id())),
            _ => None,
        });
        let all: Vec<(OrgId, StatementId)> = first.collect();
        let [(federation, root)] = &all[..] else {
            return Err(Refusal::new(Reason::RootUnknown).with("found", all.len()).with("rule", "one first version"));
        };
        let origin = Origin { federation: federation.clone(), node: NodeId::lowest(), epoch: 1 };
        let Folded { taken, refused, .. } = fold(*root, origin, &statements);
        let statements = taken.into_iter().chain(refused.into_iter().map(|(signed, _)| signed)).collect();
        Ok(Self { federation: federation.clone(), root: *root, statements, logs: Vec::new() })
    }

    /// Reads a file. What the statements are worth, [`TrustFile::fold`] says.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        json::check_within(text.as_bytes(), FILE_BYTES_MAX)?;
        let malformed = |error: serde_json::Error| {
            Refusal::new(Reason::StatementMalformed).with("part", crate::domain::id::shortened(&error.to_string()))
        };
        let file: File = serde_json::from_str(text).map_err(malformed)?;
        let statements: Result<Vec<Signed>, Refusal> = file.statements.iter().map(Envelope::statement).collect();
        Ok(Self {
            federation: file.federation,
            root: read_root(&file.federation_root)?,
            statements: statements?,
            logs: file.logs,
        })
    }

    /// The file as a JSON value, to which readers may add what people like to see.
    pub fn value(&self) -> serde_json::Value {
        let file = File {
            federation: self.federation.clone(),
            federation_root: printed(self.root),
            logs: self.logs.clone(),
            statements: self.statements.iter().map(Envelope::from).collect(),
        };
        serde_json::to_value(file).expect("plain strings and numbers always serialize")
    }

    /// What a proposal rests on: root versions, successions, and whatever is said of one organisation, as far as it counts.
    pub fn grounds(&self, org: Option<&OrgId>) -> Vec<Signed> {
        let folded = org.map_or_else(|| self.fold(&NodeId::lowest()), |org| self.at_home_of(org));
        let is_ground = |signed: &&Signed| match subject_of(signed) {
            Some(Subject::Federation) => matches!(signed.kind(), Kind::FederationRoot | Kind::Succession),
            Some(Subject::Organisation(of) | Subject::Officer(of, _)) => Some(&of) == org,
            _ => false,
        };
        folded.taken.iter().filter(is_ground).cloned().collect()
    }

    /// What the statements say, as the log of that node would.
    pub fn fold(&self, node: &NodeId) -> Folded {
        let origin = self.logs.iter().map(|good| &good.log).filter(|log| log.node == *node).max();
        let first = Origin { federation: self.federation.clone(), node: node.clone(), epoch: 1 };
        fold(self.root, origin.cloned().unwrap_or(first), &self.statements)
    }

    /// What the statements say, as the log of an organisation's newest home would.
    pub fn at_home_of(&self, org: &OrgId) -> Folded {
        let homes = self.statements.iter().filter(|signed| *signed.kind() == Kind::Admission);
        let mut homes = homes.filter_map(|signed| match Body::read(signed) {
            Ok(Body::Admission(admission)) if admission.org == *org => Some(admission.home_node),
            _ => None,
        });
        self.fold(&homes.next_back().unwrap_or_else(NodeId::lowest))
    }
}

/// Takes statements as far as they count. Their order may be any in which each is found to follow others in the end. A
/// new root version is taken last, as its trustees may be others than those who signed what stood before it.
pub fn fold(root: StatementId, origin: Origin, statements: &[Signed]) -> Folded {
    let mut folded = Folded { trust: LogTrust::new(origin, root), taken: Vec::new(), refused: Vec::new() };
    let (mut roots, mut others): (Vec<Signed>, Vec<Signed>) =
        statements.iter().cloned().partition(|signed| *signed.kind() == Kind::FederationRoot);
    loop {
        while let Some(at) = others.iter().position(|signed| folded.take(signed)) {
            others.remove(at);
        }
        match roots.iter().position(|signed| folded.take(signed)) {
            Some(at) => drop(roots.remove(at)),
            None => break,
        }
    }
    for signed in roots.into_iter().chain(others) {
        if let Err(refusal) = folded.trust.judge(&signed, folded.position()) {
            folded.refused.push((signed, refusal));
        }
    }
    folded
}

impl Folded {
    /// Where the next statement stands, as far as that matters here: after everything that any of them names.
    fn position(&self) -> u64 {
        BEYOND + self.taken.len() as u64
    }

    /// Judges a statement as one that comes after all that was taken.
    pub fn judge(&self, signed: &Signed) -> Result<Verified<Body>, Refusal> {
        self.trust.judge(signed, self.position())
    }

    /// Whether a statement follows what was taken so far; it is taken then.
    fn take(&mut self, signed: &Signed) -> bool {
        let at = self.position();
        let Ok(verified) = self.trust.judge(signed, at) else { return false };
        self.trust.absorb(&verified, at);
        self.taken.push(signed.clone());
        true
    }
}
