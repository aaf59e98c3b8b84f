//! Orders as they were last explained, in the order in which they are listed: for a list nothing is explained and nothing
//! is sorted.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::{Attempt, Mode};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::brokering::overdue::Overdue;
use crate::protocol::explain::Stage;
use crate::protocol::state::Order;

/// A stage without what belongs to it, as people ask for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum StageKind {
    /// A colleague of the buyer must approve.
    AwaitingApproval,
    /// On its way down the chain or back.
    InChain,
    /// All offers are here.
    Offered,
    /// All legs are bound.
    Sealed,
    /// Ended without a seal.
    Void,
    /// Frozen.
    Disputed,
    /// Proven to have no seal.
    Unsealed,
}

impl StageKind {
    const ALL: [Self; 7] = [
        Self::AwaitingApproval,
        Self::InChain,
        Self::Offered,
        Self::Sealed,
        Self::Void,
        Self::Disputed,
        Self::Unsealed,
    ];
}

impl From<Stage> for StageKind {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::AwaitingApproval => Self::AwaitingApproval,
            Stage::InChain => Self::InChain,
            Stage::Offered => Self::Offered,
            Stage::Sealed => Self::Sealed,
            Stage::Void(_) => Self::Void,
            Stage::Disputed => Self::Disputed,
            Stage::Unsealed(_) => Self::Unsealed,
        }
    }
}

/// One order as its parties hosted here see it in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderRow {
    /// The order.
    pub id: OrderId,
    /// Who orders.
    pub buyer: OrgId,
    /// Who performs.
    pub provider: OrgId,
    /// What.
    pub offering: StatementId,
    /// Whether it binds.
    pub mode: Mode,
    /// Where it stands.
    pub stage: Stage,
    /// Whose turn it is.
    pub turn: Option<OrgId>,
    /// What it costs, once all offers are here.
    pub total: Option<Cents>,
    /// When the newest message was signed.
    pub since: Timestamp,
    /// When something happens by itself.
    pub next_at: Option<Timestamp>,
    /// Why it needs attention, and since when.
    pub overdue: Option<(Overdue, Timestamp)>,
    /// Where its newest statement stands in this node's log, counted from 1: the same after every restart.
    pub changed_at: u64,
    /// The parties at home here, for whose lists it is.
    pub parties: Vec<OrgId>,
}

impl OrderRow {
    /// None for what is no order yet: parts and mandates that came before any request.
    fn of(node: &Node, id: OrderId, now: Timestamp) -> Option<Self> {
        let known = node.state().orders.get(&id)?;
        let attempt = known.current()?;
        let request = attempt.request.body();
        let explained = node.explain(id, &request.buyer, now).ok()?;
        let parties = request.route.parties().iter().filter(|party| node.state().is_local(party));
        Some(Self {
            id,
            buyer: request.buyer.clone(),
            provider: request.route.provider().clone(),
            offering: request.offering,
            mode: request.mode,
            stage: explained.stage,
            turn: explained.turn.map(|turn| turn.org),
            total: attempt.chain().ok().and_then(|_| attempt.total().ok()),
            since: explained.since,
            next_at: explained.consequence.map(|(_, at)| at),
            overdue: explained.overdue,
            changed_at: changed_at(node, known),
            parties: parties.cloned().collect(),
        })
    }

    fn kind(&self) -> StageKind {
        self.stage.into()
    }

    /// Its place among those that changed.
    pub fn spot(&self) -> Spot {
        (self.changed_at, self.id)
    }
}

/// Where an order changed last, and which it is.
pub type Spot = (u64, OrderId);

/// Before every order there is.
pub const SPOT_MIN: Spot = (0, OrderId([0; 16]));
/// Behind every order there is.
pub const SPOT_MAX: Spot = (u64::MAX, OrderId([u8::MAX; 16]));

/// Where the newest statement of an order stands in the node's own log, which takes in everything a party says.
fn changed_at(node: &Node, known: &Order) -> u64 {
    let own = &node.settings().origin;
    let said = known.attempts.values().flat_map(Attempt::messages).chain(&known.contradictions);
    let place = |signed: &Signed| {
        let places = &node.state().places;
        places.of(&signed.id()).filter(|(origin, _)| *origin == own).map(|(_, index)| index + 1).max()
    };
    said.filter_map(place).max().unwrap_or(1)
}

