//! `verbund price`: what an order would cost, item by item, with every key, input, year and source.
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::names;
use crate::cli::offering::{due_text, due_word, euros, item_text};
use crate::cli::options::{Global, PriceNeeds};
use crate::cli::order::wish::chosen;
use crate::cli::output::Output;
use crate::domain::facts::BasisPoints;
use crate::domain::id::OrgId;
use crate::domain::price::Party;
use crate::domain::price::text::percent;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::Route;
use crate::wire::pb::catalogue::v1 as pb;

/// What to do with prices.
#[derive(Subcommand)]
pub enum Verb {
    /// Was eine Bestellung kosten würde, mit allen Schlüsseln, Zahlen und Quellen
    Preview {
        /// Wer bestellen will
        #[arg(long = "for", value_name = "ORG")]
        for_org: OrgId,
        /// Kennung oder ANBIETER/NAME
        #[arg(long, value_name = "ANGEBOT")]
        offering: String,
        /// Nummer des Weges aus `chain routes`
        #[arg(long, default_value_t = 1)]
        route: usize,
        /// Statt der Nummer: alle Beteiligten vom Besteller zum Anbieter
        #[arg(long, value_delimiter = ',', value_name = "ORG,ORG,…")]
        via: Vec<OrgId>,
        /// Tag der Vergabe, nach dem die Wege gezählt werden; heute, wenn nicht genannt
        #[arg(long, value_name = "JJJJ-MM-TT")]
        as_of: Option<String>,
        /// What the price depends on.
        #[command(flatten)]
        needs: PriceNeeds,
    },
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let Verb::Preview { for_org, offering, route, via, as_of, needs } = verb;
    let as_of = as_of.as_deref().map(names::day).transpose()?;
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let offering = names::offering_id(&mut client, &offering).await?;
    let (route, offering) = if via.is_empty() {
        let found = client.routes(&for_org, &offering, needs, (as_of, None)).await?;
        (chosen(&found, route)?, found.offering_id)
    } else {
        (Route::new(via)?, offering)
    };
    if route.buyer() != &for_org {
        return Err(Refusal::new(Reason::RouteInvalid).with("buyer", &for_org));
    }
    let parties = route.parties().iter().map(ToString::to_string).collect();
    let PriceNeeds { term_years, uses, target_group } = needs;
    let wanted = pb::PreviewPriceRequest { offering: None, route: parties, term_years, uses, target_group };
    let found = client.price(&offering, wanted).await?;
    global.out().one(&preview_value(&found, &route), &preview_text(&found, &route, global.out()))
}

