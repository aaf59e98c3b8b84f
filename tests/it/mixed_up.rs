//! Keys and settings of another node in a node's folder: each is refused at the start with a reason of its own.
use std::fs;

use verbund::config::node::read_run;
use verbund::domain::reason::{Lang, Reason};
use verbund::node::keys::Opener;
use verbund::node::ports::Peers as _;
use verbund::node::start::start;

use crate::federation::name;
use crate::live::{Live, outside, wait_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_another_node_is_refused_at_the_start() {
    let mut live = Live::found();
    let (kitu, kid) = (live.start("kitu").await, live.start("kid").await);
    let other = kid.log().clone();
    wait_until(&kitu, "it knows the other", move |node| node.state().size(&other) > 0).await;
    live.stop("kitu").await;
    live.stop("kid").await;
    let folder = |node: &str| live.run_file(node).with_file_name("");
    let (own, others) = (folder("kitu").join("keys"), folder("kid").join("keys"));
    let mixed_up: [(&[(&str, &str)], Reason); 4] = [
        (&[("log.pem", "log.pem")], Reason::LogKeyForeign),
        (&[("witness.pem", "witness.pem")], Reason::WitnessKeyForeign),
        (&[("statement-kid.pem", "statement-kitu.pem")], Reason::StatementKeyForeign),
        (&[("tls-key.pem", "tls-key.pem"), ("tls.pem", "tls.pem")], Reason::TlsKeyForeign),
    ];
    let refused = async || {
        let config = read_run(&live.run_file("kitu")).expect("settings");
        start(config, Opener::default(), false).await.err().expect("refused")
    };
    for (files, reason) in mixed_up {
        let kept: Vec<Vec<u8>> = files.iter().map(|(_, to)| fs::read(own.join(to)).expect("a key")).collect();
        for (from, to) in files {
            fs::copy(others.join(from), own.join(to)).expect("mixed up");
        }
        let refusal = refused().await;
        assert_eq!(refusal.reason, reason, "{refusal}");
        assert!([Lang::De, Lang::En].iter().all(|lang| !reason.help(*lang).is_empty()));
        for ((_, to), bytes) in files.iter().zip(kept) {
            fs::write(own.join(to), bytes).expect("put back");
        }
    }
    let run = fs::read_to_string(live.run_file("kitu")).expect("settings");
    let foreign = run.replace(&live.world.anchor.to_string(), &"5".repeat(64));
    assert_ne!(foreign, run);
    fs::write(live.run_file("kitu"), foreign).expect("another root");
    assert_eq!(refused().await.reason, Reason::StoreForeign);
    fs::write(live.run_file("kitu"), run).expect("put back");
    live.start("kitu").await;
    addresses_mixed_up(&live).await;
    live.stop_all().await;
}

/// Where another node is said to be sits one that is known: that is told apart from somebody in between.
async fn addresses_mixed_up(live: &Live) {
    let right = read_run(&live.run_file("akdb")).expect("settings");
    let mut wrong = right.clone();
    let of = |node: &str| right.peers.iter().position(|peer| peer.node.as_str() == node).expect("a peer");
    let (kitu, kid) = (of("kitu"), of("kid"));
    wrong.peers[kid].address = right.peers[kitu].address.clone();
    let told = async |config| outside(config).ask_back(name("kid"), 0).await.expect_err("no such node there");
    let refusal = told(&wrong).await;
    assert_eq!((refusal.reason, refusal.field("node")), (Reason::PeerMixedUp, Some("kitu")), "{refusal}");
    // A stranger's key there is another matter.
    let mut alone = wrong.clone();
    alone.peers.retain(|peer| peer.node.as_str() == "kid");
    assert_eq!(told(&alone).await.reason, Reason::PeerKeyWrong);
}
