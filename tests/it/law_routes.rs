//! Routes in the large: the real organisations, and all municipalities of the register with 500 invented bodies.
use std::collections::BTreeSet;

use verbund::domain::id::OrgId;
use verbund::domain::law::Verdict;
use verbund::domain::law::cases::Court;
use verbund::domain::route::{FoundRoutes, find_routes};

use crate::law_graphs::{BODIES, Graph, day, generated, pack, real};
use crate::shared::shared;

fn find(graph: &Graph, buyer: &str, provider: &str, as_of: &str) -> FoundRoutes {
    let (id, pack) = pack(day(as_of));
    let parse = |name: &str| name.parse::<OrgId>().expect("a name");
    let court = Court::on(&graph.facts, (&id, &pack), day(as_of), day("2026-11-23"));
    find_routes(&court, &parse(buyer), &parse(provider))
}

#[test]
fn the_real_organisations_have_routes_on_assumptions_only() {
    let graph = real();
    for (_, fact) in graph.facts.memberships() {
        assert!(fact.source.len() > 20, "{} in {} names its source", fact.member, fact.of);
        assert!(fact.seat.is_none() || fact.assumed, "no source proves the seat of {} in {}", fact.member, fact.of);
    }
    let found = find(&graph, "barleben", "dataport", "2026-06-01");
    let names: Vec<String> = found.routes.iter().map(|judged| judged.route.to_string()).collect();
    assert!(found.complete && found.routes[0].assumed());
    assert_eq!(names[0], "barleben → kitu → sachsen-anhalt → dataport");
    assert!(names.contains(&"barleben → kitu → kid → provitako → govdigital → dataport".to_owned()), "{names:#?}");
    // KITU and Dataport are half-sisters with a contract that proves nothing of what paragraph 6 asks.
    let direct = found.routes.iter().find(|judged| judged.legs.len() == 2).expect("barleben, kitu, dataport");
    assert_eq!(direct.verdict, Verdict::NotProven);
}

#[test]
fn the_generated_graph_has_every_municipality_and_five_hundred_bodies() {
    let Some(register) = shared("data/gemeinden/gemeinden_2025-08-31.csv") else { return };
    let graph = generated(Some(&register));
    let providers: BTreeSet<&OrgId> = graph.providers.iter().collect();
    assert_eq!((graph.buyers.len(), providers.len()), (10_952, BODIES));
    let found = find(&graph, "gemeinde-150830040040", "landes-it-15", "2026-06-01");
    assert!(found.routes.iter().is_sorted_by_key(|judged| (judged.verdict, judged.legs.len())));
    for judged in &found.routes {
        assert_eq!(judged.verdict, Verdict::of_all(judged.legs.iter().map(|leg| leg.verdict)));
    }
}
