//! Who has an order, since when, what happens next and when, and what a person can do about it.
//!
//! Reads what the node knows and decides nothing: a hop knows only what passed through it, so its answer ends where
//! its knowledge ends.
use crate::domain::annex;
use crate::domain::id::{Hash, NodeId, OrderId, OrgId, StatementId};
use crate::domain::order::approval::Approval;
use crate::domain::order::{Attempt, Mode, VoidReason};
use crate::domain::reason::{Lang, Refusal};
use crate::domain::statement::{Kind, Verified};
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::brokering::latest_answer;
use crate::protocol::brokering::overdue::Overdue;
use crate::protocol::settings::Deciding;
use crate::protocol::state::Order;

#[cfg(test)]
pub(crate) mod fixture;
pub mod orderable;

/// Where an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// A colleague of the buyer must approve.
    AwaitingApproval,
    /// On its way down the chain or back.
    InChain,
    /// All offers are here; the buyer decides.
    Offered,
    /// All legs are bound.
    Sealed,
    /// Ended without a seal.
    Void(VoidReason),
    /// Two statements contradict each other; frozen.
    Disputed,
    /// The deadline has passed, and so many entries of the buyer's log prove that no seal was written.
    Unsealed(u64),
}

/// What the organisation whose turn it is has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Task {
    /// Approve a colleague's order.
    Approve,
    /// Find the leg towards it lawful, and pass the request on.
    Endorse,
    /// Accept, with a price.
    Accept,
    /// Make the leg towards it a binding offer.
    Offer,
    /// Seal or let go.
    Seal,
    /// End the attempt: someone has declined.
    Close,
    /// Settle a contradiction.
    Clarify,
    /// Learn of the seal of the order that this one amends; nothing a person can do.
    AwaitSeal,
}

/// Whose turn it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    /// Who.
    pub org: OrgId,
    /// The node that hosts it, where that is known.
    pub node: Option<NodeId>,
    /// What it has to do.
    pub task: Task,
    /// Whether a person must decide at this very node: its rule did not.
    pub held_here: bool,
}

/// What happens by itself if nobody acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consequence {
    /// The organisation whose turn it is declines.
    Declines,
    /// The order ends as expired.
    Expires,
}

/// Something a person can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// Approve a colleague's order, or refuse it.
    Approve,
    /// Decide what the organisation's rule left to a person.
    Decide,
    /// Seal.
    Seal,
    /// Cancel.
    Cancel,
    /// Ask the organisation whose turn it is.
    Ask(OrgId),
    /// Order again.
    Reorder,
    /// Try another route.
    Reroute,
    /// Raise an interest to a binding request.
    Raise,
    /// Withdraw what the organisation has promised.
    Recall,
    /// Take a seal for binding that came late.
    Confirm,
    /// Settle a contradiction with the other party.
    Settle,
    /// Say what has happened after the seal.
    Report,
    /// Talk to the parties about a contradiction.
    Clarify,
    /// Fetch the evidence.
    Evidence,
    /// Nothing but wait.
    Wait,
}

/// One message of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// Its kind.
    pub kind: Kind,
    /// Who signed it.
    pub by: OrgId,
    /// The statement.
    pub id: StatementId,
    /// When, by the signer's clock.
    pub at: Timestamp,
    /// The annex it names.
    pub annex: Option<Hash>,
}

/// A message without its receipt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// For whom.
    pub to: OrgId,
    /// The node that hosts the receiver, where that is known.
    pub node: Option<NodeId>,
    /// The message.
    pub message: StatementId,
    /// The last failure, if it was tried.
    pub last_error: Option<Refusal>,
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// Where the order stands.
    pub stage: Stage,
    /// Whether it binds.
    pub mode: Mode,
    /// Whose turn it is; nobody's once the order is decided.
    pub turn: Option<Turn>,
    /// When the newest message was signed.
    pub since: Timestamp,
    /// What happens by itself, and when.
    pub consequence: Option<(Consequence, Timestamp)>,
    /// What an officer of the asking organisation can do.
    pub choices: Vec<Choice>,
    /// What has not been receipted.
    pub waiting: Vec<Waiting>,
    /// Why it needs attention, and since when.
    pub overdue: Option<(Overdue, Timestamp)>,
    /// Of a seal that came late, who has not confirmed it yet; none if it came in time.
    pub unconfirmed: Option<Vec<OrgId>>,
    /// How many statements contradict the seal and are not settled. They hold nothing up.
    pub unsettled: usize,
}

