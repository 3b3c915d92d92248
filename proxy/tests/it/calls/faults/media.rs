//! Media that is lost or late, and peers that never connect or vanish: we do not carry it, and we do not depend on it.

use std::time::Duration;

use super::super::browser::offer;
use super::super::house::House;
use super::super::socket::Socket;
use super::Talk;
use viva_simulator::{Faults, Source};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interview_goes_on_over_a_bad_network() {
    let mut talk = Talk::begin("loss=5,jitter=60").await;
    talk.turns(4).await;
    let held = talk.end().await;
    held.is_hung_up().await;
    assert_eq!(held.ended_by(), "user_end");
}

/// The answer arrives and media never does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_media_never_connects_leaves_nothing_running() {
    let house = House::with(Faults::parse("no_ice=2000").unwrap(), &[("RESUME_GRACE_SECONDS", "2")]).await;
    let booked = house.book("short").await;
    let mut socket = Socket::join(&house, &booked).await;
    let (sdp, caller) = offer(Source::Lines(Vec::new())).await;
    socket.offer(&sdp).await;
    socket.wait("sdp_answer").await;
    drop(caller);
    let ended = socket.wait("session_ended").await;
    assert_eq!(ended["ended_by"], "upstream_error", "the model gave it up first");
    socket.wait_closed().await;
    assert_eq!(house.probe().live_calls(), 0);
    let session = house.over(&booked).await;
    assert_eq!(session["status"], "failed", "it never began: {session}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_who_vanishes_ends_the_interview_and_the_model_s_call() {
    let mut talk = Talk::with("peer_timeout=3000", &[("RESUME_GRACE_SECONDS", "4")], "default").await;
    talk.turns(2).await;
    let Talk { house, booked, browser } = talk;
    // The machine is gone: no close on the socket's part, none of media.
    drop(browser);
    let session = house.over(&booked).await;
    assert_eq!(session["ended_by"], "user_disconnect");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(house.probe().live_calls(), 0);
    house.closed().sealed(&booked).await;
}
