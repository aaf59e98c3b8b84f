//! What a route would cost, previewed: the largest price list a statement holds, over a route of six parties.
//!
//! Part of the area `law`. It must never be run on a price list smaller than the limits allow.
use verbund::domain::facts::BasisPoints;
use verbund::domain::id::{Hash, OrgId};
use verbund::domain::offering::Offering;
use verbund::domain::order::Request;
use verbund::domain::price::{
    Component, CostItem, Due, Indexation, Key, KeyKind, PARTIES_MAX, Part, Quantities, Tariff, Terms, Weight,
};
use verbund::domain::statement::{Kind, Signed};
use verbund::protocol::settings::Dice;
use verbund::protocol::{Input, Node, RequestId};

use crate::federation::{CHAIN, cents, federation, fee, name, start, statement_key, wohngeld};
use crate::measure::{Figure, Figures, now};

/// Previews timed one by one; the hundredth part of them lies above the 99th percentile.
const TIMED: usize = 2_000;

/// Contract length: with an index every year is computed by itself.
const YEARS: u32 = 20;

/// No dice are thrown.
struct Never;

impl Dice for Never {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Measures previews on a node that knows the whole chain.
pub fn measure(figures: &mut Figures) {
    let (node, request) = office();
    let preview = || {
        let quantities = Quantities { uses: Some(1_000), target_group: None };
        node.state()
            .public()
            .price_preview(&request.offering, &request.route, YEARS, quantities)
            .expect("a price")
            .preview
    };
    assert!(preview().is_complete(), "every hop has a tariff");
    let mut times: Vec<f64> = (0..TIMED).map(|_| timed(preview)).collect();
    times.sort_by(f64::total_cmp);
    let note = "five legs, 20 years with an index, a cost shared by 400; without the network";
    for (figure, value, limit) in [
        ("price_preview_p50_ms", times[TIMED / 2], None),
        ("price_preview_p99_ms", times[TIMED * 99 / 100], Some(5.0)),
    ] {
        figures.put(Figure {
            figure,
            value,
            unit: "ms",
            n: TIMED as u64,
            median_of: 1,
            limit,
            note,
            ..Figure::default()
        });
    }
}

fn timed<T>(work: impl Fn() -> T) -> f64 {
    let began = now();
    let found = work();
    let spent = began.elapsed();
    drop(found);
    spent.as_secs_f64() * 1_000.0
}

/// Barleben's node with Dataport's offering and every hop's tariff, and Barleben's request.
fn office() -> (Node, Request) {
    let federation = federation();
    let kitu = name("kitu");
    let mut node = Node::new(federation.settings(&kitu), federation.keys(&kitu), Box::new(Never));
    node.step(Input::Found(RequestId(0), federation.nodes[&kitu].genesis.clone()), start());
    let mut state = node.state().clone();
    let offering = offering();
    let signed = Signed::sign(&Kind::Offering, &offering, &[&statement_key("dataport")]);
    state.catalogue.put(signed.id(), offering);
    for hop in &CHAIN[1..CHAIN.len() - 1] {
        let tariff = Tariff { org: name(hop), version: 2, fee: fee(hop) };
        let signed = Signed::sign(&Kind::Tariff, &tariff, &[&statement_key(hop)]);
        state.catalogue.put_tariff(signed.id(), tariff);
    }
    let request = Request { offering: signed.id(), ..federation.request("price", start()) };
    (Node::resume(federation.settings(&kitu), federation.keys(&kitu), Box::new(Never), state), request)
}

fn offering() -> Offering {
    let weight = |at: usize| {
        let org: OrgId = if at == 0 { name("barleben") } else { name(&format!("gemeinde-{at}")) };
        let number = u64::from(u16::from_le_bytes([Hash::of(org.as_str().as_bytes()).0[0], at as u8]));
        Weight { party: org.as_str().parse().expect("a party"), weight: Some(1 + number) }
    };
    let key = Key {
        kind: KeyKind::Inhabitants,
        group: String::new(),
        year: 2024,
        source: "Bench".to_owned(),
        parties: (0..PARTIES_MAX).map(weight).collect(),
        open: false,
    };
    let points = |value| BasisPoints::try_from(value).expect("a share");
    let terms = Terms {
        split: vec![Part { share: points(10_000), key }],
        indexation: Some(Indexation { index: "Staffel".to_owned(), rate: Some(points(250)) }),
        ..Terms::default()
    };
    let shared = Component::new(CostItem::Operation, Due::PerYear, cents(100_000_000), "");
    let uses = Component::new(CostItem::Usage, Due::PerUse, cents(85), "");
    Offering { price: vec![Component { terms: Some(terms), ..shared }, uses], ..wohngeld() }
}
