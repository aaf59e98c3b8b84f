//! Which open orders and running contracts a membership touches that has ended, was corrected or revoked.
//!
//! Reads what the node knows and decides nothing: what has been sealed stays sealed. Whoever changes or prolongs a
//! contract needs the leg to hold on that day (OLG Düsseldorf, Verg 29/22), and an open order is judged again anyway.
use std::collections::BTreeSet;

use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::law::LegJudgement;
use crate::domain::order::Attempt;
use crate::domain::rule_pack::RulePack;
use crate::domain::time::{Date, plus_years};
use crate::protocol::state::{Order, State};

/// Where an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenOrRunning {
    /// Not decided yet.
    Open,
    /// Sealed; the contract runs up to and including this day.
    Running {
        /// The last day.
        until: Date,
    },
}

/// A leg of an order that rests on the membership, or would have to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AffectedLeg {
    /// The leg judged as of today with what is known today.
    pub today: LegJudgement,
    /// The statements on the membership it rested on when it was awarded.
    pub rested_on: BTreeSet<StatementId>,
}

/// One order touched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Affected {
    /// The order.
    pub order: OrderId,
    /// Who bought.
    pub buyer: OrgId,
    /// What.
    pub offering: StatementId,
    /// Where it stands.
    pub phase: OpenOrRunning,
    /// Its legs that are touched; never none.
    pub legs: Vec<AffectedLeg>,
}

/// The open orders and running contracts of `org` that the membership of one organisation in another touches; without
/// a membership, those with a leg that does not hold today. By order; of those in memory.
pub fn affected(state: &State, org: &OrgId, membership: Option<(&OrgId, &OrgId)>, today: Date) -> Vec<Affected> {
    let known = state.orders.iter();
    known.filter_map(|(order, known)| affected_order(state, (*order, known), org, membership, today)).collect()
}

/// The same of one order, which may be settled.
pub fn affected_order(
    state: &State,
    (order, known): (OrderId, &Order),
    org: &OrgId,
    membership: Option<(&OrgId, &OrgId)>,
    today: Date,
) -> Option<Affected> {
    let attempt = known.current().filter(|attempt| attempt.position(org).is_ok())?;
    let request = attempt.request.body();
    let (phase, pack) = (phase(attempt, today)?, state.packs.get(&request.rule_pack)?);
    let pack = (&request.rule_pack, pack);
    let legs = request.route.legs().map(|(from, to)| leg(state, attempt, pack, (from, to), membership, today));
    let touched = |leg: &AffectedLeg| match membership {
        Some((member, of)) => {
            let parties = (&leg.today.from, &leg.today.to);
            !leg.rested_on.is_empty() || parties == (member, of) || parties == (of, member)
        }
        None => !leg.today.verdict.holds(),
    };
    let legs: Vec<AffectedLeg> = legs.filter(touched).collect();
    let (buyer, offering) = (request.buyer.clone(), request.offering);
    (!legs.is_empty()).then_some(Affected { order, buyer, offering, phase, legs })
}

/// None for what has ended: void, or past its term.
fn phase(attempt: &Attempt, today: Date) -> Option<OpenOrRunning> {
    if attempt.void.is_some() {
        return None;
    }
    let Some(seal) = &attempt.seal else { return Some(OpenOrRunning::Open) };
    let until = plus_years(seal.body().signed_at.date(), attempt.request.body().term_years);
    (today <= until).then_some(OpenOrRunning::Running { until })
}

