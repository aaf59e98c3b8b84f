//! The schemas of statements as they stand in `proto/schema`, inside the program, so that they are at hand without a checkout.
use serde_json::Value;

use crate::domain::statement::Kind;

/// One signed statement of every kind, as text: what `proto/schema/vectors.json` holds.
pub const EXAMPLES: &str = include_str!("../../../proto/schema/vectors.json");

macro_rules! schemas {
    ($($kind:ident $name:literal;)*) => {
        /// The JSON Schema (2020-12) of a kind; none for kinds of later versions.
        pub fn schema(kind: &Kind) -> Option<&'static str> {
            match kind {
                $(Kind::$kind => Some(include_str!(concat!("../../../proto/schema/", $name, ".v1.json"))),)*
                Kind::Unknown(_) => None,
            }
        }
    };
}

schemas! {
    FederationRoot "federation-root";
    Admission "admission";
    Expulsion "expulsion";
    KeyEvent "key-event";
    NodeRecord "node-record";
    OfficerGrant "officer-grant";
    Recovery "recovery";
    Succession "succession";
    Membership "membership";
    EntityFacts "entity-facts";
    Offering "offering";
    Withdrawal "withdrawal";
    ConnectionReport "connection-report";
    ConnectionProfile "connection-profile";
    Need "need";
    NeedWithdrawal "need-withdrawal";
    RulePack "rule-pack";
    Tariff "tariff";
    Request "request";
    Decision "decision";
    Endorse "endorse";
    Accept "accept";
    Reject "reject";
    Counter "counter";
    Decline "decline";
    Seal "seal";
    Void "void";
    Confirm "confirm";
    Recall "recall";
    LateNotice "late-notice";
    Reminder "reminder";
    Milestone "milestone";
    Settlement "settlement";
    Erasure "erasure";
    Mandate "mandate";
    CallOff "call-off";
    Receipt "receipt";
    Access "access";
}

/// A body of the kind with every field it may have; none for kinds of later versions.
pub fn example(kind: &Kind) -> Option<Value> {
    let all: Value = serde_json::from_str(EXAMPLES).ok()?;
    let of_kind = |one: &&Value| one["kind"] == kind.name();
    let found = all["statements"].as_array()?.iter().find(of_kind)?;
    serde_json::from_str(found["payload"].as_str()?).ok()
}
