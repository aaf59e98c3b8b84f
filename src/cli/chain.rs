//! `verbund chain`: by which route an organisation may lawfully order, and why not by the others.
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::client::{self, Client};
use crate::cli::names;
use crate::cli::offering::euros;
use crate::cli::options::{Global, PriceNeeds};
use crate::cli::output::Output;
use crate::domain::id::OrgId;
use crate::domain::law::{Award, Verdict};
use crate::domain::reason::{Lang, Refusal};
use crate::domain::time::Date;
use crate::wire::pb::chain::v1 as pb;

/// What to do with chains.
#[derive(Subcommand)]
pub enum Verb {
    /// Alle Wege bis sechs Schritte, jeder Schritt nach § 108 GWB beurteilt
    Routes {
        /// Wer bestellen will
        #[arg(long = "for", value_name = "ORG")]
        for_org: OrgId,
        /// Kennung oder ANBIETER/NAME
        #[arg(long, value_name = "ANGEBOT", required_unless_present = "to", conflicts_with = "to")]
        offering: Option<String>,
        /// Statt eines Angebots: bis zu welcher Organisation
        #[arg(long, value_name = "ORG")]
        to: Option<OrgId>,
        /// What the prices depend on.
        #[command(flatten)]
        needs: PriceNeeds,
        /// The days.
        #[command(flatten)]
        days: Days,
    },
    /// Ein Schritt unter jedem Fall, der in Betracht kommt, mit den Belegen
    Explain {
        /// Wer vergibt
        #[arg(long, value_name = "ORG")]
        from: OrgId,
        /// Wer den Auftrag erhält
        #[arg(long, value_name = "ORG")]
        to: OrgId,
        /// The two days.
        #[command(flatten)]
        days: Days,
    },
    /// Offene Bestellungen und laufende Verträge, die eine beendete oder widerrufene Mitgliedschaft berührt
    Affected {
        /// Wer Mitglied ist; ohne Angabe alle Schritte, die heute nicht tragen
        #[arg(long, value_name = "ORG", requires = "of")]
        member: Option<OrgId>,
        /// Wovon
        #[arg(long, value_name = "ORG", requires = "member")]
        of: Option<OrgId>,
        /// An welchem Tag die Schritte tragen müssen; heute, wenn nicht genannt
        #[arg(long, value_name = "JJJJ-MM-TT")]
        as_of: Option<String>,
    },
}

/// The days of a judgement, and what kind of contract it is.
#[derive(clap::Args)]
pub struct Days {
    /// Tag der Vergabe; heute, wenn nicht genannt
    #[arg(long, value_name = "JJJJ-MM-TT")]
    as_of: Option<String>,
    /// Mit dem Wissen dieses Tages; heute, wenn nicht genannt
    #[arg(long, value_name = "JJJJ-MM-TT")]
    known_on: Option<String>,
    /// Tag, an dem das Verfahren begann: er entscheidet, welches Regelwerk gilt; der Vergabetag, höchstens heute
    #[arg(long, value_name = "JJJJ-MM-TT")]
    procedure_began: Option<String>,
    /// Art des Auftrags
    #[arg(long, value_enum, default_value_t = AwardKind::General)]
    award: AwardKind,
    /// Ein laufender Vertrag wird geändert (§ 132 GWB)
    #[arg(long)]
    change: bool,
}

/// What kind of contract it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum AwardKind {
    /// Öffentlicher Auftrag
    General,
    /// Auftrag zum Zweck einer Sektorentätigkeit
    Sector,
    /// Konzession
    Concession,
}

impl From<AwardKind> for pb::Award {
    fn from(award: AwardKind) -> Self {
        match award {
            AwardKind::General => Self::General,
            AwardKind::Sector => Self::Sector,
            AwardKind::Concession => Self::Concession,
        }
    }
}

impl From<AwardKind> for Award {
    fn from(award: AwardKind) -> Self {
        match award {
            AwardKind::General => Self::General,
            AwardKind::Sector => Self::Sector,
            AwardKind::Concession => Self::Concession,
        }
    }
}

impl Days {
    fn read(&self) -> Result<client::Days, Refusal> {
        Ok(client::Days {
            as_of: day(self.as_of.as_deref())?,
            known_on: day(self.known_on.as_deref())?,
            began: day(self.procedure_began.as_deref())?,
            award: self.award.into(),
            is_change: self.change,
        })
    }
}

