//! Routes: the chains of legs from a buyer to a provider, searched over the facts known and judged leg by leg.
//!
//! A route that fails is shown with its reason, never left out because it fails. What exceeds a named limit is cut,
//! the worst first, and the result says so. Where no route holds, [`alternatives`] says what else there is.
mod kin;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::id::OrgId;
use crate::domain::law::cases::Court;
use crate::domain::law::{Basis, LegJudgement, Verdict};
use crate::domain::money::Cents;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::kin::Kin;
use crate::domain::rule_pack::{Provision, Stand, Switch};

/// Most legs of a route. The longest chain seen in practice (municipality, cooperative, its provider, purchasing
/// cooperative, federal cooperative, provider) has five; every leg is one more contract and one more deadline.
pub const ROUTE_LEGS_MAX: usize = 6;

/// Most routes a search returns: more than between any two of five hundred organisations that are plausibly related (five
/// in the middle), few enough to judge and rank within some ten milliseconds where everyone is related. An officer is
/// sent the best hundred of them.
pub const ROUTES_MAX: usize = 1_000;

/// Most routes kept that do not hold: nobody may order along them, they only show what would have to be proven.
pub const UNPROVEN_ROUTES_MAX: usize = 200;

/// Most legs judged for one search, about 40 milliseconds of work. A leg is judged once, and only when a route that is
/// short enough comes to it.
pub const SEARCH_LEGS_MAX: usize = 5_000;

/// Most steps of a search, about 20 milliseconds of work. Densely knit memberships have millions of routes.
pub const SEARCH_STEPS_MAX: usize = 1_000_000;

/// Most legs of a route that only a contested reading of the law makes possible and that is searched for as such: it is
/// shorter than what is uncontested, or nobody would want it. Within these legs it is found wherever it is.
pub const CONTESTED_LEGS_MAX: usize = 3;

/// Most legs judged for contested routes, about 10 milliseconds of work.
pub const CONTESTED_JUDGED_MAX: usize = 1_000;

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
    /// What it costs, once [`FoundRoutes::rank`] has been told.
    pub price: Option<Cents>,
}

impl JudgedRoute {
    fn new(route: Route, legs: Vec<Arc<LegJudgement>>) -> Self {
        let verdict = Verdict::of_all(legs.iter().map(|leg| leg.verdict));
        Self { route, legs, verdict, price: None }
    }

    /// Whether a leg that holds rests on an assumption.
    pub fn assumed(&self) -> bool {
        self.legs.iter().any(|leg| leg.assumed())
    }
}

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundRoutes {
    /// Best verdict first, then cheaper, then fewer legs, then by the parties' names. Routes of unknown price come
    /// behind those of a known one.
    pub routes: Vec<JudgedRoute>,
    /// False if [`ROUTES_MAX`], [`SEARCH_LEGS_MAX`] or [`SEARCH_STEPS_MAX`] cut the search short: there may be more,
    /// none of a better verdict. Prices play no part in what is cut.
    pub complete: bool,
}

impl FoundRoutes {
    /// Ranks the routes with what each costs, where that is known.
    pub fn rank(&mut self, mut price: impl FnMut(&Route) -> Option<Cents>) {
        for judged in &mut self.routes {
            judged.price = price(&judged.route);
        }
        self.sort();
    }

    /// The best route on which no reading of the law is contested, where the routes hold at all: to be offered beside a
    /// contested one.
    pub fn uncontested(&self) -> Option<&JudgedRoute> {
        self.routes.iter().find(|judged| judged.verdict == Verdict::Fulfilled)
    }

    fn sort(&mut self) {
        let key = |judged: &JudgedRoute| (judged.verdict, judged.price.is_none(), judged.price, judged.legs.len());
        self.routes.sort_by(|one, two| key(one).cmp(&key(two)).then_with(|| one.route.cmp(&two.route)));
    }
}

/// Judges the legs of one route.
pub fn judge_route(court: &Court<'_>, route: &Route) -> JudgedRoute {
    let last = route.legs().len();
    let legs = (1..)
        .zip(route.legs())
        .map(|(number, (from, to))| Arc::new(Court { is_last: number == last, ..*court }.judge(from, to)));
    JudgedRoute::new(route.clone(), legs.collect())
}

