//! Facts about organisations: memberships, holdings and what section 108 GWB asks about each; bitemporal and signed.
//!
//! A fact has the days on which it holds (`valid_from`, `valid_to`) and the day since when it is known (`known_from`).
//! Joining may be retroactive, so yesterday's judgement can be repeated with what was known then. What is left out is
//! unknown, not no.
use serde::{Deserialize, Serialize};

use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::text::{checked_label, checked_text};
use crate::domain::time::{Date, YEARS};

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
}

impl Relation {
    /// Whether this relation can carry control at all.
    pub fn can_control(self) -> bool {
        matches!(self, Self::CooperativeMember | Self::Shareholder | Self::Owner | Self::PurposeAssociationMember)
    }
}

/// What section 108 (6) GWB asks about a cooperation of authorities.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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
    /// What the cooperation is like; with a cooperation contract only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooperation: Option<Cooperation>,
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

/// How the activity share was measured (section 108 (7) GWB).
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

/// Where section 108 (8) GWB applies paragraphs 1 to 7 accordingly, and where it does not.
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
    /// Under which heading of section 108 (8) it awards, if under one.
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

/// Thresholds and doctrine for judging legs: data with a version, signed by the trustees.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RulePack {
    /// Name and version, e.g. `gwb-108-2022`.
    pub name: OrgId,
    /// First day of awards it is meant for.
    pub valid_from: Date,
    /// Last day; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Date>,
    /// The activity share must be *more* than this (section 108 (1) Nr. 2: 80 per cent).
    pub activity_above: BasisPoints,
    /// Whether a jointly controlled body may award to one of those who control it (section 108 (4) with (3)).
    pub inverse_joint: bool,
    /// Whether sisters with different mothers may award to one another; OLG Naumburg 7 Verg 1/22 says no.
    pub half_sisters: bool,
    /// The share of a cooperation's activities on the open market must be *less* than this (section 108 (6) Nr. 3:
    /// 20 per cent). Absent: this pack does not judge cooperations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_below: Option<BasisPoints>,
    /// Whether this pack judges purchases from central purchasing bodies (section 120 (4)).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub central_purchasing: bool,
    /// How many years before the year of the award the last of the three years measured may lie; absent: two, as
    /// accounts of the year just ended are drawn up in the course of the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_age_max: Option<i16>,
    /// Where this is from.
    pub source: String,
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
        let tendered = matches!(self.relation, Relation::FrameworkAgreement | Relation::TenderedContract);
        for (field, misplaced) in [
            ("cooperation", self.cooperation.is_some() && self.relation != Relation::CooperationContract),
            ("procedure", self.procedure.is_some() && !tendered),
            ("revoked", self.revoked && self.corrects.is_none()),
        ] {
            if misplaced {
                return Err(Refusal::new(Reason::FieldInvalid).with("field", field));
            }
        }
        let all = |share: Option<BasisPoints>| share.is_none_or(|share| share == BasisPoints::ALL);
        if self.sole && !(self.relation.can_control() && all(self.share) && all(self.votes)) {
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
        let consecutive = self.activity_years.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
        if self.activity_years.len() > 3 || !consecutive {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "activity_years"));
        }
        if let Some(year) = self.activity_years.iter().find(|year| !YEARS.contains(*year)) {
            let refusal = Refusal::new(Reason::FieldInvalid).with("field", "activity_years").with("value", year);
            return Err(refusal.with("at_least", YEARS.start()).with("at_most", YEARS.end()));
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

impl RulePack {
    /// Whether it is meant for that day.
    pub fn is_meant_for(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day <= end)
    }

    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("source", &self.source, 500)?;
        checked_interval(self.valid_from, self.valid_to)?;
        if self.activity_age_max.is_some_and(|years| !(1..=10).contains(&years)) {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "activity_age_max"));
        }
        Ok(())
    }
}

/// The pack for procedures that began on a day: of those meant for it the one that begins last; of two that begin on one
/// day the greater name, then the greater id, so that nobody can choose.
pub fn pack_in_force<'p>(
    packs: impl IntoIterator<Item = (&'p StatementId, &'p RulePack)>,
    day: Date,
) -> Option<StatementId> {
    let meant = packs.into_iter().filter(|(_, pack)| pack.is_meant_for(day));
    meant.max_by_key(|(id, pack)| (pack.valid_from, &pack.name, *id)).map(|(id, _)| *id)
}

fn checked_interval(from: Date, to: Option<Date>) -> Result<(), Refusal> {
    if to.is_some_and(|end| end < from) {
        return Err(Refusal::new(Reason::IntervalInvalid).with("field", "valid_to"));
    }
    Ok(())
}

fn in_force(from: Date, to: Option<Date>, known: Date, day: Date, known_on: Date) -> bool {
    known <= known_on && from <= day && to.is_none_or(|end| day <= end)
}