fn day(text: Option<&str>) -> Result<Option<Date>, Refusal> {
    text.map(names::day).transpose()
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let out = global.out();
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    match verb {
        Verb::Routes { for_org, offering, to, needs, days } => {
            let days = days.read()?;
            let found = match (offering, to) {
                (_, Some(to)) => client.routes_to(&for_org, &to, days).await?,
                (offering, None) => {
                    let offering = names::offering_id(&mut client, &offering.unwrap_or_default()).await?;
                    client.routes(&for_org, &offering, needs, days).await?
                }
            };
            out.one(&routes_value(&found), &routes_text(&found, out))
        }
        Verb::Explain { from, to, days } => {
            let told = client.explain_leg(&from, &to, days.read()?).await?;
            out.one(&explain_value(&told), &explain_text(&told, out))
        }
        Verb::Affected { member, of, as_of } => {
            let orders = client.affected(member.as_ref().zip(of.as_ref()), day(as_of.as_deref())?).await?;
            out.one(&affected_value(&orders), &affected_text(&orders, out))
        }
    }
}

/// The verdict behind the number on the wire; what it does not know is not proven.
pub fn verdict_of(verdict: i32) -> Verdict {
    match pb::Verdict::try_from(verdict) {
        Ok(pb::Verdict::Fulfilled) => Verdict::Fulfilled,
        Ok(pb::Verdict::Contested) => Verdict::Contested,
        Ok(pb::Verdict::NotFulfilled) => Verdict::NotFulfilled,
        _ => Verdict::NotProven,
    }
}

fn verdict_word(verdict: i32) -> &'static str {
    match verdict_of(verdict) {
        Verdict::Fulfilled => "fulfilled",
        Verdict::Contested => "contested",
        Verdict::NotProven => "not-proven",
        Verdict::NotFulfilled => "not-fulfilled",
    }
}

fn verdict_text(verdict: i32, out: Output) -> &'static str {
    verdict_of(verdict).text(out.lang)
}

fn finding_value(finding: &pb::Finding) -> Value {
    json!({
        "condition": finding.condition, "verdict": verdict_word(finding.verdict),
        "text": finding.text_de, "text_en": finding.text_en, "assumed": finding.assumed,
        "evidence": finding.evidence_ids, "citation": finding.citation, "proof": finding.proof_de,
        "proof_en": finding.proof_en,
    })
}

fn leg_value(leg: &pb::Leg) -> Value {
    json!({
        "from": leg.from, "to": leg.to, "verdict": verdict_word(leg.verdict), "basis": leg.basis, "case": leg.case,
        "assumed": leg.assumed, "evidence": leg.evidence_ids,
        "findings": leg.findings.iter().map(finding_value).collect::<Vec<_>>(),
    })
}

/// One leg: its verdict, and below it what is worth saying; with `all` every condition.
fn leg_lines(leg: &pb::Leg, all: bool, out: Output) -> Vec<String> {
    let mut lines =
        vec![format!("     {} → {}: {}  {}", leg.from, leg.to, verdict_text(leg.verdict, out), leg.basis)];
    let said = |finding: &&pb::Finding| all || verdict_of(finding.verdict) != Verdict::Fulfilled;
    for finding in leg.findings.iter().filter(said) {
        lines.push(format!("         {}", finding_text(finding, out)));
        let proof = out.say(&finding.proof_de, &finding.proof_en);
        if all && !proof.is_empty() {
            lines.push(format!("           → {proof}"));
        }
    }
    let assumed = leg.findings.iter().filter(|finding| !said(finding) && finding.assumed).count();
    if assumed > 0 {
        let of = leg.findings.len();
        let told = match out.lang {
            Lang::De => format!("{assumed} von {of} Voraussetzungen sind nur angenommen"),
            Lang::En => format!("{assumed} of {of} conditions are only assumed"),
        };
        let see = format!("chain explain --from {} --to {}", leg.from, leg.to);
        lines.push(format!("         {told} ({see})"));
    }
    lines
}

fn finding_text(finding: &pb::Finding, out: Output) -> &str {
    match out.lang {
        Lang::De => &finding.text_de,
        Lang::En => &finding.text_en,
    }
}

fn explain_value(told: &pb::ExplainLegResponse) -> Value {
    json!({
        "rule_pack": told.rule_pack_name, "rule_pack_id": told.rule_pack_id, "as_of": told.as_of,
        "procedure_began": told.procedure_began, "rule_pack_source": told.rule_pack_source,
        "known_on": told.known_on, "cases": told.cases.iter().map(leg_value).collect::<Vec<_>>(),
        "facts": told.facts.iter().map(|fact| json!({
            "id": fact.id, "org": fact.org, "of": fact.of, "valid_from": fact.valid_from, "valid_to": fact.valid_to,
            "known_from": fact.known_from, "source": fact.source, "assumed": fact.assumed,
        })).collect::<Vec<_>>(),
    })
}

