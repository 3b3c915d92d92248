//! Events that come twice, out of order, without links, or by older names: the record is the same.

use super::Talk;

/// Five turns, in order, each as it was said.
async fn is_recorded_as_it_was(faults: &str) {
    let mut talk = Talk::begin(faults).await;
    talk.turns(5).await;
    let held = talk.end().await;
    held.is_in_order().await;
    held.has_what_was_said().await;
    held.is_hung_up().await;
    assert_eq!(held.ended_by(), "user_end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_come_twice_count_once() {
    is_recorded_as_it_was("duplicate_events").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_overtake_one_another_are_put_in_order_by_their_links() {
    is_recorded_as_it_was("reordered=400").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_not_lost_because_a_later_event_has_none() {
    is_recorded_as_it_was("done_unlinked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_links_turns_stand_as_they_came() {
    let mut talk = Talk::begin("unlinked").await;
    talk.turns(5).await;
    let held = talk.end().await;
    held.has_what_was_said().await;
    let turns = held.turns().await;
    assert!(turns.iter().map(|turn| turn.spoken_at).is_sorted(), "as they came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_names_of_events_are_understood() {
    is_recorded_as_it_was("beta_names").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_differ_between_channel_and_sideband_double_nothing() {
    is_recorded_as_it_was("event_ids_differ,sideband_late=2500").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_start_of_speech_changes_nothing() {
    is_recorded_as_it_was("speech_started_late").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_words_that_come_shuffled_do_not_spoil_the_whole() {
    is_recorded_as_it_was("deltas_shuffled").await;
}
