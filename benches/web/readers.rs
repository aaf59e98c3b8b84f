//! Five-leg orders over six real processes, in turns with and without two hundred people who read at the buyer's node.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use verbund::domain::id::NodeId;

use crate::federation::name;
use crate::flood::timed;
use crate::measure::{Figure, Figures};
use crate::ports::free_addresses;
use crate::processes::{PARTIES, Processes};
use crate::{is_quick, percentile};

/// Orders of each kind, in turns of so many, after some that warm up.
const ORDERS: usize = 300;
const TURN: usize = 20;
const WARM: usize = 10;

/// Readers at a time, and how often each opens a page: a hundred pages a second together.
const READERS: usize = 200;
const EVERY: Duration = Duration::from_secs(2);

/// What they open, one after the other.
const ADDRESSES: [&str; 4] = ["/", "/angebote", "/angebote?q=wohngeld", "/knoten"];

/// Longest wait for a page.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages that came, and that did not.
#[derive(Default)]
struct Count {
    good: AtomicU64,
    bad: AtomicU64,
}

/// The part `readers`.
pub fn run(figures: &mut Figures) {
    let orders = if is_quick() { TURN } else { ORDERS };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().expect("a runtime");
    let count = Arc::new(Count::default());
    let (mut alone, mut beside) = runtime.block_on(measure(orders, &count));
    let (alone, beside) = (percentile(&mut alone, 99), percentile(&mut beside, 99));
    let (good, bad) = (count.good.load(Ordering::Relaxed), count.bad.load(Ordering::Relaxed));
    figures.put(Figure {
        figure: "readers_errors",
        value: bad as f64,
        n: good + bad,
        median_of: 1,
        limit: Some(0.0),
        note: "pages refused, broken off or later than ten seconds, 200 readers at a time while orders run",
        ..Figure::default()
    });
    figures.put(Figure {
        figure: "readers_order_p99_ratio",
        value: beside / alone,
        n: 2 * orders as u64,
        median_of: 1,
        peer: Some(("the same without readers", 1.0)),
        limit: Some(1.5),
        note: &format!(
            "99th percentile from handed in to sealed, {beside:.1} ms beside 200 readers who open a hundred pages a second at \
             the buyer's node, {alone:.1} ms alone, in turns; six processes on this machine"
        ),
        ..Figure::default()
    });
}

async fn measure(orders: usize, count: &Arc<Count>) -> (Vec<f64>, Vec<f64>) {
    let mut processes = Processes::found();
    let page = free_addresses(1)[0];
    processes.world.open_pages([(name::<NodeId>(PARTIES[0]), page)].into()).expect("settings");
    processes.open_all().await;
    let mut client = processes.buyer();
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for number in 0..WARM {
        timed(&processes, &mut client, &format!("warm-{number}")).await;
    }
    for turn in 0..orders.div_ceil(TURN) {
        for number in 0..TURN {
            alone.push(timed(&processes, &mut client, &format!("alone-{turn}-{number}")).await);
        }
        let mut readers = JoinSet::new();
        (0..READERS).for_each(|reader| _ = readers.spawn(read(page, reader, Arc::clone(count))));
        for number in 0..TURN {
            beside.push(timed(&processes, &mut client, &format!("beside-{turn}-{number}")).await);
        }
        readers.shutdown().await;
    }
    processes.stop().await;
    (alone, beside)
}

/// Opens one page after the other.
async fn read(page: SocketAddr, reader: usize, count: Arc<Count>) {
    // They do not all turn their pages at the same moment.
    tokio::time::sleep(EVERY * u32::try_from(reader).unwrap_or(0) / READERS as u32).await;
    let mut beat = tokio::time::interval(EVERY);
    for address in ADDRESSES.iter().cycle() {
        beat.tick().await;
        let came = tokio::time::timeout(PATIENCE, opened(page, address)).await;
        let counted = if matches!(came, Ok(Ok(true))) { &count.good } else { &count.bad };
        counted.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the page came whole and well.
async fn opened(page: SocketAddr, address: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(page).await?;
    stream
        .write_all(format!("GET {address} HTTP/1.1\r\nhost: {page}\r\nconnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200") && answer.trim_ascii_end().ends_with(b"</html>"))
}
