//! Starting and stopping a node. Everything that can be wrong with its files is found before it speaks to anyone.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config::node::{Brokering, DecisionMode, NodeConfig};
use crate::domain::envelope;
use crate::domain::id::{NodeId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::node::driver::Driver;
use crate::node::files::Places;
use crate::node::handle::Handle;
use crate::node::keys::Opener;
use crate::node::listening::{IsPeer, accept, bind};
use crate::node::peers::{GrpcPeers, dial_all};
use crate::node::ports::KeyRing;
use crate::node::sealing::{RecoveryKeys, RecoveryPublic, RecoverySecret};
use crate::node::server::Services;
use crate::node::server::finding::Finder;
use crate::node::system::{self, SystemClock, SystemDice, fill};
use crate::node::tasks::Tasks;
use crate::node::tls::{Identities, Identity};
use crate::node::web::{self, Door};
use crate::node::{evidence, files, metrics, server, services};
use crate::protocol::Node;
use crate::protocol::settings::{Deciding, Instance, NodeKeys, Policy, Settings};
use crate::store::Store as _;
use crate::store::disk::{DiskStore, Opened};
use crate::store::frames::Position;
use crate::store::views::Found;

/// Longest wait for calls under way when the node stops. Streams are told to end; a caller that does not listen, or half
/// a connection, must not keep the node for longer.
const DRAIN: Duration = Duration::from_secs(3);

/// The store is read again so many bytes at a time, with a pause after each: a gigabyte in a quarter of an hour, unnoticed by
/// anybody. From one round to the next an hour passes.
const SCRUB_BYTES: u64 = 1024 * 1024;
const SCRUB_WAIT: Duration = Duration::from_secs(1);
const SCRUB_REST: Duration = Duration::from_secs(60 * 60);

/// What rots is mended at most this often: each time costs reading the whole store.
const MEND_WAIT: Duration = Duration::from_secs(60);

const HOUR_MS: i64 = 60 * 60 * 1000;

/// A node that runs.
pub struct Running {
    /// The way into it.
    pub handle: Handle,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its page is, if it has one.
    pub page: Option<String>,
    stop: watch::Sender<bool>,
    driver: JoinHandle<Result<(), Refusal>>,
    tasks: Tasks,
    failed: mpsc::Receiver<Refusal>,
}

impl Running {
    /// Waits until a part ends by itself: the driver does only when the store has failed, the others never should.
    pub async fn ended(&mut self) -> Refusal {
        tokio::select! {
            // The driver's own reason says more than that of those who ask it.
            biased;
            ended = &mut self.driver => match ended {
                Ok(Err(refusal)) => refusal,
                Ok(Ok(())) => Refusal::new(Reason::ShuttingDown),
                Err(error) => Refusal::new(Reason::Bug).with("task", "driver").with("problem", error),
            },
            Some(refusal) = self.failed.recv() => refusal,
        }
    }

    /// Says that it stops, first where its health is asked for, then to every stream; takes no more calls, waits a while for
    /// those under way, closes the store.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(DRAIN, self.tasks.ended()).await.is_err() {
            tracing::warn!("some calls did not end in time");
        }
        self.handle.stop().await;
        let _ = self.driver.await;
    }
}

/// Starts a node from its checked configuration, with keys as `opener` finds and opens them, now and whenever there are
/// new ones. `alone`: the operator answers for it that nobody knows more of the node's log than its store.
pub async fn start(config: NodeConfig, opener: Opener, alone: bool) -> Result<Running, Refusal> {
    start_with(config, opener, alone, Vec::new()).await
}

