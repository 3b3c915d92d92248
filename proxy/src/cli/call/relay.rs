//! What the caller reports while the server has no line of its own to the model, as a page does: allow-listed events,
//! numbered, kept from the start of the call until it is known who records, words of one turn joined. Pure.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::signaling::protocol::is_relayed;

/// Events kept until the server has them. Full: the oldest go; a test call that far behind has failed anyway.
const MAX_KEPT: usize = 512;

/// The report of one call.
#[derive(Debug, Default)]
pub(super) struct Relay {
    control: Control,
    seq: u64,
    kept: VecDeque<Kept>,
    /// Words that still stream in, and on which call.
    held: Option<(Value, String)>,
}

/// An event that may not be stored yet.
#[derive(Debug)]
struct Kept {
    seq: u64,
    event: Value,
    /// The call by whose channel it came.
    call_id: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Control {
    #[default]
    Pending,
    Sideband,
    Relay,
}

impl Relay {
    /// The server says who records. Returns what is to be sent.
    pub(super) fn control_is(&mut self, control: &str) -> Vec<Value> {
        let earlier = self.control;
        self.control = match control {
            "relay" => Control::Relay,
            "sideband" => Control::Sideband,
            _ => Control::Pending,
        };
        match (earlier, self.control) {
            (Control::Pending | Control::Sideband, Control::Relay) => self.kept.iter().map(message).collect(),
            // It heard everything itself.
            (_, Control::Sideband) => {
                self.kept.clear();
                self.held = None;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Everything up to `seq` is stored.
    pub(super) fn acknowledged(&mut self, seq: u64) {
        while self.kept.front().is_some_and(|first| first.seq <= seq) {
            self.kept.pop_front();
        }
        // A caller who joins again goes on from the number the server has.
        self.seq = self.seq.max(seq);
    }

    /// The line is back: what it had not acknowledged goes out again, without deltas, whose words come again in the end.
    pub(super) fn again(&self) -> Vec<Value> {
        let whole = self.kept.iter().filter(|kept| !is_part(&kept.event));
        if self.control == Control::Relay { whole.map(message).collect() } else { Vec::new() }
    }

    /// The model said something on that call. Returns what is to be sent.
    pub(super) fn offer(&mut self, event: Value, call_id: &str) -> Vec<Value> {
        if self.control == Control::Sideband || !event["type"].as_str().is_some_and(is_relayed) {
            return Vec::new();
        }
        if let Some((held, on)) = &mut self.held
            && on == call_id
            && continues(held, &event)
        {
            let words = format!(
                "{}{}",
                held["delta"].as_str().unwrap_or_default(),
                event["delta"].as_str().unwrap_or_default()
            );
            held["delta"] = words.into();
            return Vec::new();
        }
        let mut out = Vec::new();
        if let Some((held, on)) = self.held.take() {
            out.extend(self.keep(held, on));
        }
        if event["delta"].is_string() {
            self.held = Some((event, call_id.to_owned()));
        } else {
            out.extend(self.keep(event, call_id.to_owned()));
        }
        out
    }

    fn keep(&mut self, event: Value, call_id: String) -> Option<Value> {
        self.seq += 1;
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Kept { seq: self.seq, event, call_id });
        self.kept.back().filter(|_| self.control == Control::Relay).map(message)
    }
}

fn message(Kept { seq, event, call_id }: &Kept) -> Value {
    json!({ "type": "transcript", "seq": seq, "event": event, "callId": call_id })
}

/// Whether an event is more of the same words.
/// Words that come again with others. A fragment with its time comes once, and its time is its own.
fn is_part(event: &Value) -> bool {
    event["delta"].is_string() && event["start_ms"].is_null()
}

fn continues(held: &Value, event: &Value) -> bool {
    is_part(event) && ["type", "item_id", "content_index"].iter().all(|name| held[name] == event[name])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(item: &str, words: &str) -> Value {
        json!({ "type": "response.output_audio_transcript.delta", "item_id": item, "content_index": 0, "delta": words })
    }

    #[test]
    fn what_was_said_before_the_client_records_is_reported_then() {
        let mut relay = Relay::default();
        assert!(relay.offer(json!({ "type": "response.created" }), "c1").is_empty());
        assert!(
            relay.offer(json!({ "type": "response.audio.delta", "delta": "AAAA" }), "c1").is_empty(),
            "never sound"
        );
        for words in ["Good ", "morning."] {
            assert!(relay.offer(delta("a", words), "c1").is_empty());
        }
        assert!(relay.offer(json!({ "type": "response.done" }), "c1").is_empty());
        let sent = relay.control_is("relay");
        let numbers: Vec<_> = sent.iter().map(|message| message["seq"].as_u64()).collect();
        assert_eq!(numbers, [Some(1), Some(2), Some(3)]);
        assert_eq!(sent[1]["event"]["delta"], "Good morning.");
        assert_eq!(relay.offer(json!({ "type": "response.created" }), "c1")[0]["seq"], 4);
    }

    #[test]
    fn what_the_server_heard_itself_is_not_reported() {
        let mut relay = Relay::default();
        relay.offer(json!({ "type": "response.created" }), "c1");
        assert!(relay.control_is("sideband").is_empty());
        assert!(relay.offer(json!({ "type": "response.done" }), "c1").is_empty());
        assert!(relay.control_is("relay").is_empty());
        assert_eq!(relay.offer(json!({ "type": "response.done" }), "c1").len(), 1);
    }

    #[test]
    fn what_is_stored_is_not_kept() {
        let mut relay = Relay::default();
        relay.control_is("relay");
        relay.offer(json!({ "type": "response.created" }), "c1");
        relay.offer(delta("a", "words"), "c1");
        relay.offer(json!({ "type": "response.done" }), "c1");
        relay.acknowledged(1);
        assert_eq!(relay.kept.len(), 2);
        let again: Vec<_> = relay.again().iter().map(|message| message["seq"].as_u64()).collect();
        assert_eq!(again, [Some(3)], "what is not stored is told again, and whole");
    }

    #[test]
    fn words_of_two_calls_are_kept_apart() {
        let mut relay = Relay::default();
        relay.control_is("relay");
        assert!(relay.offer(delta("a", "last"), "old").is_empty());
        let sent = relay.offer(delta("a", "first"), "new");
        assert_eq!((&sent[0]["callId"], &sent[0]["event"]["delta"]), (&"old".into(), &"last".into()));
    }

    #[test]
    fn a_caller_who_joins_again_counts_on() {
        let mut relay = Relay::default();
        relay.acknowledged(41);
        relay.control_is("relay");
        assert_eq!(relay.offer(json!({ "type": "response.created" }), "c1")[0]["seq"], 42);
    }
}
