//! The other model: a live session, in which both sides may speak at once. It has no items, turns or replies; what is said
//! comes as fragments with times while it is heard. Sans-IO like its neighbour, with the same inputs and outputs.
//!
//! What the client appends in the course of a session counts like instructions. A line that begins with `Speak now` has it
//! say something, one that begins with `Stop speaking` has it stop: stand-ins for a model that understands.

mod client;
mod hearing;
mod mirror;
mod permissions;
mod speaking;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::answers::Answers;
use super::ids::Ids;
use super::interviewer::Interviewer;
use super::refusal::Refusal;
use super::session::{AutoReply, BargeIn, TurnDetection};
use super::{ANNOUNCED, Input, Output, Setup, Target};
use crate::faults::Faults;
use hearing::Hearing;
use mirror::Mirror;
use permissions::Permissions;
use speaking::Speech;

/// Between two tellings of how long the session is.
const USAGE_MS: u64 = 5_000;
/// Said before anything else is known.
const DEFAULT_INSTRUCTIONS: &str = "You are a helpful voice assistant.";

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Somebody asked for it.
    Requested,
    /// It lasted as long as sessions may.
    Expired,
    /// The caller left.
    RemoteHangup,
    /// The caller, or the server's own, is lost.
    ConnectionLost,
}

impl Closing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "close_requested",
            Self::Expired => "expired",
            Self::RemoteHangup => "remote_hangup",
            Self::ConnectionLost => "connection_lost",
        }
    }
}

/// One live session. All times are milliseconds since the call was created.
#[derive(Debug)]
pub struct LiveModel {
    setup: Setup,
    ids: Ids,
    session: Value,
    permissions: Permissions,
    instructions: String,
    interviewer: Interviewer,
    answers: Answers,
    announced: BTreeMap<u64, String>,
    heard: u64,
    hearing: Option<Hearing>,
    /// Fragments of the caller's words on their way.
    words: VecDeque<(u64, Value)>,
    speech: VecDeque<Speech>,
    reply_at: Option<u64>,
    /// Commands that take effect later (a fault).
    waiting: VecDeque<(u64, Value)>,
    media_at: Option<u64>,
    now: u64,
    usage_at: u64,
    mirror: Mirror,
    outputs: Vec<Output>,
}

