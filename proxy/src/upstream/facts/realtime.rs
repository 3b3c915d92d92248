//! Normaliser of the realtime dialect: the provider's server events to facts. Accepts the names of
//! the beta shape too, since compatible servers still send them. Unknown events are normal and give nothing; a missing
//! field never panics. It must not judge: whether a fact may count is the core's business.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::seen::{Seen, fingerprint};
use super::{After, End, Fact, Guarded, Operation, ReplyEnd, TurnFact, TurnRef};
use crate::call::core::Found;
use crate::transcript::{Origin, Speaker};

/// Items and replies remembered; beyond it the oldest is forgotten, which can only cost a link or a speech length.
const MAX_REMEMBERED: usize = 32;
/// Event ids remembered against repeats within one source.
const MAX_EVENT_IDS: usize = 128;

/// State of one call's events from one source.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Realtime {
    seen: Seen,
    speech: Remembered<Speech>,
    /// Item → the reply that made it.
    made_by: Remembered<Box<str>>,
    /// Replies outside the conversation: their items are nobody's turns.
    aside: Remembered<()>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Speech {
    start_ms: Option<u64>,
    end_ms: Option<u64>,
}

impl Realtime {
    /// A normaliser at the start of a call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The facts in one server event.
    pub fn feed(&mut self, event: &Value) -> Vec<Fact> {
        let Some(kind) = event["type"].as_str() else { return Vec::new() };
        if self.seen.is_repeat(event, MAX_EVENT_IDS) {
            return Vec::new();
        }
        let mut facts = Vec::new();
        match kind {
            "session.created" | "session.updated" => {
                let session = &event["session"];
                facts.push(Fact::Opened { expires_at: session["expires_at"].as_i64().filter(|at| *at > 0) });
                facts.push(Fact::Config(Box::new(Guarded::of_session(session))));
            }
            "error" => facts.push(Fact::Rejected {
                directive: text(&event["error"]["event_id"]),
                code: text(&event["error"]["code"]).or_else(|| text(&event["error"]["type"])).unwrap_or_default(),
            }),
            _ if kind.starts_with("input_audio_buffer.") => self.heard(kind, event, &mut facts),
            _ if kind.starts_with("conversation.item.input_audio_transcription.") => {
                self.transcribed(kind, event, &mut facts)
            }
            _ if kind.starts_with("conversation.item.") => self.item(kind, event, &mut facts),
            _ if kind.starts_with("output_audio_buffer.") => facts.extend(playback(kind)),
            _ if kind.starts_with("response.") => self.reply(kind, event, &mut facts),
            _ => {}
        }
        facts
    }

    fn heard(&mut self, kind: &str, event: &Value, facts: &mut Vec<Fact>) {
        let Some(item) = text(&event["item_id"]) else { return };
        let on = |on| Fact::Floor { speaker: Speaker::Candidate, on };
        match kind {
            "input_audio_buffer.speech_started" => {
                self.speech.entry(&item).start_ms = event["audio_start_ms"].as_u64();
                facts.push(on(true));
            }
            "input_audio_buffer.speech_stopped" => {
                self.speech.entry(&item).end_ms = event["audio_end_ms"].as_u64();
                facts.push(on(false));
            }
            "input_audio_buffer.committed" => {
                let speech = self.speech.take(&item).unwrap_or_default();
                let turn = turn(&item, 0);
                facts.push(Fact::Turn(turn.clone(), began(Speaker::Candidate, after(event), Origin::Speech)));
                facts.push(Fact::Turn(turn, TurnFact::Committed { start_ms: speech.start_ms, end_ms: speech.end_ms }));
            }
            // A silent item is committed and the model speaks: there will be no words for it.
            "input_audio_buffer.timeout_triggered" => {
                let turn = turn(&item, 0);
                facts.push(Fact::Turn(turn.clone(), began(Speaker::Candidate, After::Unknown, Origin::Speech)));
                facts.push(Fact::Turn(turn, TurnFact::Ended(End::Empty)));
            }
            _ => {}
        }
    }

    fn transcribed(&mut self, kind: &str, event: &Value, facts: &mut Vec<Fact>) {
        let Some(item) = text(&event["item_id"]) else { return };
        let turn = turn(&item, index(event));
        // Streaming transcription may speak of an item before anything else does.
        facts.push(Fact::Turn(turn.clone(), began(Speaker::Candidate, After::Unknown, Origin::Speech)));
        match kind.rsplit('.').next() {
            Some("delta") => facts.extend(text(&event["delta"]).map(|delta| Fact::Turn(turn, TurnFact::Append(delta)))),
            Some("completed") => {
                let words = text(&event["transcript"]).unwrap_or_default();
                let end = if words.trim().is_empty() { End::Empty } else { End::Complete };
                facts.push(Fact::Turn(turn.clone(), TurnFact::Replace(words)));
                // Before the end, so that it is written with the turn and not with whatever comes next.
                facts.extend(usage(item, Operation::Transcription, &event["usage"]));
                facts.push(Fact::Turn(turn, TurnFact::Ended(end)));
            }
            Some("failed") => facts.push(Fact::Turn(turn, TurnFact::Ended(End::Failed))),
            _ => {
                facts.pop();
            }
        }
    }

