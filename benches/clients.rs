//! What programs of officers wait for: pages of a long list of orders, in every order in which it comes.
//!
//! `cargo bench --bench clients` measures a million orders of one party, `-- --quick` only tries whether everything runs. The
//! figures stand beside those that `tests/foreign/officer.py` leaves in the same file.
#[allow(dead_code, reason = "the tests' federation offers more than a node's settings")]
#[path = "../tests/it/federation.rs"]
mod federation;
#[expect(dead_code, reason = "there is no peer whose rate could be measured")]
mod measure;

use std::hint::black_box;

use verbund::domain::id::{NodeId, OrderId, OrgId, StatementId, sha256};
use verbund::domain::money::Cents;
use verbund::domain::order::Mode;
use verbund::node::system::SystemDice;
use verbund::protocol::Node;
use verbund::protocol::explain::Stage;
use verbund::view::View;
use verbund::view::orders::OrderRow;
use verbund::wire::order::{OrderListing, list};
use verbund::wire::pb::order::v1 as pb;

use crate::federation::{federation, name, start};
use crate::measure::{Figure, Figures, now};

/// Orders of the party, and pages looked at in each order of the list.
const ORDERS: u64 = 1_000_000;
const PAGES: usize = 2_000;

/// Milliseconds that all but one page of a hundred may take.
const PAGE_P99_MS_MAX: f64 = 20.0;

/// How the list is asked for: its order and the stage.
const LISTS: [(&str, pb::Stage); 5] = [
    ("id", pb::Stage::Unspecified),
    ("changed", pb::Stage::Unspecified),
    ("changed desc", pb::Stage::Unspecified),
    ("id", pb::Stage::Offered),
    ("changed desc", pb::Stage::Offered),
];

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (orders, pages) = if quick { (ORDERS / 1_000, PAGES / 100) } else { (ORDERS, PAGES) };
    let mut figures = Figures::begin("clients");
    let buyer: OrgId = name("barleben");
    let own: NodeId = name("kitu");
    let node = Node::new(federation().settings(&own), federation().keys(&own), Box::new(SystemDice));
    let view = View::of(&node, start()).with_orders((0..orders).map(|number| row(number, &buyer)));
    let mut took: Vec<f64> = LISTS.iter().flat_map(|(by, stage)| paged(&view, &buyer, by, *stage, pages)).collect();
    took.sort_by(f64::total_cmp);
    let p99 = took.get(took.len() * 99 / 100).copied().expect("pages were looked at");
    figures.put(Figure {
        figure: "order_list_1m_p99_ms",
        value: p99,
        unit: "ms",
        n: took.len() as u64,
        median_of: 1,
        limit: Some(PAGE_P99_MS_MAX),
        note: &format!(
            "one page of 50 of {orders} orders of one party, by id and as they changed, of one stage and of all: from the \
             request to the message, without the way over the wire"
        ),
        ..Figure::default()
    });
    figures.finish();
}

/// An order as it is shown; of four one is offered, the others are sealed.
fn row(number: u64, buyer: &OrgId) -> OrderRow {
    let hash = sha256(&number.to_be_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    let is_open = number.is_multiple_of(4);
    OrderRow {
        id: OrderId(id),
        buyer: buyer.clone(),
        provider: name("dataport"),
        offering: StatementId(hash),
        mode: Mode::Binding,
        stage: if is_open { Stage::Offered } else { Stage::Sealed },
        turn: is_open.then(|| buyer.clone()),
        total: Cents::try_from(794_000).ok(),
        since: start(),
        next_at: None,
        overdue: None,
        changed_at: 1 + number * 7,
        parties: vec![buyer.clone()],
    }
}

/// How long each page takes, from the first on, and again from the first when the last has come.
fn paged(view: &View, buyer: &OrgId, order_by: &str, stage: pb::Stage, pages: usize) -> Vec<f64> {
    let (mut took, mut page_token) = (Vec::new(), String::new());
    for _ in 0..pages {
        let (order_by, stage) = (order_by.to_owned(), stage.into());
        let request = pb::ListOrdersRequest { page_token, order_by, stage, ..Default::default() };
        let began = now();
        let listing = OrderListing::try_from(request).expect("its own token");
        let page = black_box(list(view, buyer, &listing, start()));
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
        assert!(!page.orders.is_empty() || page.total_size == 0, "a page that leads nowhere");
        page_token = page.next_page_token;
    }
    took
}
