//! What must hold: after every step, and when the world has come to rest. One function per sentence.
//!
//! | invariant of the ordering protocol | function | when |
//! |---|---|---|
//! | I1 no order is lost | [`no_order_is_lost`] | at rest |
//! | I2 no double order | [`one_seal_per_order`], [`never_seal_and_void`] | every outcome |
//! | I3 a seal is complete and its bundle verifies | [`a_seal_covers_the_whole_chain`], [`bundles_verify`] | every seal, the end |
//! | I4 nothing is performed without a seal | [`nothing_is_performed_without_a_seal`] | every step |
//! | I5 agreement | [`one_outcome_per_attempt`], [`parties_agree`] | every outcome, the end |
//! | I6 no hop is bound on one side only | [`nobody_is_bound_on_one_side`] | every seal |
//! | I7 repetition changes nothing | [`a_repeated_delivery_changes_nothing`], [`receipts_never_change`] | every delivery |
//! | I8 nobody says two things | [`nobody_says_two_things`] | every step |
//! | I9 logs never fork | [`logs_never_fork`], [`own_root_is_recomputed`] | every step, the end |
//! | I10 prices add up | [`prices_add_up`], [`what_was_previewed_is_sealed`] | every seal |
//! | I11 no reservation stays | [`no_reservation_stays`] | at rest |
//! | I12 a seal rests on what was known | [`every_leg_holds_on_the_day_of_the_seal`] | every seal |
//! | I13 nothing is said that is not stored | [`nothing_is_said_that_is_not_stored`] | sampled, the end |
//! | I14 every doubt resolves | [`every_doubt_resolves`] | at rest |
//! | I15 outboxes drain | [`outboxes_drain`] | at rest |
//! | I17 what is stuck is shown | [`what_is_stuck_is_shown`] | every step |
//! | I16 a dead hop does not stop an order | [`no_order_waits_beyond_its_deadline`] | every step |
//! | I18 what was let go of is what is read | [`what_was_let_go_of_is_what_is_stored`] | sampled, and at the end |
//! | I19 only what is over is let go of | [`only_what_is_over_rests`] | with I18 |
//!
//! I20 and I21 are about bundles that liars make: see `coalitions`.
use std::collections::{BTreeMap, BTreeSet};

use verbund::audit::bundle::{BundleInput, LogEnd, LoggedStatement};
use verbund::audit::cover::Cover;
use verbund::audit::examine;
use verbund::audit::packing::pack;
use verbund::audit::report::{Report, Ruling};
use verbund::domain::body::Body;
use verbund::domain::id::{Hash, KeyHash, NodeId, OrderId, OrgId, Origin, StatementId};
use verbund::domain::law::Verdict;
use verbund::domain::money::Cents;
use verbund::domain::order::Attempt;
use verbund::domain::reason::{Lang, Reason, Refusal};
use verbund::domain::statement::{Kind, Signed};
use verbund::log::leaf::Audience;
use verbund::protocol::Node;
use verbund::protocol::brokering::overdue::Overdue;
use verbund::protocol::evidence::{Earlier, Evidence, Item};
use verbund::protocol::frame::{Delivery, DeliveryKey, Frame};
use verbund::protocol::limits::DELIVER_ALARM_MS;
use verbund::protocol::record::Record;
use verbund::protocol::replication::memory::Peer;
use verbund::protocol::state::Order;

use crate::exported;
use crate::history::tree_of;
use crate::sim::World;
use crate::sim::faults::SET_WRONG_MS;

/// One in so many frames sent is checked against a node rebuilt from the store.
const REBUILD_ONE_IN: i64 = 5_000;

/// The first statement anyone has stored in a place where there must be one at most, and who holds it.
struct Firsts<K>(BTreeMap<K, (StatementId, BTreeSet<NodeId>)>);

impl<K: Ord> Default for Firsts<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Firsts<K> {
    /// A node holds a statement in a place; the first one that was ever there.
    fn hold(&mut self, place: K, id: StatementId, at: &NodeId) -> StatementId {
        let (first, holders) = self.0.entry(place).or_insert_with(|| (id, BTreeSet::new()));
        if *first == id {
            holders.insert(at.clone());
        }
        *first
    }

