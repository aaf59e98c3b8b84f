//! Later logs of a node: only whoever operates it may begin one.
use verbund::domain::id::{NodeId, Origin};
use verbund::domain::reason::Reason;
use verbund::log::merkle::Tree;
use verbund::protocol::frame::{Claim, Frame, Run, prefix};
use verbund::protocol::{Effect, Input, Node, Step};

use super::image::{Image, node_name};
use super::liars::other_history;
use super::{Faults, Swarm};
use crate::dice::SeededDice;
use crate::history::History;

/// The node in whose name a log is begun; a witness.
const NODE: usize = 1;

fn swarm() -> Swarm {
    Swarm::new(1, 6, 4, Faults::none())
}

/// The second log of [`NODE`], begun by the organisation of `by` with everything that organisation has: its admission,
/// its root keys, its online keys.
fn begun_by(image: &Image, by: usize) -> Run {
    let origin = Origin { epoch: 2, ..image.origin(NODE).clone() };
    let statements = image.second_log(by, NODE);
    other_history(&origin, History::default(), &statements, &image.keys(by).log[0])
}

fn hear(node: &mut Node, swarm: &Swarm, frame: Frame) -> Step {
    node.step(Input::PeerUp(node_name(0)), swarm.now);
    node.step(Input::Frame(node_name(0), frame), swarm.now)
}

fn closed(step: &Step) -> Option<Reason> {
    step.then.iter().find_map(|effect| match effect {
        Effect::Disconnect(_, refusal) => Some(refusal.reason),
        _ => None,
    })
}

fn wanted(step: &Step) -> Vec<(NodeId, u32)> {
    let wants = step.then.iter().filter_map(|effect| match effect {
        Effect::Send(_, Frame::Want(wanted)) => Some((wanted.origin.node.clone(), wanted.origin.epoch)),
        _ => None,
    });
    wants.collect()
}

#[test]
fn the_operator_may_begin_another_log_of_its_node() {
    let swarm = swarm();
    let (mut node, run) = (swarm.rebuild(3), begun_by(swarm.image, NODE));
    let step = hear(&mut node, &swarm, Frame::Entries(run.clone()));
    assert_eq!((closed(&step), node.state().head(&run.origin).is_some()), (None, true));
}

/// An admitted organisation writes a log under the name of somebody else's node. Its record, its witness key and its
/// statements would else stand beside the node's own.
#[test]
fn nobody_else_may() {
    let swarm = swarm();
    let (mut node, run) = (swarm.rebuild(3), begun_by(swarm.image, 5));
    let before = node.witnesses();
    let step = hear(&mut node, &swarm, Frame::Entries(run.clone()));
    assert_eq!(closed(&step), Some(Reason::EpochForeign));
    assert!(step.commit.is_empty() && node.state().head(&run.origin).is_none());
    assert!(node.state().registry.log(&run.origin).is_none() && node.witnesses() == before);
}

/// Whoever may begin a log is known from the log before, so that one comes first, whatever order peers send them in.
#[test]
fn a_later_log_waits_for_the_one_before() {
    let (swarm, image) = (swarm(), Image::of(6));
    let mut node = Node::new(image.settings(3), image.keys(3), Box::new(SeededDice::new(1, "empty")));
    let run = begun_by(image, 5);
    let step = hear(&mut node, &swarm, Frame::Entries(run.clone()));
    assert_eq!((closed(&step), node.state().head(&run.origin).is_none()), (None, true), "not judged yet");
    let later =
        Claim { origin: run.origin.clone(), size: 9, root: prefix(&Tree::default().root()), witnessed: 0, cut: None };
    let first = Claim::from(&swarm.node(0).state().head(image.origin(NODE)).expect("begun"));
    let step = hear(&mut node, &swarm, Frame::News { since: 0, until: 9, heads: vec![later, first] });
    assert_eq!(wanted(&step), [(node_name(NODE), 1)]);
    let genesis =
        other_history(image.origin(NODE), History::default(), &image.genesis(NODE), &image.keys(NODE).log[0]);
    let step = node.step(Input::Frame(node_name(0), Frame::Entries(genesis)), swarm.now);
    assert_eq!((closed(&step), wanted(&step)), (None, vec![(node_name(NODE), 2)]));
    let step = node.step(Input::Frame(node_name(0), Frame::Entries(run)), swarm.now);
    assert_eq!(closed(&step), Some(Reason::EpochForeign));
}
