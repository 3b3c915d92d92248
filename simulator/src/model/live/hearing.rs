//! What the caller says: words as they speak, and the rest when they stop.

use super::super::millis;
use super::{LiveModel, Output, fragment};

/// Sound before the speech that is told with its begin.
pub(super) const PREFIX_MS: u64 = 300;
/// About as long as callers take for a word.
const WORD_MS: u64 = 400;
/// Shorter sounds are breath and knocks, without a word.
const WORDLESS_MS: u64 = 250;
/// From a word to its fragment.
const LATENCY_MS: u64 = 150;

/// An utterance under way.
#[derive(Debug)]
pub(super) struct Hearing {
    /// On the session's clock and on the call's.
    start_ms: u64,
    since: u64,
    words: Vec<String>,
    told: usize,
}

impl Hearing {
    /// When the next word was spoken. The last one is told at the end, whose time is not known before.
    pub(super) fn due(&self) -> Option<u64> {
        let next = self.told as u64 + 1;
        (self.told + 1 < self.words.len()).then(|| self.since + next * WORD_MS)
    }

    fn end_of(&self, word: usize) -> u64 {
        self.start_ms + word as u64 * WORD_MS
    }
}

impl LiveModel {
    pub(super) fn speech_started(&mut self, start_ms: u64) {
        // It listens while it speaks, and stops when it is spoken to.
        self.stop();
        self.reply_at = None;
        self.heard += 1;
        let announced = self.announced.remove(&self.heard);
        let text = announced.or_else(|| self.answers.next().map(str::to_owned)).unwrap_or_default();
        let mut words = super::speaking::words(&text);
        if self.setup.faults.words_missing || self.setup.faults.words_empty {
            words.clear();
        }
        self.hearing = Some(Hearing { start_ms: start_ms + PREFIX_MS, since: self.now, words, told: 0 });
    }

    pub(super) fn advance_hearing(&mut self) {
        while let Some(hearing) = self.hearing.as_mut().filter(|hearing| hearing.due().is_some_and(|at| at <= self.now))
        {
            let (from, to) = (hearing.end_of(hearing.told), hearing.end_of(hearing.told + 1));
            let event = fragment("input", &hearing.words[hearing.told], from, to);
            hearing.told += 1;
            self.tell_later(event);
        }
    }

    pub(super) fn speech_stopped(&mut self, speech_ms: u64) {
        let Some(hearing) = self.hearing.take() else { return };
        let (from, to) = (hearing.end_of(hearing.told), hearing.start_ms + speech_ms);
        let rest = hearing.words[hearing.told..].concat();
        if !rest.is_empty() && speech_ms >= WORDLESS_MS {
            self.tell_later(fragment("input", &rest, from, to.max(from + 1)));
        }
        self.reply_at = Some(self.now + self.setup.reply_delay_ms);
    }

    fn tell_later(&mut self, event: serde_json::Value) {
        let at = self.now + LATENCY_MS + millis(self.setup.faults.words_late);
        // A fault that was lifted does not let later words overtake.
        let at = self.words.back().map_or(at, |(last, _)| at.max(*last));
        self.words.push_back((at, event));
    }

    /// Falls silent at once; what was not heard is not said.
    pub(super) fn stop(&mut self) {
        if !self.speech.is_empty() {
            self.speech.clear();
            self.outputs.push(Output::StopSpeaking);
        }
    }
}
