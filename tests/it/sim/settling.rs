//! Settled orders leave memory and come back when somebody touches them: whoever looks from outside sees no difference.
use verbund::domain::id::{NodeId, OrderId};
use verbund::domain::order::milestone::{Event as Happening, Milestone};
use verbund::domain::order::{Amendment, Amends, Request, VoidReason};
use verbund::domain::reason::{Lang, Reason, Refusal};
use verbund::domain::statement::{Kind, Signed};
use verbund::protocol::frame::{Delivery, Question};
use verbund::protocol::limits::PARKED_MAX;
use verbund::protocol::{Answer, Effect, Input, RequestId};
use verbund::store::memory::Failure;

use crate::dice::{each_case, each_seed};
use crate::federation::{cancel, name, next_attempt, recall, sign_request};
use crate::sim::attempts::milestone;
use crate::sim::invariants::bundle_at;
use crate::sim::scenarios::{sealed, submit};
use crate::sim::seeds::run_seed_in;
use crate::sim::{World, answer};

/// Seeds that are run twice in an ordinary run; `VERBUND_SEEDS` asks for more.
const SEEDS: u64 = 4;

/// Of so many commits one fails: each takes a world of its own.
const STEP: usize = 11;

const PARTIES: [&str; 5] = ["kitu", "kid", "provitako", "govdigital", "dataport"];

/// A world after its first second in which nothing that is settled stays in memory.
fn world() -> World {
    let mut world = World::calm();
    world.settle_at_once();
    world.run(1_000);
    world
}

/// An order of five legs that is sealed and at rest at every party.
fn at_rest(world: &mut World, request_id: &str) -> Request {
    let request = world.federation.request(request_id, world.now);
    submit(world, &request).expect("a good request");
    rest(world, request.order);
    request
}

/// Lets time pass until every party has let go of an order.
fn rest(world: &mut World, order: OrderId) {
    let rests = |world: &mut World| PARTIES.iter().all(|party| world.node(party).is_resting(&order));
    assert!(world.run_until(20_000, rests), "it comes to rest");
}

/// Everything that anybody outside gets to see: the logs, and of every order the explanations and the bundle.
fn seen(world: &World) -> Vec<String> {
    let mut seen = Vec::new();
    for (name, site) in &world.sites {
        let node = site.node.as_ref().expect("it runs");
        seen.push(format!("{name} {:?}", node.state().heads()));
        for (order, known) in &node.state().orders {
            let parties = known.current().into_iter().flat_map(|attempt| attempt.route().parties());
            for party in parties {
                let explained = node.explain(*order, party, world.now).map(|told| (told.text(Lang::De), told));
                seen.push(format!("{name} {order} {party} {explained:?}"));
            }
            let bundle = bundle_at(world, name, *order).map(|bytes| verbund::domain::id::sha256(&bytes));
            seen.push(format!("{name} {order} {bundle:?}"));
        }
    }
    seen
}

fn check_same(kept: &World, let_go: &World, what: &str) {
    for (one, other) in seen(kept).iter().zip(seen(let_go).iter()) {
        assert_eq!(one, other, "{what}");
    }
    assert_eq!(seen(kept).len(), seen(let_go).len(), "{what}");
}

#[test]
fn seeds_are_the_same_byte_for_byte() {
    each_seed(SEEDS, |seed| {
        let kept = run_seed_in(seed, |_| ());
        let let_go = run_seed_in(seed, World::settle_at_once);
        check_same(&kept, &let_go, &format!("seed {seed}"));
    });
}

/// A life of a contract: sealed, productive, changed, ended, and evidence in between.
fn a_contract(world: &mut World, wait: impl Fn(&mut World, OrderId)) {
    let request = world.federation.request("r1", world.now);
    hand_in(world, "kitu", &sign_request(&request));
    assert!(world.run_until(30_000, |world| sealed(world, "kitu", request.order)));
    wait(world, request.order);
    let seal = world.attempt("kitu", request.order).and_then(|attempt| attempt.seal.as_ref()).expect("sealed").id();
    let productive = Happening::Productive { since: world.now.date() };
    hand_in(world, "kitu", &milestone(world, request.order, "barleben", "einkauf", 1, productive));
    wait(world, request.order);
    let mut change = world.federation.request("r1-b", world.now);
    change.amends = Some(Amends { order: request.order, seal, what: Amendment::Change });
    hand_in(world, "kitu", &sign_request(&change));
    assert!(world.run_until(30_000, |world| sealed(world, "kitu", change.order)));
    wait(world, change.order);
    hand_in(world, "kitu", &milestone(world, request.order, "barleben", "einkauf", 2, Happening::Closed));
    wait(world, request.order);
}

