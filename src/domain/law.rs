//! Section 108 GWB, paragraphs 1 to 5, as a pure engine: one leg, one day, what was known on a day, one rule pack.
//!
//! It reports, it never decides: *fulfilled*, *not proven* or *not fulfilled*, and the fact behind each condition.
//! What is not known must never count as fulfilled. Paragraph 6 is not judged here: cooperation rests on contracts,
//! not on control.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::facts::{BasisPoints, EntityFacts, FactBase, Membership, PrivateCapital, Relation, RulePack};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::Lang;
use crate::domain::time::Date;

/// What the facts say about a condition, a leg or a route. The order is from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every condition is fulfilled by facts in force.
    Fulfilled,
    /// A fact is missing, expired or not yet in force.
    NotProven,
    /// A fact in force, or the rule pack, says no.
    NotFulfilled,
}

impl Verdict {
    /// The worst of them. None at all is *not proven*: nothing examined must never look like nothing wrong.
    pub fn of_all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().max().unwrap_or(Self::NotProven)
    }

    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Fulfilled, Lang::De) => "erfüllt",
            (Self::Fulfilled, Lang::En) => "fulfilled",
            (Self::NotProven, Lang::De) => "nicht belegt",
            (Self::NotProven, Lang::En) => "not proven",
            (Self::NotFulfilled, Lang::De) => "nicht erfüllt",
            (Self::NotFulfilled, Lang::En) => "not fulfilled",
        }
    }
}

/// The case of section 108 GWB a leg rests on, simplest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Mother to the daughter she controls alone.
    Vertical,
    /// Mother to a granddaughter, through a daughter.
    VerticalIndirect,
    /// Daughter to the mother that controls her alone.
    Inverse,
    /// Sister to sister, of the same mother.
    Sister,
    /// Member to the body it controls jointly with others.
    Joint,
    /// A jointly controlled body to one of those who control it.
    JointInverse,
}

impl Basis {
    /// The citation, the same in both languages.
    pub fn paragraph(self) -> &'static str {
        match self {
            Self::Vertical => "§ 108 Abs. 1 GWB",
            Self::VerticalIndirect => "§ 108 Abs. 1, 2 Satz 2 GWB",
            Self::Inverse => "§ 108 Abs. 3 Alt. 1 GWB",
            Self::Sister => "§ 108 Abs. 3 Alt. 2 GWB",
            Self::Joint => "§ 108 Abs. 4, 5 GWB",
            Self::JointInverse => "§ 108 Abs. 4 i. V. m. Abs. 3 GWB",
        }
    }
}

/// One condition of the statute, or of the doctrine in the rule pack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The rule pack is meant for awards on this day; reported only when it is not.
    RulePackInForce,
    /// Contracting authority under section 99 Nr. 1 to 3.
    ContractingAuthority,
    /// The relation can carry control at all; reported only when the one there is cannot.
    ControllingRelation,
    /// Controlled alone (paragraph 1 Nr. 1).
    SoleControl,
    /// Member, shareholder or owner beside others (paragraph 4 Nr. 1).
    Membership,
    /// Represented in the decision-making bodies (paragraph 5 Nr. 1).
    Seat,
    /// The owners together have decisive influence (paragraph 5 Nr. 2).
    JointInfluence,
    /// No interests contrary to the owners' (paragraph 5 Nr. 3).
    NoContraryInterests,
    /// More than the threshold of the activity is for those in control (paragraph 1 Nr. 2, paragraph 4 Nr. 2).
    ActivityShare,
    /// No direct private capital, save what the law prescribes (paragraph 1 Nr. 3, 3 sentence 2, 4 Nr. 3).
    NoPrivateCapital,
    /// Both have the same mother; reported only when they do not (OLG Naumburg, 7 Verg 1/22).
    SameMother,
    /// The rule pack admits awards of a jointly controlled body to one of those in control.
    InverseJointAdmitted,
}

/// What there is to say beside the verdict.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// Nothing.
    Plain,
    /// No fact in force on the day. Where the same is known of other days: the last before it, the first after it.
    Missing {
        /// Last day before for which it is known to hold.
        last_day: Option<Date>,
        /// First day after for which it is known to hold.
        first_day: Option<Date>,
    },
    /// The share found and the one it had to exceed.
    Share {
        /// Found.
        share: BasisPoints,
        /// To be exceeded.
        above: BasisPoints,
    },
    /// The relation found, which cannot carry control.
    Relation(Relation),
}

