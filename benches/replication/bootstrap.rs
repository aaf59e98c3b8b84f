//! Bootstrap: an empty node fetches everything from one that has it, as two real nodes over gRPC and TLS on loopback.
//!
//! The newcomer is the program itself in a process of its own, so that its memory is its own; the node that serves runs
//! here over the store that ingest left, and says when everything it holds is acknowledged, which is after it is durable
//! at the newcomer. Before that a slow reader shows that serving needs no memory for those who do not read.
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use verbund::config::node::{HostPort, KnownPeer, Limits, NodeProfile, PinnedRoot, RunFile, read_run, to_toml};
use verbund::domain::envelope;
use verbund::domain::id::{Hash, NodeId, Origin};
use verbund::node::keys::Opener;
use verbund::node::start::{Running, start};
use verbund::node::tls::{CERTIFICATE_FILE, KEY_FILE, channel};
use verbund::node::{keys, telemetry};
use verbund::protocol::frame::{Frame, Run, Wanted, prefix};
use verbund::protocol::replication::entry_bytes;
use verbund::protocol::settings::Instance;
use verbund::wire::pb::peer::v1 as pb;
use verbund::wire::pb::peer::v1::peer_service_client::PeerServiceClient;
use verbund::wire::peer::Heard;

use crate::dataset::{Dataset, federation, identity, node_name, receiver, starter};
use crate::ingest::{memory, memory_of, processor_s, processor_s_of, store_folder};
use crate::measure::{Figure, Figures, now};

/// How fast the slow reader reads, in entries per second, and for how long.
const SLOW_PER_S: f64 = 1_000.0;
const SLOW: Duration = Duration::from_secs(10);

/// Logs the slow reader asks for at a time.
const SLOW_LOGS: usize = 16;

/// Longest wait for the newcomer: ten times the target.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often the newcomer is looked at.
const LOOK: Duration = Duration::from_millis(50);

pub fn run(figures: &mut Figures, dataset: &Dataset) {
    telemetry::init(None, "warn").expect("a good filter");
    let folder = dataset.folder.join("bootstrap");
    // Without an earlier run there is none to be removed.
    let _ = fs::remove_dir_all(&folder);
    let ports = [free_port(), free_port()];
    let [sender, newcomer] = [(receiver(), 0), (starter(), 1)]
        .map(|(name, at)| write_node(dataset, &folder, &name, ports[at], ports[1 - at]));
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut config = read_run(&sender).expect("own settings");
        config.data = store_folder(dataset);
        let sender = start(config, Opener::default(), true).await.expect("a full node");
        let (before, slow, after) = slow_reader(dataset, &sender).await;
        let processor = processor_s();
        let came = bootstrap(&sender, &newcomer).await;
        let note = format!(
            "two processes, gRPC with TLS on loopback, from the start of the empty node to its last acknowledgement; \
             {:.0} s of processor time there, {:.0} s at the sender; sender {} MB resident before, {} after; slow \
             reader of {slow} entries: sender {before} MB before, at most {after} while it read",
            came.processor_s,
            processor_s() - processor,
            came.sender_mb.0,
            came.sender_mb.1,
        );
        let put = |figures: &mut Figures, figure, value, unit| {
            let n = dataset.entries;
            figures.put(Figure { figure, value, unit, n, median_of: 1, note: &note, ..Figure::default() });
        };
        put(figures, "bootstrap_1m_s", came.seconds, "s");
        put(figures, "bootstrap_1m_rss_mb", came.most_mb as f64, "MB, most of the whole run");
        sender.stop().await;
    });
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("it is bound").port()
}

/// Everything a node needs to run, with the other as its peer; gives its settings file.
fn write_node(dataset: &Dataset, folder: &Path, name: &NodeId, port: u16, other_port: u16) -> PathBuf {
    let (founded, own, folder) = (dataset.node(name), identity(name), folder.join(name.as_str()));
    let (key_folder, genesis) = (folder.join("keys"), folder.join("genesis"));
    for folder in [&key_folder, &genesis] {
        fs::create_dir_all(folder).expect("a folder below target");
    }
    let write = |path: PathBuf, text: &str| fs::write(path, text).expect("a file below target");
    keys::write_node(&key_folder, &founded.keys, None).expect("a new folder");
    keys::write_private(&key_folder.join(KEY_FILE), own.key_pem.as_bytes()).expect("a new folder");
    write(key_folder.join(CERTIFICATE_FILE), &own.certificate_pem);
    for (number, signed) in founded.genesis.iter().enumerate() {
        write(genesis.join(format!("{number:04}.dsse.json")), &envelope::write(signed));
    }
    let profile = NodeProfile {
        node: name.clone(),
        operator: founded.operator.clone(),
        hosts: founded.hosts.iter().cloned().collect(),
        brokering: Vec::new(),
    };
    write(folder.join("node.toml"), &toml::to_string_pretty(&profile).expect("plain values"));
    let other = if *name == receiver() { starter() } else { receiver() };
    let peer = KnownPeer {
        address: HostPort::try_from(format!("127.0.0.1:{other_port}")).expect("an address"),
        tls_sha256: identity(&other).pin().expect("own certificate"),
        node: other,
    };
    let file = RunFile {
        listen: ([127, 0, 0, 1], port).into(),
        data: "data".into(),
        keys: "keys".into(),
        passphrase_file: None,
        genesis: "genesis".into(),
        profile: "node.toml".into(),
        epoch: founded.origin.epoch,
        federation: founded.origin.federation.clone(),
        federation_root: PinnedRoot(dataset.anchor),
        recovery_key: None,
        metrics: None,
        services: None,
        peers: vec![peer],
        limits: Limits::default(),
        web: None,
    };
    write(folder.join("run.toml"), &to_toml(&file).expect("plain values"));
    folder.join("run.toml")
}

