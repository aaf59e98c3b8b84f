//! The conditions, one function each: what it asks of which facts, and how it concludes from several answers.
use std::collections::BTreeSet;

use crate::domain::fact_base::CONTROL_DEPTH_MAX;
use crate::domain::facts::{
    ActivityBasis, BasisPoints, Cooperation, EntityFacts, Membership, PrivateCapital, Relation, Sector,
};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::cases::Court;
use crate::domain::law::{Clash, Condition, Finding, Note, Verdict};
use crate::domain::time::Date;

/// How many years section 108 (7) GWB averages.
const YEARS_MEASURED: i16 = 3;

/// How many years before the year of the award the last year measured may lie where the rule pack does not say.
const ACTIVITY_AGE_MAX: i16 = 2;

/// What one fact answers to one question; *not proven* if it speaks of it and settles nothing.
struct Answer {
    id: StatementId,
    in_force: bool,
    valid_from: Date,
    valid_to: Option<Date>,
    known_from: Date,
    assumed: bool,
    verdict: Verdict,
    note: Note,
}

/// About the rules and the parties.
impl Court<'_> {
    pub(super) fn rule_pack_in_force(&self) -> Option<Finding> {
        let pack = self.pack.1;
        let (from, to) = (pack.valid_from, pack.valid_to);
        let note = if self.as_of < from {
            Note::Missing { last_day: None, first_day: Some(from) }
        } else if to.is_some_and(|end| end < self.as_of) {
            Note::Missing { last_day: to, first_day: None }
        } else {
            return None;
        };
        Some(Finding {
            condition: Condition::RulePackInForce,
            verdict: Verdict::NotProven,
            org: pack.name.clone(),
            of: None,
            as_of: self.as_of,
            evidence: BTreeSet::new(),
            assumed: false,
            note,
        })
    }

    /// Section 99 Nr. 1 to 3, or paragraph 8: a public utility or a grantor of concessions is treated like one.
    pub(super) fn contracting_authority(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::ContractingAuthority, org, |fact| {
            match (fact.contracting_authority, fact.sector) {
                (Some(1..=3), _) => Some((Verdict::Fulfilled, Note::Plain)),
                (_, Some(Sector::PublicUtility | Sector::ConcessionGrantor)) => {
                    Some((Verdict::Fulfilled, Note::Accordingly))
                }
                (Some(_), _) | (None, Some(Sector::PrivateUtility)) => Some((Verdict::NotFulfilled, Note::Plain)),
                (None, None) => None,
            }
        })
    }

    pub(super) fn inverse_joint_admitted(&self, from: &OrgId, to: &OrgId) -> Finding {
        self.doctrine(Condition::InverseJointAdmitted, from, to, self.pack.1.inverse_joint)
    }

    /// A condition the rules themselves answer, without a fact.
    pub(super) fn doctrine(&self, condition: Condition, from: &OrgId, to: &OrgId, yes: bool) -> Finding {
        Finding {
            condition,
            verdict: said(yes),
            org: from.clone(),
            of: Some(to.clone()),
            as_of: self.as_of,
            evidence: BTreeSet::new(),
            assumed: false,
            note: Note::Plain,
        }
    }
}

