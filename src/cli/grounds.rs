//! What goes into a request for the record: the officer's words, and the other offerings of the same services as the
//! node shows them. Must never keep an offering from being ordered.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::client::Client;
use crate::cli::ids;
use crate::cli::options::PriceNeeds;
use crate::cli::output::Output;
use crate::domain::annex::{QUERY_CHARS_MAX, Texts};
use crate::domain::frozen_search::{FoundOffering, FrozenSearch};
use crate::domain::grounds::{ALTERNATIVES_MAX, Grounds, OtherOffering, Why};
use crate::domain::id::{OrgId, ShortId, StatementId, shortened};
use crate::domain::money::Cents;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::text::tamed;
use crate::domain::time::Date;
use crate::wire::chain::weighed;
use crate::wire::pb::catalogue::v1::OfferingEntry;

/// Most services of an offering whose other offerings are looked for: offerings bundle a handful.
const SERVICES_MAX: usize = 5;

/// Largest file with a frozen search: many times what its longest texts take.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// What the officer says for the record.
#[derive(clap::Args, Clone, Default)]
pub struct ForRecord {
    /// Für den Vergabevermerk: Kennung des veröffentlichten Bedarfs (`verbund need publish`)
    #[arg(long, value_name = "KENNUNG")]
    pub need: Option<ShortId>,
    /// Für den Vergabevermerk: wofür die Leistung gebraucht wird
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub purpose: String,
    /// Für den Vergabevermerk: warum dieses Angebot und dieser Weg
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub choice: String,
    /// Für den Vergabevermerk: die festgehaltene Auswahl (`verbund offering freeze`)
    #[arg(long, value_name = "DATEI")]
    pub selection: Option<PathBuf>,
    /// Warum ein Angebot der Auswahl nicht genommen wird, wo Preis und Weg es nicht sagen; mehrmals möglich. Gründe: price
    /// (Preis), fit (Eignung), term (Laufzeit, Bedingungen), route (Weg), other (anderer, siehe --choice)
    #[arg(long, value_name = "ANGEBOT=GRUND", requires = "selection")]
    pub why: Vec<String>,
}

/// The officer's words together with what else is on offer.
pub async fn gather(
    client: &mut Client,
    buyer: &OrgId,
    offering: &str,
    (needs, as_of): (PriceNeeds, Option<Date>),
    ForRecord { need, purpose, choice, selection, why }: ForRecord,
) -> Result<(Grounds, Texts), Refusal> {
    let need = match need {
        Some(called) => Some(ids::statement(client, Some(&Kind::Need), &called).await?),
        None => None,
    };
    if let Some(file) = selection {
        let frozen = read_frozen(&file)?;
        let said = why.iter().map(|text| said_of(&frozen, text)).collect::<Result<BTreeMap<_, _>, _>>()?;
        let of = |found: &FoundOffering| said.get(&found.offering).copied();
        let (selection, alternatives) = frozen.choose(buyer, &offering.parse()?, of)?;
        let words = Texts { purpose, choice, query: tamed(&frozen.query, QUERY_CHARS_MAX), ..Texts::default() };
        return Ok((Grounds { need, searched: true, alternatives, selection: Some(selection) }, words));
    }
    let mut alternatives = Vec::new();
    for entry in others(client, buyer, offering).await? {
        let title = entry.offering.as_ref().map(|offering| offering.title.clone()).unwrap_or_default();
        let seller: OrgId = entry.offering.map(|offering| offering.seller).unwrap_or_default().parse()?;
        let (against, total) = weighed_on(client, buyer, &entry.id, (needs, as_of)).await?;
        alternatives.push(OtherOffering { offering: entry.id.parse()?, seller, title, against, total, why: None });
    }
    let words = Texts { purpose, choice, ..Texts::default() };
    Ok((Grounds { need, searched: true, alternatives, selection: None }, words))
}

