//! Ports for nodes that are stopped or killed and started again on the same one. They lie below those that the system
//! gives to outgoing connections: one of these would take the port of a node that is down.
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Above what needs privileges or is in common use, below 32,768, where Linux begins with outgoing connections.
const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;

/// How far apart processes begin that were started one after the other; has no divisor in common with [`COUNT`].
const APART: u32 = 1_009;

static GIVEN: AtomicU32 = AtomicU32::new(0);

/// Addresses on loopback at which nobody listens.
pub fn free_addresses(count: usize) -> Vec<SocketAddr> {
    let begin = std::process::id() % COUNT * APART;
    let port = || FIRST + (begin + GIVEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
    let addresses =
        std::iter::repeat_with(|| SocketAddr::from(([127, 0, 0, 1], u16::try_from(port()).expect("a port"))));
    addresses.filter(|address| TcpListener::bind(address).is_ok()).take(count).collect()
}
