//! The core of an order as a small model, looked at in every state it can reach.
//!
//! A buyer, a hop and a provider; two attempts; a network that loses, repeats and overtakes; a crash between any two
//! moments, after which a node has exactly what it stored; the buyer cancels, the others recall, and deadlines pass at
//! any time. What the simulator can only sample is exhausted here, and what is left out here (signatures, prices, law,
//! logs) is in the simulator. Each rule of [`Rule`] can be left out, and then a state turns up that must not be.

use stateright::{Checker, HasDiscoveries, Model, Property};

/// Who takes part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Party {
    Buyer,
    Hop,
    Provider,
}

use Party::{Buyer, Hop, Provider};

const PARTIES: [Party; 3] = [Buyer, Hop, Provider];
const ATTEMPTS: [usize; 2] = [0, 1];

/// What can be left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Rule {
    /// What is said of an order is stored first.
    StoreThenSpeak,
    /// The second attempt begins only once the first is void.
    VoidBeforeReroute,
    /// A sealed attempt is not voided, a void one not sealed.
    OneOutcome,
    /// A recall that was logged first prevents the seal.
    RecallBeforeSeal,
    /// Nothing is sealed after its deadline: from then on everyone may conclude from the buyer's log that nothing was.
    SealInTime,
    /// The provider performs only what is sealed.
    PerformAfterSeal,
    /// What was said once is said again, and never something else in its place.
    StoredBytes,
}

/// Tells two signings of one message apart, as its random salt does.
type Salt = bool;

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Outcome {
    Sealed(Salt),
    Void,
}

/// What is under way; it stays there for good, so anything may be late, come twice, or never.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Message {
    Request,
    Endorse,
    Accept,
    /// The hop's binding offer.
    Counter(Salt),
    Decline,
    Recall,
    /// The seal over the hop's offer.
    Seal(Salt),
    Void,
    /// The buyer's log after the deadline, with no seal in it; anyone may have a copy.
    Absence,
}

use Message::{Absence, Accept, Counter, Decline, Endorse, Recall, Request, Seal, Void};

const MESSAGES: [Message; 11] = [
    Request,
    Endorse,
    Accept,
    Counter(false),
    Counter(true),
    Decline,
    Recall,
    Seal(false),
    Seal(true),
    Void,
    Absence,
];

/// The messages under way, a bit for each attempt and message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Network(u32);

impl Network {
    fn bit(attempt: usize, message: Message) -> u32 {
        let at = match message {
            Request => 0,
            Endorse => 1,
            Accept => 2,
            Counter(salt) => 3 + usize::from(salt),
            Decline => 5,
            Recall => 6,
            Seal(salt) => 7 + usize::from(salt),
            Void => 9,
            Absence => 10,
        };
        1 << (attempt * MESSAGES.len() + at)
    }

    fn has(self, attempt: usize, message: Message) -> bool {
        self.0 & Self::bit(attempt, message) != 0
    }

    fn put(&mut self, attempt: usize, message: Message) {
        self.0 |= Self::bit(attempt, message);
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = ATTEMPTS.iter().flat_map(|attempt| MESSAGES.iter().map(|message| (*attempt, *message)));
        f.debug_set().entries(all.filter(|(attempt, message)| self.has(*attempt, *message))).finish()
    }
}

/// What a party knows of one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Row {
    /// The buyer has asked, the hop has endorsed, the provider has accepted.
    said: bool,
    /// The hop's offer: as the hop made it, as the buyer has it.
    offer: Option<Salt>,
    /// The hop has declined.
    declined: bool,
    /// The provider has recalled; at the buyer: a recall stands in the log.
    recalled: bool,
    outcome: Option<Outcome>,
    /// The provider has begun to perform.
    performed: bool,
}

/// What a party has in its store.
type Rows = [Row; 2];

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Node {
    stored: Rows,
    /// What a step has changed and a crash takes back. With the rule of storing first a step is stored before anyone
    /// can know of it, so a crash before that is no step at all, and one after it a loss that the start makes good.
    unstored: Option<Rows>,
    /// Throws other dice after a crash.
    crashed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct World {
    nodes: [Node; 3],
    network: Network,
    /// The deadline to seal has passed.
    late: [bool; 2],
}

/// What happens next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Action {
    /// A party takes a step, stores it and speaks of it.
    Step(Party, usize, Move),
    /// Without the rule of storing first: what was spoken of is stored at last.
    Commit(Party),
    /// The process ends, and begins again with what is stored.
    Crash(Party),
    /// The deadline to seal passes.
    Late(usize),
}

