//! The order itself: do its messages fit together, and is there exactly one outcome?
//!
//! The rules are those of `domain`; [`super::terms`] asks what was agreed and by whom, [`super::legs`] judges the legs again.
//! Must never decide whether a contract is lawful: it says whether the evidence bears out what the parties signed.
use std::collections::{BTreeMap, BTreeSet};

use crate::audit::bundle::Section;
use crate::audit::chronicle::Chronicle;
use crate::audit::legs::check_legs;
use crate::audit::logs::{Entry, Logs, OutcomeKey};
use crate::audit::mandates::check_mandates;
use crate::audit::messages::{Message, judge_messages, named};
use crate::audit::part::{examine_part, part_in};
use crate::audit::report::{Book, Case, Check, Ending, Ruling};
use crate::audit::settlements::tell_settlements;
use crate::audit::terms::{
    check_call_offs, check_endings, check_frozen, check_offering, check_officers, check_price, check_times,
};
use crate::domain::body::Body;
use crate::domain::id::{Origin, StatementId};
use crate::domain::order::{Attempt, Mode, Placed, Receipt, Request};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::time::Timestamp;

/// What the leaf of the seal or void depends on, from the request as it lies in the bundle.
pub fn outcome_key(entries: &[Entry]) -> Option<OutcomeKey> {
    request_of(entries).map(|(_, request)| (request.order, request.attempt, request.salt))
}

/// The offering and the tariffs that the order's messages name: nothing that their logs said about them may be left out.
pub fn sold(entries: &[Entry]) -> BTreeSet<StatementId> {
    let bodies = entries.iter().filter(|entry| entry.section == Section::Order);
    let named = bodies.filter_map(|entry| match Body::read(&entry.signed) {
        Ok(Body::Request(request)) => Some(request.offering),
        Ok(Body::CallOff(part)) => Some(part.offering),
        Ok(Body::Counter(counter)) => counter.tariff,
        _ => None,
    });
    named.collect()
}

fn request_of(entries: &[Entry]) -> Option<(StatementId, Request)> {
    let order = entries.iter().filter(|entry| entry.section == Section::Order);
    order.filter(|entry| *entry.signed.kind() == Kind::Request).find_map(|entry| match Body::read(&entry.signed) {
        Ok(Body::Request(request)) => Some((entry.signed.id(), request)),
        _ => None,
    })
}

/// Examines the messages, the receipts, and what they rest on. Gives the case and the messages that hold.
pub fn examine(entries: &[Entry], logs: &Logs, chronicle: &Chronicle, book: &mut Book) -> (Case, Option<Attempt>) {
    let messages = judge_messages(entries, logs, book);
    check_order_in_logs(&messages, book);
    let receipts = check_receipts(entries, &messages, logs, book);
    let Some((request_id, request)) = request_of(entries) else {
        if let Some(part) = part_in(&messages) {
            return (examine_part(part, &messages, logs, chronicle, book), None);
        }
        book.refuse(Check::Chain, "order", Refusal::new(Reason::EvidenceMissing).with("kind", Kind::Request));
        return (Case::default(), None);
    };
    let attempt = place(&messages, book);
    let ending = check_outcome(&messages, attempt.as_ref(), &request, book);
    let mut case = Case {
        order: Some((request.order, request.attempt)),
        parties: request.route.parties().to_vec(),
        offering: Some(request.offering),
        as_of: Some(request.as_of),
        mode: Some(request.mode),
        amends: request.amends.clone(),
        ending: Some(ending),
        ..Case::default()
    };
    if ending != Ending::Sealed {
        // An attempt without a contract may have ended before anyone offered, judged or approved anything.
        for check in [Check::Price, Check::Legs, Check::Officers] {
            book.spare(check);
        }
    }
    check_offering(&request, attempt.as_ref(), logs, chronicle, &mut case, book);
    check_frozen((&request_id, &request), chronicle, book);
    check_times(&messages, attempt.as_ref(), (&request_id, &request), chronicle, book);
    if let Some(attempt) = &attempt {
        check_price(attempt, logs, chronicle, &mut case, book);
        check_call_offs(&messages, attempt, book);
        check_mandates(&messages, logs, chronicle, book);
        check_officers(attempt, logs, chronicle, book);
        check_endings(attempt, &receipts, chronicle, book);
        tell_settlements(attempt, &messages, book);
        check_legs(attempt, &messages, (entries, logs, chronicle), &mut case, book);
    }
    let outcome = messages.iter().rev().find(|message| matches!(message.body, Body::Seal(_) | Body::Void(_)));
    let seen = outcome.and_then(|message| chronicle.seen(&message.entry.signed.id()));
    case.witnessed_at = seen.map(Timestamp::unix_seconds);
    (case, attempt)
}

/// In one log, what is named stands before what names it.
fn check_order_in_logs(messages: &[Message], book: &mut Book) {
    let places: BTreeMap<StatementId, &(Origin, u64)> = messages
        .iter()
        .filter_map(|message| Some((message.entry.signed.id(), message.entry.place.as_ref()?)))
        .collect();
    for message in messages {
        let Some((origin, index)) = &message.entry.place else { continue };
        for (earlier, at) in named(&message.body).iter().filter_map(|id| places.get(id).copied()) {
            if earlier == origin && at >= index {
                let refusal = Refusal::new(Reason::ChainBroken)
                    .with("rule", "stands before what it names")
                    .with("index", index)
                    .with("named", at);
                book.refuse(Check::Position, &message.entry.name, refusal);
            }
        }
    }
}

