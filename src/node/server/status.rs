//! `verbund.node.v1.NodeService`.
use tonic::{Request, Response, Status};

use super::{Desk, answered};
use crate::domain::id::StatementId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::wire::pb::node::v1 as pb;
use crate::wire::pb::node::v1::node_service_server::NodeService;
use crate::wire::status::lang_of;
use crate::wire::{keys, node, trust};

/// Most statements shown of those whose ids begin alike: whoever sees more types another digit.
const FOUND_MAX: usize = 10;

/// Most that are read for it; what is confidential is read and not shown.
const LOOKED_AT_MAX: usize = 64;

#[tonic::async_trait]
impl NodeService for Desk {
    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let look = self.look(move |view, now| node::status_page(view, &message, env!("CARGO_PKG_VERSION"), now));
        answered(lang_of(&metadata), look).await
    }

    async fn list_peers(
        &self,
        request: Request<pb::ListPeersRequest>,
    ) -> Result<Response<pb::ListPeersResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let look = self.look(move |view, _| node::peers(view, &message));
        answered(lang_of(&metadata), look).await
    }

    async fn get_witnessing(
        &self,
        request: Request<pb::GetWitnessingRequest>,
    ) -> Result<Response<pb::GetWitnessingResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), self.look(move |view, _| node::witnessing(view, &message))).await
    }

    async fn get_keys(&self, request: Request<pb::GetKeysRequest>) -> Result<Response<pb::GetKeysResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let org = keys::asked(&message)?;
            self.look(move |view, _| {
                let book = view.public().key_book(&org, &|origin| view.size(origin))?;
                Ok(keys::answer(&book))
            })
            .await
        })
        .await
    }

    async fn get_trust(
        &self,
        request: Request<pb::GetTrustRequest>,
    ) -> Result<Response<pb::GetTrustResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (mut response, ids) = self.look(move |view, _| trust::answer(view, &message)).await?;
            for id in ids {
                response.statements.extend(self.public(id).await?.as_ref().map(Into::into));
            }
            Ok(response)
        })
        .await
    }

    async fn get_statement(
        &self,
        request: Request<pb::GetStatementRequest>,
    ) -> Result<Response<pb::GetStatementResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let id = node::statement_id(&message)?;
            let unknown = || Refusal::new(Reason::StatementUnknown).with("id", id);
            let signed = self.public(id).await?.ok_or_else(unknown)?;
            Ok(pb::GetStatementResponse { statement: Some((&signed).into()) })
        })
        .await
    }

    async fn find_statements(
        &self,
        request: Request<pb::FindStatementsRequest>,
    ) -> Result<Response<pb::FindStatementsResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let prefix = node::id_prefix(&message)?;
            let beginning = self.look(move |view, _| Ok(view.beginning(&prefix, LOOKED_AT_MAX + 1))).await?;
            let mut found = Vec::new();
            for id in beginning.iter().take(LOOKED_AT_MAX) {
                found.extend(self.public(*id).await?);
            }
            let more = beginning.len() > LOOKED_AT_MAX || found.len() > FOUND_MAX;
            found.truncate(FOUND_MAX);
            Ok(node::found(&found, more))
        })
        .await
    }
}

impl Desk {
    /// A statement that everyone may read.
    async fn public(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        Ok(self.handle.statement(id).await?.filter(|signed| signed.kind().is_public()))
    }
}
