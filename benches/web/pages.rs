//! Pages out of a catalogue of 100,000 offerings: from the request to the answer, without the network.
//!
//! The offerings are as various as those of the bench `finding`, and the questions are those of its table; one word stands in every
//! offering, which is the dearest question there is: it orders and counts all of them. Without the register all offerings are the same.
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tokio::sync::{broadcast, watch};
use tower::ServiceExt as _;
use verbund::config::web::Imprint;
use verbund::domain::annex::{Annex, Enclosed};
use verbund::domain::id::{Hash, NodeId, OrderId, OrgId, StatementId, sha256};
use verbund::domain::offering::Offering;
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::statement::Signed;
use verbund::domain::time::Timestamp;
use verbund::protocol::settings::Dice;
use verbund::protocol::{Answer, Input, Node, RequestId};
use verbund::search::entry::{Register, entry_of};
use verbund::search::{Found, Index, Narrowing, Place};
use verbund::view::View;
use verbund::web::desk::{Find, Later, Look, NodeLook, Source};
use verbund::web::live::Changes;
use verbund::web::site::Site;
use verbund::wire::catalogue::OfferingSearch;

use crate::federation::{federation, name, start, wohngeld};
use crate::finding::{questions, services};
use crate::measure::{Figure, Figures, now};
use crate::offerings::{Made, Maker};
use crate::{is_quick, percentile};

/// Offerings, and how often the first page of them is asked for.
const OFFERINGS: u64 = 100_000;
const ASKED: usize = 1_000;

/// Of these every tenth is a search by words, and of the searches every fifth asks for the word that all offerings have.
const SEARCHED: usize = 10;
const WORST: usize = 5;
const IN_ALL: &str = "Onlinedienst";

/// The part `pages`.
pub fn run(figures: &mut Figures) {
    let (offerings, asked) = if is_quick() { (OFFERINGS / 100, ASKED / 100) } else { (OFFERINGS, ASKED) };
    let site = Site {
        node: "dataport".to_owned(),
        imprint: Imprint::default(),
        takes_requests: false,
        is_encrypted: false,
        version: "0",
    };
    let router = verbund::web::router(Arc::new(Standing::of(offerings)), site);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (questions, searches) = (questions(), asked / SEARCHED);
    let searched = |n: usize| if n.is_multiple_of(WORST) { IN_ALL } else { &questions[n % questions.len()].text };
    let (mut times, mut worst, mut largest) = (Vec::new(), Vec::new(), 0);
    for number in 0..asked {
        let words = number.is_multiple_of(SEARCHED).then(|| searched(number / SEARCHED));
        let query =
            words.map(|words| form_urlencoded::Serializer::new("?".to_owned()).append_pair("q", words).finish());
        let request =
            Request::get(format!("/angebote{}", query.unwrap_or_default())).body(Body::empty()).expect("a request");
        let began = now();
        let bytes = runtime.block_on(async {
            let answer = router.clone().oneshot(request).await.expect("infallible");
            assert_eq!(answer.status(), StatusCode::OK);
            to_bytes(answer.into_body(), usize::MAX).await.expect("in memory").len()
        });
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        worst.extend(times.last().filter(|_| words == Some(IN_ALL)).copied());
        largest = largest.max(bytes);
    }
    figures.put(Figure {
        figure: "page_100k_p99_ms",
        value: percentile(&mut times, 99),
        unit: "ms",
        n: times.len() as u64,
        median_of: 1,
        limit: Some(30.0),
        note: "first page of 100,000 various offerings, every tenth by a question of the table; time at the server",
        ..Figure::default()
    });
    figures.put(Figure {
        figure: "page_100k_worst_ms",
        value: percentile(&mut worst, 50),
        unit: "ms",
        n: (searches / WORST) as u64,
        median_of: worst.len() as u64,
        note: "half of the searches for a word that every offering has take so long at most",
        ..Figure::default()
    });
    figures.put(Figure {
        figure: "page_kb",
        value: largest as f64 / 1_024.0,
        unit: "KiB",
        n: times.len() as u64,
        median_of: 1,
        limit: Some(100.0),
        note: "the largest of these pages, not compressed, besides files that a browser keeps",
        ..Figure::default()
    });
}

