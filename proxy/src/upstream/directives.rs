//! Directives in the words of the realtime dialect. Pure: what is sent by which socket is decided
//! elsewhere.

use std::sync::Arc;

use serde_json::{Value, json};

use super::session::{SessionSpec, update_session};
use crate::call::core::Directive;
use crate::interview::{Conversation, Listening, Plan};

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
    /// What an application said of its own call, where nobody leads an interview.
    pub own: Option<Own>,
    /// Nobody is asked anything: what is listened for instead.
    pub listening: Option<Listening>,
}

/// An application's own settings, and how much of them is kept in force.
#[derive(Clone, Debug)]
pub struct Own {
    plan: Arc<Plan>,
    keeps: Keeps,
}

/// What of an application's settings is asserted while the call runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Everything it said.
    All,
    /// Only that what is said is written down; the rest is the client's to change.
    Words,
}

impl Own {
    /// The settings of a conversation's plan; `None` for an interview.
    #[must_use]
    pub fn of(plan: &Arc<Plan>, keeps: Keeps) -> Option<Self> {
        plan.conversation.is_some().then(|| Self { plan: plan.clone(), keeps })
    }

    pub(super) fn conversation(&self) -> Option<&Conversation> {
        self.plan.conversation.as_deref()
    }

    pub(super) fn keeps(&self) -> Keeps {
        self.keeps
    }
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
            own: self.own.as_ref(),
            listening: self.listening.as_ref(),
        }
    }

    /// The client events that carry out a directive, in order. A model that only listens can be configured and ended, and
    /// nothing else.
    #[must_use]
    pub fn encode(&self, directive: &Directive) -> Vec<Value> {
        match (directive, &self.listening) {
            (Directive::Configure { .. }, _) | (_, None) => {}
            // What was heard is still translated before the session closes.
            (Directive::Stop { id }, Some(Listening::Translation { .. })) => {
                return vec![json!({ "type": "session.close", "event_id": id })];
            }
            (_, Some(_)) => return Vec::new(),
        }
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
        Template {
            model: "m".into(),
            voice: "v".into(),
            transcription_model: "t".into(),
            language: None,
            own: None,
            listening: None,
        }
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
    fn an_application_s_own_settings_are_asserted_as_far_as_they_are_kept() {
        let settings = json!({ "model": "m", "instructions": "Sell bicycles.", "tools": [{ "type": "function", "name": "price" }],
            "audio": { "input": { "transcription": { "language": "de" }, "turn_detection": null }, "output": { "voice": "ash", "speed": 1.2 } } });
        let plan = Arc::new(Plan::of_conversation(Conversation::new(settings)));
        let of = |keeps| {
            let template = Template { own: Own::of(&plan, keeps), ..template() };
            let directive =
                Directive::Configure { id: "d".into(), instructions: "Sell bicycles.".into(), gate: Gate::Provider };
            let created = super::super::session::create_session(&template.spec("Sell bicycles.", Gate::Provider));
            (created, template.encode(&directive).remove(0)["session"].take())
        };
        let (created, all) = of(Keeps::All);
        assert_eq!((&created["model"], &created["audio"]["output"]["voice"]), (&json!("m"), &json!("ash")));
        assert_eq!(created["audio"]["input"]["transcription"], json!({ "model": "t", "language": "de" }));
        assert_eq!(all["tools"], created["tools"]);
        assert_eq!(all["audio"]["input"], created["audio"]["input"]);
        assert_eq!(
            (&all["instructions"], &all["audio"]["output"]),
            (&json!("Sell bicycles."), &json!({ "speed": 1.2 }))
        );
        assert!(all.get("model").is_none(), "fixed once the call exists");
        let (_, words) = of(Keeps::Words);
        assert_eq!(
            words,
            json!({ "type": "realtime", "audio": { "input": { "transcription": { "model": "t", "language": "de" } } } })
        );
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
