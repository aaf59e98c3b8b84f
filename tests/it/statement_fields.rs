//! Every field of every kind of statement: one text for each value, nothing that acts or hides, nothing at the end of its
//! type, and no name that looks like another's.
//!
//! [`full`] writes each kind with all its fields. A field that is added to a body and not here fails
//! [`every_field_stands_in_a_sample`], so none can be forgotten.
use std::cell::RefCell;
use std::collections::BTreeSet;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Value, json};
use verbund::domain::body::Body;
use verbund::domain::connection::{ConnectionProfile, ConnectionReport};
use verbund::domain::facts::{EntityFacts, Membership};
use verbund::domain::field_names::KNOWN;
use verbund::domain::id::OrderId;
use verbund::domain::offering::{Need, NeedWithdrawal, Offering, Withdrawal};
use verbund::domain::order::call_off::CallOff;
use verbund::domain::order::erasure::Erasure;
use verbund::domain::order::mandate::Mandate;
use verbund::domain::order::milestone::Milestone;
use verbund::domain::order::settlement::Settlement;
use verbund::domain::order::{
    Accept, Access, Confirm, Counter, Decision, Decline, Endorse, LateNotice, Recall, Receipt, Reminder, Request,
    Seal, Void,
};
use verbund::domain::price::Tariff;
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::rule_pack::RulePack;
use verbund::domain::statement::Kind;
use verbund::domain::trust::{
    Admission, Expulsion, FederationRoot, KeyEvent, NodeRecord, OfficerGrant, Recovery, Succession,
};

use crate::federation::{key, name};

fn id(digit: &str) -> String {
    digit.repeat(64)
}

fn public(label: &str) -> String {
    key(label).public().to_string()
}

fn root() -> Value {
    json!({ "keys": [public("a"), public("b")], "threshold": 2, "next_sha256": id("1") })
}

fn last_good() -> Value {
    json!([{ "log": "probe/log/kid/1", "size": 7 }])
}

fn leg() -> Value {
    json!({ "from": "kitu", "to": "kid", "as_of": "2026-11-23", "verdict": "fulfilled", "basis": "joint",
        "assumed": false, "evidence": [id("4")] })
}

fn tax() -> Value {
    json!({ "treatment": "taxed", "rate": 1900, "reason": "§ 12 Abs. 1 UStG" })
}

fn offered() -> Value {
    json!([{ "item": "operation", "due": "once", "cents": 5000, "vat": "19 %", "tax": tax(), "year": 2 }])
}

fn price() -> Value {
    let key = json!({ "kind": "target-group", "group": "Studierende", "year": 2024, "source": "Landesamt",
        "parties": [{ "party": "barleben", "weight": 3 }], "open": true });
    let terms = json!({ "indexation": { "index": "Verbraucherpreisindex", "rate": 250 },
        "split": [{ "share": 10000, "key": key }], "payers": [{ "who": "ST", "share": 10000 }],
        "payers_source": "Landeshaushalt" });
    json!([
        { "item": "operation", "due": "per-year", "cents": 5000, "vat": "19 %", "tax": tax(), "terms": terms },
        { "item": "usage", "due": "per-use", "cents": 5, "terms": { "uses_min": 3 } },
    ])
}

/// The fields of one object and of another.
fn joined(mut one: Value, other: &Value) -> Value {
    let fields = one.as_object_mut().expect("an object");
    fields.extend(other.as_object().expect("an object").clone());
    one
}

fn without(mut one: Value, names: &[&str]) -> Value {
    names.iter().for_each(|name| drop(one.as_object_mut().expect("an object").remove(*name)));
    one
}

fn message(fields: &Value) -> Value {
    let order = OrderId::derive(&name("barleben"), "vorgang-1").to_string();
    let at = "2026-11-23T10:00:00.25Z";
    joined(json!({ "order": order, "attempt": 1, "signed_at": at, "salt": "5".repeat(32) }), fields)
}