impl Node {
    /// Explains an order to an officer of `for_org`.
    pub fn explain(&self, order: OrderId, for_org: &OrgId, now: Timestamp) -> Result<Explanation, Refusal> {
        let unknown = || self.order_unknown(order);
        let known = self.state.orders.get(&order).ok_or_else(unknown)?;
        let attempt = known.current().ok_or_else(unknown)?;
        let (stage, turn) = self.stage_and_turn(known, attempt, now);
        let said = said(attempt).into_iter().filter(|said| said.kind != Kind::Reminder);
        let since = said.map(|said| said.at).max().unwrap_or_default();
        let consequence = self.consequence(stage, turn.as_ref(), attempt);
        let mode = attempt.request.body().mode;
        let mut choices = choices(stage, mode, turn.as_ref(), &attempt.request.body().buyer, for_org);
        if attempt.outcome().is_none() && has_promised(attempt, for_org) && stage != Stage::Disputed {
            choices.push(Choice::Recall);
        }
        let (overdue, waiting) = (self.overdue(order, now), self.waiting(order));
        let unconfirmed = self.unconfirmed(attempt).map(|late| late.into_iter().cloned().collect::<Vec<_>>());
        let unsettled = known.unsettled().len();
        if stage == Stage::Sealed && unsettled > 0 {
            choices.insert(0, Choice::Settle);
        }
        if unconfirmed.iter().flatten().any(|org| org == for_org) {
            choices.insert(0, Choice::Confirm);
        }
        Ok(Explanation { stage, mode, turn, since, consequence, choices, waiting, overdue, unconfirmed, unsettled })
    }

    fn stage_and_turn(&self, known: &Order, attempt: &Attempt, now: Timestamp) -> (Stage, Option<Turn>) {
        let buyer = &attempt.request.body().buyer;
        if let Some(entries) = self.proven_unsealed(attempt, now) {
            return (Stage::Unsealed(entries), None);
        }
        if known.is_disputed() || known.has_two_outcomes() || self.lost_outcome(attempt).is_some() {
            return (Stage::Disputed, Some(self.turn(buyer, Task::Clarify)));
        }
        if attempt.seal.is_some() {
            return (Stage::Sealed, None);
        }
        if let Some(void) = &attempt.void {
            return (Stage::Void(void.body().reason), None);
        }
        let (org, task) = next_turn(attempt, self.approval(attempt));
        let awaits_seal = is_decision(task) && self.state.is_local(org) && self.awaits_seal(attempt.request.body());
        let task = if awaits_seal { Task::AwaitSeal } else { task };
        let stage = match task {
            Task::Approve => Stage::AwaitingApproval,
            Task::Seal => Stage::Offered,
            _ => Stage::InChain,
        };
        (stage, Some(self.turn(org, task)))
    }

    fn turn(&self, org: &OrgId, task: Task) -> Turn {
        let node = self.home_node(org);
        // What a rule may decide is decided in the same step; what is still open here waits for a person.
        let held_here = is_decision(task) && self.state.is_local(org) && self.settings.policies.contains_key(org);
        Turn { org: org.clone(), node, task, held_here }
    }

    fn home_node(&self, org: &OrgId) -> Option<NodeId> {
        self.state.registry.home(org).ok().map(|log| log.origin().node.clone())
    }

    fn consequence(&self, stage: Stage, turn: Option<&Turn>, attempt: &Attempt) -> Option<(Consequence, Timestamp)> {
        let request = attempt.request.body();
        match (stage, turn) {
            (Stage::AwaitingApproval, _) => Some((Consequence::Expires, request.quote_by)),
            (Stage::Offered, _) => Some((Consequence::Expires, request.seal_by)),
            (Stage::InChain, Some(turn)) if turn.task == Task::Close => None,
            (Stage::InChain, Some(turn)) if turn.task == Task::AwaitSeal => {
                let at = attempt.position(&turn.org).unwrap_or(1);
                Some((Consequence::Declines, latest_answer(attempt, at)))
            }
            (Stage::InChain, Some(turn)) if turn.held_here => {
                Some((Consequence::Declines, self.held_until(attempt, &turn.org)))
            }
            (Stage::InChain, _) => Some((Consequence::Expires, request.quote_by)),
            _ => None,
        }
    }

