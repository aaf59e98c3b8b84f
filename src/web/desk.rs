//! Where pages come from: what a node lets them ask.
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use tokio::sync::oneshot;

use crate::domain::annex::{Annex, Enclosed};
use crate::domain::id::{Hash, OrderId, OrgId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::protocol::{Answer, Node};
use crate::search::Found;
use crate::view::View;
use crate::web::live::{Changes, Streams};
use crate::web::session::{self, Session, Sessions, Token};
use crate::web::shell::Visit;
use crate::web::site::Site;
use crate::wire::catalogue::OfferingSearch;

/// What a node answers later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// A question to what is committed.
pub type Look = Box<dyn FnOnce(&View, &dyn Find, Timestamp) + Send>;

/// A question to the node itself, for what only its loop knows.
pub type NodeLook = Box<dyn FnOnce(&Node, Timestamp) + Send>;

/// A node, as far as pages need it.
pub trait Source: Send + Sync {
    /// Asks a question of what was committed last, beside the node's loop; refused if the node is stopping.
    fn look(&self, look: Look) -> Later<'_, ()>;

    /// A statement that everyone may read.
    fn statement(&self, id: StatementId) -> Later<'_, Option<Signed>>;

    /// Asks a question of the node between two commits.
    fn look_at_node(&self, look: NodeLook) -> Later<'_, ()>;

    /// The same while an order is in memory.
    fn look_at_order(&self, order: OrderId, look: NodeLook) -> Later<'_, ()>;

    /// The evidence on an order that an organisation may have, a ZIP file.
    fn bundle(&self, order: OrderId, org: OrgId) -> Later<'_, Vec<u8>>;

    /// The annex with this hash, if it is here; whoever asks has seen that it belongs to a party's order.
    fn annex(&self, id: Hash) -> Later<'_, Option<Annex>>;

    /// Hands in what an officer has signed.
    fn hand_in(&self, enclosed: Enclosed) -> Later<'_, Answer>;

    /// Hands in a public statement.
    fn publish(&self, signed: Signed) -> Later<'_, Answer>;

    /// Lays what an officer asks an organisation for before whoever signs for it.
    fn ask_for_grant(&self, asked: Signed) -> Later<'_, ()>;

    /// Orders as they change, until the node stops.
    fn changes(&self) -> Changes;

    /// The node's clock.
    fn now(&self) -> Timestamp;

    /// Bytes that nobody can guess.
    fn dice(&self) -> [u8; 32];
}

/// Finds offerings by words.
pub trait Find {
    /// The `limit` results after the page before, and how many offerings the index has no room for.
    fn find(
        &self,
        view: &View,
        wanted: &OfferingSearch,
        now: Timestamp,
        limit: usize,
    ) -> Result<(Found, usize), Refusal>;
}

/// What every page is made from.
#[derive(Clone)]
pub(super) struct Desk {
    source: Arc<dyn Source>,
    pub(super) site: Arc<Site>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) streams: Streams,
}

impl Desk {
    pub(super) fn new(source: Arc<dyn Source>, site: Arc<Site>, sessions: Arc<Sessions>) -> Self {
        Self { source, site, sessions, streams: Streams::default() }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.source.now()
    }

    /// The session of a token; none if it has ended.
    pub(super) fn session(&self, token: &Token, headers: &HeaderMap) -> Option<Session> {
        self.sessions.find(token, session::is_by_itself(headers), self.now())
    }

    /// A new token for a session.
    pub(super) fn token(&self) -> Token {
        self.source.dice()
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
        answered(answer).await
    }

    /// Asks the node itself.
    pub(super) async fn ask_node<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Node, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (sender, answer) = oneshot::channel();
        let look: NodeLook = Box::new(move |node, now| _ = sender.send(question(node, now)));
        self.source.look_at_node(look).await?;
        answered(answer).await
    }

    /// The same at one order, as a party to it sees it.
    pub(super) async fn ask_as_party<T: Send + 'static>(
        &self,
        org: &OrgId,
        order: OrderId,
        question: impl FnOnce(&Node, &OrgId, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let org = org.clone();
        let asked = move |node: &Node, now| question(node, &node.check_party(&org, order, now)?, now);
        self.ask_at_order(order, asked).await
    }

    /// Asks the node at one order.
    pub(super) async fn ask_at_order<T: Send + 'static>(
        &self,
        order: OrderId,
        question: impl FnOnce(&Node, Timestamp) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (sender, answer) = oneshot::channel();
        let look: NodeLook = Box::new(move |node, now| _ = sender.send(question(node, now)));
        self.source.look_at_order(order, look).await?;
        answered(answer).await
    }

    /// The evidence on an order.
    pub(super) async fn bundle(&self, order: OrderId, org: OrgId) -> Result<Vec<u8>, Refusal> {
        self.source.bundle(order, org).await
    }

    /// The annexes with these hashes that are here.
    pub(super) async fn annexes(&self, ids: impl IntoIterator<Item = Hash>) -> Result<Vec<Annex>, Refusal> {
        let mut here = Vec::new();
        for id in ids {
            here.extend(self.source.annex(id).await?);
        }
        Ok(here)
    }

    /// Hands in what an officer has signed.
    pub(super) async fn hand_in(&self, enclosed: Enclosed) -> Result<Answer, Refusal> {
        self.source.hand_in(enclosed).await
    }

    /// Orders as they change.
    pub(super) fn changes(&self) -> Changes {
        self.source.changes()
    }

    /// Hands in what an organisation says to everyone.
    pub(super) async fn publish(&self, signed: Signed) -> Result<Answer, Refusal> {
        self.source.publish(signed).await
    }

    /// Lays what an officer asks an organisation for before whoever signs for it.
    pub(super) async fn ask_for_grant(&self, asked: Signed) -> Result<(), Refusal> {
        self.source.ask_for_grant(asked).await
    }

    /// A statement that everyone may read.
    pub(super) async fn statement(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        self.source.statement(id).await
    }
}

async fn answered<T>(answer: oneshot::Receiver<Result<T, Refusal>>) -> Result<T, Refusal> {
    answer.await.map_err(|_| Refusal::new(Reason::Bug).with("problem", "a question was not answered"))?
}

impl FromRequestParts<Desk> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Self::Rejection> {
        let visit = Self::of(&desk.site, &parts.uri, &parts.headers);
        let token = session::token(&desk.site, &parts.headers);
        let session = token.and_then(|token| desk.session(&token, &parts.headers));
        Ok(match session {
            Some(session) => visit.signed_in(&session),
            None => visit,
        })
    }
}
