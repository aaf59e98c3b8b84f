//! The first page: what this is, the search, and how the node is.
use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::domain::reason::Refusal;
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::place::Place;
use crate::web::shell::{Shell, Visit};
use crate::web::words;

#[derive(Template)]
#[template(path = "start.html", config = "src/web/askama.toml")]
struct Start {
    shell: Shell,
    check: String,
    demand: String,
    nodes: String,
    interfaces: String,
    federation: String,
    offering_count: String,
    organisation_count: String,
    as_of: String,
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Response {
    let shell = visit.shell();
    visit.answered(desk.ask(move |view, _, now| Start::of(shell, view, now)).await)
}

impl Start {
    fn of(shell: Shell, view: &View, now: Timestamp) -> Result<Self, Refusal> {
        let lang = shell.lang();
        Ok(Self {
            check: shell.href(Place::Check),
            demand: shell.href(Place::Demand),
            nodes: shell.href(Place::Nodes),
            interfaces: shell.href(Place::Interfaces),
            federation: view.settings().origin.federation.to_string(),
            offering_count: words::number(view.public().catalogue.offered_count(), lang),
            organisation_count: words::number(view.organisations().count(), lang),
            as_of: now.told(lang),
            shell,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_names_the_node_and_what_it_holds() {
        let page = Reader::new().get("/").await.ok();
        assert!(page.contains("kitu") && page.contains("Wohngeld") && page.contains("test"), "{page}");
    }
}
