//! The legs, judged again: by the evidence each finding names, as far as it was known then, under the rule pack that was
//! in force for the procedure. What became known later is shown, and changes nothing.
use crate::audit::chronicle::Chronicle;
use crate::audit::logs::{Entry, Logs};
use crate::audit::messages::Message;
use crate::audit::report::{Assumption, Book, Case, Check, LegLine, Ruling};
use crate::domain::body::Body;
use crate::domain::fact_base::FactBase;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::cases::Court;
use crate::domain::law::{Award, Basis, LegJudgement, Verdict};
use crate::domain::order::call_off::CallOff;
use crate::domain::order::timely::WITNESSING_MS;
use crate::domain::order::{Attempt, LegFinding};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::rule_pack::{RulePack, check_named};
use crate::domain::statement::Kind;
use crate::domain::time::{Date, Timestamp};

/// A finding and what it is judged by.
struct Ground<'a> {
    /// The day on which the procedure began, and what kind of contract it was about.
    procedure: (Date, Award),
    /// Whether a contract in force is changed.
    is_change: bool,
    /// Who provides itself.
    provider: &'a OrgId,
    /// What is said to have been known by this day counts.
    known_on: Date,
    pack: (&'a StatementId, &'a RulePack),
    logs: &'a Logs,
    chronicle: &'a Chronicle,
    /// When witnesses had seen the request: corrections that were known then count.
    requested: Option<Timestamp>,
}

/// Judges every leg again and compares the result with what the hop signed.
pub fn check_legs(
    attempt: &Attempt,
    messages: &[Message],
    (entries, logs, chronicle): (&[Entry], &Logs, &Chronicle),
    case: &mut Case,
    book: &mut Book,
) {
    let request = attempt.request.body();
    let Some(ground) = Ground::of(attempt, logs, chronicle) else {
        let refusal = Refusal::new(Reason::RulePackUnknown).with("id", request.rule_pack);
        return book.refuse(Check::Legs, "facts", refusal);
    };
    case.law = Some((ground.pack.1.name.clone(), request.procedure_day()));
    book.judge(Check::Legs, "request", check_pack(attempt, entries, &ground));
    let sealed = attempt.seal.as_ref().and_then(|seal| chronicle.seen(&seal.id()));
    for message in messages.iter().filter(|message| message.verified.is_some()) {
        let seen = chronicle.seen(&message.entry.signed.id());
        let (finding, until) = match &message.body {
            Body::Endorse(body) => (&body.leg, sealed),
            Body::Accept(body) => (&body.leg, sealed),
            Body::CallOff(body) => (&body.leg, seen),
            _ => continue,
        };
        check_finding(&ground, (finding, until), &message.entry.name, case, book);
    }
    case.assumptions.sort();
    case.assumptions.dedup();
    note_later(&ground, sealed, book);
}

/// The leg of a member's own part, by the pack that the part names, which is meant for the day on which the procedure began.
/// Corrections that witnesses had seen before that day count: whoever asked later knew them.
pub fn check_part_leg(
    part: &CallOff,
    message: &Message,
    (logs, chronicle): (&Logs, &Chronicle),
    case: &mut Case,
    book: &mut Book,
) {
    let Some(pack) = pack_of(&part.rule_pack, logs) else {
        let refusal = Refusal::new(Reason::RulePackUnknown).with("id", part.rule_pack);
        return book.refuse(Check::Legs, "facts", refusal);
    };
    let ground = Ground {
        procedure: (part.procedure_began, part.award),
        // The request is not here; that it changes a contract follows from what the finding claims to rest on.
        is_change: part.leg.basis == Some(Basis::Modification),
        provider: &part.provider,
        known_on: part.signed_at.date(),
        pack: (&part.rule_pack, pack),
        logs,
        chronicle,
        requested: Some(part.procedure_began.begins()),
    };
    case.law = Some((pack.name.clone(), part.procedure_began));
    let name = &message.entry.name;
    book.judge(Check::Legs, name, check_named(ground.pack, [], part.procedure_began));
    let is_own = (&part.leg.from, &part.leg.to) == (&part.to, &part.from);
    let another = || Refusal::new(Reason::ChainBroken).with("rule", "judged another leg or day");
    book.judge(Check::Legs, name, if is_own { Ok(()) } else { Err(another()) });
    check_finding(&ground, (&part.leg, chronicle.seen(&message.entry.signed.id())), name, case, book);
}

