//! The call core: inputs in, effects out. It composes the stage machine, the timeline, the
//! journal and the limits of one interview and is the only place that decides anything about a live call. Pure and
//! deterministic: the same inputs at the same times give the same effects. It holds no socket, no clock and no task,
//! and knows capabilities, never providers.
//!
//! | file | what it decides |
//! |---|---|
//! | `turns` | what facts mean for the record and the captions |
//! | `replies`, `greeting` | when the model is asked to speak |
//! | `heard` | whose doing a reply is, and who is audible |
//! | `distance` | whether we are too far away to hold the gate |
//! | `watch` | what happens when nothing happens |
//! | `stages` | how a change of stage reaches the model without racing it |
//! | `configuration` | what the model is told to be, and whether it is |
//! | `guard` | what it means when it is not |
//! | `relayed`, `missed` | what a client may forget, and what it is told again |
//! | `replay`, `reconcile` | what it tells again, and what the provider says of it |
//! | `used` | what is on the record of what was consumed |
//! | `link` | who records: sideband or relay, and what happens when that changes |
//! | `succession` | which call follows this one, and when |
//! | `limits` | what time alone brings about |
//! | `ending` | the order of the end |
//! | `state` | nothing: it takes a core apart and puts it together again |
//! | `resume` | how the state follows from the journal after a restart |

mod configuration;
mod distance;
mod effect;
mod ending;
mod greeting;
mod guard;
mod heard;
mod input;
mod journal;
mod limits;
mod link;
mod missed;
mod past;
mod reconcile;
mod relayed;
mod replay;
mod replies;
mod resume;
mod setup;
mod stages;
mod state;
mod succession;
mod timers;
mod turns;
mod used;
mod watch;

use configuration::Configuration;
use distance::Distance;
pub use effect::{Caption, CloseReason, Control, Directive, Durable, Effect, Notice, Other, Pipe};
pub use guard::Guard;
use guard::Noticed;
pub use input::{ClientInput, Connection, EndedBy, Input, Sideband, StoreInput, UpstreamInput};
use journal::Journal;
use link::Link;
pub use missed::missed;
pub use reconcile::Found;
use reconcile::Reconcile;
use relayed::Relayed;
use replay::Replay;
use replies::Replies;
pub use resume::NotResumable;
pub use setup::{Limits, Models, Setup};
use stages::Change;
pub use state::State;
use succession::Succession;
pub use succession::Why;
use timers::{Timer, Timers};
use used::Used;

use serde::{Deserialize, Serialize};

use crate::clock::{At, Millis};
use crate::interview::Machine;
use crate::transcript::timeline::Timeline;
use crate::transcript::{CallEvent, Entry, Seeded, Source};
use crate::upstream::facts::{Capabilities, Gate};

/// Where the call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// No answer yet.
    Waiting,
    /// Answered; media is not up yet.
    Answered,
    /// The interview runs.
    Live,
    /// It ends; see `ending`.
    Ending(EndedBy),
    /// Another process will go on with it.
    HandingOver,
    /// Nothing happens any more.
    Over,
}

/// One interview, live.
pub struct CallCore {
    setup: Setup,
    phase: Phase,
    call: u32,
    capabilities: Capabilities,
    machine: Machine,
    timeline: Timeline,
    journal: Journal,
    replies: Replies,
    change: Change,
    configuration: Configuration,
    noticed: Noticed,
    link: Link,
    succession: Succession,
    /// A limit had the goodbye said: what ends with it ended because of that.
    ends_as: Option<EndedBy>,
    relayed: Relayed,
    replay: Replay,
    reconcile: Reconcile,
    used: Used,
    distance: Distance,
    timers: Timers,
    /// A nudge waits for a quiet moment.
    nudged: bool,
    /// The candidate was asked whether they are there and has not spoken since.
    prompted: bool,
    now: At,
    out: Vec<Effect>,
}

// Who somebody is and what was said is in nearly every part of it: never in a log.
impl std::fmt::Debug for CallCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallCore")
            .field("session", &self.setup.session)
            .field("phase", &self.phase)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}

impl CallCore {
    /// A core before its offer.
    #[must_use]
    pub fn new(setup: Setup, at: At) -> Self {
        let (n, head) = setup.journal;
        Self {
            phase: Phase::Waiting,
            call: 1,
            capabilities: Capabilities::REALTIME,
            machine: Machine::default(),
            timeline: Timeline::new(1),
            journal: Journal::new(setup.session, n, head, Seeded::new(setup.seed)),
            replies: Replies::default(),
            change: Change::None,
            configuration: Configuration::default(),
            noticed: Noticed::default(),
            link: Link::new(),
            succession: Succession::default(),
            ends_as: None,
            relayed: Relayed::default(),
            replay: Replay::default(),
            reconcile: Reconcile::default(),
            used: Used::default(),
            distance: Distance::default(),
            timers: Timers::default(),
            nudged: false,
            prompted: false,
            now: at,
            out: Vec::new(),
            setup,
        }
    }

