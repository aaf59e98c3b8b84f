//! `verbund.order.v1.OrderService`.
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::feeds::{TIME_UP, WATCH_MAX, Wanted};
use super::{Desk, answered, until_stopped};
use crate::domain::annex::Enclosed;
use crate::domain::id::{OrderId, OrgId};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::statement::Kind;
use crate::protocol::Answer;
use crate::wire::access;
use crate::wire::feed::OrderFeed;
use crate::wire::inbox::{InboxListing, inbox};
use crate::wire::mandates::{MandateListing, mandates};
use crate::wire::order::{
    CallOffListing, NeedListing, OrderListing, annexes_of, annexes_seen, call_offs, evidence_seen, explain, in_words,
    list, needs, order, order_mask, submission,
};
use crate::wire::pb::catalogue::v1::{FeedEnd, FeedVerdict};
use crate::wire::pb::order::v1 as pb;
use crate::wire::pb::order::v1::order_service_server::OrderService;
use crate::wire::statement::{enclosed_as, signed_as};
use crate::wire::status::{lang_of, to_status};

/// Changes waiting for a slow reader; beyond it the watch waits, and then sends the newest state.
const WATCH_QUEUE: usize = 4;

/// Bytes of a bundle in one message.
const CHUNK_BYTES: usize = 64 * 1024;

