//! The protocol without sockets: a model with a clock that is moved by hand and a player that
//! plays in no time but its own.

mod listening;
mod quirks;
mod storms;

use serde_json::{Value, json};

use super::ids::Ids;
use super::session::Session;
use super::*;
use crate::faults::Faults;
use crate::speech::voice::Voice;

/// A model with its clock and player.
struct Stage {
    model: Model,
    now: u64,
    /// What is being played: response, start, end.
    playing: Vec<(String, Option<u64>, u64)>,
    events: Vec<Value>,
    /// Types of the events that sidebands got too.
    mirrored: Vec<String>,
}

impl Stage {
    fn new(session: Value) -> Self {
        Self::with(session, Config::default())
    }

    fn with(session: Value, config: Config) -> Self {
        let faults = config.faults.clone();
        let mut settings = Session::new("sess_1", 1_000, 3_600);
        settings.create(&session).unwrap();
        let mut model = Model::new(Setup::of(&config, faults), settings, Ids::seeded(1));
        model.handle(0, Input::MediaUp);
        Self { model, now: 0, playing: Vec::new(), events: Vec::new(), mirrored: Vec::new() }
    }

    fn input(&mut self, input: Input<'_>) {
        let outputs = self.model.handle(self.now, input);
        for output in outputs {
            match output {
                Output::Event(target, event) => {
                    if target == Target::Both {
                        self.mirrored.push(event["type"].as_str().unwrap().to_owned());
                    }
                    self.events.push(event);
                }
                Output::Say { response_id, text, pace } => {
                    let ms = millis(Voice::MODEL.speak(&text, pace).duration());
                    self.playing.push((response_id, None, ms));
                }
                Output::StopSpeaking => self.playing.clear(),
                Output::SpeakAtMost { response_id, audio } => {
                    for (id, _, ms) in &mut self.playing {
                        if *id == response_id {
                            *ms = millis(audio);
                        }
                    }
                }
                Output::Listen(_) | Output::End => {}
            }
        }
    }

    fn client(&mut self, event: Value) {
        self.input(Input::Client(From::Sideband, &event.to_string()));
    }

    fn channel(&mut self, event: Value) {
        self.input(Input::Client(From::Channel, &event.to_string()));
    }

    /// Whether sidebands got an event of this type since the last [`Stage::take`].
    fn mirrored(&self, kind: &str) -> bool {
        self.mirrored.iter().any(|mirrored| mirrored == kind)
    }

    /// Let time pass in steps of a frame.
    fn wait(&mut self, ms: u64) {
        for _ in 0..ms / 20 {
            self.now += 20;
            if let Some((id, started, ms)) = self.playing.first_mut() {
                let id = id.clone();
                match *started {
                    None => {
                        *started = Some(self.now);
                        self.input(Input::PlaybackStarted(&id));
                    }
                    Some(from) if self.now >= from + *ms => {
                        self.playing.remove(0);
                        self.input(Input::PlaybackStopped(&id));
                    }
                    Some(_) => {}
                }
            }
            if self.model.next_deadline().is_some_and(|at| at <= self.now) {
                self.input(Input::Tick);
            }
        }
    }

    fn speak(&mut self, speech_ms: u64) {
        let start_ms = self.now;
        self.input(Input::SpeechStarted { start_ms });
        self.wait(speech_ms + 300);
        let end_ms = self.now;
        self.input(Input::SpeechStopped { end_ms, speech_ms });
    }

    fn take(&mut self) -> Vec<Value> {
        self.mirrored.clear();
        std::mem::take(&mut self.events)
    }

    fn kinds(&self) -> Vec<&str> {
        self.events.iter().filter_map(|event| event["type"].as_str()).collect()
    }

    fn find(&self, kind: &str) -> &Value {
        let found = self.events.iter().find(|event| event["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {:?}", self.kinds()))
    }

    fn last_error(&self) -> &str {
        let error = self.events.iter().rfind(|event| event["type"] == "error");
        error.unwrap_or_else(|| panic!("no error in {:?}", self.kinds()))["error"]["code"].as_str().unwrap()
    }
}

