//! `verbund.catalogue.v1.CatalogueService`.
use std::cmp::Reverse;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{Desk, answered};
use crate::domain::id::OrgId;
use crate::domain::offering::Offering;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::node::server::finder::Finder;
use crate::protocol::Answer;
use crate::search::Hit;
use crate::view::View;
use crate::wire::catalogue::{OfferingListing, OfferingSearch, Which, entry, list, offering};
use crate::wire::page::encoded_bytes;
use crate::wire::pb::catalogue::v1 as pb;
use crate::wire::pb::catalogue::v1::catalogue_service_server::CatalogueService;
use crate::wire::price::{self, PriceQuestion};
use crate::wire::statement::signed;
use crate::wire::status::lang_of;

#[tonic::async_trait]
impl CatalogueService for Desk {
    async fn list_offerings(
        &self,
        request: Request<pb::ListOfferingsRequest>,
    ) -> Result<Response<pb::ListOfferingsResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let listing = OfferingListing::try_from(request.into_inner())?;
            self.look(move |view, _| Ok(list(view, &listing))).await
        })
        .await
    }

    async fn get_offering(
        &self,
        request: Request<pb::GetOfferingRequest>,
    ) -> Result<Response<pb::GetOfferingResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let which = Which::try_from(request.into_inner())?;
            let (id, mut response) = self.look(move |view, _| offering(view, &which)).await?;
            response.statement = self.handle.statement(id).await?.as_ref().map(Into::into);
            Ok(response)
        })
        .await
    }

    async fn search_offerings(
        &self,
        request: Request<pb::SearchOfferingsRequest>,
    ) -> Result<Response<pb::SearchOfferingsResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let wanted = OfferingSearch::try_from(request.into_inner())?;
            let finder = Arc::clone(&self.finder);
            self.look(move |view, _| search(view, &finder, &wanted)).await
        })
        .await
    }

    async fn preview_price(
        &self,
        request: Request<pb::PreviewPriceRequest>,
    ) -> Result<Response<pb::PreviewPriceResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let wanted = PriceQuestion::try_from(request.into_inner())?;
            self.look(move |view, _| price::answer(view.public(), &wanted)).await
        })
        .await
    }

    async fn publish(&self, request: Request<pb::PublishRequest>) -> Result<Response<pb::PublishResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::PublishRequest { statement } = request.into_inner();
            let log_origin = self.handle.log().to_string();
            match self.handle.publish(signed(statement)?).await? {
                Answer::Published { id, index } => {
                    Ok(pb::PublishResponse { statement_id: id.to_string(), log_origin, log_index: index })
                }
                other => Err(Refusal::new(Reason::Bug).with("answer", format!("{other:?}"))),
            }
        })
        .await
    }
}

/// One hit with what it is ranked by.
struct Found<'a> {
    hit: Hit,
    offering: &'a Offering,
    covers: bool,
}

impl Found<'_> {
    /// What covers the area first, then the best score; seller and name make it different for each.
    fn rank(&self) -> (bool, Reverse<u32>, &OrgId, &OrgId) {
        (!self.covers, Reverse(self.hit.score), &self.offering.seller, &self.offering.name)
    }

    fn key(&self) -> String {
        let (elsewhere, Reverse(score), seller, name) = self.rank();
        format!("{}{:08x}{seller} {name}", u8::from(elsewhere), u32::MAX - score)
    }
}

fn search(view: &View, finder: &Finder, wanted: &OfferingSearch) -> Result<pb::SearchOfferingsResponse, Refusal> {
    let public = view.public();
    let area: Option<Area> = match &wanted.for_org {
        Some(org) => {
            let home = public.registry.home(org)?;
            home.orgs().get(org).and_then(|standing| standing.admission.area.clone())
        }
        None => None,
    };
    let found = finder.find(view, &wanted.query).into_iter().filter_map(|hit| {
        let offering = public.catalogue.version(&hit.id)?;
        Some(Found { hit, offering, covers: area.as_ref().is_some_and(|area| offering.covers(area)) })
    });
    let mut found: Vec<Found<'_>> = found.collect();
    let total_size = i32::try_from(found.len()).unwrap_or(i32::MAX);
    if let Some(after) = wanted.page.after() {
        found.retain(|one| one.key().as_str() > after);
    }
    // Only what may be shown is put in order, and one more, which tells whether there is another page.
    let shown = wanted.page.size() + 1;
    if found.len() > shown {
        found.select_nth_unstable_by(shown, |a, b| a.rank().cmp(&b.rank()));
        found.truncate(shown);
    }
    found.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let bytes = |one: &Found<'_>| encoded_bytes(&entry(view, &one.hit.id, one.offering));
    let (found, next_page_token) = wanted.page.begin(found, Found::key, bytes);
    let results = found.into_iter().map(|Found { hit, offering, covers }| pb::SearchResult {
        entry: Some(entry(view, &hit.id, offering)),
        score: hit.score,
        covers,
    });
    Ok(pb::SearchOfferingsResponse { results: results.collect(), next_page_token, total_size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::explain::fixture::{Town, by_rule};

    fn found(town: &Town, query: &str, for_org: &str) -> Vec<(String, u32, bool)> {
        let message = pb::SearchOfferingsRequest {
            query: query.to_owned(),
            for_org: for_org.to_owned(),
            ..pb::SearchOfferingsRequest::default()
        };
        let response =
            search(&View::of(&town.node, town.now), &Finder::default(), &message.try_into().expect("well-formed"))
                .expect("an answer");
        let name = |entry: pb::OfferingEntry| entry.offering.expect("always set").name;
        let results = response.results.into_iter();
        results.map(|result| (name(result.entry.expect("always set")), result.score, result.covers)).collect()
    }

    #[test]
    fn a_search_says_whether_the_area_is_covered() {
        let town = Town::new(by_rule());
        assert_eq!(found(&town, "wohngeld", "town"), [("wohngeld".to_owned(), 8, true)]);
        assert_eq!(found(&town, "wohngeld", "kitu"), [("wohngeld".to_owned(), 8, false)]);
        assert!(found(&town, "hundesteuer", "").is_empty());
    }

    #[test]
    fn a_listing_filters_and_counts() {
        let town = Town::new(by_rule());
        let count = |topic: &str| {
            let message = pb::ListOfferingsRequest { topic: topic.to_owned(), ..Default::default() };
            list(&View::of(&town.node, town.now), &message.try_into().expect("well-formed")).total_size
        };
        assert_eq!((count(""), count("bauen & wohnen"), count("Steuern")), (1, 1, 0));
    }
}
