//! Journeys beyond one attempt: another route, an interest that becomes binding, withdrawals, late offers, outcomes that
//! come by other paths, a restored backup, what follows a seal, one order for several members.
use verbund::audit::bundle::Bundle;
use verbund::audit::report::NotChecked;
use verbund::domain::body::Body;
use verbund::domain::id::{Hash, NodeId, OrderId, OrgId, StatementId};
use verbund::domain::law::Verdict;
use verbund::domain::offering::{Need, Withdrawal};
use verbund::domain::order::aftercare::{Phase, phase, settlements};
use verbund::domain::order::call_off::CallOff;
use verbund::domain::order::gathered::{Gathered, Member};
use verbund::domain::order::mandate::Mandate;
use verbund::domain::order::milestone::{ConnectionStep, Event as Happening, Milestone};
use verbund::domain::order::settlement::Settlement;
use verbund::domain::order::{
    Amendment, Amends, Confirm, Endorse, LegFinding, Mode, Recall, Request, Void, VoidReason,
};
use verbund::domain::price::KeyKind;
use verbund::domain::reason::{Lang, Reason};
use verbund::domain::route::Route;
use verbund::domain::statement::{Kind, Signed};
use verbund::protocol::explain::{Choice, Task};
use verbund::protocol::frame::Delivery;
use verbund::protocol::settings::Deciding;
use verbund::wire::order::{CallOffListing, call_offs};
use verbund::wire::pb::order::v1::ListCallOffsRequest;

use crate::federation::{
    cancel, cents, day, decision, name, officer_key, salt, seal, sign_as, sign_request, statement_key, wohngeld,
};
use crate::sim::faults::{Fault, Faults};
use crate::sim::invariants::{a_bundle_of_its_own_verifies, a_bundle_verifies};
use crate::sim::scenarios::{check_refused as refused, sealed as is_sealed, submit, world};
use crate::sim::{Event, World};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn void_of(world: &World, node: &str, order: OrderId, number: u32) -> Option<VoidReason> {
    let attempt = world.node(node).state().orders.get(&order)?.attempts.get(&number)?;
    attempt.void.as_ref().map(|void| void.body().reason)
}

fn end_with(world: &mut World, request: &Request, reason: VoidReason) {
    let signed = sign_request(request);
    let void = Void { reason, ..serde_json::from_slice(cancel(&signed, request, world.now).payload()).expect("own") };
    world.officer("kitu", &sign_as(&Kind::Void, &void, "barleben", "einkauf")).expect("an open attempt ends");
}

/// A request that waits for its officer.
fn unhurried(world: &World, request_id: &str) -> Request {
    Request { auto_seal: None, ..world.federation.request(request_id, world.now) }
}

#[test]
fn another_route_begins_only_after_the_void_and_late_offers_of_the_first_get_a_notice() {
    let mut world = World::new(0, Faults::none(), |policies, _| {
        if let Some(policy) = policies.get_mut(&name("provitako")) {
            policy.deciding = Deciding::Officer { within_ms: 600_000 };
        }
    });
    world.run(1_000);
    let request = unhurried(&world, "r1");
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    let mut next = Request { attempt: 2, signed_at: world.now, ..request.clone() };
    refused(submit(&mut world, &next), Reason::OrderOpen);
    next.attempt = 3;
    refused(submit(&mut world, &next), Reason::FieldInvalid);
    // KITU's streams to the others are cut: the void does not reach the hop whose officer decides meanwhile.
    world.faults.active = true;
    world.later(0, Event::Cut([name::<NodeId>("kitu")].into()));
    world.run(10);
    end_with(&mut world, &request, VoidReason::Rerouted);
    let yes = decision(&sign_request(&request), &request, "provitako", "leitung", true, world.now);
    world.officer("provitako", &yes).expect("it does not know of the void");
    world.run(2_000);
    assert!(
        world.attempt("kid", order).is_some_and(|attempt| attempt.counters.contains_key(&2)),
        "offers on their way"
    );
    let offers = world.attempt("kid", order).expect("an attempt");
    let late = Delivery {
        order,
        attempt: 1,
        to: name("kitu"),
        message: offers.counters[&2].id(),
        messages: offers.messages().into_iter().cloned().collect(),
        annexes: Vec::new(),
    };
    world.deliver_now("kid", "kitu", late).expect("it is kept, and answered with a notice");
    next.attempt = 2;
    next.signed_at = world.now;
    submit(&mut world, &next).expect("the first attempt is void");
    world.later(0, Event::Cut([].into()));
    seal_the_second(&mut world, &next);
    let late = &world.node("kitu").state().orders[&order].attempts[&1].late;
    assert!(!late.is_empty(), "late offers are answered");
    for notice in late.values() {
        let at = world.federation.home(&notice.body().to);
        assert!(
            world.node(at.as_str()).state().orders[&order].attempts[&1].late.contains_key(&notice.body().message)
        );
    }
    let third = Request { attempt: 3, signed_at: world.now, ..request };
    refused(submit(&mut world, &third), Reason::OrderClosed);
}

