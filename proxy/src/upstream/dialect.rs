//! Which of the provider's two voice interfaces a server speaks, and everything that follows from it: how events are
//! read, how directives are said, what can be done at all. The only place that knows both; nothing behind it asks which
//! one it was.

use serde::Deserialize;
use serde_json::Value;

use super::directives::Template;
use super::facts::live::Live;
use super::facts::realtime::Realtime;
use super::facts::translation::Translation;
use super::facts::{Capabilities, Fact, Gate, TurnRef, live as live_facts};
use super::live::{self, Told};
use super::session;
use crate::call::core::{Directive, Pipe};
use crate::clock::Millis;
use crate::interview::SessionKind;

/// The interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Items, turns and replies; the server may decide when the model replies.
    #[default]
    Realtime,
    /// Fragments with times; both sides may speak at once.
    Live,
    /// Two streams of words: what is said, and what it is in another language. No server speaks nothing else.
    #[serde(skip)]
    Translation,
}

impl Dialect {
    /// What a server of this dialect speaks in sessions of this kind.
    #[must_use]
    pub fn of(self, kind: SessionKind) -> Self {
        match (self, kind) {
            (Self::Realtime, SessionKind::Translation) => Self::Translation,
            (dialect, SessionKind::Interview | SessionKind::Transcription | SessionKind::Translation) => dialect,
        }
    }

    /// What its calls can do, when the model is told by this way.
    #[must_use]
    pub fn capabilities(self, told_by: Pipe) -> Capabilities {
        match self {
            Self::Realtime | Self::Translation => Capabilities::REALTIME,
            Self::Live => Capabilities { client_sends: told_by == Pipe::Client, ..Capabilities::LIVE },
        }
    }

    /// The session object that a call is created with.
    #[must_use]
    pub fn create_session(self, template: &Template, instructions: &str, gate: Gate, told_by: Pipe) -> Value {
        let spec = template.spec(instructions, gate);
        match self {
            Self::Realtime | Self::Translation => session::create_session(&spec),
            Self::Live => live::create_session(&spec, told_by),
        }
    }

    /// Where a call is watched, under the server's address. An id that was parsed has only characters that are legal in
    /// an address.
    pub(super) fn sideband(self, call: &str) -> String {
        match self {
            Self::Realtime => format!("realtime?call_id={call}"),
            // That a translation can be watched at all is not documented: a server that does not know the address answers
            // 404, and the client reports.
            Self::Translation => format!("realtime/translations?call_id={call}"),
            Self::Live => format!("live/sessions/{call}/attach"),
        }
    }

    /// The client event that ends a call, where there is one.
    pub(super) fn farewell(self) -> Option<&'static str> {
        match self {
            Self::Realtime | Self::Translation => None,
            Self::Live => Some(r#"{"type":"session.close"}"#),
        }
    }

    /// Whether a text of the sideband need not be read at all.
    #[must_use]
    pub fn is_sound(self, text: &str) -> bool {
        self != Self::Realtime && live_facts::is_sound(text)
    }

    /// An ear for one source of a call's events.
    #[must_use]
    pub fn normaliser(self) -> Normaliser {
        match self {
            Self::Realtime => Normaliser::Realtime(Realtime::new()),
            Self::Live => Normaliser::Live(Live::new()),
            Self::Translation => Normaliser::Translation(Translation::new()),
        }
    }

    /// A voice for a call that was created with these instructions; empty: nobody knows with which.
    #[must_use]
    pub fn speaker(self, instructions: String) -> Teller {
        match self {
            Self::Realtime | Self::Translation => Teller::Realtime,
            Self::Live => Teller::Live(Told::at_creation(instructions)),
        }
    }
}

/// Events to facts, for one call and source. Pure: the time is given.
pub enum Normaliser {
    /// Of the realtime dialect.
    Realtime(Realtime),
    /// Of the live dialect.
    Live(Live),
    /// Of a translation.
    Translation(Translation),
}

impl Normaliser {
    /// The facts in one server event.
    pub fn feed(&mut self, at: Millis, event: &Value) -> Vec<Fact> {
        match self {
            Self::Realtime(realtime) => realtime.feed(event),
            Self::Live(live) => live.feed(at, event),
            Self::Translation(translation) => translation.feed(at, event),
        }
    }

    /// Time passed.
    pub fn tick(&mut self, at: Millis) -> Vec<Fact> {
        match self {
            Self::Realtime(_) => Vec::new(),
            Self::Live(live) => live.tick(at),
            Self::Translation(translation) => translation.tick(at),
        }
    }

    /// When [`Normaliser::tick`] has something to say.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        match self {
            Self::Realtime(_) => None,
            Self::Live(live) => live.deadline(),
            Self::Translation(translation) => translation.deadline(),
        }
    }

    /// The socket of this source opened anew; `other` was heard meanwhile.
    pub fn reopened(&mut self, other: &Self) {
        match self {
            // What it heard of half-told items is of no use any more: nothing is repeated.
            Self::Realtime(realtime) => *realtime = Realtime::new(),
            Self::Live(_) | Self::Translation(_) => self.takes_over(other),
        }
    }

    /// This source is heard from now on and `other` was until now.
    pub fn takes_over(&mut self, other: &Self) {
        match (self, other) {
            (Self::Live(live), Self::Live(other)) => live.go_on_from(other),
            (Self::Translation(translation), Self::Translation(other)) => translation.go_on_from(other),
            // The two ears of one call speak the same; what one of items heard is of no use to the other.
            (Self::Realtime(_) | Self::Live(_) | Self::Translation(_), _) => {}
        }
    }

    /// This turn is on the record, to its end if that is known.
    pub fn is_known(&mut self, turn: &TurnRef, end_ms: Option<u64>) {
        match self {
            Self::Realtime(_) => {}
            Self::Live(live) => live.is_known(turn, end_ms),
            Self::Translation(translation) => translation.is_known(turn, end_ms),
        }
    }
}

/// Directives to client events, for one call.
pub enum Teller {
    /// Of the realtime dialect.
    Realtime,
    /// Of the live dialect.
    Live(Told),
}

impl Teller {
    /// The client events that carry out a directive, in order.
    #[must_use]
    pub fn encode(&mut self, template: &Template, directive: &Directive) -> Vec<Value> {
        match self {
            Self::Realtime => template.encode(directive),
            Self::Live(told) => live::encode(told, directive),
        }
    }

    /// What was heard may confirm what was told.
    pub fn hear(&mut self, facts: &[Fact]) {
        if let Self::Live(told) = self {
            for fact in facts {
                if let Fact::Config(config) = fact {
                    told.confirmed(&config.instructions);
                }
            }
        }
    }
}
