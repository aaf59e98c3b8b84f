//! Who has connected: TLS connections as they are accepted, how many there may be, and which of them must go.
//!
//! A place is never held by silence. Whoever comes when all places are taken gets the one of the stranger who has been
//! idle for longest; places of peers, known by their pinned key, are not given away.
use std::collections::BTreeMap;
use std::future::Future as _;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::domain::reason::{Reason, Refusal};
use crate::node::system;
use crate::node::tls::{HANDSHAKE, Identities, pin_of, server_config};

/// Longest silence between the handshake and the first byte: HTTP/2 clients speak at once (RFC 9113 section 3.4).
const PREFACE_MAX: Duration = Duration::from_secs(5);

/// How long a stranger's connection may stay without a call. Clients connect again by themselves.
const IDLE_MAX: Duration = Duration::from_secs(300);

/// Longest time in which an answer must have been read; afterwards its memory is taken back with the connection.
pub const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long an answer may wait to be read while others wait for a place.
const UNREAD_GRACE: Duration = Duration::from_secs(1);

/// How often connections are looked through.
const SWEEP: Duration = Duration::from_secs(1);

/// Of all places, how many one address may hold: a shared gateway of a whole Land needs many, one machine never all.
const ADDRESS_SHARE: usize = 2;

/// Calls of one connection at a time, streams not counted. Tools make one after the other.
const CALLS_PER_CONNECTION_MAX: usize = 32;

/// The same for a peer, which delivers in batches side by side.
const CALLS_PER_PEER_MAX: usize = 256;

/// Connections accepted but not yet taken over by the server.
const ACCEPTED_MAX: usize = 64;

/// Says whether a TLS key (SHA-256 of its SubjectPublicKeyInfo) is a peer's.
pub type IsPeer = Arc<dyn Fn(&[u8; 32]) -> bool + Send + Sync>;

/// Who is at the other end of a connection, and what it has under way.
#[derive(Debug)]
pub struct Caller {
    number: u64,
    address: IpAddr,
    /// SHA-256 of the key's SubjectPublicKeyInfo; absent until the handshake, and with callers who show none.
    key: Mutex<Option<[u8; 32]>>,
    is_peer: AtomicBool,
    has_spoken: AtomicBool,
    business: Mutex<Business>,
    closing: CancellationToken,
    among: Weak<Mutex<Open>>,
}

#[derive(Debug)]
struct Business {
    connected: Instant,
    /// When the last call began or ended.
    last: Instant,
    /// Calls whose answers have not been read to the end, by number.
    calls: BTreeMap<u64, Progress>,
    next_call: u64,
    streams: usize,
}

/// How far a call has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    /// The request is not complete.
    Arriving,
    /// It is being answered.
    Working,
    /// The answer can be read since then.
    Answered(Instant),
}

/// A call under way; ended when dropped.
#[derive(Debug)]
pub struct Call {
    caller: Arc<Caller>,
    number: u64,
}

/// A stream that runs; ended when dropped.
#[derive(Debug)]
pub struct Running(Arc<Caller>);

impl Caller {
    fn new(number: u64, address: IpAddr, among: &Arc<Mutex<Open>>) -> Arc<Self> {
        let now = system::ticks();
        let business = Business { connected: now, last: now, calls: BTreeMap::new(), next_call: 0, streams: 0 };
        Arc::new(Self {
            number,
            address,
            key: Mutex::new(None),
            is_peer: AtomicBool::new(false),
            has_spoken: AtomicBool::new(false),
            business: Mutex::new(business),
            closing: CancellationToken::new(),
            among: Arc::downgrade(among),
        })
    }

    /// SHA-256 of the SubjectPublicKeyInfo of the key that was shown.
    pub fn key(&self) -> Option<[u8; 32]> {
        *self.key.lock().expect("no panic while it is held")
    }

    /// Where the connection comes from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether the key was a peer's when it connected.
    pub fn is_peer(&self) -> bool {
        self.is_peer.load(Ordering::Relaxed)
    }

