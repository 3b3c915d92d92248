//! The shape of a response and the events of its output.

use serde_json::{Value, json};

use super::conversation::message;
use super::session::Modality;

/// What stays the same over a response's life.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) id: String,
    pub(super) item_id: String,
    /// `null` for a response outside of the conversation.
    pub(super) conversation_id: Option<String>,
    pub(super) modality: Modality,
    pub(super) max_output_tokens: Value,
    pub(super) audio: Value,
    pub(super) metadata: Value,
}

/// How a response ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    Completed,
    /// The caller spoke, or the client asked for it.
    Cancelled(&'static str),
    Failed {
        code: &'static str,
        message: &'static str,
    },
}

impl Ending {
    fn status(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled(_) => "cancelled",
            Self::Failed { .. } => "failed",
        }
    }

    fn details(&self) -> Value {
        match self {
            Self::Completed => Value::Null,
            Self::Cancelled(reason) => json!({"type": "cancelled", "reason": reason}),
            Self::Failed { code, message } => json!({
                "type": "failed",
                "error": {"type": code, "code": code, "message": message},
            }),
        }
    }

    /// The status of a message that ends with its response.
    pub(super) fn item_status(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled(_) | Self::Failed { .. } => "incomplete",
        }
    }
}

impl Shape {
    fn object(&self, status: &str, details: &Value, output: &[Value], usage: &Value) -> Value {
        let modality = match self.modality {
            Modality::Audio => "audio",
            Modality::Text => "text",
        };
        json!({
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": output,
            "conversation_id": self.conversation_id,
            "output_modalities": [modality],
            "max_output_tokens": self.max_output_tokens,
            "audio": self.audio,
            "usage": usage,
            "metadata": self.metadata,
        })
    }

    pub(super) fn created(&self) -> Value {
        let response = self.object("in_progress", &Value::Null, &[], &Value::Null);
        json!({"type": "response.created", "response": response})
    }

    pub(super) fn done(&self, ending: &Ending, output: &[Value], usage: &Value) -> Value {
        let response = self.object(ending.status(), &ending.details(), output, usage);
        json!({"type": "response.done", "response": response})
    }

    /// An event about the item at this place of the output.
    pub(super) fn output_item(&self, kind: &str, index: usize, item: &Value) -> Value {
        json!({"type": kind, "response_id": self.id, "output_index": index, "item": item})
    }

    /// The spoken or written message with its text so far.
    pub(super) fn message(&self, status: &str, text: Option<&str>) -> Value {
        let part = text.map(|text| match self.modality {
            Modality::Audio => json!({"type": "output_audio", "transcript": text}),
            Modality::Text => json!({"type": "output_text", "text": text}),
        });
        message(&self.item_id, "assistant", status, part)
    }

    /// An event about the message's content. Content parts keep their old type names.
    pub(super) fn part(&self, kind: &str, text: &str) -> Value {
        let part = match self.modality {
            Modality::Audio => json!({"type": "audio", "transcript": text}),
            Modality::Text => json!({"type": "text", "text": text}),
        };
        let mut event = self.content(kind);
        event["part"] = part;
        event
    }

    pub(super) fn delta(&self, delta: &str, obfuscation: String) -> Value {
        let mut event = self.content(match self.modality {
            Modality::Audio => "response.output_audio_transcript.delta",
            Modality::Text => "response.output_text.delta",
        });
        event["delta"] = delta.into();
        event["obfuscation"] = obfuscation.into();
        event
    }

    /// What closes the deltas.
    pub(super) fn text_done(&self, text: &str) -> Vec<Value> {
        match self.modality {
            Modality::Audio => {
                let mut done = self.content("response.output_audio_transcript.done");
                done["transcript"] = text.into();
                vec![self.content("response.output_audio.done"), done]
            }
            Modality::Text => {
                let mut done = self.content("response.output_text.done");
                done["text"] = text.into();
                vec![done]
            }
        }
    }

    fn content(&self, kind: &str) -> Value {
        json!({
            "type": kind,
            "response_id": self.id,
            "item_id": self.item_id,
            "output_index": 0,
            "content_index": 0,
        })
    }
}
