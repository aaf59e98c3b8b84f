//! What fits a municipality, best first (*Vorsortierung*). The points and their reasons are [`crate::domain::fit`]'s; here is only
//! what it takes to give them to a whole catalogue: routes are searched once for each seller, and prices are computed only
//! where they can still change the page.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::connection::ConnectionProfile;
use crate::domain::fact_base::FactBase;
use crate::domain::fit::{
    Asking, Factor, FactorKind, Gap, Place, Rank, Trial, Trials, Way, factors, gaps, points_known, points_of_price,
    points_of_way,
};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::rule_pack::RulePack;
use crate::domain::time::Date;
use crate::domain::trust::Registry;
use crate::protocol::catalogue::OfferingVersion;
use crate::protocol::public::Public;
use crate::view::View;

/// Most pairs of buyer and seller whose ways are remembered: a few kilobytes each, and a municipality has some dozens.
const WAYS_MAX: usize = 5_000;

/// Ways that were found, as long as nothing they rest on has changed. Shared by all who ask one node.
#[derive(Default)]
pub struct Ways {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    rest_on: Option<RestOn>,
    ways: BTreeMap<(OrgId, OrgId), Arc<WayTo>>,
}

/// What ways rest on.
struct RestOn {
    day: Date,
    facts: Arc<FactBase>,
    packs: Arc<BTreeMap<StatementId, RulePack>>,
    registry: Registry,
}

impl RestOn {
    fn of(view: &View, day: Date) -> Self {
        let (facts, packs) = (Arc::clone(&view.facts), Arc::clone(&view.packs));
        Self { day, facts, packs, registry: view.registry.clone() }
    }

    fn stands(&self, view: &View, day: Date) -> bool {
        self.day == day
            && Arc::ptr_eq(&self.facts, &view.facts)
            && Arc::ptr_eq(&self.packs, &view.packs)
            && self.registry.has_same_homes(&view.registry)
            && self.registry.expelled().eq(view.registry.expelled())
    }
}

/// The best way from one buyer to one seller.
struct WayTo {
    way: Way,
    routes: Vec<Route>,
}

impl Ways {
    fn between(&self, view: &View, buyer: &OrgId, seller: &OrgId, day: Date) -> Arc<WayTo> {
        let key = (buyer.clone(), seller.clone());
        if let Some(known) = self.lock(view, day).ways.get(&key) {
            return Arc::clone(known);
        }
        // Searched without holding the lock: others look up theirs meanwhile.
        let (way, routes) = view.public().way_to(buyer, seller, day);
        let found = Arc::new(WayTo { way, routes });
        let mut known = self.lock(view, day);
        if known.ways.len() >= WAYS_MAX {
            known.ways.clear();
        }
        known.ways.insert(key, Arc::clone(&found));
        found
    }

    fn lock(&self, view: &View, day: Date) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.rest_on.as_ref().is_some_and(|rest_on| rest_on.stands(view, day)) {
            *known = Known { rest_on: Some(RestOn::of(view, day)), ways: BTreeMap::new() };
        }
        known
    }
}

/// Where an offering stands among all, to go on behind it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RankPlace {
    rank: Rank,
    seller: OrgId,
    name: OrgId,
}

impl RankPlace {
    /// As text for a page token.
    pub fn to_text(&self) -> String {
        let yearly = self.rank.yearly.map_or_else(|| "-".to_owned(), |cents| cents.get().to_string());
        let blocked = u8::from(self.rank.is_blocked);
        format!("{blocked} {} {yearly} {} {}", self.rank.points, self.seller, self.name)
    }

    /// From text; none if it is not one.
    pub fn of_text(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let is_blocked = match parts.next()? {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let (points, yearly) = (parts.next()?.parse().ok()?, parts.next()?);
        let yearly = match yearly {
            "-" => None,
            cents => Some(Cents::try_from(cents.parse::<i64>().ok()?).ok()?),
        };
        let (seller, name) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { rank: Rank { is_blocked, points, yearly }, seller, name })
    }
}

/// One offering in its place, with everything that put it there.
#[derive(Clone, Debug)]
pub struct Ranked<'a> {
    /// The offering.
    pub row: &'a OfferingVersion,
    /// Its place.
    pub place: RankPlace,
    /// The best way to its seller.
    pub way: Way,
    /// Net over the shortest contract, hops included; nothing if it is not known.
    pub total: Option<Cents>,
    /// Every factor.
    pub factors: Vec<Factor>,
    /// What would be left to do.
    pub gaps: Vec<Gap>,
}

