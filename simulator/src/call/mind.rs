//! Which of the models a call has. Its task asks here and nowhere else.

use serde_json::Value;

use super::task::End;
use crate::faults::Faults;
use crate::model::interpreter::Interpreter;
use crate::model::live::{Closing, LiveModel};
use crate::model::session::TurnDetection;
use crate::model::{Input, Model, Output};

/// One call's model. Boxed: they are large, and a call has one.
pub(crate) enum Mind {
    /// Items, turns and replies.
    Turns(Box<Model>),
    /// Fragments of what both sides say at once.
    Live(Box<LiveModel>),
    /// What is said, and what it is in another language.
    Interpreter(Box<Interpreter>),
}

impl Mind {
    pub(super) fn set_faults(&mut self, faults: Faults) {
        match self {
            Self::Turns(model) => model.set_faults(faults),
            Self::Live(model) => model.set_faults(faults),
            Self::Interpreter(model) => model.set_faults(faults),
        }
    }

    pub(super) fn listening(&self) -> TurnDetection {
        match self {
            Self::Turns(model) => model.listening(),
            Self::Live(model) => model.listening(),
            Self::Interpreter(model) => model.listening(),
        }
    }

    pub(super) fn handle(&mut self, now: u64, input: Input<'_>) -> Vec<Output> {
        match self {
            Self::Turns(model) => model.handle(now, input),
            Self::Live(model) => model.handle(now, input),
            Self::Interpreter(model) => model.handle(now, input),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        match self {
            Self::Turns(model) => model.next_deadline(),
            Self::Live(model) => model.next_deadline(),
            Self::Interpreter(model) => model.next_deadline(),
        }
    }

    /// What is said of the end before the sockets close. `cap_minutes`: how long sessions may be.
    pub(super) fn last_words(&mut self, end: End, cap_minutes: u64, faults: &Faults) -> Vec<Output> {
        match self {
            Self::Turns(model) if end == End::TooLong && !faults.quirks.cap_unannounced => model.expire(cap_minutes),
            Self::Turns(_) => Vec::new(),
            Self::Live(_) | Self::Interpreter(_) if faults.no_close => Vec::new(),
            Self::Interpreter(model) => model.close(),
            Self::Live(model) => model.close(match end {
                End::TooLong => Closing::Expired,
                End::PeerGone => Closing::RemoteHangup,
                End::HungUp => Closing::Requested,
                End::NeverConnected | End::Dropped | End::Crashed | End::Shutdown => Closing::ConnectionLost,
            }),
        }
    }

    /// Whether a sideband that attaches is told the last seconds again, and whether this event is a part of them: sound
    /// is not.
    pub(super) fn repeats(&self, event: &Value) -> bool {
        matches!(self, Self::Live(_)) && event["event_id"].is_string()
    }
}