/// Hands something in until it is taken, as an officer's tool does.
fn hand_in(world: &mut World, node: &str, signed: &Signed) {
    let before = world.open_errands();
    world.send_officer(0, name(node), signed.clone());
    assert!(world.run_until(30_000, |world| world.open_errands() == before), "{:?} is answered", signed.kind());
}

#[test]
fn a_contract_is_the_same_byte_for_byte() {
    let told = |settles: bool| {
        let mut world = world();
        if !settles {
            world.wake_all();
        }
        a_contract(&mut world, |world, _| world.run(10_000));
        assert_eq!(world.node("kid").state().orders.is_empty(), settles);
        world.settle();
        world
    };
    check_same(&told(false), &told(true), "a contract");
}

/// Commits of parties fail, one in each world, while a contract is sealed, changed and ended.
#[test]
fn a_failure_at_any_commit_loses_nothing_of_what_rests() {
    let mut calm = world();
    let before: Vec<u64> = calm.sites.values().map(|site| site.commits).collect();
    a_contract(&mut calm, rest);
    let mut cases: Vec<(NodeId, u64, Failure)> = Vec::new();
    // The first and the last party, and a hop between: the others do as it does.
    let some = |node: &NodeId| ["kitu", "kid", "dataport"].contains(&node.as_str());
    for ((node, site), before) in calm.sites.iter().zip(before).filter(|((node, _), _)| some(node)) {
        for commit in (0..site.commits - before).step_by(STEP) {
            let failures = [Failure::BeforePersist, Failure::AfterPersist, Failure::Full];
            cases.push((node.clone(), commit, failures[commit as usize / STEP % failures.len()]));
        }
    }
    each_case(cases.len() as u64, |case| {
        let (node, commit, failure) = &cases[case as usize - 1];
        let mut world = world();
        world.faults.active = true;
        world.crash_at(node.as_str(), *commit, *failure);
        a_contract(&mut world, |world, _| world.run(4_000));
        world.settle();
    });
}

#[test]
fn what_is_over_leaves_memory_everywhere_and_its_row_stays() {
    let mut world = world();
    let sealed = at_rest(&mut world, "r1");
    let void = world.federation.request("r2", world.now);
    submit(&mut world, &void).expect("a good request");
    world.run(5);
    world.officer("kitu", &cancel(&sign_request(&void), &void, world.now)).expect("cancelled");
    assert!(world.run_until(20_000, |world| world.node("kitu").is_resting(&void.order)));
    for party in PARTIES {
        let node = world.node(party);
        assert!(node.state().orders.is_empty() && node.order_count() >= 1, "{party}");
        assert!(node.resting().any(|order| order == sealed.order), "{party}");
    }
    let kitu = world.node("kitu");
    let (party, day) = (name("barleben"), world.now.date());
    assert_eq!(kitu.resting_contracts(&party, day), [sealed.order], "the void one is no contract");
    assert_eq!(kitu.resting_contracts(&name("dataport"), "2099-01-01".parse().expect("a day")), []);
}

#[test]
fn a_delivery_again_gets_the_same_receipt() {
    let mut world = world();
    let request = at_rest(&mut world, "r1");
    let attempt = world.attempt("kitu", request.order).expect("an attempt");
    let message = attempt.endorsements[&1].signed().clone();
    let messages = vec![attempt.request.signed().clone(), message.clone()];
    let delivery = Delivery {
        order: request.order,
        attempt: 1,
        to: name("kid"),
        message: message.id(),
        messages,
        annexes: Vec::new(),
    };
    let (store, kid) = (&world.sites[&name::<NodeId>("kid")].store, world.node("kid"));
    let known = kid.reread(request.order, store.order_now(request.order).expect("read")).expect("as it was");
    let first = known.receipts[&(message.id(), name("kid"))].clone();
    let size = kid.state().size(&kid.settings().origin);
    assert_eq!(world.deliver_now("kitu", "kid", delivery), Ok(first));
    let kid = world.node("kid");
    assert_eq!(kid.state().size(&kid.settings().origin), size, "nothing is said");
    assert!(kid.is_resting(&request.order), "and it is at rest again");
}

#[test]
fn a_milestone_reaches_everyone_and_all_rest_again() {
    let mut world = world();
    let request = at_rest(&mut world, "r1");
    let said = milestone(&world, request.order, "kid", "leitung", 1, Happening::Contact);
    world.officer("kid", &said).expect("a good milestone");
    assert!(!world.node("kid").is_resting(&request.order), "it must be delivered first");
    rest(&mut world, request.order);
    for party in PARTIES {
        let attempt = world.attempt(party, request.order).expect("an attempt");
        assert!(attempt.milestones.values().any(|known| known.id() == said.id()), "{party}");
    }
}

