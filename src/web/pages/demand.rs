//! *Bedarf*: which services how many municipalities look for, and what there is for them.
use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::domain::reason::Refusal;
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::view::demand::Demand;
use crate::web::desk::Desk;
use crate::web::place::Place;
use crate::web::shell::{Shell, Visit};
use crate::web::words::{self, filled};

/// Services that are listed: more than anyone reads; the most wanted come first.
const ROWS_MAX: usize = 200;

/// Municipalities that are named for one service; the others are counted.
const NAMED_MAX: usize = 20;

#[derive(Template)]
#[template(path = "demand.html", config = "src/web/askama.toml")]
struct DemandPage {
    shell: Shell,
    counted: String,
    own: String,
    rows: Vec<Row>,
}

struct Row {
    service: String,
    /// What the service is called in the offerings for it.
    title: String,
    count: String,
    municipalities: String,
    more: String,
    inhabitants: String,
    until: String,
    offerings: Vec<(String, String)>,
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Response {
    let shell = visit.shell();
    visit.answered(desk.ask(move |view, _, now| Ok::<_, Refusal>(DemandPage::of(shell, view, now))).await)
}

impl DemandPage {
    fn of(shell: Shell, view: &View, now: Timestamp) -> Self {
        let demand = view.demand(None, now.date());
        let number = |count: usize| words::number(count, shell.lang());
        let counted = match demand.len() {
            0 => shell.t.demand_none.to_owned(),
            1 => shell.t.demand_one.to_owned(),
            all if all > ROWS_MAX => filled(shell.t.demand_some, &[("n", &number(ROWS_MAX)), ("all", &number(all))]),
            all => filled(shell.t.demand_all, &[("n", &number(all))]),
        };
        let rows = demand.iter().take(ROWS_MAX).map(|one| row(&shell, view, one)).collect();
        Self { counted, own: shell.href(Place::Needs), rows, shell }
    }
}

fn row(shell: &Shell, view: &View, demand: &Demand<'_>) -> Row {
    let lang = shell.lang();
    let known: Vec<_> =
        demand.offerings.iter().filter_map(|(seller, name)| view.public().catalogue.row(seller, name)).collect();
    let left = demand.municipalities.len().saturating_sub(NAMED_MAX);
    let named = demand.municipalities.iter().take(NAMED_MAX).map(|org| words::organisation(view, org));
    let inhabitants = usize::try_from(demand.inhabitants).unwrap_or(usize::MAX);
    Row {
        service: demand.service.to_string(),
        title: known.first().map(|row| row.offering.title.clone()).unwrap_or_default(),
        count: words::number(demand.municipalities.len(), lang),
        municipalities: named.collect::<Vec<_>>().join(", "),
        more: if left == 0 {
            String::new()
        } else {
            filled(shell.t.demand_more, &[("n", &words::number(left, lang))])
        },
        inhabitants: if inhabitants == 0 {
            shell.t.stage_unknown.to_owned()
        } else {
            words::number(inhabitants, lang)
        },
        until: words::date(demand.first_until, lang),
        offerings: known
            .iter()
            .map(|row| {
                let by = words::organisation(view, &row.offering.seller);
                (shell.href(Place::Offering(row.id)), format!("{} ({by})", row.offering.title))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn the_most_wanted_service_comes_first_with_what_there_is_for_it() {
        let mut reader = Reader::new();
        assert!(reader.get("/bedarf").await.ok().contains("sucht niemand"));
        reader.need("kitu", "99012070001000");
        reader.need("town", "99107023017000");
        reader.need("kitu", "99107023017000");
        let page = reader.get("/bedarf").await.ok();
        let (first, second) = (page.find("99107023017000"), page.find("99012070001000"));
        assert!(first.is_some() && first < second, "{page}");
        for part in ["2 Leistungen werden gesucht", "href=\"/angebote/", "Dafür gibt es hier kein Angebot."] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