    fn business(&self) -> MutexGuard<'_, Business> {
        self.business.lock().expect("no panic while it is held")
    }

    /// A call begins; none if too many of this connection are under way.
    pub fn call(self: &Arc<Self>) -> Option<Call> {
        let most = if self.is_peer() { CALLS_PER_PEER_MAX } else { CALLS_PER_CONNECTION_MAX };
        let mut business = self.business();
        if business.calls.len() >= most {
            return None;
        }
        business.last = system::ticks();
        business.next_call += 1;
        let number = business.next_call;
        business.calls.insert(number, Progress::Arriving);
        Some(Call { caller: Arc::clone(self), number })
    }

    /// All places for calls are taken: the stranger who has left most answers unread for longer than [`UNREAD_GRACE`]
    /// loses the connection and with it their places. False if nobody has.
    pub fn make_room(&self) -> bool {
        let Some(open) = self.among.upgrade() else { return false };
        let now = system::ticks();
        let open = open.lock().expect("no panic while it is held");
        let strangers = open.callers.values().filter(|caller| !caller.is_peer() && !caller.closing.is_cancelled());
        let unread = strangers.map(|caller| (caller.unread_for(now, UNREAD_GRACE), caller));
        let most = unread.max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0);
        most.iter().for_each(|(_, caller)| caller.closing.cancel());
        most.is_some()
    }

    /// Answers that could have been read for longer than this.
    fn unread_for(&self, now: Instant, longer_than: Duration) -> usize {
        let business = self.business();
        let is_left =
            |call: &&Progress| matches!(call, Progress::Answered(since) if now.duration_since(*since) > longer_than);
        business.calls.values().filter(is_left).count()
    }

    /// Why the connection should end now.
    fn overdue(&self, now: Instant) -> Option<&'static str> {
        if self.unread_for(now, ANSWER_MAX) > 0 {
            return Some("answers are not read");
        }
        let business = self.business();
        if self.is_peer() || !business.calls.is_empty() || business.streams > 0 {
            return None;
        }
        if !self.has_spoken.load(Ordering::Relaxed) && now - business.connected > PREFACE_MAX + HANDSHAKE {
            return Some("nothing was ever said");
        }
        (now - business.last > IDLE_MAX).then_some("idle")
    }

    /// What is given up first: nothing said, nothing under way, longest without a call; never a peer, nor whoever is
    /// being answered.
    fn expendable(&self) -> Option<(bool, usize, usize, Instant)> {
        let business = self.business();
        let is_kept = self.is_peer() || business.calls.values().any(|call| *call != Progress::Arriving);
        let has_spoken = self.has_spoken.load(Ordering::Relaxed);
        (!is_kept).then(|| (has_spoken, business.calls.len().min(1), business.streams.min(1), business.last))
    }
}

impl Call {
    /// The request is complete.
    pub fn arrived(&self) {
        self.set(Progress::Working);
    }

    /// The answer is there; from now on it must be read.
    pub fn answered(&self) {
        self.set(Progress::Answered(system::ticks()));
    }

    fn set(&self, progress: Progress) {
        self.caller.business().calls.insert(self.number, progress);
    }

    /// The answer is a stream: it runs for as long as it likes and is no call any more.
    pub fn into_stream(self) -> Running {
        self.caller.business().streams += 1;
        Running(Arc::clone(&self.caller))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut business = self.caller.business();
        business.calls.remove(&self.number);
        business.last = system::ticks();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut business = self.0.business();
        business.streams -= 1;
        business.last = system::ticks();
    }
}

/// All open connections.
#[derive(Clone)]
struct Door {
    open: Arc<Mutex<Open>>,
    connections_max: usize,
}

#[derive(Default, Debug)]
struct Open {
    callers: BTreeMap<u64, Arc<Caller>>,
    by_address: BTreeMap<IpAddr, usize>,
    next: u64,
}

/// A place at the door; free again when dropped.
struct Place {
    caller: Arc<Caller>,
    door: Door,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.door.lock();
        open.callers.remove(&self.caller.number);
        if let Some(count) = open.by_address.get_mut(&self.caller.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.caller.address);
            }
        }
    }
}

impl Door {
    fn new(connections_max: usize) -> Self {
        Self { open: Arc::default(), connections_max }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("no panic while it is held")
    }