/// One condition examined.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Which condition.
    pub condition: Condition,
    /// What the facts say.
    pub verdict: Verdict,
    /// Whom the fact is about: the member, where it is about a membership. The pack's name for the rule pack.
    pub org: OrgId,
    /// The body on the other side, where the fact is about two organisations.
    pub of: Option<OrgId>,
    /// The day of the award.
    pub as_of: Date,
    /// The facts this rests on; when not proven, those that prove it for other days.
    pub evidence: BTreeSet<StatementId>,
    /// Whether one of them is an assumption.
    pub assumed: bool,
    /// Values behind the verdict.
    pub note: Note,
}

/// One leg judged: `from` awards to `to`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LegJudgement {
    /// Who awards.
    pub from: OrgId,
    /// Who receives the contract.
    pub to: OrgId,
    /// The result.
    pub verdict: Verdict,
    /// The case that fits best; none if nothing relates the two.
    pub basis: Option<Basis>,
    /// Every condition of that case.
    pub findings: Vec<Finding>,
    /// The day of the award.
    pub as_of: Date,
    /// Facts known up to this day were used.
    pub known_on: Date,
    /// The rules applied.
    pub rule_pack: StatementId,
}

impl LegJudgement {
    /// Whether a fulfilled verdict rests on an assumption.
    pub fn assumed(&self) -> bool {
        self.verdict == Verdict::Fulfilled && self.findings.iter().any(|finding| finding.assumed)
    }

    /// Every fact the judgement rests on.
    pub fn evidence(&self) -> BTreeSet<StatementId> {
        self.findings.iter().flat_map(|finding| &finding.evidence).copied().collect()
    }

    /// The conditions for which a fact is missing.
    pub fn missing(&self) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| finding.verdict == Verdict::NotProven).collect()
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
    KnownFacts::new(facts, known_on).judge_leg(pack, from, to, as_of)
}

/// The facts known on a day and not corrected by then, ready for many judgements. Facts that became known later are
/// not in it, so a judgement cannot even hint at them.
pub struct KnownFacts<'f> {
    known_on: Date,
    memberships: BTreeMap<(&'f OrgId, &'f OrgId), Vec<(&'f StatementId, &'f Membership)>>,
    /// Who can have control of whom, alone or beside others, in force or not; and who alone.
    any: Kinship<'f>,
    sole: Kinship<'f>,
    entities: BTreeMap<&'f OrgId, Vec<(&'f StatementId, &'f EntityFacts)>>,
}

impl<'f> KnownFacts<'f> {
    /// Chooses and sorts the facts.
    pub fn new(facts: &'f FactBase, known_on: Date) -> Self {
        let corrected = facts.corrected(known_on);
        let mut known = Self {
            known_on,
            memberships: BTreeMap::new(),
            any: Kinship::default(),
            sole: Kinship::default(),
            entities: BTreeMap::new(),
        };
        for (id, fact) in &facts.memberships {
            if fact.known_from > known_on || corrected.contains(id) {
                continue;
            }
            known.memberships.entry((&fact.member, &fact.of)).or_default().push((id, fact));
            if fact.relation.can_control() {
                known.any.insert(&fact.member, &fact.of);
                if fact.sole {
                    known.sole.insert(&fact.member, &fact.of);
                }
            }
        }
        for (id, fact) in &facts.entities {
            if fact.known_from <= known_on && !corrected.contains(id) {
                known.entities.entry(&fact.org).or_default().push((id, fact));
            }
        }
        known
    }

