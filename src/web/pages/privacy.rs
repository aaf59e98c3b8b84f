//! *Datenschutz*: what this page stores of its visitors, and who answers for it.
use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::web::desk::Desk;
use crate::web::shell::{Shell, Visit};

#[derive(Template)]
#[template(path = "privacy.html", config = "src/web/askama.toml")]
struct Privacy {
    shell: Shell,
    name: Option<String>,
    address: Option<String>,
    officer: Option<String>,
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Response {
    let imprint = &desk.site.imprint;
    visit.answered(Ok(Privacy {
        shell: visit.shell(),
        name: imprint.name.clone(),
        address: imprint.address.clone(),
        officer: imprint.data_protection.clone(),
    }))
}

#[cfg(test)]
mod tests {
    use crate::config::web::Imprint;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_says_what_the_operator_says_and_what_it_does_not() {
        let bare = Reader::new().get("/datenschutz").await.ok();
        assert!(bare.contains("Vom Betreiber noch nicht angegeben."), "{bare}");
        let imprint = Imprint { data_protection: Some("Stelle <7>\nWeg 1".to_owned()), ..Imprint::default() };
        let page = Reader::with(imprint).get("/datenschutz").await.ok();
        assert!(page.contains("Stelle &lt;7&gt;") || page.contains("Stelle &#60;7&#62;"), "{page}");
    }
}
