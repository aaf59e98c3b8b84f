//! Journeys told one by one, and for each safety mechanism a run that ends badly without it.
use verbund::domain::id::{Hash, NodeId, OrderId, OrgId, Origin};
use verbund::domain::offering::Withdrawal;
use verbund::domain::order::{Access, Mode, Request, Seal, Void, VoidReason};
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::trust::{KeyRole, OfficerGrant, OfficerRole, Succession};
use verbund::log::checkpoint::Checkpoint;
use verbund::log::cosignature::cosign;
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME};
use verbund::log::note::SignedNote;
use verbund::protocol::frame::{Cover, Delivery, Frame, Run, prefix};
use verbund::protocol::limits::DELIVERIES_IN_FLIGHT_MAX;
use verbund::protocol::record::LogEntry;
use verbund::protocol::settings::{Deciding, Instance};
use verbund::protocol::{Answer, Effect, Input, RequestId};
use verbund::store::memory::Failure;

use crate::federation::{
    cancel, cents, day, decision, fee, key, membership, name, officer_key, salt, seal, sign_as, sign_request,
    statement_key, wohngeld,
};
use crate::history::{History, tree_of};
use crate::sim::faults::{Faults, rotation};
use crate::sim::{Event, World, invariants};

/// A world after its first second, in which all streams are open.
pub fn world() -> World {
    let mut world = World::calm();
    world.run(1_000);
    world
}

pub fn submit(world: &mut World, request: &Request) -> Result<OrderId, Refusal> {
    let home = world.federation.home(&request.buyer);
    match world.officer(home.as_str(), &sign_request(request))? {
        Answer::Order(order) => Ok(order),
        other => panic!("a request is answered with {other:?}"),
    }
}

pub fn sealed(world: &World, node: &str, order: OrderId) -> bool {
    world.attempt(node, order).is_some_and(|attempt| attempt.seal.is_some())
}

fn voided(world: &World, node: &str, order: OrderId) -> Option<VoidReason> {
    world.attempt(node, order)?.void.as_ref().map(|void| void.body().reason)
}

fn decline_reason(world: &World, node: &str, order: OrderId) -> Option<String> {
    world.attempt(node, order)?.declines.values().next().map(|decline| decline.body().reason.clone())
}

pub fn check_refused<T: std::fmt::Debug>(result: Result<T, Refusal>, reason: Reason) -> Refusal {
    let refusal = result.expect_err("must be refused");
    assert_eq!(refusal.reason, reason, "{refusal}");
    refusal
}

#[test]
fn five_legs_seal_in_both_directions_and_the_prices_add_up() {
    let mut world = world();
    let there = world.federation.request("r1", world.now);
    let back = world.federation.reverse_request("r2", world.now);
    submit(&mut world, &there).expect("a good request");
    submit(&mut world, &back).expect("a good request");
    // Feldafing joins two towns of its size in a key: a third of 1,500 €; and 800 uses at 10 cents.
    for (request, buyer, uses, hops) in [
        (&there, "kitu", 0, ["kitu", "kid", "provitako", "govdigital"]),
        (&back, "akdb", 8_000, ["akdb", "govdigital", "provitako", "kid"]),
    ] {
        assert!(world.run_until(2_000, |world| sealed(world, buyer, request.order)), "sealed within two seconds");
        let attempt = world.attempt(buyer, request.order).expect("an attempt");
        let fees: i64 = hops.iter().flat_map(|hop| fee(hop)).map(|part| part.cents.get() * 4).sum();
        let total = attempt.seal.as_ref().expect("sealed").body().total;
        assert_eq!(total, cents(100_000 + 4 * (50_000 + uses) + fees));
    }
    world.settle();
    for (node, request) in [("dataport", &there), ("kid", &there), ("kitu", &back)] {
        assert!(sealed(&world, node, request.order), "{node}");
    }
    let evidence = world.node("kitu").evidence(there.order).expect("evidence");
    assert_eq!((evidence.messages.len(), evidence.receipts.len()), (1 + 4 + 1 + 4 + 1, 1 + 3 + 1 + 4));
    let tariffs = world.node("kitu").state().orders[&there.order].attempts[&1].counters.values();
    assert_eq!(tariffs.filter(|counter| counter.body().tariff.is_some()).count(), 4, "every hop names its tariff");
    assert!(evidence.facts.len() > 10 && evidence.trust.iter().all(|item| item.proof.is_some()));
}

#[test]
fn the_same_request_twice_is_one_order_and_another_under_its_id_is_refused() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    let first = submit(&mut world, &request).expect("a good request");
    assert_eq!(submit(&mut world, &request), Ok(first));
    // The tool was restarted and signs anew.
    request.signed_at = request.signed_at.plus_ms(1_000);
    assert_eq!(submit(&mut world, &request), Ok(first));
    request.total_max = cents(5_000_000);
    check_refused(submit(&mut world, &request), Reason::OrderConflict);
    world.settle();
    assert_eq!(submit(&mut world, &request).map_err(|refusal| refusal.reason), Err(Reason::OrderConflict));
    assert_eq!(world.node("dataport").state().orders.len(), 1);
}

