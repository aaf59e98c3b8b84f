//! `verbund order`: ordering, deciding, sealing, cancelling, watching. The officer's key signs here and never leaves
//! this machine.
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::cli::chain::verdict_of;
use crate::cli::client::{Client, Officer, fresh_salt, time_text};
use crate::cli::grounds::{Said, gather};
use crate::cli::offering::euros;
use crate::cli::output::Output;
use crate::cli::price::Needs;
use crate::domain::grounds::Grounds;
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::{
    AutoSeal, CONSIDERED_MAX, Considered, Decision, LegFinding, Mode, Request, Seal, Void, VoidReason,
};
use crate::domain::price::Quantities;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::{Date, Timestamp, parse_date};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::wire::pb::chain::v1::FindRoutesResponse;
use crate::wire::pb::order::v1 as pb;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What to do with orders.
#[derive(Subcommand)]
pub enum Verb {
    /// Bestellen: Anfrage unterschreiben und abgeben
    Submit {
        /// Kennung oder ANBIETER/NAME
        #[arg(long, value_name = "ANGEBOT")]
        offering: String,
        /// Nummer des Weges aus `chain routes`
        #[arg(long, default_value_t = 1)]
        route: usize,
        /// Statt der Nummer: alle Beteiligten vom Besteller zum Anbieter
        #[arg(long, value_delimiter = ',', value_name = "ORG,ORG,…")]
        via: Vec<OrgId>,
        /// Obergrenze für den Gesamtpreis über die Laufzeit, in Euro
        #[arg(long, value_name = "EURO")]
        max_euro: u32,
        /// Tag der Vergabe; heute, wenn nicht genannt
        #[arg(long, value_name = "JJJJ-MM-TT")]
        as_of: Option<String>,
        /// Tage bis zum vollständigen Angebot
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=90))]
        quote_days: i64,
        /// Tage bis zum Abschluss
        #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(i64).range(1..=180))]
        seal_days: i64,
        /// Sofort abschließen, wenn jeder Schritt erfüllt ist und der Preis passt
        #[arg(long)]
        auto_seal: bool,
        /// Dabei auch Schritte annehmen, die auf Annahmen beruhen
        #[arg(long)]
        accept_assumed: bool,
        /// Nur Interesse bekunden; bindet niemanden
        #[arg(long)]
        interest: bool,
        /// Vorgangsnummer; dieselbe Nummer ist dieselbe Bestellung
        #[arg(long, value_name = "TEXT")]
        request_id: Option<String>,
        /// What the price depends on.
        #[command(flatten)]
        needs: Needs,
        /// Eigenes Zeichen, z. B. Leitweg-ID
        #[arg(long, default_value = "")]
        reference: String,
        /// For the record.
        #[command(flatten)]
        said: Box<Said>,
    },
    /// Bestellungen der eigenen Organisation
    List,
    /// Eine Bestellung mit allen Erklärungen
    Show {
        /// Bestellnummer
        order: OrderId,
    },
    /// Freigeben: als zweite Person oder als entscheidende Stelle
    Approve {
        /// Bestellnummer
        order: OrderId,
        /// Begründung
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Die Freigabe verweigern
    Refuse {
        /// Bestellnummer
        order: OrderId,
        /// Begründung
        #[arg(long)]
        note: String,
    },
    /// Abschließen: alle Verträge der Kette auf einmal
    Seal {
        /// Bestellnummer
        order: OrderId,
    },
    /// Vor dem Abschluss zurückziehen
    Cancel {
        /// Bestellnummer
        order: OrderId,
    },
    /// Zusehen, bis die Bestellung entschieden ist
    Watch {
        /// Bestellnummer
        order: OrderId,
    },
    /// Wer am Zug ist, seit wann, was als Nächstes geschieht
    Explain {
        /// Bestellnummer
        order: OrderId,
    },
}

/// Everything an officer decides about a request.
pub struct Wish {
    /// The officer's own number for it.
    pub request_id: String,
    /// Whether it binds.
    pub mode: Mode,
    /// The route.
    pub route: Route,
    /// The offering's statement.
    pub offering: StatementId,
    /// The rule pack's statement.
    pub rule_pack: StatementId,
    /// Day of award.
    pub as_of: Date,
    /// Contract length.
    pub term_years: u32,
    /// Price cap.
    pub total_max: Cents,
    /// Time until the chain must be complete.
    pub quote_ms: i64,
    /// Time until the seal.
    pub seal_ms: i64,
    /// Leave to seal without another look.
    pub auto_seal: Option<AutoSeal>,
    /// What the price depends on.
    pub quantities: Quantities,
    /// The buyer's own reference.
    pub reference: String,
    /// The routes there were to choose from.
    pub considered: Vec<Considered>,
    /// For the record.
    pub grounds: Grounds,
}

