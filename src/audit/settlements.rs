//! Contradictions that two parties have settled. A settlement is told, and changes no verdict: it neither undoes a seal nor
//! mends what is wrong.
use crate::audit::messages::Message;
use crate::audit::report::{Book, Check, Ruling};
use crate::domain::order::Attempt;
use crate::domain::order::aftercare::settlements;
use crate::domain::reason::{Reason, Refusal};

/// A remark for each proposal: settled by both, or by one alone and so not at all.
pub fn tell_settlements(attempt: &Attempt, messages: &[Message], book: &mut Book) {
    for (proposal, agreement) in settlements(attempt) {
        let body = proposal.body();
        let reason = if agreement.is_some() { Reason::ContradictionSettled } else { Reason::SettlementOpen };
        let remark = Refusal::new(reason).with("org", &body.from).with("with", &body.to).with("terms", &body.terms);
        let remark = body.about.first().into_iter().fold(remark, |remark, id| remark.with("named", id));
        let remark = body.holds.into_iter().fold(remark, |remark, id| remark.with("holds", id));
        let entry = messages.iter().find(|message| message.entry.signed.id() == proposal.id());
        let name = entry.map_or("order", |message| message.entry.name.as_str());
        book.note(Check::Outcome, name, Ruling::Valid, remark);
    }
}
