//! Section 108 GWB and its neighbours as a pure engine: one leg, one day, what was known on a day, one rule pack.
//!
//! It reports, it never decides: *fulfilled*, *not proven* or *not fulfilled*, and the fact behind each condition.
//! What is not known must never count as fulfilled. [`cases`] says which conditions each paragraph asks of whom,
//! [`chains`] finds who controls whom through others, [`conditions`] and [`contracts`] examine, [`words`] tells people and
//! [`proofs`] says what would have to be shown. Numbers of paragraphs are those of the rule pack; a lawyer has not confirmed them.
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
pub mod chains;
pub mod conditions;
pub mod contracts;
pub mod proofs;
pub mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::facts::{BasisPoints, Relation};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::{Lang, Reason};
use crate::domain::rule_pack::Provision;
use crate::domain::time::Date;

/// What the facts say about a condition, a leg or a route. The order is from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every condition is fulfilled by facts in force.
    Fulfilled,
    /// Fulfilled by the wording of the law; whether that is right is contested. A person may decide for it, an automatic
    /// rule takes it only where it takes assumptions.
    Contested,
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

    /// Whether a person may order on it: fulfilled, contested or not.
    pub fn holds(self) -> bool {
        self <= Self::Contested
    }

    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Fulfilled, Lang::De) => "erfüllt",
            (Self::Fulfilled, Lang::En) => "fulfilled",
            (Self::Contested, Lang::De) => "erfüllt nach Wortlaut, umstritten",
            (Self::Contested, Lang::En) => "fulfilled by the wording, contested",
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
    /// Member to a body that it controls jointly with others through another legal person.
    JointIndirect,
    /// Such a body to one of those who control it.
    JointInverseIndirect,
    /// Bodies under joint control that have one of those who control them in common.
    SisterJoint,
    /// Parties of a cooperation contract, in either direction.
    Horizontal,
    /// Authority to a central purchasing body.
    CentralPurchasing,
    /// Call-off from a framework agreement.
    CallOff,
    /// A contract awarded after a procurement procedure.
    Tendered,
    /// The change of a running contract whose parties are no longer in-house.
    Modification,
}

impl Basis {
    /// Every case.
    pub const ALL: [Self; 16] = [
        Self::Vertical,
        Self::VerticalIndirect,
        Self::Inverse,
        Self::InverseIndirect,
        Self::Sister,
        Self::SisterIndirect,
        Self::Joint,
        Self::JointInverse,
        Self::JointIndirect,
        Self::JointInverseIndirect,
        Self::SisterJoint,
        Self::Horizontal,
        Self::CentralPurchasing,
        Self::CallOff,
        Self::Tendered,
        Self::Modification,
    ];

    /// The rule whose citation in the rule pack is that of the case.
    pub fn provision(self) -> Provision {
        match self {
            Self::Vertical => Provision::Vertical,
            Self::VerticalIndirect => Provision::VerticalIndirect,
            Self::Inverse => Provision::Inverse,
            Self::InverseIndirect => Provision::InverseIndirect,
            Self::Sister => Provision::Sister,
            Self::SisterIndirect => Provision::SisterIndirect,
            Self::Joint => Provision::Joint,
            Self::JointInverse => Provision::JointInverse,
            Self::JointIndirect => Provision::JointIndirect,
            Self::JointInverseIndirect => Provision::JointInverseIndirect,
            Self::SisterJoint => Provision::SisterJoint,
            Self::Horizontal => Provision::Horizontal,
            Self::CentralPurchasing => Provision::CentralPurchasing,
            Self::CallOff => Provision::CallOff,
            Self::Tendered => Provision::Tendered,
            Self::Modification => Provision::Modification,
        }
    }
}

/// What kind of contract is awarded: the last paragraph of section 108 treats some bodies like authorities for these only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Award {
    /// A public contract.
    #[default]
    General,
    /// A contract for a sector activity (section 102 GWB).
    Sector,
    /// A concession (section 105 GWB).
    Concession,
}

