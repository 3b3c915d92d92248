//! The order of the end: goodbye → words that may still come → hang-up → stage, call and seal on the
//! record → durable → told → closed. Each step has a clock of its own, so that an end always ends.

use super::stages::Change;
use super::{CallCore, CloseReason, Effect, EndedBy, Notice, Phase, Timer};
use crate::clock::Millis;
use crate::interview::SessionKind;
use crate::transcript::{CallEvent, HangUp, Sealed, Source};

/// A restart takes about this long.
const RECONNECT_MS: Millis = 1_000;
/// How long an unwritable store may keep a call that is handed over.
const HAND_OVER_MS: Millis = 5_000;
/// Between the announcement and the end, so that people see it coming.
const GOODBYE_S: u32 = 5;
/// The same where every second costs what is not there.
const SHORT_GOODBYE_S: u32 = 1;
/// How long words may still come before the hang-up.
const DRAIN_MS: Millis = 3_000;
/// The same after a short goodbye.
const SHORT_DRAIN_MS: Millis = 500;
/// How long the hang-up may take before it counts as unconfirmed.
const HANG_UP_MS: Millis = 12_000;
/// How long an unwritable store may keep a finished call.
const SAVE_GIVE_UP_MS: Millis = 60_000;

impl CallCore {
    /// Ends the interview, once; the first reason stays.
    pub(super) fn finish(&mut self, by: EndedBy) {
        match self.phase {
            Phase::Waiting => self.stop(CloseReason::Done),
            Phase::Ending(_) | Phase::HandingOver | Phase::Over => {}
            Phase::Answered | Phase::Live => {
                self.end_other_calls();
                let save = self.timers.get(Timer::SaveRetry);
                self.timers.clear_all();
                // What the store refused is still to be written.
                self.timers.set_or_clear(Timer::SaveRetry, save);
                self.phase = Phase::Ending(by);
                // A stage that was not entered by now never is.
                self.change = Change::None;
                if let Some(message) =
                    farewell(by, self.setup.plan.session_kind()).filter(|_| self.machine.index().is_some())
                {
                    let in_seconds = if by == EndedBy::Budget { SHORT_GOODBYE_S } else { GOODBYE_S };
                    self.tell(Notice::InterviewEnding { message, in_seconds });
                    self.timers.set(Timer::Goodbye, self.in_ms(u64::from(in_seconds) * 1_000));
                } else {
                    self.drain();
                }
            }
        }
    }

    /// Leaves the call to the next process: no hang-up and no end on the record. What was made is made
    /// durable and told; nothing is begun any more.
    pub(super) fn hand_over(&mut self) {
        match self.phase {
            Phase::Answered | Phase::Live => {
                self.end_other_calls();
                self.phase = Phase::HandingOver;
                let retry = self.timers.get(Timer::SaveRetry);
                self.timers.clear_all();
                self.timers.set_or_clear(Timer::SaveRetry, retry);
                self.timers.set(Timer::SaveGiveUp, self.in_ms(HAND_OVER_MS));
                self.tell(Notice::Reconnect { after_ms: RECONNECT_MS });
                self.journal.hurry();
                self.handed_over();
            }
            Phase::Waiting => self.stop(CloseReason::HandedOver),
            // An end under way is quicker than a restart.
            Phase::HandingOver | Phase::Ending(_) | Phase::Over => {}
        }
    }

    fn handed_over(&mut self) {
        if self.journal.durable() == self.journal.n() {
            self.stop(CloseReason::HandedOver);
        }
    }

    /// Stops the model and waits for words that were spoken but not written yet.
    pub(super) fn drain(&mut self) {
        if !self.replies.is_model_quiet() {
            self.stop_model();
        }
        let is_short = matches!(self.phase, Phase::Ending(EndedBy::Budget));
        self.timers.set(Timer::Drain, self.in_ms(if is_short { SHORT_DRAIN_MS } else { DRAIN_MS }));
    }

