//! A core from its journal: the process that ran it is gone, the interview is not. What is durable is
//! what was told, so folding the records gives the state that everybody knows of; what was decided and not yet entered
//! is decided again. Clocks go on by wall time. What happened meanwhile is a gap on the record.

use super::{CallCore, Control, Limits, Phase, Setup, Sideband, Timer, limits};
use crate::clock::{At, Millis};
use crate::interview::{self, Decision};
use crate::transcript::chain::{self, Broken};
use crate::transcript::{CallEvent, Entry, Record, Source, Speaker, StageEntry, StageReason, TurnEntry, TurnState};
use crate::upstream::facts::Capabilities;

/// Why a journal does not make a running interview.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotResumable {
    /// No call was answered in it.
    #[error("the journal holds no call")]
    NoCall,
    /// The interview ended, or its call did.
    #[error("the interview is over")]
    Over,
    /// The chain does not verify.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A record this version does not know, or a stage its plan does not have.
    #[error("record {0} cannot be understood")]
    Unknown(u64),
}

impl CallCore {
    /// The core as it was when its last record was made. `setup.journal` is taken from the records.
    ///
    /// # Errors
    /// See [`NotResumable`]; such a session can only be ended.
    pub fn resume(setup: Setup, records: &[Record], at: At) -> Result<Self, NotResumable> {
        let head = chain::verify(setup.session, records)?;
        let last = records.last().ok_or(NotResumable::NoCall)?;
        let epoch = last.epoch;
        let mut core = Self::new(Setup { journal: (last.n, head), ..setup }, at);
        let mut answered = None;
        let mut closed = None;
        let mut recorded_at = at.unix_ms;
        for (place, record) in records.iter().enumerate() {
            let entry = record.entry().map_err(|_| NotResumable::Unknown(record.n))?;
            recorded_at = wall_time(&entry).unwrap_or(recorded_at);
            match entry {
                Entry::Call { call, event: CallEvent::Answered { call_id, lacks, .. }, at } => {
                    core.is_capable_of(Capabilities::without(&lacks));
                    core.succession.named(call, &call_id);
                    // The session's own clock runs from the first call.
                    let first = answered.map_or(at, |(first, _)| first);
                    answered = Some((first, at));
                    if call > core.call {
                        core.refold_call(call, interview::digest(&records[..place]));
                    } else {
                        core.phase = Phase::Answered;
                    }
                }
                Entry::Call { event: CallEvent::Connected, .. } => core.phase = Phase::Live,
                Entry::Call { event: CallEvent::Control { .. }, .. } => {}
                Entry::Call { call, event: CallEvent::Closed { .. }, .. } => closed = Some(call),
                Entry::Seal { .. } => return Err(NotResumable::Over),
                Entry::Stage(stage) => core.refold_stage(&stage).ok_or(NotResumable::Unknown(record.n))?,
                Entry::Turn(turn) => core.refold_turn(turn, record.source, record.text.as_deref()),
                Entry::Revised(turn) if turn.call == core.call => {
                    core.timeline.refold(turn, record.source, record.text.as_deref());
                }
                Entry::Incident { incident, .. } => core.recall_incident(incident),
                Entry::Opened { call, item, after, speaker } if call == core.call => match speaker {
                    Speaker::System => core.reconcile.passes(&item),
                    Speaker::Ai | Speaker::Candidate => {
                        core.timeline.put_behind(&item, after, record.source);
                        core.reconcile.recall_opened(&item);
                    }
                },
                Entry::Usage { key, operation, usage, call, .. } => core.recall_used(call, &key, &operation, &usage),
                Entry::Opened { .. } | Entry::Revised(_) | Entry::Gap { .. } => {}
            }
        }
        let (first, latest) = answered.ok_or(NotResumable::NoCall)?;
        if core.machine.is_over() || (closed == Some(core.call) && !core.setup.continues) {
            return Err(NotResumable::Over);
        }
        // The end of a call is the end of the interview only if that is on the record too.
        core.link.severed = closed == Some(core.call);
        if core.link.severed {
            core.succession.is_vacant();
        }
        core.go_on(first, latest, recorded_at, epoch);
        Ok(core)
    }

