//! Acting: from the next act to a signed statement in the own log.
use serde::Serialize;

use crate::domain::body::Body;
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::order::call_off::CallOff;
use crate::domain::order::{
    Accept, Attempt, Counter, Decline, Endorse, LateNotice, NOTE_CHARS_MAX, Placed, Recall, Reminder, Request, Seal,
    Void,
};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::text::tamed;
use crate::domain::time::Timestamp;
use crate::protocol::brokering::Act;
use crate::protocol::{Node, Work};

/// What every statement about an attempt carries.
#[derive(Clone, Copy)]
struct Frame {
    order: OrderId,
    attempt: u32,
    request: StatementId,
    signed_at: Timestamp,
    salt: Salt,
}

impl Node {
    /// Does it, and says whether that changed anything.
    pub(super) fn perform(
        &mut self,
        order: OrderId,
        number: u32,
        act: Act,
        signed_at: Timestamp,
        work: &mut Work,
    ) -> bool {
        let salt = self.dice.salt();
        let Ok(attempt) = self.attempt(order, number) else { return false };
        let frame = Frame { order, attempt: number, request: attempt.request.id(), signed_at, salt };
        let signed = match act {
            Act::Seal | Act::Void(_) | Act::LateNotice(..) | Act::CallOff(..) => {
                self.buyers_word(attempt, act, frame)
            }
            Act::Remind(..) => self.reminder(act, frame),
            _ => self.partys_word(attempt, act, frame),
        };
        signed.is_some_and(|signed| self.speak(&signed, work))
    }

    /// Signs as an organisation hosted here.
    fn sign_as<T: Serialize>(&self, org: &OrgId, kind: &Kind, body: &T) -> Option<Signed> {
        Some(Signed::sign(kind, body, &[self.statement_key(org).ok()?]))
    }

    /// What the buyer's node says by a rule.
    fn buyers_word(&self, attempt: &Attempt, act: Act, frame: Frame) -> Option<Signed> {
        let request = attempt.request.body();
        let Frame { order, attempt: number, signed_at, salt, .. } = frame;
        let buyer = request.buyer.clone();
        match act {
            Act::Seal => {
                let (chain, total) = (attempt.chain().ok()?, attempt.offer().ok()?);
                let (agreed, officer) = (Vec::new(), None);
                let body = Seal { order, attempt: number, buyer, chain, total, agreed, officer, signed_at, salt };
                self.sign_as(&request.buyer, &Kind::Seal, &body)
            }
            Act::Void(reason) => {
                let request_id = frame.request;
                let body = Void {
                    order,
                    attempt: number,
                    buyer,
                    request: request_id,
                    reason,
                    officer: None,
                    signed_at,
                    salt,
                };
                self.sign_as(&request.buyer, &Kind::Void, &body)
            }
            Act::LateNotice(to, message) => {
                let void = attempt.void.as_ref()?.id();
                let body = LateNotice { order, attempt: number, buyer, to, message, void, signed_at, salt };
                self.sign_as(&request.buyer, &Kind::LateNotice, &body)
            }
            Act::CallOff(member, share, leg, mandate) => {
                let (seal, gathered) = (attempt.seal.as_ref()?, request.gathered.as_ref()?);
                let body = CallOff {
                    order,
                    attempt: number,
                    seal: seal.id(),
                    from: buyer,
                    to: member.org,
                    need: member.need,
                    mandate,
                    offering: request.offering,
                    provider: request.route.provider().clone(),
                    term_years: request.term_years,
                    key: gathered.key,
                    weight: member.weight,
                    weights: gathered.weights(),
                    total: seal.body().total,
                    share,
                    leg,
                    rule_pack: request.rule_pack,
                    procedure_began: request.procedure_day(),
                    award: request.award,
                    signed_at,
                    salt,
                };
                self.sign_as(&request.buyer, &Kind::CallOff, &body)
            }
            _ => None,
        }
    }

    fn reminder(&self, act: Act, frame: Frame) -> Option<Signed> {
        let Act::Remind(org, about, due, until) = act else { return None };
        let Frame { order, attempt, signed_at, salt, .. } = frame;
        let body = Reminder { order, attempt, org, about, due, until, signed_at, salt };
        self.sign_as(&body.org, &Kind::Reminder, &body)
    }