#[test]
fn above_the_officers_limit_a_second_person_approves() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.officer = name("sachgebiet");
    let order = submit(&mut world, &request).expect("a good request");
    let signed = sign_request(&request);
    world.run(5_000);
    assert!(world.attempt("kid", order).is_none(), "nobody is asked before the approval");
    // Neither the officer who ordered nor one with a low limit can approve.
    let own = decision(&signed, &request, "barleben", "sachgebiet", true, world.now);
    check_refused(world.officer("kitu", &own), Reason::SameOfficer);
    let buyer = decision(&signed, &request, "barleben", "einkauf", true, world.now);
    check_refused(world.officer("kitu", &buyer), Reason::GrantRoleMissing);
    let approval = decision(&signed, &request, "barleben", "leitung", true, world.now);
    world.officer("kitu", &approval).expect("the approver approves");
    world.settle();
    assert!(sealed(&world, "dataport", order));
}

#[test]
fn an_approval_beyond_the_approvers_limit_does_not_use_up_the_place() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    let deputy = OfficerGrant {
        org: name("barleben"),
        officer: name("vertretung"),
        device: name("tafel"),
        key: officer_key("barleben", "vertretung").public(),
        roles: [OfficerRole::Approver].into(),
        limit: cents(10),
        limit_per_year: None,
        valid_from: day("2020-01-01"),
        valid_to: day("2030-01-01"),
    };
    let roots = [0, 1].map(|number| key(&format!("org/barleben/root/{number}")));
    let signing = [&roots[0], &roots[1], &officer_key("barleben", "vertretung")];
    world.publish("kitu", &Signed::sign(&Kind::OfficerGrant, &deputy, &signing)).expect("a good grant");
    world.run(1_000);
    request.officer = name("sachgebiet");
    let order = submit(&mut world, &request).expect("a good request");
    let signed = sign_request(&request);
    let too_low = decision(&signed, &request, "barleben", "vertretung", true, world.now);
    check_refused(world.officer("kitu", &too_low), Reason::GrantLimit);
    let approval = decision(&signed, &request, "barleben", "leitung", true, world.now);
    world.officer("kitu", &approval).expect("the approver approves");
    world.settle();
    assert!(sealed(&world, "kitu", order));
}

#[test]
fn a_refused_approval_ends_the_order_where_it_began() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.officer = name("sachgebiet");
    let order = submit(&mut world, &request).expect("a good request");
    let no = decision(&sign_request(&request), &request, "barleben", "leitung", false, world.now);
    world.officer("kitu", &no).expect("a good decision");
    world.settle();
    assert_eq!(voided(&world, "kitu", order), Some(VoidReason::NotApproved));
    assert!(world.attempt("kid", order).is_none());
}

/// A world in which ProVitako's management decides.
fn world_with_a_person_at_provitako() -> World {
    let mut world = World::new(0, Faults::none(), |policies, _| {
        if let Some(policy) = policies.get_mut(&name("provitako")) {
            policy.deciding = Deciding::Officer { within_ms: 600_000 };
        }
    });
    world.run(1_000);
    world
}

#[test]
fn a_hop_waits_for_its_person_who_says_yes_or_no() {
    for yes in [true, false] {
        let mut world = world_with_a_person_at_provitako();
        let request = world.federation.request("r1", world.now);
        let order = submit(&mut world, &request).expect("a good request");
        world.run(60_000);
        assert!(world.attempt("provitako", order).is_some() && world.attempt("govdigital", order).is_none());
        let signed = decision(&sign_request(&request), &request, "provitako", "leitung", yes, world.now);
        check_refused(world.officer("kid", &signed), Reason::OrgElsewhere);
        world.officer("provitako", &signed).expect("a good decision");
        world.settle();
        assert_eq!(sealed(&world, "dataport", order), yes);
        let void = (!yes).then_some(VoidReason::Rejected);
        assert_eq!(voided(&world, "kitu", order), void);
        assert_eq!(decline_reason(&world, "kitu", order), (!yes).then(|| "DECISION_NO".to_owned()));
    }
}

#[test]
fn a_person_who_does_not_answer_in_time_declines() {
    let mut world = world_with_a_person_at_provitako();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.run(600_000 + 5_000);
    assert_eq!(voided(&world, "kitu", order), Some(VoidReason::Rejected));
    assert_eq!(decline_reason(&world, "kitu", order), Some("DEADLINE_PASSED".to_owned()));
    world.settle();
}

#[test]
pub fn cancelling_wins_before_the_seal_and_loses_after_it() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.auto_seal = None;
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    let attempt = world.attempt("kitu", order).expect("an attempt");
    attempt.offer().expect("a complete chain waits for the officer");
    let sealing = seal(attempt, "einkauf", world.now);
    let void = cancel(&sign_request(&request), &request, world.now);
    world.officer("kitu", &void).expect("cancelled");
    world.officer("kitu", &void).expect("and again");
    check_refused(world.officer("kitu", &sealing), Reason::OrderClosed);
    world.settle();
    assert_eq!(voided(&world, "dataport", order), Some(VoidReason::Cancelled));

    let request = world.federation.request("r2", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    assert!(world.run_until(2_000, |world| sealed(world, "kitu", order)));
    let void = cancel(&sign_request(&request), &request, world.now);
    check_refused(world.officer("kitu", &void), Reason::OrderClosed);
    world.settle();
}

