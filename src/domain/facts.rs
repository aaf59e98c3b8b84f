//! Facts about organisations: memberships, holdings and what section 108 GWB asks about each; bitemporal and signed.
//!
//! A fact has the days on which it holds (`valid_from`, `valid_to`) and the day since when it is known (`known_from`).
//! Joining may be retroactive, so yesterday's judgement can be repeated with what was known then. What is left out is
//! unknown, not no.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::id::{OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::text::{checked_label, checked_text};
use crate::domain::time::{Date, YEARS};

/// Most bodies of one group that are named.
const BODIES_MAX: usize = 200;

/// Most contracts one statement confirms.
const CONFIRMS_MAX: usize = 100;

/// A share in hundredths of a per cent, 0 to 10,000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BasisPoints(u32);

impl BasisPoints {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// One hundred per cent.
    pub const ALL: Self = Self(10_000);

    /// The number of hundredths of a per cent.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for BasisPoints {
    type Error = Refusal;

    fn try_from(value: u32) -> Result<Self, Refusal> {
        if value <= 10_000 { Ok(Self(value)) } else { Err(Refusal::new(Reason::PercentInvalid).with("value", value)) }
    }
}

impl From<BasisPoints> for u32 {
    fn from(share: BasisPoints) -> u32 {
        share.0
    }
}

/// How an organisation belongs to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Member of a registered cooperative (*Mitglied*, eG).
    CooperativeMember,
    /// Shareholder of a company (*Gesellschafter*, GmbH).
    Shareholder,
    /// Owner of a public-law institution (*Träger*, AöR).
    Owner,
    /// Member of a special-purpose association (*Zweckverband*).
    PurposeAssociationMember,
    /// Member of a registered association (e.V.): no control.
    AssociationMember,
    /// A cooperation contract: no control; section 108 (6) looks at the cooperation itself.
    CooperationContract,
    /// A framework agreement under which `member` may call off from `of` (section 103 (5)): no control.
    FrameworkAgreement,
    /// A contract of `member` with `of`, awarded after a procedure (section 119): no control.
    TenderedContract,
    /// A contract of `member` with `of` that was awarded in-house, still runs and is to be changed (section 132 (2)): no
    /// control.
    RunningContract,
}

impl Relation {
    /// Whether this relation can carry control at all.
    pub fn can_control(self) -> bool {
        matches!(self, Self::CooperativeMember | Self::Shareholder | Self::Owner | Self::PurposeAssociationMember)
    }
}

/// What section 108 (6) GWB asks about a cooperation of authorities.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cooperation {
    /// Whether it serves public services of all parties with a view to common goals (Nr. 1); absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common_goals: Option<bool>,
    /// Whether considerations of public interest alone govern it (Nr. 2); absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_interest: Option<bool>,
    /// Share of the activities concerned that the parties perform on the open market (Nr. 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_share: Option<BasisPoints>,
    /// How that share was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_basis: Option<ActivityBasis>,
    /// The years measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub market_years: Vec<i16>,
    /// Where the joint cooperation agreement can be looked up (Nr. 1 since 1 July 2026).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
    /// Whether a private third party gains an advantage over its competitors directly from it (Nr. 4 since 1 July 2026);
    /// absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_advantage: Option<bool>,
}

/// A task within the remit of the member, transferred to the body recognisably, defined in content and binding in law
/// (section 108 (7) GWB since 1 July 2026).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entrustment {
    /// Which task.
    pub task: String,
    /// By which act: statutes, contract, resolution.
    pub act: String,
    /// Since when it binds.
    pub on: Date,
    /// Where the act can be looked up.
    pub reference: String,
}

/// What lets a running contract be changed without a new procedure once its parties are no longer in-house (section 132
/// (2) Nr. 3 GWB).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Modification {
    /// The circumstances that make it necessary, and why a diligent contracting authority could not foresee them.
    pub circumstances: String,
    /// Whether the overall character of the contract stays as it is; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub character_kept: Option<bool>,
    /// By how much the price rises, net, over the whole term.
    pub rise: Cents,
}

