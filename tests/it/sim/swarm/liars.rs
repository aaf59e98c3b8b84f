//! Nodes that do not keep to the protocol: an honest node inside, a liar at the door.
use verbund::domain::id::{Hash, Origin};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::Signed;
use verbund::log::checkpoint::Checkpoint;
use verbund::log::fork::{Branch, ForkProof};
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::log::note::SignedNote;
use verbund::protocol::frame::{Claim, Cover, Frame, Run, prefix};
use verbund::protocol::limits::{FRAME_HEADS_MAX, PROBE_SIZES_MAX};
use verbund::protocol::record::LogEntry;
use verbund::protocol::settings::Dice as _;

use super::Swarm;
use crate::dice::SeededDice;
use crate::history::History;

/// In which way it lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Liar {
    /// Tells heads and never sends entries.
    Withholds,
    /// Claims logs that go far beyond what there is.
    Boasts,
    /// Changes entries on the way.
    Garbles,
    /// Sends proofs of forks that prove nothing.
    ForgesForks,
    /// Sends counts far beyond the limits.
    CountBombs,
}

impl Liar {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Withholds, Self::Boasts, Self::Garbles, Self::ForgesForks, Self::CountBombs];

    /// What leaves instead of an honest frame.
    pub fn twist(self, frame: Frame, dice: &mut SeededDice) -> Vec<Frame> {
        match (self, frame) {
            (Self::Withholds, Frame::Entries(_)) => Vec::new(),
            (Self::Boasts, Frame::News { since, until, heads }) => {
                vec![Frame::News { since, until, heads: heads.into_iter().map(|head| boast(head, dice)).collect() }]
            }
            (Self::Boasts, Frame::Heads { asked_at, position, buckets, heads }) => {
                let heads = heads.into_iter().map(|head| boast(head, dice)).collect();
                vec![Frame::Heads { asked_at, position, buckets, heads }]
            }
            (Self::Garbles, Frame::Entries(mut run)) => {
                garble(&mut run, dice);
                vec![Frame::Entries(run)]
            }
            (Self::ForgesForks, Frame::Cosigned { note }) => {
                let forged = forged_proof(&note, dice);
                vec![Frame::Cosigned { note }, Frame::ForkProof(forged)]
            }
            (Self::CountBombs, Frame::News { since, until, heads }) if !heads.is_empty() => {
                vec![Frame::News { since, until, heads: vec![heads[0].clone(); FRAME_HEADS_MAX + 1] }]
            }
            (Self::CountBombs, Frame::Ping { digest, position }) => {
                let roots = (1..PROBE_SIZES_MAX as u64 + 9).map(|size| (size, digest)).collect();
                let origin = "schwarm/log/n000/1".parse().expect("origin");
                vec![Frame::Ping { digest, position }, Frame::Probe { origin, low: 0, high: u64::MAX, roots }]
            }
            (_, frame) => vec![frame],
        }
    }
}

fn random_hash(dice: &mut SeededDice) -> Hash {
    let mut hash = [0; 32];
    dice.fill(&mut hash);
    Hash(hash)
}

fn boast(head: Claim, dice: &mut SeededDice) -> Claim {
    Claim { size: head.size + 1 + dice.below(1_000_000), root: prefix(&random_hash(dice)), ..head }
}

fn garble(run: &mut Run, dice: &mut SeededDice) {
    match dice.below(4) {
        0 => run.entries.truncate(run.entries.len() / 2),
        1 => run.entries.iter_mut().for_each(|entry| entry.statement = None),
        2 => match &mut run.cover {
            Cover::Note(note) => *note = note.replacen("schwarm", "schwamm", 1),
            Cover::Signature(signature) => signature.0[0] ^= 1,
        },
        _ => run.consistency.push(random_hash(dice)),
    }
}

/// Two halves with roots nobody has signed, or twice the same.
fn forged_proof(note: &str, dice: &mut SeededDice) -> ForkProof {
    let note = SignedNote::parse(note).expect("an honest note").without_cosignatures();
    let Checkpoint { origin, size, root } = Checkpoint::parse(note.text()).expect("an honest checkpoint");
    let half = |root: Hash| Branch { root, note: note.clone(), proof: Vec::new() };
    let other = if dice.percent(50) { root } else { random_hash(dice) };
    ForkProof { origin, size, first: half(root), second: half(other) }
}

/// Statements as the next entries of a log, under a checkpoint by its own key.
pub fn other_history(origin: &Origin, mut held: History, statements: &[Signed], key: &SecretKey) -> Run {
    let (first, base) = (held.tree.size(), Some(prefix(&held.tree.root())));
    let entry = |signed: &Signed| LogEntry {
        leaf: Leaf::new(signed, Audience::Public, NO_OUTCOME),
        statement: Some(signed.clone()),
    };
    let entries: Vec<LogEntry> = statements.iter().map(entry).collect();
    held.append(&entries);
    let tree = held.tree;
    let note = Checkpoint { origin: origin.clone(), size: tree.size(), root: tree.root() }.sign(key);
    let cover = Cover::of(&note, tree.size(), tree.size());
    Run { origin: origin.clone(), first, base, entries, cover, consistency: Vec::new() }
}

impl Swarm {
    /// The operator of a node shows different histories to its neighbours: as many as `histories`, each of
    /// `statements` entries beyond what all of them have in common.
    pub fn equivocate(&mut self, at: usize, histories: usize, statements: usize) {
        let origin = self.image.origin(at).clone();
        self.watch.expect_fork(&origin);
        let held = History::held(&self.node(at).state().logs[&origin]);
        let key = self.image.keys(at).log.remove(0);
        let name = super::image::node_name(at);
        let neighbours: Vec<usize> = self.sites[at].neighbours.iter().copied().collect();
        for (place, neighbour) in neighbours.into_iter().enumerate() {
            let history = place % histories;
            let told: Vec<Signed> =
                (0..statements).map(|number| self.offering(at, &format!("h{history}-{number}"))).collect();
            let run = other_history(&origin, held.clone(), &told, &key);
            self.step(neighbour, verbund::protocol::Input::Frame(name.clone(), Frame::Entries(run)));
        }
    }
}
