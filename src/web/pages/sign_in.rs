//! *Anmelden*: a session is opened by a proof of identity over a challenge, signed in the browser, and closed again.
use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::domain::body::Body as StatementBody;
use crate::domain::envelope;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::web::desk::Desk;
use crate::web::officer::{NEXT, next, see_other};
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::session::{self, Token};
use crate::web::shell::{Shell, Visit};
use crate::web::texts::Texts;

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/web/askama.toml")]
struct SignIn {
    shell: Shell,
    t: &'static Texts,
    next: String,
    /// Whether somebody was on the way to a page, perhaps with a form filled in.
    goes_on: bool,
    keys: String,
    challenge: String,
    post: String,
}

pub(super) async fn show(visit: Visit, RawQuery(query): RawQuery) -> Response {
    let shell = visit.shell();
    let page = Query::read(&query.unwrap_or_default()).map(|query| SignIn {
        t: shell.t,
        next: next(query.first(NEXT), &shell),
        goes_on: !query.first(NEXT).is_empty(),
        keys: shell.href(Place::Keys),
        challenge: Place::Challenge.path(),
        post: shell.href(Place::SignIn),
        shell,
    });
    visit.answered(page)
}

/// What a browser needs to write its proof.
#[derive(Serialize)]
struct Challenge<'a> {
    node: &'a str,
    signed_at: Timestamp,
    salt: Salt,
}

pub(super) async fn challenge(State(desk): State<Desk>) -> Response {
    let now = desk.now();
    json(StatusCode::OK, &Challenge { node: &desk.site.node, signed_at: now, salt: desk.sessions.challenge(now) })
}

/// Opens a session.
pub(super) async fn open(State(desk): State<Desk>, visit: Visit, proof: String) -> Response {
    let opened = async {
        let proof = envelope::read(&proof)?;
        let (judged, token) = (proof.clone(), desk.token());
        // The same question that a call by gRPC is asked.
        let now = desk.ask(move |view, _, now| view.public().check_reader(&judged, now).map(|_| now)).await?;
        enter(&desk, &proof, &token, now)?;
        Ok::<Token, Refusal>(token)
    };
    match opened.await {
        Ok(token) => with_cookie(&desk, StatusCode::NO_CONTENT, Some(&token)),
        Err(refusal) => visit.refused_to_script(&refusal),
    }
}

fn enter(desk: &Desk, proof: &Signed, token: &Token, now: Timestamp) -> Result<(), Refusal> {
    match StatementBody::read(proof)? {
        StatementBody::Access(access) => desk.sessions.open(proof, &access, token, now),
        _ => Err(Refusal::new(Reason::AccessMissing)),
    }
}

/// Closes the session.
pub(super) async fn close(State(desk): State<Desk>, visit: Visit, headers: HeaderMap) -> Response {
    if let Some(token) = session::token(&desk.site, &headers) {
        desk.sessions.close(&token);
    }
    let mut response = with_cookie(&desk, StatusCode::SEE_OTHER, None);
    let on = see_other(&visit.shell().href(Place::Start));
    response.headers_mut().extend(on.headers().clone());
    response
}

fn with_cookie(desk: &Desk, status: StatusCode, token: Option<&Token>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::SET_COOKIE, session::cookie(&desk.site, token));
    response
}