#[test]
fn a_seal_must_name_the_whole_chain_and_its_sum() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.auto_seal = None;
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    let good = seal(world.attempt("kitu", order).expect("an attempt"), "einkauf", world.now);
    let body: Seal = serde_json::from_slice(good.payload()).expect("own bytes");
    let shorter = Seal { chain: body.chain[1..].to_vec(), ..body.clone() };
    let cheaper = Seal { total: cents(body.total.get() - 1), ..body.clone() };
    for (bad, reason) in [(shorter, Reason::ChainBroken), (cheaper, Reason::PriceMismatch)] {
        let signed = sign_as(&Kind::Seal, &bad, "barleben", "einkauf");
        check_refused(world.officer("kitu", &signed), reason);
    }
    // Without the request's leave the node cannot seal alone.
    let alone = Signed::sign(&Kind::Seal, &Seal { officer: None, ..body }, &[&statement_key("barleben")]);
    check_refused(world.officer("kitu", &alone), Reason::SignerWrong);
    world.officer("kitu", &good).expect("the officer seals");
    world.officer("kitu", &good).expect("and again");
    world.settle();
    assert!(sealed(&world, "dataport", order));
}

#[test]
fn an_interest_is_answered_and_binds_nobody() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.mode = Mode::Interest;
    (request.quote_by, request.seal_by) = (world.now.plus_ms(30_000), world.now.plus_ms(60_000));
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    let attempt = world.attempt("kitu", order).expect("an attempt");
    attempt.offer().expect("conditions");
    let signed = seal(attempt, "einkauf", world.now);
    check_refused(world.officer("kitu", &signed), Reason::OrderState);
    world.settle();
    assert_eq!(voided(&world, "dataport", order), Some(VoidReason::Expired));
}

#[test]
fn a_price_above_the_cap_ends_the_order() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.total_max = cents(300_000);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    assert_eq!(voided(&world, "govdigital", order), Some(VoidReason::PriceTooHigh));
}

/// A hop is off from before the order until after the deadline: the hop before it declines when the time of the other is
/// over, nothing is lost, nobody is bound.
#[test]
fn an_order_ends_in_time_when_a_hop_stays_away() {
    let mut world = world();
    world.faults.active = true;
    world.later(0, Event::Kill(name("provitako"), 20 * 60_000));
    world.run(10);
    let mut request = world.federation.request("r1", world.now);
    (request.quote_by, request.seal_by) = (world.now.plus_ms(10 * 60_000), world.now.plus_ms(60 * 60_000));
    let order = submit(&mut world, &request).expect("a good request");
    world.run(11 * 60_000);
    assert_eq!(voided(&world, "kid", order), Some(VoidReason::Rejected));
    assert!(world.attempt("provitako", order).is_none());
    world.run(10 * 60_000);
    world.settle();
    assert_eq!(voided(&world, "provitako", order), Some(VoidReason::Rejected));
}

/// A hop that comes back within the deadline answers at once, because its streams wake the outboxes.
#[test]
pub fn an_order_goes_on_as_soon_as_a_hop_is_back() {
    let mut world = world();
    world.faults.active = true;
    world.later(0, Event::Kill(name("provitako"), 120_000));
    world.run(10);
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.run(120_000);
    assert!(world.run_until(5_000, |world| sealed(world, "kitu", order)), "sealed within five seconds");
    world.settle();
}

#[test]
fn a_request_for_a_day_before_the_membership_is_refused_with_its_date() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.as_of = day("2021-06-15");
    let refusal = check_refused(submit(&mut world, &request), Reason::LegNotProven);
    assert_eq!((refusal.field("from"), refusal.field("to")), (Some("kid"), Some("provitako")));
    assert!(refusal.field("why").is_some_and(|why| why.contains("erst ab 01.12.2021")), "{refusal}");
    assert!(world.node("kitu").state().orders.is_empty());
}

