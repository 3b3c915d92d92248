//! The stage machine: which stage the interview is in and when it should be left. It only decides;
//! a decision takes effect when somebody calls [`Machine::enter`], because the model has to be told first.
//! It must not know how the model is told, or who is listening.
//!
//! Invariants: the stage index never goes back; every entry makes exactly one [`StageEntry`]; nothing changes after
//! [`Machine::end`].

use serde::{Deserialize, Serialize};

use super::plan::{Plan, Stage, StageKind};
use super::question::Asked;
use crate::clock::{At, Millis};
use crate::transcript::{StageEntry, StageReason};

/// An answer of at most so many words is terse.
const TERSE_WORDS: usize = 3;

/// A change of stage that should happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Index of the stage to enter.
    pub to: usize,
    /// Why.
    pub reason: StageReason,
    /// Stages that count as skipped once it happens.
    pub skipped: Vec<String>,
}

/// How urgently the model should come to an end with a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Nudge {
    /// No hurry.
    #[default]
    None,
    /// A quarter of the time is left.
    WrapUp,
    /// A tenth is left.
    WrapUpNow,
}

/// Why a skip was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipRefused {
    /// The plan has no such stage.
    #[error("the plan has no stage of this name")]
    Unknown,
    /// Only later stages can be skipped to.
    #[error("only a later stage can be skipped to")]
    NotLater,
    /// The interview has not begun or is over.
    #[error("the interview is not running")]
    NotRunning,
}

/// Where the interview stands; before its start by default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    index: Option<usize>,
    ended: bool,
    entered: Millis,
    questions: u32,
    replies: u32,
    terse: u32,
    hinted: bool,
    nudge: Nudge,
    asked: Asked,
}

