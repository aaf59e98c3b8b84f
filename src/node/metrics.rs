//! The node in numbers, in the text format of Prometheus (version 0.0.4), on an HTTP address of its own.
//!
//! For the operator's network only: it names peers and logs, as `node status` does. Must never change anything.
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
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
use crate::node::durations::{BOUNDS_MS, Counted, Timings};
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
            let (traffic, inboxes, timings) = (handle.traffic().clone(), handle.inboxes(), handle.timings());
            let numbers = handle.look(move |view, now| Ok(text(view, &traffic, now)));
            let body = numbers.await.map(|body| body + &inboxes_text(&inboxes) + &timings_text(timings));
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
    fn family<V: Display>(&mut self, name: &str, kind: &str, help: &str, samples: impl Iterator<Item = (String, V)>) {
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

    /// Lengths in seconds, each bound with how many were no longer.
    fn histogram(&mut self, name: &str, help: &str, counted: &Counted) {
        self.family(name, "histogram", help, std::iter::empty::<(String, u64)>());
        for (bound, count) in BOUNDS_MS.iter().zip(counted.up_to) {
            let bound = decimal(i128::from(*bound), 3);
            let _ = writeln!(self.0, "verbund_{name}_bucket{{le=\"{bound}\"}} {count}");
        }
        let (all, sum) = (counted.all, decimal(counted.micros.into(), 6));
        let _ = writeln!(
            self.0,
            "verbund_{name}_bucket{{le=\"+Inf\"}} {all}\nverbund_{name}_sum {sum}\nverbund_{name}_count {all}"
        );
    }

    fn of_peers<V: Display>(
        &mut self,
        peers: &[PeerView<'_>],
        name: &str,
        help: &str,
        of: impl Fn(&PeerView<'_>) -> Option<V>,
    ) {
        let sample = |peer: &PeerView<'_>| Some((format!("peer=\"{}\"", peer.node), of(peer)?));
        self.family(name, "gauge", help, peers.iter().filter_map(sample));
    }

    fn of_logs(&mut self, logs: &[LogView<'_>], name: &str, help: &str, of: impl Fn(&LogView<'_>) -> Option<i128>) {
        let sample = |log: &LogView<'_>| Some((format!("log=\"{}\"", log.origin), of(log)?));
        self.family(name, "gauge", help, logs.iter().filter_map(sample));
    }
}

/// A number of thousandths or millionths, with so many digits behind the point.
fn decimal(number: i128, digits: usize) -> String {
    let unit = 10_i128.pow(digits as u32);
    let (sign, number) = (if number < 0 { "-" } else { "" }, number.abs());
    format!("{sign}{}.{:0digits$}", number / unit, number % unit)
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
    page.of_peers(peers, "peer_up", "1 while a stream is open.", |peer| Some(i128::from(peer.is_up)));
    page.of_peers(peers, "peer_since_seconds", "Since when it is up or down.", |peer| peer.since.map(seconds));
    page.of_peers(peers, "peer_last_contact_seconds", "When something last arrived.", |peer| peer.last.map(seconds));
    page.of_peers(peers, "peer_lag", "Journal positions it has not acknowledged.", |peer| peer.lag.map(i128::from));
    page.of_peers(peers, "peer_ahead_logs", "Logs of which it has more.", |peer| Some(peer.ahead.len() as i128));
    page.of_peers(peers, "peer_strikes", "How often it broke the protocol.", |peer| {
        Some(i128::from(peer.shunned.strikes))
    });
    page.of_peers(peers, "peer_shunned_until_seconds", "Until when it is not spoken to.", |peer| {
        (peer.shunned.strikes > 0).then(|| seconds(peer.shunned.until))
    });
    page.of_peers(peers, "peer_clock_offset_seconds", "How far its clock was ahead when it said so last.", |peer| {
        peer.clock_offset_ms.map(|offset| decimal(offset.into(), 3))
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
    let frames = counts.iter().map(|((kind, direction), count)| (labels(kind, direction), count.frames));
    page.family("frames_total", "counter", "Frames on replication streams.", frames);
    let bytes = counts.iter().map(|((kind, direction), count)| (labels(kind, direction), count.bytes));
    page.family("frame_bytes_total", "counter", "Their bytes.", bytes);
    page.0
}

/// What the store has found out about itself.
fn of_store(page: &mut Page, store: &StoreCondition) {
    let damaged = store.damaged_segments.len() as i128;
    page.gauge("damaged_segments", "Segments of the store in which something cannot be read any more.", damaged);
    page.gauge("store_holes", "Places of the store that were passed over.", store.holes as i128);
    page.gauge(
        "store_missing_statements",
        "Own statements that stood there and are not back yet.",
        store.missing as i128,
    );
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

/// How long the loop and its deliveries take.
fn timings_text(timings: &Timings) -> String {
    let mut page = Page::default();
    page.histogram(
        "loop_round_seconds",
        "Rounds of the loop: thinking, storing, answering.",
        &timings.rounds.counted(),
    );
    page.histogram("delivery_seconds", "Calls that deliver to other nodes.", &timings.deliveries.counted());
    page.histogram(
        "call_place_seconds",
        "Places of calls: how long each was held until its answer was read.",
        &timings.places.counted(),
    );
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
        let timings = Timings::default();
        timings.rounds.observe(Duration::from_millis(3));
        timings.places.observe(Duration::from_millis(20));
        let mut follower = Follower::of(&town.node, 0, town.now);
        follower.follow_peers(&town.node, &BTreeMap::new());
        let page = text(follower.view(), &traffic, town.now)
            + &inboxes_text(&[("kid".parse().expect("name"), (3, 5))].into())
            + &timings_text(&timings);
        for line in [
            "# TYPE verbund_peer_up gauge",
            "verbund_peer_up{peer=\"kid\"} 1",
            "verbund_offerings 1",
            "verbund_peer_inbox{peer=\"kid\"} 3",
            "verbund_peer_inbox_refused_total{peer=\"kid\"} 5",
            "verbund_loop_round_seconds_bucket{le=\"0.005\"} 1",
            "verbund_loop_round_seconds_sum 0.003000",
            "verbund_call_place_seconds_bucket{le=\"0.025\"} 1",
            "verbund_frames_total{kind=\"credit\",direction=\"sent\"} 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        let own = format!("verbund_log_entries{{log=\"{}\"}}", town.node.settings().origin);
        assert!(page.contains(&own));
        check_format(&page);
        assert_eq!(
            [decimal(-1, 3), decimal(-12_345, 3), decimal(5, 6)],
            ["-0.001", "-12.345", "0.000005"].map(str::to_owned)
        );
    }

    /// What `promtool check metrics` asks of a page, as its documentation and that of the format say it.
    fn check_format(page: &str) {
        assert!(page.ends_with('\n') && !page.contains("\n\n") && !page.contains('\r'));
        let (mut families, mut samples) = (BTreeMap::new(), std::collections::BTreeSet::new());
        let mut lines = page.lines().peekable();
        while let Some(line) = lines.next() {
            let (name, help) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).expect(line);
            assert!(help.ends_with('.'), "{line}");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE ")?.strip_prefix(name));
            let kind = kind.expect(name).trim();
            assert!(["gauge", "counter", "histogram"].contains(&kind), "{name} {kind}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            for word in ["ms", "millis", "kb", "gauge", "counter", "histogram", "bucket", "sum", "count", "info"] {
                assert!(!name.split('_').any(|part| part == word), "{name}: no {word} in a name");
            }
            assert!(families.insert(name.to_owned(), ()).is_none(), "{name} twice");
            let mut buckets = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (series, value) = line.rsplit_once(' ').expect(line);
                let value: f64 = value.parse().expect(line);
                assert!(samples.insert(series.to_owned()), "{series} twice");
                let (of, labels) = series.split_once('{').unwrap_or((series, "}"));
                let suffix = of.strip_prefix(name).expect(line);
                let is_part = kind == "histogram" && ["_bucket", "_sum", "_count"].contains(&suffix);
                assert!(suffix.is_empty() != (kind == "histogram") && (suffix.is_empty() || is_part), "{line}");
                let labels = labels.strip_suffix('}').expect(line);
                for label in labels.split(',').filter(|label| !label.is_empty()) {
                    let (key, text) = label.split_once('=').expect(line);
                    assert!(key.bytes().all(|byte| byte.is_ascii_lowercase()), "{line}");
                    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).expect(line);
                    assert!(!text.contains(['"', '\\']), "{line}");
                }
                if suffix != "_sum" && kind == "histogram" {
                    buckets.push(value);
                }
            }
            assert!(buckets.is_sorted(), "{name}: each bound holds those before it");
            let ends = buckets.len().checked_sub(2).and_then(|at| buckets.get(at..));
            assert!(ends.is_none_or(|ends| ends[0] == ends[1]), "{name}: the last bucket holds all");
        }
    }
}
