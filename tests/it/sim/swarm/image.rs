//! How a swarm begins: all logs founded, everywhere, and witnessed. Made once for each size.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};

use verbund::domain::id::{Hash, NodeId, OrgId, Origin, StatementId, sha256};
use verbund::domain::offering::Offering;
use verbund::domain::rule_pack::RulePack;
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::Timestamp;
use verbund::domain::trust::{KeyEvent, KeyRole, NewEpoch, OnlineKey, WitnessPolicy};
use verbund::log::checkpoint::Checkpoint;
use verbund::log::cosignature;
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::protocol::founding::{FoundedNode, NodePlan, OrgPlan, Plan, found};
use verbund::protocol::record::{LogEntry, Record};
use verbund::protocol::settings::{Instance, NodeKeys, Settings};
use verbund::protocol::state::State;
use verbund::store::memory::MemoryStore;

use crate::history::tree_of;

/// Most witnesses of a swarm.
const WITNESSES_MAX: usize = 4;

/// How many witnesses a swarm of that size has.
pub fn witnesses(count: usize) -> usize {
    count.min(WITNESSES_MAX)
}

/// When every run begins.
pub fn start() -> Timestamp {
    "2026-11-24T08:00:00Z".parse().expect("a time")
}

/// The name of a node.
pub fn node_name(number: usize) -> NodeId {
    format!("n{number:03}").parse().expect("a name")
}

/// The organisation that operates it.
pub fn org_name(number: usize) -> OrgId {
    format!("o{number:03}").parse().expect("a name")
}

pub fn key(label: &str) -> SecretKey {
    SecretKey::from_seed(&sha256(format!("swarm/{label}").as_bytes()))
}

/// Everything a swarm begins with.
pub struct Image {
    pub anchor: StatementId,
    pub state: State,
    pub store: MemoryStore,
    founded: Vec<FoundedNode>,
}

impl Image {
    /// The image for that many nodes.
    pub fn of(count: usize) -> &'static Self {
        static IMAGES: OnceLock<Mutex<BTreeMap<usize, &'static Image>>> = OnceLock::new();
        let mut images = IMAGES.get_or_init(Mutex::default).lock().expect("no panic while it is held");
        images.entry(count).or_insert_with(|| Box::leak(Box::new(Self::new(count))))
    }

    fn new(count: usize) -> Self {
        let founding = found(plan(count), &mut |label| key(label));
        let mut nodes = founding.nodes;
        let founded: Vec<FoundedNode> =
            (0..count).map(|number| nodes.remove(&node_name(number)).expect("founded")).collect();
        let mut records: Vec<Record> = founded.iter().map(begun).collect();
        records.extend(founded.iter().map(|node| witnessed(node, count)));
        let mut state = State::new(founding.anchor, founded[0].origin.clone());
        let store = MemoryStore::new();
        for record in records {
            store.commit_now(std::slice::from_ref(&record)).expect("an empty store takes everything");
            state.replay(record).expect("a good genesis");
        }
        Self { anchor: founding.anchor, state, store, founded }
    }

    /// Settings of a node.
    pub fn settings(&self, number: usize) -> Settings {
        let founded = &self.founded[number];
        Settings {
            instance: Instance::default(),
            is_new_store: false,
            anchors: BTreeSet::new(),
            alone: false,
            deposits: false,
            anchor: self.anchor,
            origin: founded.origin.clone(),
            operator: founded.operator.clone(),
            hosts: founded.hosts.clone(),
            policies: BTreeMap::new(),
        }
    }

    /// The keys a node holds.
    pub fn keys(&self, number: usize) -> NodeKeys {
        let node = node_name(number);
        NodeKeys {
            log: vec![key(&format!("node/{node}/log"))],
            witness: vec![key(&format!("node/{node}/witness"))],
            statements: [(org_name(number), vec![key(&format!("org/{}/statement", org_name(number)))])].into(),
            tls: Vec::new(),
        }
    }

    /// The statements with which a node's log begins.
    pub fn genesis(&self, number: usize) -> Vec<Signed> {
        self.founded[number].genesis.clone()
    }

    /// The statements with which the organisation of `by` begins a second log in the name of a node.
    pub fn second_log(&self, by: usize, node: usize) -> Vec<Signed> {
        let (org, founded) = (org_name(by), &self.founded[by]);
        let statement = &founded.keys.statements[&org][0];
        let roots = [0, 1].map(|number| key(&format!("org/{org}/root/{number}")));
        let added = [
            (statement, KeyRole::Statement),
            (&founded.keys.log[0], KeyRole::Log),
            (&founded.keys.witness[0], KeyRole::Witness),
        ];
        let event = KeyEvent {
            org: org.clone(),
            seq: 0,
            prev: None,
            home_node: node_name(node),
            add: added.iter().map(|(key, role)| OnlineKey { key: key.public(), role: *role }).collect(),
            revoke: Vec::new(),
            root: None,
            new_epoch: Some(NewEpoch { epoch: 2, copied: 0 }),
        };
        let signing: Vec<&SecretKey> = roots.iter().chain(added.iter().map(|(key, _)| *key)).collect();
        let is_before = |signed: &&Signed| *signed.kind() != Kind::KeyEvent;
        let mut statements: Vec<Signed> = founded.genesis.iter().take_while(is_before).cloned().collect();
        statements.push(Signed::sign(&Kind::KeyEvent, &event, &signing));
        statements
    }

    /// The log a node writes.
    pub fn origin(&self, number: usize) -> &Origin {
        &self.founded[number].origin
    }

    /// An offering of that name, by a node's organisation.
    pub fn offering(&self, number: usize, name: &str) -> Signed {
        let offering = Offering {
            name: name.parse().expect("a name"),
            seller: org_name(number),
            ..crate::federation::wohngeld()
        };
        Signed::sign(&Kind::Offering, &offering, &[&self.founded[number].keys.statements[&org_name(number)][0]])
    }
}