fn interview(turn_detection: Value) -> Value {
    json!({
        "type": "realtime",
        "instructions": "Stage: past_experience",
        "audio": {"input": {
            "transcription": {"model": "gpt-realtime-whisper"},
            "turn_detection": turn_detection,
        }},
    })
}

fn held() -> Value {
    interview(json!({"type": "server_vad", "create_response": false}))
}

#[test]
fn session_created_goes_to_the_channel_alone() {
    let mut stage = Stage::new(held());
    let outputs = stage.model.handle(0, Input::ChannelOpen);
    let [Output::Event(Target::Channel, event)] = &outputs[..] else {
        panic!("{outputs:?}");
    };
    assert_eq!(event["type"], "session.created");
    assert_eq!(event["session"]["expires_at"], 4_600);
    assert_eq!(event["session"]["object"], "realtime.session");
}

#[test]
fn every_event_has_an_id_of_its_own_and_buffer_events_have_their_form() {
    let mut stage = Stage::new(interview(json!({"type": "server_vad"})));
    stage.speak(1_000);
    stage.wait(9_000);
    stage.speak(1_000);
    stage.wait(9_000);
    let mut seen = std::collections::HashSet::new();
    for event in &stage.events {
        let id = event["event_id"].as_str().unwrap();
        assert!(seen.insert(id.to_owned()), "{id} twice");
        let of_buffer = event["type"].as_str().unwrap().starts_with("output_audio_buffer.");
        assert_eq!(id.len() == "event_".len() + 16, of_buffer, "{event}");
    }
}

#[test]
fn links_are_right_in_added_and_null_in_the_done_of_assistant_items() {
    let mut stage = Stage::new(interview(json!({"type": "server_vad"})));
    for _ in 0..2 {
        stage.speak(1_000);
        stage.wait(9_000);
    }
    let mut previous = Value::Null;
    for event in stage.events.iter().filter(|event| event["type"] == "conversation.item.added") {
        assert_eq!(event["previous_item_id"], previous);
        previous = event["item"]["id"].clone();
    }
    let done = stage.events.iter().filter(|event| event["type"] == "conversation.item.done");
    for event in done.filter(|event| event["item"]["role"] == "assistant") {
        assert_eq!(event["previous_item_id"], Value::Null);
    }
}

#[test]
fn deltas_make_up_the_transcript_ahead_of_playback() {
    let mut stage = Stage::new(interview(json!({"type": "server_vad"})));
    stage.speak(1_000);
    stage.wait(9_000);
    let text = |kind: &str, field: &str| -> String {
        let of_kind = stage.events.iter().filter(|event| event["type"] == kind);
        of_kind.filter_map(|event| event[field].as_str()).collect()
    };
    let said = text("response.output_audio_transcript.delta", "delta");
    assert_eq!(said, text("response.output_audio_transcript.done", "transcript"));
    let heard = text("conversation.item.input_audio_transcription.delta", "delta");
    let words = text("conversation.item.input_audio_transcription.completed", "transcript");
    assert_eq!(heard, format!(" {words}"));
    let place = |kind: &str| stage.kinds().iter().rposition(|k| *k == kind).unwrap();
    assert!(place("response.output_audio_transcript.delta") < place("output_audio_buffer.stopped"));
}

#[test]
fn a_second_response_is_refused_while_one_is_active() {
    let mut stage = Stage::new(held());
    stage.client(json!({"type": "response.create"}));
    stage.client(json!({"type": "response.create", "event_id": "second"}));
    assert_eq!(stage.last_error(), "conversation_already_has_active_response");
    assert_eq!(stage.find("error")["error"]["event_id"], "second");
    stage.client(
        json!({"type": "response.create", "response": {"conversation": "none", "output_modalities": ["text"]}}),
    );
    stage.wait(5_000);
    let created = stage.events.iter().filter(|event| event["type"] == "response.created").count();
    assert_eq!(created, 2, "one outside of the conversation is fine");
    let outside = stage.events.iter().rfind(|event| event["type"] == "response.created").unwrap();
    assert_eq!(outside["response"]["conversation_id"], Value::Null);
    let items = stage.kinds().iter().filter(|kind| **kind == "conversation.item.added").count();
    assert_eq!(items, 1, "and leaves no item");
}

