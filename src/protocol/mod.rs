//! Floor 2: the node as a state machine without I/O. `step(input, now)` says what to store and what to do then.
//!
//! **Store, then speak**: [`Step::commit`] must be durable before anything of [`Step::then`] happens; the type is the
//! only way to act. Time is an argument, randomness is injected, collections are ordered: a seed fixes every byte of a
//! run. The same code runs in production, in the simulator and under property tests.
//!
//! Must never know of tokio, tonic, sled or a file. Must never believe a peer about anything but its own signature.
pub mod access;
pub mod affected;
mod beyond;
pub mod brokering;
pub mod catalogue;
pub mod clocks;
pub mod commitments;
pub mod connections;
pub mod deposits;
pub mod evidence;
pub mod explain;
pub mod founding;
pub mod frame;
pub mod inbox;
pub mod journal;
pub mod key_book;
pub mod limits;
pub mod lodging;
pub mod lone;
pub mod mechanism;
pub mod needs;
pub mod numbered;
pub mod outbox;
pub mod overview;
mod own_keys;
pub mod peering;
pub mod places;
pub mod pricing;
pub mod proving;
pub mod public;
pub mod record;
pub mod repair;
pub mod replication;
mod restoring;
pub mod settings;
pub mod sightings;
pub mod state;
pub mod trust_view;
mod trusting;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::body::Body;
use crate::domain::checked::{Mark, MarkKey};
use crate::domain::id::{Hash, NodeId, OrderId, OrgId, Origin, StatementId};
use crate::domain::order::Attempt;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::Timestamp;
use crate::domain::trust::KeyRole;
use crate::log::checkpoint::Checkpoint;
use crate::log::leaf::{Audience, Leaf, NO_OUTCOME, OutcomeTag};
use crate::log::note::SignedNote;
use crate::protocol::brokering::memory::{Doubt, Recovery};
use crate::protocol::brokering::resting::Resting;
use crate::protocol::clocks::Clocks;
use crate::protocol::frame::{Delivery, DeliveryKey, Frame, Question, Returned, Run};
use crate::protocol::limits::CLOCK_BACK_MS;
use crate::protocol::lodging::Deposits;
use crate::protocol::mechanism::Mechanism;
use crate::protocol::outbox::Outbox;
use crate::protocol::record::{LogEntry, Record};
use crate::protocol::replication::memory::{OwnLog, Replication};
use crate::protocol::settings::{Dice, Instance, NodeKeys, Settings};
use crate::protocol::state::{State, is_outcome};

/// Names a request of a local caller, so that the reply finds its way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u64);

/// Everything that can happen to a node.
pub enum Input {
    /// The store has been read; the node may speak.
    Started,
    /// The statements with which a new node begins its log.
    Found(RequestId, Vec<Signed>),
    /// Someone hands in a public statement.
    Publish(RequestId, Signed),
    /// The private keys the node holds from now on, in place of those before.
    Keys(NodeKeys),
    /// An officer hands in a request, decision, seal or void.
    Officer(RequestId, Signed),
    /// A node that may be unknown shows how its log begins; and the SHA-256 of the TLS key it showed.
    Introduced(RequestId, Run, Hash),
    /// A node that is known shows a new record; and the SHA-256 of the TLS key it showed.
    Reintroduced(RequestId, Signed, Hash),
    /// A replication stream with a peer is open.
    PeerUp(NodeId),
    /// It is closed.
    PeerDown(NodeId),
    /// A frame arrived on it.
    Frame(NodeId, Frame),
    /// A peer delivers an order message.
    Delivery(RequestId, NodeId, Delivery),
    /// A delivery of ours was answered with a receipt, or failed.
    Delivered(DeliveryKey, Result<Signed, Refusal>),
    /// A question of ours was answered, or not.
    Told(NodeId, Question, Result<Vec<Signed>, Refusal>),
    /// Entries asked for by [`Effect::ReadEntries`]; none if the store could not give them.
    EntriesRead {
        /// For whom.
        to: NodeId,
        /// The log.
        origin: Origin,
        /// First entry.
        first: u64,
        /// The entries.
        entries: Vec<LogEntry>,
    },
    /// The checkpoint asked for by [`Effect::ReadCover`], as a signed note.
    CoverRead {
        /// For whom.
        to: NodeId,
        /// The checkpoint.
        note: String,
    },
    /// What the store has of an order, asked for by [`Effect::ReadOrder`]: every record that holds something of it, in the
    /// order in which they were written.
    OrderRead {
        /// The order.
        order: OrderId,
        /// The records, or why they cannot be read.
        records: Result<Vec<Record>, Refusal>,
    },
    /// Statements asked for by [`Effect::ReadStatements`].
    StatementsRead(Vec<Signed>),
    /// Another node deposits sealed bytes here.
    Deposit(RequestId, NodeId, Vec<u8>),
    /// A deposit of ours was taken up to this entry, the last of those in it; or it was not.
    Lodged(NodeId, Result<u64, Refusal>),
    /// Part of what was deposited at a node came back, from this parcel on, or did not.
    Returned(NodeId, u64, Result<Returned, Refusal>),
    /// A time asked for by [`Effect::WakeAt`] has come.
    Woken,
}

