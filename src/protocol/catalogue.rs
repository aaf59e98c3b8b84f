//! The catalogue: a pure fold over public statements. Same statements, same view, whatever the order of arrival.
//!
//! Must never decide by time or by who sent something; an offering of an unreachable node stays.
use std::collections::BTreeMap;

use crate::domain::id::{Hash, OrgId, Origin, StatementId};
use crate::domain::offering::{Offering, Withdrawal};
use crate::domain::reason::{Reason, Refusal};

/// One offering as the catalogue shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The statement of its newest version.
    pub id: StatementId,
    /// The newest version.
    pub offering: Offering,
    /// The log it came from.
    pub origin: Origin,
    /// Its position there.
    pub index: u64,
}

/// Offerings and withdrawals.
#[derive(Clone, Default, Debug)]
pub struct Catalogue {
    rows: BTreeMap<(OrgId, OrgId), Row>,
    withdrawn: BTreeMap<(OrgId, OrgId), Withdrawal>,
    versions: BTreeMap<StatementId, (OrgId, OrgId, u32)>,
    superseded: BTreeMap<StatementId, Offering>,
}

impl Catalogue {
    /// Takes an offering in. The highest version wins; of two with the same number the smaller id.
    pub fn put(&mut self, row: Row) {
        let key = (row.offering.seller.clone(), row.offering.name.clone());
        self.versions.insert(row.id, (key.0.clone(), key.1.clone(), row.offering.version));
        let wins = self.rows.get(&key).is_none_or(|known| {
            (row.offering.version, std::cmp::Reverse(row.id)) > (known.offering.version, std::cmp::Reverse(known.id))
        });
        let loser = if wins { self.rows.insert(key, row) } else { Some(row) };
        if let Some(loser) = loser {
            self.superseded.insert(loser.id, loser.offering);
        }
    }

    /// Takes a withdrawal in. The highest version wins; of two with the same number the smaller reason text.
    pub fn withdraw(&mut self, withdrawal: Withdrawal) {
        let key = (withdrawal.seller.clone(), withdrawal.name.clone());
        let wins = self.withdrawn.get(&key).is_none_or(|known| {
            (withdrawal.version, std::cmp::Reverse(&withdrawal.reason))
                > (known.version, std::cmp::Reverse(&known.reason))
        });
        if wins {
            self.withdrawn.insert(key, withdrawal);
        }
    }

    /// Whether a new version may be published: it must be newer than what is known.
    pub fn check_new(&self, offering: &Offering) -> Result<(), Refusal> {
        let key = (offering.seller.clone(), offering.name.clone());
        let known = self.rows.get(&key).map_or(0, |row| row.offering.version);
        if offering.version > known {
            return Ok(());
        }
        Err(Refusal::new(Reason::OfferingVersion).with("version", offering.version).with("known", known))
    }

    /// Everything on offer, by seller and name.
    pub fn on_offer(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|(key, row)| !self.is_withdrawn(key, row.offering.version)).map(|(_, row)| row)
    }

    /// The newest version of one offering, withdrawn or not.
    pub fn row(&self, seller: &OrgId, name: &OrgId) -> Option<&Row> {
        self.rows.get(&(seller.clone(), name.clone()))
    }

    /// One version of an offering, by its statement, as an order pins it.
    pub fn version(&self, id: &StatementId) -> Option<&Offering> {
        let (seller, name, _) = self.versions.get(id)?;
        self.row(seller, name)
            .filter(|row| row.id == *id)
            .map(|row| &row.offering)
            .or_else(|| self.superseded.get(id))
    }

    /// One version that may be ordered: known and not withdrawn.
    pub fn orderable(&self, id: &StatementId) -> Result<&Offering, Refusal> {
        let offering = self.version(id).ok_or_else(|| Refusal::new(Reason::OfferingUnknown).with("id", id))?;
        let key = (offering.seller.clone(), offering.name.clone());
        if self.is_withdrawn(&key, offering.version) {
            let why = self.withdrawn.get(&key).map(|withdrawal| withdrawal.reason.clone()).unwrap_or_default();
            return Err(Refusal::new(Reason::OfferingWithdrawn).with("offering", &offering.name).with("why", why));
        }
        Ok(offering)
    }

    fn is_withdrawn(&self, key: &(OrgId, OrgId), version: u32) -> bool {
        self.withdrawn.get(key).is_some_and(|withdrawal| version <= withdrawal.version)
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
