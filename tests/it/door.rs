//! Strangers at a node's door: half requests, silence, answers nobody reads, words nobody understands. Honest callers do
//! not notice, and whoever did it gets a reason.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use h2::client::SendRequest;
use http::{HeaderMap, Request};
use hyper::body::Bytes;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use verbund::cli::client::Client;
use verbund::config::node::read_run;
use verbund::domain::id::{Hash, NodeId};
use verbund::domain::reason::Reason;
use verbund::node::keys::Opener;
use verbund::node::start::{Running, start};
use verbund::node::tls;
use verbund::wire::status::to_refusal;

use crate::federation::name;
use crate::live::Live;

/// Calls and connections of the small node, so that a test can fill it.
const CALLS: u32 = 16;
const CONNECTIONS: u32 = 24;

/// Longest time for a call at the small node, in milliseconds.
const CALL_MS: u32 = 2_000;

/// How often somebody asks again who was told to come back.
const LOOKS_MAX: usize = 5_000;

struct Door {
    live: Live,
    running: Running,
    address: SocketAddr,
    pin: Hash,
}

impl Door {
    async fn open() -> Self {
        let live = Live::found();
        let mut config = read_run(&live.run_file("kitu")).expect("settings");
        config.limits.calls_max = CALLS;
        config.limits.connections_max = CONNECTIONS;
        config.limits.call_ms_max = CALL_MS;
        let running = start(config, Opener::default(), false).await.expect("starts");
        let (address, pin) = live.world.nodes[&name::<NodeId>("kitu")];
        Self { live, running, address, pin }
    }

    async fn close(self) {
        self.running.stop().await;
        drop(self.live);
    }

