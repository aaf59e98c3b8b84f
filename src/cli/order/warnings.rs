//! What nobody forbids and an officer wants to know before signing a request: a contract for the same service that runs
//! already, a second change of one contract, a total that nobody here may approve. The node is asked; what it does not answer is
//! not warned of.
use std::collections::BTreeMap;

use crate::cli::client::Client;
use crate::cli::offering::euros;
use crate::cli::order::sight::Sight;
use crate::cli::output::Output;
use crate::domain::order::Request;
use crate::domain::reason::Refusal;
use crate::domain::time::Date;
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::wire::pb::node::v1::OfficerKey;
use crate::wire::pb::order::v1::{ListOrdersRequest, Order, OrderSummary, Phase, Stage};

/// Most sealed orders that are looked through: more than a municipality has contracts.
const LOOKED_AT_MAX: i32 = 500;

/// Most contracts that are named.
const NAMED_MAX: usize = 3;

/// Says all of it.
pub async fn before_signing(sight: &mut Sight, client: &mut Client, request: &Request, out: Output) {
    if let Ok(running) = running(client, request).await
        && !running.is_empty()
    {
        let what =
            out.say("Für diese Leistung läuft schon ein Vertrag:", "A contract for this service runs already:");
        sight.line(("!", "!"), format!("{what} {}", running.join(", ")));
    }
    if let Ok(changes) = other_changes(client, request).await
        && !changes.is_empty()
    {
        let what = out.say("Denselben Vertrag ändert schon:", "The same contract is changed already by:");
        sight.line(("!", "!"), format!("{what} {}", changes.join(", ")));
    }
    if let Ok(trust) = client.trust(Some(&request.buyer)).await
        && let Some(known) = trust.organisation
        && let Some(most) = too_much(&known.officer_keys, request, SystemClock.now().date())
    {
        let what = out.say(
            "Diese Obergrenze darf hier niemand freigeben; am meisten darf sein:",
            "Nobody here may approve this cap; the most is:",
        );
        sight.line(("!", "!"), format!("{what} {}", euros(most)));
    }
}

/// Contracts of the buyer for one of the same services that have not ended.
async fn running(client: &mut Client, request: &Request) -> Result<Vec<String>, Refusal> {
    let sealed = ListOrdersRequest { page_size: LOOKED_AT_MAX, stage: Stage::Sealed.into(), ..Default::default() };
    let sealed = client.order_page(sealed).await?.orders;
    let wanted = services(client, &request.offering.to_string()).await?;
    let (mut found, mut same) = (Vec::new(), BTreeMap::new());
    for known in sealed.iter().filter(|known| is_other(known, request)) {
        if found.len() == NAMED_MAX {
            break;
        }
        if !same.contains_key(&known.offering_id) {
            let is_same = services(client, &known.offering_id).await?.iter().any(|key| wanted.contains(key));
            same.insert(known.offering_id.clone(), is_same);
        }
        if same[&known.offering_id] && runs(&client.order(known.id.parse()?).await?) {
            found.push(known.id.clone());
        }
    }
    Ok(found)
}

fn is_other(known: &OrderSummary, request: &Request) -> bool {
    let amended = request.amends.as_ref().map(|amends| amends.order.to_string());
    known.buyer == request.buyer.as_str()
        && known.id != request.order.to_string()
        && Some(&known.id) != amended.as_ref()
}

fn runs(order: &Order) -> bool {
    order.phase() != Phase::Closed
}

/// The keys of the services of an offering.
async fn services(client: &mut Client, offering: &str) -> Result<Vec<String>, Refusal> {
    let entry = client.get_offering(offering).await?.entry;
    Ok(entry.and_then(|entry| entry.offering).map(|offering| offering.leika_keys).unwrap_or_default())
}

/// Other orders that change or prolong what this request changes, and are not over without a seal.
async fn other_changes(client: &mut Client, request: &Request) -> Result<Vec<String>, Refusal> {
    let Some(amends) = &request.amends else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for id in client.order(amends.order).await?.amended_by {
        let is_over = matches!(client.order(id.parse()?).await?.stage(), Stage::Void | Stage::Unsealed);
        if !is_over && id != request.order.to_string() {
            found.push(id);
        }
    }
    Ok(found)
}

/// The most that anybody may approve, if the officer's own limit does not suffice and nobody else's does.
fn too_much(officers: &[OfficerKey], request: &Request, today: Date) -> Option<i64> {
    let (cap, today) = (request.total_max.get(), today.to_string());
    let in_force = officers.iter().filter(|key| {
        !key.revoked && key.valid_from.as_str() <= today.as_str() && today.as_str() <= key.valid_to.as_str()
    });
    let limit = |key: &OfficerKey| key.limit_per_year_cents.map_or(key.limit_cents, |year| year.min(key.limit_cents));
    let may = |key: &&OfficerKey| {
        let is_own = key.officer == request.officer.as_str();
        is_own || key.roles.iter().any(|role| role == "approver")
    };
    let most = in_force.filter(may).map(limit).max()?;
    (most < cap).then_some(most)
}
