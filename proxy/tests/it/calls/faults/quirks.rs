//! What is uncertain about the provider, one way and the other: an interview does not depend on it.

use super::Talk;

/// An interview that changes its stage by its own rules and is recorded whole.
async fn is_no_different(faults: &str) {
    let mut talk = Talk::with(faults, &[], "short").await;
    talk.third_stage().await;
    let held = talk.end().await;
    held.is_in_order().await;
    held.has_what_was_said().await;
    held.is_hung_up().await;
    assert_eq!(held.ended_by(), "user_end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_are_attributed_without_our_mark() {
    is_no_different("metadata_dropped").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_of_the_client_that_are_not_mirrored_are_not_needed() {
    is_no_different("updates_unmirrored,errors_unmirrored").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_names_nothing_is_understood() {
    is_no_different("error_unattributed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_objects_are_sent_however_deep_the_provider_merges() {
    is_no_different("update_merges_deep,model_change_refused").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_sideband_is_needed() {
    is_no_different("sideband_single,sideband_404_empty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_reply_without_an_end_stops_nothing() {
    is_no_different("cancelled_unfinished").await;
}