impl Award {
    /// Whether it is the usual kind.
    pub fn is_general(&self) -> bool {
        *self == Self::General
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
    /// Decisive influence of one alone (paragraph 2 sentence 1); reported only where owning does not settle it.
    DecisiveInfluence,
    /// Member, shareholder or owner beside others (paragraph 4 Nr. 1).
    Membership,
    /// Holds capital; reported only when it holds none (EuGH C-183/11).
    Stake,
    /// Has a vote; reported only when it has none (EuGH C-183/11).
    Vote,
    /// Represented in the decision-making bodies (paragraph 5 Nr. 1).
    Seat,
    /// The decision-making bodies are composed of representatives of all who take part (paragraph 5 Nr. 1).
    AllRepresented,
    /// Who shares in the control may do so (paragraph 4 Nr. 1); reported only where one is no contracting authority.
    Controllers,
    /// The owners together have decisive influence (paragraph 5 Nr. 2).
    JointInfluence,
    /// No interests contrary to the owners' (paragraph 5 Nr. 3).
    NoContraryInterests,
    /// More than the threshold of the activity is for those in control (paragraph 1 Nr. 2, paragraph 4 Nr. 2).
    ActivityShare,
    /// The body is entrusted with a task of those who control it.
    Entrustment,
    /// No direct private capital, save what the law prescribes (paragraph 1 Nr. 3, 3 sentence 2, 4 Nr. 3).
    NoPrivateCapital,
    /// No direct private capital in the body through which control is exercised (paragraph 2 sentence 2).
    NoPrivateBetween,
    /// Both have the same mother; reported only when they do not (OLG Naumburg, 7 Verg 1/22).
    SameMother,
    /// The rule pack admits awards of a jointly controlled body to one of those in control.
    InverseJointAdmitted,
    /// The rule pack admits joint control through another legal person.
    JointIndirectAdmitted,
    /// The rule pack admits it over two links of joint control.
    JointChainedAdmitted,
    /// The rule pack admits awards between bodies that have only one of their owners in common.
    HalfSistersAdmitted,
    /// A cooperation contract is in force (paragraph 6).
    Cooperation,
    /// The cooperation serves public services of all with a view to common goals (paragraph 6 Nr. 1).
    CommonGoals,
    /// Considerations of public interest alone govern it (paragraph 6 Nr. 2).
    PublicInterest,
    /// Less than the threshold of the activities is on the open market (paragraph 6 Nr. 3).
    MarketShare,
    /// The cooperation rests on an agreement that can be looked up (paragraph 6 Nr. 1).
    CooperationAgreement,
    /// No private third party gains an advantage from it (paragraph 6 Nr. 4).
    NoPrivateAdvantage,
    /// Central purchasing body (section 120 (4)).
    CentralPurchasingBody,
    /// It purchases what it passes on; reported only where it is the provider itself.
    PurchasesFromOthers,
    /// A framework agreement or tendered contract is in force.
    Contract,
    /// It was awarded after a procedure that can be looked up.
    Procedure,
    /// What a contract covers, and for one that was awarded up to which value.
    Scope,
    /// The rule pack admits that a running contract is changed after its parties ceased to be in-house.
    ModificationAdmitted,
    /// A contract runs that was awarded in-house.
    RunningContract,
    /// Circumstances that could not be foreseen make the change necessary (section 132 (2) Nr. 3).
    Unforeseen,
    /// The change leaves the overall character of the contract as it is (section 132 (2) Nr. 3).
    CharacterKept,
    /// The price rises by no more than half of the value (section 132 (2) sentence 2).
    PriceRise,
}

impl Condition {
    /// Whether the rule pack answers it, without a fact.
    pub fn is_doctrine(self) -> bool {
        matches!(
            self,
            Self::InverseJointAdmitted
                | Self::JointIndirectAdmitted
                | Self::JointChainedAdmitted
                | Self::HalfSistersAdmitted
                | Self::PurchasesFromOthers
                | Self::ModificationAdmitted
        )
    }

    /// Whether it stands in no paragraph but in a judgment, which a person is told.
    pub fn cites_a_court(self) -> bool {
        matches!(self, Self::SameMother | Self::Stake | Self::Vote)
    }

