//! Reading beside the loop: what is committed is shown to whoever was answered, what is not is shown to nobody, and no
//! question waits for the loop or costs it anything.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::Endpoint;
use tonic::transport::server::TcpIncoming;
use verbund::cli::client::{Client, Days};
use verbund::cli::options::PriceNeeds;
use verbund::domain::annex::Annex;
use verbund::domain::id::{Hash, NodeId, OrderId, Origin, StatementId};
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::statement::{Kind, Signed};
use verbund::node::driver::Driver;
use verbund::node::handle::Handle;
use verbund::node::ports::Nobody;
use verbund::node::server::{Services, router};
use verbund::node::system::{SystemClock, SystemDice};
use verbund::node::tls;
use verbund::protocol::Node;
use verbund::protocol::record::{LogEntry, Record};
use verbund::protocol::settings::Settings;
use verbund::store::Store;
use verbund::store::memory::MemoryStore;
use verbund::view::offerings::Filter;
use verbund::wire::pb::catalogue::v1 as pb;
use verbund::wire::pb::catalogue::v1::catalogue_service_client::CatalogueServiceClient;

use crate::federation::{federation, name};
use crate::processes::{PARTIES, Processes, order_until_sealed};

/// A disk that takes its time: commits wait until the door is open.
struct Slow {
    store: MemoryStore,
    is_open: watch::Receiver<bool>,
    asked: watch::Sender<u64>,
}

impl Store for Slow {
    fn load(
        &self,
        each: impl FnMut(Record) -> Result<(), Refusal> + Send,
    ) -> impl Future<Output = Result<(), Refusal>> + Send {
        self.store.load(each)
    }

    async fn commit(&self, batch: Vec<Record>) -> Result<(), Refusal> {
        self.asked.send_modify(|asked| *asked += 1);
        self.is_open.clone().wait_for(|is_open| *is_open).await.expect("the test holds the door");
        self.store.commit(batch).await
    }

    async fn statement(&self, id: StatementId) -> Result<Option<Signed>, Refusal> {
        self.store.statement(id).await
    }

    async fn order(&self, id: OrderId) -> Result<Vec<Record>, Refusal> {
        self.store.order(id).await
    }

