//! Whole turns over real media: what is heard, what is said, and in which order it is told.

use std::io::Cursor;
use std::time::Duration;

use serde_json::{Value, json};
use viva_simulator::speech::vad::VadSettings;
use viva_simulator::speech::voice::Voice;
use viva_simulator::speech::wav::Recording;
use viva_simulator::{CallerEvent, Source};

use crate::rig::{Rig, connected, find, kinds, lines, rest, session, until};

#[tokio::test]
async fn a_turn_each_way_comes_in_the_recorded_order() {
    let rig = Rig::start().await;
    let said = "I have worked with payments for years.";
    let (mut caller, id) = rig.call(lines(&[]), &session(json!({}))).await;
    let mut sideband = rig.sideband(&id).await;
    connected(&mut caller).await;
    until(&mut caller, "session.created").await;
    caller.say(said).await;

    let on_channel = until(&mut caller, "output_audio_buffer.stopped").await;
    let on_sideband = sideband.until("output_audio_buffer.stopped").await;
    assert_eq!(on_channel, on_sideband, "the same events with the same ids");

    let mut order: Vec<&str> = kinds(&on_channel);
    order.retain(|kind| !kind.contains("transcription") && *kind != "output_audio_buffer.started");
    order.dedup();
    assert_eq!(
        order,
        [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio_transcript.delta",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
            "output_audio_buffer.stopped",
        ]
    );
    let place = |kind: &str| kinds(&on_channel).iter().position(|k| *k == kind).unwrap();
    let words = find(&on_channel, "conversation.item.input_audio_transcription.completed");
    assert_eq!(words["transcript"], said, "as announced");
    assert_eq!(words["usage"]["type"], "duration");
    assert!(place("response.created") < place("conversation.item.input_audio_transcription.completed"));
    assert!(place("output_audio_buffer.started") > place("response.content_part.added"));
    assert!(place("output_audio_buffer.started") < place("response.done"), "words run ahead of sound");

    let asked = find(&on_channel, "response.output_audio_transcript.done")["transcript"].as_str().unwrap();
    assert!(asked.ends_with('?'), "{asked}");
    let usage = &find(&on_channel, "response.done")["response"]["usage"];
    let number = |name: &str| usage[name].as_u64().unwrap();
    assert_eq!(number("total_tokens"), number("input_tokens") + number("output_tokens"));

    caller.hang_up().await;
    let events = rest(&mut caller).await;
    let heard = events.iter().rev().find_map(|event| match event {
        CallerEvent::Heard(heard) => Some(*heard),
        _ => None,
    });
    let heard = heard.unwrap();
    assert!(heard.energy > 0.001 && heard.packets > 50 && heard.undecodable == 0, "{heard:?}");
    assert_eq!(sideband.close_code().await, Some(1000));
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_caller_with_a_script_takes_turns_with_the_model() {
    let rig = Rig::start().await;
    let (mut caller, _) = rig.call(Source::Seeded(3), &session(json!({}))).await;
    connected(&mut caller).await;
    caller.send_event(json!({"type": "response.create"})).await;
    let mut said = Vec::new();
    let mut words = Vec::new();
    let mut speaking = false;
    while words.is_empty() || said.len() < 2 {
        let event = tokio::time::timeout(crate::rig::PATIENCE, caller.next_event()).await;
        match event.unwrap().unwrap() {
            CallerEvent::ModelSpeaking => speaking = true,
            CallerEvent::ModelQuiet => speaking = false,
            CallerEvent::Speaking { text, .. } => {
                assert!(!speaking, "it waits for the model");
                said.push(text);
            }
            CallerEvent::Server(event) if event["type"] == "conversation.item.input_audio_transcription.completed" => {
                words.push(event["transcript"].as_str().unwrap().to_owned());
            }
            _ => {}
        }
    }
    assert_eq!(words[0], said[0]);
    drop(caller);
    rig.live(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn speaking_over_the_model_stops_it() {
    let rig = Rig::start().await;
    let (mut caller, _) = rig.call(lines(&[]), &session(json!({}))).await;
    connected(&mut caller).await;
    caller.send_event(json!({"type": "response.create"})).await;
    until(&mut caller, "output_audio_buffer.started").await;
    caller.say("Excuse me, may I say something?").await;
    let events = until(&mut caller, "conversation.item.truncated").await;
    let order: Vec<&str> = kinds(&events)
        .into_iter()
        .filter(|kind| {
            ["speech_started", "response.done", "cleared", "truncated"].iter().any(|part| kind.contains(part))
        })
        .collect();
    assert_eq!(
        order,
        [
            "input_audio_buffer.speech_started",
            "response.done",
            "output_audio_buffer.cleared",
            "conversation.item.truncated",
        ]
    );
    let done = &find(&events, "response.done")["response"];
    assert_eq!(done["status"], "cancelled");
    assert_eq!(done["status_details"], json!({"type": "cancelled", "reason": "turn_detected"}));
    assert_eq!(done["output"][0]["status"], "incomplete");
    let truncated = find(&events, "conversation.item.truncated");
    assert_eq!(truncated["item_id"], done["output"][0]["id"]);
    assert!(truncated["audio_end_ms"].as_u64().unwrap() < 1_500, "{truncated}");
    let events = until(&mut caller, "output_audio_buffer.started").await;
    assert!(kinds(&events).contains(&"input_audio_buffer.committed"), "and it is answered");
    caller.hang_up().await;
    rig.stop().await;
}

#[tokio::test]
async fn nobody_is_transcribed_unless_asked_for() {
    let rig = Rig::start().await;
    let mut quiet = session(json!({}));
    quiet["audio"]["input"]["transcription"] = Value::Null;
    let (mut caller, _) = rig.call(lines(&[]), &quiet).await;
    connected(&mut caller).await;
    caller.say("Do you hear what I say?").await;
    let mut events = until(&mut caller, "output_audio_buffer.stopped").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    caller.hang_up().await;
    for event in rest(&mut caller).await {
        if let CallerEvent::Server(event) = event {
            events.push(event);
        }
    }
    assert!(!kinds(&events).iter().any(|kind| kind.contains("transcription")), "{:?}", kinds(&events));
    rig.stop().await;
}

#[tokio::test]
async fn the_server_may_hold_the_reply_gate() {
    let rig = Rig::start().await;
    let mut held = session(json!({}));
    held["audio"]["input"]["turn_detection"]["create_response"] = false.into();
    let (mut caller, id) = rig.call(lines(&[]), &held).await;
    let mut sideband = rig.sideband(&id).await;
    connected(&mut caller).await;
    caller.say("This is my answer to that.").await;
    let events = sideband.until("conversation.item.input_audio_transcription.completed").await;
    assert!(!kinds(&events).contains(&"response.created"), "nobody asked for a reply");
    let update = json!({"type": "session.update", "session": {"type": "realtime", "instructions": "Stage: closing"}});
    sideband.send(update).await;
    let updated = sideband.until("session.updated").await;
    assert_eq!(find(&updated, "session.updated")["session"]["instructions"], "Stage: closing");
    sideband.send(json!({"type": "response.create", "response": {"metadata": {"viva": "n1"}}})).await;
    let events = sideband.until("response.done").await;
    assert_eq!(find(&events, "response.created")["response"]["metadata"], json!({"viva": "n1"}));
    let done = &find(&events, "response.done")["response"];
    let text = done["output"][0]["content"][0]["transcript"].as_str().unwrap();
    assert!(text.to_lowercase().contains("thank") && !text.contains('?'), "{text}");
    until(&mut caller, "output_audio_buffer.stopped").await;

    let received = rig.probe.client_events(&id);
    let kinds: Vec<_> = received.iter().map(|event| event.event["type"].clone()).collect();
    assert_eq!(kinds, ["session.update", "response.create"]);
    caller.hang_up().await;
    rig.stop().await;
}

/// So many utterances with pauses between them, as a 16 kHz file.
fn recording(utterances: usize) -> Recording {
    let mut samples = vec![0_i16; 24_000];
    for text in ["Good morning to you", "My name is on the list", "And that is all"].iter().take(utterances) {
        samples.extend(Voice::CALLER.speak(text, 1.2).flatten());
        samples.extend(vec![0; 48_000]);
    }
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for sample in samples.into_iter().step_by(3) {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    file.set_position(0);
    Recording::read(file).unwrap()
}

#[tokio::test]
async fn a_recording_has_as_many_turns_as_utterances() {
    let rig = Rig::start().await;
    let recording = recording(3);
    let heard_alone = recording.utterances(VadSettings { silence_ms: 300, ..VadSettings::default() });
    assert_eq!(heard_alone.len(), 3);
    let (mut caller, id) = rig.call(Source::Recording(recording), &session(json!({}))).await;
    let mut sideband = rig.sideband(&id).await;
    let mut commits = 0;
    let mut ended = false;
    let mut quiet_after = 0;
    // Played to its end, and a second more: late turns would be too many.
    while !ended || quiet_after < 2 {
        match tokio::time::timeout(crate::rig::PATIENCE, caller.next_event()).await.unwrap().unwrap() {
            CallerEvent::RecordingEnded => ended = true,
            CallerEvent::Heard(_) if ended => quiet_after += 1,
            CallerEvent::Server(event) if event["type"] == "input_audio_buffer.committed" => commits += 1,
            _ => {}
        }
    }
    assert_eq!(commits, 3);
    caller.hang_up().await;
    let mut sideband_commits = 0;
    while let Some(event) = sideband.next().await {
        sideband_commits += usize::from(event["type"] == "input_audio_buffer.committed");
    }
    assert_eq!(sideband_commits, 3);
    rig.stop().await;
}
