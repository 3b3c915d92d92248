//! The model's replies: begun, generated word by word ahead of playback, finished or cut short.

use std::time::Duration;

use serde_json::{Value, json};

use super::interviewer::Obedience;
use super::playback::Playing;
use super::refusal::Refusal;
use super::response::{Ending, Shape};
use super::session::Modality;
use super::usage::{self, Tokens};
use super::{Model, Output};
use crate::config::ToolUse;
use crate::speech::voice::Voice;

/// Words a minute for replies nobody hears, as fast as text models write.
const TEXT_WORD_MS: u64 = 30;
/// Responses at once, those outside of the conversation included.
const RESPONSES: usize = 8;
/// Questions after which the interviewer calls `advance_stage`.
const QUESTIONS_BEFORE_ADVANCE: usize = 2;

/// A reply being generated.
#[derive(Debug)]
pub(super) struct Reply {
    shape: Shape,
    /// The words, each with the space before it.
    pieces: Vec<String>,
    said: usize,
    word_ms: u64,
    audio: Duration,
    instructions: String,
    tool: Option<&'static str>,
    begun: bool,
    due: u64,
}

impl Reply {
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    pub(super) fn in_conversation(&self) -> bool {
        self.shape.conversation_id.is_some()
    }

    fn text(&self) -> String {
        self.pieces[..self.said].concat()
    }

    /// The audio that exists by now.
    fn generated(&self) -> Duration {
        let share = self.said as u32;
        self.audio * share / (self.pieces.len().max(1) as u32)
    }
}

impl Model {
    /// Whether the conversation has a reply in progress.
    pub(super) fn replying(&self) -> bool {
        self.replies.iter().any(Reply::in_conversation)
    }

    /// `response.create`.
    pub(super) fn reply_by_client(&mut self, now: u64, request: &Value) -> Result<(), Refusal> {
        let outside = request["conversation"] == "none";
        let active = self.replies.iter().find(|reply| reply.in_conversation());
        if let Some(active) = active.filter(|_| !outside) {
            let message = format!(
                "Conversation already has an active response in progress: {}. Wait until the response is finished before creating a new one.",
                active.shape.id
            );
            return Err(Refusal::new("conversation_already_has_active_response", message));
        }
        if self.replies.len() >= RESPONSES {
            return Err(Refusal::new("rate_limit_exceeded", "Too many responses at once."));
        }
        if request.get("instructions").is_some_and(|text| !text.is_string()) {
            return Err(Refusal::new("invalid_type", "Invalid type for 'response.instructions': expected a string.")
                .at("response.instructions"));
        }
        self.reply(now, request);
        Ok(())
    }

    /// Begin a reply; `request` is the client's `response` object, or null.
    pub(super) fn reply(&mut self, now: u64, request: &Value) {
        self.quiet_since = None;
        self.reply_owed = false;
        if self.setup.faults.response_ignored {
            return;
        }
        let outside = request["conversation"] == "none";
        let instructions = request["instructions"].as_str().unwrap_or(self.session.instructions()).to_owned();
        let (text, tool) = self.compose(&instructions, outside);
        let quirks = &self.setup.faults.quirks;
        let modality = match request.get("output_modalities") {
            _ if self.seeded && quirks.seeded_text_answers => Modality::Text,
            Some(wanted) => super::fields::modality(wanted),
            None => self.session.modality(),
        };
        let metadata_kept = !quirks.metadata_dropped;
        let pieces = words(&text);
        let audio = Voice::MODEL.speak(&text, self.session.speed()).duration();
        let spoken_ms = super::millis(audio) as f32 / pieces.len().max(1) as f32;
        let word_ms = match modality {
            Modality::Audio => (spoken_ms / self.setup.generation_speed) as u64,
            Modality::Text => TEXT_WORD_MS,
        };
        let metadata = request["metadata"].clone();
        let shape = Shape {
            id: self.ids.next("resp"),
            item_id: self.ids.next("item"),
            conversation_id: (!outside).then(|| self.conversation_id.clone()),
            modality,
            max_output_tokens: request
                .get("max_output_tokens")
                .unwrap_or(self.session.field("max_output_tokens"))
                .clone(),
            audio: self.session.output_audio(),
            metadata: if metadata_kept { metadata } else { Value::Null },
        };
        self.emit(shape.created());
        let stalls = self.setup.faults.response_stalls;
        self.replies.push(Reply {
            shape,
            pieces,
            said: 0,
            word_ms: word_ms.max(1),
            audio,
            instructions,
            tool,
            begun: false,
            due: if stalls { u64::MAX } else { now + self.setup.reply_delay_ms },
        });
    }

