//! A byte of an old record flips while the store is in use: whoever asks for that record is told so, nobody else notices.
use std::fs;

use verbund::domain::reason::Reason;
use verbund::store::disk::DiskStore;
use verbund::store::frames::Position;
use verbund::store::{BATCH_BYTES_MAX, Store as _};

use super::{Bench as _, OnDisk, delivered, filled, origin, statement};

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
    assert_eq!(store.condition().damaged_segments, [5]);
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

/// A store with twelve segments, of which one has rotted before it is opened.
fn rotten_at(change: impl Fn(&mut Vec<u8>)) -> OnDisk {
    let bench = OnDisk::with_segments_of(1);
    filled(&bench).close_now().expect("closed");
    let path = bench.segment(5);
    let mut bytes = fs::read(&path).expect("read");
    change(&mut bytes);
    fs::write(path, bytes).expect("write");
    bench
}

/// Refused until somebody passes over it, then everything else is read; known damage is known after a restart, new damage is new.
#[test]
fn what_has_rotted_is_passed_over_once_somebody_says_so() {
    let changes: [fn(&mut Vec<u8>); 5] = [
        |bytes| *bytes.last_mut().expect("a byte") ^= 1,
        |bytes| bytes[20] ^= 0x80,
        |bytes| bytes[3] ^= 1,
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes[16..].fill(0),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let bench = rotten_at(change);
        let store = bench.open();
        let count = |store: &DiskStore| {
            let mut count = 0;
            let read = store.load_now(|_| {
                count += 1;
                Ok(())
            });
            read.map(|()| count)
        };
        assert_eq!(count(&store).expect_err("unknown damage").reason, Reason::StoreDamaged, "{number}");
        assert_eq!(store.holes(), Ok(None));
        let name = store.pass_over_now().expect("readable").expect("a hole").places;
        let read = count(&store).unwrap_or_else(|refusal| panic!("{number}: {refusal}"));
        let is_header = number == 2;
        let lost = if is_header { None } else { Some(1004) };
        for id in (1000..1012).filter(|id| Some(*id) != lost) {
            assert_eq!(store.statement_now(statement(id).id()), Ok(Some(statement(id))), "{number} {id}");
        }
        store.commit_now(&[delivered(9)]).expect("it goes on");
        drop(store);
        let store = bench.open();
        assert_eq!((store.holes(), count(&store)), (Ok(Some(name)), Ok(read + 1)), "{number}");
        let condition = store.condition();
        assert_eq!((condition.holes, condition.damaged_segments), (1, vec![5]), "{number}");
        drop(store);

        let path = bench.segment(3);
        let mut bytes = fs::read(&path).expect("read");
        *bytes.last_mut().expect("a byte") ^= 1;
        fs::write(path, bytes).expect("write");
        let store = bench.open();
        assert_eq!(count(&store).expect_err("more has rotted").reason, Reason::StoreDamaged);
        assert_ne!(
            store.pass_over_now().expect("readable").map(|lost| lost.places),
            Some(name),
            "another name for other places"
        );
        assert!(count(&store).expect("passed over") < read + 1);
    }
}

/// A good frame behind a bad one in the last segment says that the bad one was confirmed.
#[test]
fn a_hole_in_the_last_segment_is_no_torn_tail() {
    let bench = OnDisk::new();
    let store = bench.open();
    let mut ends = Vec::new();
    for number in 1..4 {
        store.commit_now(&[delivered(number)]).expect("commit");
        ends.push(fs::metadata(bench.segment(1)).expect("metadata").len() as usize);
    }
    drop(store);
    let mut bytes = fs::read(bench.segment(1)).expect("segment");
    bytes[ends[1] - 1] ^= 1;
    fs::write(bench.segment(1), &bytes).expect("write");
    let store = bench.open();
    assert_eq!(store.opened().torn, None);
    store.pass_over_now().expect("readable").expect("a hole");
    let mut found = Vec::new();
    let read = store.load_now(|record| {
        found.push(record);
        Ok(())
    });
    read.expect("passed over");
    assert_eq!(found, [delivered(1), delivered(3)]);
}

/// What rots is noticed before somebody needs it, a little at a time, from the first segment to the last and again.
#[test]
fn looking_over_finds_what_has_rotted() {
    let bench = rotten_at(|bytes| *bytes.last_mut().expect("a byte") ^= 1);
    let store = bench.open();
    let (mut from, mut looks) = (Position::START, 0);
    loop {
        from = store.look_over_now(from, 100).expect("it looks");
        looks += 1;
        if from == Position::START {
            break;
        }
    }
    assert!(looks >= 12, "{looks}");
    assert_eq!(store.condition().damaged_segments, [5]);
}

/// Whoever mends it is told, of new damage and not of what is passed over already; not of the very end, which is in memory still.
#[tokio::test]
async fn what_rots_in_use_is_told_until_it_is_passed_over() {
    let look = |store: &DiskStore| {
        let mut from = Position::START;
        loop {
            from = store.look_over_now(from, 1000).expect("it looks");
            if from == Position::START {
                break;
            }
        }
    };
    let is_told = async |store: &DiskStore| {
        tokio::select! {
            biased;
            () = store.rotted() => true,
            () = std::future::ready(()) => false,
        }
    };
    let bench = OnDisk::with_segments_of(1);
    let store = filled(&bench);
    look(&store);
    assert!(!is_told(&store).await);
    flip_last(&bench, 12);
    look(&store);
    assert!(!is_told(&store).await, "nothing stands behind it yet");
    store.commit_now(&[delivered(9)]).expect("committed");
    look(&store);
    assert!(is_told(&store).await);
    assert!(!is_told(&store).await, "once for each look");
    store.pass_over_now().expect("readable").expect("a hole");
    look(&store);
    assert!(!is_told(&store).await, "it is known");
    store.statement_now(statement(1004).id()).expect("the index is written again").expect("it is there");
    flip_last(&bench, 5);
    store.statement_now(statement(1004).id()).expect_err("it has rotted");
    assert!(is_told(&store).await, "whoever asks for it notices as well");
}