/// One document, or several where a kind has alternatives, with every field present.
fn full(kind: &Kind) -> Vec<Value> {
    if kind.is_public() { trust(kind).or_else(|| published(kind)) } else { messages(kind).or_else(|| answers(kind)) }
        .unwrap_or_else(|| panic!("{kind} has no sample"))
}

fn trust(kind: &Kind) -> Option<Vec<Value>> {
    let admission = json!({ "federation": "probe", "org": "kid", "number": 1, "name": "Kommunale IT", "legal_form": "eG",
        "home_node": "kid", "operates": "kid", "area": "15", "inhabitants": 9137, "portal": "IKISS", "root": root(),
        "source": "Satzung" });
    Some(vec![match kind {
        Kind::FederationRoot => json!({ "federation": "probe", "version": 2, "prev": id("2"), "threshold": 1,
            "trustees": [{ "name": "Vorstand", "key": public("a") }], "witnesses": { "nodes": ["kid"], "quorum": 1 } }),
        Kind::Admission => {
            let renewed = without(joined(admission.clone(), &json!({ "number": 2, "prev": id("2") })), &["root"]);
            return Some(vec![admission, renewed]);
        }
        Kind::Expulsion => json!({ "org": "kid", "reason": "Austritt", "last_good": last_good() }),
        Kind::KeyEvent => json!({ "org": "kid", "seq": 1, "prev": id("2"), "home_node": "kid",
            "add": [{ "key": public("c"), "role": "statement" }], "root": root(), "new_epoch": { "epoch": 2, "copied": 9 },
            "revoke": [{ "key": id("7"), "reason": "compromised", "last_good": last_good() }] }),
        Kind::NodeRecord => json!({ "node": "kid", "operator": "kid", "addresses": ["kid.example:7443"],
            "tls_sha256": id("8"), "log": "probe/log/kid/1", "alone_since": "2026-11-23T10:00:00Z" }),
        Kind::OfficerGrant => json!({ "org": "kid", "officer": "einkauf", "device": "tafel", "key": public("d"),
            "roles": ["buyer", "approver"], "limit": 100, "limit_per_year": 1000, "valid_from": "2026-01-01",
            "valid_to": "2027-12-31" }),
        Kind::Recovery => {
            json!({ "org": "kid", "after": id("6"), "root": root(), "signed_at": "2026-11-23T10:00:00Z",
            "completes": id("7"), "reason": "Tresor verbrannt" })
        }
        Kind::Succession => json!({ "federation": "probe", "predecessor": "kid", "successor": "kitu",
            "on": "2027-01-01", "source": "Fusionsgesetz" }),
        _ => return None,
    }])
}

