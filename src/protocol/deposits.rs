//! Nothing promised rests on one disk: what only this node holds is given to two others, sealed, before what rests on it is
//! final.
//!
//! Of most messages there is a second copy by the course of an order: whoever they are for has one. What officers sign
//! here, how an attempt ends, and what parties say to each other that are at home on this node have none at first, or
//! for ever. So a depositary gets each such entry of the own log, and only then is
//!
//! - the officer answered,
//! - the outcome of an attempt told to its parties,
//! - the entry shown to others in the log: no leaf is seen whose content one disk alone may lose.
//!
//! A depositary keeps bytes it cannot read, up to a limit, and gives them back to the node that brought them. Who seals and
//! opens them is the shell's business. Must never wait without end: where others cannot be reached the node goes on, and
//! says that it did ([`Reason::DepositPending`]).
use crate::domain::id::{NodeId, OrderId, Origin, StatementId, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::protocol::limits::{
    DEPOSIT_BYTES_MAX, DEPOSIT_COPIES, DEPOSIT_MS_MAX, DEPOSIT_PARKED_MAX, DEPOSIT_STATEMENTS_MAX, DEPOSIT_WAIT_MS,
    DEPOSITS_TRIES, RETRY_MS_MAX, RETRY_MS_MIN,
};
use crate::protocol::lodging::{Failed, Sending};
use crate::protocol::mechanism::Mechanism;
use crate::protocol::record::Record;
use crate::protocol::{Answer, Effect, Node, RequestId, Work};

/// The form in which statements are sealed.
pub fn pack(statements: &[Signed]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for signed in statements {
        let record = Record::Kept(signed.clone()).encode();
        bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&record);
    }
    bytes
}

/// Reads that form again.
pub fn unpack(mut bytes: &[u8]) -> Result<Vec<Signed>, Refusal> {
    let malformed = || Refusal::new(Reason::DepositUnreadable).with("rule", "statements expected");
    let mut statements = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| malformed())?;
        let (record, after) = rest.split_at_checked(length).ok_or_else(malformed)?;
        match Record::decode(record)? {
            Record::Kept(signed) => statements.push(signed),
            _ => return Err(malformed()),
        }
        bytes = after;
    }
    if bytes.is_empty() { Ok(statements) } else { Err(malformed()) }
}

impl Node {
    fn makes_deposits(&self) -> bool {
        self.settings.deposits && Mechanism::Deposit.is_on()
    }

    /// How many other nodes must have what only this node holds: two, or as many as there are.
    pub fn copies_wanted(&self) -> usize {
        let registry = &self.state.registry;
        let is_in = |origin: &&Origin| {
            let operator = registry.log(origin).and_then(|trust| trust.operator());
            origin.node != *self.settings.node() && operator.is_some_and(|operator| !registry.is_expelled(operator))
        };
        let mut nodes: Vec<&NodeId> = Vec::new();
        for origin in self.state.logs.keys().filter(is_in) {
            if nodes.last() != Some(&&origin.node) {
                nodes.push(&origin.node);
            }
            if nodes.len() == DEPOSIT_COPIES {
                break;
            }
        }
        nodes.len()
    }

    /// How many entries of the own log too few others have, and how many others that would be. None where nothing is
    /// deposited.
    pub fn undeposited(&self) -> Option<(usize, usize)> {
        self.makes_deposits().then(|| (self.state.lone.len(), self.copies_wanted()))
    }

    /// How many entries of the own log too few others have although they had the time to take them; none if all is well.
    pub fn overdue_deposits(&self, now: Timestamp) -> Option<usize> {
        self.first_alone().filter(|_| self.held_from(now).is_none()).map(|_| self.state.lone.len())
    }

    /// The first entry of the own log that too few others have; none where all is well, or nothing is deposited.
    pub fn first_alone(&self) -> Option<u64> {
        if !self.makes_deposits() || self.state.lone.is_empty() {
            return None;
        }
        self.state.lone.first_below(self.copies_wanted())
    }

    /// From which entry on the own log is held back until others have it. Nothing once that takes too long, or nobody is
    /// there who could take it.
    fn held_from(&self, now: Timestamp) -> Option<u64> {
        let first = self.first_alone()?;
        let since = self.deposits.waiting.filter(|(at, _)| *at == first).map_or(now, |(_, since)| since);
        let is_late = now.since_ms(since) >= DEPOSIT_WAIT_MS || self.sync.peers.len() < self.copies_wanted();
        (!is_late).then_some(first)
    }

