//! How an event is worded on the wire, where that is in doubt: its links, its names.
//!
//! The model speaks one language, that of general availability; this is the last thing that is
//! done to an event before it is text.

use serde_json::{Value, json};

use crate::faults::Faults;

/// Reword an event as the faults have it.
pub(super) fn reword(mut event: Value, faults: &Faults) -> Value {
    let unlinked = faults.unlinked || (faults.done_unlinked && event["type"] == "conversation.item.done");
    if unlinked && let Some(link) = event.get_mut("previous_item_id") {
        *link = Value::Null;
    }
    if faults.quirks.beta_names {
        old_names(&mut event);
    }
    event
}

/// The names from before general availability. There was one event for a new item, and none for
/// its end: `done` keeps its name, which old clients do not know.
fn old_names(event: &mut Value) {
    let old = match event["type"].as_str().unwrap_or_default() {
        "conversation.item.added" => Some("conversation.item.created".to_owned()),
        name => name
            .strip_prefix("response.output_")
            .filter(|rest| rest.starts_with("audio") || rest.starts_with("text"))
            .map(|rest| format!("response.{rest}")),
    };
    if let Some(old) = old {
        event["type"] = old.into();
    }
    for path in ["/item/content", "/response/output"] {
        if let Some(list) = event.pointer_mut(path).and_then(Value::as_array_mut) {
            list.iter_mut().for_each(old_part);
        }
    }
}

/// A content part, or an item with parts.
fn old_part(part: &mut Value) {
    if part["type"] == "output_audio" || part["type"] == "output_text" {
        let old = part["type"].as_str().and_then(|name| name.strip_prefix("output_")).unwrap_or_default();
        part["type"] = json!(old);
    }
    if let Some(list) = part.get_mut("content").and_then(Value::as_array_mut) {
        list.iter_mut().for_each(old_part);
    }
}

/// The same event as another connection gets it, when each has ids of its own.
pub(super) fn with_own_id(event: &Value, connection: u64) -> Value {
    let mut event = event.clone();
    if let Some(id) = event["event_id"].as_str() {
        event["event_id"] = format!("{id}{connection}").into();
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reworded(faults: &str, event: Value) -> Value {
        reword(event, &Faults::parse(faults).unwrap())
    }

    #[test]
    fn links_can_be_lost_at_the_end_or_everywhere() {
        let event = |kind: &str| json!({"type": kind, "previous_item_id": "a"});
        for (faults, kind, kept) in [
            ("", "conversation.item.done", true),
            ("done_unlinked", "conversation.item.done", false),
            ("done_unlinked", "conversation.item.added", true),
            ("unlinked", "input_audio_buffer.committed", false),
        ] {
            assert_eq!(reworded(faults, event(kind))["previous_item_id"].is_string(), kept, "{faults} {kind}");
        }
        assert_eq!(reworded("unlinked", json!({"type": "x"})), json!({"type": "x"}), "no field is made");
    }

    #[test]
    fn names_can_be_old() {
        for (new, old) in [
            ("conversation.item.added", "conversation.item.created"),
            ("response.output_audio_transcript.delta", "response.audio_transcript.delta"),
            ("response.output_audio.done", "response.audio.done"),
            ("response.output_text.done", "response.text.done"),
            ("response.output_item.added", "response.output_item.added"),
            ("output_audio_buffer.started", "output_audio_buffer.started"),
        ] {
            assert_eq!(reworded("beta_names", json!({"type": new}))["type"], old);
        }
        let part = json!({"type": "output_audio", "transcript": "Hello"});
        let done =
            reworded("beta_names", json!({"type": "response.done", "response": {"output": [{"content": [part]}]}}));
        assert_eq!(done["response"]["output"][0]["content"][0]["type"], "audio");
    }
}
