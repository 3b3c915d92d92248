//! A whole call in virtual time: core, provider, candidate, client and store, and the moments at which they meet. Time
//! jumps to whatever comes next. What the core does is checked at every step ([`super::watchman`]).

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::beta;
use super::candidate::Candidate;
use super::client::Client;
use super::dark::Dark;
use super::dialects::{Dialect, Normaliser};
use super::provider::{Provider, Quirks, Step, Via};
use super::store::{Moods, Store};
use super::watchman::Watchman;
use crate::call::core::{
    CallCore, ClientInput, CloseReason, Connection, Effect, Guard, Input, Limits, NotResumable, Notice, Phase, Pipe,
    Setup, Sideband, StoreInput, UpstreamInput,
};
use crate::call::recording::{self, Header, header_line, step_line};
use crate::clock::{At, Millis};
use crate::ids::SessionId;
use crate::interview::plan::Plans;
use crate::interview::{Brief, Plan};
use crate::transcript::{HangUp, Hash, Record, Signer, Source};
use crate::upstream::directives::Template;
use crate::upstream::session::create_session;

/// Over the client and its data channel; further than the direct way.
const CLIENT_MS: Millis = 40;
/// Two hours of talk take a tenth of it: more, and a wait has no end.
const MAX_STEPS: usize = 300_000;
/// From the end of a turn to its place on the record, at most: what was cut off waits for the word where.
const SETTLES_MS: Millis = 1_100;
/// Wall time at the origin of the monotonic clock.
pub(super) const EPOCH: i64 = 1_790_000_000_000;

/// What a test decides.
pub(super) struct Setting {
    pub(super) plan: Arc<Plan>,
    pub(super) dialect: Dialect,
    pub(super) guard: Guard,
    /// When our socket opens; `None`: the first attempts all fail.
    pub(super) attach_ms: Option<Millis>,
    pub(super) sideband: bool,
    pub(super) greets: bool,
    pub(super) limits: Limits,
    pub(super) quirks: Quirks,
    pub(super) candidate: Candidate,
    pub(super) moods: Moods,
    /// From the hang-up to its confirmation; `None`: never.
    pub(super) hang_up_ms: Option<Millis>,
    /// The client asks for replies itself when nobody does.
    pub(super) autopilot: bool,
    /// What every core is told is written down.
    pub(super) recorded: bool,
    /// From the provider to our socket, and back.
    pub(super) sideband_ms: Millis,
}

/// The built-in plans, read once.
pub(super) fn plan(name: &str) -> Arc<Plan> {
    static PLANS: OnceLock<[Arc<Plan>; 2]> = OnceLock::new();
    let built_in = || Plans::built_in().expect("sound");
    let plans =
        PLANS.get_or_init(|| ["short", "default"].map(|name| Arc::new(built_in().get(name).expect("there").clone())));
    plans.iter().find(|plan| plan.name == name).expect("a built-in plan").clone()
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            plan: plan("short"),
            dialect: Dialect::Items,
            guard: Guard::Own,
            attach_ms: Some(100),
            sideband: true,
            greets: true,
            limits: Limits { session_ms: 3_600_000, grace_ms: 60_000, inactivity_ms: 120_000 },
            quirks: Quirks::default(),
            candidate: Candidate::default(),
            moods: Moods::default(),
            hang_up_ms: Some(50),
            autopilot: false,
            recorded: false,
            sideband_ms: 5,
        }
    }
}

/// Something that happens at its time.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// The core is told directly.
    Input(Input),
    /// A server event reaches us by our own socket, opened for the so-manieth time.
    Wire(u32, Rc<Value>),
    /// A server event reaches the client.
    Channel(Rc<Value>),
    /// A relayed event reaches us.
    Relayed(u64, Rc<Value>),
    /// The client is told.
    Told(Notice),
    /// Directives reach the client.
    RealtimeSend(u32, Vec<Value>),
    /// A client event reaches the provider by the data channel.
    Order(Value),
    /// The same by our own socket.
    Directed(Value),
    /// The provider goes on.
    Provider(Step),
    /// The candidate speaks for so long.
    Speech(Millis),
    SpeechEnds(String, String),
    /// A commit reaches the store.
    Commit(u64, Hash, Vec<Record>),
    Stored(StoreInput),
    /// The client tells again.
    Replayed(String, Vec<Value>),
    /// Nothing comes by our socket any more, and nobody says so.
    Deaf,
    /// Our socket changes.
    Socket(Sideband),
    /// The client leaves or comes back.
    Leaves,
    Returns,
    /// So many requests for a reply get lost.
    Swallow(u32),
    /// Replies fail from now on, or no longer.
    Quota(bool),
    /// This process dies; the next one goes on from what is stored, so much later.
    Killed(Millis),
    Restarted,
}

