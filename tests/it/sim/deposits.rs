//! What only one node holds is deposited at two others: a node that lost its disk goes on with every order it had accepted,
//! whenever that happens. Here nothing is sealed; that is the shell's business.
use verbund::domain::id::{NodeId, OrderId};
use verbund::domain::order::Request;
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::statement::Signed;
use verbund::protocol::deposits::{pack, unpack};
use verbund::protocol::frame::Returned;
use verbund::protocol::settings::{Dice as _, Instance};
use verbund::protocol::{Answer, Input, RequestId};
use verbund::store::memory::MemoryStore;

use super::faults::Faults;
use super::liars::{Liar, Lie};
use super::{Waiting, World, invariants};
use crate::dice::each_case;
use crate::federation::{name, seal, sign_request, start};

/// What happens with deposits.
pub enum Event {
    /// A parcel arrives.
    Arrives(Parcel, Vec<u8>),
    /// So does the answer to it.
    Answered(Parcel, Box<Result<u64, Refusal>>),
    /// A node asks for what it had deposited, from a parcel on.
    Asked { from: NodeId, life: u64, to: NodeId, number: u64 },
    /// It comes.
    Returned { from: NodeId, to: NodeId, life: u64, number: u64, answer: Box<Result<Returned, Refusal>> },
    /// A node loses its disk, and comes back with its keys alone.
    Lost(NodeId),
}

/// A deposit on its way.
#[derive(Clone)]
pub struct Parcel {
    from: NodeId,
    life: u64,
    to: NodeId,
    last: u64,
}

impl World {
    /// A world in peace whose nodes deposit what only they hold, or do not.
    fn depositing(deposits: bool) -> Self {
        Self { deposits, ..Self::empty(0, Faults::none(), start()) }.begun(|_, _| {})
    }

    pub(super) fn lodge(&mut self, from: &NodeId, to: NodeId, words: &[(u64, verbund::domain::id::StatementId)]) {
        let site = &self.sites[from];
        let read = |id| site.store.statement_now(id).ok().flatten().expect("it is stored before it is spoken of");
        let statements: Vec<Signed> = words.iter().map(|(_, id)| read(*id)).collect();
        let (life, last) = (site.life, words.last().expect("some").0);
        let parcel = Parcel { from: from.clone(), life, to, last };
        self.on_the_way(Event::Arrives(parcel, pack(&statements)));
    }

    pub(super) fn ask_back(&mut self, from: &NodeId, to: NodeId, number: u64) {
        let life = self.sites[from].life;
        self.on_the_way(Event::Asked { from: from.clone(), life, to, number });
    }

    pub(super) fn read_statements(&mut self, at: &NodeId, ids: &[verbund::domain::id::StatementId]) {
        let store = &self.sites[at].store;
        let found = ids.iter().filter_map(|id| store.statement_now(*id).ok().flatten()).collect();
        self.step(at, Input::StatementsRead(found));
    }

    /// Calls get lost and take their time.
    fn on_the_way(&mut self, event: Event) {
        if !self.dice.percent(self.faults.lose) {
            let delay = self.dice.between(self.faults.delay_ms.0, self.faults.delay_ms.1);
            self.later(delay, super::Event::Deposit(event));
        }
    }

    pub(super) fn deposit_happens(&mut self, event: Event) {
        match event {
            Event::Arrives(parcel, sealed) => {
                if !self.reaches(&parcel.from, &parcel.to) || self.sites[&parcel.to].node.is_none() {
                    let refused = Err(Refusal::new(Reason::Unreachable));
                    return self.later(20, super::Event::Deposit(Event::Answered(parcel, Box::new(refused))));
                }
                if self.liar.as_ref().is_some_and(|liar| liar.keeps_nothing(&parcel.to)) {
                    return self.deposit_answered(parcel, Ok(()));
                }
                let (from, to) = (parcel.from.clone(), parcel.to.clone());
                let RequestId(id) = self.request_id(Waiting::Deposit(parcel));
                self.step(&to, Input::Deposit(RequestId(id), from, sealed));
                self.waiting.remove(&id);
            }
            Event::Answered(Parcel { from, life, to, .. }, result) => {
                if self.sites[&from].life == life {
                    self.step(&from, Input::Lodged(to, *result));
                }
            }
            Event::Asked { from, life, to, number } => {
                let answer = match self.sites[&to].store.deposit_now(&from, number) {
                    Ok(Some(sealed)) if self.reaches(&from, &to) => unpack(&sealed).map(|statements| {
                        let given = self.liar.as_ref().map(|liar| liar.returned(&to, statements.clone()));
                        let (statements, next) = (given.unwrap_or(statements), Some(number + 1));
                        Returned { statements, next, unreadable: 0 }
                    }),
                    Ok(None) if self.reaches(&from, &to) && self.sites[&to].node.is_some() => Ok(Returned::default()),
                    _ => Err(Refusal::new(Reason::Unreachable)),
                };
                let answer = Box::new(answer);
                self.on_the_way(Event::Returned { from: to, to: from, life, number, answer });
            }
            Event::Returned { from, to, life, number, answer } => {
                if self.sites[&to].life == life {
                    self.step(&to, Input::Returned(from, number, *answer));
                }
            }
            Event::Lost(node) => self.lose(&node),
        }
    }

