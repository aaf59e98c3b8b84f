//! Replication at the scale of the whole country: a million statements in two thousand logs.
//!
//! `cargo bench --bench replication` runs every part; `-- ingest` only the parts named, and `-- --quick` only tries
//! whether everything runs, on a hundredth of the data. `-- --shallow missing` counts bytes over all logs in a fraction of
//! the time. The data are made once and kept below `target`.
#[path = "../tests/it/agenda.rs"]
mod agenda;
#[path = "replication/bootstrap.rs"]
mod bootstrap;
#[path = "replication/dataset.rs"]
mod dataset;
#[path = "../tests/it/dice.rs"]
mod dice;
#[path = "replication/difference.rs"]
mod difference;
#[expect(dead_code, reason = "a bench exports nothing")]
#[path = "../tests/it/exported.rs"]
mod exported;
#[allow(dead_code, unused_imports, reason = "the tests use all of it")]
#[path = "../tests/it/federation.rs"]
mod federation;
#[path = "../tests/it/history.rs"]
mod history;
#[path = "replication/ingest.rs"]
mod ingest;
#[expect(dead_code, reason = "not every bench measures in rounds")]
mod measure;
#[path = "replication/pair.rs"]
mod pair;
#[allow(dead_code, unused_imports, reason = "the tests use all of it")]
#[path = "../tests/it/sim/mod.rs"]
mod sim;
#[path = "replication/spread.rs"]
mod spread;

use crate::dataset::{Dataset, Size};
use crate::measure::Figures;

/// What a part does.
type Part = fn(&mut Figures, &Dataset);

/// Every part by name, in the order in which they run; a part may use what an earlier one left below `target`.
const PARTS: [(&str, Part); 5] = [
    ("ingest", ingest::run),
    ("load", ingest::load),
    ("bootstrap", bootstrap::run),
    ("missing", difference::run),
    ("spread", spread::run),
];

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let size = if has("--quick") {
        Size::Quick
    } else if has("--shallow") {
        Size::Shallow
    } else {
        Size::Whole
    };
    let dataset = Dataset::prepare(size);
    let mut figures = Figures::begin("replication");
    for (_, run) in PARTS.iter().filter(|(name, _)| named.is_empty() || named.iter().any(|wanted| wanted == name)) {
        run(&mut figures, &dataset);
    }
    figures.finish();
}
