//! Sidebands that break, fall silent or are replaced while a call goes on.

use std::time::Duration;

use viva_proxy::transcript::{CallEvent, Entry, Speaker};

use super::{Held, Talk};

async fn controls(held: &Held) -> Vec<String> {
    let controls = held.entries().await.into_iter().filter_map(|entry| match entry {
        Entry::Call { event: CallEvent::Control { control, .. }, .. } => Some(control),
        _ => None,
    });
    let mut controls: Vec<_> = controls.collect();
    controls.dedup();
    controls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sideband_that_breaks_is_opened_again_and_loses_no_turn() {
    let mut talk = Talk::begin("sideband_drops=6000,sideband_once").await;
    talk.turns(7).await;
    assert_eq!(talk.log().control(), "sideband", "it is back");
    let held = talk.end().await;
    held.is_in_order().await;
    held.has_what_was_said().await;
    assert_eq!(controls(&held).await, ["sideband", "relay", "sideband"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sideband_that_is_closed_again_and_again_costs_no_turn() {
    let mut talk = Talk::begin("sideband_rotates=5000").await;
    talk.turns(7).await;
    let held = talk.end().await;
    held.is_in_order().await;
    held.has_what_was_said().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sideband_that_falls_silent_is_noticed_and_the_client_takes_over() {
    let mut talk = Talk::begin("sideband_silent=5000,sideband_once").await;
    talk.browser.until_within(Duration::from_secs(40), "the client in control", |log| log.control() == "relay").await;
    talk.browser.until_within(Duration::from_secs(40), "our own again", |log| log.control() == "sideband").await;
    let known = talk.log().turns().len();
    talk.turns(known + 2).await;
    let held = talk.end().await;
    assert_eq!(controls(&held).await, ["sideband", "relay", "sideband"]);
    // Nobody is left waiting: whoever spoke in the silence was answered all the same.
    assert!(held.of(Speaker::Ai).await.len() >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attaching_may_take_long() {
    let mut talk = Talk::begin("sideband_delay=1500").await;
    talk.turns(4).await;
    assert_eq!(talk.log().control(), "sideband");
    let held = talk.end().await;
    held.is_in_order().await;
    held.has_what_was_said().await;
}
