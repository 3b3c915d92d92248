//! Ends that the provider does not confirm, does not announce, or announces oddly. That a call is over never depends on
//! a socket's close.

use std::time::{Duration, Instant};

use viva_proxy::transcript::HangUp;

use super::Talk;

/// The candidate ends it and is told so soon, whatever the provider does.
async fn ends_in_time(faults: &str) {
    let mut talk = Talk::begin(faults).await;
    talk.turns(2).await;
    let begun = Instant::now();
    let held = talk.end().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    held.is_hung_up().await;
    assert_eq!(held.ended_by(), "user_end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_does_not_wait_for_the_sideband_s_close() {
    ends_in_time("no_close").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_that_takes_long_is_waited_for() {
    ends_in_time("hangup_delay=2000").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strange_close_is_a_close() {
    ends_in_time("close_code=4000,close_late=1500").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_that_is_refused_is_recorded_as_unconfirmed() {
    let mut talk = Talk::begin("hangup_fails").await;
    talk.turns(2).await;
    let held = talk.end().await;
    let calls = held.books.calls(&held.booked).await;
    assert_eq!(calls[0].hang_up, Some(HangUp::Unconfirmed));
    assert_eq!(held.ended_by(), "user_end");
}

/// Its machine is gone, without a word to anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_crashes_is_noticed_and_the_client_is_asked_for_another_call() {
    let mut talk = Talk::with("call_crashes=8000", &[("RESUME_GRACE_SECONDS", "3")], "default").await;
    talk.browser
        .until_within(Duration::from_secs(60), "a request for another call", |log| log.has("renegotiate"))
        .await;
    // It makes none: the interview ends, and what was said is kept.
    let held = talk.over().await;
    assert_eq!(held.ended_by(), "upstream_error");
    assert!(!held.turns().await.is_empty());
}

/// The client makes no further call, so the interview says goodbye before the provider would cut it off without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cap_that_nobody_announces_is_kept_ahead_of() {
    let held = Talk::begin("session_cap=30,cap_unannounced").await.over().await;
    assert_eq!(held.ended_by(), "session_cap");
    held.has_what_was_said().await;
    // Whoever was first, nothing goes on there.
    assert_eq!(held.books.calls(&held.booked).await[0].hang_up, Some(HangUp::Confirmed));
}
