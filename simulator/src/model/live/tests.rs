//! A live session without sockets: what it says, when, and to whom.

use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::model::From;

struct Stage {
    model: LiveModel,
    now: u64,
    /// What is played: its id, when it began, how long it takes.
    playing: Vec<(String, Option<u64>, u64)>,
    told: Vec<(Target, Value)>,
    over: bool,
}

impl Stage {
    fn new(faults: &str, more: Value) -> Self {
        let config = Config { faults: Faults::parse(faults).unwrap(), ..Config::default() };
        let mut settings = json!({"model": "gpt-live-1", "instructions": "You interview.\nStage: self_intro"});
        for (name, value) in more.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let setup = Setup::of(&config, config.faults.clone());
        let model = LiveModel::new(setup, Ids::seeded(1), "live_1", 4_600, &settings).unwrap();
        let mut stage = Self { model, now: 0, playing: Vec::new(), told: Vec::new(), over: false };
        stage.input(Input::ChannelOpen);
        stage.input(Input::MediaUp);
        stage
    }

    fn input(&mut self, input: Input<'_>) {
        for output in self.model.handle(self.now, input) {
            match output {
                Output::Event(target, event) => self.told.push((target, event)),
                Output::Say { response_id, text, .. } => {
                    let ms = text.split(' ').count() as u64 * 300;
                    self.playing.push((response_id, None, ms));
                }
                Output::StopSpeaking => self.playing.clear(),
                Output::End => self.over = true,
                Output::SpeakAtMost { .. } | Output::Listen(_) => {}
            }
        }
    }

    fn wait(&mut self, ms: u64) {
        for _ in 0..ms / 20 {
            self.now += 20;
            let front = self.playing.first().cloned();
            match front {
                Some((id, None, _)) => {
                    self.playing[0].1 = Some(self.now);
                    self.input(Input::PlaybackStarted(&id));
                }
                Some((id, Some(since), ms)) if self.now >= since + ms => {
                    self.playing.remove(0);
                    self.input(Input::PlaybackStopped(&id));
                }
                _ => {}
            }
            if self.model.next_deadline().is_some_and(|at| at <= self.now) {
                self.input(Input::Tick);
            }
        }
    }

    fn say(&mut self, words: &str, ms: u64) {
        let n = self.model.heard + 1;
        self.input(Input::Announced { n, text: words.to_owned() });
        let start_ms = self.now.saturating_sub(300);
        self.input(Input::SpeechStarted { start_ms });
        self.wait(ms);
        self.wait(500);
        self.input(Input::SpeechStopped { end_ms: self.now, speech_ms: ms });
    }

    fn client(&mut self, event: Value) {
        self.input(Input::Client(From::Sideband, &event.to_string()));
    }

    fn of(&self, kind: &str) -> Vec<&Value> {
        self.told.iter().map(|(_, event)| event).filter(|event| event["type"] == kind).collect()
    }

    fn said(&self, side: &str) -> String {
        let kind = format!("session.{side}_transcript.delta");
        self.of(&kind).iter().filter_map(|event| event["delta"].as_str()).collect()
    }

    fn append(&mut self, content: &str) {
        self.client(
            json!({"type": "session.instructions.append", "content": content, "delegation_id": null, "event_id": "c1"}),
        );
    }
}

#[test]
fn what_both_say_is_told_while_it_is_heard_with_its_times() {
    let mut stage = Stage::new("", json!({}));
    stage.wait(1_000);
    stage.say("I build bridges of steel", 2_000);
    assert!(!stage.said("input").is_empty(), "before they stopped");
    stage.wait(8_000);
    assert_eq!(stage.said("input"), "I build bridges of steel");
    assert!(stage.said("output").ends_with('?'), "{}", stage.said("output"));
    let mut last = (0, 0);
    for event in
        stage.of("session.input_transcript.delta").into_iter().chain(stage.of("session.output_transcript.delta"))
    {
        let times = (event["start_ms"].as_u64().unwrap(), event["end_ms"].as_u64().unwrap());
        assert!(times.0 >= last.1 && times.1 > times.0, "{event}");
        last = times;
    }
    assert!(last.1 <= stage.now);
}

#[test]
fn it_stops_when_it_is_spoken_to_and_what_was_not_heard_is_not_told() {
    let mut stage = Stage::new("", json!({}));
    stage.append("Speak now.");
    stage.wait(900);
    let begun = stage.said("output");
    assert!(!begun.is_empty());
    stage.say("Wait", 1_000);
    assert!(stage.playing.is_empty() && stage.said("output").len() < 40, "{}", stage.said("output"));
    stage.wait(8_000);
    assert!(stage.said("output").len() > begun.len(), "and answers");
}

