//! Seeded runs: orders of every kind and length while things go wrong, then peace. A seed that failed once becomes a
//! named test.
//!
//! `cargo test` takes 60 seeds, `.ci/run` 1,000. Before a release, on a machine with many cores:
//! `VERBUND_SEEDS=1000000 cargo test --release --test it sim::seeds::`. One seed again, with the whole story of its
//! end: `VERBUND_SEED=17 cargo test --test it sim::seeds::`.
use verbund::domain::order::{Amendment, Amends, Attempt, Mode, Request, VoidReason};
use verbund::domain::statement::Signed;
use verbund::protocol::settings::{Deciding, Policy};

use crate::dice::{SeededDice, each_seed};
use crate::federation::{
    CHAIN, REVERSE, WAYS, cancel, cents, decision, end, name, next_attempt, recall, seal, sign_request, start,
};
use crate::sim::World;
use crate::sim::faults::{Faults, TROUBLE_MS, timetable};

/// Seeds in an ordinary run; `VERBUND_SEEDS` asks for more.
const SEEDS: u64 = 60;

/// Time to quote in these runs, in milliseconds; as long again to seal. Short, so that deadlines pass as well.
const QUOTE_MS: i64 = 60_000;

/// How many orders are under way at once.
const ORDERS: [i64; 8] = [1, 1, 2, 2, 3, 3, 5, 10];

/// How an order goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    /// The request's own leave seals it.
    Auto,
    /// The officer seals once the chain is complete.
    Officer,
    /// A colleague decides first: yes or no.
    FourEyes(bool),
    /// The officer cancels after this time.
    Cancel(i64),
    /// The price is above the cap.
    Poor,
    /// After this time the officer gives up the first attempt and begins a second.
    Reroute(i64),
    /// An interest first; once its conditions are here, a binding request.
    Raise,
    /// After this time a hop or the provider takes back what it has promised.
    Recall(i64, &'static str),
    /// Once sealed, another order changes it.
    Change,
}

/// One order on its way.
struct Errand {
    request: Request,
    signed: Signed,
    style: Style,
    sealed: bool,
    decided: bool,
    /// What comes second has begun.
    followed: bool,
}

#[test]
fn seeds_hold() {
    each_seed(SEEDS, |seed| drop(run_seed(seed)));
}

/// The same seed twice is the same run, byte for byte.
#[test]
fn a_seed_fixes_a_run() {
    let heads = |world: &World| world.node("kitu").state().heads();
    assert_eq!(heads(&run_seed(7)), heads(&run_seed(7)));
}

/// Its clock went a day ahead and back while a delivery waited for its next try.
#[test]
fn a_seed_in_which_a_clock_went_back_while_a_delivery_waited() {
    run_seed(429);
}

/// A delivery was repeated after the key that had signed its receipt was replaced.
#[test]
fn seeds_in_which_a_receipt_is_signed_anew_after_a_rotation() {
    for seed in [459, 818] {
        run_seed(seed);
    }
}

fn run_seed(seed: u64) -> World {
    run_seed_in(seed, |_| ())
}

/// The same in a world that is changed before anything happens.
pub fn run_seed_in(seed: u64, prepare: impl Fn(&mut World)) -> World {
    let mut dice = SeededDice::new(seed, "plan");
    let faults = Faults::some(&mut dice);
    let held = dice.percent(25);
    let mut world = World::new(seed, faults, |policies, _| {
        if let (true, Some(policy)) = (held, policies.get_mut(&name("kid"))) {
            policy.deciding = Deciding::Officer { within_ms: QUOTE_MS / 2 };
        }
        // Who buys at one end sells at the other.
        let rule = Deciding::Rule { accept_assumed: true, total_max: None };
        for seller in ["barleben", "feldafing"] {
            policies.entry(name(seller)).or_insert(Policy { deciding: rule.clone(), fee: Vec::new() });
        }
    });
    prepare(&mut world);
    for (ms, event) in timetable(&mut dice) {
        world.later(ms, event);
    }
    let mut orders: Vec<Errand> =
        (0..*dice.one_of(&ORDERS)).map(|number| order(&mut world, &mut dice, number)).collect();
    for _ in 0..TROUBLE_MS / 500 {
        world.run(500);
        for order in &mut orders {
            attend(&mut world, order, held);
        }
    }
    world.run(10);
    world.settle();
    world
}

