//! Who records and by which way the model is told (call-core §2.13, §2.15): the sideband when it is attached and has
//! echoed our configuration, the client otherwise. Every change of control is a new epoch, is journalled and told. Also
//! what a foreign change of the configuration leads to (call-core §3).

use super::{CallCore, CloseReason, Control, Directive, Effect, EndedBy, Guard, Notice, Phase, Pipe, Sideband, Timer};
use crate::clock::Millis;
use crate::transcript::{CallEvent, Entry, IncidentKind, Source};
use crate::upstream::facts::{Gate, Guarded};

/// A configuration must be echoed within this time, or the next reply carries its text (call-core §2.4).
pub(super) const ACK_MS: Millis = 300;
/// Between further attempts to have it echoed.
const REASSERT_MS: Millis = 1_000;
/// So many, then it is left until something else asks for a configuration.
const MAX_REASSERTS: u32 = 10;
/// Foreign changes within this time are one incident, and corrections are no closer than a quarter of it.
const INCIDENT_MS: Millis = 2_000;
/// The incident that ends a call of our own pages.
const MAX_INCIDENTS: u32 = 3;

/// The ways to the model and what it was last told to be.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) control: Control,
    pub(super) epoch: u32,
    pub(super) sideband: Sideband,
    pub(super) client: bool,
    /// What the model should be configured with, once it differs from how the call was created.
    wanted: Option<Wanted>,
    directives: u64,
    incidents: u32,
    last_incident: Option<Millis>,
}

#[derive(Debug)]
struct Wanted {
    instructions: String,
    gate: Gate,
    /// The provider's echo of exactly this, to compare later ones with.
    echo: Option<Guarded>,
    tries: u32,
}

impl Link {
    pub(super) fn new() -> Self {
        Self {
            control: Control::Pending,
            epoch: 1,
            sideband: Sideband::Attaching,
            client: false,
            wanted: None,
            directives: 0,
            incidents: 0,
            last_incident: None,
        }
    }

    /// The way to the model that is open now.
    pub(super) fn pipe(&self) -> Option<Pipe> {
        if self.sideband == Sideband::Attached {
            Some(Pipe::Sideband)
        } else {
            self.client.then_some(Pipe::Client)
        }
    }

    /// Whether what was last asked for is in force.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.echo.is_some())
    }
}

impl CallCore {
    /// We hold the reply gate as long as we hear what happens.
    pub(super) fn wanted_gate(&self) -> Gate {
        let held = self.capabilities.reply_gate && self.setup.sideband && self.link.control != Control::Relay && !self.replies.gate_lost;
        if held { Gate::Server } else { Gate::Provider }
    }

    /// The state of our socket changed.
    pub(super) fn sideband_is(&mut self, state: Sideband) {
        if self.link.sideband == state && state != Sideband::Attaching {
            return;
        }
        self.link.sideband = state;
        match state {
            // The echo of this configuration is what makes the sideband trusted.
            Sideband::Attached => {
                self.configure(self.current_instructions(), Gate::Server);
                self.greet_if_waiting();
            }
            Sideband::Retrying | Sideband::Lost | Sideband::Unavailable if self.link.control != Control::Relay => self.hand_to_client(),
            Sideband::Attaching | Sideband::Retrying | Sideband::Lost | Sideband::Unavailable => {}
        }
        self.note_control();
    }

    fn hand_to_client(&mut self) {
        self.control_is(Control::Relay);
        if matches!(self.phase, Phase::Answered | Phase::Live) {
            self.configure(self.current_instructions(), Gate::Provider);
            if self.replies.is_owed() {
                self.speak(None);
            }
        }
    }

    fn control_is(&mut self, control: Control) {
        if self.link.control != control {
            self.link.control = control;
            self.link.epoch += 1;
        }
    }

    fn note_control(&mut self) {
        let (control, sideband) = (self.link.control, self.link.sideband.as_str());
        if control != Control::Pending && self.phase != Phase::Waiting {
            self.note_call(CallEvent::Control { control: control.as_str().into(), sideband: sideband.into() });
        }
        self.tell(Notice::Control { control, epoch: self.link.epoch, sideband });
    }

