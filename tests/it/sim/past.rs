//! What the catalogue said on a past day: by what witnesses had seen, at every node alike, and after a restart.
use verbund::domain::offering::{Offering, Withdrawal};
use verbund::domain::reason::Reason;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::{Timestamp, parse_date};
use verbund::domain::trust::{Expulsion, LastGood};
use verbund::protocol::Node;

use crate::federation::{key, name, sign_as, statement_key, wohngeld};
use crate::sim::scenarios::{check_refused, world};
use crate::sim::{Event, World};

/// What is published next.
type Act = fn(&World) -> Signed;

/// Between two acts: longer than witnesses need, and short, as each second is simulated.
const PAUSE_MS: i64 = 5_000;

/// The version of *Wohngeld* that a node says was on offer at a time.
fn at(node: &Node, until: Timestamp) -> Option<u32> {
    let mut rows = node.state().catalogue.on_offer_at(until, None);
    rows.find(|row| row.offering.name.as_str() == "wohngeld").map(|row| row.offering.version)
}

fn version(number: u32, valid_from: &str) -> Signed {
    let valid_from = parse_date(valid_from).expect("a day");
    let body = Offering { version: number, valid_from, ..wohngeld() };
    Signed::sign(&Kind::Offering, &body, &[&statement_key("dataport")])
}

fn withdrawal(version: u32) -> Signed {
    let reason = "Betrieb eingestellt".to_owned();
    let body = Withdrawal { seller: name("dataport"), name: name("wohngeld"), version, reason };
    sign_as(&Kind::Withdrawal, &body, "dataport", "vertrieb")
}

fn expulsion(world: &World) -> Signed {
    let log = world.node("dataport").settings().origin.clone();
    let last_good = vec![LastGood { size: world.node("dataport").state().logs[&log].size(), log }];
    let body = Expulsion { org: name("dataport"), reason: "Beiträge".to_owned(), last_good };
    Signed::sign(&Kind::Expulsion, &body, &[&key("trustee/bund"), &key("trustee/laender")])
}

/// Published, revised, withdrawn, published anew, suspended; the later versions claim to have been valid for years, and that
/// moves them to no earlier time.
#[test]
fn each_time_has_the_version_that_witnesses_had_seen_by_then_at_every_node() {
    let mut world = world();
    world.settle();
    let mut told = vec![(world.now, Some(1))];
    let acts: [(&str, Act, Option<u32>); 4] = [
        ("dataport", |_| version(2, "2020-01-01"), Some(2)),
        ("dataport", |_| withdrawal(2), None),
        ("dataport", |_| version(3, "2020-01-01"), Some(3)),
        ("kitu", expulsion, None),
    ];
    for (publisher, act, expected) in acts {
        // Witnesses tell whole seconds.
        world.run(PAUSE_MS);
        let signed = act(&world);
        world.publish(publisher, &signed).expect("a good statement");
        world.run(PAUSE_MS);
        told.push((world.now, expected));
    }
    for node in ["kitu", "kid", "akdb"] {
        for node in [world.node(node), &world.rebuild(&name(node))] {
            for (until, expected) in &told {
                assert_eq!(at(node, *until), *expected, "{} by {until}", node.settings().origin);
            }
        }
    }
    let catalogue = &world.node("kitu").state().catalogue;
    let first = catalogue.past(world.now.date(), world.now).expect("today").known_from.date();
    let before = Timestamp(first.begins().0 - 1).date();
    let tomorrow = world.now.date().tomorrow().expect("a day");
    check_refused(catalogue.past(before, world.now), Reason::DayUnknown);
    check_refused(catalogue.past(tomorrow, world.now), Reason::DayAhead);
}

/// What witnesses have not seen was on offer on no day, whoever holds it.
#[test]
fn what_no_quorum_has_seen_is_on_no_day() {
    let mut world = world();
    world.settle();
    world.faults.active = true;
    world.later(0, Event::Cut([name("dataport")].into()));
    world.run(10);
    let signed = version(2, "2026-01-01");
    world.publish("dataport", &signed).expect("a good version");
    world.run(PAUSE_MS);
    let catalogue = &world.node("dataport").state().catalogue;
    assert!(catalogue.version(&signed.id()).is_some() && catalogue.seen_at(&signed.id()).is_none());
    assert_eq!(at(world.node("dataport"), world.now), Some(1));
    world.settle();
    assert_eq!(at(world.node("dataport"), world.now), Some(2));
    let seen = |node: &str| world.node(node).state().catalogue.seen_at(&signed.id());
    assert!(seen("kitu").is_some() && seen("kitu") == seen("dataport"));
}
