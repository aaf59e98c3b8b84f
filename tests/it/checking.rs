//! The page *Prüfen* in a real browser: good and forged bundles, what is no bundle at all, and the same page saved as a file and
//! opened without a network.
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;
use verbund::domain::id::{NodeId, StatementId};

use crate::browser::Browser;
use crate::evidence::{Script, evidence};
use crate::federation::name;
use crate::live::Live;
use crate::page::get;
use crate::ports::free_addresses;

/// Files to be dropped, and the root of their federation.
struct Files {
    folder: tempfile::TempDir,
    root: StatementId,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let late = Script { sealed_after: 30, seal_seen_late: 87_600, ..Script::default() };
        let (good, forged) = (evidence(&Script::default()), evidence(&late));
        for (name, bundle) in [
            ("<img src=x onerror=document.title='evil'>.asice", good.bundle()),
            ("gut.asice", good.bundle()),
            ("spaet.asice", forged.bundle()),
        ] {
            fs::write(folder.path().join(name), bundle.to_zip().expect("a file")).expect("written");
        }
        fs::write(folder.path().join("kein-paket.asice"), "nichts").expect("written");
        // Takes no room on the disk, and must not be read.
        File::create(folder.path().join("riesig.asice")).and_then(|file| file.set_len(1 << 30)).expect("written");
        assert_eq!(good.root, forged.root);
        Self { folder, root: good.root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Chooses a file and waits for the verdict.
async fn verdict(browser: &mut Browser, file: &Path) -> (String, String) {
    // The same file again is no change of the field.
    browser.value("document.getElementById('paket').value = ''").await;
    browser.value("delete document.getElementById('bericht').dataset.verdict").await;
    browser.choose("#paket", file).await;
    browser.until("document.getElementById('bericht').dataset.verdict").await;
    let verdict = browser.text("document.getElementById('bericht').dataset.verdict").await;
    (verdict, browser.text("document.getElementById('bericht').innerText").await)
}

/// What is told in the region that screen readers follow.
async fn status(browser: &mut Browser, file: &Path) -> String {
    browser.value("document.getElementById('paket').value = ''").await;
    browser.value("document.getElementById('stand').replaceChildren()").await;
    browser.choose("#paket", file).await;
    browser.until("document.querySelector('#stand .problem')").await;
    assert_eq!(browser.value("document.getElementById('bericht').hidden").await, json!(true));
    browser.text("document.getElementById('stand').innerText").await
}

async fn ready(browser: &mut Browser, address: &str) {
    browser.visit(address).await;
    browser.until("document.getElementById('pruefung').dataset.ready").await;
    let live = "document.getElementById('stand').getAttribute('role')";
    assert_eq!(browser.text(live).await, "status", "there before anything is told in it");
}

/// Good, forged, foreign, broken: the page says so, as the auditor's program does.
async fn judges(browser: &mut Browser, files: &Files) {
    let root = format!("sha256:{}", files.root);
    browser.fill("#wurzel", &root).await;
    let (good, text) = verdict(browser, &files.path("gut.asice")).await;
    assert_eq!(good, "VALID", "{text}");
    assert!(text.starts_with("Gültig: Der Vertrag ist so zustande gekommen") && text.contains(&root), "{text}");
    assert!(!text.contains("bringt die Wurzel selbst mit"), "a root of one's own: {text}");
    assert_eq!(browser.text("document.activeElement.id").await, "bericht");
    let (forged, text) = verdict(browser, &files.path("spaet.asice")).await;
    assert!(forged == "INVALID" && text.starts_with("Ungültig: ") && text.contains("SEAL_LATE"), "{text}");
    let (none, text) = verdict(browser, &files.path("kein-paket.asice")).await;
    assert!(none == "NOT_CHECKABLE" && text.contains("BUNDLE_NOT_ZIP"), "{text}");
    browser.fill("#wurzel", &"0".repeat(64)).await;
    let (foreign, text) = verdict(browser, &files.path("gut.asice")).await;
    assert!(foreign == "INVALID" && text.contains("ROOT_UNKNOWN"), "{text}");
}

/// What cannot be judged is told, and what was typed stays.
async fn refuses(browser: &mut Browser, files: &Files) {
    browser.fill("#wurzel", "0123").await;
    let told = status(browser, &files.path("gut.asice")).await;
    assert!(told.starts_with("Das ist keine Wurzel"), "{told}");
    assert_eq!(browser.text("document.getElementById('wurzel').value").await, "0123");
    assert_eq!(browser.text("document.getElementById('wurzel').getAttribute('aria-invalid')").await, "true");
    browser.fill("#wurzel", &files.root.to_string()).await;
    let told = status(browser, &files.path("riesig.asice")).await;
    assert!(told.contains("mehr als 16 MiB") && told.contains("nicht gelesen"), "{told}");
}

/// A name made of markup is a name.
async fn shows_names_as_text(browser: &mut Browser, files: &Files) {
    browser.fill("#wurzel", &files.root.to_string()).await;
    let (good, text) = verdict(browser, &files.path("<img src=x onerror=document.title='evil'>.asice")).await;
    assert!(good == "VALID" && text.contains("<img src=x onerror="), "{text}");
    assert_eq!(browser.value("document.querySelectorAll('img, iframe').length").await, json!(0));
    assert_eq!(browser.text("document.title").await, "Prüfpaket prüfen – Verbund");
}

async fn node_with_page() -> (Live, SocketAddr) {
    let mut live = Live::found();
    let address = free_addresses(1)[0];
    live.world.open_pages([(name::<NodeId>("kitu"), address)].into()).expect("settings");
    live.start("kitu").await;
    (live, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_is_verified_in_the_browser_and_never_sent() {
    let Some(mut browser) = Browser::open() else { return };
    let (files, (mut live, address)) = (Files::new(), node_with_page().await);
    let page = format!("http://{address}/pruefen?lang=de");
    ready(&mut browser, &page).await;
    let named = browser.text("document.getElementById('wurzel').value").await;
    let (own, text) = verdict(&mut browser, &files.path("gut.asice")).await;
    assert!(own == "INVALID" && text.contains(&named) && text.contains("bringt die Wurzel selbst mit"), "{text}");
    browser.picture("pruefen-ungueltig").await;
    judges(&mut browser, &files).await;
    refuses(&mut browser, &files).await;
    shows_names_as_text(&mut browser, &files).await;
    for (width, scheme) in [(320, "light"), (320, "dark"), (1280, "light")] {
        browser.device("width", json!(width)).await;
        browser.device("scheme", json!(scheme)).await;
        browser.picture(&format!("pruefen-{width}-{scheme}")).await;
        let fits = "document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(browser.value(fits).await, json!(true), "{width}");
        // Written in what the device prefers: light on dark, or dark on light.
        let colour = browser.text("getComputedStyle(document.querySelector('main p')).color").await;
        let lightness = colour.strip_prefix("oklch(").and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
        assert_eq!(lightness.map(|lightness| lightness > 0.5), Some(scheme == "dark"), "{colour}");
    }
    // The page and its files, nothing else, and nothing that carries anything.
    for (method, url) in browser.requests().await {
        assert!(method == "GET" && url.starts_with(&format!("http://{address}/")), "{method} {url}");
    }
    assert_eq!(browser.problems().await, Vec::<String>::new());
    // Even a page that wanted to could not.
    let sent = "fetch('/', { method: 'POST', body: 'x' }).then(() => 'sent', () => 'kept')";
    assert_eq!(browser.text(sent).await, "kept");
    browser.close().await;
    live.stop("kitu").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_saved_as_a_file_verifies_without_a_network() {
    let Some(mut browser) = Browser::open() else { return };
    let (files, (mut live, address)) = (Files::new(), node_with_page().await);
    let answer = get(address, "/pruefen/verbund-pruefen.html?lang=de").await;
    live.stop("kitu").await;
    let (_, content) = answer.split_once("\r\n\r\n").expect("a head");
    let saved = files.path("verbund-pruefen.html");
    fs::write(&saved, content).expect("written");
    browser.device("offline", json!(true)).await;
    ready(&mut browser, &format!("file://{}", saved.display())).await;
    let told = status(&mut browser, &files.path("gut.asice")).await;
    assert!(told.starts_with("Das ist keine Wurzel"), "it brings none: {told}");
    judges(&mut browser, &files).await;
    refuses(&mut browser, &files).await;
    shows_names_as_text(&mut browser, &files).await;
    browser.picture("pruefen-gespeichert").await;
    for (method, url) in browser.requests().await {
        assert!(method == "GET" && url.starts_with("file://"), "{method} {url}");
    }
    assert_eq!(browser.problems().await, Vec::<String>::new());
    browser.close().await;
}