    pub(super) fn deposit_answered(&mut self, parcel: Parcel, answer: Result<(), Refusal>) {
        let answer = Box::new(answer.map(|()| parcel.last));
        self.on_the_way(Event::Answered(parcel, answer));
    }

    /// Everything but the keys is gone.
    fn lose(&mut self, node: &NodeId) {
        self.die(node, 100);
        let mut instance = [0; 16];
        self.dice.fill(&mut instance);
        let site = self.site(node);
        (site.store, site.instance, site.is_new_store) = (MemoryStore::new(), Instance(instance), true);
        self.watch.lost_its_disk(node);
        self.run(110);
        let genesis = self.federation.nodes[node].genesis.clone();
        self.hand(node.as_str(), |id| Input::Found(id, genesis)).expect("its own beginning");
    }

    fn lose_now(&mut self, node: &str) {
        self.deposit_happens(Event::Lost(name(node)));
    }
}

fn world(deposits: bool) -> World {
    let mut world = World::depositing(deposits);
    world.run(1_000);
    world
}

/// Barleben and KITU, the buyer and its first hop, are both at home on KITU's node.
const HOME: &str = "kitu";

fn offers(world: &World, order: OrderId) -> usize {
    world.attempt(HOME, order).map_or(0, |attempt| attempt.counters.len())
}

fn is_sealed(world: &World, node: &str, order: OrderId) -> bool {
    world.attempt(node, order).is_some_and(|attempt| attempt.seal.is_some())
}

/// An order that is sealed everywhere; then the disk of the buyer's node is gone.
fn sealed_and_lost(deposits: bool) -> (World, OrderId, usize) {
    sealed_and_lost_among(deposits, None)
}

/// The same where somebody does not keep to the rules.
fn sealed_and_lost_among(deposits: bool, liar: Option<Liar>) -> (World, OrderId, usize) {
    let mut world = world(deposits);
    world.liar = liar;
    let (order, before) = sealed(&mut world, "r1");
    world.lose_now(HOME);
    world.run_until(30_000, |world| is_sealed(world, HOME, order) && world.node(HOME).check_may_broker().is_ok());
    (world, order, before)
}

/// An order that is sealed everywhere, and how many offers its buyer has.
fn sealed(world: &mut World, request_id: &str) -> (OrderId, usize) {
    let request = world.federation.request(request_id, world.now);
    world.send_officer(0, name(HOME), sign_request(&request));
    assert!(world.run_until(5_000, |world| is_sealed(world, "dataport", request.order)));
    world.run(2_000);
    (request.order, offers(world, request.order))
}

/// Those who keep something for the buyer's node.
fn depositaries(world: &World) -> Vec<NodeId> {
    let keeps = |name: &&NodeId| world.node(name.as_str()).state().deposits.contains_key(&self::name::<NodeId>(HOME));
    world.sites.keys().filter(keeps).cloned().collect()
}

#[test]
pub fn a_buyers_node_that_lost_its_disk_has_everything_again() {
    let (mut world, order, before) = sealed_and_lost(true);
    assert!(is_sealed(&world, HOME, order), "the seal is back");
    assert_eq!((offers(&world, order), world.node(HOME).missing_statements()), (before, 0));
    world.settle();
    invariants::a_bundle_verifies(&world, &name(HOME), order);
}