impl Machine {
    /// The current stage's index; `None` before the start.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    /// The current stage while the interview runs.
    #[must_use]
    pub fn stage<'plan>(&self, plan: &'plan Plan) -> Option<&'plan Stage> {
        (!self.ended).then_some(self.index?).and_then(|index| plan.stages.get(index))
    }

    /// When the current stage was entered, on the monotonic clock.
    #[must_use]
    pub fn entered(&self) -> Option<Millis> {
        self.index.map(|_| self.entered)
    }

    /// Questions counted in the current stage.
    #[must_use]
    pub fn questions(&self) -> u32 {
        self.questions
    }

    /// Begins the first stage.
    pub fn start(&mut self, plan: &Plan, at: At) -> StageEntry {
        self.index = Some(0);
        self.entered = at.mono_ms;
        StageEntry {
            from: None,
            to: plan.stages[0].name.clone(),
            reason: StageReason::Start,
            questions_asked: 0,
            in_stage_ms: 0,
            skipped: Vec::new(),
            ended_by: None,
            at: at.unix_ms,
        }
    }

    /// A reply of the model settled with these words, attributed to stage `of`. Returns whether it counts as a question.
    pub fn on_reply(&mut self, plan: &Plan, of: usize, words: &str) -> bool {
        // A question in a translation is the speaker's.
        if plan.stages.get(of).is_some_and(|stage| stage.kind == StageKind::Listening) {
            return false;
        }
        let asks = self.asked.is_new(words);
        if self.index != Some(of) || self.ended {
            return asks;
        }
        self.replies += 1;
        let opening = self.stage(plan).is_some_and(|stage| stage.kind == StageKind::Opening);
        if asks || opening {
            self.questions += 1;
        }
        asks || opening
    }

    /// Whether the opening was delivered and the next stage may begin without a word said about it.
    #[must_use]
    pub fn after_opening(&self, plan: &Plan) -> Option<Decision> {
        let stage = self.stage(plan)?;
        (stage.kind == StageKind::Opening && self.replies > 0).then(|| self.advance(StageReason::Completed))
    }

    /// Whether the goodbye was said.
    #[must_use]
    pub fn said_goodbye(&self, plan: &Plan) -> bool {
        self.stage(plan).is_some_and(|stage| stage.kind == StageKind::Closing) && self.replies > 0
    }

    /// An answer long enough to count has ended. Decides on the fact that it ended, never on its words.
    pub fn on_answer(&mut self, plan: &Plan, at: At) -> Option<Decision> {
        let stage = self.stage(plan)?;
        let elapsed = self.elapsed(at);
        if stage.kind != StageKind::Questions || elapsed < seconds(stage.min_dwell_s) {
            return None;
        }
        let half = self.hinted || elapsed.saturating_mul(2) >= seconds(stage.limit_s);
        let asked = self.questions >= stage.min_questions && half;
        // Who answers in monosyllables is not helped by more questions of the same kind.
        let runs_dry = stage.terse_answers.is_some_and(|limit| self.terse >= limit);
        (asked || runs_dry).then(|| self.advance(self.reason(plan)))
    }

    /// The words of an answer arrived, perhaps long after it ended: only a run of terse answers is counted on them.
    /// A streak that is complete takes effect with the next answer.
    pub fn on_words(&mut self, words: &str) {
        let terse = words.split_whitespace().take(TERSE_WORDS + 1).count() <= TERSE_WORDS;
        self.terse = if terse { self.terse + 1 } else { 0 };
    }

    /// The model thinks that the stage is done. A hint: every minimum still holds.
    pub fn on_hint(&mut self) {
        self.hinted = true;
    }

    /// Whether the clock has ended the stage.
    #[must_use]
    pub fn overdue(&self, plan: &Plan, at: At) -> Option<Decision> {
        let stage = self.stage(plan)?;
        (matches!(stage.kind, StageKind::Opening | StageKind::Questions) && at.mono_ms >= self.deadline(stage))
            .then(|| self.advance(StageReason::Forced))
    }

    /// Whether the goodbye took too long.
    #[must_use]
    pub fn closing_overdue(&self, plan: &Plan, at: At) -> bool {
        self.stage(plan).is_some_and(|stage| stage.kind == StageKind::Closing && at.mono_ms >= self.deadline(stage))
    }

    /// The next moment at which time alone changes something, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self, plan: &Plan) -> Option<Millis> {
        let stage = self.stage(plan)?;
        let share = |percent: u64| self.entered + seconds(stage.limit_s) * percent / 100;
        match (stage.kind, self.nudge) {
            (StageKind::Questions, Nudge::None) => Some(share(75)),
            (StageKind::Questions, Nudge::WrapUp) => Some(share(90)),
            (StageKind::Listening, _) => None,
            _ => Some(self.deadline(stage)),
        }
    }

    /// A nudge that became due, once each.
    pub fn on_time(&mut self, plan: &Plan, at: At) -> Option<Nudge> {
        let stage = self.stage(plan)?;
        if stage.kind != StageKind::Questions {
            return None;
        }
        let left = self.deadline(stage).saturating_sub(at.mono_ms);
        let due = match left * 100 / seconds(stage.limit_s).max(1) {
            0..=10 => Nudge::WrapUpNow,
            11..=25 => Nudge::WrapUp,
            _ => Nudge::None,
        };
        (due > self.nudge).then(|| {
            self.nudge = due;
            due
        })
    }

    /// The nudge in force.
    #[must_use]
    pub fn nudge(&self) -> Nudge {
        self.nudge
    }

    /// Time left in the stage, milliseconds.
    #[must_use]
    pub fn left_ms(&self, plan: &Plan, at: At) -> Option<Millis> {
        self.stage(plan).map(|stage| self.deadline(stage).saturating_sub(at.mono_ms))
    }

    /// A wish to go to a later stage.
    ///
    /// # Errors
    /// When there is no such later stage.
    pub fn skip(&self, plan: &Plan, target: &str) -> Result<Decision, SkipRefused> {
        let to = plan.position(target).ok_or(SkipRefused::Unknown)?;
        let (Some(index), Some(stage)) = (self.index, self.stage(plan)) else { return Err(SkipRefused::NotRunning) };
        if to <= index {
            return Err(SkipRefused::NotLater);
        }
        let unmet = (self.questions < stage.min_questions).then(|| stage.name.clone());
        let jumped = plan.stages[index + 1..to].iter().map(|stage| stage.name.clone());
        Ok(Decision { to, reason: StageReason::Skipped, skipped: unmet.into_iter().chain(jumped).collect() })
    }

    /// Makes a decision true.
    pub fn enter(&mut self, plan: &Plan, decision: &Decision, at: At) -> StageEntry {
        let from = self.index.map(|index| plan.stages[index].name.clone());
        let entry = self.leave(from, plan.stages[decision.to].name.clone(), decision.reason, at);
        self.index = Some(decision.to);
        self.entered = at.mono_ms;
        self.questions = 0;
        self.replies = 0;
        self.terse = 0;
        self.hinted = false;
        self.nudge = Nudge::None;
        StageEntry { skipped: decision.skipped.clone(), ..entry }
    }

    /// Ends the interview; `None` if it had ended. Before the start it "ends" in its first stage.
    pub fn end(&mut self, plan: &Plan, ended_by: &str, at: At) -> Option<StageEntry> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let last = plan.stages[self.index.unwrap_or(0)].name.clone();
        let from = self.index.map(|_| last.clone());
        let entry = self.leave(from, last, StageReason::Ended, at);
        Some(StageEntry { ended_by: Some(ended_by.to_owned()), ..entry })
    }

    /// Whether [`Machine::end`] was called.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended
    }

    fn leave(&self, from: Option<String>, to: String, reason: StageReason, at: At) -> StageEntry {
        StageEntry {
            in_stage_ms: if from.is_some() { self.elapsed(at) } else { 0 },
            from,
            to,
            reason,
            questions_asked: self.questions,
            skipped: Vec::new(),
            ended_by: None,
            at: at.unix_ms,
        }
    }

    fn advance(&self, reason: StageReason) -> Decision {
        Decision { to: self.index.map_or(0, |index| index + 1), reason, skipped: Vec::new() }
    }

    fn reason(&self, plan: &Plan) -> StageReason {
        let next = self.index.map_or(0, |index| index + 1);
        match plan.stages.get(next).map(|stage| stage.kind) {
            Some(StageKind::Closing) => StageReason::Closing,
            _ => StageReason::Completed,
        }
    }

    fn elapsed(&self, at: At) -> Millis {
        at.mono_ms.saturating_sub(self.entered)
    }

    fn deadline(&self, stage: &Stage) -> Millis {
        self.entered + seconds(stage.limit_s) + seconds(stage.grace_s)
    }
}

fn seconds(s: u32) -> Millis {
    u64::from(s) * 1_000
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
