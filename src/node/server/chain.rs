//! `verbund.chain.v1.ChainService`.
use tonic::{Request, Response, Status};

use super::{Desk, answered};
use crate::wire::chain::{Question, answer};
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
            let question = Question::try_from(request.into_inner())?;
            self.ask(move |node, now| answer(node, &question, now.date())).await
        })
        .await
    }
}