/// Without deposits the price that its first hop had offered on the same node is gone for good.
#[test]
fn without_deposits_what_parties_of_one_node_told_each_other_is_lost() {
    let (world, order, before) = sealed_and_lost(false);
    assert_eq!(offers(&world, order), before - 1);
    assert!(world.node(HOME).missing_statements() > 0);
}

/// Whatever the node had stored and said by then: an order that its officer was told of is sealed, and its evidence is good.
#[test]
pub fn a_disk_may_be_lost_at_any_moment() {
    let mut calm = world(true);
    let request = calm.federation.request("r1", calm.now);
    calm.send_officer(0, name(HOME), sign_request(&request));
    let began = calm.now;
    while !is_sealed(&calm, "dataport", request.order) {
        calm.run(1);
    }
    let moments = calm.now.since_ms(began).unsigned_abs() + 20;
    each_case(moments, |moment| {
        let mut world = world(true);
        let request = world.federation.request("r1", world.now);
        let errand = world.send_officer(0, name(HOME), sign_request(&request));
        world.run(moment as i64);
        world.lose_now(HOME);
        assert!(
            world.run_until(120_000, |world| is_sealed(world, HOME, request.order)),
            "lost after {moment} ms, errand {errand} {:?}",
            world.errands[errand].answer
        );
        world.settle();
        assert_eq!(world.node(HOME).missing_statements(), 0, "lost after {moment} ms");
        invariants::a_bundle_verifies(&world, &name(HOME), request.order);
    });
}

/// The same with the officer's own seal, whose answer says that it is final.
#[test]
fn a_seal_that_was_answered_survives_the_disk() {
    let mut world = world(true);
    let request = Request { auto_seal: None, ..world.federation.request("r1", world.now) };
    world.send_officer(0, name(HOME), sign_request(&request));
    assert!(world.run_until(5_000, |world| offers(world, request.order) == request.route.parties().len() - 2));
    world.run(500);
    let sealing = seal(world.attempt(HOME, request.order).expect("offered"), "einkauf", world.now);
    let errand = world.send_officer(0, name(HOME), sealing.clone());
    while world.errands[errand].answer.is_none() {
        world.run(1);
    }
    assert_eq!(world.errands[errand].answer, Some(Ok(Answer::Order(request.order))));
    world.lose_now(HOME);
    assert!(world.run_until(30_000, |world| is_sealed(world, HOME, request.order)));
    let seal = world.attempt(HOME, request.order).and_then(|attempt| attempt.seal.as_ref().map(|seal| seal.id()));
    assert_eq!(seal, Some(sealing.id()));
    world.settle();
}

/// Nobody sees a leaf, and no party hears of an outcome, before two others keep what stands behind it.
#[test]
fn nothing_is_shown_that_one_disk_could_lose() {
    let mut world = world(true);
    let request = world.federation.request("r1", world.now);
    world.send_officer(0, name(HOME), sign_request(&request));
    let (mut was_held, origin) = (0, world.node(HOME).settings().origin.clone());
    for _ in 0..2_000 {
        world.run(1);
        let Some(first) = world.node(HOME).first_alone() else { continue };
        was_held += 1;
        for (node, site) in world.sites.iter().filter(|(node, _)| node.as_str() != HOME) {
            let seen = site.node.as_ref().map_or(0, |node| node.state().size(&origin));
            assert!(seen <= first, "{node} sees {seen} entries, only {first} are safe");
        }
    }
    assert!(was_held > 0 && is_sealed(&world, "dataport", request.order));
}

/// A node whose depositaries are away accepts, and says that it is not final; the same again is, once they are back.
#[test]
fn who_cannot_deposit_says_so_and_goes_on() {
    let mut world = world(true);
    world.faults.active = true;
    let away = ["kid", "provitako", "govdigital", "dataport", "akdb"].map(name::<NodeId>);
    world.later(0, super::Event::Cut(away.into()));
    world.run(10);
    let signed = sign_request(&world.federation.request("r1", world.now));
    let refused = world.officer(HOME, &signed).expect_err("nobody keeps it");
    assert_eq!(refused.reason, Reason::DepositPending);
    assert!(world.node(HOME).undeposited().is_some_and(|(words, _)| words > 0));
    world.later(0, super::Event::Cut([].into()));
    world.run(10_000);
    let order = world.federation.request("r1", world.now).order;
    assert_eq!(world.officer(HOME, &signed), Ok(Answer::Order(order)), "the same again");
    assert_eq!(world.node(HOME).undeposited(), Some((0, 2)));
    world.settle();
    assert!(is_sealed(&world, "dataport", order));
}