fn explain_text(told: &pb::ExplainLegResponse, out: Output) -> String {
    let mut lines = vec![
        days_line(&told.as_of, (&told.procedure_began, &told.rule_pack_name), &told.known_on, out),
        format!("{}: {}", out.say("Quelle des Regelwerks", "Source of the rule pack"), told.rule_pack_source),
    ];
    for leg in &told.cases {
        lines.push(String::new());
        lines.extend(leg_lines(leg, true, out));
    }
    lines.push(format!("\n{}:", out.say("Belege", "Evidence")));
    for fact in &told.facts {
        let about = if fact.of.is_empty() { fact.org.clone() } else { format!("{} → {}", fact.org, fact.of) };
        let assumed = if fact.assumed { out.say(", Annahme", ", assumption") } else { "" };
        let until = if fact.valid_to.is_empty() { out.say("offen", "open") } else { &fact.valid_to };
        lines.push(format!("     {}  {about}  {} – {until}{assumed}", fact.id, fact.valid_from));
        lines.push(format!("         {}", fact.source));
    }
    lines.join("\n")
}

fn affected_value(orders: &[pb::AffectedOrder]) -> Value {
    let order = |order: &pb::AffectedOrder| {
        json!({
            "order_id": order.order_id, "buyer": order.buyer, "offering_id": order.offering_id,
            "sealed": order.sealed, "runs_until": order.runs_until,
            "legs": order.legs.iter().map(leg_value).collect::<Vec<_>>(), "rested_on": order.rested_on_ids,
        })
    };
    Value::Array(orders.iter().map(order).collect())
}

fn affected_text(orders: &[pb::AffectedOrder], out: Output) -> String {
    if orders.is_empty() {
        return out
            .say("Keine Bestellung und kein Vertrag ist berührt.", "No order and no contract is touched.")
            .to_owned();
    }
    let mut lines = Vec::new();
    for order in orders {
        let phase = match order.sealed {
            true => format!("{} {}", out.say("Vertrag bis", "contract until"), order.runs_until),
            false => out.say("offen", "open").to_owned(),
        };
        lines.push(format!("{}  {}  [{phase}]", order.order_id, order.buyer));
        lines.extend(order.legs.iter().flat_map(|leg| leg_lines(leg, false, out)));
    }
    lines.join("\n")
}

fn days_line(as_of: &str, (began, rule_pack): (&str, &str), known_on: &str, out: Output) -> String {
    let (award, pack) = (out.say("Vergabetag", "Award on"), out.say("Regelwerk", "rule pack"));
    let begun = if began == as_of {
        String::new()
    } else {
        format!(", {} {began}", out.say("Verfahren begonnen am", "procedure began on"))
    };
    format!("{award} {as_of}{begun}, {pack} {rule_pack} ({} {known_on})", out.say("Wissensstand", "known on"))
}

