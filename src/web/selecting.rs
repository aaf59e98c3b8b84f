//! A search that goes into an order's record (*Auswahl festhalten*): it is asked again when the order is filled in, and what is found
//! is weighed for the buyer. Who fills in the form sees what will be signed; nothing is kept in between.
use crate::domain::annex::QUERY_CHARS_MAX;
use crate::domain::frozen_search::{FROZEN_MAX, FoundOffering, FrozenSearch};
use crate::domain::grounds::{Grounds, Why};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::Refusal;
use crate::domain::text::tamed;
use crate::domain::time::Timestamp;
use crate::search::Facet;
use crate::view::View;
use crate::web::desk::Find;
use crate::web::query::Query;
use crate::wire::chain::{RouteQuestion, answer, weighed};
use crate::wire::pb::catalogue::v1 as pb;
use crate::wire::pb::chain::v1::{FindRoutesRequest, find_routes_request};

/// The fields, as they stand in the address; the words and filters of the search as on its own page.
pub(super) const SELECTED: &str = "auswahl";
pub(super) const WORDS: &str = "q";
pub(super) const WHY: &str = "warum";

/// A search to be frozen, and the reasons given, as they stand in the address.
#[derive(Clone)]
pub(super) struct Selecting {
    pub(super) words: String,
    /// Facet and value.
    pub(super) filters: Vec<(&'static str, String)>,
    /// `ID=why`.
    pub(super) whys: Vec<String>,
}

impl Selecting {
    /// What is asked for; none if no selection is.
    pub(super) fn of(query: &Query) -> Option<Self> {
        let filters = Facet::ALL.into_iter().map(Facet::word);
        let filters = filters.flat_map(|word| query.all(word).map(move |value| (word, value.to_owned())));
        (!query.first(SELECTED).is_empty()).then(|| Self {
            words: tamed(query.first(WORDS), QUERY_CHARS_MAX),
            filters: filters.collect(),
            whys: query.all(WHY).map(str::to_owned).collect(),
        })
    }

    /// As it stands in the address.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let filters = self.filters.iter().map(|(facet, value)| (*facet, value.as_str()));
        let whys = self.whys.iter().map(|why| (WHY, why.as_str()));
        [(SELECTED, "1"), (WORDS, self.words.as_str())].into_iter().chain(filters).chain(whys)
    }

    /// The reason given for an offering.
    pub(super) fn why(&self, found: &FoundOffering) -> Option<Why> {
        let id = found.offering.to_string();
        let said = self.whys.iter().filter_map(|said| said.split_once('=')).find(|(of, _)| *of == id)?.1;
        Why::of_word(said)
    }

    /// What is found now, weighed for the buyer.
    pub(super) fn frozen(
        &self,
        view: &View,
        find: &dyn Find,
        org: &OrgId,
        now: Timestamp,
    ) -> Result<FrozenSearch, Refusal> {
        let narrow = self
            .filters
            .iter()
            .map(|(facet, value)| pb::FacetValues { facet: (*facet).to_owned(), values: vec![value.clone()] });
        let wanted = pb::SearchOfferingsRequest {
            query: self.words.clone(),
            for_org: org.to_string(),
            page_size: i32::try_from(FROZEN_MAX).unwrap_or(i32::MAX),
            narrow: narrow.collect(),
            ..Default::default()
        };
        let (found, _) = find.find(view, &wanted.try_into()?, now, FROZEN_MAX)?;
        let ids: Vec<StatementId> = found.hits.iter().map(|hit| hit.id).collect();
        let offerings = ids.iter().filter_map(|id| weigh(view, *id, org, now).transpose());
        Ok(FrozenSearch {
            for_org: org.clone(),
            query: self.words.clone(),
            node: view.settings().origin.node.clone(),
            frozen_at: now,
            filters: self.filters.iter().map(|(facet, value)| format!("{facet}={value}")).collect(),
            found: u32::try_from(found.total).unwrap_or(u32::MAX),
            known: view.known_behind(&ids),
            offerings: offerings.collect::<Result<_, _>>()?,
        })
    }

    /// What a request says of it, once an offering is chosen.
    pub(super) fn grounds(&self, frozen: &FrozenSearch, chosen: &StatementId) -> Result<Grounds, Refusal> {
        let (selection, alternatives) = frozen.choose(&frozen.for_org, chosen, |found| self.why(found))?;
        Ok(Grounds { searched: true, alternatives, selection: Some(selection), ..Grounds::default() })
    }
}

/// An offering with what stands against it and what it costs along its best route; none if it is here no more.
fn weigh(view: &View, id: StatementId, org: &OrgId, now: Timestamp) -> Result<Option<FoundOffering>, Refusal> {
    let Some(offering) = view.public().catalogue.version(&id) else { return Ok(None) };
    let question = FindRoutesRequest {
        for_org: org.to_string(),
        offering: Some(find_routes_request::Offering::OfferingId(id.to_string())),
        ..Default::default()
    };
    let found = answer(view.public(), &RouteQuestion::try_from(question)?, now.date());
    let (against, total) = weighed(found)?;
    let (seller, name, title) = (offering.seller.clone(), offering.name.clone(), offering.title.clone());
    Ok(Some(FoundOffering { offering: id, seller, name, title, against, total }))
}