    /// Judges one leg; see [`judge_leg`].
    pub fn judge_leg(
        &self,
        (rule_pack, pack): (&StatementId, &RulePack),
        from: &OrgId,
        to: &OrgId,
        as_of: Date,
    ) -> LegJudgement {
        let court = Court { known: self, pack, as_of };
        let best = court
            .cases(from, to)
            .into_iter()
            .map(|(basis, mut findings)| {
                findings.extend(court.rule_pack_in_force());
                (Some(basis), Verdict::of_all(findings.iter().map(|finding| finding.verdict)), findings)
            })
            .min_by_key(|(basis, verdict, findings)| {
                let missing = findings.iter().filter(|finding| finding.verdict == Verdict::NotProven).count();
                let assumed = findings.iter().any(|finding| finding.assumed);
                match verdict {
                    // Proof before assumption, and few gaps before many; then the simpler case.
                    Verdict::Fulfilled => (*verdict, usize::from(assumed), *basis),
                    Verdict::NotProven => (*verdict, missing, *basis),
                    Verdict::NotFulfilled => (*verdict, 0, *basis),
                }
            });
        let (basis, verdict, findings) = best.unwrap_or_else(|| {
            let (basis, finding) = court.unrelated(from, to);
            (basis, finding.verdict, vec![finding])
        });
        LegJudgement {
            from: from.clone(),
            to: to.clone(),
            verdict,
            basis,
            findings,
            as_of,
            known_on: self.known_on,
            rule_pack: *rule_pack,
        }
    }

    /// The pairs (who awards, who receives) for which the relations known make some case applicable, whether in force
    /// or not: what a route search has to look at.
    pub fn pairs(&self, pack: &RulePack) -> BTreeSet<(&'f OrgId, &'f OrgId)> {
        let mut pairs = BTreeSet::new();
        for (&mother, daughters) in &self.any.daughters {
            pairs.extend(daughters.iter().flat_map(|&daughter| [(mother, daughter), (daughter, mother)]));
        }
        for (&mother, daughters) in &self.sole.daughters {
            let lowest = daughters.iter().flat_map(|&daughter| self.sole.daughters_of(daughter));
            pairs.extend(lowest.map(|&lowest| (mother, lowest)));
        }
        for sisters in self.sisters(pack).daughters.values() {
            for &one in sisters {
                pairs.extend(sisters.iter().map(|&other| (one, other)));
            }
        }
        pairs.retain(|(from, to)| from != to);
        pairs
    }

    fn between<'k>(
        &'k self,
        member: &'k OrgId,
        of: &'k OrgId,
    ) -> impl Iterator<Item = (&'k StatementId, &'k Membership)> {
        self.memberships.get(&(member, of)).into_iter().flatten().copied()
    }

    /// Whether control beside others is known, in force or not.
    fn joint(&self, member: &OrgId, of: &OrgId) -> bool {
        self.between(member, of).any(|(_, fact)| fact.relation.can_control() && !fact.sole)
    }

    /// What makes sisters: one mother alone over both; where the rule pack admits half-sisters, one beside others.
    fn sisters(&self, pack: &RulePack) -> &Kinship<'f> {
        if pack.half_sisters { &self.any } else { &self.sole }
    }
}

/// Who controls whom, seen from both sides.
#[derive(Default)]
struct Kinship<'f> {
    mothers: BTreeMap<&'f OrgId, BTreeSet<&'f OrgId>>,
    daughters: BTreeMap<&'f OrgId, BTreeSet<&'f OrgId>>,
    none: BTreeSet<&'f OrgId>,
}

impl<'f> Kinship<'f> {
    fn insert(&mut self, mother: &'f OrgId, daughter: &'f OrgId) {
        self.mothers.entry(daughter).or_default().insert(mother);
        self.daughters.entry(mother).or_default().insert(daughter);
    }

    fn contains(&self, mother: &OrgId, daughter: &OrgId) -> bool {
        self.mothers_of(daughter).contains(mother)
    }

    fn mothers_of(&self, daughter: &OrgId) -> &BTreeSet<&'f OrgId> {
        self.mothers.get(daughter).unwrap_or(&self.none)
    }

    fn daughters_of(&self, mother: &OrgId) -> &BTreeSet<&'f OrgId> {
        self.daughters.get(mother).unwrap_or(&self.none)
    }
}

/// What one fact answers to one question.
struct Answer {
    id: StatementId,
    in_force: bool,
    valid_from: Date,
    valid_to: Option<Date>,
    known_from: Date,
    assumed: bool,
    yes: bool,
    note: Note,
}

/// Everything a condition needs to be examined.
struct Court<'k, 'f> {
    known: &'k KnownFacts<'f>,
    pack: &'k RulePack,
    as_of: Date,
}

