//! Everything that can be listed is tried, not only thrown dice for: a crash before and after every commit of every
//! party, a full disk there, a cancellation at every moment, an outage of a month.
use verbund::domain::id::{NodeId, OrderId};
use verbund::domain::order::{Request, VoidReason};
use verbund::domain::reason::Reason;
use verbund::domain::trust::KeyRole;
use verbund::protocol::settings::{Deciding, Policy};
use verbund::store::memory::Failure;

use crate::dice::each_case;
use crate::federation::{CHAIN, WAYS, cancel, decision, name, sign_request};
use crate::sim::faults::{DAY_MS, Fault, Faults};
use crate::sim::{Event, World, invariants};

/// A world after its first second in which faults may happen; everyone along a way brokers, also who sells at its end.
fn world() -> World {
    let mut world = World::new(0, Faults::none(), |policies, _| {
        let everyone = Policy { deciding: Deciding::Rule { accept_assumed: true, total_max: None }, fee: Vec::new() };
        for seller in ["barleben", "feldafing"] {
            policies.entry(name(seller)).or_insert_with(|| everyone.clone());
        }
    });
    world.run(1_000);
    world.faults.active = true;
    world
}

fn sealed(world: &World, node: &NodeId, order: OrderId) -> bool {
    world.attempt(node.as_str(), order).is_some_and(|attempt| attempt.seal.is_some())
}

/// Sends a request on its way and gives the buyer's node.
fn order(world: &mut World, request: &Request) -> NodeId {
    let home = world.federation.home(&request.buyer);
    world.send_officer(0, home.clone(), sign_request(request));
    home
}

#[test]
fn chains_of_every_length_are_sealed_and_their_bundles_verify() {
    let mut world = world();
    let ways = WAYS.iter().copied().chain([CHAIN.as_slice()]);
    let requests: Vec<Request> =
        ways.map(|way| world.federation.request_by(way, &way.join("-"), world.now)).collect();
    for request in &requests {
        order(&mut world, request);
    }
    world.settle();
    for request in &requests {
        let home = world.federation.home(&request.buyer);
        assert!(sealed(&world, &home, request.order), "{:?}", request.route);
        invariants::a_bundle_verifies(&world, &home, request.order);
    }
}

/// What each party stores for an order of five legs, one failing commit after the other, in three ways of failing.
#[test]
fn a_failure_at_any_commit_of_any_party_changes_nothing() {
    let mut calm = world();
    let before: Vec<u64> = calm.sites.values().map(|site| site.commits).collect();
    let request = calm.federation.request("r1", calm.now);
    let home = order(&mut calm, &request);
    assert!(calm.run_until(5_000, |world| sealed(world, &home, request.order)));
    let mut cases = Vec::new();
    for ((node, site), before) in calm.sites.iter().zip(before).filter(|((node, _), _)| node.as_str() != "akdb") {
        for commit in 0..site.commits - before {
            for failure in [Failure::BeforePersist, Failure::AfterPersist, Failure::Full] {
                cases.push((node.clone(), commit, failure));
            }
        }
    }
    assert!(cases.len() > 100, "only {} cases", cases.len());
    each_case(cases.len() as u64, |case| {
        let (node, commit, failure) = &cases[case as usize - 1];
        fail_at(node, *commit, *failure);
    });
}

/// An order of five legs in which one commit of one node fails is sealed all the same.
pub fn fail_at(node: &NodeId, commit: u64, failure: Failure) {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let home = order(&mut world, &request);
    world.crash_at(node.as_str(), commit, failure);
    let ends = world.run_until(30_000, |world| sealed(world, &home, request.order));
    assert!(ends, "{node}, commit {commit}, {failure:?}");
    world.settle();
}

/// Whenever the officer cancels, the order is void everywhere, or it was sealed before and stays sealed everywhere.
#[test]
fn an_order_can_be_cancelled_at_any_moment() {
    let mut calm = world();
    let request = calm.federation.request("r1", calm.now);
    let home = order(&mut calm, &request);
    let began = calm.now;
    while !sealed(&calm, &home, request.order) {
        calm.run(1);
    }
    let moments = calm.now.since_ms(began) + 5;
    each_case(moments.unsigned_abs(), |moment| {
        let mut world = world();
        let request = world.federation.request("r1", world.now);
        let signed = sign_request(&request);
        world.officer(home.as_str(), &signed).expect("a good request");
        world.run(moment as i64 - 1);
        let was_sealed = sealed(&world, &home, request.order);
        let void = cancel(&signed, &request, world.now);
        match world.officer(home.as_str(), &void) {
            Ok(_) => assert!(!was_sealed),
            Err(refusal) => assert!(was_sealed && refusal.reason == Reason::OrderClosed, "{refusal}"),
        }
        world.settle();
        for party in ["kitu", "kid", "provitako", "govdigital", "dataport"] {
            let Some(attempt) = world.attempt(party, request.order) else { continue };
            let reason = attempt.void.as_ref().map(|void| void.body().reason);
            assert_eq!(
                (attempt.seal.is_some(), reason),
                match was_sealed {
                    true => (true, None),
                    false => (false, Some(VoidReason::Cancelled)),
                }
            );
        }
    });
}

