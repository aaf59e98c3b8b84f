//! Whose signatures a statement needs, for people who collect them one by one. What counts in the end, judgement says.
use crate::domain::body::Body;
use crate::domain::id::{KeyHash, OrgId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::statement::Kind;
use crate::domain::trust::documents::{FederationRoot, RootKeys};
use crate::domain::trust::standing::LogTrust;

/// In which office keys sign together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Office {
    /// The trustees of a root version.
    Trustees(u32),
    /// An organisation's root keys.
    Root(OrgId),
    /// A new key, which shows that somebody holds it.
    New(&'static str),
}

/// Keys of one office, and how many of them must sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Panel {
    /// The office.
    pub office: Office,
    /// Who may sign: the name where there is one, and the key.
    pub members: Vec<(String, PublicKey)>,
    /// How many must.
    pub needed: usize,
}

impl Panel {
    /// The key of that hash, if it may sign here.
    pub fn member(&self, key: &KeyHash) -> Option<&PublicKey> {
        self.members.iter().map(|(_, member)| member).find(|member| member.hash() == *key)
    }

    fn trustees(root: &FederationRoot) -> Self {
        let members = root.trustees.iter().map(|trustee| (trustee.name.clone(), trustee.key.clone()));
        Self { office: Office::Trustees(root.version), members: members.collect(), needed: root.threshold as usize }
    }

    fn roots(org: &OrgId, root: &RootKeys) -> Self {
        let members = root.keys.iter().zip(1..).map(|(key, number)| (format!("{org}-{number}"), key.clone()));
        Self { office: Office::Root(org.clone()), members: members.collect(), needed: root.threshold as usize }
    }

    fn new_key(purpose: &'static str, key: &PublicKey) -> Self {
        Self { office: Office::New(purpose), members: vec![(String::new(), key.clone())], needed: 1 }
    }
}

/// Who must sign a statement that follows what a log says; `PROPOSAL_KIND` for kinds that one key signs alone.
pub fn panels(trust: &LogTrust, body: &Body) -> Result<Vec<Panel>, Refusal> {
    match body {
        Body::FederationRoot(root) => {
            let before = trust.root().into_iter().filter(|before| before.version < root.version);
            Ok(before.chain([root]).map(Panel::trustees).collect())
        }
        Body::Admission(_) | Body::Expulsion(_) | Body::RulePack(_) | Body::Succession(_) | Body::Recovery(_) => {
            let root = trust.root().ok_or_else(|| Refusal::new(Reason::RootUnknown).with("log", trust.origin()))?;
            Ok(vec![Panel::trustees(root)])
        }
        Body::KeyEvent(event) => {
            let root = event.root.as_ref().map_or_else(|| root_of(trust, &event.org), Ok)?;
            let added = event.add.iter().map(|added| Panel::new_key(added.role.word(), &added.key));
            Ok(std::iter::once(Panel::roots(&event.org, root)).chain(added).collect())
        }
        Body::OfficerGrant(grant) => {
            let root = root_of(trust, &grant.org)?;
            Ok(vec![Panel::roots(&grant.org, root), Panel::new_key("officer", &grant.key)])
        }
        _ => Err(Refusal::new(Reason::ProposalKind)),
    }
}

fn root_of<'a>(trust: &'a LogTrust, org: &OrgId) -> Result<&'a RootKeys, Refusal> {
    let standing = trust.orgs().get(org).ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))?;
    Ok(standing.root())
}

/// The organisation whose own statements a proposal of this body rests on; none where the trustees' are enough.
pub fn rests_on(body: &Body) -> Option<&OrgId> {
    match body {
        Body::Admission(body) => Some(&body.org),
        Body::KeyEvent(body) => Some(&body.org),
        Body::OfficerGrant(body) => Some(&body.org),
        Body::Recovery(body) => Some(&body.org),
        _ => None,
    }
}

/// Whether statements of this kind are signed by several, one after the other.
pub fn is_proposed(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::FederationRoot
            | Kind::Admission
            | Kind::Expulsion
            | Kind::RulePack
            | Kind::Succession
            | Kind::Recovery
            | Kind::KeyEvent
            | Kind::OfficerGrant
    )
}