pub(super) struct World {
    pub(super) now: Millis,
    pub(super) core: CallCore,
    pub(super) provider: Provider,
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) candidate: Candidate,
    pub(super) watchman: Watchman,
    /// When nobody could hear or be told anything.
    pub(super) dark: Dark,
    pub(super) session: SessionId,
    template: Template,
    future: BTreeMap<(Millis, u64), Happening>,
    scheduled: u64,
    heard: Normaliser,
    relayed: Normaliser,
    pub(super) dialect: Dialect,
    sideband_ms: Millis,
    socket: Option<u32>,
    sockets: u32,
    speaking: bool,
    hang_up_ms: Option<Millis>,
    setup: Setup,
    down: bool,
    comes_back: bool,
    restarts: u8,
    steps: usize,
    /// Requests for a reply that got lost.
    pub(super) swallowed: u64,
    /// When the upstream call was hung up first.
    pub(super) hung_up_at: Option<Millis>,
    /// When a core is made from the journal and compared: at the next moment at which everything is durable.
    pub(super) compared_at: Vec<Millis>,
    /// So many inputs, and the core is taken apart and put together again.
    pub(super) restored_every: Option<usize>,
    /// One for each core there was, if they are recorded.
    pub(super) recordings: Vec<String>,
}

impl World {
    /// A call that is answered at 0, connected at 300 ms, and watched from when the setting says.
    pub(super) fn new(setting: Setting) -> Self {
        let session: SessionId = "0190f5fe-7c1f-7d3e-9e59-1c1d5a3b7c11".parse().expect("an id");
        let setup = Setup {
            session,
            plan: setting.plan,
            brief: Brief::default(),
            limits: setting.limits,
            guard: setting.guard,
            sideband: setting.sideband,
            greets: setting.greets,
            continues: false,
            seed: [7; 32],
            signer: Signer::from_seed(&[1; 32]),
            journal: (0, Hash::GENESIS),
        };
        let core = CallCore::new(setup.clone(), at(0));
        let template =
            Template { model: "m".into(), voice: "v".into(), transcription_model: "t".into(), language: None };
        let (instructions, gate) = core.opening();
        let provider = Provider::new(setting.quirks, create_session(&template.spec(&instructions, gate)));
        let mut world = Self {
            now: 0,
            core,
            provider,
            store: Store::new(setting.moods),
            client: Client::new(setting.autopilot),
            candidate: setting.candidate,
            watchman: Watchman::default(),
            dark: Dark::default(),
            session,
            template,
            future: BTreeMap::new(),
            scheduled: 0,
            heard: Normaliser::new(setting.dialect),
            relayed: Normaliser::new(setting.dialect),
            dialect: setting.dialect,
            sideband_ms: setting.sideband_ms,
            socket: None,
            sockets: 0,
            speaking: false,
            hang_up_ms: setting.hang_up_ms,
            setup,
            down: false,
            comes_back: false,
            restarts: 0,
            steps: 0,
            swallowed: 0,
            hung_up_at: None,
            compared_at: Vec::new(),
            restored_every: None,
            recordings: Vec::new(),
        };
        if setting.recorded {
            world.recordings.push(header_line(&Header::new(&world.setup, &[], at(0), "test")));
        }
        world.feed(Input::Client(ClientInput::Attached));
        world.feed(Input::Upstream(UpstreamInput::Answered {
            call_id: "rtc_viva_1".into(),
            capabilities: setting.dialect.capabilities(),
        }));
        if setting.sideband {
            match setting.attach_ms {
                Some(ms) => world.at(ms, Happening::Socket(Sideband::Attached)),
                None => world.at(4_000, Happening::Socket(Sideband::Lost)),
            }
        }
        world.at(300, Happening::Input(Input::Client(ClientInput::Connection(Connection::Connected))));
        world
    }