/// Signs a request.
pub fn sign_request(officer: &Officer, wish: Wish, now: Timestamp) -> (OrderId, Signed) {
    let order = OrderId::derive(&officer.org, &wish.request_id);
    let request = Request {
        order,
        attempt: 1,
        request_id: wish.request_id,
        mode: wish.mode,
        buyer: officer.org.clone(),
        offering: wish.offering,
        route: wish.route,
        as_of: wish.as_of,
        rule_pack: wish.rule_pack,
        term_years: wish.term_years,
        total_max: wish.total_max,
        quote_by: now.plus_ms(wish.quote_ms),
        seal_by: now.plus_ms(wish.seal_ms),
        auto_seal: wish.auto_seal,
        quantities: wish.quantities,
        reference: wish.reference,
        considered: wish.considered,
        grounds: wish.grounds,
        officer: officer.name.clone(),
        signed_at: now,
        salt: fresh_salt(),
    };
    (order, Signed::sign(&Kind::Request, &request, &[&officer.key]))
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let out = global.out();
    match verb {
        submit @ Verb::Submit { .. } => self::submit(&mut client, out, submit).await,
        Verb::List => list(&mut client, out).await,
        Verb::Show { order } => {
            let order = client.order(order).await?;
            out.one(&order_value(&order), &order_text(&order, out))
        }
        Verb::Approve { order, note } => decide(&mut client, out, order, true, note).await,
        Verb::Refuse { order, note } => decide(&mut client, out, order, false, note).await,
        Verb::Seal { order } => seal(&mut client, out, order).await,
        Verb::Cancel { order } => cancel(&mut client, out, order).await,
        Verb::Watch { order } => watch(&mut client, out, order).await,
        Verb::Explain { order } => {
            let explained = client.explain(order).await?;
            let value = explain_value(&explained);
            let text = value[if out.lang == Lang::De { "text_de" } else { "text_en" }].as_str().unwrap_or_default();
            out.one(&value, text)
        }
    }
}

async fn submit(client: &mut Client, out: Output, verb: Verb) -> Result<(), Refusal> {
    let Verb::Submit {
        offering,
        route,
        via,
        max_euro,
        as_of,
        quote_days,
        seal_days,
        auto_seal,
        accept_assumed,
        interest,
        request_id,
        needs,
        reference,
        said,
    } = verb
    else {
        return Ok(());
    };
    let now = SystemClock.now();
    let as_of = as_of.as_deref().map(parse_date).transpose()?;
    let buyer = client.officer()?.org.clone();
    let found = client.routes(&buyer, &offering, needs, (as_of, None)).await?;
    let term_years = match needs.term_years {
        years @ 1.. => years,
        0 => {
            let entry = client.get_offering(&found.offering_id).await?.entry;
            entry.and_then(|entry| entry.offering).map_or(1, |offering| offering.term_years_min)
        }
    };
    let grounds = gather(client, &buyer, &found.offering_id, (needs, as_of), *said).await?;
    let route = if via.is_empty() { chosen(&found, route)? } else { Route::new(via)? };
    let wish = Wish {
        request_id: request_id.unwrap_or_else(|| hex::encode(fresh_salt().0)),
        mode: if interest { Mode::Interest } else { Mode::Binding },
        route,
        offering: found.offering_id.parse()?,
        rule_pack: found.rule_pack_id.parse()?,
        as_of: parse_date(&found.as_of)?,
        term_years,
        total_max: Cents::try_from(i64::from(max_euro) * 100)?,
        quote_ms: quote_days * DAY_MS,
        seal_ms: seal_days * DAY_MS,
        auto_seal: auto_seal.then_some(AutoSeal { accept_assumed }),
        quantities: Quantities { uses: needs.uses, target_group: needs.target_group },
        reference,
        considered: considered(&found)?,
        grounds,
    };
    let (request_id, along) = (wish.request_id.clone(), wish.route.to_string());
    let (_, signed) = sign_request(client.officer()?, wish, now);
    out.talk(&format!("{} {}", out.say("Weg:", "Route:"), along));
    out.talk(&format!("{} {request_id}", out.say("Vorgangsnummer:", "Request id:")));
    let order = client.hand_in(&request_id, &signed).await?;
    answered(out, order)
}