    /// Asks the model to take a configuration; repeated until it is echoed.
    pub(super) fn configure(&mut self, instructions: String, gate: Gate) {
        self.link.wanted = Some(Wanted { instructions, gate, echo: None, tries: 0 });
        self.send_configuration();
        self.timers.set(Timer::Ack, self.in_ms(ACK_MS));
    }

    fn send_configuration(&mut self) {
        let id = self.directive_id();
        let Some(wanted) = &mut self.link.wanted else { return };
        wanted.tries += 1;
        let directive = Directive::Configure { id, instructions: wanted.instructions.clone(), gate: wanted.gate };
        self.direct(directive);
    }

    /// The time for an echo is over.
    pub(super) fn not_acknowledged(&mut self) {
        self.speak_instead_of_waiting();
        if self.link.wanted.as_ref().is_some_and(|wanted| wanted.echo.is_none() && wanted.tries < MAX_REASSERTS) {
            self.send_configuration();
            self.timers.set(Timer::Ack, self.in_ms(REASSERT_MS));
        }
    }

    /// The provider says which configuration is in force.
    pub(super) fn configuration_is(&mut self, source: Source, config: Guarded) {
        let Some(wanted) = &mut self.link.wanted else { return };
        match &wanted.echo {
            None if config.answers(&wanted.instructions, wanted.gate) => {
                wanted.echo = Some(config);
                self.timers.clear(Timer::Ack);
                if source == Source::Sideband && self.link.control != Control::Sideband {
                    self.control_is(Control::Sideband);
                    self.note_control();
                }
                self.configuration_taken();
            }
            // While ours is on its way another one is no evidence of anything.
            None => {}
            Some(echo) if *echo == config => {}
            Some(_) if source == Source::Sideband => self.tampered(),
            Some(_) => {}
        }
    }

    fn tampered(&mut self) {
        if self.setup.guard == Guard::Open {
            return;
        }
        let now = self.now.mono_ms;
        let is_new = self.link.last_incident.is_none_or(|last| now.saturating_sub(last) > INCIDENT_MS);
        if is_new {
            self.link.last_incident = Some(now);
            self.link.incidents += 1;
            self.incident(IncidentKind::Tamper, "session_changed");
        }
        if self.setup.guard == Guard::Own && self.link.incidents >= MAX_INCIDENTS {
            self.finish(EndedBy::Integrity);
            return;
        }
        if let Some(wanted) = &mut self.link.wanted {
            wanted.echo = None;
            wanted.tries = 0;
        }
        self.send_configuration();
        self.timers.set(Timer::Ack, self.in_ms(INCIDENT_MS / 4));
    }

    /// Puts something on the record that should not have happened.
    pub(super) fn incident(&mut self, incident: IncidentKind, code: &str) {
        let mut entry = Entry::Incident { incident, code: code.into(), at: self.now.unix_ms };
        self.journal.append(self.link.epoch, Source::Server, &mut entry, None);
    }

    /// Sends a directive by the way that is open; without one it is dropped, and the watchdogs ask again.
    pub(super) fn direct(&mut self, directive: Directive) {
        if let Some(pipe) = self.link.pipe() {
            self.out.push(Effect::ToModel { pipe, epoch: self.link.epoch, directive });
        }
    }

    pub(super) fn directive_id(&mut self) -> String {
        self.link.directives += 1;
        format!("viva_{}_{}", self.link.epoch, self.link.directives)
    }

    /// The provider says that the call is over.
    pub(super) fn gone(&mut self) {
        match self.phase {
            Phase::Waiting => {}
            Phase::Over => {}
            Phase::Ending(_) => {}
            Phase::Answered | Phase::Live => {
                let by = if self.link.client { EndedBy::UpstreamError } else { EndedBy::UserDisconnect };
                self.finish(by);
            }
        }
    }

    /// The client did not come back in time.
    pub(super) fn abandoned(&mut self) {
        if self.phase == Phase::Waiting {
            // No call, no record: the session can still be begun by another ticket.
            self.stop(CloseReason::Done);
        } else {
            self.finish(EndedBy::UserDisconnect);
        }
    }
}