#[test]
fn instructions_of_one_response_win_for_that_response() {
    let mut stage = Stage::new(held());
    stage.client(json!({"type": "response.create", "response": {"instructions": "Stage: closing"}}));
    stage.wait(9_000);
    let text = stage.find("response.output_audio_transcript.done")["transcript"].clone();
    assert!(!text.as_str().unwrap().contains('?'), "{text}");
    stage.take();
    stage.client(json!({"type": "response.create"}));
    stage.wait(9_000);
    let text = stage.find("response.output_audio_transcript.done")["transcript"].clone();
    assert!(text.as_str().unwrap().contains('?'), "{text}");
}

#[test]
fn a_cancelled_response_says_so_and_plays_what_exists() {
    let mut stage = Stage::new(held());
    stage.client(json!({"type": "response.cancel"}));
    assert_eq!(stage.last_error(), "response_cancel_not_active");
    stage.client(json!({"type": "response.create"}));
    stage.wait(700);
    stage.client(json!({"type": "response.cancel"}));
    let done = &stage.find("response.done")["response"];
    assert_eq!(done["status_details"], json!({"type": "cancelled", "reason": "client_cancelled"}));
    assert!(done["usage"]["output_token_details"]["audio_tokens"].as_u64().unwrap() < 60);
    assert!(!stage.kinds().contains(&"rate_limits.updated"));
    stage.wait(3_000);
    assert!(stage.kinds().contains(&"output_audio_buffer.stopped"));
    stage.client(json!({"type": "output_audio_buffer.clear"}));
    assert!(!stage.kinds().contains(&"output_audio_buffer.cleared"), "nothing was playing");
}

#[test]
fn clearing_stops_the_sound_at_once() {
    let mut stage = Stage::new(held());
    stage.client(json!({"type": "response.create"}));
    stage.wait(500);
    stage.client(json!({"type": "response.cancel"}));
    stage.client(json!({"type": "output_audio_buffer.clear"}));
    assert!(stage.playing.is_empty());
    stage.find("output_audio_buffer.cleared");
    stage.wait(5_000);
    assert!(!stage.kinds().contains(&"output_audio_buffer.stopped"));
}

#[test]
fn a_barge_in_after_the_response_was_done_still_truncates() {
    let mut stage = Stage::new(held());
    stage.client(json!({"type": "response.create"}));
    while !stage.kinds().contains(&"response.done") {
        stage.wait(20);
    }
    stage.take();
    stage.speak(800);
    assert_eq!(
        stage.kinds()[..3],
        ["input_audio_buffer.speech_started", "output_audio_buffer.cleared", "conversation.item.truncated",]
    );
    let item = stage.find("conversation.item.truncated")["item_id"].clone();
    stage.client(json!({"type": "conversation.item.retrieve", "item_id": item}));
    let retrieved = &stage.find("conversation.item.retrieved")["item"];
    assert_eq!(retrieved["content"], json!([{"type": "output_audio"}]), "its words are gone");
}

#[test]
fn without_interruption_the_model_talks_on_and_answers_afterwards() {
    let mut stage = Stage::new(interview(json!({"type": "server_vad", "interrupt_response": false})));
    stage.client(json!({"type": "response.create"}));
    stage.wait(200);
    stage.speak(100);
    stage.wait(12_000);
    let done: Vec<_> = stage.events.iter().filter(|event| event["type"] == "response.done").collect();
    assert_eq!(done.len(), 2);
    assert!(done.iter().all(|event| event["response"]["status"] == "completed"));
    assert!(!stage.kinds().contains(&"output_audio_buffer.cleared"));
}

