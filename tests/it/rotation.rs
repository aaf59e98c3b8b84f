//! Every kind of key is replaced while orders run: six real processes, one of them away meanwhile, and one that comes back
//! with nothing.
//!
//! No order is refused, no stream is gone for longer than it takes to open it again, everyone follows, and the evidence of
//! orders from before and after is good.
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use verbund::audit;
use verbund::audit::report::Ruling;
use verbund::cli::client::Client;
use verbund::domain::id::{NodeId, OrderId, StatementId, sha256};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::trust::OfficerGrant;
use verbund::node::keys;

use crate::cluster::{run, verbund};
use crate::federation::{CHAIN, cents, name};
use crate::ports::free_addresses;
use crate::processes::{ALL, Orders, PARTIES, Processes, assert_sealed_everywhere, hand_in, patiently, until_sealed};

/// Who is away during all rotations.
const AWAY: &str = "akdb";

/// Longest time that a stream may be gone: a redial, on a machine that is busy with six nodes and their orders.
const RECONNECT: Duration = Duration::from_secs(10);

/// Root keys that sign; the threshold is two of three.
const ROOTS: usize = 2;

fn root_files(processes: &Processes, org: &str) -> Vec<PathBuf> {
    let roots = processes.world.folder.join("roots");
    (1..=ROOTS).map(|number| roots.join(format!("{org}-{number}.pem"))).collect()
}

/// `verbund key …` at the machine of a node.
fn key(processes: &Processes, node: &str, verb: &[&str], root_keys: &[PathBuf]) -> Command {
    let mut command = verbund();
    command.args(["-o", "json", "key"]).args(verb).arg("--config").arg(processes.world.run_file(&name(node)));
    root_keys.iter().for_each(|file| _ = command.arg("--root-key").arg(file));
    command
}

fn rotate(processes: &Processes, node: &str, role: &str, org: &str) {
    let roots = if role == "tls" { Vec::new() } else { root_files(processes, org) };
    run(&mut key(processes, node, &["rotate", "--role", role, "--org", org], &roots), 0);
}

/// The nodes with which a node has a stream, and since when in seconds and nanoseconds.
async fn streams(processes: &Processes, node: &str) -> BTreeMap<String, (i64, i32)> {
    let peers = processes.client(node, None).peers().await.expect("it runs");
    let since = |at: &verbund::wire::pb::Instant| (at.seconds, at.nanos);
    let up = peers.iter().filter(|peer| peer.up);
    up.filter_map(|peer| Some((peer.node.clone(), peer.since.as_ref().map(since)?))).collect()
}