/// The cases: which conditions each paragraph asks of whom.
impl Court<'_, '_> {
    fn cases(&self, from: &OrgId, to: &OrgId) -> Vec<(Basis, Vec<Finding>)> {
        let known = self.known;
        let mut cases = Vec::new();
        if from == to {
            return cases;
        }
        if known.sole.contains(from, to) {
            cases.push((Basis::Vertical, self.vertical(from, to)));
        }
        for middle in known.sole.daughters_of(from).intersection(known.sole.mothers_of(to)) {
            cases.push((Basis::VerticalIndirect, self.vertical_indirect(from, middle, to)));
        }
        if known.sole.contains(to, from) {
            cases.push((Basis::Inverse, self.inverse(from, to)));
        }
        let sisters = known.sisters(self.pack);
        for mother in sisters.mothers_of(from).intersection(sisters.mothers_of(to)) {
            cases.push((Basis::Sister, self.sister(mother, from, to)));
        }
        if known.joint(from, to) {
            cases.push((Basis::Joint, self.joint(from, to)));
        }
        if known.joint(to, from) {
            cases.push((Basis::JointInverse, self.joint_inverse(from, to)));
        }
        cases
    }

    fn vertical(&self, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        vec![
            self.contracting_authority(from),
            self.sole_control(from, to),
            self.activity_share(to),
            self.no_private_capital(to),
        ]
    }

    fn vertical_indirect(&self, from: &OrgId, middle: &OrgId, to: &OrgId) -> Vec<Finding> {
        vec![
            self.contracting_authority(from),
            self.sole_control(from, middle),
            self.sole_control(middle, to),
            self.activity_share(to),
            self.no_private_capital(to),
        ]
    }

    /// Paragraph 1 applies to the daughter that awards, and the mother that receives must be free of private capital.
    fn inverse(&self, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        vec![
            self.contracting_authority(from),
            self.contracting_authority(to),
            self.sole_control(to, from),
            self.activity_share(from),
            self.no_private_capital(from),
            self.no_private_capital(to),
        ]
    }

    /// Paragraph 1 applies to both sisters.
    fn sister(&self, mother: &OrgId, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![self.contracting_authority(from), self.contracting_authority(mother)];
        for daughter in [from, to] {
            if self.known.sole.contains(mother, daughter) {
                findings.push(self.sole_control(mother, daughter));
            } else {
                findings.extend(self.joint_control(mother, daughter));
            }
            findings.push(self.activity_share(daughter));
            findings.push(self.no_private_capital(daughter));
        }
        findings
    }

    fn joint(&self, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![self.contracting_authority(from)];
        findings.extend(self.joint_control(from, to));
        findings.extend([self.activity_share(to), self.no_private_capital(to)]);
        findings
    }

    /// Paragraph 4 applies to the body that awards, and the member that receives must be free of private capital.
    fn joint_inverse(&self, from: &OrgId, to: &OrgId) -> Vec<Finding> {
        let mut findings = vec![
            self.inverse_joint_admitted(from, to),
            self.contracting_authority(from),
            self.contracting_authority(to),
        ];
        findings.extend(self.joint_control(to, from));
        findings.extend([self.activity_share(from), self.no_private_capital(from), self.no_private_capital(to)]);
        findings
    }

    fn joint_control(&self, member: &OrgId, of: &OrgId) -> [Finding; 4] {
        [self.membership(member, of), self.seat(member, of), self.joint_influence(of), self.no_contrary_interests(of)]
    }

