//! *Ich bin dran*: what waits for the officer who has signed in, oldest first, as `order inbox` lists it.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::domain::id::{OrderId, StatementId};
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::officer::Officer;
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::Shell;
use crate::web::texts::Texts;
use crate::web::words::{self, filled};
use crate::wire;
use crate::wire::inbox::{InboxListing, inbox};
use crate::wire::pb::order::v1 as pb;

/// Behind the question mark: where the page begins.
const TOKEN: &str = "seite";

/// Errands on a page.
const PAGE_SIZE: i32 = 50;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Template)]
#[template(path = "inbox.html", config = "src/web/askama.toml")]
struct Inbox {
    shell: Shell,
    counted: String,
    cards: Vec<Card>,
    next: Option<String>,
    first: Option<String>,
}

struct Card {
    errand: &'static str,
    title: String,
    by: String,
    cap: String,
    since: String,
    age: String,
    due: String,
    /// The order's page; a mandate has none.
    href: Option<String>,
    /// Where what a colleague or another party has signed is signed as well, and what that is called.
    also: Option<(String, &'static str)>,
}

pub(super) async fn show(State(desk): State<Desk>, officer: Officer, RawQuery(query): RawQuery) -> Response {
    let Officer { visit, proof, org, .. } = officer;
    let shell = visit.shell();
    let made = async {
        let query = Query::read(&query.unwrap_or_default())?;
        let token = query.first(TOKEN).to_owned();
        let wanted = pb::ListInboxRequest { page_size: PAGE_SIZE, page_token: token.clone() };
        let listing = InboxListing::try_from(wanted)?;
        let found = desk.ask_node(move |node, now| Ok(inbox(node, org, &proof, &listing, now))).await?;
        desk.ask(move |view, _, now| Ok(Inbox::of(shell, view, &found, &token, now))).await
    };
    visit.answered::<Inbox>(made.await)
}

impl Inbox {
    fn of(shell: Shell, view: &View, found: &pb::ListInboxResponse, token: &str, now: Timestamp) -> Self {
        let t = shell.t;
        let on = |token: &str| shell.with_query(Place::Inbox, &[(TOKEN, token)]);
        let is_all = token.is_empty() && found.next_page_token.is_empty();
        let count = words::number(found.entries.len(), shell.lang());
        Self {
            counted: match found.entries.len() {
                0 => t.inbox_none.to_owned(),
                _ if !is_all => String::new(),
                1 => t.inbox_count_1.to_owned(),
                _ => filled(t.inbox_count_n, &[("n", &count)]),
            },
            cards: found.entries.iter().map(|entry| card(&shell, view, entry, now)).collect(),
            next: (!found.next_page_token.is_empty()).then(|| on(&found.next_page_token)),
            first: (!token.is_empty()).then(|| shell.href(Place::Inbox)),
            shell,
        }
    }
}

fn card(shell: &Shell, view: &View, entry: &pb::InboxEntry, now: Timestamp) -> Card {
    let (t, lang) = (shell.t, shell.lang());
    let is_mandate = entry.errand() == pb::Errand::ApproveMandate;
    let day = entry.day.parse().map(|day| words::date(day, lang)).unwrap_or_default();
    Card {
        errand: errand(entry.errand(), t),
        title: entry.offering_title.clone(),
        by: words::party(view, &entry.by),
        cap: words::cents(entry.cap_cents, lang),
        since: words::instant(entry.since.as_ref().map(wire::instant), lang),
        age: entry.since.as_ref().map(|since| age(wire::instant(since), now, t)).unwrap_or_default(),
        due: if entry.due.is_some() { words::instant(entry.due.as_ref().map(wire::instant), lang) } else { day },
        href: entry.order_id.parse().ok().filter(|_| !is_mandate).map(|id| shell.href(Place::Order(id))),
        also: also(entry, t).map(|(place, label)| (shell.href(place), label)),
    }
}

fn also(entry: &pb::InboxEntry, t: &Texts) -> Option<(Place, &'static str)> {
    let (order, said): (OrderId, StatementId) = (entry.order_id.parse().ok()?, entry.statement_id.parse().ok()?);
    match entry.errand() {
        pb::Errand::ApproveMandate => Some((Place::MandateApproving(order, said), t.act_mandate_approve)),
        pb::Errand::Agree => Some((Place::Agreeing(order, said), t.act_agree)),
        _ => None,
    }
}

/// Days by the calendar of Germany, as people count them.
fn age(since: Timestamp, now: Timestamp, t: &Texts) -> String {
    match now.date().begins().since_ms(since.date().begins()).max(0) / DAY_MS {
        0 => t.inbox_age_0.to_owned(),
        1 => t.inbox_age_1.to_owned(),
        days => filled(t.inbox_age_n, &[("n", &days.to_string())]),
    }
}

fn errand(errand: pb::Errand, t: &Texts) -> &'static str {
    match errand {
        pb::Errand::Approve => t.errand_approve,
        pb::Errand::Decide => t.errand_decide,
        pb::Errand::Seal => t.errand_seal,
        pb::Errand::Confirm => t.errand_confirm,
        pb::Errand::Agree => t.errand_agree,
        pb::Errand::ApproveMandate => t.errand_mandate,
        pb::Errand::Clarify => t.errand_clarify,
        pb::Errand::Notice => t.errand_notice,
        pb::Errand::Unspecified => t.errand_unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Lang;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_shows_to_each_officer_what_waits_for_them() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |request| {
            request.total_max = crate::domain::money::Cents::try_from(2_000_000).expect("an amount")
        });
        reader.sign_in("town", "einkauf").await;
        assert!(reader.get("/dran").await.ok().contains("Nichts wartet auf Sie."));
        reader.sign_in("town", "leitung").await;
        let page = reader.get("/dran").await.ok();
        for part in
            ["Bestellung freigeben", "Wohngeld digital", "town im Test", "20.000,00 €", "heute", &id.to_string()]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[test]
    fn ages_are_counted_in_days_of_the_calendar() {
        let t = Texts::of(Lang::De);
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let now = at("2026-11-23T00:30:00Z");
        for (since, told) in [
            ("2026-11-23T00:10:00Z", "heute"),
            ("2026-11-22T22:50:00Z", "seit gestern"),
            ("2026-11-13T10:00:00Z", "seit 10 Tagen"),
            ("2027-01-01T00:00:00Z", "heute"),
        ] {
            assert_eq!(age(at(since), now, t), told, "{since}");
        }
    }
}
