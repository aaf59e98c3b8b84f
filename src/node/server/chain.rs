//! `verbund.chain.v1.ChainService`.
use tonic::{Request, Response, Status};

use super::{Desk, answered};
use crate::protocol::Node;
use crate::protocol::affected::Affected;
use crate::protocol::state::Order;
use crate::wire::access;
use crate::wire::chain::{
    AffectedQuestion, LegQuestion, RouteQuestion, affected_orders, answer, explain, is_affected, list_affected,
};
use crate::wire::pb::chain::v1 as pb;
use crate::wire::pb::chain::v1::chain_service_server::ChainService;
use crate::wire::status::lang_of;

#[tonic::async_trait]
impl ChainService for Desk {
    async fn find_routes(
        &self,
        request: Request<pb::FindRoutesRequest>,
    ) -> Result<Response<pb::FindRoutesResponse>, Status> {
        let lang = lang_of(request.metadata());
        answered(lang, async {
            let question = RouteQuestion::try_from(request.into_inner())?;
            self.look(move |view, now| answer(view.public(), &question, now.date())).await
        })
        .await
    }

    async fn explain_leg(
        &self,
        request: Request<pb::ExplainLegRequest>,
    ) -> Result<Response<pb::ExplainLegResponse>, Status> {
        let lang = lang_of(request.metadata());
        answered(lang, async {
            let question = LegQuestion::try_from(request.into_inner())?;
            self.look(move |view, now| explain(view.public(), &question, now.date())).await
        })
        .await
    }

    async fn list_affected(
        &self,
        request: Request<pb::ListAffectedRequest>,
    ) -> Result<Response<pb::ListAffectedResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (proof, question) = (access::read(&metadata)?, AffectedQuestion::try_from(message)?);
            let asked = question.clone();
            let open = self.ask(move |node, now| {
                let (org, today) = (node.state().public().check_reader(&proof, now)?, now.date());
                let resting = node.resting_contracts(&org, asked.day(today));
                Ok((list_affected(node, &org, &asked, today), resting, org, today))
            });
            let (open, resting, org, today) = open.await?;
            let each = move |node: &Node, id, known: &Order, mut found: Vec<Affected>| {
                found.extend(is_affected(node, (id, known), &org, &question, today));
                Ok((found, false))
            };
            Ok(affected_orders(self.handle.through_resting(resting, open, each).await?))
        })
        .await
    }
}
