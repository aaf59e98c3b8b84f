//! What was agreed, and by whom: offering, prices, approval, deadlines. Every rule is one of `domain::order`; here it is
//! only asked of what the bundle shows, at the places and times that the logs give.
use std::collections::{BTreeMap, BTreeSet};

use crate::audit::bundle::Section;
use crate::audit::chronicle::Chronicle;
use crate::audit::logs::{Entry, Logs};
use crate::audit::messages::{Message, named};
use crate::audit::report::{Book, Case, Check, Ruling};
use crate::domain::body::Body;
use crate::domain::id::{OrgId, Origin, StatementId};
use crate::domain::money::Cents;
use crate::domain::offering::Offering;
use crate::domain::order::approval::{Approval, approval};
use crate::domain::order::charges::{Published, check_agreed, freely_agreed};
use crate::domain::order::ending::check_undefeated;
use crate::domain::order::frozen::check_selection;
use crate::domain::order::orderable::objections;
use crate::domain::order::timely::{check_award_day, check_seal_timely, check_stated_time};
use crate::domain::order::{Attempt, Counter, Receipt, Request};
use crate::domain::price::Tariff;
use crate::domain::price::quote::Buyer;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Timestamp;

/// The offers add up to the total sealed, within the request's cap, and everyone charges what it has published or what
/// the seal agrees to by name.
pub fn check_price(attempt: &Attempt, logs: &Logs, chronicle: &Chronicle, case: &mut Case, book: &mut Book) {
    let request = attempt.request.body();
    let total = attempt.seal.as_ref().map(|seal| seal.body().total);
    case.total = total.or_else(|| attempt.offer().ok()).map(|total| (total, request.term_years));
    if let (Some(gathered), Some((total, _))) = (&request.gathered, case.total) {
        let shares = gathered.shares(total).unwrap_or_default();
        case.members = shares.into_iter().map(|(member, share)| (member.org.clone(), member.weight, share)).collect();
    }
    for counter in attempt.counters.values() {
        book.judge(Check::Price, &counter.body().from, check_tariff(counter.body(), logs));
    }
    let Some(seal) = &attempt.seal else { return };
    if attempt.chain().is_ok() {
        book.judge(Check::Price, "order", attempt.offer());
    }
    let buyer = buyer_of(request, Some(attempt), logs, chronicle);
    let tariff = |counter: &Counter| tariff_in_force(counter, attempt, logs, chronicle).map(|tariff| &tariff.fee[..]);
    let offering = offering_of(request, logs).map(|(_, offering)| &offering.price[..]);
    let free = freely_agreed(attempt, &Published { offering, tariff: &tariff }, &buyer);
    book.judge(Check::Price, "seal", check_agreed(seal.body(), &free));
    for org in &free {
        book.note(Check::Price, org, Ruling::Valid, Refusal::new(Reason::PriceFree).with("org", org));
    }
}

/// A tariff that is named lies in the bundle and is the hop's own.
fn check_tariff(counter: &Counter, logs: &Logs) -> Result<(), Refusal> {
    let Some(id) = counter.tariff else { return Ok(()) };
    match logs.public().get(&id).map(|(_, verified)| verified.body()) {
        Some(Body::Tariff(tariff)) if tariff.org == counter.from => Ok(()),
        Some(_) => Err(Refusal::new(Reason::ChainBroken).with("rule", "names another's tariff")),
        None => Err(Refusal::new(Reason::EvidenceMissing).with("tariff", id)),
    }
}

/// The tariff that a hop's offer names, if it was the newest in force there when the offer was made.
fn tariff_in_force<'l>(
    counter: &Counter,
    attempt: &Attempt,
    logs: &'l Logs,
    chronicle: &Chronicle,
) -> Option<&'l Tariff> {
    let offer = attempt.counters.values().find(|known| known.body().from == counter.from)?.id();
    let own = logs.public().iter().filter_map(|(id, (_, verified))| match verified.body() {
        Body::Tariff(tariff) if tariff.org == counter.from => Some((id, tariff)),
        _ => None,
    });
    let known = own.filter(|(id, _)| chronicle.is_before(id, &offer) == Some(true));
    let newest = known.max_by_key(|(id, tariff)| (tariff.version, std::cmp::Reverse(**id)))?;
    (counter.tariff == Some(*newest.0)).then_some(newest.1)
}

