//! The data of the replication bench: logs with a true beginning each, and statements of about 600 bytes after it.
//!
//! They are made once and kept as the frames in which a peer would send them, so that a run measures who receives.
//! Every byte follows from labels; whoever wants other data changes [`VERSION`].
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use prost::Message as _;
use verbund::domain::id::{Hash, KeyHash, NodeId, OrgId, Origin, StatementId, sha256};
use verbund::domain::offering::Need;
use verbund::domain::signing::{PublicKey, SecretKey};
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::parse_date;
use verbund::domain::trust::WitnessPolicy;
use verbund::log::checkpoint::Checkpoint;
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::node::tls::Identity;
use verbund::protocol::founding::{FoundedNode, NodePlan, OrgPlan, Plan, found};
use verbund::protocol::frame::{Cover, Frame, Run, prefix};
use verbund::protocol::limits::{FRAME_BYTES_MAX, FRAME_ENTRIES_MAX};
use verbund::protocol::record::{LogEntry, Record};
use verbund::protocol::settings::{Instance, NodeKeys, Settings};
use verbund::store::entry_bytes;
use verbund::wire::pb;

use crate::history::History;

/// Raised when the data change; data of another version are made again.
const VERSION: u32 = 5;

/// Logs of a full run, and entries of each of them: a million together.
const LOGS: usize = 2_000;
const ENTRIES: u64 = 500;

/// How much data a run is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A million entries.
    Whole,
    /// A hundredth of the logs, to try whether everything runs.
    Quick,
    /// All logs, a twenty-fifth of the entries of each: what finding a difference costs in bytes depends on the number
    /// of logs; a longer log makes a number of it one byte longer.
    Shallow,
}

impl Size {
    fn logs(self) -> usize {
        if self == Self::Quick { LOGS / 100 } else { LOGS }
    }

    fn entries(self) -> u64 {
        if self == Self::Shallow { ENTRIES / 25 } else { ENTRIES }
    }
}

/// Length of the statements, in signed bytes.
pub const STATEMENT_BYTES: usize = 600;

/// The data and what a node needs to receive them.
pub struct Dataset {
    /// Number of logs.
    pub logs: usize,
    /// Entries of each.
    pub depth: u64,
    /// Entries of all logs together, their beginnings included.
    pub entries: u64,
    /// Folder for what parts leave to one another: stores, figures of a run.
    pub folder: PathBuf,
    /// The federation's root hash.
    pub anchor: StatementId,
    /// How every node of the federation begins, the two without a log among the data included.
    nodes: BTreeMap<NodeId, FoundedNode>,
}