/// Everything a node can cause.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Answer a local caller.
    Reply(RequestId, Result<Answer, Refusal>),
    /// Send a frame to a peer.
    Send(NodeId, Frame),
    /// Read entries of a log from `first` on, at most [`limits::FRAME_ENTRIES_MAX`] and not many more than
    /// `bytes_max` bytes; they come back as [`Input::EntriesRead`].
    ReadEntries {
        /// For whom; the node itself where a depositary is to have them again.
        to: NodeId,
        /// The log.
        origin: Origin,
        /// First entry.
        first: u64,
        /// Most bytes, as [`replication::entry_bytes`] counts them.
        bytes_max: usize,
    },
    /// Read the first witnessed checkpoint kept that covers an entry; if there is one, it comes back as
    /// [`Input::CoverRead`].
    ReadCover {
        /// For whom.
        to: NodeId,
        /// The log.
        origin: Origin,
        /// The entry.
        index: u64,
    },
    /// Read these statements, which stand in the own log and were passed over when the records were read back; those that the store
    /// has come back as [`Input::StatementsRead`].
    ReadStatements(Vec<StatementId>),
    /// Read what the store has of a settled order; it comes back as [`Input::OrderRead`], whatever happens.
    ReadOrder(OrderId),
    /// Deliver an order message; its outcome comes back as [`Input::Delivered`].
    Deliver(NodeId, Delivery),
    /// Ask another node; its answer comes back as [`Input::Told`].
    Ask(NodeId, Question),
    /// Seal these entries of the own log, as many from the first on as fit into one deposit, and give them to a node; what
    /// becomes of it comes back as [`Input::Lodged`].
    Lodge(NodeId, Vec<(u64, StatementId)>),
    /// Ask a node for what this one has deposited there, from this parcel on; it comes back as [`Input::Returned`].
    AskBack(NodeId, u64),
    /// Close the stream with a peer, which did not keep to the protocol.
    Disconnect(NodeId, Refusal),
    /// Come back with [`Input::Woken`] at this time.
    WakeAt(Timestamp),
    /// An order has changed.
    Changed(OrderId),
    /// A log contradicts itself and was cut here: the operator should know.
    Forked(Origin, u64),
}

/// What a local caller gets.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// A statement stands in the log.
    Published {
        /// The statement.
        id: StatementId,
        /// Its position.
        index: u64,
    },
    /// An order exists; the same answer for the same request.
    Order(OrderId),
    /// A delivery is stored; this is the receipt.
    Receipt(Signed),
    /// Done.
    Done,
}

/// What to store, and what to do once it is durable.
#[derive(Default, Debug)]
pub struct Step {
    /// Records for one atomic commit. Empty if nothing is to be stored.
    pub commit: Vec<Record>,
    /// Effects, to be performed in this order after the commit.
    pub then: Vec<Effect>,
}

