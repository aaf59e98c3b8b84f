//! `verbund.node.v1.NodeService`.
use tonic::{Request, Response, Status};

use super::{Desk, answered};
use crate::wire::{keys, node};
use crate::wire::pb::node::v1 as pb;
use crate::wire::pb::node::v1::node_service_server::NodeService;
use crate::wire::status::lang_of;

#[tonic::async_trait]
impl NodeService for Desk {
    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let look = self.ask(|asked, now| Ok(node::status(asked, env!("CARGO_PKG_VERSION"), now)));
        answered(lang_of(request.metadata()), look).await
    }

    async fn list_peers(
        &self,
        request: Request<pb::ListPeersRequest>,
    ) -> Result<Response<pb::ListPeersResponse>, Status> {
        let look = self.handle.survey(|asked, contacts, _| node::peers(asked, contacts));
        answered(lang_of(request.metadata()), look).await
    }

    async fn get_witnessing(
        &self,
        request: Request<pb::GetWitnessingRequest>,
    ) -> Result<Response<pb::GetWitnessingResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), self.ask(move |asked, _| node::witnessing(asked, &message))).await
    }

    async fn get_keys(&self, request: Request<pb::GetKeysRequest>) -> Result<Response<pb::GetKeysResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let org = keys::asked(&message)?;
            self.ask(move |asked, _| Ok(keys::answer(&asked.key_book(&org)?))).await
        })
        .await
    }
}
