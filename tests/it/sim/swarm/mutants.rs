//! For each mechanism of replication: what fails without it. `cargo test --features mutants --test it mutants`.
use std::panic::{AssertUnwindSafe, catch_unwind};

use verbund::protocol::mechanism::Mechanism;

use super::{scenarios, standing};

/// What the run says that fails without a mechanism and does not fail with it.
fn without(mechanism: Mechanism, run: fn()) -> String {
    run();
    let failure = mechanism.without(|| catch_unwind(AssertUnwindSafe(run)));
    let failure = failure.expect_err(&format!("nothing fails without {mechanism:?}"));
    let text = failure.downcast_ref::<String>().cloned();
    text.or(failure.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

#[test]
fn news_that_is_not_told_again_is_not_heard() {
    let why = without(Mechanism::RetellNews, scenarios::news_that_was_lost_is_told_again);
    assert!(why.contains("seed"), "{why}");
}

#[test]
fn a_position_in_another_store_means_something_else() {
    without(Mechanism::CursorReset, scenarios::a_position_in_the_journal_of_another_store_is_not_resumed);
}

#[test]
fn two_histories_that_are_not_cut_keep_the_swarm_apart() {
    let why = without(Mechanism::ForkCut, scenarios::two_histories_are_cut_at_the_same_place_by_everyone);
    assert!(why.contains("never comes to rest"), "{why}");
}

#[test]
fn a_node_that_does_not_ask_for_its_own_log_writes_a_second_history() {
    let why = without(Mechanism::BackupCheck, scenarios::a_restored_node_that_publishes_writes_one_history);
    assert!(why.contains("holds another"), "{why}");
}

#[test]
fn whoever_was_replaced_admits_on_where_nobody_looks_at_the_root_version() {
    without(
        Mechanism::NamedOperator,
        standing::a_new_root_version_reaches_every_log_and_former_trustees_admit_nobody,
    );
}

#[test]
fn what_a_thief_has_signed_stays_where_nothing_is_taken_back() {
    without(Mechanism::TakeBack, standing::what_a_stolen_key_has_signed_since_leaves_every_view);
}