/// A node.
pub struct Node {
    settings: Settings,
    /// The name of the store as it was given.
    instance: Instance,
    keys: NodeKeys,
    dice: Box<dyn Dice>,
    state: State,
    outbox: Outbox,
    checkpoint: Option<SignedNote>,
    sync: Replication,
    /// The newest time seen.
    clock: Timestamp,
    schedule: BTreeSet<(Timestamp, OrderId)>,
    doubts: BTreeMap<(OrderId, u32), Doubt>,
    recovery: Recovery,
    resting: Resting<Input>,
    clocks: Clocks,
    deposits: Deposits<(RequestId, Answer)>,
    /// Whether it takes part in orders, and has told its peers.
    is_ready: bool,
    /// How many expelled organisations this node has parted with.
    parted_with: usize,
    /// Made from each generation of the log key; the first of them marks.
    mark_keys: Vec<MarkKey>,
    /// While reading back: the marks of what follows.
    marks: BTreeSet<Mark>,
}

impl Node {
    /// A node that has read nothing yet.
    pub fn new(settings: Settings, keys: NodeKeys, dice: Box<dyn Dice>) -> Self {
        let state = State::new(settings.anchor, settings.origin.clone());
        Self::resume(settings, keys, dice, state)
    }

    /// A node that goes on from what has been read already.
    pub fn resume(settings: Settings, keys: NodeKeys, dice: Box<dyn Dice>, mut state: State) -> Self {
        state.lone.switch(settings.deposits);
        Self {
            mark_keys: keys.log.iter().map(MarkKey::derive).collect(),
            marks: BTreeSet::new(),
            instance: settings.instance,
            settings,
            keys,
            dice,
            state,
            outbox: Outbox::default(),
            checkpoint: None,
            sync: Replication::default(),
            clock: Timestamp::default(),
            schedule: BTreeSet::new(),
            doubts: BTreeMap::new(),
            recovery: Recovery::default(),
            resting: Resting::default(),
            clocks: Clocks::default(),
            deposits: Deposits::default(),
            is_ready: false,
            parted_with: 0,
        }
    }

    /// Takes back one stored record; for all records in order before [`Input::Started`].
    pub fn replay(&mut self, record: Record) -> Result<(), Refusal> {
        if let Record::Checked(marks) = record {
            self.marks = marks.into_iter().collect();
            return Ok(());
        }
        for signed in record.statements() {
            self.mark_keys.iter().for_each(|key| key.recognise(signed, &self.marks));
        }
        self.state.replay(record)
    }

    /// Every record is back: what waited for a later one is judged.
    pub fn has_read_all(&mut self) {
        self.state.judge_again();
    }

    /// Puts the marks of what is to be stored before it.
    fn mark(&self, commit: &mut Vec<Record>) {
        let statements = commit.iter().flat_map(Record::statements);
        let Some(key) = self.mark_keys.first() else { return };
        let marks: Vec<Mark> = statements.filter_map(|signed| key.mark(signed)).collect();
        if !marks.is_empty() {
            commit.insert(0, Record::Checked(marks));
        }
    }

    /// Forgets everything that is not stored; [`Node::replay`] brings back what is.
    pub fn forget(&mut self) {
        self.store_is_its_own();
        let passes_over = self.state.passes_over;
        self.state = State::new(self.settings.anchor, self.settings.origin.clone());
        self.state.passes_over = passes_over;
        self.state.lone.switch(self.settings.deposits);
        self.deposits = Deposits::default();
        self.outbox = Outbox::default();
        self.checkpoint = None;
        // What others said of the own log still holds: nothing that is not stored was ever signed.
        let own = std::mem::take(&mut self.sync.own);
        self.sync = Replication::knowing(own);
        self.schedule.clear();
        self.doubts.clear();
        self.recovery = Recovery::default();
        self.resting = self.resting.emptied();
        (self.clocks, self.is_ready) = (Clocks::default(), false);
        self.parted_with = 0;
    }

    /// The store has lost these places. What rests on them is passed over when records are read back, and fetched from others as
    /// after a restore.
    pub fn has_lost(&mut self, holes: Hash) {
        self.settings.instance = self.instance.with_holes(holes);
        self.state.passes_over = true;
        // How far the own log goes is to be asked again: what is read back may end before what was signed.
        let longest = self.sync.own.longest;
        self.sync = Replication::knowing(OwnLog { longest, ..OwnLog::default() });
    }