impl Ranked<'_> {
    /// What a year costs, net.
    pub fn yearly(&self) -> Option<Cents> {
        self.place.rank.yearly
    }
}

/// A page of a ranking.
#[derive(Clone, Debug)]
pub struct Ranking<'a> {
    /// Best first.
    pub rows: Vec<Ranked<'a>>,
    /// How many offerings could be ranked.
    pub total: usize,
    /// How many of the candidates do not cover the municipality, or are not on offer today.
    pub outside: usize,
    /// What the municipality runs, and the statement that says so.
    pub profile: Option<(StatementId, &'a ConnectionProfile)>,
}

/// Who asks, when, and for which page.
#[derive(Clone, Copy)]
pub struct RankQuestion<'a> {
    /// The municipality.
    pub org: &'a OrgId,
    /// The day.
    pub today: Date,
    /// Behind which place to begin.
    pub after: Option<&'a RankPlace>,
    /// Most rows wanted.
    pub limit: usize,
}

impl View {
    /// Ranks offerings for a municipality. Refused if it is not admitted.
    pub fn rank<'a>(
        &'a self,
        candidates: impl Iterator<Item = &'a OfferingVersion>,
        question: &RankQuestion<'_>,
        ways: &Ways,
    ) -> Result<Ranking<'a>, Refusal> {
        let RankQuestion { org, today, after, limit } = *question;
        let public = self.public();
        public.registry.home(org)?;
        let profile = public.catalogue.connections.profile(org);
        let asking = Asking::new(profile.map(|(_, profile)| profile), place_of(public, org));
        let trials = trials(public, &asking);
        let mut sellers: BTreeMap<&OrgId, Arc<WayTo>> = BTreeMap::new();
        let mut open: Open<'_> = BTreeMap::new();
        let (mut total, mut outside) = (0, 0);
        for row in candidates {
            let offering = &row.offering;
            let covers = asking.place().area.as_ref().is_none_or(|area| offering.covers(area));
            if !covers || !offering.is_valid_on(today) {
                outside += 1;
                continue;
            }
            total += 1;
            let trials = trials.get(&(&offering.seller, &offering.name)).copied().unwrap_or_default();
            let to =
                sellers.entry(&offering.seller).or_insert_with(|| ways.between(self, org, &offering.seller, today));
            let points = points_known(&asking, offering, trials) + points_of_way(to.way);
            let standing = (!to.way.holds(), Reverse(points));
            open.entry(standing).or_default().push(Candidate { row, trials, to: Arc::clone(to) });
        }
        let page = Pricing { public, org, asking: &asking, fees: BTreeMap::new() }.page(open, after, limit);
        let rows = page.into_iter().map(|(place, Candidate { row, trials, to }, total)| {
            let factors = factors(&asking, &row.offering, trials, to.way, place.rank.yearly);
            let gaps = gaps(&asking, &row.offering, to.way);
            Ranked { row, place, way: to.way, total, factors, gaps }
        });
        let rows = rows.collect();
        Ok(Ranking { rows, total, outside, profile })
    }

    /// The best way of an organisation to the seller, and what the shortest contract costs it, net, hops included.
    pub fn own_price(&self, row: &OfferingVersion, org: &OrgId, today: Date, ways: &Ways) -> (Way, Option<Cents>) {
        let (public, offering) = (self.public(), &row.offering);
        let to = ways.between(self, org, &offering.seller, today);
        let fee = fees(public, &to, offering.term_years_min);
        let price = public.list_price(&row.id, offering, org).zip(fee);
        (to.way, price.and_then(|(price, fee)| price.plus(fee).ok()))
    }

    /// Sellers to whom a lawful route leads, among those given.
    pub fn reachable<'a>(
        &self,
        org: &OrgId,
        sellers: impl Iterator<Item = &'a OrgId>,
        today: Date,
        ways: &Ways,
    ) -> BTreeSet<OrgId> {
        sellers.filter(|seller| ways.between(self, org, seller, today).way.holds()).cloned().collect()
    }
}

/// An offering whose price is not computed yet.
struct Candidate<'a> {
    row: &'a OfferingVersion,
    trials: Trials,
    to: Arc<WayTo>,
}

/// Candidates by what is known of their rank: whether they are blocked, and the points without the price.
type Open<'a> = BTreeMap<(bool, Reverse<u32>), Vec<Candidate<'a>>>;

