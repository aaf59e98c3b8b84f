//! The schemas of statements, against the types that read them, in both directions; and one vector for every kind.
//!
//! What `proto/schema` accepts, a node accepts, but for the rules that no schema can say: they stand in [`BEYOND`] and, in
//! words, in `proto/README.md`. What a node accepts, the schemas accept without exception.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Value, json};
use verbund::cli::statement::schemas::{EXAMPLES, schema};
use verbund::domain::body::Body;
use verbund::domain::json::DEPTH_MAX;
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};

use crate::statement_fields::samples;

/// What a schema cannot say: the reason, and the field as far as it is named. Each stands in `proto/README.md` as well.
const BEYOND: &[(Reason, &str)] = &[
    (Reason::JsonTooLarge, "*"),
    (Reason::JsonTooDeep, "*"),
    (Reason::TextMisshaped, "*"),
    (Reason::FieldLooksAlike, "*"),
    (Reason::KeyInvalid, "*"),
    (Reason::TimeInvalid, "*"),
    (Reason::IntervalInvalid, "valid_to"),
    (Reason::RouteInvalid, ""),
    (Reason::OrderIdMismatch, ""),
    (Reason::DeadlineInvalid, ""),
    (Reason::RulePackSwitch, ""),
    (Reason::RulePackParagraph, ""),
    (Reason::PercentageSum, "*"),
    (Reason::DistributionInvalid, "*"),
    (Reason::FactContradicts, "group"),
    (Reason::FieldInvalid, "activity_years"),
    (Reason::FieldInvalid, "addresses"),
    (Reason::FieldInvalid, "alternatives"),
    (Reason::FieldInvalid, "bundle"),
    (Reason::FieldInvalid, "considered"),
    (Reason::FieldInvalid, "last_good"),
    (Reason::FieldInvalid, "market_years"),
    (Reason::FieldInvalid, "member"),
    (Reason::FieldInvalid, "operates"),
    (Reason::FieldInvalid, "procedure_began"),
    (Reason::FieldInvalid, "represented_by"),
    (Reason::FieldInvalid, "revoke"),
    (Reason::FieldInvalid, "root"),
    (Reason::FieldInvalid, "selection"),
    (Reason::FieldInvalid, "share"),
    (Reason::FieldInvalid, "successor"),
    (Reason::FieldInvalid, "threshold"),
    (Reason::FieldInvalid, "to"),
    (Reason::FieldInvalid, "trustees"),
    (Reason::FieldInvalid, "weight"),
    (Reason::FieldInvalid, "witnesses"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/schema")
}

fn validator(kind: &Kind) -> Validator {
    let schema: Value = serde_json::from_str(schema(kind).expect("every kind has a schema")).expect("JSON");
    jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{kind}: {error}"));
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

/// Numbers at and beyond the ends of fields.
#[rustfmt::skip]
const NUMBERS: [i64; 26] = [
    -1, 0, 1, 2, 3, 4, 5, 7, 8, 10, 11, 20, 21, 200, 201, 255, 256, 731, 732, 10_000, 10_001, 1_000_000, 1_000_001,
    4_294_967_296, 1_000_000_000_000, 1_000_000_000_001,
];

/// Texts that are right in one field or another, and texts that are right in none.
#[rustfmt::skip]
const TEXTS: &[&str] = &[
    "", " ", "x", " x", "x ", "x\u{a0}", "\u{3000}x", "x\n", "a\nb", "=x", "＋x", "-x", "a\u{202e}b", "a\u{e0041}b",
    "\u{fffe}", "\u{7}", "kid", "Kid", "a--b", "-a", "a-", "A_1", "a_1", "*", "15", "17", "153", "1508", "00", "SH",
    "XX", "bund", "99107023017000", "17107023017000", "10092", "1009", "2026-01-01", "2024-02-29", "2100-02-29",
    "2000-02-29", "2026-02-30", "2026-13-01", "1899-12-31", "2199-12-31", "2200-01-01", "2026-1-1",
    "2026-11-23T10:00:00Z", "2026-11-23T10:00:00.5Z", "2026-11-23T10:00:00.50Z", "2026-11-23T10:00:60Z",
    "2026-11-23T24:00:00Z", "2026-11-23T10:00:00+00:00", "2026-11-23T10:00:00.1234Z", "probe/log/kid/1",
    "probe/log/kid/01", "probe/log/kid/1000001", "probe/log/Kid/1", "probe/kid/1", "kid.example:7443",
    "kid.example:0", "kid.example:65536", "[::1]:443", "kid.example", "closed", "binding", "interest",
    "framework-agreement", "owner", "taxed", "exempt", "per-use", "once", "per-year", "koenigstein", "fixed",
    "not-a-parent", "none", "public", "2.0", "barleben", "kitu", "a\u{308}", "2199-12-31T23:30:00Z", "[:::]:443",
    "contested", "approver",
];

/// What may stand anywhere and is right almost nowhere.
fn palette() -> Vec<Value> {
    let mut values =
        vec![json!(null), json!(true), json!(false), json!([]), json!({}), json!([1]), json!({ "x": 1 })];
    values.extend(NUMBERS.map(Value::from));
    values.extend([json!(1.5), json!(1_i64 << 53), json!(2100), json!(2101), json!(1899)]);
    values
        .extend([64, 65, 100, 101, 200, 201, 300, 301, 500, 501, 1_000, 1_001, 4_001].map(|n| json!("X".repeat(n))));
    values.extend([40, 41].map(|n| json!("a".repeat(n))));
    values.extend([32, 64, 63].map(|n| json!("5".repeat(n))));
    values.extend(TEXTS.iter().map(|text| json!(text)));
    values
}

/// Every place in a document, the document itself among them.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, inner)| places(inner, &format!("{path}/{key}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| places(inner, &format!("{path}/{at}"), found));
        }
        _ => {}
    }
}

