//! Whether a request would be taken now, and what stands against it, said before anyone signs one.
//!
//! Only a forecast: the same rules decide again, with the facts of that moment, when the request is handed in.
use crate::domain::id::{OrgId, StatementId};
use crate::domain::order::orderable::{check_area, check_day};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::JudgedRoute;
use crate::domain::rule_pack::pack_in_force;
use crate::domain::time::Date;
use crate::protocol::brokering::legs::refuse_unless_fulfilled;
use crate::protocol::public::Public;

impl Public<'_> {
    /// What keeps a version of an offering from being ordered by `buyer` on that day, whatever the route.
    pub fn offering_obstacles(self, offering: &StatementId, buyer: &OrgId, today: Date) -> Vec<Refusal> {
        let offering = match self.catalogue.orderable(offering) {
            Ok(offering) => offering,
            Err(refusal) => return vec![refusal],
        };
        let home = self.registry.home(buyer).ok();
        let area = home.and_then(|log| log.orgs().get(buyer)?.admission.area.as_ref());
        [check_day(offering, today), check_area(offering, area)].into_iter().filter_map(Result::err).collect()
    }

    /// What stands against a route: parties without a home node, legs that are not fulfilled.
    pub fn route_obstacles(self, judged: &JudgedRoute) -> Vec<Refusal> {
        let parties = judged.route.parties().iter();
        let homeless = parties.filter_map(|party| self.registry.active(party).err());
        let legs = judged.legs.iter().filter_map(|leg| refuse_unless_fulfilled(leg).err());
        homeless.chain(legs).collect()
    }

    /// The newest rule pack meant for awards on that day.
    pub fn rule_pack_on(self, day: Date) -> Result<StatementId, Refusal> {
        let refuse = || {
            let earliest = self.packs.values().map(|pack| pack.valid_from).min();
            let refusal = Refusal::new(Reason::NoRulePack).with("day", day);
            earliest.into_iter().fold(refusal, |refusal, from| refusal.with("earliest", from))
        };
        pack_in_force(self.packs, day).ok_or_else(refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Hash;
    use crate::domain::order::Request;
    use crate::domain::rule_pack::tests::new_text;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::{Kind, Signed};
    use crate::domain::time::parse_date;
    use crate::protocol::explain::fixture::{Town, by_rule};

    fn day(text: &str) -> Date {
        parse_date(text).expect("a date")
    }

    /// Founded when nobody knew of another text: its only pack has no end.
    #[test]
    fn a_federation_learns_the_law_of_2026_without_a_restart_and_what_had_begun_keeps_the_old() {
        let mut town = Town::new(by_rule());
        let old = town.pack;
        town.now = "2026-06-30T10:00:00Z".parse().expect("a time");
        let seal_by = "2026-08-31T10:00:00Z".parse().expect("a time");
        let begun = town.order("begun-in-june", |request| request.seal_by = seal_by);
        let trustee = SecretKey::from_seed(&Hash::of(b"trustee/Vorsitz").0);
        let pack = Signed::sign(&Kind::RulePack, &new_text(), &[&trustee]);
        town.publish(&pack).expect("the trustees' word");
        assert_eq!(town.node.state().public().rule_pack_on(day("2026-06-30")), Ok(old));
        assert_eq!(town.node.state().public().rule_pack_on(day("2026-07-01")), Ok(pack.id()));

        town.now = "2026-07-01T10:00:00Z".parse().expect("a time");
        let outdated = town.request("begun-in-july", |_| ());
        let refusal = town.hand_in(&outdated).expect_err("the old law ended yesterday");
        assert_eq!(refusal.reason, Reason::RulePackOutdated);
        let anew = town.order("begun-in-july", |request| request.rule_pack = pack.id());

        town.now = "2026-08-15T10:00:00Z".parse().expect("a time");
        town.seal(begun).expect("it keeps the law of its day");
        for (order, pack) in [(begun, old), (anew, pack.id())] {
            let attempt = town.node.state().orders[&order].current().expect("one");
            assert_eq!(attempt.request.body().rule_pack, pack);
        }
    }

    /// The procedure goes on: whoever takes another route after the day of the new text keeps the law, and has no choice.
    #[test]
    fn an_order_rerouted_across_the_change_of_law_keeps_the_law_of_its_procedure() {
        let mut town = Town::new(by_rule());
        let old = town.pack;
        town.now = "2026-06-30T10:00:00Z".parse().expect("a time");
        let began = town.now.date();
        let order = town.order("begun-in-june", |_| ());
        let trustee = SecretKey::from_seed(&Hash::of(b"trustee/Vorsitz").0);
        let pack = Signed::sign(&Kind::RulePack, &new_text(), &[&trustee]);
        town.publish(&pack).expect("the trustees' word");
        town.now = "2026-07-02T10:00:00Z".parse().expect("a time");
        town.reroute(order).expect("not sealed yet");

        let next = |procedure_began, rule_pack| {
            move |request: &mut Request| {
                request.attempt = 2;
                (request.procedure_began, request.rule_pack) = (procedure_began, rule_pack);
            }
        };
        for (wrong, rule_pack, reason) in [
            (Some(began), pack.id(), Reason::RulePackOutdated),
            (None, old, Reason::RulePackOutdated),
            (Some(day("2026-06-29")), old, Reason::FieldInvalid),
        ] {
            let refused = town.request("begun-in-june", next(wrong, rule_pack));
            assert_eq!(town.hand_in(&refused).expect_err("a law of one's choice").reason, reason);
        }
        assert_eq!(town.order("begun-in-june", next(Some(began), old)), order);
        let attempt = town.node.state().orders[&order].current().expect("the second");
        assert_eq!((attempt.request.body().attempt, attempt.request.body().rule_pack), (2, old));
    }

    #[test]
    fn two_packs_for_one_day_leave_no_choice() {
        let mut town = Town::new(by_rule());
        let trustee = SecretKey::from_seed(&Hash::of(b"trustee/Vorsitz").0);
        let mut again = new_text();
        again.name = "gwb-108-2026-b".parse().expect("a name");
        for pack in [new_text(), again.clone()] {
            town.publish(&Signed::sign(&Kind::RulePack, &pack, &[&trustee])).expect("the trustees' word");
        }
        let in_force = town.node.state().public().rule_pack_on(town.now.date()).expect("a pack");
        assert_eq!(town.node.state().packs[&in_force].name, again.name);
        let chosen = town.request("r1", |_| ());
        assert_eq!(town.hand_in(&chosen).expect_err("not for the buyer to choose").reason, Reason::RulePackOutdated);
    }
}