    /// Whether the outcome of an order is not told yet, because others do not have what it rests on. It is planned again
    /// as soon as they do.
    pub(super) fn is_held_back(&mut self, order: OrderId, message: StatementId, now: Timestamp) -> bool {
        let Some(from) = self.held_from(now) else { return false };
        let known = self.state.orders.get(&order);
        let ends =
            known.is_some_and(|known| known.attempts.values().any(|attempt| attempt.outcome() == Some(message)));
        let is_held = ends && self.state.place_of(&message, &self.settings.origin).is_some_and(|at| at >= from);
        if is_held {
            self.deposits.held_back.insert(order);
        }
        is_held
    }

    /// Answers an officer once what was done is with others; at once where nothing has to be.
    pub(super) fn answer_when_deposited(&mut self, id: RequestId, answer: Result<Answer, Refusal>, work: &mut Work) {
        let upto = self.own_size();
        match answer {
            Ok(answer) if self.first_alone().is_some_and(|first| first < upto) => {
                if self.deposits.parked.len() < DEPOSIT_PARKED_MAX {
                    self.deposits.parked.push_back(((id, answer), upto));
                } else {
                    work.reply(id, Err(self.pending()));
                }
            }
            answer => work.reply(id, answer),
        }
    }

    fn pending(&self) -> Refusal {
        let refusal = Refusal::new(Reason::DepositPending).with("needed", self.copies_wanted());
        refusal.with("connected", self.sync.peers.len())
    }

    /// Orders whose outcome may be told by now are looked at again.
    pub(super) fn review_deposits(&mut self, now: Timestamp, work: &mut Work) {
        let first = self.first_alone();
        if self.deposits.waiting.map(|(at, _)| at) != first {
            self.deposits.waiting = first.map(|first| (first, now));
        }
        if !self.deposits.held_back.is_empty() {
            work.touched.append(&mut self.deposits.held_back);
        }
    }

    /// Gives to others what they are to have, answers who waits for it, and shows of the own log what is safe.
    pub(super) fn pursue_deposits(&mut self, now: Timestamp, work: &mut Work) {
        if !self.makes_deposits() {
            return;
        }
        let first = self.first_alone();
        if self.deposits.waiting.map(|(at, _)| at) != first {
            self.deposits.waiting = first.map(|first| (first, now));
        }
        self.lodge(now, work);
        let is_late = self.held_from(now).is_none();
        for ((id, answer), upto) in std::mem::take(&mut self.deposits.parked) {
            match first.filter(|first| *first < upto) {
                None => work.reply(id, Ok(answer)),
                Some(_) if is_late => work.reply(id, Err(self.pending())),
                Some(_) => self.deposits.parked.push_back(((id, answer), upto)),
            }
        }
        self.show_what_is_safe(now);
    }

    /// One parcel at a time to each depositary; what comes up meanwhile goes along with the next.
    fn lodge(&mut self, now: Timestamp, work: &mut Work) {
        if self.state.lone.is_empty() && self.state.lone.owed().next().is_none() {
            return;
        }
        self.deposits.sending.retain(|_, sending| now.since_ms(sending.since) < DEPOSIT_MS_MAX);
        let chosen = self.chosen();
        for node in chosen
            .iter()
            .chain(self.state.lone.owed().filter(|node| !chosen.contains(node)))
            .cloned()
            .collect::<Vec<_>>()
        {
            let rests = self.deposits.failed.get(&node).is_some_and(|failed| failed.next_at > now);
            if rests || self.deposits.sending.contains_key(&node) || !self.sync.peers.contains_key(&node) {
                continue;
            }
            let is_chosen = chosen.contains(&node);
            let words: Vec<_> = self.state.lone.open_for(&node).take(DEPOSIT_STATEMENTS_MAX).collect();
            match words.first().filter(|_| is_chosen) {
                Some((first, _)) => {
                    self.deposits.sending.insert(node.clone(), Sending { first: *first, since: now, again: None });
                    work.then.push(Effect::Lodge(node, words));
                }
                None => self.read_again(node, work),
            }
        }
    }

    /// The depositaries of the moment: those with a stream that have not failed several times, in an order that is each
    /// node's own, so that not everyone chooses the same two.
    fn chosen(&self) -> Vec<NodeId> {
        let own = self.settings.node();
        let rank = |node: &NodeId| {
            let fails = self.deposits.failed.get(node).is_some_and(|failed| failed.tries >= DEPOSITS_TRIES);
            (fails, sha256(format!("{own} {node}").as_bytes()))
        };
        let mut nodes: Vec<NodeId> = self.sync.peers.keys().cloned().collect();
        nodes.sort_by_cached_key(rank);
        nodes.truncate(DEPOSIT_COPIES);
        nodes
    }

    /// A depositary has taken everything up to an entry, or has not.
    pub(super) fn lodged(&mut self, node: NodeId, result: Result<u64, Refusal>, now: Timestamp, work: &mut Work) {
        let Some(Sending { first, again, .. }) = self.deposits.sending.remove(&node) else { return };
        match (result, again) {
            (Ok(last), None) => {
                self.deposits.failed.remove(&node);
                let range = self.state.lone.range_after(&node, first, last);
                self.keeps(node, range, work);
            }
            (Ok(last), Some(again)) => {
                self.deposits.failed.remove(&node);
                self.given_again(node, &again, last, work);
            }
            (Err(_), _) => self.deposit_failed(node, now),
        }
    }