fn order(world: &mut World, dice: &mut SeededDice, number: i64) -> Errand {
    let at_ms = dice.between(0, 10_000);
    let signed_at = start().plus_ms(at_ms);
    let styles = [
        Style::Auto,
        Style::Auto,
        Style::Officer,
        Style::FourEyes(true),
        Style::FourEyes(false),
        Style::Cancel(dice.between(1, 4_000)),
        Style::Poor,
        Style::Reroute(dice.between(1, 6_000)),
        Style::Reroute(dice.between(1, 200)),
        Style::Raise,
        Style::Recall(dice.between(1, 2_000), if dice.percent(50) { "kid" } else { "provitako" }),
        Style::Change,
    ];
    let style = *dice.one_of(&styles);
    let id = format!("order-{number}");
    let federation = world.federation;
    // Barleben alone has colleagues who approve.
    let ways: Vec<&[&str]> =
        WAYS.into_iter().chain([CHAIN.as_slice(), CHAIN.as_slice(), REVERSE.as_slice()]).collect();
    let way = match style {
        Style::FourEyes(_) => CHAIN.as_slice(),
        _ => *dice.one_of(&ways),
    };
    let mut request = federation.request_by(way, &id, signed_at);
    (request.quote_by, request.seal_by) = (signed_at.plus_ms(QUOTE_MS), signed_at.plus_ms(2 * QUOTE_MS));
    match style {
        Style::Officer | Style::Recall(..) => request.auto_seal = None,
        Style::Raise => request.mode = Mode::Interest,
        Style::FourEyes(_) => request.officer = name("sachgebiet"),
        Style::Poor => request.total_max = cents(1_000),
        Style::Auto | Style::Cancel(_) | Style::Reroute(_) | Style::Change => {}
    }
    let signed = sign_request(&request);
    let home = federation.home(&request.buyer);
    world.send_officer(at_ms, home.clone(), signed.clone());
    if dice.percent(30) {
        world.send_officer(at_ms + dice.between(0, 5_000), home.clone(), signed.clone());
    }
    if let Style::Cancel(after_ms) = style {
        let void = cancel(&signed, &request, signed_at.plus_ms(after_ms));
        world.send_officer(at_ms + after_ms, home, void);
    }
    Errand { request, signed, style, sealed: false, decided: false, followed: false }
}

/// What an officer does once the first attempt has come so far: another attempt, a recall, a change.
fn follow(world: &mut World, order: &mut Errand) {
    let (now, buyer) = (world.now, world.federation.home(&order.request.buyer));
    let since_ms = now.since_ms(order.request.signed_at);
    let Some(attempt) = world.attempt(buyer.as_str(), order.request.order) else { return };
    let (is_void, has_offer) = (attempt.void.is_some(), attempt.offer().is_ok());
    let mut second = None;
    match order.style {
        Style::Reroute(after_ms) if since_ms > after_ms => {
            second = Some((VoidReason::Rerouted, next_attempt(&order.request, now)));
        }
        Style::Raise if has_offer || is_void => {
            let binding = Request { mode: Mode::Binding, ..next_attempt(&order.request, now) };
            second = Some((VoidReason::Superseded, binding));
        }
        Style::Recall(after_ms, org) if since_ms > after_ms && attempt.position(&name(org)).is_ok() => {
            order.followed = true;
            world.send_officer(1, name(org), recall(&order.signed, &order.request, org, "leitung", now));
        }
        Style::Change => {
            let Some(seal) = attempt.seal.as_ref().map(|seal| seal.id()) else { return };
            let parties: Vec<String> = attempt.route().parties().iter().map(ToString::to_string).collect();
            let way: Vec<&str> = parties.iter().map(String::as_str).collect();
            let mut change = world.federation.request_by(&way, &format!("{}-b", order.request.request_id), now);
            (change.quote_by, change.seal_by) = (now.plus_ms(QUOTE_MS), now.plus_ms(2 * QUOTE_MS));
            change.amends = Some(Amends { order: order.request.order, seal, what: Amendment::Change });
            order.followed = true;
            world.send_officer(1, buyer.clone(), sign_request(&change));
        }
        _ => {}
    }
    let Some((reason, request)) = second else { return };
    if !is_void {
        let void = end(&order.signed, &order.request, reason, now);
        if !order.decided {
            order.decided = true;
            world.send_officer(1, buyer, void);
        }
        return;
    }
    order.followed = true;
    world.send_officer(1, buyer, sign_request(&request));
}

/// Officers look at their orders twice a second.
fn attend(world: &mut World, order: &mut Errand, held: bool) {
    if !order.followed {
        follow(world, order);
    }
    let (now, buyer) = (world.now, world.federation.home(&order.request.buyer));
    let id = order.request.order;
    if let Style::FourEyes(approve) = order.style
        && !order.decided
        && world.attempt(buyer.as_str(), id).is_some()
    {
        order.decided = true;
        let signed = decision(&order.signed, &order.request, "barleben", "leitung", approve, now);
        world.send_officer(1, buyer.clone(), signed);
    }
    if matches!(order.style, Style::Officer | Style::Recall(..))
        && !order.sealed
        && let Some(attempt) = world.attempt(buyer.as_str(), id).filter(|attempt| attempt.offer().is_ok())
    {
        order.sealed = true;
        let signed = seal(attempt, "einkauf", now);
        world.send_officer(1, buyer, signed);
    }
    // KID's person answers three orders in four, two of them with yes.
    let mood = order.request.order.0[0] % 4;
    let waits_at_kid = |attempt: &Attempt| !attempt.decisions.contains_key(&name("kid"));
    if held && mood != 0 && world.attempt("kid", id).is_some_and(waits_at_kid) {
        let signed = decision(&order.signed, &order.request, "kid", "leitung", mood > 1, now);
        if !world.has_errand(&signed) {
            world.send_officer(1, name("kid"), signed);
        }
    }
}