    /// What the store had taken last is among it. Some of that may stand in no leaf that anybody else has seen, so everybody is asked
    /// as if all were lost.
    pub fn has_lost_its_end(&mut self) {
        self.settings.is_new_store = true;
    }

    /// What the node knows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What its operator decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A clock that was set back would leave every wait too long; they all end now. Deadlines are no waits: those are
    /// signed.
    fn mind_clock(&mut self, now: Timestamp) {
        let is_back = now.plus_ms(CLOCK_BACK_MS) < self.clock;
        self.clock = now;
        if !is_back {
            return;
        }
        self.sync.clock_set_back(now);
        self.outbox.clock_set_back(now);
        self.recovery.clock_set_back(now);
        self.deposits.clock_set_back(now);
        self.schedule.extend(self.clocks.clock_set_back().into_iter().map(|order| (now, order)));
        for ((order, _), doubt) in &mut self.doubts {
            doubt.next_at = doubt.next_at.min(now);
            self.schedule.insert((now, *order));
        }
    }

    /// The one way in.
    pub fn step(&mut self, input: Input, now: Timestamp) -> Step {
        let mut work = Work::default();
        self.mind_clock(now);
        match input {
            Input::OrderRead { order, records } => self.order_read(order, records, now, &mut work),
            input => self.hear(input, now, &mut work),
        }
        self.finish(now, work)
    }

    /// Takes an input of which every order is in memory.
    fn take_input(&mut self, input: Input, now: Timestamp, work: &mut Work) {
        match input {
            Input::Started => self.start(now, work),
            Input::Found(id, statements) => {
                let answer = self.found(statements, work);
                work.reply(id, answer);
            }
            Input::Publish(id, signed) => {
                let answer = self.check_may_sign().and_then(|()| self.publish(signed, now, work));
                work.reply(id, answer);
            }
            Input::Keys(keys) => self.keys = keys,
            Input::Officer(id, signed) => {
                let answer = self.check_may_broker().and_then(|()| self.officer(signed, now, work));
                self.answer_when_deposited(id, answer, work);
            }
            Input::Introduced(id, run, tls_sha256) => {
                let answer = self.introduced(run, tls_sha256, now, work);
                work.reply(id, answer);
            }
            Input::Reintroduced(id, record, tls_sha256) => {
                let answer = self.reintroduced(&record, tls_sha256);
                work.reply(id, answer);
            }
            Input::PeerUp(node) => {
                self.deposits_awake(&node);
                self.peer_up(node, now, work);
            }
            Input::PeerDown(node) => self.peer_down(&node, now, work),
            Input::Frame(node, frame) => self.frame(&node, frame, now, work),
            Input::Delivery(id, from, delivery) => {
                let answer = self.check_may_broker().and_then(|()| self.delivery(&from, delivery, now, work));
                work.reply(id, answer);
            }
            Input::Delivered(key, result) => self.delivered(key, result, now, work),
            Input::Told(from, question, answer) => self.told(&from, question, answer, now, work),
            Input::Deposit(id, from, sealed) => {
                let answer = self.deposit(&from, sealed, work);
                work.reply(id, answer);
            }
            Input::Lodged(node, result) => self.lodged(node, result, now, work),
            Input::Returned(node, after, answer) => self.returned(&node, after, answer, now, work),
            Input::EntriesRead { to, first, entries, .. } if to == *self.settings.node() => {
                self.read_for_depositary(first, &entries, now, work);
            }
            Input::EntriesRead { to, origin, first, entries } => {
                self.entries_read(&to, &origin, first, entries, work);
            }
            Input::CoverRead { to, note } => work.then.push(Effect::Send(to, Frame::Cosigned { note })),
            Input::StatementsRead(found) => self.found_in_own_store(&found, work),
            Input::OrderRead { .. } => debug_assert!(false, "taken before"),
            Input::Woken => self.woken(now, work),
        }
    }