/// `member` belongs to `of`. Signed by `of`, the body that keeps the register.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Membership {
    /// Who belongs.
    pub member: OrgId,
    /// To whom.
    pub of: OrgId,
    /// How.
    pub relation: Relation,
    /// Share of the capital, where known. None at all is no joint control (EuGH C-183/11, Econord).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<BasisPoints>,
    /// Share of the votes, where known; an investing member (section 8 (2) GenG) may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<BasisPoints>,
    /// Whether the member is the only one and controls alone (section 108 (1) GWB).
    #[serde(default)]
    pub sole: bool,
    /// Whether the member is represented in the decision-making bodies (section 108 (5) Nr. 1); absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<bool>,
    /// The member that represents this one there, where one stands for several (section 108 (5) Nr. 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub represented_by: Option<OrgId>,
    /// Whether the member alone has decisive influence on strategic objectives and significant decisions (section 108
    /// (2) sentence 1); absent if unknown. A stock company is not directed by whoever owns it (section 76 AktG).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisive_influence: Option<bool>,
    /// With what the member has entrusted the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrustment: Option<Entrustment>,
    /// What a contract or cooperation covers; with those only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Up to which net value, over its whole term; with a framework agreement, a tendered or a running contract only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Cents>,
    /// What the cooperation is like; with a cooperation contract only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooperation: Option<Cooperation>,
    /// What lets it be changed; with a running contract only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modification: Option<Modification>,
    /// Where the procurement procedure can be looked up; with a framework agreement or a tendered contract only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procedure: Option<String>,
    /// It never came into being; only in a correction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
    /// First day in force.
    pub valid_from: Date,
    /// Last day in force; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Date>,
    /// Day since when it is known.
    pub known_from: Date,
    /// Where this is from.
    pub source: String,
    /// An assumption, not proven by the source.
    #[serde(default)]
    pub assumed: bool,
    /// The statement this one corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<StatementId>,
}

/// How a share was measured (section 108 (8) GWB; (7) until 30 June 2026).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivityBasis {
    /// Average total turnover of the three years before the award.
    Turnover,
    /// Another suitable activity-based value, such as costs.
    OtherValue,
    /// A credible projection, for a new or reorganised body.
    Projection,
}

/// Direct private capital in an organisation (section 108 (1) Nr. 3 GWB).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivateCapital {
    /// None.
    None,
    /// Only non-controlling forms prescribed by law that give no decisive influence.
    PrescribedByLaw,
    /// Some.
    Present,
}

/// Whose turnover an activity share measures (EuGH C-692/23).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turnover {
    /// Its own; it is the parent of nobody.
    NotAParent,
    /// The consolidated turnover of the group (Articles 22 and 24 of Directive 2013/34/EU).
    Consolidated,
    /// That of the bodies of the group, added up.
    Summed,
    /// Its own alone, though it is a parent: that does not do.
    Own,
}

/// The group of which a body is the parent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Whose turnover was measured.
    pub turnover: Turnover,
    /// The other bodies of the group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<OrgId>,
}

/// What kind of person it is, beside section 99 GWB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// A legal person of public law, founded for tasks of general interest that are not commercial (section 108 (4)
    /// sentence 3).
    PublicPurpose,
    /// Another that is wholly in public hands.
    Public,
    /// In private hands, wholly or in part.
    Private,
}

/// Where section 108 GWB applies accordingly to sector contracting entities and grantors of concessions, and where not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sector {
    /// Sector contracting entity under section 100 (1) Nr. 1: a public one.
    PublicUtility,
    /// Sector contracting entity under section 100 (1) Nr. 2: a private one with special rights.
    PrivateUtility,
    /// Grantor of concessions under section 101 (1) Nr. 1 or 2.
    ConcessionGrantor,
}