#[test]
fn a_request_that_breaks_a_rule_is_refused_with_its_reason() {
    let mut world = world();
    let good = world.federation.request("r1", world.now);
    let late = world.now.plus_ms(3_600_000);
    type Edit = Box<dyn Fn(&mut Request)>;
    let cases: Vec<(Edit, Reason)> = vec![
        (Box::new(|r| r.officer = name("frueher")), Reason::GrantExpired),
        (Box::new(|r| r.officer = name("leitung")), Reason::GrantRoleMissing),
        (Box::new(|r| r.term_years = 0), Reason::FieldInvalid),
        (Box::new(|r| r.attempt = 2), Reason::OrderState),
        (Box::new(|r| r.seal_by = r.quote_by), Reason::DeadlineInvalid),
        (Box::new(move |r| r.signed_at = late), Reason::ClockDiffers),
        (Box::new(|r| r.request_id = "other".to_owned()), Reason::OrderIdMismatch),
        (Box::new(|r| r.offering = r.rule_pack), Reason::OfferingUnknown),
        (Box::new(|r| r.rule_pack = r.offering), Reason::RulePackUnknown),
    ];
    for (edit, reason) in cases {
        let mut request = good.clone();
        edit(&mut request);
        check_refused(submit(&mut world, &request), reason);
    }
    let foreign = Signed::sign(&Kind::Request, &good, &[&SecretKey::from_seed(&[7; 32])]);
    check_refused(world.officer("kitu", &foreign), Reason::KeyUnknown);
    let feldafing = sign_as(&Kind::Request, &good, "feldafing", "einkauf");
    check_refused(world.officer("kitu", &feldafing), Reason::KeyUnknown);
    let colleague = sign_as(&Kind::Request, &good, "barleben", "sachgebiet");
    check_refused(world.officer("kitu", &colleague), Reason::SignerWrong);
    check_refused(world.officer("kid", &sign_request(&good)), Reason::OrgElsewhere);
    assert!(world.node("kitu").state().orders.is_empty());
}

#[test]
fn an_offering_changed_by_one_byte_is_another_and_signed_by_nobody() {
    let mut world = world();
    let good = Signed::sign(&Kind::Offering, &wohngeld(), &[&statement_key("dataport")]);
    let text = String::from_utf8(good.pae().to_vec()).expect("text").replace("50000", "40000");
    let changed = Signed::parse(text.as_bytes(), good.signatures().to_vec()).expect("well-formed");
    assert_ne!(changed.id(), good.id());
    check_refused(world.publish("dataport", &changed), Reason::SignatureInvalid);
    let mut request = world.federation.request("r1", world.now);
    request.offering = changed.id();
    check_refused(submit(&mut world, &request), Reason::OfferingUnknown);
}

#[test]
fn a_withdrawn_offering_is_refused_here_and_rejected_by_the_provider_until_a_new_version_comes() {
    let mut world = world();
    let withdrawal = Withdrawal {
        seller: name("dataport"),
        name: name("wohngeld"),
        version: 1,
        reason: "Betrieb eingestellt".to_owned(),
    };
    let request = world.federation.request("r1", world.now);
    // The buyer's node does not know yet: the streams to it are cut.
    world.faults.active = true;
    world.later(0, Event::Cut([name("dataport")].into()));
    world.run(10);
    let signed = sign_as(&Kind::Withdrawal, &withdrawal, "dataport", "vertrieb");
    world.publish("dataport", &signed).expect("a good withdrawal");
    let order = submit(&mut world, &request).expect("as far as this node knows");
    world.run(2_000);
    world.settle();
    assert_eq!(voided(&world, "kitu", order), Some(VoidReason::Rejected));
    assert_eq!(decline_reason(&world, "kitu", order), Some("OFFERING_WITHDRAWN".to_owned()));
    let request = world.federation.request("r2", world.now);
    check_refused(submit(&mut world, &request), Reason::OfferingWithdrawn);

    let mut offering = wohngeld();
    let again = Signed::sign(&Kind::Offering, &offering, &[&statement_key("dataport")]);
    check_refused(world.publish("dataport", &again), Reason::OfferingWithdrawn);
    offering.title = "Wohngeld online".to_owned();
    let same_number = Signed::sign(&Kind::Offering, &offering, &[&statement_key("dataport")]);
    check_refused(world.publish("dataport", &same_number), Reason::OfferingVersion);
    offering.version = 2;
    let newer = Signed::sign(&Kind::Offering, &offering, &[&statement_key("dataport")]);
    world.publish("dataport", &newer).expect("a newer version");
    world.publish("dataport", &newer).expect("the same statement again changes nothing");
    check_refused(world.publish("dataport", &again), Reason::OfferingWithdrawn);
    world.settle();
    let mut request = world.federation.request("r3", world.now);
    request.offering = newer.id();
    let order = submit(&mut world, &request).expect("on offer again");
    world.settle();
    assert!(sealed(&world, "dataport", order));
}

#[test]
pub fn a_membership_that_ends_meanwhile_stops_the_seal() {
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.auto_seal = None;
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    let known = world
        .node("kitu")
        .state()
        .facts
        .memberships()
        .find(|(_, fact)| fact.member == name::<OrgId>("kid") && fact.of == name::<OrgId>("provitako"));
    let mut ended = membership("kid", "provitako", "2021-12-01");
    (ended.corrects, ended.valid_to) = (known.map(|(id, _)| *id), Some(day("2026-11-22")));
    let signed = Signed::sign(&Kind::Membership, &ended, &[&statement_key("provitako")]);
    world.publish("provitako", &signed).expect("a good correction");
    world.run(2_000);
    let signed = seal(world.attempt("kitu", order).expect("an attempt"), "einkauf", world.now);
    check_refused(world.officer("kitu", &signed), Reason::LegNotProven);
}

// --- peers that do not keep to the rules ---

