//! The catalogue: a pure fold over public statements. Same statements, same view, whatever the order of arrival.
//!
//! Must never decide by a clock or by who sent something; an offering of an unreachable node stays. What it said on a past day
//! is told by what witnesses had seen by then.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::domain::id::{Hash, OrgId, StatementId};
use crate::domain::offering::{Offering, Withdrawal};
use crate::domain::price::Tariff;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::{Date, Timestamp};
use crate::domain::trust::subject::Subject;
use crate::protocol::connections::Connections;
use crate::protocol::needs::Needs;

/// One version of an offering.
#[derive(Clone, PartialEq, Debug)]
pub struct OfferingVersion {
    /// Its statement.
    pub id: StatementId,
    /// What it says.
    pub offering: Offering,
}

/// What the versions of one offering share: seller and name.
type Key = (OrgId, OrgId);

/// The highest version wins; of two with the same number the smaller id.
type Rank = (u32, Reverse<StatementId>);

/// Every version and withdrawal of one offering.
#[derive(Clone, Default, Debug)]
struct Versions {
    known: BTreeMap<Rank, Arc<OfferingVersion>>,
    withdrawals: BTreeMap<StatementId, Withdrawal>,
}

impl Versions {
    fn newest(&self) -> Option<&Arc<OfferingVersion>> {
        self.known.last_key_value().map(|(_, row)| row)
    }

    /// The withdrawal that covers this version: the one of the highest version, of two the smaller reason text.
    fn withdrawal(&self, version: u32) -> Option<&Withdrawal> {
        self.withdrawal_of(version, |_| true)
    }

    fn withdrawal_of(&self, version: u32, counts: impl Fn(&StatementId) -> bool) -> Option<&Withdrawal> {
        let all = self.withdrawals.iter().filter(|(id, _)| counts(id)).map(|(_, known)| known);
        let strongest = all.max_by_key(|known| (known.version, Reverse(&known.reason)))?;
        (version <= strongest.version).then_some(strongest)
    }

    /// The version that its seller offers, by what counts.
    fn offered(&self, counts: impl Fn(&StatementId) -> bool) -> Option<&Arc<OfferingVersion>> {
        let newest = self.known.values().rev().find(|row| counts(&row.id))?;
        self.withdrawal_of(newest.offering.version, counts).is_none().then_some(newest)
    }
}

/// Where an offering stands as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Its newest version may be ordered.
    OnOffer,
    /// Its seller has withdrawn it.
    Withdrawn,
    /// Its seller is expelled.
    Suspended,
    /// Nothing of it counts any more.
    Gone,
}

/// A past day as the catalogue knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PastDay {
    /// The day, in Germany.
    pub day: Date,
    /// Its last moment, or the present one: what witnesses had seen by then counts.
    pub until: Timestamp,
    /// From when on this node knows what witnesses had seen.
    pub known_from: Timestamp,
}

/// The tariffs of one organisation.
type Tariffs = BTreeMap<Rank, (StatementId, Tariff)>;

/// Offerings, withdrawals, tariffs and needs. Clones share what they hold.
#[derive(Clone, Default, Debug)]
pub struct Catalogue {
    rows: RedBlackTreeMapSync<Key, Arc<Versions>>,
    keys: RedBlackTreeMapSync<StatementId, Key>,
    tariffs: RedBlackTreeMapSync<OrgId, Arc<Tariffs>>,
    /// What is on offer, in the order in which it is listed.
    offered: RedBlackTreeMapSync<Key, Arc<OfferingVersion>>,
    /// Offerings by the position at which they changed last, on offer or not.
    changes: RedBlackTreeMapSync<u64, Key>,
    changed_at: RedBlackTreeMapSync<Key, u64>,
    /// What municipalities look for.
    pub needs: Needs,
    /// What municipalities run, and what was tried on it.
    pub connections: Connections,
    /// Sellers that the federation has expelled, and the statements that say so: what they offered before stays known, and is on
    /// offer no more.
    expelled: BTreeMap<OrgId, BTreeSet<StatementId>>,
    /// When witnesses had seen what stands here, as far as enough of them are known to have.
    seen: RedBlackTreeMapSync<StatementId, Timestamp>,
    /// The earliest checkpoint known that witnesses have seen: of what was before nothing is known.
    watched_from: Option<Timestamp>,
}

