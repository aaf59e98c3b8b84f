//! The page of a real node, as a browser asks for it: over plain TCP on this machine, found by what is on offer, and gone
//! when the node has stopped.
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use verbund::domain::id::NodeId;

use crate::federation::name;
use crate::live::Live;
use crate::ports::free_addresses;

/// Sends a head and reads until the node closes.
async fn said(to: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(to).await.expect("listens");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("read");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Asks for a page, as the whole answer.
pub async fn get(from: SocketAddr, path: &str) -> String {
    said(from, &format!("GET {path} HTTP/1.1\r\nhost: {from}\r\nconnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn a_node_serves_its_page_until_it_stops() {
    let mut live = Live::found();
    let address = free_addresses(1)[0];
    live.world.open_pages([(name::<NodeId>("kitu"), address)].into()).expect("settings");
    live.start("kitu").await;
    let start = get(address, "/").await;
    assert!(start.starts_with("HTTP/1.1 200") && start.contains("keine amtliche Website"), "{start}");
    let found = get(address, "/angebote?q=xyzzy").await;
    assert!(
        found.contains("Kein Angebot gefunden.") && found.contains("content-security-policy: default-src 'none'"),
        "{found}"
    );
    assert!(get(address, "/knoten?lang=en").await.contains("verbund-demo/log/kitu/1"));
    for (head, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(20_000)), "431"),
    ] {
        assert!(said(address, &head).await.starts_with(&format!("HTTP/1.1 {status}")), "{status}");
    }
    // A browser keeps its connection; the node does not wait for it.
    let mut kept = TcpStream::connect(address).await.expect("listens");
    kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    assert!(kept.read(&mut [0; 16]).await.expect("answered") > 0);
    live.stop("kitu").await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
