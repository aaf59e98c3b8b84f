//! Statements about trust as they follow what a log says: the next number, the one before, the home. Nobody has signed
//! them yet, and whether they are admissible, judgement says.
use crate::domain::id::{KeyHash, NodeId, OfficerName, OrgId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::signing::PublicKey;
use crate::domain::time::Timestamp;
use crate::domain::trust::documents::{
    Admission, Expulsion, FederationRoot, KeyEvent, KeyRole, LastGood, OnlineKey, Recovery, Revocation,
    RevocationReason, RootKeys, Trustee, WitnessPolicy,
};
use crate::domain::trust::standing::{Holder, LogTrust, OrgStanding};

/// What the trustees renew in an admission; what is absent stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Renewal {
    /// Full name.
    pub name: Option<String>,
    /// Legal form.
    pub legal_form: Option<String>,
    /// Home node: the organisation moves.
    pub home_node: Option<NodeId>,
    /// Regional key.
    pub area: Option<Area>,
    /// Inhabitants.
    pub inhabitants: Option<u32>,
    /// Portal.
    pub portal: Option<String>,
    /// Where it is from.
    pub source: Option<String>,
}

fn standing<'a>(trust: &'a LogTrust, org: &OrgId) -> Result<&'a OrgStanding, Refusal> {
    trust.orgs().get(org).ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))
}

/// The root version after the one in force; the first of a federation where there is none.
pub fn next_root(
    trust: &LogTrust,
    trustees: Vec<Trustee>,
    threshold: u32,
    witnesses: WitnessPolicy,
) -> FederationRoot {
    FederationRoot {
        federation: trust.origin().federation.clone(),
        version: trust.root_version().saturating_add(1),
        trustees,
        threshold,
        witnesses,
        prev: trust.root_versions().last(),
    }
}

/// The next admission of an organisation that is admitted.
pub fn renewed(trust: &LogTrust, org: &OrgId, renewal: Renewal) -> Result<Admission, Refusal> {
    let standing = standing(trust, org)?;
    let before = &standing.admission;
    Ok(Admission {
        federation: before.federation.clone(),
        org: org.clone(),
        number: before.number.saturating_add(1),
        prev: Some(standing.admitted_by),
        name: renewal.name.unwrap_or_else(|| before.name.clone()),
        legal_form: renewal.legal_form.unwrap_or_else(|| before.legal_form.clone()),
        home_node: renewal.home_node.unwrap_or_else(|| before.home_node.clone()),
        operates: before.operates.clone(),
        area: renewal.area.or_else(|| before.area.clone()),
        inhabitants: renewal.inhabitants.or(before.inhabitants),
        portal: renewal.portal.or_else(|| before.portal.clone()),
        root: None,
        source: renewal.source.unwrap_or_else(|| before.source.clone()),
    })
}

/// An expulsion; up to where what the organisation signed stays good, its former and present homes' logs say.
pub fn expulsion(org: &OrgId, reason: &str, logs: &[LastGood]) -> Expulsion {
    Expulsion { org: org.clone(), reason: reason.to_owned(), last_good: logs.to_vec() }
}

/// The announcement of new root keys for an organisation, or what completes one that was announced with the same keys.
pub fn recovery(
    trust: &LogTrust,
    org: &OrgId,
    root: RootKeys,
    signed_at: Timestamp,
    reason: &str,
) -> Result<Recovery, Refusal> {
    let standing = standing(trust, org)?;
    let announced = standing.recovery().filter(|(_, announced)| announced.root == root);
    Ok(Recovery {
        org: org.clone(),
        after: standing.last_event().map(|(_, id)| id),
        root,
        signed_at,
        completes: announced.map(|(id, _)| *id),
        reason: reason.to_owned(),
    })
}

/// The next key event of an organisation, at the home that the trustees have named; nothing in it yet.
pub fn event(trust: &LogTrust, org: &OrgId) -> Result<KeyEvent, Refusal> {
    let standing = standing(trust, org)?;
    let last = standing.last_event();
    Ok(KeyEvent {
        org: org.clone(),
        seq: last.map_or(0, |(seq, _)| seq.saturating_add(1)),
        prev: last.map(|(_, id)| id),
        home_node: standing.admission.home_node.clone(),
        add: Vec::new(),
        revoke: Vec::new(),
        root: None,
        new_epoch: None,
    })
}

/// The key event that registers online keys at the home.
pub fn registration(trust: &LogTrust, org: &OrgId, keys: &[(PublicKey, KeyRole)]) -> Result<KeyEvent, Refusal> {
    let add = keys.iter().map(|(key, role)| OnlineKey { key: key.clone(), role: *role }).collect();
    Ok(KeyEvent { add, ..event(trust, org)? })
}

/// The key event that ends an officer's grants: those on one device, or all.
pub fn end_of_officer(
    trust: &LogTrust,
    (org, officer, device): (&OrgId, &OfficerName, Option<&OfficerName>),
    reason: RevocationReason,
    last_good: &[LastGood],
) -> Result<KeyEvent, Refusal> {
    let is_meant = |holder: &Holder| match holder {
        Holder::Officer(grant) => {
            grant.org == *org && grant.officer == *officer && device.is_none_or(|device| grant.device == *device)
        }
        Holder::Online { .. } => false,
    };
    let in_force = trust.keys().iter().filter(|(_, key)| is_meant(&key.holder) && key.revoked.is_empty());
    let keys: Vec<KeyHash> = in_force.map(|(hash, _)| *hash).collect();
    if keys.is_empty() {
        return Err(Refusal::new(Reason::KeyUnknown).with("org", org).with("officer", officer));
    }
    let revoke = keys.into_iter().map(|key| Revocation { key, reason, last_good: last_good.to_vec() }).collect();
    Ok(KeyEvent { revoke, ..event(trust, org)? })
}