    /// A place for somebody who has just connected; none if nobody can be asked to leave for it.
    fn enter(&self, address: IpAddr) -> Option<Place> {
        let mut open = self.lock();
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        let has_its_share = of_address >= self.connections_max.div_ceil(ADDRESS_SHARE);
        if has_its_share || open.callers.len() >= self.connections_max {
            let may_go = |caller: &&Arc<Caller>| {
                !caller.closing.is_cancelled() && (!has_its_share || caller.address == address)
            };
            let ranked =
                open.callers.values().filter(may_go).filter_map(|caller| Some((caller.expendable()?, caller)));
            ranked.min_by_key(|(rank, _)| *rank)?.1.closing.cancel();
        }
        open.next += 1;
        let caller = Caller::new(open.next, address, &self.open);
        open.callers.insert(caller.number, Arc::clone(&caller));
        *open.by_address.entry(address).or_default() += 1;
        drop(open);
        Some(Place { caller, door: self.clone() })
    }

    /// Ends what is overdue, and says so in one line.
    fn sweep(&self) {
        let now = system::ticks();
        let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
        for caller in self.lock().callers.values() {
            if let Some(why) = caller.overdue(now).filter(|_| !caller.closing.is_cancelled()) {
                caller.closing.cancel();
                *ended.entry(why).or_default() += 1;
            }
        }
        for (why, count) in ended {
            tracing::info!(count, why, "connections closed");
        }
    }
}

/// An accepted connection.
pub struct Connection {
    stream: tokio_rustls::server::TlsStream<TcpStream>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    place: Place,
}

impl tonic::transport::server::Connected for Connection {
    type ConnectInfo = Arc<Caller>;

    fn connect_info(&self) -> Arc<Caller> {
        Arc::clone(&self.place.caller)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.closing.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.place.caller.has_spoken.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Binds the address; the only thing that fails here is a taken or forbidden address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Refusal> {
    TcpListener::bind(address).await.map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::AddrInUse => Reason::PortTaken,
            _ => Reason::ConfigInvalid,
        };
        Refusal::new(reason).with("address", address).with("problem", error)
    })
}