/// All routes from buyer to provider without repetition, up to [`ROUTE_LEGS_MAX`] legs, along relations known on
/// `known_on`, in force on `as_of` or not: so "joined only in December" is explained rather than absent.
///
/// Anyone may buy from a central purchasing body; the search goes there only along a relation, and [`alternatives`]
/// names the others.
///
/// A contested reading of the law makes further legs possible. Routes over those are shown where they are shorter than any
/// that needs none, up to [`CONTESTED_LEGS_MAX`] legs.
pub fn find_routes(court: &Court<'_>, buyer: &OrgId, provider: &OrgId) -> FoundRoutes {
    let mut found = FoundRoutes { routes: Vec::new(), complete: true };
    let (Some(start), Some(goal)) = (court.facts.number(buyer), court.facts.number(provider)) else { return found };
    if start == goal {
        return found;
    }
    let mut search = Search::new(*court, start, goal);
    // From the best verdict to the worst and from short to long: what a limit cuts ranks behind what is kept.
    for tier in [Verdict::Fulfilled, Verdict::Contested, Verdict::NotProven, Verdict::NotFulfilled] {
        search.most =
            if tier.holds() { ROUTES_MAX } else { ROUTES_MAX.min(search.found.len() + UNPROVEN_ROUTES_MAX) };
        let longest = if tier == Verdict::Contested { search.shortest_uncontested() - 1 } else { ROUTE_LEGS_MAX };
        for length in 1..=longest {
            search.extend(tier, &mut vec![(start, 0)], Verdict::Fulfilled, length);
        }
        if tier == Verdict::Contested {
            search.contested(longest.min(CONTESTED_LEGS_MAX));
        }
    }
    found.complete = search.complete;
    found.routes = search.found;
    found.sort();
    found
}

/// A way for which no route is needed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alternative {
    /// A cooperation of buyer and provider under section 108 (6); both are authorities, as far as the facts say.
    Cooperation(Box<LegJudgement>),
    /// A central purchasing body under section 120 (4), from which the buyer may purchase directly.
    CentralPurchasing(Box<LegJudgement>),
    /// A procurement procedure, with its citation.
    Tender(String),
}

impl Alternative {
    /// What it is, in one sentence.
    pub fn text(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Cooperation(leg), Lang::De) => {
                format!(
                    "Mit {} ist eine Zusammenarbeit nach {} möglich, wenn alle Voraussetzungen belegt sind.",
                    leg.to, leg.paragraph
                )
            }
            (Self::Cooperation(leg), Lang::En) => {
                format!(
                    "A cooperation with {} under {} is possible once all conditions are proven.",
                    leg.to, leg.paragraph
                )
            }
            (Self::CentralPurchasing(leg), Lang::De) => {
                format!(
                    "Von {} kann als zentraler Beschaffungsstelle nach {} erworben werden, sofern sie die Leistung für andere beschafft.",
                    leg.to, leg.paragraph
                )
            }
            (Self::CentralPurchasing(leg), Lang::En) => {
                format!(
                    "{} is a central purchasing body under {}, from which one may purchase if it purchases the service for others.",
                    leg.to, leg.paragraph
                )
            }
            (Self::Tender(by), Lang::De) => format!(
                "Sonst ist ein Vergabeverfahren nötig ({by}; unter den Schwellenwerten UVgO und Landesrecht)."
            ),
            (Self::Tender(by), Lang::En) => format!(
                "Otherwise a procurement procedure is needed ({by}; below the thresholds UVgO and the law of the Land)."
            ),
        }
    }
}

/// Most central purchasing bodies named as alternatives.
const ALTERNATIVES_MAX: usize = 10;

