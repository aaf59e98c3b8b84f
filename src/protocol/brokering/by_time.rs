//! What ends by time: not before the clocks of the peers have been compared with this node's.
use crate::domain::id::{NodeId, OrderId};
use crate::domain::time::Timestamp;
use crate::protocol::clocks::{Clocks, Compared};
use crate::protocol::frame::Frame;
use crate::protocol::limits::CLOCK_ASK_MS;
use crate::protocol::mechanism::Mechanism;
use crate::protocol::{Effect, Node, Work};

impl Node {
    /// What peers have said about the time.
    pub fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// Whether most peers that have said the time lately say another one. Nobody's orders are safe with such a clock: what it
    /// signs is refused elsewhere.
    pub fn is_clock_off(&self, now: Timestamp) -> bool {
        self.clocks.compare(self.sync.peers.len(), now) == Compared::Differs
    }

    /// Whether something of an order may end now because its time is over. If the peers have not been asked, they are, and
    /// the order goes on once they have answered.
    pub(super) fn may_end_by_time(&mut self, order: OrderId, now: Timestamp, work: &mut Work) -> bool {
        let is_asked = Mechanism::ClockGuard.is_on() && !self.settings.alone && !self.stands_alone();
        if !is_asked || self.clocks.compare(self.sync.peers.len(), now) == Compared::Agreed {
            return true;
        }
        self.schedule.insert((now.plus_ms(CLOCK_ASK_MS), order));
        if self.clocks.wait(order, now) {
            self.ask_clocks(now, work);
        }
        false
    }

    /// A peer has said its time. Unasked it does so once it takes part in orders again, so what could not reach it is due.
    pub(in crate::protocol) fn clock_told(
        &mut self,
        from: &NodeId,
        theirs: Timestamp,
        is_answer: bool,
        now: Timestamp,
        work: &mut Work,
    ) {
        let mut waiting = self.clocks.told(from, theirs, self.sync.peers.len(), now);
        work.touched.append(&mut waiting);
        if !is_answer {
            work.then.push(Effect::Send(from.clone(), Frame::Clock { now, is_answer: true }));
            self.outbox_awake(from, now, work);
        }
    }

    /// Whoever takes part in orders from now on tells its peers, and learns their times.
    pub(in crate::protocol) fn tell_ready(&mut self, now: Timestamp, work: &mut Work) {
        let is_ready = self.check_may_broker().is_ok();
        if is_ready && !self.is_ready {
            self.ask_clocks(now, work);
        }
        self.is_ready = is_ready;
    }

    fn ask_clocks(&self, now: Timestamp, work: &mut Work) {
        let ask = |peer: &NodeId| Effect::Send(peer.clone(), Frame::Clock { now, is_answer: false });
        work.then.extend(self.sync.peers.keys().map(ask));
    }

    /// Nobody else has a log: there is nobody to compare with, and nobody whose order could end.
    fn stands_alone(&self) -> bool {
        self.state.logs.keys().all(|origin| origin.node == *self.settings.node())
    }
}
