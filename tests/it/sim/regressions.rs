//! Known bugs of other systems that carry contracts between parties, told as stories of this one: none of them happens.
//!
//! | bug | story |
//! |---|---|
//! | EDC: a lost first answer makes a second negotiation | [`edc_a_a_lost_first_answer_makes_one_order`] |
//! | EDC: every retry makes another agreement | [`edc_b_a_retry_resends_the_stored_bytes`] |
//! | EDC: what cannot be delivered seven times is terminated | [`edc_c_what_is_decided_is_never_given_up`] |
//! | yagna #847: the parties disagree after a time-out | [`yagna_847_an_answer_after_the_deadline_leaves_no_disagreement`] |
//! | lnd #8461: a record is dropped before its result went upstream | [`lnd_8461_a_result_outlives_restarts_until_it_is_upstream`] |
//! | synapse #15743: no retry before the next event | [`synapse_15743_a_silent_return_is_found_without_a_new_event`] |
use verbund::domain::id::{NodeId, OrderId, StatementId};
use verbund::domain::order::{Request, VoidReason};
use verbund::domain::reason::Reason;
use verbund::protocol::limits::{DELIVERIES_IN_FLIGHT_MAX, DELIVERY_MS_MAX, RETRY_MS_MAX, RETRY_MS_MIN};
use verbund::protocol::settings::Deciding;
use verbund::store::memory::Failure;

use crate::federation::{REVERSE, cancel, name, next_attempt, recall, seal, sign_request};
use crate::sim::faults::{Fault, Faults};
use crate::sim::{Event, World, invariants};

const MINUTE_MS: i64 = 60_000;

/// A world after its first second in which faults may happen.
fn world() -> World {
    let mut world = World::calm();
    world.run(1_000);
    world.faults.active = true;
    world
}

fn begin(world: &mut World, request: &Request) {
    world.officer("kitu", &sign_request(request)).expect("a good request");
}

fn sealed(world: &World, node: &str, order: OrderId) -> bool {
    world.attempt(node, order).is_some_and(|attempt| attempt.seal.is_some())
}

fn voided(world: &World, node: &str, order: OrderId) -> Option<VoidReason> {
    world.attempt(node, order)?.void.as_ref().map(|void| void.body().reason)
}

/// Nothing that the first says reaches the second any more.
fn deafen(world: &mut World, from: &str, to: &str) {
    world.later(0, Event::Fault(Fault::OneWay(name(from), name(to))));
    world.run(1);
}

/// Lets pass one millisecond after the other until something holds.
fn run_until_just(world: &mut World, mut holds: impl FnMut(&World) -> bool) {
    for _ in 0..5_000 {
        if holds(world) {
            return;
        }
        world.run(1);
    }
    world.fail("does not happen within five seconds");
}

/// The answers to the first message are lost, it is sent again and again, and the officer's tool repeats it as well.
#[test]
pub fn edc_a_a_lost_first_answer_makes_one_order() {
    let mut world = world();
    deafen(&mut world, "kid", "kitu");
    let mut request = world.federation.request("r1", world.now);
    begin(&mut world, &request);
    begin(&mut world, &request);
    request.signed_at = request.signed_at.plus_ms(10);
    begin(&mut world, &request);
    world.run(MINUTE_MS);
    assert!(world.attempt("dataport", request.order).is_some_and(|known| known.acceptance.is_some()));
    world.settle();
    for node in ["kitu", "kid", "provitako", "govdigital", "dataport"] {
        let orders = &world.node(node).state().orders;
        assert_eq!((orders.len(), orders[&request.order].attempts.len()), (1, 1), "{node}");
        assert!(sealed(&world, node, request.order));
    }
}

