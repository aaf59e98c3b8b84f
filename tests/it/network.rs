//! Six real nodes on a real network that misbehaves: processes, TLS and disks as in production, cables that are
//! pulled, a federation cut in two, power cuts, and links that are late, slow, silent or reset.
//!
//! Whatever happens, what was acknowledged is on all nodes once they can reach each other, and no log contradicts
//! itself. The simulator proves the protocol; this proves sockets, keep-alives and dialling around it.
mod weather;
mod wires;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use verbund::cli::demo::found::{World, found_world};
use verbund::config::folder::read_folder;
use verbund::domain::id::NodeId;

use weather::{Forwarder, Weather};
use wires::Wires;

/// The two sides of the cut. Of each pair the first by name dials, so that both sides have nodes that dial across.
const LEFT: [&str; 3] = ["akdb", "kid", "kitu"];
const RIGHT: [&str; 3] = ["dataport", "govdigital", "provitako"];
const ALL: [&str; 6] = [LEFT[0], LEFT[1], LEFT[2], RIGHT[0], RIGHT[1], RIGHT[2]];

/// Longest wait for anything: a dead stream is noticed after 20 s, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Streams in good weather: one for each two nodes.
const PAIRS: u64 = 15;

/// The way of the orders: from the left half through one node after another to the far end of the right one.
const CHAIN: &str = "barleben,kitu,kid,provitako,govdigital,dataport";

const TEST: &str = "network::what_was_published_survives_cut_and_bad_links";
const INSIDE: &str = "VERBUND_NETWORK_INSIDE";

#[test]
fn what_was_published_survives_cut_and_bad_links() {
    if std::env::var_os(INSIDE).is_some() {
        return play();
    }
    let mut command = match wires::in_new_namespaces() {
        Ok(command) => command,
        Err(why) => {
            // Not by a macro: what those write is only shown when a test fails.
            let _ = writeln!(std::io::stderr(), "SKIPPED: no network namespaces here: {why}");
            return;
        }
    };
    let program = std::env::current_exe().expect("this test");
    let output = command.arg(program).args([TEST, "--exact", "--nocapture"]).env(INSIDE, "1").output();
    let output = output.expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{}", output.status);
}

fn play() {
    let mut federation = Federation::start();
    everyone_hears_everyone(&mut federation);
    a_node_that_was_cut_off_catches_up(&mut federation);
    two_halves_go_on_and_meet_again(&mut federation);
    bad_links_lose_nothing(&mut federation);
    federation.finish();
}

fn everyone_hears_everyone(federation: &mut Federation) {
    for node in ALL {
        federation.publish(node);
    }
    federation.converged("all links up");
    federation.recovered("all links up, witnessed");
}

/// The plug of one node is pulled until both ends have given up on each other.
fn a_node_that_was_cut_off_catches_up(federation: &mut Federation) {
    let lone = "kitu";
    Wires::link(lone, false);
    federation.publish("akdb");
    federation.publish("provitako");
    federation.publish(lone);
    federation.until("the lone node is missed", |federation| {
        let others = ALL.into_iter().filter(|node| *node != lone);
        federation.connected(lone).is_empty()
            && others.into_iter().all(|node| !federation.connected(node).contains(lone))
    });
    federation.publish("dataport");
    Wires::link(lone, true);
    federation.converged("a plug back in");
    federation.recovered("a plug back in, witnessed");
}

