//! What a client asks of orders: handing in, reading, listing, watching, fetching evidence.
use std::collections::BTreeSet;

use super::{Client, FetchedBundle, Witnesses, pages};
use crate::domain::annex::Enclosed;
use crate::domain::body::Body;
use crate::domain::id::OrderId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::wire::pb::order;
use crate::wire::status::to_refusal;

impl Client {
    /// Hands in what an officer signed about an order.
    pub async fn hand_in(&mut self, request_id: &str, said: impl Into<Enclosed>) -> Result<OrderId, Refusal> {
        use order::v1 as pb;
        let enclosed = said.into();
        let signed = &enclosed.signed;
        Body::read(signed)?;
        let statement = Some((&enclosed).into());
        let mut client = self.orders();
        let order_id = match signed.kind() {
            Kind::Request => {
                let request = pb::SubmitOrderRequest { request_id: request_id.to_owned(), statement };
                client.submit_order(request).await.map(|answer| answer.into_inner().order_id)
            }
            Kind::Decision => {
                let request = pb::DecideOrderRequest { statement };
                client.decide_order(request).await.map(|answer| answer.into_inner().order_id)
            }
            Kind::Seal => {
                client.seal_order(pb::SealOrderRequest { statement }).await.map(|answer| answer.into_inner().order_id)
            }
            Kind::Recall => {
                let request = pb::RecallOrderRequest { statement };
                client.recall_order(request).await.map(|answer| answer.into_inner().order_id)
            }
            Kind::Confirm => {
                let request = pb::ConfirmOrderRequest { statement };
                client.confirm_order(request).await.map(|answer| answer.into_inner().order_id)
            }
            Kind::Settlement => {
                let request = pb::SettleOrderRequest { statement };
                client.settle_order(request).await.map(|answer| answer.into_inner().order_id)
            }
            Kind::Erasure => client
                .erase_annex(pb::EraseAnnexRequest { statement })
                .await
                .map(|answer| answer.into_inner().order_id),
            Kind::Milestone => {
                let request = pb::ReportMilestoneRequest { statement };
                client.report_milestone(request).await.map(|answer| answer.into_inner().order_id)
            }
            _ => {
                let request = pb::CancelOrderRequest { statement };
                client.cancel_order(request).await.map(|answer| answer.into_inner().order_id)
            }
        };
        let lost = |refusal: Refusal| match refusal.reason {
            // The request may have been taken before the answer was lost.
            Reason::Unreachable | Reason::DeadlineExceeded => {
                let unknown = Refusal::new(Reason::OutcomeUnknown).with("statement", signed.id());
                let unknown = if request_id.is_empty() { unknown } else { unknown.with("request_id", request_id) };
                unknown.with("problem", refusal)
            }
            _ => refusal,
        };
        order_id.map_err(|status| lost(to_refusal(&status)))?.parse()
    }

    /// One order.
    pub async fn order(&mut self, id: OrderId) -> Result<order::v1::Order, Refusal> {
        let request = order::v1::GetOrderRequest { order_id: id.to_string(), read_mask: None };
        let request = self.confidential(request).await?;
        let answer = self.orders().get_order(request).await.map_err(|status| to_refusal(&status))?;
        answer.into_inner().order.ok_or_else(|| Refusal::new(Reason::FrameInvalid).with("field", "order"))
    }

    /// Needs that an offering serves and an organisation may order for; empty for all.
    pub async fn needs(&mut self, offering: &str, through: &str) -> Result<Vec<order::v1::Need>, Refusal> {
        pages(async |page_token| {
            let (offering_id, through) = (offering.to_owned(), through.to_owned());
            let request = order::v1::ListNeedsRequest { offering_id, through, page_token, ..Default::default() };
            let answer = self.orders().list_needs(request).await.map_err(|status| to_refusal(&status))?;
            let page = answer.into_inner();
            Ok((page.needs, page.next_page_token))
        })
        .await
    }

    /// The organisation's own parts of orders for several.
    pub async fn call_offs(&mut self) -> Result<Vec<order::v1::CallOff>, Refusal> {
        pages(async |page_token| {
            let request = order::v1::ListCallOffsRequest { page_token, ..Default::default() };
            let call = self.confidential(request).await?;
            let page = self.orders().list_call_offs(call).await.map_err(|status| to_refusal(&status))?.into_inner();
            Ok((page.call_offs, page.next_page_token))
        })
        .await
    }

