//! With which nodes a node keeps a stream: those its operator has named, the witnesses, and a few at random. Random ones
//! hold the network together whoever fails; they change slowly, so that nobody can wait to become one.
//!
//! Must never depend on what a peer says of itself: only nodes with a record in an admitted log are drawn.
use std::collections::BTreeSet;

use crate::domain::id::NodeId;
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::settings::Dice;

/// Streams kept at random. With eight each, thousands of nodes hang together though every third of them is away.
pub const DEGREE: usize = 8;

/// So many others are all kept, which costs less than a choice and spreads faster.
pub const ALL_MAX: usize = 2 * DEGREE;

/// How often one random node is replaced by another, in milliseconds: a day sees every node of a small federation.
pub const REDRAW_MS: u64 = 10 * 60 * 1000;

/// Who opened a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialler {
    /// This node.
    Us,
    /// The other.
    Them,
}

/// Whether a new stream with a peer takes the place of the one that is open. A side that opens a second one has lost
/// its first. Where both sides have opened one, both keep that of the node whose name comes first.
pub fn replaces(own: &NodeId, peer: &NodeId, open: Dialler, new: Dialler) -> bool {
    open == new || (new == Dialler::Us) == (own < peer)
}

/// Whom to keep a stream to: all of `fixed`, and [`DEGREE`] others of `all`. Those kept `formerly` stay; if a redraw is
/// due, one of them gives way to another.
pub fn choose(
    all: &BTreeSet<NodeId>,
    fixed: &BTreeSet<NodeId>,
    formerly: &BTreeSet<NodeId>,
    is_redraw_due: bool,
    dice: &mut dyn Dice,
) -> BTreeSet<NodeId> {
    if all.len() <= ALL_MAX {
        return all.clone();
    }
    let mut chosen: BTreeSet<NodeId> = all.intersection(fixed).cloned().collect();
    let (mut drawn, mut left): (Vec<&NodeId>, Vec<&NodeId>) =
        all.difference(fixed).partition(|node| formerly.contains(*node));
    while drawn.len() > DEGREE {
        take(&mut drawn, dice);
    }
    if is_redraw_due && drawn.len() == DEGREE && !left.is_empty() {
        take(&mut drawn, dice);
    }
    while drawn.len() < DEGREE
        && let Some(node) = take(&mut left, dice)
    {
        drawn.push(node);
    }
    chosen.extend(drawn.into_iter().cloned());
    chosen
}

/// Takes one at random.
fn take<'a>(from: &mut Vec<&'a NodeId>, dice: &mut dyn Dice) -> Option<&'a NodeId> {
    let at = usize::try_from(dice.below(from.len() as u64)).ok().filter(|at| *at < from.len())?;
    Some(from.swap_remove(at))
}

impl Node {
    /// Whom to keep a stream to now. Nodes that broke the protocol are left alone for a while, those of expelled operators
    /// for good.
    pub fn choose_peers(
        &self,
        formerly: &BTreeSet<NodeId>,
        is_redraw_due: bool,
        now: Timestamp,
        dice: &mut dyn Dice,
    ) -> BTreeSet<NodeId> {
        let registry = &self.state.registry;
        let mut all: BTreeSet<NodeId> = registry.node_records().into_keys().cloned().collect();
        let mut fixed = self.settings.anchors.clone();
        all.extend(fixed.iter().cloned());
        fixed.extend(registry.newest_root().into_iter().flat_map(|root| root.witnesses.nodes.iter().cloned()));
        let is_shunned = |node: &NodeId| self.shunned().any(|(peer, shunned)| peer == node && now < shunned.until);
        all.retain(|node| node != self.settings.node() && !is_shunned(node) && self.check_peer(node).is_ok());
        choose(&all, &fixed, formerly, is_redraw_due, dice)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Dice that throw a simple sequence.
    struct Sequence(u64);

    impl Dice for Sequence {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = self.0.to_le_bytes()[7];
            }
        }
    }

    fn node(number: usize) -> NodeId {
        format!("node-{number:03}").parse().expect("a name")
    }

    fn nodes(numbers: std::ops::Range<usize>) -> BTreeSet<NodeId> {
        numbers.map(node).collect()
    }

    #[test]
    fn of_two_streams_both_sides_keep_the_same_one() {
        let (first, second) = (node(1), node(2));
        for (open, new) in [(Dialler::Us, Dialler::Them), (Dialler::Them, Dialler::Us)] {
            // What one side opened, the other sees as opened by them. The order of arrival may differ.
            let kept_by_first = if replaces(&first, &second, open, new) { new } else { open };
            for (open, new) in [(Dialler::Us, Dialler::Them), (Dialler::Them, Dialler::Us)] {
                let kept_by_second = if replaces(&second, &first, open, new) { new } else { open };
                assert_eq!((kept_by_first, kept_by_second), (Dialler::Us, Dialler::Them));
            }
        }
        assert!(
            replaces(&first, &second, Dialler::Them, Dialler::Them),
            "a side that dials again has lost the first"
        );
    }

    #[test]
    fn few_are_all_kept_and_of_many_the_fixed_ones_and_a_degree() {
        let (none, mut dice) = (BTreeSet::new(), Sequence(1));
        assert_eq!(choose(&nodes(0..ALL_MAX), &none, &none, false, &mut dice), nodes(0..ALL_MAX));
        let (all, fixed) = (nodes(0..100), nodes(95..105));
        let first = choose(&all, &fixed, &none, false, &mut dice);
        assert!(nodes(95..100).is_subset(&first), "nodes that are not known cannot be kept");
        assert_eq!(first.len(), 5 + DEGREE);
        assert_eq!(choose(&all, &fixed, &first, false, &mut dice), first, "nothing changes by itself");
        let redrawn = choose(&all, &fixed, &first, true, &mut dice);
        assert_eq!((first.difference(&redrawn).count(), redrawn.difference(&first).count()), (1, 1));
        let without_one: BTreeSet<NodeId> = all.iter().filter(|node| first.first() != Some(*node)).cloned().collect();
        let refilled = choose(&without_one, &fixed, &first, false, &mut dice);
        assert_eq!((refilled.len(), first.difference(&refilled).count()), (first.len(), 1));
        assert_eq!(choose(&all, &none, &all, false, &mut dice).len(), DEGREE, "more than enough are given up");
    }

    #[test]
    fn a_thousand_nodes_hang_together_though_every_third_is_away() {
        let (all, mut dice) = (nodes(0..1_000), Sequence(7));
        let here: BTreeSet<NodeId> =
            all.iter().enumerate().filter(|(at, _)| at % 3 != 0).map(|(_, n)| n.clone()).collect();
        let mut links: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for node in &here {
            let others = all.iter().filter(|other| *other != node).cloned().collect();
            for peer in choose(&others, &BTreeSet::new(), &BTreeSet::new(), false, &mut dice).intersection(&here) {
                links.entry(node.clone()).or_default().insert(peer.clone());
                links.entry(peer.clone()).or_default().insert(node.clone());
            }
        }
        let mut reached: BTreeSet<NodeId> = here.first().cloned().into_iter().collect();
        let mut edge: Vec<NodeId> = reached.iter().cloned().collect();
        while let Some(node) = edge.pop() {
            let next = links.get(&node).into_iter().flatten();
            edge.extend(next.filter(|peer| reached.insert((*peer).clone())).cloned());
        }
        assert_eq!(reached, here);
    }
}