/// The next entries of Dataport's log as Dataport's own keys would sign them.
fn forged_entries(world: &World, statements: &[Signed]) -> (Vec<LogEntry>, String) {
    let origin = &world.node("dataport").settings().origin;
    let mut history = History::held(&world.node("dataport").state().logs[origin]);
    let entry = |signed: &Signed| {
        let leaf = Leaf::new(signed, Audience::Public, NO_OUTCOME);
        LogEntry { leaf, statement: Some(signed.clone()) }
    };
    let entries: Vec<LogEntry> = statements.iter().map(entry).collect();
    history.append(&entries);
    let tree = history.tree;
    let checkpoint = Checkpoint { origin: origin.clone(), size: tree.size(), root: tree.root() };
    (entries, checkpoint.sign(&key("node/dataport/log")).to_string())
}

fn offering_named(text: &str, signer: &SecretKey) -> Signed {
    let mut offering = wohngeld();
    offering.name = name(text);
    Signed::sign(&Kind::Offering, &offering, &[signer])
}

fn frame_at_kitu(world: &mut World, from: &str, entries: Vec<LogEntry>, note: String, first: u64) {
    let origin = world.node("dataport").settings().origin.clone();
    let tree = &world.node("dataport").state().logs[&origin].tree;
    let base = Some(prefix(&tree.root_at(first).expect("held")));
    let frame =
        Frame::Entries(Run { origin, first, base, entries, cover: Cover::Note(note), consistency: Vec::new() });
    world.inject("kitu", Input::Frame(name(from), frame));
}

fn dataport_size(world: &World) -> u64 {
    let origin = &world.node("dataport").settings().origin;
    world.node("kitu").state().logs[origin].tree.size()
}

#[test]
fn one_bad_record_is_refused_alone_and_stays_refused_after_a_restart() {
    let mut world = world();
    let good = statement_key("dataport");
    let statements = [
        offering_named("vorher", &good),
        offering_named("gefaelscht", &SecretKey::from_seed(&[9; 32])),
        offering_named("nachher", &good),
    ];
    let (first, (entries, note)) = (dataport_size(&world), forged_entries(&world, &statements));
    world.watch.expect_liars();
    frame_at_kitu(&mut world, "dataport", entries, note, first);
    assert!(world.disconnects.is_empty(), "{:?}", world.disconnects);
    let check = |node: &verbund::protocol::Node| {
        let state = node.state();
        let row = |text: &str| state.catalogue.row(&name("dataport"), &name(text)).is_some();
        assert!(row("vorher") && row("nachher") && !row("gefaelscht"));
        let refused = &state.logs[&"probe/log/dataport/1".parse().expect("origin")].refused;
        let reasons: Vec<(u64, Reason)> = refused.iter().map(|(at, refusal)| (*at, refusal.reason)).collect();
        assert_eq!(reasons, [(first + 1, Reason::KeyUnknown)]);
    };
    check(world.node("kitu"));
    check(&world.rebuild(&name("kitu")));
}

#[test]
fn a_courier_that_changes_anything_loses_its_stream_and_nothing_is_kept() {
    let good = statement_key("dataport");
    type Spoil = fn(&mut Vec<LogEntry>, &mut String);
    let cases: [(Spoil, Reason); 5] = [
        // Another body under the leaf.
        (
            |entries, _| entries[0].statement = Some(offering_named("x", &statement_key("dataport"))),
            Reason::LeafInvalid,
        ),
        // The body withheld.
        (|entries, _| entries[0].statement = None, Reason::LeafInvalid),
        // Another leaf.
        (
            |entries, _| {
                let signed = offering_named("y", &statement_key("dataport"));
                let leaf = Leaf::new(&signed, Audience::Public, NO_OUTCOME);
                entries[0] = LogEntry { leaf, statement: Some(signed) };
            },
            Reason::ProofInvalid,
        ),
        // One entry dropped.
        (|entries, _| drop(entries.remove(1)), Reason::ProofInvalid),
        // A checkpoint nobody signed.
        (|_, note| *note = note.replacen("— probe", "— prob", 1), Reason::SignatureInvalid),
    ];
    for (spoil, reason) in cases {
        let mut world = world();
        let statements = [offering_named("a", &good), offering_named("b", &good)];
        let (first, (mut entries, mut note)) = (dataport_size(&world), forged_entries(&world, &statements));
        spoil(&mut entries, &mut note);
        frame_at_kitu(&mut world, "kid", entries, note, first);
        let closed: Vec<(String, Reason)> =
            world.disconnects.iter().map(|(_, peer, refusal)| (peer.to_string(), refusal.reason)).collect();
        assert_eq!(closed, [("kid".to_owned(), reason)]);
        assert_eq!(dataport_size(&world), first);
        // The world goes on as if nothing had happened.
        world.settle();
    }
}