/// Judges one leg again and compares.
fn check_finding(
    ground: &Ground,
    (finding, until): (&LegFinding, Option<Timestamp>),
    name: &str,
    case: &mut Case,
    book: &mut Book,
) {
    let judged = ground.judge(finding);
    let missing = ground.check_evidence(finding, until);
    let is_gap = missing.is_err();
    let result = missing.and_then(|()| compare(finding, &judged));
    // A signed finding that the facts do not bear out is wrong, whatever the word for the leg itself.
    match result {
        Err(refusal) if !is_gap && judged.verdict != finding.verdict => {
            book.note(Check::Legs, name, Ruling::Invalid, refusal);
        }
        result => {
            book.judge(Check::Legs, name, result);
        }
    }
    case.assumptions.extend(assumptions(&judged, ground.logs));
    case.legs.push(leg_line(&judged));
}

fn pack_of<'l>(id: &StatementId, logs: &'l Logs) -> Option<&'l RulePack> {
    match logs.public().get(id)?.1.body() {
        Body::RulePack(pack) => Some(pack),
        _ => None,
    }
}

/// Every leg that a party signed a finding on, judged again; none if the rule pack is missing.
pub(super) fn judged_legs(attempt: &Attempt, logs: &Logs, chronicle: &Chronicle) -> Vec<LegJudgement> {
    let Some(ground) = Ground::of(attempt, logs, chronicle) else { return Vec::new() };
    attempt.leg_findings().into_iter().map(|finding| ground.judge(finding)).collect()
}

impl<'a> Ground<'a> {
    fn of(attempt: &'a Attempt, logs: &'a Logs, chronicle: &'a Chronicle) -> Option<Self> {
        let request = attempt.request.body();
        let pack = pack_of(&request.rule_pack, logs)?;
        Some(Self {
            procedure: (request.procedure_day(), request.award),
            is_change: request.is_change(),
            provider: request.route.provider(),
            known_on: request.signed_at.date(),
            pack: (&request.rule_pack, pack),
            logs,
            chronicle,
            requested: chronicle.seen(&attempt.request.id()),
        })
    }

    /// By what the finding names, and by the corrections of it that were known when the order was asked for.
    fn judge(&self, finding: &LegFinding) -> LegJudgement {
        let mut facts = FactBase::default();
        for (id, (_, verified)) in self.logs.public() {
            let corrects = match verified.body() {
                Body::Membership(fact) => fact.corrects,
                Body::EntityFacts(fact) => fact.corrects,
                _ => continue,
            };
            let was_known =
                || self.chronicle.seen(id).is_some_and(|at| self.requested.is_some_and(|then| at <= then));
            let is_correction = corrects.is_some_and(|earlier| finding.evidence.contains(&earlier)) && was_known();
            if !finding.evidence.contains(id) && !is_correction {
                continue;
            }
            match verified.body() {
                Body::Membership(fact) => facts.insert_membership(*id, fact.clone()),
                Body::EntityFacts(fact) => facts.insert_entity(*id, fact.clone()),
                _ => {}
            }
        }
        let ((began, award), is_last) = (self.procedure, finding.to == *self.provider);
        let court = Court::on(&facts, self.pack, finding.as_of, self.known_on);
        Court { began, award, is_last, is_change: self.is_change, ..court }.judge(&finding.from, &finding.to)
    }