fn offering_of<'l>(request: &Request, logs: &'l Logs) -> Option<(&'l str, &'l Offering)> {
    match logs.public().get(&request.offering) {
        Some((name, verified)) => match verified.body() {
            Body::Offering(offering) => Some((name.as_str(), offering)),
            _ => None,
        },
        None => None,
    }
}

/// The offering is the version pinned, sold by the provider, orderable on the day, and neither withdrawn nor superseded
/// when the provider accepted.
pub fn check_offering(
    request: &Request,
    attempt: Option<&Attempt>,
    logs: &Logs,
    chronicle: &Chronicle,
    case: &mut Case,
    book: &mut Book,
) {
    if !logs.public().contains_key(&request.offering) {
        let refusal = Refusal::new(Reason::OfferingUnknown).with("id", request.offering);
        return book.refuse(Check::Offering, "facts", refusal);
    }
    let Some((name, offering)) = offering_of(request, logs) else {
        let refusal = Refusal::new(Reason::StatementMalformed).with("kind", "offering");
        return book.refuse(Check::Offering, "facts", refusal);
    };
    case.offering_title = Some((offering.title.clone(), offering.seller.clone(), offering.version));
    let area = buyer_of(request, attempt, logs, chronicle).area;
    let against = objections(request, offering, area, request.signed_at.date());
    if against.is_empty() {
        book.pass(Check::Offering);
    }
    against.into_iter().for_each(|refusal| book.refuse(Check::Offering, name, refusal));
    let Some(accept) = attempt.and_then(|attempt| attempt.acceptance.as_ref()) else { return };
    book.judge(Check::Offering, name, check_on_offer(request, offering, &accept.id(), logs, chronicle));
}

