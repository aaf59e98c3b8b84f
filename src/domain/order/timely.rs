//! Witnessed time against what the messages promise: the deadline of the seal, the day of award.
//!
//! A time is the one at which enough witnesses had seen a statement; what its signer says is information. Days are
//! German days.
use std::collections::BTreeSet;

use crate::domain::id::OrgId;
use crate::domain::order::attempt::Attempt;
use crate::domain::order::{Request, Seal};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;

/// How much later than it was signed a statement may come into sight of the witnesses and still count for the day on
/// which it was signed, in milliseconds: ten minutes, which also covers clocks that differ.
pub const WITNESSING_MS: i64 = 10 * 60 * 1000;

/// Whether a seal came after its deadline: by its own word, or as the witnesses saw it.
pub fn is_late(request: &Request, seal: &Seal, witnessed: Option<Timestamp>) -> bool {
    seal.signed_at > request.seal_by || witnessed.is_some_and(|at| at > request.seal_by)
}

/// Of a seal that came late, who has not confirmed it yet; none if it came in time.
pub fn unconfirmed(attempt: &Attempt, witnessed: Option<Timestamp>) -> Option<Vec<&OrgId>> {
    let seal = attempt.seal.as_ref().map(|seal| seal.body())?;
    if !is_late(attempt.request.body(), seal, witnessed) {
        return None;
    }
    let confirmed: BTreeSet<&OrgId> = attempt.confirmations.values().map(|said| &said.body().from).collect();
    Some(attempt.route().parties()[1..].iter().filter(|org| !confirmed.contains(org)).collect())
}

/// A seal that came late binds only once every other party has confirmed it (section 150 (1) BGB).
pub fn check_seal_timely(attempt: &Attempt, witnessed: Option<Timestamp>) -> Result<(), Refusal> {
    let request = attempt.request.body();
    let Some(seal) = attempt.seal.as_ref().map(|seal| seal.body()) else { return Ok(()) };
    let missing: Vec<&str> = unconfirmed(attempt, witnessed).into_iter().flatten().map(OrgId::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let seen = witnessed.map_or(seal.signed_at, |at| at.max(seal.signed_at));
    Err(Refusal::new(Reason::SealLate)
        .with("seal_by", request.seal_by)
        .with("seen", seen)
        .with("unconfirmed", missing.join(", ")))
}

/// When a request says it was signed decides which law and which facts count, so witnesses had seen it on that German day.
/// `Err(_, true)` where it says later than it was seen, which is false; else no witness saw it in time and nobody can say.
pub fn check_stated_time(request: &Request, requested: Timestamp) -> Result<(), (Refusal, bool)> {
    let refusal = || {
        let refusal = Refusal::new(Reason::RequestTimeUnseen).with("signed_at", request.signed_at);
        refusal.with("seen", requested)
    };
    if request.signed_at > requested.plus_ms(WITNESSING_MS) {
        return Err((refusal(), true));
    }
    if request.signed_at.date() < requested.plus_ms(-WITNESSING_MS).date() {
        return Err((refusal(), false));
    }
    Ok(())
}

/// The day of award lies between the request and the seal, as the witnesses saw them. Without a seal there is no end.
pub fn check_award_day(request: &Request, requested: Timestamp, sealed: Option<Timestamp>) -> Result<(), Refusal> {
    let first = requested.plus_ms(-WITNESSING_MS).date();
    let last = sealed.map(Timestamp::date);
    if request.as_of >= first && last.is_none_or(|last| request.as_of <= last) {
        return Ok(());
    }
    let refusal = Refusal::new(Reason::AwardDay).with("as_of", request.as_of).with("first", first);
    Err(last.into_iter().fold(refusal, |refusal, last| refusal.with("last", last)))
}
