//! What a disk has lost without telling: a segment that is missing, empty or cut short, a place that is not given back, a last batch
//! that was confirmed. The store opens, says so once, and then gives everything else.
use std::fs;

use verbund::domain::reason::Reason;
use verbund::protocol::record::Record;
use verbund::store::Store as _;
use verbund::store::disk::DiskStore;

use super::faults::Unreadable;
use super::{Bench as _, OnDisk, delivered, filled, records, statement};

/// The statement that each segment of a store with one batch in each keeps, by the number of the segment.
fn kept(segment: u32) -> u64 {
    999 + u64::from(segment)
}

/// Twelve segments of one batch each.
fn twelve() -> OnDisk {
    let bench = OnDisk::with_segments_of(1);
    filled(&bench).close_now().expect("closed");
    bench
}

fn load(store: &DiskStore) -> Result<usize, Reason> {
    let mut count = 0;
    let read = store.load_now(|_| {
        count += 1;
        Ok(())
    });
    read.map(|()| count).map_err(|refusal| refusal.reason)
}

/// Refused once, then read around; known after a restart; what comes later is kept.
fn check_lost(bench: &OnDisk, segments: &[u32], case: &str) {
    let store = bench.open();
    assert_eq!(store.opened().torn, None, "{case}");
    assert_eq!(load(&store), Err(Reason::StoreDamaged), "{case}");
    let lost = store.pass_over_now().expect("readable").expect("a hole");
    assert_eq!(lost.is_at_end, segments.contains(&12), "{case}");
    assert_eq!(load(&store), Ok(24 - 2 * segments.len()), "{case}");
    for number in (1..=12).filter(|number| !segments.contains(number)) {
        let id = statement(kept(number)).id();
        assert_eq!(store.statement_now(id), Ok(Some(statement(kept(number)))), "{case}: {number}");
    }
    store.commit_now(&[delivered(9)]).expect("it goes on");
    drop(store);
    let store = bench.open();
    assert_eq!((store.holes(), load(&store)), (Ok(Some(lost.places)), Ok(25 - 2 * segments.len())), "{case}");
    assert_eq!(records(&store).last(), Some(&delivered(9)), "{case}");
    assert_eq!(store.condition().damaged_segments, segments, "{case}");
}

#[test]
fn a_segment_that_is_missing_empty_or_cut_short_is_passed_over() {
    let cut = |bench: &OnDisk, segment, length| {
        let file = fs::OpenOptions::new().write(true).open(bench.segment(segment)).expect("open");
        file.set_len(length).expect("cut");
    };
    for segment in [1, 5, 12] {
        let bench = twelve();
        fs::remove_file(bench.segment(segment)).expect("removed");
        check_lost(&bench, &[segment], &format!("{segment} is missing"));
        // Nothing, part of the header, the header alone, and part of the batch.
        for length in [0, 7, 16, 17, 300] {
            let bench = twelve();
            cut(&bench, segment, length);
            check_lost(&bench, &[segment], &format!("{segment} has {length} bytes"));
        }
    }
    let bench = twelve();
    for segment in [3, 10, 11, 12] {
        fs::remove_file(bench.segment(segment)).expect("removed");
    }
    check_lost(&bench, &[3, 10, 11, 12], "several are missing");
    let bench = twelve();
    fs::remove_dir_all(bench.path().join("records")).expect("removed");
    check_lost(&bench, &(1..=12).collect::<Vec<_>>(), "all are missing");
}

#[test]
fn a_place_that_the_disk_does_not_give_back_is_passed_over() {
    for segment in [1, 5, 12] {
        let bench = twelve();
        *bench.faults.unreadable.lock().expect("lock") = Some(Unreadable { segment: segment as u8, gone: 0..4096 });
        check_lost(&bench, &[segment], &format!("{segment} is unreadable"));
    }
}

/// A block takes the batches in it along and no others.
#[test]
fn a_block_that_is_not_given_back_costs_what_stands_in_it() {
    let bench = OnDisk::new();
    let store = bench.open();
    let batch = |number: u64| Record::Kept(statement(number));
    (0..100).for_each(|number| store.commit_now(&[batch(number)]).expect("committed"));
    store.close_now().expect("closed");
    drop(store);
    let length = fs::metadata(bench.segment(1)).expect("metadata").len();
    let each = (length - 16) / 100;
    for block in [0, 2, length / 4096] {
        let gone = block * 4096..(block + 1) * 4096;
        *bench.faults.unreadable.lock().expect("lock") = Some(Unreadable { segment: 1, gone: gone.clone() });
        let copy = OnDisk::new();
        super::copy_folder(&bench.path(), &copy.path());
        *copy.faults.unreadable.lock().expect("lock") = Some(Unreadable { segment: 1, gone: gone.clone() });
        let store = copy.open();
        store.pass_over_now().expect("readable").expect("a hole");
        let is_in = |number: &u64| 16 + number * each < gone.end && 16 + (number + 1) * each > gone.start;
        let rest: Vec<Record> = (0..100).filter(|number| !is_in(number)).map(batch).collect();
        assert_eq!(records(&store), rest, "block {block}");
    }
}

