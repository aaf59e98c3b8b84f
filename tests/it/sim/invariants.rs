//! What must hold: after every step, and when the world has come to rest. One function per sentence.
//!
//! The numbers are those of the invariants of the ordering protocol: I1 no order lost, I2 no double order, I3 a seal
//! is complete, I5 agreement, I7 duplicates change nothing, I9 logs never fork, I10 prices add up, I13 nothing is said
//! that is not stored, I15 outboxes drain.
use std::collections::BTreeMap;

use verbund::domain::id::{Hash, NodeId, OrderId, Origin, StatementId};
use verbund::domain::law::Verdict;
use verbund::domain::money::Cents;
use verbund::domain::order::Attempt;
use verbund::domain::statement::{Kind, Signed};
use verbund::log::leaf::Audience;
use verbund::log::merkle::{Tree, leaf_hash};
use verbund::protocol::Node;
use verbund::protocol::frame::{Delivery, DeliveryKey, Frame};
use verbund::protocol::record::Record;

use crate::sim::World;

/// One in so many frames sent is checked against a node rebuilt from the store.
const REBUILD_ONE_IN: i64 = 5_000;

/// What has been seen so far; it outlives every crash.
#[derive(Default)]
pub struct Watch {
    /// The first outcome anyone has stored, by order and attempt.
    outcomes: BTreeMap<(OrderId, u32), StatementId>,
    /// Roots of every log by size.
    roots: BTreeMap<Origin, Vec<Hash>>,
    /// How far each node's logs have been compared.
    compared: BTreeMap<(NodeId, Origin), u64>,
    /// The receipt for each message and receiver.
    receipts: BTreeMap<DeliveryKey, Vec<u8>>,
    /// Messages by what no author may say twice: order, attempt, author's key, kind.
    said: BTreeMap<(OrderId, u32, String, String), StatementId>,
    /// A party of this world contradicts itself.
    liars: bool,
}

impl Watch {
    /// A test in which someone signs what honest nodes never would says so.
    pub fn expect_liars(&mut self) {
        self.liars = true;
    }
}

/// After every step, once its records are stored.
pub fn after_step(world: &mut World, at: &NodeId, commit: &[Record]) {
    logs_never_fork(world, at);
    nobody_says_two_things(world, at, commit);
    one_outcome_per_attempt(world, at, commit);
}

/// I9: whoever holds a log holds the same log.
fn logs_never_fork(world: &mut World, at: &NodeId) {
    let node = world.sites[at].node.as_ref().expect("it has just made a step");
    let mut fork = None;
    for (origin, log) in &node.state().logs {
        let compared = world.watch.compared.entry((at.clone(), origin.clone())).or_default();
        let roots = world.watch.roots.entry(origin.clone()).or_default();
        for size in *compared + 1..=log.tree.size() {
            let root = log.tree.root_at(size).expect("size reached");
            match roots.get(usize::try_from(size - 1).expect("small")) {
                None => roots.push(root),
                Some(known) if *known == root => {}
                Some(_) => fork = Some(format!("I9: {at} holds another {origin} at size {size}")),
            }
        }
        *compared = (*compared).max(log.tree.size());
    }
    if let Some(fork) = fork.filter(|_| !world.watch.liars) {
        world.fail(&fork);
    }
}

/// I8: no party makes two different statements of one kind about one attempt, not even across a crash.
fn nobody_says_two_things(world: &mut World, at: &NodeId, commit: &[Record]) {
    for signed in commit.iter().flat_map(Record::statements) {
        let body = verbund::domain::body::Body::read(signed).expect("stored statements are readable");
        let (Some((order, attempt)), false) = (body.order(), matches!(signed.kind(), Kind::Receipt)) else {
            continue;
        };
        let author = body.signer_rule().map(|(org, _)| org.to_string()).unwrap_or_default();
        let key = (order, attempt, author, signed.kind().to_string());
        let first = *world.watch.said.entry(key).or_insert(signed.id());
        if first != signed.id() && !world.watch.liars {
            world.fail(&format!("I8: {at} stored {signed:?} beside {first:?}"));
        }
    }
}

/// I2, I5: one outcome per attempt over all nodes and restarts, and never both kinds.
fn one_outcome_per_attempt(world: &mut World, at: &NodeId, commit: &[Record]) {
    if !commit.iter().flat_map(Record::statements).any(|signed| matches!(signed.kind(), Kind::Seal | Kind::Void)) {
        return;
    }
    let node = world.sites[at].node.as_ref().expect("it has just made a step");
    let mut wrong = Vec::new();
    for (order, known) in &node.state().orders {
        for (number, attempt) in &known.attempts {
            if attempt.seal.is_some() && attempt.void.is_some() {
                wrong.push(format!("I2: {at} holds seal and void of {order}"));
            }
            let Some(outcome) = outcome_of(attempt) else { continue };
            let first = *world.watch.outcomes.entry((*order, *number)).or_insert(outcome);
            if first != outcome {
                wrong.push(format!("I5: {at} holds outcome {outcome:?} of {order}, another node {first:?}"));
            }
            wrong.extend(seal_is_complete(node, attempt).err());
        }
    }
    if let Some(wrong) = wrong.first() {
        world.fail(wrong);
    }
}

