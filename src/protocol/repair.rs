//! A new log after the old one was cut: from what the node's own store holds to the statements with which the next
//! epoch begins.
//!
//! Everything about trust comes along in its old order, then the organisation root says that a new log begins, then
//! what was published after the cut and was therefore taken out of every view. Must never bring along what the new log
//! would refuse: a log must not begin with a mistake.
use std::collections::BTreeSet;

use crate::domain::body::Body;
use crate::domain::id::{Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{SecretKey, Signer};
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::{KeyEvent, LogTrust, NewEpoch, NodeRecord};

/// What a repair starts from.
pub struct Cut<'a> {
    /// The hash of the federation root.
    pub anchor: StatementId,
    /// The log that was cut.
    pub log: &'a Origin,
    /// How many of its entries count.
    pub size: u64,
    /// All its public statements with their positions, in order.
    pub statements: &'a [(u64, Signed)],
    /// The node's record as it was in force.
    pub record: &'a NodeRecord,
    /// Statements that were refused where they stood, or that count no more: nothing of them comes along.
    pub refused: &'a BTreeSet<StatementId>,
}

/// A new log.
#[derive(Clone, Debug)]
pub struct Repaired {
    /// The log.
    pub origin: Origin,
    /// The statements with which it begins.
    pub genesis: Vec<Signed>,
    /// How many of them had been published after the cut.
    pub published_again: usize,
    /// What does not come along, and why.
    pub left_out: Vec<(StatementId, Refusal)>,
}

/// A log in the making.
struct Draft {
    trust: LogTrust,
    repaired: Repaired,
}

impl Draft {
    fn push(&mut self, signed: &Signed) -> Result<(), Refusal> {
        let at = self.repaired.genesis.len() as u64;
        let verified = self.trust.judge(signed, at)?;
        self.trust.absorb(&verified, at);
        self.repaired.genesis.push(signed.clone());
        Ok(())
    }

    fn push_if_good(&mut self, signed: &Signed) -> bool {
        let pushed = self.push(signed);
        let is_good = pushed.is_ok();
        self.repaired.left_out.extend(pushed.err().map(|refusal| (signed.id(), refusal)));
        is_good
    }
}

/// Begins the next epoch. `roots` are root keys of the organisation that operates the node, as many as its threshold
/// asks for; `statement` is its statement key, which signs the new node record.
pub fn repair(cut: &Cut<'_>, roots: &[Box<dyn Signer>], statement: &SecretKey) -> Result<Repaired, Refusal> {
    let origin = Origin { epoch: cut.log.epoch.saturating_add(1), ..cut.log.clone() };
    let repaired = Repaired { origin: origin.clone(), genesis: Vec::new(), published_again: 0, left_out: Vec::new() };
    let mut draft = Draft { trust: LogTrust::new(origin.clone(), cut.anchor), repaired };
    let bodies = cut.statements.iter().filter_map(|(index, signed)| Some((*index, signed, Body::read(signed).ok()?)));
    // The old record names the old log. What was refused is no part of what the log has said of trust.
    let (trust, others): (Vec<_>, Vec<_>) =
        bodies.filter(|(.., body)| !matches!(body, Body::NodeRecord(_))).partition(|(.., body)| body.is_trust());
    let trust: Vec<(u64, &Signed, Body)> =
        trust.into_iter().filter(|(_, signed, _)| !cut.refused.contains(&signed.id())).collect();
    let operator = &cut.record.operator;
    let is_own_event = |body: &Body| matches!(body, Body::KeyEvent(event) if event.org == *operator);
    let last_event = trust.iter().rposition(|(.., body)| is_own_event(body));
    // Readers know whose log it is from here on, so this comes as early as the order of events allows.
    let (first, rest) = trust.split_at(last_event.map_or(0, |at| at + 1));
    for (_, signed, _) in first {
        draft.push_if_good(signed);
    }
    // Everything before this position repeats the former log: the event itself, the record, and the rest of it.
    let copied = (draft.repaired.genesis.len() + 2 + rest.len()) as u64;
    let event = new_epoch(&draft.trust, cut.record, NewEpoch { epoch: origin.epoch, copied })?;
    let roots: Vec<&dyn Signer> = roots.iter().map(|key| &**key).collect();
    draft.push(&Signed::sign_with(&Kind::KeyEvent, &event, &roots)?)?;
    let record = NodeRecord { log: origin, alone_since: None, ..cut.record.clone() };
    draft.push(&Signed::sign(&Kind::NodeRecord, &record, &[statement]))?;
    for (_, signed, _) in rest {
        draft.push_if_good(signed);
    }
    for (_, signed, _) in others.iter().filter(|(index, ..)| *index >= cut.size) {
        if cut.refused.contains(&signed.id()) {
            let refusal = Refusal::new(Reason::KeyRevoked).with("rule", "refused in the former log");
            draft.repaired.left_out.push((signed.id(), refusal));
        } else {
            draft.repaired.published_again += usize::from(draft.push_if_good(signed));
        }
    }
    Ok(draft.repaired)
}

/// The event that begins the epoch, as the next one of the operator.
fn new_epoch(trust: &LogTrust, record: &NodeRecord, begins: NewEpoch) -> Result<KeyEvent, Refusal> {
    let unknown = || Refusal::new(Reason::OrgUnknown).with("org", &record.operator);
    let last = trust.orgs().get(&record.operator).ok_or_else(unknown)?.last_event();
    Ok(KeyEvent {
        org: record.operator.clone(),
        seq: last.map_or(0, |(seq, _)| seq.saturating_add(1)),
        prev: last.map(|(_, id)| id),
        home_node: record.node.clone(),
        add: Vec::new(),
        revoke: Vec::new(),
        root: None,
        new_epoch: Some(begins),
    })
}
