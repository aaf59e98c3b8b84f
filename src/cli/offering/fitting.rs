//! `verbund offering for`: what fits a municipality, and why in this order.
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::offering::search::narrowed;
use crate::cli::options::Global;
use crate::cli::output::{Format, Output};
use crate::domain::connection::Outcome;
use crate::domain::id::OrgId;
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::wire::pb::catalogue::v1 as pb;

/// For whom what is sorted.
pub(super) struct Wish {
    pub(super) org: OrgId,
    pub(super) query: String,
    pub(super) only: Vec<String>,
    pub(super) why: bool,
    pub(super) limit: usize,
}

/// How a trial ended, by its word.
pub(super) fn outcome(word: &str) -> Result<Outcome, Refusal> {
    [Outcome::Passed, Outcome::Partly, Outcome::Failed].into_iter().find(|one| one.word() == word).ok_or_else(|| {
        Refusal::new(Reason::UsageInvalid).with("expected", "passed, partly, failed").with("value", word)
    })
}

/// Ranks and shows.
pub(super) async fn run(global: &Global, client: &mut Client, wish: &Wish) -> Result<(), Refusal> {
    let narrow = wish.only.iter().map(|only| narrowed(only)).collect::<Result<Vec<_>, _>>()?;
    let found = client.rank(&wish.org, &wish.query, narrow, wish.limit).await?;
    let out = global.out();
    if found.profile.is_none() {
        out.talk(out.say(
            "Diese Kommune hat kein Anbindungsprofil; Portal, Fachverfahren und Voraussetzungen zählen nicht. \
             Abhilfe: verbund org profile publish --portal …",
            "This municipality has no connection profile; portal, systems and requirements do not count. \
             To mend it: verbund org profile publish --portal …",
        ));
    }
    if found.outside > 0 {
        let text = out.say(
            "Nicht einsortiert, weil sie das Gebiet nicht abdecken oder heute nicht gelten:",
            "Left out because they do not cover the area or are not valid today:",
        );
        out.talk(&format!("{text} {}", found.outside));
    }
    if wish.why && out.format == Format::Table {
        return why(&out, &found);
    }
    if out.format == Format::Json {
        let all: Vec<Value> = (1..).zip(&found.offerings).map(|(rank, one)| value(rank, one)).collect();
        return out.one(&Value::Array(all), "");
    }
    let rows: Vec<Vec<Value>> = (1..).zip(&found.offerings).filter_map(|(rank, one)| row(rank, one, &out)).collect();
    let columns = [
        ("Rang", "rank"),
        ("Punkte", "points"),
        ("Angebot", "offering"),
        ("Titel", "title"),
        ("Weg", "way"),
        ("Je Jahr", "per_year"),
        ("Zu tun", "gaps"),
    ];
    out.rows(&columns, &rows)
}

fn row(rank: usize, one: &pb::RankedOffering, out: &Output) -> Option<Vec<Value>> {
    let offering = one.entry.as_ref()?.offering.as_ref()?;
    let gaps: Vec<&str> = one.gaps.iter().map(|gap| gap.text.as_str()).collect();
    Some(vec![
        rank.into(),
        one.points.into(),
        format!("{}/{}", offering.seller, offering.name).into(),
        offering.title.clone().into(),
        one.factors.first().map(|factor| factor.reason.clone()).unwrap_or_default().into(),
        price(one, out).into(),
        gaps.join(", ").into(),
    ])
}

fn price(one: &pb::RankedOffering, out: &Output) -> String {
    let cents = one.yearly_cents.and_then(|cents| Cents::try_from(cents).ok());
    cents.map_or_else(|| out.say("unbekannt", "unknown").to_owned(), |cents| cents.text(out.lang))
}

fn value(rank: usize, one: &pb::RankedOffering) -> Value {
    let entry = one.entry.as_ref();
    let offering = entry.and_then(|entry| entry.offering.as_ref());
    let factor =
        |factor: &pb::Factor| json!({"factor": factor.factor, "points": factor.points, "reason": factor.reason});
    json!({
        "rank": rank,
        "points": one.points,
        "offering": offering.map(|offering| format!("{}/{}", offering.seller, offering.name)),
        "id": entry.map(|entry| entry.id.clone()),
        "title": offering.map(|offering| offering.title.clone()),
        "way": one.way,
        "total_cents": one.total_cents,
        "yearly_cents": one.yearly_cents,
        "factors": one.factors.iter().map(factor).collect::<Vec<_>>(),
        "gaps": one.gaps.iter().map(|gap| gap.gap.clone()).collect::<Vec<_>>(),
    })
}

/// Every factor of every offering, with its points, its weight and its reason.
fn why(out: &Output, found: &pb::RankOfferingsResponse) -> Result<(), Refusal> {
    let most = |word: &str| found.weights.iter().find(|weight| weight.factor == word);
    let mut rows = Vec::new();
    for (rank, one) in (1..).zip(&found.offerings) {
        let Some(offering) = one.entry.as_ref().and_then(|entry| entry.offering.as_ref()) else { continue };
        let name = format!("{rank}. {}/{}", offering.seller, offering.name);
        rows.push(vec![name.into(), one.points.into(), 100.into(), "".into(), "".into()]);
        for factor in &one.factors {
            let weight = most(&factor.factor);
            rows.push(vec![
                "".into(),
                factor.points.into(),
                weight.map_or(0, |weight| weight.most).into(),
                weight.map(|weight| weight.text.clone()).unwrap_or_default().into(),
                factor.reason.clone().into(),
            ]);
        }
        for gap in &one.gaps {
            let to_do = out.say("zu tun", "to do");
            rows.push(vec!["".into(), "".into(), "".into(), to_do.into(), gap.text.clone().into()]);
        }
    }
    let columns =
        [("Angebot", "offering"), ("Punkte", "points"), ("von", "of"), ("Merkmal", "factor"), ("Grund", "reason")];
    out.rows(&columns, &rows)
}
