//! What to type after an answer was lost: the same command where it takes effect once, however often it arrives.
use std::ffi::OsString;

use crate::domain::reason::{Reason, Refusal};

/// The refusal of an unknown outcome with the command that is safe (`next`), unless it names one already; any other as it is.
pub fn with_next(refusal: Refusal, arguments: &[OsString]) -> Refusal {
    if refusal.reason != Reason::OutcomeUnknown || refusal.field("next").is_some() {
        return refusal;
    }
    let mut words: Vec<String> = arguments.iter().map(|word| quoted(&word.to_string_lossy())).collect();
    let is_named = words.iter().any(|word| word == "--request-id" || word.starts_with("--request-id="));
    // The number was made up for this request: without it the same command would be another order.
    if let (Some(id), false, true) =
        (refusal.field("request_id"), is_named, words.iter().any(|word| word == "submit"))
    {
        words.extend(["--request-id".to_owned(), quoted(id)]);
    }
    refusal.with("next", words.join(" "))
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_is_safe_is_the_same_one_with_its_number() {
        let next = |words: &[&str], refusal: Refusal| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            with_next(refusal, &words).field("next").map(ToOwned::to_owned)
        };
        let lost = || Refusal::new(Reason::OutcomeUnknown);
        let submit = ["verbund", "order", "submit", "--offering", "a/b", "--purpose", "Müller's Amt"];
        assert_eq!(
            next(&submit, lost().with("request_id", "r 1")).as_deref(),
            Some("verbund order submit --offering a/b --purpose 'Müller'\\''s Amt' --request-id 'r 1'")
        );
        for named in [&["verbund", "order", "submit", "--request-id", "r1"][..], &["verbund", "order", "send", "f"]] {
            assert_eq!(next(named, lost().with("request_id", "r1")), Some(named.join(" ")));
        }
        let seal = ["verbund", "order", "seal", "abcd1234"];
        assert_eq!(next(&seal, lost()).as_deref(), Some("verbund order seal abcd1234"));
        let look = lost().with("next", "verbund order show abcd1234");
        assert_eq!(next(&seal, look).as_deref(), Some("verbund order show abcd1234"));
        assert_eq!(next(&seal, Refusal::new(Reason::OrderUnknown)), None);
    }
}
