//! `verbund offering search`: results, what else could have been meant, and by what to narrow them.
use serde_json::Value;

use super::past;
use crate::cli::client::Client;
use crate::cli::options::Global;
use crate::cli::output::{Format, Output};
use crate::domain::fit::Way;
use crate::domain::id::OrgId;
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::wire::pb::catalogue::v1 as pb;

/// Most topics named after a search that found nothing.
const TOPICS_SHOWN: usize = 8;

/// What is searched for.
pub(super) struct Wish {
    pub(super) query: String,
    pub(super) for_org: Option<OrgId>,
    pub(super) only: Vec<String>,
    pub(super) facets: bool,
    /// The past day asked for; empty for now.
    pub(super) as_of: String,
}

/// How offerings are shown: their columns, and the cells of one.
pub(super) struct Table<'a> {
    pub(super) columns: &'a [(&'a str, &'a str)],
    pub(super) row: fn(&pb::OfferingEntry, Output) -> Option<Vec<Value>>,
}

/// What only whoever is named wants to know.
const OWN: [(&str, &str); 3] = [("deckt ab", "covers"), ("Für Sie", "total_cents"), ("Weg", "way")];

/// Programs find the same columns whoever asks; what it cost on a past day, and by which way, nobody is told.
fn own_columns(wish: &Wish, out: Output) -> usize {
    match (&wish.for_org, out.format) {
        (None, Format::Table) => 0,
        (Some(_), Format::Table) if !wish.as_of.is_empty() => 1,
        _ => OWN.len(),
    }
}

/// Searches and shows.
pub(super) async fn run(global: &Global, client: &mut Client, wish: &Wish, table: &Table<'_>) -> Result<(), Refusal> {
    let narrow = wish.only.iter().map(|only| narrowed(only)).collect::<Result<Vec<_>, _>>()?;
    let is_narrowed = !narrow.is_empty();
    let found = client.search_narrowed(&wish.query, wish.for_org.as_ref(), narrow, &wish.as_of).await?;
    let out = global.out();
    remark(&out, wish, &found);
    past::remark(out, found.as_of.as_ref());
    if found.results.is_empty() {
        let all = client.search_narrowed("", wish.for_org.as_ref(), Vec::new(), &wish.as_of).await?;
        out.talk(&nothing(&out, &found, &all, is_narrowed));
    }
    if wish.facets {
        let rows: Vec<Vec<Value>> = found.facets.iter().map(facet_row).collect();
        return out.rows(&[("Merkmal", "facet"), ("Wert", "value"), ("Angebote", "count")], &rows);
    }
    let past = found.as_of.as_ref();
    let shown = |result: &pb::SearchResult| {
        Some(past::with(result_row(result, wish, table, out)?, result.entry.as_ref()?, past, out))
    };
    let rows: Vec<Vec<Value>> = found.results.iter().filter_map(shown).collect();
    let mut columns = table.columns.to_vec();
    columns.extend(&OWN[..own_columns(wish, out)]);
    out.rows(&past::columns(&columns, past), &rows)
}

/// A facet and its value, as typed.
pub(super) fn narrowed(only: &str) -> Result<pb::FacetValues, Refusal> {
    let (facet, value) =
        only.split_once('=').ok_or_else(|| Refusal::new(Reason::UsageInvalid).with("expected", "MERKMAL=WERT"))?;
    Ok(pb::FacetValues { facet: facet.trim().to_owned(), values: vec![value.trim().to_owned()] })
}

fn result_row(result: &pb::SearchResult, wish: &Wish, table: &Table<'_>, out: Output) -> Option<Vec<Value>> {
    let mut cells = (table.row)(result.entry.as_ref()?, out)?;
    cells.extend(own(result, wish, out).into_iter().take(own_columns(wish, out)));
    Some(cells)
}

/// What it is to whoever is named: in words for people, as it came for programs.
fn own(result: &pb::SearchResult, wish: &Wish, out: Output) -> [Value; 3] {
    match (&wish.for_org, out.format) {
        (None, _) => [Value::Null, Value::Null, Value::Null],
        (Some(_), Format::Table) => {
            let cents = result.total_cents.and_then(|cents| Cents::try_from(cents).ok());
            let price =
                cents.map_or_else(|| out.say("unbekannt", "unknown").to_owned(), |cents| cents.text(out.lang));
            let way = Way::of_word(&result.way).map_or(result.way.as_str(), |way| way.text(out.lang));
            [result.covers.into(), price.into(), way.into()]
        }
        (Some(_), _) => [result.covers.into(), result.total_cents.into(), result.way.as_str().into()],
    }
}

fn facet_row(count: &pb::FacetCount) -> Vec<Value> {
    vec![count.facet.clone().into(), count.value.clone().into(), count.count.into()]
}

/// What a reader must know to judge the results.
fn remark(out: &Output, wish: &Wish, found: &pb::SearchOfferingsResponse) {
    if found.is_everything && !wish.query.trim().is_empty() {
        out.talk(out.say(
            "Die Frage enthält kein Wort, nach dem sich suchen lässt; gezeigt wird alles.",
            "The question has no word to search for; everything is shown.",
        ));
    }
    if !found.did_you_mean.is_empty() {
        let meant = out.say("Meinten Sie:", "Did you mean:");
        out.talk(&format!("{meant} {}", found.did_you_mean));
    }
    if !found.has_all_words && !found.results.is_empty() {
        let some = out.say(
            "Kein Angebot hat alle Wörter der Frage; gezeigt wird, was am nächsten kommt.",
            "No offering has all words of the question; what comes closest is shown.",
        );
        out.talk(some);
    }
    if found.left_out > 0 {
        let left = out.say("Angebote, die der Index nicht mehr fasst:", "Offerings the index has no room for:");
        out.talk(&format!("{left} {}", found.left_out));
    }
}

/// What to do when nothing was found.
fn nothing(
    out: &Output,
    found: &pb::SearchOfferingsResponse,
    all: &pb::SearchOfferingsResponse,
    is_narrowed: bool,
) -> String {
    let mut text = if found.unknown_words.is_empty() {
        out.say("Nichts gefunden.", "Nothing found.").to_owned()
    } else {
        let unknown = out.say("Kein Angebot kennt:", "No offering knows:");
        format!("{unknown} {}.", found.unknown_words.join(", "))
    };
    if is_narrowed {
        text += out.say(" Ohne --only wird mehr gefunden.", " More is found without --only.");
    }
    let topics: Vec<String> = all
        .facets
        .iter()
        .filter(|count| count.facet == "topic")
        .take(TOPICS_SHOWN)
        .map(|count| format!("{} ({})", count.value, count.count))
        .collect();
    if !topics.is_empty() {
        let title = out.say(
            "Themenfelder im Katalog (`verbund offering list --topic THEMENFELD`):",
            "Topics in the catalogue (`verbund offering list --topic TOPIC`):",
        );
        text += &format!("\n{title} {}", topics.join(", "));
    }
    text
}
