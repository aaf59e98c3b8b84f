//! What is on offer: services, coverage, maturity, price. And what is looked for or withdrawn.
use serde::{Deserialize, Serialize};

use crate::domain::connection::{Requirement, check_distinct};
use crate::domain::id::{OrgId, StatementId, checked_count, shortened};
use crate::domain::price::{Component, check_items};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::{Area, Land, LeikaKey, OzgId};
use crate::domain::text::{TEXT_CHARS_MAX, checked_label, checked_lines, checked_text, checked_title};
use crate::domain::time::Date;

/// OZG maturity with the version of its model: 0 to 4 in 1.1 (2020), 0 to 7 in 2.0 (July 2025).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "MaturityClaim", into = "MaturityClaim")]
pub struct Maturity {
    model: MaturityModel,
    level: u8,
}

/// The version of the maturity model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MaturityModel {
    /// Levels 0 to 4.
    #[serde(rename = "1.1")]
    V1_1,
    /// Levels 0 to 7.
    #[serde(rename = "2.0")]
    V2_0,
}

#[derive(Serialize, Deserialize)]
struct MaturityClaim {
    model: MaturityModel,
    level: u8,
}

impl Maturity {
    /// Checks the level against its model.
    pub fn new(model: MaturityModel, level: u8) -> Result<Self, Refusal> {
        let highest = match model {
            MaturityModel::V1_1 => 4,
            MaturityModel::V2_0 => 7,
        };
        if level > highest {
            return Err(Refusal::new(Reason::MaturityInvalid).with("level", level).with("highest", highest));
        }
        Ok(Self { model, level })
    }

    /// The level.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The model.
    pub fn model(self) -> MaturityModel {
        self.model
    }
}

impl TryFrom<MaturityClaim> for Maturity {
    type Error = Refusal;

    fn try_from(claim: MaturityClaim) -> Result<Self, Refusal> {
        Self::new(claim.model, claim.level)
    }
}

impl From<Maturity> for MaturityClaim {
    fn from(maturity: Maturity) -> Self {
        Self { model: maturity.model, level: maturity.level }
    }
}

/// One version of a service on offer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Offering {
    /// Name of the offering, unique for its seller: `wohngeld`.
    pub name: OrgId,
    /// Counts up from 1; the highest wins.
    pub version: u32,
    /// Who sells it.
    pub seller: OrgId,
    /// Title for people.
    pub title: String,
    /// What it does, for people.
    pub description: String,
    /// LeiKa services it covers. A service is matched exactly; a parent covers its details only if declared.
    pub leika: Vec<LeikaKey>,
    /// The OZG service, if the catalogue has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ozg: Option<OzgId>,
    /// *Leika-Typ* codes, as the catalogue writes them: `2/3`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leika_types: Vec<String>,
    /// *Themenfeld*.
    pub topic: String,
    /// The Land that develops it, by its two-letter short form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_land: Option<String>,
    /// Whether its status as an EfA offering has been confirmed by a source.
    pub efa_confirmed: bool,
    /// Where it may be used.
    pub coverage: Vec<Area>,
    /// OZG maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// *Anbindungsart*: `fit-connect`, `osci-xta`, `datei` …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connection: Vec<String>,
    /// Portals it has been connected to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub portals: Vec<String>,
    /// *Fachverfahren* it delivers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub specialised_systems: Vec<String>,
    /// What must be there before it works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// DVDV keys under which its messages are delivered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dvdv: Vec<String>,
    /// What lets a municipality go elsewhere one day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sovereignty: Option<Sovereignty>,
    /// Under which numbers other catalogues list it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<CatalogueReference>,
    /// What it costs.
    pub price: Vec<Component>,
    /// What the price does not include, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_included: Vec<String>,
    /// Shortest contract.
    pub term_years_min: u32,
    /// Days of notice that end a contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice_days: Option<u32>,
    /// First day on which it may be ordered.
    pub valid_from: Date,
    /// Last day on which it may be ordered; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Date>,
    /// Where the facts come from.
    pub source: String,
    /// Facts that are assumptions of the demonstration, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
}

/// Facts about digital sovereignty, as published by the seller.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sovereignty {
    /// Licence of the source code, by its SPDX name: `EUPL-1.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Where the source code lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Where the data lie: a country, a computing centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_location: Option<String>,
    /// Open interfaces, by their names: `XÖV`, `REST`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
    /// How far it follows the *Deutschland-Stack*, in the words of its published assessment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d_stack: Option<String>,
}

impl Sovereignty {
    fn check(&self) -> Result<(), Refusal> {
        let texts = [
            ("licence", &self.licence, 100),
            ("repository", &self.repository, 300),
            ("data_location", &self.data_location, 200),
            ("d_stack", &self.d_stack, 100),
        ];
        for (field, text, chars_max) in texts {
            text.iter().try_for_each(|text| checked_title(field, text, chars_max))?;
        }
        checked_list("interfaces", self.interfaces.len(), 0)?;
        self.interfaces.iter().try_for_each(|name| checked_title("interfaces", name, 100))
    }
}

/// The number of an offering in another catalogue. A plain cross reference: nothing follows from it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CatalogueReference {
    /// The catalogue: `FIT-Store`, `govdigital`.
    pub catalogue: String,
    /// The number or address there.
    pub entry: String,
}