    fn compose(&mut self, instructions: &str, outside: bool) -> (String, Option<&'static str>) {
        if outside {
            return (self.interviewer.aside(), None);
        }
        let obedience = if self.setup.faults.ignores_stage { Obedience::Ignores } else { Obedience::Follows };
        let line = self.interviewer.speak(instructions, obedience);
        let wanted = match self.setup.tools {
            ToolUse::Never => None,
            ToolUse::WhenOffered if line.farewell => Some("end_session"),
            ToolUse::WhenOffered => (line.asked >= QUESTIONS_BEFORE_ADVANCE).then_some("advance_stage"),
        };
        let offered = self.session.tool_names();
        (line.text, wanted.filter(|tool| offered.contains(tool)))
    }

    pub(super) fn advance_replies(&mut self, now: u64) {
        while let Some(index) = self.replies.iter().position(|reply| reply.due <= now) {
            let reply = &mut self.replies[index];
            if !reply.begun {
                reply.begun = true;
                self.begin(now, index);
            } else if let Some(piece) = reply.pieces.get(reply.said) {
                reply.said += 1;
                reply.due += reply.word_ms;
                let obfuscation = self.ids.obfuscation();
                let event = reply.shape.delta(piece, obfuscation);
                self.emit(event);
            } else {
                self.end(now, index, &Ending::Completed);
            }
        }
    }

    fn begin(&mut self, now: u64, index: usize) {
        self.begun = self.begun.saturating_add(1);
        let faults = &self.setup.faults;
        if faults.response_failed || faults.response_quota.is_some_and(|most| self.begun > most) {
            let ending = Ending::Failed {
                code: "insufficient_quota",
                message: "You exceeded your current quota, please check your plan and billing details.",
            };
            return self.end(now, index, &ending);
        }
        let shape = self.replies[index].shape.clone();
        let item = shape.message("in_progress", None);
        self.emit(shape.output_item("response.output_item.added", 0, &item));
        if shape.conversation_id.is_some() {
            self.add_item(item);
        }
        self.emit(shape.part("response.content_part.added", ""));
        if shape.modality == Modality::Audio && self.media {
            let reply = &self.replies[index];
            let (text, audio_ms) = (reply.pieces.concat(), super::millis(reply.audio));
            self.playing.push_back(Playing::new(&shape.id, &shape.item_id, audio_ms));
            self.measure(&shape.item_id, audio_ms);
            self.outputs.push(Output::Say { response_id: shape.id, text, pace: self.session.speed() });
        }
    }

    fn add_item(&mut self, item: Value) {
        let previous = self.conversation.push(item.clone());
        self.emit(json!({
            "type": "conversation.item.added",
            "previous_item_id": previous,
            "item": item,
        }));
    }

