//! The fold: followed commit by commit it shows what one look at the end shows, and its pages cover everything once.
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::law::tests::org;
use crate::domain::offering::{Offering, Withdrawal};
use crate::domain::statement::{Kind, Signed};
use crate::log::digest::bucket_of;
use crate::protocol::Input;
use crate::protocol::explain::fixture::{Town, by_rule, offering};
use crate::protocol::frame::{Claim, Frame};
use crate::view::offerings::Filter;
use crate::view::orders::{SPOT_MAX, SPOT_MIN, StageKind};

/// One thing that happens to a catalogue.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Offered(u8),
    Withdrawn(u8),
    Ordered,
    Sealed(u8),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0..12_u8).prop_map(Happens::Offered),
        1 => (0..12_u8).prop_map(Happens::Withdrawn),
        2 => Just(Happens::Ordered),
        1 => (0..3_u8).prop_map(Happens::Sealed),
    ]
}

fn version_of(town: &Town, name: &OrgId) -> u32 {
    town.node.state().catalogue.row(&org("provider"), name).map_or(0, |row| row.offering.version)
}

/// The order that it has changed, if any.
fn happen(town: &mut Town, what: Happens, count: usize) -> Option<OrderId> {
    let key = Town::statement_key("provider");
    match what {
        Happens::Offered(number) => {
            let name = org(&format!("dienst-{number}"));
            let version = version_of(town, &name) + 1;
            let title = format!("Dienst {number} in Fassung {version}");
            let signed = Signed::sign(&Kind::Offering, &Offering { name, version, title, ..offering() }, &[&key]);
            town.publish(&signed).expect("a newer version");
        }
        Happens::Withdrawn(number) => {
            let name = org(&format!("dienst-{number}"));
            let version = version_of(town, &name);
            if version > 0 {
                let reason = "eingestellt".to_owned();
                let withdrawal = Withdrawal { seller: org("provider"), name, version, reason };
                town.publish(&Signed::sign(&Kind::Withdrawal, &withdrawal, &[&key])).expect("its own offering");
            }
        }
        Happens::Ordered => return Some(town.order(&format!("r{count}"), |_| ())),
        Happens::Sealed(number) => {
            let order = town.node.state().orders.keys().nth(number.into()).copied()?;
            // Sealed already, for instance.
            let _ = town.seal(order);
            return Some(order);
        }
    }
    None
}

