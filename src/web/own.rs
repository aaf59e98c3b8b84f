//! What changes something comes from a page of this node: no other page can have a browser ask for it, because browsers say where
//! a request comes from (Fetch metadata, or else `Origin`).
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{Next, from_fn};

use crate::domain::reason::{Reason, Refusal};
use crate::web::shell::Visit;
use crate::web::site::Site;

/// Refuses what comes from elsewhere.
pub(super) fn own_only(router: Router, site: Arc<Site>) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| {
        let site = Arc::clone(&site);
        async move {
            if request.method() == Method::GET || request.method() == Method::HEAD || is_own(request.headers()) {
                return next.run(request).await;
            }
            Visit::of(&site, request.uri(), request.headers()).refused(&Refusal::new(Reason::PageCrossSite))
        }
    }))
}

/// Whether a page of this node has sent it. What does not say where it comes from does not come from a browser of these days.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        // Browsers send it only where a page is secure.
        None => {
            let origin = text(header::ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
            let host = text(header::HOST.as_str());
            origin.is_some_and(|(_, of)| host == Some(of))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_node_may_change_anything() {
        for (pairs, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://a"), ("host", "a")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "http://a:1"), ("host", "a:1")], true),
            (&[("origin", "http://b"), ("host", "a")], false),
            (&[("origin", "null"), ("host", "null")], false),
            (&[("host", "a")], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().expect("a header"));
            }
            assert_eq!(is_own(&headers), expected, "{pairs:?}");
        }
    }
}
