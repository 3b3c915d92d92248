//! What befalls a call or its sidebands while it runs, by plan and at run time.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use tokio_tungstenite::tungstenite::Error as WsError;
use viva_simulator::faults::parse_script;
use viva_simulator::{CallerEvent, Config, Faults, Trouble};

use crate::rig::{Rig, connected, find, kinds, lines, rest, session};

fn faults(text: &str) -> Faults {
    Faults::parse(text).unwrap()
}

fn minimal() -> serde_json::Value {
    json!({"type": "session.update", "session": {"type": "realtime"}})
}

#[tokio::test]
async fn sidebands_break_again_and_again_while_the_call_goes_on() {
    let rig = Rig::faulty("sideband_drops=300").await;
    let (_pending, id) = rig.silent_call(None).await;
    for _ in 0..2 {
        let mut sideband = rig.sideband(&id).await;
        let begun = Instant::now();
        sideband.send(minimal()).await;
        sideband.until("session.updated").await;
        assert_eq!(sideband.close_code().await, None, "no close frame");
        assert!(begun.elapsed() >= Duration::from_millis(280));
    }
    assert_eq!(rig.probe.live_calls(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn the_first_sideband_can_be_rotated_and_the_second_stays() {
    let rig = Rig::faulty("sideband_rotates=100,sideband_once").await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut first = rig.sideband(&id).await;
    assert_eq!(first.close_code().await, Some(1001));
    let mut second = rig.sideband(&id).await;
    assert!(second.silent_for(Duration::from_millis(300)).await);
    second.send(minimal()).await;
    second.until("session.updated").await;
    rig.stop().await;
}

#[tokio::test]
async fn a_silent_sideband_stays_open_and_answers_no_ping() {
    let rig = Rig::start().await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    sideband.ping().await;
    assert!(sideband.pong().await, "it is alive");
    assert!(rig.probe.trouble(&id, Trouble::Silence));
    tokio::time::sleep(Duration::from_millis(50)).await;
    sideband.ping().await;
    sideband.send(minimal()).await;
    assert!(sideband.silent_for(Duration::from_millis(400)).await, "no pong, no event, no close");
    let mut fresh = rig.sideband(&id).await;
    fresh.send(minimal()).await;
    fresh.until("session.updated").await;
    assert_eq!(rig.hang_up(&id).await.status(), StatusCode::OK);
    assert_eq!(fresh.close_code().await, Some(1000));
    assert!(sideband.silent_for(Duration::from_millis(100)).await, "it does not hear of the end");
    rig.stop().await;
}

#[tokio::test]
async fn faults_of_a_live_call_can_be_changed() {
    let rig = Rig::start().await;
    let (_pending, id) = rig.silent_call(None).await;
    let (_other, other) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    let mut bystander = rig.sideband(&other).await;
    assert_eq!(rig.probe.call_faults(&id), Some(Faults::default()));
    assert!(rig.probe.set_call_faults(&id, faults("response_failed,sideband_never")));
    sideband.send(json!({"type": "response.create"})).await;
    let events = sideband.until("response.done").await;
    assert_eq!(find(&events, "response.done")["response"]["status"], "failed");
    assert!(matches!(rig.dial(&id).await, Err(WsError::Http(response)) if response.status() == 404));
    bystander.send(json!({"type": "response.create"})).await;
    let events = bystander.until("response.done").await;
    assert_eq!(find(&events, "response.done")["response"]["status"], "completed");
    assert!(rig.probe.trouble(&id, Trouble::Drop));
    assert_eq!(sideband.close_code().await, None);
    assert!(rig.probe.set_call_faults(&id, Faults::default()));
    rig.sideband(&id).await;
    assert!(!rig.probe.set_call_faults("rtc_nobody", Faults::default()));
    rig.stop().await;
}

#[tokio::test]
async fn the_provider_can_end_a_call_by_itself() {
    let rig = Rig::faulty("call_drops=900").await;
    let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
    connected(&mut caller).await;
    let mut sideband = rig.sideband(&id).await;
    assert_eq!(sideband.close_code().await, Some(1000));
    rest(&mut caller).await;
    rig.live(0).await;
    assert!(matches!(rig.dial(&id).await, Err(WsError::Http(response)) if response.status() == 404));
    assert!(rig.probe.hangups().is_empty());

    rig.probe.next_call(Faults::default());
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    assert!(rig.probe.drop_call(&id));
    assert_eq!(sideband.close_code().await, Some(1000));
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn the_providers_machine_can_be_gone() {
    let rig = Rig::faulty("call_crashes=900").await;
    let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
    connected(&mut caller).await;
    let mut sideband = rig.sideband(&id).await;
    assert_eq!(sideband.close_code().await, None, "no close frame");
    rig.live(0).await;
    assert_eq!(rig.hang_up(&id).await.status(), StatusCode::NOT_FOUND);
    let told = async { while !matches!(caller.next_event().await, None | Some(CallerEvent::Closed)) {} };
    assert!(tokio::time::timeout(Duration::from_secs(1), told).await.is_err(), "the caller is not told");
    rig.stop().await;
}

#[tokio::test]
async fn a_call_can_begin_without_anybody_knowing_its_id() {
    let rig = Rig::faulty("create_unanswered,no_ice=1500").await;
    let offer = viva_simulator::peer::offer(&[], &viva_simulator::peer::Settings::default()).await.unwrap().0;
    let unanswered = tokio::time::timeout(Duration::from_millis(700), rig.create(&offer, None)).await;
    assert!(unanswered.is_err());
    assert_eq!(rig.probe.live_calls(), 1, "it costs what calls cost");
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn attaching_can_be_slow() {
    let rig = Rig::faulty("sideband_delay=400").await;
    let (_pending, id) = rig.silent_call(None).await;
    let begun = Instant::now();
    rig.sideband(&id).await;
    assert!(begun.elapsed() >= Duration::from_millis(400));
    let ending = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        rig.probe.drop_call(&id)
    };
    let (dialled, _) = tokio::join!(rig.dial(&id), ending);
    assert!(dialled.is_err(), "it ended while it was dialled");
    rig.stop().await;
}

#[tokio::test]
async fn each_call_has_the_faults_of_its_place() {
    let (faults_of_all, script) = parse_script(["2:create=429", "4:sideband_never"]).unwrap();
    let rig = Rig::with(Config { faults: faults_of_all, script, ..Config::default() }).await;
    rig.probe.next_call(faults("create=500"));
    let offer = viva_simulator::peer::offer(&[], &viva_simulator::peer::Settings::default()).await.unwrap().0;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let response = rig.create(&offer, None).await;
        statuses.push(response.status().as_u16());
        let id = response.headers().get("location").map(|_| crate::rig::call_id(&response));
        if statuses.len() == 5 {
            assert!(rig.dial(&id.unwrap()).await.is_err(), "the fourth of the script");
        } else if let Some(id) = id {
            assert!(rig.dial(&id).await.is_ok());
        }
    }
    assert_eq!(statuses, [500, 201, 429, 201, 201]);
    rig.stop().await;
}

#[tokio::test]
async fn closes_can_be_late_and_have_another_code() {
    let rig = Rig::faulty("close_late=300,close_code=1011,hangup_delay=200").await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    let begun = Instant::now();
    assert_eq!(rig.hang_up(&id).await.status(), StatusCode::OK);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(rig.hang_up(&id).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(sideband.close_code().await, Some(1011));
    assert!(begun.elapsed() >= Duration::from_millis(500));
    rig.stop().await;
}

#[tokio::test]
async fn a_call_may_take_one_sideband_only() {
    let rig = Rig::faulty("sideband_single").await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut first = rig.sideband(&id).await;
    first.send(minimal()).await;
    first.until("session.updated").await;
    assert!(matches!(rig.dial(&id).await, Err(WsError::Http(response)) if response.status() == 409));
    drop(first);
    let again = async {
        while rig.dial(&id).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::rig::PATIENCE, again).await.unwrap();
    rig.stop().await;
}

#[tokio::test]
async fn reordered_events_are_all_there() {
    let rig = Rig::faulty("reordered=300").await;
    let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
    let mut sideband = rig.sideband(&id).await;
    connected(&mut caller).await;
    caller.say("These words take their time.").await;
    let mut events = sideband.until("response.done").await;
    rig.hang_up(&id).await;
    while let Some(event) = sideband.next().await {
        events.push(event);
    }
    let done = events.iter().filter(|event| event["type"] == "conversation.item.done").count();
    assert_eq!(done, 2, "what is held is sent before the end: {:?}", kinds(&events));
    rig.stop().await;
}

#[tokio::test]
async fn a_sideband_may_be_refused_without_a_word() {
    for (faults, empty) in [("sideband_never", false), ("sideband_never,sideband_404_empty", true)] {
        let rig = Rig::faulty(faults).await;
        let (_pending, id) = rig.silent_call(None).await;
        let Err(WsError::Http(response)) = rig.dial(&id).await else { panic!("it is refused") };
        assert_eq!(response.status(), 404);
        assert_eq!(response.body().as_ref().is_none_or(Vec::is_empty), empty);
        rig.stop().await;
    }
}

#[tokio::test]
async fn connections_may_differ_in_names_and_ids() {
    let rig = Rig::faulty("beta_names,event_ids_differ").await;
    let (_pending, id) = rig.silent_call(None).await;
    let (mut one, mut other) = (rig.sideband(&id).await, rig.sideband(&id).await);
    one.send(minimal()).await;
    one.until("session.updated").await;
    other.until("session.updated").await;
    one.send(json!({"type": "response.create", "response": {"output_modalities": ["text"]}})).await;
    let (here, there) = (one.until("response.done").await, other.until("response.done").await);
    assert!(kinds(&here).contains(&"response.text.delta") && kinds(&here).contains(&"conversation.item.created"));
    assert_eq!(kinds(&here), kinds(&there));
    assert!(here.iter().zip(&there).all(|(a, b)| a["event_id"] != b["event_id"]));
    rig.stop().await;
}

#[tokio::test]
async fn the_cap_may_come_unannounced() {
    let rig = Rig::faulty("session_cap=1,cap_unannounced").await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    assert!(sideband.next().await.is_none(), "no error before the close");
    assert_eq!(sideband.closed, Some(1001));
    rig.stop().await;
}

#[tokio::test]
async fn a_session_may_be_required() {
    let rig = Rig::faulty("create_needs_session").await;
    let offer = viva_simulator::peer::offer(&[], &viva_simulator::peer::Settings::default()).await.unwrap().0;
    assert_eq!(rig.create(&offer, None).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(rig.create(&offer, Some(&session(json!({})))).await.status(), StatusCode::CREATED);
    rig.stop().await;
}

#[tokio::test]
async fn a_call_without_media_is_given_up_when_its_faults_say() {
    let rig = Rig::faulty("no_ice=300").await;
    let (_pending, id) = rig.silent_call(None).await;
    let begun = Instant::now();
    assert_eq!(rig.sideband(&id).await.close_code().await, Some(1000));
    assert!(begun.elapsed() >= Duration::from_millis(250));
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn an_echo_may_be_late_although_the_update_is_done() {
    let rig = Rig::faulty("updated_late=500").await;
    let (_pending, id) = rig.silent_call(None).await;
    let mut sideband = rig.sideband(&id).await;
    let begun = Instant::now();
    sideband
        .send(json!({"type": "session.update", "session": {"type": "realtime", "instructions": "Stage: closing"}}))
        .await;
    sideband.send(json!({"type": "response.create", "response": {"output_modalities": ["text"]}})).await;
    let events = sideband.until("session.updated").await;
    assert!(begun.elapsed() >= Duration::from_millis(490));
    assert!(kinds(&events).contains(&"response.created"));
    let mut text = events.iter().filter_map(|event| event["text"].as_str()).collect::<String>();
    if text.is_empty() {
        let rest = sideband.until("response.output_text.done").await;
        text = find(&rest, "response.output_text.done")["text"].as_str().unwrap().to_owned();
    }
    assert!(text.to_lowercase().contains("thank"), "the update was in force at once: {text}");
    rig.stop().await;
}
