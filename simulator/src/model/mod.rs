//! The model as a client sees it: sessions, turns, replies, and the events about them.
//!
//! Sans-IO: inputs and the time go in, outputs come out. It hears no audio and plays none; the
//! call tells it when speech begins and ends and when playback really starts and stops. It must
//! not know sockets, clocks or WebRTC.

mod answers;
mod client;
mod conversation;
mod fields;
pub mod ids;
pub mod interpreter;
pub mod interviewer;
pub mod live;
mod playback;
pub mod refusal;
mod reply;
mod response;
pub mod session;
mod turn;
pub mod usage;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

pub use answers::Answers;
use conversation::Conversation;
use ids::Ids;
use interviewer::Interviewer;
use playback::Playing;
use reply::Reply;
use session::{Session, TurnDetection, Voiced};
use turn::{Floor, Words};
use usage::Context;

use crate::config::{Config, ToolUse};
use crate::faults::Faults;

/// Utterances that a caller may announce ahead; more are forgotten, the first go first.
const ANNOUNCED: usize = 256;
/// Spoken items whose length is remembered; of older ones any length is believed.
const MEASURED: usize = 64;
/// Updates that may wait for their effect (a fault); more are refused.
const WAITING_UPDATES: usize = 32;

/// Who sent a client event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The caller's data channel.
    Channel,
    /// A sideband.
    Sideband,
}

/// Who gets an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The caller's data channel only.
    Channel,
    /// All sidebands and the data channel.
    Both,
    /// All sidebands only.
    Sidebands,
}

