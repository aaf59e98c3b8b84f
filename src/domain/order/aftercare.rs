//! What follows a seal: connection (*Anbindung*), productive use, change, prolongation, notice, a new contact, the end.
//!
//! What changes a contract is an order of its own on the same route with a seal of its own ([`Amends`]); until then the
//! old one stands. Everything else is one party's word to the others, a [`Milestone`].
use jiff::ToSpan as _;
use serde::{Deserialize, Serialize};

use crate::domain::id::{OfficerName, OrderId, OrgId, StatementId};
use crate::domain::order::attempt::Attempt;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::text::checked_text;
use crate::domain::time::{Date, Timestamp};

/// Notice to give where the offering says nothing, in days: a quarter, as the framework contracts of the cooperatives
/// commonly have it (assumed).
pub const NOTICE_DAYS_DEFAULT: u32 = 90;

/// Longest notice an offering may ask for, in days: two years, beyond which the term itself is the rule.
pub const NOTICE_DAYS_MAX: u32 = 731;

/// Most milestones one party may add to an order: a connection has five steps, a contract runs for years.
pub const MILESTONES_MAX: u32 = 200;

/// An order that changes a sealed one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Amends {
    /// The sealed order.
    pub order: OrderId,
    /// Its seal.
    pub seal: StatementId,
    /// What it does to it.
    pub what: Amendment,
}

/// What an order does to the one it amends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amendment {
    /// Other terms from now on.
    Change,
    /// A further term; section 108 GWB is judged again.
    Prolong,
}

impl Amends {
    /// The words for a person: what it does to which order.
    pub fn text(&self, lang: Lang) -> String {
        let verb = match (self.what, lang) {
            (Amendment::Change, Lang::De) => "ändert die Bestellung",
            (Amendment::Change, Lang::En) => "changes order",
            (Amendment::Prolong, Lang::De) => "verlängert die Bestellung",
            (Amendment::Prolong, Lang::En) => "prolongs order",
        };
        format!("{verb} {}", self.order)
    }
}

/// A step of the connection checklist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
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

impl Item {
    /// The whole checklist, in its usual order.
    pub const ALL: [Self; 5] = [Self::Contact, Self::Routing, Self::Interface, Self::Test, Self::Acceptance];

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
        item: Item,
    },
    /// The service is in productive use.
    Productive {
        /// Since when.
        since: Date,
    },
    /// Whom to ask from now on; the contract does not change. An office, not a person.
    Contact {
        /// The office.
        office: String,
    },
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
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
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
        checked_text("note", &self.note, 500)?;
        if !(1..=MILESTONES_MAX).contains(&self.number) {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "number").with("at_most", MILESTONES_MAX));
        }
        match &self.event {
            Event::Contact { office } if office.trim().is_empty() => {
                Err(Refusal::new(Reason::FieldInvalid).with("field", "office"))
            }
            Event::Contact { office } => checked_text("office", office, 200),
            _ => Ok(()),
        }
    }
}

/// Where a sealed order stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// Sealed; nothing done yet.
    Contracted,
    /// So many steps of the connection are done.
    Connecting(usize),
    /// In use since this day.
    Productive(Date),
    /// In force until this day, notice has been given.
    Terminated(Date),
    /// Over.
    Closed,
}

/// Where a sealed attempt stands; none without a seal.
pub fn phase(attempt: &Attempt) -> Option<Phase> {
    attempt.seal.as_ref()?;
    let events = || attempt.milestones.values().map(|milestone| &milestone.body().event);
    if events().any(|event| *event == Event::Closed) {
        return Some(Phase::Closed);
    }
    let ends =
        events().filter_map(|event| if let Event::Terminated { ends_on } = event { Some(*ends_on) } else { None });
    if let Some(ends_on) = ends.min() {
        return Some(Phase::Terminated(ends_on));
    }
    let since =
        events().filter_map(|event| if let Event::Productive { since } = event { Some(*since) } else { None });
    if let Some(since) = since.min() {
        return Some(Phase::Productive(since));
    }
    match connected(attempt).len() {
        0 => Some(Phase::Contracted),
        done => Some(Phase::Connecting(done)),
    }
}

/// The steps of the connection that are done, in their usual order.
pub fn connected(attempt: &Attempt) -> Vec<Item> {
    let done = |item: &Item| {
        let is_it = |event: &Event| matches!(event, Event::Connected { item: done } if done == item);
        attempt.milestones.values().any(|milestone| is_it(&milestone.body().event))
    };
    Item::ALL.into_iter().filter(done).collect()
}

/// Whom to ask, as each party last said.
pub fn contacts(attempt: &Attempt) -> Vec<(OrgId, String)> {
    let mut contacts = std::collections::BTreeMap::new();
    for milestone in attempt.milestones.values().map(|milestone| milestone.body()) {
        if let Event::Contact { office } = &milestone.event {
            contacts.insert(milestone.from.clone(), office.clone());
        }
    }
    contacts.into_iter().collect()
}

/// The rules of a milestone beside the attempt it belongs to.
pub(super) fn check_milestone(attempt: &Attempt, milestone: &Milestone) -> Result<(), Refusal> {
    let position = attempt.position(&milestone.from)?;
    let seal = attempt.seal.as_ref().map(|seal| seal.id());
    if seal != Some(milestone.seal) {
        return Err(Refusal::new(Reason::ChainBroken).with("rule", "a milestone follows the seal"));
    }
    let refuse = |rule: &str| Err(Refusal::new(Reason::OrderState).with("rule", rule));
    let (buys, sells) = (position == 0, position == attempt.legs());
    match milestone.event {
        Event::Productive { .. } | Event::Terminated { .. } if !buys && !sells => {
            refuse("said by the buyer or the provider")
        }
        Event::Connected { item: Item::Acceptance } | Event::Closed if !buys => refuse("said by the buyer"),
        _ => Ok(()),
    }
}

/// The first day on which notice given on `given` may end a contract.
pub fn notice_ends(given: Date, notice_days: Option<u32>) -> Date {
    let days = i64::from(notice_days.unwrap_or(NOTICE_DAYS_DEFAULT).min(NOTICE_DAYS_MAX));
    given.saturating_add(days.days())
}

/// The rules that what happens now must meet: notice is kept, and nothing happens to what is over. They are not asked
/// of what others have said.
pub fn check_timely(attempt: &Attempt, milestone: &Milestone, notice_days: Option<u32>) -> Result<(), Refusal> {
    let state = |rule: &str| Err(Refusal::new(Reason::OrderState).with("rule", rule));
    match (phase(attempt), &milestone.event) {
        (Some(Phase::Closed), _) => state("the order is closed"),
        (Some(Phase::Terminated(_)), Event::Terminated { .. }) => state("notice has been given"),
        (Some(Phase::Terminated(ends_on)), Event::Closed) if milestone.signed_at.date() <= ends_on => {
            Err(Refusal::new(Reason::OrderState).with("rule", "still in force").with("ends_on", ends_on))
        }
        (_, Event::Terminated { ends_on }) => {
            let earliest = notice_ends(milestone.signed_at.date(), notice_days);
            if *ends_on >= earliest {
                return Ok(());
            }
            Err(Refusal::new(Reason::NoticeTooShort).with("ends_on", ends_on).with("earliest", earliest))
        }
        _ => Ok(()),
    }
}