fn published(kind: &Kind) -> Option<Vec<Value>> {
    let fact = json!({ "valid_from": "2020-01-01", "valid_to": "2030-12-31", "known_from": "2020-01-01",
        "source": "Register", "assumed": true, "corrects": id("3") });
    let membership = json!({ "member": "barleben", "of": "kitu", "share": 10000, "votes": 10000, "seat": true,
        "revoked": true, "sole": false });
    let member = |fields: Value| joined(joined(membership.clone(), &fact), &fields);
    Some(vec![match kind {
        Kind::Membership => {
            let cooperation = json!({ "common_goals": true, "public_interest": true, "market_share": 100,
                "market_basis": "turnover", "market_years": [2023, 2024, 2025], "agreement": "Vereinbarung",
                "private_advantage": false });
            let entrustment = json!({ "task": "Betrieb", "act": "Satzung", "on": "2020-01-01", "reference": "§ 2" });
            return Some(vec![
                member(json!({ "relation": "shareholder", "sole": true, "decisive_influence": true,
                    "represented_by": "kid", "entrustment": entrustment })),
                member(json!({ "relation": "cooperation-contract", "cooperation": cooperation, "scope": "Betrieb" })),
                member(json!({ "relation": "tendered-contract", "procedure": "2026/S 1-1", "scope": "Betrieb",
                    "volume": 100 })),
                member(json!({ "relation": "running-contract", "scope": "Betrieb", "volume": 100, "modification":
                    { "circumstances": "neues Gesetz", "character_kept": true, "rise": 50 } })),
            ]);
        }
        Kind::EntityFacts => joined(
            fact.clone(),
            &json!({ "org": "kid", "legal_form": "eG", "contracting_authority": 2,
            "sector": "public-utility", "central_purchasing": true, "activity_share": 9000, "activity_basis": "turnover",
            "activity_years": [2023, 2024, 2025], "reorganised_on": "2021-01-01", "private_capital": "present",
            "private_share": 100, "group": { "turnover": "summed", "bodies": ["kitu"] }, "nature": "private",
            "all_represented": true, "remit_since": "2010-01-01", "confirms": [id("4")], "joint_influence": true, "contrary_interests": false }),
        ),
        Kind::Offering => json!({ "name": "wohngeld", "version": 1, "seller": "dataport", "title": "Wohngeld",
            "description": "Antrag", "leika": ["99107023017000"], "ozg": "10092", "leika_types": ["2/3"],
            "topic": "Arbeit & Ruhestand", "lead_land": "SH", "efa_confirmed": true, "coverage": ["*"],
            "maturity": { "model": "1.1", "level": 3 }, "connection": ["fit-connect"], "portals": ["IKISS"],
            "specialised_systems": ["Fachverfahren"], "requires": ["account", "payment"], "dvdv": ["psw:01003110"],
            "sovereignty": { "licence": "EUPL-1.2", "repository": "https://example.org/quelle", "data_location":
                "Deutschland", "interfaces": ["REST"], "d_stack": "2" },
            "references": [{ "catalogue": "FIT-Store", "entry": "42" }], "price": price(), "not_included": ["Anbindung"],
            "term_years_min": 1, "notice_days": 90, "valid_from": "2024-01-01", "valid_to": "2030-12-31",
            "source": "Beispiel", "assumed": ["Preis"] }),
        Kind::Withdrawal => {
            json!({ "seller": "dataport", "name": "wohngeld", "version": 1, "reason": "Eingestellt" })
        }
        Kind::ConnectionReport => json!({ "municipality": "barleben", "portal": "IKISS", "offering": id("1"),
            "outcome": "passed", "result": "läuft", "reported_on": "2026-05-01", "source": "Beispiel" }),
        Kind::Need => json!({ "municipality": "barleben", "leika": ["99107023017000"], "note": "Wohngeld",
            "until": "2027-03-31", "through": "kitu" }),
        Kind::ConnectionProfile => json!({ "municipality": "barleben", "version": 1, "portals": ["IKISS"],
            "specialised_systems": ["Fachverfahren"], "connection": ["fit-connect"], "provides": ["account", "dms"],
            "bus": true, "source": "Website", "assumed": ["Fachverfahren"] }),
        Kind::NeedWithdrawal => json!({ "municipality": "barleben", "need": id("5"), "reason": "Anders gelöst" }),
        Kind::RulePack => json!({ "name": "gwb-108-2022", "valid_from": "2016-04-18", "valid_to": "2026-06-30",
            "activity_above": 8000, "market_below": 2000, "activity_age_max": 2, "source": "§ 108 GWB",
            "switches": [{ "switch": "half-sisters", "stand": "contested", "known_from": "2026-01-15", "source": "x" }],
            "paragraphs": [{ "provision": "vertical", "citation": "§ 108 Abs. 1 GWB" }] }),
        Kind::Tariff => json!({ "org": "kid", "version": 1, "fee": price() }),
        _ => return None,
    }])
}

