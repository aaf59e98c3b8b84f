//! `verbund order`: ordering, deciding, sealing, cancelling, watching. The officer's key signs here and never leaves
//! this machine.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde::{Deserialize, Serialize};
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
use crate::domain::order::aftercare::{Amendment, Amends};
use crate::domain::order::bundle::Bundle;
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

pub mod after;
pub mod again;
pub mod bundle;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What to do with orders.
#[derive(Subcommand)]
pub enum Verb {
    /// Bestellen: Anfrage unterschreiben und abgeben
    Submit(Box<Submission>),
    /// Entwurf: die Anfrage prüfen und unterschriftsreif in eine Datei legen
    Draft {
        /// Datei für den Entwurf
        #[arg(long, value_name = "DATEI")]
        file: PathBuf,
        /// What to order.
        #[command(flatten)]
        submission: Box<Submission>,
    },
    /// Einen Entwurf unterschreiben und abgeben
    Send {
        /// Datei mit dem Entwurf
        file: PathBuf,
    },
    /// Bestellungen der eigenen Organisation
    List,
    /// Bestellungen, die länger warten als vereinbart
    Stuck,
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
    /// Den laufenden Versuch beenden und einen anderen Weg nehmen
    Reroute(again::Again),
    /// Eine Interessenbekundung zur verbindlichen Anfrage machen
    Raise(again::Again),
    /// Einen abgeschlossenen Vertrag ändern: eine neue Bestellung auf demselben Weg
    Change(again::Again),
    /// Einen abgeschlossenen Vertrag verlängern; § 108 GWB wird neu geprüft
    Prolong(again::Again),
    /// Als Beteiligter die eigene Zusage vor dem Abschluss zurücknehmen
    Recall {
        /// Bestellnummer
        order: OrderId,
        /// Begründung
        #[arg(long)]
        note: String,
    },
    /// Nach dem Abschluss melden: Anbindung, Betrieb, Ansprechstelle, Kündigung, Ende
    Report(after::Report),
    /// Bedarfe, die sich gemeinsam bestellen lassen
    Needs {
        /// Nur Bedarfe, die dieses Angebot erfüllt: Kennung oder ANBIETER/NAME
        #[arg(long, value_name = "ANGEBOT")]
        offering: Option<String>,
    },
    /// Eigene Anteile an Sammelbestellungen
    CallOffs,
}

/// What to order.
#[derive(clap::Args)]
pub struct Submission {
    /// Kennung oder ANBIETER/NAME
    #[arg(long, value_name = "ANGEBOT")]
    offering: String,
    /// Obergrenze für den Gesamtpreis über die Laufzeit, in Euro
    #[arg(long, value_name = "EURO")]
    max_euro: u32,
    /// Nur Interesse bekunden; bindet niemanden
    #[arg(long)]
    interest: bool,
    /// Vorgangsnummer; dieselbe Nummer ist dieselbe Bestellung
    #[arg(long, value_name = "TEXT")]
    request_id: Option<String>,
    /// How.
    #[command(flatten)]
    terms: Terms,
    /// For the record.
    #[command(flatten)]
    said: Said,
    /// For whom.
    #[command(flatten)]
    gathering: bundle::Gathering,
}

/// Route, days and conditions of a request.
#[derive(clap::Args, Clone)]
pub struct Terms {
    /// Nummer des Weges aus `chain routes`; der erste, wenn nicht genannt, bei `reroute` der erste noch nicht versuchte
    #[arg(long, value_name = "ZAHL")]
    route: Option<usize>,
    /// Statt der Nummer: alle Beteiligten vom Besteller zum Anbieter
    #[arg(long, value_delimiter = ',', value_name = "ORG,ORG,…")]
    via: Vec<OrgId>,
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
    /// What the price depends on.
    #[command(flatten)]
    needs: Needs,
    /// Eigenes Zeichen, z. B. Leitweg-ID
    #[arg(long, default_value = "")]
    reference: String,
}

/// Everything an officer decides about a request.
#[derive(Serialize, Deserialize)]
pub struct Wish {
    /// The officer's own number for it.
    pub request_id: String,
    /// Which attempt of the order.
    pub attempt: u32,
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
    /// The sealed order it changes.
    pub amends: Option<Amends>,
    /// The members for whom it orders.
    pub bundle: Option<Bundle>,
}