impl Dataset {
    /// The data, made if they are not there yet.
    pub fn prepare(size: Size) -> Self {
        let (logs, depth) = (size.logs(), size.entries());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("replication-{VERSION}-{logs}-{depth}"));
        fs::create_dir_all(&folder).expect("a folder below target");
        let founding = found(plan(logs), &mut |label| key(label));
        let entries = logs as u64 * depth;
        let dataset = Self { logs, depth, entries, folder, anchor: founding.anchor, nodes: founding.nodes };
        if !dataset.frames_file().exists() {
            dataset.make();
        }
        dataset
    }

    /// How a node begins.
    pub fn node(&self, name: &NodeId) -> &FoundedNode {
        self.nodes.get(name).expect("it is in the plan")
    }

    /// Settings of a node.
    pub fn settings(&self, name: &NodeId) -> Settings {
        let node = self.node(name);
        Settings {
            instance: Instance::default(),
            is_new_store: false,
            anchors: BTreeSet::new(),
            alone: true,
            deposits: false,
            anchor: self.anchor,
            origin: node.origin.clone(),
            operator: node.operator.clone(),
            hosts: node.hosts.clone(),
            policies: [].into(),
        }
    }

    /// Its keys.
    pub fn keys(&self, name: &NodeId) -> NodeKeys {
        let keys = &self.node(name).keys;
        let key_again = |key: &SecretKey| SecretKey::from_pem(&key.to_pem()).expect("own PEM");
        let again = |keys: &[SecretKey]| keys.iter().map(key_again).collect::<Vec<_>>();
        NodeKeys {
            log: again(&keys.log),
            witness: again(&keys.witness),
            statements: keys.statements.iter().map(|(org, keys)| (org.clone(), again(keys))).collect(),
            tls: Vec::new(),
        }
    }

    /// The statements with which its own log begins.
    pub fn genesis(&self, name: &NodeId) -> Vec<Signed> {
        self.node(name).genesis.clone()
    }

    /// What the operator of a log writes after the data: so many entries more.
    pub fn more(&self, log: usize, count: u64) -> Vec<LogEntry> {
        let node = self.node(&node_name(log));
        (self.depth..self.depth + count).map(|number| public(need(node, number))).collect()
    }

    /// The public keys that sign the statements.
    pub fn statement_keys(&self) -> BTreeMap<KeyHash, PublicKey> {
        let keys = (0..self.logs).map(|number| key(&format!("org/{}/statement", node_name(number))).public());
        keys.map(|key| (key.hash(), key)).collect()
    }

    /// The frames as protobuf messages, log by log.
    pub fn frames(&self) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
        let mut file = BufReader::new(File::open(self.frames_file()).expect("the data are there"));
        std::iter::from_fn(move || {
            let mut length = [0; 4];
            file.read_exact(&mut length).ok()?;
            let mut frame = vec![0; u32::from_le_bytes(length) as usize];
            file.read_exact(&mut frame).expect("a whole frame");
            Some(frame)
        })
    }

    fn frames_file(&self) -> PathBuf {
        self.folder.join("frames")
    }

    /// Makes all frames on all cores. The file gets its name when it is complete.
    fn make(&self) {
        let unfinished = self.folder.join("unfinished");
        let file = Mutex::new(BufWriter::new(File::create(&unfinished).expect("a file below target")));
        let nodes = Mutex::new((0..self.logs).map(|log| self.node(&node_name(log))));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let Some(node) = nodes.lock().expect("no panic").next() else { return };
                        let frames = frames_of(node, self.depth);
                        let mut file = file.lock().expect("no panic");
                        for frame in frames {
                            let length = u32::try_from(frame.len()).expect("a frame is small");
                            file.write_all(&length.to_le_bytes())
                                .and_then(|()| file.write_all(&frame))
                                .expect("room");
                        }
                    }
                });
            }
        });
        file.into_inner().expect("no panic").into_inner().expect("room on the disk").sync_all().expect("a disk");
        fs::rename(unfinished, self.frames_file()).expect("same folder");
    }
}

/// The key behind a label.
fn key(label: &str) -> SecretKey {
    SecretKey::from_seed(&sha256(format!("verbund bench key/{label}").as_bytes()))
}

/// A node that has no log among the data: who receives.
pub fn receiver() -> NodeId {
    "receiver".parse().expect("a name")
}

/// Another one: who comes to an existing federation. The receiver dials it, and neither dials anyone else: of two nodes
/// the one whose name comes first dials.
pub fn starter() -> NodeId {
    "starter".parse().expect("a name")
}

/// The TLS key of a node that really speaks.
pub fn identity(name: &NodeId) -> Identity {
    Identity::make(&[name.to_string()], Some(sha256(format!("verbund bench tls/{name}").as_bytes()))).expect("a key")
}

/// The node that writes a log.
pub fn node_name(number: usize) -> NodeId {
    format!("node-{number:04}").parse().expect("a name")
}

/// The federation of all logs.
pub fn federation() -> OrgId {
    "bench".parse().expect("a name")
}

fn plan(logs: usize) -> Plan {
    let nodes: Vec<NodePlan> =
        (0..logs).map(node_name).chain([receiver(), starter()]).map(|node| node_plan(&node)).collect();
    Plan {
        federation: federation(),
        trustees: ["bund", "laender", "kommunen"].map(str::to_owned).into(),
        threshold: 2,
        witnesses: WitnessPolicy { nodes: (0..4).map(node_name).collect(), quorum: 3 },
        rule_packs: Vec::new(),
        nodes,
    }
}