fn request() -> Value {
    let grounds = json!({ "need": id("5"), "searched": true,
        "alternatives": [{ "offering": id("6"), "seller": "akdb", "title": "Wohngeld", "against": "LEG_NOT_PROVEN",
            "total": 8, "why": "route" }],
        "selection": { "node": "kitu", "frozen_at": "2026-11-23T09:55:00Z", "filters": ["portal=IKISS"], "found": 3,
            "place": 1, "known": [{ "log": "probe/log/kitu/1", "size": 12, "root": id("7") }] } });
    message(&json!({ "request_id": "vorgang-1", "mode": "binding", "buyer": "barleben", "offering": id("1"),
        "route": ["barleben", "kitu", "dataport"], "as_of": "2026-11-23", "procedure_began": "2026-11-23", "rule_pack": id("2"), "award": "sector", "term_years": 2,
        "total_max": 100000, "quote_by": "2026-11-24T10:00:00Z", "seal_by": "2026-12-24T10:00:00Z",
        "auto_seal": { "accept_assumed": true }, "quantities": { "uses": 5, "target_group": 6 },
        "reference": "04011000-1234512345-06", "officer": "einkauf", "grounds": grounds, "annex": id("4"),
        "considered": [{ "route": ["barleben", "dataport"], "verdict": "not-proven", "total": 7 }],
        "amends": { "order": "7".repeat(32), "seal": id("3"), "what": "prolong" },
        "bundle": { "key": "inhabitants", "members": [{ "org": "halberstadt", "need": id("5"), "weight": 4 }] } }))
}

fn messages(kind: &Kind) -> Option<Vec<Value>> {
    let decline = json!({ "from": "kid", "request": id("3"), "reason": "LEG_NOT_PROVEN", "note": "Nachweis fehlt",
        "annex": id("6") });
    let until = "2026-12-24T10:00:00Z";
    Some(vec![match kind {
        Kind::Request => request(),
        Kind::Decision => message(&json!({ "request": id("3"), "org": "barleben", "approve": true, "annex": id("6"),
            "leg": leg(), "officer": "leitung" })),
        Kind::Endorse => message(&json!({ "from": "kid", "prev": id("2"), "leg": leg(), "decision": id("3") })),
        Kind::Accept => message(&json!({ "from": "kid", "prev": id("2"), "leg": leg(), "components": offered(),
            "decision": id("3"), "binds_until": until })),
        Kind::Counter => {
            message(&json!({ "from": "kid", "prev": id("2"), "components": offered(), "tariff": id("3"),
            "binds_until": until }))
        }
        Kind::Reject | Kind::Decline => message(&decline),
        Kind::Recall => {
            let by_rule = message(&decline);
            return Some(vec![message(&joined(decline, &json!({ "note": "", "officer": "leitung" }))), by_rule]);
        }
        Kind::Seal => message(&json!({ "buyer": "barleben", "chain": [id("1"), id("2")], "total": 5,
            "agreed": ["kid"], "officer": "einkauf" })),
        Kind::Confirm => message(&json!({ "from": "kid", "seal": id("3"), "officer": "leitung" })),
        Kind::Void => message(&json!({ "buyer": "barleben", "request": id("1"), "reason": "cancelled",
            "officer": "einkauf" })),
        _ => return None,
    }])
}

