//! A member's own part of an order for several: its contract with whoever ordered, under its own mandate, without anything
//! that concerns the other members.
//!
//! The request names them all, so it is not here, nor is the seal, whose place in the log only who has the request can
//! check. That the chain behind the part holds is shown by the bundle of whoever ordered; the report says so.
use std::collections::BTreeSet;

use crate::audit::chronicle::Chronicle;
use crate::audit::legs::check_part_leg;
use crate::audit::logs::Logs;
use crate::audit::mandates::check_mandates;
use crate::audit::messages::{Message, named};
use crate::audit::report::{Book, Case, Check, Ending, NotChecked};
use crate::domain::body::Body;
use crate::domain::id::StatementId;
use crate::domain::offering::Offering;
use crate::domain::order::call_off::CallOff;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;

/// The part that a bundle is about: nothing of the order lies in it but a call-off and mandates.
pub fn part_in<'m, 'e>(messages: &'m [Message<'e>]) -> Option<(&'m Message<'e>, &'m CallOff)> {
    let is_of_part = |message: &Message| matches!(message.body, Body::CallOff(_) | Body::Mandate(_));
    if !messages.iter().all(is_of_part) {
        return None;
    }
    messages.iter().find_map(|message| match &message.body {
        Body::CallOff(part) => Some((message, part)),
        _ => None,
    })
}

/// Examines it by the rules that hold for it in the bundle of the whole order, as far as it shows them itself.
pub fn examine_part(
    (message, part): (&Message, &CallOff),
    messages: &[Message],
    logs: &Logs,
    chronicle: &Chronicle,
    book: &mut Book,
) -> Case {
    let name = &message.entry.name;
    check_alone(part, messages, book);
    let missing = || Refusal::new(Reason::EvidenceMissing).with("kind", message.entry.signed.kind());
    book.judge(Check::Outcome, name, message.verified.as_ref().ok_or_else(missing));
    book.spare(Check::Times);
    let mut case = Case {
        order: Some((part.order, part.attempt)),
        parties: vec![part.to.clone(), part.from.clone()],
        offering: Some(part.offering),
        as_of: Some(part.leg.as_of),
        ending: Some(Ending::CalledOff),
        total: Some((part.share, part.term_years)),
        members: vec![(part.to.clone(), part.weight, part.share)],
        not_checked: vec![NotChecked::ChainBehind],
        witnessed_at: chronicle.seen(&message.entry.signed.id()).map(Timestamp::unix_seconds),
        ..Case::default()
    };
    book.judge(Check::Price, name, part.check_share());
    if let Some((member, offering)) = offering_of(part, logs, book) {
        book.judge(Check::Offering, member, check_sold(part, offering));
        case.offering_title = Some((offering.title.clone(), offering.seller.clone(), offering.version));
    }
    check_mandates(messages, logs, chronicle, book);
    check_part_leg(part, message, (logs, chronicle), &mut case, book);
    case
}

/// One member's part and nobody else's, and what it names is here, but for the seal.
fn check_alone(part: &CallOff, messages: &[Message], book: &mut Book) {
    let present: BTreeSet<StatementId> = messages.iter().map(|message| message.entry.signed.id()).collect();
    book.pass(Check::Chain);
    for message in messages {
        let name = &message.entry.name;
        for missing in named(&message.body).iter().filter(|id| **id != part.seal && !present.contains(*id)) {
            book.refuse(Check::Chain, name, Refusal::new(Reason::ChainIncomplete).with("missing", missing));
        }
        let org = match &message.body {
            Body::CallOff(other) if other != part => &other.to,
            Body::Mandate(mandate) if mandate.org != part.to => &mandate.org,
            _ => continue,
        };
        book.refuse(Check::Chain, name, Refusal::new(Reason::NotAParty).with("org", org));
    }
}

fn offering_of<'l>(part: &CallOff, logs: &'l Logs, book: &mut Book) -> Option<(&'l str, &'l Offering)> {
    match logs.public().get(&part.offering).map(|(name, verified)| (name.as_str(), verified.body())) {
        Some((name, Body::Offering(offering))) => Some((name, offering)),
        Some(_) => {
            let refusal = Refusal::new(Reason::StatementMalformed).with("kind", "offering");
            book.refuse(Check::Offering, "facts", refusal);
            None
        }
        None => {
            let refusal = Refusal::new(Reason::OfferingUnknown).with("id", part.offering);
            book.refuse(Check::Offering, "facts", refusal);
            None
        }
    }
}

/// It is sold by whoever is to perform, for a term as long as this.
fn check_sold(part: &CallOff, offering: &Offering) -> Result<(), Refusal> {
    if offering.seller != part.provider {
        return Err(Refusal::new(Reason::RouteInvalid).with("provider", &part.provider));
    }
    if part.term_years < offering.term_years_min {
        let refusal = Refusal::new(Reason::FieldInvalid).with("field", "term_years");
        return Err(refusal.with("at_least", offering.term_years_min));
    }
    Ok(())
}