/// What there is where no route holds: cooperation, central purchasing, and always a procurement procedure.
pub fn alternatives(court: &Court<'_>, buyer: &OrgId, provider: &OrgId) -> Vec<Alternative> {
    let (facts, pack) = (court.facts, court.pack);
    let mut found = Vec::new();
    if pack.1.market_below.is_some() && buyer != provider {
        let judged = court.judge_cooperation(buyer, provider);
        // Someone who is no authority cannot cooperate; what is merely not proven yet can be agreed on.
        found.extend((judged.verdict != Verdict::NotFulfilled).then(|| Alternative::Cooperation(Box::new(judged))));
    }
    let bodies: BTreeSet<&OrgId> = facts
        .entities()
        .filter(|(_, fact)| fact.central_purchasing == Some(true) && fact.org != *buyer)
        .map(|(_, fact)| &fact.org)
        .collect();
    let judged = bodies.into_iter().flat_map(|body| court.judge_all(buyer, body));
    let mut purchasing: Vec<LegJudgement> = judged
        .filter(|leg| leg.basis == Some(Basis::CentralPurchasing) && leg.verdict != Verdict::NotFulfilled)
        .collect();
    purchasing.sort_by_key(|leg| (leg.verdict, leg.assumed()));
    purchasing.truncate(ALTERNATIVES_MAX);
    found.extend(purchasing.into_iter().map(|leg| Alternative::CentralPurchasing(Box::new(leg))));
    found.push(Alternative::Tender(pack.1.cite(Provision::Tendered).to_owned()));
    found
}

/// A leg as the court judged it; none if no case applies.
type Judged = Option<Arc<LegJudgement>>;

/// A leg that may lie on a route, but not at its end; judged when a route first comes to it.
struct Edge {
    to: u32,
    leg: Option<Judged>,
}

/// What the search for contested routes knows.
struct Wide {
    /// Whether half-sisters and chains of joint control are contested.
    disputes: (bool, bool),
    /// Who may award to the provider.
    ends: BTreeSet<u32>,
    legs: BTreeMap<(u32, u32), Judged>,
    /// Routes that are found already.
    known: BTreeSet<Route>,
    judged: usize,
}

/// A depth-first search, bounded in results, steps and legs judged.
struct Search<'f> {
    court: Court<'f>,
    kin: Kin<'f>,
    start: u32,
    goal: u32,
    from_start: Vec<u8>,
    to_goal: Vec<u8>,
    /// By organisation, once a route has come there and goes on.
    edges: Vec<Option<Vec<Edge>>>,
    /// Legs to the provider, by who awards. Apart from the others, so that looking at the end of a route does not open
    /// everything that leads on from there: a family of 500 sisters has a quarter of a million legs.
    last: BTreeMap<u32, Judged>,
    found: Vec<JudgedRoute>,
    steps: usize,
    judged: usize,
    complete: bool,
    /// How many routes are kept at most.
    most: usize,
    /// No further routes are kept.
    full: bool,
}

impl<'f> Search<'f> {
    fn new(court: Court<'f>, start: u32, goal: u32) -> Self {
        let stand = |switch| court.stand(switch) == Stand::Yes;
        let (half_sisters, indirect) = (stand(Switch::HalfSisters), stand(Switch::JointIndirect));
        let kin = Kin { facts: court.facts, half_sisters, indirect };
        let (from_start, to_goal) = (kin.distances(start, ROUTE_LEGS_MAX), kin.distances(goal, ROUTE_LEGS_MAX));
        Self {
            court,
            kin,
            start,
            goal,
            from_start,
            to_goal,
            edges: (0..court.facts.org_count()).map(|_| None).collect(),
            last: BTreeMap::new(),
            found: Vec::new(),
            steps: 0,
            judged: 0,
            complete: true,
            most: ROUTES_MAX,
            full: false,
        }
    }

    /// The legs from one organisation that may lie on a route short enough, by name.
    fn open(&mut self, at: u32) -> &mut Vec<Edge> {
        let kin = &self.kin;
        self.edges[at as usize].get_or_insert_with(|| {
            let fits = |to: &u32| {
                let length = usize::from(self.from_start[*to as usize]) + usize::from(self.to_goal[*to as usize]);
                *to != self.start && *to != self.goal && length <= ROUTE_LEGS_MAX && !kin.is_dead_end(*to)
            };
            let mut next: Vec<u32> = kin.of(at).into_iter().filter(fits).collect();
            next.sort_by_key(|to| kin.facts.name(*to));
            next.into_iter().map(|to| Edge { to, leg: None }).collect()
        })
    }

    /// How many legs the shortest route has on which nothing is contested; one more than may be searched if there is none.
    fn shortest_uncontested(&self) -> usize {
        self.found.iter().map(|judged| judged.legs.len()).min().unwrap_or(ROUTE_LEGS_MAX + 1)
    }

