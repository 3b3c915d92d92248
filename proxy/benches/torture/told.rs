//! What one client was told, and so may rely on. Written while the call runs, held against the record at the end.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::Value;

/// A final caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caption {
    pub(crate) item: String,
    pub(crate) words: String,
}

/// An acknowledgement, as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saved {
    pub(crate) at: Instant,
    /// Which door it came through.
    pub(crate) door: usize,
}

/// Everything a client was told that counts.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Highest number seen.
    pub(crate) n: u64,
    pub(crate) saved: u64,
    /// When that grew.
    pub(crate) saves: Vec<Saved>,
    /// When the server let it in.
    pub(crate) joins: Vec<Instant>,
    /// Through which door it is listened to.
    pub(crate) door: usize,
    pub(crate) captions: HashMap<u64, Caption>,
    pub(crate) stages: HashMap<u64, String>,
    /// Items whose completing event was acknowledged as relayed.
    pub(crate) relayed: Vec<String>,
    pub(crate) ended_by: Option<String>,
    /// The record was called complete.
    pub(crate) sealed: bool,
    /// A number that was given to two different things.
    pub(crate) renumbered: Vec<u64>,
    /// Errors by code.
    pub(crate) errors: HashMap<String, u32>,
}

impl Told {
    pub(crate) fn hear(&mut self, message: &Value) {
        let n = message["n"].as_u64();
        match (message["type"].as_str().unwrap_or_default(), n) {
            ("agent_caption" | "user_caption", Some(n)) if message["final"] == true => {
                let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                let caption = Caption { item: text("itemId"), words: text("text") };
                self.n = self.n.max(n);
                if self.captions.get(&n).is_some_and(|known| *known != caption) || self.stages.contains_key(&n) {
                    self.renumbered.push(n);
                }
                self.captions.insert(n, caption);
            }
            ("stage_change", Some(n)) => {
                let stage = message["stage"].as_str().unwrap_or_default().to_owned();
                self.n = self.n.max(n);
                if self.stages.get(&n).is_some_and(|known| *known != stage) || self.captions.contains_key(&n) {
                    self.renumbered.push(n);
                }
                self.stages.insert(n, stage);
            }
            ("saved", _) => {
                let up_to = message["upTo"].as_u64().unwrap_or(0);
                if up_to > self.saved {
                    self.saves.push(Saved { at: Instant::now(), door: self.door });
                }
                (self.saved, self.n) = (self.saved.max(up_to), self.n.max(up_to));
            }
            ("session", _) => self.joins.push(Instant::now()),
            ("session_ended", _) => self.ended_by = message["ended_by"].as_str().map(str::to_owned),
            ("interview_saved", _) => self.sealed = true,
            ("error", _) => {
                let code = message["code"].as_str().unwrap_or("none").to_owned();
                *self.errors.entry(code).or_default() += 1;
            }
            _ => {}
        }
    }

    /// A relayed event is durable.
    pub(crate) fn relayed(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "conversation.item.input_audio_transcription.completed" => {
                self.relayed.extend(event["item_id"].as_str().map(str::to_owned));
            }
            "response.done" if event["response"]["status"] == "completed" => {
                let output = event["response"]["output"].as_array().into_iter().flatten();
                self.relayed.extend(output.filter_map(|item| item["id"].as_str().map(str::to_owned)));
            }
            _ => {}
        }
    }

    /// Turns that are acknowledged: a `saved` that covers them was received.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = (u64, &Caption)> {
        self.captions.iter().filter(|(n, _)| **n <= self.saved).map(|(n, caption)| (*n, caption))
    }
}
