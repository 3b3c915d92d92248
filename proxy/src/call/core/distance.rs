//! How long a candidate waits because we hold the gate: from the end of their turn to the reply that we ask for. A server
//! that is too far from the model leaves the gate to the provider, and tries again after a while, each time a longer one.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::replies::Words;
use super::{CallCore, Control, Pipe, Timer};
use crate::clock::Millis;
use crate::transcript::IncidentKind;

/// Above this the wait is heard.
const TOO_LONG_MS: Millis = 150;
/// Replies that are looked at.
const WINDOW: usize = 20;
/// Fewer say nothing yet.
const ENOUGH: usize = 12;
/// Until the gate is tried again; doubled by each time it was in vain, up to eightfold.
const TRY_AGAIN_MS: Millis = 300_000;

/// What was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Distance {
    waits: VecDeque<Millis>,
    /// When the reply under way was asked for, if nothing else delayed it.
    asked: Option<Millis>,
    far: bool,
    times_far: u32,
    latest: Option<Millis>,
}

impl Distance {
    /// The wait that nineteen of twenty replies do not exceed; one outlier never decides.
    fn p95(&self) -> Option<Millis> {
        let mut waits: Vec<_> = self.waits.iter().copied().collect();
        waits.sort_unstable();
        let place = (waits.len().checked_sub(1)? * 95) / 100;
        (waits.len() >= ENOUGH).then(|| waits[place])
    }

    fn note(&mut self, wait: Millis) {
        if self.waits.len() == WINDOW {
            self.waits.pop_front();
        }
        self.waits.push_back(wait);
        self.latest = Some(wait);
    }

    /// Whether the gate is left to the provider because of it.
    pub(super) fn is_far(&self) -> bool {
        self.far
    }

    /// Another socket may take another way.
    pub(super) fn new_way(&mut self) {
        self.waits.clear();
        self.asked = None;
        self.far = false;
    }
}

impl CallCore {
    /// Whether this server is too far from the model to hold the gate.
    #[must_use]
    pub fn is_far(&self) -> bool {
        self.distance.is_far()
    }

    /// The last wait that was measured, once; for those who count.
    pub fn take_gate_wait(&mut self) -> Option<Millis> {
        self.distance.latest.take()
    }

    /// A reply is asked for. It is a measure if the candidate's turn ended just now.
    pub(super) fn measure(&mut self, words: Words, pipe: Pipe) {
        let at_once = words == Words::Reply && pipe == Pipe::Sideband && self.replies.owed == Some(self.now.mono_ms);
        self.distance.asked = at_once.then_some(self.now.mono_ms);
    }

    /// The reply that was asked for began.
    pub(super) fn measured(&mut self) {
        let Some(asked) = self.distance.asked.take() else { return };
        self.distance.note(self.now.mono_ms.saturating_sub(asked));
        if self.distance.far || self.distance.p95().is_none_or(|wait| wait <= TOO_LONG_MS) {
            return;
        }
        self.distance.far = true;
        self.distance.waits.clear();
        let patience = TRY_AGAIN_MS << self.distance.times_far.min(3);
        self.distance.times_far += 1;
        self.timers.set(Timer::Nearer, self.in_ms(patience));
        self.incident(IncidentKind::GateLost, "too_far");
        self.configure();
    }

    /// Perhaps the way is shorter by now.
    pub(super) fn try_nearer(&mut self) {
        self.distance.far = false;
        if self.link.control == Control::Sideband && self.is_live() {
            self.configure();
        }
    }
}
