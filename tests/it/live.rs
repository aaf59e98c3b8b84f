//! Real nodes in one process: TLS, streams, stores on disk, configuration from files as the demonstration writes it.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use verbund::cli::demo::found::{World, found_world};
use verbund::config::folder::read_folder;
use verbund::config::node::{HostPort, NodeConfig, read_run};
use verbund::config::offerings::read_offerings;
use verbund::domain::id::{Hash, NodeId, OrderId, Origin};
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::signing::{SecretKey, Signer};
use verbund::domain::statement::{Kind, Signed};
use verbund::node::driver::Driver;
use verbund::node::handle::{Handle, PEER_INBOX_MAX};
use verbund::node::join::introduce;
use verbund::node::keys::Opener;
use verbund::node::peers::GrpcPeers;
use verbund::node::ports::{Nobody, Peers as _};
use verbund::node::repair::repair_log;
use verbund::node::sealing::RecoveryKeys;
use verbund::node::start::{Running, read_genesis, start};
use verbund::node::system::{SystemClock, SystemDice};
use verbund::node::tls::{self, Identities, Identity, key_shown_at};
use verbund::protocol::Node;
use verbund::protocol::frame::{Delivery, Run};
use verbund::protocol::limits::BATCH_DELIVERIES_MAX;
use verbund::protocol::peering::Dialler;
use verbund::protocol::replication::introduction;
use verbund::store::memory::MemoryStore;

use crate::cluster::{run, verbund};
use crate::federation::{federation, name};
use crate::ports::free_addresses;

/// How often a condition is looked at, every five milliseconds: half a minute, for machines that do other things too.
const LOOKS_MAX: usize = 6_000;

/// The federation of `nodes/`, founded in a folder of its own.
pub struct Live {
    /// What was founded.
    pub world: World,
    running: BTreeMap<NodeId, Running>,
    _folder: tempfile::TempDir,
}

/// What is there at once, without waiting.
async fn at_once<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    tokio::select! { biased; done = future => Some(done), () = std::future::ready(()) => None }
}

#[test]
pub fn a_peer_has_no_more_room_at_the_door_than_its_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (federation, own): (_, NodeId) = (federation(), name("kitu"));
        let node = Node::new(federation.settings(&own), federation.keys(&own), Box::new(SystemDice));
        // The driver does not run yet, so whatever comes waits.
        let (driver, handle) = Driver::new(node, MemoryStore::new(), SystemClock, |_| Nobody);
        let (flooding, other): (NodeId, NodeId) = (name("akdb"), name("dataport"));
        let (mut waiting, mut refused) = (Vec::new(), 0);
        for number in 0..3 * PEER_INBOX_MAX as u64 {
            let mut delivery = Box::pin(handle.deliver(&flooding, nonsense(number)));
            match at_once(delivery.as_mut()).await {
                Some(outcome) => {
                    assert_eq!(outcome.expect_err("no room").reason, Reason::Overloaded);
                    refused += 1;
                }
                None => waiting.push(delivery),
            }
        }
        assert_eq!((waiting.len(), refused), (PEER_INBOX_MAX, 2 * PEER_INBOX_MAX));
        let mut delivery = Box::pin(handle.deliver(&other, nonsense(0)));
        assert!(at_once(delivery.as_mut()).await.is_none(), "others find room");
        let driver = tokio::spawn(driver.run());
        for waiting in waiting.into_iter().chain([delivery]) {
            assert_ne!(
                waiting.await.expect_err("nonsense").reason,
                Reason::Overloaded,
                "what found room is looked at"
            );
        }
        handle.stop().await;
        driver.await.expect("no panic").expect("the store is fine");
    });
}

impl Live {
    /// Founds; nothing runs yet.
    pub fn found() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let described = read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes")).expect("the demo's files");
        let names = described.nodes.iter().map(|node| node.profile.node.clone());
        let addresses = names.zip(free_addresses(described.nodes.len())).collect();
        let world = found_world(folder.path(), &described, &addresses, Some(1)).expect("founded");
        Self { world, running: BTreeMap::new(), _folder: folder }
    }

    /// A node's `run.toml`.
    pub fn run_file(&self, node: &str) -> PathBuf {
        self.world.run_file(&name(node))
    }

    /// Starts a node from its files.
    pub async fn start(&mut self, node: &str) -> Handle {
        let running =
            start(read_run(&self.run_file(node)).expect("settings"), Opener::default(), false).await.expect("starts");
        let handle = running.handle.clone();
        self.running.insert(name(node), running);
        handle
    }

    /// The handle of a running node.
    pub fn node(&self, node: &str) -> Handle {
        self.running[&name::<NodeId>(node)].handle.clone()
    }

    /// Stops one node.
    pub async fn stop(&mut self, node: &str) {
        self.running.remove(&name::<NodeId>(node)).expect("runs").stop().await;
    }

    /// Stops all.
    pub async fn stop_all(self) {
        for running in self.running.into_values() {
            running.stop().await;
        }
    }
}

