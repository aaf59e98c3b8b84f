//! The node in numbers, in the text format of Prometheus (version 0.0.4), on an HTTP address of its own.
//!
//! For the operator's network only: it names peers and logs, as `node status` does. Must never change anything.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::domain::id::NodeId;
use crate::domain::time::Timestamp;
use crate::node::handle::Handle;
use crate::node::traffic::{Direction, Traffic};
use crate::protocol::overview::StoreCondition;
use crate::view::View;
use crate::view::logs::LogView;
use crate::view::peers::PeerView;

/// Connections at a time; one collector needs one.
const CONNECTIONS_MAX: usize = 8;

/// Longest time for a request with its answer; whoever sends half a request does not hold a place for longer.
const CALL: Duration = Duration::from_secs(5);

/// Answers on a bound address; never ends.
pub async fn serve(listener: TcpListener, handle: Handle) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, for instance.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let handle = handle.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &handle));
            let serving = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
            // A collector that hangs up is its own business.
            let _ = tokio::time::timeout(CALL, serving).await;
            drop(place);
        });
    }
}

async fn answer(request: Request<Incoming>, handle: &Handle) -> Result<Response<Full<Bytes>>, http::Error> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => {
            let (traffic, inboxes) = (handle.traffic().clone(), handle.inboxes());
            let numbers = handle.look(move |view, now| Ok(text(view, &traffic, now)));
            let body = numbers.await.map(|body| body + &inboxes_text(&inboxes));
            body.map_or((StatusCode::SERVICE_UNAVAILABLE, String::new()), |body| (StatusCode::OK, body))
        }
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, "/metrics\n".to_owned()),
    };
    let response = Response::builder().status(status).header("content-type", "text/plain; version=0.0.4");
    response.body(Full::new(Bytes::from(body)))
}

/// Families of samples, written one after the other.
#[derive(Default)]
struct Page(String);