/// What was confirmed last and has rotted is no torn tail: its bytes stay, and nothing is written behind them in that file.
#[test]
fn the_last_confirmed_batch_that_rots_is_told_from_a_torn_one() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 4] = [
        ("a byte", |bytes| *bytes.last_mut().expect("a byte") ^= 1),
        ("its length", |bytes| bytes[16 + 3] ^= 1),
        ("cut", |bytes| bytes.truncate(bytes.len() - 1)),
        ("zeros", |bytes| bytes[16..].fill(0)),
    ];
    for (case, change) in changes {
        let bench = twelve();
        let mut bytes = fs::read(bench.segment(12)).expect("read");
        change(&mut bytes);
        fs::write(bench.segment(12), &bytes).expect("written");
        check_lost(&bench, &[12], case);
        assert_eq!(fs::read(bench.segment(12)).expect("read"), bytes, "{case}");

        // The same without its mark, as after a power cut in the moment after it: judged by what lies behind it.
        let bench = twelve();
        fs::write(bench.segment(12), &bytes).expect("written");
        let marks = fs::read(bench.path().join("confirmed")).expect("read");
        fs::write(bench.path().join("confirmed"), &marks[..11 * 16]).expect("written");
        let store = bench.open();
        assert!(store.opened().torn.is_some() || bytes.len() == 16, "{case}");
        assert_eq!(load(&store), Ok(22), "{case}");
    }
}

/// The power goes at any moment of any batch: of the batch that is being written any part is there, of the marks any state they
/// ever had. Nothing confirmed is missing, and nothing is taken for lost.
#[test]
fn after_a_power_cut_no_mark_says_more_than_the_disk_holds() {
    for segment_bytes in [1, 700, 1 << 20] {
        let bench = OnDisk::with_segments_of(segment_bytes);
        let mut states = Vec::new();
        let store = bench.open();
        for number in 0..5 {
            store.commit_now(&[Record::Kept(statement(number)), delivered(1)]).expect("committed");
            let segment = (1..).take_while(|number| bench.segment(*number).exists()).last().expect("one");
            let bytes = fs::read(bench.segment(segment)).expect("read");
            states.push((segment, bytes, fs::read(bench.path().join("confirmed")).expect("marks")));
        }
        drop(store);
        let whole = records_of(&bench);
        for (before, after) in states.iter().zip(&states[1..]).collect::<Vec<_>>() {
            let confirmed =
                states.iter().take_while(|state| state.2.len() <= before.2.len() && *state != after).count();
            let durable = if before.0 == after.0 { before.1.len() } else { 0 };
            for end in (durable..after.1.len()).step_by(199) {
                for marks in states.iter().take(confirmed).map(|state| &state.2).chain([&Vec::new()]) {
                    let cut = OnDisk::with_segments_of(segment_bytes);
                    fs::create_dir_all(cut.path().join("records")).expect("folder");
                    for number in 1..after.0 {
                        fs::copy(bench.segment(number), cut.segment(number)).expect("copied");
                    }
                    fs::write(cut.segment(after.0), &after.1[..end]).expect("written");
                    fs::write(cut.path().join("confirmed"), marks).expect("written");
                    let held = records(&cut.open());
                    assert_eq!(held, whole[..2 * confirmed], "{segment_bytes}: {confirmed} batches, {end} bytes");
                }
            }
        }
    }
}

fn records_of(bench: &OnDisk) -> Vec<Record> {
    records(&bench.open())
}

/// Where the marks themselves are damaged, the store is judged as one without them.
#[test]
fn a_mark_that_is_damaged_counts_as_none() {
    let bench = twelve();
    let path = bench.path().join("confirmed");
    let marks = fs::read(&path).expect("read");
    for at in (0..marks.len()).step_by(7) {
        let mut bytes = marks.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, bytes).expect("written");
        assert_eq!(load(&bench.open()), Ok(24), "byte {at}");
    }
}
