//! What the model is configured to be: sent by the open way, repeated until the provider echoes
//! it, and from then on compared with every later echo. The text follows from the state whenever it is sent, so nothing
//! stale is ever repeated. What a difference means is judged in `guard`.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{CallCore, Control, Directive, Guard, Phase, Pipe, Sideband, Timer};
use crate::clock::Millis;
use crate::transcript::Source;
use crate::upstream::facts::{Gate, Guarded};

/// A configuration must be echoed within this time, or the next reply carries its text.
const ACK_MS: Millis = 300;
/// Between further attempts to have it echoed.
const REASSERT_MS: Millis = 1_000;
/// So many, then it is left until something else asks for a configuration.
const MAX_REASSERTS: u32 = 10;
/// Repeats are held back while the model speaks; this long after the first, none is waited for any more.
const GIVE_UP_MS: Millis = 30_000;
/// Another echo than ours says nothing for this long after we sent it.
const WITHHELD_MS: Millis = 2_000;
/// The client may carry out what we told it so much later.
const CLIENT_LAG_MS: Millis = 10_000;
/// Configurations of ours that are recognised when their echo comes late.
const MAX_SENT: usize = 8;

/// What the model should be, once that differs from how the call was created.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Configuration {
    wanted: Option<Wanted>,
    sent: VecDeque<Sent>,
    /// An echo of ours was recognised in this call.
    recognised: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wanted {
    gate: Gate,
    since: Millis,
    tries: u32,
    reason: Reason,
    /// The provider's echo of exactly this, to compare later ones with.
    echo: Option<Guarded>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Reason {
    /// The interview goes on.
    Course,
    /// Somebody else changed it.
    Correction,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sent {
    instructions: String,
    gate: Gate,
    pipe: Pipe,
    at: Millis,
}

impl Configuration {
    /// Whether what was last asked for is in force.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.echo.is_some())
    }

    fn is_ours(&self, config: &Guarded, by: impl Fn(&Sent) -> bool) -> bool {
        self.sent.iter().any(|sent| by(sent) && sent.gate == config.gate && sent.instructions == config.instructions)
    }
}

impl CallCore {
    /// Asks the model to be what the state says it should be; repeated until it is echoed.
    pub(super) fn configure(&mut self) {
        self.configure_for(self.gate_to_ask_for(), Reason::Course);
        self.send_configuration();
        self.timers.set(Timer::Ack, self.in_ms(ACK_MS));
    }

    /// Sets right what somebody else changed.
    pub(super) fn correct(&mut self) {
        let Some(gate) = self.configuration.wanted.as_ref().map(|wanted| wanted.gate) else { return };
        self.configure_for(gate, Reason::Correction);
        let gap = self.correction_gap();
        let allowed = self.configuration.sent.back().map_or(0, |sent| sent.at + gap);
        if allowed <= self.now.mono_ms {
            self.send_configuration();
            self.timers.set(Timer::Ack, self.in_ms(gap));
        } else {
            self.timers.set(Timer::Ack, allowed);
        }
    }

    fn configure_for(&mut self, gate: Gate, reason: Reason) {
        self.configuration.wanted = Some(Wanted { gate, since: self.now.mono_ms, tries: 0, reason, echo: None });
    }

    fn send_configuration(&mut self) {
        let Some(gate) = self.configuration.wanted.as_ref().map(|wanted| wanted.gate) else { return };
        let Some(pipe) = self.link.pipe() else { return };
        let (id, instructions) = (self.directive_id(), self.instructions());
        let Configuration { wanted, sent, recognised: _ } = &mut self.configuration;
        if let Some(wanted) = wanted {
            wanted.tries += 1;
        }
        if sent.len() == MAX_SENT {
            sent.pop_front();
        }
        sent.push_back(Sent { instructions: Guarded::fingerprint(&instructions), gate, pipe, at: self.now.mono_ms });
        self.direct_by(pipe, Directive::Configure { id, instructions, gate });
    }

    /// A way to the model opened: what it has not confirmed is asked for again.
    pub(super) fn configure_again(&mut self) {
        if !self.configuration.is_acknowledged() && matches!(self.phase, Phase::Answered | Phase::Live) {
            self.configure();
        }
    }

    /// The time for an echo is over.
    pub(super) fn not_acknowledged(&mut self) {
        if self.configuration.is_acknowledged() {
            return;
        }
        self.speak_instead_of_waiting();
        let Some(wanted) = &self.configuration.wanted else { return };
        if wanted.tries >= MAX_REASSERTS {
            self.no_echo();
            return;
        }
        // A running reply is not disturbed for the sake of a repeat.
        if wanted.reason == Reason::Correction || self.replies.is_model_quiet() {
            self.send_configuration();
        }
        self.timers.set(Timer::Ack, self.in_ms(REASSERT_MS));
    }

    /// Every repeat was in vain: this provider does not tell. What we hear is still better than what we are told.
    fn no_echo(&mut self) {
        if self.link.sideband == Sideband::Attached && self.link.control != Control::Sideband {
            self.take_control();
        }
        if self.wanted_gate() == Gate::Provider {
            self.change_without_echo();
        }
    }

    /// Whether the echo should have come by now.
    pub(super) fn echo_is_late(&self) -> bool {
        self.configuration
            .wanted
            .as_ref()
            .is_some_and(|wanted| wanted.echo.is_none() && self.now.mono_ms.saturating_sub(wanted.since) >= ACK_MS)
    }

    /// Whether what the model was last told, and more than once, is never going to be echoed.
    pub(super) fn nobody_echoes(&self) -> bool {
        self.configuration.wanted.as_ref().is_some_and(|wanted| {
            let patient = wanted.tries >= 2 && self.now.mono_ms.saturating_sub(wanted.since) >= GIVE_UP_MS;
            wanted.echo.is_none() && (wanted.tries >= MAX_REASSERTS || patient)
        })
    }

    /// The provider says which configuration is in force.
    pub(super) fn configuration_is(&mut self, source: Source, config: Guarded) {
        // Only the way by which it was sent can tell whether it arrived.
        let heard_by = if source == Source::Client { Pipe::Client } else { Pipe::Sideband };
        if self.link.pipe() != Some(heard_by) {
            return;
        }
        let Some(wanted) = &self.configuration.wanted else { return };
        let (now, since, echo) = (self.now.mono_ms, wanted.since, wanted.echo.clone());
        let answers = self.answers(&config, wanted.gate);
        match echo {
            None if answers => self.acknowledged(heard_by, config),
            // While ours is on its way another one is no evidence of anything; and where ours was never recognised, none is.
            None if now.saturating_sub(since) <= WITHHELD_MS
                || !self.configuration.recognised
                || self.configuration.is_ours(&config, |_| true) => {}
            Some(echo) if echo == config => {}
            None | Some(_) if heard_by == Pipe::Client => {}
            // The client carried out late what we told it while it was in control.
            Some(_)
                if self.configuration.is_ours(&config, |sent| {
                    sent.pipe == Pipe::Client && now.saturating_sub(sent.at) <= CLIENT_LAG_MS
                }) =>
            {
                self.correct()
            }
            echo => self.session_changed(echo.as_ref(), &config),
        }
    }

    /// Whether this is what we asked for, as far as it was ours to ask.
    fn answers(&self, config: &Guarded, gate: Gate) -> bool {
        let written_down = config.transcription.as_deref() == Some(self.setup.models.transcription.as_ref());
        let told = config.instructions == Guarded::fingerprint(&self.instructions());
        match (self.is_led(), self.setup.guard) {
            (true, _) => config.gate == gate && told,
            (false, Guard::Open) => written_down,
            // Who lets the model speak is part of the application's settings.
            (false, Guard::Locked | Guard::Strict | Guard::Own) => written_down && told,
        }
    }

    fn acknowledged(&mut self, heard_by: Pipe, config: Guarded) {
        self.configuration.recognised = true;
        if let Some(wanted) = &mut self.configuration.wanted {
            wanted.echo = Some(config);
        }
        self.timers.clear(Timer::Ack);
        if heard_by == Pipe::Sideband {
            self.take_control();
        }
        self.configuration_taken();
    }
}
