//! What is around every page: who asks in which language, the frame with its links, and the page that a refusal becomes.
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use serde::Serialize;

use crate::domain::detail_words::all_told;
use crate::domain::reason::{Class, Lang, Reason, Refusal};
use crate::web::assets;
use crate::web::place::Place;
use crate::web::query::{self, Query};
use crate::web::session::Session;
use crate::web::site::Site;
use crate::web::texts::Texts;
use crate::wire::status::lang_of_header;

/// Somebody opens an address.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    site: Arc<Site>,
    lang: Lang,
    /// Whether the address names the language, so that links name it too: nothing is stored in the browser.
    is_chosen: bool,
    path: String,
    query: String,
    /// Who is signed in: office and organisation.
    officer: Option<String>,
}

impl Visit {
    /// Reads the language from the address, else from what the browser prefers.
    pub(super) fn of(site: &Arc<Site>, uri: &Uri, headers: &HeaderMap) -> Self {
        let query = uri.query().unwrap_or_default().to_owned();
        let named = Query::read(&query).ok().and_then(|query| match query.first("lang") {
            "de" => Some(Lang::De),
            "en" => Some(Lang::En),
            _ => None,
        });
        let preferred = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let lang = named.unwrap_or_else(|| lang_of_header(preferred.unwrap_or_default()));
        Self {
            site: Arc::clone(site),
            lang,
            is_chosen: named.is_some(),
            path: uri.path().to_owned(),
            query,
            officer: None,
        }
    }

    /// The same by somebody who is signed in.
    pub(super) fn signed_in(self, session: &Session) -> Self {
        Self { officer: Some(format!("{} · {}", session.officer, session.org)), ..self }
    }

    /// The frame of a page.
    pub(super) fn shell(&self) -> Shell {
        Shell { t: Texts::of(self.lang), visit: self.clone() }
    }

    /// The page, or the page that says why not.
    pub(super) fn answered<T: Template>(&self, made: Result<T, Refusal>) -> Response {
        match made {
            Ok(page) => self.page(StatusCode::OK, &page),
            Err(refusal) => self.refused(&refusal),
        }
    }

    /// A page.
    pub(super) fn page(&self, status: StatusCode, page: &impl Template) -> Response {
        let (status, body) = match page.render() {
            Ok(html) => (status, html),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("INTERNAL: {error}")),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(code(self.lang)));
        headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
        if self.officer.is_some() {
            // What an officer has read is not left behind on the device.
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }

    /// A refusal for a script of a page, which shows its words.
    pub(super) fn refused_to_script(&self, refusal: &Refusal) -> Response {
        let problem = Problem::of(refusal, self.lang);
        let why: Vec<String> = problem.why.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let said = Said { what: problem.what, why: why.join(", "), now: problem.now, code: problem.code };
        let mut response = Response::new(Body::from(serde_json::to_vec(&said).unwrap_or_default()));
        *response.status_mut() = status_of(refusal.reason.class());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// The page that says what was refused, why, and what now.
    pub(super) fn refused(&self, refusal: &Refusal) -> Response {
        let problem = Problem::of(refusal, self.lang);
        self.page(status_of(refusal.reason.class()), &Refused { shell: self.shell(), problem })
    }

    /// The address does not exist.
    pub(super) fn unknown(&self) -> Response {
        self.refused(&Refusal::new(Reason::PageUnknown).with("path", crate::domain::id::shortened(&self.path)))
    }
}

/// A refusal as a script reads it.
#[derive(Serialize)]
struct Said {
    what: &'static str,
    why: String,
    now: &'static str,
    code: &'static str,
}

/// A refusal in words.
pub(super) struct Problem {
    pub(super) what: &'static str,
    pub(super) why: Vec<(String, String)>,
    pub(super) now: &'static str,
    pub(super) code: &'static str,
}

impl Problem {
    pub(super) fn of(refusal: &Refusal, lang: Lang) -> Self {
        let reason = refusal.reason;
        Self { what: reason.text(lang), why: all_told(refusal, lang), now: reason.help(lang), code: reason.code() }
    }
}

#[derive(Template)]
#[template(path = "refused.html", config = "src/web/askama.toml")]
struct Refused {
    shell: Shell,
    problem: Problem,
}

/// The HTTP status of each class: the only place that decides it.
pub(super) fn status_of(class: Class) -> StatusCode {
    match class {
        Class::Rejected | Class::Usage | Class::Verification => StatusCode::BAD_REQUEST,
        Class::Config | Class::Conflict | Class::Incomplete | Class::TooNew => StatusCode::CONFLICT,
        Class::Unavailable | Class::Exhausted => StatusCode::SERVICE_UNAVAILABLE,
        Class::Denied => StatusCode::FORBIDDEN,
        Class::Unauthenticated => StatusCode::UNAUTHORIZED,
        Class::Missing => StatusCode::NOT_FOUND,
        Class::Unsupported => StatusCode::NOT_IMPLEMENTED,
        Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn code(lang: Lang) -> &'static str {
    match lang {
        Lang::De => "de",
        Lang::En => "en",
    }
}

/// The frame of a page, as its template sees it.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    /// All words.
    pub(super) t: &'static Texts,
    visit: Visit,
}

/// A link of the frame.
pub(super) struct Link {
    pub(super) href: String,
    pub(super) label: &'static str,
    pub(super) is_here: bool,
}

impl Shell {
    /// The language.
    pub(super) fn lang(&self) -> Lang {
        self.visit.lang
    }

