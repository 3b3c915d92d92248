//! Timers as an enum of reasons; the next wake-up is their minimum. No clock here: moments come from outside.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;

/// Why the core wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Timer {
    /// Nobody connected after the answer.
    NoShow,
    /// The greeting waits for the sideband.
    Greeting,
    /// A reply was asked for and has not begun.
    ReplyCreated,
    /// The candidate fell silent, but nothing was made of it.
    Hush,
    /// The candidate was not answered.
    Freeze,
    /// Nothing more was heard of a reply or of its playback.
    Stale,
    /// The model did not fall silent before a change of stage.
    Floor,
    /// Our socket is open and waits for a quiet moment to take over.
    TakeOver,
    /// A configuration was not acknowledged.
    Ack,
    /// The stage's own clock.
    Stage,
    /// The client is gone.
    Grace,
    /// Nobody speaks.
    Inactivity,
    /// Little time is left of the session.
    TimeLow,
    /// The session's limit.
    SessionCap,
    /// So little is left of it that only a goodbye fits in.
    Farewell,
    /// The provider will end the call: time for another one.
    Renew,
    /// Another call should be ready by now.
    NextReady,
    /// The client should have moved to it by now.
    Switched,
    /// Words of the call before may still come.
    OldDrain,
    /// The provider ends the call in a moment and none follows.
    LastWords,
    /// The provider is about to end it.
    CallCap,
    /// The client was asked to tell again what nobody heard.
    Replay,
    /// The gate is tried again by a server that was too far away.
    Nearer,
    /// The provider was asked for an item.
    Retrieve,
    /// Between the announcement of the end and the end.
    Goodbye,
    /// Words may still come before the hang-up.
    Drain,
    /// The hang-up was not answered.
    HangUp,
    /// The store refused; try again.
    SaveRetry,
    /// Too much has been unwritten for too long.
    Overload,
    /// The record could not be completed.
    SaveGiveUp,
}

const COUNT: usize = Timer::SaveGiveUp as usize + 1;
const ALL: [Timer; COUNT] = [
    Timer::NoShow,
    Timer::Greeting,
    Timer::ReplyCreated,
    Timer::Hush,
    Timer::Freeze,
    Timer::Stale,
    Timer::Floor,
    Timer::TakeOver,
    Timer::Ack,
    Timer::Stage,
    Timer::Grace,
    Timer::Inactivity,
    Timer::TimeLow,
    Timer::SessionCap,
    Timer::Farewell,
    Timer::Renew,
    Timer::NextReady,
    Timer::Switched,
    Timer::OldDrain,
    Timer::LastWords,
    Timer::CallCap,
    Timer::Replay,
    Timer::Nearer,
    Timer::Retrieve,
    Timer::Goodbye,
    Timer::Drain,
    Timer::HangUp,
    Timer::SaveRetry,
    Timer::Overload,
    Timer::SaveGiveUp,
];

/// What no clock reaches: the moment of a timer that is not set.
const NEVER: Millis = Millis::MAX;

/// At most one moment for each reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Timers {
    at: [Millis; COUNT],
    /// The earliest of them: asked for far more often than one of them moves.
    next: Millis,
}

impl Default for Timers {
    fn default() -> Self {
        Self { at: [NEVER; COUNT], next: NEVER }
    }
}

impl Timers {
    /// Sets or moves a timer.
    pub(super) fn set(&mut self, timer: Timer, at: Millis) {
        let before = std::mem::replace(&mut self.at[timer as usize], at);
        if at <= self.next {
            self.next = at;
        } else if before == self.next {
            self.next = self.at.iter().copied().fold(NEVER, Millis::min);
        }
    }

    /// Sets, moves or forgets a timer.
    pub(super) fn set_or_clear(&mut self, timer: Timer, at: Option<Millis>) {
        self.set(timer, at.unwrap_or(NEVER));
    }

    /// Forgets a timer.
    pub(super) fn clear(&mut self, timer: Timer) {
        self.set(timer, NEVER);
    }

    /// Forgets all of them.
    pub(super) fn clear_all(&mut self) {
        *self = Self::default();
    }

    /// When a timer is due.
    pub(super) fn get(&self, timer: Timer) -> Option<Millis> {
        Some(self.at[timer as usize]).filter(|at| *at != NEVER)
    }

    /// Whether a timer is running.
    pub(super) fn is_set(&self, timer: Timer) -> bool {
        self.at[timer as usize] != NEVER
    }

    /// The next moment.
    pub(super) fn next(&self) -> Option<Millis> {
        Some(self.next).filter(|at| *at != NEVER)
    }

    /// Takes one timer that is due, the earliest first.
    pub(super) fn take_due(&mut self, now: Millis) -> Option<Timer> {
        self.next().filter(|next| *next <= now)?;
        let timer = ALL.into_iter().find(|timer| self.at[*timer as usize] == self.next)?;
        self.clear(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_come_out_in_order_and_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Stage, 30);
        timers.set(Timer::Ack, 10);
        timers.set(Timer::Ack, 20);
        assert_eq!(timers.next(), Some(20));
        assert_eq!(timers.take_due(19), None);
        assert_eq!(timers.take_due(50), Some(Timer::Ack));
        assert_eq!(timers.take_due(50), Some(Timer::Stage));
        assert_eq!((timers.take_due(50), timers.next()), (None, None));
        timers.set(Timer::Grace, 70);
        timers.set(Timer::Freeze, 60);
        timers.set(Timer::Freeze, 80);
        assert_eq!(timers.next(), Some(70), "what was the earliest has moved away");
        timers.set_or_clear(Timer::Grace, None);
        assert_eq!((timers.next(), timers.is_set(Timer::Grace)), (Some(80), false));
        for (index, timer) in ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index, "every reason has its own place");
        }
    }
}