/// The same after a loss, with recovery keys that open what other nodes give back.
pub async fn start_with(
    config: NodeConfig,
    mut opener: Opener,
    alone: bool,
    recovery: Vec<RecoverySecret>,
) -> Result<Running, Refusal> {
    let recovery = recovery_keys(&config, recovery)?;
    let node_keys = opener.read_node(&config)?;
    let identities = Identities::new(Identity::read_all(&config.keys, &mut opener)?)?;
    let node_keys = NodeKeys { tls: identities.pins(), ..node_keys };
    let genesis = read_genesis(&config.genesis)?;
    let register = config.services.as_deref().map(services::read).transpose()?.unwrap_or_default();
    let Doors { places, listener, address, for_numbers, pages } = Doors::open(&config).await?;
    let data = config.data.clone();
    let store = tokio::task::spawn_blocking(move || DiskStore::open(&data))
        .await
        .map_err(|error| Refusal::new(Reason::Bug).with("problem", error))??;
    tell(store.opened());
    let deposits = recovery.public.is_some();
    let settings = Settings { deposits, ..settings(&config, instance(&config.data)?, alone) };
    let anchors: BTreeMap<[u8; 32], NodeId> =
        config.peers.iter().map(|peer| (peer.tls_sha256.0, peer.node.clone())).collect();
    let holes = store.holes()?;
    let mut node = Node::new(settings, node_keys, Box::new(SystemDice));
    holes.into_iter().for_each(|holes| node.has_lost(holes));
    let scrubbed = store.clone();
    let peers = GrpcPeers::new(&config, identities.clone(), recovery);
    let for_driver = peers.clone();
    let (driver, handle) = Driver::new(node, store, SystemClock, move |_| for_driver);
    let handle = handle.with_key_ring(key_ring(&config, opener, identities.clone()));
    let mut driver = tokio::spawn(driver.run());
    begin(&handle, genesis, &mut driver).await?;
    let (stop, stopped) = watch::channel(false);
    let (tasks, failed) = Tasks::new(stopped.clone());
    let (connections, accepting) = accept(listener, &identities, places.calls, is_peer(&handle, anchors.clone()))?;
    // It ends when the server takes no more: a server whose connections end before would end without telling anybody why.
    tasks.watch("accept", accepting);
    let finder = Arc::new(Finder::knowing(register));
    let services = Services {
        handle: handle.clone(),
        anchors,
        bundle: Arc::new(|handle, order, org| Box::pin(async move { evidence::bundle(&handle, order, org).await })),
        reflection: true,
        calls_max: config.limits.calls_max as usize,
        call_max: Duration::from_millis(config.limits.call_ms_max.into()),
        stopped: stopped.clone(),
        finder: Arc::clone(&finder),
    };
    let (router, health) = server::router(services).await;
    let signal = server::health::keep_true(health, handle.clone(), stopped.clone());
    tasks.watch("server", async move {
        if let Err(error) = router.serve_with_incoming_shutdown(connections, signal).await {
            tracing::error!(%error, "server ended");
        }
    });
    if let Some(listener) = for_numbers {
        tasks.keep("metrics", metrics::serve(listener, handle.clone()));
    }
    let page = pages.as_ref().map(Door::address);
    if let Some(door) = pages {
        tasks.watch("pages", door.serve(handle.clone(), finder, stopped.clone())?);
    }
    tasks.keep("scrub", scrub(scrubbed.clone()));
    tasks.keep("mend", mend(scrubbed, handle.clone()));
    tasks.keep("identity", show_as_named(identities, handle.clone()));
    tasks.watch("dial", dial_all(peers, handle.clone(), stopped));
    Ok(Running { handle, address, page, stop, driver, tasks, failed })
}

/// Reads the store, begins the log if there is none, and looks whether the keys are this node's.
async fn begin(
    handle: &Handle,
    genesis: Vec<Signed>,
    driver: &mut JoinHandle<Result<(), Refusal>>,
) -> Result<(), Refusal> {
    let Err(refusal) = handle.found(genesis).await else {
        let checked = handle.read(|node, _| node.check_keys()).await?;
        if checked.is_err() {
            handle.stop().await;
        }
        return checked;
    };
    // The driver's own reason says more than that it no longer answers.
    Err(match tokio::time::timeout(Duration::from_secs(1), driver).await {
        Ok(Ok(Err(first))) => first,
        _ => refusal,
    })
}

/// The addresses at which a node is asked, taken before it speaks to anyone.
struct Doors {
    places: Places,
    listener: TcpListener,
    address: SocketAddr,
    for_numbers: Option<TcpListener>,
    pages: Option<Door>,
}

