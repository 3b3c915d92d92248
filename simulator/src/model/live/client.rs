//! What clients may send: on sidebands all of it, on the data channel what the session allows.

use serde_json::{Value, json};

use super::super::refusal::Refusal;
use super::super::{From, Output, Target, WAITING_UPDATES, millis};
use super::LiveModel;

/// The provider takes 500 tokens; this is about as much.
const MAX_CONTENT: usize = 2_000;

impl LiveModel {
    pub(super) fn client_event(&mut self, from: From, text: &str) {
        let event = serde_json::from_str::<Value>(text).unwrap_or_default();
        if let Err(refusal) = self.perform(from, &event) {
            let mut error = json!({"type": refusal.kind, "code": refusal.code, "message": refusal.message});
            if let Some(param) = &refusal.param {
                error["param"] = param.as_str().into();
            }
            if event["event_id"].is_string() && !self.setup.faults.quirks.error_unattributed {
                error["client_event_id"] = event["event_id"].clone();
            }
            let answer = answering(&event, json!({"type": "error", "error": error}));
            match from {
                From::Channel => self.emit_to(Target::Channel, answer),
                From::Sideband => self.emit(answer),
            }
        }
    }

    fn perform(&mut self, from: From, event: &Value) -> Result<(), Refusal> {
        let Some(kind) = event["type"].as_str() else {
            return Err(Refusal::new("missing_required_parameter", "Missing required parameter: 'type'.").at("type"));
        };
        if from == From::Channel && !self.permissions.may_say(kind) {
            let text = "This event is not allowed on the data channel of this session.";
            return Err(Refusal::new("event_not_allowed", text).at("type"));
        }
        match kind {
            "session.update" => self.update(event),
            "session.instructions.append" | "session.thinking.append" | "session.commentary.append" => {
                self.append_later(event)
            }
            "session.input_audio.mute" | "session.input_audio.unmute" => {
                let muted = if kind.ends_with("unmute") { "unmuted" } else { "muted" };
                self.emit(answering(event, json!({"type": format!("session.input_audio.{muted}")})));
                Ok(())
            }
            "session.close" => {
                self.outputs.push(Output::End);
                Ok(())
            }
            "response.create" | "response.item.create" => {
                Err(Refusal::new("invalid_request", "This session does not delegate to Responses."))
            }
            "session.start" => Err(Refusal::new("invalid_request", "The session has started.")),
            _ => Err(Refusal::new("invalid_value", "Invalid value for 'type'.").at("type")),
        }
    }

    /// Only delegation and triggers may change; an update of nothing is answered all the same.
    fn update(&mut self, event: &Value) -> Result<(), Refusal> {
        let Some(changes) = event["session"].as_object() else {
            let text = "Missing required parameter: 'session'.";
            return Err(Refusal::new("missing_required_parameter", text).at("session"));
        };
        if let Some(other) = changes.keys().find(|name| !matches!(name.as_str(), "delegation" | "triggers")) {
            let at = format!("session.{}", other.chars().take(64).collect::<String>());
            return Err(Refusal::new("immutable_parameter", format!("'{at}' cannot be changed.")).at(at));
        }
        for (name, value) in changes {
            self.session[name] = value.clone();
        }
        let session = self.session.clone();
        self.emit(answering(event, json!({"type": "session.updated", "session": session})));
        Ok(())
    }

    fn append_later(&mut self, event: &Value) -> Result<(), Refusal> {
        let Some(content) = event["content"].as_str() else {
            let text = "Missing required parameter: 'content'.";
            return Err(Refusal::new("missing_required_parameter", text).at("content"));
        };
        if event.get("delegation_id").is_none() {
            let text = "Missing required parameter: 'delegation_id'.";
            return Err(Refusal::new("missing_required_parameter", text).at("delegation_id"));
        }
        if content.len() > MAX_CONTENT {
            return Err(Refusal::new("string_too_long", "The content has more than 500 tokens.").at("content"));
        }
        if self.waiting.len() >= WAITING_UPDATES {
            return Err(Refusal::new("rate_limit_exceeded", "Too many updates at once."));
        }
        let at = self.now + millis(self.setup.faults.update_delay);
        self.waiting.push_back((at, event.clone()));
        Ok(())
    }

    /// It counts from here on, which is all that is confirmed.
    pub(super) fn append(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap_or_default();
        let content = event["content"].as_str().unwrap_or_default();
        let clock = self.clock();
        let told = json!({"type": format!("{kind}ed"), "start_ms": clock, "end_ms": clock});
        if !self.setup.faults.quirks.update_minimal_unanswered {
            self.emit(answering(event, told));
        }
        if kind == "session.thinking.append" {
            return;
        }
        self.instructions.push('\n');
        self.instructions.push_str(content);
        let asks = |what: &str| content.lines().any(|line| line.starts_with(what));
        if asks("Stop speaking") {
            self.stop();
            self.reply_at = None;
        }
        if asks("Speak now") || kind == "session.commentary.append" {
            self.reply_at.get_or_insert(self.now + self.setup.reply_delay_ms);
        }
    }
}

/// An event that says which client event it answers.
fn answering(event: &Value, mut answer: Value) -> Value {
    if event["event_id"].is_string() {
        answer["client_event_id"] = event["event_id"].clone();
    }
    answer
}