#[tonic::async_trait]
impl OrderService for Desk {
    async fn submit_order(
        &self,
        request: Request<pb::SubmitOrderRequest>,
    ) -> Result<Response<pb::SubmitOrderResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let order_id = self.hand_in(submission(request.into_inner())?).await?;
            Ok(pb::SubmitOrderResponse { order_id })
        })
        .await
    }

    async fn decide_order(
        &self,
        request: Request<pb::DecideOrderRequest>,
    ) -> Result<Response<pb::DecideOrderResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::DecideOrderRequest { statement } = request.into_inner();
            let order_id = self.hand_in(enclosed_as(&Kind::Decision, statement)?).await?;
            Ok(pb::DecideOrderResponse { order_id })
        })
        .await
    }

    async fn seal_order(
        &self,
        request: Request<pb::SealOrderRequest>,
    ) -> Result<Response<pb::SealOrderResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::SealOrderRequest { statement } = request.into_inner();
            let order_id = self.hand_in(enclosed_as(&Kind::Seal, statement)?).await?;
            Ok(pb::SealOrderResponse { order_id })
        })
        .await
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::CancelOrderRequest { statement } = request.into_inner();
            let order_id = self.hand_in(enclosed_as(&Kind::Void, statement)?).await?;
            Ok(pb::CancelOrderResponse { order_id })
        })
        .await
    }

    async fn recall_order(
        &self,
        request: Request<pb::RecallOrderRequest>,
    ) -> Result<Response<pb::RecallOrderResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::RecallOrderRequest { statement } = request.into_inner();
            let order_id = self.hand_in(enclosed_as(&Kind::Recall, statement)?).await?;
            Ok(pb::RecallOrderResponse { order_id })
        })
        .await
    }

    async fn confirm_order(
        &self,
        request: Request<pb::ConfirmOrderRequest>,
    ) -> Result<Response<pb::ConfirmOrderResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::ConfirmOrderRequest { statement } = request.into_inner();
            let order_id = self.hand_in(enclosed_as(&Kind::Confirm, statement)?).await?;
            Ok(pb::ConfirmOrderResponse { order_id })
        })
        .await
    }

    async fn settle_order(
        &self,
        request: Request<pb::SettleOrderRequest>,
    ) -> Result<Response<pb::SettleOrderResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::SettleOrderRequest { statement } = request.into_inner();
            let order_id = self.hand_in(enclosed_as(&Kind::Settlement, statement)?).await?;
            Ok(pb::SettleOrderResponse { order_id })
        })
        .await
    }

    async fn erase_annex(
        &self,
        request: Request<pb::EraseAnnexRequest>,
    ) -> Result<Response<pb::EraseAnnexResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::EraseAnnexRequest { statement } = request.into_inner();
            let order_id = self.hand_in(enclosed_as(&Kind::Erasure, statement)?).await?;
            Ok(pb::EraseAnnexResponse { order_id })
        })
        .await
    }

    async fn report_milestone(
        &self,
        request: Request<pb::ReportMilestoneRequest>,
    ) -> Result<Response<pb::ReportMilestoneResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::ReportMilestoneRequest { statement } = request.into_inner();
            let order_id = self.hand_in(enclosed_as(&Kind::Milestone, statement)?).await?;
            Ok(pb::ReportMilestoneResponse { order_id })
        })
        .await
    }

    async fn list_call_offs(
        &self,
        request: Request<pb::ListCallOffsRequest>,
    ) -> Result<Response<pb::ListCallOffsResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (proof, listing) = (access::read(&metadata)?, CallOffListing::try_from(message)?);
            self.ask(move |node, now| {
                Ok(call_offs(node, &node.state().public().check_reader(&proof, now)?, &listing))
            })
            .await
        })
        .await
    }

    async fn give_mandate(
        &self,
        request: Request<pb::GiveMandateRequest>,
    ) -> Result<Response<pb::GiveMandateResponse>, Status> {
        answered(lang_of(request.metadata()), async {
            let pb::GiveMandateRequest { statement } = request.into_inner();
            let signed = signed_as(&Kind::Mandate, statement)?;
            let statement_id = signed.id().to_string();
            self.hand_in(signed.into()).await?;
            Ok(pb::GiveMandateResponse { statement_id })
        })
        .await
    }

    async fn list_mandates(
        &self,
        request: Request<pb::ListMandatesRequest>,
    ) -> Result<Response<pb::ListMandatesResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (proof, listing) = (access::read(&metadata)?, MandateListing::try_from(message)?);
            self.ask(move |node, now| Ok(mandates(node, &node.state().public().check_reader(&proof, now)?, &listing)))
                .await
        })
        .await
    }

    async fn list_inbox(
        &self,
        request: Request<pb::ListInboxRequest>,
    ) -> Result<Response<pb::ListInboxResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (proof, listing) = (access::read(&metadata)?, InboxListing::try_from(message)?);
            self.ask(move |node, now| {
                let org = node.state().public().check_reader(&proof, now)?;
                Ok(inbox(node, org, &proof, &listing, now))
            })
            .await
        })
        .await
    }

    async fn list_needs(
        &self,
        request: Request<pb::ListNeedsRequest>,
    ) -> Result<Response<pb::ListNeedsResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let listing = NeedListing::try_from(message)?;
            let mut page = self.look(move |view, _| needs(view.public(), &listing)).await?;
            for need in &mut page.needs {
                let id = need.statement_id.parse()?;
                if let Some(signed) = self.handle.statement(id).await? {
                    *need = in_words(std::mem::take(need), &signed);
                }
            }
            Ok(page)
        })
        .await
    }

    async fn get_order(
        &self,
        request: Request<pb::GetOrderRequest>,
    ) -> Result<Response<pb::GetOrderResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (mask, with_words) = order_mask(&message)?;
            let mut view = self.ask_as_party(&metadata, &message.order_id, order).await?;
            if with_words {
                self.join_annexes(&mut view).await?;
            }
            Ok(pb::GetOrderResponse { order: Some(mask.apply(view)) })
        })
        .await
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (proof, listing) = (access::read(&metadata)?, OrderListing::try_from(message)?);
            self.look(move |view, now| Ok(list(view, &view.public().check_reader(&proof, now)?, &listing, now))).await
        })
        .await
    }

    type WatchOrderStream = ReceiverStream<Result<pb::WatchOrderResponse, Status>>;

    async fn watch_order(
        &self,
        request: Request<pb::WatchOrderRequest>,
    ) -> Result<Response<Self::WatchOrderStream>, Status> {
        let (metadata, _, pb::WatchOrderRequest { order_id }) = request.into_parts();
        answered(lang_of(&metadata), self.watch(&metadata, &order_id)).await
    }

    type WatchOrdersStream = ReceiverStream<Result<pb::WatchOrdersResponse, Status>>;

    async fn watch_orders(
        &self,
        request: Request<pb::WatchOrdersRequest>,
    ) -> Result<Response<Self::WatchOrdersStream>, Status> {
        let (metadata, _, pb::WatchOrdersRequest { resume_token, until_now }) = request.into_parts();
        answered(lang_of(&metadata), async {
            let proof = access::read(&metadata)?;
            let org = self.look(move |view, now| view.public().check_reader(&proof, now)).await?;
            let place = self.watches.enter(&org)?;
            self.feed(OrderFeed { org }, place, Wanted { resume_token, until_now }).await
        })
        .await
    }

    async fn explain_order(
        &self,
        request: Request<pb::ExplainOrderRequest>,
    ) -> Result<Response<pb::ExplainOrderResponse>, Status> {
        let (metadata, _, pb::ExplainOrderRequest { order_id }) = request.into_parts();
        answered(lang_of(&metadata), self.ask_as_party(&metadata, &order_id, explain)).await
    }

    type GetEvidenceStream = tokio_stream::Iter<std::vec::IntoIter<Result<pb::GetEvidenceResponse, Status>>>;

    async fn get_evidence(
        &self,
        request: Request<pb::GetEvidenceRequest>,
    ) -> Result<Response<Self::GetEvidenceStream>, Status> {
        let (metadata, _, pb::GetEvidenceRequest { order_id }) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (proof, id) = (access::read(&metadata)?, crate::wire::order::order_id(&order_id)?);
            // Before the bundle is made: what it holds is witnessed no less.
            let looked = self.ask_about(id, move |node, now| {
                let org = node.check_concerned(&node.state().public().check_reader(&proof, now)?, id, now)?;
                let seen = node.witnessing_of(&node.evidence_for(id, &org)?);
                Ok((org, seen))
            });
            let (org, seen) = looked.await?;
            let zip = (self.bundle)(self.handle.clone(), id, org).await?;
            let mut messages = chunks(id, &zip);
            if let Some(first) = messages.first_mut() {
                evidence_seen(first, &seen);
            }
            Ok(tokio_stream::iter(messages.into_iter().map(Ok).collect::<Vec<_>>()))
        })
        .await
    }
}

