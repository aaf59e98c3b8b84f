//! The journeys over real drivers: six nodes in one process, memory stores, streams and deliveries as plain channels.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use verbund::domain::annex::Annex;
use verbund::domain::id::{NodeId, OrderId};
use verbund::domain::price::quote::carried;
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::statement::Signed;
use verbund::node::driver::Driver;
use verbund::node::handle::Handle;
use verbund::node::ports::{Clock as _, Nobody, Peers};
use verbund::node::system::{SystemClock, SystemDice};
use verbund::protocol::frame::{Delivery, Question};
use verbund::protocol::peering::Dialler;
use verbund::protocol::pricing::RouteSearch;
use verbund::protocol::{Answer, Node};
use verbund::store::Store;
use verbund::store::memory::{Failure, MemoryStore};

use crate::federation::{CHAIN, federation, name, sign_request};

/// How often a condition is looked at, every five milliseconds: half a minute, for machines that do other things too.
const LOOKS_MAX: usize = 6_000;

/// Handles by node; filled once all drivers run.
type Switchboard = Arc<Mutex<BTreeMap<NodeId, Handle>>>;

/// Deliveries straight into the other driver.
struct InProcess {
    own: NodeId,
    others: Switchboard,
}

impl Peers for InProcess {
    async fn deliver(&self, node: NodeId, deliveries: Vec<Delivery>) -> Vec<Result<Signed, Refusal>> {
        let handle = self.others.lock().expect("no panic holds it").get(&node).cloned();
        let Some(handle) = handle else { return Nobody.deliver(node, deliveries).await };
        let answers = handle.deliver_all(&self.own, deliveries.into_iter().map(Ok)).await;
        let receipt = |answer: Answer| match answer {
            Answer::Receipt(receipt) => receipt,
            other => panic!("a delivery is answered with a receipt, not {other:?}"),
        };
        answers.into_iter().map(|answer| answer.map(receipt)).collect()
    }

    async fn ask(&self, node: NodeId, question: Question) -> Result<(Vec<Signed>, Vec<Annex>), Refusal> {
        let handle = self.others.lock().expect("no panic holds it").get(&node).cloned();
        let handle = handle.ok_or_else(|| Refusal::new(Reason::Unreachable).with("node", &node))?;
        let own = self.own.clone();
        let statements = handle.answer(own, question).await?;
        let annexes = handle.annexes_of(&statements).await?;
        Ok((statements, annexes))
    }
}

/// Six drivers.
pub struct Nodes {
    handles: Switchboard,
    stores: BTreeMap<NodeId, Arc<MemoryStore>>,
    drivers: Vec<JoinHandle<Result<(), Refusal>>>,
}

impl Nodes {
    /// Starts all nodes, founds their logs and connects them.
    pub async fn start() -> Self {
        let stores: BTreeMap<NodeId, Arc<MemoryStore>> =
            federation().nodes.keys().map(|node| (node.clone(), Arc::default())).collect();
        let nodes = Self::start_on(|node| stores[node].clone()).await;
        Self { stores, ..nodes }
    }

    /// The same on other stores.
    pub async fn start_on<S: Store>(store_of: impl Fn(&NodeId) -> S) -> Self {
        let federation = federation();
        let handles: Switchboard = Arc::default();
        let mut drivers = Vec::new();
        for (node, begun) in &federation.nodes {
            let state = Node::new(federation.settings(node), federation.keys(node), Box::new(SystemDice));
            let (own, others) = (node.clone(), handles.clone());
            let (driver, handle) =
                Driver::new(state, store_of(node), SystemClock, move |_| InProcess { own, others });
            drivers.push(tokio::spawn(driver.run()));
            handle.found(begun.genesis.clone()).await.expect("the genesis is sound");
            handles.lock().expect("no panic holds it").insert(node.clone(), handle);
        }
        let nodes = Self { handles, stores: BTreeMap::new(), drivers };
        nodes.connect().await;
        for (node, begun) in &federation.nodes {
            nodes.wait_until(node.as_str(), "others asked", |node| node.check_may_sign().is_ok()).await;
            for signed in &begun.published {
                let published = nodes.node(node.as_str()).publish(signed.clone()).await;
                published.expect("by one of the hosted organisations");
            }
        }
        nodes
    }

