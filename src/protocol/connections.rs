//! What municipalities run and what was tried on it: a fold like the rest of the catalogue, whatever the order of arrival.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;

use crate::domain::connection::{ConnectionProfile, ConnectionReport};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::{Reason, Refusal};

/// Every version of one municipality's profile: the highest wins, of two with the same number the smaller id.
type Profiles = BTreeMap<(u32, Reverse<StatementId>), Arc<ConnectionProfile>>;

/// Profiles and reports. Clones share what they hold.
#[derive(Clone, Default, Debug)]
pub struct Connections {
    profiles: RedBlackTreeMapSync<OrgId, Arc<Profiles>>,
    reports: RedBlackTreeMapSync<StatementId, Arc<ConnectionReport>>,
}

impl Connections {
    /// Takes a profile in.
    pub fn put_profile(&mut self, id: StatementId, profile: ConnectionProfile) {
        let mut known = self.profiles.get(&profile.municipality).cloned().unwrap_or_default();
        let org = profile.municipality.clone();
        Arc::make_mut(&mut known).insert((profile.version, Reverse(id)), Arc::new(profile));
        self.profiles.insert_mut(org, known);
    }

    /// Takes a report in.
    pub fn put_report(&mut self, id: StatementId, report: ConnectionReport) {
        self.reports.insert_mut(id, Arc::new(report));
    }

    /// Takes statements out again, as if they had never been there.
    pub fn take_back(&mut self, gone: &BTreeSet<StatementId>) {
        gone.iter().for_each(|id| _ = self.reports.remove_mut(id));
        let is_gone = |(_, Reverse(id)): &(u32, Reverse<StatementId>)| gone.contains(id);
        let touched = self.profiles.iter().filter(|(_, known)| known.keys().any(is_gone));
        let touched: Vec<_> = touched.map(|(org, known)| (org.clone(), Profiles::clone(known))).collect();
        for (org, mut left) in touched {
            left.retain(|rank, _| !is_gone(rank));
            match left.is_empty() {
                true => _ = self.profiles.remove_mut(&org),
                false => self.profiles.insert_mut(org, Arc::new(left)),
            }
        }
    }

    /// What a municipality runs, by its newest profile, and the statement that says so.
    pub fn profile(&self, municipality: &OrgId) -> Option<(StatementId, &ConnectionProfile)> {
        let ((_, Reverse(id)), profile) = self.profiles.get(municipality)?.last_key_value()?;
        Some((*id, profile))
    }

    /// Whether a new version may be published: it must be newer than what is known.
    pub fn check_new(&self, profile: &ConnectionProfile) -> Result<(), Refusal> {
        let known = self.profile(&profile.municipality).map_or(0, |(_, known)| known.version);
        if profile.version > known {
            return Ok(());
        }
        Err(Refusal::new(Reason::ProfileVersion).with("version", profile.version).with("known", known))
    }

    /// The last report of each municipality, portal and offering: what a municipality says later takes the place of what it
    /// said before; of one day, the statement with the greater id counts.
    pub fn reports(&self) -> impl Iterator<Item = (StatementId, &ConnectionReport)> {
        let mut last: BTreeMap<_, (StatementId, &ConnectionReport)> = BTreeMap::new();
        for (id, report) in &self.reports {
            let about = (&report.municipality, report.portal.to_lowercase(), report.offering);
            let newest = last.entry(about).or_insert((*id, report));
            if (newest.1.reported_on, newest.0) < (report.reported_on, *id) {
                *newest = (*id, report);
            }
        }
        last.into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::connection::Outcome;
    use crate::domain::time::parse_date;

    fn org(name: &str) -> OrgId {
        name.parse().expect("a name")
    }

    fn profile(version: u32, portal: &str) -> ConnectionProfile {
        ConnectionProfile {
            municipality: org("adorf"),
            version,
            portals: vec![portal.to_owned()],
            specialised_systems: Vec::new(),
            connection: Vec::new(),
            provides: Vec::new(),
            bus: None,
            source: "Website".to_owned(),
            assumed: Vec::new(),
        }
    }

    fn id(number: u8) -> StatementId {
        StatementId([number; 32])
    }

    #[test]
    fn the_newest_profile_counts_in_any_order_and_without_it_the_one_before() {
        let all = [(id(1), profile(1, "A")), (id(2), profile(2, "B")), (id(3), profile(2, "C"))];
        for turn in 0..3 {
            let mut known = Connections::default();
            (0..3).map(|at| all[(at + turn) % 3].clone()).for_each(|(id, one)| known.put_profile(id, one));
            assert_eq!(known.profile(&org("adorf")).map(|(id, _)| id), Some(id(2)));
            known.take_back(&[id(2), id(3)].into());
            assert_eq!(known.profile(&org("adorf")).map(|(id, _)| id), Some(id(1)));
            assert_eq!(
                known.check_new(&profile(1, "D")).map_err(|refusal| refusal.reason),
                Err(Reason::ProfileVersion)
            );
            known.check_new(&profile(2, "D")).expect("newer");
        }
    }

    #[test]
    fn a_later_report_takes_the_place_of_an_earlier_one() {
        let report = |outcome, day: &str, portal: &str| ConnectionReport {
            municipality: org("adorf"),
            portal: portal.to_owned(),
            offering: Some(id(9)),
            outcome: Some(outcome),
            result: "so".to_owned(),
            reported_on: parse_date(day).expect("a day"),
            source: "Brief".to_owned(),
        };
        let mut known = Connections::default();
        known.put_report(id(7), report(Outcome::Passed, "2026-05-02", "ikiss"));
        known.put_report(id(8), report(Outcome::Failed, "2026-05-01", "IKISS"));
        assert_eq!(known.reports().map(|(id, _)| id).collect::<Vec<_>>(), [id(7)]);
        known.take_back(&[id(7)].into());
        assert_eq!(known.reports().map(|(id, _)| id).collect::<Vec<_>>(), [id(8)]);
    }
}
