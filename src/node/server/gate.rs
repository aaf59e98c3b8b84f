//! The gate before every service: so many calls at a time, and each only so long.
//!
//! Refusals carry the same reasons as everywhere else, which a caller would not get from the transport's own limits.
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tower::{Layer, Service};

use crate::domain::reason::{Reason, Refusal};
use crate::node::handle::RETRY_MS;
use crate::wire::status::{lang_of, to_status};

/// Makes gates that share one count.
#[derive(Clone, Debug)]
pub struct GateLayer {
    calls: Arc<Semaphore>,
    longest: Duration,
}

impl GateLayer {
    /// At most `calls` at a time, none longer than `longest`.
    pub fn new(calls: usize, longest: Duration) -> Self {
        Self { calls: Arc::new(Semaphore::new(calls)), longest }
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate { inner, layer: self.clone() }
    }
}

/// A service behind the gate.
#[derive(Clone, Debug)]
pub struct Gate<S> {
    inner: S,
    layer: GateLayer,
}

impl<S, B> Service<Request<B>> for Gate<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let lang = lang_of(&MetadataMap::from_headers(request.headers().clone()));
        let refuse = move |reason| Ok(to_status(&Refusal::new(reason).with("retry_ms", RETRY_MS), lang).into_http());
        let Ok(permit) = Arc::clone(&self.layer.calls).try_acquire_owned() else {
            return Box::pin(async move { refuse(Reason::Overloaded) });
        };
        let longest = grpc_timeout(request.headers()).unwrap_or(Duration::MAX).min(self.layer.longest);
        let answer = self.inner.call(request);
        Box::pin(async move {
            // Held until the answer begins: a stream that runs has its own limits.
            let _permit = permit;
            tokio::time::timeout(longest, answer).await.unwrap_or_else(|_| refuse(Reason::DeadlineExceeded))
        })
    }
}

/// The caller's own deadline: up to eight digits and a unit (gRPC over HTTP/2). What is not readable is no deadline.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};
    use tower::ServiceExt as _;

    use super::*;
    use crate::wire::status::to_refusal;

    fn check(text: &str, expected: Option<Duration>) {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", text.parse().expect("a header"));
        assert_eq!(grpc_timeout(&headers), expected, "{text}");
    }

    #[test]
    fn deadlines_are_read_as_grpc_writes_them() {
        check("5S", Some(Duration::from_secs(5)));
        check("99999999H", Some(Duration::from_secs(99_999_999 * 3600)));
        check("250m", Some(Duration::from_millis(250)));
        check("7u", Some(Duration::from_micros(7)));
        for bad in ["", "S", "5", "5s", "-5S", "123456789S", "5 S", "ü"] {
            check(bad, None);
        }
    }

    /// A service that never answers.
    fn silent(calls: usize, longest: Duration) -> impl Service<Request<()>, Response = Response<Body>, Error = ()> {
        GateLayer::new(calls, longest).layer(tower::service_fn(|_: Request<()>| std::future::pending()))
    }

    async fn refusal_of(gate: impl Service<Request<()>, Response = Response<Body>, Error = ()>) -> (Code, Refusal) {
        let response = gate.oneshot(Request::new(())).await.expect("an answer");
        let status = Status::from_header_map(response.headers()).expect("a status");
        (status.code(), to_refusal(&status))
    }

    #[tokio::test]
    async fn whoever_is_too_many_or_too_slow_gets_a_reason() {
        let (code, refusal) = refusal_of(silent(0, CALL)).await;
        assert_eq!((code, refusal.reason), (Code::ResourceExhausted, Reason::Overloaded));
        let (code, refusal) = refusal_of(silent(1, Duration::ZERO)).await;
        assert_eq!((code, refusal.reason), (Code::Unavailable, Reason::DeadlineExceeded));
    }

    const CALL: Duration = Duration::from_secs(1);
}
