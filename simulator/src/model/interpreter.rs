//! The interpreter: a translation session. Whoever speaks is heard, written down, and said again in another language while
//! they still speak. It has no items, turns or replies, only two streams of words with the session's clock. Sans-IO like
//! its neighbours, with the same inputs and outputs. It knows no languages: what it says are the caller's own words behind
//! the name of the language.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::answers::Answers;
use super::ids::Ids;
use super::refusal::Refusal;
use super::session::{AutoReply, BargeIn, TurnDetection};
use super::{ANNOUNCED, From, Input, Output, Setup, Target, millis};
use crate::faults::Faults;

/// Shorter sounds are breath and knocks, without a word.
const WORDLESS_MS: u64 = 250;
/// From the begin of speech to its first word: later than a knock ends.
const FIRST_WORD_MS: u64 = 900;
/// From word to word.
const WORD_MS: u64 = 300;
/// The rest comes quickly once somebody stopped.
const REST_MS: u64 = 40;
/// From a word to its translation.
const BEHIND_MS: u64 = 800;
/// The session's clock goes in steps.
const STEP_MS: u64 = 200;
/// Deltas that may wait; more are forgotten, the first go first.
const WAITING: usize = 4_096;

/// An utterance under way.
#[derive(Debug)]
struct Hearing {
    left: VecDeque<String>,
    due: u64,
    /// Nothing of it was told yet.
    is_new: bool,
    text: String,
}

/// One translation session. All times are milliseconds since the call was created.
#[derive(Debug)]
pub struct Interpreter {
    setup: Setup,
    ids: Ids,
    session: Value,
    answers: Answers,
    announced: BTreeMap<u64, String>,
    heard: u64,
    hearing: Option<Hearing>,
    /// What is told later, in order of time.
    waiting: BTreeMap<(u64, u64), Output>,
    told: u64,
    media_at: u64,
    outputs: Vec<Output>,
}