/// Everything that can happen to one place.
fn mutations(sample: &Value, path: &str, palette: &[Value]) -> Vec<Value> {
    let mut all = Vec::new();
    let mut change = |at: &dyn Fn(&mut Value)| {
        let mut changed = sample.clone();
        at(changed.pointer_mut(path).expect("just found"));
        all.push(changed);
    };
    palette.iter().for_each(|value| change(&|place| *place = value.clone()));
    match sample.pointer(path).expect("just found") {
        Value::Object(fields) => {
            for key in fields.keys() {
                change(&|place| drop(place.as_object_mut().expect("an object").remove(key)));
            }
            let later = [
                json!(1),
                json!(null),
                json!("a\nb"),
                json!("a\u{202e}b"),
                json!([null, { "x": [1] }]),
                json!({ "X": 1 }),
                json!({ "x": null }),
                json!(1.5),
                json!("x".repeat(4_001)),
            ];
            let deep = (0..DEPTH_MAX).fold(json!(1), |inner, _| json!([inner]));
            change(&|place| place["later"] = deep.clone());
            for value in &later {
                change(&|place| place["later"] = value.clone());
            }
            for name in ["Later", "later ", "spät", "x-9_", "tota1"] {
                change(&|place| place[name] = json!(1));
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for length in
                [0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 14, 15, 20, 21, 32, 33, 64, 65, 100, 101, 200, 201, 400, 401]
            {
                let one = &items[0];
                change(&|place| *place = (0..length).map(|_| one.clone()).collect());
                // Names that differ, where they are names.
                if one.is_string() {
                    change(&|place| *place = (0..length).map(|at| json!(format!("ort-{at}"))).collect());
                    change(&|place| *place = (0..length).map(|at| json!(format!("{at:064x}"))).collect());
                }
            }
        }
        _ => {}
    }
    all
}

fn read(kind: &Kind, body: &Value) -> Result<Body, Refusal> {
    Body::read_payload(kind, &serde_json::to_vec(body).expect("JSON"))
}

/// What schema and node say of the same body must agree, but for what no schema can say.
#[derive(Default)]
struct Compared {
    bodies: usize,
    accepted: usize,
    beyond: BTreeMap<(Reason, String), String>,
    wrong: Vec<String>,
}

impl Compared {
    fn compare(&mut self, kind: &Kind, validator: &Validator, body: &Value) {
        self.bodies += 1;
        let read = read(kind, body);
        self.accepted += usize::from(read.is_ok());
        match (validator.is_valid(body), read) {
            (true, Ok(_)) | (false, Err(_)) => {}
            (true, Err(refusal)) => {
                let field = refusal.field("field").unwrap_or_default().to_owned();
                self.beyond.entry((refusal.reason, field)).or_insert_with(|| format!("{kind}: {refusal}"));
            }
            (false, Ok(_)) => {
                let why =
                    validator.iter_errors(body).next().map(|error| format!("{error} at {}", error.instance_path()));
                self.wrong.push(format!("{kind}: a node reads {body}, the schema does not: {why:?}"));
            }
        }
    }
}

#[test]
fn schemas_and_types_accept_the_same_bodies() {
    let (palette, mut compared, mut dice) = (palette(), Compared::default(), 1_u64);
    let mut throw = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).expect("31 bits") % sides
    };
    for (kind, sample) in samples() {
        let validator = validator(kind);
        compared.compare(kind, &validator, &sample);
        let mut all = Vec::new();
        places(&sample, "", &mut all);
        for path in &all {
            for body in mutations(&sample, path, &palette) {
                compared.compare(kind, &validator, &body);
                // Two changes at once, now and then.
                if throw(20) == 0 {
                    let second = &all[throw(all.len())];
                    if body.pointer(second).is_some() {
                        let twice = mutations(&body, second, &palette);
                        compared.compare(kind, &validator, &twice[throw(twice.len())]);
                    }
                }
            }
        }
    }
    assert!(
        compared.wrong.is_empty(),
        "{} of {}: {:#?}",
        compared.wrong.len(),
        compared.bodies,
        &compared.wrong[..5.min(compared.wrong.len())]
    );
    let rule_of =
        |reason: Reason, field: &str| BEYOND.iter().find(|rule| rule.0 == reason && ["*", field].contains(&rule.1));
    let unlisted: Vec<&String> = compared
        .beyond
        .iter()
        .filter(|((reason, field), _)| rule_of(*reason, field).is_none())
        .map(|found| found.1)
        .collect();
    assert!(unlisted.is_empty(), "{} of {}: {unlisted:#?}", unlisted.len(), compared.bodies);
    let met: BTreeSet<_> = compared.beyond.keys().filter_map(|(reason, field)| rule_of(*reason, field)).collect();
    let idle: Vec<_> = BEYOND.iter().filter(|rule| !met.contains(rule)).collect();
    assert!(idle.is_empty(), "no body shows {idle:?}");
    assert!(
        compared.bodies > 100_000 && compared.accepted > 5_000,
        "{} bodies, {} accepted",
        compared.bodies,
        compared.accepted
    );
}