    /// Every order goes on, and what the own log holds is spread again: its newest checkpoint may lack witnesses.
    fn start(&mut self, now: Timestamp, work: &mut Work) {
        if Mechanism::ResumeOnStart.is_on() {
            work.touched.extend(self.state.orders.keys());
        }
        self.begin_recovery(now);
        self.look_in_own_store(0, work);
        self.begin_own(now, work);
    }

    /// Begins a new log. Refused as a whole if one statement is refused: a log must not begin with a mistake.
    fn found(&mut self, statements: Vec<Signed>, work: &mut Work) -> Result<Answer, Refusal> {
        if self.own_size() > 0 {
            return Ok(Answer::Done);
        }
        let mut trust = self.state.trust_of(&self.settings.origin);
        let mut judged = Vec::new();
        for (index, signed) in (0..).zip(&statements) {
            let verified = trust.judge(signed, index)?;
            trust.absorb(&verified, index);
            judged.push(verified);
        }
        // A log that others would not follow is not begun.
        let operator = trust.operator() == Some(&self.settings.operator);
        if !operator || trust.log_key().is_none() {
            let refusal = Refusal::new(if operator { Reason::EpochForeign } else { Reason::NodeTaken });
            return Err(refusal.with("log", &self.settings.origin).with("operator", &self.settings.operator));
        }
        for verified in judged {
            self.append(verified, work);
        }
        self.recovery.founded = self.own_size();
        if self.check_may_sign().is_ok() {
            self.publish_tariffs(work);
        }
        Ok(Answer::Done)
    }

    /// Takes a public statement by one of the organisations hosted here into the log.
    fn publish(&mut self, signed: Signed, now: Timestamp, work: &mut Work) -> Result<Answer, Refusal> {
        if !signed.kind().is_public() {
            return Err(Refusal::new(Reason::SignerWrong).with("kind", signed.kind()));
        }
        if let Some(index) = self.state.place_of(&signed.id(), &self.settings.origin) {
            // The same again is the same, unless somebody has said more since: then it takes another version.
            self.state.catalogue.check_stands(&signed.id())?;
            return Ok(Answer::Published { id: signed.id(), index });
        }
        let index = self.own_size();
        let verified = self.state.trust_of(&self.settings.origin).judge(&signed, index)?;
        self.check_publisher(&verified, index, now)?;
        let facts = &self.state.facts;
        match verified.body() {
            Body::Offering(offering) => self.state.catalogue.check_new(offering)?,
            Body::ConnectionProfile(profile) => self.state.catalogue.connections.check_new(profile)?,
            Body::ConnectionReport(report) => report.check_happened(now.date())?,
            Body::Need(need) => need.check_open(now.date())?,
            Body::NeedWithdrawal(gone) => self.state.catalogue.needs.check(&gone.need, &gone.municipality)?,
            Body::Membership(fact) => {
                facts.check_correction(fact.corrects.as_ref(), &fact.of, true)?;
                facts.check_new(fact)?;
            }
            Body::EntityFacts(fact) => facts.check_correction(fact.corrects.as_ref(), &fact.org, false)?,
            _ => {}
        }
        if let Body::Withdrawal(withdrawal) = verified.body() {
            let sold = self.orders_of(&withdrawal.seller, &withdrawal.name);
            work.touched.extend(sold);
        }
        let id = self.append(verified, work);
        Ok(Answer::Published { id, index })
    }

    /// The open orders of one offering, whatever its version.
    fn orders_of(&self, seller: &OrgId, name: &OrgId) -> Vec<OrderId> {
        let of = |attempt: &Attempt| {
            let offering = self.state.catalogue.version(&attempt.request.body().offering);
            attempt.outcome().is_none()
                && offering.is_some_and(|offering| offering.seller == *seller && offering.name == *name)
        };
        let orders = self.state.orders.iter().filter(|(_, known)| known.current().is_some_and(of));
        orders.map(|(order, _)| *order).collect()
    }

