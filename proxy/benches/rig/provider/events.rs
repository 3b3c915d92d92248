//! The provider's server events in their documented shape, with the fields that a reader of them may need.

use serde_json::{Value, json};

pub(super) fn speech_started(item: &str, at_ms: u64) -> Value {
    json!({ "type": "input_audio_buffer.speech_started", "audio_start_ms": at_ms, "item_id": item })
}

pub(super) fn speech_stopped(item: &str, at_ms: u64) -> Value {
    json!({ "type": "input_audio_buffer.speech_stopped", "audio_end_ms": at_ms, "item_id": item })
}

pub(super) fn committed(item: &str, after: Option<&str>) -> Value {
    json!({ "type": "input_audio_buffer.committed", "previous_item_id": after, "item_id": item })
}

/// `conversation.item.added` or `.done`.
pub(super) fn item(kind: &str, item: &Value, after: Option<&str>) -> Value {
    json!({ "type": format!("conversation.item.{kind}"), "previous_item_id": after, "item": item })
}

pub(super) fn user_item(id: &str, transcript: Option<&str>) -> Value {
    json!({ "id": id, "type": "message", "object": "realtime.item", "status": "completed", "role": "user",
        "content": [{ "type": "input_audio", "transcript": transcript }] })
}

pub(super) fn model_item(id: &str, status: &str, words: Option<&str>) -> Value {
    let content = words.map_or_else(|| json!([]), |words| json!([{ "type": "output_audio", "transcript": words }]));
    json!({ "id": id, "type": "message", "object": "realtime.item", "status": status, "role": "assistant",
        "content": content })
}

pub(super) fn words_delta(item: &str, delta: &str) -> Value {
    json!({ "type": "conversation.item.input_audio_transcription.delta", "item_id": item, "content_index": 0,
        "delta": delta })
}

pub(super) fn words_completed(item: &str, words: &str) -> Value {
    json!({ "type": "conversation.item.input_audio_transcription.completed", "item_id": item, "content_index": 0,
        "transcript": words, "usage": { "type": "duration", "seconds": 3 } })
}

pub(super) fn words_failed(item: &str) -> Value {
    json!({ "type": "conversation.item.input_audio_transcription.failed", "item_id": item, "content_index": 0,
        "error": { "type": "transcription_error", "code": "audio_unintelligible", "message": "The audio could not be transcribed." } })
}

/// `response.created` and `response.done`.
pub(super) fn response(kind: &str, id: &str, status: &str, metadata: &Value, output: &[Value]) -> Value {
    let usage = (kind == "done").then(|| {
        json!({ "total_tokens": 340, "input_tokens": 250, "output_tokens": 90,
            "input_token_details": { "text_tokens": 180, "audio_tokens": 70, "cached_tokens": 128 },
            "output_token_details": { "text_tokens": 20, "audio_tokens": 70 } })
    });
    json!({ "type": format!("response.{kind}"), "response": { "object": "realtime.response", "id": id,
        "status": status, "status_details": null, "output": output, "conversation_id": "conv_rig",
        "output_modalities": ["audio"], "max_output_tokens": "inf", "usage": usage, "metadata": metadata } })
}

pub(super) fn output_item(kind: &str, reply: &str, item: &Value) -> Value {
    json!({ "type": format!("response.output_item.{kind}"), "response_id": reply, "output_index": 0, "item": item })
}

/// The parts of a reply's only content part.
pub(super) fn content(kind: &str, reply: &str, item: &str, field: Option<(&str, &str)>) -> Value {
    let mut event = json!({ "type": format!("response.{kind}"), "response_id": reply, "item_id": item,
        "output_index": 0, "content_index": 0 });
    if let Some((name, value)) = field {
        event[name] = value.into();
    }
    event
}

/// `started`, `stopped` or `cleared`.
pub(super) fn playback(kind: &str, reply: &str) -> Value {
    json!({ "type": format!("output_audio_buffer.{kind}"), "response_id": reply })
}

pub(super) fn truncated(item: &str, audio_end_ms: u64) -> Value {
    json!({ "type": "conversation.item.truncated", "item_id": item, "content_index": 0, "audio_end_ms": audio_end_ms })
}

pub(super) fn session(kind: &str, session: &Value) -> Value {
    json!({ "type": format!("session.{kind}"), "session": session })
}

pub(super) fn error(code: &str, caused_by: &Value) -> Value {
    json!({ "type": "error", "error": { "type": "invalid_request_error", "code": code, "message": "Not now.",
        "param": null, "event_id": caused_by } })
}