    /// Adds the routes up to a length that only a contested reading makes possible.
    fn contested(&mut self, longest: usize) {
        let open = |switch| self.court.stand(switch) == Stand::Contested;
        let disputes = (open(Switch::HalfSisters), open(Switch::JointChained));
        if longest == 0 || disputes == (false, false) {
            return;
        }
        let known: BTreeSet<Route> = self.found.iter().map(|judged| judged.route.clone()).collect();
        let mut wide = Wide {
            disputes,
            ends: self.kin.contested_from(self.goal, disputes),
            legs: BTreeMap::new(),
            known,
            judged: 0,
        };
        for length in 1..=longest {
            self.widen(&mut wide, &mut vec![self.start], length);
        }
    }

    fn widen(&mut self, wide: &mut Wide, path: &mut Vec<u32>, remaining: usize) {
        let at = path[path.len() - 1];
        if remaining == 1 {
            if !wide.ends.contains(&at) || !self.is_contested(wide, path) {
                return;
            }
            let parties = path.iter().chain([&self.goal]).map(|org| self.court.facts.name(*org).clone());
            let route = Route(parties.collect());
            if wide.known.contains(&route) {
                return;
            }
            if self.found.len() >= self.most {
                (self.complete, self.full) = (false, true);
                return;
            }
            let pairs = path.iter().copied().zip(path[1..].iter().copied().chain([self.goal]));
            let legs = pairs.filter_map(|pair| wide.legs.get(&pair).cloned().flatten()).collect();
            self.found.push(JudgedRoute::new(route, legs));
            return;
        }
        if remaining == 2 && !self.goes_on(wide, path) {
            return;
        }
        let next = self.kin.contested(at, wide.disputes);
        let fits = |to: &u32| *to != self.start && *to != self.goal && !self.kin.is_dead_end(*to);
        let ends = |to: &u32| remaining > 2 || wide.ends.contains(to);
        let mut next: Vec<u32> = next.into_iter().filter(|to| fits(to) && ends(to) && !path.contains(to)).collect();
        next.sort_by_key(|to| self.kin.facts.name(*to));
        for to in next {
            path.push(to);
            self.widen(wide, path, remaining - 1);
            path.pop();
        }
    }

    /// Whether somebody who may award to the provider is one leg away and the last leg of the path holds: half a thousand
    /// sisters have as many sisters each.
    fn goes_on(&mut self, wide: &mut Wide, path: &[u32]) -> bool {
        let [.., from, at] = path[..] else { return true };
        self.kin.leads_to(at, wide.disputes, &wide.ends) && self.holding(wide, (from, at)).is_some()
    }

    /// Whether every leg of a path and on to the provider holds, and one of them is contested.
    fn is_contested(&mut self, wide: &mut Wide, path: &[u32]) -> bool {
        let mut worst = Verdict::Fulfilled;
        for pair in path.iter().copied().zip(path[1..].iter().copied().chain([self.goal])) {
            match self.holding(wide, pair) {
                Some(verdict) => worst = worst.max(verdict),
                None => return false,
            }
        }
        worst == Verdict::Contested
    }

    /// The verdict on a leg that holds, judged once; none if it does not, or if too many have been judged.
    fn holding(&mut self, wide: &mut Wide, pair: (u32, u32)) -> Option<Verdict> {
        if !wide.legs.contains_key(&pair)
            && let Some(known) = self.known(pair)
        {
            wide.legs.insert(pair, known);
        }
        if !wide.legs.contains_key(&pair) {
            if wide.judged == CONTESTED_JUDGED_MAX {
                self.complete = false;
                return None;
            }
            wide.judged += 1;
            let facts = self.court.facts;
            let court = Court { is_last: pair.1 == self.goal, ..self.court };
            wide.legs.insert(pair, court.judge_related(facts.name(pair.0), facts.name(pair.1)).map(Arc::new));
        }
        let judged = wide.legs.get(&pair)?.as_ref()?;
        judged.verdict.holds().then_some(judged.verdict)
    }

