//! Mandates on the wire: what members let cooperatives order for them.
use crate::domain::id::OrgId;
use crate::domain::order::mandate::Mandate;
use crate::domain::reason::Refusal;
use crate::domain::statement::Verified;
use crate::protocol::Node;
use crate::wire::page::{Page, encoded_bytes};
use crate::wire::pb::order::v1 as pb;

/// Which page of mandates a caller wants.
#[derive(Clone, Debug)]
pub struct MandateListing {
    page: Page,
}

impl TryFrom<pb::ListMandatesRequest> for MandateListing {
    type Error = Refusal;

    fn try_from(message: pb::ListMandatesRequest) -> Result<Self, Refusal> {
        let pb::ListMandatesRequest { page_size, page_token } = message;
        Ok(Self { page: Page::read(page_size, &page_token, &[])? })
    }
}

/// One page of the mandates that an organisation has given or received.
pub fn mandates(node: &Node, org: &OrgId, listing: &MandateListing) -> pb::ListMandatesResponse {
    let all = node.state().orders.values().flat_map(|known| known.mandates.values());
    let own = all.filter(|mandate| [&mandate.body().org, &mandate.body().to].contains(&org));
    let key = |mandate: &pb::Mandate| format!("{}/{}", mandate.need_id, mandate.statement_id);
    let page = listing.page.cut(own.map(|mandate| written(node, mandate)), key, encoded_bytes);
    pb::ListMandatesResponse { mandates: page.items, next_page_token: page.next }
}

fn written(node: &Node, mandate: &Verified<Mandate>) -> pb::Mandate {
    let body = mandate.body();
    // An approval is not what anything is called off under.
    let given = if body.approves.is_some() { Ok(()) } else { node.check_mandate_given(mandate) };
    pb::Mandate {
        statement_id: mandate.id().to_string(),
        org: body.org.to_string(),
        to: body.to.to_string(),
        need_id: body.need.to_string(),
        cap_cents: body.cap.get(),
        until: body.until.to_string(),
        approves: body.approves.map(|id| id.to_string()).unwrap_or_default(),
        officer: body.officer.to_string(),
        waits_for: given.err().map(|refusal| refusal.reason.code().to_owned()).unwrap_or_default(),
        number: body.attempt,
    }
}