    /// Appends a verified statement to the own log and takes it into the views.
    fn append(&mut self, verified: Verified<Body>, work: &mut Work) -> StatementId {
        let signed = verified.signed().clone();
        let (id, public) = (signed.id(), signed.kind().is_public());
        let audience = if public { Audience::Public } else { Audience::Parties };
        let leaf = Leaf::new(&signed, audience, self.outcome_tag(&verified));
        let (origin, index) = (self.settings.origin.clone(), self.own_size());
        self.bridge_if_rekeyed(&verified, work);
        let entry = LogEntry { leaf, statement: Some(signed) };
        self.state.push_entry(&origin, index, &entry);
        self.state.touched(&origin, 1);
        self.sync.arrived(&origin, index, None);
        if !public {
            self.state.note_if_lone(&verified, index);
        }
        if public {
            self.state.absorb_own(&verified, index);
            self.state.admit(&origin, index, Some(Ok(verified)));
        }
        self.checkpoint = None;
        work.entry(&origin, index, entry);
        id
    }

    /// Before an entry that names another log key the former one signs for the last time, so that whoever is behind
    /// finds the way over the change.
    fn bridge_if_rekeyed(&mut self, verified: &Verified<Body>, work: &mut Work) {
        let Body::KeyEvent(event) = verified.body() else { return };
        let names_log_key = event.add.iter().any(|added| added.role == KeyRole::Log);
        if !names_log_key || event.org != self.settings.operator || self.own_size() == 0 {
            return;
        }
        // Without the former key the last checkpoint that others have seen must do.
        let Some(note) = self.signed_checkpoint().or_else(|| self.newest_own_note()) else { return };
        let origin = self.settings.origin.clone();
        let note = note.without_cosignatures();
        let size = Checkpoint::parse(note.text()).map_or(0, |checkpoint| checkpoint.size);
        work.commit.push(Record::Bridge { origin: origin.clone(), note: note.to_string() });
        self.state.log_mut(&origin).keep_bridge(size, note);
    }

    fn newest_own_note(&self) -> Option<SignedNote> {
        self.state.logs.get(&self.settings.origin)?.witnessed.as_ref().map(|(_, note)| note.clone())
    }

    fn outcome_tag(&self, verified: &Verified<Body>) -> OutcomeTag {
        let kind = verified.signed().kind();
        let Some((order, number)) = verified.body().order().filter(|_| is_outcome(kind)) else { return NO_OUTCOME };
        let attempt = self.state.orders.get(&order).and_then(|order| order.attempts.get(&number));
        let salt = attempt.map(|attempt| attempt.request.body().salt);
        salt.map_or(NO_OUTCOME, |salt| OutcomeTag::derive(kind, order, number, &salt))
    }

    fn own_size(&self) -> u64 {
        self.state.logs.get(&self.settings.origin).map_or(0, |log| log.tree.size())
    }

    /// The own log's checkpoint as it stands; none without the log key. Only to be sent once everything in it is
    /// durable.
    fn own_checkpoint(&mut self) -> Option<SignedNote> {
        if self.checkpoint.is_none() {
            self.checkpoint = self.signed_checkpoint_at(self.shown_size());
        }
        self.checkpoint.clone()
    }

    /// How many entries of the own log others are shown.
    fn shown_size(&self) -> u64 {
        let log = self.state.logs.get(&self.settings.origin);
        log.map_or(0, |log| log.withheld.unwrap_or(u64::MAX).min(log.tree.size()))
    }

    /// Signs the own log's checkpoint; the same log always gives the same bytes.
    fn signed_checkpoint(&self) -> Option<SignedNote> {
        self.signed_checkpoint_at(self.own_size())
    }

    fn signed_checkpoint_at(&self, size: u64) -> Option<SignedNote> {
        let origin = &self.settings.origin;
        let (trust, log) = (self.state.registry.log(origin)?, self.state.logs.get(origin)?);
        let in_force = if size == log.tree.size() { trust.log_key() } else { trust.log_key_of(size) };
        let key = NodeKeys::half_of(&self.keys.log, in_force?)?;
        Some(Checkpoint { origin: origin.clone(), size, root: log.tree.root_at(size).ok()? }.sign(key))
    }