impl Catalogue {
    /// Takes an offering in.
    pub fn put(&mut self, id: StatementId, offering: Offering) {
        let key = (offering.seller.clone(), offering.name.clone());
        let rank = (offering.version, Reverse(id));
        let row = Arc::new(OfferingVersion { id, offering });
        self.keys.insert_mut(id, key.clone());
        self.change(&key, |versions| _ = versions.known.insert(rank, row));
    }

    /// Takes a withdrawal in.
    pub fn withdraw(&mut self, id: StatementId, withdrawal: Withdrawal) {
        let key = (withdrawal.seller.clone(), withdrawal.name.clone());
        self.keys.insert_mut(id, key.clone());
        self.change(&key, |versions| _ = versions.withdrawals.insert(id, withdrawal));
    }

    /// Takes a tariff in.
    pub fn put_tariff(&mut self, id: StatementId, tariff: Tariff) {
        let mut tariffs = self.tariffs.get(&tariff.org).cloned().unwrap_or_default();
        let org = tariff.org.clone();
        Arc::make_mut(&mut tariffs).insert((tariff.version, Reverse(id)), (id, tariff));
        self.tariffs.insert_mut(org, tariffs);
    }

    /// Takes statements out again, as if they had never been there.
    pub fn take_back(&mut self, gone: &BTreeSet<StatementId>) {
        self.take_back_tariffs(gone);
        self.needs.take_back(gone);
        self.connections.take_back(gone);
        for id in gone {
            let Some(key) = self.keys.get(id).cloned() else { continue };
            self.keys.remove_mut(id);
            self.seen.remove_mut(id);
            self.change(&key, |versions| {
                versions.known.retain(|_, row| row.id != *id);
                versions.withdrawals.remove(id);
            });
        }
    }

    fn take_back_tariffs(&mut self, gone: &BTreeSet<StatementId>) {
        let is_gone = |(known, _): &(StatementId, Tariff)| gone.contains(known);
        let touched = self.tariffs.iter().filter(|(_, tariffs)| tariffs.values().any(is_gone));
        let touched: Vec<_> = touched.map(|(org, tariffs)| (org.clone(), Tariffs::clone(tariffs))).collect();
        for (org, mut left) in touched {
            left.retain(|_, tariff| !is_gone(tariff));
            match left.is_empty() {
                true => _ = self.tariffs.remove_mut(&org),
                false => self.tariffs.insert_mut(org, Arc::new(left)),
            }
        }
    }

    /// Takes everything of a seller off offer, if there are statements that expel it.
    pub fn expel(&mut self, org: &OrgId, by: impl IntoIterator<Item = StatementId>) {
        let by: BTreeSet<StatementId> = by.into_iter().collect();
        if !by.is_empty() && self.expelled.insert(org.clone(), by).is_none() {
            let keys: Vec<Key> = self.keys_of(org).cloned().collect();
            keys.iter().for_each(|key| self.change(key, |_| ()));
        }
    }

    /// Witnesses had seen a checkpoint at this time.
    pub fn watched(&mut self, at: Timestamp) {
        self.watched_from = Some(self.watched_from.map_or(at, |known| known.min(at)));
    }

    /// When witnesses had seen an offering, a withdrawal or an expulsion; nothing if no time is known.
    pub fn date(&mut self, id: StatementId, seen: Option<Timestamp>) {
        match seen {
            Some(at) => self.seen.insert_mut(id, at),
            None => _ = self.seen.remove_mut(&id),
        }
    }

    /// When witnesses had seen a version, as far as that is known.
    pub fn seen_at(&self, id: &StatementId) -> Option<Timestamp> {
        self.seen.get(id).copied()
    }

    /// The day whose end is looked at instead of the present. It must not lie ahead, and something must be known of it.
    pub fn past(&self, day: Date, now: Timestamp) -> Result<PastDay, Refusal> {
        if day > now.date() {
            return Err(Refusal::new(Reason::DayAhead).with("field", "as_of").with("value", day));
        }
        let unknown = || Refusal::new(Reason::DayUnknown).with("field", "as_of").with("value", day);
        let known_from = self.watched_from.ok_or_else(unknown)?;
        if day < known_from.date() {
            return Err(unknown().with("known_from", known_from.date()));
        }
        let end = day.tomorrow().map_or(now, |tomorrow| tomorrow.begins().plus_ms(-1));
        Ok(PastDay { day, until: end.min(now), known_from })
    }

