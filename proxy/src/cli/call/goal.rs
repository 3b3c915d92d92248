//! When a call has shown enough. Pure.

/// Stages and turns that show that an installation works.
const STAGES: usize = 3;
const TURNS: usize = 6;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Three stages and six turns of both speakers.
    Enough,
    /// The recording was played and its last words are written down.
    Recording,
    /// The interview ended by itself.
    NaturalEnd,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) stages: Vec<String>,
    pub(super) candidate_turns: usize,
    pub(super) ai_turns: usize,
    /// The recording is over and nothing was said since for a while.
    pub(super) recording_done: bool,
    pub(super) ended_by: Option<String>,
}

impl Goal {
    pub(super) fn new(full: bool, has_recording: bool) -> Self {
        match (full, has_recording) {
            (true, _) => Self::NaturalEnd,
            (false, true) => Self::Recording,
            (false, false) => Self::Enough,
        }
    }

    /// Whether the caller may end the call now.
    pub(super) fn may_end(self, seen: &Seen) -> bool {
        match self {
            Self::Enough => {
                seen.stages.len() >= STAGES
                    && seen.candidate_turns + seen.ai_turns >= TURNS
                    && seen.candidate_turns > 0
                    && seen.ai_turns > 0
            }
            Self::Recording => seen.recording_done,
            Self::NaturalEnd => false,
        }
    }

    /// Whether the call, now that it is over, did what it was for.
    pub(super) fn is_met(self, seen: &Seen) -> bool {
        match self {
            Self::Enough | Self::Recording => self.may_end(seen),
            Self::NaturalEnd => seen.ended_by.as_deref() == Some("natural_completion"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_is_three_stages_and_six_turns_of_both() {
        let seen = Seen {
            stages: vec!["a".into(), "b".into(), "c".into()],
            candidate_turns: 3,
            ai_turns: 3,
            ..Seen::default()
        };
        assert!(Goal::Enough.may_end(&seen));
        assert!(!Goal::Enough.may_end(&Seen { ai_turns: 0, candidate_turns: 6, ..seen.clone() }));
        assert!(!Goal::Enough.may_end(&Seen { stages: vec!["a".into()], ..seen.clone() }));
        assert!(!Goal::NaturalEnd.may_end(&seen) && !Goal::NaturalEnd.is_met(&seen));
    }
}
