//! The cases: which conditions each paragraph asks of whom, and which case of several carries a leg.
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::fact_base::FactBase;
use crate::domain::facts::{EntityFacts, Membership, Relation};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::{Award, Basis, Condition, Finding, LegJudgement, Note, Verdict};
use crate::domain::rule_pack::{RulePack, Switch};
use crate::domain::time::Date;

/// Everything a leg needs to be judged: facts, rules, the day of the award, and up to when facts are known. Facts that
/// became known later are not seen, so a judgement cannot even hint at them.
#[derive(Clone, Copy)]
pub struct Court<'f> {
    /// The facts.
    pub facts: &'f FactBase,
    /// The rules.
    pub pack: (&'f StatementId, &'f RulePack),
    /// Day of the award.
    pub as_of: Date,
    /// Facts known up to this day are used.
    pub known_on: Date,
    /// Day on which the procedure began, for which the rules must be meant.
    pub began: Date,
    /// What kind of contract is awarded.
    pub award: Award,
    /// Whether the leg is the last of its route: who receives the contract provides itself.
    pub is_last: bool,
    /// Whether a contract in force is changed: section 132 lets some changes pass that could not be awarded anew.
    pub is_change: bool,
}

impl<'f> Court<'f> {
    /// A court for a public contract whose procedure began on the day of the award, of a leg somewhere on a route.
    pub fn on(facts: &'f FactBase, pack: (&'f StatementId, &'f RulePack), as_of: Date, known_on: Date) -> Self {
        Self { facts, pack, as_of, known_on, began: as_of, award: Award::General, is_last: false, is_change: false }
    }

    /// Judges one leg under the best of the cases that the relations between the two make applicable.
    pub fn judge(&self, from: &OrgId, to: &OrgId) -> LegJudgement {
        self.judge_related(from, to).unwrap_or_else(|| self.judge_unrelated(from, to))
    }
}

/// Judges one leg under the best of the cases that the relations between the two make applicable.
pub fn judge_leg(
    facts: &FactBase,
    pack: (&StatementId, &RulePack),
    from: &OrgId,
    to: &OrgId,
    as_of: Date,
    known_on: Date,
) -> LegJudgement {
    Court::on(facts, pack, as_of, known_on).judge(from, to)
}

/// Judges one leg under every case that applies, the best first; for an officer who asks why, and what else there is.
pub fn judge_cases(court: &Court<'_>, from: &OrgId, to: &OrgId) -> Vec<LegJudgement> {
    let judged = court.judge_all(from, to);
    if judged.is_empty() { vec![court.judge_unrelated(from, to)] } else { judged }
}

/// A chain of sole control, the one controlled last; the mother at its top is its first.
pub(super) type Chain<'f> = Vec<&'f OrgId>;

/// A chain with joint links.
pub(super) struct Mixed<'f> {
    /// The one controlled last, who controls first; at least three.
    pub(super) chain: Chain<'f>,
    /// Which links are joint, in order.
    pub(super) joint: Vec<bool>,
}

impl Mixed<'_> {
    /// How many links are joint: one or two.
    pub(super) fn joint_links(&self) -> usize {
        self.joint.iter().filter(|joint| **joint).count()
    }
}

/// A case that applies, with what it asks.
type Case = (Basis, Vec<Finding>);

impl<'f> Court<'f> {
    /// Judges one leg under the best case that the relations known make applicable, in force or not; none if none is.
    pub fn judge_related(&self, from: &OrgId, to: &OrgId) -> Option<LegJudgement> {
        self.judged(from, to).min_by(rank)
    }

    /// Judges one leg under every case that applies, the best first.
    pub fn judge_all(&self, from: &OrgId, to: &OrgId) -> Vec<LegJudgement> {
        let mut judged: Vec<LegJudgement> = self.judged(from, to).collect();
        judged.sort_by(rank);
        judged
    }

    fn judged(&self, from: &OrgId, to: &OrgId) -> impl Iterator<Item = LegJudgement> {
        self.cases(from, to).into_iter().map(|(basis, mut findings)| {
            findings.extend(self.rule_pack_in_force());
            self.judgement(from, to, Some(basis), findings)
        })
    }

