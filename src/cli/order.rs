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
use crate::cli::client::{Client, Officer, fresh_salt};
use crate::cli::grounds::{Said, gather};
use crate::cli::output::Output;
use crate::cli::price::Needs;
use crate::domain::grounds::Grounds;
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::bundle::Bundle;
use crate::domain::order::{
    Amendment, Amends, AutoSeal, CONSIDERED_MAX, Considered, Decision, LegFinding, Mode, Request, Seal, Void,
    VoidReason,
};
use crate::domain::price::Quantities;
use crate::domain::reason::{Reason, Refusal};
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
pub mod show;

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
        Verb::List => show::list(&mut client, out, false).await,
        Verb::Stuck => show::list(&mut client, out, true).await,
        Verb::Show { order } => show::order(&mut client, out, order).await,
        Verb::Approve { order, note } => decide(&mut client, out, order, true, note).await,
        Verb::Refuse { order, note } => decide(&mut client, out, order, false, note).await,
        Verb::Seal { order } => seal(&mut client, out, order).await,
        Verb::Cancel { order } => end(&mut client, out, order, VoidReason::Cancelled).await,
        Verb::Watch { order } => show::watch(&mut client, out, order).await,
        Verb::Explain { order } => show::explain(&mut client, out, order).await,
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

/// Whether a stage is final.
pub fn is_over(stage: i32) -> bool {
    matches!(
        pb::Stage::try_from(stage),
        Ok(pb::Stage::Sealed | pb::Stage::Void | pb::Stage::Disputed | pb::Stage::Unsealed)
    )
}
