//! Sessions in which nobody is answered.

use super::*;

fn scribe(config: Config) -> Stage {
    let session = json!({"type": "transcription", "audio": {"input": {
        "transcription": {"model": "gpt-realtime-whisper"},
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 500}}}});
    Stage::with(session, config)
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

const DELTA: &str = "conversation.item.input_audio_transcription.delta";
const COMPLETED: &str = "conversation.item.input_audio_transcription.completed";

#[test]
fn words_are_written_while_they_are_spoken_and_nobody_answers() {
    let mut stage = scribe(Config::default());
    stage.input(Input::Announced { n: 1, text: "one two three four five six".into() });
    stage.input(Input::SpeechStarted { start_ms: 0 });
    stage.wait(1_600);
    let said: Vec<_> = stage.events.iter().filter(|event| event["type"] == DELTA).collect();
    let words: String = said.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(words, " one two three", "{:?}", types(&stage.events));
    stage.input(Input::SpeechStopped { end_ms: 2_100, speech_ms: 1_600 });
    stage.wait(5_000);
    let words: String = stage
        .events
        .iter()
        .filter(|event| event["type"] == DELTA)
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(words, " one two three four five six", "nothing is written twice");
    let last = stage.events.last().expect("an event");
    assert_eq!((&last["type"], &last["transcript"]), (&json!(COMPLETED), &json!("one two three four five six")));
    assert_eq!(last["usage"], json!({"type": "duration", "seconds": 2}));
    assert!(types(&stage.events).iter().all(|kind| !kind.starts_with("response.")), "{:?}", types(&stage.events));
}

#[test]
fn whoever_asks_it_to_speak_is_refused_and_it_can_be_configured() {
    let mut stage = scribe(Config::default());
    stage.client(json!({"type": "response.create", "event_id": "mine"}));
    stage.client(json!({"type": "session.update", "session": {"type": "transcription", "audio": {"input": {
        "transcription": {"model": "gpt-realtime-whisper", "language": "de"}}}}}));
    assert_eq!(types(&stage.events), ["error", "session.updated"]);
    assert_eq!(stage.events[0]["error"]["event_id"], "mine");
    assert_eq!(stage.events[1]["session"]["audio"]["input"]["transcription"]["language"], "de");
}

#[test]
fn a_knock_has_no_words_and_a_failure_is_told() {
    let mut stage = scribe(Config::default());
    stage.input(Input::SpeechStarted { start_ms: 0 });
    stage.wait(700);
    stage.input(Input::SpeechStopped { end_ms: 700, speech_ms: 200 });
    stage.wait(5_000);
    assert_eq!(stage.events.last().expect("an event")["transcript"], "");
    let faults = Faults::parse("transcription_failed").expect("a fault");
    let mut stage = scribe(Config { faults, ..Config::default() });
    stage.speak(2_000);
    stage.wait(5_000);
    let failed = stage.events.last().expect("an event");
    assert_eq!(failed["type"], "conversation.item.input_audio_transcription.failed");
}
