//! Answers that are lost on the way: a forwarder passes on what the node says up to a byte and then breaks the connection.
//! Whatever was lost, repeating is safe: it stays one order, one approval, one seal.
//!
//! What is encrypted is read whole or not at all, so all bytes within one TLS record are of one class: none of it, its first
//! byte, its head, half, all but the last. Every record of every answer is cut in each of them.
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use verbund::cli::client::{ActingOfficer, Client};
use verbund::domain::id::{OrderId, OrgId, StatementId};
use verbund::domain::money::Cents;
use verbund::domain::order::{Decision, Request, Seal};
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::node::ports::Clock as _;
use verbund::node::system::SystemClock;
use verbund::node::tls;
use verbund::wire::pb::order::v1::{Order, Stage};

use crate::cluster::verbund;
use crate::federation::{cents, federation, name, salt};
use crate::figures;
use crate::processes::{Processes, patiently};

/// Bytes before the content of a TLS record: its type, its version, its length.
const HEAD_BYTES: usize = 5;

/// How much of a record gets through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Nothing,
    FirstByte,
    Head,
    Half,
    AllButOne,
}

const PARTS: [Part; 5] = [Part::Nothing, Part::FirstByte, Part::Head, Part::Half, Part::AllButOne];

impl Part {
    fn of(self, bytes: usize) -> usize {
        match self {
            Self::Nothing => 0,
            Self::FirstByte => 1,
            Self::Head => HEAD_BYTES,
            Self::Half => bytes / 2,
            Self::AllButOne => bytes - 1,
        }
    }
}

/// Where what a node says is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Nowhere,
    /// In this record of each connection, counted from 0.
    Record(usize, Part),
    /// With the first record after the caller has sent one of so many bytes.
    AfterSent(usize),
}

/// Forwards to one node.
struct Scissors {
    address: SocketAddr,
    cut: watch::Sender<Cut>,
    /// Records that the newest connection has passed on whole.
    passed: Arc<AtomicUsize>,
}

impl Scissors {
    async fn before(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (cut, passed) = (watch::Sender::new(Cut::Nowhere), Arc::new(AtomicUsize::new(0)));
        let (watched, counted) = (cut.subscribe(), Arc::clone(&passed));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(node).await else { continue };
                counted.store(0, Ordering::Relaxed);
                tokio::spawn(forward(near, far, *watched.borrow(), Arc::clone(&counted)));
            }
        });
        Self { address, cut, passed }
    }

    fn set(&self, cut: Cut) {
        self.cut.send_replace(cut);
    }
}

async fn forward(near: TcpStream, far: TcpStream, cut: Cut, passed: Arc<AtomicUsize>) {
    let ((from_caller, to_caller), (from_node, to_node)) = (near.into_split(), far.into_split());
    let longest = Arc::new(AtomicUsize::new(0));
    let upward = tokio::spawn(up(from_caller, to_node, Arc::clone(&longest)));
    // What the caller has sent is on its way to the node, whatever comes back.
    down(from_node, to_caller, cut, &longest, &passed).await;
    upward.abort();
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, longest: Arc<AtomicUsize>) {
    while let Some(record) = next(&mut from).await {
        longest.fetch_max(record.len(), Ordering::Relaxed);
        if to.write_all(&record).await.is_err() {
            return;
        }
    }
}

async fn down(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    cut: Cut,
    longest: &AtomicUsize,
    passed: &AtomicUsize,
) {
    let mut number = 0;
    while let Some(record) = next(&mut from).await {
        let through = match cut {
            Cut::Record(at, part) if at == number => part.of(record.len()),
            Cut::AfterSent(bytes) if longest.load(Ordering::Relaxed) >= bytes => 0,
            _ => record.len(),
        };
        if to.write_all(&record[..through]).await.is_err() || through < record.len() {
            return;
        }
        number += 1;
        passed.store(number, Ordering::Relaxed);
    }
}

/// The next record whole; none at the end.
async fn next(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut record = vec![0; HEAD_BYTES];
    from.read_exact(&mut record).await.ok()?;
    record.resize(HEAD_BYTES + usize::from(u16::from_be_bytes([record[3], record[4]])), 0);
    from.read_exact(&mut record[HEAD_BYTES..]).await.ok()?;
    Some(record)
}

/// Barleben's officers at their node, with and without scissors before it.
struct Desk<'a> {
    processes: &'a Processes,
    scissors: Scissors,
    offering: StatementId,
    direct: Client,
    orders: BTreeSet<OrderId>,
}

impl<'a> Desk<'a> {
    async fn open(processes: &'a Processes, offering: StatementId) -> Self {
        let (node, _) = processes.world.nodes[&name("kitu")];
        let scissors = Scissors::before(node).await;
        Self { processes, scissors, offering, direct: processes.buyer(), orders: BTreeSet::new() }
    }