/// The cable between the halves is cut, and during it one node has a power cut just after it has acknowledged. An
/// order across the cut waits.
fn two_halves_go_on_and_meet_again(federation: &mut Federation) {
    Wires::joint(false);
    federation.publish("akdb");
    federation.publish("govdigital");
    let order = federation.order();
    federation.publish("kid");
    federation.kill("kid");
    federation.until("the halves have given up on each other", |federation| {
        let across = |near: &[&str], far: &[&str]| {
            let dialled = near.iter().filter(|node| federation.is_running(node)).flat_map(|node| {
                let connected = federation.connected(node);
                connected.into_iter().filter(|peer| peer.as_str() > *node).collect::<Vec<_>>()
            });
            dialled.into_iter().any(|peer| far.contains(&peer.as_str()))
        };
        !across(&LEFT, &RIGHT) && !across(&RIGHT, &LEFT)
    });
    federation.run("kid");
    federation.publish("kid");
    federation.publish("dataport");
    federation.until("each half agrees", |federation| {
        let [left, right] = [LEFT, RIGHT].map(|half| half.map(|node| federation.digests(node)));
        left.iter().all(|digests| *digests == left[0])
            && right.iter().all(|digests| *digests == right[0])
            && left[0] != right[0]
    });
    assert_eq!(federation.stage(&order), "STAGE_IN_CHAIN");
    Wires::joint(true);
    federation.sealed(&order, "sealed across the joint");
    federation.converged("halves joined");
    federation.recovered("halves joined, witnessed");
}

/// From here on every connection between nodes goes through a forwarder that does its worst.
fn bad_links_lose_nothing(federation: &mut Federation) {
    let forwarder = Forwarder::new();
    federation.wires.divert();
    for node in ALL {
        forwarder.forward(federation.wires.known(node), federation.wires.own(node));
    }
    let [delay, jitter] = [Duration::from_millis(100); 2];
    forwarder.set(Weather { delay, jitter, rate: Some(100_000), ..Weather::default() });
    federation.publish("akdb");
    federation.publish("govdigital");
    federation.converged("late and slow");
    forwarder.set(Weather { reset_after: Some(Duration::from_secs(1)), ..Weather::default() });
    for (round, node) in (1..).zip(["dataport", "govdigital", "akdb"]) {
        federation.publish(node);
        federation.converged("reset every second");
        federation.until("as many resets as pairs", |_| forwarder.resets() >= round * PAIRS);
    }
    forwarder.set(Weather { is_stalled: true, ..Weather::default() });
    federation.publish("dataport");
    federation.publish("provitako");
    let order = federation.order();
    // Long enough for every dialler to give up, and for some new connections to be stuck in their beginnings.
    federation.until("silence", |federation| {
        ALL.into_iter().all(|node| federation.connected(node).iter().all(|peer| peer.as_str() < node))
    });
    federation.publish("akdb");
    forwarder.set(Weather::default());
    federation.sealed(&order, "sealed after the silence");
    federation.converged("calm");
    federation.recovered("calm, witnessed");
}

/// What a node has acknowledged: its log is longer than this index wherever it has arrived.
struct Published {
    offering: String,
    log: String,
    index: u64,
}

/// The six nodes, and all that they have acknowledged.
struct Federation {
    folder: tempfile::TempDir,
    world: World,
    wires: Wires,
    running: BTreeMap<String, RunningNode>,
    unpublished: BTreeMap<String, BTreeSet<PathBuf>>,
    published: Vec<Published>,
}

impl Federation {
    fn start() -> Self {
        let wires = Wires::lay(&LEFT, &RIGHT);
        let folder = tempfile::tempdir().expect("folder");
        let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes");
        let described = read_folder(&nodes).expect("described");
        let names = described.nodes.iter().map(|node| node.profile.node.clone());
        let addresses: BTreeMap<NodeId, _> =
            names.clone().map(|node| (node.clone(), wires.known(node.as_str()))).collect();
        let world = found_world(folder.path(), &described, &addresses, None).expect("founded");
        let unpublished = names.map(|node| {
            let files = std::fs::read_dir(nodes.join(node.as_str()).join("offerings")).expect("folder");
            let files: BTreeSet<PathBuf> = files.map(|file| file.expect("file").path()).collect();
            (node.to_string(), files)
        });
        let unpublished = unpublished.collect();
        let mut federation =
            Self { folder, world, wires, running: BTreeMap::new(), unpublished, published: Vec::new() };
        for node in ALL {
            federation.listen_everywhere(node);
            federation.run(node);
        }
        federation
    }