/// ProVitako's officer agrees to the second attempt, and the buyer's seals it; all parties hold both ends.
fn seal_the_second(world: &mut World, next: &Request) {
    let order = next.order;
    world.run(5_000);
    let again = decision(&sign_request(next), next, "provitako", "leitung", true, world.now);
    let again = Signed::sign(
        &Kind::Decision,
        &verbund::domain::order::Decision {
            attempt: 2,
            request: world.attempt("provitako", order).expect("attempt 2").request.id(),
            ..serde_json::from_slice(again.payload()).expect("own bytes")
        },
        &[&officer_key("provitako", "leitung")],
    );
    world.officer("provitako", &again).expect("a good decision");
    world.run(5_000);
    let offered = world.attempt("kitu", order).expect("attempt 2");
    assert_eq!(offered.request.body().attempt, 2);
    let sealing = seal(offered, "einkauf", world.now);
    world.officer("kitu", &sealing).expect("the second attempt is sealed");
    world.settle();
    for node in ["kitu", "kid", "provitako", "govdigital", "dataport"] {
        assert_eq!(void_of(world, node, order, 1), Some(VoidReason::Rerouted), "{node}");
        assert!(is_sealed(world, node, order), "{node}");
    }
}

#[test]
fn an_interest_is_raised_to_a_binding_request_on_the_same_order() {
    let mut world = world();
    let interest = Request { mode: Mode::Interest, ..unhurried(&world, "r1") };
    let order = submit(&mut world, &interest).expect("a good request");
    world.run(2_000);
    world.attempt("kitu", order).expect("an attempt").offer().expect("conditions");
    let binding = Request { attempt: 2, signed_at: world.now, ..world.federation.request("r1", world.now) };
    refused(submit(&mut world, &binding), Reason::OrderOpen);
    end_with(&mut world, &interest, VoidReason::Superseded);
    submit(&mut world, &binding).expect("the interest has been superseded");
    world.settle();
    assert!(is_sealed(&world, "dataport", order));
    assert_eq!(void_of(&world, "dataport", order, 1), Some(VoidReason::Superseded));
}

fn recall(world: &World, request: &Request, from: &str, officer: &str) -> Signed {
    let body = Recall {
        order: request.order,
        attempt: request.attempt,
        from: name(from),
        request: sign_request(request).id(),
        reason: "DECISION_NO".to_owned(),
        note: String::new(),
        annex: None,
        officer: Some(name(officer)),
        signed_at: world.now,
        salt: salt("recall"),
    };
    sign_as(&Kind::Recall, &body, from, officer)
}

#[test]
fn a_recall_before_the_seal_ends_the_attempt_and_one_after_it_is_refused() {
    let mut world = world();
    let request = unhurried(&world, "r1");
    let early = recall(&world, &request, "kid", "leitung");
    refused(world.officer("kid", &early), Reason::OrderUnknown);
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    let withdrawn = recall(&world, &request, "kid", "leitung");
    let sealing = seal(world.attempt("kitu", order).expect("offered"), "einkauf", world.now);
    world.officer("kid", &withdrawn).expect("a promise may be withdrawn before the seal");
    world.run(1_000);
    refused(world.officer("kitu", &sealing), Reason::OrderClosed);
    world.settle();
    assert_eq!(void_of(&world, "dataport", order, 1), Some(VoidReason::Recalled));
    let again = recall(&world, &request, "kid", "leitung");
    refused(world.officer("kid", &again), Reason::OrderClosed);
}

/// The recall is on its way while the officer seals: what stands first in the buyer's log counts.
#[test]
fn a_recall_that_meets_the_seal_loses_and_nobody_is_in_doubt() {
    let mut world = world();
    let request = unhurried(&world, "r1");
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    world.faults.active = true;
    world.later(0, Event::Cut([name::<NodeId>("kitu")].into()));
    world.run(10);
    world.officer("kid", &recall(&world, &request, "kid", "leitung")).expect("it knows of no seal");
    let sealing = seal(world.attempt("kitu", order).expect("offered"), "einkauf", world.now);
    world.officer("kitu", &sealing).expect("no recall has come");
    world.later(0, Event::Cut([].into()));
    world.settle();
    for node in ["kitu", "kid", "dataport"] {
        assert!(is_sealed(&world, node, order), "{node}");
        assert!(world.node(node).state().orders[&order].contradictions.is_empty(), "{node}");
    }
}

#[test]
fn a_provider_whose_offering_is_withdrawn_recalls_by_itself() {
    let mut world = world();
    let request = unhurried(&world, "r1");
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    let withdrawal = Withdrawal {
        seller: name("dataport"),
        name: name("wohngeld"),
        version: 1,
        reason: "Betrieb eingestellt".to_owned(),
    };
    world.publish("dataport", &sign_as(&Kind::Withdrawal, &withdrawal, "dataport", "vertrieb")).expect("withdrawn");
    world.settle();
    assert_eq!(void_of(&world, "kid", order, 1), Some(VoidReason::Recalled));
}

#[test]
fn a_hop_that_cannot_be_reached_within_its_share_leads_to_a_decline_in_time() {
    let mut world = world();
    world.faults.active = true;
    world.later(0, Event::Kill(name("provitako"), 100 * 60_000));
    world.run(10);
    let mut request = world.federation.request("r1", world.now);
    (request.quote_by, request.seal_by) = (world.now.plus_ms(50 * 60_000), world.now.plus_ms(90 * 60_000));
    let order = submit(&mut world, &request).expect("a good request");
    // Of 50 minutes five are kept for the way back; ProVitako, third of five, has until minute 27.
    world.run(26 * 60_000);
    assert_eq!(void_of(&world, "kitu", order, 1), None);
    world.run(2 * 60_000);
    assert_eq!(void_of(&world, "kitu", order, 1), Some(VoidReason::Rejected));
    let decline = world.attempt("kitu", order).expect("an attempt").declines[&2].body().reason.clone();
    assert_eq!(decline, "NODE_UNREACHABLE");
    world.run(100 * 60_000);
    world.settle();
}