    /// What only this node held has never been said to anyone.
    fn forget(&mut self, at: &NodeId) {
        self.0.retain(|_, (_, holders)| !(holders.remove(at) && holders.is_empty()));
    }
}

/// What has been seen so far; it outlives every crash.
#[derive(Default)]
pub struct Watch {
    /// The first outcome anyone has stored, by order and attempt.
    outcomes: Firsts<(OrderId, u32)>,
    /// Roots of every log by size.
    roots: BTreeMap<Origin, Vec<Hash>>,
    /// How far each node's logs have been compared.
    compared: BTreeMap<(NodeId, Origin), u64>,
    /// The receipt for each message and receiver.
    receipts: BTreeMap<(DeliveryKey, KeyHash), Vec<u8>>,
    /// Messages by what no author may say twice: order, attempt, author's key, kind.
    said: Firsts<(OrderId, u32, String, String)>,
    /// The first seal of every order, over all attempts.
    seals: Firsts<OrderId>,
    /// Orders whose request a node has accepted from an officer, and where.
    accepted: BTreeMap<OrderId, NodeId>,
    /// Nodes whose store was once older than what they had said. Receipts stand in no log, so such a node may sign one
    /// anew.
    forgetful: BTreeSet<NodeId>,
    /// A party of this world contradicts itself.
    liars: bool,
}

impl Watch {
    /// A test in which someone signs what honest nodes never would says so.
    pub fn expect_liars(&mut self) {
        self.liars = true;
    }

    /// A node has accepted a request; it must never be lost again.
    pub fn accepted(&mut self, node: &NodeId, order: OrderId) {
        self.accepted.entry(order).or_insert_with(|| node.clone());
    }

    /// A node goes on from a backup: what it held may be gone for a while, and what nobody else has is gone for good.
    pub fn restored(&mut self, node: &NodeId) {
        self.compared.retain(|(at, _), _| at != node);
        for (origin, roots) in self.roots.iter_mut().filter(|(origin, _)| origin.node == *node) {
            let elsewhere = self.compared.iter().filter(|((_, of), _)| of == origin).map(|(_, size)| *size).max();
            roots.truncate(usize::try_from(elsewhere.unwrap_or(0)).expect("small"));
        }
        self.outcomes.forget(node);
        self.said.forget(node);
        self.seals.forget(node);
        self.accepted.retain(|_, home| home != node);
        self.forgetful.insert(node.clone());
    }
}

impl Watch {
    /// The same, but what it had accepted must come back.
    pub fn lost_its_disk(&mut self, node: &NodeId) {
        let accepted = self.accepted.clone();
        self.restored(node);
        self.accepted = accepted;
    }
}

/// After every step, once its records are stored.
pub fn after_step(world: &mut World, at: &NodeId, commit: &[Record]) {
    logs_never_fork(world, at);
    nobody_says_two_things(world, at, commit);
    no_order_waits_beyond_its_deadline(world, at);
    let (mut ended, mut wrong) = (BTreeSet::new(), Vec::new());
    for signed in commit.iter().flat_map(Record::statements) {
        if matches!(signed.kind(), Kind::Seal | Kind::Void) {
            ended.extend(Body::read(signed).ok().and_then(|body| body.order()));
        }
        wrong.extend(nothing_is_performed_without_a_seal(world, at, signed).err());
    }
    for (order, number) in ended {
        let node = world.sites[at].node.as_ref().expect("it has just made a step");
        // What is settled at once is looked at when the world rests.
        let known = node.state().orders.get(&order);
        let Some(attempt) = known.and_then(|known| known.attempts.get(&number)) else { continue };
        wrong.extend(never_seal_and_void(attempt).err());
        // Who takes back what a backup lacked may get the seal before the rest; at the end all of it must be there.
        if node.check_may_broker().is_ok() {
            // What two parties on one node said to each other is nowhere else; a lost disk takes it along.
            if !world.watch.forgetful.contains(at) {
                wrong.extend(seal_is_complete(node, attempt).err());
                wrong.extend(nobody_is_bound_on_one_side(node, attempt).err());
            }
        }
        let (outcome, seal) = (outcome_of(attempt), attempt.seal.as_ref().map(|seal| seal.id()));
        wrong.extend(one_outcome_per_attempt(&mut world.watch, at, (order, number), outcome).err());
        wrong.extend(one_seal_per_order(&mut world.watch, at, order, seal).err());
    }
    if let Some(wrong) = wrong.first() {
        world.fail(&format!("{at}: {wrong}"));
    }
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
        let body = Body::read(signed).expect("stored statements are readable");
        let Some((order, attempt)) = body.order().filter(|_| is_said_once(signed.kind())) else { continue };
        let author = body.signer_rule().map(|(org, _)| org.to_string()).unwrap_or_default();
        let key = (order, attempt, author, signed.kind().to_string());
        let first = world.watch.said.hold(key, signed.id(), at);
        if first != signed.id() && !world.watch.liars {
            world.fail(&format!("I8: {at} stored {signed:?} beside {first:?}"));
        }
    }
}

