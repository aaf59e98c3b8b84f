//! *Prüfen*: a bundle is verified in the browser, on this page or on the same page saved as one file. Nothing is uploaded:
//! the content security policy of both lets them send nothing.
use std::sync::LazyLock;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::id::{Hash, sha256};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::view::View;
use crate::web::assets;
use crate::web::desk::Desk;
use crate::web::headers::POLICY_MUTE;
use crate::web::place::Place;
use crate::web::shell::{Shell, Visit};
use crate::web::texts::Texts;
use crate::web::words::filled;

/// Largest bundle that the verifier reads, in MiB: `BUNDLE_BYTES_MAX` of `assets/verify/container.js`.
const BUNDLE_MIB_MAX: &str = "16";

#[derive(Template)]
#[template(path = "check.html", config = "src/web/askama.toml")]
struct Check {
    shell: Shell,
    t: &'static Texts,
    root: String,
    bundle_hint: String,
    keep_help: String,
    file: String,
    digest: String,
    command: String,
}

/// The same without a node: it names none, so that it has the same bytes everywhere.
#[derive(Template)]
#[template(path = "check_saved.html", config = "src/web/askama.toml")]
struct Saved {
    t: &'static Texts,
    code: &'static str,
    policy: String,
    style: String,
    script: String,
    root: &'static str,
    bundle_hint: String,
    saved: String,
}

/// The page as a file, in German and in English; it depends on nothing but the program.
static FILES: LazyLock<[Result<Bytes, String>; 2]> = LazyLock::new(|| [Lang::De, Lang::En].map(saved));

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Response {
    let (shell, version) = (visit.shell(), desk.site.version);
    let mut response = visit.answered(desk.ask(move |view, _, _| Check::of(shell, version, view)).await);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY_MUTE));
    response
}

/// The page as one file.
pub(super) async fn file(visit: Visit) -> Response {
    let content = match kept(visit.shell().lang()) {
        Ok(content) => content,
        Err(refusal) => return visit.refused(&refusal),
    };
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"verbund-pruefen.html\""),
    );
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

impl Check {
    fn of(shell: Shell, version: &str, view: &View) -> Result<Self, Refusal> {
        let t = shell.t;
        let root = format!("sha256:{}", view.settings().anchor);
        Ok(Self {
            t,
            bundle_hint: filled(t.check_bundle_hint, &[("n", BUNDLE_MIB_MAX)]),
            keep_help: filled(t.check_keep_help, &[("version", version)]),
            // Named in any case: the digest is that of one language.
            file: format!("{}?lang={}", Place::CheckFile.path(), shell.code()),
            digest: Hash::of(&kept(shell.lang())?).to_string(),
            command: format!("verbund-audit verify pruefpaket.asice --root {root}"),
            root,
            shell,
        })
    }
}

fn kept(lang: Lang) -> Result<Bytes, Refusal> {
    let [german, english] = &*FILES;
    let made = if lang == Lang::De { german } else { english };
    made.clone().map_err(|problem| Refusal::new(Reason::Bug).with("problem", problem))
}

fn saved(lang: Lang) -> Result<Bytes, String> {
    let (t, code) = (Texts::of(lang), if lang == Lang::De { "de" } else { "en" });
    let style = style();
    let script = format!("{}{}", assets::text(assets::VERIFIER_NAME), assets::text("check.js"));
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; form-action 'none'; base-uri 'none'",
        digest(&script),
        digest(&style)
    );
    let page = Saved {
        t,
        code,
        policy,
        style,
        script,
        root: "",
        bundle_hint: filled(t.check_bundle_hint, &[("n", BUNDLE_MIB_MAX)]),
        saved: filled(t.check_saved, &[("version", env!("CARGO_PKG_VERSION"))]),
    };
    page.render().map(Bytes::from).map_err(|error| error.to_string())
}

/// As a policy names what may run.
fn digest(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(sha256(content.as_bytes())))
}

/// The sheets without the letters, which are files of their own: a saved page takes what the device has.
fn style() -> String {
    let sheets = format!("{}\n{}", assets::text("kern.css"), assets::text("verbund.css"));
    sheets.lines().filter(|line| !line.starts_with("@font-face")).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_names_the_node_s_root_and_says_that_an_auditor_brings_another() {
        let reader = Reader::new();
        let answer = reader.get("/pruefen").await;
        assert_eq!(answer.header("content-security-policy"), POLICY_MUTE);
        let page = answer.ok();
        let root = format!("sha256:{}", reader.town.node.settings().anchor);
        for part in [root.as_str(), "bringt die Wurzel selbst mit", "role=\"status\"", "verbund-audit verify"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!POLICY_MUTE.contains("connect-src") && POLICY_MUTE.contains("form-action 'none'"));
    }

    #[tokio::test]
    async fn the_saved_page_is_one_file_that_names_no_node_and_may_load_and_send_nothing() {
        let reader = Reader::new();
        for lang in ["de", "en"] {
            let answer = reader.get(&format!("/pruefen/verbund-pruefen.html?lang={lang}")).await;
            assert!(answer.header("content-disposition").contains("verbund-pruefen.html"));
            let digest = Hash::of(&answer.body).to_string();
            assert!(reader.get(&format!("/pruefen?lang={lang}")).await.ok().contains(&digest), "{lang}");
            let page = answer.ok();
            assert!(page.contains(&format!("<html lang=\"{lang}\"")));
            for outside in [" src=", " href=", "url(", "@import", "kitu"] {
                let markup: String = page.split("<script>").next().into_iter().collect();
                assert!(!markup.contains(outside), "{outside}");
            }
            // Exactly one script and one style, each of them named by its digest.
            for (open, close) in [("<script>", "</script>"), ("<style>", "</style>")] {
                assert_eq!((page.matches(open).count(), page.matches(close).count()), (1, 1), "{open}");
                let (_, rest) = page.split_once(open).expect("there");
                let (content, _) = rest.split_once(close).expect("closed");
                let named = super::digest(content);
                let policy = page.split("content=\"default-src").nth(1).and_then(|rest| rest.split('"').next());
                let policy = policy.expect("a policy").replace("&#39;", "'").replace("&#x27;", "'");
                assert!(policy.contains(&format!("'{named}'")), "{open}: {policy}");
                assert!(!policy.contains("connect-src") && policy.contains("form-action 'none'"));
            }
            assert!(!page.contains("<!--"), "a script within a comment would end elsewhere");
        }
    }

    #[test]
    fn the_largest_bundle_is_the_verifiers() {
        let limit = format!("const BUNDLE_BYTES_MAX = {BUNDLE_MIB_MAX} * 1024 * 1024;");
        assert!(assets::text(assets::VERIFIER_NAME).contains(&limit));
    }
}