#[test]
fn a_hop_refuses_at_once_what_its_officers_could_not_decide_in_time() {
    let mut world = World::new(0, Faults::none(), |policies, _| {
        if let Some(policy) = policies.get_mut(&name("provitako")) {
            policy.deciding = Deciding::Officer { within_ms: 5 * DAY_MS };
        }
    });
    world.run(1_000);
    let mut request = world.federation.request("r1", world.now);
    (request.quote_by, request.seal_by) = (world.now.plus_ms(5 * DAY_MS), world.now.plus_ms(9 * DAY_MS));
    let order = submit(&mut world, &request).expect("a good request");
    world.run(5_000);
    assert_eq!(void_of(&world, "kitu", order, 1), Some(VoidReason::Rejected));
    let declines = &world.attempt("kitu", order).expect("an attempt").declines;
    assert_eq!(declines[&3].body().reason, "TIME_TOO_SHORT");
    world.settle();
}

/// The buyer's node is away for good after it has told one party: the others learn the outcome from that one.
#[test]
fn a_missed_outcome_is_learned_from_another_party() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.faults.active = true;
    // Dataport is cut off just before the seal goes out, and KITU dies for a month as soon as the others have it.
    assert!(world.run_until(2_000, |world| world.attempt("dataport", order).is_some_and(|a| a.acceptance.is_some())));
    world.later(0, Event::Cut([name::<NodeId>("dataport")].into()));
    assert!(world.run_until(5_000, |world| is_sealed(world, "kid", order)));
    world.later(0, Event::Kill(name("kitu"), 3_600_000));
    world.run(10);
    world.later(0, Event::Cut([].into()));
    world.run(60_000);
    assert!(is_sealed(&world, "dataport", order), "told by another party");
    world.run(3_600_000);
    world.settle();
}

/// A backup from before the order is restored at a hop: it takes back its own words instead of saying them anew.
#[test]
fn a_restored_hop_takes_back_what_it_had_said() {
    let mut world = world();
    world.faults.active = true;
    world.later(0, Event::Fault(Fault::Backup(name("kid"))));
    world.run(10);
    let request = unhurried(&world, "r1");
    let order = submit(&mut world, &request).expect("a good request");
    world.run(5_000);
    let said: Vec<StatementId> =
        world.attempt("kid", order).expect("an attempt").messages().into_iter().map(Signed::id).collect();
    world.later(0, Event::Fault(Fault::Restore(name("kid"), 100)));
    world.run(20_000);
    let again: Vec<StatementId> =
        world.attempt("kid", order).expect("recovered").messages().into_iter().map(Signed::id).collect();
    assert_eq!(again, said);
    assert_eq!(world.node("kid").missing_statements(), 0);
    let sealing = seal(world.attempt("kitu", order).expect("offered"), "einkauf", world.now);
    world.officer("kitu", &sealing).expect("sealed");
    world.settle();
    assert!(is_sealed(&world, "kid", order) && is_sealed(&world, "dataport", order));
}

/// A hop has logged the seal, its receipt never arrived, and the backup is from before: nobody knows that it ever had the
/// seal. When the buyer delivers it again, it takes back what its log says it had. (Seed 900.)
#[test]
fn a_seal_that_was_lost_with_its_receipt_is_taken_back() {
    let mut world = world();
    world.faults.active = true;
    let request = unhurried(&world, "r1");
    let order = submit(&mut world, &request).expect("a good request");
    world.run(5_000);
    world.later(0, Event::Fault(Fault::Backup(name("kid"))));
    world.run(1);
    world.later(0, Event::Fault(Fault::OneWay(name("kid"), name("kitu"))));
    let sealing = seal(world.attempt("kitu", order).expect("offered"), "einkauf", world.now);
    world.officer("kitu", &sealing).expect("sealed");
    assert!(world.run_until(5_000, |world| is_sealed(world, "kid", order)));
    world.later(0, Event::Fault(Fault::Restore(name("kid"), 100)));
    assert!(!world.node("kitu").undelivered(order).is_empty(), "the receipt is lost");
    world.run(1_000);
    assert!(!is_sealed(&world, "kid", order), "the backup does not know");
    world.settle();
    assert!(is_sealed(&world, "kid", order));
    assert_eq!(world.node("kid").missing_statements(), 0);
}

/// The same at the buyer's node, after the seal: there is one seal, and it comes back.
#[test]
fn a_restored_buyers_node_takes_back_its_seal() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    world.faults.active = true;
    world.later(0, Event::Fault(Fault::Backup(name("kitu"))));
    world.run(10);
    let order = submit(&mut world, &request).expect("a good request");
    assert!(world.run_until(5_000, |world| is_sealed(world, "dataport", order)));
    world.run(2_000);
    let seal = world.attempt("kitu", order).and_then(|attempt| attempt.outcome());
    world.later(0, Event::Fault(Fault::Restore(name("kitu"), 100)));
    world.run(20_000);
    assert_eq!(world.attempt("kitu", order).and_then(|attempt| attempt.outcome()), seal);
    world.settle();
}