/// I17: within a minute of the hour for which a message could not reach its receiver, the list of stuck orders has it.
fn what_is_stuck_is_shown(world: &World, at: &NodeId, order: OrderId) {
    let Some(node) = world.sites[at].node.as_ref() else { return };
    let now = world.now.plus_ms(world.sites[at].skew_ms);
    let since = node.outbox().failing_since(order);
    let stuck = since.is_some_and(|since| since.plus_ms(DELIVER_ALARM_MS + 60_000) < now);
    if stuck && node.overdue(order, now).is_none() {
        world.fail(&format!("I17: {at} does not show that {order} is stuck"));
    }
}

/// Whether an honest party says at most one thing of this kind about an attempt.
fn is_said_once(kind: &Kind) -> bool {
    let once = ["request", "decision", "endorse", "accept", "reject", "counter", "decline", "seal", "void", "recall"];
    once.contains(&kind.to_string().as_str())
}

/// I2: never both.
fn never_seal_and_void(attempt: &Attempt) -> Result<(), String> {
    match attempt.seal.is_some() && attempt.void.is_some() {
        true => Err(format!("I2: seal and void of {}", attempt.request.body().order)),
        false => Ok(()),
    }
}

/// I2: one seal over all attempts, all nodes and all restarts.
fn one_seal_per_order(
    watch: &mut Watch,
    at: &NodeId,
    order: OrderId,
    seal: Option<StatementId>,
) -> Result<(), String> {
    let Some(seal) = seal else { return Ok(()) };
    match watch.seals.hold(order, seal, at) {
        first if first == seal => Ok(()),
        first => Err(format!("I2: {order} is sealed by {seal:?} and by {first:?}")),
    }
}

/// I5: one outcome per attempt, over all nodes and restarts.
fn one_outcome_per_attempt(
    watch: &mut Watch,
    at: &NodeId,
    of: (OrderId, u32),
    outcome: Option<StatementId>,
) -> Result<(), String> {
    let Some(outcome) = outcome else { return Ok(()) };
    match watch.outcomes.hold(of, outcome, at) {
        first if first == outcome => Ok(()),
        first => Err(format!("I5: outcome {outcome:?} of {}, another node holds {first:?}", of.0)),
    }
}

fn outcome_of(attempt: &Attempt) -> Option<StatementId> {
    attempt.seal.as_ref().map(|seal| seal.id()).or(attempt.void.as_ref().map(|void| void.id()))
}

/// I4: what parties tell each other of the performance is about a sealed order.
fn nothing_is_performed_without_a_seal(world: &World, at: &NodeId, signed: &Signed) -> Result<(), String> {
    if signed.kind().to_string() != "milestone" {
        return Ok(());
    }
    let (order, _) = Body::read(signed).ok().and_then(|body| body.order()).ok_or("a milestone of no order")?;
    match world.watch.seals.0.contains_key(&order) {
        true => Ok(()),
        false => Err(format!("I4: {at} performs {order}, which is not sealed")),
    }
}