/// Waits until a condition holds on a node.
pub async fn wait_until(handle: &Handle, what: &str, holds: impl Fn(&Node) -> bool + Send + Clone + 'static) {
    for _ in 0..LOOKS_MAX {
        let holds = holds.clone();
        if handle.read(move |node, _| holds(node)).await.expect("runs") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} did not come true");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_all_dial_each_other_end_with_one_stream_per_pair() {
    let mut live = Live::found();
    let names: Vec<String> = live.world.nodes.keys().map(ToString::to_string).collect();
    for node in &names {
        live.start(node).await;
    }
    for node in &names {
        let others: BTreeSet<NodeId> = names.iter().filter(|other| *other != node).map(|other| name(other)).collect();
        let handle = live.node(node);
        handle.open_streams().wait_for(|open| *open == others).await.expect("runs");
        wait_until(&handle, "signing", |node| node.check_may_sign().is_ok()).await;
    }
    // One that comes back is dialled by all and dials all.
    live.stop("kid").await;
    let others = names.len() - 1;
    live.node("kitu").open_streams().wait_for(|open| open.len() < others).await.expect("runs");
    live.start("kid").await;
    for node in &names {
        live.node(node).open_streams().wait_for(|open| open.len() == others).await.expect("runs");
    }
    live.stop_all().await;
}

#[tokio::test]
async fn when_both_dial_at_once_the_stream_of_the_smaller_name_stays() {
    let federation = federation();
    let own: NodeId = name("kid");
    let node = Node::new(federation.settings(&own), federation.keys(&own), Box::new(SystemDice));
    let (driver, handle) = Driver::new(node, MemoryStore::new(), SystemClock, |_| Nobody);
    let driver = tokio::spawn(driver.run());
    let (larger, smaller): (NodeId, NodeId) = (name("kitu"), name("akdb"));
    // Own name first: the stream this node dialled replaces the other's, whichever is there first.
    let (mut theirs, _theirs) = handle.open_stream(larger.clone(), Dialler::Them, None).await.expect("none is open");
    let (mut ours, into_ours) = handle.open_stream(larger.clone(), Dialler::Us, None).await.expect("takes its place");
    while theirs.recv().await.is_some() {}
    let refused = handle.open_stream(larger.clone(), Dialler::Them, None).await.err().expect("one is open");
    assert_eq!(refused.reason, Reason::StreamOpen);
    assert!(ours.recv().await.is_some(), "a hello");
    // The other way round the peer's stays.
    let (_theirs, _into) = handle.open_stream(smaller.clone(), Dialler::Them, None).await.expect("none is open");
    let refused = handle.open_stream(smaller.clone(), Dialler::Us, None).await.err().expect("one is open");
    assert_eq!(refused.reason, Reason::StreamOpen);
    // Whoever dials again has lost its first stream.
    let (_again, _into_again) =
        handle.open_stream(smaller.clone(), Dialler::Them, None).await.expect("takes its place");
    assert_eq!(*handle.open_streams().borrow(), [larger.clone(), smaller.clone()].into());
    drop(into_ours);
    let mut open = handle.open_streams();
    open.wait_for(|open| *open == BTreeSet::from([smaller.clone()])).await.expect("runs");
    handle.stop().await;
    driver.await.expect("no panic").expect("the store is fine");
}

impl Live {
    /// Takes the peers out of a node's settings, as those of a new node are.
    fn forget_peers(&self, node: &str) {
        self.keep_peers(node, &[]);
    }