/// Which orders are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sought {
    /// Only of this stage.
    pub stage: Option<StageKind>,
    /// Only what needs attention.
    pub overdue_only: bool,
    /// Only ids from the one to the other.
    pub between: Option<(OrderId, OrderId)>,
}

impl Sought {
    /// From where on ids are sought after one of them, and the highest.
    fn range(self, last: Option<OrderId>) -> (Bound<OrderId>, OrderId) {
        let (lowest, highest) = self.between.unwrap_or((OrderId([0; 16]), OrderId([u8::MAX; 16])));
        match last.filter(|last| *last >= lowest) {
            Some(last) => (Bound::Excluded(last.min(highest)), highest),
            None => (Bound::Included(lowest), highest),
        }
    }
}

/// All orders with a party at home here.
#[derive(Clone, Default)]
pub(super) struct Orders {
    rows: RedBlackTreeMapSync<OrderId, Arc<OrderRow>>,
    lists: RedBlackTreeMapSync<OrgId, Lists>,
}

/// The orders of one organisation in the orders in which they are listed.
#[derive(Clone, Default)]
struct Lists {
    by_id: RedBlackTreeSetSync<(StageKind, OrderId)>,
    changed: RedBlackTreeSetSync<(StageKind, Spot)>,
    overdue: RedBlackTreeSetSync<OrderId>,
    counts: [usize; StageKind::ALL.len()],
}

impl Lists {
    fn put(&mut self, row: &OrderRow) {
        self.by_id.insert_mut((row.kind(), row.id));
        self.changed.insert_mut((row.kind(), row.spot()));
        if row.overdue.is_some() {
            self.overdue.insert_mut(row.id);
        }
        self.counts[row.kind() as usize] += 1;
    }

    fn remove(&mut self, row: &OrderRow) {
        self.by_id.remove_mut(&(row.kind(), row.id));
        self.changed.remove_mut(&(row.kind(), row.spot()));
        self.overdue.remove_mut(&row.id);
        self.counts[row.kind() as usize] -= 1;
    }
}

impl Orders {
    pub(super) fn follow(&mut self, node: &Node, id: OrderId, now: Timestamp) {
        // It stays as it was shown: nothing happens to it while it is at rest.
        if node.is_resting(&id) {
            return;
        }
        let row = OrderRow::of(node, id, now);
        let known = self.rows.get(&id).cloned();
        if known.as_deref() == row.as_ref() {
            return;
        }
        if let Some(known) = known {
            self.unlist(&known);
            self.rows.remove_mut(&id);
        }
        row.into_iter().for_each(|row| self.put(row));
    }

    /// Somebody has come home or gone away: whose lists a settled order is in.
    pub(super) fn rehome(&mut self, id: OrderId, parties: Vec<OrgId>) {
        let Some(known) = self.rows.get(&id).filter(|known| known.parties != parties).cloned() else { return };
        let row = OrderRow { parties, ..(*known).clone() };
        self.unlist(&known);
        self.put(row);
    }

    fn list(&mut self, row: &OrderRow) {
        row.parties.iter().for_each(|party| self.relist(party, |lists| lists.put(row)));
    }

    fn unlist(&mut self, row: &OrderRow) {
        row.parties.iter().for_each(|party| self.relist(party, |lists| lists.remove(row)));
    }

    fn relist(&mut self, party: &OrgId, change: impl FnOnce(&mut Lists)) {
        let mut lists = self.lists.get(party).cloned().unwrap_or_default();
        // One owner, or what readers do not share would be copied as well.
        self.lists.remove_mut(party);
        change(&mut lists);
        self.lists.insert_mut(party.clone(), lists);
    }

    /// Takes an order in as it is shown.
    pub(super) fn put(&mut self, row: OrderRow) {
        self.list(&row);
        self.rows.insert_mut(row.id, Arc::new(row));
    }

