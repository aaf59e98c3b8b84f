//! Orders: the messages of one attempt along one route, and the rules by which they fit together.
//!
//! The buyer's node decides. Endorsements go down the route, binding offers come back up, and one seal or void ends
//! the attempt for all parties at once. Every message names its predecessor by id. The same rules serve the node that
//! acts and the auditor who judges years later.
//!
//! [`attempt`] puts the messages of one attempt in their places, [`milestone`] and [`aftercare`] are what follows a seal,
//! [`settlement`] ends a contradiction after it, [`erasure`] lets words beside statements go, [`gathered`] is one order for several members of the buyer, [`mandate`] what lets it, [`call_off`] what each of them gets. [`approval`],
//! [`charges`], [`ending`], [`frozen`], [`orderable`] and [`timely`] are the rules that node and auditor ask alike.
use serde::{Deserialize, Serialize};

use crate::domain::fact_base::FactBase;
use crate::domain::grounds::Grounds;
use crate::domain::id::{Hash, NodeId, OfficerName, OrderId, OrgId, Origin, StatementId};
use crate::domain::law::cases::Court;
use crate::domain::law::{Award, Basis, Verdict};
use crate::domain::money::Cents;
use crate::domain::offering::TERM_YEARS_MAX;
use crate::domain::order::gathered::Gathered;
use crate::domain::price::{Component, Quantities};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::{ROUTE_LEGS_MAX, Route};
use crate::domain::rule_pack::RulePack;
use crate::domain::salt::Salt;
use crate::domain::text::{checked_label, checked_lines, checked_text, checked_word};
use crate::domain::time::{Date, Timestamp};

pub mod acts;
pub mod aftercare;
pub mod approval;
pub mod attempt;
pub mod call_off;
pub mod charges;
pub mod ending;
pub mod erasure;
pub mod frozen;
pub mod gathered;
pub mod mandate;
pub mod milestone;
pub mod orderable;
pub mod settlement;
pub mod timely;

pub use attempt::{Attempt, Placed};

/// Longest time from a request to its seal deadline: half a year covers a council's summer and winter recess.
pub const DEADLINE_DAYS_MAX: i64 = 180;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Longest note in a message: a paragraph.
pub const NOTE_CHARS_MAX: usize = 500;

/// Most routes a request says were considered: more than anyone compares, about four kilobytes.
pub const CONSIDERED_MAX: usize = 20;

/// An officer asks for an offering along a route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Derived from buyer and `request_id`.
    pub order: OrderId,
    /// Counts up from 1; a new attempt starts only after the last one is void.
    pub attempt: u32,
    /// Chosen by the officer's tool; repeating it repeats the order.
    pub request_id: String,
    /// Whether it binds or only asks (*Interessenbekundung*).
    pub mode: Mode,
    /// Who buys.
    pub buyer: OrgId,
    /// The offering, pinned to one version.
    pub offering: StatementId,
    /// From buyer to provider.
    pub route: Route,
    /// Day of award on which the legs are judged.
    pub as_of: Date,
    /// Day on which the award procedure began, if not that of the request: of a further attempt that of the first. It
    /// decides which law holds (section 187 (2) GWB).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procedure_began: Option<Date>,
    /// The rule pack for judging them.
    pub rule_pack: StatementId,
    /// What kind of contract it is.
    #[serde(default, skip_serializing_if = "Award::is_general")]
    pub award: Award,
    /// Contract length.
    pub term_years: u32,
    /// Highest total over the whole term.
    pub total_max: Cents,
    /// Until when the chain must be complete.
    pub quote_by: Timestamp,
    /// Until when the buyer may seal; offers bind until then.
    pub seal_by: Timestamp,
    /// The officer's leave to seal without another look, if everything holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_seal: Option<AutoSeal>,
    /// What the price depends on about the buyer, as the buyer says.
    #[serde(default, skip_serializing_if = "Quantities::is_empty")]
    pub quantities: Quantities,
    /// The buyer's own reference, e.g. a Leitweg-ID or budget line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// The routes the officer had before choosing, best first, the chosen one among them. Nothing rests on them; they
    /// are for the record (*Vergabevermerk*).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub considered: Vec<Considered>,
    /// The sealed order this one changes or prolongs; absent for an order of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amends: Option<Amends>,
    /// The members of the buyer for whom it orders; absent if it orders for itself.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "bundle")]
    pub gathered: Option<Gathered>,
    /// The need and the other offerings, for the record as well.
    #[serde(default, skip_serializing_if = "Grounds::is_empty")]
    pub grounds: Grounds,
    /// What it is needed for and why this was chosen: SHA-256 of the annex that says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex: Option<Hash>,
    /// Who orders.
    pub officer: OfficerName,
    /// When, by the officer's clock.
    pub signed_at: Timestamp,
    /// Hides the hash; known to the parties only.
    pub salt: Salt,
}

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

