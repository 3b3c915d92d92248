//! What the native caller can do beside talking: wait, hand over, be gone, keep a call alive.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use viva_simulator::caller::{DeadMan, Floor, Link};
use viva_simulator::peer::{Settings, Weather};
use viva_simulator::{Caller, CallerEvent, CallerHandle, CallerOptions, Config, Faults, Source};

use crate::rig::{PATIENCE, Rig, call_id, connected, find, kinds, lines, rest, session, until};

async fn call(rig: &Rig, source: Source, options: CallerOptions, session: &Value) -> (CallerHandle, String) {
    let (offer, caller) = Caller::start(source, options).await.unwrap();
    let response = rig.create(&offer, Some(session)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let id = call_id(&response);
    let answer = response.text().await.unwrap();
    (caller.answer(&answer).await.unwrap(), id)
}

fn waiting() -> CallerOptions {
    CallerOptions { floor: Floor::Waits, ..CallerOptions::default() }
}

fn held() -> Value {
    let mut held = session(json!({}));
    held["audio"]["input"]["turn_detection"]["create_response"] = false.into();
    held
}

/// The next thing the caller begins to say.
async fn speaking(caller: &mut CallerHandle) -> String {
    let search = async {
        while let Some(event) = caller.next_event().await {
            if let CallerEvent::Speaking { text, .. } = event {
                return text;
            }
        }
        panic!("the call ended before anything was said");
    };
    tokio::time::timeout(PATIENCE, search).await.unwrap()
}

#[tokio::test]
async fn the_conversation_moves_to_a_call_that_was_made_ready() {
    let rig = Rig::start().await;
    let (mut first, _) = call(&rig, lines(&["First.", "Second.", "Third."]), CallerOptions::default(), &held()).await;
    let (mut second, _) = call(&rig, lines(&["Never said."]), waiting(), &held()).await;
    connected(&mut first).await;
    connected(&mut second).await;
    first.send_event(json!({"type": "response.create"})).await;
    assert_eq!(speaking(&mut first).await, "First.");
    until(&mut first, "input_audio_buffer.committed").await;
    first.send_event(json!({"type": "response.create"})).await;
    until(&mut first, "output_audio_buffer.stopped").await;

    // It was asked something there and answers here, without being asked again.
    let begun = Instant::now();
    let rest_of_it = first.yield_floor().await;
    assert!(second.take_floor(rest_of_it).await);
    assert_eq!(speaking(&mut second).await, "Second.");
    assert!(begun.elapsed() < Duration::from_secs(5), "it does not wait to be asked");
    until(&mut second, "input_audio_buffer.committed").await;
    first.hang_up().await;
    let said_on = rest(&mut first).await.iter().filter(|event| matches!(event, CallerEvent::Speaking { .. })).count();
    assert_eq!(said_on, 0, "the first is silent");
    rig.stop().await;
}

#[tokio::test]
async fn what_is_broken_off_is_said_again_after_the_call_is_lost() {
    let rig = Rig::start().await;
    let (mut first, id) = call(&rig, lines(&[]), CallerOptions::default(), &held()).await;
    connected(&mut first).await;
    first.say("This is a rather long sentence that nobody hears to its end.").await;
    until(&mut first, "input_audio_buffer.speech_started").await;
    assert!(rig.probe.drop_call(&id));
    let events = rest(&mut first).await;
    assert!(events.iter().any(|event| matches!(event, CallerEvent::BrokeOff { n: 1 })));
    let left = first.yield_floor().await;

    let (mut second, _) = call(&rig, lines(&[]), waiting(), &held()).await;
    connected(&mut second).await;
    assert!(second.take_floor(left).await);
    assert!(speaking(&mut second).await.starts_with("This is a rather long"));
    second.hang_up().await;
    rig.stop().await;
}

#[tokio::test]
async fn one_who_waits_sends_nothing_and_hears_everything() {
    let rig = Rig::start().await;
    let (mut caller, _) = call(&rig, Source::Seeded(1), waiting(), &session(json!({}))).await;
    connected(&mut caller).await;
    caller.send_event(json!({"type": "response.create"})).await;
    let events = until(&mut caller, "output_audio_buffer.stopped").await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    caller.hang_up().await;
    let later = rest(&mut caller).await;
    assert!(!later.iter().any(|event| matches!(event, CallerEvent::Speaking { .. })));
    assert!(!kinds(&events).contains(&"input_audio_buffer.speech_started"));
    let heard = later.iter().rev().find_map(|event| match event {
        CallerEvent::Heard(heard) => Some(heard.packets),
        _ => None,
    });
    assert!(heard.unwrap() > 50, "{heard:?}");
    rig.stop().await;
}

#[tokio::test]
async fn one_who_vanishes_is_noticed_in_the_end() {
    let peer_timeout = Duration::from_secs(2);
    let rig = Rig::with(Config { peer_timeout, ..Config::default() }).await;
    let (mut caller, id) = call(&rig, lines(&[]), CallerOptions::default(), &session(json!({}))).await;
    connected(&mut caller).await;
    let mut sideband = rig.sideband(&id).await;
    let gone = Instant::now();
    caller.vanish().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(rig.probe.live_calls(), 1, "nobody said goodbye");
    assert_eq!(sideband.close_code().await, Some(1000));
    assert!(gone.elapsed() >= Duration::from_millis(1_500), "{:?}", gone.elapsed());
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn an_unanswered_turn_is_answered_by_the_dead_man_switch() {
    let rig = Rig::start().await;
    let options = CallerOptions { dead_man: DeadMan::On, ..CallerOptions::default() };
    let (mut caller, _) = call(&rig, lines(&[]), options, &held()).await;
    connected(&mut caller).await;
    caller.server_is(Link::Down).await;
    caller.say("Is anybody there who answers?").await;
    until(&mut caller, "input_audio_buffer.committed").await;
    let committed = Instant::now();
    let events = until(&mut caller, "response.created").await;
    assert!(committed.elapsed() >= Duration::from_millis(2_400));
    assert_eq!(find(&events, "response.created")["response"]["metadata"], json!({"viva": "autopilot"}));
    let opened = until(&mut caller, "session.updated").await;
    let detection = &find(&opened, "session.updated")["session"]["audio"]["input"]["turn_detection"];
    assert_eq!((&detection["create_response"], &detection["silence_duration_ms"]), (&true.into(), &300.into()));
    until(&mut caller, "response.done").await;
    caller.hang_up().await;

    let (mut caller, _) = call(&rig, lines(&[]), CallerOptions::default(), &held()).await;
    connected(&mut caller).await;
    caller.say("And without the switch?").await;
    until(&mut caller, "input_audio_buffer.committed").await;
    tokio::time::sleep(Duration::from_millis(2_800)).await;
    caller.hang_up().await;
    let asked = rest(&mut caller).await.into_iter().any(|event| match event {
        CallerEvent::Server(event) => event["type"] == "response.created",
        _ => false,
    });
    assert!(!asked);
    rig.stop().await;
}

#[tokio::test]
async fn turns_survive_a_bad_network() {
    let faults = Faults::parse("loss=3,jitter=30").unwrap();
    let rig = Rig::with(Config { faults, ..Config::default() }).await;
    let weather = Weather { loss_percent: 3, jitter: Duration::from_millis(30), seed: 2 };
    let peer = Settings { weather, ..Settings::default() };
    let options = CallerOptions { peer, ..CallerOptions::default() };
    let mut tolerant = session(json!({}));
    tolerant["audio"]["input"]["turn_detection"]["silence_duration_ms"] = 700.into();
    let (mut caller, _) = call(&rig, lines(&[]), options, &tolerant).await;
    connected(&mut caller).await;
    caller.say("The line is bad, but you understand me.").await;
    let events = until(&mut caller, "output_audio_buffer.stopped").await;
    assert!(kinds(&events).contains(&"input_audio_buffer.committed"));
    let done = &find(&events, "response.done")["response"];
    assert_eq!(done["status"], "completed");
    caller.hang_up().await;
    let heard = rest(&mut caller).await.iter().rev().find_map(|event| match event {
        CallerEvent::Heard(heard) => Some(*heard),
        _ => None,
    });
    assert!(heard.is_some_and(|heard| heard.packets > 50), "{heard:?}");
    rig.stop().await;
}

#[tokio::test]
async fn loss_of_everything_is_silence() {
    let rig = Rig::faulty("loss=100").await;
    let (mut caller, _) = call(&rig, lines(&[]), CallerOptions::default(), &session(json!({}))).await;
    connected(&mut caller).await;
    caller.say("Nobody hears this.").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    caller.hang_up().await;
    let events = rest(&mut caller).await;
    assert!(!events.iter().any(|event| match event {
        CallerEvent::Server(event) => event["type"] == "input_audio_buffer.speech_started",
        CallerEvent::Heard(heard) => heard.packets > 0,
        _ => false,
    }));
    rig.stop().await;
}
