//! What a node can say about trust to somebody who wants to propose the next statement: the federation, one
//! organisation with its keys, and the statements that prove it.
//!
//! Must never decide anything: it only reads, and everything it names is public.
use crate::domain::body::Body;
use crate::domain::id::{KeyHash, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::trust::{KeyStanding, LastGood, LogTrust, OrgStanding};
use crate::protocol::public::Public;

/// What the federation says, and what of the organisation asked for.
pub struct TrustView<'a> {
    /// The log that holds every root version known.
    pub federation: &'a LogTrust,
    /// The organisations by name, or the one asked for.
    pub organisations: Vec<(&'a OrgId, &'a OrgStanding)>,
    /// The one asked for.
    pub organisation: Option<OrganisationView<'a>>,
    /// The statements that prove it, in the order of the log they stand in.
    pub statements: Vec<StatementId>,
}

/// One organisation.
pub struct OrganisationView<'a> {
    /// What its home log knows of it.
    pub standing: &'a OrgStanding,
    /// Its keys, by when they were registered.
    pub keys: Vec<(&'a KeyHash, &'a KeyStanding)>,
    /// Every log in which it was ever at home, with its size; the present home first.
    pub logs: Vec<LastGood>,
}

impl<'a> Public<'a> {
    /// What this node can say about the federation, and about one organisation if one is named; `size` says how many
    /// entries of a log count.
    pub fn trust_view(self, org: Option<&OrgId>, size: &dyn Fn(&Origin) -> u64) -> Result<TrustView<'a>, Refusal> {
        let registry = self.registry;
        let unknown = || Refusal::new(Reason::RootUnknown).with("log", self.own);
        let federation = registry.logs().max_by_key(|log| log.root_version()).ok_or_else(unknown)?;
        let Some(org) = org else {
            return Ok(TrustView {
                federation,
                organisations: self.organisations(),
                organisation: None,
                statements: self.for_everyone(federation),
            });
        };
        let home = self.knows_best(org).ok_or_else(|| Refusal::new(Reason::OrgUnknown).with("org", org))?;
        let (org, standing) = home.orgs().get_key_value(org).ok_or_else(unknown)?;
        let mut keys: Vec<_> = home.keys().iter().filter(|(_, key)| key.holder.org() == org).collect();
        keys.sort_by_key(|(hash, key)| (key.from, **hash));
        let statements = home.said().filter(|(_, body)| is_root(body) || concerns(body, org)).map(|(id, _)| id);
        Ok(TrustView {
            federation,
            organisations: vec![(org, standing)],
            organisation: Some(OrganisationView { standing, keys, logs: self.homes_of(home, standing, size) }),
            statements: statements.collect(),
        })
    }

    /// The log that knows most of an organisation: its home, or where it is admitted and has signed nothing yet.
    fn knows_best(self, org: &OrgId) -> Option<&'a LogTrust> {
        let registry = self.registry;
        registry.home(org).ok().or_else(|| {
            let known = registry.logs().filter_map(|log| Some((log.orgs().get(org)?.admission.number, log)));
            known.max_by_key(|(number, log)| (*number, log.origin())).map(|(_, log)| log)
        })
    }

    /// Every organisation once, as the log says that knows most of it.
    fn organisations(self) -> Vec<(&'a OrgId, &'a OrgStanding)> {
        let mut orgs: Vec<&'a OrgId> = self.registry.logs().flat_map(|log| log.orgs().keys()).collect();
        orgs.sort();
        orgs.dedup();
        orgs.into_iter().filter_map(|org| self.knows_best(org)?.orgs().get_key_value(org)).collect()
    }

    fn for_everyone(self, federation: &LogTrust) -> Vec<StatementId> {
        let roots = federation.root_versions();
        let expulsions = self.registry.logs().flat_map(|log| log.expulsions().values().flat_map(|all| all.keys()));
        let successions = self.registry.logs().flat_map(|log| log.successions().values().map(|(id, _)| id));
        let mut others: Vec<StatementId> = expulsions.chain(successions).chain(self.packs.keys()).copied().collect();
        others.sort();
        others.dedup();
        roots.chain(others).collect()
    }

    fn homes_of(self, home: &LogTrust, standing: &OrgStanding, size: &dyn Fn(&Origin) -> u64) -> Vec<LastGood> {
        let federation = &self.own.federation;
        let former = standing.homes().flat_map(|node| self.registry.logs_of(federation, node)).map(LogTrust::origin);
        let mut logs: Vec<&Origin> = former.filter(|origin| *origin != home.origin()).collect();
        logs.sort();
        logs.dedup();
        let all = std::iter::once(home.origin()).chain(logs);
        all.map(|origin| LastGood { log: origin.clone(), size: size(origin) }).collect()
    }
}

fn is_root(body: &Body) -> bool {
    matches!(body, Body::FederationRoot(_))
}

/// Whether a statement is about that organisation or one of its officers.
fn concerns(body: &Body, org: &OrgId) -> bool {
    match body {
        Body::Admission(body) => body.org == *org,
        Body::KeyEvent(body) => body.org == *org,
        Body::Recovery(body) => body.org == *org,
        Body::OfficerGrant(body) => body.org == *org,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::explain::fixture::{Town, by_rule};

    fn told<'a>(town: &'a Town, org: Option<&OrgId>) -> Result<TrustView<'a>, Refusal> {
        let state = town.node.state();
        state.public().trust_view(org, &|origin| state.size(origin))
    }

    #[test]
    fn a_node_says_what_the_next_statement_must_follow() {
        let town = Town::new(by_rule());
        let everyone = told(&town, None).expect("a root");
        assert_eq!(everyone.organisations.len(), 4);
        assert_eq!(everyone.statements.len(), 2, "root and rule pack");
        let org: OrgId = "town".parse().expect("a name");
        let view = told(&town, Some(&org)).expect("hosted here");
        let seen = view.organisation.expect("asked for");
        assert_eq!(seen.standing.last_event().map(|(seq, _)| seq), Some(0));
        assert_eq!(seen.logs.len(), 1);
        assert!(seen.logs[0].size > view.statements.len() as u64 && seen.keys.len() > 1);
        let unknown: OrgId = "fremd".parse().expect("a name");
        let refused = told(&town, Some(&unknown)).map(|_| ()).expect_err("nobody knows it");
        assert_eq!(refused.reason, Reason::OrgUnknown);
    }
}