impl Doors {
    async fn open(config: &NodeConfig) -> Result<Self, Refusal> {
        let wanted = Places {
            calls: config.limits.connections_max as usize,
            pages: if config.web.is_some() { web::CONNECTIONS_MAX } else { 0 },
        };
        let places = files::places(wanted)?;
        let listener = bind(config.listen).await?;
        let for_numbers = match config.metrics {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let pages = match config.web.clone() {
            Some(web) => Some(Door::open(web, places.pages).await?),
            None => None,
        };
        let unknown =
            |error| Refusal::new(Reason::ConfigInvalid).with("address", config.listen).with("problem", error);
        let address = listener.local_addr().map_err(unknown)?;
        Ok(Self { places, listener, address, for_numbers, pages })
    }
}

/// To which recovery key deposits are sealed: that of the settings, else one that is at hand.
fn recovery_keys(config: &NodeConfig, secrets: Vec<RecoverySecret>) -> Result<RecoveryKeys, Refusal> {
    let named = config.recovery_key.as_ref().map(|text| text.parse::<RecoveryPublic>()).transpose();
    let named = named.map_err(|refusal| refusal.with("field", "recovery_key"))?;
    let public = named.or_else(|| secrets.last().map(RecoverySecret::public));
    if public.is_none() {
        tracing::warn!("what only this node holds rests on one disk: run.toml names no recovery_key");
    }
    Ok(RecoveryKeys { public, secrets })
}

/// What was found in the store, where it was not as it should be.
fn tell(opened: &Opened) {
    if let Some(torn) = &opened.torn {
        let file = torn.file.display();
        tracing::warn!(%file, offset = torn.offset, bytes = torn.bytes, "an unfinished batch was cut off");
    }
    match &opened.views {
        Found::Kept { missing: 0 } => {}
        Found::Kept { missing } => tracing::info!(batches = missing, "the index was brought up to date"),
        Found::Rebuilt { why } => tracing::warn!(why, "the index was written anew"),
    }
}

/// The key folder, with whatever opens the files in it.
fn key_ring(config: &NodeConfig, opener: Opener, identities: Identities) -> KeyRing {
    let (config, mut opener) = (config.clone(), opener.unattended());
    Box::new(move || {
        let (keys, held) = (opener.read_node(&config)?, Identity::read_all(&config.keys, &mut opener)?);
        identities.replace(held)?;
        Ok(NodeKeys { tls: identities.pins(), ..keys })
    })
}

/// Whose key has a place of its own: nodes that others' records or the operator's settings name.
fn is_peer(handle: &Handle, anchors: BTreeMap<[u8; 32], NodeId>) -> IsPeer {
    let pins = handle.watch_pins();
    Arc::new(move |key| anchors.contains_key(key) || pins.borrow().values().any(|pin| pin.0 == *key))
}

/// Lets the node fetch again what has rotted while it runs.
async fn mend(store: DiskStore, handle: Handle) {
    loop {
        store.rotted().await;
        tracing::error!("records have rotted; the store is read again around them");
        handle.rotted().await;
        tokio::time::sleep(MEND_WAIT).await;
    }
}

/// Reads everything again, slowly and for ever, so that what has rotted is told before somebody needs it.
async fn scrub(store: DiskStore) {
    let mut from = Position::START;
    loop {
        tokio::time::sleep(if from == Position::START { SCRUB_REST } else { SCRUB_WAIT }).await;
        let (reader, known) = (store.clone(), store.condition().damaged_segments.len());
        let looked = tokio::task::spawn_blocking(move || reader.look_over_now(from, SCRUB_BYTES)).await;
        match looked {
            Ok(Ok(next)) => from = next,
            Ok(Err(refusal)) => {
                tracing::error!(
                    reason = refusal.reason.code(),
                    details = refusal.details(),
                    "cannot look over the store"
                );
                from = Position::START;
            }
            Err(error) => {
                tracing::error!(%error, "cannot look over the store");
                from = Position::START;
            }
        }
        let damaged = store.condition().damaged_segments;
        if damaged.len() > known {
            tracing::error!(reason = Reason::StoreDamaged.code(), segments = ?damaged, "records have rotted");
        }
    }
}

/// Shows the TLS key that the node's own record names, from the moment on at which it does.
async fn show_as_named(identities: Identities, handle: Handle) {
    let mut pins = handle.watch_pins();
    loop {
        identities.name(pins.borrow_and_update().get(handle.node()).copied());
        if pins.changed().await.is_err() {
            return;
        }
    }
}

fn settings(config: &NodeConfig, (instance, is_new_store): (Instance, bool), alone: bool) -> Settings {
    let profile = &config.profile;
    let hosts: BTreeSet<_> = profile.hosts.iter().cloned().collect();
    Settings {
        instance,
        is_new_store,
        anchors: config.peers.iter().map(|peer| peer.node.clone()).collect(),
        alone,
        deposits: false,
        anchor: config.federation_root,
        origin: origin(config),
        operator: profile.operator.clone(),
        policies: profile.brokering.iter().map(|entry| (entry.org.clone(), policy(entry))).collect(),
        hosts,
    }
}

/// The log a node of this configuration writes.
pub(super) fn origin(config: &NodeConfig) -> Origin {
    Origin { federation: config.federation.clone(), node: config.profile.node.clone(), epoch: config.epoch }
}

fn policy(entry: &Brokering) -> Policy {
    let within_ms = i64::from(entry.decide_within_hours.unwrap_or(0)) * HOUR_MS;
    let deciding = match entry.mode {
        DecisionMode::Auto => {
            Deciding::Rule { accept_assumed: entry.accept_assumed, total_max: entry.price_cents_max }
        }
        DecisionMode::Human => Deciding::Officer { within_ms },
    };
    Policy { deciding, fee: entry.fee.clone() }
}

/// What peers know this store by. It lies beside the records and not among them: a backup of the records that is
/// restored elsewhere gets a new one, and what peers remember of the old store is void.
fn instance(store: &Path) -> Result<(Instance, bool), Refusal> {
    let path = store.join("instance");
    let failed = |problem: &dyn std::fmt::Display| {
        Refusal::new(Reason::StoreFailed).with("file", path.display()).with("problem", problem)
    };
    let held = match fs::read_to_string(&path) {
        Ok(text) => plausible(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        // Not UTF-8, and so nobody's word.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => None,
        Err(error) => return Err(failed(&error)),
    };
    if let Some(held) = held {
        return Ok((held, false));
    }
    if path.exists() {
        tracing::warn!(file = %path.display(), "no identity of a store, a new one is written");
    }
    let mut bytes = [0; 16];
    fill(&mut bytes);
    system::replace_file(&path, hex::encode(bytes).as_bytes()).map_err(|error| failed(&error))?;
    Ok((Instance(bytes), true))
}

/// An identity as it was written; none if the file is empty, cut short or holds what no dice threw.
fn plausible(text: &str) -> Option<Instance> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
    let is_thrown = bytes.iter().any(|byte| *byte != bytes[0]);
    is_thrown.then_some(Instance(bytes))
}

/// The statements with which the node's log begins, in the order of their file names.
pub fn read_genesis(folder: &Path) -> Result<Vec<Signed>, Refusal> {
    let unreadable = |path: &Path, error: std::io::Error| {
        Refusal::new(Reason::ConfigUnreadable).with("file", path.display()).with("problem", error)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
            envelope::read(&text).map_err(|refusal| refusal.with("file", path.display()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stop of the machine leaves a small file empty, or full of zeros.
    #[test]
    fn an_empty_or_implausible_identity_counts_as_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, is_new) = instance(folder.path()).expect("written");
        assert!(is_new);
        assert_eq!(instance(folder.path()).expect("read"), (first, false));
        let file = folder.path().join("instance");
        let zeros = "0".repeat(32);
        let cut = &hex::encode(first.0)[..31];
        for bad in [&b""[..], b"\n", zeros.as_bytes(), cut.as_bytes(), &[0; 32], &[0xff; 32]] {
            fs::write(&file, bad).expect("written");
            let (other, is_new) = instance(folder.path()).expect("a new one");
            assert!(is_new && other != first, "{bad:?}");
            assert_eq!(instance(folder.path()).expect("read"), (other, false));
        }
    }
}
