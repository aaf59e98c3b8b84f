//! What automatic checks can say about accessibility: axe-core on every page, light, dark and narrow, and whether a page fits where it
//! is narrow or its text is large. Where axe-core is absent that part says so and is skipped.
use std::io::Write as _;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::figures;

/// WCAG 2.2, levels A and AA, and what axe-core leaves out unless it is asked.
const RULES: &str = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'], \
                     rules: { 'target-size': { enabled: true } }, resultTypes: ['violations'] }";

/// In another light nothing but colours can go wrong.
const COLOURS: &str = "{ runOnly: { type: 'rule', values: ['color-contrast'] }, resultTypes: ['violations'] }";

/// In the address of a page in English.
const SECOND: &str = "lang=en";

/// The pages of a script say when they are done.
const READY: &str =
    "[...document.querySelectorAll('#schluessel, #anmeldung, #erklaerung, #pruefung')].every((e) => e.dataset.ready)";

/// Opens every page in every way, and refuses what axe-core finds and what does not fit.
pub async fn check(browser: &mut Browser, page: &str, addresses: &[String]) {
    let axe = std::env::var("VERBUND_AXE").ok();
    if axe.is_none() {
        // Past the capture of the test's output, so that it is seen.
        let _ = writeln!(std::io::stderr(), "SKIPPED: VERBUND_AXE names no axe.min.js, axe-core checks no page");
    }
    bites(browser, page, axe.as_deref()).await;
    let mut found = Vec::new();
    for address in addresses {
        browser.device("width", json!(1280)).await;
        browser.device("scheme", json!("light")).await;
        browser.visit(&format!("{page}{address}")).await;
        browser.until(READY).await;
        // Of a page in its other language only words differ.
        let is_second = address.contains(SECOND);
        if !is_second {
            browser.device("text", json!(4)).await;
            found.extend(too_wide(browser, address, "text of 400 %").await);
            browser.device("text", json!(1)).await;
        }
        if let Some(axe) = &axe {
            browser.device("script", json!(axe)).await;
            found.extend(violations(browser, RULES, address, "light").await);
        }
        if is_second {
            browser.device("width", json!(320)).await;
            found.extend(too_wide(browser, address, "320 px").await);
            continue;
        }
        if axe.is_some() {
            browser.device("scheme", json!("dark")).await;
            found.extend(violations(browser, COLOURS, address, "dark").await);
            browser.device("scheme", json!("light")).await;
        }
        browser.device("width", json!(320)).await;
        if axe.is_some() {
            found.extend(violations(browser, RULES, address, "320 px").await);
        }
        found.extend(too_wide(browser, address, "320 px").await);
    }
    if axe.is_some() {
        figures::count("axe_violations", found.len());
    }
    assert!(found.is_empty(), "{} violations:\n{}", found.len(), found.join("\n"));
    browser.device("width", json!(1280)).await;
}

/// A page that is wrong is found wrong, so that a check that checks nothing is noticed.
async fn bites(browser: &mut Browser, page: &str, axe: Option<&str>) {
    browser.visit(page).await;
    browser.device("text", json!(4)).await;
    assert_eq!(
        browser.value("parseFloat(getComputedStyle(document.body).fontSize) >= 64").await,
        json!(true),
        "large"
    );
    browser.device("text", json!(1)).await;
    let wrong = "(() => { const made = document.createElement('div'); made.style.width = '3000px'; \
                 made.append('.', document.createElement('img')); document.querySelector('main').append(made); })()";
    browser.value(wrong).await;
    assert!(!too_wide(browser, "", "").await.is_empty(), "a picture of 3,000 pixels fits nowhere");
    if let Some(axe) = axe {
        browser.device("script", json!(axe)).await;
        assert!(!violations(browser, RULES, "", "").await.is_empty(), "and says nothing to who cannot see it");
        browser.value("document.querySelector('main p').style.color = '#444'").await;
        browser.device("scheme", json!("dark")).await;
        assert!(!violations(browser, COLOURS, "", "").await.is_empty(), "grey on black");
    }
}

/// Pictures of the main pages for `docs/pictures`, where `VERBUND_PICTURES` names that folder.
pub async fn pictures(browser: &mut Browser, page: &str, addresses: &[String]) {
    let of = |start: &str| addresses.iter().find(|address| address.starts_with(start)).cloned().unwrap_or_default();
    browser.device("width", json!(900)).await;
    for (name, address) in
        [("angebote", of("angebote?")), ("bestellung", of("bestellungen/")), ("knoten", of("knoten"))]
    {
        browser.visit(&format!("{page}{address}")).await;
        browser.picture(&format!("seite-{name}.webp")).await;
    }
}

/// What is wider than the window.
async fn too_wide(browser: &mut Browser, address: &str, way: &str) -> Vec<String> {
    let wide = "document.documentElement.scrollWidth <= innerWidth ? [] : \
                [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, pre'))\
                .map((e) => `too wide: ${e.outerHTML.slice(0, 120)}`).slice(-3)";
    told(browser.value(wide).await, address, way)
}

fn told(found: Value, address: &str, way: &str) -> Vec<String> {
    let texts = found.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(|text| format!("/{address}, {way}: {text}")).collect()
}

async fn violations(browser: &mut Browser, rules: &str, address: &str, way: &str) -> Vec<String> {
    let run = format!(
        "axe.run(document, {rules}).then(({{ violations }}) => violations.flatMap(({{ id, nodes }}) => \
         nodes.map(({{ html, any }}) => `${{id}}: ${{html.slice(0, 160)}} ${{any.map((a) => a.message).join(' ')}}`)))"
    );
    told(browser.value(&run).await, address, way)
}