/// A route as the machine judged and priced it before the officer chose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Considered {
    /// From buyer to provider.
    pub route: Route,
    /// The worst of its legs.
    pub verdict: Verdict,
    /// Net, over the whole term; absent where it could not be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Cents>,
}

/// Whether a request binds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Asks for conditions; binds nobody.
    Interest,
    /// May be sealed.
    Binding,
}

impl Mode {
    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Binding, Lang::De) => "verbindliche Bestellung",
            (Self::Binding, Lang::En) => "binding order",
            (Self::Interest, Lang::De) => "Interessenbekundung, bindet niemanden",
            (Self::Interest, Lang::En) => "expression of interest, binds nobody",
        }
    }
}

/// Terms under which the buyer's node may seal by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AutoSeal {
    /// Whether legs that rest on assumed facts will do.
    pub accept_assumed: bool,
}

/// An officer approves a colleague's order, or decides what was held for a human.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The request it is about.
    pub request: StatementId,
    /// For whom.
    pub org: OrgId,
    /// Yes or no.
    pub approve: bool,
    /// Why, for people: SHA-256 of the annex that says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex: Option<Hash>,
    /// The machine's verdict on the organisation's leg, as the officer saw it: the leg towards it, for the buyer the
    /// one it awards. It stands beside the decision and never replaces it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegFinding>,
    /// Who decides.
    pub officer: OfficerName,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// How the signer found the leg towards it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LegFinding {
    /// Who awards.
    pub from: OrgId,
    /// To whom.
    pub to: OrgId,
    /// On which day.
    pub as_of: Date,
    /// The verdict.
    pub verdict: Verdict,
    /// The basis in section 108 GWB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// Whether it rests on assumed facts.
    pub assumed: bool,
    /// The facts it rests on.
    pub evidence: Vec<StatementId>,
}

impl LegFinding {
    /// Fulfilled, on no assumption and no contested reading of the law.
    pub fn is_without_reserve(&self) -> bool {
        self.verdict == Verdict::Fulfilled && !self.assumed
    }
}

/// A hop finds the leg towards it lawful and passes the request on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Endorse {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The hop.
    pub from: OrgId,
    /// The request, or the endorsement of the hop before.
    pub prev: StatementId,
    /// The leg towards the hop.
    pub leg: LegFinding,
    /// The human decision behind it; absent if a rule of the hop decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<StatementId>,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// The provider accepts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Accept {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The provider.
    pub from: OrgId,
    /// The endorsement of the last hop, or the request where there is none.
    pub prev: StatementId,
    /// The leg towards the provider.
    pub leg: LegFinding,
    /// What the provider charges.
    pub components: Vec<Component>,
    /// The human decision behind it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<StatementId>,
    /// Until when the offer binds.
    pub binds_until: Timestamp,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// A hop's binding offer for the leg towards it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counter {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The hop.
    pub from: OrgId,
    /// The acceptance, or the offer of the hop behind.
    pub prev: StatementId,
    /// What the hop itself charges.
    pub components: Vec<Component>,
    /// The published tariff behind it; absent if the hop has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tariff: Option<StatementId>,
    /// Until when the offer binds.
    pub binds_until: Timestamp,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// A hop declines or the provider rejects.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decline {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// Who.
    pub from: OrgId,
    /// The request.
    pub request: StatementId,
    /// The stable reason word.
    pub reason: String,
    /// The values behind the reason, as a program writes them; no words of a person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What a person says about it: SHA-256 of the annex of the decision behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex: Option<Hash>,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// The buyer binds all legs at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seal {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The buyer.
    pub buyer: OrgId,
    /// Request, endorsements down the route, acceptance, offers back up: their ids in this order.
    pub chain: Vec<StatementId>,
    /// The total over the whole term.
    pub total: Cents,
    /// Whose price follows from nothing it has published: the buyer agrees to it by name (*frei vereinbart*).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreed: Vec<OrgId>,
    /// Who seals; absent if the request's own leave did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerName>,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// Why an attempt ended without a seal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoidReason {
    /// The buyer cancelled.
    Cancelled,
    /// A deadline passed.
    Expired,
    /// A hop declined or the provider rejected.
    Rejected,
    /// The colleague's approval was refused.
    NotApproved,
    /// The sum of all offers exceeds the request's cap.
    PriceTooHigh,
    /// A leg no longer holds.
    Lapsed,
    /// The buyer tries another route.
    Rerouted,
    /// A party withdrew before the seal.
    Recalled,
    /// The buyer goes on with another request: an interest is raised to a binding one.
    Superseded,
}