/// Nothing that the seller's log had said before the acceptance takes the version off the market. That all of it lies in
/// the bundle is shown by the log's digest.
fn check_on_offer(
    request: &Request,
    pinned: &Offering,
    accept: &StatementId,
    logs: &Logs,
    chronicle: &Chronicle,
) -> Result<(), Refusal> {
    let stood = |id: &StatementId| chronicle.is_before(id, accept) != Some(false);
    for (id, (_, verified)) in logs.public() {
        match verified.body() {
            Body::Withdrawal(gone)
                if (&gone.seller, &gone.name) == (&pinned.seller, &pinned.name)
                    && gone.version >= pinned.version
                    && stood(id) =>
            {
                return Err(Refusal::new(Reason::OfferingWithdrawn).with("offering", &pinned.name));
            }
            Body::Offering(newer)
                if (&newer.seller, &newer.name) == (&pinned.seller, &pinned.name)
                    && newer.version > pinned.version
                    && request.amends.is_none()
                    && stood(id) =>
            {
                let refusal = Refusal::new(Reason::OfferingSuperseded).with("offering", &pinned.name);
                return Err(refusal.with("version", pinned.version).with("newest", newer.version));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What prices and areas depend on about the buyer: what the request says, and its newest admission that did not come after
/// the request, since no later one changes an order; the first one if all did.
pub(super) fn buyer_of<'a>(
    request: &'a Request,
    attempt: Option<&Attempt>,
    logs: &'a Logs,
    chronicle: &Chronicle,
) -> Buyer<'a> {
    let asked = attempt.map(|attempt| attempt.request.id());
    let known = logs.public().iter().filter_map(|(id, (_, verified))| match verified.body() {
        Body::Admission(admission) if admission.org == request.buyer => Some((id, admission)),
        _ => None,
    });
    let is_later = |id: &StatementId| asked.is_some_and(|asked| chronicle.is_before(&asked, id) == Some(true));
    let newest = known.clone().filter(|(id, _)| !is_later(id)).max_by_key(|(_, admission)| admission.number);
    let admission = newest.or_else(|| known.min_by_key(|(_, admission)| admission.number));
    Buyer::admitted(&request.buyer, admission.map(|(_, admission)| admission), request.quantities)
}

/// A frozen search that the request names rests on what could be known when it was frozen.
pub fn check_frozen(request: (&StatementId, &Request), chronicle: &Chronicle, book: &mut Book) {
    let (id, request) = request;
    let place = chronicle.place(&request.offering);
    if let Some((selection, place)) = request.grounds.selection.as_ref().zip(place) {
        let root = |log: &Origin, size| chronicle.root(log, size);
        book.judge(Check::Offering, "request", check_selection(selection, place, chronicle.seen(id), root));
    }
}

/// The request is within its officer's limit, or a second officer whose limit suffices has approved before the seal.
pub fn check_officers(attempt: &Attempt, logs: &Logs, chronicle: &Chronicle, book: &mut Book) {
    if attempt.seal.is_none() && attempt.endorsements.is_empty() && attempt.acceptance.is_none() {
        return;
    }
    let (request, buyer) = (attempt.request.body(), &attempt.request.body().buyer);
    // Of other orders of the same year a bundle shows nothing; that one order alone stays within the year is shown.
    let suffices = |signed: &Signed, _: Timestamp| {
        logs.officer(buyer, signed, chronicle.place(&signed.id()))
            .is_some_and(|grant| grant.suffices(request.total_max, Cents::ZERO))
    };
    let result = match approval(attempt, suffices) {
        Approval::Given if suffices(attempt.request.signed(), request.signed_at) => Ok(()),
        Approval::Given => check_approved_first(attempt, chronicle),
        Approval::Awaited(refusal) | Approval::Refused(refusal) => Err(refusal),
    };
    book.judge(Check::Officers, buyer, result);
}

/// The approval that the order needed stood before the seal.
fn check_approved_first(attempt: &Attempt, chronicle: &Chronicle) -> Result<(), Refusal> {
    let decision = attempt.decisions.get(&attempt.request.body().buyer);
    let (Some(decision), Some(seal)) = (decision, &attempt.seal) else { return Ok(()) };
    if chronicle.is_before(&decision.id(), &seal.id()) == Some(true) {
        return Ok(());
    }
    Err(Refusal::new(Reason::ApprovalLate).with("officer", &decision.body().officer))
}

/// Nothing that reached the buyer before the seal defeats it. What came later is a remark.
pub fn check_endings(attempt: &Attempt, receipts: &[Receipt], chronicle: &Chronicle, book: &mut Book) {
    let Some(seal) = &attempt.seal else { return };
    let buyer = &attempt.request.body().buyer;
    let Some((origin, sealed)) = chronicle.place(&seal.id()) else { return };
    let receipted = |id: &StatementId| {
        let mut own = receipts.iter().filter(|receipt| receipt.from == *buyer && receipt.message == *id);
        own.any(|receipt| receipt.log == *origin && receipt.size <= *sealed)
    };
    let beside = |id: &StatementId| chronicle.place(id).is_some_and(|(log, at)| log == origin && at < sealed);
    book.judge(Check::Outcome, "seal", check_undefeated(attempt, |id| receipted(id) || beside(id)));
}

/// Deadlines and the day of award by the times at which witnesses had seen what they are about; the times stated, which
/// are claims, follow the order of the messages or are remarked on.
pub fn check_times(
    messages: &[Message],
    attempt: Option<&Attempt>,
    request: (&StatementId, &Request),
    chronicle: &Chronicle,
    book: &mut Book,
) {
    let (request_id, request) = request;
    let seal = attempt.and_then(|attempt| attempt.seal.as_ref());
    let sealed = seal.and_then(|seal| chronicle.seen(&seal.id()));
    if let Some(attempt) = attempt.filter(|attempt| attempt.seal.is_some()) {
        book.judge(Check::Times, "seal", check_seal_timely(attempt, sealed));
    }
    if let Some(requested) = chronicle.seen(request_id) {
        match check_stated_time(request, requested) {
            Err((refusal, is_false)) => {
                let ruling = if is_false { Ruling::Invalid } else { Ruling::NotCheckable };
                book.note(Check::Times, "request", ruling, refusal);
            }
            Ok(()) => book.pass(Check::Times),
        }
        match check_award_day(request, requested, sealed) {
            // By its own word the request is old enough, but no witness saw it in time: nobody can say.
            Err(refusal) if request.as_of >= request.signed_at.date() && request.as_of < requested.date() => {
                book.note(Check::Times, "request", Ruling::NotCheckable, refusal);
            }
            judged => {
                book.judge(Check::Times, "request", judged);
            }
        }
    }
    let times: BTreeMap<StatementId, Timestamp> =
        messages.iter().filter_map(|message| Some((message.entry.signed.id(), message.body.signed_at()?))).collect();
    for message in messages {
        let Some(at) = message.body.signed_at() else { continue };
        let name = &message.entry.name;
        let earlier = named(&message.body).into_iter().filter_map(|id| times.get(&id)).max();
        let answers = matches!(message.body, Body::Endorse(_) | Body::Accept(_) | Body::Counter(_));
        if answers && at > request.quote_by {
            let refusal =
                Refusal::new(Reason::DeadlinePassed).with("quote_by", request.quote_by).with("signed_at", at);
            book.note(Check::Times, name, Ruling::Valid, refusal);
        } else if earlier.is_some_and(|earlier| *earlier > at) {
            let refusal = Refusal::new(Reason::TimesOutOfOrder).with("signed_at", at);
            book.note(Check::Times, name, Ruling::Valid, refusal);
        } else {
            book.pass(Check::Times);
        }
    }
}

/// Sets the days on which an officer's grant was good against the time at which witnesses had seen what the officer
/// signed. A remark: the gate stands at the officer's home node.
pub fn mark_grants(entries: &[Entry], logs: &Logs, chronicle: &Chronicle, book: &mut Book) {
    for entry in entries.iter().filter(|entry| matches!(entry.section, Section::Order | Section::Facts)) {
        let ([by], Some((origin, _))) = (entry.signed.signatures(), &entry.place) else { continue };
        let (Some(grant), Some(seen)) = (logs.grant(origin, &by.key), chronicle.seen(&entry.signed.id())) else {
            continue;
        };
        if !(grant.valid_from..=grant.valid_to).contains(&seen.date()) {
            let refusal = Refusal::new(Reason::GrantExpired).with("officer", &grant.officer);
            let refusal = refusal.with("valid_from", grant.valid_from).with("valid_to", grant.valid_to);
            let refusal = refusal.with("witnessed", seen);
            book.note(Check::Officers, &entry.name, Ruling::Valid, refusal);
        }
    }
}

/// Every member of an order for several got its part, and the parts are the order's.
pub fn check_call_offs(messages: &[Message], attempt: &Attempt, book: &mut Book) {
    let (request, seal) = (attempt.request.body(), attempt.seal.as_ref());
    let mut members: BTreeSet<&OrgId> = BTreeSet::new();
    members.extend(request.gathered.iter().flat_map(|gathered| &gathered.members).map(|member| &member.org));
    for message in messages {
        let (Body::CallOff(call_off), true) = (&message.body, message.verified.is_some()) else { continue };
        let unsealed = || Refusal::new(Reason::ChainIncomplete).with("missing", Kind::Seal);
        let fits = seal.ok_or_else(unsealed).and_then(|seal| call_off.check(request, seal.id(), seal.body().total));
        members.remove(&call_off.to);
        book.judge(Check::Price, &message.entry.name, fits);
    }
    for member in members.into_iter().filter(|_| seal.is_some()) {
        let refusal = Refusal::new(Reason::EvidenceMissing).with("kind", Kind::CallOff).with("org", member);
        book.refuse(Check::Price, "order", refusal);
    }
}
