//! Who may sign what: federation root, organisations, keys, officers. The only place where a claim becomes proof.
//!
//! A log is self-contained: whatever is needed to judge entry `i` stands before `i` in the same log, and the hash of
//! the federation root is the only thing that comes from outside. So a judgement depends on positions alone, never on
//! a clock and never on the order in which logs arrived. Three things reach across logs, because an operator writes its
//! own: an expulsion, a newer root version, and what an organisation's home log says of its keys. [`registry`] knows
//! them, for node and auditor alike.
//!
//! ```text
//! documents   what trustees, organisations and officers sign
//! subject     whom a statement is about
//! thresholds  how many of which keys must sign
//! signers     whose signatures a statement still needs, for people who collect them
//! drafts      statements as they follow what a log says, before anybody has signed
//! standing    what one log says, up to a position: whose log, which keys, which root
//! key_book    one organisation's keys, and the key event that follows
//! judgement   is this statement signed by whom it must be, there?
//! registry    all logs: who is at home where, whose cosignatures count, who is expelled
//! ```
pub mod documents;
pub mod drafts;
pub mod judgement;
pub mod key_book;
pub mod registry;
pub mod signers;
pub mod standing;
pub mod subject;
#[cfg(test)]
mod tests;
pub mod thresholds;

pub use documents::{
    Admission, Expulsion, FederationRoot, GRANT_YEARS, KeyEvent, KeyRole, LastGood, NewEpoch, NodeRecord,
    OfficerGrant, OfficerRole, OnlineKey, Recovery, Revocation, RevocationReason, RootKeys, Succession, Trustee,
    WitnessPolicy,
};
pub use registry::Registry;
pub use standing::{Holder, KeyStanding, LogTrust, OrgStanding};