/// About control (paragraphs 1, 2, 4 and 5).
impl Court<'_> {
    /// Of the memberships in force, the one known last says whether the member is alone.
    pub(super) fn sole_control(&self, mother: &OrgId, daughter: &OrgId) -> Finding {
        let finding =
            self.about_control(Condition::SoleControl, mother, daughter, |fact| Some((said(fact.sole), Note::Plain)));
        if finding.verdict != Verdict::Fulfilled {
            return finding;
        }
        let clash = self.beside(mother, daughter).map(|id| (id, Clash::Sole));
        match clash.or_else(|| self.controlled_from_below(mother, daughter).map(|id| (id, Clash::Cycle))) {
            Some((id, clash)) => contradicted(finding, [id], clash),
            None => finding,
        }
    }

    /// Another whose membership in force makes "alone" impossible.
    fn beside(&self, mother: &OrgId, daughter: &OrgId) -> Option<StatementId> {
        let (facts, daughter) = (self.facts, self.facts.number(daughter)?);
        let others = facts.members(daughter).filter(|other| facts.name(*other) != mother);
        let in_force = |fact: &Membership| fact.relation.can_control() && fact.holds(self.as_of, self.known_on);
        let beside = others.flat_map(|other| facts.between(other, daughter, self.known_on));
        beside.filter(|(_, fact)| in_force(fact)).map(|(id, _)| *id).min()
    }

    /// A holding in force by which the daughter controls whoever controls the mother, or the mother herself.
    fn controlled_from_below(&self, mother: &OrgId, daughter: &OrgId) -> Option<StatementId> {
        let facts = self.facts;
        let (mother, daughter) = facts.number(mother).zip(facts.number(daughter))?;
        let mut above = BTreeSet::from([mother]);
        for _ in 0..CONTROL_DEPTH_MAX {
            let holds = |owner: u32, of: u32| {
                let mut known = facts.between(owner, of, self.known_on);
                known.find(|(_, fact)| fact.sole && fact.holds(self.as_of, self.known_on)).map(|(id, _)| *id)
            };
            let circle = above.iter().filter_map(|at| holds(daughter, *at)).min();
            if circle.is_some() {
                return circle;
            }
            let higher = above.iter().flat_map(|at| {
                facts.sole_mothers(*at).filter(|owner| holds(*owner, *at).is_some()).collect::<Vec<_>>()
            });
            let higher: BTreeSet<u32> = higher.filter(|owner| !above.contains(owner)).collect();
            if higher.is_empty() {
                return None;
            }
            above.extend(higher);
        }
        None
    }

    pub(super) fn membership(&self, member: &OrgId, of: &OrgId) -> Finding {
        let finding = self.about_control(Condition::Membership, member, of, |fact| {
            (!fact.sole).then_some((Verdict::Fulfilled, Note::Plain))
        });
        let body = self.facts.number(of).filter(|_| finding.verdict == Verdict::Fulfilled);
        let beyond = body.map(|of| self.facts.shares_beyond_whole(of, self.as_of, self.known_on)).unwrap_or_default();
        if beyond.is_empty() { finding } else { contradicted(finding, beyond, Clash::Shares) }
    }

    /// Reported only where a share of nothing is known: then there is no joint control (EuGH C-183/11, Econord).
    pub(super) fn no_stake(&self, member: &OrgId, of: &OrgId) -> Option<Finding> {
        Some(self.about_control(Condition::Stake, member, of, |fact| fact.share.map(some)))
            .filter(|finding| finding.verdict == Verdict::NotFulfilled)
    }

    /// Reported only where a vote of nothing is known.
    pub(super) fn no_vote(&self, member: &OrgId, of: &OrgId) -> Option<Finding> {
        Some(self.about_control(Condition::Vote, member, of, |fact| fact.votes.map(some)))
            .filter(|finding| finding.verdict == Verdict::NotFulfilled)
    }

    pub(super) fn seat(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_control(Condition::Seat, member, of, |fact| fact.seat.map(plain))
    }

    pub(super) fn joint_influence(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::JointInfluence, org, |fact| fact.joint_influence.map(plain))
    }

    pub(super) fn no_contrary_interests(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::NoContraryInterests, org, |fact| {
            fact.contrary_interests.map(|contrary| plain(!contrary))
        })
    }
}

