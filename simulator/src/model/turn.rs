//! The caller's turns: speech, commit, words.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::Model;
use super::conversation::message;
use super::session::{AutoReply, BargeIn, SessionKind, TurnDetection};
use super::usage::Tokens;
use crate::model::refusal::Refusal;

/// Shorter sounds are heard as a turn without words, as breath and knocks are upstream.
const WORDLESS_MS: u64 = 250;
/// Time between two pieces of a transcription.
const PIECE_MS: u64 = 40;
/// Pieces a transcription comes in.
const PIECES: usize = 4;
/// Transcriptions under way at once; further turns get no words.
const TRANSCRIPTIONS: usize = 64;
/// From the begin of speech to its first word, where words are written while they are spoken: later than a knock ends.
const FIRST_WORD_MS: u64 = 900;
/// From word to word there.
const WORD_MS: u64 = 300;

/// The caller's side of the floor.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// The item being spoken, with its begin in audio time and on the clock.
    speaking: Option<Speaking>,
    /// Speech that waits for a commit of the client (push-to-talk).
    buffered_ms: u64,
}

#[derive(Debug)]
struct Speaking {
    item_id: String,
    start_ms: u64,
    since: u64,
    dictated: Option<Dictated>,
}

/// Words that are written down while they are spoken.
#[derive(Debug)]
struct Dictated {
    text: String,
    left: VecDeque<String>,
    due: u64,
}

/// A transcription under way.
#[derive(Debug)]
pub(super) struct Words {
    item_id: String,
    text: String,
    pieces: VecDeque<String>,
    usage: Value,
    due: u64,
}

impl Words {
    pub(super) fn due(&self) -> u64 {
        self.due
    }
}

impl Model {
    pub(super) fn speech_started(&mut self, now: u64, start_ms: u64) {
        self.quiet_since = None;
        let item_id = self.ids.next("item");
        let dictated = self.dictate(now);
        self.floor.speaking = Some(Speaking { item_id: item_id.clone(), start_ms, since: now, dictated });
        let TurnDetection::Vad { barge_in, .. } = self.session.turn_detection() else {
            return;
        };
        let started = json!({
            "type": "input_audio_buffer.speech_started",
            "audio_start_ms": start_ms,
            "item_id": item_id,
        });
        let late = self.setup.faults.quirks.speech_started_late;
        if !late {
            self.emit(started.clone());
        }
        if barge_in == BargeIn::Stops {
            self.interrupt(now);
        }
        if late {
            self.emit(started);
        }
    }

    pub(super) fn speech_stopped(&mut self, now: u64, end_ms: u64, speech_ms: u64) {
        let Some(speaking) = self.floor.speaking.take() else {
            return; // The client committed or cleared while the caller spoke.
        };
        let TurnDetection::Vad { reply, .. } = self.session.turn_detection() else {
            self.floor.buffered_ms += speech_ms;
            return;
        };
        self.emit(json!({
            "type": "input_audio_buffer.speech_stopped",
            "audio_end_ms": end_ms,
            "item_id": speaking.item_id,
        }));
        let turn_ms = end_ms.saturating_sub(speaking.start_ms);
        self.commit(now, &speaking.item_id, speech_ms, turn_ms, speaking.dictated);
        if reply == AutoReply::AtCommit {
            self.owe_reply(now);
        }
    }

    /// The client's `input_audio_buffer.commit`.
    pub(super) fn commit_by_client(&mut self, now: u64) -> Result<(), Refusal> {
        let mut speech_ms = std::mem::take(&mut self.floor.buffered_ms);
        let (item_id, dictated) = match self.floor.speaking.take() {
            Some(speaking) => {
                speech_ms += now.saturating_sub(speaking.since);
                (speaking.item_id, speaking.dictated)
            }
            None => (self.ids.next("item"), None),
        };
        if speech_ms == 0 {
            return Err(Refusal::new(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: the buffer is empty.",
            ));
        }
        self.commit(now, &item_id, speech_ms, speech_ms, dictated);
        Ok(())
    }