fn answers(kind: &Kind) -> Option<Vec<Value>> {
    let milestone = |event: Value| {
        message(&json!({ "seal": id("3"), "from": "barleben", "number": 1, "event": event, "annex": id("6"),
            "officer": "einkauf" }))
    };
    Some(vec![match kind {
        Kind::LateNotice => {
            message(&json!({ "buyer": "barleben", "to": "kid", "message": id("1"), "void": id("2") }))
        }
        Kind::Reminder => message(&json!({ "org": "barleben", "about": "seal", "due": "2026-11-23T10:00:00Z",
            "until": "2026-11-24T10:00:00Z" })),
        Kind::Milestone => {
            let events = [
                json!({ "connected": { "item": "contact" } }),
                json!({ "productive": { "since": "2026-12-01" } }),
                json!("contact"),
                json!({ "terminated": { "ends_on": "2027-12-31" } }),
                json!("closed"),
            ];
            return Some(events.map(milestone).to_vec());
        }
        Kind::Settlement => message(&json!({ "seal": id("3"), "from": "barleben", "to": "kid", "number": 1,
            "about": [id("4"), id("5")], "holds": id("4"), "terms": "Es gilt die erste Fassung", "agrees": id("6"),
            "officer": "leitung" })),
        Kind::Erasure => message(&json!({ "from": "kid", "number": 1, "annexes": [id("6"), id("7")],
            "ground": "Art. 17 DSGVO", "authority": "Datenschutzstelle", "officer": "leitung" })),
        Kind::Mandate => {
            let (org, need) = ("barleben".parse().expect("a name"), id("4").parse().expect("an id"));
            message(&json!({ "order": Mandate::matter(&org, &need), "org": org, "to": "kitu", "need": need,
                "cap": 30000, "until": "2027-06-30", "approves": id("5"), "officer": "leitung" }))
        }
        Kind::CallOff => message(&json!({ "seal": id("3"), "from": "kitu", "to": "barleben", "need": id("4"),
            "mandate": id("6"),
            "offering": id("5"), "provider": "dataport", "term_years": 2, "key": "inhabitants", "weight": 9000,
            "weights": 40000, "total": 123456, "share": 27778, "leg": leg(),
            "rule_pack": id("7"), "procedure_began": "2026-11-20", "award": "sector" })),
        Kind::Receipt => {
            let received = json!({ "from": "kid", "message": id("2"), "log": "probe/log/kid/1", "size": 42,
                "received_at": "2026-11-23T10:00:00Z" });
            without(message(&received), &["signed_at"])
        }
        Kind::Access => {
            let asked = json!({ "org": "barleben", "officer": "einkauf", "node": "kitu" });
            without(message(&asked), &["order", "attempt"])
        }
        _ => return None,
    }])
}

pub fn samples() -> impl Iterator<Item = (&'static Kind, Value)> {
    Kind::ALL.iter().flat_map(|kind| full(kind).into_iter().map(move |sample| (kind, sample)))
}

fn read(kind: &Kind, body: &Value) -> Result<Body, Refusal> {
    Body::read_payload(kind, &serde_json::to_vec(body).expect("JSON"))
}

/// Every value that is no list and no object, by its path.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, inner)| leaves(inner, &format!("{path}/{key}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| leaves(inner, &format!("{path}/{at}"), found))
        }
        _ => found.push(path.to_owned()),
    }
}

/// Every sample with each of its leaves of one sort in turn: kind, path, sample, leaf.
fn each_leaf(wanted: fn(&Value) -> bool, mut look: impl FnMut(&Kind, &str, &Value, &Value)) {
    for (kind, sample) in samples() {
        let mut paths = Vec::new();
        leaves(&sample, "", &mut paths);
        for path in paths {
            let leaf = sample.pointer(&path).expect("just found");
            if wanted(leaf) {
                look(kind, &path, &sample, leaf);
            }
        }
    }
}

fn with(sample: &Value, path: &str, leaf: Value) -> Value {
    let mut changed = sample.clone();
    *changed.pointer_mut(path).expect("just found") = leaf;
    changed
}

/// Where a person writes at length: the fields that hold line ends.
const LINES: [&str; 4] = ["/description", "/reason", "/note", "/result"];

#[test]
fn every_sample_is_admissible() {
    for (kind, sample) in samples() {
        read(kind, &sample).unwrap_or_else(|refusal| panic!("{kind}: {refusal}"));
    }
}