/// About activity and capital (paragraphs 1, 4 and 7).
impl Court<'_> {
    /// Strictly more than the threshold: exactly 80 per cent fails.
    pub(super) fn activity_share(&self, org: &OrgId) -> Finding {
        let above = self.pack.1.activity_above;
        self.about_entity(Condition::ActivityShare, org, |fact| {
            let share = fact.activity_share?;
            Some(match (fact.activity_basis, self.unmeasured(fact)) {
                (Some(ActivityBasis::Projection), _) if self.may_project(fact) => {
                    (said(share > above), Note::Projection { share, above })
                }
                (Some(ActivityBasis::Projection), _) => (Verdict::NotProven, Note::ProjectionOnly),
                (_, Some(unmeasured)) => (Verdict::NotProven, unmeasured),
                (_, None) => (said(share > above), Note::Share { share, above }),
            })
        })
    }

    /// The average is that of the three years before the award; accounts of the last may still be open.
    fn unmeasured(&self, fact: &EntityFacts) -> Option<Note> {
        let last = fact.activity_years.last().copied().filter(|_| fact.activity_basis.is_some());
        let three = fact.activity_years.len() == YEARS_MEASURED as usize;
        let age_max = self.pack.1.activity_age_max.unwrap_or(ACTIVITY_AGE_MAX);
        let in_time = |last: i16| (1..=age_max).contains(&self.as_of.year().saturating_sub(last));
        if three && last.is_some_and(in_time) { None } else { Some(Note::Unmeasured { last }) }
    }

    /// A projection will do while three full years since the foundation or reorganisation are missing.
    fn may_project(&self, fact: &EntityFacts) -> bool {
        let three_years = Date::new(self.as_of.year().saturating_sub(YEARS_MEASURED), 1, 1);
        fact.reorganised_on.zip(three_years.ok()).is_some_and(|(since, begin)| begin < since && since <= self.as_of)
    }

    /// Any share above nothing counts, save what the law prescribes.
    pub(super) fn no_private_capital(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::NoPrivateCapital, org, |fact| {
            let share = fact.private_share.filter(|share| *share > BasisPoints::NONE);
            let note = share.map_or(Note::Plain, Note::Private);
            match (fact.private_capital, fact.private_share) {
                (Some(PrivateCapital::PrescribedByLaw | PrivateCapital::None), _) => Some(plain(true)),
                (Some(PrivateCapital::Present), _) => Some((Verdict::NotFulfilled, note)),
                (None, Some(found)) => Some((said(found == BasisPoints::NONE), note)),
                (None, None) => None,
            }
        })
    }
}

/// About cooperation (paragraph 6), central purchasing (section 120 (4)) and contracts awarded otherwise.
impl Court<'_> {
    pub(super) fn cooperation(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_relation(Condition::Cooperation, member, of, is_cooperation, |_| Some(plain(true)))
    }

    pub(super) fn common_goals(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_cooperation(Condition::CommonGoals, member, of, |terms| terms.common_goals.map(plain))
    }

    pub(super) fn public_interest(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_cooperation(Condition::PublicInterest, member, of, |terms| terms.public_interest.map(plain))
    }

    /// Strictly less than the threshold: exactly 20 per cent fails. A pack without one does not ask.
    pub(super) fn market_share(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_cooperation(Condition::MarketShare, member, of, |terms| {
            let (share, below) = terms.market_share.zip(self.pack.1.market_below)?;
            Some((said(share < below), Note::Market { share, below }))
        })
    }

    pub(super) fn central_purchasing_body(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::CentralPurchasingBody, org, |fact| fact.central_purchasing.map(plain))
    }

    pub(super) fn contract(&self, member: &OrgId, of: &OrgId, relation: Relation) -> Finding {
        let kind = |fact: &Membership| fact.relation == relation;
        self.about_relation(Condition::Contract, member, of, kind, |_| Some(plain(true)))
    }

    pub(super) fn procedure(&self, member: &OrgId, of: &OrgId, relation: Relation) -> Finding {
        let kind = |fact: &Membership| fact.relation == relation;
        self.about_relation(Condition::Procedure, member, of, kind, |fact| {
            fact.procedure.as_ref().map(|_| plain(true))
        })
    }

    fn about_cooperation(
        &self,
        condition: Condition,
        member: &OrgId,
        of: &OrgId,
        answer: impl Fn(&Cooperation) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let terms = |fact: &Membership| fact.cooperation.as_ref().and_then(&answer);
        self.about_relation(condition, member, of, is_cooperation, terms)
    }
}

