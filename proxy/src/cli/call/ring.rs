//! The last final events of the model, whoever records, for a server that asks what it missed (`replay`). Pure: times
//! come from outside.

use std::collections::VecDeque;

use serde_json::{Value, json};

const MAX_EVENTS: usize = 200;
const MAX_BYTES: usize = 256 * 1024;
/// A frame may hold 128 KiB; the rest is for the message around the events.
const MAX_FRAME: usize = 96 * 1024;

/// What makes turns, their order and their words; what streams comes again in these.
const FINAL: [&str; 17] = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.created",
    "conversation.item.done",
    "conversation.item.truncated",
    "conversation.item.deleted",
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
    "response.created",
    "response.done",
    "response.output_item.added",
    "response.output_audio_transcript.done",
    "response.audio_transcript.done",
    "response.output_text.done",
    "response.text.done",
];

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Ring {
    kept: VecDeque<(i64, Value, usize)>,
    bytes: usize,
}

impl Ring {
    /// An event came at that time, Unix milliseconds.
    pub(super) fn add(&mut self, at: i64, event: &Value) {
        if !event["type"].as_str().is_some_and(|kind| FINAL.contains(&kind)) {
            return;
        }
        let mut event = event.clone();
        drop_sound(&mut event);
        let bytes = event.to_string().len();
        // What no frame can carry would only push out what one can.
        if bytes > MAX_FRAME {
            return;
        }
        self.bytes += bytes;
        self.kept.push_back((at, event, bytes));
        while self.kept.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            self.bytes -= self.kept.pop_front().map_or(0, |(_, _, bytes)| bytes);
        }
    }

    /// The answer to a `replay`: at least one message, since "nothing" is an answer.
    pub(super) fn replay(&self, asked: &Value) -> Vec<Value> {
        let since = asked["since"].as_i64().unwrap_or(0);
        let message = || json!({ "type": "replayed", "id": asked["id"], "events": [], "last": false });
        let (mut messages, mut room) = (vec![message()], MAX_FRAME);
        for (_, event, bytes) in self.kept.iter().filter(|(at, ..)| *at >= since) {
            if *bytes > room {
                messages.push(message());
                room = MAX_FRAME;
            }
            room -= bytes;
            let events = messages.last_mut().and_then(|message| message["events"].as_array_mut());
            events.expect("every message has events").push(event.clone());
        }
        messages.last_mut().expect("there is one")["last"] = true.into();
        messages
    }
}

fn drop_sound(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| name != "audio" || !value.is_string());
            fields.values_mut().for_each(drop_sound);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_sound),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(id: usize, words: usize) -> Value {
        json!({ "type": "response.done", "id": id, "text": "x".repeat(words), "item": { "audio": "AAAA" } })
    }

    #[test]
    fn final_events_since_a_moment_are_told_without_sound() {
        let mut ring = Ring::default();
        for at in 0..5 {
            ring.add(at, &done(usize::try_from(at).expect("small"), 1));
            ring.add(at, &json!({ "type": "response.output_audio_transcript.delta", "delta": "x" }));
        }
        let told = ring.replay(&json!({ "id": "r", "since": 3 }));
        assert_eq!(told.len(), 1);
        assert_eq!((&told[0]["id"], &told[0]["last"]), (&"r".into(), &true.into()));
        let events = told[0]["events"].as_array().expect("events");
        assert_eq!(events.iter().map(|event| event["id"].as_u64()).collect::<Vec<_>>(), [Some(3), Some(4)]);
        assert!(events[0]["item"].get("audio").is_none());
        assert_eq!(ring.replay(&json!({ "id": "r", "since": 9 }))[0]["events"], json!([]));
    }

    #[test]
    fn it_is_bounded_and_so_are_its_frames() {
        let mut ring = Ring::default();
        (0..300).for_each(|id| ring.add(0, &done(id, 10)));
        assert_eq!(ring.kept.len(), MAX_EVENTS);
        (0..20).for_each(|id| ring.add(0, &done(id, 30_000)));
        assert!(ring.bytes <= MAX_BYTES);
        let told = ring.replay(&json!({ "id": "r", "since": 0 }));
        assert!(told.len() >= 3 && told.iter().all(|message| message.to_string().len() < 128 * 1024));
        assert_eq!(told.iter().filter(|message| message["last"] == true).count(), 1);
        ring.add(0, &done(1, MAX_FRAME));
        assert!(ring.kept.iter().all(|(.., bytes)| *bytes <= MAX_FRAME));
    }
}
