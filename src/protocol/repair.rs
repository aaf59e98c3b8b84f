//! A new log after the old one was cut: from what the node's own store holds to the statements with which the next
//! epoch begins.
//!
//! Everything about trust comes along in its old order, then the organisation root says that a new log begins, then
//! what was published after the cut and was therefore taken out of every view. Must never bring along what the new log
//! would refuse: a log must not begin with a mistake.
use crate::domain::body::Body;
use crate::domain::id::{Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{SecretKey, Signer};
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::{KeyEvent, LogTrust, NodeRecord};

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
    // The old record names the old log.
    let (trust, others): (Vec<_>, Vec<_>) =
        bodies.filter(|(.., body)| !matches!(body, Body::NodeRecord(_))).partition(|(.., body)| body.is_trust());
    let operator = &cut.record.operator;
    let is_own_event = |body: &Body| matches!(body, Body::KeyEvent(event) if event.org == *operator);
    let last_event = trust.iter().rposition(|(.., body)| is_own_event(body));
    // Readers know whose log it is from here on, so this comes as early as the order of events allows.
    let (first, rest) = trust.split_at(last_event.map_or(0, |at| at + 1));
    for (_, signed, _) in first {
        draft.push_if_good(signed);
    }
    let event = new_epoch(&draft.trust, cut.record, origin.epoch)?;
    let roots: Vec<&dyn Signer> = roots.iter().map(|key| &**key).collect();
    draft.push(&Signed::sign_with(&Kind::KeyEvent, &event, &roots)?)?;
    let record = NodeRecord { log: origin, alone_since: None, ..cut.record.clone() };
    draft.push(&Signed::sign(&Kind::NodeRecord, &record, &[statement]))?;
    for (_, signed, _) in rest {
        draft.push_if_good(signed);
    }
    for (_, signed, _) in others.iter().filter(|(index, ..)| *index >= cut.size) {
        draft.repaired.published_again += usize::from(draft.push_if_good(signed));
    }
    Ok(draft.repaired)
}

/// The event that begins the epoch, as the next one of the operator.
fn new_epoch(trust: &LogTrust, record: &NodeRecord, epoch: u32) -> Result<KeyEvent, Refusal> {
    let unknown = || Refusal::new(Reason::OrgUnknown).with("org", &record.operator);
    let events = &trust.orgs().get(&record.operator).ok_or_else(unknown)?.events;
    Ok(KeyEvent {
        org: record.operator.clone(),
        seq: events.len() as u64,
        prev: events.last().copied(),
        home_node: record.node.clone(),
        add: Vec::new(),
        revoke: Vec::new(),
        root: None,
        new_epoch: Some(epoch),
    })
}
