//! Section 108 GWB and its neighbours as a pure engine: one leg, one day, what was known on a day, one rule pack.
//!
//! It reports, it never decides: *fulfilled*, *not proven* or *not fulfilled*, and the fact behind each condition.
//! What is not known must never count as fulfilled. [`cases`] says which conditions each paragraph asks of whom,
//! [`conditions`] examines them, [`words`] tells people.
//!
//! # Which of several facts counts
//!
//! Every condition asks every fact known and not corrected, separately. Of the facts in force that answer, the one
//! known last counts. **A fact that is silent on a question does not hide an older one that answers it**: a report on
//! last year's turnover says nothing about private capital, and must not make the statutes look unproven. A correction
//! does hide what it corrects, silent or not: its author says that the earlier statement was wrong as a whole. A share
//! measured in other years than the award asks for counts as silent. Memberships have one exception: where the one
//! known last covered the same time and has ended, an older one without an end is not taken at its word; the two
//! contradict each other, and the answer is *not proven*.
pub mod cases;
pub mod conditions;
pub mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::facts::{BasisPoints, Relation};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::{Lang, Reason};
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

    /// The best of them. None at all is *not proven* here, too.
    pub fn of_any(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().min().unwrap_or(Self::NotProven)
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

/// The case of the statute a leg rests on, simplest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Mother to the daughter she controls alone.
    Vertical,
    /// Mother to a granddaughter, or further down a chain of sole control.
    VerticalIndirect,
    /// Daughter to the mother that controls her alone.
    Inverse,
    /// Granddaughter to the grandmother, or further up a chain of sole control.
    InverseIndirect,
    /// Sister to sister, of the same mother.
    Sister,
    /// The same with a daughter of a sister, or further down: aunt and niece, cousins.
    SisterIndirect,
    /// Member to the body it controls jointly with others.
    Joint,
    /// A jointly controlled body to one of those who control it.
    JointInverse,
    /// Parties of a cooperation contract, in either direction.
    Horizontal,
    /// Authority to a central purchasing body.
    CentralPurchasing,
    /// Call-off from a framework agreement.
    CallOff,
    /// A contract awarded after a procurement procedure.
    Tendered,
}

impl Basis {
    /// The citation, the same in both languages.
    pub fn paragraph(self) -> &'static str {
        match self {
            Self::Vertical => "§ 108 Abs. 1 GWB",
            Self::VerticalIndirect => "§ 108 Abs. 1, 2 Satz 2 GWB",
            Self::Inverse => "§ 108 Abs. 3 Alt. 1 GWB",
            Self::InverseIndirect => "§ 108 Abs. 3 Alt. 1, Abs. 2 Satz 2 GWB",
            Self::Sister => "§ 108 Abs. 3 Alt. 2 GWB",
            Self::SisterIndirect => "§ 108 Abs. 3 Alt. 2, Abs. 2 Satz 2 GWB",
            Self::Joint => "§ 108 Abs. 4, 5 GWB",
            Self::JointInverse => "§ 108 Abs. 4 i. V. m. Abs. 3 GWB",
            Self::Horizontal => "§ 108 Abs. 6 GWB",
            Self::CentralPurchasing => "§ 120 Abs. 4 GWB",
            Self::CallOff => "§ 103 Abs. 5 GWB",
            Self::Tendered => "§ 119 GWB",
        }
    }
}

/// One condition of the statute, or of the doctrine in the rule pack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The rule pack is meant for awards on this day; reported only when it is not.
    RulePackInForce,
    /// Contracting authority under section 99 Nr. 1 to 3, or under section 108 (8) treated like one.
    ContractingAuthority,
    /// The relation can carry control at all; reported only when the one there is cannot.
    ControllingRelation,
    /// Controlled alone (paragraph 1 Nr. 1).
    SoleControl,
    /// Member, shareholder or owner beside others (paragraph 4 Nr. 1).
    Membership,
    /// Holds capital; reported only when it holds none (EuGH C-183/11).
    Stake,
    /// Has a vote; reported only when it has none (EuGH C-183/11).
    Vote,
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
    /// A cooperation contract is in force (paragraph 6).
    Cooperation,
    /// The cooperation serves public services of all with a view to common goals (paragraph 6 Nr. 1).
    CommonGoals,
    /// Considerations of public interest alone govern it (paragraph 6 Nr. 2).
    PublicInterest,
    /// Less than the threshold of the activities is on the open market (paragraph 6 Nr. 3).
    MarketShare,
    /// Central purchasing body (section 120 (4)).
    CentralPurchasingBody,
    /// A framework agreement or tendered contract is in force.
    Contract,
    /// It was awarded after a procedure that can be looked up.
    Procedure,
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
    /// The share of private capital found.
    Private(BasisPoints),
    /// The share found and the one it had to stay below.
    Market {
        /// Found.
        share: BasisPoints,
        /// To stay below.
        below: BasisPoints,
    },
    /// The share was not measured in the three years before the award; the last year measured, if it is known.
    Unmeasured {
        /// Last year measured.
        last: Option<i16>,
    },
    /// The share found is a projection, which suffices for a new or reorganised body (paragraph 7 sentence 3).
    Projection {
        /// Found.
        share: BasisPoints,
        /// To be exceeded.
        above: BasisPoints,
    },
    /// Only a projection, and nothing says that the body is new or reorganised.
    ProjectionOnly,
    /// Treated like an authority under section 99 (paragraph 8).
    Accordingly,
    /// Facts that cannot all be true.
    Contradiction(Clash),
    /// The relation found, which cannot carry control.
    Relation(Relation),
}

/// How facts contradict each other; each has the reason with which a door refuses it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clash {
    /// Two statements on the same membership for the same days, of which the later known has ended.
    Intervals,
    /// One controls alone, and another takes part.
    Sole,
    /// The controlled body controls the one above it.
    Cycle,
    /// The shares of the owners are more than the whole.
    Shares,
}

impl Clash {
    /// The reason word a door gives.
    pub fn reason(self) -> Reason {
        match self {
            Self::Intervals => Reason::IntervalsContradict,
            Self::Sole => Reason::SoleContradicts,
            Self::Cycle => Reason::HoldingsCyclic,
            Self::Shares => Reason::SharesExceed,
        }
    }
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

#[cfg(test)]
pub(crate) mod tests;
