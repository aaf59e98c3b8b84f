//! Live progress: a page that is open hears that its order has changed, and asks anew by itself. A stream carries no content, so it
//! can leak none and need not be judged while it lasts.
//!
//! A stream ends by itself, with the node, and with whoever listens; browsers then connect again.
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use crate::domain::id::{OrderId, StatementId};
use crate::domain::reason::{Reason, Refusal};

/// Streams of one session. A browser opens six connections to a node: half of them remain for pages, and a fourth order that is
/// open asks every few seconds instead.
pub(super) const STREAMS_OF_SESSION_MAX: usize = 3;

/// Streams at a time, a quarter of the page's connections: readers keep the rest.
const STREAMS_MAX: usize = 256;

/// How long a stream lasts, so that it ends before its connection does; the session is judged anew with the next one.
const STREAM_MAX: Duration = Duration::from_secs(100);

/// After how long without news something is sent all the same, so that a connection that is dead is noticed.
const BEAT: Duration = Duration::from_secs(15);

/// An order on its way changes several times within moments; a page asks once.
const GATHER: Duration = Duration::from_millis(100);

/// Something may have happened. It is the first thing said, too: what happened between two streams is not missed.
const NEWS: &[u8] = b"event: neu\ndata: 1\n\n";
const NOTHING: &[u8] = b":\n\n";

/// How many streams each session has.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<BTreeMap<StatementId, usize>>>);

/// A stream's place; free again when dropped.
#[derive(Debug)]
struct Place {
    streams: Arc<Mutex<BTreeMap<StatementId, usize>>>,
    session: StatementId,
}

impl Streams {
    fn enter(&self, session: StatementId) -> Result<Place, Refusal> {
        let mut streams = self.0.lock().expect("no panic while it is held");
        let own = streams.get(&session).copied().unwrap_or_default();
        for (count, limit) in [(streams.values().sum(), STREAMS_MAX), (own, STREAMS_OF_SESSION_MAX)] {
            if count >= limit {
                return Err(Refusal::new(Reason::Overloaded).with("rule", "orders followed").with("limit", limit));
            }
        }
        streams.insert(session, own + 1);
        Ok(Place { streams: Arc::clone(&self.0), session })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().expect("no panic while it is held");
        if let Some(own) = streams.get_mut(&self.session) {
            *own -= 1;
            if *own == 0 {
                streams.remove(&self.session);
            }
        }
    }
}

/// What a stream listens to.
pub struct Changes {
    /// Orders as they change.
    pub orders: broadcast::Receiver<OrderId>,
    /// Whether the node is stopping.
    pub stopped: watch::Receiver<bool>,
}

/// Answers with a stream on one order; refused when there are too many.
pub(super) fn follow(
    streams: &Streams,
    session: StatementId,
    order: OrderId,
    changes: Changes,
) -> Result<Response, Refusal> {
    let place = streams.enter(session)?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        let Changes { orders, stopped } = changes;
        tokio::select! {
            () = tell(orders, order, &sender) => {}
            () = sender.closed() => {}
            () = until(stopped) => {}
            () = tokio::time::sleep(STREAM_MAX) => {}
        }
    });
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A web server before the node passes it on at once.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // Whoever could say so is gone as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

async fn tell(
    mut orders: broadcast::Receiver<OrderId>,
    order: OrderId,
    sender: &mpsc::Sender<Result<Bytes, Infallible>>,
) {
    let mut said = NEWS;
    while sender.send(Ok(Bytes::from_static(said))).await.is_ok() {
        said = match tokio::time::timeout(BEAT, changed(&mut orders, order)).await {
            Ok(true) => {
                tokio::time::sleep(GATHER).await;
                orders = orders.resubscribe();
                NEWS
            }
            Ok(false) => return,
            Err(_) => NOTHING,
        };
    }
}

/// Waits until that order has changed; false if nothing can change any more.
async fn changed(orders: &mut broadcast::Receiver<OrderId>, order: OrderId) -> bool {
    loop {
        match orders.recv().await {
            Ok(changed) if changed == order => return true,
            Ok(_) => {}
            // It may have been among those that were missed.
            Err(RecvError::Lagged(_)) => return true,
            Err(RecvError::Closed) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn session(number: u8) -> StatementId {
        StatementId([number; 32])
    }

    struct Node {
        orders: broadcast::Sender<OrderId>,
        stopping: watch::Sender<bool>,
        streams: Streams,
    }

    impl Node {
        fn new() -> Self {
            let (orders, stopping) = (broadcast::channel(4).0, watch::channel(false).0);
            Self { orders, stopping, streams: Streams::default() }
        }

        fn follow(&self, number: u8, order: OrderId) -> Result<Body, Refusal> {
            let changes = Changes { orders: self.orders.subscribe(), stopped: self.stopping.subscribe() };
            follow(&self.streams, session(number), order, changes).map(Response::into_body)
        }

        fn is_idle(&self) -> bool {
            self.streams.0.lock().expect("no panic").is_empty()
        }
    }

    async fn said(body: &mut Body) -> Option<Vec<u8>> {
        Some(body.frame().await?.expect("infallible").into_data().expect("data").to_vec())
    }

    #[tokio::test(start_paused = true)]
    async fn it_tells_of_its_order_once_for_all_that_happens_at_once_and_ends_with_the_node() {
        let (node, own, other) = (Node::new(), OrderId([1; 16]), OrderId([2; 16]));
        let mut body = node.follow(1, own).expect("room");
        assert_eq!(said(&mut body).await.expect("open"), NEWS, "whatever has happened before");
        for order in [other, own, own, other, own] {
            node.orders.send(order).expect("it listens");
        }
        assert_eq!(said(&mut body).await.expect("open"), NEWS);
        assert_eq!(said(&mut body).await.expect("open"), NOTHING, "nothing new, and still there");
        for _ in 0..9 {
            node.orders.send(other).expect("it listens");
        }
        assert_eq!(said(&mut body).await.expect("open"), NEWS, "it may have missed something");
        node.stopping.send(true).expect("it listens");
        while let Some(said) = said(&mut body).await {
            assert_eq!(said, NOTHING);
        }
        tokio::task::yield_now().await;
        assert!(node.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_before_its_connection_does() {
        let node = Node::new();
        let mut body = node.follow(1, OrderId([1; 16])).expect("room");
        let mut count = 0;
        let all = async {
            while said(&mut body).await.is_some() {
                count += 1;
            }
        };
        tokio::time::timeout(STREAM_MAX + BEAT, all).await.expect("it ends");
        assert_eq!(count, 1 + STREAM_MAX.as_secs() / BEAT.as_secs(), "not before");
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_of_a_session_and_of_all_and_whoever_has_gone_costs_nothing() {
        let node = Node::new();
        let order = OrderId([1; 16]);
        let mut open: Vec<Body> = (0..STREAMS_OF_SESSION_MAX).map(|_| node.follow(1, order).expect("room")).collect();
        assert_eq!(node.follow(1, order).expect_err("full").reason, Reason::Overloaded);
        let others = (STREAMS_OF_SESSION_MAX..STREAMS_MAX).map(|at| u8::try_from(2 + at / 3).expect("few"));
        open.extend(others.map(|number| node.follow(number, order).expect("room")));
        assert_eq!(node.follow(255, order).expect_err("full for all").reason, Reason::Overloaded);
        assert_eq!(node.orders.receiver_count(), STREAMS_MAX);
        drop(open);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(node.is_idle() && node.orders.receiver_count() == 0);
        assert!(node.follow(255, order).is_ok(), "room again");
    }
}