    /// Something will happen at `ms` of virtual time.
    pub(super) fn at(&mut self, ms: Millis, what: Happening) {
        self.scheduled += 1;
        self.future.insert((ms.max(self.now), self.scheduled), what);
    }

    pub(super) fn later(&mut self, ms: Millis, what: Happening) {
        self.at(self.now + ms, what);
    }

    /// What was to happen at `ms` does not.
    pub(super) fn forget(&mut self, ms: Millis) {
        self.future.retain(|(at, _), _| *at != ms);
    }

    pub(super) fn setup(&self) -> Setup {
        self.setup.clone()
    }

    /// Lets time pass up to and with `ms`.
    pub(super) fn run(&mut self, ms: Millis) {
        self.run_until(ms, |_| false);
        if self.watchman.closed.is_none() {
            self.now = self.now.max(ms);
        }
    }

    /// Lets time pass until something is so, or `ms` is over. Returns whether it is so.
    pub(super) fn run_until(&mut self, ms: Millis, so: impl Fn(&Self) -> bool) -> bool {
        while self.watchman.closed.is_none() && !so(self) {
            self.steps += 1;
            assert!(
                self.steps < MAX_STEPS,
                "time stands still at {}: {:?} {:?}",
                self.now,
                self.core.timers,
                self.core.timeline.deadline()
            );
            let next = self.future.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.core.next_deadline().filter(|_| !self.down);
            let Some(at) = next.into_iter().chain(deadline).min().filter(|at| *at <= ms) else { return false };
            // A core from a journal may find that its time has come long ago.
            self.now = at.max(self.now);
            if next == Some(at) {
                let (_, what) = self.future.pop_first().expect("just seen");
                self.happen(what);
            } else {
                self.feed(Input::Tick);
            }
        }
        so(self)
    }

    /// Lets time pass until the call is over.
    pub(super) fn run_to_end(&mut self) -> CloseReason {
        self.run(self.now + 3 * 3_600_000);
        self.watchman.closed.expect("every call ends")
    }

    fn happen(&mut self, what: Happening) {
        self.provider.now = self.now;
        match what {
            Happening::Input(input) => self.feed(input),
            Happening::Wire(socket, event) if self.socket == Some(socket) => {
                for fact in self.heard.feed(&event, &self.provider.beginnings) {
                    self.feed(Input::Fact(Source::Sideband, fact));
                }
            }
            Happening::Wire(..) => {}
            Happening::Channel(event) => {
                let relayed = self.client.hears(self.now, event);
                self.relays(relayed);
            }
            Happening::Relayed(seq, event) => self.relay(seq, &event),
            Happening::Told(notice) => {
                if let (Notice::Replay { id, since }, true) = (&notice, self.client.attached) {
                    let since = Millis::try_from(since - EPOCH).unwrap_or(0);
                    let events = self.client.replay(since);
                    self.later(CLIENT_MS, Happening::Replayed(id.clone(), events));
                }
                let relayed = self.client.told(&notice);
                self.relays(relayed);
            }
            Happening::RealtimeSend(epoch, events) => {
                let obeyed = self.client.obeys(epoch);
                for event in events.into_iter().filter(|_| obeyed) {
                    self.at(self.now, Happening::Order(event));
                }
            }
            Happening::Order(event) => self.order(Via::Channel, &event),
            Happening::Directed(event) => self.order(Via::Sideband, &event),
            Happening::Provider(Step::Event(event)) => self.emit(event),
            Happening::Provider(step) => {
                let steps = self.provider.step(step);
                self.provider.note();
                self.steps(steps);
            }
            Happening::Speech(length) if self.provider.open && !self.speaking => {
                self.speaking = true;
                let (item, words) = self.candidate.says();
                let steps = self.provider.speech_begins(&item, self.now, &words);
                self.later(length, Happening::SpeechEnds(item, words));
                self.steps(steps);
            }
            Happening::Speech(_) => {}
            Happening::SpeechEnds(item, words) => {
                self.speaking = false;
                if self.provider.open {
                    let steps = self.provider.speech_ends(&item, self.now, &words);
                    self.provider.note();
                    self.steps(steps);
                }
            }
            Happening::Commit(expected_n, prev_hash, records) => {
                let answer = self.store.commit(self.now, expected_n, prev_hash, records);
                self.later(1, Happening::Stored(answer));
            }
            Happening::Stored(answer) => self.feed(Input::Store(answer)),
            Happening::Replayed(id, events) => {
                let (mut told, count) = (Normaliser::new(self.dialect), u32::try_from(events.len()).expect("few"));
                let facts = events.iter().flat_map(|event| told.feed(event, &self.provider.beginnings)).collect();
                self.feed(Input::Client(ClientInput::Replayed { id, events: count, facts, last: true }));
            }
            Happening::Deaf => self.socket = None,
            Happening::Socket(state) => self.socket_is(state),
            Happening::Leaves => {
                self.client.attached = false;
                self.feed(Input::Client(ClientInput::Detached));
            }
            Happening::Swallow(n) => {
                self.swallowed += u64::from(n);
                self.provider.quirks.swallowed = n;
            }
            Happening::Quota(fails) => self.provider.quirks.quota = fails,
            Happening::Killed(ms) if !self.down => self.die(ms),
            Happening::Killed(_) => {}
            Happening::Restarted => self.restart(),
            Happening::Returns => {
                self.feed(Input::Client(ClientInput::RelaysFrom { seq: self.client.acknowledged }));
                let (control, epoch, _) = self.core.control();
                let kept = self.client.returns(control, epoch);
                self.feed(Input::Client(ClientInput::Attached));
                self.relays(kept);
            }
        }
        self.dark.watch(self.now, !self.down && (self.socket.is_some() || self.client.attached));
        if self.down {
            return;
        }
        if let Some(order) = self.client.autopilot(self.now) {
            self.later(CLIENT_MS, Happening::Order(order));
        }
    }