/// Puts every message in its place. What is named but not in the bundle, or has been found wrong before, makes it
/// impossible to check what follows it.
fn place(messages: &[Message], book: &mut Book) -> Option<Attempt> {
    let present: BTreeSet<StatementId> = messages.iter().map(|message| message.entry.signed.id()).collect();
    let mut gaps = messages.iter().any(|message| message.verified.is_none());
    for message in messages {
        for missing in named(&message.body).iter().filter(|id| !present.contains(*id)) {
            gaps = true;
            let refusal = Refusal::new(Reason::ChainIncomplete).with("missing", missing);
            book.refuse(Check::Chain, &message.entry.name, refusal);
        }
    }
    let (first, request) = messages.iter().find_map(|message| match (&message.body, &message.verified) {
        (Body::Request(body), Some(verified)) => Some((message, verified.clone().map(|_| body.clone()))),
        _ => None,
    })?;
    book.pass(Check::Chain);
    let mut attempt = Attempt::new(request);
    let beside = |message: &&Message| {
        matches!(message.body, Body::CallOff(_) | Body::Mandate(_)) || std::ptr::eq(*message, first)
    };
    for message in messages.iter().filter(|message| !beside(message)) {
        let Some(verified) = message.verified.clone() else { continue };
        let name = &message.entry.name;
        match attempt.place(verified) {
            Ok(Placed::New | Placed::Same) => book.pass(Check::Chain),
            Ok(Placed::Contradicts(other)) => {
                book.refuse(Check::Chain, name, Refusal::new(Reason::OrderDisputed).with("other", other));
            }
            Err(refusal) => {
                let check = match refusal.reason {
                    Reason::PriceMismatch | Reason::PriceTooHigh | Reason::MoneyInvalid => Check::Price,
                    Reason::LegNotLawful => Check::Legs,
                    Reason::DeadlineInvalid => Check::Times,
                    Reason::SignerWrong => Check::Officers,
                    _ => Check::Chain,
                };
                let gap = gaps && check == Check::Chain;
                let ruling = if gap { Ruling::NotCheckable } else { Ruling::of(&refusal) };
                book.note(check, name, ruling, refusal);
                gaps = true;
            }
        }
    }
    Some(attempt)
}

/// Exactly one seal or void, in its place; a seal closes a complete chain.
fn check_outcome(messages: &[Message], attempt: Option<&Attempt>, request: &Request, book: &mut Book) -> Ending {
    let seals = messages.iter().filter(|message| matches!(message.body, Body::Seal(_))).count();
    let void = messages.iter().find_map(|message| match &message.body {
        Body::Void(body) => Some(body.reason),
        _ => None,
    });
    let refuse = |reason| Refusal::new(reason).with("seals", seals).with("voids", usize::from(void.is_some()));
    let placed = attempt.is_some_and(|attempt| attempt.seal.is_some() || attempt.void.is_some());
    let complete = attempt.map(Attempt::chain);
    match (seals, void) {
        (0, None) if request.mode == Mode::Interest => book.spare(Check::Outcome),
        (0, None) => book.refuse(Check::Outcome, "order", refuse(Reason::ChainIncomplete)),
        (_, Some(_)) if seals > 0 => book.refuse(Check::Outcome, "order", refuse(Reason::OrderDisputed)),
        _ if !placed => book.refuse(Check::Outcome, "order", refuse(Reason::EvidenceMissing)),
        (0, Some(_)) => book.pass(Check::Outcome),
        _ => match complete {
            Some(Err(refusal)) => book.refuse(Check::Outcome, "order", refusal),
            _ => book.pass(Check::Outcome),
        },
    }
    match void {
        _ if seals > 0 => Ending::Sealed,
        Some(reason) => Ending::Void(reason),
        None => Ending::Open,
    }
}

/// Every receipt is by a party, for a message of this order, and names the receiver's home log. It stands in no log,
/// so it is judged where it says its log stood. Gives those that hold.
fn check_receipts(entries: &[Entry], messages: &[Message], logs: &Logs, book: &mut Book) -> Vec<Receipt> {
    let mut good = Vec::new();
    let known: BTreeMap<StatementId, &Message> =
        messages.iter().map(|message| (message.entry.signed.id(), message)).collect();
    for entry in entries.iter().filter(|entry| entry.section == Section::Receipts) {
        let broken = |rule: &str| Refusal::new(Reason::ChainBroken).with("rule", rule);
        let receipt = match Body::read(&entry.signed) {
            Ok(Body::Receipt(receipt)) => receipt,
            Ok(_) => {
                book.refuse(Check::Receipts, &entry.name, broken("not a receipt"));
                continue;
            }
            Err(refusal) => {
                book.refuse(Check::Receipts, &entry.name, refusal);
                continue;
            }
        };
        match known.get(&receipt.message) {
            None => book.refuse(
                Check::Receipts,
                &entry.name,
                Refusal::new(Reason::EvidenceMissing).with("message", receipt.message),
            ),
            Some(message) if message.body.order() != Some((receipt.order, receipt.attempt)) => {
                book.refuse(Check::Receipts, &entry.name, broken("another order or attempt"));
            }
            Some(_) => {}
        }
        if logs.home(&receipt.from).is_ok_and(|home| *home.origin() != receipt.log) {
            book.refuse(Check::Receipts, &entry.name, broken("not the receiver's log"));
        }
        if logs.judge_receipt(entry, book).is_some() {
            good.push(receipt);
        }
    }
    good
}