    fn refold_call(&mut self, call: u32, digest: String) {
        self.call = call;
        self.timeline = self.timeline.followed_by(call);
        self.reconcile.begin_call();
        self.succession.recall(digest);
    }

    fn refold_stage(&mut self, stage: &StageEntry) -> Option<()> {
        let plan = self.setup.plan.clone();
        let at = self.moment(stage.at);
        match stage.reason {
            StageReason::Start => {
                self.machine.start(&plan, at);
            }
            StageReason::Ended => {
                self.machine.end(&plan, stage.ended_by.as_deref().unwrap_or_default(), at);
            }
            reason @ (StageReason::Completed | StageReason::Forced | StageReason::Skipped | StageReason::Closing) => {
                let decision = Decision { to: plan.position(&stage.to)?, reason, skipped: Vec::new() };
                self.machine.enter(&plan, &decision, at);
            }
        }
        Some(())
    }

    fn refold_turn(&mut self, turn: TurnEntry, source: Source, words: Option<&str>) {
        let plan = self.setup.plan.clone();
        match (turn.speaker, words) {
            (Speaker::Ai, words) => {
                self.replies.greeted = true;
                self.replies.owed = None;
                if let Some(words) = words.filter(|_| matches!(turn.state, TurnState::Final | TurnState::Interrupted)) {
                    self.machine.on_reply(&plan, plan.position(&turn.stage).unwrap_or(0), words);
                }
            }
            (Speaker::Candidate, words) => {
                // Answered or not: only what comes after it on the record can tell.
                self.owe_reply();
                // As it was counted then: late words of an earlier stage say nothing about this one.
                if let Some(words) = words.filter(|_| self.stage() == Some(turn.stage.as_str())) {
                    self.machine.on_words(words);
                }
            }
            (Speaker::System, _) => {}
        }
        if turn.call == self.call {
            self.timeline.refold(turn, source, words);
        } else {
            self.timeline.belongs_to_earlier(&turn);
        }
    }

    /// Everything that runs on a clock is set again; the client has its grace to come back.
    fn go_on(&mut self, first: i64, latest: i64, recorded_at: i64, epoch: u32) {
        let Limits { session_ms, grace_ms, inactivity_ms } = self.setup.limits;
        self.link.resume(epoch, recorded_at);
        self.replay.begin_call(latest);
        self.want_replay(recorded_at);
        self.reconcile.is_due();
        let began = self.moment(first).mono_ms;
        let cap = began + session_ms;
        self.timers.set(Timer::SessionCap, cap);
        self.timers.set(Timer::Farewell, began + limits::farewell_ms(session_ms));
        self.call_began_at(self.moment(latest).mono_ms);
        if cap > self.now.mono_ms + limits::TIME_LOW_MS {
            self.timers.set(Timer::TimeLow, cap - limits::TIME_LOW_MS);
        }
        self.timers.set(Timer::Grace, self.in_ms(grace_ms));
        if self.machine.index().is_some() {
            self.timers.set_or_clear(Timer::Stage, self.machine.next_deadline(&self.setup.plan));
            self.timers.set(Timer::Inactivity, self.in_ms(inactivity_ms / 2));
        } else {
            self.timers.set(Timer::NoShow, self.in_ms(self.no_show_ms()));
        }
        if !self.setup.sideband {
            self.sideband_is(Sideband::Unavailable);
        }
        if self.is_live() {
            self.greet();
        }
        debug_assert_ne!(self.link.control, Control::Sideband, "nobody is heard before the socket is open");
    }

    /// A wall time of the record on this process's clocks.
    fn moment(&self, unix_ms: i64) -> At {
        let ago = Millis::try_from(self.now.unix_ms.saturating_sub(unix_ms)).unwrap_or(0);
        At { mono_ms: self.now.mono_ms.saturating_sub(ago), unix_ms }
    }
}

fn wall_time(entry: &Entry) -> Option<i64> {
    match entry {
        Entry::Turn(turn) | Entry::Revised(turn) => Some(turn.spoken_at),
        Entry::Stage(stage) => Some(stage.at),
        Entry::Incident { at, .. } | Entry::Call { at, .. } => Some(*at),
        Entry::Gap { to, .. } => *to,
        Entry::Opened { .. } | Entry::Usage { .. } | Entry::Seal { .. } => None,
    }
}
