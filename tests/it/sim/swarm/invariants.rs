//! What must hold: after every step, and when the swarm has come to rest. One function per sentence.
use std::collections::{BTreeMap, BTreeSet};

use verbund::domain::id::{Hash, Origin};
use verbund::log::digest::HeadDigest;
use verbund::protocol::Node;
use verbund::protocol::frame::Frame;
use verbund::protocol::limits::{CHECKPOINTS_PENDING_MAX, WANTS_PER_PEER_MAX};
use verbund::protocol::record::Record;
use verbund::protocol::state::LogState;

use super::Swarm;

/// One in so many steps, times the number of logs that must be read, is checked against a node rebuilt from its store.
const REBUILD_ONE_IN: u64 = 200;

/// One in so many steps has its digest computed anew.
const DIGEST_ONE_IN: u64 = 50;

/// What has been seen so far; it outlives every crash.
#[derive(Default)]
pub struct Watch {
    /// Roots of every log by size.
    roots: BTreeMap<Origin, BTreeMap<u64, Hash>>,
    /// How far each node's logs have been compared.
    compared: BTreeMap<(usize, Origin), u64>,
    /// Logs whose publishers tell two histories.
    forked: BTreeSet<Origin>,
}

impl Watch {
    /// A publisher tells two histories of this log.
    pub fn expect_fork(&mut self, origin: &Origin) {
        self.forked.insert(origin.clone());
    }

    /// A node has a shorter store than before.
    pub fn restored(&mut self, at: usize) {
        self.compared.retain(|(node, _), _| *node != at);
    }
}

/// After every step, once its records are stored.
pub fn after_step(swarm: &mut Swarm, at: usize, commit: &[Record]) {
    honest_logs_have_one_history(swarm, at, commit);
    if swarm.steps.is_multiple_of(DIGEST_ONE_IN) {
        the_digest_is_that_of_the_heads(swarm, at);
        memory_is_bounded(swarm, at);
    }
    if swarm.steps.is_multiple_of(REBUILD_ONE_IN * swarm.image.state.logs.len() as u64) {
        the_store_gives_the_node_back(swarm, at);
    }
}

/// Whoever holds a log holds the same log, unless its publisher lies.
fn honest_logs_have_one_history(swarm: &mut Swarm, at: usize, commit: &[Record]) {
    let changed = commit.iter().filter_map(|record| match record {
        Record::Entries { origin, .. } => Some(origin.clone()),
        _ => None,
    });
    for origin in changed.collect::<BTreeSet<_>>() {
        let node = swarm.sites[at].node.as_ref().expect("it has just made a step");
        let log = &node.state().logs[&origin];
        let compared = swarm.watch.compared.entry((at, origin.clone())).or_default();
        let roots = swarm.watch.roots.entry(origin.clone()).or_default();
        let mut differs = None;
        for size in *compared + 1..=log.tree.size() {
            let root = log.tree.root_at(size).expect("size reached");
            if *roots.entry(size).or_insert(root) != root {
                differs = Some(size);
            }
        }
        *compared = log.tree.size();
        if let Some(size) = differs.filter(|_| !swarm.watch.forked.contains(&origin)) {
            swarm.fail(&format!("{at} holds another {origin} at size {size}"));
        }
    }
}

/// The digest that is kept up to date is the one computed from all heads.
fn the_digest_is_that_of_the_heads(swarm: &Swarm, at: usize) {
    let state = swarm.node(at).state();
    if state.digest() != HeadDigest::of(&state.heads()).root() {
        swarm.fail(&format!("{at} has a digest that is not that of its heads"));
    }
}

/// What is held beside the state is bounded by logs and peers.
fn memory_is_bounded(swarm: &Swarm, at: usize) {
    let node = swarm.node(at);
    let (peers, logs) = (node.peers().count(), swarm.image.state.logs.len());
    let bound = peers * (2 * (logs + 2) + WANTS_PER_PEER_MAX) + 3 * logs + CHECKPOINTS_PENDING_MAX;
    if node.replication_load() > bound {
        swarm.fail(&format!("{at} holds {} things for {peers} peers and {logs} logs", node.replication_load()));
    }
}

/// Everything that must survive a restart.
fn picture(node: &Node) -> Vec<String> {
    let state = node.state();
    let mut picture = vec![
        state.digest().to_string(),
        state.catalogue.digest().to_string(),
        format!("{} {:?}", state.journal.position(), state.cursors),
    ];
    picture.extend(state.logs.iter().map(|(origin, log)| {
        let (witnessed, cut) = (log.witnessed_size(), log.cut());
        format!("{origin} {} {:?} {witnessed} {cut:?} {:?}", log.tree.size(), log.tree.root(), log.refused)
    }));
    picture
}

