//! Pages out of a catalogue of 100,000 offerings: from the question to the message, without the network.
use verbund::domain::id::{NodeId, StatementId, sha256};
use verbund::domain::offering::Offering;
use verbund::protocol::settings::Dice;
use verbund::protocol::{Input, Node, RequestId};
use verbund::view::View;
use verbund::wire::catalogue::{OfferingListing, list};
use verbund::wire::pb::catalogue::v1::ListOfferingsRequest;

use crate::federation::{federation, name, start, wohngeld};
use crate::measure::{Figure, Figures, now};
use crate::{is_quick, percentile};

/// Offerings, and how many different names.
const OFFERINGS: u64 = 100_000;

/// Pages turned one after the other, 50 offerings each.
const PAGES: usize = 1_000;

/// No dice are thrown.
struct Never;

impl Dice for Never {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Turns pages.
pub fn run(figures: &mut Figures) {
    let (offerings, pages) = if is_quick() { (OFFERINGS / 100, PAGES / 100) } else { (OFFERINGS, PAGES) };
    let view = View::of(&offering(offerings), start());
    let (mut times, mut token) = (Vec::new(), String::new());
    for _ in 0..pages {
        let request = ListOfferingsRequest { page_token: token, ..ListOfferingsRequest::default() };
        let began = now();
        let listing = OfferingListing::try_from(request).expect("an own token");
        let page = list(&view, &listing, start()).expect("a page");
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        assert!(!page.offerings.is_empty() && page.total_size > 0);
        token = page.next_page_token;
    }
    figures.put(Figure {
        figure: "list_page_100k_p99_ms",
        value: percentile(&mut times, 99),
        unit: "ms",
        n: times.len() as u64,
        median_of: 1,
        limit: Some(10.0),
        note: "50 of 100,000 offerings from a token, as a message; without the network",
        ..Figure::default()
    });
}

/// A node that knows so many offerings.
fn offering(count: u64) -> Node {
    let federation = federation();
    let own: NodeId = name("dataport");
    let mut node = Node::new(federation.settings(&own), federation.keys(&own), Box::new(Never));
    node.step(Input::Found(RequestId(0), federation.nodes[&own].genesis.clone()), start());
    let mut state = node.state().clone();
    for number in 0..count {
        let offering = Offering { name: name(&format!("dienst-{number:06}")), ..wohngeld() };
        state.catalogue.put(StatementId(sha256(&number.to_be_bytes())), offering);
    }
    Node::resume(federation.settings(&own), federation.keys(&own), Box::new(Never), state)
}