pub fn milestone(world: &World, order: OrderId, from: &str, officer: &str, number: u32, event: Happening) -> Signed {
    let node = world.federation.home(&name(from));
    let seal = world.attempt(node.as_str(), order).and_then(|attempt| attempt.outcome()).expect("sealed");
    let body = Milestone {
        order,
        attempt: 1,
        seal,
        from: name(from),
        number,
        annex: (event == Happening::Contact).then_some(Hash([5; 32])),
        event,
        officer: name(officer),
        signed_at: world.now,
        salt: salt("milestone"),
    };
    sign_as(&Kind::Milestone, &body, from, officer)
}

#[test]
fn a_second_endorsement_after_the_seal_is_kept_and_blocks_nothing() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    world.watch.expect_liars();
    let attempt = world.attempt("kid", order).expect("its own");
    let said = attempt.endorsements.values().find(|said| said.body().from == name("kid")).expect("an endorsement");
    let other = Endorse { salt: salt("other"), ..said.body().clone() };
    let other = Signed::sign(&Kind::Endorse, &other, &[&statement_key("kid")]);
    let delivery = Delivery {
        order,
        attempt: 1,
        to: name("barleben"),
        message: other.id(),
        messages: vec![other.clone()],
        annexes: Vec::new(),
    };
    world.deliver_now("kid", "kitu", delivery).expect("it is kept as evidence");
    assert_eq!(world.node("kitu").state().orders[&order].contradictions, [other]);
    let routed = Happening::Connected { item: ConnectionStep::Routing };
    let said = milestone(&world, order, "barleben", "einkauf", 1, routed);
    world.officer("kitu", &said).expect("the contract stands");
    assert!(is_sealed(&world, "kitu", order));
}

/// One half of a settlement between Barleben and KID.
fn half(world: &World, order: OrderId, from: &str, about: StatementId, agrees: Option<StatementId>) -> Settlement {
    let node = world.federation.home(&name(from));
    let seal = world.attempt(node.as_str(), order).and_then(|attempt| attempt.outcome()).expect("sealed");
    Settlement {
        order,
        attempt: 1,
        seal,
        from: name(from),
        to: name(if from == "kid" { "barleben" } else { "kid" }),
        number: 1,
        about: vec![about],
        holds: Some(seal),
        terms: "Es gilt die erste Fassung".to_owned(),
        agrees,
        officer: name("leitung"),
        signed_at: world.now,
        salt: salt(from),
    }
}

#[test]
fn a_contradiction_after_the_seal_is_settled_once_both_have_signed() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    world.watch.expect_liars();
    let attempt = world.attempt("kid", order).expect("its own");
    let said = attempt.endorsements.values().find(|said| said.body().from == name("kid")).expect("an endorsement");
    let other = Endorse { salt: salt("other"), ..said.body().clone() };
    let other = Signed::sign(&Kind::Endorse, &other, &[&statement_key("kid")]);
    let (id, messages) = (other.id(), vec![other]);
    let told = |world: &World, node: &str, org: &str| {
        let told = world.node(node).explain(order, &name(org), world.now).expect("it is known");
        (told.unsettled, told.choices.first().map(Choice::word))
    };
    let sign = |half: &Settlement| sign_as(&Kind::Settlement, half, half.from.as_str(), "leitung");
    // Nothing contradicts the seal yet.
    let proposal = half(&world, order, "barleben", id, None);
    refused(world.officer("kitu", &sign(&proposal)), Reason::NothingToSettle);
    let delivery = Delivery { order, attempt: 1, to: name("barleben"), message: id, messages, annexes: Vec::new() };
    world.deliver_now("kid", "kitu", delivery).expect("it is kept as evidence");
    assert_eq!(told(&world, "kitu", "barleben"), (1, Some("settle")));
    // The seal stands, and nobody agrees to what was not proposed.
    let against = Settlement { holds: Some(id), ..proposal.clone() };
    refused(world.officer("kitu", &sign(&against)), Reason::SettlementAgainstSeal);
    refused(world.officer("kid", &sign(&half(&world, order, "kid", id, Some(id)))), Reason::ChainBroken);
    let proposal = sign(&proposal);
    world.officer("kitu", &proposal).expect("a good proposal");
    world.settle();
    assert_eq!(told(&world, "kitu", "barleben"), (1, Some("settle")), "one alone settles nothing");
    let agreement = half(&world, order, "kid", id, Some(proposal.id()));
    let other_terms = Settlement { terms: "Es gilt die zweite Fassung".to_owned(), ..agreement.clone() };
    refused(world.officer("kid", &sign(&other_terms)), Reason::ChainBroken);
    world.officer("kid", &sign(&agreement)).expect("a good agreement");
    world.settle();
    assert_eq!(told(&world, "kitu", "barleben"), (0, Some("report")));
    for node in ["kitu", "kid", "provitako", "dataport"] {
        let attempt = world.attempt(node, order).expect("a party's");
        let both: Vec<bool> = settlements(attempt).map(|(_, agreement)| agreement.is_some()).collect();
        assert_eq!(both, [true], "all parties hear of it: {node}");
    }
    let report = a_bundle_verifies(&world, &name("kitu"), order);
    let told = report.findings().any(|(_, finding)| finding.refusal.reason == Reason::ContradictionSettled);
    assert!(told, "{}", report.text(Lang::De));
    assert!(world.rebuild(&name("kitu")).state().orders[&order].unsettled().is_empty(), "it survives a restart");
}