/// Connections, and the work that accepts them and shakes hands, each in a task of its own with a deadline, at most `connections_max` at once.
pub fn accept(
    listener: TcpListener,
    identities: &Identities,
    connections_max: usize,
    is_peer: IsPeer,
) -> Result<(ReceiverStream<std::io::Result<Connection>>, impl Future<Output = ()> + use<>), Refusal> {
    let acceptor = TlsAcceptor::from(Arc::new(server_config(identities)?));
    let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
    let door = Door::new(connections_max);
    let accepting = async move {
        let mut sweep = tokio::time::interval(SWEEP);
        let (mut refused, mut said) = (0_u64, 0_u64);
        loop {
            let (stream, from) = tokio::select! {
                () = sender.closed() => return,
                _ = sweep.tick() => {
                    door.sweep();
                    if refused > said {
                        tracing::warn!(count = refused - said, "connections refused, all places are in use");
                        said = refused;
                    }
                    continue;
                }
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file handles, for instance: wait for some to come back.
                        tracing::warn!(%error, "cannot accept");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let Some(place) = door.enter(from.ip()) else {
                refused += 1;
                continue;
            };
            let (acceptor, sender, is_peer) = (acceptor.clone(), sender.clone(), Arc::clone(&is_peer));
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                let closing = place.caller.closing.clone();
                let shaken = tokio::select! {
                    () = closing.cancelled() => return,
                    shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)) => shaken,
                };
                match shaken {
                    Ok(Ok(stream)) => {
                        let shown = stream.get_ref().1.peer_certificates().and_then(|shown| shown.first());
                        let key = shown.and_then(|certificate| pin_of(certificate).ok()).map(|hash| hash.0);
                        place.caller.is_peer.store(key.as_ref().is_some_and(|key| is_peer(key)), Ordering::Relaxed);
                        *place.caller.key.lock().expect("no panic while it is held") = key;
                        let closing = Box::pin(closing.cancelled_owned());
                        let _ = sender.send(Ok(Connection { stream, closing, place })).await;
                    }
                    Ok(Err(error)) => tracing::debug!(%from, %error, "handshake failed"),
                    Err(_) => tracing::debug!(%from, "handshake too slow"),
                }
            });
        }
    };
    Ok((ReceiverStream::new(accepted), accepting))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_idle_for_longest_gives_its_place_to_the_next() {
        let door = Door::new(4);
        let mut places = Vec::new();
        for last in 1..=4 {
            places.push(door.enter(address(last)).expect("a free place"));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let first_call = places[0].caller.call().expect("the first");
        first_call.arrived();
        places[1].caller.is_peer.store(true, Ordering::Relaxed);
        let is_closing = |places: &[Place]| -> Vec<bool> {
            places.iter().map(|place| place.caller.closing.is_cancelled()).collect()
        };
        let newcomer = door.enter(address(9)).expect("the third leaves");
        assert_eq!(is_closing(&places), [false, false, true, false]);
        let another = door.enter(address(9)).expect("the fourth leaves");
        assert_eq!(is_closing(&places), [false, false, true, true]);
        // One address has half of the places; it gives up its own.
        assert!(!newcomer.caller.closing.is_cancelled());
        let third = door.enter(address(9)).expect("in place of its own oldest");
        assert!(newcomer.caller.closing.is_cancelled() && !another.caller.closing.is_cancelled());
        let calls = [another.caller.call(), third.caller.call()].map(|call| call.expect("the first"));
        calls.iter().for_each(Call::arrived);
        assert!(door.enter(address(9)).is_none(), "all of its connections are at work");
        drop((first_call, calls));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends() {
        let door = Door::new(9);
        let silent = door.enter(address(1)).expect("a place");
        let idle = door.enter(address(2)).expect("a place");
        let unread = door.enter(address(3)).expect("a place");
        let peer = door.enter(address(4)).expect("a place");
        let watching = door.enter(address(5)).expect("a place");
        for place in [&idle, &unread, &peer, &watching] {
            place.caller.has_spoken.store(true, Ordering::Relaxed);
        }
        peer.caller.is_peer.store(true, Ordering::Relaxed);
        let call = unread.caller.call().expect("the first");
        call.answered();
        let stream = watching.caller.call().expect("the first").into_stream();
        let ended = |places: [&Place; 5]| places.map(|place| place.caller.closing.is_cancelled());
        for (after, expected) in [
            (Duration::from_secs(9), [false; 5]),
            (Duration::from_secs(2), [true, false, false, false, false]),
            (ANSWER_MAX, [true, false, true, false, false]),
            (IDLE_MAX, [true, true, true, false, false]),
        ] {
            tokio::time::advance(after).await;
            door.sweep();
            assert_eq!(ended([&silent, &idle, &unread, &peer, &watching]), expected, "{after:?}");
        }
        drop((call, stream));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_leaves_most_unread_makes_room() {
        let door = Door::new(9);
        let places: Vec<Place> = (1..=3).map(|last| door.enter(address(last)).expect("a place")).collect();
        places[2].caller.is_peer.store(true, Ordering::Relaxed);
        let calls: Vec<Call> = [0, 1, 1, 2, 2, 2].map(|of: usize| places[of].caller.call().expect("room")).into();
        calls.iter().for_each(Call::answered);
        assert!(!places[0].caller.make_room(), "they may be reading");
        tokio::time::advance(UNREAD_GRACE + Duration::from_millis(1)).await;
        for expected in [[false, true, false], [true, true, false]] {
            assert!(places[0].caller.make_room());
            let closing: Vec<bool> = places.iter().map(|place| place.caller.closing.is_cancelled()).collect();
            assert_eq!(closing, expected);
        }
        assert!(!places[0].caller.make_room(), "a peer keeps its places");
    }

    #[tokio::test]
    async fn one_connection_makes_so_many_calls_at_a_time() {
        let caller = Caller::new(1, address(1), &Arc::default());
        let calls: Vec<Call> = (0..CALLS_PER_CONNECTION_MAX).map(|_| caller.call().expect("one more")).collect();
        assert!(caller.call().is_none());
        drop(calls);
        assert!(caller.call().is_some());
    }
}
