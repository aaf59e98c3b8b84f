//! Properties of replication: the view is a function of the set of entries, and no bytes make a node panic.
use std::sync::OnceLock;

use proptest::prelude::*;
use prost::Message as _;
use verbund::domain::statement::Signed;
use verbund::log::checkpoint::Checkpoint;
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::protocol::frame::{Cover, Frame, Run, prefix};
use verbund::protocol::record::LogEntry;
use verbund::protocol::{Effect, Input, Node};
use verbund::wire::pb::peer::v1 as pb;
use verbund::wire::peer::Heard;

use super::image::{Image, federation, node_name};
use super::{Faults, Swarm};
use crate::dice::SeededDice;
use crate::history::tree_of;

/// Logs in the permutation property, and entries beyond the beginning of each.
const LOGS: usize = 4;
const ENTRIES: usize = 5;

/// Bytes changed in a frame at most.
const CHANGES_MAX: usize = 6;

fn fresh_node(image: &'static Image) -> Node {
    let mut node = Node::new(image.settings(0), image.keys(0), Box::new(SeededDice::new(1, "property")));
    node.step(Input::Started, super::image::start());
    node.step(Input::PeerUp(node_name(1)), super::image::start());
    node
}

/// Every run of every log, in every length: first, end.
fn runs(image: &'static Image, log: usize) -> Vec<Run> {
    let origin = image.origin(log).clone();
    let mut statements: Vec<Signed> = image.genesis(log);
    statements.extend((0..ENTRIES).map(|number| image.offering(log, &format!("a-{number}"))));
    let genesis = image.genesis(log).len();
    let entry = |signed: &Signed| LogEntry {
        leaf: Leaf::new(signed, Audience::Public, NO_OUTCOME),
        statement: Some(signed.clone()),
    };
    let entries: Vec<LogEntry> = statements.iter().map(entry).collect();
    let tree = tree_of(&entries);
    let key = image.keys(log).log.remove(0);
    let note = Checkpoint { origin: origin.clone(), size: tree.size(), root: tree.root() }.sign(&key);
    let mut runs = Vec::new();
    for first in std::iter::once(0).chain(genesis..entries.len()) {
        for end in genesis.max(first + 1)..=entries.len() {
            runs.push(Run {
                origin: origin.clone(),
                first: first as u64,
                base: Some(prefix(&tree.root_at(first as u64).expect("held"))),
                entries: entries[first..end].to_vec(),
                cover: Cover::of(&note, tree.size(), end as u64),
                consistency: tree.consistency_proof(end as u64, tree.size()).expect("held"),
            });
        }
    }
    runs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any permutation, duplication or split of the same entries gives the same digest and the same view.
    #[test]
    fn the_view_is_a_function_of_the_set(order in prop::collection::vec(any::<prop::sample::Index>(), 40..80)) {
        static RUNS: OnceLock<Vec<Run>> = OnceLock::new();
        let image = Image::of(6);
        let runs = RUNS.get_or_init(|| (1..=LOGS).flat_map(|log| runs(image, log)).collect());
        let (mut shuffled, mut straight) = (fresh_node(image), fresh_node(image));
        let feed = |node: &mut Node, run: &Run| {
            let step = node.step(Input::Frame(node_name(1), Frame::Entries(run.clone())), super::image::start());
            assert!(!step.then.iter().any(|effect| matches!(effect, Effect::Disconnect(..))));
        };
        order.iter().for_each(|index| feed(&mut shuffled, index.get(runs)));
        // What the throw left out comes last.
        runs.iter().rev().for_each(|run| feed(&mut shuffled, run));
        runs.iter().for_each(|run| feed(&mut shuffled, run));
        runs.iter().for_each(|run| feed(&mut straight, run));
        prop_assert_eq!(shuffled.state().digest(), straight.state().digest());
        prop_assert_eq!(shuffled.state().catalogue.digest(), straight.state().catalogue.digest());
        prop_assert_eq!(straight.state().catalogue.on_offer().count(), LOGS * ENTRIES);
    }

    /// Whatever arrives instead of a frame is refused or handled; nothing panics.
    #[test]
    fn no_bytes_make_a_node_panic(
        frame in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..CHANGES_MAX),
        cut in any::<prop::sample::Index>(),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let (frames, image) = (traffic(), Image::of(6));
        let mut bytes = frame.get(frames).clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if tail.len().is_multiple_of(3) {
            bytes.truncate(cut.index(bytes.len()));
            bytes.extend(tail);
        }
        meet(&mut node_of(image), &bytes);
    }

    /// The same for bytes that never were a frame.
    #[test]
    fn noise_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        meet(&mut node_of(Image::of(6)), &bytes);
    }
}

/// The long run: `VERBUND_FUZZ=1000000 cargo test --release --test it swarm::properties::fuzz -- --ignored`.
#[test]
#[ignore = "a long run, started by hand: VERBUND_FUZZ says how many frames"]
fn fuzz() {
    let count: u64 = std::env::var("VERBUND_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let (frames, image) = (traffic(), Image::of(6));
    let mut dice = SeededDice::new(count, "fuzz");
    let mut node = node_of(image);
    for number in 0..count {
        if number.is_multiple_of(1_000) {
            node = node_of(image);
        }
        let mut bytes = dice.one_of(frames).clone();
        for _ in 0..dice.between(0, CHANGES_MAX as i64) {
            let at = usize::try_from(dice.between(0, bytes.len() as i64 - 1)).expect("within");
            bytes[at] = u8::try_from(dice.between(0, 255)).expect("a byte");
        }
        meet(&mut node, &bytes);
    }
}

fn node_of(image: &'static Image) -> Node {
    let mut state = image.state.clone();
    state.own = image.origin(0).clone();
    let mut node = Node::resume(image.settings(0), image.keys(0), Box::new(SeededDice::new(1, "property")), state);
    node.step(Input::Started, super::image::start());
    node.step(Input::PeerUp(node_name(1)), super::image::start());
    node
}

fn meet(node: &mut Node, bytes: &[u8]) {
    let Ok(message) = pb::Frame::decode(bytes) else { return };
    if let Ok(Heard::Frame(frame)) = Heard::read(message, &federation()) {
        let now = super::image::start();
        node.step(Input::PeerUp(node_name(1)), now);
        node.step(Input::Frame(node_name(1), frame), now);
    }
}

/// Frames of every kind, as an eventful run sends them.
fn traffic() -> &'static Vec<Vec<u8>> {
    static TRAFFIC: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    TRAFFIC.get_or_init(|| {
        let mut swarm = Swarm::new(5, 6, 4, Faults::none());
        swarm.record = Some(Vec::new());
        swarm.run(1_000);
        let signed = swarm.offering(4, "neu");
        swarm.publish(4, &signed).expect("a good offering");
        swarm.run(1_000);
        swarm.die(3, 300);
        swarm.run(2_000);
        swarm.equivocate(5, 2, 40);
        swarm.run(5_000);
        swarm.begin_empty(2);
        swarm.run(5_000);
        let frames = swarm.record.take().expect("it records");
        frames.iter().map(|frame| pb::Frame::from(frame).encode_to_vec()).collect()
    })
}