/// How a newcomer caught up.
struct Came {
    seconds: f64,
    /// Most memory it ever had, as the system remembers.
    most_mb: u64,
    processor_s: f64,
    sender_mb: (u64, u64),
}

async fn bootstrap(sender: &Running, newcomer: &Path) -> Came {
    let (before, began) = (memory(), now());
    let mut child = begin(newcomer);
    while !has_all(sender).await {
        assert!(began.elapsed() < PATIENCE, "the newcomer catches up");
        assert!(child.try_wait().expect("own child").is_none(), "the newcomer runs");
        tokio::time::sleep(LOOK).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    let process = child.id().to_string();
    let came = Came {
        seconds,
        most_mb: memory_of(&process, "VmHWM:"),
        processor_s: processor_s_of(&process),
        sender_mb: (before, memory()),
    };
    drop(child.stdin.take());
    child.wait().expect("own child");
    came
}

fn begin(config: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbund"));
    command.args(["node", "run", "--until-stdin-closes", "--config"]).arg(config).env("RUST_LOG", "warn");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the program of this package")
}

/// Whether the newcomer has acknowledged all that the sender holds.
async fn has_all(sender: &Running) -> bool {
    let lag = sender.handle.read(|node, _| {
        let position = node.state().journal.position();
        node.peers().find(|(name, _)| **name == starter()).map(|(_, peer)| peer.lag(position))
    });
    lag.await.expect("a driver that runs") == Some(0)
}

/// Reads as slowly as a slow disk; gives the sender's memory before, the entries read, and its most memory meanwhile.
async fn slow_reader(dataset: &Dataset, sender: &Running) -> (u64, u64, u64) {
    let before = memory();
    let pin: Hash = identity(&receiver()).pin().expect("own certificate");
    let own = identity(&starter());
    let channel = channel(&sender.address.to_string(), pin, Some(&own), PATIENCE).expect("an address");
    let (frames, requests) = mpsc::channel(4 * SLOW_LOGS);
    let mut client =
        PeerServiceClient::new(channel).max_decoding_message_size(verbund::node::peers::MESSAGE_BYTES_MAX);
    let mut answers = client.sync(ReceiverStream::new(requests)).await.expect("a node that serves").into_inner();
    let send = async |frame: Frame| {
        frames.send(pb::SyncRequest { frame: Some(pb::Frame::from(&frame)) }).await.expect("an open stream");
    };
    let (anchor, digest) = (dataset.anchor, Hash([0; 32]));
    send(Frame::Hello { anchor, node: starter(), digest, instance: Instance([9; 16]), position: 0, yours: None })
        .await;
    let mut logs = (0..dataset.logs).map(|log| dataset.node(&node_name(log)).origin.clone());
    let mut left = std::collections::BTreeMap::new();
    let (began, mut most, mut read) = (now(), before, 0_u64);
    while began.elapsed() < SLOW {
        while left.len() < SLOW_LOGS
            && let Some(origin) = logs.next()
        {
            left.insert(origin.clone(), dataset.entries / dataset.logs as u64);
            send(Frame::Want(all_of(origin))).await;
        }
        let answer = answers.message().await.expect("an honest node").expect("an open stream");
        let heard = Heard::read(answer.frame.unwrap_or_default(), &federation()).expect("an honest node");
        let Heard::Frame(Frame::Entries(Run { origin, first, entries, .. })) = heard else { continue };
        most = most.max(memory());
        read += entries.len() as u64;
        tokio::time::sleep(Duration::from_secs_f64(entries.len() as f64 / SLOW_PER_S)).await;
        if left.get(&origin) == Some(&(first + entries.len() as u64)) {
            left.remove(&origin);
        }
        send(Frame::Credit { bytes: entries.iter().map(entry_bytes).sum::<usize>() as u64 }).await;
    }
    (before, read, most)
}

fn all_of(origin: Origin) -> Wanted {
    let root = prefix(&verbund::log::merkle::empty_root());
    Wanted { origin, first: 0, root, witnessed: 0, cut: None }
}
