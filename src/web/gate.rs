//! How many requests at a time, and for how long: whoever comes when all places are taken is told so at once.
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::sync::Semaphore;

use crate::domain::reason::{Reason, Refusal};
use crate::web::shell::Visit;
use crate::web::site::Site;

/// Largest body of a request in bytes: no page takes one yet, and a form will be some lines.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Longest address with its query, in bytes: a search with a hundred filters takes four thousand.
const ADDRESS_BYTES_MAX: usize = 8 * 1024;

/// When to come back, in seconds.
const RETRY: HeaderValue = HeaderValue::from_static("2");

/// Places for requests.
#[derive(Clone)]
pub(super) struct Gate {
    site: Arc<Site>,
    places: Arc<Semaphore>,
    longest: Duration,
}

impl Gate {
    pub(super) fn new(site: Arc<Site>, requests_max: usize, longest: Duration) -> Self {
        Self { site, places: Arc::new(Semaphore::new(requests_max)), longest }
    }
}

/// Puts the pages behind the gate.
pub(super) fn guarded(router: Router, gate: Gate) -> Router {
    router.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).layer(from_fn_with_state(gate, pass))
}

async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let visit = Visit::of(&gate.site, request.uri(), request.headers());
    let refuse = |reason| visit.refused(&Refusal::new(reason));
    if request.uri().path_and_query().is_some_and(|address| address.as_str().len() > ADDRESS_BYTES_MAX) {
        let mut response = refuse(Reason::MessageTooLarge);
        *response.status_mut() = StatusCode::URI_TOO_LONG;
        return response;
    }
    let Ok(_place) = gate.places.try_acquire() else {
        let mut response = refuse(Reason::Overloaded);
        response.headers_mut().insert(header::RETRY_AFTER, RETRY);
        return response;
    };
    match tokio::time::timeout(gate.longest, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refuse(Reason::DeadlineExceeded),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    async fn status(router: &Router, address: &str) -> StatusCode {
        let request = Request::get(address).body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("infallible").status()
    }

    /// One place.
    fn slow() -> Router {
        let imprint = crate::config::web::Imprint::default();
        let site = Site { node: "kitu".to_owned(), imprint, takes_requests: true, is_encrypted: false, version: "0" };
        let gate = Gate::new(Arc::new(site), 1, Duration::from_secs(10));
        let never = || async {
            std::future::pending::<()>().await;
            "never"
        };
        guarded(Router::new().route("/slow", get(never)).route("/", get(|| async { "here" })), gate)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_takes_too_long_is_given_up() {
        let router = slow();
        assert_eq!(status(&router, "/slow").await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(&router, "/").await, StatusCode::OK, "its place is free again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_when_all_places_are_taken_is_told_so_at_once() {
        let router = slow();
        let request = Request::get("/slow").body(Body::empty()).expect("a request");
        let waiting = tokio::spawn(router.clone().oneshot(request));
        tokio::task::yield_now().await;
        let request = Request::get("/").body(Body::empty()).expect("a request");
        let refused = router.clone().oneshot(request).await.expect("infallible");
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "2");
        waiting.abort();
        assert!(waiting.await.is_err());
        assert_eq!(status(&router, "/").await, StatusCode::OK, "who hangs up leaves the place");
    }

    #[tokio::test]
    async fn an_address_longer_than_any_question_is_refused() {
        let router = slow();
        let long = format!("/?q={}", "x".repeat(ADDRESS_BYTES_MAX));
        assert_eq!(status(&router, &long).await, StatusCode::URI_TOO_LONG);
    }
}