    fn order(&mut self, via: Via, event: &Value) {
        if self.provider.open {
            let steps = self.provider.order(via, event);
            self.steps(steps);
        }
    }

    fn socket_is(&mut self, state: Sideband) {
        // It may be that it was opened again meanwhile.
        if state == Sideband::Attached && self.socket.is_some() {
            return;
        }
        self.socket = (state == Sideband::Attached).then(|| {
            self.sockets += 1;
            self.sockets
        });
        if state == Sideband::Attached {
            self.heard = Normaliser::new(self.dialect);
        }
        self.feed(Input::Upstream(UpstreamInput::Sideband(state)));
    }

    fn relay(&mut self, seq: u64, event: &Value) {
        if !self.core.takes(seq) || !self.client.attached {
            return;
        }
        for fact in self.relayed.feed(event, &self.provider.beginnings) {
            self.feed(Input::Fact(Source::Client, fact));
        }
        self.feed(Input::Client(ClientInput::Relayed { seq }));
    }

    fn relays(&mut self, events: Vec<(u64, Rc<Value>)>) {
        for (seq, event) in events {
            self.later(CLIENT_MS, Happening::Relayed(seq, event));
        }
    }

    fn steps(&mut self, steps: Vec<(Millis, Step)>) {
        for (ms, step) in steps {
            self.later(ms, Happening::Provider(step));
        }
    }

    /// A server event goes out to everybody who listens.
    fn emit(&mut self, event: Value) {
        if !self.provider.open {
            return;
        }
        self.provider.sends(self.now, &event);
        let event = Rc::new(if self.provider.quirks.beta { beta::renamed(event) } else { event });
        for _ in 0..1 + u32::from(self.provider.quirks.twice) {
            if let Some(socket) = self.socket.filter(|_| event["only"] != "channel") {
                self.later(self.sideband_ms, Happening::Wire(socket, event.clone()));
            }
            self.later(CLIENT_MS, Happening::Channel(event.clone()));
        }
        if let Some((think, speak)) = self.candidate.hears(&event, self.provider.quirks.playback) {
            self.later(think, Happening::Speech(speak));
        }
    }

    /// The core of this process is gone with everything it had not stored.
    fn die(&mut self, ms: Millis) {
        if self.watchman.closed.is_some() {
            return;
        }
        let settled_by = self.watchman.all_durable_at;
        self.dark.lost_since(settled_by.saturating_sub(SETTLES_MS));
        self.down = true;
        self.socket = None;
        // Its socket broke with the process; it comes back when there is another one.
        self.comes_back |= std::mem::take(&mut self.client.attached);
        self.store.in_flight = 0;
        // What was on its way to the store may get there all the same; nobody waits for the answer.
        let under_way =
            self.future.extract_if(.., |_, what| matches!(what, Happening::Commit(..) | Happening::Stored(_)));
        let under_way: Vec<_> = under_way.map(|(_, what)| what).collect();
        for what in under_way {
            if let Happening::Commit(expected_n, prev_hash, records) = what
                && self.store.moods.lands
            {
                self.store.in_flight = 1;
                self.store.commit(self.now, expected_n, prev_hash, records);
            }
        }
        self.later(ms, Happening::Restarted);
    }