/// The outcome of an attempt.
pub fn outcome_of(attempt: &Attempt) -> Option<StatementId> {
    attempt.seal.as_ref().map(|seal| seal.id()).or(attempt.void.as_ref().map(|void| void.id()))
}

/// I3, I10: where the buyer is at home a seal covers the whole chain, adds up, and every leg holds on its day.
fn seal_is_complete(node: &Node, attempt: &Attempt) -> Result<(), String> {
    let Some(seal) = attempt.seal.as_ref().map(|seal| seal.body()) else { return Ok(()) };
    let request = attempt.request.body();
    if !node.state().is_local(&request.buyer) {
        return Ok(());
    }
    let refuse = |what: &str| Err(format!("I3: {what} in {}", request.order));
    if attempt.chain().map_err(|refusal| format!("I3: {refusal}"))? != seal.chain {
        return refuse("another chain is sealed");
    }
    let parts = attempt.price().map_err(|refusal| format!("I10: {refusal}"))?;
    let sum: i64 = parts.iter().map(|(_, part)| part.get()).sum();
    if parts.len() != attempt.legs() || Cents::try_from(sum) != Ok(seal.total) || seal.total > request.total_max {
        return refuse("the price does not add up");
    }
    what_was_previewed_is_sealed(node, attempt)?;
    let legs = attempt.leg_findings();
    if legs.len() != attempt.legs() || legs.iter().any(|leg| leg.verdict != Verdict::Fulfilled) {
        return refuse("a leg is not fulfilled");
    }
    let day = seal.signed_at.date();
    let mut today = request.route.legs().map(|leg| node.judge(&request.rule_pack, leg, day, day));
    match today.all(|leg| leg.is_ok_and(|leg| leg.verdict == Verdict::Fulfilled)) {
        true => Ok(()),
        false => refuse("a leg was not fulfilled on the day of the seal"),
    }
}

/// I10: the order carries what a preview says of everyone whose price list has reached the buyer.
fn what_was_previewed_is_sealed(node: &Node, attempt: &Attempt) -> Result<(), String> {
    let request = attempt.request.body();
    let priced = node.price_preview(&request.offering, &request.route, request.term_years, request.quantities);
    let legs = priced.map_err(|refusal| format!("I10: {refusal}"))?.preview.legs;
    for (leg, (org, part)) in legs.iter().zip(attempt.price().map_err(|refusal| format!("I10: {refusal}"))?) {
        if leg.org != org || leg.items.is_some() && leg.total != part {
            return Err(format!("I10: {org} was previewed with {} and offered {part}", leg.total));
        }
    }
    Ok(())
}

/// Before a frame leaves: I13, sampled, and no confidential word to others.
pub fn before_sending(world: &mut World, from: &NodeId, frame: &Frame) {
    if let Frame::Entries(run) = frame
        && run.entries.iter().any(|entry| entry.leaf.audience() == Audience::Parties && entry.statement.is_some())
    {
        world.fail(&format!("{from} sends a confidential statement to a peer"));
    }
    if world.dice.between(1, REBUILD_ONE_IN) == 1 {
        nothing_is_said_that_is_not_stored(world, from);
    }
}

/// I13: the store alone gives the node back.
fn nothing_is_said_that_is_not_stored(world: &World, at: &NodeId) {
    let (live, stored) = (world.sites[at].node.as_ref().expect("it speaks"), world.rebuild(at));
    if picture(live) != picture(&stored) {
        world.fail(&format!("I13: {at} knows what it has not stored:\n{:?}\n{:?}", picture(live), picture(&stored)));
    }
}

/// Everything that must survive a restart.
fn picture(node: &Node) -> Vec<String> {
    let state = node.state();
    let mut picture = vec![state.digest().to_string(), state.catalogue.digest().to_string()];
    picture.extend(state.logs.iter().map(|(origin, log)| {
        let witnessed = log.witnessed.as_ref().map(|(size, _)| *size);
        let note = log.note.as_ref().map(|note| note.text().to_owned());
        format!("{origin} {} {:?} {witnessed:?} {note:?} {:?}", log.tree.size(), log.tree.root(), log.refused)
    }));
    picture.extend(state.orders.iter().map(|(order, known)| {
        let messages: Vec<StatementId> =
            known.attempts.values().flat_map(|attempt| attempt.messages()).map(Signed::id).collect();
        format!("{order} {messages:?} {:?} {:?}", known.contradictions, known.delivered)
    }));
    picture.extend(state.receipts.keys().map(|key| format!("{key:?}")));
    picture.push(format!(
        "{} {} {}",
        state.facts.memberships().count(),
        state.facts.entities().count(),
        state.packs.len()
    ));
    picture
}

