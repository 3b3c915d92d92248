//! Directives in the words of the realtime dialect. Pure: what is sent by which socket is decided
//! elsewhere.

use serde_json::{Value, json};

use super::session::{SessionSpec, update_session};
use crate::call::core::Directive;

/// What every configuration of a call has in common.
#[derive(Clone, Debug)]
pub struct Template {
    /// Model of the call.
    pub model: String,
    /// Voice of the call.
    pub voice: String,
    /// Model that writes down what the candidate says.
    pub transcription_model: String,
    /// Language, BCP 47.
    pub language: Option<String>,
}

impl Template {
    /// A session object's parts with these instructions and gate.
    #[must_use]
    pub fn spec<'a>(&'a self, instructions: &'a str, gate: super::facts::Gate) -> SessionSpec<'a> {
        SessionSpec {
            model: &self.model,
            voice: &self.voice,
            instructions,
            transcription_model: &self.transcription_model,
            language: self.language.as_deref(),
            gate,
        }
    }

    /// The client events that carry out a directive, in order.
    #[must_use]
    pub fn encode(&self, directive: &Directive) -> Vec<Value> {
        match directive {
            Directive::Configure { id, instructions, gate } => {
                vec![
                    json!({ "type": "session.update", "event_id": id, "session": update_session(&self.spec(instructions, *gate)) }),
                ]
            }
            Directive::Speak { id, nonce, instructions } => {
                let mut response = json!({ "metadata": { "viva": nonce } });
                if let Some(instructions) = instructions {
                    response["instructions"] = json!(instructions);
                }
                vec![json!({ "type": "response.create", "event_id": id, "response": response })]
            }
            // A refused cancel ("no active response") is normal here; the clear is what silences playback.
            Directive::Stop { id } => vec![
                json!({ "type": "response.cancel", "event_id": id }),
                json!({ "type": "output_audio_buffer.clear", "event_id": format!("{id}_clear") }),
            ],
            Directive::Retrieve { id, item } => {
                vec![json!({ "type": "conversation.item.retrieve", "event_id": id, "item_id": item })]
            }
            Directive::Remove { id, item } => {
                vec![json!({ "type": "conversation.item.delete", "event_id": id, "item_id": item })]
            }
            Directive::ToolResult { id, call_id, output } => vec![json!({
                "type": "conversation.item.create",
                "event_id": id,
                "item": { "type": "function_call_output", "call_id": call_id, "output": output },
            })],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::facts::{Gate, Guarded};

    fn template() -> Template {
        Template { model: "m".into(), voice: "v".into(), transcription_model: "t".into(), language: None }
    }

    #[test]
    fn a_configuration_is_recognised_in_its_own_echo() {
        for gate in [Gate::Server, Gate::Provider] {
            let directive = Directive::Configure { id: "d".into(), instructions: "Be kind.".into(), gate };
            let events = template().encode(&directive);
            assert_eq!(events[0]["event_id"], "d");
            let echo = Guarded::of_session(&events[0]["session"]);
            assert!(echo.answers("Be kind.", gate) && !echo.answers("Be rude.", gate));
            assert_eq!(echo.transcription.as_deref(), Some("t"));
        }
    }

    #[test]
    fn a_reply_carries_its_mark_and_only_then_its_own_instructions() {
        let speak = |instructions: Option<&str>| {
            let directive =
                Directive::Speak { id: "d".into(), nonce: "n".into(), instructions: instructions.map(Into::into) };
            template().encode(&directive).remove(0)
        };
        assert_eq!(speak(None)["response"], json!({"metadata": {"viva": "n"}}));
        assert_eq!(speak(Some("x"))["response"]["instructions"], "x");
    }
}
