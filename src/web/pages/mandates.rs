//! *Abrufvollmachten*: what the officer's organisation lets others order for it, and what it may order for others, as `need mandates`
//! lists it.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::domain::id::{OrgId, StatementId};
use crate::domain::order::mandate::Mandate;
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::officer::Officer;
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::Shell;
use crate::web::words::{self, filled};
use crate::wire::mandates::{MandateListing, mandates};
use crate::wire::pb::order::v1 as pb;

/// Behind the question mark: where the page begins.
const TOKEN: &str = "seite";

/// Mandates on a page.
const PAGE_SIZE: i32 = 50;

#[derive(Template)]
#[template(path = "mandates.html", config = "src/web/askama.toml")]
struct Mandates {
    shell: Shell,
    cards: Vec<Card>,
    needs: String,
    next: Option<String>,
    first: Option<String>,
}

struct Card {
    /// Given to whom, or received from whom.
    heading: String,
    state: &'static str,
    cap: String,
    until: String,
    officer: String,
    need: String,
    /// Where a colleague approves it.
    approve: Option<String>,
}

pub(super) async fn show(State(desk): State<Desk>, officer: Officer, RawQuery(query): RawQuery) -> Response {
    let Officer { visit, org, .. } = officer;
    let shell = visit.shell();
    let made = async {
        let token = Query::read(&query.unwrap_or_default())?.first(TOKEN).to_owned();
        let wanted = pb::ListMandatesRequest { page_size: PAGE_SIZE, page_token: token.clone() };
        let (listing, own) = (MandateListing::try_from(wanted)?, org.clone());
        let found = desk.ask_node(move |node, _| Ok(mandates(node, &own, &listing))).await?;
        desk.ask(move |view, _, now| Ok(Mandates::of(shell, view, &org, &found, &token, now))).await
    };
    visit.answered::<Mandates>(made.await)
}

impl Mandates {
    fn of(
        shell: Shell,
        view: &View,
        own: &OrgId,
        found: &pb::ListMandatesResponse,
        token: &str,
        now: Timestamp,
    ) -> Self {
        let on = |token: &str| shell.with_query(Place::Mandates, &[(TOKEN, token)]);
        // An approval says the same terms again; it shows in the state of what it approves.
        let firsts = found.mandates.iter().filter(|mandate| mandate.approves.is_empty());
        Self {
            cards: firsts.map(|mandate| card(&shell, view, own, mandate, now)).collect(),
            needs: shell.href(Place::Needs),
            next: (!found.next_page_token.is_empty()).then(|| on(&found.next_page_token)),
            first: (!token.is_empty()).then(|| shell.href(Place::Mandates)),
            shell,
        }
    }
}

fn card(shell: &Shell, view: &View, own: &OrgId, mandate: &pb::Mandate, now: Timestamp) -> Card {
    let (t, lang) = (shell.t, shell.lang());
    let is_given = mandate.org == own.as_str();
    let (text, other) = if is_given { (t.mandate_to, &mandate.to) } else { (t.mandate_from, &mandate.org) };
    let until = mandate.until.parse().ok();
    let is_over = until.is_some_and(|until| now.date() > until);
    let waits = !mandate.waits_for.is_empty();
    Card {
        heading: filled(text, &[("org", &words::party(view, other))]),
        state: match (is_over, waits) {
            (true, _) => t.need_over,
            (false, true) => t.mandate_waits,
            (false, false) => t.mandate_counts,
        },
        cap: words::cents(mandate.cap_cents, lang),
        until: until.map(|until| words::date(until, lang)).unwrap_or_default(),
        officer: mandate.officer.clone(),
        need: mandate.need_id.clone(),
        approve: approving(mandate).filter(|_| is_given && waits && !is_over).map(|place| shell.href(place)),
    }
}

fn approving(mandate: &pb::Mandate) -> Option<Place> {
    let (org, need): (OrgId, StatementId) = (mandate.org.parse().ok()?, mandate.need_id.parse().ok()?);
    Some(Place::MandateApproving(Mandate::matter(&org, &need), mandate.statement_id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::domain::statement::Kind;
    use crate::web::fixture::Reader;

    /// Whoever has given a mandate sees it and whoever has received it, with its limits and whether it counts; nobody else does.
    #[tokio::test]
    async fn mandates_are_listed_to_both_sides_and_to_nobody_else() {
        let mut reader = Reader::new();
        assert_eq!(reader.get("/vollmachten").await.status, StatusCode::SEE_OTHER, "who reads them has signed in");
        reader.need("town", "99107023017000");
        let need = reader.needs_of("town")[0];
        reader.sign_in("town", "einkauf").await;
        assert!(reader.get("/bedarf/eigener").await.ok().contains("href=\"/vollmachten\""), "it is found");
        assert!(reader.get("/vollmachten").await.ok().contains("Keine Abrufvollmacht"));
        let given = format!("/bedarf/{need}/vollmacht?ueber=kitu&hoechstens=20000&tag=30.6.2027");
        let page = reader.get(&given).await.ok();
        let given = reader.sign(&page, &Kind::Mandate, "town", "einkauf");
        reader.hand_in(&given).await.ok();
        let own = reader.get("/vollmachten").await.ok();
        for part in ["An kitu im Test", "20.000,00 €", "30.06.2027", "einkauf", "wartet auf Freigabe"] {
            assert!(own.contains(part), "{part}: {own}");
        }
        let approve = own.split("href=\"/vollmachten/").nth(1).and_then(|rest| rest.split('"').next());
        let approve = format!("/vollmachten/{}", approve.expect("a link"));
        reader.sign_in("town", "leitung").await;
        let page = reader.get(&approve).await.ok();
        let approval = reader.sign(&page, &Kind::Mandate, "town", "leitung");
        reader.hand_in(&approval).await.ok();
        let own = reader.get("/vollmachten").await.ok();
        assert!(own.contains("(gilt)") && !own.contains(&approve), "{own}");
        assert_eq!(own.matches("An kitu im Test").count(), 1, "an approval is no mandate of its own: {own}");
        reader.sign_in("kitu", "leitung").await;
        let received = reader.get("/vollmachten").await.ok();
        assert!(received.contains("Von town im Test") && received.contains("(gilt)"), "{received}");
        reader.sign_in("loner", "leitung").await;
        assert!(reader.get("/vollmachten").await.ok().contains("Keine Abrufvollmacht"));
        assert_eq!(reader.get("/vollmachten?seite=x").await.status, StatusCode::BAD_REQUEST);
    }
}
