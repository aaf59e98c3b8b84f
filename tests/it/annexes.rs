//! Words beside statements: they reach every party, stand in no record, and can be erased everywhere.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use verbund::audit::report::Ruling;
use verbund::audit::{dossier, inspect};
use verbund::domain::annex::{Annex, Enclosed, Texts};
use verbund::domain::id::{NodeId, OrderId, StatementId};
use verbund::domain::order::erasure::Erasure;
use verbund::domain::order::milestone::{ConnectionStep, Event, Milestone};
use verbund::domain::reason::{Lang, Reason};
use verbund::domain::statement::Kind;
use verbund::node::driver::Driver;
use verbund::node::evidence::bundle;
use verbund::node::ports::{Clock as _, Nobody};
use verbund::node::system::{SystemClock, SystemDice};
use verbund::protocol::Node;
use verbund::store::disk::DiskStore;

use crate::federation::{CHAIN, federation, name, salt, sign_as, sign_request};
use crate::journeys::Nodes;

/// What must never stand where it cannot be erased.
const PERSONAL: &str = "Frau Muster, Zimmer 12, Durchwahl 4711";

/// The nodes of the parties.
const PARTIES: [&str; 5] = ["kitu", "kid", "provitako", "govdigital", "dataport"];

fn annex(note: &str) -> Annex {
    Annex::write(Texts::note(note), [3; 32]).expect("admissible").expect("it says something")
}

/// Barleben's milestone with a note.
fn told(order: OrderId, seal: StatementId, annex: Annex) -> Enclosed {
    let body = Milestone {
        order,
        attempt: 1,
        seal,
        from: name("barleben"),
        number: 1,
        event: Event::Connected { item: ConnectionStep::Test },
        annex: Some(annex.id()),
        officer: name("einkauf"),
        signed_at: SystemClock.now(),
        salt: salt("annex"),
    };
    Enclosed { signed: sign_as(&Kind::Milestone, &body, "barleben", "einkauf"), annex: Some(annex) }
}

/// Every file below a folder in which the words stand.
fn holding(folder: &Path, words: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read(&path).expect("a file").windows(words.len()).any(|bytes| bytes == words.as_bytes()) {
                found.push(path);
            }
        }
    }
    found
}

/// Six nodes on disks, with an order that all its parties have sealed.
struct Office {
    nodes: Nodes,
    folder: tempfile::TempDir,
    order: OrderId,
    seal: StatementId,
}

impl Office {
    async fn open() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let stores: BTreeMap<NodeId, DiskStore> = federation()
            .nodes
            .keys()
            .map(|node| (node.clone(), DiskStore::open(&folder.path().join(node.as_str())).expect("a store")))
            .collect();
        let nodes = Nodes::start_on(|node| stores[node].clone()).await;
        drop(stores);
        nodes.converge().await;
        let request = federation().request("annex-1", SystemClock.now());
        nodes.node("kitu").officer(sign_request(&request)).await.expect("orderable");
        let order = request.order;
        for party in PARTIES {
            nodes.wait_until(party, "sealed", move |node| outcome(node, order).is_some()).await;
        }
        let seal = nodes.node("kitu").read(move |node, _| outcome(node, order)).await.expect("runs").expect("sealed");
        Self { nodes, folder, order, seal }
    }

    fn disk(&self, node: &str) -> PathBuf {
        self.folder.path().join(node)
    }

    /// Waits until every party has so many statements beside the chain.
    async fn heard(&self, count: usize) {
        let order = self.order;
        for party in PARTIES {
            let heard = move |node: &Node| {
                let attempt = node.state().orders.get(&order).and_then(|known| known.current());
                attempt.is_some_and(|attempt| attempt.milestones.len() >= count)
            };
            self.nodes.wait_until(party, "heard", heard).await;
        }
        for party in PARTIES {
            self.nodes.wait_until(party, "witnessed", move |node| node.unwitnessed(order) == Ok(0)).await;
        }
    }

    async fn bundle_of(&self, org: &str) -> Vec<u8> {
        let node = federation().home(&name(org));
        bundle(&self.nodes.node(node.as_str()), self.order, name(org)).await.expect("evidence")
    }
}