/// A store takes back which deposits were made, and a depositary what it keeps.
#[test]
fn a_restart_deposits_nothing_twice() {
    let mut world = world(true);
    let request = world.federation.request("r1", world.now);
    world.send_officer(0, name(HOME), sign_request(&request));
    assert!(world.run_until(5_000, |world| is_sealed(world, "dataport", request.order)));
    world.run(2_000);
    let kept = |world: &World| -> Vec<u64> {
        let counts = world.sites.values().filter_map(|site| site.node.as_ref());
        counts.map(|node| node.state().deposits.get(&name(HOME)).map_or(0, |held| held.count)).collect()
    };
    let before = kept(&world);
    assert_eq!(before.iter().filter(|count| **count > 0).count(), 2, "{before:?}");
    for node in [HOME, "kid", "provitako", "govdigital", "dataport", "akdb"] {
        world.die(&name(node), 100);
        world.run(5_000);
        assert_eq!((kept(&world), world.node(HOME).undeposited()), (before.clone(), Some((0, 2))), "{node}");
    }
}

/// One of two depositaries that keeps nothing, or gives back something else, takes nothing from the node that trusted it.
#[test]
fn a_false_depositary_costs_nothing_while_the_other_is_true() {
    let mut calm = world(true);
    sealed(&mut calm, "r1");
    for false_one in depositaries(&calm) {
        for lie in [Lie::KeepNothing, Lie::AlterDeposits] {
            let (mut world, order, before) = sealed_and_lost_among(true, Some(Liar::new(false_one.as_str(), lie)));
            assert!(is_sealed(&world, HOME, order), "{false_one} {lie:?}");
            let found = (offers(&world, order), world.node(HOME).missing_statements());
            assert_eq!(found, (before, 0), "{false_one} {lie:?}");
            world.settle();
            invariants::a_bundle_verifies(&world, &name(HOME), order);
        }
    }
}

/// A depositary comes back without its disk. It is given again what it had, though the depositor stops in between: so it may be
/// the only one of whom everything comes back.
#[test]
pub fn a_depositary_that_lost_its_disk_is_given_the_parcels_again() {
    let mut world = world(true);
    let orders = ["r1", "r2", "r3"].map(|id| sealed(&mut world, id));
    let [first, second] = depositaries(&world).try_into().expect("two keep it");
    world.lose_now(first.as_str());
    world.die(&name(HOME), 100);
    world.run(30_000);
    assert_eq!(world.node(HOME).state().lone.owed().count(), 0, "everything is given again");
    assert_eq!(depositaries(&world), [first.clone(), second.clone()]);

    world.lose_now(second.as_str());
    world.lose_now(HOME);
    let is_back = |world: &World| world.node(HOME).check_may_broker().is_ok();
    assert!(
        world.run_until(60_000, |world| is_back(world)
            && orders.iter().all(|(order, _)| is_sealed(world, HOME, *order)))
    );
    for (order, before) in orders {
        assert_eq!((offers(&world, order), world.node(HOME).missing_statements()), (before, 0));
    }
    world.settle();
}

/// Peers come and go, and tell it of a log that has grown since its first start: that is no loss, and nobody is waited for.
#[test]
fn a_node_in_its_first_life_asks_for_nothing_back() {
    let mut world = world(true);
    sealed(&mut world, "r1");
    world.die(&name("akdb"), 600_000);
    world.faults.active = true;
    world.later(0, super::Event::Cut(["kid", "provitako"].map(name::<NodeId>).into()));
    world.run(10_000);
    world.later(0, super::Event::Cut([].into()));
    world.run(10_000);
    assert_eq!(world.node(HOME).check_may_broker(), Ok(()), "akdb is away, and asked for nothing");
    // Nor after a full disk, which makes it read its store again.
    world.start_over(&name(HOME));
    world.run(10_000);
    assert_eq!(world.node(HOME).check_may_broker(), Ok(()));
}