/// The buyer's node seals in time, but nobody can see it before the deadline has passed.
#[test]
fn a_seal_that_witnesses_see_late_waits_for_the_confirmation_of_all() {
    let mut world = world();
    let request = unhurried(&world, "r1");
    let (quote_by, seal_by) = (world.now.plus_ms(60_000), world.now.plus_ms(120_000));
    let order = submit(&mut world, &Request { quote_by, seal_by, ..request }).expect("a good request");
    world.run(30_000);
    let open = world.attempt("kitu", order).expect("it is open").clone();
    world.faults.active = true;
    world.later(0, Event::Cut([name::<NodeId>("kitu")].into()));
    world.run(10);
    let confirm = |world: &World, from: &str, seal| {
        let (officer, signed_at, from) = (name("leitung"), world.now, name(from));
        let body = Confirm { order, attempt: 1, from, seal, officer, signed_at, salt: salt("confirm") };
        sign_as(&Kind::Confirm, &body, body.from.as_str(), "leitung")
    };
    let sealed = seal(&open, "einkauf", world.now);
    world.officer("kitu", &sealed).expect("in time by its own clock");
    world.run(150_000);
    world.later(0, Event::Cut([].into()));
    world.run(60_000);
    let told = |world: &World, node: &str, org: &str| {
        let told = world.node(node).explain(order, &name(org), world.now).expect("it is known");
        (told.unconfirmed.clone().map(|missing| missing.len()), told.choices[0].word(), told.text(Lang::De))
    };
    let (missing, first, text) = told(&world, "kid", "kid");
    assert_eq!((missing, first), (Some(5), "confirm"), "{text}");
    assert!(text.contains("bindet erst, wenn ihn alle bestätigt haben; es fehlen noch: kitu, kid,"), "{text}");
    assert_eq!(told(&world, "kitu", "barleben").1, "report", "the buyer has sealed");
    world.officer("kid", &confirm(&world, "kid", sealed.id())).expect("it came late");
    world.run(60_000);
    let (missing, first, text) = told(&world, "kitu", "barleben");
    assert_eq!((missing, first), (Some(4), "report"), "{text}");
    assert!(text.contains("es fehlen noch: kitu, provitako, "), "{text}");
}

#[test]
fn a_seal_in_time_needs_no_confirmation() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    let seal = world.attempt("kid", order).and_then(|attempt| attempt.outcome()).expect("sealed");
    let (from, officer, signed_at) = (name("kid"), name("leitung"), world.now);
    let body = Confirm { order, attempt: 1, from, seal, officer, signed_at, salt: salt("confirm") };
    refused(world.officer("kid", &sign_as(&Kind::Confirm, &body, "kid", "leitung")), Reason::OrderState);
}

#[test]
fn after_the_seal_all_parties_see_connection_use_notice_and_the_end() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    let seen = |world: &World| phase(world.attempt("provitako", order).expect("an attempt"));
    assert_eq!(seen(&world), Some(Phase::Contracted));
    let today = world.now.date();
    let steps = [
        (1, Happening::Connected { item: ConnectionStep::Routing }, Phase::Connecting(1)),
        (2, Happening::Contact, Phase::Connecting(1)),
        (3, Happening::Productive { since: today }, Phase::Productive(today)),
        (4, Happening::Terminated { ends_on: day("2027-06-30") }, Phase::Terminated(day("2027-06-30"))),
    ];
    for (number, event, expected) in steps {
        let signed = milestone(&world, order, "barleben", "einkauf", number, event);
        world.officer("kitu", &signed).expect("a good milestone");
        world.settle();
        assert_eq!(seen(&world), Some(expected));
    }
    let soon = milestone(&world, order, "barleben", "einkauf", 5, Happening::Closed);
    refused(world.officer("kitu", &soon), Reason::OrderState);
    let hop = milestone(&world, order, "kid", "leitung", 1, Happening::Productive { since: today });
    refused(world.officer("kid", &hop), Reason::OrderState);
    let twice =
        milestone(&world, order, "barleben", "einkauf", 4, Happening::Connected { item: ConnectionStep::Test });
    refused(world.officer("kitu", &twice), Reason::OrderConflict);
}

#[test]
fn notice_that_is_too_short_is_refused() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    let soon =
        milestone(&world, order, "barleben", "einkauf", 1, Happening::Terminated { ends_on: world.now.date() });
    refused(world.officer("kitu", &soon), Reason::NoticeTooShort);
}

#[test]
fn a_node_seals_by_itself_not_before_the_day_of_award() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let mut world = world();
    let tomorrow = world.now.plus_ms(DAY_MS).date();
    let request = Request { as_of: tomorrow, ..world.federation.request("r1", world.now) };
    let order = submit(&mut world, &request).expect("a good request");
    world.run(5_000);
    assert!(!is_sealed(&world, "kitu", order), "all offers are here, but not the day");
    world.keep_quiet(true);
    world.run(tomorrow.begins().since_ms(world.now) + 1_000);
    assert!(is_sealed(&world, "kitu", order));
    world.keep_quiet(false);
    world.settle();
    a_bundle_verifies(&world, &name("kitu"), order);
}

