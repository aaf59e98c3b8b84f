//! What a municipality runs, so that offerings can be told that fit it, and what was tried on its portal.
use serde::{Deserialize, Serialize};

use crate::domain::id::{OrgId, StatementId, checked_count};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::text::{checked_label, checked_lines, checked_text, checked_title};
use crate::domain::time::Date;

/// What an offering needs to be there before it works. Each is a task of its own for a municipality that lacks it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// A citizen account that people sign in with: *BundID*, *Mein Unternehmenskonto*.
    Account,
    /// A mailbox into which decisions are delivered.
    Mailbox,
    /// An e-payment service.
    Payment,
    /// A document management system that takes files over.
    Dms,
}

impl Requirement {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Account, Self::Mailbox, Self::Payment, Self::Dms];

    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        let [de, en] = match self {
            Self::Account => ["Nutzerkonto", "citizen account"],
            Self::Mailbox => ["Postfach", "mailbox"],
            Self::Payment => ["E-Payment", "e-payment"],
            Self::Dms => ["Dokumentenverwaltung", "document management"],
        };
        if lang == Lang::De { de } else { en }
    }

    /// The one with that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// The word in statements and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Mailbox => "mailbox",
            Self::Payment => "payment",
            Self::Dms => "dms",
        }
    }
}

/// What a municipality runs (*Anbindungsprofil*). Public, so that every node sorts offerings alike.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConnectionProfile {
    /// The municipality.
    pub municipality: OrgId,
    /// Counts up from 1; the highest wins.
    pub version: u32,
    /// Portals: `IKISS`, `dBürgerportal`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub portals: Vec<String>,
    /// *Fachverfahren*.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub specialised_systems: Vec<String>,
    /// *Anbindungsarten* that it can take: `fit-connect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connection: Vec<String>,
    /// What of [`Requirement`] is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<Requirement>,
    /// Whether its website takes over descriptions and links from the Land's *BUS* or *PVOG* by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bus: Option<bool>,
    /// Where this is from.
    pub source: String,
    /// What of it is an assumption of the demonstration, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
}

/// Most entries in a list of a profile: a town runs a few dozen *Fachverfahren*.
const LIST_MAX: usize = 100;

impl ConnectionProfile {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_count("version", self.version)?;
        let labels = [
            ("portals", &self.portals),
            ("specialised_systems", &self.specialised_systems),
            ("connection", &self.connection),
        ];
        for (field, labels) in labels {
            checked_list(field, labels.len())?;
            labels.iter().try_for_each(|label| checked_title(field, label, 300))?;
        }
        check_distinct("provides", &self.provides)?;
        checked_text("source", &self.source, 500)?;
        checked_list("assumed", self.assumed.len())?;
        self.assumed.iter().try_for_each(|text| checked_text("assumed", text, 300))
    }
}

/// Each requirement stands once.
pub fn check_distinct(field: &'static str, words: &[Requirement]) -> Result<(), Refusal> {
    match (1..words.len()).find(|at| words[..*at].contains(&words[*at])) {
        Some(at) => Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("twice", words[at].word())),
        None => Ok(()),
    }
}

fn checked_list(field: &'static str, length: usize) -> Result<(), Refusal> {
    if length <= LIST_MAX {
        return Ok(());
    }
    Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("entries", length).with("at_most", LIST_MAX))
}

/// How a trial ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It works.
    Passed,
    /// It works in part; the words say what does not.
    Partly,
    /// It does not work.
    Failed,
}

impl Outcome {
    /// The word in statements and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Partly => "partly",
            Self::Failed => "failed",
        }
    }
}

/// An offering was tried on a portal in a municipality.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConnectionReport {
    /// The municipality.
    pub municipality: OrgId,
    /// The portal, e.g. `IKISS`.
    pub portal: String,
    /// The offering's version, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offering: Option<StatementId>,
    /// How it ended, where that is clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What was found, in words.
    pub result: String,
    /// The day it was reported or became public.
    pub reported_on: Date,
    /// Where this is from.
    pub source: String,
}

impl ConnectionReport {
    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_label("portal", &self.portal, 100)?;
        checked_lines("result", &self.result, 1000)?;
        checked_text("source", &self.source, 500)
    }

    /// Nobody reports what has yet to be tried.
    pub fn check_happened(&self, today: Date) -> Result<(), Refusal> {
        if self.reported_on <= today {
            return Ok(());
        }
        let refusal = Refusal::new(Reason::DayAhead).with("field", "reported_on").with("value", self.reported_on);
        Err(refusal.with("today", today))
    }
}