/// I6: a hop that is sealed is sealed towards both sides: its endorsement and its offer are in what is sealed.
fn nobody_is_bound_on_one_side(node: &Node, attempt: &Attempt) -> Result<(), String> {
    let Some(seal) = attempt.seal.as_ref().map(|seal| seal.body()) else { return Ok(()) };
    let parties = attempt.route().parties();
    for (at, hop) in parties.iter().enumerate().take(attempt.legs()).skip(1) {
        let (down, up) = (attempt.endorsements.get(&at), attempt.counters.get(&at));
        let both = [down.map(|down| down.id()), up.map(|up| up.id())];
        if node.state().is_local(hop) && !both.iter().all(|id| id.is_some_and(|id| seal.chain.contains(&id))) {
            return Err(format!("I6: {hop} is bound on one side of {}", seal.order));
        }
    }
    Ok(())
}

/// I3, I10, I12: where the buyer is at home a seal is checked as a whole.
fn seal_is_complete(node: &Node, attempt: &Attempt) -> Result<(), String> {
    let request = attempt.request.body();
    if attempt.seal.is_none() || !node.state().is_local(&request.buyer) {
        return Ok(());
    }
    a_seal_covers_the_whole_chain(attempt)?;
    prices_add_up(attempt)?;
    what_was_previewed_is_sealed(node, attempt)?;
    every_leg_holds_on_the_day_of_the_seal(node, attempt)
}

/// I3: request, endorsements, acceptance and offers, all of them and nothing else, each leg found to be fulfilled.
fn a_seal_covers_the_whole_chain(attempt: &Attempt) -> Result<(), String> {
    let Some(seal) = attempt.seal.as_ref().map(|seal| seal.body()) else { return Ok(()) };
    let refuse = |what: &str| Err(format!("I3: {what} in {}", seal.order));
    if attempt.chain().map_err(|refusal| format!("I3: {refusal}"))? != seal.chain {
        return refuse("another chain is sealed");
    }
    let legs = attempt.leg_findings();
    match legs.len() == attempt.legs() && legs.iter().all(|leg| leg.verdict == Verdict::Fulfilled) {
        true => Ok(()),
        false => refuse("a leg is not fulfilled"),
    }
}

/// I10: the total is the provider's price and what every hop adds, to the cent, and within the cap.
fn prices_add_up(attempt: &Attempt) -> Result<(), String> {
    let Some(seal) = attempt.seal.as_ref().map(|seal| seal.body()) else { return Ok(()) };
    let parts = attempt.price().map_err(|refusal| format!("I10: {refusal}"))?;
    let sum: i64 = parts.iter().map(|(_, part)| part.get()).sum();
    let request = attempt.request.body();
    match parts.len() == attempt.legs() && Cents::try_from(sum) == Ok(seal.total) && seal.total <= request.total_max {
        true => Ok(()),
        false => Err(format!("I10: the price of {} does not add up", seal.order)),
    }
}

/// I12: by what the buyer's node knows when it seals, every leg holds on that day.
fn every_leg_holds_on_the_day_of_the_seal(node: &Node, attempt: &Attempt) -> Result<(), String> {
    let Some(seal) = attempt.seal.as_ref().map(|seal| seal.body()) else { return Ok(()) };
    let (request, day) = (attempt.request.body(), seal.signed_at.date());
    let mut today = request.route.legs().map(|leg| node.judge(request, leg, day, day));
    match today.all(|leg| leg.is_ok_and(|leg| leg.verdict == Verdict::Fulfilled)) {
        true => Ok(()),
        false => Err(format!("I12: a leg of {} was not fulfilled on the day of the seal", seal.order)),
    }
}

/// How long after a deadline, in milliseconds, a node that is up must have acted on it.
const PROMPT_MS: i64 = 60_000;

