//! The gate before every service: so many calls at a time, each only so long, none before its request is complete, and
//! each until its answer has been read.
//!
//! Half a request holds no place that others need, and neither does an answer that nobody reads: both are bounded by
//! connection and given up in time (`node/listening.rs`). Peers and health have places of their own. Refusals carry the
//! same reasons as everywhere else, which a caller would not get from the transport's own limits.
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tower::{Layer, Service};

use crate::domain::reason::{Lang, Reason, Refusal};
use crate::node::durations::Durations;
use crate::node::handle::RETRY_MS;
use crate::node::listening::{Call, Caller, Running};
use crate::node::system;
use crate::wire::status::{lang_of, to_status};

/// Longest message in bytes, in and out: gRPC's customary limit, sixteen times the largest frame of entries, and more
/// than the largest page.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes before a message on the wire: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX_BYTES: usize = 5;

/// Requests on their way in, in KiB, of all callers together: sixteen of the largest, thousands of ordinary ones.
const ARRIVING_KIB_MAX: usize = 64 * 1024;

/// Calls of peers at a time, beside those of everybody else: nobody's questions keep messages from arriving.
const PEER_CALLS_MAX: usize = 512;

/// Questions about the node's health at a time.
const HEALTH_CALLS_MAX: usize = 64;

/// Streams opened by strangers that ask and answer for as long as they like: reflection, and whoever tries.
const OPEN_STREAMS_MAX: usize = 32;

/// How long a call waits for the places of a connection that is being closed.
const ROOM_WAIT: Duration = Duration::from_millis(250);

/// Makes gates that share one count.
#[derive(Clone, Debug)]
pub struct GateLayer {
    places: Places,
    longest: Duration,
    held: Durations,
}

#[derive(Clone, Debug)]
struct Places {
    calls: Arc<Semaphore>,
    peers: Arc<Semaphore>,
    health: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    arriving: Arc<Semaphore>,
}

impl GateLayer {
    /// At most `calls` at a time, none longer than `longest`. How long each holds its place is counted in `held`.
    pub fn new(calls: usize, longest: Duration, held: Durations) -> Self {
        let places = |count: usize| Arc::new(Semaphore::new(count));
        let places = Places {
            calls: places(calls),
            peers: places(PEER_CALLS_MAX),
            health: places(HEALTH_CALLS_MAX),
            streams: places(OPEN_STREAMS_MAX),
            arriving: places(ARRIVING_KIB_MAX),
        };
        Self { places, longest, held }
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

/// What a call is, by its path: decides which places it takes and how long it may hold them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// One request, one answer, or an answer in pieces that has an end.
    Call,
    /// One request, answers for as long as something happens.
    Watch,
    /// Both sides speak for as long as they like.
    Stream,
}

impl Shape {
    fn of(path: &str) -> Self {
        match path {
            "/verbund.order.v1.OrderService/WatchOrder"
            | "/verbund.order.v1.OrderService/WatchOrders"
            | "/verbund.catalogue.v1.CatalogueService/WatchOfferings"
            | "/grpc.health.v1.Health/Watch" => Self::Watch,
            "/verbund.peer.v1.PeerService/Sync" => Self::Stream,
            _ if path.ends_with("/ServerReflectionInfo") => Self::Stream,
            _ => Self::Call,
        }
    }
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let lang = lang_of(&MetadataMap::from_headers(request.headers().clone()));
        // The clone takes the place of the service that has said it is ready.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let layer = self.layer.clone();
        Box::pin(async move {
            match layer.pass(inner, request, lang).await {
                Ok(answer) => answer,
                Err(refusal) => Ok(to_status(&refusal, lang).into_http()),
            }
        })
    }
}

fn overloaded(rule: &str) -> Refusal {
    Refusal::new(Reason::Overloaded).with("rule", rule).with("retry_ms", RETRY_MS)
}

impl GateLayer {
    /// The places a call takes, by who asks and for what.
    fn places(&self, path: &str, shape: Shape, is_peer: bool) -> &Arc<Semaphore> {
        match shape {
            _ if is_peer && path.starts_with("/verbund.peer.") => &self.places.peers,
            Shape::Stream => &self.places.streams,
            _ if path.starts_with("/grpc.health.") => &self.places.health,
            _ => &self.places.calls,
        }
    }

