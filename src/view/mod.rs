//! Floor 2: read models, made for questions. A second fold over what is committed, without a key and without a rule: it
//! follows a node by what its records have changed, shares with it what both need, and keeps in order what people page
//! through.
//!
//! Whoever runs a node hands on what it has committed, and then gives clones away: a clone costs a few pointers, stays
//! as it is whatever is committed later, and answers on any thread. Must never decide anything, and never show what is
//! not durable.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::domain::fact_base::FactBase;
use crate::domain::grounds::KnownLog;
use crate::domain::id::{Hash, NodeId, OrderId, OrgId, Origin, ShortId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::rule_pack::RulePack;
use crate::domain::time::Timestamp;
use crate::domain::trust::{LogTrust, Registry};
use crate::log::cosignature::Witnesses;
use crate::protocol::Node;
use crate::protocol::catalogue::Catalogue;
use crate::protocol::overview::{Contact, StoreCondition};
use crate::protocol::places::Places;
use crate::protocol::public::Public;
use crate::protocol::replication::witness::Witnessing;
use crate::protocol::settings::Settings;
use crate::view::logs::{LogRow, LogView, Logs};
use crate::view::orders::{Agenda, OrderRow, Orders, Sought, Spot, StageKind};
use crate::view::peers::{PeerView, Peers};

pub mod demand;
pub mod fitting;
pub mod logs;
pub mod offerings;
pub mod orders;
pub mod peers;

/// What one node has committed, at one moment.
#[derive(Clone)]
pub struct View {
    /// Which life of the fold this is: whoever keeps an index beside it begins anew with another one.
    life: u64,
    settings: Arc<Settings>,
    registry: Registry,
    catalogue: Catalogue,
    /// Of the catalogue, computed once somebody asks.
    digest: Arc<OnceLock<Hash>>,
    facts: Arc<FactBase>,
    packs: Arc<BTreeMap<StatementId, RulePack>>,
    places: Places,
    logs: Logs,
    peers: Arc<Peers>,
    orders: Orders,
    /// Up to where in the own log every statement about an order is shown.
    orders_whole_to: u64,
    /// How many entries of the own log have lost their content and may get it back.
    gaps: usize,
    order_count: usize,
    outbox_length: usize,
    signs_nothing: Option<Refusal>,
    serves_no_orders: Option<Refusal>,
    overdue_deposits: Option<usize>,
    store: StoreCondition,
}

/// How many entries the node's own log holds, whether others see them yet or not: a restart finds as many again.
fn own_entries(node: &Node) -> u64 {
    node.state().logs.get(&node.settings().origin).map_or(0, |log| log.tree.size())
}

/// Follows one node and keeps its view.
pub struct Follower {
    view: View,
    agenda: Agenda,
    /// Changed and let go of before they could be looked at; they are shown once they are read again.
    unseen: BTreeSet<OrderId>,
}

impl Follower {
    /// Begins with everything that the node has read.
    pub fn of(node: &Node, life: u64, now: Timestamp) -> Self {
        let state = node.state();
        let view = View {
            life,
            settings: Arc::new(node.settings().clone()),
            registry: state.registry.clone(),
            catalogue: state.catalogue.clone(),
            digest: Arc::default(),
            facts: Arc::clone(&state.facts),
            packs: Arc::clone(&state.packs),
            places: Places::default(),
            logs: Logs::default(),
            peers: Arc::default(),
            orders: Orders::default(),
            orders_whole_to: 0,
            gaps: 0,
            order_count: 0,
            outbox_length: 0,
            signs_nothing: None,
            serves_no_orders: None,
            overdue_deposits: None,
            store: StoreCondition::default(),
        };
        let mut follower = Self { view, agenda: Agenda::default(), unseen: BTreeSet::new() };
        follower.follow(node, &state.orders.keys().copied().collect(), now);
        // Everything was looked at, ready or not.
        follower.view.orders_whole_to = own_entries(node);
        follower
    }

    /// What is to be shown by now; a clone of it stays as it is.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// When to follow again although nothing has happened.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.agenda.next()
    }

    /// Takes over what the node has committed since; `changed` are the orders to which something has happened.
    pub fn follow(&mut self, node: &Node, changed: &BTreeSet<OrderId>, now: Timestamp) {
        let (state, view) = (node.state(), &mut self.view);
        if view.catalogue.position() != state.catalogue.position() {
            view.digest = Arc::default();
        }
        let moved = !view.registry.has_same_homes(&state.registry);
        view.registry = state.registry.clone();
        view.catalogue = state.catalogue.clone();
        view.facts = Arc::clone(&state.facts);
        view.packs = Arc::clone(&state.packs);
        view.places = state.places.clone();
        view.logs.follow(node);
        view.order_count = node.order_count();
        view.gaps = state.gaps.len();
        view.outbox_length = node.outbox().len();
        view.signs_nothing = node.check_may_sign().err();
        view.serves_no_orders = node.check_serves_orders(now).err();
        view.overdue_deposits = node.overdue_deposits(now);
        self.follow_orders(node, changed, now);
        self.unseen.retain(|id| !changed.contains(id));
        self.unseen.extend(changed.iter().filter(|id| node.is_resting(id)));
        // A node that is not ready looks at what it takes in later.
        if self.unseen.is_empty() && node.is_ready() {
            self.view.orders_whole_to = own_entries(node);
        }
        if moved {
            // Whoever has come home here since finds its orders too.
            let all = state.orders.keys().copied().collect();
            self.follow_orders(node, &all, now);
            for (id, parties) in node.resting_parties() {
                let local = parties.iter().filter(|party| node.state().is_local(party)).cloned().collect();
                self.view.orders.rehome(id, local);
            }
        }
    }

    fn follow_orders(&mut self, node: &Node, changed: &BTreeSet<OrderId>, now: Timestamp) {
        for id in changed.iter().copied().chain(self.agenda.by(now)) {
            self.view.orders.follow(node, id, now);
            self.agenda.put(id, node.overdue_due(id, now));
        }
    }

    /// Takes over what the store has found out about itself.
    pub fn follow_store(&mut self, store: StoreCondition) {
        self.view.store = store;
    }

    /// Takes over how the node stands with its peers.
    pub fn follow_peers(&mut self, node: &Node, contacts: &BTreeMap<NodeId, Contact>) {
        self.view.peers = Arc::new(Peers::of(node, contacts));
    }
}