    /// What a hop or the provider says by a rule.
    fn partys_word(&self, attempt: &Attempt, act: Act, frame: Frame) -> Option<Signed> {
        let Frame { order, attempt: number, request, signed_at, salt } = frame;
        match act {
            Act::Endorse(from, leg, decision) => {
                let prev = predecessor(attempt, &from);
                let body = Endorse { order, attempt: number, from, prev, leg, decision, signed_at, salt };
                self.sign_as(&body.from, &Kind::Endorse, &body)
            }
            Act::Accept(from, leg, decision) => {
                let (prev, asked) = (predecessor(attempt, &from), attempt.request.body());
                let offering = self.state.catalogue.version(&asked.offering)?;
                let components = self.provider_price(asked, offering).ok()?;
                let binds_until = asked.seal_by;
                let body = Accept {
                    order,
                    attempt: number,
                    from,
                    prev,
                    leg,
                    components,
                    decision,
                    binds_until,
                    signed_at,
                    salt,
                };
                self.sign_as(&body.from, &Kind::Accept, &body)
            }
            Act::Counter(from) => {
                let body = self.counter(attempt, from, signed_at, salt)?;
                self.sign_as(&body.from, &Kind::Counter, &body)
            }
            Act::Decline(from, refusal) => {
                let kind = if attempt.route().provider() == &from { Kind::Reject } else { Kind::Decline };
                let (reason, note) = (refusal.reason.code().to_owned(), note_of(&refusal));
                // Whoever said no has said why: the same words for those who hear of it.
                let refused = attempt.decisions.get(&from).filter(|_| refusal.reason == Reason::DecisionNo);
                let annex = refused.and_then(|decision| decision.body().annex);
                let body = Decline { order, attempt: number, from, request, reason, note, annex, signed_at, salt };
                self.sign_as(&body.from, &kind, &body)
            }
            Act::Recall(from, refusal) => {
                let (reason, note) = (refusal.reason.code().to_owned(), note_of(&refusal));
                let (annex, officer) = (None, None);
                let body =
                    Recall { order, attempt: number, from, request, reason, note, annex, officer, signed_at, salt };
                self.sign_as(&body.from, &Kind::Recall, &body)
            }
            _ => None,
        }
    }

    fn counter(&self, attempt: &Attempt, from: OrgId, signed_at: Timestamp, salt: Salt) -> Option<Counter> {
        let request: &Request = attempt.request.body();
        let at = attempt.position(&from).ok()?;
        let behind = if at + 1 == attempt.legs() {
            attempt.acceptance.as_ref().map(Verified::id)
        } else {
            attempt.counters.get(&(at + 1)).map(Verified::id)
        };
        let (components, tariff) = self.hop_price(request, &from).ok()?;
        Some(Counter {
            order: request.order,
            attempt: request.attempt,
            components,
            tariff,
            from,
            prev: behind?,
            binds_until: request.seal_by,
            signed_at,
            salt,
        })
    }

    /// Verifies what was signed by the same rules as everyone, places and appends it.
    fn speak(&mut self, signed: &Signed, work: &mut Work) -> bool {
        let Ok(verified) = self.state.judge(signed) else { return false };
        let placed = self.state.place(verified.clone()) == Ok(Placed::New);
        if placed {
            debug_assert!(!matches!(verified.body(), Body::Unknown));
            self.append(verified, work);
        }
        placed
    }
}

fn predecessor(attempt: &Attempt, from: &OrgId) -> StatementId {
    let at = attempt.position(from).unwrap_or(1);
    attempt.endorsements.get(&(at.saturating_sub(1))).map_or(attempt.request.id(), Verified::id)
}

fn note_of(refusal: &Refusal) -> String {
    let said = refusal.field("why").map_or_else(|| refusal.details(), str::to_owned);
    let said = if said.is_empty() { refusal.reason.text(Lang::De).to_owned() } else { said };
    tamed(&said, NOTE_CHARS_MAX)
}