/// Signs a request.
pub fn sign_request(officer: &Officer, wish: Wish, now: Timestamp) -> (OrderId, Signed) {
    let order = OrderId::derive(&officer.org, &wish.request_id);
    let request = Request {
        order,
        attempt: wish.attempt,
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
        amends: wish.amends,
        bundle: wish.bundle,
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
        Verb::Submit(submission) => {
            let wish = wish(&mut client, *submission).await?;
            hand_in(&mut client, out, wish).await
        }
        Verb::Draft { file, submission } => {
            let wish = wish(&mut client, *submission).await?;
            draft(out, &file, &wish)
        }
        Verb::Send { file } => hand_in(&mut client, out, read_draft(&file)?).await,
        Verb::List => list(&mut client, out, false).await,
        Verb::Stuck => list(&mut client, out, true).await,
        Verb::Show { order } => {
            let order = client.order(order).await?;
            out.one(&order_value(&order), &order_text(&order, out))
        }
        Verb::Approve { order, note } => decide(&mut client, out, order, true, note).await,
        Verb::Refuse { order, note } => decide(&mut client, out, order, false, note).await,
        Verb::Seal { order } => seal(&mut client, out, order).await,
        Verb::Cancel { order } => end(&mut client, out, order, VoidReason::Cancelled).await,
        Verb::Watch { order } => watch(&mut client, out, order).await,
        Verb::Explain { order } => {
            let explained = client.explain(order).await?;
            let value = explain_value(&explained);
            let text = value[if out.lang == Lang::De { "text_de" } else { "text_en" }].as_str().unwrap_or_default();
            out.one(&value, text)
        }
        Verb::Reroute(again) => again::reroute(&mut client, out, again).await,
        Verb::Raise(again) => again::raise(&mut client, out, again).await,
        Verb::Change(again) => again::amend(&mut client, out, again, Amendment::Change).await,
        Verb::Prolong(again) => again::amend(&mut client, out, again, Amendment::Prolong).await,
        Verb::Recall { order, note } => after::recall(&mut client, out, order, note).await,
        Verb::Report(report) => after::report(&mut client, out, report).await,
        Verb::Needs { offering } => bundle::needs(&mut client, out, offering).await,
        Verb::CallOffs => bundle::call_offs(&mut client, out).await,
    }
}

/// What the officer wants, completed from the node: routes, rule pack, shortest term, what else is on offer.
async fn wish(client: &mut Client, submission: Submission) -> Result<Wish, Refusal> {
    let Submission { offering, max_euro, interest, request_id, terms, said, gathering } = submission;
    let as_of = terms.as_of.as_deref().map(parse_date).transpose()?;
    let buyer = client.officer()?.org.clone();
    let found = client.routes(&buyer, &offering, terms.needs, (as_of, None)).await?;
    let grounds = gather(client, &buyer, &found.offering_id, (terms.needs, as_of), said).await?;
    let bundle = gathering.bundle(client, &found.offering_id).await?;
    let route = terms.way(&found, &BTreeSet::new())?;
    let term_years = term_years(client, &found.offering_id, terms.needs.term_years).await?;
    Ok(Wish {
        request_id: request_id.unwrap_or_else(|| hex::encode(fresh_salt().0)),
        attempt: 1,
        mode: if interest { Mode::Interest } else { Mode::Binding },
        route,
        offering: found.offering_id.parse()?,
        rule_pack: found.rule_pack_id.parse()?,
        as_of: parse_date(&found.as_of)?,
        term_years,
        total_max: euro_cents(max_euro)?,
        quote_ms: terms.quote_days * DAY_MS,
        seal_ms: terms.seal_days * DAY_MS,
        auto_seal: terms.auto_seal.then_some(AutoSeal { accept_assumed: terms.accept_assumed }),
        quantities: Quantities { uses: terms.needs.uses, target_group: terms.needs.target_group },
        reference: terms.reference,
        considered: considered(&found)?,
        grounds,
        amends: None,
        bundle,
    })
}

/// The term asked for, or the shortest of the offering.
async fn term_years(client: &mut Client, offering: &str, asked: u32) -> Result<u32, Refusal> {
    if asked > 0 {
        return Ok(asked);
    }
    let entry = client.get_offering(offering).await?.entry;
    Ok(entry.and_then(|entry| entry.offering).map_or(1, |offering| offering.term_years_min))
}

fn euro_cents(euro: u32) -> Result<Cents, Refusal> {
    Cents::try_from(i64::from(euro) * 100)
}

/// Signs and hands in; the number is said first, so that a repeated call after a crash names the same order.
async fn hand_in(client: &mut Client, out: Output, wish: Wish) -> Result<(), Refusal> {
    let (request_id, along) = (wish.request_id.clone(), wish.route.to_string());
    let (_, signed) = sign_request(client.officer()?, wish, SystemClock.now());
    out.talk(&format!("{} {}", out.say("Weg:", "Route:"), along));
    out.talk(&format!("{} {request_id}", out.say("Vorgangsnummer:", "Request id:")));
    let order = client.hand_in(&request_id, &signed).await?;
    answered(out, order)
}

