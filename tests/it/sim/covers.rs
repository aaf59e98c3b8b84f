//! A node that was away learns when witnesses had first seen what it missed.
use verbund::domain::id::NodeId;
use verbund::domain::statement::{Kind, Signed};

use crate::federation::{name, seal, statement_key, wohngeld};
use crate::sim::scenarios::{submit, world};
use crate::sim::{Event, World};

/// ProVitako is off while an order is sealed and the buyer's log goes on. By the newest checkpoint alone the seal would
/// have come after its deadline; KITU is asked for the first one.
#[test]
fn who_was_away_asks_the_home_of_the_log_when_a_seal_was_first_seen() {
    const AWAY_MS: i64 = 20 * 60_000;
    let mut world = world();
    let mut request = world.federation.request("r1", world.now);
    request.auto_seal = None;
    (request.quote_by, request.seal_by) = (world.now.plus_ms(60_000), world.now.plus_ms(AWAY_MS / 4));
    let order = submit(&mut world, &request).expect("a good request");
    world.run(5_000);
    world.faults.active = true;
    world.later(0, Event::Kill(name("provitako"), AWAY_MS));
    world.run(10);
    let signed = seal(world.attempt("kitu", order).expect("an attempt"), "einkauf", world.now);
    world.officer("kitu", &signed).expect("a complete chain");
    world.run(AWAY_MS / 2);
    let mut offering = wohngeld();
    (offering.seller, offering.name) = (name("kitu"), name("neu"));
    world.publish("kitu", &Signed::sign(&Kind::Offering, &offering, &[&statement_key("kitu")])).expect("good");
    world.run(AWAY_MS / 2);
    let origin = world.node("kitu").settings().origin.clone();
    let seen = |world: &World, node: &str| {
        let state = world.node(node).state();
        state.logs[&origin].first_cover(state.place_of(&signed.id(), &origin)?)
    };
    let truth = seen(&world, "kitu").expect("witnessed");
    assert!(truth.1 < request.seal_by, "sealed in time");
    assert!(world.run_until(60_000, |world| seen(world, "provitako").is_some()));
    assert!(
        seen(&world, "provitako").is_some_and(|(_, at)| at > request.seal_by),
        "late by all that comes by itself"
    );
    assert!(world.run_until(10 * 60_000, |world| seen(world, "provitako") == Some(truth)));
    let attempt = world.attempt("provitako", order).expect("an attempt");
    assert_eq!(world.node("provitako").unconfirmed(attempt), None, "it binds without being confirmed");
    let kept =
        world.sites[&name::<NodeId>("provitako")].store.cover_now(&origin, truth.0 - 1).expect("an open store");
    assert!(kept.is_some(), "the evidence of this node shows it");
    assert_eq!(seen(&world, "provitako"), {
        let rebuilt = world.rebuild(&name("provitako"));
        let index = rebuilt.state().place_of(&signed.id(), &origin).expect("placed");
        rebuilt.state().logs[&origin].first_cover(index)
    });
}
