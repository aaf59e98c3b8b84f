//! Six real node processes of the demonstration's federation, with real orders: what the tests that kill nodes, those
//! that let one miss ten thousand orders, and the benches share.
//!
//! Keys follow from a number. What a node knew when it was stopped is read from its records afterwards, through the
//! same checks a starting node makes.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use verbund::cli::client::{ActingOfficer, Client};
use verbund::cli::demo::found::{World, found_world};
use verbund::config::folder::{FederationFolder, read_folder};
use verbund::config::node::read_run;
use verbund::domain::annex::Enclosed;
use verbund::domain::id::{Hash, NodeId, OfficerName, OrderId, OrgId, Origin, StatementId};
use verbund::domain::offering::Offering;
use verbund::domain::order::{AutoSeal, Request};
use verbund::domain::reason::{Class, Refusal};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::node::ports::Clock as _;
use verbund::node::system::SystemClock;
use verbund::node::tls;
use verbund::protocol::record::Record;
use verbund::protocol::state::State;
use verbund::store::disk::DiskStore;
use verbund::wire::pb::order::v1::Stage;

use crate::federation::{CHAIN, cents, federation, name};
use crate::ports::free_addresses;

/// The nodes along the chain, the buyer's first.
pub const PARTIES: [&str; 5] = ["kitu", "kid", "provitako", "govdigital", "dataport"];

/// All nodes.
pub const ALL: [&str; 6] = [PARTIES[0], PARTIES[1], PARTIES[2], PARTIES[3], PARTIES[4], "akdb"];

/// Longest wait for a node to say that it is ready.
const READY: Duration = Duration::from_secs(120);

/// How often a condition is looked at again: a look costs a few milliseconds on a machine that is busy with six nodes.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Deadline of a call to a node.
const CALL: Duration = Duration::from_secs(20);

/// What is ordered: seller and name.
const ORDERED: (&str, &str) = (CHAIN[5], "wohngeld");

/// What the orders may cost at most, in cents.
const TOTAL_MAX: i64 = 2_000_000;

/// What it takes to sign orders.
pub struct Orders {
    rule_pack: StatementId,
    offering: StatementId,
    term_years: u32,
    key: SecretKey,
}

impl Orders {
    /// A five-leg order of Barleben's, to be sealed by itself; signed now.
    pub fn request(&self, request_id: &str) -> (OrderId, Signed) {
        self.request_naming(request_id, None)
    }

    /// The same with an annex.
    pub fn request_naming(&self, request_id: &str, annex: Option<Hash>) -> (OrderId, Signed) {
        // The tests' federation has other keys, and the same chain of the same names.
        let request = Request {
            rule_pack: self.rule_pack,
            term_years: self.term_years,
            total_max: cents(TOTAL_MAX),
            auto_seal: Some(AutoSeal { accept_assumed: true }),
            annex,
            ..federation().request_along(&CHAIN, self.offering, request_id, SystemClock.now())
        };
        (request.order, Signed::sign(&Kind::Request, &request, &[&self.key]))
    }
}

/// The six nodes.
pub struct Processes {
    /// What was founded.
    pub world: World,
    described: FederationFolder,
    folder: tempfile::TempDir,
    pub running: BTreeMap<NodeId, Child>,
    /// What is ordered, once it is published.
    offering: Option<(StatementId, u32)>,
}

