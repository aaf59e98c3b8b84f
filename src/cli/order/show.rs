//! `verbund order list`, `stuck`, `show`, `watch`, `explain`: where orders stand, for people and as JSON.
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::client::{Client, time_text};
use crate::cli::grounds::selection_lines;
use crate::cli::ids;
use crate::cli::offering::euros;
use crate::cli::order::{after, gathered, settle};
use crate::cli::output::{Format, Output};
use crate::domain::id::{OrderId, ShortId};
use crate::domain::reason::{Class, Lang, Refusal};
use crate::domain::statement::Kind;
use crate::domain::value_words::kind_text;
use crate::wire::instant;
use crate::wire::order::{request_of, request_words};
use crate::wire::pb::order::v1 as pb;
use crate::wire::status::to_refusal;

/// How long to wait before an interrupted watch goes on.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a node may be away before a watch gives up: longer than a restart takes.
const AWAY_MAX: Duration = Duration::from_secs(120);

/// Orders of the officer's organisation, what has changed last in front, or those that wait longer than they should.
pub async fn list(client: &mut Client, out: Output, overdue_only: bool) -> Result<(), Refusal> {
    let orders = client.order_list(overdue_only).await?;
    if out.format == Format::Table {
        return out.rows(&SHOWN, &orders.iter().map(|order| shown_row(order, out)).collect::<Vec<_>>());
    }
    let columns = [
        ("Bestellung", "order_id"),
        ("Besteller", "buyer"),
        ("Anbieter", "provider"),
        ("Angebot", "offering"),
        ("Stand", "stage"),
        ("Am Zug", "turn"),
        ("Preis", "total"),
        ("Zuletzt", "updated_at"),
        ("Achtung", "overdue"),
    ];
    let row = |order: &pb::OrderSummary| {
        vec![
            out.id(&order.id),
            order.buyer.clone().into(),
            order.provider.clone().into(),
            order.offering_title.clone().into(),
            stage_text(order.stage, out).into(),
            order.turn.clone().into(),
            total_text(order.total_cents, out).into(),
            out.time(order.updated_at.as_ref()),
            overdue_text(order.overdue, out).into(),
        ]
    };
    out.rows(&columns, &orders.iter().map(row).collect::<Vec<_>>())
}

/// What a person sees of the list: as much as fits a page without a word that is cut.
const SHOWN: [(&str, &str); 7] = [
    ("Bestellung", "order"),
    ("Besteller", "buyer"),
    ("Angebot", "offering"),
    ("Stand", "stage"),
    ("Am Zug", "turn"),
    ("Preis", "total"),
    ("Zuletzt", "updated"),
];

/// The same as a program reads, in fewer cells: the provider stands beside the offering, what needs attention beside the stage.
fn shown_row(order: &pb::OrderSummary, out: Output) -> Vec<Value> {
    let offering = format!("{} ({})", order.offering_title, order.provider);
    let overdue = overdue_text(order.overdue, out);
    let stage = stage_text(order.stage, out);
    vec![
        out.id(&order.id),
        order.buyer.clone().into(),
        offering.trim_start().into(),
        if overdue.is_empty() { stage.into() } else { format!("{stage}: {overdue}").into() },
        order.turn.clone().into(),
        total_text(order.total_cents, out).into(),
        out.time(order.updated_at.as_ref()),
    ]
}

/// A total; nobody knows one before all offers are here, and that is not nothing.
fn total_text(cents: i64, out: Output) -> String {
    if cents == 0 { out.say("unbekannt", "unknown").to_owned() } else { euros(cents) }
}

/// One order.
pub async fn order(client: &mut Client, out: Output, called: &ShortId) -> Result<(), Refusal> {
    let id = ids::order(client, called).await?;
    let order = client.order(id).await?;
    out.one(&order_value(&order), &order_text(&order, out))
}

/// Whose turn it is, since when, and what happens next.
pub async fn explain(client: &mut Client, out: Output, called: &ShortId) -> Result<(), Refusal> {
    let id = ids::order(client, called).await?;
    let explained = client.explain(id).await?;
    out.one(&explain_value(&explained), &explanation(explained.explanation.as_ref(), out))
}

