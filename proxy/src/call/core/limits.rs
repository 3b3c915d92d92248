//! What time alone brings about. Every timer that is due is handled here, one function for all, so that the order in
//! which clocks win over each other can be read in one place.

use super::{CallCore, CloseReason, EndedBy, Notice, Phase, Timer};
use crate::clock::Millis;

/// Answered and never connected.
pub(super) const NO_SHOW_MS: Millis = 60_000;
/// Before our own cap the client is warned.
pub(super) const TIME_LOW_MS: Millis = 120_000;

impl CallCore {
    pub(super) fn on_time(&mut self) {
        let outcomes = self.timeline.tick(self.now);
        self.record(outcomes);
        while let Some(timer) = self.timers.take_due(self.now.mono_ms) {
            match timer {
                Timer::NoShow => self.finish(EndedBy::NoShow),
                Timer::Greeting => self.greet_now(),
                Timer::ReplyCreated => self.reply_missing(),
                Timer::Freeze => self.speak(None),
                Timer::Floor => self.change_now(),
                Timer::Ack => self.not_acknowledged(),
                Timer::Stage => self.stage_time(),
                Timer::Grace => self.abandoned(),
                Timer::Inactivity => self.finish(EndedBy::Inactivity),
                Timer::TimeLow => self.tell(Notice::SessionWarning { code: "TIME_LOW", seconds_left: TIME_LOW_MS / 1_000 }),
                Timer::SessionCap => self.finish(EndedBy::TimeLimit),
                Timer::Goodbye => self.drain(),
                Timer::Drain => self.hang_up(),
                Timer::HangUp => self.hung_up(crate::transcript::HangUp::Unconfirmed),
                Timer::SaveRetry => self.journal.retry(),
                Timer::SaveGiveUp => self.stop(CloseReason::Unsaved),
            }
            if self.phase == Phase::Over {
                return;
            }
        }
    }

    /// What follows from the state after every input.
    pub(super) fn look_after(&mut self) {
        if self.is_live() {
            self.change_if_quiet();
            self.end_after_goodbye();
        }
        self.drained();
        self.watch_for_freeze();
    }

    fn stage_time(&mut self) {
        if !self.is_live() {
            return;
        }
        // A nudge is told with the next configuration; while somebody speaks it may wait for the next moment.
        if self.machine.on_time(&self.setup.plan, self.now).is_some() && self.change.is_none() && self.link.is_acknowledged() {
            self.configure(self.current_instructions(), self.wanted_gate());
        }
        self.overdue();
        if let Some(at) = self.machine.next_deadline(&self.setup.plan).filter(|at| *at > self.now.mono_ms) {
            self.timers.set(Timer::Stage, at);
        }
    }

    /// Somebody spoke.
    pub(super) fn touch(&mut self) {
        if self.is_live() {
            self.timers.set(Timer::Inactivity, self.in_ms(self.setup.limits.inactivity_ms));
        }
    }
}