    /// A node is to answer at whichever of its addresses it is called.
    fn listen_everywhere(&self, node: &str) {
        let file = self.world.run_file(&node.parse().expect("name"));
        let text = std::fs::read_to_string(&file).expect("settings");
        let known = self.wires.known(node);
        let everywhere = format!("listen = \"0.0.0.0:{}\"", known.port());
        let changed = text.replace(&format!("listen = \"{known}\""), &everywhere);
        assert_ne!(changed, text);
        std::fs::write(&file, changed).expect("file");
    }

    fn run(&mut self, node: &str) {
        let config = self.world.run_file(&node.parse().expect("name"));
        self.running.insert(node.to_owned(), RunningNode::start(node, &config));
    }

    /// Ends a node without any chance to tidy up.
    fn kill(&mut self, node: &str) {
        let mut running = self.running.remove(node).expect("running");
        running.child.kill().expect("killed");
        running.child.wait().expect("ended");
    }

    fn is_running(&self, node: &str) -> bool {
        self.running.contains_key(node)
    }

    /// Asks a node, as someone who sits beside it.
    fn ask(&self, node: &str, arguments: &[&str]) -> Result<Value, String> {
        let tls = self.folder.path().join("nodes").join(node).join("tls.pem");
        let mut command = program_at(node);
        command.args(["-o", "json", "--address"]).arg(self.wires.own(node).to_string()).arg("--tls").arg(tls);
        let output = command.args(arguments).output().expect("the program starts");
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
        } else {
            Err([output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat())
        }
    }

    fn status(&self, node: &str) -> Value {
        self.ask(node, &["node", "status"]).unwrap_or_else(|problem| panic!("{node}: {problem}"))
    }