    /// One stream per pair, each direction a task that carries frames.
    async fn connect(&self) {
        let all: Vec<(NodeId, Handle)> =
            self.handles.lock().expect("no panic holds it").clone().into_iter().collect();
        for (index, (a, to_a)) in all.iter().enumerate() {
            for (b, to_b) in &all[index + 1..] {
                let (mut out_of_a, into_a) = to_a.open_stream(b.clone(), Dialler::Us, None).await.expect("runs");
                let (mut out_of_b, into_b) = to_b.open_stream(a.clone(), Dialler::Them, None).await.expect("runs");
                tokio::spawn(async move {
                    while let Some(frame) = out_of_a.recv().await {
                        if into_b.frame(frame).await.is_err() {
                            break;
                        }
                    }
                });
                tokio::spawn(async move {
                    while let Some(frame) = out_of_b.recv().await {
                        if into_a.frame(frame).await.is_err() {
                            break;
                        }
                    }
                });
            }
        }
    }

    /// The handle of one node.
    pub fn node(&self, node: &str) -> Handle {
        self.handles.lock().expect("no panic holds it")[&name::<NodeId>(node)].clone()
    }

    /// Waits until a condition holds on a node.
    pub async fn wait_until(&self, node: &str, what: &str, holds: impl Fn(&Node) -> bool + Send + Clone + 'static) {
        let handle = self.node(node);
        for _ in 0..LOOKS_MAX {
            let holds = holds.clone();
            if handle.read(move |node, _| holds(node)).await.expect("runs") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{node}: {what} did not come true");
    }

    /// Waits until all nodes hold the same heads.
    pub async fn converge(&self) {
        let handles: Vec<Handle> = self.handles.lock().expect("no panic holds it").values().cloned().collect();
        for _ in 0..LOOKS_MAX {
            let mut digests = std::collections::BTreeSet::new();
            for handle in &handles {
                digests.insert(handle.read(|node, _| node.state().digest()).await.expect("runs"));
            }
            if digests.len() == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the nodes did not converge");
    }

    /// Stops all drivers.
    pub async fn stop(self) {
        let handles: Vec<Handle> = self.handles.lock().expect("no panic holds it").values().cloned().collect();
        for handle in handles {
            handle.stop().await;
        }
        for driver in self.drivers {
            driver.await.expect("no panic").expect("no store failure");
        }
    }
}

fn is_sealed(node: &Node, order: OrderId) -> bool {
    let attempt = node.state().orders.get(&order).and_then(|known| known.current());
    attempt.is_some_and(|attempt| attempt.seal.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_sealed_by_all_parties_and_witnessed() {
    let nodes = Nodes::start().await;
    nodes.converge().await;
    let request = federation().request("journey-1", SystemClock.now());
    let (asked, kitu) = (request.clone(), nodes.node("kitu"));
    let preview = kitu.read(move |node, _| {
        node.state().public().price_preview(&asked.offering, &asked.route, asked.term_years, asked.quantities)
    });
    let preview = preview.await.expect("runs").expect("a price").preview;
    assert!(preview.is_complete(), "every hop has published its tariff");
    let asked = request.clone();
    let routes = kitu.read(move |node, now| {
        node.state().public().find_routes(&RouteSearch {
            buyer: asked.route.buyer(),
            provider: asked.route.provider(),
            rule_pack: asked.rule_pack,
            began: asked.procedure_day(),
            award: asked.award,
            is_change: asked.is_change(),
            as_of: asked.as_of,
            known_on: now.date(),
            offering: Some(asked.offering),
            term_years: asked.term_years,
            quantities: asked.quantities,
        })
    });
    let routes = routes.await.expect("runs").expect("routes").routes;
    let chosen = routes.iter().find(|judged| judged.route == request.route).expect("the route ordered");
    assert_eq!(chosen.price, Some(preview.total), "the search prices as the preview does");
    let order = request.order;
    let answer = nodes.node("kitu").officer(sign_request(&request)).await.expect("orderable");
    assert_eq!(answer, Answer::Order(order));
    for party in &CHAIN[1..] {
        nodes.wait_until(party, "sealed", move |node| is_sealed(node, order)).await;
    }
    let sealed = kitu.read(move |node, _| {
        let attempt = node.state().orders[&order].current().expect("sealed").clone();
        let offers = attempt.counters.values().rev().map(|counter| counter.body().components.clone());
        let accepted = attempt.acceptance.as_ref().map(|accept| accept.body().components.clone());
        (attempt.total().expect("a price"), accepted.into_iter().chain(offers).collect::<Vec<_>>())
    });
    let (total, offered) = sealed.await.expect("runs");
    let previewed = preview.legs.into_iter().map(|leg| carried(leg.items.expect("published")));
    assert_eq!(
        (preview.total, previewed.collect::<Vec<_>>()),
        (total, offered),
        "what was previewed is what is sealed"
    );
    nodes.converge().await;
    nodes.wait_until("kitu", "witnessed", move |node| node.unwitnessed(order) == Ok(0)).await;
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_loses_nothing() {
    let federation = federation();
    let node: NodeId = name("kitu");
    let store = Arc::new(MemoryStore::new());
    let mut settings = federation.settings(&node);
    settings.anchors.clear();
    let state = Node::new(settings, federation.keys(&node), Box::new(SystemDice));
    let others: Switchboard = Arc::default();
    let own = node.clone();
    let (driver, handle) = Driver::new(state, store.clone(), SystemClock, move |_| InProcess { own, others });
    let driver = tokio::spawn(driver.run());
    let begun = &federation.nodes[&node];
    handle.found(begun.genesis.clone()).await.expect("the genesis is sound");
    let before = handle.read(|node, _| node.state().heads()).await.expect("runs");
    store.fail_next(Failure::Full);
    let refused = handle.publish(begun.published[0].clone()).await.expect_err("no room");
    assert_eq!(refused.reason, Reason::StoreFull);
    assert_eq!(
        handle.read(|node, _| node.state().heads()).await.expect("still runs"),
        before,
        "nothing is half done"
    );
    assert!(handle.is_full());
    let refused = handle.publish(begun.published[0].clone()).await.expect_err("it only reads");
    assert_eq!((refused.reason, refused.field("rule")), (Reason::StoreFull, Some("only reading")));
    once_there_is_room(async || handle.publish(begun.published[0].clone()).await).await;
    assert!(!handle.is_full());
    store.fail_next(Failure::AfterPersist);
    let unknown = handle.publish(begun.published[1].clone()).await.expect_err("nobody knows");
    assert_eq!(unknown.reason, Reason::StoreFailed);
    assert_eq!(driver.await.expect("no panic").expect_err("the driver ends").reason, Reason::StoreFailed);
}

/// A node whose disk was full only reads for a second; whoever asks meanwhile is told so.
async fn once_there_is_room(mut ask: impl AsyncFnMut() -> Result<Answer, Refusal>) -> Answer {
    loop {
        match ask().await {
            Err(refusal) if refusal.reason == Reason::StoreFull => tokio::task::yield_now().await,
            answer => return answer.expect("there is room again"),
        }
    }
}

/// Every party's disk is full when the order comes: the officer is told so, hops are asked again, and nothing of it is
/// lost or done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disks_delay_an_order_and_lose_nothing() {
    let nodes = Nodes::start().await;
    nodes.converge().await;
    let request = federation().request("journey-full", SystemClock.now());
    let (order, kitu) = (request.order, nodes.node("kitu"));
    for party in &CHAIN[1..] {
        nodes.stores[&name::<NodeId>(party)].fail_next(Failure::Full);
    }
    let signed = sign_request(&request);
    // What the node itself wants to store may have met the full disk before the officer does.
    if let Err(refusal) = kitu.officer(signed.clone()).await {
        assert_eq!(refusal.reason, Reason::StoreFull);
    }
    let answer = once_there_is_room(async || kitu.officer(signed.clone()).await).await;
    assert_eq!(answer, Answer::Order(order));
    for party in &CHAIN[1..] {
        nodes.wait_until(party, "sealed", move |node| is_sealed(node, order)).await;
        // The order stands once in the log, whatever was tried before.
        let id = signed.id();
        let once = move |node: &Node| node.state().place_of(&id, &node.settings().origin).is_some();
        nodes.wait_until(party, "in the log", once).await;
    }
    nodes.stop().await;
}
