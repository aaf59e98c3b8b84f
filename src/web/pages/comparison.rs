//! *Vergleich*: up to four offerings beside each other, with what differs marked in words.
use std::collections::BTreeSet;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::Value;

use crate::domain::id::StatementId;
use crate::domain::offering::Offering;
use crate::domain::reason::{Reason, Refusal};
use crate::exchange::sheet;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::{Shell, Visit};
use crate::web::words::{self, filled};

/// As many as fit beside each other on paper.
const OFFERINGS_MAX: usize = 4;

/// Behind the question mark, once for each.
const ID: &str = "id";

#[derive(Template)]
#[template(path = "comparison.html", config = "src/web/askama.toml")]
struct Comparison {
    shell: Shell,
    is_cut: bool,
    /// Where it is as a file.
    file: String,
    heads: Vec<Head>,
    rows: Vec<Row>,
}

struct Head {
    href: String,
    title: String,
    seller: String,
}

struct Row {
    term: &'static str,
    values: Vec<String>,
    /// Whether the words are the seller's, which are German.
    is_german: bool,
    differs: bool,
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    visit.answered(made(&desk, &visit, query).await)
}

/// The same for a spreadsheet.
pub(super) async fn file(State(desk): State<Desk>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    match made(&desk, &visit, query).await.and_then(|comparison| comparison.csv()) {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
            let named = HeaderValue::from_static("attachment; filename=\"vergleich.csv\"");
            headers.insert(header::CONTENT_DISPOSITION, named);
            response
        }
        Err(refusal) => visit.refused(&refusal),
    }
}