    /// A place for a call. If all are taken, answers that nobody reads are given up for it.
    async fn permit(
        &self,
        path: &str,
        shape: Shape,
        caller: Option<&Caller>,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        let places = self.places(path, shape, caller.is_some_and(Caller::is_peer));
        match Arc::clone(places).try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_) if caller.is_some_and(Caller::make_room) => {
                let room = tokio::time::timeout(ROOM_WAIT, Arc::clone(places).acquire_owned()).await;
                room.ok().and_then(Result::ok).ok_or_else(|| overloaded("calls at a time"))
            }
            Err(_) => Err(overloaded("calls at a time")),
        }
    }

    async fn pass<S>(
        self,
        mut inner: S,
        request: Request<Body>,
        lang: Lang,
    ) -> Result<Result<Response<Body>, S::Error>, Refusal>
    where
        S: Service<Request<Body>, Response = Response<Body>>,
    {
        let path = request.uri().path().to_owned();
        let shape = Shape::of(&path);
        let longest = grpc_timeout(request.headers()).unwrap_or(Duration::MAX).min(self.longest);
        let until = system::ticks() + longest;
        let late = |_| Refusal::new(Reason::DeadlineExceeded).with("retry_ms", RETRY_MS);
        let caller = request.extensions().get::<Arc<Caller>>().cloned();
        let call = match &caller {
            Some(caller) => Some(caller.call().ok_or_else(|| overloaded("calls of one connection"))?),
            None => None,
        };
        let request = match shape {
            Shape::Stream => request,
            _ => tokio::time::timeout_at(until, self.whole(request)).await.map_err(late)??,
        };
        call.iter().for_each(Call::arrived);
        let permit = self.permit(&path, shape, caller.as_deref()).await?;
        // What stays open for as long as something happens says nothing of how busy the node is.
        let counted = (shape == Shape::Call).then(|| (system::ticks(), self.held.clone()));
        let place = Place { counted, _permit: permit };
        let answer = match tokio::time::timeout_at(until, inner.call(request)).await.map_err(late)? {
            Ok(answer) => explained(answer, &path, lang),
            Err(error) => return Ok(Err(error)),
        };
        call.iter().for_each(Call::answered);
        Ok(Ok(answer.map(|body| match shape {
            Shape::Call => Body::new(Held { body, _call: call, _stream: None, _place: Some(place) }),
            // A stream that runs has its own limits.
            Shape::Watch => Body::new(Held { body, _call: None, _stream: call.map(Call::into_stream), _place: None }),
            Shape::Stream => {
                Body::new(Held { body, _call: None, _stream: call.map(Call::into_stream), _place: Some(place) })
            }
        })))
    }

    /// The request once all of it is here.
    async fn whole(&self, request: Request<Body>) -> Result<Request<Body>, Refusal> {
        let (parts, mut body) = request.into_parts();
        let too_large = || {
            let refusal = Refusal::new(Reason::MessageTooLarge).with("limit", MESSAGE_BYTES_MAX);
            refusal.with("method", parts.uri.path())
        };
        let mut whole: Vec<u8> = Vec::new();
        let mut held: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refusal::new(Reason::Unreachable).with("problem", error))?;
            let Ok(bytes) = frame.into_data() else { continue };
            if whole.len() + bytes.len() > MESSAGE_BYTES_MAX + PREFIX_BYTES {
                return Err(too_large());
            }
            let kib = u32::try_from(bytes.len().div_ceil(1024)).unwrap_or(u32::MAX);
            let room = Arc::clone(&self.places.arriving).try_acquire_many_owned(kib);
            let room = room.map_err(|_| overloaded("requests on their way in"))?;
            match &mut held {
                Some(held) => held.merge(room),
                None => held = Some(room),
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(Request::from_parts(parts, Body::new(Full::new(Bytes::from(whole)))))
    }
}

