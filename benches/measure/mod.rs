//! A small measuring loop for every bench: own work and a peer's in alternate rounds of one run, medians over rounds, a
//! table for people and `target/figures/<area>.json` for machines.
//!
//! It must never compare across runs: the machine is shared, and only what ran in turns is comparable.
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the node's own program allocates with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds of a full run; an odd number, so that the median is one of them.
const ROUNDS: usize = 7;

/// Length of one side of one round. Long enough for a thousand syncs of a slow disk.
const ROUND: Duration = Duration::from_millis(700);

/// The area in which others leave figures, too.
const SHARED: &str = "clients";

/// Work that can be repeated; every call says how many units it did.
pub type Work<'a> = dyn FnMut() -> u64 + 'a;

/// One line of the table.
#[derive(Default)]
pub struct Figure<'a> {
    /// What was measured.
    pub figure: &'a str,
    /// Its value.
    pub value: f64,
    /// The unit of value, peer value and limit.
    pub unit: &'a str,
    /// How many units or samples stand behind the value.
    pub n: u64,
    /// Over how many rounds or samples the median was taken.
    pub median_of: u64,
    /// What it is compared with, measured in turns with it.
    pub peer: Option<(&'a str, f64)>,
    /// What the machine allows at best, measured before the program was written.
    pub limit: Option<f64>,
    /// What a reader must know to judge the value.
    pub note: &'a str,
}

/// The figures of one area.
pub struct Figures {
    area: &'static str,
    rounds: usize,
    round: Duration,
    rows: Vec<Value>,
}

impl Figures {
    /// Begins an area. `--quick` on the command line only tries whether everything runs.
    pub fn begin(area: &'static str) -> Self {
        let quick = std::env::args().any(|argument| argument == "--quick");
        let (rounds, round) = if quick { (1, ROUND / 20) } else { (ROUNDS, ROUND) };
        Self { area, rounds, round, rows: Vec::new() }
    }

    /// Measures own work and a peer's in units per second. `frame` carries the words; its numbers are filled in.
    pub fn rate(&mut self, frame: Figure<'_>, own: &mut Work<'_>, peer: (&str, &mut Work<'_>)) {
        let (mut own_rates, mut peer_rates, mut n) = (Vec::new(), Vec::new(), 0);
        // Caches and the processor's clock settle before anything counts.
        self.run(own);
        self.run(peer.1);
        for _ in 0..self.rounds {
            let (done, rate) = self.run(own);
            n += done;
            own_rates.push(rate);
            peer_rates.push(self.run(peer.1).1);
        }
        let (value, peer) = (median(&mut own_rates), Some((peer.0, median(&mut peer_rates))));
        self.put(Figure { value, n, median_of: self.rounds as u64, peer, ..frame });
    }

    /// Units done in one side of a round, and their rate per second.
    fn run(&self, work: &mut Work<'_>) -> (u64, f64) {
        let (began, mut done) = (now(), 0);
        loop {
            done += work();
            let spent = began.elapsed();
            if spent >= self.round {
                return (done, done as f64 / spent.as_secs_f64());
            }
        }
    }

    /// Adds a figure measured otherwise.
    pub fn put(&mut self, figure: Figure<'_>) {
        self.rows.push(json!({
            "figure": figure.figure, "value": rounded(figure.value), "unit": figure.unit, "n": figure.n,
            "median_of": figure.median_of, "peer": figure.peer.map(|(name, _)| name),
            "peer_value": figure.peer.map(|(_, value)| rounded(value)), "limit": figure.limit, "note": figure.note,
        }));
    }

    /// A run of named parts keeps what the last run measured and this one did not; in [`SHARED`] every run does.
    fn keep_others(&mut self) {
        if self.area != SHARED && std::env::args().skip(1).all(|argument| argument.starts_with("--")) {
            return;
        }
        let last = fs::read(figures_folder().join(format!("{}.json", self.area))).unwrap_or_default();
        let last: Vec<Value> = serde_json::from_slice(&last).unwrap_or_default();
        let is_new = |row: &Value| self.rows.iter().all(|own| own["figure"] != row["figure"]);
        let others: Vec<Value> = last.into_iter().filter(is_new).collect();
        self.rows.extend(others);
    }

    /// Prints the table and writes the files.
    pub fn finish(mut self) {
        self.keep_others();
        let folder = figures_folder();
        let machine = machine();
        fs::create_dir_all(&folder).expect("a folder for figures");
        let write = |name: &str, value: &Value| {
            fs::write(folder.join(format!("{name}.json")), format!("{value:#}\n")).expect("a file for figures");
        };
        write(self.area, &Value::Array(self.rows.clone()));
        write("machine", &machine);
        let mut out = std::io::stdout().lock();
        let mut line = |text: &str| writeln!(out, "{text}").expect("standard output is open");
        line(&format!("\n{}, {machine}", self.area));
        line(&format!("{:<44} {:>12} {:>12} {:>7} {:>12}  unit", "figure", "value", "peer", "ratio", "limit"));
        for row in &self.rows {
            let number = |field: &str| row[field].as_f64();
            let ratio = number("value").zip(number("peer_value")).map(|(own, peer)| format!("{:.2}", own / peer));
            line(&format!(
                "{:<44} {:>12} {:>12} {:>7} {:>12}  {}",
                row["figure"].as_str().unwrap_or_default(),
                shown(number("value")),
                shown(number("peer_value")),
                ratio.unwrap_or_default(),
                shown(number("limit")),
                row["unit"].as_str().unwrap_or_default(),
            ));
        }
    }
}

/// The stopwatch.
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "measuring is what a bench is for")]
    Instant::now()
}

/// The middle value; the upper one of two.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn figures_folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("`tmp` lies in the target folder");
    target.join("figures")
}

/// Where and on what the figures were taken; no figure may be quoted without it.
fn machine() -> Value {
    let text = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "processor": model.map(|(_, name)| name),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "commit": text("git", &["describe", "--always", "--dirty"]),
        "rustc": text("rustc", &["--version"]),
    })
}

/// Four significant digits; more would be noise.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(
        || "–".to_owned(),
        |value| if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") },
    )
}