/// The route of that number, counted from 1.
pub fn chosen(found: &FindRoutesResponse, number: usize) -> Result<Route, Refusal> {
    if found.routes.is_empty() {
        return Err(Refusal::new(Reason::NoRoute).with("offering", &found.offering_id));
    }
    let route = number.checked_sub(1).and_then(|index| found.routes.get(index));
    let refuse = || Refusal::new(Reason::FieldInvalid).with("field", "route").with("value", number);
    let route = route.ok_or_else(|| refuse().with("at_least", 1).with("at_most", found.routes.len()))?;
    let parties: Result<Vec<OrgId>, Refusal> = route.parties.iter().map(|party| party.parse()).collect();
    Route::new(parties?)
}

/// What the search offered, for the record.
pub fn considered(found: &FindRoutesResponse) -> Result<Vec<Considered>, Refusal> {
    let seen = found.routes.iter().take(CONSIDERED_MAX).map(|route| {
        let parties: Result<Vec<OrgId>, Refusal> = route.parties.iter().map(|party| party.parse()).collect();
        let total = route.total_cents.map(Cents::try_from).transpose()?;
        Ok(Considered { route: Route::new(parties?)?, verdict: verdict_of(route.verdict), total })
    });
    seen.collect()
}

fn answered(out: Output, order: OrderId) -> Result<(), Refusal> {
    out.one(&json!({"order_id": order.to_string()}), &order.to_string())
}

