//! What a call hears, by our own socket, from the client, and in the silence after both: events become facts here, and
//! facts inputs. What they mean is the core's decision.

use tokio::sync::oneshot;

use super::actor::Actor;
use super::core::{ClientInput, Input, Other, Sideband, UpstreamInput};
use super::line::{Line, Place};
use super::reported::Reported;
use super::sideband::News;
use crate::transcript::turn::{TurnRef, span};
use crate::transcript::{CallEvent, Entry, Record, Source};
use crate::upstream::facts::{Fact, frame};

impl Actor {
    pub(super) fn sideband_said(&mut self, place: Place, news: News) {
        match news {
            News::State(state) => {
                metrics::counter!("viva_sideband_total", "state" => state.as_str()).increment(1);
                if let Some(line) = self.lines.at(place) {
                    match state {
                        Sideband::Attached => line.is_watched(),
                        Sideband::Retrying => line.is_unwatched(),
                        Sideband::Attaching | Sideband::Lost | Sideband::Unavailable => {}
                    }
                }
                match place {
                    Place::Now => {
                        self.audience.sideband_is(state);
                        self.feed(Input::Upstream(UpstreamInput::Sideband(state)));
                    }
                    Place::Beside(Other::Next) => self.feed(Input::Upstream(UpstreamInput::NextSideband(state))),
                    Place::Beside(Other::Old) => {}
                }
            }
            News::Event(text) => {
                if place == Place::Now {
                    self.audience.hear(&text);
                }
                self.hear(place, &text);
            }
            News::Gone => match place {
                Place::Now => {
                    self.audience.sideband_is(Sideband::Unavailable);
                    self.feed(Input::Upstream(UpstreamInput::Gone));
                }
                Place::Beside(Other::Next) => self.feed(Input::Upstream(UpstreamInput::NextGone)),
                Place::Beside(Other::Old) => {}
            },
        }
    }

    fn hear(&mut self, place: Place, text: &str) {
        let at = self.shell.clock.now().mono_ms;
        let Some(line) = self.lines.at(place) else { return };
        if line.upstream.dialect().is_sound(text) {
            return;
        }
        match frame::read(text) {
            Ok(event) => {
                let facts = line.hear(at, &event);
                self.facts(place, Source::Sideband, facts);
            }
            Err(_) => tracing::warn!(bytes = text.len(), "the provider sent something that is not JSON"),
        }
    }

    pub(super) fn facts(&mut self, place: Place, source: Source, facts: Vec<Fact>) {
        for fact in facts {
            match place {
                Place::Now => self.feed(Input::Fact(source, fact)),
                Place::Beside(Other::Old) => self.feed(Input::OldFact(source, fact)),
                // Nobody speaks in a call before it is in force.
                Place::Beside(Other::Next) => {}
            }
        }
    }

    /// Time passed, for those who listen and for the core.
    pub(super) fn tick(&mut self) {
        let at = self.shell.clock.now().mono_ms;
        for (place, source, facts) in self.lines.tick(at) {
            self.facts(place, source, facts);
        }
        self.feed(Input::Tick);
    }

    /// An event the client relays; it counts only while the client is in control.
    pub(super) fn relay(&mut self, seq: u64, call_id: Option<&str>, event: &serde_json::Value) {
        if !self.core.takes(seq) {
            return;
        }
        let at = self.shell.clock.now().mono_ms;
        if let Some(place) = self.lines.place_of(call_id)
            && let Some(line) = self.lines.at(place)
        {
            let facts = line.hear_client(at, &frame::without_nul(event));
            self.facts(place, Source::Client, facts);
        } else if let Some(call_id) = call_id {
            // Kept since before the call in force; what says a turn's words as a whole needs no memory of the rest.
            let facts = self.shell.upstreams.primary().dialect().normaliser().feed(at, &frame::without_nul(event));
            self.feed(Input::Client(ClientInput::Past { call_id: call_id.to_owned(), facts }));
        }
        self.feed(Input::Client(ClientInput::Relayed { seq }));
    }

    /// What a client tells of the call in force; it counts only while the client is in control.
    pub(super) fn report(&mut self, turns: Vec<Reported>, done: oneshot::Sender<()>) {
        for turn in turns {
            self.facts(Place::Now, Source::Client, turn.facts().into());
        }
        self.reported(done);
    }
}

/// A call that an earlier process heard: what is on the record of it is not heard anew when the provider repeats itself.
pub(super) fn recall(line: &mut Line, journal: &[Record]) {
    let entries = journal.iter().filter_map(|record| record.entry().ok());
    let mut in_force = 0;
    for entry in entries {
        match entry {
            Entry::Call { call, event: CallEvent::Answered { .. }, .. } => in_force = call,
            Entry::Turn(turn) | Entry::Revised(turn) if turn.call == in_force => {
                if let Some((speaker, start_ms)) = span(&turn.item) {
                    let end_ms = turn.duration_ms.map(|duration| start_ms.saturating_add(duration));
                    line.is_known(&TurnRef::Span(speaker, start_ms), end_ms);
                }
            }
            _ => {}
        }
    }
}
