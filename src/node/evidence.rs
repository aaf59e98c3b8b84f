//! Assembling the evidence bundle of an order: what the protocol names, with the bytes the store holds.
use std::collections::{BTreeMap, BTreeSet};

use crate::audit::bundle::{BundleInput, LogEnd, LoggedStatement};
use crate::audit::cover::Cover;
use crate::audit::packing::pack;
use crate::domain::annex;
use crate::domain::id::{OrderId, OrgId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::log::leaf::Audience;
use crate::node::handle::Handle;
use crate::protocol::Node;
use crate::protocol::evidence::{Earlier, Item, LogEnd as End};

/// The bundle that an organisation may have of an order, as a ZIP file.
pub async fn bundle(handle: &Handle, order: OrderId, org: OrgId) -> Result<Vec<u8>, Refusal> {
    let look = move |node: &Node, _| Ok((node.evidence_for(order, &org)?, node.settings().anchor));
    let (evidence, root) = handle.read_order(order, look).await?;
    let mut input = BundleInput::empty(root);
    for item in evidence.trust {
        input.trust.push(member(handle, item).await?);
    }
    for item in evidence.facts {
        input.facts.push(member(handle, item).await?);
    }
    input.covers = covers(handle, &evidence.ends, evidence.timed).await?;
    for end in evidence.ends {
        input.ends.push(log_end(handle, end).await?);
    }
    input.messages =
        evidence.messages.into_iter().map(|(signed, item)| LoggedStatement { signed, proof: item.proof }).collect();
    for id in input.messages.iter().filter_map(|message| annex::named(&message.signed)) {
        input.annexes.extend(handle.annex(id).await?);
    }
    input.receipts = evidence.receipts;
    pack(&input)?.to_zip()
}

/// The first checkpoint kept that covers each place, where it is an earlier one than that at the log's end.
async fn covers(handle: &Handle, ends: &[End], timed: BTreeSet<(Origin, u64)>) -> Result<Vec<Cover>, Refusal> {
    let mut covers: BTreeMap<(Origin, u64), Cover> = BTreeMap::new();
    for (origin, index) in timed {
        let Some(end) = ends.iter().find(|end| end.origin == origin) else { continue };
        let Some(note) = handle.cover(origin.clone(), index).await? else { continue };
        let (of, newest) = (origin.clone(), end.proof.index + 1);
        let earlier = handle.read(move |node, _| node.earlier(&of, newest, &note)).await??;
        let cover = |Earlier { size, note, consistency }| ((origin, size), Cover { note, consistency });
        covers.extend(earlier.map(cover));
    }
    Ok(covers.into_values().collect())
}

async fn member(handle: &Handle, item: Item) -> Result<LoggedStatement, Refusal> {
    let signed = handle.statement(item.id).await?;
    let signed = signed.ok_or_else(|| Refusal::new(Reason::StoreDamaged).with("statement", item.id))?;
    Ok(LoggedStatement { signed, proof: item.proof })
}

async fn log_end(handle: &Handle, end: End) -> Result<LogEnd, Refusal> {
    let entry = handle.entry(end.origin.clone(), end.proof.index).await?;
    let entry = entry.ok_or_else(|| Refusal::new(Reason::StoreDamaged).with("log", &end.origin))?;
    let public = entry.statement.filter(|_| entry.leaf.audience() == Audience::Public);
    Ok(LogEnd {
        leaf: entry.leaf.to_bytes(end.digest),
        last: public.map(|signed| signed.pae().to_vec()),
        proof: end.proof,
        paths: end.paths,
    })
}