#[test]
fn a_contract_is_prolonged_by_an_order_of_its_own_on_the_same_route() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    let seal = world.attempt("kitu", order).and_then(|attempt| attempt.outcome()).expect("sealed");
    let amends = Amends { order, seal, what: Amendment::Prolong };
    let good = Request { amends: Some(amends.clone()), ..world.federation.request("r2", world.now) };
    let other_seal = Amends { seal: request.offering, ..amends.clone() };
    let shorter = Route::new(vec![name("barleben"), name("kitu"), name("kid")]).expect("a route");
    for bad in [
        Request { amends: Some(other_seal), ..good.clone() },
        Request { amends: Some(Amends { order: OrderId([9; 16]), ..amends.clone() }), ..good.clone() },
        Request { as_of: day("2026-01-01"), ..good.clone() },
    ] {
        refused(submit(&mut world, &bad), Reason::AmendmentInvalid);
    }
    assert!(submit(&mut world, &Request { route: shorter, ..good.clone() }).is_err());
    let prolonged = submit(&mut world, &good).expect("a good amendment");
    world.settle();
    assert!(is_sealed(&world, "dataport", prolonged) && is_sealed(&world, "dataport", order));
}

#[test]
pub fn every_party_looks_at_what_is_amended_and_waits_for_its_seal() {
    let mut world = world();
    let request = unhurried(&world, "r1");
    let order = submit(&mut world, &request).expect("a good request");
    world.run(60_000);
    let open = world.attempt("kitu", order).expect("it is open").clone();
    let sealed = seal(&open, "einkauf", world.now);
    // A buyer's node that does not look hands on whatever an officer has signed.
    let bring = |world: &mut World, request_id: &str, seal| {
        let amends = Some(Amends { order, seal, what: Amendment::Change });
        let request = Request { amends, ..world.federation.request(request_id, world.now) };
        let signed = sign_request(&request);
        let endorsed = Endorse { order: request.order, prev: signed.id(), ..open.endorsements[&1].body().clone() };
        let endorsed = Signed::sign(&Kind::Endorse, &endorsed, &[&statement_key("kitu")]);
        let (message, messages) = (endorsed.id(), vec![signed, endorsed]);
        let delivery =
            Delivery { order: request.order, attempt: 1, to: name("kid"), message, messages, annexes: Vec::new() };
        world.deliver_now("kitu", "kid", delivery).expect("a party takes it");
        request.order
    };
    let early = bring(&mut world, "early", sealed.id());
    let at_kid = |world: &World, order| {
        let attempt = world.attempt("kid", order).expect("it is known").clone();
        (attempt.endorsements.contains_key(&2), attempt.declines.get(&2).map(|no| no.body().reason.clone()))
    };
    assert_eq!(at_kid(&world, early), (false, None), "it waits");
    let explained = world.node("kid").explain(early, &name("kid"), world.now).expect("it is known");
    let turn = explained.turn.map(|turn| (turn.org, turn.task, turn.held_here));
    assert_eq!(turn, Some((name("kid"), Task::AwaitSeal, false)), "and says what for");
    assert_eq!(explained.choices, [Choice::Wait]);
    world.officer("kitu", &sealed).expect("a good seal");
    // It never comes to rest: what the buyer's node has not written itself it cannot hand on.
    world.run(60_000);
    assert_eq!(at_kid(&world, early), (true, None), "the seal has come");
    let other = bring(&mut world, "other", request.offering);
    assert_eq!(at_kid(&world, other), (false, Some("AMENDMENT_INVALID".to_owned())));
}

/// Two members who have said that they need the service, and have given mandates.
fn needy(world: &mut World) -> Gathered {
    let gathered = in_need(world);
    for member in &gathered.members {
        let given = mandate(world, "einkauf", member, Given::default());
        world.officer("kitu", &given).expect("a good mandate");
    }
    world.settle();
    gathered
}

/// What a mandate says beside member and need.
#[derive(Clone, Copy)]
struct Given {
    to: &'static str,
    cap: i64,
    until: &'static str,
    approves: Option<StatementId>,
}

impl Default for Given {
    fn default() -> Self {
        Self { to: "kitu", cap: 5_000_000, until: "2027-06-30", approves: None }
    }
}

fn mandate(world: &World, officer: &str, member: &Member, given: Given) -> Signed {
    let body = Mandate {
        order: Mandate::matter(&member.org, &member.need),
        attempt: 1,
        org: member.org.clone(),
        to: name(given.to),
        need: member.need,
        cap: cents(given.cap),
        until: day(given.until),
        approves: given.approves,
        officer: name(officer),
        signed_at: world.now,
        salt: salt(&format!("{officer} {} {:?}", given.cap, given.approves)),
    };
    Signed::sign(&Kind::Mandate, &body, &[&officer_key(member.org.as_str(), officer)])
}

fn in_need(world: &mut World) -> Gathered {
    let members = [("barleben", 9_000), ("halberstadt", 38_000)].map(|(of, weight)| {
        let body = Need {
            municipality: name(of),
            leika: wohngeld().leika,
            note: "Wohngeld".to_owned(),
            until: day("2027-12-31"),
            through: Some(name("kitu")),
        };
        let signed = Signed::sign(&Kind::Need, &body, &[&statement_key(of)]);
        world.publish("kitu", &signed).expect("a good need");
        Member { org: name(of), need: signed.id(), weight }
    });
    world.settle();
    Gathered { key: KeyKind::Inhabitants, members: members.into() }
}

fn gathered(world: &World, members: &Gathered, request_id: &str) -> Request {
    let route = ["kitu", "kid", "provitako", "govdigital", "dataport"];
    let request = world.federation.request_along(&route, world.federation.wohngeld, request_id, world.now);
    Request { gathered: Some(members.clone()), ..request }
}