    /// What the search for uncontested routes has judged already.
    fn known(&self, (at, to): (u32, u32)) -> Option<Judged> {
        if to == self.goal {
            return self.last.get(&at).cloned();
        }
        let edges = self.edges[at as usize].as_ref()?;
        edges.iter().find(|edge| edge.to == to)?.leg.clone()
    }

    /// Judges a leg; none if no case applies, or if too many have been judged.
    fn judge(&mut self, at: u32, to: u32) -> Judged {
        if self.judged == SEARCH_LEGS_MAX {
            self.complete = false;
            return None;
        }
        self.judged += 1;
        let facts = self.court.facts;
        let court = Court { is_last: to == self.goal, ..self.court };
        court.judge_related(facts.name(at), facts.name(to)).map(Arc::new)
    }

    /// The leg to the provider.
    fn last_leg(&mut self, at: u32) -> Judged {
        if self.to_goal[at as usize] != 1 {
            return None;
        }
        if let Some(known) = self.last.get(&at) {
            return known.clone();
        }
        let judged = self.judge(at, self.goal);
        self.last.insert(at, judged.clone());
        judged
    }

    /// The verdict on a leg that leads on.
    fn verdict(&mut self, at: u32, index: usize) -> Option<Verdict> {
        let edge = self.open(at).get(index)?;
        let (to, known) = (edge.to, edge.leg.is_some());
        if !known {
            let judged = self.judge(at, to);
            self.open(at).get_mut(index)?.leg = Some(judged);
        }
        self.open(at).get(index)?.leg.as_ref()?.as_ref().map(|leg| leg.verdict)
    }

    /// Adds every way to end `path` at the goal in exactly `remaining` legs whose worst leg is the tier's. Each step
    /// of the path is an organisation and the index of the leg towards the next. The depth of the recursion is at most
    /// [`ROUTE_LEGS_MAX`].
    fn extend(&mut self, tier: Verdict, path: &mut Vec<(u32, usize)>, worst: Verdict, remaining: usize) {
        let last = path.len() - 1;
        let at = path[last].0;
        if remaining == 1 {
            let leg = self.last_leg(at).filter(|leg| leg.verdict.max(worst) == tier);
            leg.into_iter().for_each(|leg| self.keep(path, leg));
            return;
        }
        for index in 0..self.open(at).len() {
            if self.steps >= SEARCH_STEPS_MAX || self.full {
                self.complete = false;
                return;
            }
            self.steps += 1;
            let to = self.open(at)[index].to;
            // Nobody on a route may be too far away from its end, or there twice.
            let within_reach = usize::from(self.to_goal[to as usize]) < remaining;
            if !within_reach || path.iter().any(|(org, _)| *org == to) {
                continue;
            }
            let Some(verdict) = self.verdict(at, index).filter(|verdict| *verdict <= tier) else { continue };
            path[last].1 = index;
            path.push((to, 0));
            self.extend(tier, path, worst.max(verdict), remaining - 1);
            path.pop();
        }
    }

