//! The last final events, in memory, for a server that missed them.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

const MAX_EVENTS: usize = 200;
/// Of one frame, with room for what is around the events.
const MAX_FRAME: usize = 90 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Ring(VecDeque<(i64, Arc<Value>)>);

impl Ring {
    pub(crate) fn hear(&mut self, now_unix_ms: i64, event: &Arc<Value>) {
        if !event["type"].as_str().is_some_and(is_final) {
            return;
        }
        if self.0.len() == MAX_EVENTS {
            self.0.pop_front();
        }
        self.0.push_back((now_unix_ms, Arc::clone(event)));
    }

    /// The answer to `replay`: one frame or several.
    pub(crate) fn replayed(&self, id: &Value, since: i64) -> Vec<Value> {
        let mut frames = vec![Vec::new()];
        let mut size = 0;
        for (_, event) in self.0.iter().filter(|(at, _)| *at >= since) {
            let length = event.to_string().len();
            if size + length > MAX_FRAME {
                frames.push(Vec::new());
                size = 0;
            }
            size += length;
            if let Some(frame) = frames.last_mut() {
                frame.push((**event).clone());
            }
        }
        let last = frames.len() - 1;
        let frame = |(at, events)| json!({ "type": "replayed", "id": id, "events": events, "last": at == last });
        frames.into_iter().enumerate().map(frame).collect()
    }
}

fn is_final(kind: &str) -> bool {
    const EXACT: [&str; 13] = [
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
    ];
    EXACT.contains(&kind) || kind.ends_with("transcript.done") || kind.ends_with("text.done")
}