/// No dice are thrown.
struct Never;

impl Dice for Never {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// A node that knows so many offerings, and nothing else.
struct Standing {
    view: View,
    index: Indexed,
}

struct Indexed(Index);

impl Standing {
    fn of(count: u64) -> Self {
        let federation = federation();
        let own: NodeId = name("dataport");
        let mut node = Node::new(federation.settings(&own), federation.keys(&own), Box::new(Never));
        node.step(Input::Found(RequestId(0), federation.nodes[&own].genesis.clone()), start());
        let mut state = node.state().clone();
        let (mut index, register) = (Index::default(), Register::default());
        let maker = services().map(|services| Maker::of(&services));
        for number in 0..count {
            let made = maker.as_ref().map(|maker| maker.offering(usize::try_from(number).expect("a small number")));
            let offering = offering(made, number);
            let id = StatementId(sha256(&number.to_be_bytes()));
            index.put(&entry_of(id, &offering, &register));
            state.catalogue.put(id, offering);
        }
        index.settle();
        let node = Node::resume(federation.settings(&own), federation.keys(&own), Box::new(Never), state);
        Self { view: View::of(&node, start()), index: Indexed(index) }
    }
}

/// An offering of the catalogue; each holds the word that all have.
fn offering(made: Option<Made>, number: u64) -> Offering {
    let base = wohngeld();
    let Some(made) = made else {
        let description = format!("{}. {IN_ALL}", base.description);
        return Offering { name: name(&format!("dienst-{number:06}")), description, ..base };
    };
    Offering {
        name: name(&made.name),
        seller: name(&made.seller),
        title: made.title,
        description: format!("{}. {IN_ALL}", made.about),
        leika: vec![name(&made.key)],
        topic: made.topic,
        portals: vec![made.portal],
        coverage: vec![name(&made.land)],
        ..base
    }
}

impl Find for Indexed {
    fn find(&self, _: &View, wanted: &OfferingSearch, _: Timestamp, limit: usize) -> Result<(Found, usize), Refusal> {
        let after = wanted.page.after().and_then(Place::of_text);
        Ok((self.0.find(&wanted.query, &Narrowing::default(), after.as_ref(), limit), 0))
    }
}

/// Only what readers ask is answered.
fn nothing<T>() -> Later<'static, T>
where
    T: Send + 'static,
{
    Box::pin(async { Err(Refusal::new(Reason::Overloaded)) })
}

impl Source for Standing {
    fn look(&self, look: Look) -> Later<'_, ()> {
        look(&self.view, &self.index, start());
        Box::pin(async { Ok(()) })
    }

    fn statement(&self, _: StatementId) -> Later<'_, Option<Signed>> {
        nothing()
    }

    fn look_at_node(&self, _: NodeLook) -> Later<'_, ()> {
        nothing()
    }

    fn look_at_order(&self, _: OrderId, _: NodeLook) -> Later<'_, ()> {
        nothing()
    }

    fn bundle(&self, _: OrderId, _: OrgId) -> Later<'_, Vec<u8>> {
        nothing()
    }

    fn annex(&self, _: Hash) -> Later<'_, Option<Annex>> {
        nothing()
    }

    fn hand_in(&self, _: Enclosed) -> Later<'_, Answer> {
        nothing()
    }

    fn publish(&self, _: Signed) -> Later<'_, Answer> {
        nothing()
    }

    fn ask_for_grant(&self, _: Signed) -> Later<'_, ()> {
        nothing()
    }

    fn changes(&self) -> Changes {
        Changes { orders: broadcast::channel(1).1, stopped: watch::channel(false).1 }
    }

    fn now(&self) -> Timestamp {
        start()
    }

    fn dice(&self) -> [u8; 32] {
        [0; 32]
    }
}
