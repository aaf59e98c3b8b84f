//! Parts of a node's records rot while orders run: it passes over them, and everything comes back from the others and from its
//! deposits. Settled orders rest meanwhile, and are read back as they were let go of.
//!
//! `cargo test` takes a few seeds; `VERBUND_SEEDS=1000 cargo test --release --test it sim::holes::` more, and
//! `VERBUND_SEED=17` one again.
use verbund::domain::id::{Hash, NodeId, OrderId};
use verbund::protocol::Node;

use super::faults::Faults;
use super::{World, invariants};
use crate::dice::{SeededDice, each_seed};
use crate::federation::{CHAIN, NODES, WAYS, name, sign_request, start};

/// Seeds in an ordinary run; `VERBUND_SEEDS` asks for more.
const SEEDS: u64 = 8;

/// Orders of a run, and for how long new ones come, in milliseconds.
const ORDERS: usize = 4;
const COMING_MS: i64 = 8_000;

/// From one loss to the next, in milliseconds: what is lost twice before the first came back may be gone for good.
const BETWEEN_MS: [i64; 2] = [1_000, 4_000];

/// How long a node takes that is started again, in milliseconds.
const DOWN_MS: i64 = 300;

/// Most batches in one hole.
const HOLE_MAX: i64 = 6;

/// How long taking back may take, in milliseconds.
const BACK_MS: i64 = 120_000;

#[test]
fn what_rots_while_orders_run_comes_back() {
    each_seed(SEEDS, run_seed);
}

/// A provider's node had stored its acceptance behind the hole and delivered it, but had shown nobody the entry: the order was
/// known without it afterwards, and could not be read back from a store that had it.
#[test]
fn what_was_said_behind_a_hole_and_shown_to_nobody_is_not_forgotten() {
    run_seed(14);
}

fn run_seed(seed: u64) {
    let mut dice = SeededDice::new(seed, "holes");
    let faults = Faults { delay_ms: (1, *dice.one_of(&[1, 20, 150])), ..Faults::none() };
    let mut world = World { deposits: true, ..World::empty(seed, faults, start()) }.begun(|_, _| {});
    let orders: Vec<(NodeId, OrderId)> = (0..ORDERS).map(|number| order(&mut world, &mut dice, number)).collect();
    for _ in 0..dice.between(1, 3) {
        if dice.percent(50) {
            world.settle_at_once();
        }
        world.run(dice.between(BETWEEN_MS[0], BETWEEN_MS[1]));
        let node: NodeId = name(dice.one_of(&NODES).0);
        let hole = Hole::some(&world, &mut dice, &node);
        match dice.percent(50) {
            true => world.rot_while_off(&node, hole),
            false => world.rot_while_running(&node, hole),
        }
        assert!(world.run_until(BACK_MS, everything_is_back), "seed {seed}: {node} takes back what it lost");
    }
    world.run(COMING_MS);
    world.settle();
    nobody_forks(&world);
    assert!(everything_is_back(&mut world), "seed {seed}");
    for (home, order) in orders {
        invariants::a_bundle_verifies(&world, &home, order);
    }
}

/// An order that comes at some moment.
fn order(world: &mut World, dice: &mut SeededDice, number: usize) -> (NodeId, OrderId) {
    let at_ms = dice.between(0, COMING_MS);
    let way = if dice.percent(60) { CHAIN.as_slice() } else { *dice.one_of(&WAYS) };
    let request = world.federation.request_by(way, &format!("order-{number}"), start().plus_ms(at_ms));
    let home = world.federation.home(&request.buyer);
    world.send_officer(at_ms, home.clone(), sign_request(&request));
    (home, request.order)
}

/// No log is seen in two histories, by anybody.
fn nobody_forks(world: &World) {
    for (node, _) in NODES {
        assert_eq!(world.node(node).forks().count(), 0, "seed {}: {node} knows of a fork", world.seed);
    }
}

/// Every node takes part again and lacks no statement.
fn everything_is_back(world: &mut World) -> bool {
    let is_back = |node: &Node| node.check_may_broker().is_ok() && node.missing_statements() == 0;
    world.sites.values().all(|site| site.node.as_ref().is_some_and(is_back))
}

/// Batches in a row that can no longer be read.
struct Hole {
    first: usize,
    end: usize,
    is_at_end: bool,
}

impl Hole {
    /// Anywhere, or among what was written last.
    fn some(world: &World, dice: &mut SeededDice, node: &NodeId) -> Self {
        let count = world.sites[node].store.batches();
        let from = if dice.percent(50) { 0 } else { count.saturating_sub(20) };
        let first = usize::try_from(dice.between(from as i64, count as i64 - 1)).expect("small");
        let end = (first + usize::try_from(dice.between(1, HOLE_MAX)).expect("small")).min(count);
        Self { first, end, is_at_end: end == count }
    }
}

impl World {
    /// The store of a node that does not run rots; the node finds that at its start.
    fn rot_while_off(&mut self, node: &NodeId, hole: Hole) {
        self.die(node, DOWN_MS);
        self.rot(node, &hole);
        self.site(node).is_new_store = hole.is_at_end;
    }

    /// The store of a node that runs rots; the node is told, and reads it again around what is lost.
    fn rot_while_running(&mut self, node: &NodeId, hole: Hole) {
        self.rot(node, &hole);
        let holes = self.sites[node].holes.expect("it has just got one");
        let running = self.site(node).node.as_mut().expect("it runs");
        running.has_lost(holes);
        if hole.is_at_end {
            running.has_lost_its_end();
        }
        self.start_over(node);
    }

    fn rot(&mut self, node: &NodeId, hole: &Hole) {
        let site = self.site(node);
        let places = format!("{:?} {} {}", site.holes, hole.first, hole.end);
        site.store = site.store.rotten(hole.first..hole.end).expect("what was encoded can be decoded");
        site.holes = Some(Hash::of(places.as_bytes()));
        self.watch.lost_its_disk(node);
    }
}