impl CatalogueReference {
    fn check(&self) -> Result<(), Refusal> {
        checked_title("catalogue", &self.catalogue, 100)?;
        checked_title("entry", &self.entry, 300)
    }
}

/// Longest list in an offering: a service bundle of the 2019 catalogue has at most 60 LeiKa services.
const LIST_MAX: usize = 100;

/// Longest notice an offering may ask for, in days: two years, beyond which the term itself is the rule.
pub const NOTICE_DAYS_MAX: u32 = 731;

pub use crate::domain::price::TERM_YEARS_MAX;

impl Offering {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_title("title", &self.title, 200)?;
        checked_lines("description", &self.description, TEXT_CHARS_MAX)?;
        checked_label("topic", &self.topic, 100)?;
        checked_text("source", &self.source, 500)?;
        checked_list("leika", self.leika.len(), 0)?;
        checked_list("coverage", self.coverage.len(), 1)?;
        check_items("price", &self.price)?;
        for (field, labels) in [
            ("leika_types", &self.leika_types),
            ("connection", &self.connection),
            ("portals", &self.portals),
            ("specialised_systems", &self.specialised_systems),
            ("dvdv", &self.dvdv),
        ] {
            checked_list(field, labels.len(), 0)?;
            labels.iter().try_for_each(|label| checked_label(field, label, 300))?;
        }
        for (field, texts) in [("not_included", &self.not_included), ("assumed", &self.assumed)] {
            checked_list(field, texts.len(), 0)?;
            texts.iter().try_for_each(|text| checked_text(field, text, 300))?;
        }
        check_distinct("requires", &self.requires)?;
        self.sovereignty.as_ref().map_or(Ok(()), Sovereignty::check)?;
        checked_list("references", self.references.len(), 0)?;
        self.references.iter().try_for_each(CatalogueReference::check)?;
        if let Some(land) = self.lead_land.as_ref().filter(|code| Land::all().all(|land| land.code() != *code)) {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "lead_land").with("value", shortened(land)));
        }
        if self.version == 0 {
            return Err(Refusal::new(Reason::OfferingVersion).with("version", self.version));
        }
        checked_count("version", self.version)?;
        if let Some(days) = self.notice_days.filter(|days| *days > NOTICE_DAYS_MAX) {
            let refusal = Refusal::new(Reason::FieldInvalid).with("field", "notice_days").with("value", days);
            return Err(refusal.with("at_most", NOTICE_DAYS_MAX));
        }
        if !(1..=TERM_YEARS_MAX).contains(&self.term_years_min) {
            return Err(Refusal::new(Reason::FieldInvalid)
                .with("field", "term_years_min")
                .with("value", self.term_years_min));
        }
        if self.valid_to.is_some_and(|end| end < self.valid_from) {
            return Err(Refusal::new(Reason::IntervalInvalid).with("field", "valid_to"));
        }
        Ok(())
    }

    /// Whether a contract may run so long.
    pub fn check_term(&self, years: u32) -> Result<(), Refusal> {
        if (self.term_years_min..=TERM_YEARS_MAX).contains(&years) {
            return Ok(());
        }
        let refusal = Refusal::new(Reason::FieldInvalid).with("field", "term_years");
        Err(refusal.with("at_least", self.term_years_min).with("at_most", TERM_YEARS_MAX))
    }

    /// Whether it may be ordered on that day.
    pub fn is_valid_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day <= end)
    }

    /// Whether a place may use it.
    pub fn covers(&self, place: &Area) -> bool {
        self.coverage.iter().any(|area| area.covers(place))
    }
}

fn checked_list(field: &'static str, length: usize, at_least: usize) -> Result<(), Refusal> {
    if (at_least..=LIST_MAX).contains(&length) {
        Ok(())
    } else {
        Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("entries", length))
    }
}

/// An offering is no longer on offer; orders sealed before stay as they are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Who sold it.
    pub seller: OrgId,
    /// Its name.
    pub name: OrgId,
    /// The newest version that is withdrawn; a later version puts it on offer again.
    pub version: u32,
    /// Why, for people.
    pub reason: String,
}

/// A municipality looks for a service (*Bedarf*); binds nobody.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Need {
    /// The municipality.
    pub municipality: OrgId,
    /// The services it looks for.
    pub leika: Vec<LeikaKey>,
    /// In words.
    pub note: String,
    /// Until when.
    pub until: Date,
    /// The cooperative that may order for it with others; any it may lawfully award to, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<OrgId>,
}

/// A need is no longer looked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NeedWithdrawal {
    /// The municipality.
    pub municipality: OrgId,
    /// Its need.
    pub need: StatementId,
    /// Why, for people.
    pub reason: String,
}

impl Withdrawal {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_count("version", self.version)?;
        checked_lines("reason", &self.reason, 500)
    }
}

impl NeedWithdrawal {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_lines("reason", &self.reason, 500)
    }
}

impl Need {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_list("leika", self.leika.len(), 0)?;
        checked_lines("note", &self.note, 1000)
    }

    /// Whether anything is still looked for.
    pub fn check_open(&self, today: Date) -> Result<(), Refusal> {
        if self.until >= today {
            return Ok(());
        }
        Err(Refusal::new(Reason::DayPast).with("field", "until").with("value", self.until).with("today", today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maturity_keeps_to_its_model() {
        assert!(Maturity::new(MaturityModel::V1_1, 5).is_err());
        assert!(Maturity::new(MaturityModel::V2_0, 7).is_ok());
    }
}
