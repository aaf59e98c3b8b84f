//! `verbund offering`: finding, reading, publishing and withdrawing offerings.
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::feed::Following;
use crate::cli::names;
use crate::cli::options::Global;
use crate::cli::output::Output;
use crate::config::offerings::read_offering;
use crate::domain::connection::ConnectionReport;
use crate::domain::id::OrgId;
use crate::domain::money::Cents;
use crate::domain::offering::Withdrawal;
use crate::domain::price::{CostItem, Due};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::wire::pb::catalogue::v1 as pb;

mod feed;
mod fitting;
pub mod freeze;
mod past;
mod review;
mod search;

/// How often, and how far apart, a publication is looked at until enough witnesses have cosigned: three seconds in all,
/// within which a federation that is well has answered.
const WITNESS_LOOKS: u32 = 30;
const WITNESS_PAUSE: Duration = Duration::from_millis(100);

/// What to do with offerings.
#[derive(Subcommand)]
pub enum Verb {
    /// Alle Angebote
    List {
        /// Nur dieses Themenfeld
        #[arg(long, default_value = "")]
        topic: String,
        /// Nur Angebote, die dieses Land entwickelt (Kurzform, z. B. SH)
        #[arg(long, default_value = "")]
        land: String,
        /// Nur von diesem Anbieter
        #[arg(long, default_value = "")]
        seller: String,
        /// Nur die der eigenen Organisation
        #[arg(long, conflicts_with = "seller")]
        mine: bool,
        /// Nur Angebote für dieses Gebiet (Regionalschlüssel)
        #[arg(long, default_value = "")]
        area: String,
        /// Wie der Katalog am Ende dieses Tages war, nach dem, was Zeugen bis dahin gesehen hatten
        #[arg(long, value_name = "JJJJ-MM-TT")]
        as_of: Option<String>,
    },
    /// Zusehen, was sich an den Angeboten ändert: veröffentlicht, neue Fassung, zurückgezogen, ausgesetzt
    Watch {
        /// Nur von diesem Anbieter
        #[arg(long)]
        seller: Option<OrgId>,
        /// From where on.
        #[command(flatten)]
        following: Following,
    },
    /// Ein Angebot mit Unterschrift
    Get {
        /// Kennung oder ANBIETER/NAME
        offering: String,
    },
    /// Angebote suchen
    Search {
        /// Suchwörter
        query: Vec<String>,
        /// Für welche Kommune
        #[arg(long = "for", value_name = "ORG")]
        for_org: Option<OrgId>,
        /// Eingrenzen, z. B. topic=Umwelt; mehrmals möglich (Merkmale: --facets)
        #[arg(long = "only", value_name = "MERKMAL=WERT")]
        only: Vec<String>,
        /// Statt der Treffer zeigen, wonach sie sich eingrenzen lassen
        #[arg(long)]
        facets: bool,
        /// Wie der Katalog am Ende dieses Tages war, nach dem, was Zeugen bis dahin gesehen hatten
        #[arg(long, value_name = "JJJJ-MM-TT")]
        as_of: Option<String>,
    },
    /// Eine Suche für den Vergabevermerk festhalten: was gefunden wurde, zu welchem Preis und Stand (Auswahl)
    Freeze(freeze::Wish),
    /// Was zu einer Kommune passt, das Passendste zuerst (Vorsortierung)
    For {
        /// Die Kommune
        org: OrgId,
        /// Suchwörter; ohne sie wird alles sortiert
        query: Vec<String>,
        /// Eingrenzen, z. B. portal=IKISS; mehrmals möglich (Merkmale: offering search --facets)
        #[arg(long = "only", value_name = "MERKMAL=WERT")]
        only: Vec<String>,
        /// Warum diese Reihenfolge: jeden Punkt mit seinem Grund zeigen
        #[arg(long)]
        why: bool,
        /// So viele Angebote zeigen
        #[arg(long, value_name = "ANZAHL", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Berichten, ob sich ein Angebot an ein Portal anbinden ließ (Anbindungsbericht)
    Report {
        /// Kennung oder ANBIETER/NAME
        offering: String,
        /// Das Portal
        #[arg(long, value_name = "PORTAL")]
        portal: String,
        /// Ergebnis: passed (bestanden), partly (teilweise), failed (gescheitert)
        #[arg(long, value_name = "ERGEBNIS")]
        outcome: String,
        /// Was sich zeigte, in Worten
        #[arg(long, value_name = "TEXT")]
        result: String,
        /// Tag des Versuchs; heute, wenn nicht genannt
        #[arg(long, value_name = "JJJJ-MM-TT")]
        on: Option<String>,
        /// Woher das bekannt ist; „eigener Versuch“, wenn nicht genannt
        #[arg(long, value_name = "TEXT", default_value = "eigener Versuch")]
        source: String,
    },
    /// Angebotsdateien prüfen, bevor etwas veröffentlicht wird: alle Fehler auf einmal, mit Zeile und Feld
    Validate {
        /// Angebote (TOML)
        #[arg(required = true, value_name = "DATEI")]
        files: Vec<PathBuf>,
    },
    /// Zeigen, was eine Fassung an einer anderen ändert
    Diff {
        /// Die frühere Fassung: Datei (TOML), Kennung oder ANBIETER/NAME
        #[arg(value_name = "VORHER")]
        former: String,
        /// Die spätere Fassung, ebenso
        #[arg(value_name = "NACHHER")]
        latter: String,
    },
    /// Ein Angebot aus einer Datei unterschreiben und veröffentlichen
    Publish {
        /// Angebot (TOML)
        file: PathBuf,
    },
    /// Ein Angebot zurückziehen
    Withdraw {
        /// Kennung oder ANBIETER/NAME
        offering: String,
        /// Warum
        #[arg(long)]
        reason: String,
    },
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<ExitCode, Refusal> {
    let connect = || Client::connect(global, Duration::from_secs(global.timeout));
    match verb {
        Verb::Validate { files } => return review::validate(global, &files),
        Verb::Diff { former, latter } => review::diff(global, &former, &latter).await,
        Verb::List { topic, land, seller, mine, area, as_of } => {
            let as_of = past::typed(as_of.as_deref())?;
            let filter = pb::ListOfferingsRequest { topic, land, seller, area, as_of, ..Default::default() };
            list(global, &mut connect()?, filter, mine).await
        }
        Verb::Watch { seller, following } => feed::offerings(&mut connect()?, global.out(), following, seller).await,
        Verb::Get { offering } => get(global, &mut connect()?, &offering).await,
        Verb::Search { query, for_org, only, facets, as_of } => {
            let as_of = past::typed(as_of.as_deref())?;
            let mut client = connect()?;
            let wish = search::Wish { query: query.join(" "), for_org, only, facets, as_of };
            search::run(global, &mut client, &wish, &search::Table { columns: &COLUMNS, row }).await
        }
        Verb::Freeze(wish) => freeze::run(&mut connect()?, global.out(), wish).await,
        Verb::For { org, query, only, why, limit } => {
            let mut client = connect()?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let wish = fitting::Wish { org, query: query.join(" "), only, why, limit };
            fitting::run(global, &mut client, &wish).await
        }
        Verb::Report { offering, portal, outcome, result, on, source } => {
            let mut client = connect()?;
            let found = names::offering(&mut client, &offering).await?;
            let id = found.entry.map(|entry| entry.id).unwrap_or_default();
            let officer = client.officer()?;
            let body = ConnectionReport {
                municipality: officer.org.clone(),
                portal,
                offering: Some(id.parse()?),
                outcome: Some(fitting::outcome(&outcome)?),
                result,
                reported_on: on.as_deref().map_or_else(|| Ok(SystemClock.now().date()), names::day)?,
                source,
            };
            let signed = Signed::sign(&Kind::ConnectionReport, &body, &[&officer.key]);
            publish(global, &mut client, &signed).await
        }
        Verb::Publish { file } => {
            let offering = read_offering(&file)?;
            let mut client = connect()?;
            let officer = client.officer()?;
            let signed = Signed::sign(&Kind::Offering, &offering, &[&officer.key]);
            publish(global, &mut client, &signed).await
        }
        Verb::Withdraw { offering, reason } => {
            let mut client = connect()?;
            let found = names::offering(&mut client, &offering).await?;
            let found = found.entry.and_then(|entry| entry.offering).unwrap_or_default();
            let (seller, name) = (found.seller.parse()?, found.name.parse()?);
            let body = Withdrawal { seller, name, version: found.version, reason };
            let signed = Signed::sign(&Kind::Withdrawal, &body, &[&client.officer()?.key]);
            publish(global, &mut client, &signed).await
        }
    }
    .map(|()| ExitCode::SUCCESS)
}

async fn list(
    global: &Global,
    client: &mut Client,
    mut filter: pb::ListOfferingsRequest,
    mine: bool,
) -> Result<(), Refusal> {
    if mine {
        let missing = || Refusal::new(Reason::UsageInvalid).with("missing", "--org, --profile");
        filter.seller = client.org.as_ref().ok_or_else(missing)?.to_string();
    }
    let seller = (!filter.seller.is_empty()).then(|| filter.seller.parse()).transpose()?;
    let (offerings, past) = client.list_offerings(filter).await?;
    if let (true, Some(seller)) = (offerings.is_empty(), &seller) {
        names::check_org(client, seller).await?;
    }
    let out = global.out();
    past::remark(out, past.as_ref());
    let shown = |entry: &pb::OfferingEntry| Some(past::with(row(entry, out)?, entry, past.as_ref(), out));
    let rows: Vec<Vec<Value>> = offerings.iter().filter_map(shown).collect();
    out.rows(&past::columns(&COLUMNS, past.as_ref()), &rows)
}

async fn get(global: &Global, client: &mut Client, which: &str) -> Result<(), Refusal> {
    let found = names::offering(client, which).await?;
    let mut value = entry_value(found.entry.as_ref(), found.withdrawn);
    let id = found.entry.map(|entry| entry.id).unwrap_or_default();
    let witnesses = client.witnesses(&id).await?;
    value["witnesses"] = witnesses.value();
    let out = global.out();
    let text = format!("{}\n{}: {}", entry_text(&value, global), out.say("Zeugen", "Witnesses"), witnesses.text(out));
    out.one(&value, &text)
}

/// Hands a public statement in and waits for its witnesses.
pub async fn publish(global: &Global, client: &mut Client, signed: &Signed) -> Result<(), Refusal> {
    let done = client.publish(signed).await?;
    let mut witnesses = client.witnesses(&done.statement_id).await?;
    let mut looks = WITNESS_LOOKS;
    while !witnesses.are_enough() && looks > 0 {
        tokio::time::sleep(WITNESS_PAUSE).await;
        looks -= 1;
        witnesses = client.witnesses(&done.statement_id).await?;
    }
    let out = global.out();
    let value = json!({
        "statement_id": done.statement_id, "log_origin": done.log_origin, "log_index": done.log_index,
        "witnesses": witnesses.value(),
    });
    let text = format!(
        "{} {} ({} {})\n{}: {}",
        out.say("Veröffentlicht:", "Published:"),
        done.statement_id,
        done.log_origin,
        done.log_index,
        out.say("Zeugen", "Witnesses"),
        witnesses.text(out)
    );
    out.one(&value, &text)
}

const COLUMNS: [(&str, &str); 8] = [
    ("Angebot", "offering"),
    ("Titel", "title"),
    ("Themenfeld", "topic"),
    ("Einmalig", "once"),
    ("Je Jahr", "per_year"),
    ("EfA", "efa_confirmed"),
    ("bezeugt", "witnessed"),
    ("Kennung", "id"),
];

fn row(entry: &pb::OfferingEntry, out: Output) -> Option<Vec<Value>> {
    let offering = entry.offering.as_ref()?;
    let sum = |due: pb::Due| {
        let parts = offering.price.iter().filter(|part| part.due == i32::from(due));
        euros(parts.map(|part| part.amount_cents).sum())
    };
    Some(vec![
        format!("{}/{}", offering.seller, offering.name).into(),
        offering.title.clone().into(),
        offering.topic.clone().into(),
        sum(pb::Due::Once).into(),
        sum(pb::Due::PerYear).into(),
        offering.efa_confirmed.into(),
        entry.witnessed.into(),
        out.id(&entry.id),
    ])
}

/// Cents as people write them.
pub fn euros(cents: i64) -> String {
    Cents::try_from(cents).map_or_else(|_| cents.to_string(), |cents| cents.to_string())
}

/// The word for how often an item falls due.
pub fn due_word(due: i32) -> &'static str {
    match pb::Due::try_from(due) {
        Ok(pb::Due::Once) => "once",
        Ok(pb::Due::PerUse) => "per-use",
        _ => "per-year",
    }
}

/// The words for how often an item falls due.
pub fn due_text(component: &pb::PriceComponent, lang: Lang) -> String {
    let due = match pb::Due::try_from(component.due) {
        Ok(pb::Due::Once) => Due::Once,
        Ok(pb::Due::PerUse) => Due::PerUse,
        _ => Due::PerYear,
    };
    due.text(Some(component.contract_year).filter(|year| *year > 0), lang)
}

/// The words for an item; a word this version does not know stays as it is.
pub fn item_text(word: &str, lang: Lang) -> String {
    let known = CostItem::ALL.into_iter().find(|item| item.word() == word);
    known.map_or_else(|| word.to_owned(), |item| item.text(lang).to_owned())
}

/// An offering as JSON.
pub fn entry_value(entry: Option<&pb::OfferingEntry>, withdrawn: bool) -> Value {
    let Some((entry, offering)) = entry.and_then(|entry| Some((entry, entry.offering.as_ref()?))) else {
        return Value::Null;
    };
    json!({
        "id": entry.id, "seller": offering.seller, "name": offering.name, "version": offering.version,
        "title": offering.title, "description": offering.description, "topic": offering.topic,
        "leika_keys": offering.leika_keys, "ozg_id": offering.ozg_id, "lead_land": offering.lead_land,
        "efa_confirmed": offering.efa_confirmed, "coverage": offering.coverage,
        "portals": offering.portals, "connections": offering.connections,
        "price": offering.price.iter().map(|part| json!({
            "item": part.item, "due": due_word(part.due), "cents": part.amount_cents, "vat": part.vat,
            "depends": part.depends,
        })).collect::<Vec<_>>(),
        "not_included": offering.not_included, "term_years_min": offering.term_years_min,
        "valid_from": offering.valid_from, "valid_to": offering.valid_to,
        "source": offering.source, "assumptions": offering.assumptions,
        "log_origin": entry.log_origin, "log_index": entry.log_index, "witnessed": entry.witnessed,
        "witnessed_at": past::seen(entry).map(|at| at.to_string()),
        "withdrawn": withdrawn,
    })
}

fn entry_text(value: &Value, global: &Global) -> String {
    let out = global.out();
    let text = |name: &str| match &value[name] {
        // A further line of a stranger's text is set in, so that it cannot pass for one of ours.
        Value::String(text) => text.replace('\n', "\n    "),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        Value::Bool(yes) => out.say(if *yes { "ja" } else { "nein" }, if *yes { "yes" } else { "no" }).to_owned(),
        other => other.to_string(),
    };
    let mut lines = vec![
        format!(
            "{}  ({}/{} {} {})",
            text("title"),
            text("seller"),
            text("name"),
            out.say("Fassung", "version"),
            value["version"]
        ),
        text("description"),
        format!("LeiKa: {}   OZG: {}   {}", text("leika_keys"), text("ozg_id"), text("topic")),
    ];
    for part in value["price"].as_array().into_iter().flatten() {
        let due = match part["due"].as_str() {
            Some("once") => out.say("einmalig", "once"),
            Some("per-use") => out.say("je Nutzung", "per use"),
            _ => out.say("je Jahr", "per year"),
        };
        let depends = match part["depends"].as_bool() {
            Some(true) => out.say(
                " (hängt vom Besteller ab: `verbund price preview`)",
                " (depends on the buyer: `verbund price preview`)",
            ),
            _ => "",
        };
        let item = item_text(part["item"].as_str().unwrap_or_default(), out.lang);
        lines.push(format!("  {:>16}  {due}  {item}{depends}", euros(part["cents"].as_i64().unwrap_or(0))));
    }
    for (de, en, name) in [
        ("Nicht enthalten", "Not included", "not_included"),
        ("Annahmen", "Assumptions", "assumptions"),
        ("Quelle", "Source", "source"),
        ("Kennung", "Id", "id"),
        ("Protokoll", "Log", "log_origin"),
        ("Bezeugt", "Witnessed", "witnessed"),
        ("Zurückgezogen", "Withdrawn", "withdrawn"),
    ] {
        lines.push(format!("{}: {}", out.say(de, en), text(name)));
    }
    lines.join("\n")
}