/// A step of a party.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Move {
    /// The buyer asks.
    Ask,
    /// The hop endorses or the provider accepts what has arrived.
    Agree,
    /// The hop declines it.
    Refuse,
    /// The hop makes its binding offer.
    Offer,
    /// The provider takes back what it has said.
    TakeBack,
    /// Any message arrives.
    Receive(Message),
    /// The buyer seals.
    SealIt,
    /// The buyer cancels, or a rule ends the attempt.
    VoidIt,
    /// The provider begins.
    Perform,
}

const MOVES: [Move; 8] =
    [Move::Ask, Move::Agree, Move::Refuse, Move::Offer, Move::TakeBack, Move::SealIt, Move::VoidIt, Move::Perform];

const ONE_SEAL: &str = "at most one seal per order, over all attempts";
const NO_SEAL_AND_VOID: &str = "never a seal and a void of one attempt";
const AGREEMENT: &str = "no two parties hold different outcomes";
const VOID_FIRST: &str = "a new attempt only once the last one is void";
const SEAL_FIRST: &str = "no performance before the seal";
const RECALL_HELD: &str = "a recall that came first prevents the seal";
const ONE_VOICE: &str = "nobody says two things in one place";

/// The order, with one rule left out or none.
struct Order {
    without: Option<Rule>,
}

impl Order {
    fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// What a party's rows are after a move; nothing if it cannot or need not make it.
    fn moved(&self, world: &World, party: Party, attempt: usize, step: Move) -> Option<Rows> {
        let node = &world.nodes[party as usize];
        let mut rows = node.stored;
        let first = rows[0];
        let row = &mut rows[attempt];
        let open = row.outcome.is_none();
        let arrived = |message| world.network.has(attempt, message);
        match (party, step) {
            (Buyer, Move::Ask) => {
                let may = match first.outcome {
                    Some(Outcome::Void) => true,
                    _ => !self.keeps(Rule::VoidBeforeReroute) && first.said,
                };
                (!row.said && (attempt == 0 || may)).then(|| row.said = true)?;
            }
            (Buyer, Move::SealIt) => {
                let in_time = !world.late[attempt] || !self.keeps(Rule::SealInTime);
                let not_recalled = !row.recalled || !self.keeps(Rule::RecallBeforeSeal);
                let open = open || !self.keeps(Rule::OneOutcome) && row.outcome == Some(Outcome::Void);
                row.offer.filter(|_| in_time && not_recalled && open)?;
                row.outcome = row.offer.map(Outcome::Sealed);
            }
            (Buyer, Move::VoidIt) => {
                (row.said && open).then(|| row.outcome = Some(Outcome::Void))?;
            }
            (Hop | Provider, Move::Agree) => {
                let asked = arrived(if party == Hop { Request } else { Endorse });
                (asked && open && !row.said && !row.declined).then(|| row.said = true)?;
            }
            (Hop, Move::Refuse) => {
                (arrived(Request) && open && !row.said && !row.declined).then(|| row.declined = true)?;
            }
            (Hop, Move::Offer) => {
                let may = row.said && arrived(Accept) && open;
                (may && row.offer.is_none()).then(|| row.offer = Some(node.crashed))?;
            }
            (Provider, Move::TakeBack) => {
                (row.said && open && !row.recalled).then(|| row.recalled = true)?;
            }
            (Provider, Move::Perform) => {
                let may = matches!(row.outcome, Some(Outcome::Sealed(_)));
                let may = may || !self.keeps(Rule::PerformAfterSeal) && row.said;
                (may && !row.performed).then(|| row.performed = true)?;
            }
            (_, Move::Receive(message)) if arrived(message) => self.received(party, row, message)?,
            _ => return None,
        }
        Some(rows)
    }