    /// Its tag.
    pub(super) fn code(&self) -> &'static str {
        code(self.visit.lang)
    }

    /// Whether forms must name the language too.
    pub(super) fn is_chosen(&self) -> bool {
        self.visit.is_chosen
    }

    /// The node.
    pub(super) fn node(&self) -> &str {
        &self.visit.site.node
    }

    /// What the operator wants said on every page, and in which language it is.
    pub(super) fn notice(&self) -> Option<(&str, &'static str)> {
        let imprint = &self.visit.site.imprint;
        let english = imprint.notice_en.as_deref().filter(|_| self.lang() == Lang::En);
        english.map(|text| (text, "en")).or_else(|| Some((imprint.notice.as_deref()?, "de")))
    }

    /// A link to a place.
    pub(super) fn href(&self, place: Place) -> String {
        self.with_query(place, &[])
    }

    /// A link to a place with values behind the question mark.
    pub(super) fn with_query(&self, place: Place, values: &[(&str, &str)]) -> String {
        let lang = self.visit.is_chosen.then_some(("lang", self.code()));
        let values = query::write(values.iter().copied().chain(lang));
        if values.is_empty() { place.path() } else { format!("{}?{values}", place.path()) }
    }

    /// The address of a file.
    #[expect(clippy::unused_self, reason = "templates call it so")]
    pub(super) fn asset(&self, name: &str) -> String {
        assets::href(name)
    }

    fn link(&self, place: Place, label: &'static str) -> Link {
        Link { href: self.href(place), label, is_here: self.visit.path == place.path() }
    }

    /// The first page.
    pub(super) fn start(&self) -> String {
        self.href(Place::Start)
    }

    /// What is on offer.
    pub(super) fn offerings(&self) -> String {
        self.href(Place::Offerings)
    }

    /// Where to say that something is not accessible.
    pub(super) fn accessibility(&self) -> String {
        self.href(Place::Accessibility)
    }

    /// The main links.
    pub(super) fn nav(&self) -> Vec<Link> {
        let t = self.t;
        let own = [self.link(Place::Inbox, t.inbox), self.link(Place::Orders, t.orders)];
        let own = own.into_iter().filter(|_| self.officer().is_some());
        let open = [
            self.link(Place::Start, t.start),
            self.link(Place::Offerings, t.offerings),
            self.link(Place::Demand, t.demand),
            self.link(Place::Check, t.check),
            self.link(Place::Nodes, t.nodes),
            self.link(Place::Interfaces, t.interfaces),
        ];
        own.chain(open).collect()
    }

    /// Who is signed in.
    pub(super) fn officer(&self) -> Option<&str> {
        self.visit.officer.as_deref()
    }

    /// Where one signs in.
    pub(super) fn sign_in(&self) -> Link {
        self.link(Place::SignIn, self.t.sign_in)
    }

    /// Where one signs out.
    pub(super) fn sign_out(&self) -> String {
        self.href(Place::SignOut)
    }

    /// The links below.
    pub(super) fn foot(&self) -> [Link; 3] {
        let t = self.t;
        [
            self.link(Place::Accessibility, t.accessibility),
            self.link(Place::Privacy, t.privacy),
            self.link(Place::Imprint, t.imprint),
        ]
    }

    /// The same page in the other language.
    pub(super) fn other(&self) -> Link {
        let (lang, label) = match self.visit.lang {
            Lang::De => ("en", "English"),
            Lang::En => ("de", "Deutsch"),
        };
        let kept = Query::read(&self.visit.query).unwrap_or_default();
        let values = kept.pairs().filter(|(name, _)| *name != "lang").chain([("lang", lang)]);
        Link { href: format!("{}?{}", self.visit.path, query::write(values)), label, is_here: false }
    }

    /// The tag of the other language.
    pub(super) fn other_code(&self) -> &'static str {
        match self.visit.lang {
            Lang::De => "en",
            Lang::En => "de",
        }
    }
}
