//! What brokering makes of a leg that was judged: the finding in a message, or the refusal.
use crate::domain::law::{LegJudgement, Verdict};
use crate::domain::order::LegFinding;
use crate::domain::reason::{Lang, Reason, Refusal};

/// A judged leg as the parties are told of it.
pub(super) fn finding(leg: &LegJudgement) -> LegFinding {
    LegFinding {
        from: leg.from.clone(),
        to: leg.to.clone(),
        as_of: leg.as_of,
        verdict: leg.verdict,
        basis: leg.basis,
        assumed: leg.assumed(),
        evidence: leg.evidence().into_iter().collect(),
    }
}

/// Refuses a leg that does not hold, naming what is missing or fails, in German and in English.
pub fn refuse_unless_fulfilled(leg: &LegJudgement) -> Result<(), Refusal> {
    let reason = match leg.verdict {
        Verdict::Fulfilled | Verdict::Contested => return Ok(()),
        Verdict::NotProven => Reason::LegNotProven,
        Verdict::NotFulfilled => Reason::LegNotLawful,
    };
    let why = |lang| {
        let findings = leg.findings.iter().filter(|finding| finding.verdict == leg.verdict);
        findings.map(|finding| finding.text(lang)).collect::<Vec<String>>().join(" ")
    };
    Err(Refusal::new(reason)
        .with("from", &leg.from)
        .with("to", &leg.to)
        .with("as_of", leg.as_of)
        .with("why", why(Lang::De))
        .with("why_en", why(Lang::En)))
}
