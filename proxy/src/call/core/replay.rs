//! What nobody here heard, told again by the client from its memory: after a restart, and after our socket was lost
//! without a word. It is asked once for each stretch; what it tells is its claim, and only for the record: nothing that
//! is over makes the model speak or a stage change.

use serde::{Deserialize, Serialize};

use super::{CallCore, Notice, Phase, Timer};
use crate::clock::Millis;
use crate::transcript::timeline::Outcome;
use crate::transcript::turn::{TurnFact, TurnRef};
use crate::transcript::{Entry, Source};
use crate::upstream::facts::Fact;

/// How long an answer is waited for, and how long a client that is away.
const ANSWER_MS: Millis = 10_000;
/// The client's clock and the way of its events differ from ours by so much; what is told twice is recorded once.
const SLACK_MS: i64 = 5_000;

/// What the client is to tell again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Replay {
    /// It is to be asked for everything since, Unix milliseconds.
    since: Option<i64>,
    asked: Option<Asked>,
    asks: u32,
    /// When the call in force began: its timeline holds nothing of an earlier one.
    began: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    id: String,
    since: i64,
    at: Millis,
    /// Events told so far.
    events: u32,
    /// The last thing it told of was a candidate who waits for an answer.
    owed: bool,
}

impl Replay {
    /// Another call is in force: of the one before nothing can be asked any more.
    pub(super) fn begin_call(&mut self, at_unix_ms: i64) {
        *self = Self { asks: self.asks, began: at_unix_ms, ..Self::default() };
    }

    /// Whether somebody may still tell of the gap.
    fn is_pending(&self) -> bool {
        self.since.is_some() || self.asked.is_some()
    }
}

impl CallCore {
    /// From this moment on nobody heard what happened. A client of our own pages remembers.
    pub(super) fn want_replay(&mut self, from: i64) {
        if self.setup.greets {
            let since = (from - SLACK_MS).max(self.replay.began);
            self.replay.since = Some(self.replay.since.map_or(since, |earlier| earlier.min(since)));
        }
    }

    /// Asks, if a client is there that can be.
    pub(super) fn ask_replay(&mut self) {
        if !self.link.client || self.is_sealed() || !matches!(self.phase, Phase::Answered | Phase::Live) {
            return;
        }
        let Some(since) = self.replay.since.take() else { return };
        self.replay.asks += 1;
        let id = format!("replay_{}_{}", self.link.epoch, self.replay.asks);
        self.replay.asked = Some(Asked { id: id.clone(), since, at: self.now.mono_ms, events: 0, owed: false });
        self.timers.set(Timer::Replay, self.in_ms(ANSWER_MS));
        self.tell(Notice::Replay { id, since });
    }

    /// A client joined. Who was asked before it may have gone with the question.
    pub(super) fn ask_replay_again(&mut self) {
        if let Some(asked) = self.replay.asked.take() {
            self.replay.since = Some(self.replay.since.map_or(asked.since, |since| since.min(asked.since)));
        }
        self.ask_replay();
    }

    /// Something is heard again. The gap is closed when it is known what can still be told of it.
    pub(super) fn gap_ends(&mut self) {
        if self.link.gap_from.is_none() {
            return;
        }
        if self.replay.is_pending() {
            self.link.gap_to.get_or_insert(self.now.unix_ms);
            if !self.timers.is_set(Timer::Replay) {
                self.timers.set(Timer::Replay, self.in_ms(ANSWER_MS));
            }
        } else {
            self.close_gap(Some(self.now.unix_ms), None);
        }
    }

    /// The client tells again: facts in the order of its memory, of so many events. Only what was asked for counts.
    pub(super) fn replayed(&mut self, id: &str, events: u32, facts: Vec<Fact>, last: bool) {
        let Some(asked) = self.replay.asked.as_mut().filter(|asked| asked.id == id) else { return };
        asked.events = asked.events.saturating_add(events);
        let mut owed = asked.owed;
        for fact in facts {
            match fact {
                Fact::Turn(turn, fact) => owed |= self.replayed_turn(&turn, fact),
                Fact::Passed { item, after } => self.passed(Source::Client, item, after),
                Fact::ReplyStarted { id, .. } => {
                    owed = false;
                    self.heard_model();
                    self.replies.attribute(id, self.machine.index().unwrap_or(0));
                }
                Fact::Usage { key, operation, usage } => self.used(Source::Client, key, operation, usage),
                Fact::Metered { operation, total_ms } => self.metered(Source::Client, operation, total_ms),
                // What was going on then says nothing about now.
                _ => {}
            }
        }
        if let Some(asked) = &mut self.replay.asked {
            asked.owed = owed;
        }
        if last {
            self.replay_over();
        }
    }

    /// Whether the candidate ended a turn by it.
    fn replayed_turn(&mut self, turn: &TurnRef, fact: TurnFact) -> bool {
        let reply = match &fact {
            TurnFact::Began { reply, .. } => reply.clone(),
            _ => self.timeline.reply_of(turn).map(str::to_owned),
        };
        let index = reply.and_then(|reply| self.replies.stage_of(&reply)).or(self.machine.index()).unwrap_or(0);
        let plan = self.setup.plan.clone();
        let mut outcomes = self.timeline.apply(self.now, Source::Client, &plan.stages[index].name, turn, fact);
        let all = outcomes.len();
        outcomes.retain(|outcome| !matches!(outcome, Outcome::Committed { .. }));
        let ended = outcomes.len() < all;
        self.record(outcomes);
        ended
    }

    /// Everything was told, or nobody came to tell it in time.
    pub(super) fn replay_over(&mut self) {
        self.timers.clear(Timer::Replay);
        let asked = self.replay.asked.take();
        if let Some(asked) = &asked
            && asked.owed
            && self.replies.owed.is_none()
            && self.replies.is_model_quiet()
            && self.replies.last_sign <= asked.at
        {
            // They wait since then; the watchdog asks when nobody else does.
            self.owe_reply();
        }
        // Without a first sound since, the gap is still open and ends later.
        if self.link.gap_to.is_some() {
            let told = asked.map(|asked| asked.events).filter(|events| *events > 0);
            self.close_gap(self.link.gap_to, told);
        } else if let Some(asked) = asked.filter(|asked| asked.events > 0) {
            self.link.gap_told = Some(asked.events);
        }
    }

    /// Nobody answered in time; who comes later is still asked.
    pub(super) fn replay_missing(&mut self) {
        self.replay_over();
    }

    /// Marks the stretch of which our own socket heard nothing, and how much a client told of it.
    pub(super) fn close_gap(&mut self, to: Option<i64>, told: Option<u32>) {
        let (to, told) = (self.link.gap_to.take().or(to), told.or(self.link.gap_told.take()));
        if let Some(from) = self.link.gap_from.take() {
            self.journal.append(self.link.epoch, Source::Server, &mut Entry::Gap { from, to, told }, None);
        }
    }
}
