//! Orders as they were last explained, in the order in which they are listed: for a list nothing is explained and nothing
//! is sorted.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::Mode;
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::brokering::overdue::Overdue;
use crate::protocol::explain::Stage;

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
    /// The parties at home here, for whose lists it is.
    parties: Vec<OrgId>,
}

impl OrderRow {
    /// None for what is no order yet: parts and mandates that came before any request.
    fn of(node: &Node, id: OrderId, now: Timestamp) -> Option<Self> {
        let attempt = node.state().orders.get(&id)?.current()?;
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
            parties: parties.cloned().collect(),
        })
    }

    fn kind(&self) -> StageKind {
        self.stage.into()
    }
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
    listed: RedBlackTreeSetSync<(OrgId, StageKind, OrderId)>,
    overdue: RedBlackTreeSetSync<(OrgId, OrderId)>,
    counts: RedBlackTreeMapSync<(OrgId, StageKind), usize>,
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
        if let Some(row) = row {
            self.list(&row);
            self.rows.insert_mut(id, Arc::new(row));
        }
    }

    /// Somebody has come home or gone away: whose lists a settled order is in.
    pub(super) fn rehome(&mut self, id: OrderId, parties: Vec<OrgId>) {
        let Some(known) = self.rows.get(&id).filter(|known| known.parties != parties).cloned() else { return };
        let row = OrderRow { parties, ..(*known).clone() };
        self.unlist(&known);
        self.list(&row);
        self.rows.insert_mut(id, Arc::new(row));
    }

    fn list(&mut self, row: &OrderRow) {
        for party in &row.parties {
            self.listed.insert_mut((party.clone(), row.kind(), row.id));
            if row.overdue.is_some() {
                self.overdue.insert_mut((party.clone(), row.id));
            }
            let key = (party.clone(), row.kind());
            let count = self.counts.get(&key).copied().unwrap_or(0);
            self.counts.insert_mut(key, count + 1);
        }
    }

    fn unlist(&mut self, row: &OrderRow) {
        for party in &row.parties {
            self.listed.remove_mut(&(party.clone(), row.kind(), row.id));
            self.overdue.remove_mut(&(party.clone(), row.id));
            let key = (party.clone(), row.kind());
            let count = self.counts.get(&key).copied().unwrap_or(0);
            self.counts.insert_mut(key, count.saturating_sub(1));
        }
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

    /// How many there are in all.
    pub(super) fn count(&self, orgs: &[OrgId], sought: Sought) -> usize {
        match (orgs, sought) {
            ([org], Sought { stage, overdue_only: false, between: None }) => {
                let kinds = StageKind::ALL.into_iter().filter(|kind| stage.is_none_or(|stage| stage == *kind));
                kinds.filter_map(|kind| self.counts.get(&(org.clone(), kind))).sum()
            }
            // What two of them are parties to counts once.
            _ => self.after(orgs, sought, None).count(),
        }
    }

    fn listed_of<'a>(&'a self, org: &OrgId, kind: StageKind, (first, last): (Bound<OrderId>, OrderId)) -> Ids<'a> {
        let start = first.map(|id| (org.clone(), kind, id));
        let end = Bound::Included((org.clone(), kind, last));
        Box::new(self.listed.range((start, end)).map(|(_, _, id)| *id))
    }

    fn overdue_of<'a>(&'a self, org: &OrgId, (first, last): (Bound<OrderId>, OrderId)) -> Ids<'a> {
        let start = first.map(|id| (org.clone(), id));
        let end = Bound::Included((org.clone(), last));
        Box::new(self.overdue.range((start, end)).map(|(_, id)| *id))
    }
}

/// Ids in their order.
type Ids<'a> = Box<dyn Iterator<Item = OrderId> + 'a>;

/// Several such rows of ids as one, each id once.
fn merged(rows: Vec<Ids<'_>>) -> impl Iterator<Item = OrderId> {
    let mut rows: Vec<_> = rows.into_iter().map(Iterator::peekable).collect();
    std::iter::from_fn(move || {
        let least = rows.iter_mut().filter_map(|ids| ids.peek().copied()).min()?;
        rows.iter_mut().for_each(|ids| _ = ids.next_if_eq(&least));
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
