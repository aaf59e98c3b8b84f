//! *Impressum*: who answers for the page, from the node's settings, and what the program is made of.
use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::web::desk::Desk;
use crate::web::shell::{Shell, Visit};
use crate::web::words::filled;

#[derive(Template)]
#[template(path = "imprint.html", config = "src/web/askama.toml")]
struct Page {
    shell: Shell,
    /// What must be there, and what may be.
    facts: Vec<(&'static str, Option<String>)>,
    software: String,
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Response {
    let (shell, imprint) = (visit.shell(), &desk.site.imprint);
    let t = shell.t;
    let mut facts = vec![
        (t.imprint_name, imprint.name.clone()),
        (t.imprint_address, imprint.address.clone()),
        (t.imprint_represented, imprint.represented_by.clone()),
        (t.imprint_email, imprint.email.clone()),
        (t.imprint_phone, imprint.phone.clone()),
    ];
    let where_there_is_one = [(t.imprint_register, &imprint.register), (t.imprint_vat, &imprint.vat_id)];
    facts.extend(
        where_there_is_one.into_iter().filter(|(_, text)| text.is_some()).map(|(term, text)| (term, text.clone())),
    );
    let software = filled(t.imprint_software_help, &[("version", desk.site.version)]);
    visit.answered(Ok(Page { shell, facts, software }))
}

#[cfg(test)]
mod tests {
    use crate::config::web::Imprint;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_says_where_the_operator_has_said_nothing() {
        let bare = Reader::new().get("/impressum").await.ok();
        assert_eq!(bare.matches("Vom Betreiber noch nicht angegeben.").count(), 5, "{bare}");
        let imprint = Imprint {
            name: Some("Genossenschaft Sieben eG".to_owned()),
            vat_id: Some("DE0".to_owned()),
            ..Imprint::default()
        };
        let page = Reader::with(imprint).get("/impressum").await.ok();
        assert!(page.contains("Genossenschaft Sieben eG") && page.contains("DE0"), "{page}");
        assert_eq!(page.matches("Vom Betreiber noch nicht angegeben.").count(), 4, "{page}");
    }
}
