//! What stands on every answer, pages, files and errors alike: a browser is told to do nothing that a page does not need.
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;

/// Everything is forbidden, and then what is needed is allowed from here: no other host, no script or style within a page.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; \
                                 connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The same for a page that must not be able to send anything, wherever to: what somebody opens there stays there.
pub(super) const POLICY_MUTE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
                                      img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()",
    ),
    ("x-robots-tag", "noarchive"),
];

/// For a year: who has once come by TLS comes by TLS.
const ONLY_ENCRYPTED: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Puts them on.
pub(super) fn on_every_answer(router: Router, is_encrypted: bool) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| async move {
        let mut response = next.run(request).await;
        put(&mut response, is_encrypted);
        response
    }))
}

fn put(response: &mut Response, is_encrypted: bool) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // A page may have one of its own.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    if is_encrypted {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, ONLY_ENCRYPTED);
    }
    // What says nothing else must be asked for each time: a page shows the state of this moment.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
}