#[test]
fn a_cooperative_orders_for_its_members_and_each_sees_its_own_part() {
    let mut world = world();
    let members = needy(&mut world);
    let request = gathered(&world, &members, "sammel-1");
    let mut stranger = request.clone();
    stranger.gathered.as_mut().expect("a bundle").members[0].org = name("feldafing");
    refused(submit(&mut world, &stranger), Reason::NeedMissing);
    let order = submit(&mut world, &request).expect("a good bundle");
    world.settle();
    assert!(is_sealed(&world, "dataport", order));
    let parts = &world.node("kitu").state().orders[&order].call_offs;
    let by = |org: &str| (name::<OrgId>(org), name::<OrgId>("kitu"));
    let total = world.attempt("kitu", order).and_then(|a| a.seal.as_ref()).expect("sealed").body().total;
    let sum: i64 = parts.values().map(|part| part.body().share.get()).sum();
    assert_eq!((parts.len(), cents(sum)), (2, total), "shares add up to the cent");
    let barleben = parts[&by("barleben")].body();
    assert_eq!((barleben.weight, barleben.weights), (9_000, 47_000));
    assert!(matches!(Body::read(parts[&by("barleben")].signed()), Ok(Body::CallOff(_))));

    let report = a_bundle_verifies(&world, &name("kitu"), order);
    let shares: Vec<(&str, u64, i64)> =
        report.case.members.iter().map(|(org, weight, share)| (org.as_str(), *weight, share.get())).collect();
    let part = |org: &str| parts[&by(org)].body().share.get();
    assert_eq!(shares, [("barleben", 9_000, part("barleben")), ("halberstadt", 38_000, part("halberstadt"))]);
    assert!(report.text(Lang::De).contains("Schlüsselzahl 9000"), "{}", report.text(Lang::De));

    // What an auditor must not let pass.
    let request = world.attempt("kitu", order).expect("sealed").request.body();
    assert_eq!(barleben.check(request, barleben.seal, total), Ok(()));
    let cheaper = CallOff { share: cents(barleben.share.get() - 1), ..barleben.clone() };
    let heavier = CallOff { weight: 9_001, ..barleben.clone() };
    let elsewhere = CallOff { provider: name("akdb"), ..barleben.clone() };
    let stranger = CallOff { to: name("feldafing"), ..barleben.clone() };
    for (part, reason) in [
        (cheaper, Reason::PriceMismatch),
        (heavier, Reason::ChainBroken),
        (elsewhere, Reason::ChainBroken),
        (stranger, Reason::ChainBroken),
    ] {
        assert_eq!(part.check(request, barleben.seal, total).expect_err("not this order's").reason, reason);
    }
    let alone = Request { gathered: None, ..request.clone() };
    assert!(barleben.check(&alone, barleben.seal, total).is_err(), "nobody's part");
}

#[test]
fn the_parts_of_a_member_come_page_by_page() {
    let mut world = world();
    let members = needy(&mut world);
    let mut orders = ["sammel-1", "sammel-2"].map(|request_id| {
        let request = gathered(&world, &members, request_id);
        submit(&mut world, &request).expect("a good bundle").to_string()
    });
    world.settle();
    orders.sort();
    let mut page_token = String::new();
    for (at, order) in orders.iter().enumerate() {
        let listing = CallOffListing::try_from(ListCallOffsRequest { page_size: 1, page_token }).expect("own token");
        let page = call_offs(world.node("kitu"), &name("barleben"), &listing);
        assert_eq!(page.call_offs.iter().map(|part| &part.order_id).collect::<Vec<_>>(), [order]);
        assert_eq!(page.next_page_token.is_empty(), at == 1);
        page_token = page.next_page_token;
    }
}

#[test]
fn a_cooperative_binds_its_members_by_their_mandates_only() {
    let mut world = world();
    let members = in_need(&mut world);
    let [barleben, halberstadt] = [0, 1].map(|at| members.members[at].clone());
    let request = gathered(&world, &members, "sammel-1");
    let order = submit(&mut world, &request).expect("a good bundle");
    let sealed = |world: &mut World| {
        world.run(5_000);
        is_sealed(world, "kitu", order)
    };
    let give = |world: &mut World, officer: &str, member: &Member, given: Given| {
        let signed = mandate(world, officer, member, given);
        world.officer("kitu", &signed).map(|_| signed.id())
    };
    assert!(!sealed(&mut world), "nobody has agreed");
    let by_hand = seal(world.attempt("kitu", order).expect("offered"), "einkauf", world.now);
    refused(world.officer("kitu", &by_hand), Reason::MandateMissing);
    // What its members may say.
    let long_ago = Given { until: "2020-01-01", ..Given::default() };
    refused(give(&mut world, "einkauf", &barleben, long_ago), Reason::MandateExpired);
    let to_another = Given { to: "akdb", ..Given::default() };
    refused(give(&mut world, "einkauf", &barleben, to_another), Reason::NeedMissing);
    let of_another = Member { org: name("halberstadt"), ..barleben.clone() };
    refused(give(&mut world, "einkauf", &of_another, Given::default()), Reason::NeedMissing);
    // Beyond the limit of who gives it a colleague must approve the same terms.
    let first = give(&mut world, "sachgebiet", &barleben, Given::default()).expect("it waits for a colleague");
    give(&mut world, "einkauf", &halberstadt, Given { cap: 1, ..Given::default() }).expect("little, but a mandate");
    assert!(!sealed(&mut world), "one waits, one is too small");
    let same = Given { approves: Some(first), ..Given::default() };
    refused(give(&mut world, "sachgebiet", &barleben, same), Reason::SameOfficer);
    let other = Given { cap: 6_000_000, ..same };
    refused(give(&mut world, "leitung", &barleben, other), Reason::FieldInvalid);
    give(&mut world, "leitung", &barleben, same).expect("approved");
    assert!(!sealed(&mut world), "one is too small");
    let by_hand = seal(world.attempt("kitu", order).expect("offered"), "einkauf", world.now);
    refused(world.officer("kitu", &by_hand), Reason::MandateExceeded);
    give(&mut world, "einkauf", &halberstadt, Given::default()).expect("enough");
    assert!(sealed(&mut world), "both have agreed");
    let parts = &world.node("kitu").state().orders[&order].call_offs;
    let part = parts[&(name("barleben"), name("kitu"))].body();
    assert_eq!((parts.len(), part.mandate), (2, first));
    a_bundle_verifies(&world, &name("kitu"), order);
    for [member, other] in [["barleben", "halberstadt"], ["halberstadt", "barleben"]] {
        it_holds_nothing_about(&world, order, member, other);
    }
    let stranger = world.node("kitu").evidence_for(order, &name("feldafing"));
    assert_eq!(stranger.expect_err("no part of it").reason, Reason::OrderUnknown);
}

