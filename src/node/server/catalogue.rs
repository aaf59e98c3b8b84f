//! `verbund.catalogue.v1.CatalogueService`.
use tonic::{Request, Response, Status};

use super::{Desk, answered};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::protocol::catalogue::OfferingVersion;
use crate::protocol::state::State;
use crate::protocol::{Answer, Node};
use crate::search::{Filter, Hit, Index};
use crate::wire::catalogue::{OfferingListing, OfferingSearch, Which, entry, offering};
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
            self.ask(move |node, _| Ok(list(node.state(), listing))).await
        })
        .await
    }

    async fn get_offering(
        &self,
        request: Request<pb::GetOfferingRequest>,
    ) -> Result<Response<pb::GetOfferingResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let which = Which::try_from(request.into_inner())?;
            let (id, mut response) = self.ask(move |node, _| offering(node.state(), &which)).await?;
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
            self.ask(move |node, _| search(node, &wanted)).await
        })
        .await
    }

    async fn preview_price(
        &self,
        request: Request<pb::PreviewPriceRequest>,
    ) -> Result<Response<pb::PreviewPriceResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let wanted = PriceQuestion::try_from(request.into_inner())?;
            self.ask(move |node, _| price::answer(node, &wanted)).await
        })
        .await
    }

    async fn publish(&self, request: Request<pb::PublishRequest>) -> Result<Response<pb::PublishResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::PublishRequest { statement } = request.into_inner();
            let log_origin = self.ask(|node, _| Ok(node.settings().origin.to_string())).await?;
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

/// Orders offerings by seller and name: a space sorts before everything a name is made of.
fn key(row: &OfferingVersion) -> String {
    format!("{} {}", row.offering.seller, row.offering.name)
}

fn list(state: &State, listing: OfferingListing) -> pb::ListOfferingsResponse {
    let OfferingListing { topic, land, seller, area, page } = listing;
    let filter = Filter { topic, land, seller, area };
    let rows = state.catalogue.on_offer().filter(|row| filter.admits(&row.offering));
    let shown = |row: &&OfferingVersion| entry(state, &row.id, &row.offering);
    let cut = page.cut(rows, |row| key(row), |row| encoded_bytes(&shown(row)));
    let offerings = cut.items.iter().map(shown).collect();
    pb::ListOfferingsResponse { offerings, next_page_token: cut.next, total_size: cut.total }
}

fn search(node: &Node, wanted: &OfferingSearch) -> Result<pb::SearchOfferingsResponse, Refusal> {
    let state = node.state();
    let area: Option<Area> = match &wanted.for_org {
        Some(org) => {
            let home = state.registry.home(org)?;
            home.orgs().get(org).and_then(|standing| standing.admission.area.clone())
        }
        None => None,
    };
    let index = Index::new(state.catalogue.on_offer().map(|row| (row.id, &row.offering)));
    let hits = index.find(&wanted.query).into_iter();
    let found = hits.filter_map(|hit| Some((hit, state.catalogue.version(&hit.id)?)));
    let covered = found.map(|(hit, found)| (hit, found, area.as_ref().is_some_and(|area| found.covers(area))));
    // What covers the area first, then the best score; the rest makes the key different for each.
    let rank = |(hit, found, covers): &(Hit, &crate::domain::offering::Offering, bool)| {
        format!("{}{:08x}{} {}", u8::from(!covers), u32::MAX - hit.score, found.seller, found.name)
    };
    let bytes = |(hit, found, _): &(Hit, &crate::domain::offering::Offering, bool)| {
        encoded_bytes(&entry(state, &hit.id, found))
    };
    let cut = wanted.page.cut(covered, rank, bytes);
    let results = cut.items.into_iter().map(|(hit, found, covers)| pb::SearchResult {
        entry: Some(entry(state, &hit.id, found)),
        score: hit.score,
        covers,
    });
    Ok(pb::SearchOfferingsResponse { results: results.collect(), next_page_token: cut.next, total_size: cut.total })
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
        let response = search(&town.node, &message.try_into().expect("well-formed")).expect("an answer");
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
            list(town.node.state(), message.try_into().expect("well-formed")).total_size
        };
        assert_eq!((count(""), count("bauen & wohnen"), count("Steuern")), (1, 1, 0));
    }
}
