//! Reading beside the loop: what is committed is shown to whoever was answered, what is not is shown to nobody, and no
//! question waits for the loop or costs it anything.
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use verbund::cli::client::Client;
use verbund::domain::id::{NodeId, Origin, StatementId};
use verbund::domain::reason::Refusal;
use verbund::domain::statement::{Kind, Signed};
use verbund::node::driver::Driver;
use verbund::node::handle::Handle;
use verbund::node::ports::Nobody;
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
use crate::live::Live;
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

    async fn entries(
        &self,
        origin: &Origin,
        first: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<LogEntry>, Refusal> {
        self.store.entries(origin, first, count_max, bytes_max).await
    }

    async fn cover(&self, origin: &Origin, index: u64) -> Result<Option<String>, Refusal> {
        self.store.cover(origin, index).await
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

fn stranger(live: &Live, node: &str) -> Client {
    let (address, pin) = live.world.nodes[&name::<NodeId>(node)];
    let channel = tls::channel(&address.to_string(), pin, None, Duration::from_secs(20)).expect("a channel");
    Client::to(channel, name(node), None)
}

/// Everything that anybody may ask. What is answered does not matter here; that it is no failure does.
async fn ask_everything(client: &mut Client, org: &str, number: usize) {
    client.status().await.expect("answered");
    client.peers().await.expect("answered");
    client.keys(&name(org)).await.expect("answered");
    client.trust(None).await.expect("answered");
    client.needs("", "").await.expect("answered");
    let query = ["wohngeld", "führer", "w", ""][number % 4];
    client.search(query, None).await.expect("answered");
    client.list_offerings(Default::default()).await.expect("answered");
}

/// A loop that asks the clock and looks after itself takes some inputs; a question takes none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_question_of_a_stranger_reaches_the_loop() {
    const ROUNDS: usize = 60;
    const QUESTIONS: u64 = 7;
    let mut live = Live::found();
    live.start("kitu").await;
    let mut client = stranger(&live, "kitu");
    let handle = live.node("kitu");
    let before = handle.inputs();
    for number in 0..ROUNDS {
        ask_everything(&mut client, "kitu", number).await;
    }
    let taken = handle.inputs() - before;
    assert!(taken < ROUNDS as u64 * QUESTIONS / 4, "{taken} inputs for {ROUNDS} rounds of {QUESTIONS} questions");
    live.stop_all().await;
}

/// Strangers who search, list, and hang up, while orders of five legs run: none of them fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_sealed_while_strangers_flood_every_node() {
    const ORDERS: usize = 8;
    const FLOODING: usize = 4;
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