    /// Until when a decision held for a person here can be given.
    fn held_until(&self, attempt: &Attempt, org: &OrgId) -> Timestamp {
        let latest = latest_answer(attempt, attempt.position(org).unwrap_or(1));
        match self.settings.policies.get(org).map(|policy| &policy.deciding) {
            Some(Deciding::Officer { within_ms }) => attempt.request.body().signed_at.plus_ms(*within_ms).min(latest),
            _ => latest,
        }
    }

    /// Messages of an order that have not been receipted, with the last failure of each.
    pub fn waiting(&self, order: OrderId) -> Vec<Waiting> {
        let waiting = self.outbox.waiting(order).map(|(key, sending)| Waiting {
            to: key.to.clone(),
            node: self.home_node(&key.to),
            message: key.message,
            last_error: sending.last_error.clone(),
        });
        waiting.collect()
    }
}

/// What a rule or a person of the organisation decides.
fn is_decision(task: Task) -> bool {
    matches!(task, Task::Endorse | Task::Accept)
}

/// Who acts next, as far as the messages known here tell.
fn next_turn(attempt: &Attempt, approval: Approval) -> (&OrgId, Task) {
    let parties = attempt.route().parties();
    let (buyer, last) = (&parties[0], attempt.legs());
    match approval {
        Approval::Awaited(_) => return (buyer, Task::Approve),
        Approval::Refused(_) => return (buyer, Task::Close),
        Approval::Given if !attempt.declines.is_empty() || !attempt.recalls.is_empty() => {
            return (buyer, Task::Close);
        }
        Approval::Given => {}
    }
    if let Some(at) = (1..last).find(|at| !attempt.endorsements.contains_key(at)) {
        return (&parties[at], Task::Endorse);
    }
    if attempt.acceptance.is_none() {
        return (&parties[last], Task::Accept);
    }
    match (1..last).rev().find(|at| !attempt.counters.contains_key(at)) {
        Some(at) => (&parties[at], Task::Offer),
        None => (buyer, Task::Seal),
    }
}

fn choices(stage: Stage, mode: Mode, turn: Option<&Turn>, buyer: &OrgId, for_org: &OrgId) -> Vec<Choice> {
    let is_buyer = buyer == for_org;
    let decides = turn.is_some_and(|turn| turn.held_here && turn.org == *for_org);
    let other = turn.filter(|turn| turn.org != *for_org).map(|turn| Choice::Ask(turn.org.clone()));
    let cancel = is_buyer.then_some(Choice::Cancel);
    let own = match stage {
        Stage::Disputed => return vec![Choice::Clarify, Choice::Evidence],
        Stage::Sealed => return vec![Choice::Report, Choice::Evidence],
        // What was ended so goes on, also for whom the second statement of the two was lost.
        Stage::Void(VoidReason::Superseded) if is_buyer && mode == Mode::Interest => {
            return vec![Choice::Raise, Choice::Reorder, Choice::Evidence];
        }
        Stage::Void(VoidReason::Expired | VoidReason::Rejected | VoidReason::Recalled | VoidReason::Rerouted)
            if is_buyer =>
        {
            return vec![Choice::Reroute, Choice::Reorder, Choice::Evidence];
        }
        Stage::Void(_) if is_buyer => return vec![Choice::Reorder, Choice::Evidence],
        Stage::Void(_) | Stage::Unsealed(_) => return vec![Choice::Evidence],
        Stage::AwaitingApproval => is_buyer.then_some(Choice::Approve),
        Stage::InChain => decides.then_some(Choice::Decide),
        Stage::Offered if mode == Mode::Interest => is_buyer.then_some(Choice::Raise),
        Stage::Offered => is_buyer.then_some(Choice::Seal),
    };
    let choices: Vec<Choice> = own.into_iter().chain(other).chain(cancel).collect();
    if choices.is_empty() { vec![Choice::Wait] } else { choices }
}

