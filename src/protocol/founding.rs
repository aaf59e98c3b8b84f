//! Founding a federation: from a plan and keys to the statements with which every node begins its log.
//!
//! In real life trustees, organisations and officers make their keys at different places; the demonstration and the
//! tests play all of them. Where keys come from is the caller's business.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{Hash, NodeId, OfficerName, OrgId, Origin, StatementId};
use crate::domain::money::Cents;
use crate::domain::register::Area;
use crate::domain::rule_pack::RulePack;
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Date;
use crate::domain::trust::{
    Admission, FederationRoot, KeyEvent, KeyRole, NodeRecord, OfficerGrant, OfficerRole, OnlineKey, RootKeys,
    Trustee, WitnessPolicy,
};
use crate::protocol::settings::NodeKeys;

/// Root keys of every organisation in a plan: two of three, as the trust design recommends.
const ORG_ROOT_KEYS: usize = 3;
const ORG_ROOT_THRESHOLD: usize = 2;

/// Who founds.
pub struct Plan {
    /// The federation's name.
    pub federation: OrgId,
    /// The trustees' offices.
    pub trustees: Vec<String>,
    /// How many of them must sign.
    pub threshold: usize,
    /// The witness policy.
    pub witnesses: WitnessPolicy,
    /// The rule packs, in the order of their days.
    pub rule_packs: Vec<RulePack>,
    /// The nodes.
    pub nodes: Vec<NodePlan>,
}

/// One node and whom it hosts.
pub struct NodePlan {
    /// Its name.
    pub node: NodeId,
    /// Its operator, also among `orgs`.
    pub operator: OrgId,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// SHA-256 of its TLS key's SubjectPublicKeyInfo.
    pub tls_sha256: Hash,
    /// The organisations it hosts.
    pub orgs: Vec<OrgPlan>,
}

/// One organisation.
pub struct OrgPlan {
    /// Its name in the federation.
    pub id: OrgId,
    /// Its full name.
    pub name: String,
    /// Its legal form.
    pub legal_form: String,
    /// Its area.
    pub area: Option<Area>,
    /// Its inhabitants.
    pub inhabitants: Option<u32>,
    /// Its portal.
    pub portal: Option<String>,
    /// Where the facts come from.
    pub source: String,
    /// Its officers.
    pub officers: Vec<OfficerPlan>,
}

/// One officer.
pub struct OfficerPlan {
    /// The office.
    pub name: OfficerName,
    /// The device that holds the key.
    pub device: OfficerName,
    /// What the officer may do.
    pub roles: BTreeSet<OfficerRole>,
    /// Up to which total of one order alone.
    pub limit: Cents,
    /// Up to which total of a year alone.
    pub limit_per_year: Option<Cents>,
    /// First day.
    pub valid_from: Date,
    /// Last day.
    pub valid_to: Date,
}

/// What comes of it.
pub struct Founding {
    /// The federation's root hash.
    pub anchor: StatementId,
    /// The statement of the last rule pack.
    pub rule_pack: StatementId,
    /// Per node: how its log begins, and the keys it holds.
    pub nodes: BTreeMap<NodeId, FoundedNode>,
    /// The officers' keys, which no node holds.
    pub officers: BTreeMap<(OrgId, OfficerName), SecretKey>,
    /// The trustees' keys.
    pub trustees: Vec<SecretKey>,
    /// The organisations' root keys.
    pub roots: BTreeMap<OrgId, Vec<SecretKey>>,
}

/// How one node begins.
pub struct FoundedNode {
    /// The first statements of its log.
    pub genesis: Vec<Signed>,
    /// The keys it holds.
    pub keys: NodeKeys,
    /// The log it writes.
    pub origin: Origin,
    /// Its operator.
    pub operator: OrgId,
    /// Whom it hosts.
    pub hosts: BTreeSet<OrgId>,
}

/// Founds a federation. `key` makes one key per label; labels are unique.
pub fn found(plan: Plan, key: &mut dyn FnMut(&str) -> SecretKey) -> Founding {
    let trustees: Vec<SecretKey> = plan.trustees.iter().map(|name| key(&format!("trustee/{name}"))).collect();
    let root = FederationRoot {
        federation: plan.federation.clone(),
        version: 1,
        trustees: plan
            .trustees
            .iter()
            .zip(&trustees)
            .map(|(name, key)| Trustee { name: name.clone(), key: key.public() })
            .collect(),
        threshold: u32::try_from(plan.threshold).unwrap_or(u32::MAX),
        witnesses: plan.witnesses,
        prev: None,
    };
    let signing: Vec<&SecretKey> = trustees.iter().take(plan.threshold).collect();
    let root = Signed::sign(&Kind::FederationRoot, &root, &signing);
    let packs: Vec<Signed> =
        plan.rule_packs.iter().map(|pack| Signed::sign(&Kind::RulePack, pack, &signing)).collect();
    let mut founding = Founding {
        anchor: root.id(),
        rule_pack: packs.last().map_or(root.id(), Signed::id),
        nodes: BTreeMap::new(),
        officers: BTreeMap::new(),
        roots: BTreeMap::new(),
        trustees: Vec::new(),
    };
    for node in plan.nodes {
        let begun = std::iter::once(&root).chain(&packs).cloned().collect();
        let name = node.node.clone();
        let founded = found_node(&plan.federation, node, begun, &signing, &mut founding, key);
        founding.nodes.insert(name, founded);
    }
    founding.trustees = trustees;
    founding
}