/// What the model is told.
#[derive(Debug)]
pub enum Input<'a> {
    /// The data channel can be written to.
    ChannelOpen,
    /// Media flows: replies can be heard from here on.
    MediaUp,
    /// A client event, as text.
    Client(From, &'a str),
    /// What the caller will say in its n-th utterance (from 1), if a native caller says so.
    Announced {
        /// Which utterance.
        n: u64,
        /// Its words.
        text: String,
    },
    /// The caller began to speak.
    SpeechStarted {
        /// Session audio time, with prefix padding.
        start_ms: u64,
    },
    /// The caller stopped.
    SpeechStopped {
        /// Session audio time, with the silence that showed it.
        end_ms: u64,
        /// Net speech.
        speech_ms: u64,
    },
    /// The first frame of this response was sent.
    PlaybackStarted(&'a str),
    /// The last frame of this response was sent.
    PlaybackStopped(&'a str),
    /// Time passed.
    Tick,
}

/// What the model wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send an event.
    Event(Target, Value),
    /// Speak a text after whatever is being spoken.
    Say {
        /// The response it belongs to.
        response_id: String,
        /// The words.
        text: String,
        /// Their pace, 1 being normal.
        pace: f32,
    },
    /// Stop speaking at once and forget what was to follow.
    StopSpeaking,
    /// Speak no more than so much of this response.
    SpeakAtMost {
        /// The response.
        response_id: String,
        /// Audio of it that exists.
        audio: Duration,
    },
    /// Listen like this from here on.
    Listen(TurnDetection),
    /// End the call.
    End,
}

/// What a model is made from.
#[derive(Debug, Clone)]
pub struct Setup {
    seed: u64,
    words_delay_ms: u64,
    reply_delay_ms: u64,
    generation_speed: f32,
    tools: ToolUse,
    faults: Faults,
}

impl Setup {
    /// What matters of a configuration to the model.
    #[must_use]
    pub fn of(config: &Config, faults: Faults) -> Self {
        Self {
            seed: config.seed,
            words_delay_ms: millis(config.words_delay),
            reply_delay_ms: millis(config.reply_delay),
            generation_speed: config.generation_speed.max(1.2),
            tools: config.tools,
            faults,
        }
    }
}

/// One session's model. All times are milliseconds since the call was created.
#[derive(Debug)]
pub struct Model {
    setup: Setup,
    ids: Ids,
    session: Session,
    conversation: Conversation,
    conversation_id: String,
    interviewer: Interviewer,
    answers: Answers,
    announced: BTreeMap<u64, String>,
    heard: u64,
    floor: Floor,
    words: Vec<Words>,
    replies: Vec<Reply>,
    reply_owed: bool,
    /// Responses begun so far.
    begun: u32,
    /// A client put in an assistant's words.
    seeded: bool,
    playing: VecDeque<Playing>,
    /// How much audio the last items have, by id.
    audio_ms: VecDeque<(String, u64)>,
    media: bool,
    voiced: Voiced,
    context: Context,
    tokens_left: u64,
    waiting_updates: VecDeque<(u64, From, Value)>,
    quiet_since: Option<u64>,
    outputs: Vec<Output>,
}

impl Model {
    /// A model in a session. `ids` names what it makes.
    #[must_use]
    pub fn new(setup: Setup, session: Session, mut ids: Ids) -> Self {
        let conversation_id = ids.next("conv");
        Self {
            interviewer: Interviewer::new(setup.seed),
            answers: Answers::new(setup.seed),
            setup,
            ids,
            session,
            conversation: Conversation::default(),
            conversation_id,
            announced: BTreeMap::new(),
            heard: 0,
            floor: Floor::default(),
            words: Vec::new(),
            replies: Vec::new(),
            reply_owed: false,
            begun: 0,
            seeded: false,
            playing: VecDeque::new(),
            audio_ms: VecDeque::new(),
            media: false,
            voiced: Voiced::NotYet,
            context: Context::default(),
            tokens_left: usage::TOKEN_LIMIT,
            waiting_updates: VecDeque::new(),
            quiet_since: None,
            outputs: Vec::new(),
        }
    }

    /// Misbehave like this from here on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.setup.faults = faults;
    }

    /// How to listen at first.
    #[must_use]
    pub fn listening(&self) -> TurnDetection {
        self.session.turn_detection()
    }

    /// Take an input at a time; returns what is to be done, in order.
    pub fn handle(&mut self, now: u64, input: Input<'_>) -> Vec<Output> {
        match input {
            Input::ChannelOpen => {
                let session = self.session.to_value();
                self.emit_to(Target::Channel, json!({"type": "session.created", "session": session}));
            }
            Input::MediaUp => self.media = true,
            Input::Client(from, text) => self.client_event(now, from, text),
            Input::Announced { n, text } => {
                self.announced.insert(n, text);
                while self.announced.len() > ANNOUNCED {
                    self.announced.pop_first();
                }
            }
            Input::SpeechStarted { start_ms } => self.speech_started(now, start_ms),
            Input::SpeechStopped { end_ms, speech_ms } => {
                self.speech_stopped(now, end_ms, speech_ms);
            }
            Input::PlaybackStarted(response_id) => self.playback_started(now, response_id),
            Input::PlaybackStopped(response_id) => self.playback_stopped(now, response_id),
            Input::Tick => {}
        }
        self.advance(now);
        std::mem::take(&mut self.outputs)
    }

    /// When time alone will bring the next output.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let replies = self.replies.iter().map(Reply::due);
        let words = self.words.iter().map(Words::due);
        let updates = self.waiting_updates.front().map(|(at, ..)| *at);
        replies.chain(words).chain(updates).chain(self.idle_deadline()).chain(self.dictation_deadline()).min()
    }

    /// Do everything that is due.
    fn advance(&mut self, now: u64) {
        while self.waiting_updates.front().is_some_and(|(at, ..)| *at <= now) {
            if let Some((_, from, event)) = self.waiting_updates.pop_front() {
                self.update_session(now, from, &event);
            }
        }
        self.advance_replies(now);
        self.advance_dictation(now);
        self.advance_words(now);
        if self.idle_deadline().is_some_and(|at| at <= now) {
            self.idle_timeout(now);
        }
    }

    /// Tell that the session is over because it lasted as long as sessions may.
    pub fn expire(&mut self, minutes: u64) -> Vec<Output> {
        let message = format!("Your session hit the maximum duration of {minutes} minutes.");
        let refusal = refusal::Refusal::new("session_expired", message);
        self.emit(json!({"type": "error", "error": refusal.event(None)}));
        std::mem::take(&mut self.outputs)
    }

    // === emitting ===

    fn emit(&mut self, event: Value) {
        self.emit_to(Target::Both, event);
    }

    /// Gives the event its id. Buffer events have ids of another form than all others.
    fn emit_to(&mut self, target: Target, mut event: Value) {
        let of_buffer = event["type"].as_str().is_some_and(|name| name.starts_with("output_audio_buffer."));
        event["event_id"] = if of_buffer { self.ids.buffer_event().into() } else { self.ids.next("event").into() };
        let twice = self.setup.faults.duplicate_events && event["type"] != "session.created";
        if twice {
            self.outputs.push(Output::Event(target, event.clone()));
        }
        self.outputs.push(Output::Event(target, event));
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