async fn decide(client: &mut Client, out: Output, id: OrderId, approve: bool, note: String) -> Result<(), Refusal> {
    let order = client.order(id).await?;
    let leg = machine_verdict(client, &order).await?;
    let officer = client.officer()?;
    let body = Decision {
        order: id,
        attempt: order.attempt,
        request: order.request_statement_id.parse()?,
        org: officer.org.clone(),
        approve,
        note,
        leg,
        officer: officer.name.clone(),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    let signed = Signed::sign(&Kind::Decision, &body, &[&officer.key]);
    let order = client.hand_in("", &signed).await?;
    answered(out, order)
}

/// What the machine says about the leg towards the officer's organisation, to stand beside the decision; for the buyer
/// about the leg it awards.
async fn machine_verdict(client: &mut Client, order: &pb::Order) -> Result<Option<LegFinding>, Refusal> {
    let own = client.officer()?.org.clone();
    let own_leg = |leg: &&[String]| leg[1] == own.as_str() || leg[0] == own.as_str();
    let Some(leg) = order.route.windows(2).find(own_leg) else { return Ok(None) };
    let (from, to, as_of) = (leg[0].parse()?, leg[1].parse()?, parse_date(&order.as_of)?);
    let told = client.explain_leg(&from, &to, Some(as_of), None).await?;
    let Some(leg) = told.cases.first() else { return Ok(None) };
    let evidence: Result<Vec<StatementId>, Refusal> = leg.evidence_ids.iter().map(|id| id.parse()).collect();
    Ok(Some(LegFinding {
        from,
        to,
        as_of,
        verdict: verdict_of(leg.verdict),
        basis: serde_json::from_value(Value::String(leg.case.clone())).ok(),
        assumed: leg.assumed,
        evidence: evidence?,
    }))
}

async fn seal(client: &mut Client, out: Output, id: OrderId) -> Result<(), Refusal> {
    let order = client.order(id).await?;
    let chain: Result<Vec<StatementId>, Refusal> = order.chain.iter().map(|id| id.parse()).collect();
    let officer = client.officer()?;
    let body = Seal {
        order: id,
        attempt: order.attempt,
        buyer: officer.org.clone(),
        chain: chain?,
        total: Cents::try_from(order.total_cents)?,
        officer: Some(officer.name.clone()),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    let signed = Signed::sign(&Kind::Seal, &body, &[&officer.key]);
    let order = client.hand_in("", &signed).await?;
    answered(out, order)
}

async fn cancel(client: &mut Client, out: Output, id: OrderId) -> Result<(), Refusal> {
    let order = client.order(id).await?;
    let officer = client.officer()?;
    let body = Void {
        order: id,
        attempt: order.attempt,
        buyer: officer.org.clone(),
        request: order.request_statement_id.parse()?,
        reason: VoidReason::Cancelled,
        officer: Some(officer.name.clone()),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    let signed = Signed::sign(&Kind::Void, &body, &[&officer.key]);
    let order = client.hand_in("", &signed).await?;
    answered(out, order)
}

async fn watch(client: &mut Client, out: Output, id: OrderId) -> Result<(), Refusal> {
    let mut changes = client.watch(id).await?;
    while let Some(change) = changes.message().await.map_err(|status| crate::wire::status::to_refusal(&status))? {
        let Some(order) = change.order else { continue };
        let line = format!("{}  {}", stage_text(order.stage, out), explanation(order.explanation.as_ref(), out));
        out.one(&order_value(&order), &line)?;
        if is_over(order.stage) {
            break;
        }
    }
    Ok(())
}

/// Whether a stage is final.
pub fn is_over(stage: i32) -> bool {
    matches!(pb::Stage::try_from(stage), Ok(pb::Stage::Sealed | pb::Stage::Void | pb::Stage::Disputed))
}

async fn list(client: &mut Client, out: Output) -> Result<(), Refusal> {
    let orders = client.order_list().await?;
    let columns = [
        ("Bestellung", "order_id"),
        ("Besteller", "buyer"),
        ("Anbieter", "provider"),
        ("Angebot", "offering"),
        ("Stand", "stage"),
        ("Am Zug", "turn"),
        ("Preis", "total"),
        ("Zuletzt", "updated_at"),
    ];
    let rows: Vec<Vec<Value>> = orders
        .iter()
        .map(|order| {
            vec![
                order.id.clone().into(),
                order.buyer.clone().into(),
                order.provider.clone().into(),
                order.offering_title.clone().into(),
                stage_text(order.stage, out).into(),
                order.turn.clone().into(),
                euros(order.total_cents).into(),
                time_text(order.updated_at.as_ref()).into(),
            ]
        })
        .collect();
    out.rows(&columns, &rows)
}

fn stage_text(stage: i32, out: Output) -> &'static str {
    match pb::Stage::try_from(stage) {
        Ok(pb::Stage::AwaitingApproval) => out.say("wartet auf Freigabe", "awaiting approval"),
        Ok(pb::Stage::InChain) => out.say("unterwegs", "in chain"),
        Ok(pb::Stage::Offered) => out.say("Angebot liegt vor", "offered"),
        Ok(pb::Stage::Sealed) => out.say("abgeschlossen", "sealed"),
        Ok(pb::Stage::Void) => out.say("beendet ohne Abschluss", "void"),
        Ok(pb::Stage::Disputed) => out.say("strittig", "disputed"),
        _ => out.say("unbekannt", "unknown"),
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

/// An order as JSON.
pub fn order_value(order: &pb::Order) -> Value {
    json!({
        "id": order.id, "attempt": order.attempt, "buyer": order.buyer, "route": order.route,
        "offering_id": order.offering_id, "offering_title": order.offering_title,
        "stage": pb::Stage::try_from(order.stage).map(|stage| stage.as_str_name()).unwrap_or_default(),
        "as_of": order.as_of, "term_years": order.term_years, "total_max_cents": order.total_max_cents,
        "total_cents": order.total_cents, "reference": order.reference, "officer": order.officer,
        "quote_by": time_text(order.quote_by.as_ref()), "seal_by": time_text(order.seal_by.as_ref()),
        "price": order.price.iter().map(|part| json!({"org": part.org, "cents": part.amount_cents})).collect::<Vec<_>>(),
        "legs": order.legs.iter().map(|leg| json!({
            "from": leg.from, "to": leg.to, "basis": leg.basis, "assumed": leg.assumed, "evidence": leg.evidence_ids,
        })).collect::<Vec<_>>(),
        "messages": order.messages.iter().map(|message| json!({
            "kind": message.kind, "by": message.by, "statement_id": message.statement_id,
            "signed_at": time_text(message.signed_at.as_ref()),
        })).collect::<Vec<_>>(),
        "contradictions": order.contradictions,
        "text_de": order.explanation.as_ref().map(|told| told.text_de.clone()),
    })
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
        lines.push(format!("   {:<14} {:>16}", part.org, euros(part.amount_cents)));
    }
    lines.push(format!("   {:<14} {:>16}", out.say("Summe", "Total"), euros(order.total_cents)));
    lines.push(out.say("Erklärungen:", "Statements:").to_owned());
    for message in &order.messages {
        lines.push(format!(
            "   {:<9} {:<14} {}  {}",
            message.kind,
            message.by,
            time_text(message.signed_at.as_ref()),
            message.statement_id
        ));
    }
    lines.push(explanation(order.explanation.as_ref(), out));
    lines.join("\n")
}