#[test]
fn what_is_too_late_is_refused_as_if_it_had_never_been_away() {
    let mut world = world();
    let request = at_rest(&mut world, "r1");
    let signed = sign_request(&request);
    let now = world.now;
    for (node, said) in [
        ("kitu", cancel(&signed, &request, now)),
        ("provitako", recall(&signed, &request, "provitako", "leitung", now)),
        ("kitu", sign_request(&next_attempt(&request, now))),
    ] {
        let refusal = world.officer(node, &said).expect_err("sealed");
        assert_eq!(refusal.reason, Reason::OrderClosed, "{:?}", said.kind());
    }
    assert_eq!(
        world.officer("kitu", &signed),
        Ok(Answer::Order(request.order)),
        "the same request is the same order"
    );
    assert!(PARTIES.iter().all(|party| world.node(party).is_resting(&request.order)));
}

/// Notice that was given stands in the inboxes of the others until the contract has ended.
#[test]
fn a_contract_under_notice_stays_in_memory() {
    let mut world = world();
    let request = at_rest(&mut world, "r1");
    let in_memory =
        |world: &World| PARTIES.iter().filter(|party| !world.node(party).is_resting(&request.order)).count();
    let ends_on = verbund::domain::time::plus_years(world.now.date(), 1);
    let notice = Happening::Terminated { ends_on };
    let notice = milestone(&world, request.order, "barleben", "einkauf", 1, notice);
    hand_in(&mut world, "kitu", &notice);
    world.run(20_000);
    assert_eq!(in_memory(&world), PARTIES.len(), "all parties have been told and may look");
}

#[test]
fn a_void_order_gets_its_second_attempt() {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    submit(&mut world, &request).expect("a good request");
    world.run(5);
    let void = cancel(&sign_request(&request), &request, world.now);
    world.officer("kitu", &void).expect("cancelled");
    assert!(world.run_until(20_000, |world| world.node("kitu").is_resting(&request.order)));
    let second = next_attempt(&request, world.now);
    world.officer("kitu", &sign_request(&second)).expect("the first is void");
    rest(&mut world, request.order);
    world.settle();
    let attempts = &world.node("dataport").state().orders[&request.order].attempts;
    assert!(attempts[&2].seal.is_some());
    let first = world.node("kitu").state().orders[&request.order].attempts[&1].void.as_ref().expect("void");
    assert_eq!(first.body().reason, VoidReason::Cancelled);
}

#[test]
fn a_change_brings_back_what_it_amends_and_holds_it_until_it_is_decided() {
    let mut world = world();
    let request = at_rest(&mut world, "r1");
    let seal = world.attempt("kitu", request.order).and_then(|attempt| attempt.seal.as_ref()).expect("sealed").id();
    let mut change = world.federation.request("r1-b", world.now);
    (change.auto_seal, change.amends) = (None, Some(Amends { order: request.order, seal, what: Amendment::Change }));
    world.officer("kitu", &sign_request(&change)).expect("a good change");
    world.run(3_000);
    for party in PARTIES {
        let orders = &world.node(party).state().orders;
        assert!(orders.contains_key(&request.order) && orders.contains_key(&change.order), "{party}");
    }
    world.officer("kitu", &cancel(&sign_request(&change), &change, world.now)).expect("cancelled");
    rest(&mut world, change.order);
    rest(&mut world, request.order);
}

#[test]
fn who_asks_for_an_outcome_or_for_what_it_lost_gets_it() {
    let mut world = world();
    let request = at_rest(&mut world, "r1");
    let asks = |world: &World, question: &Question, from: &str| {
        let kitu: NodeId = name("kitu");
        answer(world.node("kitu"), &world.sites[&kitu].store, &name(from), question)
    };
    let id = world.attempt("kitu", request.order).expect("an attempt").request.id();
    let outcome = Question::Outcome { order: request.order, attempt: 1, request: id };
    let told = asks(&world, &outcome, "kid").expect("a party");
    assert_eq!(told.iter().map(Signed::kind).collect::<Vec<_>>(), [&Kind::Seal]);
    assert_eq!(asks(&world, &outcome, "akdb").expect_err("a stranger").reason, Reason::OrderUnknown);
    let all = Question::OwnSince(0);
    let lost = asks(&world, &all, "kid").expect("what KID said");
    assert!(lost.iter().any(|signed| *signed.kind() == Kind::Endorse), "{lost:?}");
    // KITU has all of KID's log by now; then it touches the order once more.
    world.run(2_000);
    world.officer("kitu", &sign_request(&request)).expect("the same request");
    let size = world.node("kid").state().size(&world.node("kid").settings().origin);
    let nothing = Question::OwnSince(size);
    assert!(asks(&world, &nothing, "kid").expect("nothing").is_empty());
    assert!(world.node("kitu").resting_behind(&name("kid"), &nothing).is_empty(), "and nothing is read for it");
    // The same as from a node that has everything in memory.
    world.wake_all();
    assert_eq!(asks(&world, &all, "kid"), Ok(lost));
    assert_eq!(asks(&world, &outcome, "kid"), Ok(told));
}