    /// What an arriving message changes; nothing if it changes nothing.
    fn received(&self, party: Party, row: &mut Row, message: Message) -> Option<()> {
        let open = row.outcome.is_none();
        match (party, message) {
            (Buyer, Counter(salt)) if open && row.said && row.offer.is_none() => row.offer = Some(salt),
            // A recall that comes after the seal is for people to settle.
            (Buyer, Recall) if open && row.said && !row.recalled => row.recalled = true,
            (Buyer, Decline) if open && row.said => row.outcome = Some(Outcome::Void),
            (Hop, Seal(salt)) if open => {
                // A seal over another offer than its own binds it to nothing.
                (row.offer == Some(salt)).then(|| row.outcome = Some(Outcome::Sealed(salt)))?;
            }
            (Provider, Seal(salt)) if open && row.said => row.outcome = Some(Outcome::Sealed(salt)),
            (Hop | Provider, Void | Absence) if open => row.outcome = Some(Outcome::Void),
            _ => return None,
        }
        Some(())
    }

    /// What follows from what a party knows: it is said after every commit and after every start.
    fn spoken(&self, world: &World, party: Party, rows: &Rows, network: &mut Network) {
        for (attempt, row) in rows.iter().enumerate() {
            let mut say = |said: bool, message| {
                if said {
                    network.put(attempt, message)
                }
            };
            match party {
                Buyer => {
                    say(row.said, Request);
                    say(row.outcome == Some(Outcome::Void), Void);
                    for salt in [false, true] {
                        say(row.outcome == Some(Outcome::Sealed(salt)), Seal(salt));
                    }
                    let sealed = matches!(row.outcome, Some(Outcome::Sealed(_)));
                    say(row.said && world.late[attempt] && !sealed, Absence);
                }
                Hop => {
                    say(row.said, Endorse);
                    for salt in [false, true] {
                        say(row.offer == Some(salt), Counter(salt));
                    }
                    let again = !self.keeps(Rule::StoredBytes) && world.nodes[Hop as usize].crashed;
                    say(row.offer.is_some() && again, Counter(true));
                }
                Provider => say(row.said, Accept),
            }
            say(row.declined, Decline);
            say(party == Provider && row.recalled, Recall);
        }
    }
}

impl Model for Order {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::default()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for party in PARTIES {
            let node = &world.nodes[party as usize];
            if node.unstored.is_some() {
                actions.extend([Action::Commit(party), Action::Crash(party)]);
                continue;
            }
            // The others throw no dice: their crashes change nothing that is stored.
            if party == Hop && !node.crashed {
                actions.push(Action::Crash(party));
            }
            for attempt in ATTEMPTS {
                let receive = MESSAGES.iter().map(|message| Move::Receive(*message));
                let all = MOVES.into_iter().chain(receive);
                let can = all.filter(|step| self.moved(world, party, attempt, *step).is_some());
                actions.extend(can.map(|step| Action::Step(party, attempt, step)));
            }
        }
        // Once the buyer has decided, the deadline changes nothing.
        let undecided = |at: &usize| stored(world, Buyer, *at).said && stored(world, Buyer, *at).outcome.is_none();
        actions.extend(ATTEMPTS.into_iter().filter(|at| !world.late[*at] && undecided(at)).map(Action::Late));
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = *last;
        match action {
            Action::Step(party, attempt, step) => {
                let rows = self.moved(last, party, attempt, step)?;
                let node = &mut world.nodes[party as usize];
                if self.keeps(Rule::StoreThenSpeak) {
                    node.stored = rows;
                } else {
                    node.unstored = Some(rows);
                }
                self.spoken(last, party, &rows, &mut world.network);
            }
            Action::Commit(party) => {
                let node = &mut world.nodes[party as usize];
                node.stored = node.unstored.take()?;
            }
            Action::Crash(party) => {
                let node = &mut world.nodes[party as usize];
                (node.unstored, node.crashed) = (None, true);
                let stored = node.stored;
                self.spoken(&world.clone(), party, &stored, &mut world.network);
            }
            Action::Late(attempt) => {
                world.late[attempt] = true;
                let buyer = world.nodes[Buyer as usize].stored;
                self.spoken(&world.clone(), Buyer, &buyer, &mut world.network);
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_SEAL, one_seal),
            Property::always(NO_SEAL_AND_VOID, no_seal_and_void),
            Property::always(AGREEMENT, parties_agree),
            Property::always(VOID_FIRST, void_before_reroute),
            Property::always(SEAL_FIRST, performed_is_sealed),
            Property::always(RECALL_HELD, recalled_is_not_sealed),
            Property::always(ONE_VOICE, no_equivocation),
            Property::sometimes("the first attempt is sealed for all", |_, world| sealed_for_all(world, 0)),
            Property::sometimes("the second attempt is sealed for all", |_, world| sealed_for_all(world, 1)),
            Property::sometimes("a recall comes too late", |_, world| late_recall(world)),
            Property::sometimes("an absence releases the provider", |_, world| released(world)),
        ]
    }
}