/// What section 108 GWB asks about one organisation. Signed by the organisation itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EntityFacts {
    /// Whom it is about.
    pub org: OrgId,
    /// Legal form in words: `eG`, `AöR`, `GmbH`, `Gemeinde`.
    pub legal_form: String,
    /// Contracting authority under section 99 GWB, by its number 1 to 3; 0 if it is none; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contracting_authority: Option<u8>,
    /// Under which heading of the last paragraph of section 108 it awards, if under one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Sector>,
    /// Whether it is a central purchasing body (section 120 (4)); absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub central_purchasing: Option<bool>,
    /// Share of activity for those who control it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_share: Option<BasisPoints>,
    /// How the share was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_basis: Option<ActivityBasis>,
    /// The years measured, e.g. `[2023, 2024, 2025]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activity_years: Vec<i16>,
    /// When it was founded or reorganised; a projection suffices only while three full years since then are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorganised_on: Option<Date>,
    /// Direct private capital; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_capital: Option<PrivateCapital>,
    /// Its share, where known; any share above zero counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_share: Option<BasisPoints>,
    /// Whether it belongs to a group whose parent it is, and whose turnover its share measures (EuGH C-692/23).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Whether it is of public law or privately owned; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nature: Option<Nature>,
    /// Whether its decision-making bodies are composed of representatives of all participating authorities (section 108
    /// (5) Nr. 1); absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_represented: Option<bool>,
    /// Since when the tasks that it entrusts are within its remit, where that is not since ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remit_since: Option<Date>,
    /// Contracts and cooperations that it confirms as the other party: ids of the statements of those that signed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirms: Vec<StatementId>,
    /// Whether its owners jointly exert decisive influence on strategy (section 108 (5) Nr. 2); absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joint_influence: Option<bool>,
    /// Whether it pursues interests contrary to its owners' (section 108 (5) Nr. 3); absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrary_interests: Option<bool>,
    /// First day in force.
    pub valid_from: Date,
    /// Last day in force; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Date>,
    /// Day since when it is known.
    pub known_from: Date,
    /// Where this is from.
    pub source: String,
    /// An assumption, not proven by the source.
    #[serde(default)]
    pub assumed: bool,
    /// The statement this one corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<StatementId>,
}

impl Cooperation {
    fn check(&self) -> Result<(), Refusal> {
        checked_label("agreement", self.agreement.as_deref().unwrap_or(""), 300)?;
        checked_years("market_years", &self.market_years)
    }
}

impl Entrustment {
    fn check(&self) -> Result<(), Refusal> {
        checked_text("task", &self.task, 300)?;
        checked_text("act", &self.act, 300)?;
        checked_text("reference", &self.reference, 300)
    }
}

impl Modification {
    fn check(&self) -> Result<(), Refusal> {
        checked_text("circumstances", &self.circumstances, 300)
    }
}

impl Membership {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("source", &self.source, 500)?;
        checked_label("procedure", self.procedure.as_deref().unwrap_or(""), 200)?;
        checked_interval(self.valid_from, self.valid_to)?;
        if self.member == self.of {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "member").with("value", &self.member));
        }
        checked_label("scope", self.scope.as_deref().unwrap_or(""), 300)?;
        self.cooperation.as_ref().map_or(Ok(()), Cooperation::check)?;
        self.entrustment.as_ref().map_or(Ok(()), Entrustment::check)?;
        self.modification.as_ref().map_or(Ok(()), Modification::check)?;
        let tendered = matches!(self.relation, Relation::FrameworkAgreement | Relation::TenderedContract);
        let cooperates = self.relation == Relation::CooperationContract;
        let runs = self.relation == Relation::RunningContract;
        let represents_itself = self.represented_by.as_ref() == Some(&self.member);
        for (field, misplaced) in [
            ("represented_by", self.represented_by.is_some() && !self.relation.can_control() || represents_itself),
            ("decisive_influence", self.decisive_influence.is_some() && !self.relation.can_control()),
            ("entrustment", self.entrustment.is_some() && !self.relation.can_control()),
            ("scope", self.scope.is_some() && !tendered && !cooperates && !runs),
            ("volume", self.volume.is_some() && !tendered && !runs),
            ("cooperation", self.cooperation.is_some() && !cooperates),
            ("modification", self.modification.is_some() && !runs),
            ("procedure", self.procedure.is_some() && !tendered),
            ("revoked", self.revoked && self.corrects.is_none()),
        ] {
            if misplaced {
                return Err(Refusal::new(Reason::FieldInvalid).with("field", field));
            }
        }
        let all = |share: Option<BasisPoints>| share.is_none_or(|share| share == BasisPoints::ALL);
        // Who holds less than all controls alone only by decisive influence that is stated.
        let directs = self.decisive_influence == Some(true) || all(self.share) && all(self.votes);
        if self.sole && !(self.relation.can_control() && directs) {
            return Err(Refusal::new(Reason::FactContradicts).with("field", "sole"));
        }
        Ok(())
    }

    /// Whether it is in force on `day`, judged with what was known on `known_on`.
    pub fn holds(&self, day: Date, known_on: Date) -> bool {
        !self.revoked && in_force(self.valid_from, self.valid_to, self.known_from, day, known_on)
    }

    /// Whether some day belongs to both.
    pub fn overlaps(&self, other: &Self) -> bool {
        let begins_within = |one: &Self, two: &Self| two.valid_to.is_none_or(|end| one.valid_from <= end);
        !self.revoked && !other.revoked && begins_within(self, other) && begins_within(other, self)
    }
}