/// I16: an order whose chain is not complete by its deadline ends, whoever is dead; a clock that was set wrong excuses, and
/// so does having heard nobody, or mostly those whose clocks are wrong: nothing ends by time on the word of one clock.
fn no_order_waits_beyond_its_deadline(world: &World, at: &NodeId) {
    let site = &world.sites[at];
    let Some(node) = site.node.as_ref().filter(|node| node.check_may_broker().is_ok()) else { return };
    if site.up_since.plus_ms(PROMPT_MS) > world.now || site.skew_ms.abs() > PROMPT_MS || world.now < site.full_until {
        return;
    }
    let heard =
        |peer: &Peer| peer.heard_at.plus_ms(PROMPT_MS) > world.now && peer.up_at.plus_ms(PROMPT_MS) < world.now;
    let heard: Vec<&NodeId> = node.peers().filter(|(_, peer)| heard(peer)).map(|(name, _)| name).collect();
    let wrong = heard.iter().filter(|peer| world.sites[**peer].skew_ms.abs() > SET_WRONG_MS).count();
    let can_compare = 2 * wrong < heard.len();
    for (order, known) in &node.state().orders {
        let Some(attempt) = known.current().filter(|attempt| outcome_of(attempt).is_none()) else { continue };
        let request = attempt.request.body();
        what_is_stuck_is_shown(world, at, *order);
        let late = request.quote_by.plus_ms(2 * PROMPT_MS) < world.now && attempt.offer().is_err();
        if late && can_compare && node.state().is_local(&request.buyer) && !needs_people(world, *order) {
            world.fail(&format!("I16: {at} still waits for offers for {order}, due at {}", request.quote_by));
        }
    }
}

/// I10: the order carries what a preview says of everyone whose price list has reached the buyer.
fn what_was_previewed_is_sealed(node: &Node, attempt: &Attempt) -> Result<(), String> {
    let request = attempt.request.body();
    let priced = node.state().public().price_preview(
        &request.offering,
        &request.route,
        request.term_years,
        request.quantities,
    );
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
    let (told, held) = (picture(world, at, live), picture(world, at, &stored));
    if told != held {
        world.fail(&format!("I13: {at} knows what it has not stored:\n{told:?}\n{held:?}"));
    }
    // Whoever follows the catalogue goes on after a restart with the position it had before.
    let (now, again) = (live.state().catalogue.position(), stored.state().catalogue.position());
    if now != again {
        world.fail(&format!("I13: {at} counts {now} changes of offerings, and {again} when it reads them again"));
    }
    for order in live.resting() {
        what_was_let_go_of_is_what_is_stored(world, at, live, order, &stored);
    }
}

/// I18: what is read of a settled order is what its records say, and no more and no less than was let go of.
fn what_was_let_go_of_is_what_is_stored(world: &World, at: &NodeId, live: &Node, order: OrderId, stored: &Node) {
    let read = world.sites[at].store.order_now(order).and_then(|records| live.reread(order, records));
    let read = read.unwrap_or_else(|refusal| world.fail(&format!("I18: {at} cannot read {order}: {refusal}")));
    let held = stored.state().orders.get(&order).unwrap_or_else(|| world.fail(&format!("I18: {at} lost {order}")));
    if let Err(wrong) = only_what_is_over_rests(&read) {
        world.fail(&format!("I19: {at}, {order}: {wrong}"));
    }
    if format!("{read:?}") != format!("{held:?}") {
        world.fail(&format!("I18: {at} reads of {order}:\n{read:?}\nand holds:\n{held:?}"));
    }
}

/// I19: an order at rest has an outcome in each attempt, and nobody contradicts anything.
fn only_what_is_over_rests(known: &Order) -> Result<(), String> {
    let is_open = known.attempts.values().any(|attempt| outcome_of(attempt).is_none());
    match (known.attempts.is_empty(), is_open, known.contradictions.is_empty()) {
        (false, false, true) => Ok(()),
        _ => Err(format!("{known:?}")),
    }
}