/// A member's own bundle is good by itself, and neither names nor prices of other members occur in any file of it.
fn it_holds_nothing_about(world: &World, order: OrderId, member: &str, other: &str) {
    let (report, zip) = a_bundle_of_its_own_verifies(world, &name("kitu"), order, &name(member));
    assert!(report.case.not_checked.contains(&NotChecked::ChainBehind));
    assert_eq!(report.case.parties, [name(member), name("kitu")]);
    let parts = &world.node("kitu").state().orders[&order].call_offs;
    let other_share = parts[&(name(other), name("kitu"))].body().share.get().to_string();
    let files = Bundle::parse(&zip).expect("a good bundle").members;
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for (file, bytes) in &files {
        assert!(!file.contains(other) && !holds(bytes, other), "{file} of {member} names {other}");
        assert!(!holds(bytes, &other_share), "{file} of {member} tells what {other} pays");
    }
    assert!(files.values().any(|bytes| holds(bytes, member)), "its own name is found this way");
}

/// A cooperative says that it has ordered for a member: with an invented seal, beyond the cap, after the last day, or under
/// a mandate for another. The first of them keeps nobody from the true one.
#[test]
fn a_members_node_files_no_part_without_its_mandate() {
    let mut world = world();
    let members = in_need(&mut world);
    let barleben = members.members[0].clone();
    let given = mandate(&world, "einkauf", &barleben, Given { cap: 27_778, until: "2026-12-31", ..Given::default() });
    world.officer("kitu", &given).expect("a good mandate");
    let request = gathered(&world, &members, "sammel-1");
    let true_one = CallOff {
        order: request.order,
        attempt: 1,
        seal: StatementId([3; 32]),
        from: name("kitu"),
        to: name("barleben"),
        need: barleben.need,
        mandate: given.id(),
        offering: request.offering,
        provider: name("dataport"),
        term_years: 2,
        key: KeyKind::Inhabitants,
        weight: 9_000,
        weights: 40_000,
        total: cents(123_456),
        share: cents(27_778),
        leg: LegFinding {
            from: name("barleben"),
            to: name("kitu"),
            as_of: request.as_of,
            verdict: Verdict::Fulfilled,
            basis: None,
            assumed: false,
            evidence: Vec::new(),
        },
        rule_pack: request.rule_pack,
        procedure_began: request.procedure_day(),
        award: request.award,
        signed_at: world.now,
        salt: salt("part"),
    };
    let brought = |world: &mut World, by: &str, part: &CallOff| {
        let signed = Signed::sign(&Kind::CallOff, part, &[&statement_key(by)]);
        let (order, message, messages) = (part.order, signed.id(), vec![signed]);
        world.deliver_now(
            "kid",
            "kitu",
            Delivery { order, attempt: 1, to: name("barleben"), message, messages, annexes: Vec::new() },
        )
    };
    let stranger = CallOff { from: name("akdb"), mandate: StatementId([9; 32]), ..true_one.clone() };
    refused(brought(&mut world, "akdb", &stranger), Reason::NeedMissing);
    let invented = CallOff { mandate: StatementId([9; 32]), total: cents(900_000_000), ..true_one.clone() };
    refused(brought(&mut world, "kitu", &invented), Reason::MandateMissing);
    let over_cap = CallOff { share: cents(27_779), ..true_one.clone() };
    refused(brought(&mut world, "kitu", &over_cap), Reason::MandateExceeded);
    let late = CallOff { signed_at: "2027-01-02T10:00:00Z".parse().expect("a time"), ..true_one.clone() };
    refused(brought(&mut world, "kitu", &late), Reason::MandateExpired);
    assert!(world.node("kitu").state().orders.get(&request.order).is_none_or(|known| known.call_offs.is_empty()));
    brought(&mut world, "kitu", &true_one).expect("under its mandate");
    assert_eq!(world.node("kitu").state().orders[&request.order].call_offs.len(), 1);
}