    /// Peers with which a node believes to have a stream.
    fn connected(&self, node: &str) -> BTreeSet<String> {
        let status = self.status(node);
        let peers = status["connected_peers"].as_array().expect("peers");
        peers.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn digests(&self, node: &str) -> [String; 2] {
        let status = self.status(node);
        ["heads_digest", "catalogue_digest"].map(|name| status[name].as_str().expect("digest").to_owned())
    }

    /// Publishes the next offering of a node's operator there, once the node may sign.
    fn publish(&mut self, node: &str) {
        let file = self.unpublished.get_mut(node).and_then(BTreeSet::pop_last).expect("an offering is left");
        let profile = self.profile(&format!("{node}-vertrieb"));
        let mut answer = Value::Null;
        self.until(&format!("published at {node}"), |federation| {
            match federation.ask(node, &["--profile", &profile, "offering", "publish", file.to_str().expect("UTF-8")])
            {
                Ok(published) => answer = published,
                Err(problem) => assert!(problem.contains("CATCHING_UP"), "{node}: {problem}"),
            }
            !answer.is_null()
        });
        self.published.push(Published {
            offering: format!("{node}/{}", file.file_stem().and_then(|name| name.to_str()).expect("name")),
            log: answer["log_origin"].as_str().expect("log").to_owned(),
            index: answer["log_index"].as_u64().expect("index"),
        });
    }

    fn profile(&self, officer: &str) -> String {
        self.folder.path().join("clients").join(format!("{officer}.toml")).to_str().expect("UTF-8").to_owned()
    }

    /// A town orders something from the far end of the chain, to be sealed as soon as every hop has answered.
    fn order(&self) -> String {
        let offering = self.published.iter().find(|published| published.offering.starts_with("dataport/"));
        let what = ["--offering", &offering.expect("published").offering, "--via", CHAIN, "--max-euro", "20000"];
        let profile = self.profile("barleben-einkauf");
        let mut arguments = vec![
            "--profile",
            &profile,
            "order",
            "submit",
            "--request-id",
            "cut",
            "--yes",
            "--auto-seal",
            "--accept-assumed",
        ];
        arguments.extend(what);
        // Taken, and said not to be final while no other node can be reached: the same again is the same order.
        let answer = match self.ask("kitu", &arguments) {
            Err(refusal) if refusal.contains("DEPOSIT_PENDING") => self.ask("kitu", &arguments),
            answer => answer,
        };
        let answer = answer.expect("taken");
        answer["order_id"].as_str().expect("id").to_owned()
    }

    fn stage(&self, order: &str) -> String {
        let explained =
            self.ask("kitu", &["--profile", &self.profile("barleben-einkauf"), "order", "explain", order]);
        explained.expect("an order")["stage"].as_str().expect("stage").to_owned()
    }

    /// Waits until the chain has answered; anything else than the seal is an end that nobody asked for.
    fn sealed(&self, order: &str, when: &str) {
        self.until(when, |federation| match federation.stage(order).as_str() {
            "STAGE_SEALED" => true,
            "STAGE_IN_CHAIN" | "STAGE_OFFERED" => false,
            other => panic!("the order is {other}"),
        });
    }

    /// Waits until all nodes hold the same, and that is all that was published and nothing that contradicts itself.
    fn converged(&mut self, when: &str) {
        self.until(when, |federation| {
            let digests = ALL.map(|node| federation.digests(node));
            digests.iter().all(|of_node| *of_node == digests[0])
        });
        for node in ALL {
            self.check(node);
        }
    }

    fn check(&self, node: &str) {
        let status = self.status(node);
        let logs = status["logs"].as_array().expect("logs");
        assert_eq!(logs.len(), LEFT.len() + RIGHT.len());
        for log in logs {
            assert_eq!((&log["forked"], &log["refused"]), (&Value::Bool(false), &Value::from(0)), "{node}: {log}");
        }
        let offered = self.ask(node, &["offering", "list"]).expect("a list");
        let offered: BTreeSet<&str> =
            offered.as_array().expect("rows").iter().filter_map(|row| row["offering"].as_str()).collect();
        for Published { offering, log, index } in &self.published {
            let size = logs.iter().find(|known| known["origin"] == **log).and_then(|log| log["size"].as_u64());
            assert!(size > Some(*index), "{node} lacks entry {index} of {log}");
            assert!(offered.contains(offering.as_str()), "{node} does not show {offering}: {offered:?}");
        }
        assert_eq!(offered.len(), self.published.len(), "{node} shows what nobody published");
    }

    /// Waits until every pair has a stream again, and every node knows enough witnesses for all that was published.
    fn recovered(&self, when: &str) {
        self.until(when, |federation| {
            ALL.into_iter().all(|node| {
                let status = federation.status(node);
                let logs = status["logs"].as_array().expect("logs");
                let is_witnessed = |log: &Value| log["witnessed_size"] == log["size"];
                status["connected_peers"].as_array().expect("peers").len() == ALL.len() - 1
                    && logs.iter().all(is_witnessed)
            })
        });
    }

    /// Waits for a condition; says how long it took, or what every node says about itself.
    #[expect(clippy::disallowed_methods, reason = "real processes on a real network keep real time")]
    fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            if began.elapsed() > PATIENCE {
                for node in self.running.keys() {
                    eprintln!("{node}: {:#?}", self.ask(node, &["node", "status"]));
                }
                panic!("not in {PATIENCE:?}: {what}");
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        eprintln!("{what}: {} ms", began.elapsed().as_millis());
    }

    /// Ends all nodes in good order; one that had ended before has failed.
    fn finish(mut self) {
        for (node, running) in &mut self.running {
            assert!(matches!(running.child.try_wait(), Ok(None)), "{node} has ended");
            drop(running.child.stdin.take());
        }
        for (node, mut running) in self.running {
            assert!(running.child.wait().expect("ended").success(), "{node}");
        }
    }
}

/// The program under test, in the namespace of a node.
fn program_at(node: &str) -> Command {
    let mut command = Wires::at(node);
    command.arg(env!("CARGO_BIN_EXE_verbund")).env_remove("VERBUND_PROFILE");
    command.env("RUST_LOG", "warn");
    command
}

/// A node process; the namespace ends it if nothing else does.
struct RunningNode {
    child: Child,
}

impl RunningNode {
    fn start(node: &str, config: &Path) -> Self {
        let mut command = program_at(node);
        command.args(["node", "run", "--until-stdin-closes", "--config"]).arg(config);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("the node says that it is ready");
        assert!(line.contains("\"ready\":true"), "{node}: {line}");
        Self { child }
    }
}
