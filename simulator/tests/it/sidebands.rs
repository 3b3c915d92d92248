//! `GET /v1/realtime?call_id=`.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::rig::{Rig, find, kinds, session};

fn status(error: WsError) -> u16 {
    match error {
        WsError::Http(response) => response.status().as_u16(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_text_turn_needs_no_media() {
    let rig = Rig::start().await;
    let (_pending, id) = rig.silent_call(Some(&session(json!({})))).await;
    let mut sideband = rig.sideband(&id).await;
    sideband
        .send(json!({"type": "conversation.item.create", "item": {
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello."}],
        }}))
        .await;
    sideband.send(json!({"type": "response.create", "response": {"output_modalities": ["text"]}})).await;
    let events = sideband.until("response.done").await;
    assert_eq!(kinds(&events)[0], "conversation.item.added", "no session.created, no replay");
    assert!(!kinds(&events).iter().any(|kind| kind.starts_with("output_audio_buffer")));
    let text = find(&events, "response.output_text.done")["text"].clone();
    let done = &find(&events, "response.done")["response"];
    assert_eq!(done["output"][0]["content"], json!([{"type": "output_text", "text": text}]));
    rig.stop().await;
}

#[tokio::test]
async fn all_sidebands_of_a_call_get_the_same_events() {
    let rig = Rig::start().await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut first = rig.sideband(&id).await;
    let mut second = rig.sideband(&id).await;
    first.send(json!({"type": "session.update", "session": {"type": "realtime"}})).await;
    let one = first.until("session.updated").await;
    let other = second.until("session.updated").await;
    assert_eq!(one, other);
    assert!(one[0]["session"]["expires_at"].as_i64().unwrap() > 1_700_000_000);
    drop(first);
    second.send(json!({"type": "nonsense", "event_id": "mine"})).await;
    let events = second.until("error").await;
    assert_eq!(find(&events, "error")["error"]["event_id"], "mine");
    rig.stop().await;
}

#[tokio::test]
async fn strangers_and_unknown_calls_are_refused_before_the_upgrade() {
    let rig = Rig::start().await;
    let (_pending, id) = rig.silent_call(None).await;
    assert_eq!(status(rig.dial("rtc_nobody").await.err().unwrap()), 404);
    let url = format!("{}/realtime?call_id={id}", rig.base).replace("http://", "ws://");
    let error = connect_async(url.clone()).await.err().unwrap();
    assert_eq!(status(error), 401);
    let plain = rig.http.get(url.replace("ws://", "http://")).bearer_auth(&rig.key);
    assert_eq!(plain.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let no_call = rig.http.get(format!("{}/realtime", rig.base)).bearer_auth(&rig.key);
    assert_eq!(no_call.send().await.unwrap().status(), StatusCode::BAD_REQUEST);

    let mut browser = url.clone().into_client_request().unwrap();
    let protocols = format!("realtime, openai-insecure-api-key.{}", rig.key);
    browser.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let (_socket, response) = connect_async(browser).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "realtime");
    rig.stop().await;
}

#[tokio::test]
async fn a_new_sideband_hears_nothing_until_something_happens() {
    let rig = Rig::start().await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    assert!(sideband.silent_for(Duration::from_millis(300)).await);
    rig.stop().await;
}