/// The federation of the swarm.
pub fn federation() -> OrgId {
    "schwarm".parse().expect("a name")
}

fn plan(count: usize) -> Plan {
    let nodes = (0..count).map(|number| NodePlan {
        node: node_name(number),
        operator: org_name(number),
        addresses: vec![format!("n{number:03}.test:443")],
        tls_sha256: Hash::of(format!("tls {number}").as_bytes()),
        orgs: vec![OrgPlan {
            id: org_name(number),
            name: format!("Organisation {number}"),
            legal_form: "eG".to_owned(),
            area: None,
            inhabitants: None,
            portal: None,
            source: "Testverbund".to_owned(),
            officers: Vec::new(),
        }],
    });
    let names: Vec<NodeId> = (0..witnesses(count)).map(node_name).collect();
    let quorum = u32::try_from(WitnessPolicy::quorum_of(names.len())).expect("small");
    Plan {
        federation: federation(),
        trustees: vec!["treuhand".to_owned()],
        threshold: 1,
        witnesses: WitnessPolicy { nodes: names, quorum },
        rule_packs: vec![rule_pack()],
        nodes: nodes.collect(),
    }
}

fn rule_pack() -> RulePack {
    crate::federation::rule_pack()
}

fn begun(node: &FoundedNode) -> Record {
    let note = checkpoint(node).sign(&node.keys.log[0]).to_string();
    Record::Entries { origin: node.origin.clone(), first: 0, entries: entries(node), note }
}

fn entries(node: &FoundedNode) -> Vec<LogEntry> {
    let entry = |signed: &Signed| LogEntry {
        leaf: Leaf::new(signed, Audience::Public, NO_OUTCOME),
        statement: Some(signed.clone()),
    };
    node.genesis.iter().map(entry).collect()
}

fn checkpoint(node: &FoundedNode) -> Checkpoint {
    let tree = tree_of(&entries(node));
    Checkpoint { origin: node.origin.clone(), size: tree.size(), root: tree.root() }
}

fn witnessed(node: &FoundedNode, count: usize) -> Record {
    let mut note = checkpoint(node).sign(&node.keys.log[0]);
    for number in 0..witnesses(count) {
        let witness = key(&format!("node/{}/witness", node_name(number)));
        let line =
            cosignature::cosign(&note, node_name(number).as_str(), &witness, 1_764_000_000).expect("a checkpoint");
        cosignature::merge(&mut note, line, &witness.public()).expect("a good line");
    }
    Record::Cosigned { origin: node.origin.clone(), note: note.to_string() }
}
