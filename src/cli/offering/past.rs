//! `--as-of`: the catalogue as it was on a past day, and what that rests on.
use serde_json::Value;

use crate::cli::names;
use crate::cli::output::Output;
use crate::domain::reason::{Lang, Refusal};
use crate::domain::time::Timestamp;
use crate::wire::instant;
use crate::wire::pb::catalogue::v1 as pb;

/// What rows about a past day say besides.
const COLUMNS: [(&str, &str); 2] = [("Stand", "as_of"), ("bezeugt am", "witnessed_at")];

/// The day as people type it, as the node wants it; empty if none was asked for.
pub(super) fn typed(day: Option<&str>) -> Result<String, Refusal> {
    let day = day.map(names::day).transpose().map_err(|refusal| refusal.with("field", "as_of"))?;
    Ok(day.map(|day| day.to_string()).unwrap_or_default())
}

/// When witnesses had seen a version.
pub(super) fn seen(entry: &pb::OfferingEntry) -> Option<Timestamp> {
    entry.witnessed_at.as_ref().map(instant)
}

/// The columns of rows about now, or about a past day.
pub(super) fn columns<'a>(of_now: &[(&'a str, &'a str)], past: Option<&pb::PastDay>) -> Vec<(&'a str, &'a str)> {
    let more = if past.is_some() { &COLUMNS[..] } else { &[] };
    of_now.iter().chain(more).copied().collect()
}

/// A row with the day it is about and the time by which it was on offer then.
pub(super) fn with(
    mut cells: Vec<Value>,
    entry: &pb::OfferingEntry,
    past: Option<&pb::PastDay>,
    out: Output,
) -> Vec<Value> {
    if let Some(past) = past {
        cells.extend([past.day.as_str().into(), out.time(entry.witnessed_at.as_ref())]);
    }
    cells
}

/// What the day's answer rests on, for a person.
pub(super) fn remark(out: Output, past: Option<&pb::PastDay>) {
    let Some((day, from)) = past.and_then(|past| Some((&past.day, past.known_from.as_ref()?))) else { return };
    let from = instant(from).told(out.lang);
    out.talk(&match out.lang {
        Lang::De => format!(
            "Der Katalog vom {day}: jedes Angebot in der Fassung, die Zeugen bis zum Ende dieses Tages gesehen hatten. Dieser \
             Knoten kennt Zeugenzeiten seit {from}; was er erst später erfuhr, gilt als später gesehen."
        ),
        Lang::En => format!(
            "The catalogue of {day}: each offering in the version that witnesses had seen by the end of that day. This node \
             knows what they saw since {from}; what it learned of late counts as seen late."
        ),
    });
}
