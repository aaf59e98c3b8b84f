//! Everything that is wrong with a body at once, for whoever writes one.
//!
//! The rules are those of [`Body::read_payload`], which stops at the first that is broken. So what it names is mended with the
//! value of an example, and the body is read again, until nothing is left that can be mended.
use serde_json::Value;

use crate::domain::body::Body;
use crate::domain::reason::Refusal;
use crate::domain::statement::Kind;

/// More than anybody mends before they check again.
const FINDINGS_MAX: usize = 50;

/// What is wrong with a body, in the order in which a node would meet it. Empty if a node reads it. `example` is a body of
/// the kind with every field.
pub fn findings(kind: &Kind, payload: &[u8], example: Option<&Value>) -> Vec<Refusal> {
    let (mut bytes, mut found) = (payload.to_vec(), Vec::new());
    while let Err(refusal) = Body::read_payload(kind, &bytes) {
        if found.contains(&refusal) || found.len() >= FINDINGS_MAX {
            break;
        }
        let mended = example.and_then(|example| mended(&bytes, &refusal, example));
        found.push(refusal);
        let Some(next) = mended else { break };
        bytes = next;
    }
    found
}

/// The field a refusal is about: a path such as `price[0].cents`, or none.
pub fn field_of(refusal: &Refusal) -> Option<String> {
    let within = refusal.field("field").map(ToOwned::to_owned);
    match (within, missing(refusal)) {
        (Some(path), Some(name)) => Some(format!("{path}.{name}")),
        (within, name) => within.or_else(|| name.map(ToOwned::to_owned)),
    }
}

/// The name of a required field that is not there; the JSON library says so in words.
fn missing(refusal: &Refusal) -> Option<&str> {
    refusal.field("why")?.strip_prefix("missing field `")?.split('`').next()
}

/// The body with the field as it is in the example, or without it if the example has none.
fn mended(bytes: &[u8], refusal: &Refusal, example: &Value) -> Option<Vec<u8>> {
    let mut body: Value = serde_json::from_slice(bytes).ok()?;
    let path = field_of(refusal)?;
    let steps = steps(&path);
    let own = place(&body, &steps).unwrap_or_else(|| deep(&body, &steps).unwrap_or_else(|| steps.clone()));
    let (name, parent) = own.split_last()?;
    let model: Vec<String> =
        own.iter().map(|step| if is_number(step) { "0".to_owned() } else { step.clone() }).collect();
    let good = example.pointer(&pointer(&model)).cloned();
    let parent = body.pointer_mut(&pointer(parent))?;
    match (parent, good) {
        (Value::Object(fields), Some(good)) => drop(fields.insert(name.clone(), good)),
        (Value::Object(fields), None) => drop(fields.remove(name)?),
        (Value::Array(items), Some(good)) => *items.get_mut(name.parse::<usize>().ok()?)? = good,
        _ => return None,
    }
    serde_json::to_vec(&body).ok()
}

/// `price[0].cents` as its steps.
fn steps(path: &str) -> Vec<String> {
    path.split(['.', '[', ']']).filter(|step| !step.is_empty()).map(ToOwned::to_owned).collect()
}

fn pointer(steps: &[String]) -> String {
    steps.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}

fn is_number(step: &str) -> bool {
    step.bytes().all(|b| b.is_ascii_digit())
}

/// The steps, if they lead to the field or to the object it is missing from.
fn place(body: &Value, steps: &[String]) -> Option<Vec<String>> {
    let (_, parent) = steps.split_last()?;
    let is_here =
        body.pointer(&pointer(steps)).is_some() || !parent.is_empty() && body.pointer(&pointer(parent)).is_some();
    is_here.then(|| steps.to_vec())
}

/// Rules name a field deep inside by its own name only: the first of that name.
fn deep(body: &Value, steps: &[String]) -> Option<Vec<String>> {
    let name = steps.last()?;
    let mut open: Vec<(Vec<String>, &Value)> = vec![(Vec::new(), body)];
    while let Some((path, value)) = open.pop() {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, inner)| (key.clone(), inner)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(at, inner)| (at.to_string(), inner)).collect(),
            _ => continue,
        };
        for (step, inner) in inner {
            let path: Vec<String> = path.iter().cloned().chain([step.clone()]).collect();
            if step == *name {
                return Some(path);
            }
            open.push((path, inner));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::statement::schemas::example;
    use crate::domain::reason::Reason;

    fn of_need(text: &str) -> Vec<(Reason, Option<String>)> {
        let example = example(&Kind::Need).expect("an example");
        let found = findings(&Kind::Need, text.as_bytes(), Some(&example));
        found.iter().map(|refusal| (refusal.reason, field_of(refusal))).collect()
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let field = |name: &str| Some(name.to_owned());
        let found = of_need(
            r#"{"municipality": "Barleben", "leika": ["99107023017000", "1"], "note": " x", "until": "31.03.2027"}"#,
        );
        let expected = [
            (Reason::NameInvalid, field("municipality")),
            (Reason::LeikaInvalid, field("leika[1]")),
            (Reason::TimeInvalid, field("until")),
            (Reason::TextMisshaped, field("note")),
        ];
        assert_eq!(found, expected);
        let found = of_need(r#"{"Note": "x", "leika": null}"#);
        assert_eq!(found.first(), Some(&(Reason::FieldLooksAlike, field("Note"))));
        let fields: Vec<_> = found.iter().filter_map(|(_, field)| field.as_deref()).collect();
        assert_eq!(fields, ["Note", "leika", "municipality", "note", "until"], "{found:?}");
    }

    #[test]
    fn a_good_body_has_no_findings_and_what_is_no_json_has_one() {
        let good = example(&Kind::Request).expect("an example").to_string();
        assert_eq!(findings(&Kind::Request, good.as_bytes(), None), []);
        assert_eq!(of_need("{").len(), 1);
        assert_eq!(of_need("[]").len(), 1);
    }
}
