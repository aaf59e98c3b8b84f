//! The order itself: do its messages fit together, do price, offering, legs and officers bear out what was sealed?
//!
//! The rules are those of `domain`; what the endorsements say about legs is judged again on the facts in the bundle.
//! Must never decide whether a contract is lawful: it says whether the evidence bears out what the parties signed.
use std::collections::{BTreeMap, BTreeSet};

use crate::audit::bundle::{Section, is_message};
use crate::audit::logs::{Entry, Logs, OutcomeKey};
use crate::audit::report::{Assumption, Book, Case, Check, Ending, LegLine, Ruling};
use crate::domain::body::Body;
use crate::domain::fact_base::FactBase;
use crate::domain::facts::RulePack;
use crate::domain::id::{OrgId, Origin, StatementId};
use crate::domain::law::cases::judge_leg;
use crate::domain::law::{LegJudgement, Verdict};
use crate::domain::offering::Offering;
use crate::domain::order::{Attempt, LegFinding, Mode, Placed, Request};
use crate::domain::price::Component;
use crate::domain::price::quote::{Buyer, carried, quote};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::statement::{Kind, Verified};
use crate::domain::time::Timestamp;

/// One order message, judged.
struct Message<'e> {
    entry: &'e Entry,
    body: Body,
    verified: Option<Verified<Body>>,
}

/// What the leaf of the seal or void depends on, from the request as it lies in the bundle.
pub fn outcome_key(entries: &[Entry]) -> Option<OutcomeKey> {
    request_of(entries).map(|request| (request.order, request.attempt, request.salt))
}

fn request_of(entries: &[Entry]) -> Option<Request> {
    let order = entries.iter().filter(|entry| entry.section == Section::Order);
    order.filter(|entry| *entry.signed.kind() == Kind::Request).find_map(|entry| match Body::read(&entry.signed) {
        Ok(Body::Request(request)) => Some(request),
        _ => None,
    })
}

/// Examines the messages, the receipts, and what they rest on. Gives the case and the messages that hold.
pub fn examine(entries: &[Entry], logs: &Logs, book: &mut Book) -> (Case, Option<Attempt>) {
    let messages = judge_messages(entries, logs, book);
    check_order_in_logs(&messages, book);
    check_receipts(entries, &messages, logs, book);
    let Some(request) = request_of(entries) else {
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
    check_offering(&request, attempt.as_ref(), logs, &mut case, book);
    check_times(&messages, &request, book);
    if let Some(attempt) = &attempt {
        check_price(attempt, &mut case, book);
        check_call_offs(&messages, attempt, book);
        check_tariffs(attempt, logs, book);
        check_officers(attempt, logs, book);
        check_legs(attempt, &messages, logs, &mut case, book);
    }
    let outcome = messages.iter().rev().find(|message| matches!(message.body, Body::Seal(_) | Body::Void(_)));
    let note = outcome.and_then(|message| message.entry.proof.as_ref()).map(|proof| &proof.checkpoint);
    case.witnessed_at = note.and_then(|note| logs.witnessed_at(note));
    (case, attempt)
}

fn judge_messages<'e>(entries: &'e [Entry], logs: &Logs, book: &mut Book) -> Vec<Message<'e>> {
    let mut messages = Vec::new();
    for entry in entries.iter().filter(|entry| entry.section == Section::Order) {
        if !is_message(entry.signed.kind()) {
            let refusal = Refusal::new(Reason::ChainBroken).with("kind", entry.signed.kind());
            book.refuse(Check::Chain, &entry.name, refusal);
            continue;
        }
        let verified = logs.judge(entry, u64::MAX, book);
        // What cannot be read has been booked as refused just now.
        if let Ok(body) = Body::read(&entry.signed) {
            messages.push(Message { entry, body, verified });
        }
    }
    messages
}