    /// Takes one input and says what is to be done, in order. Afterwards [`CallCore::next_deadline`] lies in the future.
    pub fn handle(&mut self, at: At, input: Input) -> Vec<Effect> {
        self.now = at;
        let at_ms = at.mono_ms;
        if self.phase != Phase::Over {
            match input {
                Input::Client(input) if self.is_sealed() && input.is_of_the_call() => {}
                Input::Client(input) => self.on_client(input),
                Input::Store(input) => self.on_store(input),
                Input::Tick => {}
                // What comes after the seal is not on the record any more.
                Input::Fact(..) | Input::OldFact(..) | Input::Upstream(_) if self.is_sealed() => {}
                Input::Fact(source, fact) => self.on_fact(source, fact),
                Input::OldFact(source, fact) => self.old_fact(source, fact),
                Input::Upstream(input) => self.on_upstream(input),
            }
        }
        for _ in 0..MAX_ROUNDS {
            if self.phase != Phase::Over {
                self.on_time();
            }
            if self.phase != Phase::Over {
                self.look_after();
            }
            if self.next_deadline().is_none_or(|at| at > at_ms) {
                break;
            }
        }
        if self.phase != Phase::Over {
            self.out.extend(self.journal.next_commit());
        }
        std::mem::take(&mut self.out)
    }

