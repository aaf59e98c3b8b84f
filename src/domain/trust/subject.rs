//! What a statement is about that an order may fall by: who may sign, and what is on offer at which price. Every leaf of a
//! log commits to what its log has said about each subject before it, so that nothing about one can be left out unnoticed,
//! no revocation and no withdrawal, and nothing about the others has to be carried along.
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::domain::body::Body;
use crate::domain::id::{NodeId, OfficerName, OrgId};
use crate::domain::json;
use crate::domain::statement::{Kind, Signed};

/// Whom or what a statement is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// Everyone: root versions, expulsions, rule packs, successions, and whatever of a trust kind cannot be read.
    Federation,
    /// An organisation: its admissions, key events and recoveries.
    Organisation(OrgId),
    /// An officer: the grants.
    Officer(OrgId, OfficerName),
    /// A node: its records.
    Node(NodeId),
    /// An offering, by seller and name: its versions and withdrawals.
    Offering(OrgId, OrgId),
    /// What an organisation charges for passing orders on: its tariffs.
    Tariff(OrgId),
}

impl fmt::Display for Subject {
    /// The text that names the subject in a log's trust digest; names hold no slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Federation => f.write_str("federation"),
            Self::Organisation(org) => write!(f, "organisation/{org}"),
            Self::Officer(org, officer) => write!(f, "officer/{org}/{officer}"),
            Self::Node(node) => write!(f, "node/{node}"),
            Self::Offering(seller, name) => write!(f, "offering/{seller}/{name}"),
            Self::Tariff(org) => write!(f, "tariff/{org}"),
        }
    }
}

impl Subject {
    /// Whether it is about what is on offer, not about who may sign.
    pub fn is_about_sales(&self) -> bool {
        matches!(self, Self::Offering(..) | Self::Tariff(_))
    }
}

/// Whether statements of this kind say who may sign what.
pub fn is_trust_kind(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::FederationRoot
            | Kind::Admission
            | Kind::Expulsion
            | Kind::KeyEvent
            | Kind::NodeRecord
            | Kind::OfficerGrant
            | Kind::RulePack
            | Kind::Recovery
            | Kind::Succession
    )
}

/// The names by which a trust statement says whom it is about. Read from the document as it stands, never through the
/// rules of a kind: those may become stricter, and what a log has said stays what it was.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    org: Option<OrgId>,
    officer: Option<OfficerName>,
    node: Option<NodeId>,
}

/// The names by which an offering and a withdrawal say what they are about. Without them neither can be read at all.
#[derive(Deserialize)]
struct Sold {
    seller: OrgId,
    name: OrgId,
}

/// The name by which a tariff says whose it is.
#[derive(Deserialize)]
struct Charged {
    org: OrgId,
}

/// The names in a payload. A list has none, though readers of typed documents take it for one, value by value.
fn names_in<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    json::read(payload).ok().filter(|_| payload.trim_ascii_start().starts_with(b"{"))
}

/// What a statement is about, accepted or not; none for kinds without a subject.
pub fn subject_of(signed: &Signed) -> Option<Subject> {
    subject_in(signed.kind(), signed.payload())
}

/// The same for a payload of which only the kind is known.
pub fn subject_in(kind: &Kind, payload: &[u8]) -> Option<Subject> {
    match kind {
        Kind::Offering | Kind::Withdrawal => {
            return names_in(payload).map(|Sold { seller, name }| Subject::Offering(seller, name));
        }
        Kind::Tariff => return names_in(payload).map(|Charged { org }| Subject::Tariff(org)),
        _ if !is_trust_kind(kind) => return None,
        _ => {}
    }
    let Named { org, officer, node } = names_in(payload).unwrap_or_default();
    let subject = match kind {
        Kind::Admission | Kind::KeyEvent | Kind::Recovery => org.map(Subject::Organisation),
        Kind::OfficerGrant => org.zip(officer).map(|(org, officer)| Subject::Officer(org, officer)),
        Kind::NodeRecord => node.map(Subject::Node),
        _ => None,
    };
    Some(subject.unwrap_or(Subject::Federation))
}

/// Whether it concerns everyone and therefore stands in every log.
pub fn is_for_everyone(body: &Body) -> bool {
    matches!(body, Body::FederationRoot(_) | Body::Expulsion(_) | Body::RulePack(_) | Body::Succession(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_nobody() {
        let admission = |payload: &str| subject_in(&Kind::Admission, payload.as_bytes());
        assert_eq!(
            admission(" {\"org\":\"kid\"}").map(|about| about.to_string()).as_deref(),
            Some("organisation/kid")
        );
        assert_eq!(admission("[\"kid\",\"einkauf\",\"kid\"]"), Some(Subject::Federation));
        assert_eq!(subject_in(&Kind::Tariff, b"[\"kid\"]"), None);
        assert!(subject_in(&Kind::Tariff, b"{\"org\":\"kid\"}").is_some());
    }
}