/// Everything that must survive a restart; settled orders are read again for it.
fn picture(world: &World, at: &NodeId, node: &Node) -> Vec<String> {
    let state = node.state();
    let mut picture = vec![state.catalogue.digest().to_string()];
    // How much of its log a node shows while it deposits is no matter of its store: it shows the rest once others keep it.
    if !world.deposits {
        picture.push(state.digest().to_string());
    }
    picture.extend(state.logs.iter().map(|(origin, log)| {
        let witnessed = log.witnessed.as_ref().map(|(size, _)| *size);
        let note = log.note.as_ref().map(|note| note.text().to_owned());
        format!("{origin} {} {:?} {witnessed:?} {note:?} {:?}", log.tree.size(), log.tree.root(), log.refused)
    }));
    let read = |order: OrderId| {
        let read = world.sites[at].store.order_now(order).and_then(|records| node.reread(order, records));
        (order, read.unwrap_or_else(|refusal| world.fail(&format!("I18: {at} cannot read {order}: {refusal}"))))
    };
    let resting: BTreeMap<OrderId, Order> = node.resting().map(read).collect();
    let orders: BTreeMap<&OrderId, &Order> = state.orders.iter().chain(&resting).collect();
    picture.extend(orders.into_iter().map(|(order, known)| {
        let messages: Vec<StatementId> =
            known.attempts.values().flat_map(|attempt| attempt.messages()).map(Signed::id).collect();
        let receipts: Vec<_> = known.receipts.keys().collect();
        format!("{order} {messages:?} {:?} {:?} {receipts:?}", known.contradictions, known.delivered)
    }));
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
    let picture = picture(world, to, node);
    let receipted = format!("{:?}", (delivery.message, &delivery.to));
    let is_of_it = |line: &String| line.starts_with(&delivery.order.to_string()) && line.contains(&receipted);
    picture.iter().any(is_of_it).then_some(picture)
}

/// I7: a delivery that was receipted before changes nothing.
pub fn a_repeated_delivery_changes_nothing(
    world: &World,
    to: &NodeId,
    key: &DeliveryKey,
    before: Option<Vec<String>>,
) {
    if let (Some(before), Some(node)) = (before, world.sites[to].node.as_ref())
        && before != picture(world, to, node)
    {
        world.fail(&format!("I7: the repeated delivery {key:?} changed {to}"));
    }
}

/// I7: the same delivery gets the same bytes, also after a restart; anew only where the key was replaced meanwhile.
pub fn receipts_never_change(world: &mut World, by: &NodeId, key: &DeliveryKey, receipt: &Signed) {
    if world.watch.forgetful.contains(by) {
        return;
    }
    let by = &receipt.signatures()[0];
    let bytes = [receipt.pae(), &by.signature.0].concat();
    let first = world.watch.receipts.entry((key.clone(), by.key)).or_insert_with(|| bytes.clone());
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
    no_order_is_lost(world)?;
    for (name, node) in &running {
        every_doubt_resolves(world, name, node)?;
        no_reservation_stays(world, name, node)?;
        outboxes_drain(name, node)?;
        if node.state().digest() != running[0].1.state().digest() {
            return Err(format!("{name} has other heads than {}", running[0].0));
        }
    }
    running.iter().try_for_each(|(name, node)| everything_is_witnessed(name, node))
}

/// Whether nobody but people can end an order: someone has contradicted itself; or the buyer's node was restored from a
/// backup, its log says that it wrote an outcome, and no party ever got to see it.
fn needs_people(world: &World, order: OrderId) -> bool {
    let nodes = world.sites.values().filter_map(|site| site.node.as_ref());
    nodes.filter_map(|node| node.state().orders.get(&order).map(|known| (node, known))).any(|(node, known)| {
        let lost = || node.overdue(order, world.now).is_some_and(|(why, _)| why == Overdue::Disputed);
        !known.contradictions.is_empty() || !world.watch.forgetful.is_empty() && lost()
    })
}

/// I1: every order that a node has accepted has an outcome there.
fn no_order_is_lost(world: &World) -> Result<(), String> {
    for (order, home) in &world.watch.accepted {
        let known = world.sites[home].node.as_ref().and_then(|node| node.state().orders.get(order));
        if world.sites[home].node.as_ref().is_some_and(|node| node.is_resting(order)) {
            // It would not be at rest without an outcome; that is looked at once all are awake.
            continue;
        }
        let Some(known) = known else { return Err(format!("I1: {home} has lost {order}")) };
        let ended = known.attempts.values().all(|attempt| outcome_of(attempt).is_some());
        if !ended && !needs_people(world, *order) {
            return Err(format!("I1: {home} waits for the outcome of {order}"));
        }
    }
    Ok(())
}

