//! The loop over a store in memory.
use super::*;
use crate::domain::id::OrgId;
use crate::domain::order::{AutoSeal, Request};
use crate::node::ports::Nobody;
use crate::node::system::SystemClock;
use crate::protocol::explain::Stage;
use crate::protocol::explain::fixture::{Town, by_rule};
use crate::store::memory::MemoryStore;
use crate::view::orders::Sought;

/// A clock that stands still.
struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[tokio::test]
async fn a_settled_order_is_read_for_whoever_looks_at_it() {
    let mut town = Town::new(by_rule());
    town.node.keep_settled(1);
    let auto = |request: &mut Request| request.auto_seal = Some(AutoSeal { accept_assumed: true });
    let requests = ["r1", "r2"].map(|id| town.request(id, auto));
    let buyer: OrgId = "town".parse().expect("a name");
    let [first, second] = ["r1", "r2"].map(|id| OrderId::derive(&buyer, id));
    let (driver, handle) = Driver::new(town.node, MemoryStore::new(), At(town.now), |_| Nobody);
    tokio::spawn(driver.run());
    for request in requests {
        handle.officer(request).await.expect("a good request");
    }
    let rest = move |node: &Node, _| (node.is_resting(&first), node.is_resting(&second), node.order_count());
    assert_eq!(handle.read(rest).await, Ok((true, false, 2)), "one stays at hand");

    let org = buyer.clone();
    let explained = handle.read_order(first, move |node, now| node.explain(first, &org, now)).await;
    assert_eq!(explained.expect("it is read").stage, Stage::Sealed);
    assert_eq!(handle.read(rest).await, Ok((false, true, 2)), "the other had been touched longer ago");
    let unknown = OrderId([9; 16]);
    let refused = handle.read_order(unknown, move |node, _| node.evidence(unknown)).await;
    assert_eq!(refused.expect_err("nobody knows it").reason, Reason::OrderUnknown);

    let view = handle.view().await.expect("it runs");
    let rows = view.orders(std::slice::from_ref(&buyer), Sought::default(), None);
    assert!(rows.map(|row| row.stage).eq([Stage::Sealed; 2]), "both are listed as they ended");
    assert_eq!(view.order_count(), 2);
}

/// A clock that goes with the timers of a test.
struct Paused(Timestamp, tokio::time::Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        self.0.plus_ms(self.1.elapsed().as_millis() as i64)
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_costs_reading_the_store_once() {
    let town = Town::new(by_rule());
    let request = town.request("r1", |_| {});
    let store = Arc::new(MemoryStore::new());
    let clock = Paused(town.now, ticks());
    let (driver, handle) = Driver::new(town.node, store.clone(), clock, |_| Nobody);
    tokio::spawn(driver.run());
    handle.read(|_, _| ()).await.expect("it runs");
    let before = store.loads();
    store.set_full(true);
    let refused = handle.officer(request.clone()).await.expect_err("no room");
    assert_eq!((refused.reason, store.loads()), (Reason::StoreFull, before + 1));
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let refused = handle.officer(request.clone()).await.expect_err("no room");
        assert_eq!(refused.reason, Reason::StoreFull);
        handle.read(|_, _| ()).await.expect("it reads");
    }
    assert_eq!(store.loads(), before + 1, "ten minutes later");
    let view = handle.view().await.expect("it runs");
    assert_eq!(view.store().only_reading, Some(Reason::StoreFull));
    store.set_full(false);
    tokio::time::sleep(Duration::from_secs(20)).await;
    // The fixture's beginning is in no store, so what was read back is empty; but it is thought about.
    let told = handle.officer(request).await.expect_err("nobody is known");
    assert_eq!(told.reason, Reason::OrgUnknown);
    assert_eq!(store.loads(), before + 1);
    assert_eq!(handle.view().await.expect("it runs").store().only_reading, None);
}

/// Else it would go on from where its records end now, beside what it had signed before.
#[test]
fn a_node_whose_store_has_lost_something_asks_again_before_it_signs() {
    let mut node = Town::new(by_rule()).node;
    node.forget();
    assert_eq!(node.check_may_sign(), Ok(()), "what is only read again is known");
    node.has_lost(Hash::of(b"places"));
    assert_eq!(node.check_may_sign().expect_err("nobody was asked").reason, Reason::CatchingUp);
}

#[tokio::test]
async fn callers_and_peers_take_turns() {
    let node = Town::new(by_rule()).node;
    let (mut driver, handle) = Driver::new(node, MemoryStore::new(), SystemClock, |_| Nobody);
    let key = |number: u8| DeliveryKey {
        order: OrderId([number; 16]),
        attempt: 1,
        to: "kid".parse().expect("a name"),
        message: StatementId([number; 32]),
    };
    for number in 0..100 {
        let failed = (key(number), Err(Refusal::new(Reason::Unreachable)));
        handle.delivered("kid".parse().expect("a name"), vec![failed]).await;
    }
    let caller = tokio::spawn(async move { handle.read(|_, _| ()).await });
    tokio::task::yield_now().await;
    let first_two = [driver.ready_ask(), driver.ready_ask()];
    assert!(first_two.iter().any(|ask| matches!(ask, Some(Ask::Look(_)))), "a hundred results wait before nobody");
    assert!(first_two.iter().any(|ask| matches!(ask, Some(Ask::Delivered(..)))), "nor do peers wait for callers");
    drop((first_two, driver));
    assert_eq!(caller.await.expect("no panic").expect_err("stopped").reason, Reason::ShuttingDown);
}