/// Computes prices, where they matter.
struct Pricing<'q, 'a> {
    public: Public<'a>,
    org: &'q OrgId,
    asking: &'q Asking,
    /// What hops charge along the best way to a seller, by the length of the contract.
    fees: BTreeMap<(&'a OrgId, u32), Option<Cents>>,
}

impl<'a> Pricing<'_, 'a> {
    /// The first candidates behind a place, in order.
    fn page(
        mut self,
        open: Open<'a>,
        after: Option<&RankPlace>,
        limit: usize,
    ) -> Vec<(RankPlace, Candidate<'a>, Option<Cents>)> {
        let mut done = Vec::new();
        let mut open = open.into_iter().peekable();
        while let Some(((is_blocked, Reverse(points)), candidates)) = open.next() {
            for candidate in candidates {
                let offering = &candidate.row.offering;
                let price = self.price(&candidate);
                let yearly = price.map(|price| a_year(price, offering.term_years_min));
                let points = points + points_of_price(self.asking, yearly);
                let rank = Rank { is_blocked, points, yearly };
                let place = RankPlace { rank, seller: offering.seller.clone(), name: offering.name.clone() };
                if after.is_none_or(|after| place > *after) {
                    done.push((place, candidate, price));
                }
            }
            // A price adds at most so much: who is further behind than that cannot come onto the page any more.
            let Some((is_blocked, Reverse(next))) = open.peek().map(|(standing, _)| *standing) else { break };
            let reach = (is_blocked, Reverse(next + FactorKind::Price.most()));
            let is_ahead = |place: &RankPlace| (place.rank.is_blocked, Reverse(place.rank.points)) < reach;
            if done.iter().filter(|(place, ..)| is_ahead(place)).count() >= limit {
                break;
            }
        }
        done.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        done.truncate(limit);
        done
    }

    /// What the shortest contract costs, net, hops included.
    fn price(&mut self, candidate: &Candidate<'a>) -> Option<Cents> {
        let Candidate { row, to, .. } = candidate;
        let (seller, years) = (&row.offering.seller, row.offering.term_years_min);
        let public = self.public;
        let fee = *self.fees.entry((seller, years)).or_insert_with(|| fees(public, to, years));
        public.list_price(&row.id, &row.offering, self.org)?.plus(fee?).ok()
    }
}

/// What the hops of the cheapest way charge; none if one of them has not published it.
fn fees(public: Public<'_>, to: &WayTo, years: u32) -> Option<Cents> {
    match to.way {
        Way::Own => Some(Cents::ZERO),
        _ => to.routes.iter().filter_map(|route| public.hop_fees(route, years)).min(),
    }
}

/// The price of a contract spread over its years, rounded up: nobody pays less than is shown.
fn a_year(total: Cents, years: u32) -> Cents {
    let years = i64::from(years.max(1));
    let (whole, rest) = (total.get() / years, total.get() % years);
    Cents::try_from(whole + i64::from(rest > 0)).unwrap_or(total)
}

fn place_of(public: Public<'_>, org: &OrgId) -> Place {
    let home = public.registry.home(org).ok();
    let admission = home.and_then(|home| home.orgs().get(org)).map(|standing| &standing.admission);
    Place {
        area: admission.and_then(|admission| admission.area.clone()),
        inhabitants: admission.and_then(|admission| admission.inhabitants),
    }
}

/// What trials of every offering say to who asks. A report counts for the offering whose version it names, in every later
/// version too.
fn trials<'a>(public: Public<'a>, asking: &Asking) -> BTreeMap<(&'a OrgId, &'a OrgId), Trials> {
    let mut all: BTreeMap<(&OrgId, &OrgId), Vec<Trial>> = BTreeMap::new();
    for (_, report) in public.catalogue.connections.reports() {
        let tried = report.offering.and_then(|id| public.catalogue.version(&id));
        let trial = asking.trial(report, &place_of(public, &report.municipality));
        if let (Some(tried), Some(trial)) = (tried, trial) {
            all.entry((&tried.seller, &tried.name)).or_default().push(trial);
        }
    }
    all.into_iter().map(|(key, trials)| (key, Trials::of(trials))).collect()
}

