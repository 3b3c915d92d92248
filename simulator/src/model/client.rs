//! What clients may send, on the data channel and on sidebands.

use serde_json::{Value, json};

use super::conversation::admit;
use super::refusal::Refusal;
use super::session::SessionKind;
use super::{From, Model, Output, Target, WAITING_UPDATES};

impl Model {
    /// Take one client event as text; whatever is wrong with it is answered by an `error` event.
    pub(super) fn client_event(&mut self, now: u64, from: From, text: &str) {
        let event = match serde_json::from_str::<Value>(text) {
            Ok(event) if event.is_object() => event,
            _ => {
                let refusal = Refusal::new("invalid_json", "The event is not a JSON object.");
                return self.refuse(from, &Value::Null, &refusal);
            }
        };
        if let Err(refusal) = self.perform(now, from, &event) {
            self.refuse(from, &event, &refusal);
        }
    }

    fn refuse(&mut self, from: From, event: &Value, refusal: &Refusal) {
        let quirks = &self.setup.faults.quirks;
        let answered = event["event_id"].as_str().filter(|_| !quirks.error_unattributed);
        let target = mirrored(from, quirks.errors_unmirrored);
        self.emit_to(target, json!({"type": "error", "error": refusal.event(answered)}));
    }

    fn perform(&mut self, now: u64, from: From, event: &Value) -> Result<(), Refusal> {
        let kind = event["type"].as_str();
        // Where nobody is answered there is nothing to ask for.
        let converses = self.session.kind() == SessionKind::Realtime;
        let is_known = kind.is_none_or(|kind| kind == "session.update" || kind.starts_with("input_audio_buffer."));
        if !converses && !is_known {
            let text = "This event is not supported in a transcription session.";
            return Err(Refusal::new("invalid_value", text).at("type"));
        }
        match kind {
            Some("session.update") => self.queue_update(now, from, event),
            Some("response.create") => self.reply_by_client(now, &event["response"]),
            Some("response.cancel") => self.cancel_by_client(now, event["response_id"].as_str()),
            Some("conversation.item.create") => self.create_item(event),
            Some("conversation.item.retrieve") => self.retrieve_item(from, event),
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
            self.update_session(now, from, event);
            return Ok(());
        }
        if self.waiting_updates.len() >= WAITING_UPDATES {
            return Err(Refusal::new("rate_limit_exceeded", "Too many updates at once."));
        }
        self.waiting_updates.push_back((now + delay, from, event.clone()));
        Ok(())
    }

    pub(super) fn update_session(&mut self, now: u64, from: From, event: &Value) {
        let quirks = self.setup.faults.quirks.clone();
        let before = self.session.to_value();
        let patch =
            if quirks.update_merges_deep { deepened(&event["session"], &before) } else { event["session"].clone() };
        if quirks.model_change_refused && patch.get("model").is_some_and(|model| *model != before["model"]) {
            let refusal = Refusal::new("invalid_value", "The model of a session cannot be changed.");
            return self.refuse(from, event, &refusal.at("session.model"));
        }
        if let Err(refusal) = self.session.update(&patch, self.voiced) {
            return self.refuse(from, event, &refusal);
        }
        let listening = self.session.turn_detection();
        self.outputs.push(Output::Listen(listening));
        if quirks.update_cuts_speech && !self.floor.taken() {
            self.interrupt(now);
        }
        let session = self.session.to_value();
        if quirks.update_minimal_unanswered && session == before {
            return;
        }
        let target = mirrored(from, quirks.updates_unmirrored);
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
        self.seeded |= item["role"] == "assistant";
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.emit(json!({"type": kind, "previous_item_id": previous, "item": item}));
        }
        Ok(())
    }

    fn retrieve_item(&mut self, from: From, event: &Value) -> Result<(), Refusal> {
        let id = item_id(event)?;
        let quirks = &self.setup.faults.quirks;
        if quirks.retrieve_fails {
            return Err(Refusal::new("item_retrieve_failed", "The item could not be retrieved.").at("item_id"));
        }
        let mut item = self
            .conversation
            .get(id)
            .ok_or_else(|| unknown_item("item_retrieve_invalid_item_id", "retrieving"))?
            .clone();
        if quirks.retrieve_wordless
            && let Some(parts) = item["content"].as_array_mut()
        {
            let spoken = parts.iter_mut().filter(|part| part["transcript"].is_string());
            spoken.for_each(|part| part["transcript"] = Value::Null);
        }
        let bytes = quirks.retrieved_audio_bytes;
        if bytes > 0 && item["content"][0].is_object() {
            // The length of base64 with its padding; what it decodes to is silence.
            item["content"][0]["audio"] = "A".repeat(bytes.next_multiple_of(4)).into();
        }
        let target = mirrored(from, quirks.retrieved_unmirrored);
        self.emit_to(target, json!({"type": "conversation.item.retrieved", "item": item}));
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

/// Who gets the answer to a client event; `hidden`: answers to the data channel are not mirrored.
fn mirrored(from: From, hidden: bool) -> Target {
    if hidden && from == From::Channel { Target::Channel } else { Target::Both }
}

/// An update whose nested objects keep what it does not name.
fn deepened(patch: &Value, current: &Value) -> Value {
    let mut patch = patch.clone();
    for name in ["turn_detection", "transcription"] {
        let path = format!("/audio/input/{name}");
        let before = current.pointer(&path).and_then(Value::as_object);
        if let (Some(fields), Some(before)) = (patch.pointer_mut(&path).and_then(Value::as_object_mut), before) {
            for (field, value) in before {
                fields.entry(field.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    patch
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
