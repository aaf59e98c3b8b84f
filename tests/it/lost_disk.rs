//! A node that lost its disk comes back from its keys alone: six real processes, real deposits sealed to a recovery key, and
//! the folder of the buyer's node removed while orders run.
use std::collections::BTreeMap;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use verbund::config::node::read_run;
use verbund::domain::annex::{Annex, Enclosed, Texts};
use verbund::domain::id::{OrderId, StatementId};

use crate::federation::name;
use crate::processes::{ALL, PARTIES, Processes, assert_sealed_everywhere, hand_in, until_sealed};

/// Orders before the loss, and as many that are under way when it comes.
const ORDERS: usize = 10;

/// What the first order is for, in words that may be erased.
const PURPOSE: &str = "Wohngeld online";

/// Where buyer and first hop are at home.
const HOME: &str = PARTIES[0];

/// Bytes of the offering that is ordered, as they stand in a node's records.
const PUBLISHED: &[u8] = b"\"wohngeld\"";

/// Whose records rot.
const ROTTEN: &str = PARTIES[1];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_comes_back_from_its_keys_alone() {
    let mut processes = Processes::found();
    processes.open_all().await;

    let mut orders: BTreeMap<OrderId, StatementId> = BTreeMap::new();
    let mut client = processes.buyer();
    let words = Texts { purpose: PURPOSE.to_owned(), ..Texts::default() };
    let annex = Annex::write(words, [5; 32]).expect("admissible").expect("it says something");
    for number in 0..2 * ORDERS {
        let request_id = format!("lost-{number}");
        let (order, signed) = processes.orders().request_naming(&request_id, (number == 0).then(|| annex.id()));
        let said = Enclosed { signed: signed.clone(), annex: (number == 0).then(|| annex.clone()) };
        hand_in(&mut client, &request_id, order, said).await;
        orders.insert(order, signed.id());
        if number < ORDERS {
            until_sealed(&mut client, order).await;
        }
    }
    // Whatever state the last ones are in.
    processes.kill(HOME).await;
    let data = read_run(&processes.world.run_file(&name(HOME))).expect("settings").data;
    std::fs::remove_dir_all(&data).expect("the disk is gone");

    start_with_key(&mut processes, HOME).await;
    let mut client = processes.buyer();
    for order in orders.keys() {
        until_sealed(&mut client, *order).await;
    }
    processes.delivered().await;
    processes.level().await;
    processes.stop().await;
    assert_sealed_everywhere(&processes, &orders);
    // What people wrote lies in no deposit; the other parties give it back.
    let kept = std::fs::read(data.join("annexes").join(annex.id().to_string())).expect("the words are back");
    assert_eq!(kept, annex.bytes());

    // Records in the middle of another node's history rot, and what it had confirmed last: it starts, fetches what stood there, and
    // takes part again.
    let segment =
        read_run(&processes.world.run_file(&name(ROTTEN))).expect("settings").data.join("records/00000001.seg");
    rot(&segment);
    start_with_key(&mut processes, ROTTEN).await;
    // Where the disk was lost, something may be missing for good, which no node can know before it has seen what was deposited:
    // until then it takes no part in orders.
    start_with_key(&mut processes, HOME).await;
    for node in ALL.into_iter().filter(|node| ![ROTTEN, HOME].contains(node)) {
        processes.start(node).await;
    }
    let mut client = processes.buyer();
    let (order, signed) = processes.request("after-rot");
    hand_in(&mut client, "after-rot", order, &signed).await;
    until_sealed(&mut client, order).await;
    orders.insert(order, signed.id());
    let status = processes.client(ROTTEN, None).status().await.expect("it answers");
    assert_eq!(
        (&status["store"]["damaged_segments"][0], &status["store"]["holes"]),
        (&1.into(), &3.into()),
        "{status}"
    );
    mend_while_running(&processes, &segment).await;
    let (order, signed) = processes.request("after-mending");
    hand_in(&mut client, "after-mending", order, &signed).await;
    until_sealed(&mut client, order).await;
    orders.insert(order, signed.id());
    processes.delivered().await;
    processes.level().await;
    processes.stop().await;
    assert_sealed_everywhere(&processes, &orders);
}

/// As an operator does after a loss, until nothing is missing any more.
async fn start_with_key(processes: &mut Processes, node: &'static str) {
    let key_file = processes.world.recovery_file(&name(node));
    processes.start_with(node, &["--recovery-key", key_file.to_str().expect("UTF-8")]).await;
}

/// Two records in the middle of a segment rot, and the last.
fn rot(segment: &Path) {
    let mut bytes = std::fs::read(segment).expect("records");
    for part in [2, 3] {
        let at = bytes.len() * part / 4;
        bytes[at] ^= 1;
    }
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(segment, bytes).expect("written");
}

/// One more record rots while its node runs, and is mended as soon as somebody asks for it.
async fn mend_while_running(processes: &Processes, segment: &Path) {
    let place = processes.offering();
    let mut bytes = std::fs::read(segment).expect("records");
    let spoken = bytes.windows(PUBLISHED.len()).position(|window| window == PUBLISHED).expect("published");
    bytes[spoken] ^= 1;
    let at = u64::try_from(spoken).expect("small");
    write_at(segment, at, &bytes[spoken..=spoken]);
    let mut rotten = processes.client(ROTTEN, None);
    rotten.statement(place).await.expect_err("it has rotted");
    processes
        .until("what has rotted is mended", async || {
            let status = rotten.status().await.unwrap_or_default();
            status["store"]["holes"] == 4
                && status["store"]["missing_statements"] == 0
                && status["serves_no_orders"] == ""
                && rotten.statement(place).await.is_ok()
        })
        .await;
}

/// Changes bytes of a file that somebody has open.
fn write_at(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = std::fs::File::options().write(true).open(path).expect("open");
    file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes)).expect("written");
}