/// An answer to a script.
pub(in crate::web) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};

    use crate::domain::envelope;
    use crate::domain::id::Hash;
    use crate::domain::order::Access;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::{Kind, Signed};
    use crate::domain::trust::drafts::end_of_officer;
    use crate::domain::trust::{LastGood, RevocationReason};
    use crate::protocol::limits::SESSION_MS;
    use crate::view::View;
    use crate::web::fixture::Reader;

    fn post(address: &str, site: &str, body: impl Into<Body>) -> Request<Body> {
        Request::post(address).header("sec-fetch-site", site).body(body.into()).expect("a request")
    }

    #[tokio::test]
    async fn what_was_typed_survives_the_end_of_a_session() {
        let mut reader = Reader::new();
        let form = format!("/angebote/{}/bestellen?lang=de&hoechstens=9000&zweck=", reader.town.offering);
        let short = format!("{form}{}", "Meine+W%C3%B6rter+".repeat(100));
        let to = reader.get(&short).await;
        assert_eq!(to.status, StatusCode::SEE_OTHER);
        let page = reader.get(to.header("location")).await.ok();
        assert!(page.contains("Was Sie eingegeben haben"), "{page}");
        let next = page.split("data-next=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an address");
        assert_eq!(next.replace("&#38;", "&").replace("&amp;", "&"), short);
        // Too long to be carried along: the page itself keeps it.
        let long = format!("{form}{}", "Meine+W%C3%B6rter+".repeat(400));
        let kept = reader.get(&long).await;
        assert_eq!(kept.status, StatusCode::UNAUTHORIZED);
        assert!(kept.text.contains("SESSION_ENDED") && kept.text.contains("neu laden"), "{}", kept.text);
        reader.sign_in("town", "einkauf").await;
        for address in [&short, &long] {
            assert!(reader.get(address).await.ok().contains("Meine Wörter"));
        }
        assert!(!reader.get("/anmelden").await.ok().contains("Was Sie eingegeben haben"));
    }

    #[tokio::test]
    async fn an_officer_signs_in_and_out() {
        let mut reader = Reader::new();
        let refused = reader.get("/dran?lang=en").await;
        assert_eq!(refused.status, StatusCode::SEE_OTHER);
        assert_eq!(refused.header("location"), "/anmelden?weiter=%2Fdran%3Flang%3Den&lang=en");
        let page = reader.get(refused.header("location")).await.ok();
        assert!(page.contains("data-next=\"/dran?lang=en\""), "{page}");
        reader.sign_in("town", "einkauf").await;
        let page = reader.get("/dran").await.ok();
        assert!(page.contains("einkauf · town") && page.contains("Abmelden"), "{page}");
        let out = reader.ask(post("/abmelden", "same-origin", "")).await;
        assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/"));
        assert!(out.header("set-cookie").contains("Max-Age=0"));
        assert_eq!(reader.get("/dran").await.status, StatusCode::SEE_OTHER, "the old cookie opens nothing");
    }

    #[tokio::test]
    async fn only_an_officer_s_answer_to_this_node_s_challenge_opens_a_session() {
        let reader = Reader::new();
        let good = reader.proof("town", "einkauf").await;
        let access: Access = serde_json::from_slice(good.payload()).expect("a body");
        let key = reader.town.key("town", "einkauf");
        let sign = |access: &Access, key: &SecretKey| Signed::sign(&Kind::Access, access, &[key]);
        let other = Access { node: "kid".parse().expect("a name"), ..access.clone() };
        let old = Access { signed_at: access.signed_at.plus_ms(-600_000), ..access.clone() };
        let salted = Access { salt: crate::domain::salt::Salt([9; 16]), ..access.clone() };
        let posing = Access { officer: "leitung".parse().expect("a name"), ..access.clone() };
        for (proof, code) in [
            (sign(&access, &SecretKey::from_seed(&[9; 32])), "KEY_UNKNOWN"),
            (sign(&posing, key), "SIGNER_WRONG"),
            (sign(&other, key), "ACCESS_EXPIRED"),
            (sign(&old, key), "ACCESS_EXPIRED"),
            (sign(&salted, key), "ACCESS_EXPIRED"),
            (reader.town.request("eins", |_| ()), "ACCESS_MISSING"),
        ] {
            let answer = reader.show_proof(&proof).await;
            assert!(!answer.status.is_success() && answer.text.contains(code), "{code}: {}", answer.text);
            assert_eq!(answer.header("set-cookie"), "", "{code}");
        }
        assert_eq!(reader.show_proof(&good).await.status, StatusCode::NO_CONTENT);
        let again = reader.show_proof(&good).await;
        assert!(again.text.contains("ACCESS_EXPIRED") && again.header("set-cookie").is_empty(), "{}", again.text);
        for body in ["", "{}", "nonsense"] {
            let answer = reader.ask(post("/anmelden", "same-origin", body)).await;
            assert!(answer.text.contains("STATEMENT_MALFORMED"), "{body}: {}", answer.text);
        }
    }

    #[tokio::test]
    async fn another_site_can_neither_sign_in_nor_out() {
        let mut reader = Reader::new();
        let proof = envelope::write(&reader.proof("town", "einkauf").await);
        let refused = reader.ask(post("/anmelden", "cross-site", proof)).await;
        assert!(refused.status == StatusCode::FORBIDDEN && refused.text.contains("PAGE_CROSS_SITE"));
        reader.sign_in("town", "einkauf").await;
        assert_eq!(reader.ask(post("/abmelden", "same-site", "")).await.status, StatusCode::FORBIDDEN);
        assert!(reader.get("/dran").await.status.is_success(), "still signed in");
    }

    /// The proof is judged anew each time: it ends with the key, and with its time.
    #[tokio::test]
    async fn a_session_ends_when_the_key_is_revoked() {
        let mut reader = Reader::new();
        reader.sign_in("town", "einkauf").await;
        assert!(reader.get("/dran").await.status.is_success());
        let state = reader.town.node.state();
        let (town, office) = ("town".parse().expect("a name"), "einkauf".parse().expect("a name"));
        let home = state.registry.home(&town).expect("at home");
        let log = home.origin().clone();
        let size = View::of(&reader.town.node, reader.town.now).size(&log);
        let good = [LastGood { log, size }];
        let event = end_of_officer(home, (&town, &office, None), RevocationReason::Ceased, &good).expect("one key");
        let root = |number| SecretKey::from_seed(&Hash::of(format!("org/town/root/{number}").as_bytes()).0);
        let signed = Signed::sign(&Kind::KeyEvent, &event, &[&root(0), &root(1)]);
        reader.town.publish(&signed).expect("a good event");
        assert_eq!(reader.get("/dran").await.status, StatusCode::SEE_OTHER);
        let handed_in = reader.hand_in(&reader.town.request("eins", |_| ())).await;
        assert!(handed_in.status == StatusCode::UNAUTHORIZED && handed_in.text.contains("ACCESS_MISSING"));
    }

    #[tokio::test]
    async fn a_session_ends_after_a_working_day_however_busy() {
        let mut reader = Reader::new();
        reader.sign_in("town", "einkauf").await;
        let opened = reader.town.now;
        for minutes in (0..=8 * 60).step_by(30) {
            reader.town.now = opened.plus_ms(minutes * 60_000);
            assert!(reader.get("/dran").await.status.is_success(), "{minutes}");
        }
        reader.town.now = opened.plus_ms(SESSION_MS + 1);
        assert_eq!(reader.get("/dran").await.status, StatusCode::SEE_OTHER);
    }
}
