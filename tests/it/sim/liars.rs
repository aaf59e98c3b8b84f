//! A hop that does not keep to the rules: it says different things to different people, asks for more than its price
//! list, hears nothing, or answers with receipts that are not its own. Nobody else comes to harm.
use serde::Serialize;
use verbund::domain::body::Body;
use verbund::domain::id::{NodeId, OrderId};
use verbund::domain::order::{Request, VoidReason};
use verbund::domain::price::{Component, CostItem, Due};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::protocol::frame::Delivery;

use crate::federation::{cents, name, salt, sign_request, statement_key};
use crate::sim::World;

/// How it lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// Tells the buyer of another endorsement than the next hop.
    Equivocate,
    /// Offers at so many cents a year more than its node would.
    Inflate(i64),
    /// Hears nothing.
    Withhold,
    /// Answers with receipts under a key of its own making.
    ForgeReceipts,
    /// Says that it keeps what is deposited there, and does not.
    KeepNothing,
    /// Gives back what was deposited there under another signature.
    AlterDeposits,
}

/// A party that lies.
#[derive(Clone)]
pub struct Liar {
    pub node: NodeId,
    pub lie: Lie,
}

impl Liar {
    pub fn new(node: &str, lie: Lie) -> Self {
        Self { node: name(node), lie }
    }

    /// Whether what is sent to it might as well not be sent.
    pub fn withholds(&self, to: &NodeId) -> bool {
        self.lie == Lie::Withhold && self.node == *to
    }

    /// Whether what is deposited there might as well not be.
    pub fn keeps_nothing(&self, node: &NodeId) -> bool {
        self.lie == Lie::KeepNothing && self.node == *node
    }

    /// What it gives back instead.
    pub fn returned(&self, node: &NodeId, statements: Vec<Signed>) -> Vec<Signed> {
        if self.lie != Lie::AlterDeposits || self.node != *node {
            return statements;
        }
        let altered = |signed: &Signed| {
            let mut signatures = signed.signatures().to_vec();
            signatures.iter_mut().for_each(|by| by.signature.0[7] ^= 1);
            Signed::parse(signed.pae(), signatures).expect("the same form")
        };
        statements.iter().map(altered).collect()
    }

    /// What it sends instead.
    pub fn delivery(&self, mut delivery: Delivery) -> Delivery {
        let Some(at) = delivery.messages.iter().position(|signed| signed.id() == delivery.message) else {
            return delivery;
        };
        let signed = &delivery.messages[at];
        let body = Body::read(signed).expect("an honest node made it");
        if body.signer_rule().is_none_or(|(org, _)| org.as_str() != self.node.as_str()) {
            return delivery;
        }
        let changed = match (self.lie, body) {
            (Lie::Equivocate, Body::Endorse(mut body)) if delivery.to == name("barleben") => {
                body.salt = salt("another");
                self.sign(signed.kind(), &body)
            }
            (Lie::Inflate(more), Body::Counter(mut body)) => {
                body.components.push(Component::new(CostItem::Brokering, Due::PerYear, cents(more), ""));
                self.sign(signed.kind(), &body)
            }
            _ => return delivery,
        };
        delivery.message = changed.id();
        delivery.messages[at] = changed;
        delivery
    }

    fn sign<T: Serialize>(&self, kind: &Kind, body: &T) -> Signed {
        Signed::sign(kind, body, &[&statement_key(self.node.as_str())])
    }

    /// What it answers instead of a receipt.
    pub fn receipt(&self, receipt: Signed) -> Signed {
        match (self.lie, Body::read(&receipt)) {
            (Lie::ForgeReceipts, Ok(Body::Receipt(body))) => {
                Signed::sign(&Kind::Receipt, &body, &[&SecretKey::from_seed(&[9; 32])])
            }
            _ => receipt,
        }
    }
}

/// A world in which ProVitako lies, and an order that passes it, to be decided within half a minute.
fn world_with(lie: Lie) -> (World, Request) {
    let mut world = World::calm();
    world.run(1_000);
    world.watch.expect_liars();
    world.liar = Some(Liar::new("provitako", lie));
    let mut request = world.federation.request("r1", world.now);
    (request.quote_by, request.seal_by) = (world.now.plus_ms(30_000), world.now.plus_ms(60_000));
    world.officer("kitu", &sign_request(&request)).expect("a good request");
    world.run(5_000);
    (world, request)
}

fn voided(world: &World, node: &str, order: OrderId) -> Option<VoidReason> {
    world.attempt(node, order)?.void.as_ref().map(|void| void.body().reason)
}

fn is_sealed_anywhere(world: &World, order: OrderId) -> bool {
    world.sites.keys().any(|node| world.attempt(node.as_str(), order).is_some_and(|known| known.seal.is_some()))
}

#[test]
pub fn who_tells_two_stories_ends_the_order_and_both_stories_are_kept() {
    let (mut world, request) = world_with(Lie::Equivocate);
    world.run(10_000);
    assert!(!is_sealed_anywhere(&world, request.order));
    let known = &world.node("kitu").state().orders[&request.order];
    let endorsed = &known.attempts[&1].endorsements[&3];
    assert!(known.contradictions.iter().any(|other| other.kind() == &Kind::Endorse && other.id() != endorsed.id()));
    world.run(60_000);
    assert!(!is_sealed_anywhere(&world, request.order));
}

/// The cap is the buyer's protection against dear hops, and the price list is its protection against false ones.
#[test]
fn who_asks_more_than_its_price_list_is_not_sealed_unseen() {
    let (mut world, request) = world_with(Lie::Inflate(1_000));
    assert!(!is_sealed_anywhere(&world, request.order), "sealed without a person having seen the price");
    world.settle();
}

#[test]
fn who_asks_more_than_the_cap_ends_the_order() {
    let (mut world, request) = world_with(Lie::Inflate(1_000_000));
    world.settle();
    assert_eq!(voided(&world, "kitu", request.order), Some(VoidReason::PriceTooHigh));
}

#[test]
fn who_hears_nothing_ends_the_order_in_time_and_binds_nobody() {
    let (mut world, request) = world_with(Lie::Withhold);
    assert!(world.attempt("provitako", request.order).is_none());
    // The hop before it says so once ProVitako's share of the time is over.
    world.run(15_000);
    assert!(world.now < request.quote_by);
    assert_eq!(voided(&world, "kitu", request.order), Some(VoidReason::Rejected));
    world.settle();
    assert!(!is_sealed_anywhere(&world, request.order));
}

/// A forged receipt ends no delivery: it is tried again until a good one comes.
#[test]
fn forged_receipts_end_no_delivery() {
    let (mut world, request) = world_with(Lie::ForgeReceipts);
    let receipted = |world: &World| {
        let known = &world.node("kitu").state().orders[&request.order];
        known.delivered.iter().any(|key| key.to == name("provitako"))
    };
    assert!(world.attempt("provitako", request.order).is_some_and(|known| known.seal.is_some()));
    assert!(!receipted(&world) && world.node("kitu").outbox().len() == 1);
    world.settle();
    assert!(receipted(&world));
}