/// A hop is off for thirty days; its share of the time is longer. Nothing is lost and nobody orders twice.
#[test]
fn a_hop_that_is_off_for_thirty_days_loses_nothing() {
    let mut world = world();
    world.later(0, Event::Kill(name("kid"), 30 * DAY_MS));
    world.run(1);
    let mut request = world.federation.request("r1", world.now);
    (request.quote_by, request.seal_by) = (world.now.plus_ms(100 * DAY_MS), world.now.plus_ms(150 * DAY_MS));
    let home = order(&mut world, &request);
    // The others witness the request; then nothing happens for a month.
    world.run(1_000);
    world.keep_quiet(true);
    world.run(30 * DAY_MS);
    assert!(world.attempt("kid", request.order).is_none() && !world.node("kitu").outbox().is_empty());
    world.keep_quiet(false);
    assert!(world.run_until(5_000, |world| sealed(world, &home, request.order)));
    world.settle();
    invariants::a_bundle_verifies(&world, &home, request.order);
}

/// Answers of one node no longer reach another, which therefore asks again and again: the same receipt, one order.
#[test]
fn a_link_that_works_one_way_only_delays() {
    for (from, to) in [("kid", "kitu"), ("kitu", "kid"), ("dataport", "govdigital"), ("provitako", "govdigital")] {
        let mut world = world();
        world.later(0, Event::Fault(Fault::OneWay(name(from), name(to))));
        world.run(1);
        let request = world.federation.request("r1", world.now);
        let home = order(&mut world, &request);
        world.run(60_000);
        assert!(!sealed(&world, &home, request.order), "{from} does not reach {to}");
        world.settle();
        assert!(sealed(&world, &home, request.order), "{from} to {to}");
    }
}

/// A clock that is a day ahead or behind ends orders at worst; it contradicts nothing and binds nobody alone.
#[test]
fn a_clock_that_is_a_day_off_makes_no_contradiction() {
    for node in ["kitu", "provitako", "dataport"] {
        for jump in [-DAY_MS, DAY_MS] {
            for at in [0, 10, 30] {
                let mut world = world();
                let request = world.federation.request("r1", world.now);
                order(&mut world, &request);
                world.later(at, Event::Fault(Fault::Jump(name(node), jump)));
                world.run(5_000);
                world.settle();
            }
        }
    }
}

/// One clock a month ahead ends nothing for good, wherever it stands and whenever it jumps: the order goes on once it is
/// mended. The peers see whose clock it is, and the node says so itself.
#[test]
pub fn a_clock_that_is_a_month_ahead_ends_no_order() {
    for node in ["kitu", "provitako", "dataport"] {
        for at in [1_000, 30_000] {
            let mut world = World::new(0, Faults::none(), |policies, _| {
                if let Some(policy) = policies.get_mut(&name("provitako")) {
                    policy.deciding = Deciding::Officer { within_ms: DAY_MS };
                }
            });
            world.run(1_000);
            let request = Request {
                quote_by: world.now.plus_ms(3 * DAY_MS),
                seal_by: world.now.plus_ms(6 * DAY_MS),
                ..world.federation.request("r1", world.now)
            };
            let home = order(&mut world, &request);
            world.faults.active = true;
            world.later(at, Event::Fault(Fault::Jump(name(node), 30 * DAY_MS)));
            world.run(180_000);
            let sites = [name(node), home.clone()];
            for site in &sites {
                let attempt = world.attempt(site.as_str(), request.order);
                let ended = attempt.is_some_and(|attempt| attempt.void.is_some() || !attempt.declines.is_empty());
                assert!(!ended, "{node} after {at} ms: {site} ended it by its clock");
            }
            let offset = world.node(node).clocks().offset().expect("peers have told");
            assert!(offset < -29 * DAY_MS, "{node}: {offset}");
            world.later(0, Event::Fault(Fault::Jump(name(node), -30 * DAY_MS)));
            world.run(60_000);
            let yes = decision(&sign_request(&request), &request, "provitako", "leitung", true, world.now);
            world.officer("provitako", &yes).expect("it waits for its officer");
            world.run(60_000);
            world.settle();
            assert!(sealed(&world, &home, request.order), "{node} after {at} ms");
        }
    }
}

/// A new key in the middle of an order: what was signed with the old one still counts.
#[test]
fn a_key_rotated_in_the_middle_of_an_order_ends_nothing() {
    for role in [KeyRole::Statement, KeyRole::Log, KeyRole::Witness] {
        for org in ["kitu", "provitako", "dataport"] {
            for at in [5, 10, 15, 20, 30] {
                let mut world = world();
                world.faults.active = true;
                let request = world.federation.request("r1", world.now);
                let home = order(&mut world, &request);
                world.later(at, Event::Fault(Fault::Rotate(name(org), role)));
                world.run(5_000);
                world.settle();
                assert!(sealed(&world, &home, request.order), "{org} {role:?} after {at} ms");
                let log = world.node(org).state().registry.home(&name(org)).expect("its own");
                assert_eq!(log.orgs()[&name(org)].last_event().map(|(seq, _)| seq), Some(1), "{org} {role:?}");
            }
        }
    }
}