/// The messages a body names as those it follows.
fn named(body: &Body) -> Vec<StatementId> {
    match body {
        Body::Decision(body) => vec![body.request],
        Body::Endorse(body) => std::iter::once(body.prev).chain(body.decision).collect(),
        Body::Accept(body) => std::iter::once(body.prev).chain(body.decision).collect(),
        Body::Counter(body) => vec![body.prev],
        Body::Reject(body) | Body::Decline(body) => vec![body.request],
        Body::Seal(body) => body.chain.clone(),
        Body::Void(body) => vec![body.request],
        Body::Recall(body) => vec![body.request],
        Body::LateNotice(body) => vec![body.message, body.void],
        Body::Milestone(body) => vec![body.seal],
        Body::CallOff(body) => vec![body.seal],
        _ => Vec::new(),
    }
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
    let beside = |message: &&Message| matches!(message.body, Body::CallOff(_)) || std::ptr::eq(*message, first);
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

/// Every member of an order for several got its part, and the parts are the order's.
fn check_call_offs(messages: &[Message], attempt: &Attempt, book: &mut Book) {
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

/// The offers add up to the total sealed, within the request's cap. That the seal names this total was checked when
/// it was put in its place.
fn check_price(attempt: &Attempt, case: &mut Case, book: &mut Book) {
    let total = attempt.seal.as_ref().map(|seal| seal.body().total);
    let request = attempt.request.body();
    case.total = total.or_else(|| attempt.offer().ok()).map(|total| (total, request.term_years));
    if let (Some(gathered), Some((total, _))) = (&request.gathered, case.total) {
        let shares = gathered.shares(total).unwrap_or_default();
        case.members = shares.into_iter().map(|(member, share)| (member.org.clone(), member.weight, share)).collect();
    }
    if attempt.seal.is_some() && attempt.chain().is_ok() {
        book.judge(Check::Price, "order", attempt.offer());
    }
}

/// The offering is the version pinned, sold by the provider, orderable on the day, and the provider charges its price.
fn check_offering(request: &Request, attempt: Option<&Attempt>, logs: &Logs, case: &mut Case, book: &mut Book) {
    let Some((name, verified)) = logs.public().get(&request.offering) else {
        let refusal = Refusal::new(Reason::OfferingUnknown).with("id", request.offering);
        return book.refuse(Check::Offering, "facts", refusal);
    };
    let Body::Offering(offering) = verified.body() else {
        return book.refuse(Check::Offering, name, Refusal::new(Reason::StatementMalformed).with("kind", "offering"));
    };
    case.offering_title = Some((offering.title.clone(), offering.seller.clone(), offering.version));
    let buyer = buyer_of(request, logs);
    for result in orderable(request, offering, buyer.area) {
        book.judge(Check::Offering, name, result);
    }
    let Some(accept) = attempt.and_then(|attempt| attempt.acceptance.as_ref()) else { return };
    let charged = as_published(&accept.body().components, &offering.price, &buyer, request.term_years);
    book.judge(Check::Offering, name, charged);
}

/// What prices depend on about the buyer: its admission, and what the request says.
pub(super) fn buyer_of<'a>(request: &'a Request, logs: &'a Logs) -> Buyer<'a> {
    let home = logs.home(&request.buyer).ok();
    let admission = home.and_then(|home| home.orgs().get(&request.buyer)).map(|standing| &standing.admission);
    Buyer {
        org: &request.buyer,
        area: admission.and_then(|admission| admission.area.as_ref()),
        inhabitants: admission.and_then(|admission| admission.inhabitants),
        quantities: request.quantities,
    }
}

/// What is charged is what the published items give for this buyer.
fn as_published(charged: &[Component], published: &[Component], buyer: &Buyer, years: u32) -> Result<(), Refusal> {
    if quote(published, buyer, years).map(carried)? == charged {
        return Ok(());
    }
    Err(Refusal::new(Reason::PriceMismatch).with("rule", "another price is charged than the one published"))
}

/// Every hop that names a published tariff charges what it says.
fn check_tariffs(attempt: &Attempt, logs: &Logs, book: &mut Book) {
    let request = attempt.request.body();
    for counter in attempt.counters.values().map(Verified::body) {
        let Some(id) = counter.tariff else { continue };
        let result = match logs.public().get(&id).map(|(_, verified)| verified.body()) {
            Some(Body::Tariff(tariff)) if tariff.org == counter.from => {
                as_published(&counter.components, &tariff.fee, &buyer_of(request, logs), request.term_years)
            }
            Some(_) => Err(Refusal::new(Reason::ChainBroken).with("rule", "names another's tariff")),
            None => Err(Refusal::new(Reason::EvidenceMissing).with("tariff", id)),
        };
        book.judge(Check::Price, &counter.from, result);
    }
}

fn orderable(request: &Request, offering: &Offering, area: Option<&Area>) -> [Result<(), Refusal>; 4] {
    let rule = |holds: bool, refusal: Refusal| if holds { Ok(()) } else { Err(refusal) };
    let day = request.signed_at.date();
    [
        rule(
            offering.seller == *request.route.provider(),
            Refusal::new(Reason::RouteInvalid).with("provider", &offering.seller),
        ),
        rule(offering.is_valid_on(day), Refusal::new(Reason::OfferingExpired).with("day", day)),
        rule(
            request.term_years >= offering.term_years_min,
            Refusal::new(Reason::FieldInvalid).with("field", "term_years"),
        ),
        rule(
            area.is_none_or(|area| offering.covers(area)),
            Refusal::new(Reason::OfferingNotCovering).with("buyer", &request.buyer),
        ),
    ]
}

/// The request is within its officer's limit, or a second officer whose limit suffices has approved.
fn check_officers(attempt: &Attempt, logs: &Logs, book: &mut Book) {
    if attempt.seal.is_none() && attempt.endorsements.is_empty() && attempt.acceptance.is_none() {
        return;
    }
    let (request, buyer) = (attempt.request.body(), &attempt.request.body().buyer);
    let suffices = |signed| logs.officer(buyer, signed).is_some_and(|grant| request.total_max <= grant.limit);
    if suffices(attempt.request.signed()) {
        return book.pass(Check::Officers);
    }
    let refuse = |reason| Refusal::new(reason).with("org", buyer).with("total_max", request.total_max);
    let decision = attempt.decisions.get(buyer);
    let result = match decision.map(|decision| (decision, decision.body())) {
        None => Err(refuse(Reason::GrantLimit).with("officer", &request.officer)),
        Some((_, body)) if !body.approve => Err(refuse(Reason::DecisionNo).with("officer", &body.officer)),
        Some((_, body)) if body.officer == request.officer => Err(refuse(Reason::SameOfficer)),
        Some((decision, body)) if !suffices(decision.signed()) => {
            Err(refuse(Reason::GrantLimit).with("officer", &body.officer))
        }
        Some(_) => Ok(()),
    };
    book.judge(Check::Officers, buyer, result);
}

/// Judges every leg again and compares the result with what the hop signed.
fn check_legs(attempt: &Attempt, messages: &[Message], logs: &Logs, case: &mut Case, book: &mut Book) {
    let request = attempt.request.body();
    let pack = logs.public().get(&request.rule_pack).and_then(|(_, verified)| match verified.body() {
        Body::RulePack(pack) => Some(pack),
        _ => None,
    });
    let Some(pack) = pack else {
        return book.refuse(
            Check::Legs,
            "facts",
            Refusal::new(Reason::RulePackUnknown).with("id", request.rule_pack),
        );
    };
    let facts = fact_base(logs);
    for message in messages.iter().filter(|message| message.verified.is_some()) {
        let finding = match &message.body {
            Body::Endorse(body) => &body.leg,
            Body::Accept(body) => &body.leg,
            Body::CallOff(body) => &body.leg,
            _ => continue,
        };
        let judged = judge_again(finding, &facts, (&request.rule_pack, pack), request.signed_at);
        let known = |id: &&StatementId| facts.membership(id).is_some() || facts.entity(id).is_some();
        let missing = finding.evidence.iter().find(|id| !known(id));
        let result = match missing {
            Some(id) => Err(Refusal::new(Reason::EvidenceMissing).with("fact", id)),
            None => compare(finding, &judged),
        };
        // A signed finding that the facts do not bear out is wrong, whatever the word for the leg itself.
        match result {
            Err(refusal) if missing.is_none() && judged.verdict != finding.verdict => {
                book.note(Check::Legs, &message.entry.name, Ruling::Invalid, refusal);
            }
            result => {
                book.judge(Check::Legs, &message.entry.name, result);
            }
        }
        case.assumptions.extend(assumptions(&judged, &facts, logs));
        case.legs.push(leg_line(&judged));
    }
    case.assumptions.sort();
    case.assumptions.dedup();
}

/// Every leg that a party signed a finding on, judged again; none if the rule pack is missing.
pub(super) fn judged_legs(attempt: &Attempt, logs: &Logs) -> Vec<LegJudgement> {
    let request = attempt.request.body();
    let Some(Body::RulePack(pack)) = logs.public().get(&request.rule_pack).map(|(_, verified)| verified.body())
    else {
        return Vec::new();
    };
    let facts = fact_base(logs);
    let findings = attempt.leg_findings().into_iter();
    findings.map(|finding| judge_again(finding, &facts, (&request.rule_pack, pack), request.signed_at)).collect()
}

fn judge_again(
    finding: &LegFinding,
    facts: &FactBase,
    pack: (&StatementId, &RulePack),
    signed_at: Timestamp,
) -> LegJudgement {
    judge_leg(facts, pack, &finding.from, &finding.to, finding.as_of, signed_at.date())
}

fn compare(finding: &LegFinding, judged: &LegJudgement) -> Result<(), Refusal> {
    let refuse = |reason| Refusal::new(reason).with("from", &judged.from).with("to", &judged.to);
    if finding.verdict != judged.verdict {
        let reason = match judged.verdict {
            Verdict::Fulfilled => Reason::LegFindingDiffers,
            Verdict::NotProven => Reason::LegNotProven,
            Verdict::NotFulfilled => Reason::LegNotLawful,
        };
        return Err(refuse(reason).with("signed", finding.verdict.text(Lang::De)));
    }
    if (finding.basis, finding.assumed) != (judged.basis, judged.assumed()) {
        return Err(refuse(Reason::LegFindingDiffers).with("rule", "basis or assumptions"));
    }
    if judged.verdict == Verdict::Fulfilled { Ok(()) } else { Err(refuse(Reason::LegNotProven)) }
}

fn fact_base(logs: &Logs) -> FactBase {
    let mut facts = FactBase::default();
    for (id, (_, verified)) in logs.public() {
        match verified.body() {
            Body::Membership(fact) => facts.insert_membership(*id, fact.clone()),
            Body::EntityFacts(fact) => facts.insert_entity(*id, fact.clone()),
            _ => {}
        }
    }
    facts
}

fn leg_line(judged: &LegJudgement) -> LegLine {
    let open = judged.findings.iter().filter(|finding| finding.verdict != Verdict::Fulfilled);
    LegLine {
        from: judged.from.clone(),
        to: judged.to.clone(),
        verdict: judged.verdict,
        basis: judged.basis,
        assumed: judged.assumed(),
        open: open.map(|finding| [finding.text(Lang::De), finding.text(Lang::En)]).collect(),
    }
}

fn assumptions(judged: &LegJudgement, facts: &FactBase, logs: &Logs) -> Vec<Assumption> {
    let assumed = |id: &StatementId| {
        let (about, source) = match (facts.membership(id), facts.entity(id)) {
            (Some(fact), _) if fact.assumed => (format!("{} → {}", fact.member, fact.of), fact.source.clone()),
            (_, Some(fact)) if fact.assumed => (fact.org.to_string(), fact.source.clone()),
            _ => return None,
        };
        let member = logs.public().get(id).map(|(name, _)| name.clone()).unwrap_or_default();
        Some(Assumption { member, about, source })
    };
    judged.evidence().iter().filter_map(assumed).collect()
}

/// The times stated follow the order of the messages and keep the deadlines. They are claims, so most of what does
/// not fit is a remark; whether a seal that says itself that it is late still bound anyone is not for us to decide.
fn check_times(messages: &[Message], request: &Request, book: &mut Book) {
    let times: BTreeMap<StatementId, Timestamp> =
        messages.iter().filter_map(|message| Some((message.entry.signed.id(), message.body.signed_at()?))).collect();
    for message in messages {
        let Some(at) = message.body.signed_at() else { continue };
        let name = &message.entry.name;
        let earlier = named(&message.body).into_iter().filter_map(|id| times.get(&id)).max();
        let (late, ruling) = match &message.body {
            Body::Seal(_) => (at > request.seal_by, Ruling::NotCheckable),
            Body::Endorse(_) | Body::Accept(_) | Body::Counter(_) => (at > request.quote_by, Ruling::Valid),
            _ => (false, Ruling::Valid),
        };
        if late {
            book.note(Check::Times, name, ruling, Refusal::new(Reason::DeadlinePassed).with("signed_at", at));
        } else if earlier.is_some_and(|earlier| *earlier > at) {
            let refusal = Refusal::new(Reason::TimesOutOfOrder).with("signed_at", at);
            book.note(Check::Times, name, Ruling::Valid, refusal);
        } else {
            book.pass(Check::Times);
        }
    }
}

/// Every receipt is by a party, for a message of this order, and names the receiver's home log. It stands in no log,
/// so it is judged where it says its log stood.
fn check_receipts(entries: &[Entry], messages: &[Message], logs: &Logs, book: &mut Book) {
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
        logs.judge_receipt(entry, book);
    }
}
