//! Checks the signatures of what arrives on all cores while the driver is at what came before.
//!
//! It only ever saves the driver work: see [`crate::protocol::proving`].
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::domain::statement::Signed;
use crate::protocol::frame::Frame;
use crate::protocol::proving::{Ahead, SignatureCheck};
use crate::protocol::state::State;

/// Fewest signatures that are checked ahead: fewer cost the driver less than a tenth of a millisecond per core.
const AHEAD_MIN: usize = 8;

/// Signatures checked in one go, about a millisecond: small enough that the cores finish together.
const CHUNK: usize = 32;

/// Frames that are being checked or wait for the driver, of all peers together: 4 MiB of the largest, and twice what one
/// commit takes.
pub(super) const FRAMES_MAX: usize = 16;

/// Shared by all streams of a node.
#[derive(Clone)]
pub(super) struct Prover {
    ahead: Arc<Mutex<Ahead>>,
    room: Arc<Semaphore>,
}

impl Prover {
    pub(super) fn new() -> Self {
        Self { ahead: Arc::default(), room: Arc::new(Semaphore::new(FRAMES_MAX)) }
    }

    /// Takes over what the node holds, after it has read its store.
    pub(super) fn begin(&self, state: &State) {
        *self.ahead.lock().expect("no panic while it is held") = Ahead::of(state);
    }

    /// Waits for room, then begins to check what can be checked. The frame keeps its room until the permit is dropped.
    pub(super) async fn admit(&self, frame: &Frame) -> Admitted {
        let room = self.room.clone().acquire_owned().await.ok();
        let checks = self.ahead.lock().expect("no panic while it is held").checks(frame);
        let checks = (checks.len() >= AHEAD_MIN).then(|| prove(checks));
        Admitted { room, checks }
    }
}

impl Prover {
    /// Checks order messages, receipts and what officers sign, at once and where it is called: at most a few dozen,
    /// and every connection has its own task.
    pub(super) fn check<'a>(&self, statements: impl IntoIterator<Item = &'a Signed>) {
        let checks = self.ahead.lock().expect("no panic while it is held").checks_of(statements);
        checks.iter().for_each(SignatureCheck::run);
    }
}

/// A frame's room, and the checks of its signatures that have begun.
pub(super) struct Admitted {
    room: Option<OwnedSemaphorePermit>,
    checks: Option<oneshot::Receiver<Never>>,
}

impl Admitted {
    /// Waits until everything is checked.
    pub(super) async fn checked(self) -> Option<OwnedSemaphorePermit> {
        if let Some(checks) = self.checks {
            // The last one lets go of the sender. What one that ended badly has left the node checks itself.
            let _ = checks.await;
        }
        self.room
    }
}

/// Nothing is sent: only the end of the sender counts.
enum Never {}