    /// The next process makes a core from the journal, opens a socket, and the client comes back.
    fn restart(&mut self) {
        self.down = false;
        self.restarts += 1;
        let setup = Setup { seed: [7 + self.restarts; 32], ..self.setup.clone() };
        if !self.recordings.is_empty() {
            let header = Header::new(&setup, &self.store.journal, at(self.now), "test");
            self.recordings.push(header_line(&header));
        }
        match CallCore::resume(setup, &self.store.journal, at(self.now)) {
            Ok(core) => self.core = core,
            Err(why) => {
                assert!(
                    matches!(why, NotResumable::NoCall | NotResumable::Over),
                    "a journal of ours can be gone on with: {why}"
                );
                self.watchman.closed = Some(CloseReason::HandedOver);
                return;
            }
        }
        self.heard = Normaliser::new(self.dialect);
        self.relayed = Normaliser::new(self.dialect);
        self.watchman.restarted();
        if self.setup.sideband {
            self.later(150, Happening::Socket(Sideband::Attached));
        }
        if std::mem::take(&mut self.comes_back) || self.client.attached {
            self.client.attached = false;
            self.later(1_000, Happening::Returns);
        }
    }

    /// One input for the core; what it wants done is done.
    pub(super) fn feed(&mut self, input: Input) {
        if self.down {
            return;
        }
        if self.restored_every.is_some_and(|every| self.steps.is_multiple_of(every)) {
            self.core = super::states::restored(&self.core);
        }
        let recorded = (!self.recordings.is_empty()).then(|| input.clone());
        let effects = self.core.handle(at(self.now), input);
        if let (Some(lines), Some(input)) = (self.recordings.last_mut(), recorded) {
            lines.push_str(&step_line(&recording::Step::new(at(self.now), input, &effects)));
        }
        self.watchman.check(self.now, &effects, &self.store.entries);
        if self.core.journal.durable() == self.core.journal.n() {
            self.watchman.all_durable_at = self.now;
            let due = self.compared_at.first().is_some_and(|at| *at <= self.now);
            if due && matches!(self.core.phase, Phase::Answered | Phase::Live) {
                self.compared_at.remove(0);
                super::laws::the_journal_makes_the_same_core(self, at(self.now));
            }
        }
        for effect in effects {
            match effect {
                Effect::ToClient(notice) => self.later(CLIENT_MS, Happening::Told(notice)),
                Effect::ToModel { pipe, epoch, directive } => {
                    let events = self.template.encode(&directive);
                    match pipe {
                        Pipe::Sideband if self.socket.is_none() => {}
                        Pipe::Sideband => events
                            .into_iter()
                            .for_each(|event| self.later(self.sideband_ms, Happening::Directed(event))),
                        Pipe::Client => self.later(CLIENT_MS, Happening::RealtimeSend(epoch, events)),
                    }
                }
                Effect::Commit { expected_n, prev_hash, records } => {
                    let ms = self.store.takes();
                    self.later(ms, Happening::Commit(expected_n, prev_hash, records));
                }
                Effect::HangUp => {
                    self.provider.open = false;
                    self.hung_up_at.get_or_insert(self.now);
                    if let Some(ms) = self.hang_up_ms {
                        self.later(ms, Happening::Input(Input::Upstream(UpstreamInput::HungUp(HangUp::Confirmed))));
                    }
                }
                Effect::Retire | Effect::Promote => {}
                Effect::HangUpOther { call, .. } => {
                    self.provider.open = false;
                    let over = UpstreamInput::OtherHungUp { call, result: HangUp::Confirmed };
                    self.later(50, Happening::Input(Input::Upstream(over)));
                }
                Effect::Close(_) => {}
            }
        }
        if let Some(at) = self.core.next_deadline() {
            assert!(at > self.now, "the next deadline ({at}) lies in the future ({})", self.now);
        }
    }
}

fn at(ms: Millis) -> At {
    At { mono_ms: ms, unix_ms: EPOCH + i64::try_from(ms).expect("small") }
}