impl Interpreter {
    /// A session of this id with these settings.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(setup: Setup, ids: Ids, id: &str, expires_at: i64, settings: &Value) -> Result<Self, Refusal> {
        let session = session_of(settings)?;
        let mut session = json!({ "type": "translation", "model": session["model"], "audio": session["audio"] });
        session["id"] = id.into();
        session["expires_at"] = expires_at.into();
        Ok(Self {
            answers: Answers::new(setup.seed),
            setup,
            ids,
            session,
            announced: BTreeMap::new(),
            heard: 0,
            hearing: None,
            waiting: BTreeMap::new(),
            told: 0,
            media_at: 0,
            outputs: Vec::new(),
        })
    }

    /// Misbehave like this from here on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.setup.faults = faults;
    }

    /// How to listen. Nobody can set it.
    #[must_use]
    pub fn listening(&self) -> TurnDetection {
        TurnDetection::Vad {
            threshold: 0.5,
            prefix_padding_ms: 300,
            silence_ms: 500,
            idle_timeout_ms: None,
            reply: AutoReply::OnRequest,
            barge_in: BargeIn::Ignored,
        }
    }

    /// Take an input at a time; returns what is to be done, in order.
    pub fn handle(&mut self, now: u64, input: Input<'_>) -> Vec<Output> {
        match input {
            Input::ChannelOpen => {
                let session = self.session.clone();
                self.emit(Target::Channel, json!({ "type": "session.created", "session": session }));
            }
            Input::MediaUp => self.media_at = now,
            Input::Client(from, text) => self.client_event(now, from, text),
            Input::Announced { n, text } => {
                self.announced.insert(n, text);
                while self.announced.len() > ANNOUNCED {
                    self.announced.pop_first();
                }
            }
            Input::SpeechStarted { .. } => self.speech_started(now),
            Input::SpeechStopped { speech_ms, .. } => self.speech_stopped(now, speech_ms),
            Input::PlaybackStarted(_) | Input::PlaybackStopped(_) | Input::Tick => {}
        }
        self.advance(now);
        std::mem::take(&mut self.outputs)
    }

    /// When time alone will bring the next output.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let waiting = self.waiting.first_key_value().map(|((at, _), _)| *at);
        let hearing = self.hearing.as_ref().filter(|hearing| !hearing.left.is_empty()).map(|hearing| hearing.due);
        waiting.into_iter().chain(hearing).min()
    }

    /// The end: what is still on its way is told at once, and then that it is over.
    pub fn close(&mut self) -> Vec<Output> {
        let waiting = std::mem::take(&mut self.waiting);
        for output in waiting.into_values() {
            self.tell(output);
        }
        self.emit(Target::Both, json!({ "type": "session.closed" }));
        std::mem::take(&mut self.outputs)
    }

    // === what is heard ===

    fn speech_started(&mut self, now: u64) {
        self.heard += 1;
        let announced = self.announced.remove(&self.heard);
        let text = announced.or_else(|| self.answers.next().map(str::to_owned)).unwrap_or_default();
        let left = text.split_whitespace().map(str::to_owned).collect();
        self.hearing = Some(Hearing { left, due: now + FIRST_WORD_MS, is_new: true, text });
    }

    fn speech_stopped(&mut self, now: u64, speech_ms: u64) {
        let Some(mut hearing) = self.hearing.take() else { return };
        if speech_ms < WORDLESS_MS {
            return;
        }
        let mut at = now;
        while let Some(word) = hearing.left.pop_front() {
            self.word(at, &word, &mut hearing.is_new, &hearing.text);
            at += REST_MS;
        }
    }

    fn advance(&mut self, now: u64) {
        while let Some(mut hearing) = self.hearing.take_if(|hearing| !hearing.left.is_empty() && hearing.due <= now) {
            let at = hearing.due;
            if let Some(word) = hearing.left.pop_front() {
                self.word(at, &word, &mut hearing.is_new, &hearing.text);
            }
            hearing.due += WORD_MS;
            self.hearing = Some(hearing);
        }
        while self.waiting.first_key_value().is_some_and(|((at, _), _)| *at <= now) {
            if let Some((_, output)) = self.waiting.pop_first() {
                self.tell(output);
            }
        }
    }

    /// A word was spoken: it is written down, and follows in the other language.
    fn word(&mut self, at: u64, word: &str, is_new: &mut bool, text: &str) {
        let faults = &self.setup.faults;
        let late = millis(faults.words_late);
        let is_written = !faults.words_missing && !faults.words_empty;
        let language = self.session["audio"]["output"]["language"].as_str().unwrap_or_default().to_owned();
        let begins = std::mem::replace(is_new, false);
        if is_written && self.session["audio"]["input"]["transcription"]["model"].is_string() {
            self.later(at + late, self.delta("input", at, format!(" {word}")));
        }
        let behind = at + BEHIND_MS;
        let translated = if begins { format!(" [{language}] {word}") } else { format!(" {word}") };
        self.later(behind, self.delta("output", behind, translated));
        if begins {
            let response_id = self.ids.next("translation");
            self.later(behind, Output::Say { response_id, text: text.to_owned(), pace: 1.0 });
        }
    }

    fn delta(&self, side: &str, at: u64, words: String) -> Output {
        let elapsed = at.saturating_sub(self.media_at) / STEP_MS * STEP_MS;
        let event =
            json!({ "type": format!("session.{side}_transcript.delta"), "delta": words, "elapsed_ms": elapsed });
        Output::Event(Target::Both, event)
    }

    fn later(&mut self, at: u64, output: Output) {
        self.told += 1;
        self.waiting.insert((at, self.told), output);
        while self.waiting.len() > WAITING {
            self.waiting.pop_first();
        }
    }

    fn tell(&mut self, output: Output) {
        match output {
            Output::Event(target, event) => self.emit(target, event),
            other => self.outputs.push(other),
        }
    }

    fn emit(&mut self, target: Target, mut event: Value) {
        event["event_id"] = self.ids.next("event").into();
        if self.setup.faults.duplicate_events && event["type"] != "session.created" {
            self.outputs.push(Output::Event(target, event.clone()));
        }
        self.outputs.push(Output::Event(target, event));
    }

    // === what is asked of it ===

    fn client_event(&mut self, now: u64, from: From, text: &str) {
        let event: Value = serde_json::from_str(text).unwrap_or_default();
        let refused = match event["type"].as_str() {
            Some("session.update") => self.update(&event["session"]),
            Some("session.close") => {
                self.advance(now);
                let last = self.close();
                self.outputs.extend(last);
                self.outputs.push(Output::End);
                Ok(())
            }
            _ => Err(Refusal::new("invalid_value", "This event is not supported in a translation session.").at("type")),
        };
        let target = if from == From::Channel && self.setup.faults.quirks.errors_unmirrored {
            Target::Channel
        } else {
            Target::Both
        };
        match refused {
            Ok(()) => {}
            Err(refusal) => {
                let error = refusal.event(event["event_id"].as_str());
                self.emit(target, json!({ "type": "error", "error": error }));
            }
        }
    }

    fn update(&mut self, patch: &Value) -> Result<(), Refusal> {
        let fields = patch.as_object().ok_or_else(|| missing("session"))?;
        if let Some(name) = fields.keys().find(|name| *name != "audio") {
            return Err(unknown(&format!("session.{name}")));
        }
        check_audio(&patch["audio"])?;
        for (side, name) in [("input", "transcription"), ("input", "noise_reduction"), ("output", "language")] {
            if let Some(value) = patch["audio"][side].get(name) {
                self.session["audio"][side][name] = value.clone();
            }
        }
        let session = self.session.clone();
        self.emit(Target::Both, json!({ "type": "session.updated", "session": session }));
        Ok(())
    }
}

