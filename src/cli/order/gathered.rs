//! Orders for several members: needs that fit together, whom a request names, each member's own part.
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::names;
use crate::cli::offering::euros;
use crate::cli::output::Output;
use crate::domain::id::OrgId;
use crate::domain::order::gathered::{Gathered, Member};
use crate::domain::price::KeyKind;
use crate::domain::reason::{Reason, Refusal};
use crate::wire::pb::order::v1 as pb;

/// For whom an order gathers.
#[derive(clap::Args, Default)]
pub struct Gathering {
    /// Sammelbestellung: Mitglieder, deren veröffentlichter Bedarf mitbestellt wird; mit Zahl für den Schlüssel, wenn es
    /// nicht die Einwohner sind: ORG oder ORG=ZAHL
    #[arg(long, value_delimiter = ',', value_name = "ORG[=ZAHL],…")]
    members: Vec<String>,
    /// Schlüssel, nach dem die Kosten verteilt werden: inhabitants (Einwohner), uses (Nutzungen), target-group, fixed
    #[arg(long, default_value = "inhabitants", value_name = "SCHLÜSSEL", value_parser = ["inhabitants", "uses", "target-group", "fixed"])]
    shares_by: String,
}

impl Gathering {
    /// The members, each with its own need; none if nobody is named.
    pub async fn gathered(self, client: &mut Client, offering: &str) -> Result<Option<Gathered>, Refusal> {
        if self.members.is_empty() {
            return Ok(None);
        }
        let key = KeyKind::try_from(self.shares_by)?;
        let through = client.officer()?.org.to_string();
        let needs = client.needs(offering, &through).await?;
        let mut members = Vec::new();
        for named in &self.members {
            let (org, number) = named.split_once('=').map_or((named.as_str(), None), |(org, n)| (org, Some(n)));
            let org: OrgId = org.parse()?;
            let missing = || Refusal::new(Reason::NeedMissing).with("member", &org);
            let need = needs.iter().find(|need| need.municipality == org.as_str()).ok_or_else(missing)?;
            let invalid = || Refusal::new(Reason::QuantityMissing).with("member", &org).with("key", key.word());
            let weight = match number {
                Some(number) => number.parse().map_err(|_| invalid())?,
                None if key == KeyKind::Inhabitants && need.inhabitants > 0 => u64::from(need.inhabitants),
                None => return Err(invalid()),
            };
            members.push(Member { org, need: need.statement_id.parse()?, weight });
        }
        Ok(Some(Gathered { key, members }))
    }
}

/// Needs that fit an offering.
pub async fn needs(client: &mut Client, out: Output, offering: Option<String>) -> Result<(), Refusal> {
    let offering = match offering {
        Some(named) => names::offering_id(client, &named).await?,
        None => String::new(),
    };
    let needs = client.needs(&offering, "").await?;
    let columns = [
        ("Kommune", "municipality"),
        ("Einwohner", "inhabitants"),
        ("Leistungen", "leika"),
        ("Bedarf", "note"),
        ("Bis", "until"),
        ("Über", "through"),
        ("Kennung", "statement_id"),
    ];
    let rows: Vec<Vec<Value>> = needs
        .iter()
        .map(|need| {
            vec![
                need.municipality.clone().into(),
                need.inhabitants.into(),
                need.leika_keys.join(", ").into(),
                need.note.clone().into(),
                need.until.clone().into(),
                need.through.clone().into(),
                out.id(&need.statement_id),
            ]
        })
        .collect();
    out.rows(&columns, &rows)
}

/// The organisation's own parts.
pub async fn call_offs(client: &mut Client, out: Output) -> Result<(), Refusal> {
    let parts = client.call_offs().await?;
    let columns = [
        ("Bestellung", "order_id"),
        ("Über", "from"),
        ("Anbieter", "provider"),
        ("Angebot", "offering"),
        ("Schlüssel", "key"),
        ("Anteil", "weight"),
        ("Betrag", "share"),
        ("Vom", "signed_at"),
    ];
    let rows: Vec<Vec<Value>> = parts
        .iter()
        .map(|part| {
            vec![
                out.id(&part.order_id),
                part.from.clone().into(),
                part.provider.clone().into(),
                part.offering_title.clone().into(),
                part.key.clone().into(),
                format!("{} / {}", part.weight, part.weights).into(),
                euros(part.share_cents).into(),
                out.time(part.signed_at.as_ref()),
            ]
        })
        .collect();
    out.rows(&columns, &rows)
}

/// One member's part as JSON.
pub fn call_off_value(part: &pb::CallOff) -> Value {
    json!({
        "to": part.to, "key": part.key, "weight": part.weight, "weights": part.weights,
        "share_cents": part.share_cents, "total_cents": part.total_cents, "statement_id": part.statement_id,
    })
}
