//! Routes: the chains of legs from a buyer to a provider, searched over the facts known and judged leg by leg.
//!
//! A route that fails is shown with its reason, never left out because it fails. What exceeds a named limit is cut,
//! the worst first, and the result says so.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::facts::{FactBase, RulePack};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::{KnownFacts, LegJudgement, Verdict};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Date;

/// Most legs of a route. The longest chain seen in practice (municipality, cooperative, its provider, purchasing
/// cooperative, federal cooperative, provider) has five; every leg is one more contract and one more deadline.
pub const ROUTE_LEGS_MAX: usize = 6;

/// Most routes a search returns: far more than an officer compares, few enough to judge and send within a request.
pub const ROUTES_MAX: usize = 1_000;

/// Most legs judged for one search: thrice what 500 organisations have with six memberships each. A mother alone over
/// hundreds of daughters makes sisters by the hundred thousand; those nearest to buyer and provider are kept.
pub const SEARCH_LEGS_MAX: usize = 20_000;

/// Most steps of a search, about 20 milliseconds of work. Densely knit memberships have millions of routes.
pub const SEARCH_STEPS_MAX: usize = 1_000_000;

/// The parties of a chain from buyer to provider: 2 to 7, all different. In JSON an array of names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<OrgId>", into = "Vec<OrgId>")]
pub struct Route(Vec<OrgId>);

impl Route {
    /// Checks the number of parties and that none appears twice.
    pub fn new(parties: Vec<OrgId>) -> Result<Self, Refusal> {
        let refuse = |field, value: String| Refusal::new(Reason::RouteInvalid).with(field, value);
        if !(2..=ROUTE_LEGS_MAX + 1).contains(&parties.len()) {
            return Err(refuse("parties", parties.len().to_string()));
        }
        let mut seen = BTreeSet::new();
        match parties.iter().find(|party| !seen.insert(*party)) {
            Some(twice) => Err(refuse("party", twice.to_string())),
            None => Ok(Self(parties)),
        }
    }

    /// Buyer first, provider last.
    pub fn parties(&self) -> &[OrgId] {
        &self.0
    }

    /// Who orders.
    pub fn buyer(&self) -> &OrgId {
        &self.0[0]
    }

    /// Who performs.
    pub fn provider(&self) -> &OrgId {
        &self.0[self.0.len() - 1]
    }

    /// The legs in order: who awards, and to whom.
    pub fn legs(&self) -> impl ExactSizeIterator<Item = (&OrgId, &OrgId)> {
        self.0.windows(2).map(|pair| (&pair[0], &pair[1]))
    }
}

impl TryFrom<Vec<OrgId>> for Route {
    type Error = Refusal;

    fn try_from(parties: Vec<OrgId>) -> Result<Self, Refusal> {
        Self::new(parties)
    }
}

impl From<Route> for Vec<OrgId> {
    fn from(route: Route) -> Self {
        route.0
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(OrgId::as_str).collect();
        f.write_str(&names.join(" → "))
    }
}

/// A route and what the facts say about each of its legs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JudgedRoute {
    /// The parties.
    pub route: Route,
    /// One judgement per leg, in order. Routes of one search share them.
    pub legs: Vec<Arc<LegJudgement>>,
    /// The worst of the legs.
    pub verdict: Verdict,
}

impl JudgedRoute {
    fn new(route: Route, legs: Vec<Arc<LegJudgement>>) -> Self {
        let verdict = Verdict::of_all(legs.iter().map(|leg| leg.verdict));
        Self { route, legs, verdict }
    }

