//! Signatures checked ahead of judgement, on whatever core is free.
//!
//! Whether a signature is good is arithmetic and may be found out early and anywhere; whether its key may sign is
//! `domain::trust`'s question, at the statement's place. A good signature is remembered by the statement itself. This
//! room never decides: what it leaves out, or finds bad, is checked again where it counts.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::body::Body;
use crate::domain::id::{KeyHash, Origin, StatementId};
use crate::domain::order::Attempt;
use crate::domain::signing::PublicKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::{Holder, KeyRole};
use crate::protocol::frame::{Frame, Run};
use crate::protocol::record::Record;
use crate::protocol::state::State;

/// Most keys that are remembered: several for every organisation of the country, about 5 MB. Statements by further
/// keys are checked where they are judged.
const KEYS_MAX: usize = 16_384;

/// Most logs whose progress is remembered; as many as a frame may name heads.
const LOGS_MAX: usize = crate::protocol::limits::FRAME_HEADS_MAX;

/// Statements delivered lately that are remembered, half of them at least: those of ten thousand orders under way, a few
/// megabytes. An order's messages travel again with each that follows them, and are not checked again each time.
const LATELY_MAX: usize = 262_144;

/// The beginning of a statement's id. Two statements with the same one cost a check later, nothing else.
type IdPrefix = [u8; 8];

fn prefix(id: StatementId) -> IdPrefix {
    std::array::from_fn(|at| id.0[at])
}

/// Keys by their hash. A hash names one key, so it does not matter where a key was learned, nor whether it is in force.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: BTreeMap<KeyHash, Arc<PublicKey>>,
}

/// A signature to be checked.
#[derive(Clone, Debug)]
pub struct SignatureCheck {
    signed: Signed,
    key: Arc<PublicKey>,
}

impl SignatureCheck {
    /// Checks it; if it is good, the statement remembers. If not, whoever judges the statement finds out. The body is
    /// read as well, which takes as long as a tenth of a check.
    pub fn run(&self) {
        if self.signed.verify(&self.key).is_ok() {
            Body::read_ahead(&self.signed);
        }
    }
}

impl KeyRing {
    /// The keys that sign statements in the logs held.
    pub fn of(state: &State) -> Self {
        let mut ring = Self::default();
        for standing in state.registry.logs().flat_map(|log| log.keys().values()) {
            if !matches!(standing.holder, Holder::Online { role: KeyRole::Log | KeyRole::Witness, .. }) {
                ring.put(&standing.key);
            }
        }
        ring
    }

    /// Learns the keys that a statement names, and says what there is to check in it: its only signature, if the key
    /// is known. The few statements with several signatures are left to their judge.
    pub fn check_of(&mut self, signed: &Signed) -> Option<SignatureCheck> {
        self.learn(signed);
        let [by] = signed.signatures() else { return None };
        Some(SignatureCheck { signed: signed.clone(), key: self.keys.get(&by.key)?.clone() })
    }

    /// What there is to check in a stored record.
    pub fn checks(&mut self, record: &Record) -> Vec<SignatureCheck> {
        record.statements().filter_map(|signed| self.check_of(signed)).collect()
    }

    fn learn(&mut self, signed: &Signed) {
        if !matches!(signed.kind(), Kind::KeyEvent | Kind::OfficerGrant) {
            return;
        }
        match Body::read(signed) {
            Ok(Body::KeyEvent(event)) => {
                let statement = event.add.iter().filter(|added| added.role == KeyRole::Statement);
                statement.for_each(|added| self.put(&added.key));
            }
            Ok(Body::OfficerGrant(grant)) => self.put(&grant.key),
            _ => {}
        }
    }

    fn put(&mut self, key: &PublicKey) {
        if self.keys.len() < KEYS_MAX {
            self.keys.entry(key.hash()).or_insert_with(|| Arc::new(key.clone()));
        }
    }
}

/// What has been taken in hand on the way to the node.
#[derive(Clone, Debug, Default)]
pub struct Ahead {
    ring: KeyRing,
    /// Entries of each log that are held or being checked; what comes twice is not checked twice.
    begun: BTreeMap<Origin, u64>,
    /// The same for statements outside logs: those since the last clearing, and those before it.
    lately: [BTreeSet<IdPrefix>; 2],
}

impl Ahead {
    /// Begins with what a node holds.
    pub fn of(state: &State) -> Self {
        let begun = state.logs.iter().map(|(origin, log)| (origin.clone(), log.tree.size()));
        let open = state.orders.values().flat_map(|known| known.attempts.values());
        let open = open.filter(|attempt| attempt.outcome().is_none()).flat_map(Attempt::messages);
        let lately = [open.map(|signed| prefix(signed.id())).take(LATELY_MAX / 2).collect(), BTreeSet::new()];
        Self { ring: KeyRing::of(state), begun: begun.take(LOGS_MAX).collect(), lately }
    }

    /// What there is to check in statements that come by themselves: order messages, receipts, what officers sign.
    pub fn checks_of<'a>(&mut self, statements: impl IntoIterator<Item = &'a Signed>) -> Vec<SignatureCheck> {
        let mut checks = Vec::new();
        for signed in statements {
            if self.is_new(signed.id()) {
                checks.extend(self.ring.check_of(signed));
            }
        }
        checks
    }

    fn is_new(&mut self, id: StatementId) -> bool {
        let [lately, before] = &mut self.lately;
        let id = prefix(id);
        if before.contains(&id) || !lately.insert(id) {
            return false;
        }
        if lately.len() >= LATELY_MAX / 2 {
            *before = std::mem::take(lately);
        }
        true
    }

    /// What there is to check in a frame that has just arrived.
    pub fn checks(&mut self, frame: &Frame) -> Vec<SignatureCheck> {
        let Frame::Entries(Run { origin, first, entries, .. }) = frame else { return Vec::new() };
        let known = self.begun.get(origin).copied().unwrap_or(0);
        let until = first.saturating_add(entries.len() as u64);
        // Behind a gap it would be thrown away unread.
        if *first > known || until <= known {
            return Vec::new();
        }
        if self.begun.contains_key(origin) || self.begun.len() < LOGS_MAX {
            self.begun.insert(origin.clone(), until);
        }
        let new = usize::try_from(known - first).unwrap_or(usize::MAX);
        let statements = entries.iter().skip(new).filter_map(|entry| entry.statement.as_ref());
        statements.filter_map(|signed| self.ring.check_of(signed)).collect()
    }
}
