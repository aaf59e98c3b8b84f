//! `verbund chain`: by which route an organisation may lawfully order, and why not by the others.
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::cli::client::Client;
use crate::cli::output::Output;
use crate::domain::id::OrgId;
use crate::domain::reason::{Lang, Refusal};
use crate::domain::time::parse_date;
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
        #[arg(long, value_name = "ANGEBOT")]
        offering: String,
        /// Tag der Vergabe; heute, wenn nicht genannt
        #[arg(long, value_name = "JJJJ-MM-TT")]
        as_of: Option<String>,
        /// Mit dem Wissen dieses Tages; heute, wenn nicht genannt
        #[arg(long, value_name = "JJJJ-MM-TT")]
        known_on: Option<String>,
    },
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let Verb::Routes { for_org, offering, as_of, known_on } = verb;
    let as_of = as_of.as_deref().map(parse_date).transpose()?;
    let known_on = known_on.as_deref().map(parse_date).transpose()?;
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let found = client.routes(&for_org, &offering, as_of, known_on).await?;
    global.out().one(&routes_value(&found), &routes_text(&found, global.out()))
}

fn verdict_word(verdict: i32) -> &'static str {
    match pb::Verdict::try_from(verdict) {
        Ok(pb::Verdict::Fulfilled) => "fulfilled",
        Ok(pb::Verdict::NotFulfilled) => "not-fulfilled",
        _ => "not-proven",
    }
}

fn verdict_text(verdict: i32, out: Output) -> &'static str {
    match pb::Verdict::try_from(verdict) {
        Ok(pb::Verdict::Fulfilled) => out.say("erfüllt", "fulfilled"),
        Ok(pb::Verdict::NotFulfilled) => out.say("nicht erfüllt", "not fulfilled"),
        _ => out.say("nicht belegt", "not proven"),
    }
}

/// Routes as JSON.
pub fn routes_value(found: &pb::FindRoutesResponse) -> Value {
    json!({
        "offering_id": found.offering_id, "rule_pack": found.rule_pack_name, "rule_pack_id": found.rule_pack_id,
        "as_of": found.as_of, "known_on": found.known_on, "complete": found.complete,
        "obstacles": found.offering_obstacles.iter().map(|o| json!({"reason": o.reason, "text": o.text_de})).collect::<Vec<_>>(),
        "routes": found.routes.iter().enumerate().map(|(number, route)| json!({
            "number": number + 1, "parties": route.parties, "verdict": verdict_word(route.verdict),
            "assumed": route.assumed, "orderable": route.orderable,
            "obstacles": route.obstacles.iter().map(|o| json!({"reason": o.reason, "text": o.text_de})).collect::<Vec<_>>(),
            "legs": route.legs.iter().map(|leg| json!({
                "from": leg.from, "to": leg.to, "verdict": verdict_word(leg.verdict), "basis": leg.basis,
                "assumed": leg.assumed, "evidence": leg.evidence_ids,
                "findings": leg.findings.iter().map(|finding| json!({
                    "condition": finding.condition, "verdict": verdict_word(finding.verdict),
                    "text": finding.text_de, "text_en": finding.text_en, "assumed": finding.assumed,
                    "evidence": finding.evidence_ids,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn routes_text(found: &pb::FindRoutesResponse, out: Output) -> String {
    let mut lines = vec![format!(
        "{} {}, {} {} ({} {})",
        out.say("Vergabetag", "Award on"),
        found.as_of,
        out.say("Regelwerk", "rule pack"),
        found.rule_pack_name,
        out.say("Wissensstand", "known on"),
        found.known_on
    )];
    let spoken = |obstacle: &pb::Obstacle| match out.lang {
        Lang::De => obstacle.text_de.clone(),
        Lang::En => obstacle.text_en.clone(),
    };
    lines.extend(found.offering_obstacles.iter().map(|obstacle| format!("! {}", spoken(obstacle))));
    for (number, route) in found.routes.iter().enumerate() {
        let assumed = if route.assumed { out.say(", unter Annahmen", ", on assumptions") } else { "" };
        let orderable =
            if route.orderable { "" } else { out.say(", hier nicht bestellbar", ", cannot be ordered here") };
        lines.push(format!(
            "\n{}. {}  [{}{assumed}{orderable}]",
            number + 1,
            route.parties.join(" → "),
            verdict_text(route.verdict, out)
        ));
        for leg in &route.legs {
            lines.push(format!("     {} → {}: {}  {}", leg.from, leg.to, verdict_text(leg.verdict, out), leg.basis));
            for finding in leg.findings.iter().filter(|finding| finding.verdict != 1 || finding.assumed) {
                let text = match out.lang {
                    Lang::De => &finding.text_de,
                    Lang::En => &finding.text_en,
                };
                lines.push(format!("         {text}"));
            }
        }
        lines.extend(route.obstacles.iter().map(|obstacle| format!("     ! {}", spoken(obstacle))));
    }
    if found.routes.is_empty() {
        lines.push(out.say("Kein Weg gefunden.", "No route found.").to_owned());
    }
    lines.join("\n")
}