/// The answers to the acceptance are lost, and the provider starts again meanwhile: the same bytes go out again.
#[test]
pub fn edc_b_a_retry_resends_the_stored_bytes() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    begin(&mut world, &request);
    run_until_just(&mut world, |world| world.attempt("dataport", request.order).is_some());
    deafen(&mut world, "govdigital", "dataport");
    let accepted = |world: &World, node: &str| -> Option<StatementId> {
        world.attempt(node, request.order)?.acceptance.as_ref().map(|accept| accept.id())
    };
    let first = accepted(&world, "dataport");
    assert!(first.is_some());
    world.run(5_000);
    world.later(0, Event::Kill(name("dataport"), 1_000));
    world.run(MINUTE_MS);
    assert_eq!(accepted(&world, "dataport"), first);
    world.settle();
    assert!(sealed(&world, "dataport", request.order));
    for node in ["dataport", "govdigital", "kitu"] {
        assert_eq!(accepted(&world, node), first, "{node}");
    }
}

/// The provider is gone when the buyer seals, for far longer than seven tries take: the seal stands and reaches it.
#[test]
pub fn edc_c_what_is_decided_is_never_given_up() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    begin(&mut world, &request);
    run_until_just(&mut world, |world| {
        world.attempt("govdigital", request.order).is_some_and(|known| known.acceptance.is_some())
    });
    world.later(0, Event::Kill(name("dataport"), 60 * MINUTE_MS));
    world.run(59 * MINUTE_MS);
    assert!(sealed(&world, "kitu", request.order) && !world.node("kitu").outbox().is_empty());
    world.run(2 * MINUTE_MS);
    assert!(sealed(&world, "dataport", request.order));
    world.settle();
}

/// All have agreed, but it reaches the buyer after the deadline: expired for everyone, and who came late is told.
#[test]
pub fn yagna_847_an_answer_after_the_deadline_leaves_no_disagreement() {
    let mut world = world();
    deafen(&mut world, "kid", "kitu");
    let mut request = world.federation.request("r1", world.now);
    (request.quote_by, request.seal_by) = (world.now.plus_ms(MINUTE_MS), world.now.plus_ms(2 * MINUTE_MS));
    begin(&mut world, &request);
    world.run(30_000);
    assert!(
        world.attempt("kid", request.order).is_some_and(|known| known.counters.contains_key(&2)),
        "all have agreed"
    );
    world.run(40_000);
    assert_eq!(voided(&world, "kitu", request.order), Some(VoidReason::Expired));
    world.settle();
    for node in ["kid", "provitako", "govdigital", "dataport"] {
        assert_eq!(voided(&world, node, request.order), Some(VoidReason::Expired), "{node}");
    }
}

/// A hop has the offers from behind it while the one before it is gone; it starts again twice, and they still arrive.
#[test]
pub fn lnd_8461_a_result_outlives_restarts_until_it_is_upstream() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    begin(&mut world, &request);
    run_until_just(&mut world, |world| world.attempt("kid", request.order).is_some());
    world.later(0, Event::Kill(name("kitu"), 10 * MINUTE_MS));
    for minute in [2, 5] {
        world.later(minute * MINUTE_MS, Event::Kill(name("kid"), 1_000));
    }
    world.run(9 * MINUTE_MS);
    let at_kid = world.attempt("kid", request.order).expect("known");
    assert!(at_kid.counters.contains_key(&2) && !world.node("kid").outbox().is_empty());
    world.run(2 * MINUTE_MS);
    assert!(sealed(&world, "kitu", request.order));
    world.settle();
}

/// A hop can be reached again without a sign: no stream, no new order. The timetable alone finds it.
#[test]
pub fn synapse_15743_a_silent_return_is_found_without_a_new_event() {
    let mut world = world();
    world.keep_quiet(true);
    deafen(&mut world, "kid", "provitako");
    let request = world.federation.request("r1", world.now);
    begin(&mut world, &request);
    world.run(30 * MINUTE_MS);
    assert!(world.attempt("provitako", request.order).is_none());
    world.deaf.clear();
    let soon = RETRY_MS_MAX + RETRY_MS_MIN + 5_000;
    assert!(world.run_until(soon, |world| sealed(world, "kitu", request.order)));
    world.settle();
}