fn stored(world: &World, party: Party, attempt: usize) -> &Row {
    &world.nodes[party as usize].stored[attempt]
}

fn is_sealed(row: &Row) -> bool {
    matches!(row.outcome, Some(Outcome::Sealed(_)))
}

/// Whether a seal is known to anyone or under way.
fn seal_exists(world: &World, attempt: usize) -> bool {
    [false, true].into_iter().any(|salt| world.network.has(attempt, Seal(salt)))
        || PARTIES.into_iter().any(|party| is_sealed(stored(world, party, attempt)))
}

fn one_seal(_: &Order, world: &World) -> bool {
    !ATTEMPTS.into_iter().all(|attempt| seal_exists(world, attempt))
}

fn no_seal_and_void(_: &Order, world: &World) -> bool {
    ATTEMPTS.into_iter().all(|attempt| !seal_exists(world, attempt) || !world.network.has(attempt, Void))
}

fn parties_agree(_: &Order, world: &World) -> bool {
    ATTEMPTS.into_iter().all(|attempt| {
        let mut held = PARTIES.into_iter().filter_map(|party| stored(world, party, attempt).outcome);
        let first = held.next();
        held.all(|other| Some(other) == first)
    })
}

fn void_before_reroute(_: &Order, world: &World) -> bool {
    !world.network.has(1, Request) || stored(world, Buyer, 0).outcome == Some(Outcome::Void)
}

fn performed_is_sealed(_: &Order, world: &World) -> bool {
    ATTEMPTS
        .into_iter()
        .all(|attempt| !stored(world, Provider, attempt).performed || is_sealed(stored(world, Buyer, attempt)))
}

fn recalled_is_not_sealed(_: &Order, world: &World) -> bool {
    ATTEMPTS.into_iter().all(|attempt| !stored(world, Buyer, attempt).recalled || !seal_exists(world, attempt))
}

fn no_equivocation(_: &Order, world: &World) -> bool {
    ATTEMPTS.into_iter().all(|at| !world.network.has(at, Counter(false)) || !world.network.has(at, Counter(true)))
}

fn sealed_for_all(world: &World, attempt: usize) -> bool {
    PARTIES.into_iter().all(|party| is_sealed(stored(world, party, attempt)))
}

fn late_recall(world: &World) -> bool {
    stored(world, Provider, 0).recalled && is_sealed(stored(world, Provider, 0))
}

fn released(world: &World) -> bool {
    stored(world, Provider, 0).outcome == Some(Outcome::Void) && stored(world, Buyer, 0).outcome.is_none()
}

#[test]
fn every_reachable_state_is_safe() {
    let checker = Order { without: None }.checker().threads(2).spawn_dfs().join();
    checker.assert_properties();
    // A mistake in the model that makes it trivial would show here.
    assert!(checker.unique_state_count() > 40_000, "only {} states", checker.unique_state_count());
}

#[test]
fn without_a_rule_an_unsafe_state_is_reached() {
    for (rule, broken) in [
        (Rule::StoreThenSpeak, NO_SEAL_AND_VOID),
        (Rule::StoreThenSpeak, ONE_VOICE),
        (Rule::StoreThenSpeak, AGREEMENT),
        (Rule::VoidBeforeReroute, VOID_FIRST),
        (Rule::VoidBeforeReroute, ONE_SEAL),
        (Rule::OneOutcome, NO_SEAL_AND_VOID),
        (Rule::OneOutcome, ONE_SEAL),
        (Rule::RecallBeforeSeal, RECALL_HELD),
        (Rule::SealInTime, AGREEMENT),
        (Rule::PerformAfterSeal, SEAL_FIRST),
        (Rule::StoredBytes, ONE_VOICE),
    ] {
        let found = HasDiscoveries::AnyOf([broken].into());
        let checker = Order { without: Some(rule) }.checker().threads(2).finish_when(found).spawn_bfs().join();
        let path = checker.discovery(broken).unwrap_or_else(|| panic!("without {rule:?} still: {broken}"));
        assert!(!path.into_actions().is_empty(), "a state that must not be is reached by some way");
    }
}