/// Routes as JSON.
pub fn routes_value(found: &pb::FindRoutesResponse) -> Value {
    json!({
        "offering_id": found.offering_id, "rule_pack": found.rule_pack_name, "rule_pack_id": found.rule_pack_id,
        "as_of": found.as_of, "known_on": found.known_on, "complete": found.complete,
        "procedure_began": found.procedure_began, "rule_pack_source": found.rule_pack_source,
        "uncontested_route": uncontested(found).map(|at| at + 1),
        "obstacles": found.offering_obstacles.iter().map(|o| json!({"reason": o.reason, "text": o.text_de})).collect::<Vec<_>>(),
        "routes": found.routes.iter().enumerate().map(|(number, route)| json!({
            "number": number + 1, "parties": route.parties, "verdict": verdict_word(route.verdict),
            "assumed": route.assumed, "orderable": route.orderable, "total_cents": route.total_cents,
            "obstacles": route.obstacles.iter().map(|o| json!({"reason": o.reason, "text": o.text_de})).collect::<Vec<_>>(),
            "legs": route.legs.iter().map(leg_value).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "alternatives": found.alternatives.iter().map(|other| json!({
            "kind": alternative_word(other.kind), "org": other.org, "basis": other.basis, "text": other.text_de,
            "text_en": other.text_en, "findings": other.findings.iter().map(finding_value).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

/// The best route on which no reading of the law is contested, if there is one.
fn uncontested(found: &pb::FindRoutesResponse) -> Option<usize> {
    found.routes.iter().position(|route| verdict_of(route.verdict) == Verdict::Fulfilled)
}

/// What is offered beside a contested route: the uncontested one with price and length, or that there is none.
fn beside_contested(found: &pb::FindRoutesResponse, out: Output) -> Option<String> {
    let contested = found.routes.iter().position(|route| verdict_of(route.verdict) == Verdict::Contested)?;
    Some(match (uncontested(found), out.lang) {
        (Some(at), lang) => {
            let route = &found.routes[at];
            let price = if found.offering_id.is_empty() { None } else { Some(price_text(route.total_cents, out)) };
            let price = price.map(|price| format!(", {price}")).unwrap_or_default();
            let (legs, instead, at) = (route.legs.len(), contested + 1, at + 1);
            match lang {
                Lang::De => format!(
                    "\nUmstritten ist Weg {instead}; unbestritten bleibt Weg {at} mit {legs} Schritten{price}."
                ),
                Lang::En => format!("\nRoute {instead} is contested; route {at} is not, with {legs} legs{price}."),
            }
        }
        (None, Lang::De) => "\nEin unbestrittener Weg wurde nicht gefunden.".to_owned(),
        (None, Lang::En) => "\nNo uncontested route was found.".to_owned(),
    })
}

fn alternative_word(kind: i32) -> &'static str {
    match pb::AlternativeKind::try_from(kind) {
        Ok(pb::AlternativeKind::Cooperation) => "cooperation",
        Ok(pb::AlternativeKind::CentralPurchasing) => "central-purchasing",
        _ => "tender",
    }
}

fn routes_text(found: &pb::FindRoutesResponse, out: Output) -> String {
    let pack = (found.procedure_began.as_str(), found.rule_pack_name.as_str());
    let mut lines = vec![days_line(&found.as_of, pack, &found.known_on, out)];
    lines.extend(found.offering_obstacles.iter().map(|obstacle| format!("! {}", obstacle_text(obstacle, out))));
    for (number, route) in found.routes.iter().enumerate() {
        let assumed = if route.assumed { out.say(", unter Annahmen", ", on assumptions") } else { "" };
        let orderable =
            if route.orderable { "" } else { out.say(", hier nicht bestellbar", ", cannot be ordered here") };
        let parties = route.parties.join(" → ");
        let verdict = verdict_text(route.verdict, out);
        lines.push(format!("\n{}. {parties}  [{verdict}{assumed}{orderable}]", number + 1));
        if !found.offering_id.is_empty() {
            lines.push(format!("     {}", price_text(route.total_cents, out)));
        }
        lines.extend(route.legs.iter().flat_map(|leg| leg_lines(leg, false, out)));
        // What stands against a leg stands below the leg, and what stands against the offering at the top.
        let told = |obstacle: &&pb::Obstacle| {
            obstacle.fields.contains_key("why") || found.offering_obstacles.contains(obstacle)
        };
        let others = route.obstacles.iter().filter(|obstacle| !told(obstacle));
        lines.extend(others.map(|obstacle| format!("     ! {}", obstacle_text(obstacle, out))));
    }
    if found.routes.is_empty() {
        lines.push(out.say("Kein Weg gefunden.", "No route found.").to_owned());
    }
    lines.extend(beside_contested(found, out));
    if !found.complete {
        let more = out.say(
            "! Es kann weitere Wege geben: Die Suche endete an einer Grenze. Keiner davon ist rechtlich besser belegt als die gezeigten.",
            "! There may be more routes: the search ended at a limit. None of them has a better verdict than those shown.",
        );
        lines.push(format!("\n{more}"));
    }
    if !found.alternatives.is_empty() {
        lines.push(format!("\n{}:", out.say("Was sonst bleibt", "What else there is")));
    }
    for other in &found.alternatives {
        lines.push(format!("   {}", out.say(&other.text_de, &other.text_en)));
        for finding in other.findings.iter().filter(|finding| finding.verdict != 1) {
            lines.push(format!("         {}", finding_text(finding, out)));
        }
    }
    lines.join("\n")
}

/// What stands against ordering, and whom or what it is about.
fn obstacle_text(obstacle: &pb::Obstacle, out: Output) -> String {
    let about: Vec<&str> = obstacle.fields.values().map(String::as_str).collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    format!("{}{about}", out.say(&obstacle.text_de, &obstacle.text_en))
}

fn price_text(total: Option<i64>, out: Output) -> String {
    match total {
        Some(cents) => format!("{} {}", euros(cents), out.say("netto über die Laufzeit", "net over the term")),
        None => {
            out.say("Preis nicht berechenbar, siehe `price preview`", "price unknown, see `price preview`").to_owned()
        }
    }
}