    /// No case fits. A relation without control and sisters of different mothers are a plain no; anything else may
    /// be a fact not published yet.
    pub fn judge_unrelated(&self, from: &OrgId, to: &OrgId) -> LegJudgement {
        if let Some(different) = self.different_mothers(from, to) {
            return self.judgement(from, to, Some(Basis::Sister), vec![different]);
        }
        let without_control = self
            .between(from, to)
            .chain(self.between(to, from))
            .filter(|(_, fact)| fact.holds(self.as_of, self.known_on) && !fact.relation.can_control())
            .max_by_key(|(id, fact)| (fact.known_from, **id));
        let finding = match without_control {
            Some((id, fact)) => Finding {
                evidence: BTreeSet::from([*id]),
                assumed: fact.assumed,
                note: Note::Relation(fact.relation),
                ..self.doctrine(Condition::ControllingRelation, from, to, false)
            },
            None => self.membership(from, to),
        };
        self.judgement(from, to, None, vec![finding])
    }

    /// What a cooperation of two would have to prove, whether there is one or not.
    pub fn judge_cooperation(&self, from: &OrgId, to: &OrgId) -> LegJudgement {
        self.judgement(from, to, Some(Basis::Horizontal), self.horizontal(from, to))
    }

    fn judgement(&self, from: &OrgId, to: &OrgId, basis: Option<Basis>, findings: Vec<Finding>) -> LegJudgement {
        LegJudgement {
            from: from.clone(),
            to: to.clone(),
            verdict: Verdict::of_all(findings.iter().map(|finding| finding.verdict)),
            basis,
            paragraph: basis.map_or(String::new(), |basis| self.cite(basis.provision()).to_owned()),
            findings,
            as_of: self.as_of,
            known_on: self.known_on,
            rule_pack: *self.pack.0,
        }
    }

    fn cases(&self, from: &OrgId, to: &OrgId) -> Vec<Case> {
        let mut cases = Vec::new();
        if from == to {
            return cases;
        }
        let (above_from, above_to) = (self.chains_above(from), self.chains_above(to));
        for chain in above_to.iter().filter(|chain| chain[0] == from) {
            let basis = if chain.len() == 2 { Basis::Vertical } else { Basis::VerticalIndirect };
            cases.push((basis, self.vertical(from, chain, to)));
        }
        for chain in above_from.iter().filter(|chain| chain[0] == to) {
            let basis = if chain.len() == 2 { Basis::Inverse } else { Basis::InverseIndirect };
            cases.push((basis, self.inverse(from, chain, to)));
        }
        for one in &above_from {
            for other in above_to.iter().filter(|other| are_sisters(one, other)) {
                let basis = if one.len() + other.len() == 4 { Basis::Sister } else { Basis::SisterIndirect };
                cases.push((basis, self.sister(one, other)));
            }
        }
        if self.is_joint(from, to) {
            cases.push((Basis::Joint, self.joint(from, to)));
        }
        if self.is_joint(to, from) {
            cases.push((Basis::JointInverse, self.joint_inverse(from, to)));
        }
        self.cases_through_others(from, to, &mut cases);
        self.cases_without_control(from, to, &mut cases);
        cases
    }

    /// Joint control through another legal person, and bodies with one owner in common; where the pack knows them.
    fn cases_through_others(&self, from: &OrgId, to: &OrgId, cases: &mut Vec<Case>) {
        let (indirect, chained) = (self.stand(Switch::JointIndirect), self.stand(Switch::JointChained));
        let admits = |links: usize| if links == 1 { indirect.is_on() } else { chained.is_on() };
        if indirect.is_on() || chained.is_on() {
            for mixed in self.mixed_chains(from, to).iter().filter(|mixed| admits(mixed.joint_links())) {
                cases.push((Basis::JointIndirect, self.joint_indirect(from, mixed, to)));
            }
        }
        // Upwards over two joint links nobody is known to have read the law.
        if indirect.is_on() && self.stand(Switch::InverseJoint).is_on() {
            for mixed in self.mixed_chains(to, from).iter().filter(|mixed| mixed.joint_links() == 1) {
                cases.push((Basis::JointInverseIndirect, self.joint_inverse_indirect(from, mixed, to)));
            }
        }
        if self.stand(Switch::HalfSisters).is_on() {
            let alone = |mother, daughter| self.between(mother, daughter).any(|(_, fact)| fact.sole);
            let mothers = self.common_members(from, to).into_iter();
            // Whom one mother controls alone are sisters by the plain wording, which asks the same and is not contested.
            for mother in mothers.filter(|mother| !(alone(mother, from) && alone(mother, to))) {
                cases.push((Basis::SisterJoint, self.half_sister(mother, from, to)));
            }
        }
    }