    /// Whether a fulfilled leg rests on an assumption.
    pub fn assumed(&self) -> bool {
        self.legs.iter().any(|leg| leg.assumed())
    }
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundRoutes {
    /// Best verdict first, then fewer legs, then by the parties' names.
    pub routes: Vec<JudgedRoute>,
    /// False if [`ROUTES_MAX`], [`SEARCH_LEGS_MAX`] or [`SEARCH_STEPS_MAX`] cut the search short: there may be more.
    pub complete: bool,
}

/// Judges the legs of one route.
pub fn judge_route(
    facts: &FactBase,
    pack: (&StatementId, &RulePack),
    route: &Route,
    as_of: Date,
    known_on: Date,
) -> JudgedRoute {
    let known = KnownFacts::new(facts, known_on);
    let legs = route.legs().map(|(from, to)| Arc::new(known.judge_leg(pack, from, to, as_of))).collect();
    JudgedRoute::new(route.clone(), legs)
}

/// All routes from buyer to provider without repetition, up to [`ROUTE_LEGS_MAX`] legs, along relations known on
/// `known_on`, in force on `as_of` or not: so "joined only in December" is explained rather than absent.
pub fn find_routes(
    facts: &FactBase,
    pack: (&StatementId, &RulePack),
    buyer: &OrgId,
    provider: &OrgId,
    as_of: Date,
    known_on: Date,
) -> FoundRoutes {
    let known = KnownFacts::new(facts, known_on);
    let graph = Graph::new(known.pairs(pack.1));
    let (Some(start), Some(goal)) = (graph.position(buyer), graph.position(provider)) else {
        return FoundRoutes { routes: Vec::new(), complete: true };
    };
    let (edges, complete) = graph.edges_between(start, goal);
    let judge = |from: usize, to: usize| Arc::new(known.judge_leg(pack, graph.orgs[from], graph.orgs[to], as_of));
    let legs: Legs = edges.into_iter().map(|(from, to)| ((from, to), judge(from, to))).collect();
    let mut search = Search { found: Vec::new(), steps: 0, complete: true };
    // From the best verdict to the worst and from short to long: what a limit cuts ranks behind what is kept.
    for worst in [Verdict::Fulfilled, Verdict::NotProven, Verdict::NotFulfilled] {
        let tier = Tier::new(&legs, graph.orgs.len(), goal, worst);
        for length in 1..=ROUTE_LEGS_MAX {
            search.extend(&tier, &mut vec![start], Verdict::Fulfilled, length);
        }
    }
    let routes = search.found.iter().map(|path| graph.route(path, &legs)).collect();
    FoundRoutes { routes, complete: complete && search.complete }
}

/// Judged legs by the positions of who awards and who receives.
type Legs = BTreeMap<(usize, usize), Arc<LegJudgement>>;

/// Organisations by position in the order of their names, and who may award to whom.
struct Graph<'f> {
    orgs: Vec<&'f OrgId>,
    edges: Vec<(usize, usize)>,
}

impl<'f> Graph<'f> {
    fn new(pairs: BTreeSet<(&'f OrgId, &'f OrgId)>) -> Self {
        let names: BTreeSet<&OrgId> = pairs.iter().flat_map(|(from, to)| [*from, *to]).collect();
        let position: BTreeMap<&OrgId, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let edges = pairs.iter().map(|(from, to)| (position[from], position[to])).collect();
        Self { orgs: names.into_iter().collect(), edges }
    }

    fn position(&self, org: &OrgId) -> Option<usize> {
        self.orgs.binary_search(&org).ok()
    }

    /// The edges that can lie on a route short enough, and whether these are all.
    fn edges_between(&self, start: usize, goal: usize) -> (Vec<(usize, usize)>, bool) {
        let backwards: Vec<(usize, usize)> = self.edges.iter().map(|(from, to)| (*to, *from)).collect();
        let from_start = distances(&self.edges, self.orgs.len(), start);
        let to_goal = distances(&backwards, self.orgs.len(), goal);
        let length_through = |&(from, to): &(usize, usize)| Some(from_start[from]? + 1 + to_goal[to]?);
        let on_a_route = |edge: &(usize, usize)| {
            edge.0 != goal && edge.1 != start && length_through(edge).is_some_and(|length| length <= ROUTE_LEGS_MAX)
        };
        let mut edges: Vec<(usize, usize)> = self.edges.iter().copied().filter(on_a_route).collect();
        let complete = edges.len() <= SEARCH_LEGS_MAX;
        if !complete {
            edges.sort_by_key(length_through);
            edges.truncate(SEARCH_LEGS_MAX);
        }
        (edges, complete)
    }

