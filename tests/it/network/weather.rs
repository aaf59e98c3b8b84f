//! A TCP forwarder that behaves as badly as it is told: late, slow, silent for a while, and breaking connections.
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Bytes forwarded at a time: small, so that a slow link is slow evenly.
const CHUNK: usize = 4096;

/// Chunks that may be under way in one direction: more than any delay here needs at any rate.
const UNDER_WAY_MAX: usize = 256;

/// What all connections suffer. The default is good weather.
#[derive(Clone, Copy, Default, Debug)]
pub struct Weather {
    /// Each chunk is late by this much.
    pub delay: Duration,
    /// And by up to this much more, in turns.
    pub jitter: Duration,
    /// Most bytes per second in each direction of a connection.
    pub rate: Option<u64>,
    /// Nothing gets through, and nothing is lost.
    pub is_stalled: bool,
    /// A connection is reset when it is this old.
    pub reset_after: Option<Duration>,
}

/// Forwards connections in this weather. The runtime is this value's; dropping it ends them all.
pub struct Forwarder {
    runtime: tokio::runtime::Runtime,
    weather: watch::Sender<Weather>,
    resets: Arc<AtomicU64>,
}

impl Forwarder {
    /// Forwards from nowhere, in good weather.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { runtime: runtime.expect("a thread"), weather: watch::Sender::default(), resets: Arc::default() }
    }

    /// From now on forwards what comes to `from` on to `to`.
    pub fn forward(&self, from: SocketAddr, to: SocketAddr) {
        let listener = self.runtime.block_on(TcpListener::bind(from)).expect("the address is ours");
        let (weather, resets) = (self.weather.subscribe(), self.resets.clone());
        self.runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                // A broken connection is what this is for.
                tokio::spawn(relay(stream, to, weather.clone(), resets.clone()));
            }
        });
    }

    /// Changes the weather for all connections, also those that are open.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// How many connections the weather has reset.
    pub fn resets(&self) -> u64 {
        self.resets.load(Ordering::Relaxed)
    }
}

async fn relay(
    mut near: TcpStream,
    to: SocketAddr,
    weather: watch::Receiver<Weather>,
    resets: Arc<AtomicU64>,
) -> io::Result<()> {
    let mut far = TcpStream::connect(to).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let both = async {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        tokio::try_join!(pump(near_in, far_out, weather.clone()), pump(far_in, near_out, weather.clone()))
    };
    let is_whole = tokio::select! {
        pumped = both => pumped.is_ok(),
        () = reset_due(weather.clone()) => {
            resets.fetch_add(1, Ordering::Relaxed);
            false
        }
    };
    if !is_whole {
        // Closing with nothing left to send and no linger is a reset on the wire.
        near.set_zero_linger()?;
        far.set_zero_linger()?;
    }
    Ok(())
}

async fn reset_due(mut weather: watch::Receiver<Weather>) {
    let began = Instant::now();
    loop {
        let age = weather.borrow_and_update().reset_after;
        let due = async {
            match age {
                Some(age) => tokio::time::sleep_until(began + age).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => return,
            changed = weather.changed() => if changed.is_err() { return },
        }
    }
}

/// One direction of one connection: what is read waits its time in a queue, so that a delay costs no throughput.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, weather: watch::Receiver<Weather>) -> io::Result<()> {
    let (queue, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY_MAX);
    let mut now = weather.clone();
    let reading = async move {
        let mut chunk = vec![0; CHUNK];
        for turn in 0_u32.. {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                break;
            }
            let Weather { delay, jitter, .. } = *weather.borrow();
            let due = Instant::now() + delay + jitter * (turn % 4) / 3;
            if queue.send((due, chunk[..length].to_vec())).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let writing = async move {
        while let Some((due, chunk)) = under_way.recv().await {
            tokio::time::sleep_until(due).await;
            if now.wait_for(|weather| !weather.is_stalled).await.is_err() {
                break;
            }
            to.write_all(&chunk).await?;
            let rate = now.borrow().rate;
            if let Some(rate) = rate {
                tokio::time::sleep(Duration::from_micros(chunk.len() as u64 * 1_000_000 / rate)).await;
            }
        }
        to.shutdown().await
    };
    tokio::try_join!(reading, writing).map(|_| ())
}
