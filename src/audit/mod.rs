//! Floor 2: judging one order years later, offline, trusting no node. Pure: bytes in, report out.
//!
//! The auditor uses the rules of `domain` and the formats of `log`, never the node's own code path. It collects all
//! findings, never stops at the first, and says what it did not check. Must never call a thing valid that it could not
//! check: whatever lacks its proof, its witnesses or its facts is *nicht prüfbar*.
pub mod annexes;
pub mod belonging;
pub mod bundle;
pub mod chronicle;
pub mod compare;
pub mod container;
pub mod contract;
pub mod cover;
pub mod dossier;
pub mod instructions;
pub mod legs;
pub mod logs;
pub mod mandates;
pub mod messages;
pub mod packing;
pub mod papers;
pub mod part;
pub mod replica;
pub mod report;
pub mod settlements;
pub mod show;
pub mod spare;
pub mod terms;
pub mod timestamp;
pub mod verify;

use x509_cert::Certificate;

use crate::audit::bundle::Bundle;
use crate::audit::report::Report;
use crate::audit::verify::Examined;
use crate::domain::id::StatementId;

/// Reads and judges a bundle. Without `root` nothing can be better than *nicht prüfbar*. A file that is no bundle
/// gives a report that says so.
pub fn examine(bytes: &[u8], root: Option<StatementId>) -> Report {
    inspect(bytes, root).report
}

/// The same, with what was examined, for the dossier.
pub fn inspect(bytes: &[u8], root: Option<StatementId>) -> Examined {
    inspect_stamped(bytes, root, &[])
}

/// The same, with the certificates of those trusted to stamp the time.
pub fn inspect_stamped(bytes: &[u8], root: Option<StatementId>, stampers: &[Certificate]) -> Examined {
    match Bundle::parse(bytes) {
        Ok(bundle) => verify::inspect(&bundle, root, stampers),
        Err(refusal) => Examined::unread("bundle", refusal),
    }
}