/// I14: who has promised something learns how it ended.
fn every_doubt_resolves(world: &World, name: &NodeId, node: &Node) -> Result<(), String> {
    for (order, known) in &node.state().orders {
        let decided = known.attempts.values().all(|attempt| outcome_of(attempt).is_some());
        if !decided && !needs_people(world, *order) {
            return Err(format!("I14: {name} does not know how {order} ended"));
        }
    }
    Ok(())
}

/// I11: the provider keeps nothing in reserve for an attempt that came to nothing.
fn no_reservation_stays(world: &World, name: &NodeId, node: &Node) -> Result<(), String> {
    for (order, known) in &node.state().orders {
        for attempt in known.attempts.values() {
            let reserves = attempt.acceptance.is_some() && node.state().is_local(attempt.route().provider());
            if reserves && outcome_of(attempt).is_none() && !needs_people(world, *order) {
                return Err(format!("I11: {name} still reserves for {order}"));
            }
        }
    }
    Ok(())
}

/// I15: nothing waits for delivery.
fn outboxes_drain(name: &NodeId, node: &Node) -> Result<(), String> {
    match node.outbox().len() {
        0 => Ok(()),
        left => Err(format!("I15: {name} has {left} deliveries left")),
    }
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
            // A member's mandates are a matter of their own.
            let Some(attempt) = known.current() else { continue };
            // What two parties on one node said to each other is nowhere else; a lost disk takes it along.
            let is_whole = !world.watch.forgetful.contains(name);
            if let Err(wrong) = nobody_is_bound_on_one_side(node, attempt)
                && is_whole
            {
                world.fail(&format!("{name}: {wrong}"));
            }
            if !node.state().is_local(&attempt.request.body().buyer) {
                continue;
            }
            known.attempts.values().for_each(|attempt| parties_agree(world, *order, attempt));
            if let Err(wrong) = a_seal_covers_the_whole_chain(attempt).and_then(|()| prices_add_up(attempt))
                && is_whole
            {
                world.fail(&format!("{name}: {wrong}"));
            }
            if world.watch.liars {
                continue;
            }
            match node.unwitnessed(*order) {
                Ok(0) => {}
                other => world.fail(&format!("evidence for {order} at {name}: {other:?}")),
            }
        }
    }
    bundles_verify(world);
}

/// One in so many worlds has one of its bundles verified; it takes longer than the order itself.
const BUNDLE_ONE_IN: i64 = 4;

/// I3: a bundle that a buyer's node packs satisfies the auditor, who has nothing but it and the root hash.
fn bundles_verify(world: &mut World) {
    let mut held = Vec::new();
    for (name, site) in &world.sites {
        let node = site.node.as_ref().expect("at rest");
        let own = |known: &Attempt| {
            node.state().is_local(&known.request.body().buyer) && (known.seal.is_none() || known.chain().is_ok())
        };
        let orders = node.state().orders.iter().filter(|(_, known)| known.current().is_some_and(own));
        held.extend(orders.map(|(order, _)| (name.clone(), *order)));
    }
    if held.is_empty() || world.watch.liars || world.dice.between(1, BUNDLE_ONE_IN) > 1 {
        return;
    }
    let (name, order) = world.dice.one_of(&held).clone();
    a_bundle_verifies(world, &name, order);
}

/// I3: the bundle of this order, as this node packs it, satisfies the auditor.
pub fn a_bundle_verifies(world: &World, name: &NodeId, order: OrderId) -> Report {
    it_verifies(world, name, world.node(name.as_str()).evidence(order)).0
}

/// The same for what an organisation gets of it; with the bundle.
pub fn a_bundle_of_its_own_verifies(world: &World, name: &NodeId, order: OrderId, org: &OrgId) -> (Report, Vec<u8>) {
    it_verifies(world, name, world.node(name.as_str()).evidence_for(order, org))
}

