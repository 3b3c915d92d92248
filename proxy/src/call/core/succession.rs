//! The call after this one: before the provider ends it, after it was lost, and when its page was loaded anew. One
//! interview may take several calls; its stages, its clocks and its record go on. A planned successor is made beside
//! the call in force and takes over at a quiet moment; an unplanned one begins where the last one broke off. At most one
//! is under way. What the model is told so that it goes on and does not greet again is in `greeting`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::configuration::Configuration;
use super::past::Names;
use super::stages::Change;
use super::{CallCore, Control, Effect, EndedBy, Notice, Other, Phase, Sideband, Timer};
use crate::clock::{Millis, rfc3339};
use crate::transcript::timeline::Timeline;
use crate::transcript::turn::{TurnFact, TurnRef};
use crate::transcript::{CallEvent, Entry, HangUp, Source};
use crate::upstream::facts::{Capabilities, Fact};

/// How long a provider keeps a call when it does not say. Its documentation names sixty minutes.
const PROVIDER_CAP_MS: Millis = 3_600_000;
/// The first offer is asked for so long before the provider's end; less for calls that are short anyway.
const LEAD_MS: Millis = 480_000;
const LEAD_SHARE: Millis = 3;
/// When an offer is asked for, in eighths of the lead before the end: eight, five and three minutes.
const ATTEMPTS: [Millis; 3] = [8, 5, 3];
/// From here on nothing is waited for any more: one minute.
const FORCED: Millis = 1;
/// A successor is watched and has media within this time, or it is given up.
const READY_MS: Millis = 10_000;
/// A client moves its microphone at once, or it never will.
const SWITCHED_MS: Millis = 3_000;
/// The interview ends by itself so long before the provider would end it.
const CAP_MARGIN_MS: Millis = 1_000;
/// How long words of the call before may still come.
const DRAIN_MS: Millis = 5_000;
/// Silence after a planned change before the model takes it upon itself to go on.
const SILENCE_MS: Millis = 6_000;
/// A client that came back after its call was lost makes an offer by itself; this long and it is asked for one.
const ASK_AGAIN_MS: Millis = 2_000;
/// Unplanned successors within the window; more, and something is broken that another call does not mend.
const MAX_UNPLANNED: usize = 3;
const UNPLANNED_WINDOW_MS: Millis = 300_000;

/// Why there is to be another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The provider is about to end this one.
    Cap,
    /// This one is gone.
    Lost,
    /// Its page was loaded anew.
    Reload,
}

/// Where the change from one call to the next stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Succession {
    next: Next,
    /// The call before, while its last words may still come.
    old: Option<Old>,
    /// When the provider ends the call in force.
    ends_at: Option<Millis>,
    lead: Millis,
    asked: u32,
    unplanned: VecDeque<Millis>,
    /// The last call is gone and no other was answered yet.
    vacant: bool,
    /// What was said before this call, for its model.
    digest: Option<String>,
    /// Our names of the interview's calls, so that a client may still tell of one that is over.
    #[serde(default)]
    pub(super) names: Names,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