    fn key(&self, officer: &str) -> SecretKey {
        let key = &self.processes.world.officers[&(name("barleben"), name(officer))];
        SecretKey::from_pem(&key.to_pem()).expect("a key")
    }

    /// A connection of its own through the scissors.
    fn cut(&self) -> Client {
        let (_, pin) = self.processes.world.nodes[&name("kitu")];
        let address = self.scissors.address.to_string();
        let channel = tls::channel(&address, pin, None, Duration::from_secs(5)).expect("a channel");
        let officer = ActingOfficer { org: name("barleben"), name: name("einkauf"), key: self.key("einkauf") };
        Client::to(channel, name("kitu"), Some(officer))
    }

    /// Hands in with the answer cut, then again what was signed, and then signed anew: it stays what it was.
    async fn thrice(&mut self, request_id: &str, said: [Signed; 2]) -> OrderId {
        let lost = self.cut().hand_in(request_id, &said[0]).await;
        if let Err(lost) = &lost {
            assert_eq!(lost.reason, Reason::OutcomeUnknown, "{lost}");
        }
        self.scissors.set(Cut::Nowhere);
        let order = self.direct.hand_in(request_id, &said[0]).await.expect("what was signed may be repeated");
        assert!(lost.is_err() || lost == Ok(order));
        match self.direct.hand_in(request_id, &said[1]).await {
            Ok(again) => assert_eq!(again, order),
            Err(refusal) => {
                assert!(matches!(refusal.reason, Reason::OrderConflict | Reason::OrderClosed), "{refusal}");
            }
        }
        order
    }

    fn request(&self, request_id: &str) -> Request {
        let made = federation().request_along(&["barleben", "kitu"], self.offering, request_id, SystemClock.now());
        let rule_pack = self.processes.world.rule_pack;
        // More than one officer may spend.
        Request { rule_pack, term_years: 1, total_max: cents(2_600_000), auto_seal: None, ..made }
    }

    /// One order from request to seal, each answer cut there.
    async fn order(&mut self, request_id: &str, cut: impl Fn(Act) -> Cut) -> [usize; 3] {
        let passed = |desk: &Self| desk.scissors.passed.load(Ordering::Relaxed);
        let salts = [salt(request_id), salt(&format!("{request_id}, signed anew"))];
        let request = self.request(request_id);
        let key = self.key("einkauf");
        let sign = |salt| Signed::sign(&Kind::Request, &Request { salt, ..request.clone() }, &[&key]);
        self.scissors.set(cut(Act::Submit));
        let order = self.thrice(request_id, salts.map(sign)).await;
        let submitted = passed(self);
        assert_eq!(order, request.order);
        self.orders.insert(order);

        let shown = self.direct.order(order).await.expect("known");
        let second = self.key("freigabe");
        let decision = |salt| Decision {
            order,
            attempt: 1,
            request: shown.request_statement_id.parse().expect("an id"),
            org: name("barleben"),
            approve: true,
            annex: None,
            leg: Some(crate::federation::own_leg(&request)),
            officer: name("freigabe"),
            signed_at: SystemClock.now(),
            salt,
        };
        self.scissors.set(cut(Act::Approve));
        self.thrice("", salts.map(|salt| Signed::sign(&Kind::Decision, &decision(salt), &[&second]))).await;
        let approved = passed(self);

        let shown = self.offered(order).await;
        let chain: Result<Vec<StatementId>, Refusal> = shown.chain.iter().map(|id| id.parse()).collect();
        let chain = chain.expect("ids");
        let seal = |salt| Seal {
            order,
            attempt: 1,
            buyer: name("barleben"),
            chain: chain.clone(),
            total: Cents::try_from(shown.total_cents).expect("an amount"),
            agreed: Vec::new(),
            officer: Some(name("einkauf")),
            signed_at: SystemClock.now(),
            salt,
        };
        self.scissors.set(cut(Act::Seal));
        self.thrice("", salts.map(|salt| Signed::sign(&Kind::Seal, &seal(salt), &[&key]))).await;
        [submitted, approved, passed(self)]
    }

    async fn offered(&mut self, order: OrderId) -> Order {
        let mut shown = self.direct.order(order).await.expect("known");
        let client = &mut self.direct;
        let offered = async || {
            shown = client.order(order).await.expect("known");
            shown.stage() == Stage::Offered
        };
        self.processes.until("all offers are here", offered).await;
        shown
    }

    /// How many statements there are more than each officer has meant.
    async fn duplicates(&mut self) -> usize {
        let listed = self.direct.order_list(false).await.expect("listed");
        let ours = listed.iter().filter(|row| row.offering_id == self.offering.to_string()).count();
        let mut more = ours - self.orders.len();
        for order in self.orders.clone() {
            let shown = self.direct.order(order).await.expect("known");
            let count = |kind: &str| {
                let said = shown.messages.iter().filter(|said| said.kind == kind && said.by == "barleben");
                said.count()
            };
            more += ["request", "decision", "seal"].map(|kind| count(kind).abs_diff(1)).iter().sum::<usize>();
        }
        more
    }