#[test]
fn rules_beyond_schemas_stand_in_the_contract() {
    let contract = std::fs::read_to_string(folder().join("../README.md")).expect("the contract");
    let missing: Vec<&str> =
        BEYOND.iter().map(|(reason, _)| reason.code()).filter(|code| !contract.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn one_form_has_one_definition() {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for kind in Kind::ALL {
        let schema: Value = serde_json::from_str(schema(kind).expect("a schema")).expect("JSON");
        for (name, form) in schema["$defs"].as_object().expect("definitions") {
            assert_eq!(known.entry(name.clone()).or_insert_with(|| form.clone()), form, "{kind}: {name}");
        }
    }
    let files = std::fs::read_dir(folder()).expect("a folder").count();
    assert_eq!(files, Kind::ALL.len() + 1, "one schema for every kind, and the vectors");
}

/// One statement of every kind, signed by the key whose seed is 32 bytes of 7; what a stranger must get as well.
fn vectors() -> String {
    let key = SecretKey::from_seed(&[7; 32]);
    let mut seen = BTreeSet::new();
    let vectors: Vec<Value> = samples()
        .filter(|(kind, _)| seen.insert(*kind))
        .map(|(kind, body)| {
            let signed = Signed::sign(kind, &body, &[&key]);
            let (text, pae) =
                [signed.payload(), signed.pae()].map(|bytes| std::str::from_utf8(bytes).expect("UTF-8")).into();
            json!({ "kind": kind.name(), "payload": text, "pae": pae, "statement_id": signed.id().to_string(),
                "signature": hex::encode(signed.signatures()[0].signature.0) })
        })
        .collect();
    let public = key.public();
    let value = json!({ "seed": hex::encode([7; 32]), "public_key": public.to_string(), "key_hash": public.hash().to_string(),
        "statements": vectors });
    format!("{value:#}\n")
}

#[test]
fn every_kind_has_a_vector() {
    let (path, found) = (folder().join("vectors.json"), vectors());
    if std::env::var_os("VERBUND_BLESS").is_some() {
        std::fs::write(&path, &found).expect("a writable file");
    }
    let pinned = std::fs::read_to_string(&path).expect("the vectors; VERBUND_BLESS=1 writes them");
    assert!(found == pinned, "proto/schema/vectors.json differs; VERBUND_BLESS=1 writes it anew");
    assert_eq!(EXAMPLES, pinned, "the program shows what stands there");
}
