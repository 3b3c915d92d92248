//! Faults, each as a client sees it.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use viva_simulator::Faults;

use crate::rig::{Rig, connected, find, kinds, lines, session, until};

const UPDATE: &str = "session.update";

fn update() -> Value {
    json!({"type": UPDATE, "session": {"type": "realtime", "instructions": "Stage: closing"}})
}

#[tokio::test]
async fn creating_can_fail_in_every_way() {
    let rig = Rig::start().await;
    let offer = viva_simulator::peer::offer(&[], &viva_simulator::peer::Settings::default()).await.unwrap().0;
    for status in [401_u16, 429, 500] {
        rig.probe.set_faults(Faults::parse(&format!("create={status}")).unwrap());
        let response = rig.create(&offer, None).await;
        assert_eq!(response.status().as_u16(), status);
        let body: Value = response.json().await.unwrap();
        assert!(body["error"]["message"].is_string());
    }
    rig.probe.set_faults(Faults::parse("create_garbage").unwrap());
    let response = rig.create(&offer, None).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(!response.text().await.unwrap().contains("v=0"));
    rig.probe.set_faults(Faults::parse("create_hangs").unwrap());
    let hanging = tokio::time::timeout(Duration::from_millis(300), rig.create(&offer, None)).await;
    assert!(hanging.is_err());
    assert_eq!(rig.probe.live_calls(), 0);
    rig.probe.set_faults(Faults::parse("create_no_location,create_delay=200").unwrap());
    let begun = Instant::now();
    let response = rig.create(&offer, None).await;
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(response.headers().get("location").is_none());
    rig.stop().await;
}

#[tokio::test]
async fn sidebands_can_be_late_or_never_come() {
    let rig = Rig::faulty("sideband_late=400").await;
    let (_pending, id) = rig.silent_call(None).await;
    assert!(rig.dial(&id).await.is_err());
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert!(rig.dial(&id).await.is_ok());
    assert!(rig.probe.set_call_faults(&id, Faults::parse("sideband_never").unwrap()));
    assert!(rig.dial(&id).await.is_err());
    rig.stop().await;
}

#[tokio::test]
async fn words_can_be_late_missing_or_fail() {
    let transcription = "conversation.item.input_audio_transcription";
    for (faults, expected) in
        [("words_late=900", Some("completed")), ("words_missing", None), ("transcription_failed", Some("failed"))]
    {
        let rig = Rig::faulty(faults).await;
        let (mut caller, _) = rig.call(lines(&[]), &session(json!({}))).await;
        connected(&mut caller).await;
        caller.say("These are my words.").await;
        until(&mut caller, "input_audio_buffer.committed").await;
        let committed = Instant::now();
        match expected {
            Some(end) => {
                let kind = format!("{transcription}.{end}");
                let events = until(&mut caller, &kind).await;
                if end == "completed" {
                    assert!(committed.elapsed() >= Duration::from_millis(1_400));
                    assert!(kinds(&events).contains(&"response.created"));
                } else {
                    assert_eq!(find(&events, &kind)["error"]["code"], "audio_unintelligible");
                }
            }
            None => {
                let events = until(&mut caller, "output_audio_buffer.stopped").await;
                assert!(!kinds(&events).iter().any(|kind| kind.contains("transcription")));
            }
        }
        caller.hang_up().await;
        rig.stop().await;
    }
}

#[tokio::test]
async fn updates_can_be_slow_or_hidden() {
    let rig = Rig::faulty("update_delay=400,updates_unmirrored").await;
    let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
    connected(&mut caller).await;
    let mut sideband = rig.sideband(&id).await;
    let begun = Instant::now();
    caller.send_event(update()).await;
    until(&mut caller, "session.updated").await;
    assert!(begun.elapsed() >= Duration::from_millis(390));
    assert!(sideband.silent_for(Duration::from_millis(200)).await, "not mirrored");
    sideband.send(update()).await;
    sideband.until("session.updated").await;
    caller.hang_up().await;
    rig.stop().await;
}

#[tokio::test]
async fn responses_can_fail_or_never_begin_or_lose_their_metadata() {
    let rig = Rig::faulty("response_failed,metadata_dropped,duplicate_events").await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    let create = json!({"type": "response.create", "response": {"metadata": {"viva": "x"}}});
    sideband.send(create.clone()).await;
    let mut events = sideband.until("response.done").await;
    events.extend(sideband.until("response.done").await);
    let done = &find(&events, "response.done")["response"];
    assert_eq!(done["status"], "failed");
    assert_eq!(done["status_details"]["error"]["code"], "insufficient_quota");
    assert_eq!(done["metadata"], Value::Null);
    assert_eq!(events[0], events[1], "twice, with the same id");
    rig.probe.set_faults(Faults::parse("response_ignored").unwrap());
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    sideband.send(create).await;
    assert!(sideband.silent_for(Duration::from_millis(400)).await);
    rig.stop().await;
}

#[tokio::test]
async fn a_session_cap_ends_the_call_as_the_provider_does() {
    let rig = Rig::faulty("session_cap=1").await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    sideband.send(update()).await;
    let events = sideband.until("error").await;
    assert_eq!(find(&events, "error")["error"]["code"], "session_expired");
    assert_eq!(sideband.close_code().await, Some(1001));
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn the_end_can_go_unsaid_and_hang_ups_can_fail() {
    let rig = Rig::faulty("no_close,hangup_fails").await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    assert_eq!(rig.hang_up(&id).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(rig.probe.live_calls(), 1);
    rig.probe.set_call_faults(&id, Faults::parse("no_close").unwrap());
    assert_eq!(rig.hang_up(&id).await.status(), StatusCode::OK);
    rig.live(0).await;
    assert!(sideband.silent_for(Duration::from_millis(400)).await, "open and silent");
    rig.stop().await;
}
