//! Floor 4: the page. What officers, operators and auditors open in a browser, made on the server from what `view` shows
//! and `search` finds.
//!
//! Every page that is open to all stands alone: it is read without a script, without a cookie and without anything from another
//! host, and htmx only saves a reload. Officers sign in with their key, which stays in the browser. Must never hold a rule, and never put what somebody has typed or signed into a page unescaped.
//! Whoever runs a node gives a [`desk::Source`] and serves the [`router`].
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::web::desk::{Desk, Source};
use crate::web::gate::Gate;
use crate::web::session::Sessions;
use crate::web::site::Site;

pub mod assets;
pub mod desk;
mod drafts;
#[cfg(test)]
mod fixture;
mod forms;
mod gate;
mod graph;
mod headers;
pub mod live;
mod officer;
mod own;
mod pages;
mod place;
mod query;
mod selecting;
mod session;
mod shell;
pub mod site;
mod telling;
#[cfg(test)]
mod tests;
mod texts;
#[cfg(test)]
mod validity;
mod words;

/// Requests answered at a time. Each takes a few milliseconds on a thread of its own; who comes when all places are taken is
/// told to come back.
pub const REQUESTS_MAX: usize = 256;

/// Longest time for an answer.
pub const REQUEST_MAX: Duration = Duration::from_secs(10);

/// All pages behind their limits and headers.
pub fn router(source: Arc<dyn Source>, site: Site) -> Router {
    let sessions = Arc::new(Sessions::new(source.dice()));
    with_sessions(source, site, sessions)
}

fn with_sessions(source: Arc<dyn Source>, site: Site, sessions: Arc<Sessions>) -> Router {
    let site = Arc::new(site);
    let desk = Desk::new(source, Arc::clone(&site), sessions);
    let pages = gate::guarded(pages::router(desk), Gate::new(Arc::clone(&site), REQUESTS_MAX, REQUEST_MAX));
    headers::on_every_answer(own::own_only(pages, Arc::clone(&site)), site.is_encrypted)
}