/// How facts are asked and answers weighed.
impl Court<'_> {
    /// Asks the facts about one organisation. A fact that is silent on the question does not count as an answer.
    fn about_entity(
        &self,
        condition: Condition,
        org: &OrgId,
        answer: impl Fn(&EntityFacts) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let answers = self.about(org).filter_map(|(id, fact)| {
            answer(fact).map(|(verdict, note)| Answer {
                id: *id,
                in_force: fact.holds(self.as_of, self.known_on),
                valid_from: fact.valid_from,
                valid_to: fact.valid_to,
                known_from: fact.known_from,
                assumed: fact.assumed,
                verdict,
                note,
            })
        });
        self.conclude(condition, org, None, answers.collect())
    }

    /// Asks the memberships of one organisation in another, those that can carry control.
    fn about_control(
        &self,
        condition: Condition,
        member: &OrgId,
        of: &OrgId,
        answer: impl Fn(&Membership) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let finding = self.about_relation(condition, member, of, |fact| fact.relation.can_control(), answer);
        match self.ended_by_later_word(member, of).filter(|_| finding.verdict == Verdict::Fulfilled) {
            Some(id) => contradicted(finding, [id], Clash::Intervals),
            None => finding,
        }
    }

    /// The membership known last, if it covered the same time as one still in force, and has ended.
    fn ended_by_later_word(&self, member: &OrgId, of: &OrgId) -> Option<StatementId> {
        let known = || self.between(member, of).filter(|(_, fact)| fact.relation.can_control());
        let (id, last) = known().max_by_key(|(id, fact)| (fact.known_from, **id))?;
        let ended = last.valid_to.is_some_and(|end| end < self.as_of);
        let open = |fact: &Membership| fact.holds(self.as_of, self.known_on) && fact.overlaps(last);
        (ended && known().any(|(_, fact)| open(fact))).then_some(*id)
    }

    fn about_relation(
        &self,
        condition: Condition,
        member: &OrgId,
        of: &OrgId,
        kind: impl Fn(&Membership) -> bool,
        answer: impl Fn(&Membership) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let facts = self.between(member, of).filter(|(_, fact)| kind(fact) && !fact.revoked);
        let answers = facts.filter_map(|(id, fact)| {
            answer(fact).map(|(verdict, note)| Answer {
                id: *id,
                in_force: fact.holds(self.as_of, self.known_on),
                valid_from: fact.valid_from,
                valid_to: fact.valid_to,
                known_from: fact.known_from,
                assumed: fact.assumed,
                verdict,
                note,
            })
        });
        self.conclude(condition, member, Some(of), answers.collect())
    }

    /// Of the answers in force that settle the question the one known last holds, then the greater id, so that every
    /// node concludes the same. Where none settles it, the one known last says why.
    fn conclude(&self, condition: Condition, org: &OrgId, of: Option<&OrgId>, answers: Vec<Answer>) -> Finding {
        let finding = |verdict, evidence, assumed, note| Finding {
            condition,
            verdict,
            org: org.clone(),
            of: of.cloned(),
            as_of: self.as_of,
            evidence,
            assumed,
            note,
        };
        let in_force = answers.iter().filter(|answer| answer.in_force);
        let settles = |answer: &Answer| answer.verdict != Verdict::NotProven;
        let latest = in_force.max_by_key(|answer| (settles(answer), answer.known_from, answer.id));
        if let Some(latest) = latest {
            return finding(latest.verdict, BTreeSet::from([latest.id]), latest.assumed, latest.note.clone());
        }
        let others = || answers.iter().filter(|answer| answer.verdict == Verdict::Fulfilled);
        let before = others()
            .filter_map(|answer| answer.valid_to.filter(|end| *end < self.as_of).map(|end| (end, answer)))
            .max_by_key(|(end, answer)| (*end, answer.id));
        let after = others()
            .filter(|answer| answer.valid_from > self.as_of)
            .min_by_key(|answer| (answer.valid_from, answer.id));
        let note = Note::Missing {
            last_day: before.as_ref().map(|(end, _)| *end),
            first_day: after.map(|answer| answer.valid_from),
        };
        let cited: Vec<&Answer> = before.map(|(_, answer)| answer).into_iter().chain(after).collect();
        let evidence = cited.iter().map(|answer| answer.id).collect();
        finding(Verdict::NotProven, evidence, cited.iter().any(|answer| answer.assumed), note)
    }
}

/// The finding, not proven because those statements contradict it.
fn contradicted(finding: Finding, by: impl IntoIterator<Item = StatementId>, clash: Clash) -> Finding {
    let evidence = finding.evidence.iter().copied().chain(by).collect();
    Finding { verdict: Verdict::NotProven, evidence, note: Note::Contradiction(clash), ..finding }
}

fn is_cooperation(fact: &Membership) -> bool {
    fact.relation == Relation::CooperationContract
}

fn said(yes: bool) -> Verdict {
    if yes { Verdict::Fulfilled } else { Verdict::NotFulfilled }
}

fn plain(yes: bool) -> (Verdict, Note) {
    (said(yes), Note::Plain)
}

fn some(share: BasisPoints) -> (Verdict, Note) {
    plain(share > BasisPoints::NONE)
}