    /// Nothing more is to come: no need to wait for the clock.
    pub(super) fn drained(&mut self) {
        if self.timers.is_set(Timer::Drain) && !self.timeline.is_waiting() && !self.replies.candidate_audible {
            self.timers.clear(Timer::Drain);
            self.hang_up();
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.timers.set(Timer::HangUp, self.in_ms(HANG_UP_MS));
        self.out.push(Effect::HangUp);
    }

    /// The provider confirmed the end, or nobody could.
    pub(super) fn hung_up(&mut self, result: HangUp) {
        let Phase::Ending(by) = self.phase else { return };
        if self.machine.is_over() {
            return;
        }
        self.timers.clear(Timer::HangUp);
        self.record_meter();
        let rest = self.timeline.settle_all();
        self.record(rest);
        self.close_gap(None, None);
        // Without a call it was the one before whose end is on the record, once it is confirmed.
        if self.has_call() {
            self.note_call(CallEvent::Closed { hang_up: result });
        }
        if let Some(entry) = self.machine.end(&self.setup.plan, by.as_str(), self.now) {
            self.announce(entry);
        }
        let sealed = Sealed { session: self.setup.session, n: self.journal.n(), head: self.journal.head() };
        let mut seal = self.setup.signer.seal(&sealed);
        self.journal.append(self.link.epoch, Source::Server, &mut seal, None);
        // Nothing may follow the seal: whatever else was waited for does not matter any more.
        let retry = self.timers.get(Timer::SaveRetry);
        self.timers.clear_all();
        self.timers.set_or_clear(Timer::SaveRetry, retry);
        self.timers.set(Timer::SaveGiveUp, self.in_ms(SAVE_GIVE_UP_MS));
    }

    /// The seal is on the record, or another process will go on with it: nothing may follow.
    pub(super) fn is_sealed(&self) -> bool {
        self.machine.is_over() || self.phase == Phase::HandingOver
    }

    /// The store never took it.
    pub(super) fn give_up_saving(&mut self) {
        if self.phase == Phase::HandingOver {
            self.stop(CloseReason::HandedOver);
            return;
        }
        let noun = self.setup.plan.session_kind().noun();
        let message = format!("The end of the {noun} could not be saved. What was shown as saved is safe.");
        self.tell(Notice::SaveError { message, retrying: false });
        self.stop(CloseReason::Unsaved);
    }

    /// Something became durable; if it was the seal, the interview is saved.
    pub(super) fn saved(&mut self) {
        if self.phase == Phase::HandingOver {
            self.handed_over();
        }
        let Phase::Ending(by) = self.phase else { return };
        if !self.machine.is_over() || self.journal.durable() < self.journal.n() {
            return;
        }
        let session_id = self.setup.session.to_string();
        let final_stage = self.stage().map(str::to_owned);
        self.tell(Notice::SessionEnded { session_id: session_id.clone(), ended_by: by, final_stage });
        let head = self.journal.head().to_hex();
        self.tell(Notice::InterviewSaved {
            interview_id: session_id,
            message: format!("Your {} is saved.", self.setup.plan.session_kind().noun()),
            head,
        });
        self.stop(CloseReason::Done);
    }
}

/// What is said before the end, where people should see it coming: when a clock or the plan ends it, not a person or a
/// fault.
fn farewell(by: EndedBy, kind: SessionKind) -> Option<String> {
    let noun = kind.noun();
    match by {
        EndedBy::NaturalCompletion => Some(format!("The {noun} is over. It is being saved.")),
        EndedBy::ClosingTimeout | EndedBy::TimeLimit | EndedBy::SessionCap => {
            Some(format!("The time for this {noun} is over. It is being saved."))
        }
        EndedBy::Inactivity => Some(format!("Nobody has spoken for a while. The {noun} ends and is being saved.")),
        EndedBy::Budget => Some(format!("The budget for this {noun} is used up. It ends now and is being saved.")),
        EndedBy::UserEnd
        | EndedBy::UserDisconnect
        | EndedBy::AdminEnd
        | EndedBy::ConsentWithdrawn
        | EndedBy::UpstreamError
        | EndedBy::NoShow
        | EndedBy::Abandoned
        | EndedBy::Integrity
        | EndedBy::StoreUnavailable => None,
    }
}