/// I9, I13: a restart loses nothing that others have seen.
pub fn after_restart(world: &World, at: &NodeId, rebuilt: &Node) {
    for ((node, origin), size) in &world.watch.compared {
        let held = rebuilt.state().logs.get(origin).map_or(0, |log| log.tree.size());
        if node == at && held < *size {
            world.fail(&format!("I13: {at} restarts with {held} entries of {origin}, it had {size}"));
        }
    }
}

/// A node's picture, if it has receipted this delivery before.
pub fn before_delivery(world: &World, to: &NodeId, delivery: &Delivery) -> Option<Vec<String>> {
    let node = world.sites[to].node.as_ref()?;
    let known = node.state().receipts.contains_key(&(delivery.message, delivery.to.clone()));
    known.then(|| picture(node))
}

/// I7: a delivery that was receipted before changes nothing.
pub fn after_delivery(world: &World, to: &NodeId, key: &DeliveryKey, before: Option<Vec<String>>) {
    if let (Some(before), Some(node)) = (before, world.sites[to].node.as_ref())
        && before != picture(node)
    {
        world.fail(&format!("I7: the repeated delivery {key:?} changed {to}"));
    }
}

/// I7: the same delivery gets the same bytes, also after a restart.
pub fn receipts_never_change(world: &mut World, key: &DeliveryKey, receipt: &Signed) {
    let bytes = [receipt.pae(), &receipt.signatures()[0].signature.0].concat();
    let first = world.watch.receipts.entry(key.clone()).or_insert_with(|| bytes.clone());
    if *first != bytes {
        world.fail(&format!("I7: a second receipt for {key:?}"));
    }
}

/// Why the world has not come to rest yet.
pub fn at_rest(world: &World) -> Result<(), String> {
    if world.open_errands() > 0 {
        return Err("an officer waits for an answer".to_owned());
    }
    let mut running = Vec::new();
    for (name, site) in &world.sites {
        running.push((name, site.node.as_ref().ok_or_else(|| format!("{name} is off"))?));
    }
    for (name, node) in &running {
        for (order, known) in &node.state().orders {
            let decided = known.attempts.values().all(|attempt| outcome_of(attempt).is_some());
            if !decided && known.contradictions.is_empty() {
                return Err(format!("I1: {name} waits for the outcome of {order}"));
            }
        }
        if !node.outbox().is_empty() {
            return Err(format!("I15: {name} has {} deliveries left", node.outbox().len()));
        }
        if node.state().digest() != running[0].1.state().digest() {
            return Err(format!("{name} has other heads than {}", running[0].0));
        }
    }
    running.iter().try_for_each(|(name, node)| everything_is_witnessed(name, node))
}

/// Every log is witnessed to its end, and so is every order's evidence.
fn everything_is_witnessed(name: &NodeId, node: &Node) -> Result<(), String> {
    for (origin, log) in &node.state().logs {
        if log.witnessed.as_ref().map(|(size, _)| *size) != Some(log.tree.size()) {
            return Err(format!("{name} has no witnessed checkpoint of {origin} at {}", log.tree.size()));
        }
    }
    Ok(())
}

/// What must hold once the world rests.
pub fn at_the_end(world: &mut World) {
    let names: Vec<NodeId> = world.sites.keys().cloned().collect();
    let sampled = world.dice.one_of(&names).clone();
    nothing_is_said_that_is_not_stored(world, &sampled);
    for (name, site) in &world.sites {
        let node = site.node.as_ref().expect("at rest");
        own_root_is_recomputed(world, name, node);
        if node.state().catalogue.digest() != world.node(names[0].as_str()).state().catalogue.digest() {
            world.fail(&format!("{name} has another catalogue"));
        }
        for (order, known) in &node.state().orders {
            let attempt = known.current().expect("an order has an attempt");
            if !node.state().is_local(&attempt.request.body().buyer) {
                continue;
            }
            parties_agree(world, *order, attempt);
            match node.unwitnessed(*order) {
                Ok(0) => {}
                other => world.fail(&format!("evidence for {order} at {name}: {other:?}")),
            }
        }
    }
}

/// I9: the log in the store has the root the node signs.
fn own_root_is_recomputed(world: &World, name: &NodeId, node: &Node) {
    let origin = &node.settings().origin;
    let entries = world.sites[name].store.entries_now(origin, 0, usize::MAX, usize::MAX).expect("an open store");
    let tree: Tree = entries.iter().map(|entry| leaf_hash(entry.leaf.as_bytes())).collect();
    if tree.root() != node.state().logs[origin].tree.root() {
        world.fail(&format!("I9: {name} signs another root than that of its entries"));
    }
}

/// I1, I5: every party that the buyer has told of an order holds the same outcome.
fn parties_agree(world: &World, order: OrderId, attempt: &Attempt) {
    let outcome = outcome_of(attempt);
    for party in attempt.route().parties() {
        let home = world.federation.home(party);
        let held = world.attempt(home.as_str(), order).map(outcome_of);
        if held.is_some_and(|held| held != outcome) || (held.is_none() && attempt.seal.is_some()) {
            world.fail(&format!("I5: {party} holds {held:?} of {order}, the buyer {outcome:?}"));
        }
    }
}
