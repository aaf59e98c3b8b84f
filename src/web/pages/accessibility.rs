//! *Barrierefreiheit*: what is accessible, what is not, and to whom to say so.
use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::web::desk::Desk;
use crate::web::shell::{Shell, Visit};

#[derive(Template)]
#[template(path = "accessibility.html", config = "src/web/askama.toml")]
struct Accessibility {
    shell: Shell,
    contact: Option<String>,
    enforcement: Option<String>,
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Response {
    let imprint = &desk.site.imprint;
    visit.answered(Ok(Accessibility {
        shell: visit.shell(),
        contact: imprint.accessibility.clone().or_else(|| imprint.email.clone()),
        enforcement: imprint.enforcement.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use crate::config::web::Imprint;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_says_what_the_operator_says_and_what_it_does_not() {
        let bare = Reader::new().get("/barrierefreiheit").await.ok();
        assert!(bare.contains("Vom Betreiber noch nicht angegeben."), "{bare}");
        let imprint = Imprint { accessibility: Some("Stelle <7>\nWeg 1".to_owned()), ..Imprint::default() };
        let page = Reader::with(imprint).get("/barrierefreiheit").await.ok();
        assert!(page.contains("Stelle &lt;7&gt;") || page.contains("Stelle &#60;7&#62;"), "{page}");
    }
}
