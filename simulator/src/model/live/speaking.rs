//! What the model says: fragments while they are heard.

use super::super::interviewer::Obedience;
use super::{LiveModel, Output, fragment};
use crate::speech::voice::Voice;

/// Something being said, or waiting to be.
#[derive(Debug)]
pub(super) struct Speech {
    id: String,
    words: Vec<String>,
    word_ms: u64,
    /// On the call's clock and on the session's.
    started: Option<(u64, u64)>,
    told: usize,
}

impl Speech {
    /// When the next word was heard.
    pub(super) fn due(&self) -> Option<u64> {
        let (since, _) = self.started.filter(|_| self.told < self.words.len())?;
        Some(since + (self.told as u64 + 1) * self.word_ms)
    }
}

impl LiveModel {
    /// Says what comes next, unless somebody speaks.
    pub(super) fn reply(&mut self) {
        let faults = &self.setup.faults;
        let is_busy = self.hearing.is_some() || !self.speech.is_empty() || self.media_at.is_none();
        if is_busy || faults.response_ignored || faults.response_stalls || faults.response_failed {
            return;
        }
        let obedience = if faults.ignores_stage { Obedience::Ignores } else { Obedience::Follows };
        let text = self.interviewer.speak(&self.instructions, obedience).text;
        let words = words(&text);
        let audio = super::super::millis(Voice::MODEL.speak(&text, 1.0).duration());
        let word_ms = (audio / words.len().max(1) as u64).max(1);
        let id = self.ids.next("speech");
        self.speech.push_back(Speech { id: id.clone(), words, word_ms, started: None, told: 0 });
        self.outputs.push(Output::Say { response_id: id, text, pace: 1.0 });
    }

    pub(super) fn playback_started(&mut self, id: &str) {
        let started = Some((self.now, self.clock()));
        if let Some(speech) = self.speech.iter_mut().find(|speech| speech.id == id) {
            speech.started = started;
        }
    }

    pub(super) fn playback_stopped(&mut self, id: &str) {
        let Some(place) = self.speech.iter().position(|speech| speech.id == id) else { return };
        let Some(speech) = self.speech.remove(place) else { return };
        let rest = speech.words[speech.told..].concat();
        if let Some((_, start_ms)) = speech.started.filter(|_| !rest.is_empty()) {
            let from = start_ms + speech.told as u64 * speech.word_ms;
            self.emit(fragment("output", &rest, from, self.clock().max(from + 1)));
        }
    }

    pub(super) fn advance_speech(&mut self) {
        while let Some(speech) = self.speech.iter_mut().find(|speech| speech.due().is_some_and(|at| at <= self.now)) {
            let Some((_, start_ms)) = speech.started else { return };
            let from = start_ms + speech.told as u64 * speech.word_ms;
            let event = fragment("output", &speech.words[speech.told], from, from + speech.word_ms);
            speech.told += 1;
            self.emit(event);
        }
    }
}

/// A text's words, each but the first with the space before it.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = text.split_whitespace();
    let first = words.next().map(str::to_owned);
    first.into_iter().chain(words.map(|word| format!(" {word}"))).collect()
}