async fn made(desk: &Desk, visit: &Visit, query: Option<String>) -> Result<Comparison, Refusal> {
    let query = Query::read(&query.unwrap_or_default())?;
    let mut ids: Vec<StatementId> = Vec::new();
    for id in query.all(ID) {
        let id = id.parse().map_err(|refusal: Refusal| refusal.with("field", ID))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let shell = visit.shell();
    desk.ask(move |view, _, _| Comparison::of(shell, view, &ids)).await
}

impl Comparison {
    fn of(shell: Shell, view: &View, ids: &[StatementId]) -> Result<Self, Refusal> {
        let catalogue = view.public().catalogue;
        let shown = ids.iter().take(OFFERINGS_MAX).map(|id| {
            let unknown = || Refusal::new(Reason::OfferingUnknown).with("id", id);
            Ok((id, catalogue.version(id).ok_or_else(unknown)?))
        });
        let shown: Vec<(&StatementId, &Offering)> = shown.collect::<Result<_, Refusal>>()?;
        let head = |(id, offering): &(&StatementId, &Offering)| Head {
            href: shell.href(Place::Offering(**id)),
            title: offering.title.clone(),
            seller: words::organisation(view, &offering.seller),
        };
        Ok(Self {
            is_cut: ids.len() > OFFERINGS_MAX,
            heads: shown.iter().map(head).collect(),
            rows: rows(&shell, view, &shown),
            file: {
                let ids = chosen(ids);
                let values: Vec<(&str, &str)> = ids.iter().map(|id| (ID, id.as_str())).collect();
                shell.with_query(Place::ComparisonFile, &values)
            },
            shell,
        })
    }

    fn csv(&self) -> Result<String, Refusal> {
        let t = self.shell.t;
        let titles = self.heads.iter().map(|head| format!("{} ({})", head.title, head.seller));
        let head: Vec<String> = [t.comparison_feature.to_owned()]
            .into_iter()
            .chain(titles)
            .chain([t.comparison_agreement.to_owned()])
            .collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let rows = self.rows.iter().map(|row| {
            let agreement = if row.differs { t.comparison_differs } else { t.comparison_same };
            let cells = [row.term].into_iter().chain(row.values.iter().map(String::as_str)).chain([agreement]);
            cells.map(Value::from).collect()
        });
        sheet::csv(&head, rows)
    }
}

/// As they stand behind the question mark.
fn chosen(ids: &[StatementId]) -> Vec<String> {
    ids.iter().take(OFFERINGS_MAX).map(ToString::to_string).collect()
}

fn rows(shell: &Shell, view: &View, shown: &[(&StatementId, &Offering)]) -> Vec<Row> {
    let (t, lang) = (shell.t, shell.lang());
    type Cell<'a> = Box<dyn Fn(&StatementId, &Offering) -> String + 'a>;
    let joined = |items: &[String]| items.join(", ");
    let standing = |id: &StatementId| view.public().catalogue.orderable(id).is_ok();
    let cells: [(&'static str, Cell<'_>); 15] = [
        (t.standing, Box::new(|id, _| (if standing(id) { t.standing_open } else { t.standing_closed }).to_owned())),
        (t.description, Box::new(|_, offering| offering.description.clone())),
        (t.price, Box::new(|_, offering| words::price(offering, t, lang))),
        (t.not_included, Box::new(|_, offering| joined(&offering.not_included))),
        (t.term, Box::new(|_, offering| words::years(offering.term_years_min, t))),
        (
            t.notice,
            Box::new(|_, offering| {
                offering
                    .notice_days
                    .map(|days| filled(t.notice_days, &[("n", &days.to_string())]))
                    .unwrap_or_default()
            }),
        ),
        (
            t.coverage,
            Box::new(|_, offering| {
                offering.coverage.iter().map(|area| words::area(area, t)).collect::<Vec<_>>().join(", ")
            }),
        ),
        (
            t.facet_connection,
            Box::new(|_, offering| {
                offering.connection.iter().map(|word| words::connection(word)).collect::<Vec<_>>().join(", ")
            }),
        ),
        (
            t.facet_maturity,
            Box::new(|_, offering| offering.maturity.map(|level| words::maturity(level, t)).unwrap_or_default()),
        ),
        (t.facet_portal, Box::new(|_, offering| joined(&offering.portals))),
        (t.facet_system, Box::new(|_, offering| joined(&offering.specialised_systems))),
        (
            t.requires,
            Box::new(|_, offering| {
                offering.requires.iter().map(|word| word.text(lang)).collect::<Vec<_>>().join(", ")
            }),
        ),
        (
            t.leika,
            Box::new(|_, offering| offering.leika.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ),
        (
            t.efa,
            Box::new(|_, offering| (if offering.efa_confirmed { t.efa_confirmed } else { t.efa_open }).to_owned()),
        ),
        (
            t.licence,
            Box::new(|_, offering| {
                offering.sovereignty.as_ref().and_then(|facts| facts.licence.clone()).unwrap_or_default()
            }),
        ),
    ];
    let row = |(term, cell): &(&'static str, Cell<'_>)| {
        let values = shown.iter().map(|(id, offering)| cell(id, offering));
        let values: Vec<String> = values.collect();
        let differs = values.iter().collect::<BTreeSet<_>>().len() > 1;
        let is_german = [t.description, t.not_included, t.facet_portal, t.facet_system].contains(term);
        Row { term, values, is_german, differs }
    };
    cells.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::domain::offering::Offering;
    use crate::protocol::explain::fixture::offering;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn up_to_four_stand_beside_each_other_with_what_differs() {
        let mut reader = Reader::new();
        let mut ids = vec![reader.town.offering];
        for number in 0..4_u32 {
            let name = format!("dienst-{number}").parse().expect("a name");
            ids.push(reader.publish(&Offering { name, term_years_min: 2 + number, ..offering() }));
        }
        let address = |ids: &[crate::domain::id::StatementId]| {
            let ids: Vec<String> = ids.iter().map(|id| format!("id={id}")).collect();
            format!("/vergleich?{}", ids.join("&"))
        };
        let two = reader.get(&address(&ids[..2])).await.ok();
        assert_eq!(two.matches("scope=\"col\"").count(), 4, "feature, agreement and two offerings: {two}");
        assert_eq!(two.matches("class=\"differs\"").count(), 1, "only the term: {two}");
        let file = reader.get(&address(&ids[..2]).replace("/vergleich?", "/vergleich/vergleich.csv?")).await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        let file = file.ok();
        assert!(
            file.starts_with("\u{feff}Merkmal;Wohngeld digital (")
                && file.contains(";1 Jahr;2 Jahre;verschieden\r\n"),
            "{file}"
        );
        assert!(two.contains("/vergleich/vergleich.csv?id="), "{two}");
        assert!(two.contains("1 Jahr") && two.contains("2 Jahre") && two.contains("verschieden"), "{two}");
        let five = reader.get(&address(&ids)).await.ok();
        assert_eq!(five.matches("scope=\"col\"").count(), 6, "{five}");
        assert!(five.contains("gezeigt werden die ersten vier"), "{five}");
        let twice = reader.get(&address(&[ids[0], ids[0]])).await.ok();
        assert_eq!(twice.matches("scope=\"col\"").count(), 3, "the same twice is one: {twice}");
    }

    #[tokio::test]
    async fn nothing_chosen_says_how_to_choose_and_a_wrong_id_is_refused() {
        let reader = Reader::new();
        assert!(reader.get("/vergleich").await.ok().contains("zwei bis vier"));
        assert_eq!(reader.get("/vergleich?id=x").await.status, StatusCode::BAD_REQUEST);
        assert_eq!(reader.get(&format!("/vergleich?id={}", "0".repeat(64))).await.status, StatusCode::NOT_FOUND);
    }
}
