//! `/v1/live/sessions` over the wire.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error as WsError;
use viva_simulator::{Caller, CallerHandle, CallerOptions};

use crate::rig::{Rig, Sideband, connected, find, kinds, lines};

fn object(offer: &str) -> Value {
    json!({
        "session": {"model": "gpt-live-1", "instructions": "You interview.\nStage: self_intro",
            "client": {"data_channel": {"allowed_client_events": [],
                "allowed_server_events": [{"type": "session.output_transcript.delta"}]}}},
        "transport": {"type": "webrtc", "sdp": offer},
    })
}

async fn call(rig: &Rig) -> (CallerHandle, String) {
    let (offer, caller) = Caller::start(lines(&["I build bridges"]), CallerOptions::default()).await.unwrap();
    let response = rig.post("/live/sessions").json(&object(&offer)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let body: Value = response.json().await.unwrap();
    let id = body["session"]["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("live_") && body["session"]["expires_at"].as_i64().unwrap() > 1_700_000_000);
    (caller.answer(body["transport"]["sdp"].as_str().unwrap()).await.unwrap(), id)
}

async fn attach(rig: &Rig, id: &str) -> Result<Sideband, WsError> {
    rig.dial_at(&format!("/live/sessions/{id}/attach")).await
}

#[tokio::test]
async fn a_session_is_made_watched_and_ended() {
    let rig = Rig::start().await;
    let (mut caller, id) = call(&rig).await;
    let mut sideband = attach(&rig, &id).await.unwrap();
    connected(&mut caller).await;
    sideband
        .send(json!({"type": "session.instructions.append", "content": "Speak now.", "delegation_id": null, "event_id": "c"}))
        .await;
    let events = sideband.until("session.input_transcript.delta").await;
    assert_eq!(find(&events, "session.instructions.appended")["client_event_id"], "c");
    assert!(kinds(&events).contains(&"session.output_transcript.delta"));
    assert!(kinds(&events).contains(&"session.output_audio.delta"), "sound is mirrored");
    // Whoever attaches later hears the last seconds again, under the same ids.
    let mut later = attach(&rig, &id).await.unwrap();
    let again = later.next().await.unwrap();
    assert!(events.contains(&again), "{again}");
    let hang_up = rig.post(&format!("/live/sessions/{id}/hangup")).send().await.unwrap();
    assert_eq!(hang_up.status(), StatusCode::OK);
    let last = sideband.until("session.closed").await;
    assert_eq!(find(&last, "session.closed")["reason"], "close_requested");
    assert_eq!(sideband.close_code().await, Some(1000));
    let gone = rig.post(&format!("/live/sessions/{id}/hangup")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(gone.json::<Value>().await.unwrap()["error"]["code"], "session_id_not_found");
    rig.stop().await;
}

#[tokio::test]
async fn it_can_be_closed_by_the_socket_where_hanging_up_is_refused() {
    let rig = Rig::faulty("hangup_sip_only").await;
    let (_caller, id) = call(&rig).await;
    let hang_up = rig.post(&format!("/live/sessions/{id}/hangup")).send().await.unwrap();
    assert_eq!(hang_up.status(), StatusCode::BAD_REQUEST);
    let mut sideband = attach(&rig, &id).await.unwrap();
    sideband.send(json!({"type": "session.close"})).await;
    sideband.until("session.closed").await;
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn what_is_not_a_session_is_refused() {
    let rig = Rig::start().await;
    let (offer, _caller) = Caller::start(lines(&[]), CallerOptions::default()).await.unwrap();
    for (body, status) in [
        (json!({"session": {"model": "m"}, "transport": {"type": "webrtc", "sdp": "v=1"}}), 400),
        (json!({"session": {"model": "m"}, "transport": {"type": "sip"}}), 400),
        (json!({"session": {}, "transport": {"type": "webrtc", "sdp": offer}}), 400),
        (json!([]), 400),
    ] {
        let response = rig.post("/live/sessions").json(&body).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{body}");
    }
    let secret = rig.post("/realtime/client_secrets").json(&json!({})).send().await.unwrap();
    let secret = secret.json::<Value>().await.unwrap()["value"].as_str().unwrap().to_owned();
    let minted = rig.http.post(format!("{}/live/sessions", rig.base)).bearer_auth(secret).json(&object(&offer));
    assert_eq!(minted.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert!(matches!(attach(&rig, "live_none").await, Err(WsError::Http(response)) if response.status() == 404));
    rig.stop().await;
}
