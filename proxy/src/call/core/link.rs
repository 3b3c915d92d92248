//! Who records and by which way the model is told: the sideband when it is attached and has
//! echoed our configuration, the client otherwise. Every change of control is a new epoch, is journalled and told; what
//! nobody heard in between is a gap on the record.

use serde::{Deserialize, Serialize};

use super::replies::Words;
use super::{CallCore, CloseReason, Control, Directive, Effect, EndedBy, Notice, Phase, Pipe, Sideband, Timer};
use crate::clock::Millis;
use crate::transcript::{CallEvent, IncidentKind};
use crate::upstream::facts::Gate;

/// What the client had relayed before our socket took over may still be on its way for so long.
const UNDER_WAY_MS: Millis = 1_000;

/// How long a reply may keep our socket from taking over.
const TAKE_OVER_MS: Millis = 8_000;

/// The ways to the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) control: Control,
    pub(super) epoch: u32,
    pub(super) sideband: Sideband,
    /// Since when our socket is open.
    pub(super) attached_at: Option<Millis>,
    pub(super) client: bool,
    /// Its channel may tell the model something.
    #[serde(default = "yes")]
    pub(super) client_sends: bool,
    /// The interview runs, but no call does: there is nobody to hear or to tell.
    pub(super) severed: bool,
    /// When our socket took over from the client.
    taken_over_at: Option<Millis>,
    directives: u64,
    /// Wall time of the last fact that counted; where a gap begins.
    heard_at: Option<i64>,
    pub(super) gap_from: Option<i64>,
    /// Where it ends, while somebody may still tell of it.
    pub(super) gap_to: Option<i64>,
    /// How many events a client told of it before it ended.
    pub(super) gap_told: Option<u32>,
}

impl Link {
    pub(super) fn new() -> Self {
        Self {
            control: Control::Pending,
            epoch: 1,
            sideband: Sideband::Attaching,
            attached_at: None,
            client: false,
            client_sends: true,
            severed: false,
            taken_over_at: None,
            directives: 0,
            heard_at: None,
            gap_from: None,
            gap_to: None,
            gap_told: None,
        }
    }

    /// After a restart: a new epoch, and a gap since the last record.
    pub(super) fn resume(&mut self, epoch: u32, recorded_at: i64) {
        self.epoch = epoch + 1;
        self.heard_at = Some(recorded_at);
        self.gap_from = Some(recorded_at);
    }

    /// The way to the model that is open now.
    pub(super) fn pipe(&self) -> Option<Pipe> {
        if self.sideband == Sideband::Attached { Some(Pipe::Sideband) } else { self.by_client() }
    }

    /// The way through the client, if there is one.
    pub(super) fn by_client(&self) -> Option<Pipe> {
        (self.client && self.client_sends && !self.severed).then_some(Pipe::Client)
    }

    /// The call is gone; whatever follows begins like a first one.
    pub(super) fn sever(&mut self) {
        self.severed = true;
        self.control = Control::Pending;
        self.epoch += 1;
        self.sideband = Sideband::Attaching;
        self.attached_at = None;
        self.taken_over_at = None;
        self.gap_from = self.gap_from.or(self.heard_at);
    }
}

fn yes() -> bool {
    true
}

impl CallCore {
    /// Whether replies wait for us: we hold the gate as long as we hear what happens.
    pub(super) fn wanted_gate(&self) -> Gate {
        if self.setup.sideband && self.link.control != Control::Relay { self.sideband_gate() } else { Gate::Provider }
    }

    /// What the model is to be told about it: a socket that takes over asks for the gate before it holds it.
    pub(super) fn gate_to_ask_for(&self) -> Gate {
        let takes_over = self.link.sideband == Sideband::Attached && !self.timers.is_set(Timer::TakeOver);
        if takes_over { self.sideband_gate() } else { self.wanted_gate() }
    }

    /// The gate under the sideband.
    fn sideband_gate(&self) -> Gate {
        if self.is_drop_in() {
            // Its client knows nothing of a gate: it asks for replies itself, and expects answers to what was said.
            Gate::Provider
        } else if self.setup.plan.is_answered()
            && self.capabilities.reply_gate
            && !self.replies.gate_lost
            && !self.distance.is_far()
        {
            Gate::Server
        } else {
            Gate::Provider
        }
    }

    /// The state of our socket changed.
    pub(super) fn sideband_is(&mut self, state: Sideband) {
        if self.link.sideband == state || !matches!(self.phase, Phase::Answered | Phase::Live | Phase::Ending(_)) {
            return;
        }
        // Until the hang-up, last words are still recorded; the model is not told anything any more.
        let ends = matches!(self.phase, Phase::Ending(_));
        let lost = std::mem::replace(&mut self.link.sideband, state) == Sideband::Attached;
        self.link.attached_at = (state == Sideband::Attached).then_some(self.now.mono_ms);
        if lost {
            self.link.gap_from = self.link.gap_from.or(self.link.heard_at);
            self.link.gap_to = None;
            self.reconcile.is_due();
            if let Some(from) = self.link.heard_at.filter(|_| !ends) {
                self.want_replay(from);
            }
            self.replies.lose_sight(self.now.mono_ms);
        }
        match state {
            Sideband::Attached => {
                self.note_control();
                if !ends {
                    self.timers.set(Timer::TakeOver, self.in_ms(TAKE_OVER_MS));
                    self.greet_if_waiting();
                }
            }
            Sideband::Retrying | Sideband::Lost | Sideband::Unavailable if self.link.control != Control::Relay => {
                self.hand_to_client()
            }
            Sideband::Attaching | Sideband::Retrying | Sideband::Lost | Sideband::Unavailable => self.note_control(),
        }
        self.ask_replay();
    }