#[test]
fn a_strange_log_that_does_not_begin_well_does_not_begin() {
    let mut world = world();
    let statements = [offering_named("a", &statement_key("dataport"))];
    let (entries, _) = forged_entries(&world, &statements);
    let origin: Origin = "probe/log/fremd/1".parse().expect("origin");
    let tree = tree_of(&entries);
    let note =
        Checkpoint { origin: origin.clone(), size: 1, root: tree.root() }.sign(&SecretKey::from_seed(&[3; 32]));
    let (origin_of, base) = (origin.clone(), Some([0; 8]));
    let frame = Frame::Entries(Run {
        origin: origin_of,
        first: 0,
        base,
        entries,
        cover: Cover::of(&note, 1, 1),
        consistency: vec![],
    });
    world.inject("kitu", Input::Frame(name("kid"), frame));
    assert_eq!(world.disconnects[0].2.reason, Reason::KeyUnknown);
    assert!(!world.node("kitu").state().logs.contains_key(&origin));
    world.settle();
}

#[test]
fn confidential_bodies_are_neither_sent_nor_taken() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    assert!(sealed(&world, "kitu", order) && world.node("akdb").state().orders.is_empty());
    let origin = world.node("kitu").settings().origin.clone();
    let at_akdb = &world.sites[&name::<NodeId>("akdb")].store;
    let entries = at_akdb.entries_now(&origin, 0, usize::MAX, usize::MAX).expect("an open store");
    let opaque = entries.iter().filter(|entry| entry.leaf.audience() == Audience::Parties);
    assert!(opaque.clone().count() > 10 && opaque.clone().all(|entry| entry.statement.is_none()));
}

#[test]
fn a_witness_counts_once_and_strangers_do_not_count() {
    let mut world = world();
    // Entries that no peer has seen: all streams are cut.
    world.faults.active = true;
    world.later(0, Event::Cut([name("kitu")].into()));
    world.run(10);
    let mut offering = wohngeld();
    (offering.seller, offering.name) = (name("kitu"), name("neu"));
    let signed = Signed::sign(&Kind::Offering, &offering, &[&statement_key("kitu")]);
    let Ok(Answer::Published { index, .. }) = world.publish("kitu", &signed) else { panic!("published") };
    let origin = world.node("kitu").settings().origin.clone();
    let state = &world.node("kitu").state().logs[&origin];
    let checkpoint = Checkpoint { origin: origin.clone(), size: index + 1, root: state.tree.root() };
    let note = checkpoint.sign(&key("node/kitu/log"));
    world.inject("kitu", Input::PeerUp(name("kid")));
    let send = |witness: &str, label: &str, world: &mut World| {
        let line = cosign(&note, witness, &key(label), 1_795_000_000).expect("a checkpoint");
        let lines = [note.signatures(), &[line]].concat();
        let cosigned = SignedNote::new(note.text().to_owned(), lines).expect("well-formed");
        world.inject("kitu", Input::Frame(name("kid"), Frame::Cosigned { note: cosigned.to_string() }));
        world.node("kitu").state().logs[&origin].witnessed.as_ref().map_or(0, |(size, _)| *size)
    };
    for (witness, label) in [
        ("kid", "node/kid/witness"),
        ("kid", "node/kid/witness"),
        ("akdb", "node/kid/witness"),
        ("fremd", "node/fremd/witness"),
        ("provitako", "node/provitako/witness"),
        ("govdigital", "node/govdigital/witness"),
    ] {
        assert!(send(witness, label, &mut world) <= index, "{witness} by {label}");
    }
    // With KITU's own these are five of six.
    assert_eq!(send("dataport", "node/dataport/witness", &mut world), index + 1);
}

#[test]
fn a_party_that_contradicts_itself_freezes_the_order() {
    let mut world = world_with_a_person_at_provitako();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    world.watch.expect_liars();
    let one = sign_request(&request);
    let mut other = request.clone();
    other.total_max = cents(1);
    let other = sign_request(&other);
    let delivery = |message: &Signed| Delivery {
        order,
        attempt: 1,
        to: name("provitako"),
        message: message.id(),
        messages: vec![message.clone()],
        annexes: Vec::new(),
    };
    world.deliver_now("kitu", "provitako", delivery(&one)).expect("it is known");
    world.deliver_now("kitu", "provitako", delivery(&other)).expect("it is kept as evidence");
    world.deliver_now("kitu", "provitako", delivery(&other)).expect("once");
    for node in [world.node("provitako"), &world.rebuild(&name("provitako"))] {
        assert_eq!(node.state().orders[&order].contradictions, std::slice::from_ref(&other));
    }
    let yes = decision(&one, &request, "provitako", "leitung", true, world.now);
    check_refused(world.officer("provitako", &yes), Reason::OrderDisputed);
    world.run(5_000);
    assert!(world.attempt("govdigital", order).is_none(), "a frozen order goes nowhere");
}

#[test]
fn a_seal_and_a_void_of_one_attempt_contradict_each_other() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    let void = cancel(&sign_request(&request), &request, world.now);
    let delivery = Delivery {
        order,
        attempt: 1,
        to: name("kid"),
        message: void.id(),
        messages: vec![void.clone()],
        annexes: Vec::new(),
    };
    world.deliver_now("kitu", "kid", delivery).expect("it is kept as evidence");
    let known = &world.node("kid").state().orders[&order];
    assert_eq!(known.contradictions, [void]);
    assert!(known.current().is_some_and(|attempt| attempt.void.is_none() && attempt.seal.is_some()));
}

