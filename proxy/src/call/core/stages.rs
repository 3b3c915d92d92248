//! How a change of stage reaches the model: wait until it may be told, update, wait for the echo,
//! then let it speak. A stage is entered when the update was echoed, or when a reply that carries the new stage's text
//! has begun; never at the decision.

use serde::{Deserialize, Serialize};

use super::replies::Words;
use super::{CallCore, EndedBy, Notice, Timer};
use crate::clock::{Millis, rfc3339};
use crate::interview::machine::{Nudge, SkipRefused};
use crate::interview::{Decision, directions};
use crate::transcript::{Entry, Source, StageEntry, StageReason};
use crate::upstream::facts::Gate;

/// A forced change waits so long for the model to finish, and for the candidate.
const FORCED_WAIT_MS: Millis = 8_000;
/// A skip interrupts the model and waits only for the confirmation.
const SKIP_WAIT_MS: Millis = 1_000;
/// Speech shorter than this is no answer.
const ANSWER_MS: Millis = 700;
/// What the provider's voice detection adds in front of speech.
const PREFIX_PADDING_MS: Millis = 300;

/// Where a change of stage stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Change {
    /// None.
    None,
    /// Decided; waits until the model may be told.
    Waiting { decision: Decision, words: Words },
    /// Told; waits for the echo.
    Told { decision: Decision, words: Words },
    /// The echo did not come: the next reply carries the new text itself.
    Overriding { decision: Decision },
}

impl Change {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Nothing about it decides when the model speaks next.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self, Self::None | Self::Overriding { .. })
    }

    /// The stage the model was told to be in, if that is not the stage on the record yet.
    pub(super) fn told(&self) -> Option<usize> {
        match self {
            Self::None | Self::Waiting { .. } => None,
            Self::Told { decision, .. } | Self::Overriding { decision } => Some(decision.to),
        }
    }

    /// The stage whose text the next reply must carry itself.
    pub(super) fn carried(&self) -> Option<usize> {
        match self {
            Self::None | Self::Waiting { .. } | Self::Told { .. } => None,
            Self::Overriding { decision } => Some(decision.to),
        }
    }
}

impl CallCore {
    /// An answer ended: go on in this stage, or to the next.
    pub(super) fn answer_ended(&mut self, speech_ms: Option<Millis>) {
        let counts = speech_ms.is_none_or(|ms| ms.saturating_sub(PREFIX_PADDING_MS) >= ANSWER_MS);
        let decision = if counts { self.machine.on_answer(&self.setup.plan, self.now) } else { None };
        let held = self.wanted_gate() == Gate::Server;
        match (std::mem::replace(&mut self.change, Change::None), decision) {
            // A change that waited for this moment: the candidate has finished, the model has not begun.
            (Change::Waiting { decision, words }, _) if held => self.tell_model(decision, words.or_reply()),
            (Change::None, Some(decision)) if held => self.tell_model(decision, Words::Reply),
            // The provider replies by itself: the change takes effect after that reply.
            (Change::None, Some(decision)) => self.change = Change::Waiting { decision, words: Words::Silent },
            (Change::Told { decision, words }, _) if held => {
                self.change = Change::Told { decision, words: words.or_reply() };
                // The time for the echo was over while the candidate spoke: nobody is left to wait for.
                if self.echo_is_late() {
                    self.speak_instead_of_waiting();
                }
            }
            (change @ (Change::None | Change::Overriding { .. }), _) if held => {
                self.change = change;
                self.speak(Words::Reply);
            }
            (change, _) => self.change = change,
        }
    }

    /// The clock ended the stage.
    pub(super) fn overdue(&mut self) {
        let Some(decision) = self.machine.overdue(&self.setup.plan, self.now) else { return };
        match &self.change {
            Change::None => self.change = Change::Waiting { decision, words: Words::Forced },
            // Decided before, and still waiting for a quiet moment that does not come.
            Change::Waiting { .. } if !self.timers.is_set(Timer::Floor) => {}
            Change::Waiting { .. } | Change::Told { .. } | Change::Overriding { .. } => return,
        }
        self.timers.set(Timer::Floor, self.in_ms(FORCED_WAIT_MS));
    }