#[test]
fn no_text_acts_or_hides_or_is_longer_than_its_field() {
    each_leaf(Value::is_string, |kind, path, sample, leaf| {
        let text = leaf.as_str().expect("text");
        for bad in [
            "\u{202e}",
            "\u{7}",
            "\u{1b}[31m",
            "\u{200b}",
            "\u{ad}",
            "\u{feff}",
            "\u{e000}",
            "\u{e0041}",
            "\u{2028}",
            "\u{85}",
            "\t",
            "\r",
        ] {
            for changed in [format!("{text}{bad}"), format!("{bad}{text}"), format!("{text}{bad}{text}")] {
                let refusal = read(kind, &with(sample, path, changed.into())).expect_err(path);
                assert_eq!(refusal.reason, Reason::TextHides, "{kind}{path} {bad:?}");
            }
        }
        for (changed, what) in [
            (format!("{text}a\u{308}"), "not in normal form"),
            (format!("{text} "), "ends with a blank"),
            (format!(" {text}"), "begins with a blank"),
            ("x".repeat(10_000), "far too long"),
            (" ".to_owned(), "blank"),
        ] {
            assert!(read(kind, &with(sample, path, changed.into())).is_err(), "{kind}{path}: {what}");
        }
        let long = if path == "/description" { 4_001 } else { 1_001 };
        assert!(read(kind, &with(sample, path, "x".repeat(long).into())).is_err(), "{kind}{path} has no limit");
        let lines = read(kind, &with(sample, path, format!("{text}\n{text}").into()));
        let is_prose = LINES.contains(&path)
            && !matches!(kind, Kind::Void | Kind::Reject | Kind::Decline | Kind::Recall if path == "/reason");
        // What an officer says of a recall stands elsewhere.
        let is_prose = is_prose && (path != "/note" || *kind != Kind::Recall || sample.get("officer").is_none());
        assert_eq!(lines.is_ok(), is_prose, "{kind}{path}: {lines:?}");
    });
}

#[test]
fn one_value_has_one_text() {
    let other_forms = |text: &str| -> Vec<String> {
        let hex = text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if hex {
            return vec![text.replace(|c: char| c.is_ascii_digit(), "A"), format!("0x{text}"), format!("{text}0")];
        }
        let is_instant = text.ends_with('Z') && text.contains('T') && text.starts_with("20");
        if is_instant {
            let plain = text.trim_end_matches('Z').replace(".25", "");
            let forms = ["+00:00", ".0001Z", ".250Z", ".0Z", ":60Z", "z", "", "Z[UTC]", "+14:00"];
            let blank = format!("{}Z", plain.replace('T', " "));
            return forms.iter().map(|end| format!("{plain}{end}")).chain([blank, format!("+00{plain}Z")]).collect();
        }
        let is_day = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        if is_day {
            let forms = [
                text.replace('-', ""),
                format!("+00{text}"),
                format!("{text}T00:00:00"),
                format!("{text}T00:00:00Z"),
            ];
            return forms
                .into_iter()
                .chain([format!("{text}[Europe/Berlin]"), text.replacen("20", "21", 1).replacen("21", "99", 1)])
                .collect();
        }
        Vec::new()
    };
    let mut tried = 0;
    each_leaf(Value::is_string, |kind, path, sample, leaf| {
        for form in other_forms(leaf.as_str().expect("text")) {
            tried += 1;
            let outcome = read(kind, &with(sample, path, form.clone().into()));
            assert!(outcome.is_err(), "{kind}{path}: {form}");
        }
    });
    assert!(tried > 500, "{tried}");
    for (kind, sample) in samples() {
        let text = sample.to_string();
        for number in sample.as_object().expect("an object").iter().filter(|(_, value)| value.is_u64()) {
            let (key, value) = number;
            for form in [
                format!("{value}.0"),
                format!("{value}e0"),
                format!("0{value}"),
                format!("-{value}.0"),
                format!("\"{value}\""),
            ] {
                let changed = text.replacen(&format!("\"{key}\":{value}"), &format!("\"{key}\":{form}"), 1);
                assert_ne!(changed, text);
                assert!(Body::read_payload(kind, changed.as_bytes()).is_err(), "{kind}/{key}: {form}");
            }
        }
    }
}