    fn item(&mut self, kind: &str, event: &Value, facts: &mut Vec<Fact>) {
        match kind {
            "conversation.item.added" | "conversation.item.created" => self.added(&event["item"], after(event), facts),
            // The link of `done` may be null although `added` had the right one: never taken from here.
            "conversation.item.done" => self.added(&event["item"], After::Unknown, facts),
            "conversation.item.retrieved" => facts.extend(retrieved(&event["item"])),
            "conversation.item.truncated" => {
                let Some(item) = text(&event["item_id"]) else { return };
                let (turn, end) =
                    (turn(&item, index(event)), End::Interrupted { audio_end_ms: event["audio_end_ms"].as_u64() });
                // Only what the model said can be cut off, also if this is the first we hear of it.
                facts.push(Fact::Turn(turn.clone(), began(Speaker::Ai, After::Unknown, Origin::Reply)));
                facts.push(Fact::Turn(turn, TurnFact::Ended(end)));
            }
            "conversation.item.deleted" => facts.extend(text(&event["item_id"]).map(|item| Fact::Removed { item })),
            _ => {}
        }
    }

    fn added(&mut self, item: &Value, after: After, facts: &mut Vec<Fact>) {
        let Some(id) = text(&item["id"]) else { return };
        if item["type"] != "message" {
            facts.push(Fact::Passed { item: id, after });
            return;
        }
        let made_by = self.made_by.get(&id).map(|reply| String::from(&**reply));
        if made_by.as_ref().is_some_and(|reply| self.aside.get(reply).is_some()) {
            return;
        }
        let (speaker, origin) = match said_by(item) {
            (Speaker::Ai, _) if made_by.is_none() => (Speaker::Ai, Origin::Injected),
            said_by => said_by,
        };
        facts.push(Fact::Turn(turn(&id, 0), TurnFact::Began { speaker, after, origin, reply: made_by }));
        facts.extend(words_of(&id, item));
        // Placed items come with all they will ever have.
        if matches!(origin, Origin::Typed | Origin::Injected) && item["content"][0].is_object() {
            facts.push(Fact::Turn(turn(&id, 0), TurnFact::Ended(End::Complete)));
        }
    }

    fn reply(&mut self, kind: &str, event: &Value, facts: &mut Vec<Fact>) {
        match kind {
            "response.created" => {
                let response = &event["response"];
                let Some(id) = text(&response["id"]) else { return };
                // Out of band: `conversation_id` is present and null. Absent means an older server.
                if response.get("conversation_id").is_some_and(Value::is_null) {
                    self.aside.set(&id, ());
                } else {
                    facts.push(Fact::ReplyStarted { id, nonce: text(&response["metadata"]["viva"]) });
                }
            }
            "response.output_item.added" => {
                let (Some(reply), Some(item)) = (text(&event["response_id"]), text(&event["item"]["id"])) else {
                    return;
                };
                self.made_by.set(&item, reply.as_str().into());
                if event["item"]["type"] == "message" && self.aside.get(&reply).is_none() {
                    facts.push(Fact::Turn(turn(&item, 0), reply_turn(&reply)));
                }
            }
            "response.output_audio_transcript.delta"
            | "response.audio_transcript.delta"
            | "response.output_text.delta"
            | "response.text.delta" => {
                self.said(event, text(&event["delta"]).map(TurnFact::Append), facts);
            }
            "response.output_audio_transcript.done" | "response.audio_transcript.done" => {
                self.said(event, full(&event["transcript"]).map(TurnFact::Replace), facts);
            }
            "response.output_text.done" | "response.text.done" => {
                self.said(event, full(&event["text"]).map(TurnFact::Replace), facts);
            }
            "response.function_call_arguments.done" => {
                let (Some(call_id), Some(name)) = (text(&event["call_id"]), text(&event["name"])) else { return };
                facts.push(Fact::Tool { call_id, name });
            }
            "response.done" => self.reply_done(&event["response"], facts),
            _ => {}
        }
    }

    /// Words of the model, unless they belong to a reply outside the conversation.
    fn said(&mut self, event: &Value, fact: Option<TurnFact>, facts: &mut Vec<Fact>) {
        let (Some(item), Some(fact)) = (text(&event["item_id"]), fact) else { return };
        let reply = text(&event["response_id"]);
        if reply.as_ref().is_some_and(|reply| self.aside.get(reply).is_some()) {
            return;
        }
        let turn = turn(&item, index(event));
        if let Some(reply) = reply.filter(|_| self.made_by.get(&item).is_none()) {
            facts.push(Fact::Turn(turn.clone(), reply_turn(&reply)));
            self.made_by.set(&item, reply.into());
        }
        facts.push(Fact::Turn(turn, fact));
    }