/// On as many threads as there are cores, whatever waits: more would only keep the driver from its turn, and each thread
/// keeps memory of its own.
fn prove(mut checks: Vec<SignatureCheck>) -> oneshot::Receiver<Never> {
    let (open, done) = oneshot::channel();
    let open = Arc::new(open);
    while !checks.is_empty() {
        let chunk = checks.split_off(checks.len().saturating_sub(CHUNK));
        let open = open.clone();
        rayon::spawn_fifo(move || {
            // Nothing in it is known to panic; without this the process would end.
            let _ = catch_unwind(AssertUnwindSafe(|| chunk.iter().for_each(SignatureCheck::run)));
            drop(open);
        });
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Hash, sha256};
    use crate::domain::offering::Need;
    use crate::domain::reason::Reason;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::{Kind, SignatureBy, Signed};
    use crate::domain::time::parse_date;
    use crate::domain::trust::{LogTrust, WitnessPolicy};
    use crate::log::leaf::{Audience, Leaf, NO_OUTCOME};
    use crate::protocol::founding::{FoundedNode, NodePlan, OrgPlan, Plan, found};
    use crate::protocol::frame::{Cover, Run};
    use crate::protocol::record::LogEntry;
    use crate::protocol::state::judge_entry;

    const NEEDS: u64 = 80;
    const FORGED: u64 = 50;

    fn key(label: &str) -> SecretKey {
        SecretKey::from_seed(&sha256(label.as_bytes()))
    }

    fn node() -> FoundedNode {
        let org = OrgPlan {
            id: "kitu".parse().expect("a name"),
            name: "KITU".to_owned(),
            legal_form: "eG".to_owned(),
            area: None,
            inhabitants: None,
            portal: None,
            source: "test".to_owned(),
            officers: Vec::new(),
        };
        let node = NodePlan {
            node: "kitu".parse().expect("a name"),
            operator: org.id.clone(),
            addresses: vec!["127.0.0.1:1".to_owned()],
            tls_sha256: Hash([0; 32]),
            orgs: vec![org],
        };
        let plan = Plan {
            federation: "test".parse().expect("a name"),
            trustees: vec!["bund".to_owned()],
            threshold: 1,
            witnesses: WitnessPolicy { nodes: vec![node.node.clone()], quorum: 1 },
            rule_packs: Vec::new(),
            nodes: vec![node],
        };
        found(plan, &mut key).nodes.into_values().next().expect("one node")
    }

    /// A log whose statement [`FORGED`] carries a signature of another key under the right key's name.
    fn frame(node: &FoundedNode) -> Frame {
        let (org, secret) = node.keys.statements.first_key_value().expect("an operator");
        let secret = &secret[0];
        let need = |number: u64| {
            let until = parse_date("2027-12-31").expect("a date");
            let body = Need {
                municipality: org.clone(),
                leika: Vec::new(),
                note: format!("{number}"),
                until,
                through: None,
            };
            let signed = Signed::sign(&Kind::Need, &body, &[secret]);
            if number != FORGED {
                return signed;
            }
            let forged = SignatureBy { key: secret.public().hash(), signature: key("thief").sign(signed.pae()) };
            Signed::parse(signed.pae(), vec![forged]).expect("well-formed")
        };
        let statements = node.genesis.iter().cloned().chain((node.genesis.len() as u64..NEEDS).map(need));
        let entry = |signed: Signed| LogEntry {
            leaf: Leaf::new(&signed, Audience::Public, NO_OUTCOME),
            statement: Some(signed),
        };
        let entries = statements.map(entry).collect();
        Frame::Entries(Run {
            origin: node.origin.clone(),
            first: 0,
            base: Some([0; 8]),
            entries,
            cover: Cover::Note(String::new()),
            consistency: Vec::new(),
        })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_forged_signature_is_refused_although_all_were_checked_ahead() {
        let node = node();
        let (prover, frame) = (Prover::new(), frame(&node));
        drop(prover.admit(&frame).await.checked().await);
        let Frame::Entries(Run { entries, .. }) = &frame else { panic!("entries") };
        let anchor = entries[0].leaf.statement_id();
        let mut trust = LogTrust::new(node.origin.clone(), anchor);
        for (index, entry) in (0..).zip(entries) {
            let refused = judge_entry(&mut trust, entry, index).expect("public").err().map(|refusal| refusal.reason);
            assert_eq!(refused, (index == FORGED).then_some(Reason::SignatureInvalid), "{index}");
        }
    }

    #[test]
    fn what_comes_twice_or_behind_a_gap_is_not_checked_ahead() {
        let node = node();
        let mut ahead = Ahead::default();
        let frame = frame(&node);
        let Frame::Entries(Run { origin, entries, cover, .. }) = frame.clone() else { panic!("entries") };
        let from = |first: u64, entries: &[LogEntry]| {
            Frame::Entries(Run {
                origin: origin.clone(),
                first,
                base: Some([0; 8]),
                entries: entries.to_vec(),
                cover: cover.clone(),
                consistency: Vec::new(),
            })
        };
        assert_eq!(ahead.checks(&from(10, &entries[10..])).len(), 0, "a gap");
        // Root, admission and key event are by keys of trustees and roots, or by several.
        assert_eq!(ahead.checks(&from(0, &entries[..40])).len(), 37, "node record and needs");
        assert_eq!(ahead.checks(&from(0, &entries[..40])).len(), 0, "twice");
        assert_eq!(ahead.checks(&frame).len(), NEEDS as usize - 40, "the rest");
    }
}
