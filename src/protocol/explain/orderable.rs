//! Whether a request would be taken now, and what stands against it, said before anyone signs one.
//!
//! Only a forecast: the same rules decide again, with the facts of that moment, when the request is handed in.
use crate::domain::facts::pack_in_force;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::order::orderable::{check_area, check_day};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::JudgedRoute;
use crate::domain::time::Date;
use crate::protocol::Node;
use crate::protocol::brokering::legs::refuse_unless_fulfilled;

impl Node {
    /// What keeps a version of an offering from being ordered by `buyer` on that day, whatever the route.
    pub fn offering_obstacles(&self, offering: &StatementId, buyer: &OrgId, today: Date) -> Vec<Refusal> {
        let offering = match self.state.catalogue.orderable(offering) {
            Ok(offering) => offering,
            Err(refusal) => return vec![refusal],
        };
        let home = self.state.registry.home(buyer).ok();
        let area = home.and_then(|log| log.orgs().get(buyer)?.admission.area.as_ref());
        [check_day(offering, today), check_area(offering, area)].into_iter().filter_map(Result::err).collect()
    }

    /// What stands against a route: parties without a home node, legs that are not fulfilled.
    pub fn route_obstacles(&self, judged: &JudgedRoute) -> Vec<Refusal> {
        let parties = judged.route.parties().iter();
        let homeless = parties.filter_map(|party| self.state.registry.active(party).err());
        let legs = judged.legs.iter().filter_map(|leg| refuse_unless_fulfilled(leg).err());
        homeless.chain(legs).collect()
    }

    /// The newest rule pack meant for awards on that day.
    pub fn rule_pack_on(&self, day: Date) -> Result<StatementId, Refusal> {
        let refuse = || {
            let earliest = self.state.packs.values().map(|pack| pack.valid_from).min();
            let refusal = Refusal::new(Reason::NoRulePack).with("day", day);
            earliest.into_iter().fold(refusal, |refusal, from| refusal.with("earliest", from))
        };
        pack_in_force(&self.state.packs, day).ok_or_else(refuse)
    }
}