    /// The key with which this node cosigns.
    fn witness_key(&self) -> Option<&SecretKey> {
        let trust = self.state.registry.log(&self.settings.origin)?;
        let standing = trust.online_key(&self.settings.operator, KeyRole::Witness)?;
        NodeKeys::half_of(&self.keys.witness, &standing.key)
    }

    /// The key with which this node signs for an organisation: the one its home log has in force.
    fn statement_key(&self, org: &OrgId) -> Result<&SecretKey, Refusal> {
        let elsewhere = || Refusal::new(Reason::OrgElsewhere).with("org", org);
        let standing = self.state.registry.active(org)?.online_key(org, KeyRole::Statement).ok_or_else(elsewhere)?;
        let absent = || Refusal::new(Reason::KeyAbsent).with("org", org).with("key", standing.key.hash().short());
        NodeKeys::half_of(self.keys.statements_of(org), &standing.key).ok_or_else(absent)
    }

    fn woken(&mut self, now: Timestamp, work: &mut Work) {
        while let Some(&(due, order)) = self.schedule.first() {
            if due > now {
                break;
            }
            self.schedule.pop_first();
            // Nothing of a settled order waits for a time.
            if !self.resting.is_resting(&order) {
                work.touched.insert(order);
            }
        }
        self.outbox_due(now, work);
        self.replication_woken(now, work);
    }

    /// Carries touched orders as far as they go, tells peers of new entries, and says when to come back.
    fn finish(&mut self, now: Timestamp, mut work: Work) -> Step {
        work.touched.append(&mut self.state.ended);
        work.touched.append(&mut self.state.judge_again());
        self.take_over_for_everyone(&mut work);
        self.part_with_expelled(now, &mut work);
        self.review_recovery(now, &mut work);
        self.tell_ready(now, &mut work);
        self.review_deposits(now, &mut work);
        if !self.is_ready {
            self.sync.own.waiting.append(&mut work.touched);
        }
        for order in std::mem::take(&mut work.touched) {
            if self.is_touched_at_rest(order, &mut work) {
                continue;
            }
            self.advance(order, now, &mut work);
            work.then.push(Effect::Changed(order));
            work.looked_at.insert(order);
        }
        self.pursue_deposits(now, &mut work);
        self.let_settled_go(now, &mut work);
        self.spread_if_due(now, &mut work);
        if let Some(wake) = self.wake_at(now) {
            work.then.push(Effect::WakeAt(wake));
        }
        self.mark(&mut work.commit);
        Step { commit: work.commit, then: work.then }
    }

    fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let order = self.schedule.first().map(|&(due, _)| due);
        [order, self.outbox.next_due(), self.replication_due(), self.recovery_due(), self.deposits_due()]
            .into_iter()
            .flatten()
            .min()
            .map(|due| due.max(now.plus_ms(1)))
    }
}

/// A step in the making.
#[derive(Default)]
struct Work {
    commit: Vec<Record>,
    then: Vec<Effect>,
    touched: BTreeSet<OrderId>,
    /// Orders that were touched, or named by an input.
    looked_at: BTreeSet<OrderId>,
}

impl Work {
    fn reply(&mut self, id: RequestId, answer: Result<Answer, Refusal>) {
        self.then.push(Effect::Reply(id, answer));
    }

    /// Adds an entry of the own log, joining it to the record before where that continues it.
    fn entry(&mut self, origin: &Origin, index: u64, entry: LogEntry) {
        if let Some(Record::Entries { origin: last, first, entries, .. }) = self.commit.last_mut()
            && last == origin
            && *first + entries.len() as u64 == index
        {
            entries.push(entry);
            return;
        }
        let record =
            Record::Entries { origin: origin.clone(), first: index, entries: vec![entry], note: String::new() };
        self.commit.push(record);
    }
}

/// Whether a kind is one that officers hand in.
fn is_officer_kind(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Request
            | Kind::Decision
            | Kind::Seal
            | Kind::Void
            | Kind::Recall
            | Kind::Confirm
            | Kind::Mandate
            | Kind::Settlement
            | Kind::Erasure
            | Kind::Milestone
    )
}
