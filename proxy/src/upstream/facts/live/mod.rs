//! Normaliser of the live dialect: a session without items, turns or replies, in which both sides may speak at once. Its
//! transcripts are fragments with times; `spans` makes turns of them. Unknown events are normal and give nothing; a
//! missing field never panics and never makes a turn. Source: <https://developers.openai.com/api/docs/guides/live-conversations>.

mod spans;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::seen::Seen;
use super::{Fact, Guarded, Operation, TurnRef};
use crate::clock::Millis;
use crate::transcript::Speaker;
use crate::upstream::live::mark;
use spans::{Fragment, Spans};

/// Event ids remembered: more than a socket that is opened again repeats.
const MAX_EVENT_IDS: usize = 256;
/// A session is shorter than this many seconds: what claims more is no figure.
const MOST_SECONDS: f64 = 1e7;
/// The name under which a task that the model would give away is told.
const DELEGATION: &str = "delegation";

/// State of one call's events from one source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Live {
    seen: Seen,
    spans: Spans,
}

impl Live {
    /// A normaliser at the start of a call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This turn is on the record, to its end if that is known: what is told again of it is not news.
    pub fn is_known(&mut self, turn: &TurnRef, end_ms: Option<u64>) {
        if let TurnRef::Span(speaker, start_ms) = turn {
            self.spans.is_known(*speaker, end_ms.unwrap_or(*start_ms));
        }
    }

    /// The call was heard by another way until now: what it heard is not heard anew, and its turns keep their names.
    pub fn go_on_from(&mut self, other: &Self) {
        self.spans.go_on_from(&other.spans);
    }

    /// The facts in one server event that arrived at this time.
    pub fn feed(&mut self, at: Millis, event: &Value) -> Vec<Fact> {
        let mut facts = Vec::new();
        let Some(kind) = event["type"].as_str() else { return facts };
        if self.seen.is_repeat(event, MAX_EVENT_IDS) {
            return facts;
        }
        match kind {
            "session.input_transcript.delta" => self.said(at, Speaker::Candidate, event, &mut facts),
            "session.output_transcript.delta" => self.said(at, Speaker::Ai, event, &mut facts),
            "session.started" => facts.push(opened(event)),
            "session.updated" => {
                facts.push(opened(event));
                // Whoever else asked for it changed nothing that we guard: instructions are immutable.
                facts.extend(told(event).map(|told| Fact::Config(Box::new(Guarded::told(told)))));
            }
            // What has no mark was a part of something, or a request to speak.
            "session.instructions.appended" if is_ours(event) => {
                facts.extend(told(event).map(|told| Fact::Config(Box::new(Guarded::told(told)))));
            }
            // Instructions that are not ours are in force all the same.
            "session.instructions.appended" => facts.push(Fact::Config(Box::new(Guarded::told("")))),
            "session.delegation.created" if event["delegation"]["target"] == "client" => {
                let call_id = event["delegation"]["id"].as_str().map(str::to_owned);
                facts.extend(call_id.map(|call_id| Fact::Tool { call_id, name: DELEGATION.to_owned() }));
            }
            "session.usage.updated" => facts.extend(metered(event)),
            "session.closed" => {
                self.spans.finish(&mut facts);
                facts.extend(metered(event));
                let reason = event["reason"].as_str().unwrap_or_default();
                facts.push(Fact::Closed { reason: known(reason).to_owned() });
            }
            "error" => {
                let error = &event["error"];
                let directive = error["client_event_id"].as_str().or_else(|| event["client_event_id"].as_str());
                let code = error["code"].as_str().or_else(|| error["type"].as_str()).unwrap_or_default();
                let directive = directive.map(|id| mark::id_of(id).to_owned());
                facts.push(Fact::Rejected { directive, code: code.to_owned() });
            }
            _ => {}
        }
        facts
    }

    /// Time passed.
    pub fn tick(&mut self, at: Millis) -> Vec<Fact> {
        let mut facts = Vec::new();
        self.spans.tick(at, &mut facts);
        facts
    }

    /// When [`Live::tick`] has something to say.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.spans.deadline()
    }

    /// A fragment without its words or its time belongs nowhere.
    fn said(&mut self, at: Millis, speaker: Speaker, event: &Value, facts: &mut Vec<Fact>) {
        let (Some(words), Some(start_ms)) = (event["delta"].as_str(), moment(&event["start_ms"])) else { return };
        let end_ms = moment(&event["end_ms"]).unwrap_or(start_ms).max(start_ms);
        self.spans.say(at, Fragment { speaker, start_ms, end_ms, words }, facts);
    }
}

/// Whether a text is mirrored sound, which nobody here listens to: told by its beginning, so that it need not be read.
#[must_use]
pub fn is_sound(text: &str) -> bool {
    const BEGINNING: usize = 96;
    let beginning = &text.as_bytes()[..text.len().min(BEGINNING)];
    // The closing quote is part of the name: in words that somebody says it would be escaped.
    [br#"session.output_audio.delta""#.as_slice(), br#"session.input_audio.append""#]
        .iter()
        .any(|name| beginning.windows(name.len()).any(|part| part == *name))
}

fn opened(event: &Value) -> Fact {
    Fact::Opened { expires_at: event["session"]["expires_at"].as_i64().filter(|at| *at > 0) }
}

fn is_ours(event: &Value) -> bool {
    event["client_event_id"].as_str().is_some_and(mark::is_ours)
}

/// What our own event that this one answers said, by its mark.
fn told(event: &Value) -> Option<&str> {
    mark::of(event["client_event_id"].as_str()?)
}

fn metered(event: &Value) -> Option<Fact> {
    let seconds = event["usage"]["seconds"].as_f64().filter(|seconds| (0.0..MOST_SECONDS).contains(seconds))?;
    Some(Fact::Metered { operation: Operation::Reply, total_ms: (seconds * 1e3).round() as u64 })
}

/// Milliseconds, whole or not.
fn moment(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|ms| (0.0..1e12).contains(ms)).map(|ms| ms as u64))
}

/// The reasons that are documented; another one is not repeated.
fn known(reason: &str) -> &str {
    const REASONS: [&str; 5] = ["close_requested", "expired", "content", "remote_hangup", "connection_lost"];
    if REASONS.contains(&reason) { reason } else { "other" }
}

#[cfg(test)]
mod tests;