/// Settings that a session can be made of.
///
/// # Errors
/// What is wrong with them.
pub fn session_of(settings: &Value) -> Result<&Map<String, Value>, Refusal> {
    let fields = settings.as_object().ok_or_else(|| missing("session"))?;
    if let Some(name) = fields.keys().find(|name| !["type", "model", "audio"].contains(&name.as_str())) {
        return Err(unknown(&format!("session.{name}")));
    }
    if fields.get("type").is_some_and(|kind| kind != "translation") {
        return Err(Refusal::new("invalid_value", "Supported is 'translation'.").at("session.type"));
    }
    if !settings["model"].is_string() {
        return Err(missing("session.model"));
    }
    if !settings["audio"]["output"]["language"].is_string() {
        return Err(missing("session.audio.output.language"));
    }
    check_audio(&settings["audio"])?;
    Ok(fields)
}

fn check_audio(audio: &Value) -> Result<(), Refusal> {
    let known: [(&str, &[&str]); 2] = [("input", &["transcription", "noise_reduction"]), ("output", &["language"])];
    for (side, value) in audio.as_object().into_iter().flatten() {
        let Some((_, names)) = known.iter().find(|(known, _)| *known == side.as_str()) else {
            return Err(unknown(&format!("session.audio.{side}")));
        };
        let fields = value.as_object().into_iter().flatten();
        for (name, value) in fields {
            let at = format!("session.audio.{side}.{name}");
            if !names.contains(&name.as_str()) {
                return Err(unknown(&at));
            }
            let is_good = match name.as_str() {
                "language" => value.is_string(),
                "transcription" => value.is_null() || value["model"].is_string(),
                _ => value.is_null() || value["type"].is_string(),
            };
            if !is_good {
                return Err(Refusal::new("invalid_type", format!("Invalid type for '{at}'.")).at(at));
            }
        }
    }
    Ok(())
}

fn missing(at: &str) -> Refusal {
    Refusal::new("missing_required_parameter", format!("Missing required parameter: '{at}'.")).at(at)
}

