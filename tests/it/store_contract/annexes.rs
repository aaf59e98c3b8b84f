//! The contract of annexes: what is erased is gone.
use std::ffi::OsString;
use std::fs;

use verbund::domain::annex::{Annex, Texts};
use verbund::store::Store;

use super::{Bench, OnDisk, load};

fn annex(note: &str) -> Annex {
    Annex::write(Texts::note(note), [9; 32]).expect("admissible").expect("it says something")
}

pub(super) async fn an_annex_is_kept_until_it_is_erased_and_no_record_holds_it(bench: &impl Bench) {
    let store = bench.open();
    let (first, second) = (annex("eins"), annex("zwei"));
    for kept in [&first, &second, &first] {
        store.keep_annex(kept.clone()).await.expect("kept");
    }
    let store = bench.restart(store);
    assert_eq!(store.annex(first.id()).await, Ok(Some(first.clone())));
    assert_eq!(load(&store).await.expect("load"), []);
    for _ in 0..2 {
        store.erase_annex(first.id()).await.expect("erased, or not there any more");
        assert_eq!(store.annex(first.id()).await, Ok(None));
    }
    let store = bench.restart(store);
    assert_eq!((store.annex(first.id()).await, store.annex(second.id()).await), (Ok(None), Ok(Some(second.clone()))));
    store.keep_annex(first.clone()).await.expect("the store does not ask why");
    assert_eq!(store.annex(first.id()).await, Ok(Some(first.clone())));
    store.close().await.expect("closed");
    assert!(store.keep_annex(first.clone()).await.is_err() && store.annex(first.id()).await.is_err());
    assert!(store.erase_annex(first.id()).await.is_err());
}

#[tokio::test]
async fn of_an_annex_nothing_is_left_on_the_disk_and_a_damaged_one_is_none() {
    let bench = OnDisk::new();
    let (store, kept) = (bench.open(), annex("Frau Muster"));
    store.keep_annex(kept.clone()).await.expect("kept");
    let (folder, name) = (bench.path().join("annexes"), kept.id().to_string());
    let listed =
        || fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").file_name()).collect::<Vec<_>>();
    assert_eq!(listed(), [OsString::from(&name)]);
    fs::write(folder.join(&name), b"something else").expect("damaged");
    assert_eq!(store.annex(kept.id()).await, Ok(None));
    store.keep_annex(kept.clone()).await.expect("written again");
    assert_eq!(store.annex(kept.id()).await, Ok(Some(kept.clone())));
    // What a process leaves that was stopped while it wrote.
    fs::write(folder.join(&name).with_extension("part"), kept.bytes()).expect("half written");
    store.erase_annex(kept.id()).await.expect("erased");
    assert_eq!(listed(), Vec::<OsString>::new());
    fs::write(folder.join(&name).with_extension("part"), kept.bytes()).expect("half written");
    let _store = bench.restart(store);
    assert_eq!(listed(), Vec::<OsString>::new());
}