    fn route(&self, path: &[usize], legs: &Legs) -> JudgedRoute {
        let judgements = path.windows(2).map(|pair| Arc::clone(&legs[&(pair[0], pair[1])])).collect();
        JudgedRoute::new(Route(path.iter().map(|&at| self.orgs[at].clone()).collect()), judgements)
    }
}

/// Fewest edges from `start` to each of `count` positions.
fn distances(edges: &[(usize, usize)], count: usize, start: usize) -> Vec<Option<usize>> {
    let mut next = vec![Vec::new(); count];
    for &(from, to) in edges {
        next[from].push(to);
    }
    let mut distance = vec![None; count];
    distance[start] = Some(0);
    let mut waiting = VecDeque::from([(start, 0)]);
    while let Some((at, steps)) = waiting.pop_front() {
        for &to in &next[at] {
            if distance[to].is_none() {
                distance[to] = Some(steps + 1);
                waiting.push_back((to, steps + 1));
            }
        }
    }
    distance
}

/// The legs no worse than one verdict, and how far each organisation is from the provider along them.
struct Tier {
    worst: Verdict,
    goal: usize,
    next: Vec<Vec<(usize, Verdict)>>,
    to_goal: Vec<Option<usize>>,
}

impl Tier {
    fn new(legs: &Legs, count: usize, goal: usize, worst: Verdict) -> Self {
        let mut next = vec![Vec::new(); count];
        let mut backwards = Vec::new();
        for (&(from, to), leg) in legs.iter().filter(|(_, leg)| leg.verdict <= worst) {
            next[from].push((to, leg.verdict));
            backwards.push((to, from));
        }
        Self { worst, goal, next, to_goal: distances(&backwards, count, goal) }
    }
}

/// A depth-first search over positions, bounded in results and steps.
struct Search {
    found: Vec<Vec<usize>>,
    steps: usize,
    complete: bool,
}