    /// Leaves only these peers in a node's settings.
    fn keep_peers(&self, node: &str, kept: &[&str]) {
        let text = std::fs::read_to_string(self.run_file(node)).expect("settings");
        let mut table: toml::Table = text.parse().expect("TOML");
        let peers = table.get_mut("peers").and_then(toml::Value::as_array_mut).expect("peers");
        peers.retain(|peer| kept.contains(&peer["node"].as_str().expect("a name")));
        std::fs::write(self.run_file(node), table.to_string()).expect("settings");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_node_joins_with_the_root_and_one_address() {
    let mut live = Live::found();
    // Three know each other from their settings; nobody knows the fourth, and it knows nobody.
    for node in ["kid", "kitu", "akdb", "dataport"] {
        live.forget_peers(node);
    }
    live.start("kid").await;
    let first = HostPort::try_from(live.world.nodes[&name::<NodeId>("kid")].0.to_string()).expect("address");
    for (node, others) in [("kitu", 1), ("akdb", 2), ("dataport", 3)] {
        let mut config = read_run(&live.run_file(node)).expect("settings");
        let peer = introduce(&config, &mut Opener::default(), first.clone()).await.expect("introduced");
        assert_eq!((peer.node.as_str(), peer.tls_sha256), ("kid", live.world.nodes[&peer.node].1));
        if others == 1 {
            // Once, because a node takes few introductions a second.
            introduce(&config, &mut Opener::default(), first.clone()).await.expect("twice is once");
        }
        config.peers.push(peer);
        let running = start(config, Opener::default(), false).await.expect("starts");
        let handle = running.handle.clone();
        live.running.insert(name(node), running);
        wait_until(&handle, "level", |node| node.progress().is_level).await;
        wait_until(&handle, "signing", |node| node.check_may_sign().is_ok()).await;
        // It learns of the others through the one it knows, and they of it.
        handle.open_streams().wait_for(|open| open.len() == others).await.expect("runs");
    }
    let digest = live.node("kid").read(|node, _| node.state().catalogue.digest()).await.expect("runs");
    for node in ["kitu", "akdb", "dataport"] {
        wait_until(&live.node(node), "same catalogue", move |node| node.state().catalogue.digest() == digest).await;
    }
    live.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_introduction_is_refused_unless_the_log_and_the_tls_key_fit() {
    let mut live = Live::found();
    live.forget_peers("kid");
    let kid = live.start("kid").await;
    let config = read_run(&live.run_file("kitu")).expect("settings");
    let genesis = read_genesis(&config.genesis).expect("genesis");
    let log = Opener::default().read(&config.keys.join("log.pem")).expect("key");
    let origin: Origin = "verbund-demo/log/kitu/1".parse().expect("origin");
    let pin = live.world.nodes[&name::<NodeId>("kitu")].1;
    let refused = async |run: Run, pin: Hash| kid.introduce(run, pin).await.expect_err("refused").reason;
    let good = introduction(&origin, &genesis, &log);
    let size = |run: &Run| run.entries.len();
    assert!(size(&good) > 5);
    // The beginning of a log is public; whoever shows another's has another TLS key.
    assert_eq!(refused(good.clone(), Hash([1; 32])).await, Reason::PeerUnknown);
    let other_key = introduction(&origin, &genesis, &SecretKey::from_seed(&[9; 32]));
    assert_ne!(refused(other_key, pin).await, Reason::PeerUnknown);
    let mut without_admission = genesis.clone();
    let admission = genesis.iter().position(|signed| *signed.kind() == Kind::Admission).expect("one");
    without_admission.remove(admission);
    assert_eq!(refused(introduction(&origin, &without_admission, &log), pin).await, Reason::OrgUnknown);
    let without_record: Vec<_> =
        genesis.iter().filter(|signed| *signed.kind() != Kind::NodeRecord).cloned().collect();
    assert_eq!(refused(introduction(&origin, &without_record, &log), pin).await, Reason::PeerUnknown);
    let elsewhere: Origin = "another/log/kitu/1".parse().expect("origin");
    assert_eq!(refused(introduction(&elsewhere, &genesis, &log), pin).await, Reason::RootUnknown);
    let mut too_long = good.clone();
    too_long.entries = std::iter::repeat_n(too_long.entries[0].clone(), 65).collect();
    assert_eq!(refused(too_long, pin).await, Reason::FrameInvalid);
    let logs = kid.read(|node, _| node.state().logs.values().filter(|log| log.tree.size() > 0).count()).await;
    assert_eq!(logs.expect("runs"), 1, "nothing of it is left");
    kid.introduce(good.clone(), pin).await.expect("introduced");
    assert_eq!(refused(good, Hash([1; 32])).await, Reason::PeerUnknown);
    live.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_process_that_joins_is_ready_once_it_is_level() {
    let mut live = Live::found();
    live.forget_peers("kid");
    live.forget_peers("kitu");
    live.start("kid").await;
    let root = format!("sha256:{}", live.world.anchor);
    let address = live.world.nodes[&name::<NodeId>("kid")].0.to_string();
    let join = |root: &str, peer: &str| {
        let mut command = verbund();
        command.args(["node", "join", "--until-stdin-closes", "--root", root, "--peer", peer, "--config"]);
        command.arg(live.run_file("kitu"));
        command
    };
    let refused = |mut command: Command, exit: i32, code: &str| {
        let said = run(&mut command, exit).stderr;
        assert!(String::from_utf8_lossy(&said).contains(code), "{code}");
    };
    refused(join(&format!("sha256:{}", "0".repeat(64)), &address), 5, "ROOT_UNKNOWN");
    refused(join(&root, "127.0.0.1:1"), 4, "NODE_UNREACHABLE");
    refused(join(&root, "no address"), 2, "host:port");
    let mut child = join(&root, &address).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let ready = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        stdout.read_line(&mut line).map(|_| line)
    });
    let line = ready.await.expect("no panic").expect("a line");
    assert!(line.contains("\"ready\":true"), "{line}");
    wait_until(&live.node("kid"), "the newcomer's log", |node| node.peers().any(|(peer, _)| peer.as_str() == "kitu"))
        .await;
    drop(child.stdin.take());
    assert!(child.wait().expect("ends").success());
    let mut repair = verbund();
    repair.args(["node", "repair-log", "--config"]).arg(live.run_file("kitu"));
    repair.arg("--root-key").arg(live.world.folder.join("roots/kitu-1.pem"));
    refused(repair, 7, "LOG_NOT_CUT");
    live.stop_all().await;
}

/// An offering of the demonstration, signed by its seller's publisher, with another title.
pub fn offering(live: &Live, title: &str, version: u32) -> Signed {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes/kitu/offerings");
    let mut offering = read_offerings(&folder).expect("offerings").swap_remove(0);
    (offering.title, offering.version) = (title.to_owned(), version);
    let key = &live.world.officers[&(offering.seller.clone(), name("vertrieb"))];
    Signed::sign(&Kind::Offering, &offering, &[key])
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).expect("folder") {
        let path = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

fn shows(node: &Node, title: &str) -> bool {
    node.state().catalogue.on_offer().any(|row| row.offering.title == title)
}

/// One request over plain HTTP; the whole answer.
async fn http(address: SocketAddr, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("listens");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("UTF-8");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_answered_over_http_where_the_settings_say_so() {
    let mut live = Live::found();
    live.keep_peers("kid", &["kitu"]);
    live.keep_peers("kitu", &["kid"]);
    let address = free_addresses(1)[0];
    let text = std::fs::read_to_string(live.run_file("kitu")).expect("settings");
    std::fs::write(live.run_file("kitu"), format!("metrics = \"{address}\"\n{text}")).expect("settings");
    live.start("kitu").await;
    live.start("kid").await;
    wait_until(&live.node("kitu"), "level", |node| node.progress().is_level).await;
    let page = http(address, "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("version=0.0.4"), "{page}");
    // Both dial, so on a slow machine there may have been more than one stream.
    for line in ["verbund_peer_up{peer=\"kid\"} 1\n", "verbund_frames_total{kind=\"hello\",direction=\"sent\"} "] {
        assert!(page.contains(line), "{line} is missing in\n{page}");
    }
    assert!(http(address, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.starts_with("HTTP/1.1 404"));
    assert!(
        http(address, "POST /metrics HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 405")
    );
    live.stop_all().await;
}

/// What a connection costs that says nothing, with both of its ends and their TLS in this process: the reason for the
/// default of `limits.connections_max`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: `cargo test --release --test it a_connection_costs -- --ignored --nocapture`"]
async fn a_connection_costs_little_memory() {
    const CONNECTIONS: u64 = 1_000;
    const BYTES_MAX: u64 = 256 * 1024;
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    let mut live = Live::found();
    live.start("kitu").await;
    let address = live.running[&name::<NodeId>("kitu")].address.to_string();
    let pin = key_shown_at(&address).await.expect("a key");
    let (before, mut open) = (resident(), Vec::new());
    for _ in 0..CONNECTIONS {
        let channel = tls::channel(&address, pin, None, Duration::from_secs(10)).expect("a channel");
        let mut client = tonic_health::pb::health_client::HealthClient::new(channel);
        client.check(tonic_health::pb::HealthCheckRequest::default()).await.expect("healthy");
        open.push(client);
    }
    let each = resident().saturating_sub(before) / CONNECTIONS;
    eprintln!("{each} bytes for each connection, both ends");
    assert!(each <= BYTES_MAX);
    live.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_log_is_repaired_and_others_follow_the_new_one() {
    let mut live = Live::found();
    for node in ["kitu", "kid"] {
        live.keep_peers(node, &["kitu", "kid"]);
        live.start(node).await;
    }
    let kitu_folder = live.run_file("kitu").parent().expect("folder").to_owned();
    wait_until(&live.node("kitu"), "signing", |node| node.check_may_sign().is_ok()).await;
    wait_until(&live.node("kid"), "signing", |node| node.check_may_sign().is_ok()).await;
    // The operator restores yesterday's backup and insists that nobody is asked: two histories.
    live.stop("kitu").await;
    copy(&kitu_folder.join("data"), &kitu_folder.join("backup"));
    let refused = repair_log(&live.run_file("kitu"), &mut Opener::default(), &[]).expect_err("nothing to repair");
    assert_eq!(refused.reason, Reason::LogWhole);
    let handle = live.start("kitu").await;
    wait_until(&handle, "signing", |node| node.check_may_sign().is_ok()).await;
    handle.publish(offering(&live, "verloren", 1)).await.expect("published");
    wait_until(&live.node("kid"), "first history", |node| shows(node, "verloren")).await;
    live.stop("kitu").await;
    live.stop("kid").await;
    std::fs::remove_dir_all(kitu_folder.join("data")).expect("removed");
    copy(&kitu_folder.join("backup"), &kitu_folder.join("data"));
    let config = read_run(&live.run_file("kitu")).expect("settings");
    let running = start(config, Opener::default(), true).await.expect("starts");
    running.handle.publish(offering(&live, "gerettet", 1)).await.expect("published");
    live.running.insert(name("kitu"), running);
    live.start("kid").await;
    let old: Origin = "verbund-demo/log/kitu/1".parse().expect("origin");
    let cut = move |node: &Node| node.forks().any(|(log, _)| log.node.as_str() == "kitu");
    wait_until(&live.node("kid"), "cut", cut).await;
    wait_until(&live.node("kitu"), "cut", cut).await;
    wait_until(&live.node("kid"), "gone", |node| !shows(node, "verloren") && !shows(node, "gerettet")).await;
    let refused = live.node("kitu").publish(offering(&live, "zu spät", 2)).await.expect_err("cut");
    assert_eq!(refused.reason, Reason::LogCut);

    live.stop("kitu").await;
    let roots: Vec<Box<dyn Signer>> = (1..=2)
        .map(|number| {
            Opener::default().signer(&live.world.folder.join(format!("roots/kitu-{number}.pem"))).expect("key")
        })
        .collect();
    let before = std::fs::read_to_string(live.run_file("kitu")).expect("settings");
    let refused =
        repair_log(&live.run_file("kitu"), &mut Opener::default(), &roots[..1]).expect_err("two are needed");
    assert_eq!(refused.reason, Reason::ThresholdMissed);
    assert_eq!(std::fs::read_to_string(live.run_file("kitu")).expect("settings"), before);
    let (_, repaired) = repair_log(&live.run_file("kitu"), &mut Opener::default(), &roots).expect("repaired");
    assert_eq!((repaired.published_again, repaired.left_out.len()), (1, 0), "{:?}", repaired.left_out);

    let handle = live.start("kitu").await;
    wait_until(&live.node("kid"), "seen again", |node| shows(node, "gerettet")).await;
    wait_until(&handle, "seen again at home", |node| shows(node, "gerettet")).await;
    wait_until(&handle, "signing", |node| node.check_may_sign().is_ok()).await;
    handle.publish(offering(&live, "weiter", 2)).await.expect("published");
    wait_until(&live.node("kid"), "life goes on", |node| shows(node, "weiter")).await;
    for node in ["kid", "kitu"] {
        for org in ["kitu", "barleben"] {
            let hosted = name(org);
            let home = move |node: &Node, _| node.state().registry.home(&hosted).map(|log| log.origin().clone());
            let home = live.node(node).read(home).await.expect("runs").expect("known");
            assert_eq!((home.epoch, &home.node), (2, &old.node), "{org} on {node}");
        }
    }
    live.stop_all().await;
}

/// Somebody else's node, seen from outside: its TLS key, and nothing of its own running.
fn outsider(live: &Live, node: &str) -> GrpcPeers {
    outside(&read_run(&live.run_file(node)).expect("settings"))
}

/// The same with other settings.
pub fn outside(config: &NodeConfig) -> GrpcPeers {
    let held = Identity::read_all(&config.keys, &mut Opener::default()).expect("a TLS key");
    GrpcPeers::new(config, Identities::new(held).expect("in good form"), RecoveryKeys::default())
}

/// A delivery that any node refuses once it looks at it.
fn nonsense(number: u64) -> Delivery {
    let signed =
        Signed::sign(&Kind::Request, &serde_json::json!({ "number": number }), &[&SecretKey::from_seed(&[5; 32])]);
    Delivery {
        order: OrderId([0; 16]),
        attempt: 1,
        to: name("kitu"),
        message: signed.id(),
        messages: vec![signed],
        annexes: Vec::new(),
    }
}

async fn refused(peers: &GrpcPeers, deliveries: impl IntoIterator<Item = Delivery>) -> Vec<Refusal> {
    let outcomes = peers.deliver(name("kitu"), deliveries.into_iter().collect()).await;
    outcomes.into_iter().map(|outcome| outcome.expect_err("nonsense")).collect()
}

/// Held by tests that flood: one keeps both cores busy, and the other counts on answers within a deadline.
pub static FLOOD: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_peer_that_floods_is_told_to_wait_and_nobody_else() {
    let _alone = FLOOD.lock().await;
    const CALLS: usize = 3 * PEER_INBOX_MAX;
    let mut live = Live::found();
    let running =
        start(read_run(&live.run_file("kitu")).expect("settings"), Opener::default(), true).await.expect("starts");
    let kitu = running.handle.clone();
    live.running.insert(name("kitu"), running);
    // The node is held at one look, so that whatever comes waits.
    let ((held, is_held), (go_on, may_go_on)) = (tokio::sync::oneshot::channel(), std::sync::mpsc::channel::<()>());
    let holding = kitu.clone();
    let hold = tokio::spawn(async move {
        let look = move |_: &Node, _| {
            let _ = held.send(());
            may_go_on.recv().expect("the test goes on")
        };
        holding.read(look).await
    });
    is_held.await.expect("held");
    let flooding = outsider(&live, "akdb");
    let mut flood = tokio::task::JoinSet::new();
    for number in 0..CALLS as u64 {
        let flooding = flooding.clone();
        flood.spawn(async move { refused(&flooding, [nonsense(number)]).await.remove(0) });
    }
    for _ in 0..CALLS - PEER_INBOX_MAX {
        let refusal = flood.join_next().await.expect("one of them").expect("no panic");
        assert_eq!((refusal.reason, refusal.field("peer")), (Reason::Overloaded, Some("akdb")));
        assert_eq!(refusal.field("retry_ms"), Some("250"), "the peer is told when to come back");
    }
    // Others find room, and so does who is not a peer.
    let other = outsider(&live, "dataport");
    let other = tokio::spawn(async move { refused(&other, [nonsense(0)]).await.remove(0) });
    let (officer, signed) = (kitu.clone(), offering(&live, "trotzdem", 1));
    let officer = tokio::spawn(async move { officer.publish(signed).await });
    go_on.send(()).expect("it is held");
    hold.await.expect("no panic").expect("runs");
    officer.await.expect("no panic").expect("published");
    assert_ne!(other.await.expect("no panic").reason, Reason::Overloaded);
    while let Some(refusal) = flood.join_next().await {
        assert_ne!(refusal.expect("no panic").reason, Reason::Overloaded, "what had found room was looked at");
    }
    let later = refused(&flooding, (1..=BATCH_DELIVERIES_MAX as u64).map(nonsense)).await;
    assert_eq!(later.len(), BATCH_DELIVERIES_MAX);
    assert!(
        later.iter().all(|refusal| refusal.reason != Reason::Overloaded),
        "there is room again, for many at once"
    );
    live.stop_all().await;
}
