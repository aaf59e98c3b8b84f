//! Nobody is bound by another's word: each call-off stands under a mandate of the member's own.
use crate::audit::chronicle::Chronicle;
use crate::audit::logs::Logs;
use crate::audit::messages::Message;
use crate::audit::report::{Book, Check};
use crate::domain::body::Body;
use crate::domain::money::Cents;
use crate::domain::order::mandate::{Asked, Mandate, check_covers, check_given};
use crate::domain::order::timely::WITNESSING_MS;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Verified};
use crate::domain::trust::OfficerRole;

/// Every call-off that holds names a mandate that covers it and was given. Of the limits of a year the bundle shows only this
/// one mandate.
pub fn check_mandates(messages: &[Message], logs: &Logs, chronicle: &Chronicle, book: &mut Book) {
    let mandates: Vec<Verified<Mandate>> = messages.iter().filter_map(mandate_in).collect();
    for message in messages {
        let (Body::CallOff(part), Some(verified)) = (&message.body, &message.verified) else { continue };
        let seen = chronicle.seen(&verified.id()).map(|seen| seen.plus_ms(-WITNESSING_MS).date());
        let mandate = mandates.iter().find(|mandate| mandate.id() == part.mandate);
        let missing = || Refusal::new(Reason::EvidenceMissing).with("kind", Kind::Mandate).with("org", &part.to);
        let judged = mandate.ok_or_else(missing).and_then(|mandate| {
            // By its own word, and as witnesses saw it.
            let days = [Some(part.asked().day), seen].into_iter().flatten();
            days.into_iter().try_for_each(|day| check_covers(mandate.body(), &Asked { day, ..part.asked() }))?;
            // What was approved only after the call-off did not stand behind it.
            let stood =
                mandates.iter().filter(|other| chronicle.is_before(&verified.id(), &other.id()) != Some(true));
            check_given(mandate, stood, |of, role| suffices(of, role, (logs, chronicle)))
        });
        book.judge(Check::Officers, &message.entry.name, judged);
    }
}

fn mandate_in(message: &Message) -> Option<Verified<Mandate>> {
    let (Body::Mandate(body), Some(verified)) = (&message.body, &message.verified) else { return None };
    Some(verified.clone().map(|_| body.clone()))
}

fn suffices(mandate: &Verified<Mandate>, role: OfficerRole, (logs, chronicle): (&Logs, &Chronicle)) -> bool {
    let (cap, org) = (mandate.body().cap, &mandate.body().org);
    let grant = logs.officer(org, mandate.signed(), chronicle.place(&mandate.id()));
    grant.is_some_and(|grant| grant.roles.contains(&role) && grant.suffices(cap, Cents::ZERO))
}