/// Refuses a token that is none.
pub fn rank_place(text: &str) -> Result<RankPlace, Refusal> {
    RankPlace::of_text(text)
        .ok_or_else(|| Refusal::new(Reason::PageInvalid).with("field", "page_token").with("rule", "not a token"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::offering::Offering;
    use crate::domain::statement::{Kind, Signed};
    use crate::protocol::explain::fixture::{Town, by_rule, offering};

    /// A town with many offerings that differ in portal, price and term.
    fn market(count: u32) -> Town {
        let mut town = Town::new(by_rule());
        for number in 0..count {
            let mut one = Offering {
                name: format!("dienst-{number}").parse().expect("a name"),
                portals: [vec!["IKISS".to_owned()], Vec::new()][usize::try_from(number % 2).expect("small")].clone(),
                term_years_min: 1 + number % 3,
                ..offering()
            };
            one.price[0].cents = Town::cents(i64::from(number * 7_919 % 50_000));
            town.publish(&Signed::sign(&Kind::Offering, &one, &[&Town::statement_key("provider")])).expect("good");
        }
        let profile = ConnectionProfile {
            municipality: "town".parse().expect("a name"),
            version: 1,
            portals: vec!["ikiss".to_owned()],
            specialised_systems: Vec::new(),
            connection: Vec::new(),
            provides: Vec::new(),
            bus: None,
            source: "Test".to_owned(),
            assumed: Vec::new(),
        };
        let signed = Signed::sign(&Kind::ConnectionProfile, &profile, &[&Town::statement_key("town")]);
        town.publish(&signed).expect("a good profile");
        town
    }

    fn ranked(view: &View, after: Option<&RankPlace>, limit: usize) -> Vec<RankPlace> {
        let org = "town".parse().expect("a name");
        let today = crate::domain::law::tests::day("2026-11-23");
        let question = RankQuestion { org: &org, today, after, limit };
        let found = view.rank(view.public().catalogue.on_offer(), &question, &Ways::default()).expect("a ranking");
        found.rows.into_iter().map(|row| row.place).collect()
    }

    /// Prices are computed only where they can matter; the outcome is as if all had been.
    #[test]
    fn pages_are_those_of_the_whole_order() {
        let town = market(40);
        let view = View::of(&town.node, town.now);
        let whole = ranked(&view, None, usize::MAX);
        assert_eq!(whole.len(), 41);
        assert!(whole.is_sorted());
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let page = ranked(&view, after.as_ref(), 7);
            after = page.last().map(|place| RankPlace::of_text(&place.to_text()).expect("its own text"));
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, whole);
        assert_eq!(RankPlace::of_text("0 12 - provider"), None);
    }

    #[test]
    fn what_does_not_cover_the_town_is_counted_and_left_out() {
        let mut town = market(1);
        let far = Offering {
            name: "fern".parse().expect("a name"),
            coverage: vec!["09".parse().expect("an area")],
            ..offering()
        };
        town.publish(&Signed::sign(&Kind::Offering, &far, &[&Town::statement_key("provider")])).expect("good");
        let view = View::of(&town.node, town.now);
        let org = "town".parse().expect("a name");
        let question = RankQuestion { org: &org, today: town.now.date(), after: None, limit: 9 };
        let found = view.rank(view.public().catalogue.on_offer(), &question, &Ways::default()).expect("a ranking");
        assert_eq!((found.total, found.outside), (2, 1));
        let best = &found.rows[0];
        assert_eq!((best.way.holds(), best.row.offering.name.as_str()), (true, "dienst-0"));
        assert!(best.total.is_some());
        let stranger = "nobody".parse().expect("a name");
        let question = RankQuestion { org: &stranger, ..question };
        let refused = view.rank(view.public().catalogue.on_offer(), &question, &Ways::default());
        assert_eq!(refused.map(|_| ()).map_err(|refusal| refusal.reason), Err(Reason::OrgUnknown));
    }

    /// A way that was found before a fact changed is not taken for one after it.
    #[test]
    fn ways_are_forgotten_when_what_they_rest_on_changes() {
        let mut town = market(1);
        let (ways, org) = (Ways::default(), "town".parse().expect("a name"));
        let seller: OrgId = "provider".parse().expect("a name");
        let today = town.now.date();
        let view = View::of(&town.node, town.now);
        let first = ways.between(&view, &org, &seller, today);
        assert!(Arc::ptr_eq(&first, &ways.between(&view, &org, &seller, today)));
        let fact = serde_json::json!({
            "member": "town", "of": "provider", "relation": "association-member", "valid_from": "2026-01-01",
            "known_from": "2026-01-01", "source": "Test",
        });
        town.publish(&Signed::sign(&Kind::Membership, &fact, &[&Town::statement_key("provider")])).expect("a fact");
        let view = View::of(&town.node, town.now);
        assert!(!Arc::ptr_eq(&first, &ways.between(&view, &org, &seller, today)));
    }
}