    fn cases_without_control(&self, from: &OrgId, to: &OrgId, cases: &mut Vec<Case>) {
        let related = |member, of, relation| self.between(member, of).any(|(_, fact)| fact.relation == relation);
        if self.pack.1.market_below.is_some() {
            for (member, of) in [(from, to), (to, from)] {
                if related(member, of, Relation::CooperationContract) {
                    cases.push((Basis::Horizontal, self.horizontal(member, of)));
                }
            }
        }
        let central = self.stand(Switch::CentralPurchasing).is_on();
        if central && self.about(to).any(|(_, fact)| fact.central_purchasing == Some(true)) {
            cases.push((Basis::CentralPurchasing, self.central_purchasing(from, to)));
        }
        for (relation, basis) in
            [(Relation::FrameworkAgreement, Basis::CallOff), (Relation::TenderedContract, Basis::Tendered)]
        {
            if related(from, to, relation) {
                let findings = [
                    self.contract(from, to, relation),
                    self.procedure(from, to, relation),
                    self.scope(from, to, relation),
                ];
                cases.push((basis, findings.into()));
            }
        }
        let admitted = self.is_change && self.stand(Switch::ModificationAfterLoss).is_on();
        if admitted && related(from, to, Relation::RunningContract) {
            cases.push((Basis::Modification, self.modification(from, to)));
        }
    }

    /// Paragraph 1, and down a chain paragraph 2 sentence 2: control through another that is controlled the same way.
    fn vertical(&self, from: &OrgId, chain: &[&OrgId], to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![self.contracting_authority(from)];
        findings.extend(self.control_along(chain));
        findings.extend(self.entrusted(chain));
        findings.extend([self.activity_share(to), self.no_private_capital(to)]);
        findings
    }

    /// Paragraph 1 applies to the daughter that awards, and the mother that receives must be free of private capital.
    fn inverse(&self, from: &OrgId, chain: &[&OrgId], to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![self.contracting_authority(from), self.contracting_authority(to)];
        findings.extend(self.control_along(chain));
        findings.extend(self.entrusted(chain));
        findings.extend([self.activity_share(from), self.no_private_capital(from), self.no_private_in_recipient(to)]);
        findings
    }

    /// Paragraph 1 applies to both sisters.
    fn sister(&self, one: &[&OrgId], other: &[&OrgId]) -> Vec<Finding> {
        let mut findings = vec![self.contracting_authority(one[one.len() - 1]), self.contracting_authority(one[0])];
        for chain in [one, other] {
            let daughter = chain[chain.len() - 1];
            findings.extend(self.control_along(chain));
            findings.extend(self.entrusted(chain));
            findings.push(self.activity_share(daughter));
        }
        findings.push(self.no_private_capital(one[one.len() - 1]));
        findings.push(self.no_private_in_recipient(other[other.len() - 1]));
        findings
    }

    /// The same under a doctrine that admits a mother who controls with others.
    fn half_sister(&self, mother: &OrgId, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![
            self.admitted(Condition::HalfSistersAdmitted, from, to, Switch::HalfSisters),
            self.contracting_authority(from),
            self.contracting_authority(mother),
        ];
        for daughter in [from, to] {
            match self.between(mother, daughter).any(|(_, fact)| fact.sole) {
                true => findings.extend(self.control_along(&[mother, daughter])),
                false => findings.extend(self.joint_control(mother, daughter)),
            }
            findings.extend(self.entrustment(mother, daughter));
            findings.push(self.activity_share(daughter));
        }
        findings.extend([self.no_private_capital(from), self.no_private_in_recipient(to)]);
        findings
    }

