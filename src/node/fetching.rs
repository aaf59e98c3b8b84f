//! What the loop fetches from its store to give it to others.
use crate::domain::annex::{self, Annex, Erased};
use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrderId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::node::ports::Peers;
use crate::protocol::frame::Delivery;
use crate::protocol::record::Record;
use crate::store::Store;

/// Reads entries of the own log and deposits them; says which was the last that went along.
pub(super) async fn lodge(
    peers: &impl Peers,
    store: &impl Store,
    node: &NodeId,
    words: &[(u64, StatementId)],
) -> Result<u64, Refusal> {
    let mut statements = Vec::new();
    for (index, id) in words {
        let missing = || Refusal::new(Reason::StoreDamaged).with("entry", index).with("id", id);
        statements.push(store.statement(*id).await?.ok_or_else(missing)?);
    }
    let count = peers.lodge(node.clone(), statements).await?;
    let last = count.checked_sub(1).and_then(|last| words.get(last)).map(|(index, _)| *index);
    last.ok_or_else(|| Refusal::new(Reason::Bug).with("entries", count))
}

/// What is erased of an order, by all that is stored of it.
pub(super) async fn erased(store: &impl Store, order: OrderId) -> Result<Erased, Refusal> {
    let records = store.order(order).await?;
    Ok(Erased::of(records.iter().flat_map(Record::statements)))
}

/// Puts the annexes that are here beside the messages that name them. One that cannot be read stays behind: the message
/// counts without it.
pub(super) async fn with_annexes(store: &impl Store, mut load: Vec<Delivery>) -> Vec<Delivery> {
    for delivery in &mut load {
        for id in delivery.messages.iter().filter_map(annex::named) {
            match store.annex(id).await {
                Ok(annex) => delivery.annexes.extend(annex),
                Err(refusal) => tracing::warn!(annex = %id, reason = refusal.reason.code(), "cannot read an annex"),
            }
        }
    }
    load
}

/// Annexes with the statements that name them.
pub(super) fn with_their_statements(statements: &[Signed], annexes: Vec<Annex>) -> Vec<(Signed, Annex)> {
    let naming = |annex: &Annex| statements.iter().find(|signed| annex::named(signed) == Some(annex.id())).cloned();
    annexes.into_iter().filter_map(|annex| Some((naming(&annex)?, annex))).collect()
}

/// Keeps words that came back, but for those that are erased. Their statements may have to wait for their place: an annex that
/// nothing names does no harm, and an erasure that comes later removes it.
pub(super) async fn keep_told(store: &impl Store, told: Vec<(Signed, Annex)>) -> Result<(), Refusal> {
    for (signed, annex) in told {
        let Some((order, _)) = Body::read(&signed).ok().and_then(|body| body.order()) else { continue };
        let mut erased = erased(store, order).await?;
        erased.hear(&signed);
        if !erased.annexes().contains(&annex.id()) {
            store.keep_annex(annex).await?;
        }
    }
    Ok(())
}
