//! How calls end, and what is told of it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use viva_simulator::Config;

use crate::rig::{Rig, connected, lines, rest, session};

#[tokio::test]
async fn a_hang_up_ends_everything_at_once() {
    let rig = Rig::start().await;
    let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
    connected(&mut caller).await;
    let mut sideband = rig.sideband(&id).await;
    let response = rig.hang_up(&id).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.text().await.unwrap(), "");
    assert_eq!(sideband.close_code().await, Some(1000));
    rest(&mut caller).await;
    let again = rig.hang_up(&id).await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    let body: Value = again.json().await.unwrap();
    assert_eq!(body["error"]["code"], "call_id_not_found");
    assert_eq!(rig.probe.hangups(), [id]);
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_call() {
    let rig = Rig::start().await;
    let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
    connected(&mut caller).await;
    let mut sideband = rig.sideband(&id).await;
    drop(caller);
    assert_eq!(sideband.close_code().await, Some(1000));
    rig.live(0).await;
    assert_eq!(rig.hang_up(&id).await.status(), StatusCode::NOT_FOUND);
    assert!(rig.probe.hangups().is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn a_call_that_never_connects_is_given_up() {
    let no_ice_timeout = Duration::from_millis(400);
    let rig = Rig::with(Config { no_ice_timeout, ..Config::default() }).await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    assert_eq!(rig.probe.live_calls(), 1);
    assert_eq!(sideband.close_code().await, Some(1000));
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn stopping_the_server_ends_its_calls() {
    let rig = Rig::start().await;
    let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
    connected(&mut caller).await;
    let mut sideband = rig.sideband(&id).await;
    rig.stop().await;
    assert_eq!(sideband.close_code().await, Some(1001));
    rest(&mut caller).await;
}