    fn joint(&self, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![self.contracting_authority(from)];
        findings.extend(self.joint_control(from, to));
        findings.extend(self.entrustment(from, to));
        findings.extend([self.activity_share(to), self.no_private_capital(to)]);
        findings
    }

    /// Paragraph 4 applies to the body that awards, and the member that receives must be free of private capital.
    fn joint_inverse(&self, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![
            self.admitted(Condition::InverseJointAdmitted, from, to, Switch::InverseJoint),
            self.contracting_authority(from),
            self.contracting_authority(to),
        ];
        findings.extend(self.joint_control(to, from));
        findings.extend(self.entrustment(to, from));
        findings.extend([self.activity_share(from), self.no_private_capital(from), self.no_private_in_recipient(to)]);
        findings
    }

    /// Paragraph 4 with paragraph 2 sentence 2: joint control exercised through another.
    fn joint_indirect(&self, from: &OrgId, mixed: &Mixed<'_>, to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![self.chain_admitted(mixed, from, to), self.contracting_authority(from)];
        findings.extend(self.control_down(mixed));
        findings.extend([self.activity_share(to), self.no_private_capital(to)]);
        findings
    }

    /// The same upwards: the body that awards is controlled so, and who receives must be free of private capital.
    fn joint_inverse_indirect(&self, from: &OrgId, mixed: &Mixed<'_>, to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![
            self.chain_admitted(mixed, from, to),
            self.admitted(Condition::InverseJointAdmitted, from, to, Switch::InverseJoint),
            self.contracting_authority(from),
            self.contracting_authority(to),
        ];
        findings.extend(self.control_down(mixed));
        findings.extend([self.activity_share(from), self.no_private_capital(from), self.no_private_in_recipient(to)]);
        findings
    }

    fn chain_admitted(&self, mixed: &Mixed<'_>, from: &OrgId, to: &OrgId) -> Finding {
        match mixed.joint_links() {
            1 => self.admitted(Condition::JointIndirectAdmitted, from, to, Switch::JointIndirect),
            _ => self.admitted(Condition::JointChainedAdmitted, from, to, Switch::JointChained),
        }
    }

    /// Paragraph 6; whoever awards, both parties must be authorities, or of public law where the pack lets those take part.
    fn horizontal(&self, member: &OrgId, of: &OrgId) -> Vec<Finding> {
        let mut findings = vec![
            self.authority_or_public_purpose(member),
            self.authority_or_public_purpose(of),
            self.cooperation(member, of),
        ];
        findings.extend(self.cooperation_agreement(member, of));
        findings.extend([
            self.scope(member, of, Relation::CooperationContract),
            self.common_goals(member, of),
            self.public_interest(member, of),
            self.market_share(member, of),
        ]);
        findings.extend(self.no_private_advantage(member, of));
        findings
    }

    fn central_purchasing(&self, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        let mut findings =
            vec![self.contracting_authority(from), self.contracting_authority(to), self.central_purchasing_body(to)];
        findings.extend(self.purchases_from_others(to, from));
        findings
    }

    /// Every link of control alone; of those in between that no private capital is in them.
    fn control_along(&self, chain: &[&OrgId]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for pair in chain.windows(2) {
            findings.push(self.sole_control(pair[0], pair[1]));
            findings.extend(self.decisive_influence(pair[0], pair[1]));
        }
        let between = chain.get(1..chain.len() - 1).unwrap_or_default();
        findings.extend(between.iter().map(|org| self.no_private_between(org)));
        findings
    }

    /// The entrustment of the one at the end of a chain, by whoever controls it directly.
    fn entrusted(&self, chain: &[&OrgId]) -> Option<Finding> {
        let last = chain.windows(2).last()?;
        self.entrustment(last[0], last[1])
    }

    /// Every link of a chain, of those in between that no private capital is in them, and the entrustment at its end.
    fn control_down(&self, mixed: &Mixed<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (pair, joint) in mixed.chain.windows(2).zip(&mixed.joint) {
            match joint {
                true => findings.extend(self.joint_control(pair[0], pair[1])),
                false => {
                    findings.push(self.sole_control(pair[0], pair[1]));
                    findings.extend(self.decisive_influence(pair[0], pair[1]));
                }
            }
        }
        let between = mixed.chain.get(1..mixed.chain.len() - 1).unwrap_or_default();
        findings.extend(between.iter().map(|org| self.no_private_between(org)));
        findings.extend(self.entrusted(&mixed.chain));
        findings
    }

    fn joint_control(&self, member: &OrgId, of: &OrgId) -> Vec<Finding> {
        let mut findings = vec![self.membership(member, of)];
        findings.extend(self.no_stake(member, of));
        findings.extend(self.no_vote(member, of));
        findings.extend([self.seat(member, of), self.all_represented(of)]);
        findings.extend(self.controllers(member, of));
        findings.extend([self.joint_influence(of), self.no_contrary_interests(of)]);
        findings
    }

    /// The finding that both are controlled on the day, but not by one mother alone.
    fn different_mothers(&self, from: &OrgId, to: &OrgId) -> Option<Finding> {
        let (of_from, of_to) = (self.mothers_in_force(from), self.mothers_in_force(to));
        let in_common = of_from.keys().any(|mother| of_to.contains_key(mother));
        let alone =
            |mothers: &BTreeMap<&OrgId, (StatementId, &Membership)>| mothers.values().any(|(_, fact)| fact.sole);
        if from == to || !(in_common || alone(&of_from) && alone(&of_to)) {
            return None;
        }
        // A cooperative may have a hundred members: only those that bear on the matter are cited.
        let bears = |mother: &OrgId, fact: &Membership| match in_common {
            true => of_from.contains_key(mother) && of_to.contains_key(mother),
            false => fact.sole,
        };
        let cited = || {
            let mothers = of_from.iter().chain(&of_to);
            mothers.filter(|(mother, (_, fact))| bears(mother, fact)).map(|(_, cited)| cited)
        };
        Some(Finding {
            evidence: cited().map(|(id, _)| *id).collect(),
            assumed: cited().any(|(_, fact)| fact.assumed),
            ..self.doctrine(Condition::SameMother, from, to, false)
        })
    }

    /// Whether control beside others is known, in force or not.
    fn is_joint(&self, member: &OrgId, of: &OrgId) -> bool {
        self.between(member, of).any(|(_, fact)| fact.relation.can_control() && !fact.sole)
    }

    /// What is known of one belonging to another.
    pub(super) fn between(
        &self,
        member: &OrgId,
        of: &OrgId,
    ) -> impl Iterator<Item = (&'f StatementId, &'f Membership)> + use<'f> {
        let (facts, known_on) = (self.facts, self.known_on);
        let numbers = facts.number(member).zip(facts.number(of));
        numbers.into_iter().flat_map(move |(member, of)| facts.between(member, of, known_on))
    }

    /// What is known about an organisation.
    pub(super) fn about(&self, org: &OrgId) -> impl Iterator<Item = (&'f StatementId, &'f EntityFacts)> + use<'f> {
        let (facts, known_on) = (self.facts, self.known_on);
        facts.number(org).into_iter().flat_map(move |org| facts.about(org, known_on))
    }
}

/// Chains from one mother whose ways part at once: not mother and daughter, and no lower mother in common.
fn are_sisters(one: &[&OrgId], other: &[&OrgId]) -> bool {
    one[0] == other[0] && one[1..].iter().all(|org| !other.contains(org))
}

/// Proof before assumption, and few gaps before many; then the simpler case. Names decide last, so that the order in
/// which facts arrived never does.
fn rank(one: &LegJudgement, other: &LegJudgement) -> Ordering {
    let weight = |judged: &LegJudgement| {
        let gaps = match judged.verdict {
            Verdict::Fulfilled | Verdict::Contested => {
                let contested = judged.findings.iter().filter(|finding| finding.verdict == Verdict::Contested);
                2 * contested.count() + usize::from(judged.assumed())
            }
            Verdict::NotProven => judged.missing().len(),
            Verdict::NotFulfilled => 0,
        };
        (judged.verdict, gaps, judged.basis)
    };
    let about = |judged: &LegJudgement| -> Vec<(OrgId, Option<OrgId>)> {
        judged.findings.iter().map(|finding| (finding.org.clone(), finding.of.clone())).collect()
    };
    weight(one).cmp(&weight(other)).then_with(|| about(one).cmp(&about(other)))
}