enum Next {
    #[default]
    None,
    /// The client should make an offer, or has.
    Asked { id: String, why: Why },
    /// Answered beside the call in force.
    Answered(Box<Successor>),
    /// Ready, and the client was told to move over.
    Switching(Box<Successor>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Successor {
    id: String,
    call_id: String,
    capabilities: Capabilities,
    digest: String,
    sideband: Sideband,
    connected: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Old {
    call: u32,
    timeline: Timeline,
}

impl Successor {
    /// Its socket is open, or it never has one.
    fn is_watched(&self) -> bool {
        matches!(self.sideband, Sideband::Attached | Sideband::Unavailable)
    }
}

impl Succession {
    /// What the model of a later call has to know of the earlier ones.
    pub(super) fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// After a restart: no call followed the one that is gone.
    pub(super) fn is_vacant(&mut self) {
        self.vacant = true;
    }

    /// After a restart: what the model was told is made anew from the record.
    pub(super) fn recall(&mut self, digest: String) {
        self.digest = Some(digest);
    }
}

impl CallCore {
    /// Whether an offer for another call is expected: the one that was asked for, or, without an id, from a page that has
    /// no call although the interview runs.
    ///
    /// # Errors
    /// How long to wait before another unplanned call may be made; 0: not at all now.
    pub fn may_renegotiate(&self, id: Option<&str>) -> Result<(), Millis> {
        if !self.setup.continues || !matches!(self.phase, Phase::Answered | Phase::Live) {
            return Err(0);
        }
        match (&self.succession.next, id) {
            (Next::Asked { id: asked, .. }, Some(id)) if asked == id => Ok(()),
            (_, Some(_)) => Err(0),
            (Next::Asked { why: Why::Lost | Why::Reload, .. }, None) if self.link.severed => Ok(()),
            (_, None) => match self.unplanned_too_often() {
                Some(wait) => Err(wait),
                None => Ok(()),
            },
        }
    }

    /// The instructions and gate a successor is created with; `digest` is what was said so far.
    #[must_use]
    pub fn next_opening(&self, digest: &str) -> (String, crate::upstream::facts::Gate) {
        let index = self.change.told().or(self.machine.index()).unwrap_or(0);
        (self.instructions_with(index, Some(digest)), self.wanted_gate())
    }

    /// Whether there is no call at the moment although the interview goes on.
    #[must_use]
    pub fn is_severed(&self) -> bool {
        self.link.severed
    }

    /// Whether there is a call at all, with media or without.
    pub(super) fn has_call(&self) -> bool {
        !self.succession.vacant
    }

    /// The provider keeps the call that began then as long as it says, or as long as its documentation does.
    pub(super) fn call_began_at(&mut self, at: Millis) {
        self.call_ends_at(at + PROVIDER_CAP_MS);
    }

    /// The provider says when it ends the call: Unix seconds.
    pub(super) fn call_ends(&mut self, unix_s: i64) {
        let left = unix_s.saturating_mul(1_000).saturating_sub(self.now.unix_ms);
        let at = self.in_ms(Millis::try_from(left).unwrap_or(0));
        // Told again with every configuration; whole seconds are all it says.
        if self.succession.ends_at.is_none_or(|known| known.abs_diff(at) > 2_000) {
            self.call_ends_at(at);
        }
    }

    fn call_ends_at(&mut self, at: Millis) {
        let left = at.saturating_sub(self.now.mono_ms);
        self.succession.ends_at = Some(at);
        self.succession.lead = LEAD_MS.min(left / LEAD_SHARE);
        self.timers.set(Timer::Renew, self.before_end(ATTEMPTS[0]));
        self.timers.set(Timer::LastWords, self.before_end(FORCED));
    }

    /// So many eighths of the lead before the provider's end.
    fn before_end(&self, eighths: Millis) -> Millis {
        let Succession { ends_at, lead, .. } = &self.succession;
        ends_at.unwrap_or(Millis::MAX).saturating_sub(lead / 8 * eighths)
    }

    /// Time for an offer, or for another try.
    pub(super) fn renew(&mut self) {
        if !self.setup.continues || !matches!(self.phase, Phase::Answered | Phase::Live) {
            return;
        }
        if self.link.severed {
            self.ask_for_offer(Why::Lost);
            return;
        }
        let later = ATTEMPTS.into_iter().map(|eighths| self.before_end(eighths)).find(|at| *at > self.now.mono_ms);
        self.timers.set_or_clear(Timer::Renew, later);
        if matches!(self.succession.next, Next::None | Next::Asked { .. }) && self.is_live() {
            self.ask_for_offer(Why::Cap);
        }
    }

    /// An offer is expected from here on. Returns the name by which it is asked for.
    fn expect_offer(&mut self, why: Why) -> String {
        self.succession.asked += 1;
        let id = format!("r{}_{}", self.link.epoch, self.succession.asked);
        self.succession.next = Next::Asked { id: id.clone(), why };
        id
    }

    fn ask_for_offer(&mut self, why: Why) {
        let wait = match why {
            Why::Cap => self.before_end(FORCED).saturating_sub(self.now.mono_ms),
            Why::Lost | Why::Reload => self
                .timers
                .get(Timer::Grace)
                .map_or(self.setup.limits.grace_ms, |at| at.saturating_sub(self.now.mono_ms)),
        };
        let deadline = rfc3339(self.now.unix_ms + i64::try_from(wait).unwrap_or(0));
        let id = self.expect_offer(why);
        self.tell(Notice::Renegotiate { id, reason: why, deadline });
    }

    /// A client joins: whatever was asked of it before may not have reached it. Without a call a new page makes its offer
    /// by itself.
    pub(super) fn ask_again(&mut self) {
        if self.link.severed {
            self.timers.set(Timer::Renew, self.in_ms(ASK_AGAIN_MS));
        } else if matches!(self.succession.next, Next::Asked { .. }) {
            self.ask_for_offer(Why::Cap);
        }
    }

    /// The provider answered the offer of a successor.
    pub(super) fn next_answered(
        &mut self,
        offered: Option<String>,
        call_id: String,
        capabilities: Capabilities,
        digest: String,
    ) {
        let runs = matches!(self.phase, Phase::Answered | Phase::Live);
        match std::mem::take(&mut self.succession.next) {
            Next::Asked { .. } if runs && self.link.severed => {
                // One that was answered and never had media is not waited for any more.
                if self.has_call() {
                    self.sever();
                }
                self.timers.clear(Timer::Renew);
                self.begin_call(call_id, capabilities, digest);
                self.out.push(Effect::Promote);
                if !self.setup.sideband {
                    self.sideband_is(Sideband::Unavailable);
                }
            }
            Next::Asked { id, why: _ } if runs => {
                // It may have been asked for once more meanwhile; the client knows it by what it answered.
                let id = offered.unwrap_or(id);
                let sideband = if self.setup.sideband { Sideband::Attaching } else { Sideband::Unavailable };
                let next = Successor { id, call_id, capabilities, digest, sideband, connected: false };
                self.succession.next = Next::Answered(Box::new(next));
                self.timers.set(Timer::NextReady, self.in_ms(READY_MS));
            }
            // Nobody waits for it any more.
            next => {
                self.succession.next = next;
                self.out.push(Effect::HangUpOther { which: Other::Next, call: self.call + 1 });
            }
        }
    }

    /// Something about the successor's socket or media.
    pub(super) fn next_sideband(&mut self, state: Sideband) {
        if let Next::Answered(next) | Next::Switching(next) = &mut self.succession.next {
            next.sideband = state;
        }
    }

    pub(super) fn next_connected(&mut self) {
        if let Next::Answered(next) | Next::Switching(next) = &mut self.succession.next {
            next.connected = true;
        }
    }

    /// It should be ready by now.
    pub(super) fn next_not_ready(&mut self) {
        if let Next::Answered(next) = &self.succession.next
            && (!next.connected || (!next.is_watched() && self.link.sideband == Sideband::Attached))
        {
            self.give_up_next();
        }
    }

    /// The provider ends the call in a moment: whoever is not ready is not waited for.
    pub(super) fn call_cap_is_near(&mut self) {
        match &self.succession.next {
            Next::Switching(_) => return,
            // Taken as it is by `switch_if_quiet`.
            Next::Answered(next) if next.connected => return,
            Next::None | Next::Asked { .. } | Next::Answered(_) => self.give_up_next(),
        }
        if let Some(ends_at) = self.succession.ends_at {
            self.timers
                .set(Timer::CallCap, ends_at.saturating_sub(self.succession.lead / 64).saturating_sub(CAP_MARGIN_MS));
        }
        self.say_goodbye(EndedBy::SessionCap);
    }

    /// The successor came to nothing; the next attempt has its own time.
    pub(super) fn give_up_next(&mut self) {
        self.timers.clear(Timer::NextReady);
        self.timers.clear(Timer::Switched);
        if matches!(std::mem::take(&mut self.succession.next), Next::Answered(_) | Next::Switching(_)) {
            self.out.push(Effect::HangUpOther { which: Other::Next, call: self.call + 1 });
        }
    }

    /// Moves over as soon as nobody is disturbed by it, and in the end whoever is.
    pub(super) fn switch_if_quiet(&mut self) {
        let Next::Answered(next) = &self.succession.next else { return };
        // Without a sideband of its own it is no worse than the call in force, if that has none either.
        let late = !self.timers.is_set(Timer::NextReady) && self.link.sideband != Sideband::Attached;
        let forced = self.before_end(FORCED) <= self.now.mono_ms;
        if !(late || forced || next.is_watched()) || !next.connected || !self.is_live() {
            return;
        }
        let replies = &self.replies;
        let quiet = replies.is_model_quiet() && !replies.candidate_audible && replies.owed.is_none();
        if (quiet && self.change.is_none()) || forced {
            let (id, call_id) = (next.id.clone(), next.call_id.clone());
            if let Next::Answered(next) = std::mem::take(&mut self.succession.next) {
                self.succession.next = Next::Switching(next);
            }
            self.timers.clear(Timer::NextReady);
            self.timers.set(Timer::Switched, self.in_ms(SWITCHED_MS));
            self.tell(Notice::Switch { id, call_id });
        }
    }

    /// The client's microphone is in the other call now.
    pub(super) fn switched(&mut self, id: &str) {
        if matches!(&self.succession.next, Next::Switching(next) if next.id == id) {
            self.promote();
        }
    }

    /// The successor takes over. A client that did not say so in time is taken at its media.
    pub(super) fn promote(&mut self) {
        self.timers.clear(Timer::Switched);
        let Next::Switching(next) = std::mem::take(&mut self.succession.next) else { return };
        let Successor { call_id, capabilities, digest, sideband, .. } = *next;
        let call = self.call;
        let timeline = self.begin_call(call_id, capabilities, digest);
        self.retire(call, timeline);
        self.out.push(Effect::Promote);
        self.note_call(CallEvent::Connected);
        self.link.sideband = sideband;
        self.link.epoch += 1;
        if sideband == Sideband::Attached {
            self.link.attached_at = Some(self.now.mono_ms);
            self.timers.set(Timer::TakeOver, self.in_ms(0));
        }
        self.note_control();
        self.continue_in(SILENCE_MS);
    }

    /// The record of the next call begins. Returns the timeline of the one before.
    fn begin_call(&mut self, call_id: String, capabilities: Capabilities, digest: String) -> Timeline {
        self.record_meter();
        self.call += 1;
        self.is_capable_of(capabilities);
        self.succession.digest = Some(digest);
        self.succession.vacant = false;
        self.succession.named(self.call, &call_id);
        let mut entry = Entry::Call {
            call: self.call,
            event: CallEvent::Answered { call_id, drop_in: false, lacks: capabilities.lacks() },
            at: self.now.unix_ms,
        };
        self.journal.append(self.link.epoch, Source::Server, &mut entry, None);
        self.forget_model();
        self.call_began_at(self.now.mono_ms);
        let next = self.timeline.followed_by(self.call);
        std::mem::replace(&mut self.timeline, next)
    }

    /// Whatever was under way with a model ends with its call; a decided change of stage is told to the next one.
    fn forget_model(&mut self) {
        self.configuration = Configuration::default();
        self.replies.lose_sight(self.now.mono_ms);
        self.replies.queued = None;
        self.replies.gate_lost = false;
        for timer in [Timer::Ack, Timer::ReplyCreated, Timer::Hush, Timer::Floor, Timer::TakeOver] {
            self.timers.clear(timer);
        }
        self.change = match std::mem::replace(&mut self.change, Change::None) {
            Change::Told { decision, words } | Change::Waiting { decision, words } => {
                Change::Waiting { decision, words }
            }
            Change::Overriding { decision } => Change::Waiting { decision, words: super::replies::Words::Reply },
            Change::None => Change::None,
        };
    }

    /// The call before is listened to for a moment and then hung up.
    fn retire(&mut self, call: u32, timeline: Timeline) {
        self.old_over();
        self.succession.old = Some(Old { call, timeline });
        self.replay.begin_call(self.now.unix_ms);
        self.reconcile.begin_call();
        self.timers.set(Timer::OldDrain, self.in_ms(DRAIN_MS));
    }

    /// The last words of the call before.
    pub(super) fn old_fact(&mut self, source: Source, fact: Fact) {
        let (turn, fact) = match fact {
            Fact::Turn(turn, fact) => (turn, fact),
            Fact::Metered { operation, total_ms } => {
                let old = self.succession.old.as_ref().map(|old| old.call);
                return self.metered_before(source, old, operation, total_ms);
            }
            _ => return,
        };
        if source == Source::Client && self.link.control != Control::Relay {
            return;
        }
        if source == Source::Client {
            self.relays_turn(&turn);
        }
        self.old_turn(source, &turn, fact);
    }

    /// Whether the call before has a turn that did not settle yet.
    pub(super) fn is_open_in_old(&self, turn: &TurnRef) -> bool {
        self.succession.old.as_ref().is_some_and(|old| old.timeline.is_open(turn))
    }

    fn old_turn(&mut self, source: Source, turn: &TurnRef, fact: TurnFact) {
        let Some(old) = &self.succession.old else { return };
        let index = self.stage_of_reply(old.timeline.reply_in(turn, &fact).as_deref());
        let Some(old) = &mut self.succession.old else { return };
        let plan = self.setup.plan.clone();
        let outcomes = old.timeline.apply(self.now, source, &plan.stages[index].name, turn, fact);
        let call = old.call;
        self.record_of(call, outcomes);
    }

    /// The call before is over: what did not come until now does not come.
    pub(super) fn old_over(&mut self) {
        self.timers.clear(Timer::OldDrain);
        if let Some(mut old) = self.succession.old.take() {
            let rest = old.timeline.settle_all();
            self.record_of(old.call, rest);
            self.out.push(Effect::HangUpOther { which: Other::Old, call: old.call });
        }
    }

    pub(super) fn old_deadline(&self) -> Option<Millis> {
        self.succession.old.as_ref().and_then(|old| old.timeline.deadline())
    }

    pub(super) fn old_time(&mut self) {
        let Some(old) = &mut self.succession.old else { return };
        let (call, outcomes) = (old.call, old.timeline.tick(self.now));
        self.record_of(call, outcomes);
    }

    /// What became of a call that is not in force any more, or never was.
    pub(super) fn other_hung_up(&mut self, call: u32, result: HangUp) {
        if call < self.call || (call == self.call && self.link.severed) {
            let mut entry = Entry::Call { call, event: CallEvent::Closed { hang_up: result }, at: self.now.unix_ms };
            self.journal.append(self.link.epoch, Source::Server, &mut entry, None);
        }
    }

    /// The page was loaded anew and brings an offer: its last call ends now.
    pub(super) fn reloaded(&mut self) {
        if matches!(self.phase, Phase::Answered | Phase::Live) && self.has_call() {
            self.note_unplanned();
            self.sever();
        }
        if self.link.severed {
            // Nobody is told: the offer is here already.
            self.expect_offer(Why::Reload);
            self.timers.clear(Timer::Renew);
        }
    }

    /// The call is gone. Where the client can make another, the interview waits for it; else it ends.
    pub(super) fn lose(&mut self) {
        // Our own socket and the client's connection both tell of it, one after the other.
        if self.succession.vacant {
            return;
        }
        if !self.setup.continues || self.unplanned_too_often().is_some() {
            self.finish(if self.link.client { EndedBy::UpstreamError } else { EndedBy::UserDisconnect });
            return;
        }
        self.note_unplanned();
        self.sever();
        if self.link.client {
            self.ask_for_offer(Why::Lost);
        }
    }

    fn note_unplanned(&mut self) {
        if self.succession.unplanned.len() == MAX_UNPLANNED {
            self.succession.unplanned.pop_front();
        }
        self.succession.unplanned.push_back(self.now.mono_ms);
    }

    /// How long until another unplanned call may be made, if not now.
    fn unplanned_too_often(&self) -> Option<Millis> {
        let Succession { unplanned, .. } = &self.succession;
        let first = *unplanned.front().filter(|_| unplanned.len() == MAX_UNPLANNED)?;
        let again = first + UNPLANNED_WINDOW_MS;
        again.checked_sub(self.now.mono_ms).filter(|wait| *wait > 0)
    }

    /// From here on there is no call: nobody hears, nobody can be told, and the record has a gap until the next one.
    fn sever(&mut self) {
        self.give_up_next();
        self.old_over();
        self.record_meter();
        let rest = self.timeline.settle_all();
        self.record(rest);
        self.forget_model();
        self.timers.clear(Timer::Renew);
        self.timers.clear(Timer::LastWords);
        self.link.sever();
        self.succession.vacant = true;
        self.replay.begin_call(self.now.unix_ms);
        self.reconcile.begin_call();
        self.note_control();
        self.timers.set(Timer::Grace, self.in_ms(self.setup.limits.grace_ms));
        self.out.push(Effect::Retire);
        self.out.push(Effect::HangUpOther { which: Other::Old, call: self.call });
    }

    /// Media of the new call is up: the interview goes on.
    pub(super) fn reconnected(&mut self) {
        if !std::mem::replace(&mut self.link.severed, false) {
            return;
        }
        self.timers.clear(Timer::Grace);
        self.note_call(CallEvent::Connected);
        self.touch();
        if self.is_live() {
            self.continue_in(0);
        }
    }

    /// Nothing of another call stays behind when the interview ends.
    pub(super) fn end_other_calls(&mut self) {
        self.give_up_next();
        self.old_over();
    }
}