/// Refusals of the transport itself name no reason; they get the one that says what is wrong.
fn explained(answer: Response<Body>, path: &str, lang: Lang) -> Response<Body> {
    let Some(status) = Status::from_header_map(answer.headers()).filter(|status| status.details().is_empty()) else {
        return answer;
    };
    let reason = match status.code() {
        Code::Unimplemented => Reason::MethodUnknown,
        Code::Internal | Code::InvalidArgument | Code::OutOfRange => Reason::MessageInvalid,
        _ => return answer,
    };
    let refusal = Refusal::new(reason).with("method", path).with("problem", status.message());
    to_status(&refusal, lang).into_http()
}

/// An answer that holds its places until it has been read, or nobody wants it any more.
struct Held {
    body: Body,
    _call: Option<Call>,
    _stream: Option<Running>,
    _place: Option<Place>,
}

/// The place of a call among those at a time. How long it was held is counted once it is given back.
struct Place {
    counted: Option<(Instant, Durations)>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((since, held)) = &self.counted {
            held.observe(since.elapsed());
        }
    }
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
    #[derive(Clone)]
    struct Silent;

    impl Service<Request<Body>> for Silent {
        type Response = Response<Body>;
        type Error = std::convert::Infallible;
        type Future = std::future::Pending<Result<Response<Body>, std::convert::Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            std::future::pending()
        }
    }

    async fn refusal_of(layer: GateLayer, body: Body) -> (Code, Refusal) {
        let response = layer.layer(Silent).oneshot(Request::new(body)).await.expect("an answer");
        let status = Status::from_header_map(response.headers()).expect("a status");
        (status.code(), to_refusal(&status))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_too_many_or_too_slow_gets_a_reason() {
        let (code, refusal) = refusal_of(GateLayer::new(0, CALL, Durations::default()), Body::empty()).await;
        assert_eq!((code, refusal.reason), (Code::ResourceExhausted, Reason::Overloaded));
        let (code, refusal) = refusal_of(GateLayer::new(1, CALL, Durations::default()), Body::empty()).await;
        assert_eq!((code, refusal.reason), (Code::Unavailable, Reason::DeadlineExceeded));
        let large = Body::new(Full::new(Bytes::from(vec![0; MESSAGE_BYTES_MAX + 6])));
        let (code, refusal) = refusal_of(GateLayer::new(1, CALL, Durations::default()), large).await;
        assert_eq!((code, refusal.reason), (Code::InvalidArgument, Reason::MessageTooLarge));
    }

    /// Half a request takes no place from those that are complete, and comes to its own end.
    #[tokio::test(start_paused = true)]
    async fn half_a_request_holds_no_place() {
        let held = Durations::default();
        let layer = GateLayer::new(1, CALL, held.clone());
        let (open, half) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, Status>>(1);
        let half = Body::new(http_body_util::StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(half)));
        let waiting = tokio::spawn(refusal_of(layer.clone(), half));
        tokio::task::yield_now().await;
        let (_, refusal) = refusal_of(layer, Body::empty()).await;
        assert_eq!(refusal.reason, Reason::DeadlineExceeded, "it had the only place");
        assert_eq!(waiting.await.expect("no panic").1.reason, Reason::DeadlineExceeded);
        let counted = held.counted();
        assert_eq!((counted.all, counted.micros), (1, 1_000_000), "one place was held, until the deadline");
        drop(open);
    }

    #[test]
    fn what_the_transport_refuses_gets_a_reason() {
        for (status, expected) in [
            (Status::unimplemented(""), Reason::MethodUnknown),
            (Status::internal("failed to decode Protobuf message"), Reason::MessageInvalid),
            (Status::cancelled(""), Reason::DeadlineExceeded),
            (to_status(&Refusal::new(Reason::Bug), Lang::De), Reason::Bug),
        ] {
            let answer = explained(status.into_http(), "/verbund.Irgendwas/Tu", Lang::De);
            let status = Status::from_header_map(answer.headers()).expect("a status");
            assert_eq!(to_refusal(&status).reason, expected);
        }
    }

    const CALL: Duration = Duration::from_secs(1);
}
