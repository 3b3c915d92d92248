//! Words of the candidate that come late, never, empty, early or twice.

use viva_proxy::transcript::{Speaker, TurnState};

use super::Talk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_come_late_hold_nothing_up_and_stand_in_their_place() {
    let mut talk = Talk::begin("words_late=4000").await;
    talk.browser.until("two questions after the greeting", |log| log.finals("agent_caption").len() >= 3).await;
    talk.turns(5).await;
    let held = talk.end().await;
    held.is_in_order().await;
    held.has_what_was_said().await;
    held.is_hung_up().await;
    assert_eq!(held.ended_by(), "user_end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_never_come_leave_a_turn_without_them_and_the_interview_goes_on() {
    let mut talk = Talk::begin("words_missing").await;
    talk.browser.until("two questions after the greeting", |log| log.finals("agent_caption").len() >= 3).await;
    let held = talk.end().await;
    held.is_in_order().await;
    let answers = held.of(Speaker::Candidate).await;
    assert!(answers.len() >= 2 && answers.iter().all(|turn| turn.text.is_empty()), "{answers:?}");
    assert!(answers.iter().all(|turn| turn.state == TurnState::TimedOut), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_words_is_stored_as_empty_and_answered() {
    let mut talk = Talk::begin("words_empty").await;
    talk.browser.until("two questions after the greeting", |log| log.finals("agent_caption").len() >= 3).await;
    let held = talk.end().await;
    held.is_in_order().await;
    let answers = held.of(Speaker::Candidate).await;
    assert!(answers.iter().take(2).all(|turn| turn.state == TurnState::Empty), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcription_that_fails_is_stored_as_failed_and_answered() {
    let mut talk = Talk::begin("transcription_failed").await;
    talk.browser.until("two questions after the greeting", |log| log.finals("agent_caption").len() >= 3).await;
    let held = talk.end().await;
    held.is_in_order().await;
    let answers = held.of(Speaker::Candidate).await;
    assert!(answers.iter().take(2).all(|turn| turn.state == TurnState::Failed), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_come_before_the_speech_ends_are_stored_once() {
    let mut talk = Talk::begin("words_early,words_repeated").await;
    talk.turns(5).await;
    let held = talk.end().await;
    held.is_in_order().await;
    held.has_what_was_said().await;
}