/// What a request says of its frozen search, line by line; nothing if it has none.
pub fn selection_lines(grounds: &Grounds, out: Output) -> Vec<String> {
    let Some(selection) = &grounds.selection else { return Vec::new() };
    let (when, found, place) = (selection.frozen_at.told(out.lang), selection.found, selection.place);
    let node = &selection.node;
    let head = match out.lang {
        Lang::De => format!("festgehalten {when} ({node}): {found} gefunden, gewählt das {place}."),
        Lang::En => format!("frozen {when} ({node}): {found} found, taken number {place}"),
    };
    let not_taken = out.say("nicht gewählt", "not taken");
    let why = |other: &OtherOffering| other.why.map_or("", |why| why.text(out.lang));
    let others = grounds.alternatives.iter();
    let told = others
        .flat_map(|other| [format!("{not_taken}: {} ({})", other.title, other.seller), format!("  {}", why(other))]);
    std::iter::once(head).chain(told).collect()
}

/// A frozen search from its file.
fn read_frozen(file: &Path) -> Result<FrozenSearch, Refusal> {
    let refuse =
        |problem: String| Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", problem);
    let size = std::fs::metadata(file).map_err(|error| refuse(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(refuse("too large".to_owned()).with("bytes", size).with("bytes_max", FILE_BYTES_MAX));
    }
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))
}

/// Which offering of the search an officer speaks of, and why it is not taken: `SELLER/NAME=why` or `ID=why`.
fn said_of(frozen: &FrozenSearch, text: &str) -> Result<(StatementId, Why), Refusal> {
    let (called, why) =
        text.split_once('=').ok_or_else(|| Refusal::new(Reason::UsageInvalid).with("expected", "ANGEBOT=GRUND"))?;
    let words = Why::ALL.map(Why::word).join(", ");
    let unknown = || Refusal::new(Reason::FieldInvalid).with("field", "why").with("must_be", words);
    let why = Why::of_word(why.trim()).ok_or_else(unknown)?;
    let is_meant = |found: &&FoundOffering| format!("{}/{}", found.seller, found.name) == called.trim();
    if let Some(found) = frozen.offerings.iter().find(is_meant) {
        return Ok((found.offering, why));
    }
    let ids: Vec<String> = frozen.offerings.iter().map(|found| found.offering.to_string()).collect();
    let named: Option<ShortId> = called.trim().parse().ok();
    let strange = || Refusal::new(Reason::OfferingUnknown).with("name", shortened(called));
    let id = ids::among(&named.ok_or_else(strange)?, ids.iter().map(String::as_str))?;
    if frozen.offerings.iter().any(|found| found.offering == id) { Ok((id, why)) } else { Err(strange()) }
}

/// The same on the usual terms.
pub async fn weighed_for(
    client: &mut Client,
    buyer: &OrgId,
    offering: &str,
) -> Result<(Option<String>, Option<Cents>), Refusal> {
    weighed_on(client, buyer, offering, (PriceNeeds::default(), None)).await
}

/// What stands against an offering for a buyer, and what it costs along its best route.
async fn weighed_on(
    client: &mut Client,
    buyer: &OrgId,
    offering: &str,
    (needs, as_of): (PriceNeeds, Option<Date>),
) -> Result<(Option<String>, Option<Cents>), Refusal> {
    weighed(client.routes(buyer, offering, needs, (as_of, None)).await)
}

/// Other offerings of the same services, by their keys; those that cover the buyer's area first.
async fn others(client: &mut Client, buyer: &OrgId, offering: &str) -> Result<Vec<OfferingEntry>, Refusal> {
    let chosen = client.get_offering(offering).await?.entry.unwrap_or_default();
    let services = chosen.offering.map(|offering| offering.leika_keys).unwrap_or_default();
    let (mut seen, mut found) = (BTreeSet::from([chosen.id]), Vec::new());
    for service in services.iter().take(SERVICES_MAX) {
        let results = client.search(service, Some(buyer)).await?.results;
        let same = results
            .into_iter()
            .filter_map(|result| result.entry)
            .filter(|entry| entry.offering.as_ref().is_some_and(|offering| offering.leika_keys.contains(service)));
        found.extend(same.filter(|entry| seen.insert(entry.id.clone())));
    }
    found.truncate(ALTERNATIVES_MAX);
    Ok(found)
}
