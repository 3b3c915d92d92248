//! What time alone brings about. Every timer that is due is handled here, one function for all, so that the order in
//! which clocks win over each other can be read in one place.

use super::replies::Words;
use super::{CallCore, EndedBy, Notice, Phase, Timer, save_error};
use crate::clock::Millis;
use crate::transcript::HangUp;
use crate::upstream::facts::Gate;

/// Answered and never connected.
const NO_SHOW_MS: Millis = 60_000;
/// Before our own cap the client is warned.
pub(super) const TIME_LOW_MS: Millis = 120_000;
/// What is kept for a goodbye at the end of a session; of a short one, an eighth.
const FAREWELL_MS: Millis = 60_000;
/// How long too much may be unwritten before the call ends.
const OVERLOAD_MS: Millis = 60_000;

/// When a session of this length has only time for a goodbye.
pub(super) fn farewell_ms(session_ms: Millis) -> Millis {
    session_ms - FAREWELL_MS.min(session_ms / 8)
}

impl CallCore {
    /// When nobody is expected any more. A drop-in client does not say that it is connected: it is noticed when something
    /// is heard, and somebody may wait with that.
    pub(super) fn no_show_ms(&self) -> Millis {
        if self.is_drop_in() { self.setup.limits.inactivity_ms.max(NO_SHOW_MS) } else { NO_SHOW_MS }
    }

    pub(super) fn on_time(&mut self) {
        let outcomes = self.timeline.tick(self.now);
        self.record(outcomes);
        self.old_time();
        while let Some(timer) = self.timers.take_due(self.now.mono_ms) {
            match timer {
                Timer::NoShow => self.finish(EndedBy::NoShow),
                Timer::Greeting => self.greet_now(),
                Timer::ReplyCreated => self.reply_missing(),
                Timer::Hush => self.replies.candidate_audible = false,
                Timer::Freeze => self.frozen(),
                Timer::Stale => self.presume_finished(),
                Timer::Floor => self.change_now(),
                Timer::TakeOver => self.take_over(),
                Timer::Ack => self.not_acknowledged(),
                Timer::Stage => self.stage_time(),
                Timer::Grace => self.abandoned(),
                Timer::Inactivity => self.nobody_speaks(),
                Timer::TimeLow => self.time_is_low(),
                Timer::SessionCap => self.finish(EndedBy::TimeLimit),
                Timer::Farewell => self.say_goodbye(EndedBy::TimeLimit),
                Timer::Renew => self.renew(),
                Timer::NextReady => self.next_not_ready(),
                Timer::Switched => self.promote(),
                Timer::OldDrain => self.old_over(),
                Timer::LastWords => self.call_cap_is_near(),
                Timer::CallCap => self.finish(EndedBy::SessionCap),
                Timer::Replay => self.replay_missing(),
                Timer::Nearer => self.try_nearer(),
                Timer::Retrieve => self.retrieve_missing(),
                Timer::Goodbye => self.drain(),
                Timer::Drain => self.hang_up(),
                Timer::HangUp => self.hung_up(HangUp::Unconfirmed),
                Timer::SaveRetry => {
                    let again = self.journal.retry();
                    self.out.extend(again);
                }
                Timer::Overload => self.finish(EndedBy::StoreUnavailable),
                Timer::SaveGiveUp => self.give_up_saving(),
            }
            if self.phase == Phase::Over {
                return;
            }
        }
    }

    /// What follows from the state after every input.
    pub(super) fn look_after(&mut self) {
        self.take_over_if_quiet();
        self.acknowledge_settled();
        self.reconcile_next();
        if self.is_live() {
            self.change_if_quiet();
            self.nudge_if_quiet();
            self.end_after_goodbye();
            self.switch_if_quiet();
        }
        self.watch_store();
        self.drained();
        self.watch();
    }

    fn stage_time(&mut self) {
        if !self.is_live() {
            return;
        }
        self.nudged |= self.machine.on_time(&self.setup.plan, self.now).is_some();
        self.overdue();
        if let Some(at) = self.machine.next_deadline(&self.setup.plan).filter(|at| *at > self.now.mono_ms) {
            self.timers.set(Timer::Stage, at);
        }
    }

    /// The model is told that time runs out while it does not speak, and while nothing else is being told.
    fn nudge_if_quiet(&mut self) {
        let replies = &self.replies;
        let provider_replies = replies.owed.is_some() && self.wanted_gate() == Gate::Provider;
        if self.nudged
            && self.change.is_none()
            && self.configuration.is_acknowledged()
            && replies.is_model_quiet()
            && !provider_replies
        {
            self.nudged = false;
            self.configure();
        }
    }

    fn time_is_low(&mut self) {
        let seconds_left =
            self.timers.get(Timer::SessionCap).map_or(0, |at| at.saturating_sub(self.now.mono_ms) / 1_000);
        self.tell(Notice::SessionWarning { code: "TIME_LOW".into(), seconds_left });
    }

    /// Somebody spoke. A silence is asked about at half of what is allowed, and ends the interview at the whole.
    pub(super) fn touch(&mut self) {
        if self.is_live() {
            self.timers.set(Timer::Inactivity, self.in_ms(self.setup.limits.inactivity_ms / 2));
        }
    }

    fn nobody_speaks(&mut self) {
        if self.replies.candidate_audible || self.replies.ai_audible {
            self.touch();
        } else if std::mem::replace(&mut self.prompted, true) {
            self.finish(EndedBy::Inactivity);
        } else {
            // In an application's own conversation nobody is asked anything by us.
            if self.is_led() {
                self.speak(Words::Prompt);
            }
            self.touch();
        }
    }

    /// A store that cannot keep up may slow a conversation down, not grow it without bound.
    fn watch_store(&mut self) {
        if !self.journal.is_overloaded() {
            self.timers.clear(Timer::Overload);
            return;
        }
        if self.journal.is_lost() {
            self.finish(EndedBy::StoreUnavailable);
        } else if self.is_live() && !self.timers.is_set(Timer::Overload) {
            self.timers.set(Timer::Overload, self.in_ms(OVERLOAD_MS));
            if !self.journal.is_failing() {
                self.tell(save_error());
            }
        }
    }
}