    async fn entries(
        &self,
        origin: &Origin,
        first: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<LogEntry>, Refusal> {
        self.store.entries(origin, first, count_max, bytes_max).await
    }

    async fn deposit(&self, of: &NodeId, number: u64) -> Result<Option<Vec<u8>>, Refusal> {
        self.store.deposit(of, number).await
    }

    async fn cover(&self, origin: &Origin, index: u64) -> Result<Option<String>, Refusal> {
        self.store.cover(origin, index).await
    }

    async fn keep_annex(&self, annex: Annex) -> Result<(), Refusal> {
        self.store.keep_annex(annex).await
    }

    async fn annex(&self, id: Hash) -> Result<Option<Annex>, Refusal> {
        self.store.annex(id).await
    }

    async fn erase_annex(&self, id: Hash) -> Result<(), Refusal> {
        self.store.erase_annex(id).await
    }

    async fn close(&self) -> Result<(), Refusal> {
        self.store.close().await
    }
}

struct Alone {
    handle: Handle,
    door: watch::Sender<bool>,
    asked: watch::Receiver<u64>,
    published: Vec<Signed>,
}

/// One node without peers on a slow disk, its log begun.
async fn alone() -> Alone {
    let (federation, own): (_, NodeId) = (federation(), name("dataport"));
    let settings = Settings { alone: true, ..federation.settings(&own) };
    let node = Node::new(settings, federation.keys(&own), Box::new(SystemDice));
    let ((door, is_open), (asking, asked)) = (watch::channel(true), watch::channel(0));
    let store = Slow { store: MemoryStore::new(), is_open, asked: asking };
    let (driver, handle) = Driver::new(node, store, SystemClock, |_| Nobody);
    tokio::spawn(driver.run());
    let begun = &federation.nodes[&own];
    handle.found(begun.genesis.clone()).await.expect("the genesis is sound");
    Alone { handle, door, asked, published: begun.published.clone() }
}

/// Whether a statement is shown, and if it is an offering, listed.
async fn shows(handle: &Handle, signed: &Signed) -> bool {
    let (id, is_offering) = (signed.id(), *signed.kind() == Kind::Offering);
    let question = move |view: &verbund::view::View, _| {
        let is_listed = view.offerings(&Filter::default(), None).any(|row| row.id == id);
        Ok(view.place(&id).is_some() && is_listed == is_offering)
    };
    handle.look(question).await.expect("runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_answered_sees_what_was_written() {
    let node = alone().await;
    assert!(node.published.iter().any(|signed| *signed.kind() == Kind::Offering));
    for signed in &node.published {
        assert!(!shows(&node.handle, signed).await);
        node.handle.publish(signed.clone()).await.expect("by one of the hosted organisations");
        assert!(shows(&node.handle, signed).await, "at once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_hangs_everything_durable_is_shown_and_nothing_else() {
    let mut node = alone().await;
    let (first, second) = (node.published[0].clone(), node.published[1].clone());
    node.handle.publish(first.clone()).await.expect("taken");
    node.door.send_replace(false);
    let before = *node.asked.borrow_and_update();
    let (handle, statement) = (node.handle.clone(), second.clone());
    let publishing = tokio::spawn(async move { handle.publish(statement).await });
    node.asked.wait_for(|asked| *asked > before).await.expect("the driver runs");
    // The loop waits for its disk; whoever only reads does not.
    for _ in 0..100 {
        assert!(shows(&node.handle, &first).await);
        assert!(!shows(&node.handle, &second).await, "it may still be lost");
        assert_eq!(node.handle.statement(first.id()).await.expect("readable"), Some(first.clone()));
    }
    assert!(!publishing.is_finished(), "and nobody was answered");
    node.door.send_replace(true);
    publishing.await.expect("no panic").expect("taken");
    assert!(shows(&node.handle, &second).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_whose_caller_has_gone_is_never_asked() {
    let node = alone().await;
    let asked = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (begun, mut has_begun) = watch::channel(0_usize);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    // Every reader is busy.
    let readers = std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).max(1);
    let mut busy = JoinSet::new();
    for _ in 0..readers {
        let (handle, begun, released) = (node.handle.clone(), begun.clone(), released.clone());
        busy.spawn(async move {
            handle
                .look(move |_, _| {
                    begun.send_modify(|count| *count += 1);
                    let _ = released.lock().expect("no panic").recv();
                    Ok(())
                })
                .await
        });
    }
    has_begun.wait_for(|count| *count == readers).await.expect("they run");
    let mut gone = JoinSet::new();
    for _ in 0..1_000 {
        let (handle, asked) = (node.handle.clone(), asked.clone());
        gone.spawn(async move {
            handle.look(move |_, _| Ok(asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed))).await
        });
    }
    tokio::task::yield_now().await;
    gone.shutdown().await;
    drop(release);
    while let Some(done) = busy.join_next().await {
        done.expect("no panic").expect("answered");
    }
    node.handle.look(|_, _| Ok(())).await.expect("readers are free again");
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 0);
}

/// The services of a node over plain TCP, and a stranger's connection to them.
async fn stranger(handle: &Handle) -> Client {
    let (stop, stopped) = watch::channel(false);
    // It runs for as long as the test does.
    std::mem::forget(stop);
    let services = Services {
        handle: handle.clone(),
        anchors: BTreeMap::new(),
        bundle: Arc::new(|_, _, _| Box::pin(async { Ok(Vec::new()) })),
        reflection: false,
        calls_max: 64,
        call_max: Duration::from_secs(10),
        stopped,
        finder: Arc::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (router, _) = router(services).await;
    tokio::spawn(router.serve_with_incoming(TcpIncoming::from(listener)));
    let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    Client::to(channel.connect().await.expect("listens"), name("dataport"), None)
}

/// Any answer will do, also a refusal; what waits for the loop gets none.
fn answered<T>(what: &str, answer: Result<T, Refusal>) {
    if let Err(refusal) = answer {
        let never = [Reason::DeadlineExceeded, Reason::Unreachable, Reason::Overloaded, Reason::Bug];
        assert!(!never.contains(&refusal.reason), "{what}: {refusal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_stranger_asks_is_answered_while_the_loop_hangs() {
    let mut node = alone().await;
    let is_offering = |signed: &&Signed| *signed.kind() == Kind::Offering;
    let offering = node.published.iter().find(is_offering).expect("one").clone();
    let late = node.published.iter().find(|signed| !is_offering(signed)).expect("one").clone();
    for signed in node.published.iter().filter(|signed| signed.id() != late.id()) {
        node.handle.publish(signed.clone()).await.expect("taken");
    }
    let mut client = stranger(&node.handle).await;
    node.door.send_replace(false);
    let (before, inputs) = (*node.asked.borrow_and_update(), node.handle.inputs());
    let handle = node.handle.clone();
    let publishing = tokio::spawn(async move { handle.publish(late).await });
    node.asked.wait_for(|asked| *asked > before).await.expect("the driver runs");
    let (id, buyer, provider) = (offering.id().to_string(), name("barleben"), name("dataport"));
    for query in ["wohngeld", "führer", "wohn", ""] {
        let found = client.search(query, None).await.expect("answered");
        assert!(query == "führer" || found.total_size > 0, "{query}");
        assert!(!client.list_offerings(Default::default()).await.expect("answered").0.is_empty());
        assert!(client.get_offering(&id).await.expect("answered").statement.is_some());
        answered("price", client.price(&id, Default::default()).await);
        answered("routes", client.routes(&buyer, &id, PriceNeeds::default(), (None, None)).await);
        answered("leg", client.explain_leg(&buyer, &provider, Days::default()).await);
        client.status().await.expect("answered");
        client.peers().await.expect("answered");
        client.keys(&provider).await.expect("answered");
        client.trust(None).await.expect("answered");
        client.witnesses(&id).await.expect("answered");
        client.needs("", "").await.expect("answered");
        assert_eq!(client.statement(offering.id()).await.expect("answered"), offering);
    }
    assert_eq!(node.handle.inputs(), inputs + 1, "the statement that is being published, and nothing else");
    node.door.send_replace(true);
    publishing.await.expect("no panic").expect("taken");
}

/// Strangers who search, list, and hang up, while orders of five legs run: none of them fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_sealed_while_strangers_flood_every_node() {
    const ORDERS: usize = 8;
    const FLOODING: usize = 2;
    let _alone = crate::live::FLOOD.lock().await;
    let mut processes = Processes::open().await;
    let (stop, stopped) = watch::channel(false);
    let mut flood = JoinSet::new();
    for (number, node) in PARTIES.iter().cycle().take(FLOODING * PARTIES.len()).enumerate() {
        let (address, pin) = processes.world.nodes[&name::<NodeId>(node)];
        let channel = tls::channel(&address.to_string(), pin, None, Duration::from_secs(20)).expect("a channel");
        let (mut client, stopped) = (CatalogueServiceClient::new(channel), stopped.clone());
        flood.spawn(async move {
            let mut asked = 0_usize;
            while !*stopped.borrow() {
                // Every other caller hangs up before it can have been answered.
                let patience = Duration::from_millis(if number % 2 == 0 { 1 } else { 20_000 });
                let question = async {
                    let wanted = pb::SearchOfferingsRequest { query: "wohngeld".to_owned(), ..Default::default() };
                    let _ = client.search_offerings(wanted).await;
                    let _ = client.list_offerings(pb::ListOfferingsRequest::default()).await;
                };
                let _ = tokio::time::timeout(patience, question).await;
                asked += 1;
            }
            asked
        });
    }
    let mut orders = JoinSet::new();
    for number in 0..ORDERS {
        let request_id = format!("flut-{number}");
        let (order, signed) = processes.request(&request_id);
        orders.spawn(order_until_sealed(processes.buyer(), request_id, order, signed));
    }
    while let Some(sealed) = orders.join_next().await {
        sealed.expect("sealed");
    }
    stop.send_replace(true);
    let mut asked = 0;
    while let Some(done) = flood.join_next().await {
        asked += done.expect("no panic");
    }
    assert!(asked > FLOODING * PARTIES.len(), "there was a flood: {asked}");
    processes.stop().await;
}