    /// Everything that was on offer at a time, after one offering or from the beginning. Walks over what is known, a few look-ups
    /// for each offering.
    pub fn on_offer_at<'a>(
        &'a self,
        until: Timestamp,
        last: Option<&(OrgId, OrgId)>,
    ) -> impl Iterator<Item = &'a OfferingVersion> + use<'a> {
        let start = last.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        let counts = move |id: &StatementId| self.seen.get(id).is_some_and(|seen| *seen <= until);
        let is_suspended = move |seller: &OrgId| self.expelled.get(seller).is_some_and(|by| by.iter().any(counts));
        let rows = self.rows.range((start, Bound::Unbounded)).filter(move |((seller, _), _)| !is_suspended(seller));
        rows.filter_map(move |(_, versions)| versions.offered(counts)).map(|row| &**row)
    }

    fn keys_of<'a>(&'a self, seller: &'a OrgId) -> impl Iterator<Item = &'a Key> + 'a {
        let from = (seller.clone(), OrgId::lowest());
        self.rows.range(from..).map(|(key, _)| key).take_while(move |(of, _)| of == seller)
    }

    /// Changes what is known of one offering, and with it whether and what of it is on offer.
    fn change(&mut self, key: &Key, change: impl FnOnce(&mut Versions)) {
        let mut versions = self.rows.get(key).cloned().unwrap_or_default();
        // One owner, or the rows that readers share would be copied each time.
        self.rows.remove_mut(key);
        change(Arc::make_mut(&mut versions));
        let standing = versions.offered(|_| true);
        let standing = standing.filter(|row| !self.expelled.contains_key(&row.offering.seller)).cloned();
        let at = self.position() + 1;
        match standing {
            Some(row) => self.offered.insert_mut(key.clone(), row),
            None => _ = self.offered.remove_mut(key),
        }
        if let Some(before) = self.changed_at.get(key).copied() {
            self.changes.remove_mut(&before);
        }
        self.changes.insert_mut(at, key.clone());
        self.changed_at.insert_mut(key.clone(), at);
        if !versions.known.is_empty() || !versions.withdrawals.is_empty() {
            self.rows.insert_mut(key.clone(), versions);
        }
    }

    /// Counts every change of an offering.
    pub fn position(&self) -> u64 {
        self.changes.last().map_or(0, |(at, _)| *at)
    }

    /// The offerings that have changed after a position, by seller and name, and what of each is on offer now.
    pub fn since(&self, position: u64) -> impl Iterator<Item = (&(OrgId, OrgId), Option<&Arc<OfferingVersion>>)> {
        self.changes.range(position.saturating_add(1)..).map(|(_, key)| (key, self.offered.get(key)))
    }

    /// The offerings that have changed after a position, the one that changed last at the end.
    pub fn changes_after(&self, position: u64) -> impl DoubleEndedIterator<Item = (u64, &(OrgId, OrgId))> {
        self.changes.range(position.saturating_add(1)..).map(|(at, key)| (*at, key))
    }

    /// The offerings that changed before a position, the one that changed last first.
    pub fn changes_before(&self, position: u64) -> impl Iterator<Item = (u64, &(OrgId, OrgId))> {
        self.changes.range(..position).rev().map(|(at, key)| (*at, key))
    }

    /// What of an offering is on offer.
    pub fn offered(&self, key: &(OrgId, OrgId)) -> Option<&OfferingVersion> {
        self.offered.get(key).map(|row| &**row)
    }

    /// Where an offering stands.
    pub fn standing(&self, seller: &OrgId, name: &OrgId) -> Standing {
        let versions = self.rows.get(&(seller.clone(), name.clone()));
        let Some((versions, newest)) = versions.and_then(|versions| Some((versions, versions.newest()?))) else {
            return Standing::Gone;
        };
        match versions.withdrawal(newest.offering.version) {
            Some(_) => Standing::Withdrawn,
            None if self.expelled.contains_key(seller) => Standing::Suspended,
            None => Standing::OnOffer,
        }
    }

    /// What an offering, a withdrawal or a tariff is about.
    pub fn subject(&self, id: &StatementId) -> Option<Subject> {
        if let Some((seller, name)) = self.keys.get(id) {
            return Some(Subject::Offering(seller.clone(), name.clone()));
        }
        let charged = self.tariffs.iter().find(|(_, tariffs)| tariffs.values().any(|(known, _)| known == id));
        charged.map(|(org, _)| Subject::Tariff(org.clone()))
    }

    /// What an organisation charges for passing orders on, and the statement that says so.
    pub fn tariff(&self, org: &OrgId) -> Option<&(StatementId, Tariff)> {
        self.tariffs.get(org)?.last_key_value().map(|(_, tariff)| tariff)
    }

    /// Whether a new version may be published: it must be newer than what is known.
    pub fn check_new(&self, offering: &Offering) -> Result<(), Refusal> {
        let known = self.row(&offering.seller, &offering.name).map_or(0, |row| row.offering.version);
        if offering.version > known {
            return Ok(());
        }
        Err(Refusal::new(Reason::OfferingVersion).with("version", offering.version).with("known", known))
    }

    /// Everything on offer, by seller and name.
    pub fn on_offer(&self) -> impl Iterator<Item = &OfferingVersion> {
        self.offered.values().map(|row| &**row)
    }

    /// The same after one of them, or from the beginning.
    pub fn on_offer_after<'a>(
        &'a self,
        last: Option<&(OrgId, OrgId)>,
    ) -> impl Iterator<Item = &'a OfferingVersion> + use<'a> {
        let start = last.map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        self.offered.range((start, Bound::Unbounded)).map(|(_, row)| &**row)
    }

    /// How many offerings there are on offer.
    pub fn offered_count(&self) -> usize {
        self.offered.size()
    }

    /// The newest version of one offering, withdrawn or not.
    pub fn row(&self, seller: &OrgId, name: &OrgId) -> Option<&OfferingVersion> {
        self.rows.get(&(seller.clone(), name.clone()))?.newest().map(|row| &**row)
    }

    /// All versions of one offering, the newest first.
    pub fn versions(&self, seller: &OrgId, name: &OrgId) -> impl Iterator<Item = &OfferingVersion> {
        let versions = self.rows.get(&(seller.clone(), name.clone()));
        versions.into_iter().flat_map(|versions| versions.known.values().rev()).map(|row| &**row)
    }

    /// One version of an offering, by its statement, as an order pins it.
    pub fn version(&self, id: &StatementId) -> Option<&Offering> {
        let versions = self.rows.get(self.keys.get(id)?)?;
        versions.known.values().find(|row| row.id == *id).map(|row| &row.offering)
    }

    /// One version that may be ordered: known and not withdrawn.
    pub fn orderable(&self, id: &StatementId) -> Result<&Offering, Refusal> {
        let offering = self.version(id).ok_or_else(|| Refusal::new(Reason::OfferingUnknown).with("id", id))?;
        match self.withdrawal(offering) {
            None if self.expelled.contains_key(&offering.seller) => {
                Err(Refusal::new(Reason::OrgExpelled).with("org", &offering.seller))
            }
            None => Ok(offering),
            Some(withdrawal) => Err(Refusal::new(Reason::OfferingWithdrawn)
                .with("offering", &offering.name)
                .with("why", &withdrawal.reason)),
        }
    }

    /// Refuses a version of which a newer one is known.
    pub fn check_newest(&self, id: &StatementId) -> Result<(), Refusal> {
        let Some(offering) = self.version(id) else { return Ok(()) };
        match self.row(&offering.seller, &offering.name) {
            Some(newest) if newest.id != *id => Err(Refusal::new(Reason::OfferingSuperseded)
                .with("offering", &offering.name)
                .with("version", offering.version)
                .with("newest", newest.offering.version)),
            _ => Ok(()),
        }
    }

    /// Whether a version that was published is still what holds: `OFFERING_WITHDRAWN` or `OFFERING_SUPERSEDED` if not. What
    /// is no offering, or unknown, is none of the catalogue's business.
    pub fn check_stands(&self, id: &StatementId) -> Result<(), Refusal> {
        if self.version(id).is_none() {
            return Ok(());
        }
        self.orderable(id)?;
        self.check_newest(id)
    }

    /// Whether a version is known and has been withdrawn.
    pub fn is_withdrawn(&self, id: &StatementId) -> bool {
        self.version(id).is_some_and(|offering| self.withdrawal(offering).is_some())
    }

    fn withdrawal(&self, offering: &Offering) -> Option<&Withdrawal> {
        self.rows.get(&(offering.seller.clone(), offering.name.clone()))?.withdrawal(offering.version)
    }

    /// Digest over the view: equal on two nodes exactly when they show the same offerings.
    pub fn digest(&self) -> Hash {
        let mut bytes = b"verbund/catalogue/v1\0".to_vec();
        for row in self.on_offer() {
            bytes.extend_from_slice(&row.id.0);
        }
        Hash::of(&bytes)
    }
}
