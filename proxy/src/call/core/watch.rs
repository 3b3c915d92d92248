//! What happens when nothing happens: replies that were asked for and do not begin, replies that begin
//! and do not end, candidates who are not answered. Whatever the provider does, the call goes on or ends.

use super::replies::Words;
use super::{CallCore, Timer};
use crate::clock::Millis;
use crate::transcript::IncidentKind;
use crate::upstream::facts::Gate;

/// A candidate turn unanswered for this long while nobody speaks is answered anyway.
const FREEZE_MS: Millis = 1_500;
/// The same while the provider should answer by itself.
const FREEZE_AUTO_MS: Millis = 3_000;
/// So many attempts in vain, and the gate is left to the provider …
const MAX_VAIN: u32 = 3;
/// … and with them this long without a reply, and the upstream counts as failed.
const SILENT_UPSTREAM_MS: Millis = 20_000;
/// A reply without any sign for this long is over, although nobody said so.
const STALE_REPLY_MS: Millis = 15_000;
/// The same for playback, while the candidate waits for an answer …
const STALE_PLAYBACK_OWED_MS: Millis = 5_000;
/// … and while nobody does. Playback runs far behind the reply, without a sign in between.
const STALE_PLAYBACK_MS: Millis = 120_000;

impl CallCore {
    /// A reply that was asked for did not begin in time.
    pub(super) fn reply_missing(&mut self) {
        let Some(asked) = self.replies.asked.take() else { return };
        let words = asked.words;
        self.replies.late = Some(asked);
        if self.replies.candidate_audible {
            return;
        }
        if self.replies.active.is_none() {
            self.reply_in_vain();
        }
        let due = words != Words::Reply || self.replies.owed.is_some() || !self.replies.greeted;
        if due {
            self.speak(words);
        }
    }

    /// An attempt to have a reply came to nothing.
    pub(super) fn reply_in_vain(&mut self) {
        let since = *self.replies.vain.since.get_or_insert(self.now.mono_ms);
        self.replies.vain.count += 1;
        if self.replies.vain.count < MAX_VAIN {
            return;
        }
        if self.now.mono_ms.saturating_sub(since) >= SILENT_UPSTREAM_MS {
            self.lose();
        } else if self.wanted_gate() == Gate::Server {
            self.replies.gate_lost = true;
            self.incident(IncidentKind::GateLost, "no_reply_created");
            self.configure();
        }
    }

    /// The candidate waits for an answer, or words wait for the model.
    pub(super) fn frozen(&mut self) {
        let words = self.replies.queued.take().map_or(Words::Reply, |(words, _)| words);
        self.speak(words);
    }

    /// No sign of the model for so long that its reply must be over.
    pub(super) fn presume_finished(&mut self) {
        self.replies.ai_audible = false;
        if self.replies.active.take().is_some() {
            self.reply_in_vain();
        }
        self.speak_if_due();
    }

    /// Sets or clears both watchdogs after every input.
    pub(super) fn watch(&mut self) {
        let frozen = self.freezes_at();
        self.timers.set_or_clear(Timer::Freeze, frozen);
        let stale = self.stale_at();
        self.timers.set_or_clear(Timer::Stale, stale);
    }

    fn freezes_at(&self) -> Option<Millis> {
        let replies = &self.replies;
        // Without a way to the model, or without a place to record it, asking would be no use.
        let can_ask =
            self.is_live() && replies.is_model_quiet() && self.link.pipe().is_some() && !self.journal.is_overloaded();
        if !can_ask || replies.candidate_audible || !self.setup.plan.is_answered() {
            return None;
        }
        let queued = replies.queued.map(|(_, since)| since);
        // Whether a turn is answered is an application's own affair.
        let owed = replies.owed.filter(|_| self.is_led());
        let since = owed.into_iter().chain(queued).min()?;
        let patience = match self.wanted_gate() {
            Gate::Server => FREEZE_MS,
            Gate::Provider => FREEZE_AUTO_MS,
        };
        // However long it has been owed: a request that was refused is not repeated at once.
        Some(since.max(replies.last_audible).max(replies.last_sign).max(replies.last_asked) + patience)
    }

    fn stale_at(&self) -> Option<Millis> {
        let replies = &self.replies;
        if !self.is_live() {
            return None;
        }
        match (replies.active.is_some(), replies.ai_audible, replies.owed) {
            (true, _, _) => Some(replies.last_sign + STALE_REPLY_MS),
            (false, true, Some(owed)) => Some(replies.last_sign.max(owed) + STALE_PLAYBACK_OWED_MS),
            (false, true, None) => Some(replies.last_sign + STALE_PLAYBACK_MS),
            (false, false, _) => None,
        }
    }
}