    async fn shaken(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let config = tls::client_config(self.pin, None).expect("settings");
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn raw(&self) -> SendRequest<Bytes> {
        let (client, connection) = h2::client::handshake(self.shaken().await.expect("TLS")).await.expect("HTTP/2");
        tokio::spawn(connection);
        client
    }

    /// An honest client of its own, with a question and one about health.
    async fn is_answered(&self) -> Result<(), String> {
        let channel =
            tls::channel(&self.address.to_string(), self.pin, None, Duration::from_secs(10)).expect("a channel");
        let mut health = HealthClient::new(channel.clone());
        health.check(HealthCheckRequest::default()).await.map_err(|status| format!("health: {status}"))?;
        let mut client = Client::to(channel, name("kitu"), None);
        client.status().await.map(drop).map_err(|refusal| format!("status: {refusal}"))
    }
}

fn call(path: &str) -> Request<()> {
    let uri = format!("https://localhost{path}");
    let request = Request::post(uri).header("content-type", "application/grpc").header("te", "trailers");
    request.body(()).expect("a request")
}

/// Calls a method with these bytes; the status that comes back.
async fn said(client: &SendRequest<Bytes>, request: Request<()>, body: Vec<u8>) -> Result<tonic::Status, h2::Error> {
    let mut client = client.clone().ready().await?;
    let (answer, mut sending) = client.send_request(request, false)?;
    // A refusal may come before everything was sent.
    let _ = sending.send_data(body.into(), true);
    let answer = answer.await?;
    if let Some(status) = tonic::Status::from_header_map(answer.headers()) {
        return Ok(status);
    }
    let mut answer = answer.into_body();
    while let Some(data) = answer.data().await {
        let data = data?;
        answer.flow_control().release_capacity(data.len())?;
    }
    let trailers: HeaderMap = answer.trailers().await?.unwrap_or_default();
    Ok(tonic::Status::from_header_map(&trailers).expect("a status"))
}

const LIST: &str = "/verbund.catalogue.v1.CatalogueService/ListOfferings";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_requests_keep_nobody_out() {
    let door = Door::open().await;
    let (mut connections, mut open) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let client = door.raw().await;
        for _ in 0..100 {
            let Ok(mut ready) = client.clone().ready().await else { break };
            let Ok((answer, mut sending)) = ready.send_request(call(LIST), false) else { break };
            // Five of twenty announced bytes.
            let _ = sending.send_data(Bytes::from_static(&[0, 0, 0, 0, 15]), false);
            open.push((answer, sending));
        }
        connections.push(client);
    }
    assert!(open.len() > 2 * CALLS as usize);
    for _ in 0..20 {
        assert_eq!(door.is_answered().await, Ok(()), "beside {} half requests", open.len());
    }
    // They come to an end, each with a reason.
    for (answer, sending) in open {
        let answer = answer.await.expect("an answer");
        let status = tonic::Status::from_header_map(answer.headers()).expect("a status");
        let reason = to_refusal(&status).reason;
        assert!([Reason::DeadlineExceeded, Reason::Overloaded].contains(&reason), "{reason:?}");
        drop(sending);
    }
    door.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_keep_nobody_out() {
    let door = Door::open().await;
    let mut silent = Vec::new();
    for _ in 0..3 * CONNECTIONS {
        silent.push(door.shaken().await.expect("TLS"));
    }
    for _ in 0..20 {
        assert_eq!(door.is_answered().await, Ok(()), "beside {} silent connections", silent.len());
    }
    door.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_keep_nobody_out() {
    let door = Door::open().await;
    let mut unread = Vec::new();
    for _ in 0..4 {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(0);
        let stream = door.shaken().await.expect("TLS");
        let (client, connection) = builder.handshake::<_, Bytes>(stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        for _ in 0..CALLS {
            let mut ready = client.clone().ready().await.expect("open");
            let (answer, mut sending) = ready.send_request(call(LIST), false).expect("sent");
            sending.send_data(Bytes::from_static(&[0, 0, 0, 0, 0]), true).expect("sent");
            unread.push((client.clone(), answer));
        }
    }
    // Health has places of its own, whatever strangers hold.
    let channel = || tls::channel(&door.address.to_string(), door.pin, None, Duration::from_secs(10));
    for _ in 0..20 {
        let mut health = HealthClient::new(channel().expect("a channel"));
        health.check(HealthCheckRequest::default()).await.expect("healthy");
    }
    // Whoever asks something else waits for a second at most: then unread answers go, connection by connection.
    let mut last = Err(String::new());
    for _ in 0..LOOKS_MAX {
        last = door.is_answered().await;
        if last.is_ok() {
            break;
        }
    }
    assert_eq!(last, Ok(()));
    drop(unread);
    door.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_understood_gets_a_reason() {
    let door = Door::open().await;
    let client = door.raw().await;
    let message = |body: &[u8]| [&[0][..], &u32::try_from(body.len()).expect("small").to_be_bytes(), body].concat();
    let large = vec![0; tonic_limit() + 6];
    for (path, body, expected, code) in [
        ("/verbund.catalogue.v1.CatalogueService/Nirgends", message(b""), Reason::MethodUnknown, Code::Unimplemented),
        ("/verbund.nirgends.v1.Dienst/Tu", message(b""), Reason::MethodUnknown, Code::Unimplemented),
        // A text that is no UTF-8, a field of the wrong kind, half a message.
        (LIST, message(&[0x0a, 2, 0xc3, 0x28]), Reason::MessageInvalid, Code::InvalidArgument),
        (LIST, message(&[0x0d, 1]), Reason::MessageInvalid, Code::InvalidArgument),
        (LIST, vec![0, 0, 0, 0, 9, 1], Reason::MessageInvalid, Code::InvalidArgument),
        (LIST, large, Reason::MessageTooLarge, Code::InvalidArgument),
    ] {
        let status = said(&client, call(path), body).await.expect("an answer");
        let refusal = to_refusal(&status);
        assert_eq!((refusal.reason, status.code()), (expected, code), "{path}: {status:?}");
    }
    let mut request = call(LIST);
    for number in 0..10_000 {
        let name: http::HeaderName = format!("x-{number}").parse().expect("a name");
        request.headers_mut().insert(name, "wert".parse().expect("a value"));
    }
    // HTTP has an answer of its own for that (RFC 6585 section 5); some are closed on sight.
    drop(said(&client, request, message(b"")).await);
    assert_eq!(door.is_answered().await, Ok(()));
    door.close().await;
}

/// A node that does not know yet how far its own log goes reads for everybody and signs for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_what_the_node_can_do_now() {
    let door = Door::open().await;
    let channel =
        tls::channel(&door.address.to_string(), door.pin, None, Duration::from_secs(10)).expect("a channel");
    let mut health = HealthClient::new(channel);
    let mut says = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        health.check(request).await.expect("an answer").into_inner().status()
    };
    let mut told = Vec::new();
    for _ in 0..LOOKS_MAX {
        told.clear();
        for service in ["", "verbund.order.v1.OrderService", "verbund.catalogue.v1.CatalogueService"] {
            told.push(says(service).await);
        }
        if told[2] == ServingStatus::Serving {
            break;
        }
    }
    // The other five nodes are off, so nobody can say how far its log goes.
    assert_eq!(told, [ServingStatus::NotServing, ServingStatus::NotServing, ServingStatus::Serving]);
    door.close().await;
}

/// Of several addresses the one that answers under the right key counts, whatever stands before it: nobody, or
/// somebody silent. If none does, a wrong key is told before silence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_or_silent_first_address_keeps_nobody_away() {
    let door = Door::open().await;
    let listening = std::net::TcpListener::bind("127.0.0.1:0").expect("a port that nobody answers at");
    let dead = crate::ports::free_addresses(1)[0].to_string();
    let right = door.address.to_string();
    let silent = listening.local_addr().expect("an address").to_string();
    let reach = async |addresses: &[&str], pin: Hash| {
        let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
        let channel = tls::channel_to_any(&addresses, pin, None, Duration::from_secs(10)).expect("a channel");
        Client::to(channel, name("kitu"), None).status().await.map(|_| ()).map_err(|refusal| refusal.reason)
    };
    for first in [&dead, &silent] {
        assert_eq!(reach(&[first, &right], door.pin).await, Ok(()), "behind {first}");
    }
    assert_eq!(reach(&[&dead, &silent, &right], door.pin).await, Ok(()));
    assert_eq!(reach(&[&right, &dead], Hash([7; 32])).await, Err(Reason::PeerKeyWrong));
    assert_eq!(reach(&[&dead], door.pin).await, Err(Reason::Unreachable));
    let none = tls::channel_to_any(&[], door.pin, None, Duration::from_secs(1));
    assert_eq!(none.err().map(|refusal| refusal.reason), Some(Reason::Unreachable));
    door.close().await;
}

/// A wrong key, something that is no node, nobody at all: three reasons, not one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_no_matter_of_the_network() {
    let door = Door::open().await;
    let reason = async |address: String, pin: Hash| {
        let channel = tls::channel(&address, pin, None, Duration::from_secs(10)).expect("a channel");
        Client::to(channel, name("kitu"), None).status().await.expect_err("refused")
    };
    let refusal = reason(door.address.to_string(), Hash([7; 32])).await;
    assert_eq!((refusal.reason, refusal.reason.class().exit_code()), (Reason::PeerKeyWrong, 9));
    let expected = (Some(Hash([7; 32]).to_string()), Some(door.pin.to_string()));
    assert_eq!((refusal.field("expected").map(str::to_owned), refusal.field("shown").map(str::to_owned)), expected);
    // A page without TLS.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let plain = listener.local_addr().expect("an address");
    let page = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_eq!(reason(plain.to_string(), door.pin).await.reason, Reason::TlsFailed);
    page.abort();
    let closed = crate::ports::free_addresses(1)[0];
    assert_eq!(reason(closed.to_string(), door.pin).await.reason, Reason::Unreachable);
    door.close().await;
}

fn tonic_limit() -> usize {
    verbund::node::server::gate::MESSAGE_BYTES_MAX
}