/// A draft is a file on the officer's machine; nobody is told of it.
fn draft(out: Output, file: &Path, wish: &Wish) -> Result<(), Refusal> {
    let text = serde_json::to_string_pretty(wish).expect("a wish is plain data");
    std::fs::write(file, text)
        .map_err(|error| Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", error))?;
    let value = json!({"file": file.display().to_string(), "request_id": wish.request_id, "route": wish.route});
    let text = format!(
        "{} {}. {} `verbund order send {}`",
        out.say("Entwurf gespeichert:", "Draft saved:"),
        file.display(),
        out.say("Abgeben mit", "Hand in with"),
        file.display()
    );
    out.one(&value, &text)
}

fn read_draft(file: &Path) -> Result<Wish, Refusal> {
    let refuse =
        |problem: String| Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", problem);
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))
}

impl Terms {
    /// Whether the officer says which way it goes.
    fn names_route(&self) -> bool {
        self.route.is_some() || !self.via.is_empty()
    }

    /// The route named; if none is, the first one found that has not been tried.
    fn way(&self, found: &FindRoutesResponse, tried: &BTreeSet<Vec<String>>) -> Result<Route, Refusal> {
        if !self.via.is_empty() {
            return Route::new(self.via.clone());
        }
        let untried = found.routes.iter().position(|route| !tried.contains(&route.parties));
        match (self.route, untried) {
            (Some(number), _) => chosen(found, number),
            (None, Some(index)) => chosen(found, index + 1),
            (None, None) => Err(no_route(found).with("tried", tried.len())),
        }
    }
}

/// The route of that number, counted from 1.
pub fn chosen(found: &FindRoutesResponse, number: usize) -> Result<Route, Refusal> {
    if found.routes.is_empty() {
        return Err(no_route(found));
    }
    let route = number.checked_sub(1).and_then(|index| found.routes.get(index));
    let refuse = || Refusal::new(Reason::FieldInvalid).with("field", "route").with("value", number);
    let route = route.ok_or_else(|| refuse().with("at_least", 1).with("at_most", found.routes.len()))?;
    let parties: Result<Vec<OrgId>, Refusal> = route.parties.iter().map(|party| party.parse()).collect();
    Route::new(parties?)
}

fn no_route(found: &FindRoutesResponse) -> Refusal {
    Refusal::new(Reason::NoRoute).with("offering", &found.offering_id)
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

async fn end(client: &mut Client, out: Output, id: OrderId, reason: VoidReason) -> Result<(), Refusal> {
    let order = client.order(id).await?;
    let order = void(client, &order, reason).await?;
    answered(out, order)
}

/// Ends the current attempt.
async fn void(client: &mut Client, order: &pb::Order, reason: VoidReason) -> Result<OrderId, Refusal> {
    let officer = client.officer()?;
    let body = Void {
        order: order.id.parse()?,
        attempt: order.attempt,
        buyer: officer.org.clone(),
        request: order.request_statement_id.parse()?,
        reason,
        officer: Some(officer.name.clone()),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    let signed = Signed::sign(&Kind::Void, &body, &[&officer.key]);
    client.hand_in("", &signed).await
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
    matches!(
        pb::Stage::try_from(stage),
        Ok(pb::Stage::Sealed | pb::Stage::Void | pb::Stage::Disputed | pb::Stage::Unsealed)
    )
}

async fn list(client: &mut Client, out: Output, overdue_only: bool) -> Result<(), Refusal> {
    let orders = client.order_list(overdue_only).await?;
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
                overdue_text(order.overdue, out).into(),
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
        "ended_attempts": order.ended_attempts.iter().map(|ended| json!({
            "attempt": ended.attempt, "route": ended.route, "void_reason": ended.void_reason().as_str_name(),
        })).collect::<Vec<_>>(),
        "phase": order.phase().as_str_name(), "phase_day": order.phase_day, "connected": order.connected,
        "contacts": order.contacts.iter().map(|c| json!({"org": c.org, "office": c.office})).collect::<Vec<_>>(),
        "amends": order.amends_order_id, "amended_by": order.amended_by, "members": order.bundled_members,
        "call_offs": order.call_offs.iter().map(bundle::call_off_value).collect::<Vec<_>>(),
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
    lines.extend(after::lines(order, out));
    lines.push(explanation(order.explanation.as_ref(), out));
    lines.join("\n")
}
