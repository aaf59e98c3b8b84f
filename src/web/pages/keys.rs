//! *Schlüssel*: an officer's key is made or imported in the browser, which keeps it and never gives it away; the page shows what the
//! organisation needs to grant it its rights. The node learns nothing of it.
use askama::Template;
use axum::response::Response;

use crate::web::place::Place;
use crate::web::shell::{Shell, Visit};
use crate::web::texts::Texts;

#[derive(Template)]
#[template(path = "keys.html", config = "src/web/askama.toml")]
struct Keys {
    shell: Shell,
    t: &'static Texts,
    sign_in: String,
}

pub(super) async fn show(visit: Visit) -> Response {
    let shell = visit.shell();
    visit.answered(Ok(Keys { t: shell.t, sign_in: shell.href(Place::SignIn), shell }))
}
