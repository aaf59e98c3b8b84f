//! `verbund.chain.v1.ChainService`.
use tonic::{Request, Response, Status};

use super::{Desk, answered};
use crate::wire::access;
use crate::wire::chain::{AffectedQuestion, LegQuestion, RouteQuestion, answer, explain, list_affected};
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
            self.ask(move |node, now| {
                let org = node.state().public().check_reader(&proof, now)?;
                Ok(list_affected(node, &org, &question, now.date()))
            })
            .await
        })
        .await
    }
}
