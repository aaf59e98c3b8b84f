//! Mutation check: each safety mechanism of ordering is switched off in turn, and then a story or an invariant breaks.
//!
//! `cargo test --features mutants --test it mutants` takes a few minutes. A mechanism that can be switched off without
//! anyone noticing is either not needed or not tested; both would be wrong.
use std::panic::{AssertUnwindSafe, catch_unwind};

use verbund::protocol::mechanism::Mechanism;
use verbund::store::memory::Failure;

use crate::federation::name;
use crate::live;
use crate::sim::{attempts, boundaries, deposits, liars, regressions, scenarios};

/// The story holds as things are, and breaks without the mechanism.
fn bites(mechanism: Mechanism, story: fn()) {
    story();
    let broken = catch_unwind(AssertUnwindSafe(|| mechanism.without(story)));
    assert!(broken.is_err(), "nobody misses {mechanism:?}");
}

#[test]
fn retry() {
    bites(Mechanism::Retry, scenarios::an_order_goes_on_as_soon_as_a_hop_is_back);
}

#[test]
fn wake_on_life() {
    bites(Mechanism::WakeOnLife, regressions::a_sign_of_life_wakes_the_outbox);
}

#[test]
fn stored_receipt() {
    bites(Mechanism::StoredReceipt, regressions::every_delivery_twice_is_one_order);
}

#[test]
fn first_message() {
    bites(Mechanism::FirstMessage, regressions::edc_a_a_lost_first_answer_makes_one_order);
}

#[test]
fn equivocation() {
    bites(Mechanism::Equivocation, liars::who_tells_two_stories_ends_the_order_and_both_stories_are_kept);
}

#[test]
fn store_then_speak() {
    bites(Mechanism::StoreThenSpeak, || {
        for node in ["kitu", "kid", "dataport"] {
            for commit in 0..4 {
                boundaries::fail_at(&name(node), commit, Failure::BeforePersist);
            }
        }
    });
}

#[test]
fn resume_on_start() {
    bites(Mechanism::ResumeOnStart, regressions::what_was_stored_before_a_crash_goes_on_by_itself);
}

#[test]
fn keep_until_receipt() {
    bites(Mechanism::KeepUntilReceipt, scenarios::an_order_goes_on_as_soon_as_a_hop_is_back);
}

#[test]
fn void_before_reroute() {
    bites(Mechanism::VoidBeforeReroute, regressions::a_second_attempt_waits_for_the_void_of_the_first);
}

#[test]
fn one_outcome() {
    bites(Mechanism::OneOutcome, scenarios::cancelling_wins_before_the_seal_and_loses_after_it);
}

#[test]
fn seal_guard() {
    bites(Mechanism::SealGuard, scenarios::a_membership_that_ends_meanwhile_stops_the_seal);
}

#[test]
fn recall_before_seal() {
    bites(Mechanism::RecallBeforeSeal, regressions::a_recall_counts_until_the_seal);
}

#[test]
fn early_refusal() {
    bites(Mechanism::EarlyRefusal, regressions::a_hop_refuses_early_what_it_cannot_decide_in_time);
}

#[test]
fn ask_for_outcome() {
    bites(Mechanism::AskForOutcome, regressions::an_outcome_travels_by_any_path);
}

#[test]
fn recover_own() {
    bites(Mechanism::RecoverOwn, regressions::a_restored_hop_says_nothing_twice);
}

#[test]
fn results_first() {
    bites(Mechanism::ResultsFirst, regressions::a_result_overtakes_requests);
}

#[test]
fn amended_as_held() {
    bites(Mechanism::AmendedAsHeld, attempts::every_party_looks_at_what_is_amended_and_waits_for_its_seal);
}

#[test]
fn clock_guard() {
    bites(Mechanism::ClockGuard, boundaries::a_clock_that_is_a_month_ahead_ends_no_order);
}

#[test]
fn deposit() {
    bites(Mechanism::Deposit, deposits::a_buyers_node_that_lost_its_disk_has_everything_again);
}

#[test]
fn deposit_again() {
    bites(Mechanism::DepositAgain, deposits::a_depositary_that_lost_its_disk_is_given_the_parcels_again);
}

#[test]
fn backpressure() {
    bites(Mechanism::Backpressure, live::a_peer_has_no_more_room_at_the_door_than_its_own);
}