fn node_plan(node: &NodeId) -> NodePlan {
    let operator: OrgId = node.as_str().parse().expect("a name");
    // Where those listen that really speak, their settings say; nobody listens at the port for discarding (RFC 863).
    let speaks = [receiver(), starter()].contains(node);
    NodePlan {
        node: node.clone(),
        operator: operator.clone(),
        addresses: vec![if speaks { "127.0.0.1:9".to_owned() } else { format!("{node}.example:7600") }],
        tls_sha256: if speaks {
            identity(node).pin().expect("own certificate")
        } else {
            Hash::of(node.as_str().as_bytes())
        },
        orgs: vec![OrgPlan {
            name: format!("Gemeinde {operator}"),
            id: operator,
            legal_form: "Gemeinde".to_owned(),
            area: None,
            inhabitants: Some(9_000),
            portal: None,
            source: "bench".to_owned(),
            officers: Vec::new(),
        }],
    }
}

fn public(signed: Signed) -> LogEntry {
    LogEntry { leaf: Leaf::new(&signed, Audience::Public, NO_OUTCOME), statement: Some(signed) }
}

/// One log as frames: as many entries in each as fit, each under a checkpoint of exactly its end.
fn frames_of(node: &FoundedNode, depth: u64) -> Vec<Vec<u8>> {
    let written = (node.genesis.len() as u64..depth).map(|number| need(node, number));
    let entries: Vec<LogEntry> = node.genesis.iter().cloned().chain(written).map(public).collect();
    let (mut history, mut frames, mut rest) = (History::default(), Vec::new(), &entries[..]);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |entry: &&LogEntry| {
            bytes += entry_bytes(entry);
            bytes <= FRAME_BYTES_MAX
        };
        let (part, after) = rest.split_at(rest.iter().take(FRAME_ENTRIES_MAX).take_while(fits).count());
        frames.push(frame_of(node, &mut history, part));
        rest = after;
    }
    frames
}

fn frame_of(node: &FoundedNode, history: &mut History, entries: &[LogEntry]) -> Vec<u8> {
    let frame = Frame::Entries(run_of(node, history, entries));
    pb::peer::v1::Frame::from(&frame).encode_to_vec()
}

/// Entries after those of a history, under a checkpoint of exactly their end.
pub fn run_of(node: &FoundedNode, history: &mut History, entries: &[LogEntry]) -> Run {
    let (first, base) = (history.tree.size(), Some(prefix(&history.tree.root())));
    history.append(entries);
    let tree = &history.tree;
    let origin: Origin = node.origin.clone();
    let checkpoint = Checkpoint { origin: origin.clone(), size: tree.size(), root: tree.root() };
    let cover = Cover::of(&checkpoint.sign(&node.keys.log[0]), tree.size(), tree.size());
    Run { origin, first, base, entries: entries.to_vec(), cover, consistency: Vec::new() }
}

/// A run as a node stores it that has the entries before it in this history.
pub fn record_of(run: Run, history: &mut History) -> Record {
    let Run { origin, first, entries, cover, .. } = run;
    history.append(&entries);
    let key = key(&format!("node/{}/log", origin.node)).public();
    let note = cover.note(&origin, &key, &history.tree).expect("own run").to_string();
    Record::Entries { origin, first, entries, note }
}

/// What a municipality looks for, in as many words as make [`STATEMENT_BYTES`].
fn need(node: &FoundedNode, number: u64) -> Signed {
    let (org, keys) = node.keys.statements.first_key_value().expect("an operator");
    let key = &keys[0];
    let mut need = Need {
        municipality: org.clone(),
        leika: vec![format!("99{:012}", 107_023_017_000 + number % 1_000).parse().expect("a key")],
        note: format!("Wir suchen Dienst {number} für unsere Bürgerinnen und Bürger. "),
        until: parse_date("2027-12-31").expect("a date"),
        through: None,
    };
    let words = "Anschluss an das Portal des Landes, Zahlung und Postfach inbegriffen. ";
    let bare = Signed::sign(&Kind::Need, &need, &[key]).pae().len();
    need.note.extend(words.chars().cycle().take(STATEMENT_BYTES.saturating_sub(bare)));
    Signed::sign(&Kind::Need, &need, &[key])
}
