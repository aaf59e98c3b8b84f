//! Names of fields, which must not be mistaken for one another.
//!
//! A later version may add fields, and this one passes over them. But a reader in another language may take `Total` for
//! `total`, and a person a Cyrillic letter for a Latin one; then two readers see two things in what was signed. So a name
//! consists of a few plain letters, and a name that is not known here must not look like one that is.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};

/// Every name in the body of any kind, variants of [`crate::domain::order::milestone::Event`] and the texts of annexes
/// included, in order.
#[rustfmt::skip]
pub const KNOWN: &[&str] = &[
    "about", "accept_assumed", "act", "activity_above", "activity_age_max", "activity_basis", "activity_share",
    "activity_years", "add", "addresses", "after", "against", "agreed", "agreement", "agrees", "all_represented",
    "alone_since", "alternatives", "amends", "annex", "annexes", "approve", "approves", "area", "as_of",
    "assumed", "attempt", "authority", "auto_seal", "award", "basis", "binds_until", "bodies", "bundle", "bus",
    "buyer", "cap", "catalogue", "central_purchasing", "cents", "chain", "character_kept", "choice",
    "circumstances", "citation", "common_goals", "completes", "components", "confirms", "connected", "connection",
    "considered", "contact", "contracting_authority", "contrary_interests", "cooperation", "copied", "corrects",
    "coverage", "d_stack", "data_location", "decision", "decisive_influence", "description", "device", "due",
    "dvdv", "efa_confirmed", "ends_on", "entrustment", "entry", "epoch", "event", "evidence", "federation", "fee",
    "filters", "found", "from", "frozen_at", "ground", "grounds", "group", "holds", "home_node", "index",
    "indexation", "inhabitants", "interfaces", "item", "joint_influence", "key", "keys", "kind", "known",
    "known_from", "last_good", "lead_land", "leg", "legal_form", "leika", "leika_types", "level", "licence",
    "limit", "limit_per_year", "log", "mandate", "market_basis", "market_below", "market_share", "market_years",
    "maturity", "member", "members", "message", "mode", "model", "modification", "municipality", "name", "nature",
    "need", "new_epoch", "next_sha256", "node", "nodes", "not_included", "note", "notice_days", "number", "of",
    "offering", "officer", "on", "open", "operates", "operator", "order", "org", "outcome", "ozg", "paragraphs",
    "parties", "party", "payers", "payers_source", "place", "portal", "portals", "predecessor", "prev", "price",
    "private_advantage", "private_capital", "private_share", "procedure", "procedure_began", "productive",
    "provider", "provides", "provision", "public_interest", "purpose", "quantities", "query", "quorum",
    "quote_by", "rate", "reason", "received_at", "reference", "references", "relation", "remit_since",
    "reorganised_on", "reported_on", "repository", "represented_by", "request", "request_id", "requires",
    "result", "revoke", "revoked", "rise", "role", "roles", "root", "route", "rule_pack", "salt", "scope", "seal",
    "seal_by", "searched", "seat", "sector", "selection", "seller", "seq", "share", "signed_at", "since", "size",
    "sole", "source", "sovereignty", "specialised_systems", "split", "stand", "successor", "switch", "switches",
    "target_group", "tariff", "task", "tax", "term_years", "term_years_min", "terminated", "terms", "threshold",
    "through", "title", "tls_sha256", "to", "topic", "total", "total_max", "treatment", "trustees", "turnover",
    "until", "uses", "uses_min", "valid_from", "valid_to", "vat", "verdict", "version", "void", "volume", "votes",
    "weight", "weights", "what", "who", "why", "witnesses", "year",
];

/// What each of them looks like.
static LOOKS: LazyLock<BTreeMap<String, &str>> =
    LazyLock::new(|| KNOWN.iter().map(|name| (look_of(name), *name)).collect());

/// The names under which a list may stand.
#[rustfmt::skip]
pub const LISTS: &[&str] = &[
    "about", "activity_years", "add", "addresses", "agreed", "alternatives", "annexes", "assumed", "bodies",
    "chain", "components", "confirms", "connection", "considered", "coverage", "dvdv", "evidence", "fee",
    "filters", "interfaces", "keys", "known", "last_good", "leika", "leika_types", "market_years", "members",
    "nodes", "not_included", "paragraphs", "parties", "payers", "portals", "price", "provides", "references",
    "requires", "revoke", "roles", "route", "specialised_systems", "split", "switches", "trustees",
];

/// Whether this version knows the name.
pub fn is_known(name: &str) -> bool {
    among(KNOWN, &STARTS_KNOWN, name)
}

/// Whether a list may stand under the name.
pub fn is_list(name: &str) -> bool {
    among(LISTS, &STARTS_LISTS, name)
}

/// Where the names with each first letter begin. Every field of every statement is looked up: a few comparisons instead of
/// eight.
type Starts = [usize; 27];

static STARTS_KNOWN: LazyLock<Starts> = LazyLock::new(|| starts(KNOWN));
static STARTS_LISTS: LazyLock<Starts> = LazyLock::new(|| starts(LISTS));

fn starts(names: &[&str]) -> Starts {
    std::array::from_fn(|letter| names.partition_point(|name| letter_of(name).is_none_or(|own| own < letter)))
}

/// The place of the first letter in the alphabet; all names of this version begin with one.
fn letter_of(name: &str) -> Option<usize> {
    let first = *name.as_bytes().first()?;
    first.is_ascii_lowercase().then(|| usize::from(first - b'a'))
}

fn among(names: &[&str], starts: &Starts, name: &str) -> bool {
    letter_of(name).is_some_and(|letter| names[starts[letter]..starts[letter + 1]].binary_search(&name).is_ok())
}

/// Refuses a name that can be mistaken for another.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    if is_known(name) {
        return Ok(());
    }
    let refusal = || Refusal::new(Reason::FieldLooksAlike).with("field", shortened(name));
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b)) {
        return Err(refusal());
    }
    let look = look_of(name);
    match LOOKS.get(&look) {
        Some(known) => Err(refusal().with("like", known)),
        None => Ok(()),
    }
}

/// What a hasty reader sees: no underscores and hyphens, `0` as `o`, `1` and `i` as `l`, `rn` as `m`, `vv` as `w`.
fn look_of(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
    let seen: String = letters
        .map(|c| match c {
            '0' => 'o',
            '1' | 'i' => 'l',
            other => other,
        })
        .collect();
    seen.replace("rn", "m").replace("vv", "w")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_known_here_are_in_order_and_look_different() {
        assert!(KNOWN.is_sorted_by(|a, b| a < b) && LISTS.is_sorted_by(|a, b| a < b));
        assert!(LISTS.iter().all(|name| is_known(name) && is_list(name)) && KNOWN.iter().all(|name| is_known(name)));
        assert!(["", "zzz", "Äther", "0", "a", "~"].iter().all(|name| !is_known(name) && !is_list(name)));
        assert_eq!(LOOKS.len(), KNOWN.len());
    }

    #[test]
    fn names_that_look_like_known_ones_are_refused_and_others_passed_over() {
        for name in ["total", "later", "valid_until", "neu-2027", "x"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in [
            "Total",
            "TOTAL",
            "tоtal",
            "ｔｏｔａｌ",
            "to\u{200b}tal",
            "total ",
            "tota1",
            "t0tal",
            "totai",
            "to_tal",
            "valid-to",
            "validto",
            "validTo",
            "valid_to_",
            "signed.at",
            "",
            "größe",
        ] {
            let refusal = check_name(name).expect_err(name);
            assert_eq!(refusal.reason, Reason::FieldLooksAlike, "{name}");
        }
    }
}