#[test]
fn push_to_talk_commits_when_told() {
    let mut stage = Stage::new(interview(Value::Null));
    stage.client(json!({"type": "input_audio_buffer.commit"}));
    assert_eq!(stage.last_error(), "input_audio_buffer_commit_empty");
    stage.take();
    stage.speak(900);
    assert_eq!(stage.kinds(), [] as [&str; 0], "no turns are found");
    stage.client(json!({"type": "input_audio_buffer.commit"}));
    assert_eq!(stage.kinds()[0], "input_audio_buffer.committed");
    stage.wait(2_000);
    assert!(!stage.kinds().contains(&"response.created"));
    stage.find("conversation.item.input_audio_transcription.completed");
    stage.speak(900);
    stage.client(json!({"type": "input_audio_buffer.clear"}));
    stage.client(json!({"type": "input_audio_buffer.commit"}));
    assert_eq!(stage.last_error(), "input_audio_buffer_commit_empty");
}

#[test]
fn a_knock_is_a_turn_without_words() {
    let mut stage = Stage::new(held());
    stage.speak(100);
    stage.wait(2_000);
    assert_eq!(stage.find("conversation.item.input_audio_transcription.completed")["transcript"], "");
}

#[test]
fn announced_words_are_said_by_that_utterance() {
    let mut stage = Stage::new(held());
    stage.input(Input::Announced { n: 2, text: "second".to_owned() });
    for _ in 0..2 {
        stage.speak(600);
        stage.wait(2_000);
    }
    let words: Vec<_> = stage
        .events
        .iter()
        .filter(|event| event["type"] == "conversation.item.input_audio_transcription.completed")
        .map(|event| event["transcript"].as_str().unwrap())
        .collect();
    assert_eq!(words.len(), 2);
    assert!(words[0].len() > 10, "scripted");
    assert_eq!(words[1], "second");
}

#[test]
fn silence_of_both_prompts_the_model_when_configured() {
    let mut stage = Stage::new(interview(json!({"type": "server_vad", "idle_timeout_ms": 5_000})));
    stage.speak(600);
    stage.wait(20_000);
    stage.find("input_audio_buffer.timeout_triggered");
    let created = stage.events.iter().filter(|event| event["type"] == "response.created").count();
    assert!(created >= 2);
}

#[test]
fn tools_are_called_only_when_configured_and_offered() {
    let mut session = held();
    session["tools"] = json!([{"type": "function", "name": "advance_stage", "parameters": {}}]);
    let tools = |config: Config, session: &Value| {
        let mut stage = Stage::with(session.clone(), config);
        for _ in 0..3 {
            stage.client(json!({"type": "response.create"}));
            stage.wait(9_000);
        }
        stage.events.iter().filter(|e| e["type"] == "response.function_call_arguments.done").count()
    };
    let willing = || Config { tools: ToolUse::WhenOffered, ..Config::default() };
    assert_eq!(tools(Config::default(), &session), 0);
    assert_eq!(tools(willing(), &held()), 0);
    assert_eq!(tools(willing(), &session), 2, "from the second question on");
    session["tool_choice"] = "none".into();
    assert_eq!(tools(willing(), &session), 0);
}