    /// The rule whose citation in the rule pack is that of the condition.
    pub fn provision(self) -> Option<Provision> {
        Some(match self {
            Self::ContractingAuthority => Provision::ContractingAuthority,
            Self::SoleControl | Self::DecisiveInfluence => Provision::SoleControl,
            Self::Membership => Provision::Joint,
            Self::Stake | Self::Vote => Provision::Stake,
            Self::Seat | Self::AllRepresented => Provision::Seat,
            Self::Controllers => Provision::NonAuthorityMembers,
            Self::JointInfluence => Provision::JointInfluence,
            Self::NoContraryInterests => Provision::NoContraryInterests,
            Self::ActivityShare => Provision::ActivityShare,
            Self::Entrustment => Provision::Entrustment,
            Self::NoPrivateCapital => Provision::NoPrivateCapital,
            Self::NoPrivateBetween => Provision::VerticalIndirect,
            Self::JointIndirectAdmitted | Self::JointChainedAdmitted => Provision::JointIndirect,
            Self::SameMother => Provision::SameMother,
            Self::InverseJointAdmitted => Provision::JointInverse,
            Self::HalfSistersAdmitted => Provision::SisterJoint,
            Self::Cooperation | Self::CommonGoals | Self::CooperationAgreement => Provision::Cooperation,
            Self::PublicInterest => Provision::PublicInterest,
            Self::MarketShare => Provision::MarketShare,
            Self::NoPrivateAdvantage => Provision::PrivateAdvantage,
            Self::CentralPurchasingBody | Self::PurchasesFromOthers => Provision::CentralPurchasing,
            Self::Contract | Self::Scope => Provision::CallOff,
            Self::Procedure => Provision::Tendered,
            Self::ModificationAdmitted
            | Self::RunningContract
            | Self::Unforeseen
            | Self::CharacterKept
            | Self::PriceRise => Provision::Modification,
            Self::RulePackInForce | Self::ControllingRelation => return None,
        })
    }
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
    /// By how much the price rises, and the value of the contract.
    Rise {
        /// By so much.
        rise: Cents,
        /// The value, of which half is the most.
        volume: Cents,
    },
    /// The share was not measured in the three years before the award; the last year measured, if it is known.
    Unmeasured {
        /// Last year measured.
        last: Option<i16>,
    },
    /// The share found is a projection, which suffices for a new or reorganised body.
    Projection {
        /// Found.
        share: BasisPoints,
        /// To be exceeded.
        above: BasisPoints,
        /// The citation.
        by: String,
    },
    /// Only a projection, and nothing says that the body is new or reorganised.
    ProjectionOnly,
    /// Treated like an authority under section 99, for this kind of contract; with the citation.
    Accordingly(String),
    /// Treated like one for another kind of contract only.
    OnlyFor {
        /// For which.
        award: Award,
        /// The citation.
        by: String,
    },
    /// Measured by a turnover of which nothing says whether it is that of a group; with the citation.
    GroupUnknown(String),
    /// Measured by its own turnover alone, though it is a parent; with the citation.
    GroupOwn(String),
    /// The wording says yes; who says otherwise.
    Contested(String),
    /// Another member represents this one.
    RepresentedBy(OrgId),
    /// Only one of the parties has signed it.
    Unconfirmed,
    /// A stock company, which its owner does not direct by owning it.
    StockCompany,
    /// Public law, founded for tasks of general interest: may share in control; with the citation.
    PublicPurpose(String),
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
    /// The body says that no private capital is in it, and its register knows a private member.
    PrivateMember,
    /// The body says that it is the parent of nobody, and another says that it controls it.
    Group,
    /// The entrustment is older than the remit of who entrusts.
    Remit,
}

impl Clash {
    /// The reason word a door gives.
    pub fn reason(self) -> Reason {
        match self {
            Self::Intervals => Reason::IntervalsContradict,
            Self::Sole => Reason::SoleContradicts,
            Self::Cycle => Reason::HoldingsCyclic,
            Self::Shares => Reason::SharesExceed,
            Self::PrivateMember => Reason::PrivateMember,
            Self::Group => Reason::GroupContradicts,
            Self::Remit => Reason::EntrustmentOlder,
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
    /// Under which number the condition stands, by the rule pack; empty where it stands under none.
    pub citation: String,
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
    /// Under which number that case stands, by the rule pack; empty if nothing relates the two.
    pub paragraph: String,
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
    /// Whether a verdict that holds rests on an assumption.
    pub fn assumed(&self) -> bool {
        self.verdict.holds() && self.findings.iter().any(|finding| finding.assumed)
    }

    /// Whether it rests, among other things, on a reading of the law that is contested.
    pub fn is_disputed(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict == Verdict::Contested)
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