impl LiveModel {
    /// A session of this id with these settings.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(setup: Setup, ids: Ids, id: &str, expires_at: i64, settings: &Value) -> Result<Self, Refusal> {
        let Some(fields) = settings.as_object() else {
            let text = "Missing required parameter: 'session'.";
            return Err(Refusal::new("missing_required_parameter", text).at("session"));
        };
        if !settings["model"].is_string() {
            let text = "Missing required parameter: 'session.model'.";
            return Err(Refusal::new("missing_required_parameter", text).at("session.model"));
        }
        const KNOWN: [&str; 9] =
            ["model", "audio", "client", "delegation", "input", "instructions", "store", "triggers", "type"];
        if let Some(other) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            let at = format!("session.{}", other.chars().take(64).collect::<String>());
            return Err(Refusal::new("unknown_parameter", format!("Unknown parameter: '{at}'.")).at(at));
        }
        let permissions = Permissions::read(&settings["client"]["data_channel"])?;
        let mut session = settings.clone();
        session["id"] = id.into();
        session["expires_at"] = expires_at.into();
        session["status"] = "active".into();
        let instructions = settings["instructions"].as_str().filter(|text| !text.trim().is_empty());
        let instructions = instructions.unwrap_or(DEFAULT_INSTRUCTIONS).to_owned();
        Ok(Self {
            interviewer: Interviewer::new(setup.seed),
            answers: Answers::new(setup.seed),
            setup,
            ids,
            session,
            permissions,
            instructions,
            announced: BTreeMap::new(),
            heard: 0,
            hearing: None,
            words: VecDeque::new(),
            speech: VecDeque::new(),
            reply_at: None,
            waiting: VecDeque::new(),
            media_at: None,
            now: 0,
            usage_at: USAGE_MS,
            mirror: Mirror::default(),
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
            prefix_padding_ms: hearing::PREFIX_MS,
            silence_ms: 800,
            idle_timeout_ms: None,
            reply: AutoReply::AtCommit,
            barge_in: BargeIn::Stops,
        }
    }

    /// Take an input at a time; returns what is to be done, in order.
    pub fn handle(&mut self, now: u64, input: Input<'_>) -> Vec<Output> {
        self.now = now;
        match input {
            Input::ChannelOpen => {
                let session = self.session.clone();
                self.emit_to(Target::Channel, json!({"type": "session.started", "session": session}));
            }
            Input::MediaUp => self.media_at = Some(now),
            Input::Client(from, text) => self.client_event(from, text),
            Input::Announced { n, text } => {
                self.announced.insert(n, text);
                while self.announced.len() > ANNOUNCED {
                    self.announced.pop_first();
                }
            }
            Input::SpeechStarted { start_ms } => self.speech_started(start_ms),
            Input::SpeechStopped { speech_ms, .. } => self.speech_stopped(speech_ms),
            Input::PlaybackStarted(id) => self.playback_started(id),
            Input::PlaybackStopped(id) => self.playback_stopped(id),
            Input::Tick => {}
        }
        self.advance();
        std::mem::take(&mut self.outputs)
    }

    /// When time alone will bring the next output.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let words = self.words.front().map(|(at, _)| *at);
        let hearing = self.hearing.as_ref().and_then(Hearing::due);
        let speech = self.speech.iter().filter_map(Speech::due).min();
        let waiting = self.waiting.front().map(|(at, _)| *at);
        let usage = self.media_at.map(|_| self.usage_at);
        let mirror = self.media_at.map(|_| self.mirror.due());
        [words, hearing, speech, waiting, self.reply_at, usage, mirror].into_iter().flatten().min()
    }

    /// The end, as the provider tells it.
    pub fn close(&mut self, closing: Closing) -> Vec<Output> {
        let (session, usage) = (self.session.clone(), self.usage());
        self.emit(json!({"type": "session.closed", "reason": closing.as_str(), "session": session, "usage": usage}));
        std::mem::take(&mut self.outputs)
    }

    fn advance(&mut self) {
        while self.waiting.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, event)) = self.waiting.pop_front() {
                self.append(&event);
            }
        }
        self.advance_hearing();
        self.advance_speech();
        while self.words.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, event)) = self.words.pop_front() {
                self.emit(event);
            }
        }
        if self.reply_at.is_some_and(|at| at <= self.now) {
            self.reply_at = None;
            self.reply();
        }
        if self.media_at.is_some() && self.usage_at <= self.now {
            self.usage_at = self.now + USAGE_MS;
            let usage = self.usage();
            let ratio = json!({"usage_ratio": 0.01});
            self.emit(json!({"type": "session.usage.updated", "usage": usage, "context_window": ratio}));
        }
        if self.media_at.is_some() && self.mirror.due() <= self.now {
            let at = self.clock();
            let mirrored = self.mirror.take(self.now, at);
            self.outputs.extend(mirrored.into_iter().map(|event| Output::Event(Target::Sidebands, event)));
        }
    }

    /// Seconds of sound, in tenths; the first fifteen are charged when the session is created.
    fn usage(&self) -> Value {
        let ms = self.media_at.map_or(0, |at| self.now - at);
        json!({"seconds": (ms / 100) as f64 / 10.0})
    }

    /// The session's own clock.
    fn clock(&self) -> u64 {
        self.now - self.media_at.unwrap_or(self.now)
    }

    fn emit(&mut self, event: Value) {
        let may_hear = event["type"].as_str().is_some_and(|kind| self.permissions.may_hear(kind));
        self.emit_to(if may_hear { Target::Both } else { Target::Sidebands }, event);
    }

    fn emit_to(&mut self, target: Target, mut event: Value) {
        let may_hear = event["type"].as_str().is_some_and(|kind| self.permissions.may_hear(kind));
        if target == Target::Channel && !may_hear {
            return;
        }
        event["event_id"] = self.ids.next("event").into();
        if self.setup.faults.duplicate_events {
            self.outputs.push(Output::Event(target, event.clone()));
        }
        self.outputs.push(Output::Event(target, event));
    }
}

/// A fragment of somebody's words.
fn fragment(side: &str, words: &str, start_ms: u64, end_ms: u64) -> Value {
    let kind = format!("session.{side}_transcript.delta");
    json!({"type": kind, "delta": words, "start_ms": start_ms, "end_ms": end_ms})
}

#[cfg(test)]
mod tests;
