//! What a node knows that is no secret, lent to whoever asks: trust, offerings, facts and law. The loop decides by it, and
//! readers answer from what they share with it; the questions to both are the same functions.
//!
//! Must never hold anything that only the parties of an order may know.
use std::collections::BTreeMap;

use crate::domain::fact_base::FactBase;
use crate::domain::id::{OrgId, Origin, StatementId};
use crate::domain::rule_pack::RulePack;
use crate::domain::trust::Registry;
use crate::protocol::catalogue::Catalogue;

/// Trust, offerings, facts and law as one node knows them at one moment.
#[derive(Clone, Copy)]
pub struct Public<'a> {
    /// The log the node writes.
    pub own: &'a Origin,
    /// The federation's root hash.
    pub anchor: StatementId,
    /// Who may sign what.
    pub registry: &'a Registry,
    /// What is on offer and looked for.
    pub catalogue: &'a Catalogue,
    /// Facts for judging legs.
    pub facts: &'a FactBase,
    /// Rule packs.
    pub packs: &'a BTreeMap<StatementId, RulePack>,
}

impl Public<'_> {
    /// Whether an organisation is at home on this node.
    pub fn is_local(self, org: &OrgId) -> bool {
        self.registry.home(org).is_ok_and(|log| log.origin() == self.own)
    }
}