    /// What an officer types, through the scissors; the exit code and what a program reads.
    fn types(&self, officer: &str, words: &[&str]) -> (i32, Value) {
        let profile = self.processes.world.folder.join("clients").join(format!("barleben-{officer}.toml"));
        let mut command = verbund();
        let address = self.scissors.address.to_string();
        command.args(["-o", "json", "--yes", "--address", &address, "--profile"]).arg(profile).args(words);
        said(command)
    }

    /// A person repeats what the program says, and nothing is done twice.
    fn a_person_repeats_what_is_said(&mut self) -> OrderId {
        let id = self.offering.to_string();
        let purpose = "Urkunden für alle. ".repeat(40);
        let submit = ["order", "submit", "--offering", &id, "--max-euro", "26000", "--purpose", purpose.trim()];
        // Only a request with that purpose is that long.
        self.scissors.set(Cut::AfterSent(1_600));
        let (exit, lost) = self.types("einkauf", &submit);
        assert_eq!((exit, &lost["error"]["reason"]), (4, &Value::from("OUTCOME_UNKNOWN")), "{lost}");
        self.scissors.set(Cut::Nowhere);
        let next = lost["error"]["metadata"]["next"].as_str().expect("a command");
        let repeat = || {
            let mut shell = std::process::Command::new("sh");
            shell.current_dir(env!("CARGO_MANIFEST_DIR")).args(["-c", next]);
            let (exit, told) = said(shell);
            assert_eq!(exit, 0, "{next}\n{told}");
            told["order_id"].as_str().expect("an order").to_owned()
        };
        let order = repeat();
        assert_eq!(repeat(), order, "{next}");
        let id = order.parse().expect("an id");
        self.orders.insert(id);
        for _ in 0..2 {
            let (exit, told) = self.types("freigabe", &["order", "approve", &order]);
            assert_eq!((exit, &told["order_id"]), (0, &Value::from(order.as_str())), "{told}");
        }
        id
    }

    /// The same after the seal.
    fn a_person_seals_twice(&self, order: OrderId) {
        let order = order.to_string();
        for _ in 0..2 {
            let (exit, told) = self.types("einkauf", &["order", "seal", &order]);
            assert_eq!((exit, &told["order_id"]), (0, &Value::from(order.as_str())), "{told}");
        }
    }
}

/// Which answer is cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Submit,
    Approve,
    Seal,
}

fn said(mut command: std::process::Command) -> (i32, Value) {
    let output = command.output().expect("it starts");
    (output.status.code().unwrap_or(-1), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// Kitu's own offering: one leg, so that what is counted is answers and not the way of an order.
async fn publish(processes: &Processes) -> StatementId {
    let seller: OrgId = name("kitu");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes/kitu/offerings/geburtsurkunde.toml");
    let offering = verbund::config::offerings::read_offering(&path).expect("an offering");
    let signed = Signed::sign(&Kind::Offering, &offering, &[&processes.world.officers[&(seller, name("vertrieb"))]]);
    let mut client = processes.client("kitu", None);
    patiently(async || client.publish(&signed).await).await.expect("published");
    signed.id()
}

/// Cuts every answer of an order everywhere; at nodes that run.
pub async fn never_two_orders(processes: &Processes) {
    let offering = publish(processes).await;
    let mut desk = Desk::open(processes, offering).await;
    let whole = desk.order("whole", |_| Cut::Nowhere).await;
    // One record more than was needed: then nothing is cut.
    let records = whole.into_iter().max().expect("three acts") + 1;
    assert!(records > 6, "handshake, settings, answer: {whole:?}");
    for record in 0..records {
        for part in PARTS {
            desk.order(&format!("{record}-{part:?}"), |_| Cut::Record(record, part)).await;
        }
    }
    // Each answer alone, after the node has said all but the last of it.
    for (act, last) in [(Act::Submit, whole[0]), (Act::Approve, whole[1]), (Act::Seal, whole[2])] {
        let at = |this: Act| if this == act { Cut::Record(last - 1, Part::AllButOne) } else { Cut::Nowhere };
        desk.order(&format!("last-{last}-{}", act as u8), at).await;
    }
    let newest = desk.a_person_repeats_what_is_said();
    desk.offered(newest).await;
    desk.a_person_seals_twice(newest);
    let duplicates = desk.duplicates().await;
    figures::count("duplicate_orders", duplicates);
    assert_eq!((duplicates, desk.orders.len()), (0, 1 + records * PARTS.len() + 3 + 1));
}
