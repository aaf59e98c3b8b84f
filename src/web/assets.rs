//! The files that pages need, within the program: style, script, letters. Each is served under a name that holds its hash, so
//! a browser may keep it for ever and a new version has a new name.
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::LazyLock;

use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use flate2::read::GzDecoder;

use crate::domain::id::sha256;

/// Most bytes of all of them together, in the program.
pub const ASSETS_BYTES_MAX: usize = 700 * 1024;

/// Where they are served.
pub(super) const ROUTE: &str = "/assets/{name}";

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The verifier of `assets/verify` as one script, packed when the program was built: a third of a megabyte as it is.
const VERIFIER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/verify.js.gz"));

/// What it is known as.
pub(super) const VERIFIER_NAME: &str = "verify.js";

/// Names, kinds and contents. Files that name others come after them.
const FILES: [(&str, &str, &[u8]); 16] = [
    ("sign.js", SCRIPT, include_bytes!("assets/sign.js")),
    ("key-page.js", SCRIPT, include_bytes!("assets/key-page.js")),
    ("ask-grant.js", SCRIPT, include_bytes!("assets/ask-grant.js")),
    ("live.js", SCRIPT, include_bytes!("assets/live.js")),
    ("keys.js", SCRIPT, include_bytes!("assets/keys.js")),
    ("sign-in.js", SCRIPT, include_bytes!("assets/sign-in.js")),
    ("check.js", SCRIPT, include_bytes!("assets/check.js")),
    ("fira-sans-regular.woff2", "font/woff2", include_bytes!("assets/fira-sans-regular.woff2")),
    ("fira-sans-semibold.woff2", "font/woff2", include_bytes!("assets/fira-sans-semibold.woff2")),
    ("fira-sans-licence.txt", "text/plain; charset=utf-8", include_bytes!("assets/fira-sans-licence.txt")),
    ("htmx.js", SCRIPT, include_bytes!("assets/htmx.js")),
    ("htmx-licence.txt", "text/plain; charset=utf-8", include_bytes!("assets/htmx-licence.txt")),
    ("kern.css", "text/css; charset=utf-8", include_bytes!("assets/kern.css")),
    ("kern-licence.txt", "text/plain; charset=utf-8", include_bytes!("assets/kern-licence.txt")),
    ("verbund.css", "text/css; charset=utf-8", include_bytes!("assets/verbund.css")),
    ("verbund.svg", "image/svg+xml", include_bytes!("assets/verbund.svg")),
];

/// A file as it is served.
struct Asset {
    kind: &'static str,
    content: Bytes,
}

/// All of them.
struct Assets {
    /// By the name they are served under.
    served: BTreeMap<String, Asset>,
    /// That name by the name they are known as.
    names: BTreeMap<&'static str, String>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut assets = Assets { served: BTreeMap::new(), names: BTreeMap::new() };
    let files = FILES.into_iter().map(|(name, kind, content)| (name, kind, Bytes::from_static(content)));
    for (name, kind, content) in files.chain([(VERIFIER_NAME, SCRIPT, verifier())]) {
        let content = linked(kind, content, &assets.names);
        let digest = hex::encode(&sha256(&content)[..8]);
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let served = format!("{stem}.{digest}.{ending}");
        assets.served.insert(served.clone(), Asset { kind, content });
        assets.names.insert(name, served);
    }
    assets
});

/// A style sheet names files as they lie in the repository; it is served with their names of now.
fn linked(kind: &str, content: Bytes, names: &BTreeMap<&'static str, String>) -> Bytes {
    let text = std::str::from_utf8(&content).ok().filter(|_| kind.starts_with("text/css"));
    let Some(text) = text else { return content };
    let linked = names.iter().fold(text.to_owned(), |text, (name, served)| {
        text.replace(&format!("url(\"{name}\")"), &format!("url(\"{served}\")"))
    });
    Bytes::from(linked)
}

/// The verifier, unpacked. What the build has packed is whole.
fn verifier() -> Bytes {
    let mut script = Vec::new();
    GzDecoder::new(VERIFIER).read_to_end(&mut script).expect("packed by the build");
    Bytes::from(script)
}

/// The content of a file that is text; empty if there is none of that name.
pub(super) fn text(name: &str) -> &'static str {
    let asset = ASSETS.names.get(name).and_then(|served| ASSETS.served.get(served));
    asset.and_then(|asset| std::str::from_utf8(&asset.content).ok()).unwrap_or_default()
}

/// The address of a file.
pub(super) fn href(name: &str) -> String {
    let served = ASSETS.names.get(name).map_or(name, String::as_str);
    format!("/assets/{served}")
}

/// How many bytes all of them take in the program.
pub fn bytes() -> usize {
    FILES.iter().map(|(_, _, content)| content.len()).sum::<usize>() + VERIFIER.len()
}

/// Answers with a file.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.served.get(&name) else {
        let mut missing = Response::new(Body::empty());
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    let mut response = Response::new(Body::from(asset.content.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Hash;

    /// What others have made is what `assets/VENDORED.md` says it is.
    #[test]
    fn what_is_vendored_is_unchanged() {
        for (name, hash) in [
            ("fira-sans-regular.woff2", "0fe48aded097c2a11942a70bfef48510abf875a8e800f43d4007dce8d2a3aebe"),
            ("fira-sans-semibold.woff2", "a68802f9a523c6f43c21ad60a7d64ca5a978b86358a136a60430643fbd0f4b36"),
            ("htmx.js", "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"),
            ("kern.css", "5b29daf29dcfa22bf657e810740c6d7f9314424e4f87ab5493eaef1cbf47afb0"),
        ] {
            let (_, _, content) = FILES.iter().find(|(known, ..)| *known == name).expect("embedded");
            assert_eq!(Hash::of(content).to_string(), hash, "{name}");
        }
    }

    #[test]
    fn all_of_them_are_small_enough() {
        assert!(bytes() < ASSETS_BYTES_MAX, "{} bytes", bytes());
    }

    /// What KERN leaves open would have the colours of a light page on a dark one.
    #[test]
    fn every_colour_that_a_sheet_names_is_defined() {
        let sheets = format!("{}{}", text("kern.css"), text("verbund.css"));
        let mut named = 0;
        for part in sheets.split("var(--kern-color-").skip(1) {
            let name: String =
                part.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
            assert!(sheets.contains(&format!("--kern-color-{name}:")), "{name}");
            named += 1;
        }
        assert!(named > 100, "{named}");
    }

    /// A style may load letters from here, and nothing from anywhere else.
    #[test]
    fn style_sheets_name_files_that_are_served_and_no_other_place() {
        let sheets = ASSETS.served.values().filter(|asset| asset.kind.starts_with("text/css"));
        let mut named = 0;
        for sheet in sheets {
            let text = std::str::from_utf8(&sheet.content).expect("UTF-8");
            assert!(!text.contains("@import"));
            for part in text.split("url(").skip(1) {
                let name = part.split(')').next().expect("closed").trim_matches('"');
                assert!(ASSETS.served.contains_key(name), "{name}");
                named += 1;
            }
        }
        assert_eq!(named, 2);
    }
}