/// A new TLS key: every stream of the old one ends, and is there again before long.
#[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
async fn rotate_tls(processes: &Processes, node: &str) {
    let before = streams(processes, node).await;
    rotate(processes, node, "tls", node);
    let began = Instant::now();
    loop {
        let now = streams(processes, node).await;
        if before.iter().all(|(peer, since)| now.get(peer).is_some_and(|again| again > since)) {
            return;
        }
        assert!(began.elapsed() < RECONNECT, "{node}: {now:?}, before {before:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The committed next root keys of an organisation take over; the demonstration derives them from its number.
fn rotate_root(processes: &Processes, node: &str, org: &str) -> Vec<PathBuf> {
    let folder = processes.world.folder.join("next");
    keys::make_folder(&folder).expect("made");
    let made = |set: &str| -> Vec<PathBuf> {
        let seed = |number: usize| sha256(format!("verbund/demo/unsafe/1/org/{org}/{set}/{number}").as_bytes());
        let write = |number: usize| {
            let file = folder.join(format!("{org}-{set}-{number}.pem"));
            keys::write(&file, &SecretKey::from_seed(&seed(number))).expect("written");
            file
        };
        (0..3).map(write).collect()
    };
    let (new, after) = (made("next"), made("after"));
    let arguments = ["rotate-root", "--org", org, "--threshold", "2", "--next-threshold", "2"];
    let with_sets = |root_keys: &[PathBuf]| {
        let mut command = key(processes, node, &arguments, root_keys);
        new.iter().for_each(|file| _ = command.arg("--new-root").arg(file));
        after.iter().for_each(|file| _ = command.arg("--next-root").arg(file));
        command
    };
    // Neither one of the committed keys nor the former ones are enough.
    run(&mut with_sets(&new[..1]), 5);
    run(&mut with_sets(&root_files(processes, org)), 5);
    run(&mut with_sets(&new[..ROOTS]), 0);
    new
}

/// The buyer's officer gets a new device, and the key of the old one ends.
async fn rotate_officer(processes: &Processes, roots: &[PathBuf]) -> SecretKey {
    let (org, office) = (CHAIN[0], "einkauf");
    let new = SecretKey::from_seed(&[91; 32]);
    let former = processes.world.officers[&(name(org), name(office))].public().hash();
    let grant = OfficerGrant {
        org: name(org),
        officer: name(office),
        device: name("ersatz"),
        key: new.public(),
        roles: [verbund::domain::trust::OfficerRole::Buyer].into(),
        limit: cents(100_000_000),
        limit_per_year: None,
        valid_from: "2026-01-01".parse().expect("a day"),
        valid_to: "2030-12-31".parse().expect("a day"),
    };
    let signing: Vec<SecretKey> =
        roots.iter().take(ROOTS).map(|file| keys::Opener::default().read(file).expect("a root key")).collect();
    let signers: Vec<&SecretKey> = signing.iter().chain([&new]).collect();
    let signed = Signed::sign(&Kind::OfficerGrant, &grant, &signers);
    let mut client = processes.client(PARTIES[0], None);
    patiently(async || client.publish(&signed).await).await.expect("a good grant");
    let hash = former.to_string();
    let verb = ["revoke", "--org", org, "--hash", &hash, "--reason", "ceased"];
    run(&mut key(processes, PARTIES[0], &verb, &roots[..ROOTS]), 0);
    new
}

/// Orders one after the other until told to stop; each must be sealed.
async fn order_on(
    mut client: Client,
    label: &'static str,
    orders: Orders,
    stop: Arc<AtomicBool>,
) -> BTreeMap<OrderId, StatementId> {
    let mut placed = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) || placed.is_empty() {
        let request_id = format!("{label}-{}", placed.len());
        let (order, signed) = orders.request(&request_id);
        hand_in(&mut client, &request_id, order, &signed).await;
        placed.insert(order, signed.id());
        until_sealed(&mut client, order).await;
    }
    placed
}

/// Every node replaces every key it has.
async fn rotate_all(processes: &Processes) {
    for node in PARTIES {
        for role in ["statement", "log", "witness", "log"] {
            rotate(processes, node, role, node);
        }
        rotate_tls(processes, node).await;
    }
    rotate(processes, PARTIES[0], "statement", CHAIN[0]);
}

/// The evidence of each order is good, for an auditor who knows nothing but the root hash.
async fn audit_all(processes: &Processes, buyer: &mut Client, orders: &BTreeMap<OrderId, StatementId>) {
    for order in orders.keys() {
        processes
            .until("everything of the order is witnessed", async || {
                buyer.evidence(*order).await.is_ok_and(|evidence| evidence.unwitnessed == 0)
            })
            .await;
        let evidence = buyer.evidence(*order).await.expect("a party's own");
        let report = audit::examine(&evidence.bundle, Some(processes.world.anchor));
        assert_eq!(report.ruling(), Ruling::Valid, "{order}: {report:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_is_replaced_while_orders_run() {
    let mut processes = Processes::open().await;
    processes.kill(AWAY).await;
    let stop = Arc::new(AtomicBool::new(false));
    let ordering = tokio::spawn(order_on(processes.buyer(), "during", processes.orders(), stop.clone()));
    rotate_all(&processes).await;
    stop.store(true, Ordering::Relaxed);
    let mut orders = ordering.await.expect("no order is refused");
    // The task ends with a panic if one is.
    crate::figures::count("rotation_rejected_orders", 0);
    assert!(orders.len() > 1, "orders ran meanwhile");
    let roots = rotate_root(&processes, PARTIES[0], CHAIN[0]);
    let officer = rotate_officer(&processes, &roots).await;
    // The old device is told so; the new one orders.
    let mut buyer = processes.buyer();
    let (order, signed) = processes.request("by-the-old-device");
    let refused = patiently(async || buyer.hand_in("by-the-old-device", &signed).await).await;
    assert_eq!(refused.expect_err("revoked").reason.code(), "KEY_REVOKED", "{order}");
    processes.world.officers.insert((name(CHAIN[0]), name("einkauf")), officer);
    orders.extend(order_on(processes.buyer(), "after", processes.orders(), stop).await);

    // Whoever was away follows, and so does whoever begins with nothing but its keys.
    processes.start(AWAY).await;
    processes.level().await;
    processes.kill(AWAY).await;
    std::fs::remove_dir_all(processes.world.folder.join("nodes").join(AWAY).join("data")).expect("its store");
    processes.start(AWAY).await;
    processes.level().await;
    for node in ALL {
        let status = processes.client(node, None).status().await.expect("it runs");
        let cut = status["logs"].as_array().into_iter().flatten().find(|log| !log["cut"].is_null());
        assert!(cut.is_none(), "{node}: an honest log is cut: {cut:?}");
    }
    let mut buyer = processes.buyer();
    audit_all(&processes, &mut buyer, &orders).await;
    processes.delivered().await;
    processes.stop().await;
    assert_sealed_everywhere(&processes, &orders);
}

/// A hop's node moves to another port while orders run: one command names the new address and key, then it listens there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_moves_to_another_address_while_orders_run() {
    let mut processes = Processes::open().await;
    let moved: NodeId = name(PARTIES[1]);
    let stop = Arc::new(AtomicBool::new(false));
    let ordering = tokio::spawn(order_on(processes.buyer(), "during", processes.orders(), stop.clone()));
    let new = free_addresses(1)[0];
    let reach = ["rotate", "--role", "tls", "--org", moved.as_str(), "--reach", &new.to_string()];
    run(&mut key(&processes, moved.as_str(), &reach, &[]), 0);
    processes.kill(moved.as_str()).await;
    let file = processes.world.run_file(&moved);
    let settings = std::fs::read_to_string(&file).expect("its settings");
    let old = processes.world.nodes[&moved].0;
    std::fs::write(&file, settings.replacen(&old.to_string(), &new.to_string(), 1)).expect("written");
    let pem = file.parent().expect("a folder").join("keys").join("tls.2.pem");
    let pin = verbund::node::tls::pin_of_pem(&std::fs::read_to_string(pem).expect("the new certificate"));
    processes.world.nodes.insert(moved.clone(), (new, pin.expect("in good form")));
    processes.start(moved.as_str()).await;
    let others: BTreeSet<String> =
        ALL.iter().filter(|node| **node != moved.as_str()).map(ToString::to_string).collect();
    processes
        .until("all streams are there", async || {
            streams(&processes, moved.as_str()).await.into_keys().collect::<BTreeSet<String>>() == others
        })
        .await;
    stop.store(true, Ordering::Relaxed);
    let mut orders = ordering.await.expect("no order is refused");
    orders.extend(order_on(processes.buyer(), "after", processes.orders(), stop).await);
    // Who begins with nothing but its keys and old settings finds it too.
    processes.kill(AWAY).await;
    std::fs::remove_dir_all(processes.world.folder.join("nodes").join(AWAY).join("data")).expect("its store");
    processes.start(AWAY).await;
    processes.level().await;
    let mut buyer = processes.buyer();
    audit_all(&processes, &mut buyer, &orders).await;
    processes.delivered().await;
    processes.stop().await;
    assert_sealed_everywhere(&processes, &orders);
}

/// A node that has lost its TLS key makes a new one, and everybody takes it by that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tls_key_has_a_way_back() {
    let mut processes = Processes::open().await;
    let lost: NodeId = name(PARTIES[1]);
    processes.kill(lost.as_str()).await;
    let folder = processes.world.folder.join("nodes").join(lost.as_str()).join("keys");
    for file in ["tls.pem", "tls-key.pem"] {
        std::fs::remove_file(folder.join(file)).expect("its key");
    }
    let config = processes.world.run_file(&lost);
    run(verbund().args(["key", "rotate", "--role", "tls", "--lost", "--config"]).arg(&config), 0);
    let pem = std::fs::read_to_string(folder.join("tls.pem")).expect("a certificate");
    let pin = verbund::node::tls::pin_of_pem(&pem).expect("in good form");
    processes.world.nodes.get_mut(&lost).expect("known").1 = pin;
    processes.start(lost.as_str()).await;
    processes.level().await;
    let others: BTreeSet<String> =
        ALL.iter().filter(|node| **node != lost.as_str()).map(ToString::to_string).collect();
    processes
        .until("all streams are there", async || {
            streams(&processes, lost.as_str()).await.into_keys().collect::<BTreeSet<String>>() == others
        })
        .await;
    let (order, signed) = processes.request("after-the-loss");
    let mut buyer = processes.buyer();
    hand_in(&mut buyer, "after-the-loss", order, &signed).await;
    until_sealed(&mut buyer, order).await;
    processes.delivered().await;
    // The record stands in its log by now, so everyone knows the key from there.
    let mut client = processes.client(PARTIES[0], None);
    let named = client.keys(&name(lost.as_str())).await.expect("known").node.map(|node| node.tls_sha256);
    assert_eq!(named, Some(pin));
    processes.stop().await;
    assert_sealed_everywhere(&processes, &[(order, signed.id())].into());
}