impl Desk {
    /// Hands in what an officer signed.
    async fn hand_in(&self, enclosed: Enclosed) -> Result<String, Refusal> {
        match self.handle.officer(enclosed).await? {
            Answer::Order(order) => Ok(order.to_string()),
            other => Err(Refusal::new(Reason::Bug).with("answer", format!("{other:?}"))),
        }
    }

    /// Puts the words of the annexes that are here beside the messages that name them.
    async fn join_annexes(&self, order: &mut pb::Order) -> Result<(), Refusal> {
        let mut here = Vec::new();
        for id in annexes_of(order)? {
            here.extend(self.handle.annex(id).await?);
        }
        annexes_seen(order, &here);
        Ok(())
    }

    async fn watch(
        &self,
        metadata: &MetadataMap,
        order_id: &str,
    ) -> Result<ReceiverStream<Result<pb::WatchOrderResponse, Status>>, Refusal> {
        // Listen first, look then: what changes in between is seen twice rather than never.
        let changes = self.handle.changes();
        let (id, org, view) = self
            .ask_as_party(metadata, order_id, |node, id, org, now| Ok((id, org.clone(), order(node, id, org, now)?)))
            .await?;
        let mut view = view;
        self.join_annexes(&mut view).await?;
        let place = self.watches.enter(&org)?;
        let (sender, receiver) = mpsc::channel(WATCH_QUEUE);
        let watch = Watch { desk: self.clone(), id, org, lang: lang_of(metadata), sender };
        tokio::spawn(async move {
            let _place = place;
            let (leaving, stopped) = (watch.sender.clone(), watch.desk.stopped.clone());
            let lang = watch.lang;
            tokio::select! {
                // Ends when the reader leaves or the time is up; it may ask again.
                () = watch.run(view, changes) => {}
                refusal = until_stopped(stopped) => {
                    let _ = leaving.send(Err(to_status(&refusal, lang))).await;
                }
            }
        });
        Ok(ReceiverStream::new(receiver))
    }
}

/// One order being watched.
struct Watch {
    desk: Desk,
    id: OrderId,
    org: OrgId,
    lang: Lang,
    sender: mpsc::Sender<Result<pb::WatchOrderResponse, Status>>,
}

impl Watch {
    async fn run(self, mut last: pb::Order, mut changes: tokio::sync::broadcast::Receiver<OrderId>) {
        let time_up = tokio::time::sleep(WATCH_MAX);
        tokio::pin!(time_up);
        if self.send(Ok(last.clone())).await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                () = self.sender.closed() => return,
                () = &mut time_up => {
                    let end = FeedEnd { verdict: FeedVerdict::Resume.into(), reason: TIME_UP.to_owned() };
                    let message = pb::WatchOrderResponse { order: Some(last), end: Some(end) };
                    // Who reads nothing any more has gone.
                    let _ = self.sender.try_send(Ok(message));
                    return;
                }
                change = changes.recv() => match change {
                    Ok(id) if id != self.id => continue,
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
            let (id, org) = (self.id, self.org.clone());
            let mut view = self.desk.ask_about(id, move |node, now| order(node, id, &org, now)).await;
            if let Ok(order) = &mut view
                && let Err(refusal) = self.desk.join_annexes(order).await
            {
                view = Err(refusal);
            }
            let failed = view.is_err();
            if let Ok(view) = &view {
                if *view == last {
                    continue;
                }
                last = view.clone();
            }
            if self.send(view).await.is_err() || failed {
                return;
            }
        }
    }

    async fn send(&self, view: Result<pb::Order, Refusal>) -> Result<(), Refusal> {
        let message = view
            .map(|order| pb::WatchOrderResponse { order: Some(order), end: None })
            .map_err(|refusal| to_status(&refusal, self.lang));
        self.sender.send(message).await.map_err(|_| Refusal::new(Reason::Unreachable))
    }
}

/// A file in messages; name and size stand in the first.
fn chunks(order: OrderId, file: &[u8]) -> Vec<pb::GetEvidenceResponse> {
    let mut messages: Vec<pb::GetEvidenceResponse> = file
        .chunks(CHUNK_BYTES)
        .map(|chunk| pb::GetEvidenceResponse { chunk: chunk.to_vec(), ..Default::default() })
        .collect();
    if let Some(first) = messages.first_mut() {
        first.file_name = format!("pruefpaket-{order}.zip");
        first.size_bytes = file.len() as u64;
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_survives_its_chunks() {
        for length in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let file: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).expect("small")).collect();
            let messages = chunks(OrderId([1; 16]), &file);
            assert_eq!(messages.iter().flat_map(|message| message.chunk.clone()).collect::<Vec<_>>(), file);
            assert!(messages.iter().skip(1).all(|message| message.file_name.is_empty()));
            assert!(messages.first().is_none_or(|first| first.size_bytes == length as u64));
        }
    }
}
