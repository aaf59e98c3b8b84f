//! An officer who has signed in opens an address. Whoever has not, or no longer may, is led to where one signs in.
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use crate::domain::id::{OfficerName, OrgId};
use crate::domain::reason::{Class, Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::statement::Signed;
use crate::web::desk::Desk;
use crate::web::drafts::Signer;
use crate::web::place::Place;
use crate::web::session;
use crate::web::shell::{Shell, Visit};

/// Behind the question mark of the sign-in page: where to go on.
pub(super) const NEXT: &str = "weiter";

/// Longest address to go on to: it may hold what was typed into a form, and written into another address it grows threefold at
/// most, which [`crate::web::gate`] still takes.
const NEXT_BYTES_MAX: usize = 2_600;

/// Who is here, judged by what is known now.
pub(super) struct Officer {
    pub(super) visit: Visit,
    /// The proof of identity that opened the session.
    pub(super) proof: Signed,
    /// For whom the officer acts.
    pub(super) org: OrgId,
    officer: OfficerName,
}

impl Officer {
    /// The officer's name.
    pub(super) fn name(&self) -> String {
        self.officer.to_string()
    }

    /// Who signs what is drafted for this visit.
    pub(super) fn signer(&self, desk: &Desk) -> Signer {
        let mut salt = Salt([0; 16]);
        salt.0.copy_from_slice(&desk.token()[..16]);
        Signer { org: self.org.clone(), officer: self.officer.clone(), salt, annex_salt: desk.token() }
    }
}

impl FromRequestParts<Desk> for Officer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Response> {
        let Ok(visit) = Visit::from_request_parts(parts, desk).await;
        let token = session::token(&desk.site, &parts.headers);
        let found = token.and_then(|token| Some((token, desk.session(&token, &parts.headers)?)));
        let Some((token, session)) = found else { return Err(sign_in(&visit, parts)) };
        let proof = session.proof.clone();
        match desk.ask(move |view, _, now| view.public().check_session(&proof, now)).await {
            Ok(org) => Ok(Self { visit, proof: session.proof, org, officer: session.officer }),
            Err(refusal) if matches!(refusal.reason.class(), Class::Unavailable | Class::Exhausted) => {
                Err(visit.refused(&refusal))
            }
            // Revoked, expelled, or over.
            Err(_) => {
                desk.sessions.close(&token);
                Err(sign_in(&visit, parts))
            }
        }
    }
}

/// To where one signs in, and back from there; what would have changed something is refused instead.
fn sign_in(visit: &Visit, parts: &Parts) -> Response {
    if parts.method != Method::GET {
        // By a script, which tells it beside what was filled in.
        return visit.refused_to_script(&Refusal::new(Reason::AccessMissing));
    }
    let next = parts.uri.path_and_query().map_or("/", |address| address.as_str());
    if next.len() > NEXT_BYTES_MAX {
        // It would be lost on the way there and back; here it stays where it is.
        return visit.refused(&Refusal::new(Reason::SessionEnded));
    }
    let address = visit.shell().with_query(Place::SignIn, &[(NEXT, next)]);
    if session::is_by_itself(&parts.headers) { leave_for(&address) } else { see_other(&address) }
}

/// Sends a whole page on that has asked for a part of itself: what an officer has read does not stay on a screen left alone.
fn leave_for(address: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert("hx-redirect", address);
    }
    response
}

/// Sends a browser on.
pub(super) fn see_other(address: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(address) = HeaderValue::from_str(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    response
}

/// Where to go on, if that is a page of this node; else the first page for officers.
pub(super) fn next(asked: &str, shell: &Shell) -> String {
    let is_own = asked.starts_with('/')
        && !asked.starts_with("//")
        && asked.len() <= NEXT_BYTES_MAX
        && asked.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own { asked.to_owned() } else { shell.href(Place::Inbox) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::HeaderMap;

    use super::*;
    use crate::config::web::Imprint;
    use crate::web::site::Site;

    #[test]
    fn one_goes_on_to_pages_of_this_node_only() {
        let imprint = Imprint::default();
        let site = Site { node: "kitu".to_owned(), imprint, takes_requests: true, is_encrypted: false, version: "0" };
        let uri = "/anmelden?lang=en".parse().expect("an address");
        let shell = Visit::of(&Arc::new(site), &uri, &HeaderMap::new()).shell();
        let next = |asked: &str| next(asked, &shell);
        for asked in ["/bestellungen", "/bestellungen/ab?lang=en", "/"] {
            assert_eq!(next(asked), asked);
        }
        for asked in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a b",
            "/\t/evil",
        ] {
            assert_eq!(next(asked), "/dran?lang=en", "{asked}");
        }
        assert_eq!(next(&format!("/{}", "x".repeat(NEXT_BYTES_MAX))), "/dran?lang=en");
    }
}
