//! What arrives from other nodes: order messages with what is needed to place them, each receipted once.
use crate::domain::body::Body;
use crate::domain::id::NodeId;
use crate::domain::order::{Placed, Receipt};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::Timestamp;
use crate::protocol::frame::Delivery;
use crate::protocol::limits::DELIVERY_MESSAGES_MAX;
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::{Record, order_of};
use crate::protocol::{Answer, Node, Work};

impl Node {
    pub(in crate::protocol) fn delivery(
        &mut self,
        from: &NodeId,
        delivery: Delivery,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<Answer, Refusal> {
        self.outbox_awake(from, now, work);
        if delivery.messages.is_empty() || delivery.messages.len() > DELIVERY_MESSAGES_MAX {
            return Err(Refusal::new(Reason::FrameInvalid).with("messages", delivery.messages.len()));
        }
        if !self.state.is_local(&delivery.to) {
            return Err(Refusal::new(Reason::OrgElsewhere).with("org", &delivery.to));
        }
        let of_order = self.state.orders.get(&delivery.order);
        let known = of_order.and_then(|known| known.receipts.get(&(delivery.message, delivery.to.clone())));
        // Who has not heard of it yet takes no receipt by a key that was replaced since: such a one is signed anew.
        let key = self.statement_key(&delivery.to).map(|key| key.public().hash()).ok();
        let in_force = |receipt: &&Signed| key.is_none_or(|key| receipt.signatures().iter().any(|by| by.key == key));
        if let Some(receipt) = known.filter(in_force).filter(|_| Mechanism::StoredReceipt.is_on()) {
            return Ok(Answer::Receipt(receipt.clone()));
        }
        let about = delivery.messages.iter().find(|signed| signed.id() == delivery.message);
        let about =
            about.ok_or_else(|| Refusal::new(Reason::ChainBroken).with("rule", "the message itself is missing"))?;
        // Also where it is known already: its receipt is kept with its order.
        if order_of(about) != Some(delivery.order) {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "other order or attempt"));
        }
        if *about.kind() != Kind::CallOff
            && let Ok(attempt) = self.attempt(delivery.order, delivery.attempt)
        {
            attempt.position(&delivery.to)?;
        }
        for signed in &delivery.messages {
            self.arrive(signed, &delivery, now, work)?;
        }
        self.receipt(&delivery, now, work).map(Answer::Receipt)
    }

    /// Takes one arriving message into log and state; what is already here changes nothing.
    fn arrive(
        &mut self,
        signed: &Signed,
        delivery: &Delivery,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        if self.is_known(signed) {
            return Ok(());
        }
        let verified = self.state.judge(signed)?;
        if verified.body().order() != Some((delivery.order, delivery.attempt)) {
            return Err(Refusal::new(Reason::ChainBroken).with("rule", "other order or attempt"));
        }
        match verified.body() {
            Body::Request(request) if !request.route.parties().contains(&delivery.to) => {
                return Err(Refusal::new(Reason::NotAParty).with("org", &delivery.to));
            }
            Body::CallOff(call_off) if call_off.to != delivery.to => {
                return Err(Refusal::new(Reason::NotAParty).with("org", &delivery.to));
            }
            Body::CallOff(call_off) => self.check_part(call_off)?,
            Body::Mandate(mandate) if mandate.to != delivery.to => {
                return Err(Refusal::new(Reason::NotAParty).with("org", &delivery.to));
            }
            // A reminder is its node's own affair.
            Body::Reminder(_) => return Err(Refusal::new(Reason::ChainBroken).with("kind", Kind::Reminder)),
            _ => {}
        }
        self.take_in(verified, now, work)
    }

    /// Places what others have signed, and keeps what contradicts it. A restored node may find in it what it had once held:
    /// the sender never got the receipt.
    pub(super) fn take_in(
        &mut self,
        verified: Verified<Body>,
        now: Timestamp,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let Some((order, number)) = verified.body().order() else { return Ok(()) };
        let signed = verified.signed().clone();
        if self.is_missing(&signed) {
            return self.fill_gap(&signed, work);
        }
        let placed = match self.late_seal(&verified, now) {
            Some(contradicts) => contradicts,
            None => self.state.place(verified.clone())?,
        };
        match placed {
            Placed::Same => {}
            Placed::New => {
                // What amends it may have waited for its seal.
                work.touched.extend(self.amending(order).filter(|_| *signed.kind() == Kind::Seal));
                if let Body::Mandate(mandate) = verified.body() {
                    work.touched.extend(self.waiting_for(mandate));
                }
                self.append(verified, work);
                work.touched.insert(order);
            }
            Placed::Contradicts(_) if !Mechanism::Equivocation.is_on() => {}
            Placed::Contradicts(_) => {
                self.state.keep(signed.clone())?;
                work.commit.push(Record::Kept(signed));
                work.touched.insert(order);
            }
        }
        self.doubts.remove(&(order, number));
        Ok(())
    }

    /// A seal of an attempt for which it has been proven that none was written in time is no seal.
    fn late_seal(&self, verified: &Verified<Body>, now: Timestamp) -> Option<Placed> {
        let Body::Seal(seal) = verified.body() else { return None };
        let attempt = self.attempt(seal.order, seal.attempt).ok()?;
        self.proven_unsealed(attempt, now).map(|_| Placed::Contradicts(attempt.request.id()))
    }

    /// Signs the receipt once; the same delivery again gets the stored bytes.
    fn receipt(&mut self, delivery: &Delivery, now: Timestamp, work: &mut Work) -> Result<Signed, Refusal> {
        let body = Receipt {
            order: delivery.order,
            attempt: delivery.attempt,
            from: delivery.to.clone(),
            message: delivery.message,
            log: self.settings.origin.clone(),
            size: self.own_size(),
            received_at: now,
            salt: self.dice.salt(),
        };
        let signed = Signed::sign(&Kind::Receipt, &body, &[self.statement_key(&delivery.to)?]);
        let known = self.state.orders.entry(delivery.order).or_default();
        known.receipts.insert((delivery.message, delivery.to.clone()), signed.clone());
        work.commit.push(Record::Kept(signed.clone()));
        Ok(signed)
    }
}