    /// No case fits. A relation without control and sisters of different mothers are a plain no; anything else may
    /// be a fact not published yet.
    fn unrelated(&self, from: &OrgId, to: &OrgId) -> (Option<Basis>, Finding) {
        if let Some(different) = self.different_mothers(from, to) {
            return (Some(Basis::Sister), different);
        }
        let without_control = self
            .known
            .between(from, to)
            .chain(self.known.between(to, from))
            .filter(|(_, fact)| fact.holds(self.as_of, self.known.known_on) && !fact.relation.can_control())
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
        (None, finding)
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

    fn mothers_in_force<'a>(&'a self, daughter: &'a OrgId) -> BTreeMap<&'a OrgId, (StatementId, &'a Membership)> {
        let known = self.known;
        let facts = known.any.mothers_of(daughter).iter().flat_map(|mother| known.between(mother, daughter));
        facts
            .filter(|(_, fact)| fact.relation.can_control() && fact.holds(self.as_of, known.known_on))
            .map(|(id, fact)| (&fact.member, (*id, fact)))
            .collect()
    }
}

/// The conditions, one function each.
impl Court<'_, '_> {
    fn rule_pack_in_force(&self) -> Option<Finding> {
        let (from, to) = (self.pack.valid_from, self.pack.valid_to);
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
            org: self.pack.name.clone(),
            of: None,
            as_of: self.as_of,
            evidence: BTreeSet::new(),
            assumed: false,
            note,
        })
    }

    fn contracting_authority(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::ContractingAuthority, org, |fact| {
            fact.contracting_authority.map(|number| ((1..=3).contains(&number), Note::Plain))
        })
    }

    fn sole_control(&self, mother: &OrgId, daughter: &OrgId) -> Finding {
        self.about_membership(Condition::SoleControl, mother, daughter, |fact| fact.sole.then_some(true))
    }

    fn membership(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_membership(Condition::Membership, member, of, |fact| (!fact.sole).then_some(true))
    }

    fn seat(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_membership(Condition::Seat, member, of, |fact| fact.seat)
    }

    fn joint_influence(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::JointInfluence, org, |fact| fact.joint_influence.map(|yes| (yes, Note::Plain)))
    }

    fn no_contrary_interests(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::NoContraryInterests, org, |fact| {
            fact.contrary_interests.map(|contrary| (!contrary, Note::Plain))
        })
    }

    /// Strictly more than the threshold: exactly 80 per cent fails.
    fn activity_share(&self, org: &OrgId) -> Finding {
        let above = self.pack.activity_above;
        self.about_entity(Condition::ActivityShare, org, |fact| {
            fact.activity_share.map(|share| (share > above, Note::Share { share, above }))
        })
    }

    fn no_private_capital(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::NoPrivateCapital, org, |fact| {
            fact.private_capital.map(|capital| (capital != PrivateCapital::Present, Note::Plain))
        })
    }

    fn inverse_joint_admitted(&self, from: &OrgId, to: &OrgId) -> Finding {
        self.doctrine(Condition::InverseJointAdmitted, from, to, self.pack.inverse_joint)
    }

    /// A condition the rules themselves answer, without a fact.
    fn doctrine(&self, condition: Condition, from: &OrgId, to: &OrgId, yes: bool) -> Finding {
        Finding {
            condition,
            verdict: if yes { Verdict::Fulfilled } else { Verdict::NotFulfilled },
            org: from.clone(),
            of: Some(to.clone()),
            as_of: self.as_of,
            evidence: BTreeSet::new(),
            assumed: false,
            note: Note::Plain,
        }
    }

    /// Asks the facts about one organisation. A fact that is silent on the question does not count as an answer.
    fn about_entity(
        &self,
        condition: Condition,
        org: &OrgId,
        answer: impl Fn(&EntityFacts) -> Option<(bool, Note)>,
    ) -> Finding {
        let facts = self.known.entities.get(org).into_iter().flatten();
        let answers = facts.filter_map(|(id, fact)| {
            answer(fact).map(|(yes, note)| Answer {
                id: **id,
                in_force: fact.holds(self.as_of, self.known.known_on),
                valid_from: fact.valid_from,
                valid_to: fact.valid_to,
                known_from: fact.known_from,
                assumed: fact.assumed,
                yes,
                note,
            })
        });
        self.conclude(condition, org, None, answers.collect())
    }

    /// Asks the memberships of one organisation in another, those that can carry control.
    fn about_membership(
        &self,
        condition: Condition,
        member: &OrgId,
        of: &OrgId,
        answer: impl Fn(&Membership) -> Option<bool>,
    ) -> Finding {
        let facts = self.known.between(member, of).filter(|(_, fact)| fact.relation.can_control());
        let answers = facts.filter_map(|(id, fact)| {
            answer(fact).map(|yes| Answer {
                id: *id,
                in_force: fact.holds(self.as_of, self.known.known_on),
                valid_from: fact.valid_from,
                valid_to: fact.valid_to,
                known_from: fact.known_from,
                assumed: fact.assumed,
                yes,
                note: Note::Plain,
            })
        });
        self.conclude(condition, member, Some(of), answers.collect())
    }

    /// Of the answers in force the one known last holds, then the greater id, so that every node concludes the same.
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
        let latest =
            answers.iter().filter(|answer| answer.in_force).max_by_key(|answer| (answer.known_from, answer.id));
        if let Some(latest) = latest {
            let verdict = if latest.yes { Verdict::Fulfilled } else { Verdict::NotFulfilled };
            return finding(verdict, BTreeSet::from([latest.id]), latest.assumed, latest.note.clone());
        }
        let others = || answers.iter().filter(|answer| answer.yes);
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

