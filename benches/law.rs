//! How long a lawful answer takes: judging one leg, and finding all routes of up to six legs.
//!
//! Part one of this bench is law, part two prices. The graphs are those of `tests/it/law_graphs.rs`:
//! all municipalities of the register with 500 invented bodies, and the real organisations. Run with
//! `cargo bench --bench law`; `-- --quick` only tries whether everything runs.
#[path = "../tests/it/federation.rs"]
#[expect(dead_code, reason = "the tests' federation offers more than one price")]
mod federation;
#[path = "../tests/it/law_graphs.rs"]
mod law_graphs;
#[expect(dead_code, reason = "nothing here has a peer to be measured against")]
mod measure;
#[path = "law/price.rs"]
mod price;
#[path = "../tests/it/shared.rs"]
mod shared;

use std::hint::black_box;

use verbund::domain::fact_base::FactBase;
use verbund::domain::facts::Membership;
use verbund::domain::id::{OrgId, StatementId};
use verbund::domain::law::cases::{Court, judge_leg};
use verbund::domain::route::{FoundRoutes, find_routes};

use crate::law_graphs::{BODIES, Draw, Graph, day, generated, pack, real};
use crate::measure::{Figure, Figures, median, now};

/// Questions asked of each graph: enough that the hundredth part is more than a handful.
const QUESTIONS: usize = 1_000;

/// Legs judged for the figure on a leg.
const LEGS: usize = 20_000;

/// Milliseconds a search may take (issue and design name it).
const ROUTES_MS_MAX: f64 = 50.0;

/// How many cases there have to be.
const CASES_MIN: usize = 180;

/// Microseconds a leg may take.
const LEG_US_MAX: f64 = 50.0;

fn main() {
    let mut figures = Figures::begin("law");
    law(&mut figures);
    price::measure(&mut figures);
    figures.finish();
}

fn law(figures: &mut Figures) {
    let register = shared::shared("data/gemeinden/gemeinden_2025-08-31.csv");
    let questions = if std::env::args().any(|argument| argument == "--quick") { QUESTIONS / 50 } else { QUESTIONS };
    let (germany, real) = (generated(register.as_deref()), real());
    let asked = routes(&germany, questions);
    let of_all = format!(
        "all municipalities of the register and {BODIES} bodies, {} facts; {} routes found in the middle, {} of {} \
         searches cut short at a limit",
        germany.facts.memberships().count() + germany.facts.entities().count(),
        asked.routes_median,
        asked.cut,
        questions
    );
    put(figures, "routes_500_p99_ms", asked.p99, Some(ROUTES_MS_MAX), questions, &of_all);
    put(figures, "routes_500_p50_ms", asked.p50, None, questions, "the same searches, the one in the middle");
    let asked = routes(&real, questions);
    let note =
        format!("the real organisations as sources name them; {} of {questions} searches cut short", asked.cut);
    put(figures, "routes_real_p99_ms", asked.p99, Some(ROUTES_MS_MAX), questions, &note);
    let family = family();
    let asked = routes(&family, questions / 10);
    let note = "499 daughters of one mother, every pair of them sisters";
    put(figures, "routes_sisters_p99_ms", asked.p99, Some(ROUTES_MS_MAX), questions / 10, note);
    leg(figures, &germany);
    cases(figures);
}

/// How many cases of section 108 GWB two verifiers answer.
fn cases(figures: &mut Figures) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/law");
    let entries = std::fs::read_dir(folder).expect("the cases").filter_map(Result::ok);
    let count = entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "toml")).count();
    let note = format!("files under tests/cases/law; at least {CASES_MIN} are asked for");
    figures.put(Figure {
        figure: "cases",
        value: count as f64,
        unit: "cases",
        n: 1,
        median_of: 1,
        note: &note,
        ..Figure::default()
    });
}

fn put(figures: &mut Figures, figure: &str, value: f64, limit: Option<f64>, samples: usize, note: &str) {
    let (unit, n) = ("ms", samples as u64);
    figures.put(Figure { figure, value, unit, n, median_of: n, limit, note, ..Figure::default() });
}

/// What many searches took.
struct Asked {
    p50: f64,
    p99: f64,
    routes_median: usize,
    cut: usize,
}

/// Asks for routes between buyers and providers drawn from the graph.
fn routes(graph: &Graph, questions: usize) -> Asked {
    let as_of = day("2026-10-01");
    let (id, pack) = pack(as_of);
    let mut draw = Draw(501);
    let (mut times, mut counts, mut cut) = (Vec::new(), Vec::new(), 0);
    for _ in 0..questions {
        let buyer = &graph.buyers[draw.below(graph.buyers.len())];
        let provider = &graph.providers[draw.below(graph.providers.len())];
        let began = now();
        let FoundRoutes { routes, complete } =
            black_box(find_routes(&Court::on(&graph.facts, (&id, &pack), as_of, as_of), buyer, provider));
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        counts.push(routes.len());
        cut += usize::from(!complete);
    }
    let p50 = median(&mut times);
    counts.sort_unstable();
    Asked { p50, p99: times[questions * 99 / 100], routes_median: counts[questions / 2], cut }
}

/// One mother alone over 499 daughters, each a buyer and a provider.
fn family() -> Graph {
    let mut graph = Graph { facts: FactBase::default(), buyers: Vec::new(), providers: Vec::new() };
    let template = sole();
    for number in 0..499 {
        let mut fact = template.clone();
        fact.of = format!("daughter-{number}").parse().expect("a name");
        graph.buyers.push(fact.of.clone());
        graph.providers.push(fact.of.clone());
        graph.facts.insert_membership(StatementId::of(fact.of.as_str().as_bytes()), fact);
    }
    graph
}

/// A sole holding to copy.
fn sole() -> Membership {
    let graph = real();
    let sole = graph.facts.memberships().find(|(_, fact)| fact.sole).map(|(_, fact)| fact.clone());
    sole.expect("the real organisations have one")
}

/// Legs along memberships, downwards and upwards in turn, in an order that no cache foresees.
fn leg(figures: &mut Figures, graph: &Graph) {
    let as_of = day("2026-10-01");
    let (id, pack) = pack(as_of);
    let pairs: Vec<(&OrgId, &OrgId)> = graph.facts.memberships().map(|(_, fact)| (&fact.member, &fact.of)).collect();
    let mut draw = Draw(502);
    let mut times: Vec<f64> = (0..7)
        .map(|_| {
            let began = now();
            for number in 0..LEGS / 7 {
                let (member, of) = pairs[draw.below(pairs.len())];
                let (from, to) = if number % 2 == 0 { (member, of) } else { (of, member) };
                black_box(judge_leg(&graph.facts, (&id, &pack), from, to, as_of, as_of));
            }
            began.elapsed().as_secs_f64() * 1_000_000.0 / (LEGS / 7) as f64
        })
        .collect();
    figures.put(Figure {
        figure: "leg_us",
        value: median(&mut times),
        unit: "us",
        n: LEGS as u64,
        median_of: 7,
        limit: Some(LEG_US_MAX),
        note: "one leg judged under every case that applies, with all findings",
        ..Figure::default()
    });
}