/// Everything that a view shows, as text.
fn shown(view: &View) -> String {
    let all = Filter::default();
    let offered: Vec<_> = view.offerings(&all, None).collect();
    let places: Vec<_> = offered.iter().map(|row| (view.place(&row.id), view.witnessing(&row.id))).collect();
    let orgs: Vec<_> = view.organisations().map(|(org, log)| (org, log.origin())).collect();
    let orgs_here = ["kitu", "provider", "town"].map(org);
    let orders: Vec<_> = view.orders(&orgs_here, Sought::default(), None).collect();
    let lists = orgs_here
        .iter()
        .flat_map(|org| [None, Some(StageKind::Sealed), Some(StageKind::Offered)].map(|stage| (org, stage)));
    let lists: Vec<_> = lists
        .map(|(org, stage)| {
            let (org, sought) = (std::slice::from_ref(org), Sought { stage, ..Sought::default() });
            assert_eq!(view.count_orders(org, sought), view.orders(org, sought, None).count());
            view.count_orders(org, sought)
        })
        .collect();
    let (first, last) = (SPOT_MIN, SPOT_MAX);
    let changed: Vec<_> = view.orders_changed(&orgs_here, None, (first, last), false).map(OrderRow::spot).collect();
    let back: Vec<_> = view.orders_changed(&orgs_here, None, (first, last), true).map(OrderRow::spot).collect();
    assert!(changed.is_sorted() && changed.iter().rev().eq(&back), "{changed:?} {back:?}");
    assert_eq!(changed.len(), orders.len());
    assert!(changed.iter().all(|(at, _)| *at <= view.orders_whole_to()), "all of it is shown: {changed:?}");
    format!(
        "{changed:?} {} {orders:?} {lists:?} {offered:?} {places:?} {orgs:?} {:?} {:?} {} {} {} {} {:?}",
        view.orders_whole_to(),
        view.log_views(),
        view.peer_views(),
        view.heads_digest(),
        view.catalogue_digest(),
        view.order_count(),
        view.outbox_length(),
        view.signs_nothing(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_followed_every_commit_shows_what_one_look_shows(story in proptest::collection::vec(happens(), 1..16)) {
        let mut town = Town::new(by_rule());
        let mut following = Follower::of(&town.node, 0, town.now);
        for (count, what) in story.into_iter().enumerate() {
            let (before, as_it_was) = (following.view().clone(), shown(following.view()));
            let changed = happen(&mut town, what, count);
            let told_to = (following.view().orders_whole_to(), SPOT_MAX.1);
            following.follow(&town.node, &changed.into_iter().collect(), town.now);
            prop_assert_eq!(shown(following.view()), shown(&View::of(&town.node, town.now)));
            prop_assert_eq!(shown(&before), as_it_was, "a snapshot stays as it was");
            // Whoever was told all before is told what has changed and nothing else.
            let here = ["kitu", "provider", "town"].map(org);
            let told = following.view().orders_changed(&here, None, (told_to, SPOT_MAX), false).map(|row| row.id);
            let (told, changed): (BTreeSet<_>, BTreeSet<_>) = (told.collect(), changed.into_iter().collect());
            prop_assert!(told.is_subset(&changed), "{:?} {:?}", told, changed);
            prop_assert!(!matches!(what, Happens::Ordered) || told == changed);
        }
    }

    #[test]
    fn pages_cover_everything_once_while_more_is_offered(
        first in proptest::collection::btree_set(0..40_u8, 1..20),
        later in proptest::collection::vec(0..40_u8, 0..20),
        size in 1..5_usize,
    ) {
        let mut town = Town::new(by_rule());
        first.iter().for_each(|number| _ = happen(&mut town, Happens::Offered(*number), 0));
        let stood = || first.iter().map(|number| format!("dienst-{number}")).collect::<BTreeSet<_>>();
        let all = Filter::default();
        let (mut later, mut seen, mut last) = (later.into_iter(), Vec::new(), None);
        loop {
            // Every page is another call, and sees what was committed by then.
            let view = View::of(&town.node, town.now);
            let page: Vec<_> = view.offerings(&all, last.as_ref()).take(size).collect();
            let Some(end) = page.last() else { break };
            last = Some((end.offering.seller.clone(), end.offering.name.clone()));
            seen.extend(page.iter().map(|row| row.offering.name.to_string()));
            later.by_ref().take(2).for_each(|number| _ = happen(&mut town, Happens::Offered(number), 0));
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        prop_assert_eq!(once.len(), seen.len(), "nothing twice: {:?}", seen);
        prop_assert!(stood().is_subset(&once), "nothing skipped: {:?}", seen);
        prop_assert!(seen.is_sorted());
    }
}

#[test]
fn only_one_sellers_offerings_are_looked_at_for_its_list() {
    let mut town = Town::new(by_rule());
    for number in 0..3 {
        happen(&mut town, Happens::Offered(number), 0);
    }
    let view = View::of(&town.node, town.now);
    let of = |seller: &str| Filter { seller: Some(org(seller)), ..Filter::default() };
    assert_eq!(view.offering_count(&of("provider")), 4);
    assert_eq!(view.offering_count(&of("kitu")), 0);
    assert_eq!(view.offering_count(&Filter::default()), 4);
    let (own, last) = (of("provider"), (org("provider"), org("dienst-1")));
    let rest: Vec<_> = view.offerings(&own, Some(&last)).map(|row| row.offering.name.as_str()).collect();
    assert_eq!(rest, ["dienst-2", "wohngeld"]);
}

#[test]
fn an_order_becomes_overdue_by_time_alone() {
    let mut town = Town::new(by_rule());
    let order = town.order("r1", |_| ());
    let mut following = Follower::of(&town.node, 0, town.now);
    let (town_only, overdue) = ([org("town")], Sought { overdue_only: true, ..Sought::default() });
    let listed = |following: &Follower| {
        let rows: Vec<OrderId> = following.view().orders(&town_only, overdue, None).map(|row| row.id).collect();
        (rows, following.view().count_orders(&town_only, overdue))
    };
    for _ in 0..20 {
        assert_eq!(listed(&following).1, usize::from(town.node.overdue(order, town.now).is_some()));
        let Some(due) = following.next_due() else { break };
        assert!(due > town.now);
        // Nothing wakes the node; the follower alone looks again.
        town.now = due;
        following.follow(&town.node, &BTreeSet::new(), town.now);
    }
    assert_eq!(listed(&following), (vec![order], 1), "nobody has sealed it");
}

#[test]
fn orders_of_several_organisations_are_listed_once_and_after_any() {
    let mut town = Town::new(by_rule());
    let mut ids: Vec<OrderId> = ["r1", "r2", "r3"].map(|request| town.order(request, |_| ())).into();
    town.seal(ids[1]).expect("sealable");
    ids.sort();
    let view = View::of(&town.node, town.now);
    let both = [org("kitu"), org("town")];
    let all = Sought::default();
    assert_eq!(view.orders(&both, all, None).map(|row| row.id).collect::<Vec<_>>(), ids);
    assert_eq!(view.orders(&both, all, Some(ids[0])).map(|row| row.id).collect::<Vec<_>>(), ids[1..]);
    assert_eq!((view.count_orders(&both, all), view.count_orders(&both[..1], all)), (3, 3));
    for (at, id) in ids.iter().enumerate() {
        let only = Sought { between: Some((*id, *id)), ..all };
        let listed = |last| view.orders(&both, only, last).map(|row| row.id).collect::<Vec<_>>();
        assert_eq!((listed(None), listed(Some(*id)), view.count_orders(&both[..1], only)), (vec![*id], vec![], 1));
        // A page that ended elsewhere widens nothing.
        let elsewhere = [OrderId([0; 16]), OrderId([255; 16])].map(|last| listed(Some(last)));
        assert_eq!(elsewhere, [vec![*id], vec![]], "{at}");
        let overdue = Sought { overdue_only: true, ..only };
        assert_eq!(view.orders(&both, overdue, Some(OrderId([255; 16]))).count(), 0);
    }
    let sealed = Sought { stage: Some(StageKind::Sealed), ..Sought::default() };
    assert_eq!((view.count_orders(&both[1..], sealed), view.count_orders(&[org("loner")], all)), (1, 0));
}

/// How a node stands with others at a moment.
fn standing(town: &Town, contacts: &BTreeMap<NodeId, Contact>) -> View {
    let mut follower = Follower::of(&town.node, 0, town.now);
    follower.follow_peers(&town.node, contacts);
    follower.view().clone()
}

#[test]
fn a_peer_is_seen_up_ahead_and_gone() {
    let mut town = Town::new(by_rule());
    let kid: NodeId = "kid".parse().expect("name");
    let origin: Origin = Origin { node: kid.clone(), ..town.node.settings().origin.clone() };
    town.node.step(Input::PeerUp(kid.clone()), town.now);
    let head = Claim { origin: origin.clone(), size: 9, root: [1; 8], witnessed: 0, cut: None };
    let heads = Frame::Heads { asked_at: 0, position: 9, buckets: vec![bucket_of(&origin)], heads: vec![head] };
    let later = town.now.plus_ms(5);
    town.node.step(Input::Frame(kid.clone(), heads), later);
    town.node.step(Input::Frame(kid.clone(), Frame::Clock { now: later.plus_ms(7), is_answer: true }), later);
    let view = standing(&town, &BTreeMap::new());
    let peers = view.peer_views();
    let [peer] = &peers[..] else { panic!("one peer") };
    assert!(peer.is_up && peer.lag.is_some_and(|lag| lag > 0));
    assert_eq!((peer.node, peer.since, peer.last), (&kid, Some(town.now), Some(later)));
    assert_eq!((peer.clock_offset_ms, view.clock_offset_ms()), (Some(7), Some(7)));
    assert_eq!(peer.ahead, [&origin]);
    let progress = town.node.progress();
    assert_eq!((progress.logs, progress.announced - progress.held, progress.is_level), (2, 9, false));
    let logs = view.log_views();
    let log = |node: &str| logs.iter().find(|log| log.origin.node.as_str() == node).expect("known");
    assert_eq!((log("kid").size, log("kid").longer, log("kitu").longer), (0, 1, 0));
    assert!(log("kitu").size > 0 && log("kitu").needed > 0);
    town.node.step(Input::PeerDown(kid.clone()), later);
    let gone = BTreeMap::from([(kid, Contact { since: later, last: town.now })]);
    let view = standing(&town, &gone);
    let peers = view.peer_views();
    let [peer] = &peers[..] else { panic!("one peer") };
    assert_eq!((peer.is_up, peer.since, peer.last, peer.lag), (false, Some(later), Some(town.now), None));
    assert_eq!(peer.clock_offset_ms, None);
}

#[test]
fn who_breaks_the_protocol_is_seen_as_shunned() {
    let mut town = Town::new(by_rule());
    let kid: NodeId = "kid".parse().expect("name");
    town.node.step(Input::PeerUp(kid.clone()), town.now);
    let bad = Frame::Heads { asked_at: 0, position: 1, buckets: vec![9, 3], heads: Vec::new() };
    town.node.step(Input::Frame(kid, bad), town.now);
    let view = standing(&town, &BTreeMap::new());
    let peers = view.peer_views();
    let [peer] = &peers[..] else { panic!("one peer") };
    assert!(!peer.is_up && peer.shunned.strikes == 1 && peer.shunned.until > town.now);
}