/// Every message of an attempt, in the order in which they fit together.
pub fn said(attempt: &Attempt) -> Vec<Said> {
    fn one<T>(kind: Kind, message: &Verified<T>, by: &OrgId, at: Timestamp) -> Said {
        Said { kind, by: by.clone(), id: message.id(), at, annex: annex::named(message.signed()) }
    }
    let request = &attempt.request;
    let mut all = vec![one(Kind::Request, request, &request.body().buyer, request.body().signed_at)];
    all.extend(attempt.decisions.values().map(|m| one(Kind::Decision, m, &m.body().org, m.body().signed_at)));
    all.extend(attempt.endorsements.values().map(|m| one(Kind::Endorse, m, &m.body().from, m.body().signed_at)));
    all.extend(attempt.acceptance.iter().map(|m| one(Kind::Accept, m, &m.body().from, m.body().signed_at)));
    all.extend(attempt.counters.values().rev().map(|m| one(Kind::Counter, m, &m.body().from, m.body().signed_at)));
    all.extend(attempt.declines.values().map(|m| {
        let kind = m.signed().kind().clone();
        one(kind, m, &m.body().from, m.body().signed_at)
    }));
    all.extend(attempt.confirmations.values().map(|m| one(Kind::Confirm, m, &m.body().from, m.body().signed_at)));
    all.extend(attempt.recalls.values().map(|m| one(Kind::Recall, m, &m.body().from, m.body().signed_at)));
    all.extend(attempt.seal.iter().map(|m| one(Kind::Seal, m, &m.body().buyer, m.body().signed_at)));
    all.extend(attempt.void.iter().map(|m| one(Kind::Void, m, &m.body().buyer, m.body().signed_at)));
    all.extend(attempt.late.values().map(|m| one(Kind::LateNotice, m, &m.body().buyer, m.body().signed_at)));
    all.extend(attempt.reminders.values().map(|m| one(Kind::Reminder, m, &m.body().org, m.body().signed_at)));
    all.extend(attempt.settlements.values().map(|m| one(Kind::Settlement, m, &m.body().from, m.body().signed_at)));
    all.extend(attempt.erasures.values().map(|m| one(Kind::Erasure, m, &m.body().from, m.body().signed_at)));
    all.extend(attempt.milestones.values().map(|m| one(Kind::Milestone, m, &m.body().from, m.body().signed_at)));
    all
}

/// Whether an organisation has promised something that it may withdraw.
fn has_promised(attempt: &Attempt, org: &OrgId) -> bool {
    let Ok(at) = attempt.position(org) else { return false };
    let endorsed = attempt.endorsements.contains_key(&at);
    let withdrawn = attempt.recalls.contains_key(&at) || attempt.declines.contains_key(&at);
    at > 0 && !withdrawn && (endorsed || at == attempt.legs() && attempt.acceptance.is_some())
}

impl Choice {
    /// The stable word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decide => "decide",
            Self::Seal => "seal",
            Self::Cancel => "cancel",
            Self::Ask(_) => "ask",
            Self::Reorder => "reorder",
            Self::Reroute => "reroute",
            Self::Raise => "raise",
            Self::Recall => "recall",
            Self::Confirm => "confirm",
            Self::Settle => "settle",
            Self::Report => "report",
            Self::Clarify => "clarify",
            Self::Evidence => "evidence",
            Self::Wait => "wait",
        }
    }

    /// One sentence, with the command.
    pub fn text(&self, lang: Lang) -> String {
        let text = match (self, lang) {
            (Self::Ask(org), Lang::De) => return format!("Bei {org} nachfragen."),
            (Self::Ask(org), Lang::En) => return format!("Ask {org}."),
            (Self::Approve, Lang::De) => {
                "Als zweite Person genehmigen oder ablehnen: `verbund order approve` (`refuse`)."
            }
            (Self::Approve, Lang::En) => "Approve or refuse as a second person: `verbund order approve` (`refuse`).",
            (Self::Decide, Lang::De) => "Zusagen oder ablehnen: `verbund order approve` (`refuse`).",
            (Self::Decide, Lang::En) => "Agree or refuse: `verbund order approve` (`refuse`).",
            (Self::Seal, Lang::De) => "Verbindlich abschließen: `verbund order seal`.",
            (Self::Seal, Lang::En) => "Bind all parties: `verbund order seal`.",
            (Self::Cancel, Lang::De) => "Zurückziehen: `verbund order cancel`.",
            (Self::Cancel, Lang::En) => "Cancel: `verbund order cancel`.",
            (Self::Reorder, Lang::De) => "Neu bestellen: `verbund order submit`.",
            (Self::Reorder, Lang::En) => "Order again: `verbund order submit`.",
            (Self::Reroute, Lang::De) => "Einen anderen Weg versuchen: `verbund order reroute`.",
            (Self::Reroute, Lang::En) => "Try another route: `verbund order reroute`.",
            (Self::Raise, Lang::De) => "Verbindlich anfragen: `verbund order raise`.",
            (Self::Raise, Lang::En) => "Raise to a binding request: `verbund order raise`.",
            (Self::Recall, Lang::De) => "Die eigene Zusage zurücknehmen: `verbund order recall`.",
            (Self::Recall, Lang::En) => "Withdraw your promise: `verbund order recall`.",
            (Self::Confirm, Lang::De) => "Den verspäteten Abschluss bestätigen: `verbund order confirm`.",
            (Self::Confirm, Lang::En) => "Confirm the late seal: `verbund order confirm`.",
            (Self::Settle, Lang::De) => {
                "Den Widerspruch mit dem anderen Beteiligten beilegen: `verbund order settle`."
            }
            (Self::Settle, Lang::En) => "Settle the contradiction with the other party: `verbund order settle`.",
            (Self::Report, Lang::De) => "Anbindung, Betrieb, Kündigung melden: `verbund order report`.",
            (Self::Report, Lang::En) => "Report connection, use, notice: `verbund order report`.",
            (Self::Clarify, Lang::De) => "Beide Fassungen vergleichen und die Beteiligten ansprechen.",
            (Self::Clarify, Lang::En) => "Compare both versions and talk to the parties.",
            (Self::Evidence, Lang::De) => "Das Prüfpaket abrufen: `verbund audit bundle`.",
            (Self::Evidence, Lang::En) => "Fetch the evidence: `verbund audit bundle`.",
            (Self::Wait, Lang::De) => "Abwarten; der Knoten handelt von selbst.",
            (Self::Wait, Lang::En) => "Wait; the node acts by itself.",
        };
        text.to_owned()
    }
}

