//! `verbund offering validate|diff`: everything wrong with a file before it is published, and what a version changes.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::cli::client::Client;
use crate::cli::names;
use crate::cli::options::Global;
use crate::cli::output::Output;
use crate::config::document::line_of;
use crate::config::offerings::{faults, read_offering};
use crate::domain::body::Body;
use crate::domain::id::StatementId;
use crate::domain::json::shown;
use crate::domain::reason::{Class, Reason, Refusal};
use crate::usage::refusal::error_text;

/// Tells everything that is wrong with each of the files. The exit code says whether all can be published.
pub fn validate(global: &Global, files: &[PathBuf]) -> Result<ExitCode, Refusal> {
    let (out, mut told, mut lines) = (global.out(), Vec::new(), Vec::new());
    for file in files {
        // A file that cannot be read says nothing about the others.
        let found = faults(file).unwrap_or_else(|refusal| vec![refusal]);
        lines.push(match found.is_empty() {
            true => format!("{}: {}", file.display(), out.say("keine Fehler", "no errors")),
            false => found.iter().map(|refusal| error_text(refusal, out.lang)).collect::<Vec<_>>().join("\n"),
        });
        let findings: Vec<Value> = found.iter().map(|refusal| finding(out, refusal)).collect();
        told.push(json!({"file": file.display().to_string(), "valid": found.is_empty(), "findings": findings}));
    }
    let all_valid = told.iter().all(|file| file["valid"] == true);
    out.one(&json!({"valid": all_valid, "files": told}), &lines.join("\n\n"))?;
    Ok(if all_valid { ExitCode::SUCCESS } else { ExitCode::from(Class::Rejected.exit_code()) })
}

fn finding(out: Output, refusal: &Refusal) -> Value {
    let reason = refusal.reason;
    json!({"line": line_of(refusal), "reason": reason.code(), "message": reason.text(out.lang),
        "help": reason.help(out.lang), "metadata": refusal.fields})
}

/// Shows what one version of an offering changes in another: files, ids, or SELLER/NAME for the one on offer.
pub async fn diff(global: &Global, former: &str, latter: &str) -> Result<(), Refusal> {
    let (former, latter) = (fields(global, former).await?, fields(global, latter).await?);
    let changes = changes(&former, &latter);
    let (out, unsaid) = (global.out(), global.out().say("nicht genannt", "not given"));
    let side = |value: &Value| if value.is_null() { unsaid.to_owned() } else { line(value) };
    let rows: Vec<Vec<Value>> = changes
        .iter()
        .map(|(field, former, latter)| match out.format {
            crate::cli::output::Format::Json => vec![json!(field), former.clone(), latter.clone()],
            _ => vec![json!(field), json!(side(former)), json!(side(latter))],
        })
        .collect();
    if rows.is_empty() {
        out.talk(out.say("Kein Unterschied.", "No difference."));
    }
    out.rows(&[("Feld", "field"), ("Vorher", "before"), ("Nachher", "after")], &rows)
}

fn line(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => shown(other).split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

async fn fields(global: &Global, which: &str) -> Result<Map<String, Value>, Refusal> {
    let path = Path::new(which);
    let is_file = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    if is_file {
        return object(serde_json::to_value(read_offering(path)?).unwrap_or_default());
    }
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let id: StatementId = match which.parse() {
        Ok(id) => id,
        Err(_) => names::offering_id(&mut client, which).await?.parse()?,
    };
    let signed = client.statement(id).await?;
    match Body::read(&signed)? {
        Body::Offering(offering) => object(serde_json::to_value(offering).unwrap_or_default()),
        _ => Err(Refusal::new(Reason::OfferingUnknown).with("id", id).with("kind", signed.kind())),
    }
}

fn object(value: Value) -> Result<Map<String, Value>, Refusal> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(Refusal::new(Reason::JsonInvalid)),
    }
}

/// The fields that differ, by name; the items of a price one by one.
fn changes(former: &Map<String, Value>, latter: &Map<String, Value>) -> Vec<(String, Value, Value)> {
    let (former, latter) = (spread(former), spread(latter));
    let names: BTreeSet<&String> = former.keys().chain(latter.keys()).collect();
    let both = |name: &String| {
        let side = |fields: &Map<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
        (name.clone(), side(&former), side(&latter))
    };
    names.into_iter().map(both).filter(|(_, former, latter)| former != latter).collect()
}

/// Items of a price stand under what they are for, so that a new one in front does not change those behind it.
fn spread(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut flat = fields.clone();
    for item in flat.remove("price").iter().flat_map(|price| price.as_array().into_iter().flatten()) {
        let part = |name: &str| item[name].as_str().map(ToOwned::to_owned).unwrap_or_default();
        let mut name = format!("price {} {}", part("item"), part("due"));
        while flat.contains_key(&name) {
            name.push('+');
        }
        flat.insert(name, item.clone());
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_version_changes_is_named_and_nothing_else() {
        let item = |item: &str, cents: u32| json!({"item": item, "due": "per-year", "cents": cents});
        let of = |version: u32, title: &str, price: Value| {
            object(json!({"version": version, "title": title, "price": price, "topic": "Bauen"})).expect("fields")
        };
        let former = of(1, "Bauantrag", json!([item("operation", 100)]));
        assert_eq!(changes(&former, &former), []);
        let latter = of(2, "Bauantrag", json!([item("support", 5), item("operation", 120)]));
        let named: Vec<String> = changes(&former, &latter).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(named, ["price operation per-year", "price support per-year", "version"]);
        let twice = of(1, "Bauantrag", json!([item("operation", 100), item("operation", 7)]));
        let named: Vec<String> = changes(&former, &twice).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(named, ["price operation per-year+"], "a second item of the kind hides nowhere");
    }
}