impl Page {
    /// One family: name, type, help, and its samples as labels and value. Labels hold names of nodes and logs, which
    /// need no escaping.
    fn family(&mut self, name: &str, kind: &str, help: &str, samples: impl Iterator<Item = (String, i128)>) {
        // Writing into a text cannot fail.
        let _ = writeln!(self.0, "# HELP verbund_{name} {help}\n# TYPE verbund_{name} {kind}");
        for (labels, value) in samples {
            let _ = match labels.is_empty() {
                true => writeln!(self.0, "verbund_{name} {value}"),
                false => writeln!(self.0, "verbund_{name}{{{labels}}} {value}"),
            };
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: i128) {
        self.family(name, "gauge", help, std::iter::once((String::new(), value)));
    }

    fn of_peers(
        &mut self,
        peers: &[PeerView<'_>],
        name: &str,
        help: &str,
        of: impl Fn(&PeerView<'_>) -> Option<i128>,
    ) {
        let sample = |peer: &PeerView<'_>| Some((format!("peer=\"{}\"", peer.node), of(peer)?));
        self.family(name, "gauge", help, peers.iter().filter_map(sample));
    }

    fn of_logs(&mut self, logs: &[LogView<'_>], name: &str, help: &str, of: impl Fn(&LogView<'_>) -> Option<i128>) {
        let sample = |log: &LogView<'_>| Some((format!("log=\"{}\"", log.origin), of(log)?));
        self.family(name, "gauge", help, logs.iter().filter_map(sample));
    }
}

fn seconds(at: Timestamp) -> i128 {
    at.unix_seconds().into()
}

/// All numbers.
fn text(view: &View, traffic: &Traffic, now: Timestamp) -> String {
    let (peers, logs) = (&view.peer_views()[..], view.log_views());
    let mut page = Page::default();
    page.gauge("time_seconds", "The node's clock.", seconds(now));
    page.gauge(
        "signing",
        "1 if the node signs, 0 if it asks for its own log or the log is cut.",
        view.signs_nothing().is_none().into(),
    );
    page.gauge(
        "serving_orders",
        "1 if the node serves orders, 0 if it catches up, cannot store, has a wrong clock or too few witnesses.",
        view.serves_no_orders().is_none().into(),
    );
    page.gauge("offerings", "Offerings on offer.", view.public().catalogue.offered_count() as i128);
    page.gauge("orders", "Orders this node is a party to.", view.order_count() as i128);
    of_store(&mut page, view.store());
    let alone = view.overdue_deposits().unwrap_or(0);
    page.gauge("undeposited", "Statements that too few other nodes keep, once that is overdue.", alone as i128);
    page.gauge("outbox", "Deliveries without receipt.", view.outbox_length() as i128);
    page.gauge(
        "witnesses_needed",
        "Cosignatures the policy asks for.",
        logs.first().map_or(0, |log| log.needed as i128),
    );
    page.of_peers(peers, "peer_up", "1 while a stream is open.", |peer| Some(peer.is_up.into()));
    page.of_peers(peers, "peer_since_seconds", "Since when it is up or down.", |peer| peer.since.map(seconds));
    page.of_peers(peers, "peer_last_contact_seconds", "When something last arrived.", |peer| peer.last.map(seconds));
    page.of_peers(peers, "peer_lag", "Journal positions it has not acknowledged.", |peer| peer.lag.map(i128::from));
    page.of_peers(peers, "peer_ahead_logs", "Logs of which it has more.", |peer| Some(peer.ahead.len() as i128));
    page.of_peers(peers, "peer_strikes", "How often it broke the protocol.", |peer| {
        Some(peer.shunned.strikes.into())
    });
    page.of_peers(peers, "peer_shunned_until_seconds", "Until when it is not spoken to.", |peer| {
        (peer.shunned.strikes > 0).then(|| seconds(peer.shunned.until))
    });
    page.of_peers(peers, "peer_clock_offset_ms", "How far its clock was ahead when it said so last.", |peer| {
        peer.clock_offset_ms.map(i128::from)
    });
    page.of_logs(&logs, "log_entries", "Entries that count.", |log| Some(log.size.into()));
    page.of_logs(&logs, "log_witnessed_entries", "Entries under a witnessed checkpoint.", |log| {
        Some(log.witnessed.into())
    });
    page.of_logs(&logs, "log_cosignatures", "Witnesses under its end.", |log| Some(log.cosigned as i128));
    page.of_logs(&logs, "log_refused_entries", "Entries whose content was refused.", |log| Some(log.refused as i128));
    page.of_logs(&logs, "log_longer_peers", "Peers that have more of it.", |log| Some(log.longer as i128));
    page.of_logs(&logs, "log_cut", "Where a log that contradicts itself is cut.", |log| log.cut.map(i128::from));
    let counts = traffic.counts();
    let labels = |kind: &str, direction: &Direction| {
        let direction = if *direction == Direction::Sent { "sent" } else { "received" };
        format!("kind=\"{kind}\",direction=\"{direction}\"")
    };
    let frames = counts.iter().map(|((kind, direction), count)| (labels(kind, direction), count.frames.into()));
    page.family("frames_total", "counter", "Frames on replication streams.", frames);
    let bytes = counts.iter().map(|((kind, direction), count)| (labels(kind, direction), count.bytes.into()));
    page.family("frame_bytes_total", "counter", "Their bytes.", bytes);
    page.0
}

/// What the store has found out about itself.
fn of_store(page: &mut Page, store: &StoreCondition) {
    let damaged = store.damaged_segments.len() as i128;
    page.gauge("damaged_segments", "Segments of the store in which something cannot be read any more.", damaged);
    page.gauge("store_holes", "Places of the store that were passed over.", store.holes as i128);
    page.gauge("store_torn_bytes", "Bytes of an unfinished batch cut off at the start.", store.torn_bytes.into());
    let (rebuilt, reads) = (store.index_rebuilt.is_some(), store.only_reading.is_some());
    page.gauge("store_index_rebuilt", "1 if the index was written anew at the start.", rebuilt.into());
    page.gauge("store_only_reading", "1 while the disk takes nothing.", reads.into());
}

/// What peers have waiting before the loop, seen from outside of it.
fn inboxes_text(inboxes: &BTreeMap<NodeId, (usize, u64)>) -> String {
    let mut page = Page::default();
    let label = |peer: &NodeId| format!("peer=\"{peer}\"");
    let waiting = inboxes.iter().map(|(peer, (waiting, _))| (label(peer), *waiting as i128));
    page.family("peer_inbox", "gauge", "Deliveries and questions of it that wait.", waiting);
    let refused = inboxes.iter().map(|(peer, (_, refused))| (label(peer), i128::from(*refused)));
    page.family("peer_inbox_refused_total", "counter", "Those refused because too many waited.", refused);
    page.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Input;
    use crate::protocol::explain::fixture::{Town, by_rule};
    use crate::protocol::frame::Frame;
    use crate::view::Follower;

    #[test]
    fn every_number_has_a_name_a_type_and_a_help() {
        let mut town = Town::new(by_rule());
        town.node.step(Input::PeerUp("kid".parse().expect("name")), town.now);
        let traffic = Traffic::default();
        traffic.count(Direction::Sent, &(&Frame::Credit { bytes: 7 }).into());
        let mut follower = Follower::of(&town.node, 0, town.now);
        follower.follow_peers(&town.node, &BTreeMap::new());
        let page = text(follower.view(), &traffic, town.now)
            + &inboxes_text(&[("kid".parse().expect("name"), (3, 5))].into());
        for line in [
            "# TYPE verbund_peer_up gauge",
            "verbund_peer_up{peer=\"kid\"} 1",
            "verbund_offerings 1",
            "verbund_peer_inbox{peer=\"kid\"} 3",
            "verbund_peer_inbox_refused_total{peer=\"kid\"} 5",
            "verbund_frames_total{kind=\"credit\",direction=\"sent\"} 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        let own = format!("verbund_log_entries{{log=\"{}\"}}", town.node.settings().origin);
        assert!(page.contains(&own));
        let mut families = std::collections::BTreeSet::new();
        for line in page.lines() {
            match line.strip_prefix("# HELP ") {
                Some(help) => assert!(families.insert(help.split(' ').next().expect("a name").to_owned()), "{line}"),
                None => {
                    let name = line.trim_start_matches("# TYPE ").split(['{', ' ']).next().expect("a name");
                    assert!(families.contains(name), "{line}");
                }
            }
        }
    }
}