/// What a node does with inputs for an order that is being read.
struct Reading {
    world: World,
    order: OrderId,
}

impl Reading {
    fn new() -> Self {
        let mut world = world();
        let order = at_rest(&mut world, "r1").order;
        Self { world, order }
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let now = self.world.now;
        self.world.node_mut("kitu").step(input, now).then
    }

    fn milestone(&self, number: u32) -> Signed {
        milestone(&self.world, self.order, "barleben", "einkauf", number, Happening::Contact)
    }

    fn officer(&mut self, request: u64, signed: Signed) -> Vec<Effect> {
        self.step(Input::Officer(RequestId(request), signed))
    }

    fn read(&mut self, without: usize) -> Vec<Effect> {
        let kitu: NodeId = name("kitu");
        let mut records = self.world.sites[&kitu].store.order_now(self.order).expect("read");
        records.drain(..without);
        self.step(Input::OrderRead { order: self.order, records: Ok(records) })
    }
}

fn reads(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::ReadOrder(_))).count()
}

fn replies(effects: &[Effect]) -> Vec<(u64, Option<Reason>)> {
    let reply = |effect: &Effect| match effect {
        Effect::Reply(id, answer) => Some((id.0, answer.as_ref().err().map(|refusal| refusal.reason))),
        _ => None,
    };
    effects.iter().filter_map(reply).collect()
}

#[test]
fn what_waits_for_an_order_goes_on_in_the_order_in_which_it_came() {
    let mut reading = Reading::new();
    let numbers = [1, 2, 3];
    let mut asked = 0;
    for number in numbers {
        let said = reading.milestone(number);
        let effects = reading.officer(number.into(), said);
        assert_eq!(replies(&effects), [], "nobody is answered before the order is back");
        asked += reads(&effects);
    }
    assert_eq!(asked, 1, "it is read once");
    let effects = reading.read(0);
    assert_eq!(replies(&effects), [(1, None), (2, None), (3, None)]);
    let known = &reading.world.node("kitu").state().orders[&reading.order];
    let said = known.current().expect("an attempt").milestones.values();
    let mut places = said.map(|said: &verbund::domain::statement::Verified<Milestone>| {
        let node = reading.world.node("kitu");
        node.state().place_of(&said.id(), &node.settings().origin)
    });
    assert!(places.by_ref().is_sorted());
}

#[test]
fn an_order_that_cannot_be_read_is_refused_and_stays_at_rest() {
    let mut reading = Reading::new();
    for number in [1, 2] {
        let said = reading.milestone(number);
        reading.officer(number.into(), said);
    }
    let (order, refusal) = (reading.order, Refusal::new(Reason::StoreFailed));
    let effects = reading.step(Input::OrderRead { order, records: Err(refusal) });
    assert_eq!(replies(&effects), [(1, Some(Reason::StoreFailed)), (2, Some(Reason::StoreFailed))]);
    assert!(reading.world.node("kitu").is_resting(&order));
    // A record is gone: less than was let go of is not taken for the order.
    let said = reading.milestone(1);
    assert_eq!(reads(&reading.officer(3, said)), 1, "it is tried again");
    assert_eq!(replies(&reading.read(1)), [(3, Some(Reason::StoreDamaged))]);
    assert!(reading.world.node("kitu").is_resting(&order));
    let said = reading.milestone(1);
    reading.officer(4, said);
    assert_eq!(replies(&reading.read(0)), [(4, None)], "and once it can be read, it goes on");
}

#[test]
fn only_so_much_waits() {
    let mut reading = Reading::new();
    let said = reading.milestone(1);
    for number in 0..PARKED_MAX as u64 {
        assert_eq!(replies(&reading.officer(number, said.clone())), []);
    }
    assert_eq!(replies(&reading.officer(9_999, said)), [(9_999, Some(Reason::Overloaded))]);
    let effects = reading.read(0);
    assert!(replies(&effects).iter().all(|(_, refused)| refused.is_none()), "the same again is the same");
    assert_eq!(replies(&effects).len(), PARKED_MAX);
}
