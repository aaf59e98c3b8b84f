//! *Schlüssel*: an officer's key is made or imported in the browser, which keeps it and never gives it away. Where the node takes
//! requests, the page asks the organisation for a grant, else it shows what the organisation needs. The node learns the public half.
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::domain::envelope;
use crate::domain::id::{KeyHash, shortened};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::{Date, plus_years};
use crate::domain::trust::{GRANT_YEARS, OfficerRole};
use crate::web::desk::Desk;
use crate::web::pages::sign_in::json;
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::{Shell, Visit};
use crate::web::texts::Texts;

#[derive(Template)]
#[template(path = "keys.html", config = "src/web/askama.toml")]
struct Keys {
    shell: Shell,
    t: &'static Texts,
    sign_in: String,
    /// What somebody who was sent a link need not type.
    org: String,
    officer: String,
    asking: Option<Asking>,
}

/// What is asked for where nothing else is said.
struct Asking {
    post: String,
    from: Date,
    to: Date,
    roles: [(&'static str, &'static str); 4],
}

/// The roles by their words in a grant, and what they are called.
fn roles(t: &Texts) -> [(&'static str, &'static str); 4] {
    [
        (OfficerRole::Buyer.word(), t.role_buyer),
        (OfficerRole::Approver.word(), t.role_approver),
        (OfficerRole::Publisher.word(), t.role_publisher),
        (OfficerRole::Auditor.word(), t.role_auditor),
    ]
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    let (shell, today) = (visit.shell(), desk.now().date());
    let (post, to) = (shell.href(Place::GrantRequest), plus_years(today, GRANT_YEARS));
    let asking = || Asking { post, from: today, to, roles: roles(shell.t) };
    let asking = desk.site.takes_requests.then(asking);
    let page = Query::read(&query.unwrap_or_default()).map(|query| Keys {
        t: shell.t,
        sign_in: shell.href(Place::SignIn),
        org: query.first("org").to_owned(),
        officer: query.first("amt").to_owned(),
        asking,
        shell,
    });
    visit.answered(page)
}

/// Takes a request for a grant: the very statement, signed by the new key alone.
pub(super) async fn ask(State(desk): State<Desk>, visit: Visit, asked: String) -> Response {
    let taken = async {
        let asked = envelope::read(&asked)?;
        desk.ask_for_grant(asked).await
    };
    match taken.await {
        Ok(()) => json(StatusCode::ACCEPTED, &Granted { granted: false }),
        Err(refusal) => visit.refused_to_script(&refusal),
    }
}

/// What a script learns of a key.
#[derive(Serialize)]
struct Granted {
    granted: bool,
}

/// Says whether an organisation has granted a key something. Grants are public.
pub(super) async fn is_granted(State(desk): State<Desk>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    let found = async {
        let query = Query::read(&query.unwrap_or_default())?;
        let named = query.first("schluessel");
        let unknown = |_| Refusal::new(Reason::FieldInvalid).with("key", shortened(named));
        let key: KeyHash = named.parse().map_err(unknown)?;
        desk.ask(move |view, _, _| Ok(view.public().registry.logs().any(|log| log.keys().contains_key(&key)))).await
    };
    match found.await {
        Ok(granted) => json(StatusCode::OK, &Granted { granted }),
        Err(refusal) => visit.refused_to_script(&refusal),
    }
}
