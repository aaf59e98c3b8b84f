//! For tests: somebody who reads the pages of one node, without a network.
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use tower::ServiceExt as _;

use crate::config::web::Imprint;
use crate::domain::id::StatementId;
use crate::domain::offering::{Offering, Withdrawal};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::{Date, Timestamp};
use crate::protocol::explain::fixture::{Town, by_rule, offering};
use crate::search::entry::{Register, entry_of};
use crate::search::{Facet, Found, Index, Narrowing, Place};
use crate::view::View;
use crate::web::desk::{Find, Later, Look, Source};
use crate::web::site::Site;
use crate::wire::catalogue::OfferingSearch;

/// Everything committed, at one moment.
struct Moment {
    view: View,
    now: Timestamp,
    statements: Vec<Signed>,
}

struct Finder;

impl Find for Finder {
    fn find(&self, view: &View, wanted: &OfferingSearch, _: Date, limit: usize) -> Result<(Found, usize), Refusal> {
        let mut index = Index::default();
        for row in view.public().catalogue.on_offer() {
            index.put(&entry_of(row.id, &row.offering, &Register::default()));
        }
        index.settle();
        let facets = wanted.narrow.iter().filter_map(|(word, values)| Some((Facet::of_word(word)?, values.clone())));
        let narrowing = Narrowing { facets: facets.collect(), ..Narrowing::default() };
        let not_a_token = || Refusal::new(Reason::PageInvalid);
        let after = wanted.page.after().map(|text| Place::of_text(text).ok_or_else(not_a_token)).transpose()?;
        Ok((index.find(&wanted.query, &narrowing, after.as_ref(), limit), 0))
    }
}

impl Source for Moment {
    fn look(&self, look: Look) -> Later<'_, ()> {
        look(&self.view, &Finder, self.now);
        Box::pin(async { Ok(()) })
    }

    fn statement(&self, id: StatementId) -> Later<'_, Option<Signed>> {
        let found = self.statements.iter().find(|signed| signed.id() == id).cloned();
        Box::pin(async move { Ok(found) })
    }
}

/// Reads the pages of the node `kitu`.
pub(super) struct Reader {
    pub(super) town: Town,
    site: Site,
    statements: Vec<Signed>,
}

/// What a page answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) text: String,
}

impl Answer {
    /// The text of an answer that went well.
    pub(super) fn ok(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.text
    }

    /// A header, empty if it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Reader {
    pub(super) fn new() -> Self {
        Self::with(Imprint::default())
    }

    pub(super) fn with(imprint: Imprint) -> Self {
        let key = Town::statement_key("provider");
        let site = Site { node: "kitu".to_owned(), imprint, is_encrypted: false, version: "0.1.0" };
        Self {
            town: Town::new(by_rule()),
            site,
            statements: vec![Signed::sign(&Kind::Offering, &offering(), &[&key])],
        }
    }

    /// The same by TLS.
    pub(super) fn encrypted(mut self) -> Self {
        self.site.is_encrypted = true;
        self
    }

    /// Publishes an offering of the provider.
    pub(super) fn publish(&mut self, offering: &Offering) -> StatementId {
        let signed = Signed::sign(&Kind::Offering, offering, &[&Town::statement_key("provider")]);
        self.town.publish(&signed).expect("a good offering");
        self.statements.push(signed.clone());
        signed.id()
    }

    pub(super) fn withdraw(&mut self, withdrawal: &Withdrawal) {
        let signed = Signed::sign(&Kind::Withdrawal, withdrawal, &[&Town::statement_key("provider")]);
        self.town.publish(&signed).expect("a good withdrawal");
    }

    fn router(&self) -> Router {
        let (view, now) = (View::of(&self.town.node, self.town.now), self.town.now);
        let moment = Moment { view, now, statements: self.statements.clone() };
        super::router(Arc::new(moment), self.site.clone())
    }

    /// Opens an address.
    pub(super) async fn get(&self, address: &str) -> Answer {
        self.ask(Request::get(address).body(Body::empty()).expect("a request")).await
    }

    pub(super) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("in memory").to_vec();
        let text = String::from_utf8_lossy(&body).into_owned();
        Answer { status: parts.status, headers: parts.headers, body, text }
    }
}
