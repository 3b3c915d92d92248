//! When a call has shown enough. Pure.

use std::collections::HashSet;

use crate::interview::SessionKind;

/// Stages and turns that show that an installation works.
const STAGES: usize = 3;
const TURNS: usize = 6;
/// The same where nobody is asked anything: turns of whoever speaks, and of who translates.
const HEARD: usize = 3;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Three stages and six turns of both speakers.
    Enough,
    /// Three turns of the caller, and, in a translation, as many of them in the other language.
    Heard(SessionKind),
    /// The recording was played and its last words are written down.
    Recording,
    /// The interview ended by itself.
    NaturalEnd,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) stages: Vec<String>,
    candidate_turns: HashSet<String>,
    ai_turns: HashSet<String>,
    /// The recording is over and nothing was said since for a while.
    pub(super) recording_done: bool,
    pub(super) ended_by: Option<String>,
}

impl Seen {
    /// A stage began. `false`: told before.
    pub(super) fn stage(&mut self, name: String) -> bool {
        let is_new = !self.stages.contains(&name);
        if is_new {
            self.stages.push(name);
        }
        is_new
    }

    /// Final words of the candidate. `false`: there are none, or the turn was told before, as after a loss.
    pub(super) fn candidate(&mut self, item: String, text: &str) -> bool {
        !text.is_empty() && self.candidate_turns.insert(item)
    }

    /// Final words of the interviewer.
    pub(super) fn ai(&mut self, item: String, text: &str) -> bool {
        !text.is_empty() && self.ai_turns.insert(item)
    }
}

impl Goal {
    pub(super) fn new(kind: SessionKind, full: bool, has_recording: bool) -> Self {
        match (full, has_recording, kind) {
            (true, ..) => Self::NaturalEnd,
            (false, true, _) => Self::Recording,
            (false, false, SessionKind::Interview) => Self::Enough,
            (false, false, kind) => Self::Heard(kind),
        }
    }

    /// Whether the caller may end the call now.
    pub(super) fn may_end(self, seen: &Seen) -> bool {
        match self {
            Self::Enough => {
                seen.stages.len() >= STAGES
                    && seen.candidate_turns.len() + seen.ai_turns.len() >= TURNS
                    && !seen.candidate_turns.is_empty()
                    && !seen.ai_turns.is_empty()
            }
            Self::Heard(SessionKind::Translation) => {
                seen.candidate_turns.len() >= HEARD && seen.ai_turns.len() >= HEARD
            }
            Self::Heard(_) => seen.candidate_turns.len() >= HEARD,
            Self::Recording => seen.recording_done,
            Self::NaturalEnd => false,
        }
    }

    /// Whether the call, now that it is over, did what it was for.
    pub(super) fn is_met(self, seen: &Seen) -> bool {
        match self {
            Self::Enough | Self::Heard(_) | Self::Recording => self.may_end(seen),
            Self::NaturalEnd => seen.ended_by.as_deref() == Some("natural_completion"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(stages: usize, candidate: usize, ai: usize) -> Seen {
        let mut seen = Seen::default();
        // Everything told twice, as after a loss.
        for _ in 0..2 {
            (0..stages).for_each(|n| {
                seen.stage(format!("stage {n}"));
            });
            (0..candidate).for_each(|n| {
                seen.candidate(format!("u{n}"), "words");
            });
            (0..ai).for_each(|n| {
                seen.ai(format!("a{n}"), "words");
            });
        }
        assert!(!seen.ai("silence".to_owned(), ""));
        seen
    }

    #[test]
    fn a_listener_has_heard_enough_after_three_turns() {
        let (scribe, interpreter) = (Goal::Heard(SessionKind::Transcription), Goal::Heard(SessionKind::Translation));
        assert!(scribe.may_end(&seen(1, 3, 0)) && !scribe.may_end(&seen(1, 2, 9)));
        assert!(interpreter.may_end(&seen(1, 3, 3)) && !interpreter.is_met(&seen(1, 3, 0)));
    }

    #[test]
    fn enough_is_three_stages_and_six_turns_of_both() {
        assert!(Goal::Enough.may_end(&seen(3, 3, 3)));
        for (stages, candidate, ai) in [(3, 6, 0), (3, 0, 6), (3, 2, 3), (1, 3, 3)] {
            assert!(!Goal::Enough.may_end(&seen(stages, candidate, ai)), "{stages} {candidate} {ai}");
        }
        assert!(!Goal::NaturalEnd.may_end(&seen(3, 3, 3)) && !Goal::NaturalEnd.is_met(&seen(3, 3, 3)));
    }
}