/// The buyer's node ends an attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Void {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The buyer.
    pub buyer: OrgId,
    /// The request.
    pub request: StatementId,
    /// Why.
    pub reason: VoidReason,
    /// Who cancels; absent if a rule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerName>,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// A message has arrived, is stored and stands in the receiver's log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The receiver.
    pub from: OrgId,
    /// The message.
    pub message: StatementId,
    /// The receiver's log.
    pub log: Origin,
    /// Size of that log with the message in it.
    pub size: u64,
    /// When.
    pub received_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// A party withdraws what it has promised, before the seal (*Rücknahme*). It counts if the buyer's node has it in its log
/// before it writes the seal; a seal that came first stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recall {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// Who.
    pub from: OrgId,
    /// The request.
    pub request: StatementId,
    /// The stable reason word.
    pub reason: String,
    /// The values behind the reason, as a rule of the party writes them; an officer has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// An officer's words: SHA-256 of the annex that holds them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annex: Option<Hash>,
    /// Who withdraws; absent if a rule of the party did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerName>,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// A hop or the provider takes a seal that came late for binding: what comes late is a new offer (section 150 (1) BGB).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Confirm {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// Who.
    pub from: OrgId,
    /// The seal.
    pub seal: StatementId,
    /// Who confirms for it.
    pub officer: OfficerName,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// The buyer tells a party that its offer came after the end of the attempt (section 149 BGB).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LateNotice {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// The buyer.
    pub buyer: OrgId,
    /// For whom.
    pub to: OrgId,
    /// The offer that came late.
    pub message: StatementId,
    /// The void that came first.
    pub void: StatementId,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// What a person is reminded of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pending {
    /// A colleague's approval.
    Approval,
    /// A decision held for a human at a hop or at the provider.
    Decision,
    /// The seal.
    Seal,
}

/// A node reminds the officers of an organisation hosted there. Stays in that node's log, so that the audit trail shows
/// who was reminded of what and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reminder {
    /// The order.
    pub order: OrderId,
    /// The attempt.
    pub attempt: u32,
    /// Whose officers.
    pub org: OrgId,
    /// Of what.
    pub about: Pending,
    /// When the reminder was due.
    pub due: Timestamp,
    /// Until when something must be done.
    pub until: Timestamp,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

/// An officer proves identity to one node for one call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Access {
    /// For whom the officer acts.
    pub org: OrgId,
    /// The officer.
    pub officer: OfficerName,
    /// The node that is asked.
    pub node: NodeId,
    /// When.
    pub signed_at: Timestamp,
    /// Makes every proof different.
    pub salt: Salt,
}

impl Decline {
    /// The rules a refusal must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_word("reason", &self.reason)?;
        checked_lines("note", &self.note, NOTE_CHARS_MAX)
    }
}

impl Recall {
    /// The rules a recall must meet on its own. What an officer writes may name a person, and this can never be erased.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_word("reason", &self.reason)?;
        if self.officer.is_some() && !self.note.is_empty() {
            let refusal = Refusal::new(Reason::FieldInvalid).with("field", "note");
            return Err(refusal.with("rule", "an officer's words stand in the annex"));
        }
        checked_lines("note", &self.note, NOTE_CHARS_MAX)
    }
}