impl EntityFacts {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("source", &self.source, 500)?;
        checked_label("legal_form", &self.legal_form, 100)?;
        checked_interval(self.valid_from, self.valid_to)?;
        if self.contracting_authority.is_some_and(|number| number > 3) {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "contracting_authority"));
        }
        checked_years("activity_years", &self.activity_years)?;
        if let Some(group) = &self.group {
            let mut seen = BTreeSet::from([&self.org]);
            if !group.bodies.iter().all(|body| seen.insert(body)) || group.bodies.len() > BODIES_MAX {
                return Err(Refusal::new(Reason::FactContradicts).with("field", "group"));
            }
            if group.turnover == Turnover::NotAParent && !group.bodies.is_empty() {
                return Err(Refusal::new(Reason::FactContradicts).with("field", "group"));
            }
        }
        if self.confirms.len() > CONFIRMS_MAX {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "confirms").with("at_most", CONFIRMS_MAX));
        }
        if (self.nature, self.private_capital) == (Some(Nature::Public), Some(PrivateCapital::Present)) {
            return Err(Refusal::new(Reason::FactContradicts).with("field", "nature"));
        }
        let some = self.private_share.map(|share| share > BasisPoints::NONE);
        if let (Some(PrivateCapital::None), Some(true)) | (Some(PrivateCapital::Present), Some(false)) =
            (self.private_capital, some)
        {
            return Err(Refusal::new(Reason::FactContradicts).with("field", "private_share"));
        }
        Ok(())
    }

    /// Whether they hold on `day`, judged with what was known on `known_on`.
    pub fn holds(&self, day: Date, known_on: Date) -> bool {
        in_force(self.valid_from, self.valid_to, self.known_from, day, known_on)
    }
}

/// Up to three years that follow one another.
fn checked_years(field: &'static str, years: &[i16]) -> Result<(), Refusal> {
    let consecutive = years.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
    if years.len() > 3 || !consecutive {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", field));
    }
    match years.iter().find(|year| !YEARS.contains(*year)) {
        Some(year) => {
            let refusal = Refusal::new(Reason::FieldInvalid).with("field", field).with("value", year);
            Err(refusal.with("at_least", YEARS.start()).with("at_most", YEARS.end()))
        }
        None => Ok(()),
    }
}

/// Refuses an end before the beginning.
pub(in crate::domain) fn checked_interval(from: Date, to: Option<Date>) -> Result<(), Refusal> {
    if to.is_some_and(|end| end < from) {
        return Err(Refusal::new(Reason::IntervalInvalid).with("field", "valid_to"));
    }
    Ok(())
}

fn in_force(from: Date, to: Option<Date>, known: Date, day: Date, known_on: Date) -> bool {
    known <= known_on && from <= day && to.is_none_or(|end| day <= end)
}