    /// When to call [`CallCore::handle`] with [`Input::Tick`], on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        if self.phase == Phase::Over {
            return None;
        }
        self.timers.next().into_iter().chain(self.timeline.deadline()).chain(self.old_deadline()).min()
    }

    /// The current stage, for a client that joins.
    #[must_use]
    pub fn stage(&self) -> Option<&str> {
        self.machine.index().map(|index| self.setup.plan.stages[index].name.as_str())
    }

    /// When the current stage began, Unix milliseconds, for a client that joins.
    #[must_use]
    pub fn stage_started_at(&self) -> Option<i64> {
        let ago = self.now.mono_ms.saturating_sub(self.machine.entered()?);
        Some(self.now.unix_ms - i64::try_from(ago).unwrap_or(0))
    }

    /// Who records, under which epoch, and the state of our socket.
    #[must_use]
    pub fn control(&self) -> (Control, u32, Sideband) {
        (self.link.control, self.link.epoch, self.link.sideband)
    }

    /// The instructions and gate the call is created with.
    #[must_use]
    pub fn opening(&self) -> (String, Gate) {
        (self.instructions(), self.wanted_gate())
    }

    /// The last durable journal record.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.journal.durable()
    }

    /// The last journal record, durable or not.
    #[must_use]
    pub fn recorded(&self) -> u64 {
        self.journal.n()
    }

    /// Whether the interview is over and everything about it was said.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn on_client(&mut self, input: ClientInput) {
        match input {
            ClientInput::Attached => {
                self.client_attached();
                // Without a call a client is not back until it has made another.
                if !self.link.severed {
                    self.timers.clear(Timer::Grace);
                }
                self.ask_again();
                if self.journal.is_failing() {
                    self.tell(save_error());
                }
            }
            // Without a call there is nothing to keep: the session can be begun again.
            ClientInput::Detached if self.phase == Phase::Waiting => self.stop(CloseReason::Done),
            ClientInput::Detached => {
                self.link.client = false;
                self.timers.set(Timer::Grace, self.in_ms(self.setup.limits.grace_ms));
            }
            ClientInput::Connection(Connection::Connected) => {
                self.connected();
                self.reconnected();
                if self.link.client {
                    self.timers.clear(Timer::Grace);
                }
            }
            // Its connection is lost for good: the interview goes on with another one.
            ClientInput::Connection(Connection::Failed) if self.setup.continues && self.is_live() => self.lose(),
            // Without media there is no interview; the client may still make a new connection.
            ClientInput::Connection(Connection::Failed | Connection::Closed) if !self.timers.is_set(Timer::Grace) => {
                self.timers.set(Timer::Grace, self.in_ms(self.setup.limits.grace_ms));
            }
            ClientInput::Connection(_) => {}
            ClientInput::NextConnected => self.next_connected(),
            ClientInput::Reloaded => self.reloaded(),
            ClientInput::Switched { id } => self.switched(&id),
            ClientInput::RelaysFrom { seq } => self.relays_from(seq),
            ClientInput::Replayed { id, events, facts, last } => self.replayed(&id, events, facts, last),
            ClientInput::Past { call_id, facts } => self.past(&call_id, facts),
            ClientInput::Relayed { seq } => self.relayed(seq),
            ClientInput::Skip { target } => self.skip(&target),
            ClientInput::End { by } => self.finish(by),
            ClientInput::HandOver => self.hand_over(),
        }
    }

    fn on_upstream(&mut self, input: UpstreamInput) {
        match input {
            UpstreamInput::Answered { call_id, capabilities } => self.answered(call_id, capabilities),
            UpstreamInput::Sideband(state) => self.sideband_is(state),
            UpstreamInput::Gone => self.gone(),
            UpstreamInput::HungUp(result) => self.hung_up(result),
            UpstreamInput::NextAnswered { id, call_id, capabilities, digest } => {
                self.next_answered(id, call_id, capabilities, digest)
            }
            UpstreamInput::NextSideband(state) => self.next_sideband(state),
            UpstreamInput::NextGone => self.give_up_next(),
            UpstreamInput::OtherHungUp { call, result } => self.other_hung_up(call, result),
        }
    }

    fn on_store(&mut self, input: StoreInput) {
        match input {
            StoreInput::Committed { up_to } => {
                for notice in self.journal.committed(up_to) {
                    self.tell(notice);
                }
                self.acknowledge_durable();
                self.timers.clear(Timer::SaveRetry);
                self.tell(Notice::Saved { up_to: self.journal.durable(), durable: Durable::Disk });
                self.saved();
            }
            StoreInput::Failed => {
                self.timers.set(Timer::SaveRetry, self.in_ms(SAVE_RETRY_MS));
                if self.journal.failed() {
                    self.tell(save_error());
                }
            }
            StoreInput::Fenced => self.stop(CloseReason::Fenced),
        }
    }

    fn answered(&mut self, call_id: String, capabilities: Capabilities) {
        if self.phase != Phase::Waiting {
            return;
        }
        self.phase = Phase::Answered;
        self.is_capable_of(capabilities);
        self.succession.named(self.call, &call_id);
        // Rides along with the next record: an offer should not cost a commit of its own.
        let mut entry = Entry::Call {
            call: self.call,
            event: CallEvent::Answered { call_id, drop_in: self.is_drop_in(), lacks: capabilities.lacks() },
            at: self.now.unix_ms,
        };
        self.journal.append_later(self.link.epoch, Source::Server, &mut entry);
        self.timers.set(Timer::NoShow, self.in_ms(self.no_show_ms()));
        self.timers.set(Timer::SessionCap, self.in_ms(self.setup.limits.session_ms));
        self.timers.set(Timer::TimeLow, self.in_ms(self.setup.limits.session_ms.saturating_sub(limits::TIME_LOW_MS)));
        self.timers.set(Timer::Farewell, self.in_ms(limits::farewell_ms(self.setup.limits.session_ms)));
        self.call_began_at(self.now.mono_ms);
        if !self.setup.sideband {
            self.sideband_is(Sideband::Unavailable);
        }
    }

    /// What the upstream of the call in force can do.
    fn is_capable_of(&mut self, capabilities: Capabilities) {
        self.capabilities = capabilities;
        self.link.client_sends = capabilities.client_sends;
    }

    /// Media is up: the interview begins.
    fn connected(&mut self) {
        if self.phase != Phase::Answered {
            return;
        }
        self.phase = Phase::Live;
        self.expect_settings();
        self.link.severed = false;
        self.timers.clear(Timer::NoShow);
        self.note_call(CallEvent::Connected);
        let entry = self.machine.start(&self.setup.plan, self.now);
        self.announce(entry);
        self.touch();
        self.greet();
    }

    fn note_call(&mut self, event: CallEvent) {
        let mut entry = Entry::Call { call: self.call, event, at: self.now.unix_ms };
        self.journal.append(self.link.epoch, Source::Server, &mut entry, None);
    }

    fn tell(&mut self, notice: Notice) {
        self.out.push(Effect::ToClient(notice));
    }

    fn tell_when_durable(&mut self, n: u64, notice: Notice) {
        let now = self.journal.when_durable(n, notice);
        self.out.extend(now.map(Effect::ToClient));
    }

    fn stop(&mut self, reason: CloseReason) {
        self.phase = Phase::Over;
        self.timers.clear_all();
        self.out.push(Effect::Close(reason));
    }

    fn in_ms(&self, ms: Millis) -> Millis {
        self.now.mono_ms + ms
    }

    /// Its client speaks the provider's contract and knows nothing of us.
    fn is_drop_in(&self) -> bool {
        !self.setup.greets
    }

    /// Whether there is an interview to lead, and not an application's own conversation.
    fn is_led(&self) -> bool {
        self.setup.plan.conversation.is_none()
    }

    fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }
}

/// Told when the store refuses, and to whoever joins while it does.
fn save_error() -> Notice {
    Notice::SaveError {
        message: "The record cannot be written at the moment. The interview goes on; saving is being retried.".into(),
        retrying: true,
    }
}

/// What follows from an input may be due at once; each round leaves less to do, and what is left waits for the next tick.
const MAX_ROUNDS: usize = 4;
/// Between two attempts to write what the store refused.
const SAVE_RETRY_MS: Millis = 1_000;

#[cfg(test)]
mod tests;
