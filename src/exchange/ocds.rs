//! A sealed order as a release package of the Open Contracting Data Standard 1.1.5: one award and one contract per leg.
use serde_json::{Value, json};

use crate::domain::law::Verdict;
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::exchange::contract::{Contract, Leg};

/// A prefix that is nobody's: real ones are given by the Open Contracting Partnership to publishers who ask for one.
pub const PREFIX_UNREGISTERED: &str = "ocds-000000";

/// Checks a prefix: `ocds-` and six lower-case letters or digits.
pub fn checked_prefix(text: &str) -> Result<String, Refusal> {
    let good = text
        .strip_prefix("ocds-")
        .is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    let refuse = || Refusal::new(Reason::FieldInvalid).with("field", "prefix").with("expected", "ocds-xxxxxx");
    if good { Ok(text.to_owned()) } else { Err(refuse()) }
}

/// The package. Its texts are German, as the order's are.
pub fn package(contract: &Contract, prefix: &str) -> Result<Value, Refusal> {
    let legs = contract.legs()?;
    let (request, seal) = (contract.request, contract.seal.body());
    let buyer = &request.buyer;
    let ocid = format!("{prefix}-{}", request.order);
    let sealed = seal.signed_at.to_string();
    let parties: Vec<Value> = contract
        .parties()
        .iter()
        .enumerate()
        .map(|(at, (org, name))| {
            let roles = match at {
                0 => vec!["buyer", "procuringEntity"],
                at if at + 1 == contract.parties().len() => vec!["supplier"],
                // A hop buys from the next one and sells to the one before.
                _ => vec!["supplier", "buyer"],
            };
            json!({"id": org.as_str(), "name": name, "roles": roles})
        })
        .collect();
    let awards: Vec<Value> = legs.iter().map(|leg| award(contract, leg, &sealed)).collect::<Result<_, _>>()?;
    let contracts: Vec<Value> = legs
        .iter()
        .map(|leg| {
            json!({
                "id": contract_id(leg), "awardID": award_id(leg), "title": title(contract, leg), "status": "active",
                "value": value(leg.total), "dateSigned": sealed,
                "period": {"startDate": sealed, "endDate": contract.ends().begins().to_string()},
            })
        })
        .collect();
    let release = json!({
        "ocid": ocid, "id": contract.seal.id().to_string(), "date": sealed, "language": "de",
        "tag": ["award", "contract"], "initiationType": "tender",
        "parties": parties,
        "buyer": {"id": buyer.as_str(), "name": contract.name(buyer)},
        "tender": {
            "id": request.order.to_string(), "title": contract.offering.title, "status": "complete",
            "procuringEntity": {"id": buyer.as_str(), "name": contract.name(buyer)},
            "procurementMethod": "direct",
            "procurementMethodDetails": "Vergabe ohne Vergabeverfahren, § 108 GWB; je Abschnitt beurteilt",
            "procurementMethodRationale": rationale(&legs),
            "mainProcurementCategory": "services",
            "value": value(request.total_max),
            "items": items(contract),
        },
        "awards": awards, "contracts": contracts,
    });
    Ok(json!({
        "uri": format!("urn:verbund:{}", request.order), "version": "1.1", "publishedDate": sealed,
        "publisher": {"name": contract.name(buyer)}, "releases": [release],
    }))
}

fn award_id(leg: &Leg) -> String {
    format!("award-{}", leg.number)
}

fn contract_id(leg: &Leg) -> String {
    format!("contract-{}", leg.number)
}

fn title(contract: &Contract, leg: &Leg) -> String {
    format!("{}: {} → {}", contract.offering.title, contract.name(leg.from), contract.name(leg.to))
}

fn award(contract: &Contract, leg: &Leg, sealed: &str) -> Result<Value, Refusal> {
    Ok(json!({
        "id": award_id(leg), "title": title(contract, leg), "status": "active", "date": sealed,
        "description": finding(leg), "value": value(leg.total), "items": items(contract),
        "suppliers": [{"id": leg.to.as_str(), "name": contract.name(leg.to)}],
    }))
}

/// What the signed finding says, and on what.
fn finding(leg: &Leg) -> String {
    let found = leg.finding;
    let verdict = match found.verdict {
        Verdict::Fulfilled => "erfüllt",
        Verdict::Contested => "nach dem Wortlaut erfüllt, umstritten",
        Verdict::NotProven => "nicht nachgewiesen",
        Verdict::NotFulfilled => "nicht erfüllt",
    };
    let assumed = if found.assumed { ", beruht auf Annahmen" } else { "" };
    format!("{} → {}: Voraussetzungen am {} {verdict}{assumed}", leg.from, leg.to, found.as_of)
}

fn rationale(legs: &[Leg]) -> String {
    legs.iter().map(finding).collect::<Vec<_>>().join("; ")
}

fn items(contract: &Contract) -> Vec<Value> {
    let keys = contract.offering.leika.iter().enumerate();
    keys.map(|(at, key)| {
        json!({
            "id": (at + 1).to_string(), "description": contract.offering.title,
            "classification": {"scheme": "x_LeiKa", "id": key.as_str()},
        })
    })
    .collect()
}

/// An amount in euros. The number is read from its digits, so that it is written as they are.
fn value(cents: Cents) -> Value {
    let digits = format!("{}.{:02}", cents.get() / 100, cents.get() % 100);
    let amount: Value = serde_json::from_str(&digits).unwrap_or(Value::Null);
    json!({"amount": amount, "currency": "EUR"})
}
