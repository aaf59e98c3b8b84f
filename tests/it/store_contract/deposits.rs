//! What other nodes have deposited: found again by whose it is and which of them.
use verbund::domain::id::NodeId;
use verbund::protocol::record::Record;
use verbund::store::Store as _;

use super::{Bench, delivered};

pub async fn deposits_are_found_by_depositor_and_number(bench: &impl Bench) {
    let node = |name: &str| name.parse::<NodeId>().expect("a name");
    let sealed = |of: &str, number: u64| {
        let bytes = [of.as_bytes(), &number.to_be_bytes()].concat();
        Record::Deposited { of: node(of), number, sealed: bytes }
    };
    let store = bench.open();
    assert_eq!(store.deposit(&node("kid"), 0).await, Ok(None));
    store.commit(vec![sealed("kid", 0), delivered(1), sealed("kitu", 0)]).await.expect("commit");
    store.commit(vec![sealed("kid", 1)]).await.expect("commit");
    let store = bench.restart(store);
    store.commit(vec![sealed("kid", 2)]).await.expect("commit");
    for (of, number) in [("kid", 0), ("kid", 1), ("kid", 2), ("kitu", 0)] {
        let Record::Deposited { sealed, .. } = sealed(of, number) else { panic!("a deposit") };
        assert_eq!(store.deposit(&node(of), number).await, Ok(Some(sealed)), "{of} {number}");
    }
    for (of, number) in [("kid", 3), ("kitu", 1), ("akdb", 0)] {
        assert_eq!(store.deposit(&node(of), number).await, Ok(None), "{of} {number}");
    }
}