impl Explanation {
    /// All of it in a few sentences.
    pub fn text(&self, lang: Lang) -> String {
        let mut sentences = vec![self.stage_text(lang)];
        sentences.push(match lang {
            Lang::De => format!("Letzte Erklärung: {}.", self.since.told(lang)),
            Lang::En => format!("Last statement: {}.", self.since.told(lang)),
        });
        sentences.extend(self.unsettled_text(lang));
        sentences.extend(self.consequence_text(lang));
        sentences.extend(self.waiting_text(lang));
        sentences.extend(self.overdue.map(|(why, since)| overdue_text(why, since, lang)));
        sentences.join(" ")
    }

    fn stage_text(&self, lang: Lang) -> String {
        match (self.stage, &self.turn) {
            (Stage::Sealed, _) => sealed_text(self.unconfirmed.as_deref(), lang),
            (Stage::Void(reason), _) => void_text(reason, lang).to_owned(),
            (Stage::Unsealed(entries), _) => match lang {
                Lang::De => format!(
                    "Die Frist ist vorbei, und {entries} Einträge im Protokoll des Bestellers belegen, dass nicht \
                     abgeschlossen wurde. Niemand ist gebunden."
                ),
                Lang::En => format!(
                    "The deadline has passed, and {entries} entries of the buyer's log prove that no seal was written. \
                     Nobody is bound."
                ),
            },
            (_, Some(turn)) => turn_text(turn, self.mode, lang),
            (_, None) => match lang {
                Lang::De => "Niemand ist an der Reihe.".to_owned(),
                Lang::En => "It is nobody's turn.".to_owned(),
            },
        }
    }

    fn unsettled_text(&self, lang: Lang) -> Option<String> {
        let count = self.unsettled;
        let told = self.stage == Stage::Sealed && count > 0;
        told.then(|| match lang {
            Lang::De => format!("Nicht beigelegte Widersprüche: {count}; sie halten nichts auf."),
            Lang::En => format!("Contradictions not settled: {count}; they hold nothing up."),
        })
    }

    fn consequence_text(&self, lang: Lang) -> Option<String> {
        let (consequence, at) = self.consequence?;
        let org = self.turn.as_ref().map(|turn| turn.org.as_str()).unwrap_or_default();
        let at = at.told(lang);
        Some(match (consequence, lang) {
            (Consequence::Declines, Lang::De) => format!("Geschieht nichts, lehnt {org} nach dem {at} ab."),
            (Consequence::Declines, Lang::En) => format!("If nobody acts, {org} declines after {at}."),
            (Consequence::Expires, Lang::De) => format!("Geschieht nichts, endet sie nach dem {at} als abgelaufen."),
            (Consequence::Expires, Lang::En) => format!("If nobody acts, it ends as expired after {at}."),
        })
    }