impl Seal {
    /// The rules a seal must meet on its own: it names no more messages and prices than the longest route has.
    pub fn check(&self) -> Result<(), Refusal> {
        let parties = ROUTE_LEGS_MAX + 1;
        let limits = [("chain", self.chain.len(), 2 * parties), ("agreed", self.agreed.len(), parties)];
        match limits.into_iter().find(|(_, count, limit)| count > limit) {
            Some((field, _, limit)) => {
                Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("at_most", limit))
            }
            None => Ok(()),
        }
    }
}

impl Request {
    /// The rules a request must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("request_id", &self.request_id, 100)?;
        checked_label("reference", &self.reference, 200)?;
        if self.route.buyer() != &self.buyer {
            return Err(Refusal::new(Reason::RouteInvalid).with("buyer", &self.buyer));
        }
        if self.order != OrderId::derive(&self.buyer, &self.request_id) {
            return Err(Refusal::new(Reason::OrderIdMismatch).with("order", self.order));
        }
        let refuse = |field| Err(Refusal::new(Reason::FieldInvalid).with("field", field));
        if self.attempt == 0 {
            return refuse("attempt");
        }
        if !(1..=TERM_YEARS_MAX).contains(&self.term_years) {
            return refuse("term_years").map_err(|refusal: Refusal| refusal.with("at_most", TERM_YEARS_MAX));
        }
        let ends = |route: &Route| route.buyer() == &self.buyer && route.provider() == self.route.provider();
        if self.considered.len() > CONSIDERED_MAX || !self.considered.iter().all(|seen| ends(&seen.route)) {
            return refuse("considered");
        }
        self.gathered.iter().try_for_each(|gathered| gathered.check(&self.buyer))?;
        if self.amends.as_ref().is_some_and(|amends| amends.order == self.order || self.mode != Mode::Binding) {
            return refuse("amends");
        }
        self.grounds.check(&self.offering, self.signed_at)?;
        self.check_procedure_day()?;
        let latest = self.signed_at.plus_ms(DEADLINE_DAYS_MAX * DAY_MS);
        if self.signed_at < self.quote_by && self.quote_by < self.seal_by && self.seal_by <= latest {
            Ok(())
        } else {
            Err(Refusal::new(Reason::DeadlineInvalid).with("quote_by", self.quote_by).with("seal_by", self.seal_by))
        }
    }

    /// What judges a leg of this order towards an organisation: the law of the day on which its procedure began, for its
    /// kind of contract, with what is known on a day.
    pub fn court<'f>(
        &self,
        facts: &'f FactBase,
        pack: (&'f StatementId, &'f RulePack),
        as_of: Date,
        known_on: Date,
        to: &OrgId,
    ) -> Court<'f> {
        Court {
            began: self.procedure_day(),
            award: self.award,
            is_last: to == self.route.provider(),
            is_change: self.is_change(),
            ..Court::on(facts, pack, as_of, known_on)
        }
    }

    /// Whether it changes a contract in force; one more term is no change but a contract anew.
    pub fn is_change(&self) -> bool {
        self.amends.as_ref().is_some_and(|amends| amends.what == Amendment::Change)
    }

    /// The day on which the award procedure began: an award without a formal one begins with its request.
    pub fn procedure_day(&self) -> Date {
        self.procedure_began.unwrap_or_else(|| self.signed_at.date())
    }

    /// Only a further attempt may have begun before it was signed: with the first one, which lies in the same log. Else
    /// a buyer could choose its law by a day that nobody has seen.
    fn check_procedure_day(&self) -> Result<(), Refusal> {
        let (began, signed) = (self.procedure_day(), self.signed_at.date());
        let refuse =
            |rule: &str| Err(Refusal::new(Reason::FieldInvalid).with("field", "procedure_began").with("rule", rule));
        if began > signed {
            return refuse("not after the day of the request");
        }
        if began < signed && self.attempt == 1 {
            return refuse("the first attempt begins on the day of its request");
        }
        Ok(())
    }
}