impl Finding {
    /// The reason in one sentence.
    pub fn text(&self, lang: Lang) -> String {
        let (clause, day) = (self.clause(lang), self.as_of);
        let opening = match (lang, self.verdict, self.assumed) {
            (Lang::De, _, _) if self.condition == Condition::InverseJointAdmitted => {
                "Das Regelwerk sagt, dass".to_owned()
            }
            (Lang::En, _, _) if self.condition == Condition::InverseJointAdmitted => {
                "The rule pack says that".to_owned()
            }
            (Lang::De, Verdict::NotProven, _) => format!("Für den {} ist nicht belegt, dass", german(day)),
            (Lang::En, Verdict::NotProven, _) => format!("There is no evidence for {day} that"),
            (Lang::De, _, true) => "Angenommen ist, dass".to_owned(),
            (Lang::En, _, true) => "It is assumed that".to_owned(),
            (Lang::De, _, false) => "Belegt ist, dass".to_owned(),
            (Lang::En, _, false) => "There is evidence that".to_owned(),
        };
        format!("{opening} {clause}{}.", self.remark(lang))
    }

    /// What was asked, turned into its contrary when the answer is no.
    fn clause(&self, lang: Lang) -> String {
        let of = self.of.as_ref().map_or("", OrgId::as_str);
        match lang {
            Lang::De => self.clause_de(of),
            Lang::En => self.clause_en(of),
        }
    }

    fn clause_de(&self, of: &str) -> String {
        let (org, no) = (&self.org, self.verdict == Verdict::NotFulfilled);
        let nicht = if no { "nicht " } else { "" };
        match self.condition {
            Condition::RulePackInForce => format!("das Regelwerk {org} für Vergaben an diesem Tag {nicht}gilt"),
            Condition::ContractingAuthority => {
                format!(
                    "{org} {}öffentlicher Auftraggeber nach § 99 Nr. 1 bis 3 GWB ist",
                    if no { "kein " } else { "" }
                )
            }
            Condition::ControllingRelation => {
                format!("die Verbindung von {org} und {of} {}Kontrolle vermittelt", if no { "keine " } else { "" })
            }
            Condition::SoleControl => format!("{of} {nicht}von {org} allein kontrolliert wird"),
            Condition::Membership => format!("{org} {nicht}Mitglied, Gesellschafter oder Träger von {of} ist"),
            Condition::Seat => format!("{org} in den beschlussfassenden Organen von {of} {nicht}vertreten ist"),
            Condition::JointInfluence => format!(
                "die Träger von {org} {nicht}gemeinsam ausschlaggebenden Einfluss auf strategische Ziele und \
                 wesentliche Entscheidungen haben"
            ),
            Condition::NoContraryInterests => {
                format!(
                    "{org} {}Interessen verfolgt, die denen der Träger zuwiderlaufen",
                    if no { "" } else { "keine " }
                )
            }
            Condition::ActivityShare => {
                format!(
                    "{org} {nicht}den geforderten Anteil der Tätigkeiten für die ausführt, die {org} kontrollieren"
                )
            }
            Condition::NoPrivateCapital => {
                format!("an {org} {}Kapital direkt beteiligt ist", if no { "privates " } else { "kein privates " })
            }
            Condition::SameMother => format!("{org} und {of} {nicht}von derselben Mutter allein kontrolliert werden"),
            Condition::InverseJointAdmitted => {
                format!("Vergaben von {org} an das Mitglied {of} {nicht}zulässig sind")
            }
        }
    }

