//! Ids as people type them: the whole of one, or a beginning that no other id has. Tables show beginnings.
use std::str::FromStr;

use crate::cli::client::Client;
use crate::domain::id::{OrderId, ShortId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::wire::pb::node::v1::FoundStatement;
use crate::wire::pb::order::v1::ListOrdersRequest;

/// Fewest digits of an id that is suggested.
const DIGITS_MIN: usize = 8;

/// How many ids are suggested.
const SUGGESTED: usize = 3;

/// The order that is meant. `ID_AMBIGUOUS` if several begin so, `ORDER_UNKNOWN` with those that begin like it if none does.
pub async fn order(client: &mut Client, called: &ShortId) -> Result<OrderId, Refusal> {
    if let Ok(whole) = called.as_str().parse() {
        return Ok(whole);
    }
    let unknown = Refusal::new(Reason::OrderUnknown).with("order", called.as_str());
    if called.orders().is_none() {
        return Err(unknown);
    }
    let (ids, more) = beginning(client, called).await?;
    if !ids.is_empty() {
        return only(called, &ids, more);
    }
    let (like, _) = beginning(client, &called.shortest()).await?;
    Err(suggesting(unknown, &like))
}

/// Orders of the officer's organisation whose ids begin so, and whether there are others.
async fn beginning(client: &mut Client, called: &ShortId) -> Result<(Vec<String>, bool), Refusal> {
    let request = ListOrdersRequest { id_prefix: called.as_str().to_owned(), ..Default::default() };
    let page = client.order_page(request).await?;
    Ok((page.orders.into_iter().map(|order| order.id).collect(), !page.next_page_token.is_empty()))
}

/// The public statement that is meant, of one kind or of any.
pub async fn statement(client: &mut Client, kind: Option<&Kind>, called: &ShortId) -> Result<StatementId, Refusal> {
    if let Ok(whole) = called.as_str().parse() {
        return Ok(whole);
    }
    let (ids, more) = of_kind(client, kind, called).await?;
    if !ids.is_empty() || more {
        return only(called, &ids, more);
    }
    let unknown = Refusal::new(Reason::StatementUnknown).with("id", called.as_str());
    let (like, _) = of_kind(client, kind, &called.shortest()).await?;
    Err(suggesting(unknown, &like))
}

/// Ids of public statements of a kind that begin so, and whether there may be others.
pub async fn of_kind(
    client: &mut Client,
    kind: Option<&Kind>,
    called: &ShortId,
) -> Result<(Vec<String>, bool), Refusal> {
    let found = client.statements_beginning(called).await?;
    let is_kind = |found: &FoundStatement| kind.is_none_or(|kind| kind.name() == found.kind);
    let ids = found.statements.into_iter().filter(is_kind).map(|found| found.statement_id).collect();
    Ok((ids, found.more))
}

/// The one of some statements that is meant.
pub fn among<'i>(called: &ShortId, ids: impl IntoIterator<Item = &'i str>) -> Result<StatementId, Refusal> {
    if let Ok(whole) = called.as_str().parse() {
        return Ok(whole);
    }
    let mut ids: Vec<String> = ids.into_iter().map(ToOwned::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    let meant: Vec<String> = ids.iter().filter(|id| id.starts_with(called.as_str())).cloned().collect();
    if meant.is_empty() {
        let unknown = Refusal::new(Reason::StatementUnknown).with("id", called.as_str());
        ids.retain(|id| id.starts_with(called.shortest().as_str()));
        return Err(suggesting(unknown, &ids));
    }
    only(called, &meant, false)
}

fn only<T: FromStr<Err = Refusal>>(called: &ShortId, ids: &[String], more: bool) -> Result<T, Refusal> {
    match ids {
        [only] if !more => only.parse(),
        _ => Err(suggesting(Refusal::new(Reason::IdAmbiguous).with("id", called.as_str()), ids)),
    }
}

fn suggesting(refusal: Refusal, ids: &[String]) -> Refusal {
    if ids.is_empty() { refusal } else { refusal.with("like", told_apart(ids).join(", ")) }
}

/// Some ids, each as short as tells all of them apart.
pub fn told_apart(ids: &[String]) -> Vec<String> {
    let shown: Vec<&String> = ids.iter().take(SUGGESTED).collect();
    let first = |digits: usize| shown.iter().map(move |id| id.chars().take(digits).collect::<String>());
    let is_apart = |digits: &usize| {
        let mut seen = std::collections::BTreeSet::new();
        first(*digits).all(|short| seen.insert(short))
    };
    let longest = shown.iter().map(|id| id.len()).max().unwrap_or(0);
    first((DIGITS_MIN..longest).find(is_apart).unwrap_or(longest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(beginnings: &[&str]) -> Vec<String> {
        beginnings.iter().map(|beginning| format!("{beginning:0<64}")).collect()
    }

    #[test]
    fn a_beginning_names_one_statement_or_is_refused_with_those_it_may_mean() {
        let known = ids(&["abcd1234ffff", "abcd1234eeee", "abcd9"]);
        let asked = |called: &str| {
            let called = called.parse().expect("digits");
            among(&called, known.iter().map(String::as_str))
        };
        assert_eq!(asked("abcd9").map(|id| id.to_string()), Ok(known[2].clone()));
        assert_eq!(asked("abcd1234f").map(|id| id.to_string()), Ok(known[0].clone()));
        let whole = "0".repeat(64);
        assert_eq!(asked(&whole).map(|id| id.to_string()), Ok(whole), "a whole id stands for itself");
        let refusal = asked("abcd1234").expect_err("two begin so");
        assert_eq!(refusal.reason, Reason::IdAmbiguous);
        assert_eq!(refusal.field("like"), Some("abcd1234e, abcd1234f"));
        let refusal = asked("abcd7").expect_err("none begins so");
        assert_eq!(refusal.reason, Reason::StatementUnknown);
        assert_eq!(refusal.field("like"), Some("abcd1234e, abcd1234f, abcd90000"));
        assert_eq!(asked("ffff").expect_err("nothing like it").field("like"), None);
    }

    #[test]
    fn equal_ids_are_shown_whole() {
        assert_eq!(told_apart(&ids(&["ab", "ab"])), ids(&["ab", "ab"]));
        assert_eq!(told_apart(&ids(&["ab"])), ["ab000000"]);
        assert_eq!(told_apart(&[]), Vec::<String>::new());
    }
}