impl Search {
    /// Adds every way to end `path` at the goal in exactly `remaining` legs whose worst leg is the tier's. The depth
    /// of the recursion is at most [`ROUTE_LEGS_MAX`].
    fn extend(&mut self, tier: &Tier, path: &mut Vec<usize>, worst: Verdict, remaining: usize) {
        let at = path[path.len() - 1];
        for &(to, verdict) in &tier.next[at] {
            self.complete &= self.steps < SEARCH_STEPS_MAX;
            if !self.complete {
                return;
            }
            self.steps += 1;
            // A route reaches its provider once, at its end, and nobody on it may be too far away.
            let within_reach = tier.to_goal[to].is_some_and(|distance| distance < remaining);
            if !within_reach || (to == tier.goal) != (remaining == 1) || path.contains(&to) {
                continue;
            }
            let worst = worst.max(verdict);
            if remaining > 1 {
                path.push(to);
                self.extend(tier, path, worst, remaining - 1);
                path.pop();
            } else if worst == tier.worst && self.found.len() == ROUTES_MAX {
                self.complete = false;
            } else if worst == tier.worst {
                self.found.push([path.as_slice(), &[to]].concat());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::facts::Relation;
    use crate::domain::law::tests::{World, day, id, org};
    use crate::domain::law::{Basis, Condition};

    fn find(world: &World, buyer: &str, provider: &str) -> FoundRoutes {
        let pack = (&id("pack"), &world.pack);
        find_routes(&world.facts, pack, &org(buyer), &org(provider), world.as_of, world.known_on)
    }

    fn judge(world: &World, parties: &[&str]) -> JudgedRoute {
        let route = Route::new(parties.iter().map(|name| org(name)).collect()).expect("different parties");
        judge_route(&world.facts, (&id("pack"), &world.pack), &route, world.as_of, world.known_on)
    }

    fn names(found: &FoundRoutes) -> Vec<String> {
        found.routes.iter().map(|judged| judged.route.to_string()).collect()
    }

    /// The federation of the demonstration, with the days on which its members joined.
    fn federation(as_of: &str) -> World {
        let mut world = World::on(as_of);
        world.member("barleben", "kitu", "2009-12-22", |_| ());
        world.member("kid", "kitu", "2009-12-22", |_| ());
        world.member("kid", "provitako", "2021-12-01", |_| ());
        world.member("provitako", "govdigital", "2020-01-01", |fact| fact.assumed = true);
        world.member("dataport", "govdigital", "2019-12-12", |_| ());
        world.member("dataport", "kitu", "2019-11-01", |fact| fact.relation = Relation::CooperationContract);
        for name in ["barleben", "kitu", "kid", "provitako", "govdigital", "dataport", "sachsen-anhalt"] {
            world.entity(name, |_| ());
        }
        world
    }

    const CHAIN: [&str; 6] = ["barleben", "kitu", "kid", "provitako", "govdigital", "dataport"];

    #[test]
    fn a_route_has_two_to_seven_different_parties() {
        let parties = |text: &str| serde_json::from_str::<Route>(text);
        let route = parties(r#"["barleben","kitu","kid"]"#).expect("a route");
        assert_eq!(serde_json::to_string(&route).expect("JSON"), r#"["barleben","kitu","kid"]"#);
        assert_eq!(
            route.legs().map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>(),
            ["barleben kitu", "kitu kid"]
        );
        for bad in [
            r#"[]"#,
            r#"["a"]"#,
            r#"["a","b","a"]"#,
            r#"["a","a"]"#,
            r#"["a","b","c","d","e","f","g","h"]"#,
            r#"["a","B"]"#,
        ] {
            assert!(parties(bad).is_err(), "{bad} must be refused");
        }
        let refusal = Route::new(vec![org("a"), org("a")]).expect_err("a party twice");
        assert_eq!(refusal.reason, Reason::RouteInvalid);
    }

    #[test]
    fn the_chain_of_five_legs_holds_in_both_directions() {
        let world = federation("2026-06-01");
        let found = find(&world, "barleben", "dataport");
        assert_eq!(names(&found), ["barleben → kitu → kid → provitako → govdigital → dataport"]);
        let chain = &found.routes[0];
        assert_eq!((chain.verdict, chain.assumed(), found.complete), (Verdict::Fulfilled, true, true));
        let bases: Vec<Option<Basis>> = chain.legs.iter().map(|leg| leg.basis).collect();
        let (joint, inverse) = (Some(Basis::Joint), Some(Basis::JointInverse));
        assert_eq!(bases, [joint, inverse, joint, joint, inverse]);
        assert_eq!(*chain, judge(&world, &CHAIN));

        let back = find(&world, "dataport", "barleben");
        let bases: Vec<Option<Basis>> = back.routes[0].legs.iter().map(|leg| leg.basis).collect();
        assert_eq!((back.routes.len(), back.routes[0].verdict), (1, Verdict::Fulfilled));
        assert_eq!(bases, [joint, inverse, inverse, joint, inverse]);
    }

    #[test]
    fn a_chain_that_does_not_hold_yet_is_found_and_explained() {
        let found = find(&federation("2021-06-15"), "barleben", "dataport");
        let [chain] = found.routes.as_slice() else { panic!("one route, not {:?}", names(&found)) };
        assert_eq!(chain.verdict, Verdict::NotProven);
        let missing: Vec<(Condition, &str)> = chain
            .legs
            .iter()
            .flat_map(|leg| leg.missing().into_iter().map(|finding| (finding.condition, finding.org.as_str())))
            .collect();
        assert_eq!(missing, [(Condition::Membership, "kid"), (Condition::Seat, "kid")]);

        let mut strict = federation("2026-06-01");
        strict.pack.inverse_joint = false;
        let found = find(&strict, "barleben", "dataport");
        assert_eq!(found.routes[0].verdict, Verdict::NotFulfilled);
    }

    #[test]
    fn a_retroactive_accession_opens_a_shorter_route_once_it_is_known() {
        let mut world = federation("2022-11-15");
        world.member("sachsen-anhalt", "kitu", "2022-11-01", |fact| fact.known_from = day("2022-12-01"));
        world.member("sachsen-anhalt", "dataport", "2013-01-01", |fact| fact.known_from = day("2014-02-24"));
        let long = "barleben → kitu → kid → provitako → govdigital → dataport";
        world.known_on = day("2022-11-30");
        assert_eq!(names(&find(&world, "barleben", "dataport")), [long]);
        world.known_on = day("2022-12-01");
        let short = "barleben → kitu → sachsen-anhalt → dataport";
        assert_eq!(names(&find(&world, "barleben", "dataport")), [short, long]);
        assert_eq!(find(&world, "kitu", "dataport").routes[0].legs.len(), 2);
        // The half-sisters KITU and Dataport may not deal directly, unless the rules change.
        assert_eq!(judge(&world, &["kitu", "dataport"]).verdict, Verdict::NotFulfilled);
        world.pack.half_sisters = true;
        assert_eq!(names(&find(&world, "barleben", "dataport"))[0], "barleben → kitu → dataport");
    }

    #[test]
    fn strangers_and_oneself_have_no_route() {
        let world = federation("2026-06-01");
        for (buyer, provider) in
            [("barleben", "nobody"), ("nobody", "kitu"), ("kitu", "kitu"), ("barleben", "sachsen-anhalt")]
        {
            let found = find(&world, buyer, provider);
            assert!(found.routes.is_empty() && found.complete, "{buyer} {provider}");
        }
    }

    #[test]
    fn a_limit_cuts_the_worst_and_says_so() {
        let mut world = World::on("2026-06-01");
        for hub in ["hub-1", "hub-2", "hub-3"] {
            world.entity(hub, |_| ());
            for number in 0..60 {
                let name = format!("town-{number}");
                // Odd towns have not joined yet: their routes are not proven.
                world.member(&name, hub, if number % 2 == 0 { "2010-01-01" } else { "2027-01-01" }, |fact| {
                    fact.known_from = day("2010-01-01");
                });
            }
        }
        (0..60).for_each(|number| world.entity(&format!("town-{number}"), |_| ()));
        let found = find(&world, "town-0", "town-2");
        assert_eq!((found.routes.len(), found.complete), (ROUTES_MAX, false));
        assert!(found.routes.iter().all(|judged| judged.verdict == Verdict::Fulfilled));
        assert!(found.routes.is_sorted_by_key(|judged| judged.legs.len()));
    }

    /// Every order of at least two of five parties that begins and ends right.
    fn every_route() -> Vec<Route> {
        fn longer(path: &[&'static str], routes: &mut Vec<Route>) {
            for name in ["b", "c", "d", "e"].into_iter().filter(|name| !path.contains(name)) {
                let path = [path, &[name]].concat();
                if name == "e" {
                    routes.push(Route::new(path.iter().map(|name| org(name)).collect()).expect("different parties"));
                } else {
                    longer(&path, routes);
                }
            }
        }
        let mut routes = Vec::new();
        longer(&["a"], &mut routes);
        routes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// The search agrees with trying everything, in content and in order.
        #[test]
        fn the_search_misses_nothing(members in prop::collection::vec(0..8_u8, 25), half_sisters in any::<bool>()) {
            let mut world = World::on("2021-06-15");
            world.pack.half_sisters = half_sisters;
            let name = |at: usize| ["a", "b", "c", "d", "e"][at];
            for (at, kind) in members.into_iter().enumerate().filter(|(at, _)| at / 5 != at % 5) {
                match kind {
                    0 => world.sole(name(at / 5), name(at % 5), "2010-01-01"),
                    1 => world.member(name(at / 5), name(at % 5), "2010-01-01", |_| ()),
                    2 => world.member(name(at / 5), name(at % 5), "2010-01-01", |fact| fact.seat = Some(false)),
                    3 => world.member(name(at / 5), name(at % 5), "2022-01-01", |_| ()),
                    _ => (),
                }
            }
            (0..5).for_each(|at| world.entity(name(at), |_| ()));
            let known = KnownFacts::new(&world.facts, world.known_on);
            let pairs = known.pairs(&world.pack);
            let pack = id("pack");
            let mut expected: Vec<JudgedRoute> = every_route()
                .iter()
                .filter(|route| route.legs().all(|leg| pairs.contains(&leg)))
                .map(|route| judge_route(&world.facts, (&pack, &world.pack), route, world.as_of, world.known_on))
                .collect();
            expected.sort_by_key(|judged| (judged.verdict, judged.legs.len(), judged.route.clone()));
            prop_assert_eq!(find(&world, "a", "e").routes, expected);
        }
    }
}