#[test]
fn numbers_at_the_ends_of_their_types_are_refused_or_harmless() {
    let ends = [
        0,
        1,
        -1,
        i64::from(i16::MIN),
        i64::from(i16::MAX),
        i64::from(i32::MAX),
        i64::from(u32::MAX),
        1 << 53,
        i64::MAX,
        i64::MIN,
    ];
    each_leaf(Value::is_number, |kind, path, sample, _| {
        for end in ends {
            // Whatever is admitted must be far from the ends.
            if read(kind, &with(sample, path, end.into())).is_ok() {
                let field = path.rsplit('/').next().expect("a name");
                // A place in a log is compared, never computed with; JSON bounds it to 2^53.
                let is_place = matches!(field, "size" | "copied");
                assert!(end.unsigned_abs() <= 1_000_000_000_000 || is_place, "{kind}{path}: {end}");
            }
        }
    });
    for (kind, path, value) in [
        (Kind::EntityFacts, "/activity_years", json!([-32768, -32767, -32766])),
        (Kind::EntityFacts, "/activity_years", json!([32765, 32766, 32767])),
        (Kind::FederationRoot, "/version", json!(4_294_967_295_u32)),
        (Kind::Request, "/attempt", json!(4_294_967_295_u32)),
        (Kind::Request, "/attempt", json!(0)),
        (Kind::Offering, "/version", json!(4_294_967_295_u32)),
        (Kind::Withdrawal, "/version", json!(4_294_967_295_u32)),
        (Kind::CallOff, "/term_years", json!(0)),
        (Kind::KeyEvent, "/seq", json!(9_007_199_254_740_992_u64)),
        (Kind::KeyEvent, "/new_epoch/epoch", json!(4_294_967_295_u32)),
        (Kind::Receipt, "/log", json!("probe/log/kid/4294967295")),
    ] {
        let refusal = read(&kind, &with(&full(&kind)[0], path, value)).expect_err(path);
        assert!(matches!(refusal.reason, Reason::FieldInvalid | Reason::OriginInvalid), "{kind}{path}: {refusal}");
        let field = path.rsplit('/').next().expect("a name");
        assert!(
            refusal.field("field").is_some_and(|named| named.contains(field) || field == "epoch"),
            "{kind}{path}: {refusal}"
        );
    }
}

#[test]
fn names_that_look_like_those_of_fields_are_refused_and_others_passed_over() {
    for (kind, sample) in samples() {
        let added = |name: &str| {
            let mut body = sample.clone();
            body.as_object_mut().expect("an object").insert(name.to_owned(), json!(1));
            read(kind, &body)
        };
        added("later_field").unwrap_or_else(|refusal| panic!("{kind}: {refusal}"));
        let own = sample.as_object().expect("an object").keys().next().expect("a field").clone();
        let capital = own[..1].to_uppercase() + &own[1..];
        for alike in
            [capital.as_str(), &own.to_uppercase(), &format!("{own}_"), &format!("{own}\u{200b}"), "tоtal", "ｔotal"]
        {
            assert_eq!(added(alike).expect_err(alike).reason, Reason::FieldLooksAlike, "{kind}: {alike}");
        }
    }
}

/// Reads a document as a type and notes every field the type has and the document lacks, and every name it has.
#[derive(Clone, Copy)]
struct Recorder<'a> {
    value: &'a Value,
    known: &'a RefCell<BTreeSet<(&'static str, &'static str)>>,
    present: &'a RefCell<BTreeSet<(&'static str, &'static str)>>,
}

