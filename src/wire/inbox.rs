//! What waits for an officer, on the wire.
use crate::domain::id::OrgId;
use crate::domain::reason::Refusal;
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::inbox::{Errand, Waits};
use crate::wire::order::title;
use crate::wire::page::{Page, encoded_bytes};
use crate::wire::pb::order::v1 as pb;
use crate::wire::timestamp;

/// Which page of the inbox a caller wants.
#[derive(Clone, Debug)]
pub struct InboxListing {
    page: Page,
}

impl TryFrom<pb::ListInboxRequest> for InboxListing {
    type Error = Refusal;

    fn try_from(message: pb::ListInboxRequest) -> Result<Self, Refusal> {
        let pb::ListInboxRequest { page_size, page_token } = message;
        Ok(Self { page: Page::read(page_size, &page_token, &[])? })
    }
}

/// One page of what waits for the officer who proves identity.
pub fn inbox(
    node: &Node,
    org: OrgId,
    proof: &Signed,
    listing: &InboxListing,
    now: Timestamp,
) -> pb::ListInboxResponse {
    let key = |entry: &pb::InboxEntry| {
        let since = entry.since.as_ref().map(crate::wire::instant).unwrap_or_default();
        // Times of this and the next centuries have at most fourteen digits.
        format!("{:014}/{}/{}/{}", since.0, entry.order_id, entry.errand, entry.statement_id)
    };
    let waiting = node.inbox(org, proof, now);
    let page = listing.page.cut(waiting.iter().map(|waits| written(node, waits)), key, encoded_bytes);
    pb::ListInboxResponse { entries: page.items, next_page_token: page.next }
}

fn written(node: &Node, waits: &Waits) -> pb::InboxEntry {
    let errand = match waits.errand {
        Errand::Approve => pb::Errand::Approve,
        Errand::Decide => pb::Errand::Decide,
        Errand::Seal => pb::Errand::Seal,
        Errand::Confirm => pb::Errand::Confirm,
        Errand::Agree => pb::Errand::Agree,
        Errand::ApproveMandate => pb::Errand::ApproveMandate,
        Errand::Clarify => pb::Errand::Clarify,
        Errand::Notice => pb::Errand::Notice,
    };
    pb::InboxEntry {
        errand: errand.into(),
        order_id: waits.order.to_string(),
        statement_id: waits.statement.to_string(),
        by: waits.by.to_string(),
        offering_id: waits.offering.map(|id| id.to_string()).unwrap_or_default(),
        offering_title: waits.offering.map(|id| title(node, &id)).unwrap_or_default(),
        cap_cents: waits.cap.get(),
        since: Some(timestamp(waits.since)),
        due: waits.due.map(timestamp),
        day: waits.day.map(|day| day.to_string()).unwrap_or_default(),
    }
}
