//! Searching the catalogue: the index, kept beside the views that it follows and brought up to date by whoever asks first
//! after a change, on its own thread.
//!
//! The index is made from the catalogue and thrown away with the process; nothing rests on it but answers.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::time::{Date, Timestamp};
use crate::protocol::catalogue::{OfferingVersion, PastDay};
use crate::search::entry::{Register, entry_of};
use crate::search::{Facet, FacetCount, Found, Hit, Index, Narrowing, Place};
use crate::view::View;
use crate::view::fitting::{RankQuestion, Ways, rank_place};
use crate::wire::catalogue::{OfferingSearch, entry};
use crate::wire::fitting::{self, RankWish};
use crate::wire::page::{PAGE_SIZE_MAX, encoded_bytes};
use crate::wire::pb::catalogue::v1 as pb;

/// What price and way add to a result on the wire, in bytes.
const OWN_BYTES: usize = 32;

/// The index of one node.
#[derive(Default)]
pub struct Finder {
    followed: RwLock<Followed>,
    /// All versions; empty until somebody asks for a past day.
    past: RwLock<Followed>,
    register: Register,
    ways: Ways,
}

/// How far the index has followed a catalogue.
#[derive(Default)]
struct Followed {
    /// Of which life of the view it is.
    life: u64,
    /// Position of the catalogue up to which it was followed.
    position: u64,
    /// What is indexed, by seller and name: what takes a version out again.
    held: BTreeMap<(OrgId, OrgId), BTreeSet<StatementId>>,
    index: Index,
}

/// What of an offering an index holds.
#[derive(Clone, Copy)]
enum Holds {
    /// The version on offer.
    OnOffer,
    /// Every version, as past days are asked for.
    Everything,
}

impl Followed {
    fn is_level(&self, view: &View) -> bool {
        self.life == view.life() && self.position >= view.public().catalogue.position()
    }

    /// Follows at the cost of what has changed since the last time; another life begins anew, and so does a worn index.
    fn follow(&mut self, view: &View, register: &Register, holds: Holds) {
        if self.life != view.life() || self.index.is_worn() {
            *self = Self { life: view.life(), ..Self::default() };
        }
        let catalogue = view.public().catalogue;
        for (key, offered) in catalogue.since(self.position) {
            let rows: Vec<&OfferingVersion> = match holds {
                Holds::OnOffer => offered.map(|row| &**row).into_iter().collect(),
                Holds::Everything => catalogue.versions(&key.0, &key.1).collect(),
            };
            let held: BTreeSet<StatementId> = rows.iter().map(|row| row.id).collect();
            let former = self.held.remove(key).unwrap_or_default();
            former.difference(&held).for_each(|id| self.index.take(id));
            let new = rows.into_iter().filter(|row| !former.contains(&row.id));
            new.for_each(|row| self.index.put(&entry_of(row.id, &row.offering, register)));
            if !held.is_empty() {
                self.held.insert(key.clone(), held);
            }
        }
        self.index.settle();
        self.position = self.position.max(catalogue.position());
    }
}

impl Finder {
    /// One that finds offerings by what a register says about their services as well.
    pub fn knowing(register: Register) -> Self {
        Self { register, ..Self::default() }
    }

    /// Answers a search, as of that view or later.
    pub(super) fn find(
        &self,
        view: &View,
        wanted: &OfferingSearch,
        now: Timestamp,
    ) -> Result<pb::SearchOfferingsResponse, Refusal> {
        let public = view.public();
        // One more than a page holds, so that a full page knows whether another follows.
        let (found, left_out) = self.found(view, wanted, now, PAGE_SIZE_MAX + 1)?;
        let shown = found.hits.iter().filter_map(|hit| Some((hit, public.catalogue.version(&hit.id)?)));
        let rows = shown.map(|(hit, offering)| (hit, result(hit, entry(view, &hit.id, offering))));
        let (rows, next) =
            wanted.page.begin(rows, |(hit, _)| hit.place.to_text(), |(_, result)| encoded_bytes(result) + OWN_BYTES);
        // Priced once it is known what is shown.
        let priced = rows.into_iter().map(|(hit, result)| match &wanted.for_org {
            Some(org) if wanted.as_of.is_none() => self.priced(view, hit, result, org, now.date()),
            _ => result,
        });
        let past = wanted.as_of.map(|day| public.catalogue.past(day, now)).transpose()?;
        Ok(pb::SearchOfferingsResponse {
            results: priced.collect(),
            next_page_token: next,
            total_size: counted(found.total),
            facets: found.facets.into_iter().map(facet).collect(),
            did_you_mean: found.did_you_mean.unwrap_or_default(),
            has_all_words: found.has_all_words,
            unknown_words: found.unknown,
            is_everything: found.is_empty,
            left_out: counted(left_out),
            state: None,
            as_of: past.map(Into::into),
        })
    }