    fn keep(&mut self, path: &[(u32, usize)], last: Arc<LegJudgement>) {
        if self.found.len() >= self.most {
            (self.complete, self.full) = (false, true);
            return;
        }
        let before = path[..path.len() - 1].iter();
        let edges = before.filter_map(|(at, index)| self.edges[*at as usize].as_ref()?.get(*index));
        let legs = edges.filter_map(|edge| edge.leg.clone().flatten()).chain([last]).collect();
        let parties = path.iter().map(|(at, _)| *at).chain([self.goal]);
        let route = Route(parties.map(|org| self.court.facts.name(org).clone()).collect());
        self.found.push(JudgedRoute::new(route, legs));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::facts::Relation;
    use crate::domain::law::tests::{World, day, id, org};
    use crate::domain::law::{Basis, Condition};
    use crate::domain::rule_pack::tests::{new_text, old_text};

    fn find(world: &World, buyer: &str, provider: &str) -> FoundRoutes {
        let pack = (&id("pack"), &world.pack);
        find_routes(&Court::on(&world.facts.base(), pack, world.as_of, world.known_on), &org(buyer), &org(provider))
    }

    fn judge(world: &World, parties: &[&str]) -> JudgedRoute {
        let route = Route::new(parties.iter().map(|name| org(name)).collect()).expect("different parties");
        let pack = (&id("pack"), &world.pack);
        judge_route(&Court::on(&world.facts.base(), pack, world.as_of, world.known_on), &route)
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
        assert_eq!(
            names(&found),
            ["barleben → kitu → kid → provitako → govdigital → dataport", "barleben → kitu → dataport"]
        );
        let cooperation = &found.routes[1].legs[1];
        assert_eq!((cooperation.verdict, cooperation.basis), (Verdict::NotProven, Some(Basis::Horizontal)));
        let chain = &found.routes[0];
        assert_eq!((chain.verdict, chain.assumed(), found.complete), (Verdict::Fulfilled, true, true));
        let bases: Vec<Option<Basis>> = chain.legs.iter().map(|leg| leg.basis).collect();
        let (joint, inverse) = (Some(Basis::Joint), Some(Basis::JointInverse));
        assert_eq!(bases, [joint, inverse, joint, joint, inverse]);
        assert_eq!(*chain, judge(&world, &CHAIN));

        let back = find(&world, "dataport", "barleben");
        let bases: Vec<Option<Basis>> = back.routes[0].legs.iter().map(|leg| leg.basis).collect();
        assert_eq!((back.routes.len(), back.routes[0].verdict), (2, Verdict::Fulfilled));
        assert_eq!(bases, [joint, inverse, inverse, joint, inverse]);
    }

    #[test]
    fn routes_are_ranked_by_verdict_then_price_then_length() {
        let mut world = World::on("2026-06-01");
        for (member, of) in [("a", "b"), ("a", "c"), ("a", "d"), ("e", "b"), ("e", "c"), ("f", "d"), ("f", "e")] {
            world.member(member, of, "2010-01-01", |_| ());
        }
        world.member("a", "g", "2010-01-01", |fact| fact.seat = None);
        world.member("e", "g", "2010-01-01", |_| ());
        ["a", "b", "c", "d", "e", "f", "g"].into_iter().for_each(|name| world.entity(name, |_| ()));
        let price = |route: &Route| {
            let cents = match route.parties()[1].as_str() {
                "b" => 300,
                "c" | "d" => 200,
                "g" => 100,
                _ => return None,
            };
            Cents::try_from(cents).ok()
        };
        let mut found = find(&world, "a", "e");
        found.rank(price);
        assert_eq!(names(&found), ["a → c → e", "a → d → f → e", "a → b → e", "a → g → e"]);
        found.rank(|route| price(route).filter(|_| route.parties()[1].as_str() != "c"));
        assert_eq!(names(&found), ["a → d → f → e", "a → b → e", "a → c → e", "a → g → e"], "unknown comes last");
    }

    #[test]
    fn a_chain_that_does_not_hold_yet_is_found_and_explained() {
        let found = find(&federation("2021-06-15"), "barleben", "dataport");
        let [_, chain] = found.routes.as_slice() else { panic!("two routes, not {:?}", names(&found)) };
        assert_eq!(chain.verdict, Verdict::NotProven);
        let missing: Vec<(Condition, &str)> = chain
            .legs
            .iter()
            .flat_map(|leg| leg.missing().into_iter().map(|finding| (finding.condition, finding.org.as_str())))
            .collect();
        assert_eq!(missing, [(Condition::Membership, "kid"), (Condition::Seat, "kid")]);

        let mut strict = federation("2026-06-01");
        strict.pack.set(Switch::InverseJoint, Stand::No);
        let found = find(&strict, "barleben", "dataport");
        assert_eq!(found.routes[1].verdict, Verdict::NotFulfilled);
    }

    #[test]
    fn a_retroactive_accession_opens_a_shorter_route_once_it_is_known() {
        let mut world = federation("2022-11-15");
        world.member("sachsen-anhalt", "kitu", "2022-11-01", |fact| fact.known_from = day("2022-12-01"));
        world.member("sachsen-anhalt", "dataport", "2013-01-01", |fact| fact.known_from = day("2014-02-24"));
        let long = "barleben → kitu → kid → provitako → govdigital → dataport";
        let cooperation = "barleben → kitu → dataport";
        world.known_on = day("2022-11-30");
        assert_eq!(names(&find(&world, "barleben", "dataport")), [long, cooperation]);
        world.known_on = day("2022-12-01");
        let short = "barleben → kitu → sachsen-anhalt → dataport";
        assert_eq!(names(&find(&world, "barleben", "dataport"))[..2], [short, long]);
        assert_eq!(find(&world, "kitu", "dataport").routes[0].legs.len(), 2);
        // The half-sisters KITU and Dataport may not deal directly, unless the rules change or the contract proves.
        assert_eq!(judge(&world, &["kitu", "dataport"]).verdict, Verdict::NotProven);
        world.pack.set(Switch::HalfSisters, Stand::Yes);
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
            for number in 0..100 {
                let name = format!("town-{number}");
                // Odd towns have not joined yet: their routes are not proven.
                world.member(&name, hub, if number % 2 == 0 { "2010-01-01" } else { "2027-01-01" }, |fact| {
                    fact.known_from = day("2010-01-01");
                });
            }
        }
        (0..100).for_each(|number| world.entity(&format!("town-{number}"), |_| ()));
        let found = find(&world, "town-0", "town-2");
        assert_eq!((found.routes.len(), found.complete), (ROUTES_MAX, false));
        assert!(found.routes.iter().all(|judged| judged.verdict == Verdict::Fulfilled));
        assert!(found.routes.is_sorted_by_key(|judged| judged.legs.len()));
    }