// --- what no other system has, so that nobody else could have its bugs ---

/// A recall that the buyer has in its log before the seal ends the attempt; one that comes later is too late.
#[test]
pub fn a_recall_counts_until_the_seal() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.auto_seal = None;
    begin(&mut world, &request);
    world.run(2_000);
    let sealing = seal(world.attempt("kitu", request.order).expect("an attempt"), "einkauf", world.now);
    let taken_back = recall(&sign_request(&request), &request, "provitako", "leitung", world.now);
    world.officer("provitako", &taken_back).expect("not sealed yet");
    world.run(1_000);
    let refusal = world.officer("kitu", &sealing).expect_err("recalled");
    assert!([Reason::OrderRecalled, Reason::OrderClosed].contains(&refusal.reason), "{refusal}");
    world.settle();
    assert_eq!(voided(&world, "dataport", request.order), Some(VoidReason::Recalled));

    let request = world.federation.request("r2", world.now);
    begin(&mut world, &request);
    world.run(2_000);
    let late = recall(&sign_request(&request), &request, "provitako", "leitung", world.now);
    let refusal = world.officer("provitako", &late).expect_err("sealed");
    assert_eq!(refusal.reason, Reason::OrderClosed);
    world.settle();
}

/// A second attempt waits for the void of the first; then the order has one seal, in its second attempt.
#[test]
pub fn a_second_attempt_waits_for_the_void_of_the_first() {
    let mut world = world();
    deafen(&mut world, "kid", "kitu");
    let request = world.federation.request("r1", world.now);
    begin(&mut world, &request);
    world.run(1_000);
    let second = next_attempt(&request, world.now);
    let refusal = world.officer("kitu", &sign_request(&second)).expect_err("the first is open");
    assert_eq!(refusal.reason, Reason::OrderOpen);
    let void = cancel(&sign_request(&request), &request, world.now);
    world.officer("kitu", &void).expect("cancelled");
    world.officer("kitu", &sign_request(&second)).expect("the first is void");
    world.settle();
    for node in ["kitu", "kid", "dataport"] {
        let attempts = &world.node(node).state().orders[&request.order].attempts;
        assert!(attempts[&1].void.is_some() && attempts[&2].seal.is_some(), "{node}");
    }
}

/// A hop that comes back with its streams is woken at once, long before the timetable would try it again.
#[test]
pub fn a_sign_of_life_wakes_the_outbox() {
    let mut world = world();
    world.later(0, Event::Kill(name("provitako"), 80_000));
    world.run(1);
    let request = world.federation.request("r1", world.now);
    begin(&mut world, &request);
    world.run(80_000);
    assert!(world.run_until(5_000, |world| sealed(world, "kitu", request.order)));
    world.settle();
}

/// The buyer's node does not reach the provider, which learns of the seal from someone else.
#[test]
pub fn an_outcome_travels_by_any_path() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    begin(&mut world, &request);
    deafen(&mut world, "kitu", "dataport");
    assert!(world.run_until(20_000, |world| sealed(world, "dataport", request.order)));
    assert!(!world.node("kitu").outbox().is_empty(), "not by the way of the message");
    world.settle();
}

/// A hop or provider that was restored from a backup of before the order says nothing twice.
#[test]
pub fn a_restored_hop_says_nothing_twice() {
    ["kid", "provitako", "dataport"].into_iter().for_each(restore_at_many_moments);
}

/// Nor does the buyer's node, which hosts the first hop as well: what that had offered nobody else has.
#[test]
fn a_restored_buyer_says_nothing_twice() {
    restore_at_many_moments("kitu");
}