#[test]
fn strangers_cannot_deliver_and_nobody_receipts_for_others() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let signed = sign_request(&request);
    let delivery = |to: &str, messages: Vec<Signed>| Delivery {
        order: request.order,
        attempt: 1,
        to: name(to),
        message: signed.id(),
        messages,
        annexes: Vec::new(),
    };
    for (to, messages, reason) in [
        ("akdb", vec![signed.clone()], Reason::OrgElsewhere),
        ("halberstadt", vec![signed.clone()], Reason::NotAParty),
        ("kitu", vec![], Reason::FrameInvalid),
        ("kitu", vec![signed.clone(); 33], Reason::FrameInvalid),
        ("kitu", vec![cancel(&signed, &request, world.now)], Reason::ChainBroken),
        ("kitu", vec![Signed::sign(&Kind::Request, &request, &[&statement_key("kid")])], Reason::KeyUnknown),
    ] {
        check_refused(world.deliver_now("kid", "kitu", delivery(to, messages)), reason);
    }
    assert!(world.node("kitu").state().orders.is_empty());
    // A known order does not make its strangers parties.
    world.deliver_now("kid", "kitu", delivery("kitu", vec![signed.clone()])).expect("a party");
    check_refused(world.deliver_now("kid", "kitu", delivery("halberstadt", vec![signed.clone()])), Reason::NotAParty);
}

// --- mechanisms ---

/// Crashes at every commit of an order, before and after it became durable: always one seal, never two of anything.
#[test]
fn a_crash_at_any_commit_of_any_node_changes_nothing() {
    for node in ["kitu", "provitako", "dataport"] {
        for failure in [Failure::BeforePersist, Failure::AfterPersist] {
            for commit in 0..6 {
                let mut world = world();
                world.faults.active = true;
                let request = world.federation.request("r1", world.now);
                world.send_officer(0, name("kitu"), sign_request(&request));
                world.crash_at(node, commit, failure);
                assert!(
                    world.run_until(20_000, |world| sealed(world, "kitu", request.order)),
                    "{node} {failure:?} {commit}"
                );
                world.settle();
            }
        }
    }
}

/// After a rotation of the provider's key the evidence of earlier orders is still there.
#[test]
fn evidence_outlives_a_key_rotation() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    let rotation = rotation(&world, "dataport", KeyRole::Statement);
    world.lay_down(&name("dataport"), KeyRole::Statement);
    world.publish("dataport", &rotation).expect("a good rotation");
    world.settle();
    assert_eq!(world.node("kitu").unwitnessed(order), Ok(0));
    let old = Signed::sign(&Kind::Offering, &wohngeld(), &[&statement_key("dataport")]);
    let mut newer = wohngeld();
    newer.version = 2;
    let newer = Signed::sign(&Kind::Offering, &newer, &[&statement_key("dataport")]);
    world.publish("dataport", &old).expect("known");
    check_refused(world.publish("dataport", &newer), Reason::KeyRevoked);
}

/// A cosignature or a witnessed checkpoint that a broken stream swallowed is repeated on the next one: digests are
/// over heads and would never miss it.
#[test]
fn what_a_broken_stream_swallowed_is_witnessed_all_the_same() {
    let mut world = world();
    world.faults.delay_ms = (50, 50);
    let mut offering = wohngeld();
    (offering.seller, offering.name) = (name("kitu"), name("neu"));
    let signed = Signed::sign(&Kind::Offering, &offering, &[&statement_key("kitu")]);
    world.publish("kitu", &signed).expect("a good offering");
    // The entries have arrived after 50 ms; the cosignatures are on their way when every stream breaks.
    world.run(60);
    for other in ["kid", "provitako", "govdigital", "dataport", "akdb"] {
        world.later(0, Event::Break(name("kitu"), name(other)));
    }
    world.run(1);
    assert!(invariants::at_rest(&world).is_err());
    world.settle();
}

/// With more deliveries than may be under way at once, the node waits for answers instead of turning in circles.
#[test]
fn a_full_lane_waits_for_answers() {
    let mut world = world();
    world.faults.active = true;
    world.later(0, Event::Cut([name("kid")].into()));
    world.run(10);
    let orders = DELIVERIES_IN_FLIGHT_MAX + 8;
    for number in 0..orders {
        let request = world.federation.request(&format!("r{number}"), world.now);
        submit(&mut world, &request).expect("a good request");
    }
    assert_eq!(world.node("kitu").outbox().len(), orders);
    let next = world.node("kitu").outbox().next_due().expect("answers are awaited");
    assert!(next > world.now.plus_ms(1_000), "{next}");
    let before = world.steps;
    world.run(2_000);
    assert!(world.steps - before < 400, "{} steps in two seconds", world.steps - before);
    world.settle();
    assert!(world.node("dataport").state().orders.len() == orders);
}

