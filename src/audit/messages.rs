//! The messages of the order as they lie in a bundle, each judged by its signer's home log.
use crate::audit::bundle::{Section, is_message};
use crate::audit::logs::{Entry, Logs};
use crate::audit::report::{Book, Check};
use crate::domain::body::Body;
use crate::domain::id::StatementId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Verified;

/// One order message, judged.
pub struct Message<'e> {
    /// Where it lies.
    pub entry: &'e Entry,
    /// What it says.
    pub body: Body,
    /// The same, if it holds.
    pub verified: Option<Verified<Body>>,
}

/// Judges every one; what is no message of an order is refused.
pub fn judge_messages<'e>(entries: &'e [Entry], logs: &Logs, book: &mut Book) -> Vec<Message<'e>> {
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
pub fn named(body: &Body) -> Vec<StatementId> {
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
        Body::Confirm(body) => vec![body.seal],
        Body::Milestone(body) => vec![body.seal],
        Body::Settlement(body) => std::iter::once(body.seal).chain(body.agrees).collect(),
        Body::Mandate(body) => body.approves.into_iter().collect(),
        Body::CallOff(body) => vec![body.seal, body.mandate],
        _ => Vec::new(),
    }
}
