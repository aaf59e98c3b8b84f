//! A milestone: what one party of a sealed order tells the others.
use serde::{Deserialize, Serialize};

use crate::domain::id::{Hash, OfficerName, OrderId, OrgId, StatementId};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::time::{Date, Timestamp};

/// Most milestones one party may add to an order: a connection has five steps, a contract runs for years.
pub const MILESTONES_MAX: u32 = 200;

/// A step of the connection checklist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionStep {
    /// A contact is named on both sides.
    Contact,
    /// The competent authority is entered where the service looks it up.
    Routing,
    /// Interface and specialised system are connected.
    Interface,
    /// A test case has passed from application to file.
    Test,
    /// The buyer has accepted.
    Acceptance,
}

impl ConnectionStep {
    /// The whole checklist, in its usual order.
    pub const ALL: [Self; 5] = [Self::Contact, Self::Routing, Self::Interface, Self::Test, Self::Acceptance];

    /// What it is called.
    pub fn title(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Contact, Lang::De) => "Ansprechstellen",
            (Self::Contact, Lang::En) => "Contacts",
            (Self::Routing, Lang::De) => "Zuständigkeit",
            (Self::Routing, Lang::En) => "Competent authority",
            (Self::Interface, Lang::De) => "Schnittstelle",
            (Self::Interface, Lang::En) => "Interface",
            (Self::Test, Lang::De) => "Testfall",
            (Self::Test, Lang::En) => "Test case",
            (Self::Acceptance, Lang::De) => "Abnahme",
            (Self::Acceptance, Lang::En) => "Acceptance",
        }
    }

    /// The words for a person; the German ones name the command's word as well.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (_, Lang::En) => self.word(),
            (Self::Contact, Lang::De) => "Ansprechstellen (contact)",
            (Self::Routing, Lang::De) => "Zuständigkeit (routing)",
            (Self::Interface, Lang::De) => "Schnittstelle (interface)",
            (Self::Test, Lang::De) => "Testfall (test)",
            (Self::Acceptance, Lang::De) => "Abnahme (acceptance)",
        }
    }

    /// The word in statements and commands.
    pub fn word(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Routing => "routing",
            Self::Interface => "interface",
            Self::Test => "test",
            Self::Acceptance => "acceptance",
        }
    }
}

/// What has happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A step of the connection is done.
    Connected {
        /// Which.
        item: ConnectionStep,
    },
    /// The service is in productive use.
    Productive {
        /// Since when.
        since: Date,
    },
    /// Whom to ask from now on stands in the annex, as it may be a person; the contract does not change.
    Contact,
    /// Notice is given (*Kündigung*).
    Terminated {
        /// Last day of the contract.
        ends_on: Date,
    },
    /// The contract has ended and everything is settled.
    Closed,
}

/// One party tells the others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Milestone {
    /// The order.
    pub order: OrderId,
    /// The attempt that was sealed.
    pub attempt: u32,
    /// The seal.
    pub seal: StatementId,
    /// Who says so.
    pub from: OrgId,
    /// Counts up from 1, for each party.
    pub number: u32,
    /// What has happened.
    pub event: Event,
    /// In words: SHA-256 of the annex that holds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex: Option<Hash>,
    /// Who of the party says so.
    pub officer: OfficerName,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

impl Milestone {
    /// The rules it must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        if !(1..=MILESTONES_MAX).contains(&self.number) {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "number").with("at_most", MILESTONES_MAX));
        }
        if self.event == Event::Contact && self.annex.is_none() {
            let refusal = Refusal::new(Reason::FieldInvalid).with("field", "annex");
            return Err(refusal.with("rule", "whom to ask stands in the annex"));
        }
        Ok(())
    }
}