fn restore_at_many_moments(node: &str) {
    for at in [4, 8, 12, 16, 24, 2_000] {
        let mut world = world();
        world.later(0, Event::Fault(Fault::Backup(name(node))));
        world.run(1);
        let mut request = world.federation.request("r1", world.now);
        request.auto_seal = request.auto_seal.filter(|_| at < 1_000);
        begin(&mut world, &request);
        world.later(at, Event::Fault(Fault::Restore(name(node), 6_000)));
        world.run(2 * MINUTE_MS);
        if let Some(attempt) = world.attempt("kitu", request.order).filter(|known| known.offer().is_ok())
            && request.auto_seal.is_none()
        {
            let signed = seal(attempt, "einkauf", world.now);
            world.officer("kitu", &signed).expect("a complete chain");
        }
        world.settle();
    }
}

/// A person needs ten minutes where there are five: the hop says so at once instead of at the deadline.
#[test]
pub fn a_hop_refuses_early_what_it_cannot_decide_in_time() {
    let mut world = World::new(0, Faults::none(), |policies, _| {
        if let Some(policy) = policies.get_mut(&name("provitako")) {
            policy.deciding = Deciding::Officer { within_ms: 10 * MINUTE_MS };
        }
    });
    world.run(1_000);
    let mut request = world.federation.request("r1", world.now);
    (request.quote_by, request.seal_by) = (world.now.plus_ms(5 * MINUTE_MS), world.now.plus_ms(60 * MINUTE_MS));
    begin(&mut world, &request);
    world.run(2_000);
    let attempt = world.attempt("kitu", request.order).expect("known");
    let reasons: Vec<&str> = attempt.declines.values().map(|decline| decline.body().reason.as_str()).collect();
    assert_eq!(reasons, [Reason::TimeTooShort.code()]);
    world.settle();
}

/// Behind a hop that was away more requests wait than go at a time, and one result; the result is not the last to arrive.
#[test]
pub fn a_result_overtakes_requests() {
    let mut world = world();
    world.later(0, Event::Kill(name("kid"), 20_000));
    world.run(1);
    let mut requests: Vec<Request> = (0..DELIVERIES_IN_FLIGHT_MAX + 8)
        .map(|number| world.federation.request(&format!("r{number}"), world.now))
        .collect();
    requests.sort_by_key(|request| request.order);
    requests.iter().for_each(|request| begin(&mut world, request));
    world.run(1_000);
    let last = requests.last().expect("many");
    let void = cancel(&sign_request(last), last, world.now);
    world.officer("kitu", &void).expect("cancelled");
    world.run(18_000);
    run_until_just(&mut world, |world| voided(world, "kid", last.order).is_some());
    let known = world.node("kid").state().orders.len();
    assert!(known < requests.len() - 4, "{known} of {} were there first", requests.len());
    world.settle();
}

/// Every delivery comes twice and every tenth is lost: the same receipts, one seal.
#[test]
pub fn every_delivery_twice_is_one_order() {
    let mut world = world();
    (world.faults.duplicate, world.faults.lose, world.faults.delay_ms) = (100, 10, (1, 40));
    let there = world.federation.request("r1", world.now);
    let back = world.federation.request_by(&REVERSE, "r2", world.now);
    begin(&mut world, &there);
    world.officer("akdb", &sign_request(&back)).expect("a good request");
    world.run(MINUTE_MS);
    world.settle();
    let homes: [(&str, &Request); 2] = [("kitu", &there), ("akdb", &back)];
    for (home, request) in homes {
        assert!(sealed(&world, home, request.order));
        invariants::a_bundle_verifies(&world, &name::<NodeId>(home), request.order);
    }
}

/// A node that crashes with a commit that was kept goes on from it by itself.
#[test]
pub fn what_was_stored_before_a_crash_goes_on_by_itself() {
    for node in ["kitu", "kid", "provitako", "govdigital", "dataport"] {
        super::boundaries::fail_at(&name(node), 0, Failure::AfterPersist);
        super::boundaries::fail_at(&name(node), 1, Failure::AfterPersist);
    }
    const { assert!(DELIVERY_MS_MAX < RETRY_MS_MAX) };
}
