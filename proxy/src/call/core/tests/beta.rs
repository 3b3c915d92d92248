//! The names of the beta shape, which compatible servers still send.

use serde_json::Value;

/// The same event under the names of the beta shape.
pub(super) fn renamed(mut event: Value) -> Value {
    let kind = event["type"].as_str().unwrap_or_default();
    let name = match kind {
        "conversation.item.added" => "conversation.item.created".to_owned(),
        _ => kind.replace("response.output_audio_transcript", "response.audio_transcript"),
    };
    event["type"] = name.into();
    if event["item"]["content"][0]["type"] == "output_audio" {
        event["item"]["content"][0]["type"] = "audio".into();
    }
    event
}
