//! Replies that do not begin, stall or fail, and configurations that are confirmed late or never.

use viva_proxy::transcript::{Entry, IncidentKind};

use super::{Held, Talk};

/// Short enough to wait for.
const GRACE: [(&str, &str); 1] = [("RESUME_GRACE_SECONDS", "3")];

async fn incidents(held: &Held) -> Vec<IncidentKind> {
    let kinds = held.entries().await.into_iter().filter_map(|entry| match entry {
        Entry::Incident { incident, .. } => Some(incident),
        _ => None,
    });
    kinds.collect()
}

/// A stage is announced when it has taken hold, whatever the confirmation does, and the interview reaches it.
async fn moves_on(faults: &str) {
    let mut talk = Talk::with(faults, &[], "short").await;
    talk.third_stage().await;
    let held = talk.end().await;
    held.is_in_order().await;
    held.is_hung_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_takes_effect_late_is_carried_by_the_reply() {
    moves_on("update_delay=1500").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_that_comes_late_holds_nobody_up() {
    moves_on("updated_late=2500").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_cuts_speech_cuts_none() {
    moves_on("update_cuts_speech").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_that_fail_end_the_interview_and_what_was_said_is_kept() {
    let talk = Talk::with("response_quota=2", &GRACE, "default").await;
    let held = talk.over().await;
    assert_eq!(held.ended_by(), "upstream_error");
    assert!(held.turns().await.iter().filter(|turn| !turn.text.is_empty()).count() >= 3);
    assert!(incidents(&held).await.contains(&IncidentKind::ReplyFailed));
    held.is_hung_up().await;
}

/// Not even the greeting: there is no quota left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_only_fails_ends_the_interview() {
    let talk = Talk::with("response_failed", &GRACE, "default").await;
    let held = talk.over().await;
    assert_eq!(held.ended_by(), "upstream_error");
    assert!(incidents(&held).await.contains(&IncidentKind::ReplyFailed));
    held.is_hung_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_never_replies_ends_the_interview() {
    let talk = Talk::with("response_ignored", &GRACE, "default").await;
    let held = talk.over().await;
    assert_eq!(held.ended_by(), "upstream_error");
    assert!(incidents(&held).await.contains(&IncidentKind::GateLost));
    held.is_hung_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_stalls_ends_the_interview_and_not_the_server() {
    let talk =
        Talk::with("response_stalls", &[("RESUME_GRACE_SECONDS", "3"), ("INACTIVITY_SECONDS", "30")], "short").await;
    let held = talk.over().await;
    assert!(["upstream_error", "inactivity", "closing_timeout"].contains(&held.ended_by()), "{}", held.ended_by());
    held.is_hung_up().await;
}
