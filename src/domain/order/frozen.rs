//! Whether a frozen search can be what it says: its state of knowledge against what logs and witnesses say.
//!
//! Nothing in an order rests on it; but who reads the record years later must not be told of a search that never was.
use crate::domain::grounds::Selection;
use crate::domain::id::{Hash, Origin};
use crate::domain::order::timely::WITNESSING_MS;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;

/// The offering chosen lay within what was known, witnesses had not seen the request before the search, and the logs named
/// have these roots. `root_at` gives the root of a log at a size, where it is known.
pub fn check_selection(
    selection: &Selection,
    (log, index): &(Origin, u64),
    requested: Option<Timestamp>,
    root_at: impl Fn(&Origin, u64) -> Option<Hash>,
) -> Result<(), Refusal> {
    let refuse = |rule: &str| Refusal::new(Reason::SelectionUnfounded).with("rule", rule);
    if !selection.known.iter().any(|known| known.log == *log && *index < known.size) {
        return Err(refuse("the offering was not known yet").with("log", log).with("index", index));
    }
    if requested.is_some_and(|requested| requested.plus_ms(WITNESSING_MS) < selection.frozen_at) {
        return Err(refuse("frozen after the request").with("day", selection.frozen_at));
    }
    for known in &selection.known {
        if root_at(&known.log, known.size).is_some_and(|root| root != known.root) {
            return Err(refuse("another root").with("log", &known.log).with("size", known.size));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_frozen_search_rests_on_what_could_be_known() {
        let selection = json!({ "node": "kitu", "frozen_at": "2026-11-30T10:00:00Z", "found": 7, "place": 2,
            "known": [{ "log": "probe/log/kid/1", "size": 4, "root": "05".repeat(32) }] });
        let selection: Selection = serde_json::from_value(selection).expect("a selection");
        let check = |log: &str, index, requested: Option<&str>, root: Option<Hash>| {
            let place = (log.parse().expect("a log"), index);
            let requested = requested.map(|text| text.parse::<Timestamp>().expect("a time"));
            check_selection(&selection, &place, requested, |_, size| root.filter(|_| size == 4)).err()
        };
        let rule = |refusal: Option<Refusal>| refusal.and_then(|refusal| refusal.field("rule").map(str::to_owned));
        let (kid, same) = ("probe/log/kid/1", Some(Hash([5; 32])));
        assert_eq!(check(kid, 3, Some("2026-11-30T10:00:00Z"), same), None);
        assert_eq!(check(kid, 3, Some("2026-11-30T09:50:00Z"), same), None, "clocks differ");
        assert_eq!(check(kid, 3, None, None), None, "nobody here knows that root, nor when");
        let unknown = Some("the offering was not known yet".to_owned());
        assert_eq!(rule(check(kid, 4, None, same)), unknown, "published afterwards");
        assert_eq!(rule(check("probe/log/kid/2", 3, None, same)), unknown, "a log that it does not name");
        let late = rule(check(kid, 3, Some("2026-11-30T09:49:59Z"), same));
        assert_eq!(late.as_deref(), Some("frozen after the request"));
        assert_eq!(rule(check(kid, 3, None, Some(Hash([6; 32])))).as_deref(), Some("another root"));
    }
}