fn unknown(at: &str) -> Refusal {
    Refusal::new("unknown_parameter", format!("Unknown parameter: '{at}'.")).at(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn wish() -> Value {
        json!({"model": "gpt-realtime-translate", "audio": {
            "input": {"transcription": {"model": "gpt-realtime-whisper"}}, "output": {"language": "de"}}})
    }

    struct Scene {
        interpreter: Interpreter,
        now: u64,
        outputs: Vec<Output>,
    }

    impl Scene {
        fn with(faults: &str) -> Self {
            let config = Config { faults: Faults::parse(faults).unwrap(), ..Config::default() };
            let setup = Setup::of(&config, config.faults.clone());
            let interpreter = Interpreter::new(setup, Ids::seeded(1), "sess_1", 9, &wish()).unwrap();
            let mut scene = Self { interpreter, now: 0, outputs: Vec::new() };
            scene.input(Input::MediaUp);
            scene
        }

        fn input(&mut self, input: Input<'_>) {
            let outputs = self.interpreter.handle(self.now, input);
            self.outputs.extend(outputs);
        }

        fn wait(&mut self, ms: u64) {
            for _ in 0..ms / 20 {
                self.now += 20;
                self.input(Input::Tick);
            }
        }

        fn says(&mut self, text: &str, ms: u64) {
            let n = self.interpreter.heard + 1;
            self.input(Input::Announced { n, text: text.to_owned() });
            self.input(Input::SpeechStarted { start_ms: self.now });
            self.wait(ms);
            self.input(Input::SpeechStopped { end_ms: self.now, speech_ms: ms });
        }

        fn words(&self, side: &str) -> String {
            let kind = format!("session.{side}_transcript.delta");
            let deltas = self.outputs.iter().filter_map(|output| match output {
                Output::Event(_, event) if event["type"] == kind.as_str() => event["delta"].as_str(),
                _ => None,
            });
            deltas.collect()
        }

        fn events(&self) -> Vec<&Value> {
            let events = self.outputs.iter().filter_map(|output| match output {
                Output::Event(_, event) => Some(event),
                _ => None,
            });
            events.collect()
        }
    }

    #[test]
    fn what_is_said_follows_in_the_other_language_while_it_is_said() {
        let mut scene = Scene::with("");
        scene.says("one two three four", 2_100);
        assert!(scene.words("output").starts_with(" [de] one"), "{}", scene.words("output"));
        scene.wait(3_000);
        assert_eq!(scene.words("input"), " one two three four");
        assert_eq!(scene.words("output"), " [de] one two three four");
        let said = scene.outputs.iter().filter(|output| matches!(output, Output::Say { .. })).count();
        assert_eq!(said, 1);
        assert!(scene.events().iter().all(|event| event["elapsed_ms"].as_u64().is_some_and(|ms| ms % 200 == 0)));
    }

    #[test]
    fn the_language_may_change_and_nothing_else() {
        let mut scene = Scene::with("");
        let update =
            |session: Value| json!({"type": "session.update", "event_id": "e", "session": session}).to_string();
        scene.input(Input::Client(From::Sideband, &update(json!({"audio": {"output": {"language": "fr"}}}))));
        scene.input(Input::Client(From::Sideband, &update(json!({"type": "translation"}))));
        scene.input(Input::Client(From::Sideband, r#"{"type":"response.create"}"#));
        let events = scene.events();
        assert_eq!(events[0]["session"]["audio"]["output"]["language"], "fr");
        assert_eq!(
            (&events[1]["error"]["param"], &events[1]["error"]["event_id"]),
            (&json!("session.type"), &json!("e"))
        );
        assert_eq!(events[2]["error"]["param"], "type");
        for (at, value) in
            [("model", Value::Null), ("audio", json!({})), ("voice", json!("x")), ("type", json!("realtime"))]
        {
            let mut wish = wish();
            wish[at] = value;
            assert!(session_of(&wish).is_err(), "{at}");
        }
    }

    #[test]
    fn a_close_tells_the_rest_and_ends() {
        let mut scene = Scene::with("");
        scene.says("one two three", 2_000);
        scene.input(Input::Client(From::Sideband, r#"{"type":"session.close"}"#));
        assert_eq!(scene.words("output"), " [de] one two three");
        assert_eq!(scene.events().last().expect("an event")["type"], "session.closed");
        assert_eq!(scene.outputs.last(), Some(&Output::End));
    }

    #[test]
    fn a_knock_is_not_translated_and_words_can_be_missing() {
        let mut scene = Scene::with("");
        scene.says("one", 200);
        scene.wait(3_000);
        assert!(scene.events().is_empty());
        let mut scene = Scene::with("words_missing");
        scene.says("one two", 2_000);
        scene.wait(3_000);
        assert_eq!((scene.words("input").as_str(), scene.words("output").as_str()), ("", " [de] one two"));
    }
}
