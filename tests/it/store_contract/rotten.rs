//! A byte of an old record flips while the store is in use: whoever asks for that record is told so, nobody else notices.
use std::fs;

use verbund::domain::reason::Reason;
use verbund::store::{BATCH_BYTES_MAX, Store as _};

use super::{OnDisk, delivered, filled, origin, statement};

/// Flips the last byte of a segment that has one batch, which holds the statement of that number and some entries.
fn flip_last(bench: &OnDisk, segment: u32) {
    let path = bench.segment(segment);
    let mut bytes = fs::read(&path).expect("read");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(path, bytes).expect("write");
}

#[test]
fn a_record_that_rots_costs_whoever_asks_for_it_and_nobody_else() {
    let bench = OnDisk::with_segments_of(1);
    let store = filled(&bench);
    // The last record of the fifth batch is the statement kept with it.
    flip_last(&bench, 5);
    for _ in 0..3 {
        let refusal = store.statement_now(statement(1004).id()).expect_err("it has rotted");
        assert_eq!((refusal.reason, refusal.field("file")), (Reason::StoreDamaged, bench.segment(5).to_str()));
        for number in (1000..1012).filter(|number| *number != 1004) {
            let found = store.statement_now(statement(number).id());
            assert_eq!(found, Ok(Some(statement(number))), "{number}");
        }
        let read = store.entries_now(&origin("a"), 0, 100, BATCH_BYTES_MAX).expect("entries stand in other records");
        assert_eq!(read.len(), 36);
    }
    store.commit_now(&[delivered(9)]).expect("it goes on");
    assert_eq!(store.damaged_segments(), [5]);
}

/// An index that is written again begins with an empty folder.
#[test]
fn an_index_is_not_thrown_away_for_a_record_that_has_rotted() {
    let bench = OnDisk::with_segments_of(1);
    let store = filled(&bench);
    flip_last(&bench, 5);
    let mark = bench.path().join("views").join("mark");
    fs::write(&mark, "").expect("written");
    store.statement_now(statement(1004).id()).expect_err("it has rotted");
    assert!(mark.exists());
}
