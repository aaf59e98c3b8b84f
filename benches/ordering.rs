//! Ordering: what one order costs, and how many six real nodes carry.
//!
//! `cargo bench --bench ordering` runs every part; `-- alone load` only the parts named, and `-- --quick` only tries
//! whether everything runs. `VERBUND_LOAD_SECONDS=600` is the long run under load, `VERBUND_OUTAGE_ORDERS` the number
//! of orders that wait for a node. Six processes and whoever orders share the machine: nothing else should run on it.
#[path = "ordering/alone.rs"]
mod alone;
#[path = "ordering/endorse.rs"]
mod endorse;
#[allow(dead_code, reason = "the tests' federation offers more than one order")]
#[path = "../tests/it/federation.rs"]
mod federation;
#[path = "ordering/load.rs"]
mod load;
mod measure;
#[path = "ordering/office.rs"]
mod office;
#[path = "ordering/outage.rs"]
mod outage;
#[path = "../tests/it/ports.rs"]
mod ports;
#[allow(dead_code, reason = "the tests ask more of it")]
#[path = "../tests/it/processes.rs"]
mod processes;

use crate::measure::Figures;

/// What a part does.
type Part = fn(&mut Figures);

/// Every part by name, in the order in which they run.
const PARTS: [(&str, Part); 5] = [
    ("office", office::run),
    ("endorse", endorse::run),
    ("alone", alone::run),
    ("load", load::run),
    ("outage", outage::run),
];

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut figures = Figures::begin("ordering");
    for (_, run) in PARTS.iter().filter(|(name, _)| named.is_empty() || named.iter().any(|wanted| wanted == name)) {
        run(&mut figures);
    }
    figures.finish();
}

/// Whether this run only tries whether everything works.
fn is_quick() -> bool {
    std::env::args().any(|argument| argument == "--quick")
}

/// A number that the environment may set.
fn number(variable: &str, ordinary: usize) -> usize {
    std::env::var(variable).map_or(ordinary, |text| text.parse().expect("a number"))
}

/// A runtime for talking to nodes.
fn runtime(threads: usize) -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all().build().expect("a runtime")
}

/// The value below which so many per cent of the sorted values lie.
fn percentile(values: &mut [f64], per_cent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * per_cent / 100).min(values.len().saturating_sub(1))).copied().unwrap_or(0.0)
}