fn it_verifies(world: &World, name: &NodeId, evidence: Result<Evidence, Refusal>) -> (Report, Vec<u8>) {
    let bytes = evidence.and_then(|evidence| bundle(world, name, evidence));
    let bytes = bytes.unwrap_or_else(|refusal| world.fail(&format!("I3: no bundle: {refusal}")));
    exported::keep_zip(&bytes, world.federation.anchor);
    let report = examine(&bytes, Some(world.federation.anchor));
    if report.ruling() != Ruling::Valid {
        world.fail(&format!("I3: a bundle at {name}:\n{}", report.text(Lang::En)));
    }
    (report, bytes)
}

/// The bundle of an order at a node, byte for byte, whether it satisfies anyone or not.
pub fn bundle_at(world: &World, name: &NodeId, order: OrderId) -> Result<Vec<u8>, Refusal> {
    bundle(world, name, world.node(name.as_str()).evidence(order)?)
}

/// The evidence of an order, packed as the node's shell packs it.
fn bundle(world: &World, name: &NodeId, evidence: Evidence) -> Result<Vec<u8>, Refusal> {
    pack(&input_of(world, name, evidence)?)?.to_zip()
}

/// What a node packs.
pub fn input_of(world: &World, name: &NodeId, evidence: Evidence) -> Result<BundleInput, Refusal> {
    let store = &world.sites[name].store;
    let member = |item: Item| {
        let signed = store.statement_now(item.id)?.ok_or_else(|| Refusal::new(Reason::StoreDamaged))?;
        Ok(LoggedStatement { signed, proof: item.proof })
    };
    let mut input = BundleInput::empty(world.federation.anchor);
    for (origin, index) in evidence.timed {
        let Some(end) = evidence.ends.iter().find(|end| end.origin == origin) else { continue };
        let Some(note) = store.cover_now(&origin, index)? else { continue };
        let earlier = world.node(name.as_str()).earlier(&origin, end.proof.index + 1, &note)?;
        let is_new = |cover: &Earlier| input.covers.iter().all(|known| known.note.text() != cover.note.text());
        input
            .covers
            .extend(earlier.filter(is_new).map(|Earlier { note, consistency, .. }| Cover { note, consistency }));
    }
    for end in evidence.ends {
        let mut entries = store.entries_now(&end.origin, end.proof.index, 1, usize::MAX)?;
        let entry = entries.pop().ok_or_else(|| Refusal::new(Reason::StoreDamaged))?;
        let public = entry.statement.filter(|_| entry.leaf.audience() == Audience::Public);
        input.ends.push(LogEnd {
            leaf: entry.leaf.to_bytes(end.digest),
            last: public.map(|signed| signed.pae().to_vec()),
            proof: end.proof,
            paths: end.paths,
        });
    }
    input.trust = evidence.trust.into_iter().map(member).collect::<Result<_, Refusal>>()?;
    input.facts = evidence.facts.into_iter().map(member).collect::<Result<_, Refusal>>()?;
    let messages = evidence.messages.into_iter();
    input.messages = messages.map(|(signed, item)| LoggedStatement { signed, proof: item.proof }).collect();
    input.receipts = evidence.receipts;
    Ok(input)
}

/// I9: the log in the store has the root the node signs.
fn own_root_is_recomputed(world: &World, name: &NodeId, node: &Node) {
    let origin = &node.settings().origin;
    let entries = world.sites[name].store.entries_now(origin, 0, usize::MAX, usize::MAX).expect("an open store");
    if tree_of(&entries).root() != node.state().logs[origin].tree.root() {
        world.fail(&format!("I9: {name} signs another root than that of its entries"));
    }
}

/// I5: every party that the buyer has told of an attempt holds the same outcome.
fn parties_agree(world: &World, order: OrderId, attempt: &Attempt) {
    let outcome = outcome_of(attempt);
    for party in attempt.route().parties() {
        let home = world.federation.home(party);
        let known = world.node(home.as_str()).state().orders.get(&order);
        let held = known.and_then(|known| known.attempts.get(&attempt.request.body().attempt)).map(outcome_of);
        if held.is_some_and(|held| held != outcome) || (held.is_none() && attempt.seal.is_some()) {
            world.fail(&format!("I5: {party} holds {held:?} of {order}, the buyer {outcome:?}"));
        }
    }
}
