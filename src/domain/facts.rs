//! Facts about organisations: memberships, holdings and what section 108 GWB asks about each; bitemporal and signed.
//!
//! A fact has the days on which it holds (`valid_from`, `valid_to`) and the day since when it is known (`known_from`).
//! Joining may be retroactive, so yesterday's judgement can be repeated with what was known then.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::checked_text;
use crate::domain::time::Date;

/// A share in hundredths of a per cent, 0 to 10,000.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BasisPoints(u32);

impl BasisPoints {
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
    /// A cooperation contract: no control.
    CooperationContract,
}

impl Relation {
    /// Whether this relation can carry control at all.
    pub fn can_control(self) -> bool {
        !matches!(self, Self::AssociationMember | Self::CooperationContract)
    }
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
    /// Share of the capital or votes, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<BasisPoints>,
    /// Whether the member is the only one and controls alone (section 108 (1) GWB).
    #[serde(default)]
    pub sole: bool,
    /// Whether the member is represented in the decision-making bodies (section 108 (5) Nr. 1); absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<bool>,
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
    /// Share of activity for those who control it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_share: Option<BasisPoints>,
    /// How the share was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_basis: Option<ActivityBasis>,
    /// The years measured, e.g. `[2023, 2024, 2025]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activity_years: Vec<u16>,
    /// Direct private capital; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_capital: Option<PrivateCapital>,
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
    /// Where this is from.
    pub source: String,
}

impl Membership {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("source", &self.source, 500)?;
        checked_interval(self.valid_from, self.valid_to)?;
        if self.member == self.of {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "member").with("value", &self.member));
        }
        Ok(())
    }

    /// Whether it is in force on `day`, judged with what was known on `known_on`.
    pub fn holds(&self, day: Date, known_on: Date) -> bool {
        in_force(self.valid_from, self.valid_to, self.known_from, day, known_on)
    }
}

impl EntityFacts {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("source", &self.source, 500)?;
        checked_text("legal_form", &self.legal_form, 100)?;
        checked_interval(self.valid_from, self.valid_to)?;
        if self.contracting_authority.is_some_and(|number| number > 3) {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "contracting_authority"));
        }
        if self.activity_years.len() > 3 {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "activity_years"));
        }
        Ok(())
    }

    /// Whether they hold on `day`, judged with what was known on `known_on`.
    pub fn holds(&self, day: Date, known_on: Date) -> bool {
        in_force(self.valid_from, self.valid_to, self.known_from, day, known_on)
    }
}

impl RulePack {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("source", &self.source, 500)?;
        checked_interval(self.valid_from, self.valid_to)
    }
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

/// All facts a judgement may rest on, in a fixed order. Statements enter it only verified.
#[derive(Clone, Default, Debug)]
pub struct FactBase {
    /// Memberships by the statement that says so.
    pub memberships: BTreeMap<StatementId, Membership>,
    /// Facts about organisations by the statement that says so.
    pub entities: BTreeMap<StatementId, EntityFacts>,
}

impl FactBase {
    /// Memberships of `member` in `of`, in force or not, without those corrected by a fact known on `known_on`.
    pub fn memberships_between<'a>(
        &'a self,
        member: &'a OrgId,
        of: &'a OrgId,
        known_on: Date,
    ) -> impl Iterator<Item = (&'a StatementId, &'a Membership)> {
        let corrected = self.corrected(known_on);
        self.memberships
            .iter()
            .filter(move |(id, fact)| fact.member == *member && fact.of == *of && !corrected.contains(*id))
    }

    /// Facts about `org`, in force or not, without those corrected by a fact known on `known_on`.
    pub fn entity_facts<'a>(
        &'a self,
        org: &'a OrgId,
        known_on: Date,
    ) -> impl Iterator<Item = (&'a StatementId, &'a EntityFacts)> {
        let corrected = self.corrected(known_on);
        self.entities.iter().filter(move |(id, fact)| fact.org == *org && !corrected.contains(*id))
    }

    /// The facts that no longer count because a fact known on `known_on` corrects them. Only who signed a fact can
    /// correct it: the body that keeps the register, or the organisation itself. Otherwise anyone could erase
    /// anyone's facts.
    pub fn corrected(&self, known_on: Date) -> BTreeSet<StatementId> {
        let memberships = self.memberships.values().filter(|fact| fact.known_from <= known_on).filter_map(|fact| {
            let earlier = self.memberships.get_key_value(&fact.corrects?)?;
            (earlier.1.of == fact.of).then_some(*earlier.0)
        });
        let entities = self.entities.values().filter(|fact| fact.known_from <= known_on).filter_map(|fact| {
            let earlier = self.entities.get_key_value(&fact.corrects?)?;
            (earlier.1.org == fact.org).then_some(*earlier.0)
        });
        memberships.chain(entities).collect()
    }
}