impl View {
    /// The view of everything a node has read.
    pub fn of(node: &Node, now: Timestamp) -> Self {
        Follower::of(node, 0, now).view
    }

    /// The same with these orders beside its own, however they came to be: for whoever measures longer lists than anybody has.
    pub fn with_orders(mut self, rows: impl IntoIterator<Item = OrderRow>) -> Self {
        rows.into_iter().for_each(|row| self.orders.put(row));
        self
    }

    /// How far the clocks of the peers are ahead of this node's, the middle one, in milliseconds.
    pub fn clock_offset_ms(&self) -> Option<i64> {
        self.peers.clocks().offset()
    }

    /// Trust, offerings, facts and law.
    pub fn public(&self) -> Public<'_> {
        Public {
            own: &self.settings.origin,
            anchor: self.settings.anchor,
            registry: &self.registry,
            catalogue: &self.catalogue,
            facts: &self.facts,
            packs: &self.packs,
        }
    }

    /// Which life of the fold this is.
    pub fn life(&self) -> u64 {
        self.life
    }

    /// What the node's operator decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Digest over the catalogue.
    pub fn catalogue_digest(&self) -> Hash {
        *self.digest.get_or_init(|| self.catalogue.digest())
    }

    /// How many orders the node knows.
    pub fn order_count(&self) -> usize {
        self.order_count
    }

    /// How many deliveries have no receipt.
    pub fn outbox_length(&self) -> usize {
        self.outbox_length
    }

    /// How many entries of the own log too few others keep although they had the time to take them; none if all is well.
    pub fn overdue_deposits(&self) -> Option<usize> {
        self.overdue_deposits
    }

    /// What the store has found out about itself.
    pub fn store(&self) -> &StoreCondition {
        &self.store
    }

    /// Why the node signs nothing, if it does not.
    pub fn signs_nothing(&self) -> Option<&Refusal> {
        self.signs_nothing.as_ref()
    }

    /// Why the node serves no orders now, if it does not.
    pub fn serves_no_orders(&self) -> Option<Reason> {
        self.store.only_reading.or(self.serves_no_orders.as_ref().map(|refusal| refusal.reason))
    }

    /// One log as the node holds it.
    pub fn log(&self, origin: &Origin) -> Option<&LogRow> {
        self.logs.get(origin)
    }

    /// How many entries of a log count; 0 of one that is not here.
    pub fn size(&self, origin: &Origin) -> u64 {
        self.log(origin).map_or(0, LogRow::size)
    }

    /// Digest over the heads of all logs.
    pub fn heads_digest(&self) -> Hash {
        self.logs.digest()
    }

    /// Every log held or heard of, by origin.
    pub fn log_views(&self) -> Vec<LogView<'_>> {
        let policy = self.registry.newest_root().map(|root| &root.witnesses);
        self.logs.views(&self.peers, policy.map_or(0, |policy| policy.quorum as usize))
    }

    /// Every other node known, by name.
    pub fn peer_views(&self) -> Vec<PeerView<'_>> {
        self.peers.views(&self.settings, self.logs.nodes(), self.logs.position())
    }

    /// The nodes with an open stream.
    pub fn connected(&self) -> impl Iterator<Item = &NodeId> {
        self.peers.connected()
    }

    /// Where a statement stands that everyone may read: the first place of it.
    pub fn place(&self, id: &StatementId) -> Option<(&Origin, u64)> {
        self.places.of(id).min()
    }

    /// How far the logs are known that these statements stand in, and the own one, by log.
    pub fn known_behind<'s>(&self, ids: impl IntoIterator<Item = &'s StatementId>) -> Vec<KnownLog> {
        let own = &self.settings.origin;
        // Where evidence would show it as well: in the own log if it stands there.
        let place = |id| self.places.of(id).map(|(origin, _)| origin).min_by_key(|origin| (*origin != own, *origin));
        let behind: BTreeSet<&Origin> = ids.into_iter().filter_map(place).chain([own]).collect();
        let known = |log: &Origin| self.log(log).map(|row| (row.size(), row.root()));
        let told = behind.into_iter().filter_map(|log| Some((log.clone(), known(log)?)));
        told.map(|(log, (size, root))| KnownLog { log, size, root }).collect()
    }

    /// The statements whose id begins so, as far as there is room for them, whether everyone may read them or not.
    pub fn beginning(&self, prefix: &ShortId, most: usize) -> BTreeSet<StatementId> {
        prefix.statements().map(|bounds| self.places.between(bounds, most)).unwrap_or_default()
    }

    /// Whether enough witnesses have cosigned an entry.
    pub fn is_witnessed(&self, origin: &Origin, index: u64) -> bool {
        self.log(origin).is_some_and(|log| index < log.witnessed_size())
    }

    /// Where a statement stands and how many have cosigned it there; the own log first: whoever publishes here wants to
    /// know of here.
    pub fn witnessing(&self, id: &StatementId) -> Result<(&Origin, u64, Witnessing), Refusal> {
        let own = &self.settings.origin;
        let place = self.places.of(id).min_by_key(|(origin, index)| (*origin != own, *origin, *index));
        let (origin, index) = place.ok_or_else(|| Refusal::new(Reason::StatementUnknown).with("id", id))?;
        let witnesses: Witnesses = self.registry.witnesses().into();
        Ok((origin, index, Witnessing::on(self.logs.notes_over(origin, index, own), &witnesses)))
    }

    /// The orders that an organisation may see, after one of them, by id: its own, and those of whom it has succeeded.
    pub fn orders<'a>(
        &'a self,
        orgs: &'a [OrgId],
        sought: Sought,
        last: Option<OrderId>,
    ) -> impl Iterator<Item = &'a OrderRow> + 'a {
        self.orders.after(orgs, sought, last)
    }

    /// How many of them there are.
    pub fn count_orders(&self, orgs: &[OrgId], sought: Sought) -> usize {
        self.orders.count(orgs, sought)
    }

    /// The orders that an organisation may see and that changed between two spots, both left out, the one that changed first or
    /// last in front.
    pub fn orders_changed<'a>(
        &'a self,
        orgs: &'a [OrgId],
        stage: Option<StageKind>,
        between: (Spot, Spot),
        newest_first: bool,
    ) -> impl Iterator<Item = &'a OrderRow> + 'a {
        self.orders.changed(orgs, stage, between, newest_first)
    }

    /// Up to where in this node's log every statement about an order is shown.
    pub fn orders_whole_to(&self) -> u64 {
        self.orders_whole_to
    }

    /// What positions in a feed of this node rest on: what is counted anew has another name, and tokens of the one are none of
    /// the other.
    pub fn positions_rest_on(&self) -> String {
        let Settings { instance, anchor, origin, .. } = &*self.settings;
        format!("{anchor} {origin} {} {}", Hash::of(&instance.0), self.gaps)
    }

    /// For whom an organisation speaks on a day: itself, and whom it has succeeded.
    pub fn spoken_for(&self, org: &OrgId, now: Timestamp) -> Vec<OrgId> {
        let before = self.registry.predecessors(org, now.date()).cloned();
        std::iter::once(org.clone()).chain(before).collect()
    }

    /// Every organisation once with the log of its home, by name.
    pub fn organisations(&self) -> impl Iterator<Item = (&OrgId, &LogTrust)> {
        self.registry.homes()
    }
}

#[cfg(test)]
mod tests;
