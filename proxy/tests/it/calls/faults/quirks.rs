//! What is uncertain about the provider, one way and the other: an interview does not depend on it.

use viva_proxy::transcript::Source;

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_changes_nothing_needs_no_answer() {
    is_no_different("update_minimal_unanswered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_made_whether_or_not_the_provider_insists_on_a_session() {
    is_no_different("create_needs_session").await;
}

/// Nothing is put into the conversation that would make it answer in text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_is_heard_where_seeded_text_would_silence_it() {
    is_no_different("seeded_text_answers").await;
}

/// The sideband breaks once, the client records meanwhile, and what it recorded is asked of the model afterwards. How
/// many turns rest on the client's word in the end.
async fn claims_after_a_break(faults: &str) -> usize {
    let mut talk = Talk::begin(&format!("sideband_drops=6000,sideband_once,{faults}")).await;
    talk.turns(7).await;
    let held = talk.end().await;
    held.is_in_order().await;
    held.has_what_was_said().await;
    held.is_hung_up().await;
    held.turns().await.iter().filter(|turn| turn.source == Source::Client && !turn.text.is_empty()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_retrieved_stays_the_client_s_word_and_is_not_lost() {
    claims_after_a_break("retrieve_fails").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_is_retrieved_without_words_takes_none_away() {
    claims_after_a_break("retrieve_wordless").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_retrieved_is_asked_for_by_our_own_socket_and_its_sound_is_left_aside() {
    assert_eq!(claims_after_a_break("retrieved_unmirrored,retrieved_audio=200000").await, 0);
}