#[test]
fn items_can_be_made_retrieved_truncated_and_deleted() {
    let mut stage = Stage::new(held());
    let note = json!({"type": "message", "role": "system", "id": "viva_1",
        "content": [{"type": "input_text", "text": "Wrap up."}]});
    stage.client(json!({"type": "conversation.item.create", "item": note}));
    assert_eq!(stage.kinds(), ["conversation.item.added", "conversation.item.done"]);
    stage.client(json!({"type": "conversation.item.create", "item": note}));
    assert_eq!(stage.last_error(), "item_already_exists");
    stage.client(json!({"type": "conversation.item.truncate", "item_id": "viva_1", "audio_end_ms": 1}));
    assert_eq!(stage.last_error(), "unsupported_content_type");
    stage.client(json!({"type": "conversation.item.retrieve", "item_id": "viva_1"}));
    assert_eq!(stage.find("conversation.item.retrieved")["item"]["content"][0]["text"], "Wrap up.");
    stage.client(json!({"type": "conversation.item.delete", "item_id": "viva_1"}));
    assert_eq!(stage.find("conversation.item.deleted")["item_id"], "viva_1");
    for kind in ["retrieve", "delete", "truncate"] {
        stage.client(json!({"type": format!("conversation.item.{kind}"), "item_id": "viva_1"}));
        assert_eq!(stage.last_error(), format!("item_{kind}_invalid_item_id"));
    }
    stage.client(json!({"type": "response.create"}));
    stage.wait(400);
    let id = stage.find("response.output_item.added")["item"]["id"].clone();
    stage.wait(4_000);
    stage.client(json!({"type": "conversation.item.truncate", "item_id": id, "audio_end_ms": 300}));
    assert_eq!(stage.find("conversation.item.truncated")["audio_end_ms"], 300);
    stage.wait(10_000);
    stage.take();
    let longer = json!({"type": "conversation.item.truncate", "item_id": id, "audio_end_ms": 400, "event_id": "t"});
    stage.client(longer);
    let error = &stage.find("error")["error"];
    assert_eq!(error["message"], "Audio content of 300ms is already shorter than 400ms");
    assert_eq!((&error["param"], &error["event_id"]), (&"audio_end_ms".into(), &"t".into()));
}

#[test]
fn what_cannot_be_understood_is_an_error_and_nothing_else() {
    let mut stage = Stage::new(held());
    let before = stage.model.session.to_value();
    for (text, code) in [
        ("no json", "invalid_json"),
        ("[]", "invalid_json"),
        ("{}", "missing_required_parameter"),
        (r#"{"type":"response.destroy"}"#, "invalid_value"),
        (r#"{"type":"session.update","session":{}}"#, "missing_required_parameter"),
        (r#"{"type":"session.update","session":{"type":"realtime","voice":"x"}}"#, "unknown_parameter"),
        (r#"{"type":"input_audio_buffer.append","audio":""}"#, "invalid_value"),
        (r#"{"type":"response.create","response":{"instructions":1}}"#, "invalid_type"),
        (r#"{"type":"conversation.item.create"}"#, "missing_required_parameter"),
        (r#"{"type":"conversation.item.retrieve"}"#, "missing_required_parameter"),
    ] {
        stage.take();
        stage.input(Input::Client(From::Channel, text));
        assert_eq!(stage.kinds(), ["error"], "{text}");
        assert_eq!(stage.last_error(), code, "{text}");
    }
    assert_eq!(stage.model.session.to_value(), before);
}

#[test]
fn the_voice_is_fixed_by_the_first_sound() {
    let mut stage = Stage::new(held());
    let voice =
        json!({"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "marin"}}}});
    stage.client(voice);
    stage.find("session.updated");
    stage.client(json!({"type": "response.create"}));
    stage.wait(1_000);
    let other =
        json!({"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "cedar"}}}});
    stage.client(other);
    assert_eq!(stage.last_error(), "cannot_update_voice");
}

#[test]
fn the_same_seed_makes_the_same_conversation() {
    let said = |seed| {
        let mut stage = Stage::with(interview(json!({"type": "server_vad"})), Config { seed, ..Config::default() });
        for _ in 0..3 {
            stage.speak(700);
            stage.wait(9_000);
        }
        stage.events.iter().filter_map(|event| event["transcript"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(said(4), said(4));
    assert_ne!(said(4), said(5));
}

#[test]
fn one_who_ignores_stages_asks_on() {
    let faults = Faults::parse("ignores_stage").unwrap();
    let mut stage = Stage::with(held(), Config { faults, ..Config::default() });
    stage.client(json!({"type": "response.create", "response": {"instructions": "Stage: closing"}}));
    stage.wait(9_000);
    let text = stage.find("response.output_audio_transcript.done")["transcript"].clone();
    assert!(text.as_str().unwrap().ends_with('?'), "{text}");
}