    fn waiting_text(&self, lang: Lang) -> Option<String> {
        let first = self.waiting.iter().find(|waiting| waiting.last_error.is_some()).or(self.waiting.first())?;
        let (count, to) = (self.waiting.len(), &first.to);
        let error = first.last_error.as_ref().map(|refusal| refusal.reason.text(lang)).unwrap_or_default();
        let text = match lang {
            Lang::De => format!("Noch nicht zugestellt: {count}, darunter an {to}. {error}"),
            Lang::En => format!("Not delivered yet: {count}, one of them to {to}. {error}"),
        };
        Some(text.trim_end().to_owned())
    }
}

/// A seal that came late binds nobody before all have confirmed it.
fn sealed_text(unconfirmed: Option<&[OrgId]>, lang: Lang) -> String {
    let names = |missing: &[OrgId]| missing.iter().map(OrgId::as_str).collect::<Vec<_>>().join(", ");
    match (unconfirmed, lang) {
        (None, Lang::De) => "Die Bestellung ist abgeschlossen; alle Verträge der Kette gelten.".to_owned(),
        (None, Lang::En) => "The order is sealed; all contracts of the chain are in force.".to_owned(),
        (Some([]), Lang::De) => {
            "Die Bestellung ist verspätet abgeschlossen; alle Beteiligten haben das bestätigt, und alle Verträge der \
             Kette gelten."
                .to_owned()
        }
        (Some([]), Lang::En) => {
            "The order was sealed late; all parties have confirmed it, and all contracts of the chain are in force."
                .to_owned()
        }
        (Some(missing), Lang::De) => format!(
            "Der Abschluss kam nach seiner Frist und bindet erst, wenn ihn alle bestätigt haben; es fehlen noch: {}.",
            names(missing)
        ),
        (Some(missing), Lang::En) => format!(
            "The seal came after its deadline and binds only once all have confirmed it; still missing: {}.",
            names(missing)
        ),
    }
}

fn turn_text(turn: &Turn, mode: Mode, lang: Lang) -> String {
    let org = &turn.org;
    match (turn.task, turn.held_here, mode, lang) {
        (Task::Approve, _, _, Lang::De) => format!("Bei {org} muss eine zweite Person genehmigen."),
        (Task::Approve, _, _, Lang::En) => format!("A second person at {org} must approve."),
        (Task::Endorse | Task::Accept, true, _, Lang::De) => {
            format!("Bei {org} muss eine zuständige Person entscheiden.")
        }
        (Task::Endorse | Task::Accept, true, _, Lang::En) => format!("An officer of {org} must decide."),
        (Task::Endorse, false, _, Lang::De) => format!("{org} prüft die Vergabe an sich und gibt weiter."),
        (Task::Endorse, false, _, Lang::En) => format!("{org} examines the award to it and passes the request on."),
        (Task::Accept, false, _, Lang::De) => format!("{org} entscheidet als Anbieter über die Annahme."),
        (Task::Accept, false, _, Lang::En) => format!("{org}, the provider, decides whether to accept."),
        (Task::Offer, _, _, Lang::De) => format!("{org} ist mit seinem verbindlichen Angebot an der Reihe."),
        (Task::Offer, _, _, Lang::En) => format!("{org} is to make its binding offer."),
        (Task::Seal, _, Mode::Binding, Lang::De) => format!("Alle Angebote liegen vor; {org} kann abschließen."),
        (Task::Seal, _, Mode::Binding, Lang::En) => format!("All offers are here; {org} may seal."),
        (Task::Seal, _, Mode::Interest, Lang::De) => "Die Bedingungen liegen vor; sie binden niemanden.".to_owned(),
        (Task::Seal, _, Mode::Interest, Lang::En) => "The conditions are here; they bind nobody.".to_owned(),
        (Task::Close, _, _, Lang::De) => format!("Es wurde abgelehnt; {org} beendet die Bestellung."),
        (Task::Close, _, _, Lang::En) => format!("Someone has refused; {org} ends the order."),
        (Task::Clarify, _, _, Lang::De) => {
            "Es liegen widersprüchliche Erklärungen vor; die Bestellung ist angehalten.".to_owned()
        }
        (Task::Clarify, _, _, Lang::En) => "There are contradicting statements; the order is frozen.".to_owned(),
        (Task::AwaitSeal, _, _, Lang::De) => {
            format!(
                "{org} kennt den Abschluss der Bestellung noch nicht, die geändert werden soll, und wartet darauf."
            )
        }
        (Task::AwaitSeal, _, _, Lang::En) => {
            format!("{org} has not seen the seal of the order to be amended yet, and waits for it.")
        }
    }
}

