//! The page for browsers: what it costs to make one out of a great catalogue, how large it is, and readers beside orders.
//!
//! Run with `cargo bench --bench web`; `-- --quick` only tries whether everything runs. What the tests in the browser have counted
//! before (`axe_violations`) is printed beside it.
#[allow(dead_code, reason = "the tests' federation offers more")]
#[path = "../tests/it/federation.rs"]
mod federation;
#[allow(dead_code, reason = "the bench `finding` asks more of it")]
#[path = "../tests/it/finding.rs"]
mod finding;
#[allow(dead_code, reason = "the bench `operation` runs all of it")]
#[path = "operation/flood.rs"]
mod flood;
#[allow(dead_code, reason = "nothing here is measured in turns with a peer")]
mod measure;
#[allow(dead_code, reason = "the bench `finding` asks more of it")]
#[path = "finding/offerings.rs"]
mod offerings;
#[path = "web/pages.rs"]
mod pages;
#[path = "../tests/it/ports.rs"]
mod ports;
#[allow(dead_code, reason = "the tests ask more of it")]
#[path = "../tests/it/processes.rs"]
mod processes;
#[path = "web/readers.rs"]
mod readers;
#[path = "../tests/it/shared.rs"]
mod shared;

use std::fs;
use std::path::Path;

use crate::measure::{Figure, Figures};

fn main() {
    let mut figures = Figures::begin("web");
    pages::run(&mut figures);
    figures.put(Figure {
        figure: "assets_kb",
        value: verbund::web::assets::bytes() as f64 / 1_024.0,
        unit: "KiB",
        n: 1,
        median_of: 1,
        limit: Some(700.0),
        note: "style, scripts, letters and the verifier, within the program",
        ..Figure::default()
    });
    counted(&mut figures, "axe_violations", "WCAG 2.2 AA, axe-core, every page, light, dark and at 320 px");
    readers::run(&mut figures);
    figures.finish();
}

/// What a test has left; nothing is said where it has not run.
fn counted(figures: &mut Figures, figure: &'static str, note: &'static str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/figures/{figure}.txt"));
    let Some(value) = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()) else { return };
    figures.put(Figure { figure, value, n: 1, median_of: 1, limit: Some(0.0), note, ..Figure::default() });
}

/// Whether this run only tries whether everything works.
fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}

/// The value below which so many per cent of the values lie.
fn percentile(values: &mut [f64], per_cent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * per_cent / 100).min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}
