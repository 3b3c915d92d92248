//! What is heard of the replies: begun and ended by the player, cut short by the caller or the
//! client.

use std::time::Duration;

use serde_json::json;

use super::reply::Reply;
use super::response::Ending;
use super::session::Voiced;
use super::{MEASURED, Model, Output};

/// A reply being played, or waiting to be.
#[derive(Debug)]
pub(super) struct Playing {
    response_id: String,
    item_id: String,
    started: Option<u64>,
    audio_ms: u64,
}

impl Playing {
    pub(super) fn new(response_id: &str, item_id: &str, audio_ms: u64) -> Self {
        Self { response_id: response_id.to_owned(), item_id: item_id.to_owned(), started: None, audio_ms }
    }
}

impl Model {
    /// Of this response no more than this audio exists.
    pub(super) fn play_at_most(&mut self, response_id: &str, audio: Duration) {
        let playing = self.playing.iter_mut().find(|playing| playing.response_id == response_id);
        if let Some(playing) = playing {
            playing.audio_ms = super::millis(audio);
            let item_id = playing.item_id.clone();
            self.measure(&item_id, super::millis(audio));
            let response_id = response_id.to_owned();
            self.outputs.push(Output::SpeakAtMost { response_id, audio });
        }
    }

    /// `output_audio_buffer.clear`.
    pub(super) fn clear_output(&mut self, now: u64) {
        if let Some(front) = self.playing.front() {
            let response_id = front.response_id.clone();
            self.playing.clear();
            self.outputs.push(Output::StopSpeaking);
            self.quiet_since = Some(now);
            self.emit(json!({"type": "output_audio_buffer.cleared", "response_id": response_id}));
        }
    }

    /// The caller speaks while the model does: stop, and keep of the item what was heard.
    pub(super) fn interrupt(&mut self, now: u64) {
        while let Some(index) = self.replies.iter().position(Reply::in_conversation) {
            self.reply_owed = false;
            self.end(now, index, &Ending::Cancelled("turn_detected"));
        }
        let Some(front) = self.playing.front() else {
            return;
        };
        let heard_ms = front.started.map_or(0, |started| now.saturating_sub(started));
        let heard_ms = heard_ms.min(front.audio_ms);
        let item_id = front.item_id.clone();
        self.clear_output(now);
        self.quiet_since = None;
        self.truncated(&item_id, heard_ms);
    }

    /// After a truncation the item has no transcript any more, as upstream.
    pub(super) fn truncated(&mut self, item_id: &str, audio_end_ms: u64) {
        if let Some(item) = self.conversation.get_mut(item_id) {
            item["content"] = json!([{"type": "output_audio"}]);
        }
        self.measure(item_id, audio_end_ms);
        self.emit(json!({
            "type": "conversation.item.truncated",
            "item_id": item_id,
            "content_index": 0,
            "audio_end_ms": audio_end_ms,
        }));
    }

    // === playback ===

    pub(super) fn playback_started(&mut self, now: u64, response_id: &str) {
        let Some(playing) = self.playing.iter_mut().find(|p| p.response_id == response_id) else {
            return; // Cleared meanwhile.
        };
        playing.started = Some(now);
        self.voiced = Voiced::Already;
        self.emit(json!({"type": "output_audio_buffer.started", "response_id": response_id}));
    }

    pub(super) fn playback_stopped(&mut self, now: u64, response_id: &str) {
        let before = self.playing.len();
        self.playing.retain(|playing| playing.response_id != response_id);
        if self.playing.len() == before {
            return; // Cleared meanwhile.
        }
        self.emit(json!({"type": "output_audio_buffer.stopped", "response_id": response_id}));
        if self.playing.is_empty() && !self.replying() && !self.floor.taken() {
            self.quiet_since = Some(now);
        }
    }

    /// An item has so much audio from here on.
    pub(super) fn measure(&mut self, item_id: &str, audio_ms: u64) {
        self.audio_ms.retain(|(id, _)| id != item_id);
        if self.audio_ms.len() == MEASURED {
            self.audio_ms.pop_front();
        }
        self.audio_ms.push_back((item_id.to_owned(), audio_ms));
    }

    /// How much audio an item has, for truncation by the client.
    pub(super) fn audio_of(&self, item_id: &str) -> Option<u64> {
        let (_, audio_ms) = self.audio_ms.iter().find(|(id, _)| id == item_id)?;
        Some(*audio_ms)
    }
}