    pub(super) fn deposit_failed(&mut self, node: NodeId, now: Timestamp) {
        let tries = self.deposits.failed.get(&node).map_or(0, |failed| failed.tries);
        let wait = RETRY_MS_MIN.saturating_mul(1 << tries.min(16)).min(RETRY_MS_MAX);
        let failed = Failed { tries: tries.saturating_add(1), next_at: now.plus_ms(wait) };
        self.deposits.failed.insert(node, failed);
    }

    /// A depositary has everything in this range; nothing any more if it is empty. Its store is remembered beside it, so that
    /// another one is recognised.
    pub(super) fn keeps(&mut self, node: NodeId, (from, upto): (u64, u64), work: &mut Work) {
        let store = self.sync.peers.get(&node).and_then(|peer| peer.instance);
        if let Some(instance) = store.filter(|_| !self.state.cursors.contains_key(&node)) {
            self.state.cursors.insert(node.clone(), (instance, 0));
            work.commit.push(Record::Cursor { peer: node.clone(), instance, position: 0 });
        }
        self.state.lone.lodged(node.clone(), (from, upto));
        work.commit.push(Record::Lodged { with: node, from, upto });
    }

    /// A stream with a node is open: it may take deposits again.
    pub(super) fn deposits_awake(&mut self, node: &NodeId) {
        self.deposits.failed.remove(node);
    }

    /// When something of it is due.
    pub(super) fn deposits_due(&self) -> Option<Timestamp> {
        if self.state.lone.is_empty() && self.state.lone.owed().next().is_none() {
            return None;
        }
        let waiting = self.deposits.waiting.filter(|_| self.held_from(self.clock).is_some());
        let late = waiting.map(|(_, since)| since.plus_ms(DEPOSIT_WAIT_MS));
        let lost = self.deposits.sending.values().map(|sending| sending.since.plus_ms(DEPOSIT_MS_MAX));
        let owed = self.state.lone.owed().filter(|node| self.sync.peers.contains_key(*node)).cloned();
        let again = self.chosen().into_iter().chain(owed).filter_map(|node| self.deposits.failed.get(&node));
        late.into_iter().chain(lost).chain(again.map(|failed| failed.next_at)).min()
    }

    /// Others see of the own log what others keep; never less than they have seen.
    fn show_what_is_safe(&mut self, now: Timestamp) {
        let origin = self.settings.origin.clone();
        let size = self.own_size();
        let Some(log) = self.state.logs.get(&origin) else { return };
        let known = log.witnessed.as_ref().map_or(0, |(size, _)| *size).max(self.sync.own.longest);
        let before = log.withheld.unwrap_or(size);
        let safe = self.held_from(now).unwrap_or(size).max(known).max(self.deposits.shown).min(size);
        let withheld = (safe < size).then_some(safe);
        self.deposits.shown = safe;
        if withheld == log.withheld {
            return;
        }
        self.state.log_mut(&origin).withheld = withheld;
        self.checkpoint = None;
        if safe > before {
            self.state.touched(&origin, 1);
            self.sync.arrived(&origin, before, None);
        }
    }

    /// Takes a deposit of another node.
    pub(super) fn deposit(&mut self, from: &NodeId, sealed: Vec<u8>, work: &mut Work) -> Result<Answer, Refusal> {
        if sealed.len() > DEPOSIT_BYTES_MAX {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "sealed").with("bytes", sealed.len()));
        }
        let held = self.state.deposits.get(from).cloned().unwrap_or_default();
        if held.is_newest(&sealed) {
            return Ok(Answer::Done);
        }
        held.check_room(sealed.len())?;
        let record = Record::Deposited { of: from.clone(), number: held.count, sealed };
        self.state.replay(record.clone())?;
        work.commit.push(record);
        Ok(Answer::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;

    #[test]
    fn what_is_packed_is_read_again_and_anything_else_is_not() {
        let key = SecretKey::from_seed(&[1; 32]);
        let signed = |number: u8| Signed::sign(&Kind::Seal, &serde_json::json!({ "number": number }), &[&key]);
        let all = [signed(1), signed(2)];
        let bytes = pack(&all);
        assert_eq!(unpack(&bytes).expect("own bytes"), all);
        assert_eq!(unpack(&[]), Ok(Vec::new()));
        for cut in 1..bytes.len() {
            let read = unpack(&bytes[..cut]);
            assert!(read.is_err() || read == Ok(vec![all[0].clone()]), "{cut}");
        }
    }
}