    fn clause_en(&self, of: &str) -> String {
        let (org, no) = (&self.org, self.verdict == Verdict::NotFulfilled);
        let not = if no { "not " } else { "" };
        match self.condition {
            Condition::RulePackInForce => format!("the rule pack {org} is {not}meant for awards on this day"),
            Condition::ContractingAuthority => {
                format!("{org} is {not}a contracting authority under section 99 Nr. 1 to 3 GWB")
            }
            Condition::ControllingRelation => {
                format!("the relation of {org} and {of} {} control", if no { "does not carry" } else { "carries" })
            }
            Condition::SoleControl => format!("{of} is {not}controlled by {org} alone"),
            Condition::Membership => format!("{org} is {not}a member, shareholder or owner of {of}"),
            Condition::Seat => format!("{org} is {not}represented in the decision-making bodies of {of}"),
            Condition::JointInfluence => format!(
                "the owners of {org} {}together have decisive influence on strategic objectives and significant \
                 decisions",
                if no { "do not " } else { "" }
            ),
            Condition::NoContraryInterests => {
                format!("{org} pursues {}interests contrary to those of its owners", if no { "" } else { "no " })
            }
            Condition::ActivityShare => format!(
                "{org} {} the share of its activities required for those who control it",
                if no { "does not perform" } else { "performs" }
            ),
            Condition::NoPrivateCapital => {
                format!("there is {}direct private capital in {org}", if no { "" } else { "no " })
            }
            Condition::SameMother => format!("{org} and {of} are {not}controlled alone by the same mother"),
            Condition::InverseJointAdmitted => format!("awards of {org} to its member {of} are {not}admissible"),
        }
    }

    fn remark(&self, lang: Lang) -> String {
        match (&self.note, lang) {
            (Note::Missing { last_day, first_day }, _) => self.other_days(*last_day, *first_day, lang),
            (Note::Share { share, above }, Lang::De) => {
                format!(" ({}; gefordert sind mehr als {})", percent(*share, ','), percent(*above, ','))
            }
            (Note::Share { share, above }, Lang::En) => {
                format!(" ({}; more than {} is required)", percent(*share, '.'), percent(*above, '.'))
            }
            (Note::Relation(Relation::AssociationMember), Lang::De) => " (Mitgliedschaft in einem Verein)".to_owned(),
            (Note::Relation(Relation::AssociationMember), Lang::En) => " (membership in an association)".to_owned(),
            (Note::Relation(_), Lang::De) => " (Kooperationsvertrag)".to_owned(),
            (Note::Relation(_), Lang::En) => " (cooperation contract)".to_owned(),
            (Note::Plain, _) if self.condition == Condition::SameMother => " (OLG Naumburg, 7 Verg 1/22)".to_owned(),
            (Note::Plain, _) => String::new(),
        }
    }

    fn other_days(&self, last: Option<Date>, first: Option<Date>, lang: Lang) -> String {
        let proven = match (lang, self.assumed) {
            (Lang::De, true) => "; angenommen ist es",
            (Lang::De, false) => "; belegt ist es",
            (Lang::En, true) => "; it is assumed",
            (Lang::En, false) => "; there is",
        };
        match (last, first, lang) {
            (Some(last), Some(first), Lang::De) => {
                format!("{proven} nur bis {} und wieder ab {}", german(last), german(first))
            }
            (Some(last), Some(first), Lang::En) => format!("{proven} only until {last} and again from {first}"),
            (Some(last), None, Lang::De) => format!("{proven} nur bis {}", german(last)),
            (Some(last), None, Lang::En) => format!("{proven} only until {last}"),
            (None, Some(first), Lang::De) => format!("{proven} erst ab {}", german(first)),
            (None, Some(first), Lang::En) => format!("{proven} only from {first}"),
            (None, None, _) => String::new(),
        }
    }
}

/// A date as Germans write it: `15.06.2021`.
fn german(day: Date) -> String {
    format!("{:02}.{:02}.{}", day.day(), day.month(), day.year())
}

/// Hundredths of a per cent as a person reads them.
fn percent(share: BasisPoints, comma: char) -> String {
    format!("{}{comma}{:02} %", share.get() / 100, share.get() % 100)
}

#[cfg(test)]
pub(crate) mod tests;