    /// A result with what it costs who asks, and by which way.
    fn priced(&self, view: &View, hit: &Hit, result: pb::SearchResult, org: &OrgId, today: Date) -> pb::SearchResult {
        let catalogue = view.public().catalogue;
        let row = catalogue.version(&hit.id).and_then(|one| catalogue.row(&one.seller, &one.name));
        let Some(row) = row.filter(|row| row.id == hit.id) else { return result };
        let (way, total) = view.own_price(row, org, today, &self.ways);
        let total_cents = total.map(|cents| cents.get());
        pb::SearchResult { total_cents, way: way.word().to_owned(), ..result }
    }

    /// The `limit` results after the page before, and how many offerings the index has no room for.
    pub(in crate::node) fn found(
        &self,
        view: &View,
        wanted: &OfferingSearch,
        now: Timestamp,
        limit: usize,
    ) -> Result<(Found, usize), Refusal> {
        let catalogue = view.public().catalogue;
        let past = wanted.as_of.map(|day| catalogue.past(day, now)).transpose()?;
        let day = past.map_or_else(|| now.date(), |past| past.day);
        let narrowing = self.narrowing(view, wanted.for_org.as_ref(), &wanted.narrow, day)?;
        let at = |past: PastDay| catalogue.on_offer_at(past.until, None).map(|row| row.id).collect();
        let narrowing = Narrowing { among: past.map(at), ..narrowing };
        let holds = if past.is_some() { Holds::Everything } else { Holds::OnOffer };
        let not_a_token =
            || Refusal::new(Reason::PageInvalid).with("field", "page_token").with("rule", "not a token");
        let after = wanted.page.after().map(|text| Place::of_text(text).ok_or_else(not_a_token)).transpose()?;
        let look = |index: &Index| (index.find(&wanted.query, &narrowing, after.as_ref(), limit), index.left_out);
        Ok(self.looked(view, holds, look))
    }

    /// Ranks what is found for a municipality, as of that view or later.
    pub(super) fn rank(
        &self,
        view: &View,
        wish: &RankWish,
        today: Date,
        lang: Lang,
    ) -> Result<pb::RankOfferingsResponse, Refusal> {
        let catalogue = view.public().catalogue;
        let after = wish.page.after().map(rank_place).transpose()?;
        // One more than a page holds, so that a full page knows whether another follows.
        let question = RankQuestion { org: &wish.for_org, today, after: after.as_ref(), limit: PAGE_SIZE_MAX + 1 };
        let ranking = if wish.query.is_empty() && wish.narrow.is_empty() {
            view.rank(catalogue.on_offer(), &question, &self.ways)?
        } else {
            let narrowing = self.narrowing(view, Some(&wish.for_org), &wish.narrow, today)?;
            let found =
                self.looked(view, Holds::OnOffer, |index| index.find(&wish.query, &narrowing, None, usize::MAX));
            let row = |hit: &Hit| {
                let offering = catalogue.version(&hit.id)?;
                catalogue.row(&offering.seller, &offering.name).filter(|row| row.id == hit.id)
            };
            view.rank(found.hits.iter().filter_map(row), &question, &self.ways)?
        };
        Ok(fitting::ranking(view, wish, &ranking, lang))
    }

    /// By what a question is narrowed: where who asks is, and, if that is asked for, to whom a lawful route leads.
    fn narrowing(
        &self,
        view: &View,
        for_org: Option<&OrgId>,
        narrow: &BTreeMap<String, BTreeSet<String>>,
        today: Date,
    ) -> Result<Narrowing, Refusal> {
        let public = view.public();
        let facets = facets(narrow)?;
        let Some(org) = for_org else { return Ok(Narrowing { facets, ..Narrowing::default() }) };
        let home = public.registry.home(org)?;
        let area: Option<Area> = home.orgs().get(org).and_then(|standing| standing.admission.area.clone());
        // Only where it is asked for: the first question of a municipality searches routes to every seller.
        let reachable = facets.contains_key(&Facet::Orderable).then(|| {
            let sellers: BTreeSet<&OrgId> = public.catalogue.on_offer().map(|row| &row.offering.seller).collect();
            view.reachable(org, sellers.into_iter(), today, &self.ways)
        });
        Ok(Narrowing { facets, area, reachable, among: None })
    }

    /// Looks into the index, once it is level with the view. Many look at a time; only who brings it up to date is alone.
    fn looked<T>(&self, view: &View, holds: Holds, look: impl Fn(&Index) -> T) -> T {
        let followed = match holds {
            Holds::OnOffer => &self.followed,
            Holds::Everything => &self.past,
        };
        {
            let known = followed.read().unwrap_or_else(PoisonError::into_inner);
            if known.is_level(view) {
                return look(&known.index);
            }
        }
        let mut known = followed.write().unwrap_or_else(PoisonError::into_inner);
        known.follow(view, &self.register, holds);
        look(&known.index)
    }
}