    /// The orders of several organisations after one of them, by id, each once.
    pub(super) fn after<'a>(
        &'a self,
        orgs: &'a [OrgId],
        sought: Sought,
        last: Option<OrderId>,
    ) -> Box<dyn Iterator<Item = &'a OrderRow> + 'a> {
        let row = move |id: OrderId| self.rows.get(&id).map(|row| &**row);
        let range = sought.range(last);
        let is_stage = move |row: &&OrderRow| sought.stage.is_none_or(|stage| stage == row.kind());
        if sought.overdue_only {
            let of = orgs.iter().map(|org| self.overdue_of(org, range));
            return Box::new(merged(of.collect()).filter_map(row).filter(is_stage));
        }
        let kinds = StageKind::ALL.into_iter().filter(move |kind| sought.stage.is_none_or(|stage| stage == *kind));
        let of = orgs.iter().flat_map(|org| kinds.clone().map(move |kind| self.listed_of(org, kind, range)));
        Box::new(merged(of.collect()).filter_map(row))
    }

    /// The orders of several organisations that changed between two spots, both left out, the one that changed first or last
    /// in front, each once.
    pub(super) fn changed<'a>(
        &'a self,
        orgs: &'a [OrgId],
        stage: Option<StageKind>,
        (after, before): (Spot, Spot),
        newest_first: bool,
    ) -> Box<dyn Iterator<Item = &'a OrderRow> + 'a> {
        let row = move |(_, id): Spot| self.rows.get(&id).map(|row| &**row);
        let kinds = StageKind::ALL.into_iter().filter(move |kind| stage.is_none_or(|stage| stage == *kind));
        let lists = orgs.iter().filter_map(|org| self.lists.get(org));
        let of = lists.flat_map(|lists| kinds.clone().map(move |kind| (lists, kind))).map(move |(lists, kind)| {
            let bound = |spot| Bound::Excluded((kind, spot));
            lists.changed.range((bound(after), bound(before))).map(|(_, spot)| *spot)
        });
        if newest_first {
            let of = of.map(|spots| Box::new(spots.rev().map(Reverse)) as Sorted<'_, Reverse<Spot>>);
            return Box::new(merged(of.collect()).filter_map(move |Reverse(spot)| row(spot)));
        }
        let of = of.map(|spots| Box::new(spots) as Sorted<'_, Spot>);
        Box::new(merged(of.collect()).filter_map(row))
    }

    /// How many there are in all.
    pub(super) fn count(&self, orgs: &[OrgId], sought: Sought) -> usize {
        match (orgs, sought) {
            ([org], Sought { stage, overdue_only: false, between: None }) => {
                let kinds = StageKind::ALL.into_iter().filter(|kind| stage.is_none_or(|stage| stage == *kind));
                self.lists.get(org).map_or(0, |lists| kinds.map(|kind| lists.counts[kind as usize]).sum())
            }
            // What two of them are parties to counts once.
            _ => self.after(orgs, sought, None).count(),
        }
    }

    fn listed_of<'a>(&'a self, org: &OrgId, kind: StageKind, (first, last): (Bound<OrderId>, OrderId)) -> Ids<'a> {
        let range = (first.map(|id| (kind, id)), Bound::Included((kind, last)));
        let lists = self.lists.get(org).into_iter();
        Box::new(lists.flat_map(move |lists| lists.by_id.range(range).map(|(_, id)| *id)))
    }

    fn overdue_of<'a>(&'a self, org: &OrgId, (first, last): (Bound<OrderId>, OrderId)) -> Ids<'a> {
        let range = (first, Bound::Included(last));
        Box::new(self.lists.get(org).into_iter().flat_map(move |lists| lists.overdue.range(range).copied()))
    }
}

/// What comes in its order.
type Sorted<'a, T> = Box<dyn Iterator<Item = T> + 'a>;

/// Ids in their order.
type Ids<'a> = Sorted<'a, OrderId>;

/// Several such rows as one, each item once.
fn merged<T: Ord + Copy>(rows: Vec<Sorted<'_, T>>) -> impl Iterator<Item = T> {
    let mut rows: Vec<_> = rows.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let least = rows.iter_mut().filter_map(|items| items.peek().copied()).min()?;
        rows.iter_mut().for_each(|items| _ = items.next_if_eq(&least));
        Some(least)
    })
}

/// When which order must be explained again although nothing has happened to it.
#[derive(Default)]
pub(super) struct Agenda {
    due: BTreeSet<(Timestamp, OrderId)>,
    at: BTreeMap<OrderId, Timestamp>,
}

impl Agenda {
    pub(super) fn put(&mut self, id: OrderId, due: Option<Timestamp>) {
        if let Some(before) = self.at.remove(&id) {
            self.due.remove(&(before, id));
        }
        if let Some(due) = due {
            self.at.insert(id, due);
            self.due.insert((due, id));
        }
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// What is due by now.
    pub(super) fn by(&self, now: Timestamp) -> Vec<OrderId> {
        self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
    }
}
