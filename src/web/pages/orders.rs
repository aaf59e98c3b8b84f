//! *Bestellungen*: the orders of the officer's organisation, by stage, as `order list` shows them.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::domain::id::OrgId;
use crate::domain::reason::Refusal;
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::officer::Officer;
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::Shell;
use crate::web::words::{self, filled};
use crate::wire;
use crate::wire::order::{OrderListing, list};
use crate::wire::pb::order::v1 as pb;

/// Behind the question mark: where the page begins, which stage, and whether only what needs attention.
const TOKEN: &str = "seite";
const STAGE: &str = "stand";
const OVERDUE: &str = "achtung";

/// Orders on a page.
const PAGE_SIZE: i32 = 50;

const STAGES: [pb::Stage; 7] = [
    pb::Stage::AwaitingApproval,
    pb::Stage::InChain,
    pb::Stage::Offered,
    pb::Stage::Sealed,
    pb::Stage::Void,
    pb::Stage::Disputed,
    pb::Stage::Unsealed,
];

#[derive(Template)]
#[template(path = "orders.html", config = "src/web/askama.toml")]
struct Orders {
    shell: Shell,
    action: String,
    stages: Vec<Choice>,
    overdue_only: bool,
    counted: String,
    cards: Vec<Card>,
    next: Option<String>,
    first: Option<String>,
}

struct Choice {
    value: i32,
    label: &'static str,
    is_chosen: bool,
}

struct Card {
    href: Option<String>,
    title: String,
    stage: &'static str,
    attention: Option<&'static str>,
    buyer: String,
    provider: String,
    turn: String,
    total: String,
    updated: String,
    next: String,
}

/// What somebody asks for.
struct Asked {
    stage: i32,
    overdue_only: bool,
    token: String,
}

impl Asked {
    fn of(query: &Query) -> Self {
        // What is no number is checked as one that does not exist.
        let stage = query.first(STAGE);
        let stage = if stage.is_empty() { 0 } else { stage.parse().unwrap_or(-1) };
        Self { stage, overdue_only: query.first(OVERDUE) == "1", token: query.first(TOKEN).to_owned() }
    }

    fn listing(&self) -> Result<OrderListing, Refusal> {
        let Self { stage, overdue_only, token } = self;
        let (page_token, overdue_only) = (token.clone(), *overdue_only);
        pb::ListOrdersRequest { page_size: PAGE_SIZE, page_token, stage: *stage, overdue_only, ..Default::default() }
            .try_into()
    }

    fn href(&self, shell: &Shell, token: &str) -> String {
        let stage = self.stage.to_string();
        let values = [(STAGE, stage.as_str()), (OVERDUE, if self.overdue_only { "1" } else { "" }), (TOKEN, token)];
        let values: Vec<(&str, &str)> = values.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        shell.with_query(Place::Orders, &values)
    }
}

pub(super) async fn show(State(desk): State<Desk>, officer: Officer, RawQuery(query): RawQuery) -> Response {
    let Officer { visit, org, .. } = officer;
    let shell = visit.shell();
    let made = async {
        let asked = Asked::of(&Query::read(&query.unwrap_or_default())?);
        let listing = asked.listing()?;
        desk.ask(move |view, _, now| Ok(Orders::of(shell, &asked, &listing, view, &org, now))).await
    };
    visit.answered::<Orders>(made.await)
}

impl Orders {
    fn of(shell: Shell, asked: &Asked, listing: &OrderListing, view: &View, org: &OrgId, now: Timestamp) -> Self {
        let (t, lang) = (shell.t, shell.lang());
        let found = list(view, org, listing, now);
        let total = usize::try_from(found.total_size).unwrap_or(0);
        let stage = |stage: pb::Stage| Choice {
            value: stage.into(),
            label: if stage == pb::Stage::Unspecified { t.orders_all } else { words::stage(stage, t) },
            is_chosen: asked.stage == i32::from(stage),
        };
        Self {
            action: Place::Orders.path(),
            stages: [pb::Stage::Unspecified].into_iter().chain(STAGES).map(stage).collect(),
            overdue_only: asked.overdue_only,
            counted: match total {
                0 => t.orders_none.to_owned(),
                1 => t.orders_count_1.to_owned(),
                many => filled(t.orders_count_n, &[("n", &words::number(many, lang))]),
            },
            cards: found.orders.iter().map(|order| card(&shell, view, order)).collect(),
            next: (!found.next_page_token.is_empty()).then(|| asked.href(&shell, &found.next_page_token)),
            first: (!asked.token.is_empty()).then(|| asked.href(&shell, "")),
            shell,
        }
    }
}

fn card(shell: &Shell, view: &View, order: &pb::OrderSummary) -> Card {
    let (t, lang) = (shell.t, shell.lang());
    let title = if order.offering_title.is_empty() { t.orders_untitled } else { &order.offering_title };
    Card {
        href: order.id.parse().ok().map(|id| shell.href(Place::Order(id))),
        title: title.to_owned(),
        stage: words::stage(order.stage(), t),
        attention: words::overdue(order.overdue(), t),
        buyer: words::party(view, &order.buyer),
        provider: words::party(view, &order.provider),
        turn: if order.turn.is_empty() { t.orders_turn_none.to_owned() } else { words::party(view, &order.turn) },
        // Nobody knows a total before all offers are here, and that is not nothing.
        total: if order.total_cents == 0 {
            t.price_unknown.to_owned()
        } else {
            words::cents(order.total_cents, lang)
        },
        updated: words::instant(order.updated_at.as_ref().map(wire::instant), lang),
        next: words::instant(order.next_at.as_ref().map(wire::instant), lang),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_lists_the_orders_of_the_officer_s_organisation_by_stage() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |_| ());
        reader.sign_in("town", "einkauf").await;
        let page = reader.get("/bestellungen").await.ok();
        for part in [
            "Eine Bestellung",
            "Wohngeld digital",
            "Angebote liegen vor",
            "2.400,00 €",
            &format!("/bestellungen/{id}"),
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(reader.get("/bestellungen?stand=4").await.ok().contains("Hier steht keine Bestellung."));
        assert!(reader.get("/bestellungen?stand=3").await.ok().contains("Wohngeld digital"));
        for wrong in ["stand=x", "stand=99", "seite=x"] {
            assert_eq!(
                reader.get(&format!("/bestellungen?{wrong}")).await.status,
                StatusCode::BAD_REQUEST,
                "{wrong}"
            );
        }
        reader.sign_in("loner", "einkauf").await;
        assert!(reader.get("/bestellungen").await.ok().contains("Hier steht keine Bestellung."));
    }
}