impl Processes {
    /// Founds the federation on the disk that the build lies on; nothing runs yet.
    pub fn found() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("folder");
        let described = read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes")).expect("the demo's files");
        let names = described.nodes.iter().map(|node| node.profile.node.clone());
        let addresses = names.zip(free_addresses(described.nodes.len())).collect();
        let world = found_world(folder.path(), &described, &addresses, Some(1)).expect("founded");
        Self { world, described, folder, running: BTreeMap::new(), offering: None }
    }

    /// Founds, starts all six, publishes what will be ordered, and waits until all of it is everywhere.
    pub async fn open() -> Self {
        let mut processes = Self::found();
        processes.open_all().await;
        processes
    }

    /// The same of what is founded already.
    pub async fn open_all(&mut self) {
        for node in ALL {
            self.start(node).await;
        }
        self.publish().await;
        self.level().await;
    }

    /// Starts one node; answers how long it took from the call until the node said that it is ready.
    pub async fn start(&mut self, node: &str) -> Duration {
        self.start_with(node, &[]).await
    }

    /// The same with further arguments.
    #[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
    pub async fn start_with(&mut self, node: &str, arguments: &[&str]) -> Duration {
        let began = Instant::now();
        let log = std::fs::File::options().create(true).append(true).open(self.log(node)).expect("a log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_verbund"))
            .args(["node", "run", "--until-stdin-closes", "--config"])
            .arg(self.world.run_file(&name(node)))
            .args(arguments)
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let said = tokio::time::timeout(READY, lines.next_line()).await.expect("ready in time").expect("UTF-8");
        let ready = began.elapsed();
        assert!(
            said.is_some_and(|line| line.contains("\"ready\":true")),
            "{node} does not start:\n{}",
            self.last_words(node)
        );
        self.running.insert(name(node), child);
        ready
    }

    /// Ends a node without any chance to tidy up (SIGKILL).
    pub async fn kill(&mut self, node: &str) {
        let mut child = self.running.remove(&name::<NodeId>(node)).expect("runs");
        child.kill().await.expect("killed");
    }

    /// Whether a node runs.
    pub fn is_running(&self, node: &str) -> bool {
        self.running.contains_key(&name::<NodeId>(node))
    }

    /// Ends all nodes in good order; one that had ended before has failed.
    pub async fn stop(&mut self) {
        for (node, child) in &mut self.running {
            let ended = child.try_wait().expect("a child");
            assert!(ended.is_none(), "{node} has ended: {}", last_lines(&self.folder, node.as_str()));
            drop(child.stdin.take());
        }
        for (node, mut child) in std::mem::take(&mut self.running) {
            assert!(child.wait().await.expect("ended").success(), "{node}");
        }
    }

    fn log(&self, node: &str) -> PathBuf {
        self.folder.path().join("nodes").join(node).join("node.log")
    }

    /// The end of a node's log.
    pub fn last_words(&self, node: &str) -> String {
        last_lines(&self.folder, node)
    }

    /// A connection to a node, as one of its officers or as nobody.
    pub fn client(&self, node: &str, officer: Option<(&str, &str)>) -> Client {
        let officer = officer.map(|(org, office)| {
            let (org, name): (OrgId, OfficerName) = (name(org), name(office));
            let key = &self.world.officers[&(org.clone(), name.clone())];
            ActingOfficer { org, name, key: SecretKey::from_pem(&key.to_pem()).expect("a key") }
        });
        let (address, pin) = self.world.nodes[&name::<NodeId>(node)];
        let channel = tls::channel(&address.to_string(), pin, None, CALL).expect("a channel");
        Client::to(channel, name(node), officer)
    }

    /// A connection for the buyer's officer.
    pub fn buyer(&self) -> Client {
        self.client(PARTIES[0], Some((CHAIN[0], "einkauf")))
    }

    /// The provider publishes what will be ordered.
    async fn publish(&mut self) {
        let mut offerings = self.described.nodes.iter().flat_map(|node| &node.offerings);
        let is_ordered = |offering: &&Offering| (offering.seller.as_str(), offering.name.as_str()) == ORDERED;
        let offering = offerings.find(is_ordered).expect("an offering of the demonstration");
        let key = &self.world.officers[&(offering.seller.clone(), name("vertrieb"))];
        let signed = Signed::sign(&Kind::Offering, offering, &[key]);
        let mut client = self.client("dataport", None);
        patiently(async || client.publish(&signed).await).await.expect("published");
        self.offering = Some((signed.id(), offering.term_years_min));
    }

    /// Waits until all nodes sign, and hold and show the same.
    pub async fn level(&self) {
        let mut clients: Vec<Client> = ALL.iter().map(|node| self.client(node, None)).collect();
        self.until("all nodes are level", async || {
            let mut seen = Vec::new();
            for client in &mut clients {
                let Ok(status) = client.status().await else { return false };
                let signs = status["signs_nothing"].as_str().is_some_and(str::is_empty);
                seen.push((signs, status["heads_digest"].clone(), status["catalogue_digest"].clone()));
            }
            seen[0].0 && seen.iter().all(|one| *one == seen[0])
        })
        .await;
    }

    /// Waits until nothing is on its way to anyone.
    pub async fn delivered(&self) {
        let mut clients: Vec<Client> = ALL.iter().map(|node| self.client(node, None)).collect();
        self.until("every message has its receipt", async || {
            for client in &mut clients {
                let status = client.status().await;
                if !status.is_ok_and(|status| status["outbox"] == 0) {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// Waits for a condition, as long as something happens in the federation; says what every node says if nothing
    /// does any more.
    #[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        const PATIENCE: Duration = Duration::from_secs(120);
        let (mut began, mut last) = (Instant::now(), self.progress().await);
        while !holds().await {
            if began.elapsed() > PATIENCE {
                let now = self.progress().await;
                // What nodes log is no progress: one that waits in vain says so for ever.
                let words = ALL.map(|node| format!("{node}:\n{}", self.last_words(node))).join("\n");
                assert_ne!(now, last, "nothing happens any more: {what}\n{words}");
                (began, last) = (Instant::now(), now);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Log sizes and outboxes of all nodes.
    async fn progress(&self) -> String {
        let mut lines = Vec::new();
        for node in ALL {
            let status = self.client(node, None).status().await;
            let line = status.map(|status| {
                let logs = status["logs"].as_array().map(|logs| logs.iter().map(|log| log["size"].to_string()));
                let logs: Vec<String> = logs.into_iter().flatten().collect();
                let signs = &status["signs_nothing"];
                format!("orders {} outbox {} {signs} logs {}", status["orders"], status["outbox"], logs.join(" "))
            });
            lines.push(format!("{node}: {}", line.unwrap_or_else(|no| no.to_string())));
        }
        lines.join("\n")
    }

    /// The offering that is ordered.
    pub fn offering(&self) -> StatementId {
        self.offering.expect("published").0
    }

    /// What the buyer's officer orders.
    pub fn orders(&self) -> Orders {
        let (offering, term_years) = self.offering.expect("published");
        let key = &self.world.officers[&(name(CHAIN[0]), name("einkauf"))];
        let key = SecretKey::from_pem(&key.to_pem()).expect("a key");
        Orders { rule_pack: self.world.rule_pack, offering, term_years, key }
    }

    /// A five-leg order of Barleben's, to be sealed by itself; signed now.
    pub fn request(&self, request_id: &str) -> (OrderId, Signed) {
        self.orders().request(request_id)
    }

    /// What a node that does not run knows, and how often each statement stands in its own log.
    pub fn read(&self, node: &str) -> (State, BTreeMap<StatementId, usize>) {
        let config = read_run(&self.world.run_file(&name(node))).expect("settings");
        let origin =
            Origin { federation: config.federation.clone(), node: config.profile.node.clone(), epoch: config.epoch };
        let mut state = State::new(config.federation_root, origin.clone());
        let mut leaves = BTreeMap::new();
        let store = DiskStore::open(&config.data).expect("a store");
        state.passes_over = store.holes().expect("a store").is_some();
        let read = store.load_now(|record| {
            if let Record::Entries { origin: log, entries, first, .. } = &record
                && *log == origin
                && *first == state.size(&origin)
            {
                entries.iter().for_each(|entry| *leaves.entry(entry.leaf.statement_id()).or_default() += 1);
            }
            state.replay(record)
        });
        read.expect("every record is good");
        (state, leaves)
    }
}

fn last_lines(folder: &tempfile::TempDir, node: &str) -> String {
    let log = folder.path().join("nodes").join(node).join("node.log");
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let tail: Vec<&str> = text.lines().rev().take(6).collect();
    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Whether to try again: the node is away, or has too much to do. Anything else is an answer.
fn is_away(refusal: &Refusal) -> bool {
    matches!(refusal.reason.class(), Class::Unavailable | Class::Exhausted)
}

/// Longest wait for a node that is away: longer than any outage in a test, and than a start on a machine that is busy.
const AWAY_MAX: Duration = Duration::from_secs(300);

/// Calls again as long as the node is away, and not for ever: then what it said last is the answer.
#[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
pub async fn patiently<T>(mut call: impl AsyncFnMut() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let began = Instant::now();
    loop {
        match call().await {
            Err(refusal) if is_away(&refusal) && began.elapsed() < AWAY_MAX => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            answer => return answer,
        }
    }
}

/// Hands in an order, however often the node goes away meanwhile.
#[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
pub async fn hand_in(client: &mut Client, request_id: &str, order: OrderId, said: impl Into<Enclosed> + Clone) {
    let began = Instant::now();
    loop {
        match client.hand_in(request_id, said.clone()).await {
            Err(refusal) if is_away(&refusal) && began.elapsed() < AWAY_MAX => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(refusal) => panic!("{request_id} is not taken: {refusal}"),
            Ok(taken) => return assert_eq!(taken, order),
        }
    }
}

/// Hands in an order and waits until it is sealed.
pub async fn order_until_sealed(mut client: Client, request_id: String, order: OrderId, signed: Signed) {
    hand_in(&mut client, &request_id, order, &signed).await;
    until_sealed(&mut client, order).await;
}

/// Waits until an order is sealed. Anything else is an end that nobody asked for.
#[expect(clippy::disallowed_methods, reason = "real processes keep real time")]
pub async fn until_sealed(client: &mut Client, order: OrderId) {
    let (began, mut last) = (Instant::now(), String::new());
    while began.elapsed() < AWAY_MAX {
        match client.order(order).await {
            Err(refusal) => {
                assert!(is_away(&refusal), "known once it was taken: {refusal}");
                last = refusal.to_string();
            }
            Ok(seen) => match Stage::try_from(seen.stage).expect("a stage") {
                Stage::Sealed => return,
                Stage::InChain | Stage::Offered => last = format!("{:?}", seen.explanation),
                other => panic!("{order} is {other:?}: {:?}", seen.explanation),
            },
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    panic!("{order} is never sealed: {last}");
}

/// Every order has one outcome, a seal, and every party holds the same one on its disk; nobody holds anything else.
pub fn assert_sealed_everywhere(processes: &Processes, orders: &BTreeMap<OrderId, StatementId>) {
    let broken = violations(processes, orders);
    assert!(broken.is_empty(), "{} violations:\n{}", broken.len(), broken.join("\n"));
}

/// What of that does not hold.
pub fn violations(processes: &Processes, orders: &BTreeMap<OrderId, StatementId>) -> Vec<String> {
    let mut broken = Vec::new();
    let mut seals: BTreeMap<OrderId, StatementId> = BTreeMap::new();
    for node in PARTIES {
        let (state, leaves) = processes.read(node);
        let unknown = state.orders.keys().filter(|id| !orders.contains_key(id));
        broken.extend(unknown.map(|id| format!("{node}: {id} was never placed")));
        for (id, request) in orders {
            if let Err(why) = check_sealed(&state, &leaves, *id, request, &mut seals) {
                broken.push(format!("{node}: {id} {why}"));
            }
        }
        let twice = leaves.iter().filter(|(_, count)| **count > 1);
        broken.extend(twice.map(|(id, _)| format!("{node}: {id} stands twice in its log")));
    }
    broken
}

fn check_sealed(
    state: &State,
    leaves: &BTreeMap<StatementId, usize>,
    id: OrderId,
    request: &StatementId,
    seals: &mut BTreeMap<OrderId, StatementId>,
) -> Result<(), &'static str> {
    let order = state.orders.get(&id).ok_or("is lost")?;
    let attempt = order.current().filter(|_| order.attempts.len() == 1).ok_or("has not one attempt")?;
    let seal = attempt.seal.as_ref().ok_or("has no seal")?.id();
    let one_outcome = attempt.void.is_none() && order.contradictions.is_empty();
    let same = *seals.entry(id).or_insert(seal) == seal && attempt.request.id() == *request;
    let in_log = leaves.contains_key(&seal) && leaves.contains_key(request);
    match (one_outcome, same, in_log) {
        (false, ..) => Err("has another outcome beside its seal"),
        (_, false, _) => Err("has another request or seal than elsewhere"),
        (.., false) => Err("is not in the log"),
        _ => Ok(()),
    }
}