/// An order as it changes, until it is decided. A stream ends before that when its time is up or the node stops: then it
/// goes on where it was, for as long as the node comes back within [`AWAY_MAX`].
pub async fn watch(client: &mut Client, out: Output, called: &ShortId) -> Result<(), Refusal> {
    let id = ids::order(client, called).await?;
    let (mut last, mut away) = (None, Duration::ZERO);
    loop {
        let refusal = match follow(client, out, id, &mut last).await {
            Ok(true) => return Ok(()),
            Ok(false) => None,
            Err(refusal) if refusal.reason.class() == Class::Unavailable => Some(refusal),
            Err(refusal) => return Err(refusal),
        };
        away = if refusal.is_some() { away + AGAIN } else { Duration::ZERO };
        match refusal {
            Some(refusal) if away > AWAY_MAX => return Err(refusal),
            _ => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// One stream; whether the order is decided.
async fn follow(
    client: &mut Client,
    out: Output,
    id: OrderId,
    last: &mut Option<pb::Order>,
) -> Result<bool, Refusal> {
    let mut changes = client.watch(id).await?;
    while let Some(change) = changes.message().await.map_err(|status| to_refusal(&status))? {
        // A new stream begins with what the last one ended with.
        let Some(order) = change.order.filter(|order| last.as_ref() != Some(order)) else { continue };
        let line = format!("{}  {}", stage_text(order.stage, out), explanation(order.explanation.as_ref(), out));
        out.one(&order_value(&order), &line)?;
        let is_decided = is_over(order.stage);
        *last = Some(order);
        if is_decided {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A stage in words.
pub fn stage_text(stage: i32, out: Output) -> &'static str {
    match pb::Stage::try_from(stage) {
        Ok(pb::Stage::AwaitingApproval) => out.say("wartet auf Freigabe", "awaiting approval"),
        Ok(pb::Stage::InChain) => out.say("unterwegs", "in chain"),
        Ok(pb::Stage::Offered) => out.say("Angebot liegt vor", "offered"),
        Ok(pb::Stage::Sealed) => out.say("abgeschlossen", "sealed"),
        Ok(pb::Stage::Void) => out.say("beendet ohne Abschluss", "void"),
        Ok(pb::Stage::Disputed) => out.say("strittig", "disputed"),
        Ok(pb::Stage::Unsealed) => out.say("nachweislich nicht abgeschlossen", "proven unsealed"),
        _ => out.say("unbekannt", "unknown"),
    }
}

fn overdue_text(overdue: i32, out: Output) -> &'static str {
    match pb::Overdue::try_from(overdue) {
        Ok(pb::Overdue::Disputed) => out.say("strittig", "disputed"),
        Ok(pb::Overdue::InDoubt) => out.say("Ausgang unbekannt", "in doubt"),
        Ok(pb::Overdue::Undelivered) => out.say("nicht zugestellt", "not delivered"),
        Ok(pb::Overdue::Unconfirmed) => out.say("Abschluss nicht bestätigt", "seal not confirmed"),
        Ok(pb::Overdue::Undecided) => out.say("Entscheidung steht aus", "decision pending"),
        Ok(pb::Overdue::Unanswered) => out.say("Antwort überfällig", "answer overdue"),
        Ok(pb::Overdue::Unsealed) => out.say("Abschlussfrist naht", "deadline near"),
        _ => "",
    }
}

fn explanation(explanation: Option<&pb::Explanation>, out: Output) -> String {
    let text = explanation.map(|told| match out.lang {
        Lang::De => told.text_de.clone(),
        Lang::En => told.text_en.clone(),
    });
    text.unwrap_or_default()
}

fn explain_value(explained: &pb::ExplainOrderResponse) -> Value {
    let told = explained.explanation.clone().unwrap_or_default();
    json!({
        "order_id": explained.order_id,
        "stage": pb::Stage::try_from(told.stage).map(|stage| stage.as_str_name()).unwrap_or_default(),
        "turn": told.turn, "turn_node": told.turn_node, "since": time_text(told.since.as_ref()),
        "next_at": time_text(told.consequence_at.as_ref()),
        "choices": told.choices.iter().map(|choice| choice.word.clone()).collect::<Vec<_>>(),
        "text_de": told.text_de, "text_en": told.text_en,
        "deliveries": explained.deliveries.iter().map(|delivery| json!({
            "to": delivery.to, "node": delivery.node, "statement_id": delivery.statement_id,
            "last_error": delivery.last_error_reason, "last_error_text": delivery.last_error_de,
        })).collect::<Vec<_>>(),
    })
}

fn order_value(order: &pb::Order) -> Value {
    let said = request_words(order);
    json!({
        "id": order.id, "attempt": order.attempt, "buyer": order.buyer, "route": order.route,
        "offering_id": order.offering_id, "offering_title": order.offering_title,
        "stage": pb::Stage::try_from(order.stage).map(|stage| stage.as_str_name()).unwrap_or_default(),
        "as_of": order.as_of, "term_years": order.term_years, "total_max_cents": order.total_max_cents,
        "total_cents": order.total_cents, "reference": order.reference, "officer": order.officer,
        "purpose": said.purpose, "choice": said.choice, "query": said.query, "selection": selection_value(order),
        "quote_by": time_text(order.quote_by.as_ref()), "seal_by": time_text(order.seal_by.as_ref()),
        "price": order.price.iter().map(|part| json!({"org": part.org, "cents": part.amount_cents})).collect::<Vec<_>>(),
        "legs": order.legs.iter().map(|leg| json!({
            "from": leg.from, "to": leg.to, "basis": leg.basis, "assumed": leg.assumed, "evidence": leg.evidence_ids,
        })).collect::<Vec<_>>(),
        "messages": order.messages.iter().map(|message| json!({
            "kind": message.kind, "by": message.by, "statement_id": message.statement_id,
            "signed_at": time_text(message.signed_at.as_ref()), "note": message.note,
            "annex_id": message.annex_id, "annex_state": message.annex_state().as_str_name(),
        })).collect::<Vec<_>>(),
        "contradictions": order.contradictions,
        "settlements": order.settlements.iter().map(settle::value).collect::<Vec<_>>(),
        "sealed_late": order.sealed_late, "unconfirmed": order.unconfirmed,
        "freely_agreed": order.freely_agreed, "procedure_began": order.procedure_began,
        "ended_attempts": order.ended_attempts.iter().map(|ended| json!({
            "attempt": ended.attempt, "route": ended.route, "void_reason": ended.void_reason().as_str_name(),
        })).collect::<Vec<_>>(),
        "phase": order.phase().as_str_name(), "phase_day": order.phase_day, "connected": order.connected,
        "contacts": order.contacts.iter().map(|c| json!({"org": c.org, "office": c.office})).collect::<Vec<_>>(),
        "amends": order.amends_order_id, "amended_by": order.amended_by, "members": order.bundled_members,
        "call_offs": order.call_offs.iter().map(gathered::call_off_value).collect::<Vec<_>>(),
        "text_de": order.explanation.as_ref().map(|told| told.text_de.clone()),
    })
}

/// The frozen search and the offerings not taken, as the request has them; nothing if it has none.
fn selection_value(order: &pb::Order) -> Value {
    let grounds = request_of(order).map(|request| request.grounds).unwrap_or_default();
    grounds.selection.map_or(Value::Null, |frozen| json!({ "frozen": frozen, "not_taken": grounds.alternatives }))
}

fn order_text(order: &pb::Order, out: Output) -> String {
    let mut lines = vec![
        format!("{} {}  [{}]", out.say("Bestellung", "Order"), order.id, stage_text(order.stage, out)),
        format!("{}: {}", out.say("Angebot", "Offering"), order.offering_title),
        format!("{}: {}", out.say("Weg", "Route"), order.route.join(" → ")),
    ];
    for leg in &order.legs {
        let assumed = if leg.assumed { out.say(" (unter Annahmen)", " (on assumptions)") } else { "" };
        lines.push(format!("   {} → {}  {}{assumed}", leg.from, leg.to, leg.basis));
    }
    lines.push(out.say("Preis über die Laufzeit:", "Price over the term:").to_owned());
    for part in &order.price {
        let free = order.freely_agreed.contains(&part.org);
        let free = if free { out.say("  frei vereinbart", "  freely agreed") } else { "" };
        lines.push(format!("   {:<14} {:>16}{free}", part.org, euros(part.amount_cents)));
    }
    let total = if order.chain.is_empty() { 0 } else { order.total_cents };
    lines.push(format!("   {:<14} {:>16}", out.say("Summe", "Total"), total_text(total, out)));
    lines.push(format!("   {:<14} {:>16}", out.say("Obergrenze", "Cap"), euros(order.total_max_cents)));
    let said = request_words(order);
    for (label, text) in [(("Zweck", "Purpose"), &said.purpose), (("Begründung", "Choice"), &said.choice)] {
        lines.extend((!text.is_empty()).then(|| format!("{}: {text}", out.say(label.0, label.1))));
    }
    let grounds = request_of(order).map(|request| request.grounds).unwrap_or_default();
    let frozen = selection_lines(&grounds, out).into_iter();
    lines.extend(frozen.map(|line| format!("{}: {line}", out.say("Auswahl", "Selection"))));
    lines.push(out.say("Erklärungen:", "Statements:").to_owned());
    for message in &order.messages {
        lines.push(format!(
            "   {}  {}  {}, {}",
            out.short(&message.statement_id),
            message.signed_at.as_ref().map(|at| instant(at).told(out.lang)).unwrap_or_default(),
            kind_text(&Kind::from_name(&message.kind), out.lang),
            message.by,
        ));
        lines.extend(words(message, out));
    }
    lines.extend(settle::lines(order, out));
    lines.extend(after::lines(order, out));
    lines.push(explanation(order.explanation.as_ref(), out));
    lines.join("\n")
}

/// What the annex of a message says, or why it says nothing.
fn words(message: &pb::Message, out: Output) -> Option<String> {
    let absent = |text: &str| Some(format!("             ({text})"));
    match message.annex_state() {
        pb::AnnexState::Unspecified => None,
        pb::AnnexState::Present => Some(format!("             „{}“", message.note)),
        pb::AnnexState::Erased => absent(out.say("Text gelöscht", "text erased")),
        pb::AnnexState::Missing => absent(out.say("Text nicht vorhanden", "text not present")),
    }
}

/// Whether a stage is final.
pub fn is_over(stage: i32) -> bool {
    matches!(
        pb::Stage::try_from(stage),
        Ok(pb::Stage::Sealed | pb::Stage::Void | pb::Stage::Disputed | pb::Stage::Unsealed)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::output::WIDTH_MAX;
    use crate::wire::pb::Instant;

    /// Orders at every stage, with whatever needs attention.
    fn orders() -> Vec<pb::OrderSummary> {
        let order = |stage: i32, overdue: i32| pb::OrderSummary {
            id: "5f0e1d2c3b4a59687786a5b4c3d2e1f0".to_owned(),
            buyer: "halberstadt".to_owned(),
            provider: "dataport".to_owned(),
            offering_title: "Geburtsurkunde online".to_owned(),
            stage,
            overdue,
            turn: "halberstadt".to_owned(),
            total_cents: if stage == 2 { 0 } else { 123_456_789 },
            updated_at: Some(Instant { seconds: 1_796_082_240, nanos: 0 }),
            ..pb::OrderSummary::default()
        };
        let stages = (0..).take_while(|stage| pb::Stage::try_from(*stage).is_ok());
        let overdue = || (0..).take_while(|overdue| pb::Overdue::try_from(*overdue).is_ok());
        stages.flat_map(|stage| overdue().map(move |overdue| order(stage, overdue))).collect()
    }

    #[test]
    fn no_word_and_no_time_of_the_list_is_cut_in_two() {
        for lang in [Lang::De, Lang::En] {
            let out = Output { lang, ..Output::default() };
            for order in orders() {
                let row = shown_row(&order, out);
                let table = out.table(&SHOWN, std::slice::from_ref(&row), WIDTH_MAX);
                assert!(table.lines().all(|line| line.chars().count() <= usize::from(WIDTH_MAX)), "{table}");
                let shown: BTreeSet<&str> = table.split_whitespace().collect();
                for word in row.iter().filter_map(Value::as_str).flat_map(str::split_whitespace) {
                    assert!(shown.contains(word), "{word} is cut:\n{table}");
                }
            }
        }
    }
}