    /// The client's `input_audio_buffer.clear`.
    pub(super) fn clear_input(&mut self) {
        self.floor = Floor::default();
        self.emit(json!({"type": "input_audio_buffer.cleared"}));
    }

    fn commit(&mut self, now: u64, item_id: &str, speech_ms: u64, turn_ms: u64, dictated: Option<Dictated>) {
        self.heard += 1;
        let (scripted, left) = match dictated {
            Some(dictated) => (dictated.text, Some(dictated.left)),
            None => (self.scripted(self.heard), None),
        };
        let heard = speech_ms >= WORDLESS_MS && !self.setup.faults.words_empty;
        let text = if heard { scripted } else { String::new() };
        self.context.add(Tokens::heard(turn_ms));
        let mut words = self.transcribe(now, item_id, text, turn_ms);
        // What was written while it was spoken is not written again.
        if let (Some(words), Some(left)) = (&mut words, left) {
            words.pieces = left;
        }
        if self.setup.faults.quirks.words_early
            && let Some(first) = words.as_mut().and_then(|words| words.pieces.pop_front())
        {
            self.emit_piece(item_id, &first);
        }
        self.add_heard_item(item_id);
        self.words.extend(words);
    }

    /// What the caller says in the n-th utterance: announced, or made up.
    fn scripted(&mut self, n: u64) -> String {
        self.announced.remove(&n).unwrap_or_else(|| self.answers.next().unwrap_or_default().to_owned())
    }

    /// A session for nothing but the words has them while they are spoken.
    fn dictate(&mut self, now: u64) -> Option<Dictated> {
        let faults = &self.setup.faults;
        let wanted = self.session.kind() == SessionKind::Transcription && self.session.transcription_model().is_some();
        if !wanted || faults.words_empty || faults.words_missing {
            return None;
        }
        let text = self.scripted(self.heard + 1);
        let left = text.split_whitespace().map(|word| format!(" {word}")).collect();
        Some(Dictated { text, left, due: now + FIRST_WORD_MS })
    }

    /// When the next word of what is being spoken is written down.
    pub(super) fn dictation_deadline(&self) -> Option<u64> {
        let dictated = self.floor.speaking.as_ref()?.dictated.as_ref()?;
        (!dictated.left.is_empty()).then_some(dictated.due)
    }

    pub(super) fn advance_dictation(&mut self, now: u64) {
        while self.dictation_deadline().is_some_and(|at| at <= now) {
            let Some(speaking) = &mut self.floor.speaking else { return };
            let item_id = speaking.item_id.clone();
            let Some(dictated) = &mut speaking.dictated else { return };
            dictated.due += WORD_MS;
            if let Some(word) = dictated.left.pop_front() {
                self.emit_piece(&item_id, &word);
            }
        }
    }

    fn add_heard_item(&mut self, item_id: &str) {
        let part = json!({"type": "input_audio", "transcript": null});
        let item = message(item_id, "user", "completed", Some(part));
        let previous = self.conversation.push(item.clone());
        self.emit(json!({
            "type": "input_audio_buffer.committed",
            "previous_item_id": previous,
            "item_id": item_id,
        }));
        for kind in ["conversation.item.added", "conversation.item.done"] {
            self.emit(json!({"type": kind, "previous_item_id": previous, "item": item}));
        }
    }

    /// Only when the session wants words; they come when the reply has begun already.
    fn transcribe(&self, now: u64, item_id: &str, text: String, turn_ms: u64) -> Option<Words> {
        let model = self.session.transcription_model()?;
        if self.setup.faults.words_missing || self.words.len() >= TRANSCRIPTIONS {
            return None;
        }
        let usage = transcription_usage(model, &text, turn_ms);
        let late = super::millis(self.setup.faults.words_late);
        Some(Words {
            item_id: item_id.to_owned(),
            pieces: pieces(&text),
            text,
            usage,
            due: now + self.setup.words_delay_ms + late,
        })
    }