fn void_text(reason: VoidReason, lang: Lang) -> &'static str {
    match (reason, lang) {
        (VoidReason::Cancelled, Lang::De) => "Der Besteller hat zurückgezogen.",
        (VoidReason::Cancelled, Lang::En) => "The buyer has cancelled.",
        (VoidReason::Expired, Lang::De) => "Eine Frist ist abgelaufen; die Bestellung ist beendet.",
        (VoidReason::Expired, Lang::En) => "A deadline has passed; the order has ended.",
        (VoidReason::Rejected, Lang::De) => "Ein Beteiligter hat abgelehnt; die Bestellung ist beendet.",
        (VoidReason::Rejected, Lang::En) => "A party has declined; the order has ended.",
        (VoidReason::NotApproved, Lang::De) => "Die zweite Person hat nicht genehmigt; die Bestellung ist beendet.",
        (VoidReason::NotApproved, Lang::En) => "The second person has not approved; the order has ended.",
        (VoidReason::PriceTooHigh, Lang::De) => {
            "Die Angebote übersteigen die Obergrenze; die Bestellung ist beendet."
        }
        (VoidReason::PriceTooHigh, Lang::En) => "The offers exceed the cap; the order has ended.",
        (VoidReason::Lapsed, Lang::De) => "Eine Vergabe ist nicht mehr zulässig; die Bestellung ist beendet.",
        (VoidReason::Lapsed, Lang::En) => "A leg no longer holds; the order has ended.",
        (VoidReason::Rerouted, Lang::De) => "Dieser Versuch ist beendet; ein anderer Weg wurde gewählt.",
        (VoidReason::Rerouted, Lang::En) => "This attempt has ended; another route was chosen.",
        (VoidReason::Recalled, Lang::De) => {
            "Ein Beteiligter hat seine Zusage zurückgenommen; der Versuch ist beendet."
        }
        (VoidReason::Recalled, Lang::En) => "A party has withdrawn its promise; the attempt has ended.",
        (VoidReason::Superseded, Lang::De) => "Dieser Versuch ist beendet; eine neue Anfrage ersetzt ihn.",
        (VoidReason::Superseded, Lang::En) => "This attempt has ended; another request replaces it.",
    }
}