    /// Everything that follows the last delta, whether it was to be the last or not.
    pub(super) fn end(&mut self, now: u64, index: usize, ending: &Ending) {
        let mut reply = self.replies.remove(index);
        let mut output = Vec::new();
        if reply.begun && !matches!(ending, Ending::Failed { .. }) {
            let text = reply.text();
            let item = reply.shape.message(ending.item_status(), Some(&text));
            let cut = matches!(ending, Ending::Cancelled(_));
            if !(cut && self.setup.faults.quirks.cancelled_unfinished) {
                for event in reply.shape.text_done(&text) {
                    self.emit(event);
                }
                self.emit(reply.shape.part("response.content_part.done", &text));
                self.finish_item(&reply, 0, &item);
            }
            output.push(item);
            if let Some(name) = reply.tool.take().filter(|_| *ending == Ending::Completed) {
                output.push(self.call_tool(&reply, name));
            }
        }
        let usage = self.bill(&reply, ending);
        self.emit(reply.shape.done(ending, &output, &usage));
        if reply.shape.modality == Modality::Audio && *ending == Ending::Completed {
            self.emit(json!({"type": "rate_limits.updated", "rate_limits": [{
                "name": "tokens",
                "limit": usage::TOKEN_LIMIT,
                "remaining": self.tokens_left,
                "reset_seconds": 0.002,
            }]}));
        }
        if self.playing.is_empty() {
            self.quiet_since = Some(now);
        }
        if self.reply_owed && !self.replying() {
            self.reply(now, &Value::Null);
        }
    }

    /// `done` of an item carries no predecessor, although `added` did: as recorded.
    fn finish_item(&mut self, reply: &Reply, index: usize, item: &Value) {
        if reply.in_conversation() {
            let id = item["id"].as_str().unwrap_or_default();
            self.conversation.replace(id, item.clone());
            self.emit(json!({
                "type": "conversation.item.done",
                "previous_item_id": null,
                "item": item,
            }));
        }
        self.emit(reply.shape.output_item("response.output_item.done", index, item));
    }

    fn call_tool(&mut self, reply: &Reply, name: &str) -> Value {
        let arguments = json!({"reason": "this part is complete"}).to_string();
        let mut item = json!({
            "id": self.ids.next("item"),
            "type": "function_call",
            "status": "in_progress",
            "name": name,
            "call_id": self.ids.next("call"),
            "arguments": "",
        });
        self.emit(reply.shape.output_item("response.output_item.added", 1, &item));
        if reply.in_conversation() {
            self.add_item(item.clone());
        }
        let mut event = json!({
            "type": "response.function_call_arguments.delta",
            "response_id": reply.shape.id,
            "item_id": item["id"],
            "output_index": 1,
            "call_id": item["call_id"],
        });
        let mut done = event.clone();
        event["delta"] = arguments.clone().into();
        self.emit(event);
        done["type"] = "response.function_call_arguments.done".into();
        done["name"] = name.into();
        done["arguments"] = arguments.clone().into();
        self.emit(done);
        item["arguments"] = arguments.into();
        item["status"] = "completed".into();
        self.finish_item(reply, 1, &item);
        item
    }

    /// Only what was generated is billed; a failed response is not.
    fn bill(&mut self, reply: &Reply, ending: &Ending) -> Value {
        if matches!(ending, Ending::Failed { .. }) {
            return Value::Null;
        }
        let mut output = Tokens::of_text(&reply.text());
        if reply.shape.modality == Modality::Audio {
            output = output + Tokens::spoken(super::millis(reply.generated()));
        }
        let (usage, total) = self.context.bill(&reply.instructions, output);
        if reply.in_conversation() {
            self.context.add(output);
        }
        self.tokens_left = self.tokens_left.saturating_sub(total);
        usage
    }

    // === cutting short ===

    /// `response.cancel`: what exists already is still played, unless it is cleared.
    pub(super) fn cancel_by_client(&mut self, now: u64, response_id: Option<&str>) -> Result<(), Refusal> {
        let found = self.replies.iter().position(|reply| match response_id {
            Some(id) => reply.shape.id == id,
            None => reply.in_conversation(),
        });
        let Some(index) = found else {
            return Err(Refusal::new("response_cancel_not_active", "Cancellation failed: no active response found"));
        };
        let response_id = self.replies[index].shape.id.clone();
        let audio = self.replies[index].generated();
        self.play_at_most(&response_id, audio);
        self.end(now, index, &Ending::Cancelled("client_cancelled"));
        Ok(())
    }
}

/// A text's words, each but the first with the space before it.
fn words(text: &str) -> Vec<String> {
    let mut words = text.split_whitespace();
    let first = words.next().map(str::to_owned);
    first.into_iter().chain(words.map(|word| format!(" {word}"))).collect()
}