/// The store alone gives the node back: nothing is known that is not durable, and the view is a function of what is
/// stored.
fn the_store_gives_the_node_back(swarm: &Swarm, at: usize) {
    let (live, stored) = (picture(swarm.node(at)), picture(&swarm.rebuild(at)));
    if let Some((live, stored)) = live.iter().zip(&stored).find(|(live, stored)| live != stored) {
        swarm.fail(&format!("{at} knows what it has not stored:\n{live}\n{stored}"));
    }
}

/// Whoever acknowledges a position of a journal holds everything up to it.
pub fn before_sending(swarm: &Swarm, from: usize, to: usize, frame: &Frame) {
    let Frame::Ack { position } = frame else { return };
    let (from_site, to_site) = (&swarm.sites[from], &swarm.sites[to]);
    let (Some(from_node), Some(to_node)) = (&from_site.node, &to_site.node) else { return };
    if from_site.liar.is_some() || to_site.liar.is_some() {
        return;
    }
    // What the run began with is everywhere, but for stores that began anew.
    let is_new = from_site.is_new_store || to_site.is_new_store;
    let begun = if is_new { 0 } else { swarm.image.state.journal.position() };
    for (at, origin) in to_node.state().journal.since(begun) {
        if at > *position {
            break;
        }
        let Some(theirs) = to_node.state().logs.get(origin).map(LogState::size) else { continue };
        let ours = from_node.state().logs.get(origin);
        let held = ours.map_or(0, LogState::size);
        let reachable = ours.and_then(LogState::cut).map_or(theirs, |cut| theirs.min(cut));
        if held < reachable && from_node.settings().origin.node != origin.node {
            let peer = from_node.peers().find(|(node, _)| **node == to_node.settings().origin.node);
            swarm.fail(&format!(
                "{from} acknowledges {position} to {to} and lacks entries of {origin}: {held} of {theirs} at {at}, {peer:?}"
            ));
        }
    }
}

/// Whoever lies may hold what it likes, and nobody speaks with an expelled member.
fn is_honest(swarm: &Swarm, at: usize) -> bool {
    swarm.sites[at].liar.is_none() && !swarm.turns.expelled.contains(&at)
}

/// Why the swarm has not come to rest yet. Liars may hold what they like.
pub fn at_rest(swarm: &Swarm) -> Result<(), String> {
    let mut first = None;
    for (number, site) in swarm.sites.iter().enumerate() {
        let node = site.node.as_ref().ok_or_else(|| format!("{number} is off"))?;
        if !is_honest(swarm, number) {
            continue;
        }
        if node.check_may_sign().is_err() && node.state().logs[&node.settings().origin].cut().is_none() {
            return Err(format!("{number} may not sign yet: {:?}", node.check_may_sign()));
        }
        let (known, digest) = *first.get_or_insert((number, node.state().digest()));
        if node.state().digest() != digest {
            return Err(format!("{number} has other heads than {known}: {}", difference(swarm, number, known)));
        }
    }
    let honest = swarm
        .published
        .iter()
        .filter(|(_, (by, _))| is_honest(swarm, *by) && !swarm.watch.forked.contains(swarm.image.origin(*by)));
    for (id, (by, _)) in honest {
        let lacks = (0..swarm.sites.len())
            .find(|at| is_honest(swarm, *at) && swarm.node(*at).state().places.of(id).next().is_none());
        if let Some(at) = lacks {
            return Err(format!("{at} lacks a statement of {by}"));
        }
    }
    Ok(())
}

fn difference(swarm: &Swarm, one: usize, other: usize) -> String {
    let (one, other) = (swarm.node(one).state().heads(), swarm.node(other).state().heads());
    let differing: Vec<String> =
        one.iter().zip(&other).filter(|(a, b)| a != b).take(2).map(|(a, b)| format!("{a:?} / {b:?}")).collect();
    differing.join(", ")
}

/// What must hold once the swarm rests.
pub fn at_the_end(swarm: &mut Swarm) {
    let honest: Vec<usize> = (0..swarm.sites.len()).filter(|at| is_honest(swarm, *at)).collect();
    let first = honest[0];
    let forks = |at: usize| -> BTreeMap<Origin, u64> {
        swarm.node(at).forks().map(|(origin, cut)| (origin.clone(), cut)).collect()
    };
    for at in &honest {
        if swarm.node(*at).state().catalogue.digest() != swarm.node(first).state().catalogue.digest() {
            swarm.fail(&format!("{at} shows another catalogue than {first}"));
        }
        if forks(*at) != forks(first) {
            swarm.fail(&format!("{at} cuts other logs than {first}"));
        }
    }
    if let Some((origin, cut)) = forks(first).iter().find(|(origin, _)| !swarm.watch.forked.contains(origin)) {
        swarm.fail(&format!("{origin} is cut at {cut} although its publisher is honest"));
    }
    super::turns::at_the_end(swarm, &honest);
    let sampled = *swarm.dice.one_of(&honest);
    the_store_gives_the_node_back(swarm, sampled);
}