fn leg(
    state: &State,
    attempt: &Attempt,
    pack: (&StatementId, &RulePack),
    (from, to): (&OrgId, &OrgId),
    membership: Option<(&OrgId, &OrgId)>,
    today: Date,
) -> AffectedLeg {
    let request = attempt.request.body();
    let judge = |as_of, known_on| request.court(&state.facts, pack, as_of, known_on, to).judge(from, to);
    let then = judge(request.as_of, request.signed_at.date());
    let signed = attempt.leg_findings().into_iter().filter(|finding| (&finding.from, &finding.to) == (from, to));
    let evidence = then.evidence().into_iter().chain(signed.flat_map(|finding| finding.evidence.iter().copied()));
    let is_about = |id: &StatementId| {
        let fact = state.facts.membership(id);
        fact.is_some_and(|fact| membership.is_none_or(|parties| parties == (&fact.member, &fact.of)))
    };
    let rested_on = evidence.filter(is_about).collect();
    AffectedLeg { today: judge(today, today), rested_on }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::Membership;
    use crate::domain::law::Verdict;
    use crate::domain::law::tests::{day, org};
    use crate::domain::reason::Reason;
    use crate::domain::statement::{Kind, Signed};
    use crate::protocol::explain::fixture::{Town, by_rule};

    type Told = (OrderId, OpenOrRunning, Vec<(String, Verdict)>);

    fn told(town: &Town, membership: Option<(&str, &str)>) -> Vec<Told> {
        let named = membership.map(|(member, of)| (org(member), org(of)));
        let named = named.as_ref().map(|(member, of)| (member, of));
        let found = affected(town.node.state(), &org("town"), named, town.now.date());
        let legs = |touched: &Affected| {
            let legs = touched.legs.iter();
            legs.map(|leg| (format!("{} {}", leg.today.from, leg.today.to), leg.today.verdict)).collect()
        };
        found.iter().map(|touched| (touched.order, touched.phase, legs(touched))).collect()
    }

    #[test]
    fn an_ended_membership_lists_the_open_order_and_the_running_contract() {
        let mut town = Town::new(by_rule());
        let (open, sealed) = (town.order("r1", |_| ()), town.order("r2", |_| ()));
        town.seal(sealed).expect("sealable");
        assert_eq!(told(&town, None), [], "every leg holds");
        let facts = &town.node.state().facts;
        let (id, known) = facts.memberships().find(|(_, fact)| fact.of == org("provider")).expect("one");
        let mut ended = known.clone();
        (ended.corrects, ended.valid_to) = (Some(*id), Some(day("2026-11-22")));
        town.publish(&Signed::sign(&Kind::Membership, &ended, &[&Town::statement_key("provider")])).expect("good");

        let legs = vec![("kitu provider".to_owned(), Verdict::NotProven)];
        let running = OpenOrRunning::Running { until: day("2028-11-23") };
        let mut expected = [(open, OpenOrRunning::Open, legs.clone()), (sealed, running, legs)];
        expected.sort_by_key(|(order, ..)| *order);
        assert_eq!(told(&town, Some(("kitu", "provider"))), expected);
        assert_eq!(told(&town, None), expected, "without a membership, what does not hold today");
        let other: Vec<_> = told(&town, Some(("town", "kitu"))).into_iter().map(|(order, ..)| order).collect();
        assert_eq!(other.len(), 2, "both orders rest on the town's own membership, which still holds");
        assert_eq!(told(&town, Some(("stranger", "kitu"))), []);
        town.now = town.now.plus_ms(3 * 366 * 24 * 60 * 60 * 1000);
        assert!(told(&town, None).iter().all(|(order, ..)| *order == open), "the contract is past its term");
        assert_eq!(affected(town.node.state(), &org("stranger"), None, town.now.date()), [], "not a party");
    }

    fn facts_of(town: &Town, of: &str) -> (StatementId, Membership) {
        let found = town.node.state().facts.memberships().find(|(_, fact)| fact.of == org(of));
        found.map(|(id, fact)| (*id, fact.clone())).expect("one")
    }

    fn size(town: &Town) -> u64 {
        town.node.state().logs[&town.node.settings().origin].tree.size()
    }

    #[test]
    fn a_contradiction_is_refused_at_the_door_and_disturbs_nothing() {
        let mut town = Town::new(by_rule());
        let (_, mut again) = facts_of(&town, "provider");
        again.valid_from = day("2020-01-01");
        let before = size(&town);
        let by_provider = Signed::sign(&Kind::Membership, &again, &[&Town::statement_key("provider")]);
        let refusal = town.publish(&by_provider).expect_err("contradicts");
        assert_eq!(refusal.reason, Reason::IntervalsContradict);
        // Only the body that keeps the register can know who belongs to it.
        let by_member = Signed::sign(&Kind::Membership, &again, &[&Town::statement_key("kitu")]);
        assert_eq!(town.publish(&by_member).expect_err("cannot know").reason, Reason::SignerWrong);
        // A correction names an earlier fact of the same signer; any other would change nothing, unnoticed.
        let (of_kitu, _) = facts_of(&town, "kitu");
        for (corrects, refused) in [(of_kitu, Reason::FieldInvalid), (StatementId([9; 32]), Reason::StatementUnknown)]
        {
            again.corrects = Some(corrects);
            let signed = Signed::sign(&Kind::Membership, &again, &[&Town::statement_key("provider")]);
            assert_eq!(town.publish(&signed).expect_err("corrects nothing").reason, refused);
        }
        assert_eq!(size(&town), before);
        assert_eq!(told(&town, None), []);
    }
}
