//! `verbund order inbox`: what waits for the officer of the profile, and the command for each.
use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::offering::euros;
use crate::cli::output::Output;
use crate::domain::reason::Refusal;
use crate::wire::pb::order::v1::{Errand, InboxEntry};

/// Shows what waits, oldest first.
pub async fn inbox(client: &mut Client, out: Output) -> Result<(), Refusal> {
    let entries = client.inbox().await?;
    let columns = [
        ("Zu tun", "errand"),
        ("Von", "by"),
        ("Angebot", "offering"),
        ("Höchstens", "cap"),
        ("Seit", "since"),
        ("Bis", "due"),
        ("Befehl", "command"),
    ];
    let rows: Vec<Vec<Value>> = entries.iter().map(|entry| row(entry, out)).collect();
    if entries.is_empty() {
        out.talk(out.say("Nichts wartet auf Sie.", "Nothing waits for you."));
    }
    out.rows(&columns, &rows)
}

fn row(entry: &InboxEntry, out: Output) -> Vec<Value> {
    let due = match entry.due.as_ref() {
        Some(due) => out.time(Some(due)),
        None if entry.day.is_empty() => Value::Null,
        None => entry.day.clone().into(),
    };
    vec![
        words(entry.errand(), out).into(),
        entry.by.clone().into(),
        entry.offering_title.clone().into(),
        euros(entry.cap_cents).into(),
        out.time(entry.since.as_ref()),
        due,
        command(entry, out).into(),
    ]
}

fn words(errand: Errand, out: Output) -> &'static str {
    match errand {
        Errand::Approve => out.say("freigeben", "approve"),
        Errand::Decide => out.say("entscheiden", "decide"),
        Errand::Seal => out.say("abschließen", "seal"),
        Errand::Confirm => out.say("verspäteten Abschluss bestätigen", "confirm a late seal"),
        Errand::Agree => out.say("Beilegung zustimmen", "agree to a settlement"),
        Errand::ApproveMandate => out.say("Vollmacht freigeben", "approve a mandate"),
        Errand::Clarify => out.say("Widerspruch klären", "clarify a contradiction"),
        Errand::Notice => out.say("Kündigung zur Kenntnis", "notice was given"),
        Errand::Unspecified => out.say("unbekannt", "unknown"),
    }
}

/// What to type; for what is only to be known, how to look at it.
fn command(entry: &InboxEntry, out: Output) -> String {
    let (order, statement) = (out.short(&entry.order_id), out.short(&entry.statement_id));
    match entry.errand() {
        Errand::Approve | Errand::Decide => format!("verbund order approve {order}"),
        Errand::Seal => format!("verbund order seal {order}"),
        Errand::Confirm => format!("verbund order confirm {order}"),
        Errand::Agree => format!("verbund order settle {order} --agree {statement}"),
        Errand::ApproveMandate => format!("verbund need approve {statement}"),
        Errand::Clarify | Errand::Notice | Errand::Unspecified => format!("verbund order show {order}"),
    }
}