/// Two nodes that refuse each other's deliveries do not wake each other for ever.
#[test]
fn refused_deliveries_keep_their_timetable() {
    let mut world = world();
    let node = world.node_mut("kitu");
    let id = RequestId(1_000_000);
    let request = crate::federation::federation().request("r1", crate::federation::start());
    let now = crate::federation::start().plus_ms(1_000);
    node.step(Input::Officer(id, sign_request(&request)), now);
    let key = node.undelivered(request.order).remove(0);
    node.step(Input::Delivered(key.clone(), Err(Refusal::new(Reason::KeyUnknown))), now);
    let step = node.step(Input::PeerUp(name("kid")), now.plus_ms(1));
    assert!(!step.then.iter().any(|effect| matches!(effect, Effect::Deliver(..))), "the node has answered");
    let due = node.outbox().next_due().expect("it is tried again");
    assert!(due > now && due <= now.plus_ms(500));
    let step = node.step(Input::Woken, due);
    assert!(step.then.iter().any(|effect| matches!(effect, Effect::Deliver(..))), "in its own time");
    node.step(Input::Delivered(key, Err(Refusal::new(Reason::Unreachable))), due);
    let step = node.step(Input::PeerUp(name("kid")), due.plus_ms(1));
    assert!(step.then.iter().any(|effect| matches!(effect, Effect::Deliver(..))), "a node is back");
}

/// The two sides of a stream learn of it one after the other; frames that come too early must not be lost for good.
#[test]
fn a_hello_opens_the_stream_and_nothing_else_does() {
    let mut world = world();
    let (anchor, now) = (world.federation.anchor, world.now);
    let other = Hash([7; 32]);
    let digest = world.node("kid").state().digest();
    let node = world.node_mut("kitu");
    node.step(Input::PeerDown(name("kid")), now);
    let answers = |step: verbund::protocol::Step| {
        step.then.iter().filter(|effect| matches!(effect, Effect::Send(peer, _) if *peer == name("kid"))).count()
    };
    assert_eq!(answers(node.step(Input::Frame(name("kid"), Frame::Ping { digest: other, position: 9 }), now)), 0);
    let hello = |anchor| Frame::Hello {
        anchor,
        node: name("kid"),
        digest,
        instance: Instance([1; 16]),
        position: 9,
        yours: None,
    };
    assert!(answers(node.step(Input::Frame(name("kid"), hello(anchor)), now)) > 0);
    let foreign = hello(world.federation.wohngeld);
    let step = world.node_mut("kitu").step(Input::Frame(name("kid"), foreign), now);
    let closes =
        |effect: &Effect| matches!(effect, Effect::Disconnect(_, refusal) if refusal.reason == Reason::RootUnknown);
    assert!(step.then.iter().any(closes), "nodes of another federation part");
}

/// A municipality is merged into another organisation while its order waits. From that day on whoever goes on for it reads
/// the order and decides; before that, and in any other order, it is a stranger.
#[test]
fn who_succeeds_a_buyer_reads_its_order_and_ends_it() {
    let mut world = world();
    let request = Request { auto_seal: None, ..world.federation.request("r1", world.now) };
    let order = submit(&mut world, &request).expect("a good request");
    world.run(2_000);
    world.attempt("kitu", order).expect("an attempt").offer().expect("a complete chain waits for the officer");
    let (heir, barleben): (OrgId, OrgId) = (name("feldafing"), name("barleben"));
    let reads = |world: &World, org: &OrgId| {
        let access = Access {
            org: org.clone(),
            officer: name("einkauf"),
            node: name("kitu"),
            signed_at: world.now,
            salt: salt("a"),
        };
        let proof = Signed::sign(&Kind::Access, &access, &[&officer_key(org.as_str(), "einkauf")]);
        let node = world.node("kitu");
        let reader = node.state().public().check_reader(&proof, world.now).map_err(|refusal| refusal.reason)?;
        node.check_party(&reader, order, world.now).map_err(|refusal| refusal.reason)
    };
    assert_eq!(reads(&world, &heir), Err(Reason::OrgElsewhere));
    let void = Void { reason: VoidReason::Cancelled, officer: Some(name("einkauf")), ..own_void(&request, &world) };
    let by_heir = Signed::sign(&Kind::Void, &void, &[&officer_key("feldafing", "einkauf")]);
    world.officer("kitu", &by_heir).expect_err("a stranger");
    let succession = Succession {
        federation: name("probe"),
        predecessor: barleben.clone(),
        successor: heir.clone(),
        on: world.now.date(),
        source: "Gesetz".to_owned(),
    };
    let trustees = ["bund", "laender"].map(|trustee| key(&format!("trustee/{trustee}")));
    let signed = Signed::sign(&Kind::Succession, &succession, &[&trustees[0], &trustees[1]]);
    world.publish("akdb", &signed).expect("published at any node");
    world.run(5_000);
    assert_eq!(reads(&world, &heir), Ok(barleben));
    assert_eq!(reads(&world, &name("kitu")), Ok(name("kitu")), "a party as before");
    world.officer("kitu", &by_heir).expect("it goes on for the buyer");
    world.settle();
    assert_eq!(voided(&world, "dataport", order), Some(VoidReason::Cancelled));
}

fn own_void(request: &Request, world: &World) -> Void {
    serde_json::from_slice(cancel(&sign_request(request), request, world.now).payload()).expect("own")
}