    /// The echo of this configuration is what makes the sideband trusted. A running reply is not disturbed for it;
    /// until then the client stays in control.
    pub(super) fn take_over_if_quiet(&mut self) {
        if self.timers.is_set(Timer::TakeOver) && self.replies.is_model_quiet() {
            self.take_over();
        }
    }

    pub(super) fn take_over(&mut self) {
        self.timers.clear(Timer::TakeOver);
        self.configure();
    }

    /// The client reports and carries out from here on. The provider replies by itself, but not to what was said before.
    pub(super) fn hand_to_client(&mut self) {
        self.control_is(Control::Relay);
        self.timers.clear(Timer::TakeOver);
        self.note_control();
        if matches!(self.phase, Phase::Ending(_)) {
            return;
        }
        self.configure();
        if self.replies.owed.is_some() {
            self.speak(Words::Reply);
        }
    }

    /// A client's socket is there.
    pub(super) fn client_attached(&mut self) {
        let opens = self.link.pipe().is_none();
        self.link.client = true;
        if opens {
            self.configure_again();
        }
        self.ask_replay_again();
    }

    /// Whether what a client relays is listened to: while it is in control, and right after, since what happened before
    /// our socket opened comes only from there.
    #[must_use]
    pub fn hears_client(&self) -> bool {
        let under_way = self.link.taken_over_at.is_some_and(|at| self.now.mono_ms.saturating_sub(at) <= UNDER_WAY_MS);
        self.link.control == Control::Relay || (self.link.control == Control::Sideband && under_way)
    }

    /// Our socket is heard and obeyed: from here on it is the record's source.
    pub(super) fn take_control(&mut self) {
        if self.link.control != Control::Sideband {
            self.link.taken_over_at = (self.link.control == Control::Relay).then_some(self.now.mono_ms);
            if self.link.control == Control::Relay {
                self.reconcile.is_due();
            }
            self.reconcile();
            self.distance.new_way();
            self.control_is(Control::Sideband);
            self.note_control();
        }
    }

    fn control_is(&mut self, control: Control) {
        if self.link.control != control {
            self.link.control = control;
            self.link.epoch += 1;
        }
    }

    pub(super) fn note_control(&mut self) {
        let (control, sideband) = (self.link.control, self.link.sideband);
        if control != Control::Pending {
            self.note_call(CallEvent::Control { control: control.as_str().into(), sideband: sideband.as_str().into() });
        }
        self.tell(Notice::Control { control, epoch: self.link.epoch, sideband });
    }

    /// Something was heard by a way that counts: a gap ends.
    pub(super) fn heard(&mut self) {
        self.link.heard_at = Some(self.now.unix_ms);
        self.gap_ends();
    }

    /// Sends a directive by the way that is open; without one it is dropped, and the watchdogs ask again.
    pub(super) fn direct(&mut self, directive: Directive) {
        if let Some(pipe) = self.link.pipe() {
            self.direct_by(pipe, directive);
        }
    }

    pub(super) fn direct_by(&mut self, pipe: Pipe, directive: Directive) {
        self.out.push(Effect::ToModel { pipe, epoch: self.link.epoch, directive });
    }

    pub(super) fn directive_id(&mut self) -> String {
        self.link.directives += 1;
        format!("viva_{}_{}", self.link.epoch, self.link.directives)
    }

    /// The provider says that the call is over.
    pub(super) fn gone(&mut self) {
        match self.phase {
            Phase::Waiting | Phase::HandingOver | Phase::Over | Phase::Ending(_) => {}
            Phase::Answered | Phase::Live => self.lose(),
        }
    }

    /// The provider says so itself, and why. A conversation that it would not have does not go on in another call.
    pub(super) fn closed_by_provider(&mut self, reason: &str) {
        match self.phase {
            Phase::Answered | Phase::Live if reason == "content" => {
                self.incident(IncidentKind::ReplyFailed, "content");
                self.finish(EndedBy::UpstreamError);
            }
            _ => self.gone(),
        }
    }

    /// The client did not come back in time.
    pub(super) fn abandoned(&mut self) {
        if self.phase == Phase::Waiting {
            // No call, no record: the session can still be begun by another ticket.
            self.stop(CloseReason::Done);
        } else {
            // A client that is there without media, while the model cannot be reached either, is not the one who left.
            let unreachable = self.link.severed || matches!(self.link.sideband, Sideband::Retrying | Sideband::Lost);
            let model_left = self.link.client && unreachable;
            self.finish(if model_left { EndedBy::UpstreamError } else { EndedBy::UserDisconnect });
        }
    }
}