    /// A town owns a company, which belongs to one cooperative, which belongs to another: since July 2026.
    #[test]
    fn a_contested_route_is_shown_only_where_it_is_shorter_and_the_other_is_offered_beside_it() {
        let mut world = World::on("2026-08-01");
        world.pack = new_text();
        world.sole("town", "company", "2010-01-01");
        world.member("company", "coop", "2010-01-01", |_| ());
        world.member("coop", "union", "2010-01-01", |_| ());
        world.member("provider", "union", "2010-01-01", |_| ());
        for name in ["town", "company", "coop", "union", "provider"] {
            world.entity(name, |_| ());
        }
        let mut found = find(&world, "town", "provider");
        let told = |found: &FoundRoutes| -> Vec<(String, Verdict)> {
            found.routes.iter().map(|judged| (judged.route.to_string(), judged.verdict)).collect()
        };
        let uncontested = ("town → coop → union → provider".to_owned(), Verdict::Fulfilled);
        let contested = ("town → union → provider".to_owned(), Verdict::Contested);
        assert_eq!(told(&found)[0], uncontested, "joint control through another is a leg of its own");
        assert!(told(&found).contains(&contested), "{:?}", told(&found));
        let shortest = found.uncontested().expect("one").legs.len();
        let longer = |judged: &JudgedRoute| judged.verdict == Verdict::Contested && judged.legs.len() >= shortest;
        assert!(!found.routes.iter().any(longer), "{:?}", told(&found));
        found.rank(|_| Cents::try_from(100).ok());
        let beside = found.uncontested().expect("one");
        assert_eq!((beside.legs.len(), beside.price), (3, Cents::try_from(100).ok()));
        // Under the text before, both have to go leg by leg.
        world.pack = old_text();
        let found = find(&world, "town", "provider");
        assert_eq!(told(&found), [("town → company → coop → union → provider".to_owned(), Verdict::Fulfilled)]);
        // Where nothing else holds, the contested route is what there is.
        world.pack = new_text();
        world.facts.memberships.retain(|_, fact| fact.member != org("company"));
        world.member("town", "coop", "2010-01-01", |fact| fact.seat = Some(false));
        world.member("other", "coop", "2010-01-01", |_| ());
        assert_eq!(find(&world, "town", "provider").uncontested(), None);
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
            world.pack.set(Switch::HalfSisters, if half_sisters { Stand::Yes } else { Stand::No });
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
            let (facts, pack) = (world.facts.base(), id("pack"));
            let court = Court::on(&facts, (&pack, &world.pack), world.as_of, world.known_on);
            let mut expected: Vec<JudgedRoute> = every_route()
                .iter()
                .filter(|route| route.legs().all(|(from, to)| court.judge_related(from, to).is_some()))
                .map(|route| judge_route(&court, route))
                .collect();
            expected.sort_by_key(|judged| (judged.verdict, judged.legs.len(), judged.route.clone()));
            prop_assert_eq!(find(&world, "a", "e").routes, expected);
        }
    }
}
