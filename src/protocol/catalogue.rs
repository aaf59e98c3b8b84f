//! The catalogue: a pure fold over public statements. Same statements, same view, whatever the order of arrival.
//!
//! Must never decide by time or by who sent something; an offering of an unreachable node stays.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{Hash, OrgId, StatementId};
use crate::domain::offering::{Offering, Withdrawal};
use crate::domain::price::Tariff;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::trust::subject::Subject;
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

/// Offerings, withdrawals, tariffs and needs.
#[derive(Clone, Default, Debug)]
pub struct Catalogue {
    rows: BTreeMap<Key, BTreeMap<Rank, OfferingVersion>>,
    withdrawals: BTreeMap<Key, BTreeMap<StatementId, Withdrawal>>,
    keys: BTreeMap<StatementId, Key>,
    tariffs: BTreeMap<OrgId, BTreeMap<Rank, (StatementId, Tariff)>>,
    /// What municipalities look for.
    pub needs: Needs,
    /// Sellers that the federation has expelled: what they offered before stays known, and is on offer no more.
    pub expelled: BTreeSet<OrgId>,
}

impl Catalogue {
    /// Takes an offering in.
    pub fn put(&mut self, id: StatementId, offering: Offering) {
        let key = (offering.seller.clone(), offering.name.clone());
        self.keys.insert(id, key.clone());
        self.rows.entry(key).or_default().insert((offering.version, Reverse(id)), OfferingVersion { id, offering });
    }

    /// Takes a withdrawal in.
    pub fn withdraw(&mut self, id: StatementId, withdrawal: Withdrawal) {
        let key = (withdrawal.seller.clone(), withdrawal.name.clone());
        self.keys.insert(id, key.clone());
        self.withdrawals.entry(key).or_default().insert(id, withdrawal);
    }

    /// Takes a tariff in.
    pub fn put_tariff(&mut self, id: StatementId, tariff: Tariff) {
        self.tariffs.entry(tariff.org.clone()).or_default().insert((tariff.version, Reverse(id)), (id, tariff));
    }

    /// Takes statements out again, as if they had never been there.
    pub fn take_back(&mut self, gone: &BTreeSet<StatementId>) {
        for tariffs in self.tariffs.values_mut() {
            tariffs.retain(|_, (known, _)| !gone.contains(known));
        }
        self.tariffs.retain(|_, tariffs| !tariffs.is_empty());
        self.needs.take_back(gone);
        for id in gone {
            let Some(key) = self.keys.remove(id) else { continue };
            if let Some(rows) = self.rows.get_mut(&key) {
                rows.retain(|_, row| row.id != *id);
            }
            if let Some(withdrawals) = self.withdrawals.get_mut(&key) {
                withdrawals.remove(id);
            }
        }
        self.rows.retain(|_, rows| !rows.is_empty());
        self.withdrawals.retain(|_, withdrawals| !withdrawals.is_empty());
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
        let newest = self.rows.values().filter_map(newest).filter(|row| self.withdrawal(&row.offering).is_none());
        newest.filter(|row| !self.expelled.contains(&row.offering.seller))
    }

    /// The newest version of one offering, withdrawn or not.
    pub fn row(&self, seller: &OrgId, name: &OrgId) -> Option<&OfferingVersion> {
        self.rows.get(&(seller.clone(), name.clone())).and_then(newest)
    }

    /// One version of an offering, by its statement, as an order pins it.
    pub fn version(&self, id: &StatementId) -> Option<&Offering> {
        let rows = self.rows.get(self.keys.get(id)?)?;
        rows.values().find(|row| row.id == *id).map(|row| &row.offering)
    }

    /// One version that may be ordered: known and not withdrawn.
    pub fn orderable(&self, id: &StatementId) -> Result<&Offering, Refusal> {
        let offering = self.version(id).ok_or_else(|| Refusal::new(Reason::OfferingUnknown).with("id", id))?;
        match self.withdrawal(offering) {
            None if self.expelled.contains(&offering.seller) => {
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

    /// The withdrawal that covers this version: the one of the highest version, of two the smaller reason text.
    fn withdrawal(&self, offering: &Offering) -> Option<&Withdrawal> {
        let withdrawals = self.withdrawals.get(&(offering.seller.clone(), offering.name.clone()))?;
        let strongest = withdrawals.values().max_by_key(|known| (known.version, Reverse(&known.reason)))?;
        (offering.version <= strongest.version).then_some(strongest)
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

fn newest(rows: &BTreeMap<Rank, OfferingVersion>) -> Option<&OfferingVersion> {
    rows.last_key_value().map(|(_, row)| row)
}