#[test]
fn what_is_appended_counts_and_is_confirmed() {
    let mut stage = Stage::new("", json!({}));
    stage.append("From now on:\nStage: closing\nSay goodbye.\n\nSpeak now, please.");
    assert_eq!(stage.of("session.instructions.appended")[0]["client_event_id"], "c1");
    stage.wait(6_000);
    assert!(stage.said("output").to_lowercase().contains("thank"), "{}", stage.said("output"));
    stage.client(json!({"type": "session.update", "session": {}, "event_id": "c2"}));
    assert_eq!(stage.of("session.updated")[0]["client_event_id"], "c2");
    stage.client(json!({"type": "session.update", "session": {"instructions": "x"}, "event_id": "c3"}));
    stage.append(&"x".repeat(3_000));
    let refused: Vec<_> = stage.of("error").iter().map(|event| event["error"]["code"].clone()).collect();
    assert_eq!(refused, ["immutable_parameter", "string_too_long"]);
}

#[test]
fn a_channel_hears_and_says_what_it_may() {
    let channel = json!({"allowed_client_events": [], "allowed_server_events": [{"type": "session.output_transcript.delta"}, {"type": "error"}]});
    let mut stage = Stage::new("", json!({"client": {"data_channel": channel}}));
    stage.append("Speak now.");
    stage.wait(3_000);
    stage.input(Input::Client(From::Channel, &json!({"type": "session.close", "event_id": "c"}).to_string()));
    assert!(!stage.over);
    for (target, event) in &stage.told {
        let heard = *target != Target::Sidebands;
        let may = ["session.output_transcript.delta", "error"].contains(&event["type"].as_str().unwrap());
        assert_eq!(heard, may, "{event}");
    }
    assert_eq!(stage.of("error")[0]["error"]["code"], "event_not_allowed");
    stage.client(json!({"type": "session.close"}));
    assert!(stage.over);
}

#[test]
fn it_says_how_long_it_is_and_why_it_ends() {
    let mut stage = Stage::new("", json!({}));
    stage.wait(11_000);
    let seconds: Vec<_> =
        stage.of("session.usage.updated").iter().map(|event| event["usage"]["seconds"].clone()).collect();
    assert_eq!(seconds, [json!(5.0), json!(10.0)]);
    let last = stage.model.close(Closing::Expired);
    assert!(
        matches!(&last[..], [Output::Event(Target::Both, event)] if event["reason"] == "expired" && event["usage"]["seconds"] == 11.0)
    );
}

#[test]
fn sound_is_mirrored_to_sidebands_alone_and_nothing_without_media() {
    let mut stage = Stage::new("", json!({}));
    stage.wait(1_000);
    let mirrored = |stage: &Stage| {
        let of = |kind: &str| {
            stage.told.iter().filter(|(target, event)| *target == Target::Sidebands && event["type"] == kind).count()
        };
        (of("session.input_audio.append"), of("session.output_audio.delta"))
    };
    let (input, output) = mirrored(&stage);
    assert!(input == output && (4..=6).contains(&input), "{input} {output}");
    assert!(stage.of("session.input_audio.append").iter().all(|event| event["event_id"].is_null()));
}

#[test]
fn settings_that_are_wrong_are_named() {
    let refused = |settings: Value| {
        let setup = Setup::of(&Config::default(), Faults::default());
        LiveModel::new(setup, Ids::seeded(1), "live_1", 1, &settings).unwrap_err().param.unwrap()
    };
    assert_eq!(refused(Value::Null), "session");
    assert_eq!(refused(json!({})), "session.model");
    assert_eq!(refused(json!({"model": "m", "turn_detection": null})), "session.turn_detection");
}

#[test]
fn it_can_misbehave() {
    let mut stage = Stage::new("duplicate_events,words_late=2000,update_delay=500", json!({}));
    stage.append("Speak now.");
    assert!(stage.of("session.instructions.appended").is_empty());
    stage.wait(6_000);
    assert_eq!(stage.of("session.instructions.appended").len(), 2);
    stage.say("Hello there", 1_000);
    stage.wait(1_000);
    assert_eq!(stage.said("input"), "");
    stage.wait(2_000);
    assert!(stage.said("input").contains("Hello"));
    let mut mute = Stage::new("response_ignored,words_missing", json!({}));
    mute.say("Hello there", 1_000);
    mute.wait(6_000);
    assert_eq!((mute.said("input"), mute.said("output")), (String::new(), String::new()));
}