fn preview_value(found: &pb::PreviewPriceResponse, route: &Route) -> Value {
    let tax = |tax: &pb::Tax| json!({"treatment": tax.treatment, "rate_basis_points": tax.rate_basis_points, "reason": tax.reason});
    let step = |step: &pb::PriceStep| {
        json!({
            "kind": step.kind, "text": step.text_de, "text_en": step.text_en, "key": step.key, "year": step.year,
            "source": step.source, "party": step.party, "weight": step.weight, "weight_sum": step.weight_sum,
            "share_basis_points": step.share_basis_points, "cents": step.amount_cents,
        })
    };
    let item = |item: &pb::PricedItem| {
        let component = item.component.clone().unwrap_or_default();
        json!({
            "item": component.item, "due": due_word(component.due), "cents": component.amount_cents,
            "contract_year": component.contract_year, "vat": component.vat, "tax": component.tax.as_ref().map(tax),
            "steps": item.steps.iter().map(step).collect::<Vec<_>>(),
            "shares": item.shares.iter().map(|share| json!({"party": share.party, "cents": share.amount_cents})).collect::<Vec<_>>(),
        })
    };
    json!({
        "offering_id": found.offering_id, "route": route, "term_years": found.term_years,
        "legs": found.legs.iter().map(|leg| json!({
            "org": leg.org, "statement_id": leg.statement_id, "published": !leg.statement_id.is_empty(),
            "cents": leg.total_cents, "items": leg.items.iter().map(item).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "total_cents": found.total_cents, "complete": found.complete, "gross_cents": found.gross_cents,
        "taxes": found.taxes.iter().map(|line| json!({
            "org": line.org, "tax": line.tax.as_ref().map(tax), "words": line.words, "net_cents": line.net_cents,
            "tax_cents": line.tax_cents,
        })).collect::<Vec<_>>(),
        "not_included": found.not_included, "source": found.source, "assumptions": found.assumptions,
    })
}

fn preview_text(found: &pb::PreviewPriceResponse, route: &Route, out: Output) -> String {
    let years = found.term_years;
    let mut lines = vec![
        format!("{} {route}", out.say("Preisvorschau für", "Price preview for")),
        format!("{}: {}", out.say("Angebot", "Offering"), found.offering_id),
        format!("{}: {years} {}", out.say("Laufzeit", "Term"), out.say("Jahre", "years")),
    ];
    for leg in &found.legs {
        lines.push(format!("\n{}  {}", leg.org, leg_source(leg, out)));
        for item in &leg.items {
            lines.extend(item_lines(item, out));
        }
        lines.push(format!("  {:>16}  {}", euros(leg.total_cents), out.say("über die Laufzeit", "over the term")));
    }
    let net = out.say("Summe netto über die Laufzeit", "Total net over the term");
    lines.push(format!("\n{net}: {}", euros(found.total_cents)));
    if !found.complete {
        lines.push(
            out.say(
                "! Unvollständig: nicht alle Beteiligten haben ihr Entgelt veröffentlicht.",
                "! Incomplete: not every party has published what it charges.",
            )
            .to_owned(),
        );
    }
    lines.extend(found.taxes.iter().map(|line| tax_line(line, out)));
    lines.push(match found.gross_cents {
        Some(gross) => format!("{}: {}", out.say("Summe brutto", "Total gross"), euros(gross)),
        None => out
            .say(
                "Summe brutto: nicht berechenbar, eine Steuerangabe fehlt.",
                "Total gross: cannot be computed, a tax statement is missing.",
            )
            .to_owned(),
    });
    for (title, texts) in [
        (out.say("Nicht enthalten", "Not included"), &found.not_included),
        (out.say("Annahmen", "Assumptions"), &found.assumptions),
    ] {
        if !texts.is_empty() {
            lines.push(format!("{title}:"));
            lines.extend(texts.iter().map(|text| format!("  - {text}")));
        }
    }
    lines.push(format!("{}: {}", out.say("Quelle", "Source"), found.source));
    lines.join("\n")
}

fn leg_source(leg: &pb::LegPrice, out: Output) -> String {
    if leg.statement_id.is_empty() {
        return out.say("(kein Entgelt veröffentlicht)", "(no tariff published)").to_owned();
    }
    format!("({} {})", out.say("Erklärung", "statement"), leg.statement_id)
}

fn item_lines(item: &pb::PricedItem, out: Output) -> Vec<String> {
    let Some(component) = &item.component else { return Vec::new() };
    let mut lines = vec![format!(
        "  {:>16}  {}, {}",
        euros(component.amount_cents),
        item_text(&component.item, out.lang),
        due_text(component, out.lang)
    )];
    let spoken =
        |step: &pb::PriceStep| if out.lang == Lang::De { step.text_de.clone() } else { step.text_en.clone() };
    lines.extend(item.steps.iter().map(|step| format!("{:20}{}", "", spoken(step))));
    if item.shares.len() > 1 {
        let shares = item.shares.iter().map(|share| {
            let party =
                share.party.parse::<Party>().map_or_else(|_| share.party.clone(), |party| party.text(out.lang));
            format!("{party} {}", euros(share.amount_cents))
        });
        let shares: Vec<String> = shares.collect();
        lines.push(format!("{:20}{}: {}", "", out.say("Verteilung", "Distribution"), shares.join("; ")));
    }
    lines
}

fn tax_line(line: &pb::TaxLine, out: Output) -> String {
    let treatment = match &line.tax {
        Some(tax) => {
            let rate = BasisPoints::try_from(tax.rate_basis_points).ok().filter(|rate| rate.get() > 0);
            let rate = rate.map(|rate| format!(" {}", percent(rate, out.lang))).unwrap_or_default();
            let word = match tax.treatment.as_str() {
                "taxed" => out.say("Umsatzsteuer", "value-added tax"),
                "exempt" => out.say("steuerfrei", "exempt"),
                "not-taxable" => out.say("nicht steuerbar", "not taxable"),
                _ => out.say("Steuerschuld beim Empfänger", "recipient owes the tax"),
            };
            format!("{word}{rate} ({})", tax.reason)
        }
        None if line.words.is_empty() => out.say("keine Angabe", "not stated").to_owned(),
        None => line.words.clone(),
    };
    let amount = line.tax_cents.map_or_else(|| out.say("nicht berechenbar", "unknown").to_owned(), euros);
    let tax = out.say("Umsatzsteuer", "Value-added tax");
    let on = out.say("auf", "on");
    format!("{tax} {}: {amount} {on} {}, {treatment}", line.org, euros(line.net_cents))
}
