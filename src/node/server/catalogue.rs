//! `verbund.catalogue.v1.CatalogueService`.
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::feeds::Wanted;
use super::{Desk, answered};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::node::listening::Caller;
use crate::protocol::Answer;
use crate::view::View;
use crate::wire::catalogue::{OfferingListing, OfferingSearch, Which, list, offering, offering_mask, search_state};
use crate::wire::feed::OfferingFeed;
use crate::wire::fitting::{DemandListing, RankWish, demand, profile_of};
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
            self.look(move |view, now| list(view, &listing, now)).await
        })
        .await
    }

    async fn get_offering(
        &self,
        request: Request<pb::GetOfferingRequest>,
    ) -> Result<Response<pb::GetOfferingResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let message = request.into_inner();
            let (mask, which) = (offering_mask(&message)?, Which::try_from(message)?);
            let (id, mut response) = self.look(move |view, _| offering(view, &which)).await?;
            if mask.wants("statement") {
                response.statement = self.handle.statement(id).await?.as_ref().map(Into::into);
            }
            Ok(mask.apply(response))
        })
        .await
    }

    type WatchOfferingsStream = ReceiverStream<Result<pb::WatchOfferingsResponse, Status>>;

    async fn watch_offerings(
        &self,
        request: Request<pb::WatchOfferingsRequest>,
    ) -> Result<Response<Self::WatchOfferingsStream>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let feed = OfferingFeed::try_from(&message)?;
            let address = extensions.get::<Arc<Caller>>().map_or(Ipv4Addr::UNSPECIFIED.into(), |from| from.address());
            let place = self.feeds.enter(&address)?;
            self.feed(feed, place, Wanted { resume_token: message.resume_token, until_now: message.until_now }).await
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
            let find = move |view: &View, now: Timestamp| {
                let mut answer = finder.find(view, &wanted, now)?;
                // Before the mask may take away which offerings were found.
                answer.state = wanted.with_state.then(|| search_state(view, &answer.results, now));
                answer.results = answer.results.into_iter().map(|result| wanted.mask.apply(result)).collect();
                Ok(answer)
            };
            self.look(find).await
        })
        .await
    }

    async fn rank_offerings(
        &self,
        request: Request<pb::RankOfferingsRequest>,
    ) -> Result<Response<pb::RankOfferingsResponse>, Status> {
        let lang = lang_of(request.metadata());
        answered(lang, async {
            let wish = RankWish::try_from(request.into_inner())?;
            let finder = Arc::clone(&self.finder);
            self.look(move |view, now| finder.rank(view, &wish, now.date(), lang)).await
        })
        .await
    }

    async fn get_connection_profile(
        &self,
        request: Request<pb::GetConnectionProfileRequest>,
    ) -> Result<Response<pb::GetConnectionProfileResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let message = request.into_inner();
            self.look(move |view, _| profile_of(view, &message)).await
        })
        .await
    }

    async fn list_demand(
        &self,
        request: Request<pb::ListDemandRequest>,
    ) -> Result<Response<pb::ListDemandResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let listing = DemandListing::try_from(request.into_inner())?;
            self.look(move |view, now| Ok(demand(view, &listing, now.date()))).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::law::tests::org;
    use crate::domain::offering::Offering;
    use crate::domain::statement::{Kind, Signed};
    use crate::protocol::explain::fixture::{Town, by_rule, offering as offering_of_town};
    use crate::wire::pb::FieldMask;

    #[test]
    fn a_listing_filters_and_counts() {
        let town = Town::new(by_rule());
        let count = |topic: &str| {
            let message = pb::ListOfferingsRequest { topic: topic.to_owned(), ..Default::default() };
            list(&View::of(&town.node, town.now), &message.try_into().expect("well-formed"), town.now)
                .expect("listed")
                .total_size
        };
        assert_eq!((count(""), count("bauen & wohnen"), count("Steuern")), (1, 1, 0));
    }

    #[test]
    fn offerings_come_as_they_changed_page_by_page_and_with_the_fields_asked_for() {
        let mut town = Town::new(by_rule());
        for (name, version) in [("b", 1), ("a", 1), ("b", 2)] {
            let body = Offering { name: org(name), version, ..offering_of_town() };
            let key = Town::statement_key("provider");
            town.publish(&Signed::sign(&Kind::Offering, &body, &[&key])).expect("a newer version");
        }
        let view = View::of(&town.node, town.now);
        let names = |order_by: &str| {
            let (mut names, mut page_token) = (Vec::new(), String::new());
            loop {
                let message = pb::ListOfferingsRequest {
                    page_size: 2,
                    page_token,
                    order_by: order_by.to_owned(),
                    read_mask: Some(FieldMask { paths: vec!["offering.name".to_owned()] }),
                    ..Default::default()
                };
                let page = list(&view, &message.try_into().expect("its own token"), town.now).expect("listed");
                assert_eq!(page.total_size, 3);
                assert!(page.offerings.iter().all(|entry| entry.id.is_empty()), "not asked for");
                names.extend(page.offerings.into_iter().filter_map(|entry| Some(entry.offering?.name)));
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    return names;
                }
            }
        };
        assert_eq!(names("seller,name"), ["a", "b", "wohngeld"]);
        assert_eq!(names("changed"), ["wohngeld", "a", "b"]);
        assert_eq!(names("changed desc"), ["b", "a", "wohngeld"]);
    }
}
