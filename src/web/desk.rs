//! Where pages come from: what a node lets them ask.
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio::sync::oneshot;

use crate::domain::id::StatementId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::time::{Date, Timestamp};
use crate::search::Found;
use crate::view::View;
use crate::web::shell::Visit;
use crate::web::site::Site;
use crate::wire::catalogue::OfferingSearch;

/// What a node answers later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// A question to what is committed.
pub type Look = Box<dyn FnOnce(&View, &dyn Find, Timestamp) + Send>;

/// A node, without its ways to write.
pub trait Source: Send + Sync {
    /// Asks a question of what was committed last, beside the node's loop; refused if the node is stopping.
    fn look(&self, look: Look) -> Later<'_, ()>;

    /// A statement that everyone may read.
    fn statement(&self, id: StatementId) -> Later<'_, Option<Signed>>;
}

/// Finds offerings by words.
pub trait Find {
    /// The `limit` results after the page before, and how many offerings the index has no room for.
    fn find(
        &self,
        view: &View,
        wanted: &OfferingSearch,
        today: Date,
        limit: usize,
    ) -> Result<(Found, usize), Refusal>;
}

/// What every page is made from.
#[derive(Clone)]
pub(super) struct Desk {
    source: Arc<dyn Source>,
    pub(super) site: Arc<Site>,
}

impl Desk {
    pub(super) fn new(source: Arc<dyn Source>, site: Arc<Site>) -> Self {
        Self { source, site }
    }

    /// Asks what is committed.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&View, &dyn Find, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (sender, answer) = oneshot::channel();
        // Whoever asked may have hung up.
        let look: Look = Box::new(move |view, find, now| _ = sender.send(question(view, find, now)));
        self.source.look(look).await?;
        answer.await.map_err(|_| Refusal::new(Reason::Bug).with("problem", "a question was not answered"))?
    }

    /// A statement that everyone may read.
    pub(super) async fn statement(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        self.source.statement(id).await
    }
}

impl FromRequestParts<Desk> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&desk.site, &parts.uri, &parts.headers))
    }
}