    /// All evidence named lies in the bundle, and witnesses had seen it by then, or soon after: the finding names what it
    /// rests on by its hash, so that it existed is certain.
    fn check_evidence(&self, finding: &LegFinding, until: Option<Timestamp>) -> Result<(), Refusal> {
        for id in &finding.evidence {
            let fact = self.logs.public().get(id).map(|(_, verified)| verified.body());
            if !matches!(fact, Some(Body::Membership(_) | Body::EntityFacts(_))) {
                return Err(Refusal::new(Reason::EvidenceMissing).with("fact", id));
            }
            if let (Some(seen), Some(until)) = (self.chronicle.seen(id), until)
                && seen > until.plus_ms(WITNESSING_MS)
            {
                return Err(Refusal::new(Reason::EvidenceLater).with("fact", id).with("seen", seen));
            }
        }
        Ok(())
    }
}

/// No pack that the buyer's log held before the request was meant for the procedure rather than the one named.
fn check_pack(attempt: &Attempt, entries: &[Entry], ground: &Ground) -> Result<(), Refusal> {
    let Some((origin, at)) = ground.chronicle.place(&attempt.request.id()) else { return Ok(()) };
    let stood = entries.iter().filter(|entry| {
        *entry.signed.kind() == Kind::RulePack
            && entry.place.as_ref().is_some_and(|(log, index)| log == origin && index < at)
    });
    let ids: Vec<StatementId> = stood.map(|entry| entry.signed.id()).collect();
    let packs = ids.iter().filter_map(|id| match ground.logs.public().get(id)?.1.body() {
        Body::RulePack(pack) => Some((id, pack)),
        _ => None,
    });
    check_named(ground.pack, packs, ground.procedure.0)
}

/// Corrections in the bundle that witnesses saw only after the seal.
fn note_later(ground: &Ground, sealed: Option<Timestamp>, book: &mut Book) {
    let Some(sealed) = sealed else { return };
    for (id, (name, verified)) in ground.logs.public() {
        let corrects = match verified.body() {
            Body::Membership(fact) => fact.corrects,
            Body::EntityFacts(fact) => fact.corrects,
            _ => None,
        };
        if corrects.is_some() && ground.chronicle.seen(id).is_some_and(|at| at > sealed) {
            book.note(Check::Legs, name, Ruling::Valid, Refusal::new(Reason::FactLater).with("fact", id));
        }
    }
}

fn compare(finding: &LegFinding, judged: &LegJudgement) -> Result<(), Refusal> {
    let refuse = |reason| Refusal::new(reason).with("from", &judged.from).with("to", &judged.to);
    if finding.verdict != judged.verdict {
        let reason = match judged.verdict {
            Verdict::Fulfilled | Verdict::Contested => Reason::LegFindingDiffers,
            Verdict::NotProven => Reason::LegNotProven,
            Verdict::NotFulfilled => Reason::LegNotLawful,
        };
        return Err(refuse(reason).with("signed", finding.verdict.text(Lang::De)));
    }
    if (finding.basis, finding.assumed) != (judged.basis, judged.assumed()) {
        return Err(refuse(Reason::LegFindingDiffers).with("rule", "basis or assumptions"));
    }
    if judged.verdict.holds() { Ok(()) } else { Err(refuse(Reason::LegNotProven)) }
}

fn leg_line(judged: &LegJudgement) -> LegLine {
    let open = judged.findings.iter().filter(|finding| finding.verdict != Verdict::Fulfilled);
    LegLine {
        from: judged.from.clone(),
        to: judged.to.clone(),
        verdict: judged.verdict,
        basis: judged.basis,
        paragraph: judged.paragraph.clone(),
        assumed: judged.assumed(),
        open: open.map(|finding| [finding.text(Lang::De), finding.text(Lang::En)]).collect(),
    }
}

fn assumptions(judged: &LegJudgement, logs: &Logs) -> Vec<Assumption> {
    let assumed = |id: &StatementId| {
        let (member, verified) = logs.public().get(id)?;
        let (about, source) = match verified.body() {
            Body::Membership(fact) if fact.assumed => (format!("{} → {}", fact.member, fact.of), fact.source.clone()),
            Body::EntityFacts(fact) if fact.assumed => (fact.org.to_string(), fact.source.clone()),
            _ => return None,
        };
        Some(Assumption { member: member.clone(), about, source })
    };
    judged.evidence().iter().filter_map(assumed).collect()
}
