//! When a caller speaks: after the model has finished, and a little later. Pure.

use std::time::Duration;

use serde_json::Value;

use super::lines::Turn;

/// The caller's patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MannerSettings {
    /// From the model's last sound to the caller's first. Default 400 ms.
    pub pause: Duration,
    /// Without any reply for so long the caller speaks again. Default 10 s.
    pub patience: Duration,
}

impl Default for MannerSettings {
    fn default() -> Self {
        Self { pause: Duration::from_millis(400), patience: Duration::from_secs(10) }
    }
}

/// Follows the server's events and says when it is the caller's turn. Times are milliseconds of
/// any one clock.
#[derive(Debug)]
pub struct Manner {
    settings: MannerSettings,
    replying: bool,
    playing: bool,
    /// A reply began since the caller last spoke.
    answered: bool,
    /// When it is or was the caller's turn, should nothing change.
    turn_at: u64,
}

/// So long after a fragment of its words the model has stopped.
const FRAGMENT_MS: u64 = 700;

/// What an event changed for the ear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Speaking,
    Quiet,
}

impl Manner {
    /// A caller who has been connected at this time.
    #[must_use]
    pub fn new(settings: MannerSettings, now: u64) -> Self {
        Self {
            settings,
            replying: false,
            playing: false,
            answered: false,
            turn_at: now + crate::model::millis(settings.patience),
        }
    }

    /// Take a server event.
    pub(super) fn server_event(&mut self, now: u64, event: &Value) -> Option<Change> {
        let change = match event["type"].as_str()? {
            "response.created" if !event["response"]["conversation_id"].is_null() => {
                self.replying = true;
                self.answered = true;
                None
            }
            "response.done" if !event["response"]["conversation_id"].is_null() => {
                self.replying = false;
                None
            }
            // Nothing tells when the model stops, only that it has not.
            "session.output_transcript.delta" => {
                self.answered = true;
                self.settle(now + FRAGMENT_MS);
                return None;
            }
            "output_audio_buffer.started" => {
                self.playing = true;
                self.answered = true;
                Some(Change::Speaking)
            }
            "output_audio_buffer.stopped" | "output_audio_buffer.cleared" => {
                self.playing = false;
                Some(Change::Quiet)
            }
            _ => return None,
        };
        self.settle(now);
        change
    }

    /// The caller's own utterance is over.
    pub(super) fn spoke(&mut self, now: u64) {
        self.answered = self.replying || self.playing;
        self.settle(now);
    }

    /// Whether something was said since the caller last spoke.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Go on in the middle of a conversation: it is the caller's turn, or the model's.
    pub(super) fn resume(&mut self, now: u64, turn: Turn) {
        self.answered |= turn == Turn::Mine;
        self.settle(now);
    }

    /// Whether it is the caller's turn.
    #[must_use]
    pub fn may_speak(&self, now: u64) -> bool {
        !self.replying && !self.playing && now >= self.turn_at
    }

    fn settle(&mut self, now: u64) {
        let wait = if self.answered { self.settings.pause } else { self.settings.patience };
        self.turn_at = now + crate::model::millis(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tell(manner: &mut Manner, now: u64, kind: &str) {
        let event = json!({"type": kind, "response": {"conversation_id": "conv_1"}});
        manner.server_event(now, &event);
    }

    #[test]
    fn the_caller_waits_for_the_end_of_playback() {
        let mut manner = Manner::new(MannerSettings::default(), 0);
        assert!(!manner.may_speak(5_000), "it waits for a greeting");
        tell(&mut manner, 100, "response.created");
        tell(&mut manner, 200, "output_audio_buffer.started");
        tell(&mut manner, 900, "response.done");
        assert!(!manner.may_speak(2_000), "the model is still heard");
        tell(&mut manner, 3_000, "output_audio_buffer.stopped");
        assert!(!manner.may_speak(3_399));
        assert!(manner.may_speak(3_400));
        manner.spoke(5_000);
        assert!(!manner.may_speak(6_000), "now it waits for the reply");
    }

    #[test]
    fn a_reply_that_is_not_heard_counts_too() {
        let mut manner = Manner::new(MannerSettings::default(), 0);
        tell(&mut manner, 100, "response.created");
        tell(&mut manner, 500, "response.done");
        assert!(manner.may_speak(900));
    }

    #[test]
    fn what_is_outside_of_the_conversation_does_not() {
        let mut manner = Manner::new(MannerSettings::default(), 0);
        let aside = json!({"type": "response.created", "response": {"conversation_id": null}});
        manner.server_event(100, &aside);
        assert!(!manner.may_speak(5_000));
    }

    #[test]
    fn where_only_words_are_told_the_caller_waits_for_a_pause_in_them() {
        let mut manner = Manner::new(MannerSettings::default(), 0);
        for at in [1_000, 1_400, 1_800] {
            tell(&mut manner, at, "session.output_transcript.delta");
            assert!(!manner.may_speak(at + 600));
        }
        assert!(manner.may_speak(1_800 + 700 + 400));
    }

    #[test]
    fn patience_ends() {
        let mut manner = Manner::new(MannerSettings::default(), 0);
        assert!(manner.may_speak(10_000));
        manner.spoke(12_000);
        assert!(!manner.may_speak(21_999));
        assert!(manner.may_speak(22_000));
    }

    #[test]
    fn after_a_barge_in_the_reply_to_it_is_awaited() {
        let mut manner = Manner::new(MannerSettings::default(), 0);
        tell(&mut manner, 100, "response.created");
        tell(&mut manner, 200, "output_audio_buffer.started");
        tell(&mut manner, 800, "response.done");
        tell(&mut manner, 810, "output_audio_buffer.cleared");
        manner.spoke(2_000);
        assert!(!manner.may_speak(3_000));
        tell(&mut manner, 3_100, "response.created");
        tell(&mut manner, 3_500, "response.done");
        assert!(manner.may_speak(3_900));
    }
}
