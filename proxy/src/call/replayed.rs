//! What the client tells again, when it was asked: its events through a normaliser of their own, within bounds. What they
//! mean for the record is the core's decision.

use serde_json::Value;

use super::actor::Actor;
use super::core::{ClientInput, Input, Notice};
use crate::upstream::dialect::Normaliser;

/// Bytes of events in one answer: as much as a client's memory holds.
const MAX_BYTES: usize = 256 * 1024;

/// A question that is open.
pub(super) struct Asking {
    id: String,
    facts: Normaliser,
    left: usize,
}

impl Actor {
    /// The core asks; the answer to an earlier question does not count any more.
    pub(super) fn asks_replay(&mut self, notice: &Notice) {
        if let Notice::Replay { id, .. } = notice {
            let kind = self.booking.plan.session_kind();
            let facts = self.shell.upstreams.primary().of(kind).dialect().normaliser();
            self.asking = Some(Asking { id: id.clone(), facts, left: MAX_BYTES });
        }
    }

    /// A part of the answer. Events that do not fit any more are left out, and the answer ends with them.
    pub(super) fn replayed(&mut self, id: &str, events: &[Value], last: bool) {
        let Some(asking) = self.asking.as_mut().filter(|asking| asking.id == id) else { return };
        let at = self.shell.clock.now().mono_ms;
        let (mut facts, mut told, mut full) = (Vec::new(), 0, false);
        for event in events {
            let bytes = event.to_string().len();
            let Some(left) = asking.left.checked_sub(bytes) else {
                full = true;
                break;
            };
            asking.left = left;
            told += 1;
            facts.extend(asking.facts.feed(at, event));
        }
        let last = last || full;
        if last {
            self.asking = None;
        }
        self.feed(Input::Client(ClientInput::Replayed { id: id.to_owned(), events: told, facts, last }));
    }
}