    /// The candidate wants a later stage.
    pub(super) fn skip(&mut self, target: &str) {
        match self.machine.skip(&self.setup.plan, target) {
            Ok(decision) if self.is_live() => {
                if !self.replies.is_model_quiet() {
                    self.stop_model();
                }
                self.change = Change::Waiting { decision, words: Words::Skipped };
                self.timers.set(Timer::Floor, self.in_ms(SKIP_WAIT_MS));
            }
            Ok(_) => self.refuse_skip("the interview is not running".into()),
            Err(refused) => self.refuse_skip(refused.to_string()),
        }
    }

    /// Whether a skip would be taken now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_skip(&self, target: &str) -> Result<(), SkipRefused> {
        if !self.is_live() {
            return Err(SkipRefused::NotRunning);
        }
        self.machine.skip(&self.setup.plan, target).map(|_| ())
    }

    fn refuse_skip(&mut self, message: String) {
        self.tell(Notice::Error { code: "SKIP_NOT_ALLOWED".into(), message, retryable: false });
    }

    /// Goes on with a waiting change as soon as the model may be told.
    pub(super) fn change_if_quiet(&mut self) {
        let Change::Waiting { words, .. } = &self.change else {
            self.silent_change();
            self.override_if_quiet();
            return;
        };
        // After a skip the confirmed stop is enough: playback was cleared with it.
        let model_done = match words {
            Words::Skipped => self.replies.active.is_none(),
            Words::Silent | Words::Reply | Words::Forced | Words::Prompt | Words::Continued => {
                self.replies.is_model_quiet()
            }
        };
        // The provider is about to answer by itself: an update now would race that reply.
        let provider_replies = self.replies.owed.is_some() && self.wanted_gate() == Gate::Provider;
        if model_done && !self.replies.candidate_audible && !provider_replies {
            self.change_now();
        }
    }

    /// Where the provider replies by itself, a reply that carries the new stage's text has to be asked for; perhaps it
    /// could not be when the time for the echo was over.
    fn override_if_quiet(&mut self) {
        let replies = &self.replies;
        let quiet = replies.is_model_quiet() && !replies.candidate_audible && replies.owed.is_none();
        if self.change.carried().is_some() && self.wanted_gate() == Gate::Provider && quiet && self.is_live() {
            self.speak(Words::Reply);
        }
    }

    /// After the greeting the first stage of questions begins without a word about it.
    fn silent_change(&mut self) {
        if self.change.is_none()
            && self.is_live()
            && let Some(decision) = self.machine.after_opening(&self.setup.plan)
        {
            self.change = Change::Waiting { decision, words: Words::Silent };
            self.change_if_quiet();
        }
    }

    /// Goes on with a waiting change, quiet or not.
    pub(super) fn change_now(&mut self) {
        match std::mem::replace(&mut self.change, Change::None) {
            Change::Waiting { decision, words } => self.tell_model(decision, words),
            change => self.change = change,
        }
    }

    fn tell_model(&mut self, decision: Decision, words: Words) {
        self.timers.clear(Timer::Floor);
        self.change = Change::Told { decision, words };
        self.configure();
    }

    /// The candidate speaks again before the model could: the change goes on without words of its own.
    pub(super) fn drop_words_of_change(&mut self) {
        if let Change::Told { words, .. } = &mut self.change {
            *words = Words::Silent;
        }
    }

    /// The model took what it was last told.
    pub(super) fn configuration_taken(&mut self) {
        match std::mem::replace(&mut self.change, Change::None) {
            Change::Told { decision, words } => {
                self.enter(&decision);
                if words != Words::Silent {
                    self.speak(words);
                }
            }
            Change::Overriding { decision } => self.enter(&decision),
            change @ (Change::None | Change::Waiting { .. }) => self.change = change,
        }
    }

    /// The echo is late: the reply carries the new stage's text itself.
    pub(super) fn speak_instead_of_waiting(&mut self) {
        match std::mem::replace(&mut self.change, Change::None) {
            Change::Told { decision, words } if words != Words::Silent => {
                self.change = Change::Overriding { decision };
                self.speak(words);
            }
            change => self.change = change,
        }
    }

    /// No echo will come. Where the provider replies by itself nobody asks for a reply that could carry the new text,
    /// so it is asked for now.
    pub(super) fn change_without_echo(&mut self) {
        if let Change::Told { words, .. } = &mut self.change
            && *words == Words::Silent
        {
            *words = Words::Reply;
            self.speak_instead_of_waiting();
        }
    }

    /// A reply of ours has begun; if it carries a new stage's text, the stage has begun with it.
    pub(super) fn reply_carries_stage(&mut self, carries: Option<usize>) {
        match std::mem::replace(&mut self.change, Change::None) {
            Change::Overriding { decision } if carries == Some(decision.to) => self.enter(&decision),
            change => self.change = change,
        }
    }

    /// The provider began a reply by itself, and under what it was last told. Where that is never echoed, and nobody is
    /// ever quiet for long enough to ask for a reply that carries the new text, the new stage begins with this one.
    pub(super) fn provider_replies(&mut self) {
        if self.wanted_gate() != Gate::Provider || !self.nobody_echoes() {
            return;
        }
        match std::mem::replace(&mut self.change, Change::None) {
            Change::Told { decision, .. } | Change::Overriding { decision } => self.enter(&decision),
            change @ (Change::None | Change::Waiting { .. }) => self.change = change,
        }
    }

    fn enter(&mut self, decision: &Decision) {
        let entry = self.machine.enter(&self.setup.plan, decision, self.now);
        self.announce(entry);
    }

    /// Records a stage event and tells it once it is durable.
    pub(super) fn announce(&mut self, entry: StageEntry) {
        if let Some(at) = self.machine.next_deadline(&self.setup.plan) {
            self.timers.set(Timer::Stage, at);
        }
        let (to, from, reason, questions_asked, at) =
            (entry.to.clone(), entry.from.clone(), entry.reason, entry.questions_asked, entry.at);
        let n = self.journal.append(self.link.epoch, Source::Server, &mut Entry::Stage(entry), None);
        if reason == StageReason::Ended {
            return;
        }
        let stage = self.machine.stage(&self.setup.plan);
        let notice = Notice::StageChange {
            n,
            stage: to,
            from,
            reason,
            questions_asked,
            limit_seconds: stage.map_or(0, |stage| stage.limit_s),
            min_questions: stage.map_or(0, |stage| stage.min_questions),
            started_at: rfc3339(at),
        };
        self.tell_when_durable(n, notice);
    }

    /// The goodbye was said and heard, or took too long.
    pub(super) fn end_after_goodbye(&mut self) {
        if !self.is_live() {
            return;
        }
        let replies = &self.replies;
        // Whoever talks into the goodbye gets an answer first; the clock bounds it.
        let quiet = replies.is_model_quiet() && !replies.candidate_audible && replies.owed.is_none();
        if self.machine.said_goodbye(&self.setup.plan) && quiet {
            self.finish(self.ends_as.unwrap_or(EndedBy::NaturalCompletion));
        } else if self.machine.closing_overdue(&self.setup.plan, self.now) {
            self.finish(self.ends_as.unwrap_or(EndedBy::ClosingTimeout));
        }
    }

    /// Only a goodbye fits into the time that is left: the last stage begins, whatever is missing of the others.
    pub(super) fn say_goodbye(&mut self, by: EndedBy) {
        let Some(last) = self.setup.plan.stages.last() else { return };
        if let Ok(decision) = self.machine.skip(&self.setup.plan, &last.name)
            && self.is_live()
        {
            let decision = Decision { reason: StageReason::Closing, ..decision };
            self.ends_as = Some(by);
            self.change = Change::Waiting { decision, words: Words::Forced };
            self.timers.set(Timer::Floor, self.in_ms(FORCED_WAIT_MS));
        }
    }

    /// Whole instructions of a stage, with the nudge in force if it is the current one, and what a later call has to know
    /// of the earlier ones.
    pub(super) fn instructions_for(&self, index: usize) -> String {
        self.instructions_with(index, self.succession.digest())
    }

    pub(super) fn instructions_with(&self, index: usize, digest: Option<&str>) -> String {
        let plan = &self.setup.plan;
        // A model that only listens takes no instructions.
        if !plan.is_answered() {
            return String::new();
        }
        let nudge = if self.machine.index() == Some(index) { self.machine.nudge() } else { Nudge::None };
        let mut text = directions::instructions(plan, &plan.stages[index], &self.setup.brief, nudge);
        if let Some(digest) = digest {
            text.push_str("\n\n");
            text.push_str(digest);
        }
        text
    }

    /// What the model should be told now: the stage that is about to begin, or the one that runs.
    pub(super) fn instructions(&self) -> String {
        self.instructions_for(self.change.told().or(self.machine.index()).unwrap_or(0))
    }
}