fn outcome(node: &Node, order: OrderId) -> Option<StatementId> {
    node.state().orders.get(&order)?.current()?.seal.as_ref().map(|seal| seal.id())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_reach_every_party_and_stand_in_no_record() {
    let office = Office::open().await;
    let own = annex(PERSONAL);
    let refused = Enclosed::new(told(office.order, office.seal, own.clone()).signed, Some(annex("anders").bytes()));
    assert_eq!(refused.expect_err("another annex").reason, Reason::AnnexDiffers);
    office.nodes.node("kitu").officer(told(office.order, office.seal, own.clone())).await.expect("a good milestone");
    office.heard(1).await;
    for party in PARTIES {
        let annex = office.nodes.node(party).annex(own.id()).await.expect("runs");
        assert_eq!(annex.as_ref(), Some(&own), "{party}");
        let file = office.disk(party).join("annexes").join(own.id().to_string());
        assert_eq!(holding(&office.disk(party), PERSONAL), [file], "{party}");
    }
    for org in CHAIN {
        let zip = office.bundle_of(org).await;
        let examined = inspect(&zip, Some(federation().anchor));
        // Hops do not hold the offers of those before them.
        assert!(
            org != CHAIN[0] || examined.report.ruling() == Ruling::Valid,
            "{:?}",
            examined.report.headline(Lang::De)
        );
        assert!(examined.report.ruling() != Ruling::Invalid, "{org}: {:?}", examined.report.headline(Lang::De));
        let listed = verbund::audit::show::show(&verbund::audit::bundle::Bundle::parse(&zip).expect("a bundle"));
        assert!(listed.text(Lang::De).contains(PERSONAL), "{org}");
        let _ = dossier::draft(&examined, Lang::De);
    }
    office.nodes.stop().await;
}

/// Barleben's word that its words go, or that of another.
fn erasure(office: &Office, from: &str, officer: &str, annex: &Annex) -> Enclosed {
    let body = Erasure {
        order: office.order,
        attempt: 1,
        from: name(from),
        number: 1,
        annexes: vec![annex.id()],
        ground: "Art. 17 Abs. 1 Buchst. a DSGVO".to_owned(),
        authority: "Datenschutzstelle".to_owned(),
        officer: name(officer),
        signed_at: SystemClock.now(),
        salt: salt("erasure"),
    };
    sign_as(&Kind::Erasure, &body, from, officer).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_erased_words_nothing_is_left_with_any_party() {
    let office = Office::open().await;
    let own = annex(PERSONAL);
    let kitu = office.nodes.node("kitu");
    let said = told(office.order, office.seal, own.clone());
    kitu.officer(said.clone()).await.expect("a good milestone");
    office.heard(1).await;
    let foreign = office.nodes.node("kid").officer(erasure(&office, "kid", "leitung", &own)).await;
    assert_eq!(foreign.expect_err("not its own").reason, Reason::NothingToErase);
    kitu.officer(erasure(&office, "barleben", "einkauf", &own)).await.expect("its own words");
    let order = office.order;
    for party in PARTIES {
        let erased = move |node: &Node| {
            let attempt = node.state().orders.get(&order).and_then(|known| known.current());
            attempt.is_some_and(|attempt| !attempt.erasures.is_empty())
        };
        office.nodes.wait_until(party, "heard of the erasure", erased).await;
        assert_eq!(office.nodes.node(party).annex(own.id()).await, Ok(None), "{party}");
    }
    // The same milestone again, with its words: they are not taken back.
    kitu.officer(said).await.expect("the same again");
    for party in PARTIES {
        office.nodes.wait_until(party, "witnessed", move |node| node.unwitnessed(order) == Ok(0)).await;
        assert_eq!(holding(&office.disk(party), PERSONAL), Vec::<PathBuf>::new(), "{party}");
    }
    let zip = office.bundle_of("barleben").await;
    let report = inspect(&zip, Some(federation().anchor)).report;
    let found: Vec<Reason> = report.findings().map(|(_, finding)| finding.refusal.reason).collect();
    assert_eq!((report.ruling(), found.contains(&Reason::AnnexErased)), (Ruling::Valid, true), "{found:?}");
    // What somebody leaves lying in a bundle is read out by no list.
    let mut left = verbund::audit::bundle::Bundle::parse(&zip).expect("a bundle");
    left.members.insert(format!("annexes/{}.json", own.id()), own.bytes().to_vec());
    let listed = verbund::audit::show::show(&left);
    let (text, json) = (listed.text(Lang::De), listed.json(Lang::De).to_string());
    assert!(text.contains("(Text gelöscht)") && !text.contains(PERSONAL) && !json.contains(PERSONAL), "{text}");
    // Of a backup of the folder that is older than the erasure, the next start removes it again.
    let (folder, file) = (office.disk("kid"), own.id().to_string());
    office.nodes.stop().await;
    fs::write(folder.join("annexes").join(&file), own.bytes()).expect("put back");
    let own_node: NodeId = name("kid");
    let state = Node::new(federation().settings(&own_node), federation().keys(&own_node), Box::new(SystemDice));
    let store = DiskStore::open(&folder).expect("a store");
    let (driver, handle) = Driver::new(state, store, SystemClock, |_| Nobody);
    let driver = tokio::spawn(driver.run());
    handle.view().await.expect("it has read its store");
    assert_eq!(handle.annex(own.id()).await, Ok(None));
    handle.stop().await;
    driver.await.expect("no panic").expect("no store failure");
    assert_eq!(holding(&folder, PERSONAL), Vec::<PathBuf>::new());
}
