//! The person interviewed: listens until the model has finished, thinks, answers.

use serde_json::Value;

use crate::clock::Millis;

/// How somebody answers. Each answer takes the next of each list.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) think_ms: Vec<Millis>,
    pub(super) speak_ms: Vec<Millis>,
    /// After so many answers there are no more.
    pub(super) answers: usize,
    /// Words of an answer; `{n}` is its number.
    pub(super) words: &'static str,
    pub(super) answered: usize,
    pub(super) said: usize,
}

impl Default for Candidate {
    fn default() -> Self {
        Self {
            think_ms: vec![600],
            speak_ms: vec![3_000],
            answers: usize::MAX,
            words: "This is what I have to say, answer {n}.",
            answered: 0,
            said: 0,
        }
    }
}

impl Candidate {
    /// Somebody who never speaks by themselves.
    pub(super) fn silent() -> Self {
        Self { answers: 0, ..Self::default() }
    }

    /// What is said next, whatever made them speak: item and words.
    pub(super) fn says(&mut self) -> (String, String) {
        self.said += 1;
        (format!("item_U{}", self.said), self.words.replace("{n}", &self.said.to_string()))
    }

    /// Whether this makes them answer: after how long, and for how long.
    pub(super) fn hears(&mut self, event: &Value, playback: bool) -> Option<(Millis, Millis)> {
        let kind = event["type"].as_str().unwrap_or_default();
        let over = if playback { kind == "output_audio_buffer.stopped" } else { kind == "response.done" };
        if !over || self.answered >= self.answers {
            return None;
        }
        let n = self.answered;
        self.answered += 1;
        Some((self.think_ms[n % self.think_ms.len()], self.speak_ms[n % self.speak_ms.len()]))
    }
}