    /// Hands in a mandate; gives its id.
    pub async fn give_mandate(&mut self, signed: &Signed) -> Result<String, Refusal> {
        Body::read(signed)?;
        let request = order::v1::GiveMandateRequest { statement: Some(signed.into()) };
        let answer = self.orders().give_mandate(request).await.map_err(|status| to_refusal(&status))?;
        Ok(answer.into_inner().statement_id)
    }

    /// What waits for the officer, oldest first.
    pub async fn inbox(&mut self) -> Result<Vec<order::v1::InboxEntry>, Refusal> {
        pages(async |page_token| {
            let request = order::v1::ListInboxRequest { page_token, ..Default::default() };
            let call = self.confidential(request).await?;
            let page = self.orders().list_inbox(call).await.map_err(|status| to_refusal(&status))?.into_inner();
            Ok((page.entries, page.next_page_token))
        })
        .await
    }

    /// Mandates that the organisation has given or received.
    pub async fn mandates(&mut self) -> Result<Vec<order::v1::Mandate>, Refusal> {
        pages(async |page_token| {
            let request = order::v1::ListMandatesRequest { page_token, ..Default::default() };
            let call = self.confidential(request).await?;
            let page = self.orders().list_mandates(call).await.map_err(|status| to_refusal(&status))?.into_inner();
            Ok((page.mandates, page.next_page_token))
        })
        .await
    }

    /// One page of the orders of the officer's organisation.
    pub async fn order_page(
        &mut self,
        request: order::v1::ListOrdersRequest,
    ) -> Result<order::v1::ListOrdersResponse, Refusal> {
        let call = self.confidential(request).await?;
        self.orders().list_orders(call).await.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// All orders of the officer's organisation, what has changed last in front, or those that wait longer than they should.
    pub async fn order_list(&mut self, overdue_only: bool) -> Result<Vec<order::v1::OrderSummary>, Refusal> {
        // Read from the oldest change on: what changes meanwhile comes once more at the end, and nothing is passed over.
        let order_by = if overdue_only { "" } else { "changed" };
        let orders = pages(async |page_token| {
            let order_by = order_by.to_owned();
            let request = order::v1::ListOrdersRequest { overdue_only, order_by, page_token, ..Default::default() };
            let page = self.order_page(request).await?;
            Ok((page.orders, page.next_page_token))
        });
        let mut orders = orders.await?;
        if !overdue_only {
            let mut seen = BTreeSet::new();
            orders.reverse();
            orders.retain(|order| seen.insert(order.id.clone()));
        }
        Ok(orders)
    }

    /// Who has an order, since when, what happens next.
    pub async fn explain(&mut self, id: OrderId) -> Result<order::v1::ExplainOrderResponse, Refusal> {
        let request = order::v1::ExplainOrderRequest { order_id: id.to_string() };
        let request = self.confidential(request).await?;
        let answer = self.orders().explain_order(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// An order as it changes.
    pub async fn watch(&mut self, id: OrderId) -> Result<tonic::Streaming<order::v1::WatchOrderResponse>, Refusal> {
        let request = order::v1::WatchOrderRequest { order_id: id.to_string() };
        let request = self.confidential(request).await?;
        let answer = self.orders().watch_order(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// The orders of the officer's organisation as they change, after a position.
    pub async fn watch_orders(
        &mut self,
        request: order::v1::WatchOrdersRequest,
    ) -> Result<tonic::Streaming<order::v1::WatchOrdersResponse>, Refusal> {
        let request = self.confidential(request).await?;
        let answer = self.orders().watch_orders(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| to_refusal(&status))
    }

    /// The evidence bundle of an order.
    pub async fn evidence(&mut self, id: OrderId) -> Result<FetchedBundle, Refusal> {
        let request = order::v1::GetEvidenceRequest { order_id: id.to_string() };
        let request = self.confidential(request).await?;
        let answer = self.orders().get_evidence(request).await.map_err(|status| to_refusal(&status))?;
        let mut stream = answer.into_inner();
        let mut evidence = FetchedBundle::default();
        while let Some(part) = stream.message().await.map_err(|status| to_refusal(&status))? {
            if evidence.bundle.is_empty() {
                (evidence.statements, evidence.unwitnessed) = (part.statements, part.unwitnessed);
                evidence.witnesses = Witnesses { cosigned: part.cosigned_least, needed: part.witnesses_needed };
            }
            evidence.bundle.extend_from_slice(&part.chunk);
            if evidence.bundle.len() > crate::audit::container::BUNDLE_BYTES_MAX {
                return Err(Refusal::new(Reason::BundleTooLarge).with("bytes", evidence.bundle.len()));
            }
        }
        Ok(evidence)
    }
}