    fn reply_done(&mut self, response: &Value, facts: &mut Vec<Fact>) {
        let Some(id) = text(&response["id"]) else { return };
        facts.extend(usage(id.clone(), Operation::Reply, &response["usage"]));
        if self.aside.take(&id).is_some() {
            return;
        }
        let end = match response["status"].as_str() {
            Some("cancelled") => ReplyEnd::Cancelled,
            Some("failed") => ReplyEnd::Failed,
            Some("incomplete") => ReplyEnd::Incomplete,
            _ => ReplyEnd::Completed,
        };
        let turn_end = match end {
            ReplyEnd::Completed | ReplyEnd::Incomplete => End::Complete,
            ReplyEnd::Cancelled => End::Interrupted { audio_end_ms: None },
            ReplyEnd::Failed => End::Failed,
        };
        for item in response["output"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let Some(item_id) = text(&item["id"]).filter(|_| item["type"] == "message") else { continue };
            facts.push(Fact::Turn(turn(&item_id, 0), reply_turn(&id)));
            facts.extend(words_of(&item_id, item));
            facts.push(Fact::Turn(turn(&item_id, 0), TurnFact::Ended(turn_end)));
        }
        facts.push(Fact::ReplyFinished { id, end });
    }
}

fn playback(kind: &str) -> Option<Fact> {
    let on = match kind {
        "output_audio_buffer.started" => true,
        "output_audio_buffer.stopped" | "output_audio_buffer.cleared" => false,
        _ => return None,
    };
    Some(Fact::Floor { speaker: Speaker::Ai, on })
}

/// Whose an item is and how it came to be, as far as the item itself says.
fn said_by(item: &Value) -> (Speaker, Origin) {
    let typed = item["content"][0]["type"] == "input_text";
    match item["role"].as_str() {
        Some("user") if typed => (Speaker::Candidate, Origin::Typed),
        Some("user") => (Speaker::Candidate, Origin::Speech),
        Some("assistant") => (Speaker::Ai, Origin::Reply),
        _ => (Speaker::System, Origin::Injected),
    }
}

/// An item as the provider has it. Its words may be missing although it knew them once.
fn retrieved(item: &Value) -> Option<Fact> {
    let id = text(&item["id"])?;
    let (speaker, origin) = said_by(item);
    let speaker = (item["type"] == "message").then_some(speaker);
    Some(Fact::Retrieved { found: Found { speaker, origin, words: spoken(item) }, item: id })
}

/// The words an item carries, if any. An item without them says nothing about words that came another way.
fn words_of(id: &str, item: &Value) -> Option<Fact> {
    spoken(item).map(|words| Fact::Turn(turn(id, 0), TurnFact::Replace(words)))
}

fn spoken(item: &Value) -> Option<String> {
    let content = item["content"].as_array()?;
    let words: Vec<&str> = content
        .iter()
        .filter_map(|part| part["transcript"].as_str().or_else(|| part["text"].as_str()))
        .filter(|words| !words.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn usage(key: String, operation: Operation, usage: &Value) -> Option<Fact> {
    usage.is_object().then(|| Fact::Usage { key, operation, usage: usage.clone() })
}

fn turn(item: &str, content_index: u32) -> TurnRef {
    TurnRef::Item(item.to_owned(), content_index)
}

fn began(speaker: Speaker, after: After, origin: Origin) -> TurnFact {
    TurnFact::Began { speaker, after, origin, reply: None }
}

fn reply_turn(reply: &str) -> TurnFact {
    TurnFact::Began {
        speaker: Speaker::Ai,
        after: After::Unknown,
        origin: Origin::Reply,
        reply: Some(reply.to_owned()),
    }
}

/// `null` is "first" only where the field is there at all.
fn after(event: &Value) -> After {
    match event.get("previous_item_id") {
        Some(Value::String(id)) => After::Item(id.clone()),
        Some(Value::Null) => After::First,
        _ => After::Unknown,
    }
}

fn index(event: &Value) -> u32 {
    event["content_index"].as_u64().and_then(|index| u32::try_from(index).ok()).unwrap_or(0)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// A text that says something: an empty one never replaces words.
fn full(value: &Value) -> Option<String> {
    text(value).filter(|text| !text.is_empty())
}

/// A small map that forgets its oldest entry instead of growing. Keys are fingerprints: ids would be most of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered<T>(VecDeque<(u64, T)>);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Remembered<T> {
    fn set(&mut self, key: &str, value: T) {
        if let Some(known) = self.find_mut(key) {
            *known = value;
            return;
        }
        if self.0.len() == MAX_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((fingerprint(key), value));
    }

    fn get(&self, key: &str) -> Option<&T> {
        let key = fingerprint(key);
        self.0.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    fn find_mut(&mut self, key: &str) -> Option<&mut T> {
        let key = fingerprint(key);
        self.0.iter_mut().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    fn take(&mut self, key: &str) -> Option<T> {
        let key = fingerprint(key);
        let place = self.0.iter().position(|(known, _)| *known == key)?;
        self.0.remove(place).map(|(_, value)| value)
    }
}

impl<T: Default> Remembered<T> {
    fn entry(&mut self, key: &str) -> &mut T {
        if self.get(key).is_none() {
            self.set(key, T::default());
        }
        self.find_mut(key).expect("just set")
    }
}

#[cfg(test)]
#[path = "realtime_tests.rs"]
mod tests;
