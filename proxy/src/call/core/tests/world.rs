//! A whole call in virtual time: core, provider, candidate, client and store, and the moments at which they meet. Time
//! jumps to whatever comes next. What the core does is checked at every step ([`super::watchman`]).

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::beta;
use super::calls::Calls;
use super::candidate::Candidate;
use super::client::Client;
use super::dark::Dark;
use super::dialects::{Dialect, Normaliser};
use super::provider::{Provider, Step, Via};
pub(super) use super::setting::{Happening, Setting, plan};
use super::store::Store;
use super::watchman::Watchman;
use crate::call::core::{
    CallCore, ClientInput, CloseReason, Connection, Effect, Guard, Input, Models, NotResumable, Notice, Phase, Pipe,
    Setup, Sideband, UpstreamInput,
};
use crate::call::recording::{self, Header, header_line, step_line};
use crate::clock::{At, Millis};
use crate::ids::SessionId;
use crate::interview::Brief;
use crate::transcript::{HangUp, Hash, Signer, Source};
use crate::upstream::directives::{Keeps, Own, Template};
use crate::upstream::session::create_session;

/// Over the client and its data channel; further than the direct way.
const CLIENT_MS: Millis = 40;
/// Two hours of talk take a tenth of it: more, and a wait has no end.
const MAX_STEPS: usize = 300_000;
/// From the end of a turn to its place on the record, at most: what was cut off waits for the word where.
const SETTLES_MS: Millis = 1_100;
/// Wall time at the origin of the monotonic clock.
pub(super) const EPOCH: i64 = 1_790_000_000_000;

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
    pub(super) template: Template,
    /// The calls beside the one in force, and those before it.
    pub(super) calls: Calls,
    future: BTreeMap<(Millis, u64), Happening>,
    scheduled: u64,
    pub(super) heard: Normaliser,
    pub(super) relayed: Normaliser,
    pub(super) dialect: Dialect,
    sideband_ms: Millis,
    pub(super) socket: Option<u32>,
    sockets: u32,
    /// What is being said, and in which call.
    pub(super) speaking: Option<(u32, String, String)>,
    hang_up_ms: Option<Millis>,
    setup: Setup,
    pub(super) down: bool,
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
        super::trace::begins();
        let session: SessionId = "0190f5fe-7c1f-7d3e-9e59-1c1d5a3b7c11".parse().expect("an id");
        let setup = Setup {
            session,
            plan: setting.plan.clone(),
            brief: Brief::default(),
            limits: setting.limits,
            guard: setting.guard,
            models: Models {
                reply: "talker".into(),
                transcription: if setting.plan.conversation.is_some() { "t".into() } else { "scribe".into() },
            },
            sideband: setting.sideband,
            greets: setting.greets,
            continues: setting.cap_ms.is_some(),
            seed: [7; 32],
            signer: Signer::from_seed(&[1; 32]),
            journal: (0, Hash::GENESIS),
        };
        let core = CallCore::new(setup.clone(), at(0));
        let keeps = if setting.guard == Guard::Open { Keeps::Words } else { Keeps::All };
        let template = Template {
            model: "m".into(),
            voice: "v".into(),
            transcription_model: "t".into(),
            language: None,
            own: Own::of(&setting.plan, keeps),
            listening: setup.plan.listening.as_deref().cloned(),
        };
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
            calls: Calls::new(setting.cap_ms),
            future: BTreeMap::new(),
            scheduled: 0,
            heard: Normaliser::new(setting.dialect),
            relayed: Normaliser::new(setting.dialect),
            dialect: setting.dialect,
            sideband_ms: setting.sideband_ms,
            socket: None,
            sockets: 0,
            speaking: None,
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
        if let Some(ms) = setting.cap_ms {
            world.provider.ends_at(EPOCH + i64::try_from(ms).expect("small"));
            world.at(ms, Happening::Lost(Some(1)));
        }
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

    pub(super) fn happen(&mut self, what: Happening) {
        self.provider.now = self.now;
        self.calls.now_is(self.now);
        match what {
            Happening::Input(input) => self.feed(input),
            Happening::Wire(socket, event) if self.socket == Some(socket) => {
                for fact in self.heard.feed(&event, &self.provider.beginnings) {
                    self.feed(Input::Fact(Source::Sideband, fact));
                }
            }
            Happening::Wire(socket, event) => self.old_wire(socket, &event),
            // A page knows nothing of calls that another one made.
            Happening::Channel(event) if self.calls.are_before_page(&event) => {}
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
                self.told_of_calls(&notice);
            }
            Happening::RealtimeSend(epoch, events) => {
                let obeyed = self.client.obeys(epoch);
                for event in events.into_iter().filter(|_| obeyed) {
                    self.at(self.now, Happening::Order(event));
                }
            }
            Happening::Order(event) => self.order(Via::Channel, &event),
            Happening::Directed(call, event) if call == self.provider.call => self.order(Via::Sideband, &event),
            Happening::Directed(..) => {}
            Happening::Provider(call, Step::Event(event)) => self.emit(call, event),
            Happening::Provider(call, step) => {
                if let Some(provider) = self.call(call) {
                    let steps = provider.step(step);
                    provider.note();
                    self.steps(call, steps);
                }
            }
            Happening::Speech(length) if self.provider.open && self.speaking.is_none() => {
                let (item, words) = self.candidate.says();
                let call = self.provider.call;
                let steps = self.provider.speech_begins(&item, self.now, &words);
                self.speaking = Some((call, item.clone(), words.clone()));
                self.later(length, Happening::SpeechEnds(call, item, words));
                self.steps(call, steps);
            }
            Happening::Speech(_) => {}
            Happening::SpeechEnds(_, item, _) if self.speaking.as_ref().is_none_or(|(_, said, _)| *said != item) => {}
            Happening::SpeechEnds(call, item, words) => {
                self.speaking = None;
                self.speech_ends(call, &item, &words);
            }
            Happening::Commit(expected_n, prev_hash, records) => {
                let answer = self.store.commit(self.now, expected_n, prev_hash, records);
                self.later(1, Happening::Stored(answer));
            }
            Happening::Stored(answer) => self.feed(Input::Store(answer)),
            Happening::Replayed(id, events) => {
                let (mut told, count) = (Normaliser::new(self.dialect), u32::try_from(events.len()).expect("few"));
                let of_call = |event: &&Value| event["call"] == self.provider.call;
                let events: Vec<_> = events.iter().filter(of_call).collect();
                let facts = events.iter().flat_map(|event| told.feed(event, &self.provider.beginnings)).collect();
                self.feed(Input::Client(ClientInput::Replayed { id, events: count, facts, last: true }));
            }
            Happening::Deaf => self.socket = None,
            // A process that is dead opens no socket, and its successor opens its own.
            Happening::Socket(_) if self.down => {}
            Happening::Socket(state) => self.socket_is(state),
            Happening::Lost(call) => self.lost(call),
            Happening::Reloads(ms) => self.reloads(ms),
            Happening::Offers(id) => self.offers(id),
            Happening::Answers(id) => self.answers(id),
            Happening::Watched(call) => self.watched(call),
            Happening::HasMedia(call) => self.has_media(call),
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
                self.offers_after_reload();
            }
        }
        let heard = self.socket.is_some() || self.page_hears();
        self.dark.watch(self.now, !self.down && heard && !self.calls.none_in_force);
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
            self.steps(self.provider.call, steps);
        }
    }

    fn socket_is(&mut self, state: Sideband) {
        // It may be that it was opened again meanwhile.
        if state == Sideband::Attached && self.socket.is_some() {
            return;
        }
        // Nobody can listen to a call that is over: the provider does not know it any more.
        if state == Sideband::Attached && !self.provider.open {
            self.feed(Input::Upstream(UpstreamInput::Gone));
            return;
        }
        self.socket = (state == Sideband::Attached).then(|| self.new_socket());
        if state == Sideband::Attached {
            self.heard = Normaliser::new(self.dialect);
        }
        self.feed(Input::Upstream(UpstreamInput::Sideband(state)));
    }

    pub(super) fn new_socket(&mut self) -> u32 {
        self.sockets += 1;
        self.sockets
    }

    fn relay(&mut self, seq: u64, event: &Value) {
        if !self.core.takes(seq) || !self.client.attached {
            return;
        }
        if event["call"] == self.provider.call {
            for fact in self.relayed.feed(event, &self.provider.beginnings) {
                self.feed(Input::Fact(Source::Client, fact));
            }
        } else {
            self.old_relayed(event);
        }
        self.feed(Input::Client(ClientInput::Relayed { seq }));
    }

    fn relays(&mut self, events: Vec<(u64, Rc<Value>)>) {
        for (seq, event) in events {
            self.later(CLIENT_MS, Happening::Relayed(seq, event));
        }
    }

    pub(super) fn steps(&mut self, call: u32, steps: Vec<(Millis, Step)>) {
        for (ms, step) in steps {
            self.later(ms, Happening::Provider(call, step));
        }
    }

    /// A server event goes out to everybody who listens.
    fn emit(&mut self, call: u32, mut event: Value) {
        let now = self.now;
        let Some(provider) = self.call(call).filter(|provider| provider.open) else { return };
        provider.sends(now, &event);
        let (is_beta, times) = (provider.quirks.beta, 1 + u32::from(provider.quirks.twice));
        event["call"] = call.into();
        let event = Rc::new(if is_beta { beta::renamed(event) } else { event });
        let in_force = call == self.provider.call;
        let socket = if in_force { self.socket } else { self.calls.old_socket() };
        for _ in 0..times {
            if let Some(socket) = socket.filter(|_| event["only"] != "channel") {
                self.later(self.sideband_ms, Happening::Wire(socket, event.clone()));
            }
            self.later(CLIENT_MS, Happening::Channel(event.clone()));
        }
        if !in_force {
            return;
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
        self.forget_other_calls();
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
        self.finds_its_call();
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
        let told = super::trace::is_wanted().then(|| input.clone());
        let recorded = self.recordings.last_mut().map(|lines| (lines, input.clone()));
        let effects = self.core.handle(at(self.now), input);
        if let Some(input) = told {
            super::trace::step(self.now, &input, &effects);
        }
        if let Some((lines, input)) = recorded {
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
                        Pipe::Sideband => {
                            let call = self.provider.call;
                            for event in events {
                                self.later(self.sideband_ms, Happening::Directed(call, event));
                            }
                        }
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
                Effect::Retire => self.retire(),
                Effect::Promote => self.promote(),
                Effect::HangUpOther { which, call } => {
                    self.hang_up_other(which);
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