    pub(super) fn advance_words(&mut self, now: u64) {
        let mut index = 0;
        while index < self.words.len() {
            let words = &mut self.words[index];
            if words.due > now {
                index += 1;
                continue;
            }
            let failed = self.setup.faults.transcription_failed;
            match words.pieces.pop_front().filter(|_| !failed) {
                Some(piece) => {
                    words.due += PIECE_MS;
                    let item_id = words.item_id.clone();
                    self.emit_piece(&item_id, &piece);
                }
                None => {
                    let words = self.words.remove(index);
                    self.finish_words(words, failed);
                }
            }
        }
    }

    fn emit_piece(&mut self, item_id: &str, piece: &str) {
        let obfuscation = self.ids.obfuscation();
        self.emit(json!({
            "type": "conversation.item.input_audio_transcription.delta",
            "item_id": item_id,
            "content_index": 0,
            "delta": piece,
            "obfuscation": obfuscation,
        }));
    }

    fn finish_words(&mut self, words: Words, failed: bool) {
        if failed {
            self.emit(json!({
                "type": "conversation.item.input_audio_transcription.failed",
                "item_id": words.item_id,
                "content_index": 0,
                "error": {
                    "type": "transcription_error",
                    "code": "audio_unintelligible",
                    "message": "The audio could not be transcribed.",
                    "param": null,
                },
            }));
            return;
        }
        if let Some(item) = self.conversation.get_mut(&words.item_id) {
            item["content"][0]["transcript"] = words.text.clone().into();
        }
        if self.setup.faults.quirks.words_repeated {
            let said: Vec<&str> = words.text.split_whitespace().collect();
            let part = said[..said.len().div_ceil(2)].join(" ");
            self.emit(json!({
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": words.item_id,
                "content_index": 0,
                "transcript": part,
                "usage": words.usage,
            }));
        }
        self.emit(json!({
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": words.item_id,
            "content_index": 0,
            "transcript": words.text,
            "usage": words.usage,
        }));
    }

    // === both are silent ===

    /// When a silent caller is to be prompted.
    pub(super) fn idle_deadline(&self) -> Option<u64> {
        let TurnDetection::Vad { idle_timeout_ms, .. } = self.session.turn_detection() else {
            return None;
        };
        let quiet = self.floor.speaking.is_none() && self.replies.is_empty() && self.playing.is_empty();
        Some(self.quiet_since.filter(|_| quiet)? + idle_timeout_ms?)
    }

    /// A silent turn is committed, and the model speaks.
    pub(super) fn idle_timeout(&mut self, now: u64) {
        let since = self.quiet_since.take().unwrap_or(now);
        let item_id = self.ids.next("item");
        self.emit(json!({
            "type": "input_audio_buffer.timeout_triggered",
            "audio_start_ms": since,
            "audio_end_ms": now,
            "item_id": item_id,
        }));
        self.add_heard_item(&item_id);
        self.owe_reply(now);
    }

    /// Reply now, or as soon as the reply in progress is over.
    fn owe_reply(&mut self, now: u64) {
        if self.replying() {
            self.reply_owed = true;
        } else {
            self.reply(now, &Value::Null);
        }
    }
}

impl Floor {
    /// Whether the caller speaks.
    pub(super) fn taken(&self) -> bool {
        self.speaking.is_some()
    }
}

/// By the second for most models, by tokens for the `gpt-4o` family.
fn transcription_usage(model: &str, text: &str, turn_ms: u64) -> Value {
    if !model.starts_with("gpt-4o") {
        let seconds = (turn_ms + 500) / 1_000;
        return json!({"type": "duration", "seconds": seconds.max(1)});
    }
    let audio = Tokens::heard(turn_ms).audio;
    let output = Tokens::of_text(text).text;
    json!({
        "type": "tokens",
        "total_tokens": audio + output,
        "input_tokens": audio,
        "output_tokens": output,
        "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
    })
}

/// A text in a few pieces that begin with a space, as deltas do.
fn pieces(text: &str) -> VecDeque<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let size = words.len().div_ceil(PIECES).max(1);
    words.chunks(size).map(|chunk| format!(" {}", chunk.join(" "))).collect()
}
