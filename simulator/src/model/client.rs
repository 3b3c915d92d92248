//! What clients may send, on the data channel and on sidebands.

use serde_json::{Value, json};

use super::conversation::admit;
use super::refusal::Refusal;
use super::{From, Model, Output, Target, WAITING_UPDATES};

impl Model {
    /// Take one client event as text; whatever is wrong with it is answered by an `error` event.
    pub(super) fn client_event(&mut self, now: u64, from: From, text: &str) {
        let event = match serde_json::from_str::<Value>(text) {
            Ok(event) if event.is_object() => event,
            _ => {
                let refusal = Refusal::new("invalid_json", "The event is not a JSON object.");
                return self.refuse(&Value::Null, &refusal);
            }
        };
        if let Err(refusal) = self.perform(now, from, &event) {
            self.refuse(&event, &refusal);
        }
    }

    fn refuse(&mut self, event: &Value, refusal: &Refusal) {
        let error = refusal.event(event["event_id"].as_str());
        self.emit(json!({"type": "error", "error": error}));
    }

    fn perform(&mut self, now: u64, from: From, event: &Value) -> Result<(), Refusal> {
        match event["type"].as_str() {
            Some("session.update") => self.queue_update(now, from, event),
            Some("response.create") => self.reply_by_client(now, &event["response"]),
            Some("response.cancel") => self.cancel_by_client(now, event["response_id"].as_str()),
            Some("conversation.item.create") => self.create_item(event),
            Some("conversation.item.retrieve") => self.retrieve_item(event),
            Some("conversation.item.truncate") => self.truncate_item(event),
            Some("conversation.item.delete") => self.delete_item(event),
            Some("output_audio_buffer.clear") => {
                self.clear_output(now);
                Ok(())
            }
            Some("input_audio_buffer.commit") => self.commit_by_client(now),
            Some("input_audio_buffer.clear") => {
                self.clear_input();
                Ok(())
            }
            Some("input_audio_buffer.append") => {
                Err(Refusal::new("invalid_value", "Audio of a WebRTC session comes over its media track.").at("type"))
            }
            Some(_) => Err(Refusal::new("invalid_value", "Invalid value for 'type'.").at("type")),
            None => Err(Refusal::new("missing_required_parameter", "Missing required parameter: 'type'.").at("type")),
        }
    }

    // === the session ===

    fn queue_update(&mut self, now: u64, from: From, event: &Value) -> Result<(), Refusal> {
        let delay = super::millis(self.setup.faults.update_delay);
        if delay == 0 {
            self.update_session(from, event);
            return Ok(());
        }
        if self.waiting_updates.len() >= WAITING_UPDATES {
            return Err(Refusal::new("rate_limit_exceeded", "Too many updates at once."));
        }
        self.waiting_updates.push_back((now + delay, from, event.clone()));
        Ok(())
    }

    pub(super) fn update_session(&mut self, from: From, event: &Value) {
        if let Err(refusal) = self.session.update(&event["session"], self.voiced) {
            return self.refuse(event, &refusal);
        }
        let listening = self.session.turn_detection();
        self.outputs.push(Output::Listen(listening));
        let hidden = from == From::Channel && self.setup.faults.updates_unmirrored;
        let target = if hidden { Target::Channel } else { Target::Both };
        let session = self.session.to_value();
        self.emit_to(target, json!({"type": "session.updated", "session": session}));
    }

    // === items ===

    fn create_item(&mut self, event: &Value) -> Result<(), Refusal> {
        let fresh = self.ids.next("item");
        let item = admit(&event["item"], fresh)?;
        let id = item["id"].as_str().unwrap_or_default();
        if self.conversation.get(id).is_some() {
            return Err(Refusal::new("item_already_exists", "An item with this id exists already.").at("item.id"));
        }
        let after = event["previous_item_id"].as_str();
        let previous = self.conversation.insert(item.clone(), after)?;
        self.context.add(super::usage::Tokens::of_text(&said_in(&item)));
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.emit(json!({"type": kind, "previous_item_id": previous, "item": item}));
        }
        Ok(())
    }

    fn retrieve_item(&mut self, event: &Value) -> Result<(), Refusal> {
        let id = item_id(event)?;
        let mut item = self
            .conversation
            .get(id)
            .ok_or_else(|| unknown_item("item_retrieve_invalid_item_id", "retrieving"))?
            .clone();
        let bytes = self.setup.faults.retrieved_audio_bytes;
        if bytes > 0 && item["content"][0].is_object() {
            // The length of base64 with its padding; what it decodes to is silence.
            item["content"][0]["audio"] = "A".repeat(bytes.next_multiple_of(4)).into();
        }
        self.emit(json!({"type": "conversation.item.retrieved", "item": item}));
        Ok(())
    }

    fn truncate_item(&mut self, event: &Value) -> Result<(), Refusal> {
        let id = item_id(event)?;
        let item =
            self.conversation.get(id).ok_or_else(|| unknown_item("item_truncate_invalid_item_id", "truncating"))?;
        if item["role"] != "assistant" || item["content"][0]["type"] != "output_audio" {
            return Err(Refusal::new("unsupported_content_type", "Only model output audio messages can be truncated"));
        }
        let Some(end_ms) = event["audio_end_ms"].as_u64() else {
            return Err(Refusal::new("missing_required_parameter", "Missing required parameter: 'audio_end_ms'.")
                .at("audio_end_ms"));
        };
        if let Some(audio_ms) = self.audio_of(id).filter(|&audio_ms| audio_ms < end_ms) {
            let message = format!("Audio content of {audio_ms}ms is already shorter than {end_ms}ms");
            return Err(Refusal::new("invalid_value", message).at("audio_end_ms"));
        }
        let id = id.to_owned();
        self.truncated(&id, end_ms);
        Ok(())
    }

    fn delete_item(&mut self, event: &Value) -> Result<(), Refusal> {
        let id = item_id(event)?;
        if !self.conversation.remove(id) {
            return Err(unknown_item("item_delete_invalid_item_id", "deleting"));
        }
        self.emit(json!({"type": "conversation.item.deleted", "item_id": id}));
        Ok(())
    }
}

fn item_id(event: &Value) -> Result<&str, Refusal> {
    event["item_id"].as_str().ok_or_else(|| {
        Refusal::new("missing_required_parameter", "Missing required parameter: 'item_id'.").at("item_id")
    })
}

fn unknown_item(code: &'static str, doing: &str) -> Refusal {
    let message = format!("Error {doing} item: the item with this id does not exist.");
    Refusal::new(code, message).at("item_id")
}

/// Everything readable in an item, for counting.
fn said_in(item: &Value) -> String {
    let parts = item["content"].as_array().map_or(&[][..], Vec::as_slice);
    let texts = parts.iter().filter_map(|part| part["text"].as_str().or(part["transcript"].as_str()));
    texts.chain(item["output"].as_str()).collect()
}
