//! What a browser reads a statement out with before it is signed: names of fields, sentences about the whole, words for values.
use std::collections::BTreeMap;

use serde_json::json;

use crate::domain::grounds::Why;
use crate::domain::order::milestone::ConnectionStep;
use crate::domain::reason::Lang;
use crate::web::texts::Texts;

/// What the fields are called; one without a name here is shown under its own.
pub(super) fn labels(t: &Texts) -> String {
    let all: BTreeMap<&str, &str> = first_labels(t).into_iter().chain(more_labels(t)).collect();
    json!(all).to_string()
}

/// Of a request and a decision.
fn first_labels(t: &Texts) -> Vec<(&'static str, &'static str)> {
    vec![
        ("order", t.order_id),
        ("attempt", t.field_attempt),
        ("request_id", t.field_request_id),
        ("mode", t.order_mode),
        ("buyer", t.orders_buyer),
        ("offering", t.field_offering),
        ("route", t.order_route),
        ("as_of", t.field_as_of),
        ("rule_pack", t.field_rule_pack),
        ("award", t.field_award),
        ("term_years", t.field_term_years),
        ("total_max", t.field_total_max),
        ("total", t.field_total),
        ("quote_by", t.order_quote_by),
        ("seal_by", t.order_seal_by),
        ("reference", t.order_reference),
        ("considered", t.field_considered),
        ("purpose", t.order_purpose),
        ("choice", t.order_choice),
        ("officer", t.field_officer),
        ("signed_at", t.field_signed_at),
        ("salt", t.field_salt),
        ("request", t.field_request),
        ("org", t.key_org),
        ("approve", t.field_approve),
        ("leg", t.field_leg),
        ("from", t.field_by),
        ("to", t.field_with),
        ("leg-from", t.field_from),
        ("leg-to", t.field_to),
        ("amends", t.field_amends),
        ("what", t.field_what),
        ("procedure_began", t.field_procedure_began),
        ("annexes", t.field_annexes),
        ("ground", t.field_ground),
        ("authority", t.field_authority),
        ("about", t.field_about),
        ("holds", t.field_holds),
        ("terms", t.field_terms),
        ("agrees", t.field_agrees),
        ("verdict", t.field_verdict),
        ("basis", t.field_basis),
        ("assumed", t.order_assumed),
        ("evidence", t.order_evidence),
    ]
}

/// Of what follows them, and of needs.
fn more_labels(t: &Texts) -> Vec<(&'static str, &'static str)> {
    vec![
        ("chain", t.field_chain),
        ("agreed", t.field_agreed),
        ("reason", t.field_reason),
        ("grounds", t.field_grounds),
        ("annex", t.field_annex),
        ("note", t.field_note),
        ("number", t.field_number),
        ("event", t.field_event),
        ("seal", t.field_seal),
        ("contact", t.field_contact),
        ("selection", t.selection_label),
        ("alternatives", t.selection_others),
        ("why", t.selection_why_not),
        ("query", t.selection_query),
        ("frozen_at", t.selection_frozen_at),
        ("found", t.selection_found),
        ("connected", t.act_connected),
        ("item", t.field_item),
        ("productive", t.act_productive),
        ("since", t.field_since),
        ("terminated", t.act_terminate),
        ("ends_on", t.field_ends_on),
        ("municipality", t.key_org),
        ("leika", t.field_leika),
        ("until", t.field_until),
        ("through", t.field_through),
        ("need", t.field_need),
        ("cap", t.field_mandate_cap),
        ("approves", t.field_approves),
        ("known", t.selection_known),
    ]
}

/// The words for the reasons why an offering was not taken.
pub(super) fn whys(lang: Lang) -> String {
    let told: BTreeMap<&str, &str> = Why::ALL.map(|why| (why.word(), why.text(lang))).into();
    json!(told).to_string()
}

/// The words for what is one of a few values.
pub(super) fn values(lang: Lang, t: &Texts) -> String {
    let steps = ConnectionStep::ALL.map(|step| (step.word(), step.title(lang)));
    let events = [
        ("event-contact", t.field_contact),
        ("event-closed", t.act_close),
        ("change", t.act_change),
        ("prolong", t.act_prolong),
    ];
    json!(steps.into_iter().chain(events).collect::<BTreeMap<_, _>>()).to_string()
}

/// The one sentence about the whole, by kind; its blanks are filled from the bytes.
pub(super) fn sentences(t: &Texts) -> String {
    json!({
        "request": t.says_request, "decision": t.says_approve, "decision-no": t.says_refuse, "seal": t.says_seal,
        "mandate": t.says_mandate, "need": t.says_need, "need-withdrawal": t.says_need_withdrawal,
        "void": t.says_void, "void-rerouted": t.says_rerouted, "void-superseded": t.says_superseded,
        "request-change": t.says_change, "request-prolong": t.says_prolong, "request-interest": t.says_interest,
        "erasure": t.says_erasure, "recall": t.says_recall, "confirm": t.says_confirm,
        "settlement": t.says_settle, "settlement-agree": t.says_agree,
        "milestone-contact": t.says_contact, "milestone-connected": t.says_connected,
        "milestone-productive": t.says_productive, "milestone-terminated": t.says_terminated,
        "milestone-closed": t.says_closed,
    })
    .to_string()
}
