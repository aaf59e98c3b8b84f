//! A node that is asked to end: it says so where its health is asked for, then to every stream, and waits no longer than
//! it must. Real processes and real signals.
use std::process::Command;
use std::time::Duration;

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use verbund::cli::client::Client;
use verbund::domain::id::NodeId;
use verbund::domain::reason::Reason;
use verbund::node::tls;
use verbund::wire::pb::catalogue::v1::FeedVerdict;
use verbund::wire::pb::order::v1::WatchOrdersRequest;
use verbund::wire::pb::order::v1::watch_orders_response::Said;
use verbund::wire::status::to_refusal;

use crate::federation::name;
use crate::processes::{PARTIES, Processes, assert_sealed_everywhere, hand_in, until_sealed};

/// Asks a process to end, in good order.
fn terminate(processes: &Processes, node: &str) {
    let id = processes.running[&name::<NodeId>(node)].id().expect("it runs").to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_is_told_before_a_node_ends_and_a_second_signal_forces() {
    let mut processes = Processes::open().await;
    let (order, signed) = processes.request("before");
    let mut buyer = processes.buyer();
    hand_in(&mut buyer, "before", order, &signed).await;
    until_sealed(&mut buyer, order).await;
    processes.delivered().await;
    let mut watched = buyer.watch(order).await.expect("a party's own");
    assert!(watched.message().await.expect("open").is_some());
    let mut feed = buyer.watch_orders(WatchOrdersRequest::default()).await.expect("a party's own");
    let first = feed.message().await.expect("open").expect("an order");
    assert!(matches!(&first.said, Some(Said::Order(told)) if told.id == order.to_string()), "{first:?}");
    let (address, pin) = processes.world.nodes[&name::<NodeId>(PARTIES[0])];
    let channel = tls::channel(&address.to_string(), pin, None, Duration::from_secs(60)).expect("a channel");
    let everything = HealthCheckRequest { service: String::new() };
    let mut health = HealthClient::new(channel).watch(everything).await.expect("served").into_inner();
    let first = health.message().await.expect("open").expect("a state");
    assert_eq!(first.status(), ServingStatus::Serving);
    let calling = tokio::spawn({
        let mut client = processes.client(PARTIES[0], None);
        async move { client.status().await.map(|_| ()) }
    });

    terminate(&processes, PARTIES[0]);
    // This stream never ends by itself, so the node waits for it; meanwhile all others are told.
    let next = health.message().await.expect("told, not cut").expect("a state");
    assert_eq!(next.status(), ServingStatus::NotServing);
    let refusal = to_refusal(&watched.message().await.expect_err("it ends with a reason"));
    assert_eq!(refusal.reason, Reason::ShuttingDown);
    let resume_token = loop {
        let message = feed.message().await.expect("told, not cut").expect("a last word");
        if let Some(Said::End(end)) = message.said {
            assert_eq!((end.verdict(), end.reason.as_str()), (FeedVerdict::Resume, "SHUTTING_DOWN"));
            break message.resume_token;
        }
    };
    // A call under way is answered, or told that it was too late.
    let answered = calling.await.expect("no panic").map_err(|refusal| refusal.reason);
    assert!(
        matches!(answered, Ok(()) | Err(Reason::ShuttingDown | Reason::Unreachable)),
        "{answered:?}\n{}",
        processes.last_words(PARTIES[0])
    );
    terminate(&processes, PARTIES[0]);
    let mut child = processes.running.remove(&name::<NodeId>(PARTIES[0])).expect("it ran");
    let ended = child.wait().await.expect("ended");
    assert_eq!(ended.code(), Some(i32::from(Reason::ShuttingDown.class().exit_code())), "forced, and it says so");
    assert!(processes.last_words(PARTIES[0]).contains("forced to end"), "{}", processes.last_words(PARTIES[0]));

    // Nothing was lost by force.
    processes.start(PARTIES[0]).await;
    processes.level().await;
    let mut buyer = processes.buyer();
    until_sealed(&mut buyer, order).await;
    let (after, also) = processes.request("after");
    hand_in(&mut buyer, "after", after, &also).await;
    until_sealed(&mut buyer, after).await;
    processes.delivered().await;
    // The position outlives the process: what was told before does not come again.
    assert_eq!(told_since(&mut buyer, resume_token).await, [after.to_string()]);
    processes.stop().await;
    assert_sealed_everywhere(&processes, &[(order, signed.id()), (after, also.id())].into());
}

/// The orders that a feed tells of from a position on, until now.
async fn told_since(buyer: &mut Client, resume_token: String) -> Vec<String> {
    let request = WatchOrdersRequest { resume_token, until_now: true };
    let mut feed = buyer.watch_orders(request).await.expect("the same log");
    let mut told = Vec::new();
    while let Some(message) = feed.message().await.expect("no status") {
        match message.said.expect("always set") {
            Said::Order(order) => told.push(order.id),
            Said::End(end) => assert_eq!(end.verdict(), FeedVerdict::Over),
        }
    }
    told
}

/// Under a limit at which strangers could keep the store from its files a node does not begin.
#[cfg(unix)]
#[test]
fn too_few_open_files_are_a_reason_not_to_start() {
    let processes = Processes::found();
    let config = processes.world.run_file(&name(PARTIES[0]));
    let line = r#"ulimit -n 64; exec "$0" node run --until-stdin-closes --config "$1""#;
    let mut command = Command::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_verbund")]).arg(config);
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("STORE_HANDLES") && said.contains("64") && said.contains("ulimit"), "{said}");
}

#[test]
fn a_log_filter_that_cannot_be_meant_is_refused() {
    let processes = Processes::found();
    let mut command = crate::cluster::verbund();
    command
        .args(["node", "run", "--until-stdin-closes", "--config"])
        .arg(processes.world.run_file(&name(PARTIES[0])));
    let output = command.env("RUST_LOG", "informativ").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("RUST_LOG") && said.contains("informativ"), "{said}");
}