fn counted(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn result(hit: &Hit, entry: pb::OfferingEntry) -> pb::SearchResult {
    pb::SearchResult { entry: Some(entry), score: hit.score, covers: hit.covers, ..Default::default() }
}

fn facet(count: FacetCount) -> pb::FacetCount {
    pb::FacetCount { facet: count.facet.word().to_owned(), value: count.value, count: counted(count.count) }
}

fn facets(narrow: &BTreeMap<String, BTreeSet<String>>) -> Result<BTreeMap<Facet, BTreeSet<String>>, Refusal> {
    let known = |word: &String| {
        let refuse = || Refusal::new(Reason::FieldInvalid).with("field", "narrow.facet").with("value", word);
        Facet::of_word(word).ok_or_else(refuse)
    };
    narrow.iter().map(|(word, values)| Ok((known(word)?, values.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::offering::Offering;
    use crate::domain::statement::{Kind, Signed};
    use crate::protocol::explain::fixture::{Town, by_rule, offering};
    use crate::search::entry::Service;

    fn asked(town: &Town, query: &str, for_org: &str, narrow: &[(&str, &str)]) -> pb::SearchOfferingsResponse {
        let narrow = narrow
            .iter()
            .map(|(facet, value)| pb::FacetValues { facet: (*facet).to_owned(), values: vec![(*value).to_owned()] });
        let message = pb::SearchOfferingsRequest {
            query: query.to_owned(),
            for_org: for_org.to_owned(),
            narrow: narrow.collect(),
            ..pb::SearchOfferingsRequest::default()
        };
        Finder::default()
            .find(&View::of(&town.node, town.now), &message.try_into().expect("well-formed"), town.now)
            .expect("an answer")
    }

    fn found(town: &Town, query: &str, for_org: &str) -> Vec<(String, bool)> {
        let name = |entry: pb::OfferingEntry| entry.offering.expect("always set").name;
        let results = asked(town, query, for_org, &[]).results.into_iter();
        results.map(|result| (name(result.entry.expect("always set")), result.covers)).collect()
    }

    #[test]
    fn a_search_says_whether_the_area_is_covered() {
        let town = Town::new(by_rule());
        assert_eq!(found(&town, "wohngeld", "town"), [("wohngeld".to_owned(), true)]);
        assert_eq!(found(&town, "wohngeld", "kitu"), [("wohngeld".to_owned(), false)]);
        assert!(found(&town, "hundesteuer", "").is_empty());
    }

    /// The price is that of who asks, hops included, as in the ranking; without anybody there is none.
    #[test]
    fn a_result_says_what_it_costs_who_asks() {
        let town = Town::new(by_rule());
        let told = |for_org: &str| {
            let result = asked(&town, "wohngeld", for_org, &[]).results.remove(0);
            (result.total_cents, result.way)
        };
        assert_eq!(told(""), (None, String::new()));
        let wish = pb::RankOfferingsRequest { for_org: "town".to_owned(), ..Default::default() };
        let view = View::of(&town.node, town.now);
        let wish = wish.try_into().expect("well-formed");
        let ranked =
            Finder::default().rank(&view, &wish, town.now.date(), Lang::De).expect("ranked").offerings.remove(0);
        assert!(ranked.total_cents.is_some(), "{ranked:?}");
        assert_eq!(told("town"), (ranked.total_cents, ranked.way));
        assert_eq!(told("provider").1, "own");
    }

    #[test]
    fn a_miss_says_what_was_meant_and_everything_can_be_narrowed() {
        let town = Town::new(by_rule());
        let slip = asked(&town, "wohngled", "", &[]);
        assert_eq!((slip.did_you_mean.as_str(), slip.total_size), ("Wohngeld", 1));
        let miss = asked(&town, "xyzzy", "", &[]);
        assert_eq!((miss.total_size, miss.unknown_words), (0, vec!["xyzzy".to_owned()]));
        let all = asked(&town, " \u{201e}\u{201c} && || \" ", "town", &[("covers", "yes")]);
        assert_eq!((all.is_everything, all.total_size), (true, 1));
        let none = asked(&town, "wohngeld", "town", &[("topic", "Steuern & Zoll")]);
        let told: Vec<(String, i32)> = none.facets.into_iter().map(|facet| (facet.value, facet.count)).collect();
        assert_eq!((none.total_size, told), (0, vec![("Bauen & Wohnen".to_owned(), 1)]));
    }

    #[test]
    fn an_offering_is_found_by_the_names_that_a_register_gives_its_services() {
        let town = Town::new(by_rule());
        let view = View::of(&town.node, town.now);
        let service =
            Service { names: vec!["Sprengstofflager".to_owned()], synonyms: vec!["Fischereischein".to_owned()] };
        let services = offering().leika.into_iter().map(|key| (key, service.clone())).collect();
        for (finder, found) in [(Finder::default(), 0), (Finder::knowing(Register { services }), 1)] {
            for query in ["sprengstofflager", "fischereischein"] {
                let message = pb::SearchOfferingsRequest { query: query.to_owned(), ..Default::default() };
                let wanted = message.try_into().expect("well-formed");
                let answer = finder.find(&view, &wanted, town.now).expect("an answer");
                assert_eq!(answer.total_size, found, "{query}");
            }
        }
    }

    /// One index follows the catalogue: a new version takes the place of the one before.
    #[test]
    fn the_index_follows_what_is_on_offer() {
        let (mut town, finder) = (Town::new(by_rule()), Finder::default());
        let count = |town: &Town, query: &str| {
            let message = pb::SearchOfferingsRequest { query: query.to_owned(), ..Default::default() };
            let view = View::of(&town.node, town.now);
            finder.find(&view, &message.try_into().expect("well-formed"), town.now).expect("an answer").total_size
        };
        assert_eq!((count(&town, "wohngeld"), count(&town, "hundesteuer")), (1, 0));
        let next = Offering {
            version: 2,
            title: "Hundesteuer digital".to_owned(),
            description: "Hunde anmelden".to_owned(),
            ..offering()
        };
        let key = Town::statement_key("provider");
        town.publish(&Signed::sign(&Kind::Offering, &next, &[&key])).expect("a good version");
        assert_eq!((count(&town, "mietzuschuss"), count(&town, "hundesteuer")), (0, 1));
    }

    /// A past day is searched as it was: words of later versions find nothing in it, and those of earlier ones do.
    #[test]
    fn a_past_day_is_searched_as_it_was() {
        let (mut town, finder) = (Town::new(by_rule()), Finder::default());
        let first = town.now.date();
        // The witness has its say at the latest by then.
        town.wake(town.now.plus_ms(1_000));
        town.wake("2026-11-25T10:00:00Z".parse().expect("a time"));
        let next = Offering {
            version: 2,
            title: "Hundesteuer digital".to_owned(),
            description: "Hunde anmelden".to_owned(),
            ..offering()
        };
        let key = Town::statement_key("provider");
        town.publish(&Signed::sign(&Kind::Offering, &next, &[&key])).expect("a good version");
        town.wake(town.now.plus_ms(1_000));
        let asked = |query: &str, as_of: &str| {
            let (query, as_of) = (query.to_owned(), as_of.to_owned());
            let message =
                pb::SearchOfferingsRequest { query, as_of, for_org: "town".to_owned(), ..Default::default() };
            let view = View::of(&town.node, town.now);
            finder.find(&view, &message.try_into().expect("well-formed"), town.now)
        };
        let found = |query: &str, day: &str| {
            let answer = asked(query, day).expect("an answer");
            assert_eq!(answer.as_of.map(|past| past.day).unwrap_or_default(), day);
            assert!(day.is_empty() || answer.results.iter().all(|one| one.total_cents.is_none() && one.covers));
            answer.total_size
        };
        for (day, before, after) in [(first.to_string().as_str(), 1, 0), ("2026-11-24", 1, 0), ("2026-11-25", 0, 1)] {
            assert_eq!((found("mietzuschuss", day), found("hundesteuer", day)), (before, after), "{day}");
            assert_eq!(found("", day), 1, "{day}");
        }
        assert_eq!((found("mietzuschuss", ""), found("hundesteuer", "")), (0, 1));
        for (day, reason) in [("2026-11-22", Reason::DayUnknown), ("2026-11-26", Reason::DayAhead)] {
            let refusal = asked("", day).expect_err("no such day");
            assert_eq!((refusal.reason, refusal.field("field")), (reason, Some("as_of")), "{day}");
        }
    }

    #[test]
    fn an_unknown_facet_and_a_foreign_token_are_refused() {
        let town = Town::new(by_rule());
        let narrow = vec![pb::FacetValues { facet: "colour".to_owned(), values: Vec::new() }];
        let message = pb::SearchOfferingsRequest { narrow, ..pb::SearchOfferingsRequest::default() };
        let refused = Finder::default().find(
            &View::of(&town.node, town.now),
            &message.try_into().expect("well-formed"),
            town.now,
        );
        assert_eq!(refused.expect_err("no such facet").reason, Reason::FieldInvalid);
    }
}