fn overdue_text(why: Overdue, since: Timestamp, lang: Lang) -> String {
    let what = match (why, lang) {
        (Overdue::Disputed, Lang::De) => "Sie ist strittig",
        (Overdue::Disputed, Lang::En) => "It is disputed",
        (Overdue::InDoubt, Lang::De) => "Der Ausgang ist hier nicht bekannt; andere Beteiligte werden gefragt",
        (Overdue::InDoubt, Lang::En) => "The outcome is not known here; other parties are asked",
        (Overdue::Undelivered, Lang::De) => "Eine Erklärung kommt nicht an",
        (Overdue::Undelivered, Lang::En) => "A statement does not arrive",
        (Overdue::Unconfirmed, Lang::De) => "Ein Beteiligter hat den Abschluss nicht bestätigt",
        (Overdue::Unconfirmed, Lang::En) => "A party has not confirmed the seal",
        (Overdue::Undecided, Lang::De) => "Die Hälfte der Zeit für die Entscheidung ist um",
        (Overdue::Undecided, Lang::En) => "Half of the time for the decision is over",
        (Overdue::Unanswered, Lang::De) => "Die Zeit, die dem Beteiligten zusteht, ist um",
        (Overdue::Unanswered, Lang::En) => "The party's share of the time is over",
        (Overdue::Unsealed, Lang::De) => "Die Frist zum Abschluss rückt näher",
        (Overdue::Unsealed, Lang::En) => "The deadline for the seal is near",
    };
    match lang {
        Lang::De => format!("Achtung: {what} (seit {}).", since.told(lang)),
        Lang::En => format!("Attention: {what} (since {}).", since.told(lang)),
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{Town, by_officer, by_rule};
    use super::*;
    use crate::domain::reason::Reason;
    use crate::protocol::Answer;

    fn check(town: &Town, order: OrderId, for_org: &str, stage: Stage, turn: Option<(&str, Task)>, words: &[&str]) {
        let explanation = town.node.explain(order, &for_org.parse().expect("name"), town.now).expect("a known order");
        assert_eq!(explanation.stage, stage);
        let found = explanation.turn.as_ref().map(|turn| (turn.org.as_str(), turn.task));
        assert_eq!(found, turn);
        assert_eq!(explanation.choices.iter().map(Choice::word).collect::<Vec<_>>(), words, "for {for_org}");
        for lang in [Lang::De, Lang::En] {
            assert!(explanation.text(lang).ends_with(['.', ')']), "{}", explanation.text(lang));
            assert!(explanation.choices.iter().all(|choice| choice.text(lang).len() > 8));
        }
    }

    #[test]
    fn a_second_person_approves_then_the_chain_offers_then_the_buyer_seals() {
        let mut town = Town::new(by_rule());
        let order = town.order("r1", |request| request.total_max = Town::cents(5_000_000));
        check(&town, order, "town", Stage::AwaitingApproval, Some(("town", Task::Approve)), &["approve", "cancel"]);
        town.decide(order, "town", "leitung", true).expect("the approver may");
        check(&town, order, "town", Stage::Offered, Some(("town", Task::Seal)), &["seal", "cancel"]);
        check(&town, order, "kitu", Stage::Offered, Some(("town", Task::Seal)), &["ask", "recall"]);
        assert_eq!(town.seal(order).expect("sealable"), Answer::Order(order));
        check(&town, order, "kitu", Stage::Sealed, None, &["report", "evidence"]);
        let said = said(town.node.state().orders[&order].current().expect("an attempt"));
        let kinds: Vec<&str> = said.iter().map(|said| said.kind.name()).collect();
        assert_eq!(kinds, ["request", "decision", "endorse", "accept", "counter", "seal"]);
    }

    #[test]
    fn what_a_hop_leaves_to_a_person_names_person_and_deadline() {
        let mut town = Town::new(by_officer());
        let order = town.order("r1", |_| ());
        check(&town, order, "kitu", Stage::InChain, Some(("kitu", Task::Endorse)), &["decide"]);
        check(&town, order, "town", Stage::InChain, Some(("kitu", Task::Endorse)), &["ask", "cancel"]);
        let explanation = town.node.explain(order, &"town".parse().expect("name"), town.now).expect("known");
        let (consequence, at) = explanation.consequence.expect("the hop declines in the end");
        assert_eq!(consequence, Consequence::Declines);
        assert!(at > town.now && at < town.now.plus_ms(fixture::QUOTE_MS));
        // The node keeps to what it said: nothing before, the refusal after.
        town.wake(at);
        check(&town, order, "town", Stage::InChain, Some(("kitu", Task::Endorse)), &["ask", "cancel"]);
        town.wake(at.plus_ms(1));
        check(&town, order, "town", Stage::Void(VoidReason::Rejected), None, &["reroute", "reorder", "evidence"]);
    }

    #[test]
    fn an_interest_is_answered_but_cannot_be_sealed() {
        let mut town = Town::new(by_rule());
        let order = town.order("r1", |request| request.mode = Mode::Interest);
        check(&town, order, "town", Stage::Offered, Some(("town", Task::Seal)), &["raise", "cancel"]);
    }

    #[test]
    fn reminders_stand_in_the_log_and_stuck_orders_are_found() {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        let mut town = Town::new(by_rule());
        let start = town.now;
        let order = town.order("r1", |_| ());
        let reminders = |town: &Town| {
            let known = &town.node.state().orders[&order];
            known.current().expect("an attempt").reminders.len()
        };
        town.wake(start.plus_ms(16 * DAY_MS));
        assert_eq!((reminders(&town), town.node.overdue(order, town.now)), (0, None));
        // The seal is due on day 20: a reminder three days before, another one day before.
        for (day, expected) in [(17, 1), (18, 1), (19, 2)] {
            town.wake(start.plus_ms(day * DAY_MS + 1));
            assert_eq!(reminders(&town), expected, "day {day}");
            assert_eq!(town.node.overdue(order, town.now).map(|(why, _)| why), Some(Overdue::Unsealed));
        }
        let explanation = town.node.explain(order, &"town".parse().expect("name"), town.now).expect("known");
        assert!(explanation.text(Lang::De).contains("Achtung: Die Frist zum Abschluss rückt näher"));
        assert!(explanation.since < start.plus_ms(DAY_MS), "a reminder is no news");
    }

    #[test]
    fn strangers_and_unknown_orders_are_refused() {
        let town = Town::new(by_rule());
        let refusal =
            town.node.explain(OrderId([0; 16]), &"town".parse().expect("name"), town.now).expect_err("unknown");
        assert_eq!(refusal.reason, Reason::OrderUnknown);
    }
}
