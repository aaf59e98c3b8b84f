//! `verbund offering freeze`: a search kept in a file for the record, with price and route of each offering for one buyer and the
//! state of the logs by which it was answered.
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::grounds::weighed_for;
use crate::cli::output::{Format, Output};
use crate::domain::frozen_search::{FROZEN_MAX, FoundOffering, FrozenSearch};
use crate::domain::grounds::KnownLog;
use crate::domain::id::{OrgId, shortened};
use crate::domain::money::Cents;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::wire::instant;
use crate::wire::pb::catalogue::v1 as pb;

/// What is searched for, and where it is kept.
#[derive(clap::Args)]
pub struct Wish {
    /// Suchwörter
    query: Vec<String>,
    /// Für welche Kommune
    #[arg(long = "for", value_name = "ORG")]
    for_org: OrgId,
    /// Eingrenzen, z. B. portal=IKISS; mehrmals möglich (Merkmale: offering search --facets)
    #[arg(long = "only", value_name = "MERKMAL=WERT")]
    only: Vec<String>,
    /// Datei für die Auswahl
    #[arg(long, value_name = "DATEI")]
    file: PathBuf,
}

/// Searches, weighs what was found, and writes it down.
pub(super) async fn run(client: &mut Client, out: Output, wish: Wish) -> Result<(), Refusal> {
    let narrow = wish.only.iter().map(|only| super::search::narrowed(only)).collect::<Result<Vec<_>, _>>()?;
    let query = wish.query.join(" ");
    let answer = client.search_with_state(&query, &wish.for_org, narrow, FROZEN_MAX).await?;
    let missing = || Refusal::new(Reason::EvidenceMissing).with("field", "state");
    let state = answer.state.ok_or_else(missing)?;
    let mut offerings = Vec::new();
    for entry in answer.results.into_iter().filter_map(|result| result.entry) {
        offerings.push(found(client, &wish.for_org, entry).await?);
    }
    if offerings.is_empty() {
        return Err(Refusal::new(Reason::OfferingUnknown).with("name", shortened(&query)));
    }
    let known = state.known.into_iter().map(known).collect::<Result<Vec<_>, _>>()?;
    let frozen = FrozenSearch {
        for_org: wish.for_org,
        query,
        node: state.node.parse()?,
        frozen_at: state.answered_at.as_ref().map(instant).ok_or_else(missing)?,
        filters: wish.only,
        found: u32::try_from(answer.total_size).unwrap_or(0),
        known,
        offerings,
    };
    write(&wish.file, &frozen)?;
    show(out, &wish.file, &frozen)
}

async fn found(client: &mut Client, org: &OrgId, entry: pb::OfferingEntry) -> Result<FoundOffering, Refusal> {
    let (against, total) = weighed_for(client, org, &entry.id).await?;
    let offering = entry.offering.unwrap_or_default();
    Ok(FoundOffering {
        offering: entry.id.parse()?,
        seller: offering.seller.parse()?,
        name: offering.name.parse()?,
        title: offering.title,
        against,
        total,
    })
}

fn known(known: pb::KnownLog) -> Result<KnownLog, Refusal> {
    Ok(KnownLog { log: known.log.parse()?, size: known.size, root: known.root.parse()? })
}

/// Never over another one: what was compared for an order must not be lost for the next.
fn write(file: &Path, frozen: &FrozenSearch) -> Result<(), Refusal> {
    let text = serde_json::to_string_pretty(frozen).expect("a frozen search is plain data");
    let refuse = |error: io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Refusal::new(Reason::FileExists).with("file", file.display()),
        _ => Refusal::new(Reason::FileUnwritable).with("file", file.display()).with("problem", error),
    };
    let mut made = File::create_new(file).map_err(refuse)?;
    made.write_all((text + "\n").as_bytes()).map_err(refuse)
}

fn show(out: Output, file: &Path, frozen: &FrozenSearch) -> Result<(), Refusal> {
    let row = |one: &FoundOffering| -> Vec<Value> {
        let against = match (&one.against, out.format) {
            (Some(word), Format::Table) => {
                Reason::from_code(word).map_or(word.as_str(), |reason| reason.text(out.lang)).into()
            }
            (word, _) => word.as_deref().into(),
        };
        let total = match (one.total, out.format) {
            (Some(total), Format::Table) => total.text(out.lang).into(),
            (None, Format::Table) => out.say("unbekannt", "unknown").into(),
            (total, _) => total.map(Cents::get).into(),
        };
        let called = format!("{}/{}", one.seller, one.name);
        let id = one.offering.to_string();
        vec![out.short(&id).into(), called.into(), one.title.as_str().into(), total, against]
    };
    let rows: Vec<Vec<Value>> = frozen.offerings.iter().map(row).collect();
    let [when, of] = [frozen.frozen_at.told(out.lang), frozen.found.to_string()];
    let told = match out.lang {
        Lang::De => format!("Festgehalten: {} von {of} Angeboten, Stand {when}.", rows.len()),
        Lang::En => format!("Frozen: {} of {of} offerings, as of {when}.", rows.len()),
    };
    out.talk(&told);
    let next = out.say("Bestellen mit", "Order with");
    out.talk(&format!("{next} `verbund order submit --selection {} --offering …`", file.display()));
    let columns = [
        ("Kennung", "id"),
        ("Angebot", "offering"),
        ("Titel", "title"),
        ("Preis netto", "total_cents"),
        ("Dagegen spricht", "against"),
    ];
    out.rows(&columns, &rows)
}