impl<'a> Recorder<'a> {
    fn note(&self, name: &'static str, fields: &'static [&'static str], value: &Value) {
        for field in fields {
            self.known.borrow_mut().insert((name, field));
            if value.get(field).is_some() {
                self.present.borrow_mut().insert((name, field));
            }
        }
    }

    fn of(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Recorder<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Recorder<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.value {
            Value::Object(fields) => {
                let entries = fields.iter().map(|(key, value)| (key.as_str(), self.of(value)));
                visitor.visit_map(MapDeserializer::new(entries))
            }
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(|item| self.of(item)))),
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.note(name, fields, self.value);
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.value {
            Value::String(word) => visitor.visit_enum(StrDeserializer::new(word)),
            Value::Object(fields) => {
                self.note(name, variants, self.value);
                let (word, value) = fields.iter().next().expect("one variant");
                visitor.visit_enum(Variant { word, inside: self.of(value) })
            }
            other => other.deserialize_enum(name, variants, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// A variant with fields of its own.
struct Variant<'a> {
    word: &'a str,
    inside: Recorder<'a>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = serde_json::Error;
    type Variant = Recorder<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Recorder<'de>), Self::Error> {
        let word: StrDeserializer<'_, Self::Error> = self.word.into_deserializer();
        seed.deserialize(word).map(|word| (word, self.inside))
    }
}

impl<'de> VariantAccess<'de> for Recorder<'de> {
    type Error = serde_json::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Self::Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.note("variant", fields, self.value);
        self.deserialize_any(visitor)
    }
}

macro_rules! record {
    ($kind:expr, $recorder:expr, $($variant:ident($type:ty)),* $(,)?) => {
        match $kind {
            $(Kind::$variant => <$type>::deserialize($recorder).map(|_| ()),)*
            Kind::Unknown(_) => Ok(()),
        }
    };
}

#[test]
fn every_field_stands_in_a_sample() {
    let (known, present) = (RefCell::default(), RefCell::default());
    for (kind, sample) in samples() {
        let recorder = Recorder { value: &sample, known: &known, present: &present };
        let read = record!(
            kind,
            recorder,
            FederationRoot(FederationRoot),
            Admission(Admission),
            Expulsion(Expulsion),
            KeyEvent(KeyEvent),
            NodeRecord(NodeRecord),
            OfficerGrant(OfficerGrant),
            Recovery(Recovery),
            Succession(Succession),
            Membership(Membership),
            EntityFacts(EntityFacts),
            Offering(Offering),
            Withdrawal(Withdrawal),
            ConnectionReport(ConnectionReport),
            ConnectionProfile(ConnectionProfile),
            Need(Need),
            NeedWithdrawal(NeedWithdrawal),
            RulePack(RulePack),
            Tariff(Tariff),
            Request(Request),
            Decision(Decision),
            Endorse(Endorse),
            Accept(Accept),
            Reject(Decline),
            Counter(Counter),
            Decline(Decline),
            Seal(Seal),
            Void(Void),
            Confirm(Confirm),
            Recall(Recall),
            LateNotice(LateNotice),
            Reminder(Reminder),
            Milestone(Milestone),
            Settlement(Settlement),
            Erasure(Erasure),
            Mandate(Mandate),
            CallOff(CallOff),
            Receipt(Receipt),
            Access(Access),
        );
        read.unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
    let (known, present) = (known.into_inner(), present.into_inner());
    // What is written as a bare word has no fields.
    let missing: Vec<_> =
        known.difference(&present).filter(|(_, field)| !["closed", "contact"].contains(field)).collect();
    assert!(missing.is_empty(), "no sample has {missing:?}");
    let words = ["note", "purpose", "choice", "query", "contact"];
    let names: BTreeSet<&str> = present.iter().map(|(_, field)| *field).chain(words).collect();
    let listed: BTreeSet<&str> = KNOWN.iter().copied().collect();
    assert_eq!(names, listed, "domain::field_names::KNOWN lists the names of all fields, those of annexes too");
}