fn found_node(
    federation: &OrgId,
    plan: NodePlan,
    mut genesis: Vec<Signed>,
    trustees: &[&SecretKey],
    founding: &mut Founding,
    key: &mut dyn FnMut(&str) -> SecretKey,
) -> FoundedNode {
    let origin = Origin { federation: federation.clone(), node: plan.node.clone(), epoch: 1 };
    let keys = NodeKeys {
        log: vec![key(&format!("node/{}/log", plan.node))],
        witness: vec![key(&format!("node/{}/witness", plan.node))],
        statements: BTreeMap::new(),
        tls: vec![plan.tls_sha256],
    };
    let mut founded = FoundedNode {
        genesis: Vec::new(),
        keys,
        origin: origin.clone(),
        operator: plan.operator.clone(),
        hosts: BTreeSet::new(),
    };
    // The operator comes first: its key event names the log key, which everything else is checked under.
    let (operator, others): (Vec<OrgPlan>, Vec<OrgPlan>) =
        plan.orgs.into_iter().partition(|org| org.id == plan.operator);
    for org in operator.into_iter().chain(others) {
        let is_operator = org.id == plan.operator;
        let statement = key(&format!("org/{}/statement", org.id));
        let roots: Vec<SecretKey> = (0..ORG_ROOT_KEYS).map(|n| key(&format!("org/{}/root/{n}", org.id))).collect();
        let next: Vec<_> = (0..ORG_ROOT_KEYS).map(|n| key(&format!("org/{}/next/{n}", org.id)).public()).collect();
        genesis.push(Signed::sign(
            &Kind::Admission,
            &admission(federation, (&plan.node, is_operator), &org, &roots, &next),
            trustees,
        ));
        genesis.push(first_event(&org.id, &plan.node, &roots, &statement, is_operator.then_some(&founded.keys)));
        if is_operator {
            let record = NodeRecord {
                alone_since: None,
                node: plan.node.clone(),
                operator: org.id.clone(),
                addresses: plan.addresses.clone(),
                tls_sha256: plan.tls_sha256,
                log: origin.clone(),
            };
            genesis.push(Signed::sign(&Kind::NodeRecord, &record, &[&statement]));
        }
        for officer in org.officers {
            let secret = key(&format!("officer/{}/{}", org.id, officer.name));
            genesis.push(grant(&org.id, &officer, &secret, &roots));
            founding.officers.insert((org.id.clone(), officer.name), secret);
        }
        founded.hosts.insert(org.id.clone());
        founded.keys.statements.insert(org.id.clone(), vec![statement]);
        founding.roots.insert(org.id, roots);
    }
    founded.genesis = genesis;
    founded
}

fn threshold() -> u32 {
    u32::try_from(ORG_ROOT_THRESHOLD).unwrap_or(u32::MAX)
}

fn admission(
    federation: &OrgId,
    (node, is_operator): (&NodeId, bool),
    org: &OrgPlan,
    roots: &[SecretKey],
    next: &[crate::domain::signing::PublicKey],
) -> Admission {
    Admission {
        federation: federation.clone(),
        org: org.id.clone(),
        number: 1,
        prev: None,
        home_node: node.clone(),
        operates: is_operator.then(|| node.clone()),
        name: org.name.clone(),
        legal_form: org.legal_form.clone(),
        area: org.area.clone(),
        inhabitants: org.inhabitants,
        portal: org.portal.clone(),
        root: Some(RootKeys {
            keys: roots.iter().map(SecretKey::public).collect(),
            threshold: threshold(),
            next_sha256: RootKeys::commitment(next, threshold()),
        }),
        source: org.source.clone(),
    }
}

/// The inception of an organisation's online keys; an operator's also names the log and the witness key.
fn first_event(
    org: &OrgId,
    node: &NodeId,
    roots: &[SecretKey],
    statement: &SecretKey,
    operated: Option<&NodeKeys>,
) -> Signed {
    let mut added = vec![(statement, KeyRole::Statement)];
    if let Some(keys) = operated {
        added.extend(keys.log.iter().map(|key| (key, KeyRole::Log)));
        added.extend(keys.witness.iter().map(|key| (key, KeyRole::Witness)));
    }
    let event = KeyEvent {
        org: org.clone(),
        seq: 0,
        prev: None,
        home_node: node.clone(),
        add: added.iter().map(|(key, role)| OnlineKey { key: key.public(), role: *role }).collect(),
        revoke: Vec::new(),
        root: None,
        new_epoch: None,
    };
    let mut signing: Vec<&SecretKey> = roots.iter().take(ORG_ROOT_THRESHOLD).collect();
    signing.extend(added.iter().map(|(key, _)| *key));
    Signed::sign(&Kind::KeyEvent, &event, &signing)
}

/// An officer's grant, signed by the organisation's root keys and by the officer's own.
pub fn grant(org: &OrgId, officer: &OfficerPlan, secret: &SecretKey, roots: &[SecretKey]) -> Signed {
    let body = OfficerGrant {
        org: org.clone(),
        officer: officer.name.clone(),
        device: officer.device.clone(),
        key: secret.public(),
        roles: officer.roles.clone(),
        limit: officer.limit,
        limit_per_year: officer.limit_per_year,
        valid_from: officer.valid_from,
        valid_to: officer.valid_to,
    };
    let mut signing: Vec<&SecretKey> = roots.iter().take(ORG_ROOT_THRESHOLD).collect();
    signing.push(secret);
    Signed::sign(&Kind::OfficerGrant, &body, &signing)
}
