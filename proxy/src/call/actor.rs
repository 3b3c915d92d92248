//! One live call's task. It waits for whatever comes next, hands it to the core and performs what the core wants; it
//! decides nothing about the interview. One commit is in flight at a time, and no socket is ever waited for with the
//! core standing still.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::audience::Audience;
use super::booking::{Booking, Door};
use super::catch_up::{self, CatchUp};
use super::client::{ClientLink, FromClient};
use super::core::{
    CallCore, ClientInput, CloseReason, Directive, Durable, Effect, EndedBy, Input, Models, NotResumable, Notice, Pipe,
    Setup, Sideband, StoreInput, UpstreamInput,
};
use super::exchange::Order;
use super::hearing;
use super::keep;
use super::line::{Line, Lines, Place, Started};
use super::recording::Recorder;
use super::registry::{Mail, Seat};
use super::replayed::Asking;
use super::shell::Shell;
use super::sideband::News;
use super::succession::{Exchange, HangUps, Hold};
use crate::clock::Millis;
use crate::identity::{Ticket, TicketHash};
use crate::ids::{CallId, KeyRef, ProviderCallId};
use crate::interview::machine::SkipRefused;
use crate::signaling::protocol::{self, ChannelEvent, ServerMessage, close};
use crate::store::{Batch, Committed, StoreError, StoreHealth};
use crate::transcript::{HangUp, Hash, Record};
use crate::upstream::facts::{Capabilities, Gate};
use crate::usage::purse::Verdict;

/// Reports that wait for the store at once; more would only mean that it does not answer.
const MAX_REPORTS: usize = 32;

/// A live call.
pub(super) struct Actor {
    pub(super) shell: Shell,
    pub(super) core: CallCore,
    pub(super) booking: Booking,
    pub(super) client: Option<Box<ClientLink>>,
    pub(super) audience: Audience,
    pub(super) lines: Lines,
    pub(super) exchange: Option<BoxFuture<'static, Exchange>>,
    pub(super) hang_ups: HangUps,
    pub(super) hold: Hold,
    pub(super) ticket: Option<Arc<Ticket>>,
    /// With which key the newest call was made.
    pub(super) key_before: Option<KeyRef>,
    pub(super) offers: u32,
    pub(super) catch_up: Option<CatchUp>,
    pub(super) asking: Option<Asking>,
    /// Who waits until what they told of is durable, and up to where.
    reports: VecDeque<(u64, oneshot::Sender<()>)>,
    far: bool,
    /// Four fifths of a budget that pays for this call are spent.
    pub(super) budget_low: bool,
    /// When all of a hard one was.
    pub(super) budget_over: Option<Millis>,
    pub(super) seat: Seat,
    pub(super) recorder: Option<Recorder>,
    mailbox: mpsc::Receiver<Box<Mail>>,
    commit: Option<BoxFuture<'static, Result<Committed, StoreError>>>,
    pub(super) hang_up: Option<BoxFuture<'static, HangUp>>,
    pub(super) closing: Option<CloseReason>,
}

/// Whatever comes next.
enum Next {
    Mail(Option<Box<Mail>>),
    Client(FromClient),
    Sideband(Place, News),
    Committed(Result<Committed, StoreError>),
    Exchanged(Exchange),
    OtherHungUp(u32, HangUp),
    HungUp(HangUp),
    Missed(Result<Vec<Record>, StoreError>),
    /// An application's own socket.
    Said(String),
    Tick,
    Shutdown,
}

impl Actor {
    pub(super) fn new(shell: Shell, seat: Seat, booking: Booking, mailbox: mpsc::Receiver<Box<Mail>>) -> Box<Self> {
        let (setup, at) = (setup(&shell, &booking), shell.clock.now());
        let recorder = shell.recordings.as_ref().map(|recordings| recordings.begin(&setup, &[], at));
        Self::with((CallCore::new(setup, at), recorder), shell, seat, booking, mailbox)
    }

    /// A call that an earlier process began, from its journal.
    pub(super) fn resume(
        shell: Shell,
        seat: Seat,
        booking: Booking,
        mailbox: mpsc::Receiver<Box<Mail>>,
        (call, dial_after): (Started, Duration),
        journal: &[Record],
    ) -> Result<Box<Self>, NotResumable> {
        let (setup, at) = (setup(&shell, &booking), shell.clock.now());
        let core = CallCore::resume(setup.clone(), journal, at)?;
        let recorder = shell.recordings.as_ref().map(|recordings| recordings.begin(&setup, journal, at));
        let mut actor = Self::with((core, recorder), shell, seat, booking, mailbox);
        actor.key_before = Some(call.key.reference());
        // Its client makes another one, or the interview ends.
        if actor.core.is_severed() {
            return Ok(actor);
        }
        actor.seat.name(&call.call_id);
        let mut line = actor.line(call, String::new());
        hearing::recall(&mut line, journal);
        if let Some(reach) = line.reach().filter(|_| actor.watches(&line)) {
            line.sideband.watch_again(reach, dial_after);
        } else {
            line.sideband.unavailable();
        }
        // Its id is known, and no key fits any more: only the client can record from here on.
        let is_out_of_reach = actor.shell.sideband
            && line.provider.is_some()
            && (line.key.held().is_none() || !line.upstream.is_watchable());
        actor.lines.now = Some(line);
        if is_out_of_reach {
            actor.feed(Input::Upstream(UpstreamInput::Sideband(Sideband::Unavailable)));
        }
        Ok(actor)
    }

    fn with(
        (core, recorder): (CallCore, Option<Recorder>),
        shell: Shell,
        seat: Seat,
        booking: Booking,
        mailbox: mpsc::Receiver<Box<Mail>>,
    ) -> Box<Self> {
        Box::new(Self {
            core,
            shell,
            booking,
            client: None,
            audience: Audience::default(),
            lines: Lines::default(),
            exchange: None,
            hold: Hold::None,
            hang_ups: HangUps::default(),
            ticket: None,
            key_before: None,
            offers: 0,
            catch_up: None,
            asking: None,
            reports: VecDeque::new(),
            far: false,
            budget_low: false,
            budget_over: None,
            seat,
            recorder,
            mailbox,
            commit: None,
            hang_up: None,
            closing: None,
        })
    }

    /// An order for the exchange that begins this call.
    pub(super) fn order(&self, ticket: TicketHash) -> Order {
        let (instructions, gate) = self.core.opening();
        self.order_for(ticket, &instructions, gate)
    }

    pub(super) fn order_for(&self, ticket: TicketHash, instructions: &str, gate: Gate) -> Order {
        let dialect = self.shell.upstreams.primary().of(self.booking.plan.session_kind()).dialect();
        let session = dialect.create_session(&self.booking.template, instructions, gate, self.told_by());
        Order {
            ctx: self.booking.ctx,
            session: self.booking.session,
            user: self.booking.user,
            key_before: self.key_before,
            ticket,
            call_id: CallId::fresh(),
            kind: self.booking.plan.session_kind(),
            session_json: session.to_string().into(),
            safety_id: self.shell.pseudonyms.at_provider(self.booking.user),
        }
    }

    /// The provider answered: there is a call.
    pub(super) fn begin(&mut self, started: Started) {
        self.seat.name(&started.call_id);
        self.key_before = Some(started.key.reference());
        let mut line = self.line(started, self.core.opening().0);
        let (call_id, capabilities) = (line.call_id.as_str().to_owned(), self.capabilities(&line));
        let input = UpstreamInput::Answered { call_id, capabilities };
        self.feed(Input::Upstream(input));
        let is_known = self.watch(&mut line);
        self.lines.now = Some(line);
        if !is_known {
            self.feed(Input::Upstream(UpstreamInput::Sideband(Sideband::Unavailable)));
        }
    }

    /// A call that was created with these instructions; empty: nobody knows with which.
    pub(super) fn line(&self, started: Started, instructions: String) -> Box<Line> {
        let upstream = started.upstream.of(self.booking.plan.session_kind());
        Line::new(Started { upstream, ..started }, instructions, self.shell.dials.clone())
    }

    /// What this call can do for us, in a session of this kind.
    pub(super) fn capabilities(&self, line: &Line) -> Capabilities {
        line.upstream.dialect().capabilities(self.told_by()).of(self.booking.plan.session_kind())
    }

    /// By which way its models are to be told: where calls are watched, the client's only serves while ours is lost.
    fn told_by(&self) -> Pipe {
        let is_watched = self.shell.sideband && self.shell.upstreams.primary().is_watchable();
        if is_watched { Pipe::Sideband } else { Pipe::Client }
    }

    /// Whether a call is to be watched over a socket of our own.
    fn watches(&self, line: &Line) -> bool {
        self.shell.sideband && line.upstream.is_watchable()
    }

    /// Writes down how the provider calls it and begins to dial. `false`: it cannot be watched, and the core expects it:
    /// nobody knows its id, its key is gone, or its server has no sideband.
    pub(super) fn watch(&self, line: &mut Line) -> bool {
        if let Some(provider) = line.provider.clone() {
            self.remember(line.call_id.clone(), provider);
        }
        let Some(reach) = line.reach() else {
            line.sideband.unavailable();
            return false;
        };
        if self.watches(line) {
            line.sideband.watch(reach);
            return true;
        }
        line.sideband.unavailable();
        !self.shell.sideband
    }

    /// The provider's id becomes durable beside the call, not before its answer: the answer does not wait for it.
    fn remember(&self, call: CallId, provider: ProviderCallId) {
        self.shell.tasks.spawn(keep::answered(self.shell.clone(), self.booking.ctx, call, provider));
    }

    /// Lives until the core says that it is over. Boxed: a future holds what it was given and what it works with apart,
    /// and so several times over.
    pub(super) async fn run(mut self: Box<Self>) {
        let mut told_to_stop = false;
        while self.closing.is_none() {
            match self.next(told_to_stop).await {
                Next::Mail(mail) => self.mail(mail),
                Next::Client(said) => self.client_said(said),
                Next::Sideband(place, news) => self.sideband_said(place, news),
                Next::Committed(result) => self.committed(result),
                Next::Exchanged(Exchange::Prepared { offer, renegotiate_id, digest }) => {
                    self.prepared(offer, renegotiate_id, digest)
                }
                Next::Exchanged(Exchange::Done { purpose, result }) => self.exchanged(purpose, result),
                Next::HungUp(result) => self.hung_up(result),
                Next::OtherHungUp(call, result) => {
                    self.feed(Input::Upstream(UpstreamInput::OtherHungUp { call, result }))
                }
                Next::Missed(read) => self.caught_up(read),
                Next::Said(event) => self.pass_on(&event),
                Next::Tick => self.tick(),
                Next::Shutdown => {
                    told_to_stop = true;
                    self.feed(Input::Client(ClientInput::HandOver));
                }
            }
        }
        self.leave().await;
    }

    async fn next(&mut self, told_to_stop: bool) -> Next {
        let now = self.shell.clock.now().mono_ms;
        let deadline = self.core.next_deadline().into_iter().chain(self.lines.deadline()).min();
        let wait = deadline.map(|at| Duration::from_millis(at.saturating_sub(now)));
        tokio::select! {
            mail = self.mailbox.recv() => Next::Mail(mail),
            result = waiting(&mut self.commit) => { self.commit = None; Next::Committed(result) }
            exchange = waiting(&mut self.exchange) => { self.exchange = None; Next::Exchanged(exchange) }
            result = waiting(&mut self.hang_up) => { self.hang_up = None; Next::HungUp(result) }
            said = client_says(&mut self.client) => Next::Client(said),
            (call, result) = self.hang_ups.next() => Next::OtherHungUp(call, result),
            (place, news) = self.lines.news() => Next::Sideband(place, news),
            read = catch_up::read(&mut self.catch_up) => Next::Missed(read),
            event = self.audience.said() => Next::Said(event),
            () = self.shell.shutdown.cancelled(), if !told_to_stop => Next::Shutdown,
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => Next::Tick,
        }
    }

    /// One input for the core, and what it wants done.
    pub(super) fn feed(&mut self, input: Input) {
        let at = self.shell.clock.now();
        let recorded = self.recorder.as_ref().is_some_and(Recorder::is_running).then(|| input.clone());
        let effects = self.core.handle(at, input);
        if let (Some(recorder), Some(input)) = (&mut self.recorder, recorded) {
            recorder.step(at, input, &effects);
        }
        self.note_drive();
        let verdict = self.reckon();
        for effect in effects {
            match effect {
                Effect::ToClient(notice) => self.notify(&notice),
                Effect::ToModel { pipe, epoch, directive } => self.direct(pipe, epoch, &directive),
                Effect::Commit { expected_n, prev_hash, records } => {
                    let (store, ctx) = (self.shell.store.clone(), self.booking.ctx);
                    let batch = Batch { session: self.booking.session, lease_epoch: 0, expected_n, prev_hash, records };
                    self.commit = Some(Box::pin(async move { store.commit(ctx, batch).await }));
                }
                Effect::HangUp => self.start_hang_up(),
                Effect::Retire => self.retire(),
                Effect::Promote => self.promote(),
                Effect::HangUpOther { which, call } => self.hang_up_other(which, call),
                Effect::Close(reason) => self.closing = Some(reason),
            }
        }
        if verdict == Verdict::End {
            self.feed(Input::Client(ClientInput::End { by: EndedBy::Budget }));
        }
    }

    fn note_drive(&mut self) {
        if let Some(ms) = self.core.take_gate_wait() {
            metrics::histogram!("viva_reply_gate_ms").record(u32::try_from(ms).unwrap_or(u32::MAX));
        }
        if std::mem::replace(&mut self.far, self.core.is_far()) != self.far {
            let to = if self.far { "auto" } else { "server" };
            metrics::counter!("viva_drive_changes_total", "to" => to).increment(1);
        }
    }

    fn mail(&mut self, mail: Option<Box<Mail>>) {
        match mail.map(|mail| *mail) {
            Some(Mail::Attach(client, ticket)) => self.attach(client, ticket),
            Some(Mail::End(by)) => self.feed(Input::Client(ClientInput::End { by })),
            Some(Mail::Lost) => self.feed(Input::Store(StoreInput::Fenced)),
            Some(Mail::Skip(target, reply)) => self.skip(target, reply),
            Some(Mail::Report(turns, done)) => self.report(turns, done),
            Some(Mail::Ask(tell)) => self.asked_to_listen(tell),
            Some(Mail::Listen(socket)) => self.listens(*socket),
            // The registry keeps a sender for as long as this seat is taken.
            None => self.closing = Some(CloseReason::Done),
        }
    }

    fn skip(&mut self, target: String, reply: oneshot::Sender<Result<(), SkipRefused>>) {
        let answer = self.core.may_skip(&target);
        if answer.is_ok() {
            self.feed(Input::Client(ClientInput::Skip { target }));
        }
        // Whoever asked may have gone.
        let _gone = reply.send(answer);
    }

    /// Whoever told of something waits until it is durable.
    pub(super) fn reported(&mut self, done: oneshot::Sender<()>) {
        if self.reports.len() == MAX_REPORTS {
            // Whoever waits longest is told that nobody knows, and tells again.
            self.reports.pop_front();
        }
        self.reports.push_back((self.core.recorded(), done));
        self.reports_durable();
    }

    fn reports_durable(&mut self) {
        let durable = self.core.durable();
        while let Some((_, done)) = self.reports.pop_front_if(|(n, _)| *n <= durable) {
            // Whoever asked may have gone.
            let _gone = done.send(());
        }
    }

    fn committed(&mut self, result: Result<Committed, StoreError>) {
        if result.is_ok() {
            self.shell.followers.grew(self.booking.session);
        }
        let input = match result {
            Ok(committed) => StoreInput::Committed { up_to: committed.up_to },
            Err(StoreError::Fenced) => StoreInput::Fenced,
            Err(error) => {
                tracing::warn!(%error, "a commit failed and will be repeated");
                StoreInput::Failed
            }
        };
        self.feed(Input::Store(input));
        self.reports_durable();
    }

    fn notify(&mut self, notice: &Notice) {
        let Some(client) = &self.client else { return };
        if (notice.is_droppable() && client.is_crowded()) || self.held_back(notice) {
            return;
        }
        self.asks_replay(notice);
        // The core does not know where the store keeps it.
        if let (Notice::Saved { up_to, .. }, StoreHealth::Spooling { .. }) = (notice, self.shell.store.health()) {
            let saved = Notice::Saved { up_to: *up_to, durable: Durable::Spool };
            return self.send(protocol::notice_frame(&saved));
        }
        self.send(protocol::notice_frame(notice));
    }

    /// Queues a frame for the client; one that does not read is let go.
    pub(super) fn send(&mut self, frame: String) {
        if let Some(client) = &mut self.client
            && !client.send(frame)
        {
            metrics::counter!("viva_slow_readers_total").increment(1);
            if let Some(client) = self.client.take() {
                self.dismiss(client, close::SLOW, "reading too slowly");
            }
            self.feed(Input::Client(ClientInput::Detached));
        }
    }

    /// Queues what a client is owed from before; it is in memory already and waits ahead of the queue's own bound.
    pub(super) fn send_owed(&mut self, frame: String) {
        if let Some(client) = &mut self.client {
            client.owe(frame);
        }
    }

    /// Closes a client's socket beside the call, so that the call does not wait for it.
    pub(super) fn dismiss(&self, mut client: Box<ClientLink>, code: u16, reason: &'static str) {
        self.shell.tasks.spawn(async move { client.close(code, reason).await });
    }

    fn direct(&mut self, pipe: Pipe, epoch: u32, directive: &Directive) {
        let template = &self.booking.template;
        // Without a call there is nobody to tell.
        let Some(line) = &mut self.lines.now else { return };
        let events = line.teller.encode(template, directive);
        match pipe {
            Pipe::Sideband => {
                for event in events {
                    line.sideband.send(event.to_string());
                }
            }
            Pipe::Client => {
                let call_id = Some(line.call_id.as_str().to_owned());
                let events = events
                    .into_iter()
                    .map(|event| ChannelEvent { id: event["event_id"].as_str().unwrap_or_default().to_owned(), event })
                    .collect();
                self.send(protocol::frame(&ServerMessage::RealtimeSend { epoch, events, call_id }));
            }
        }
    }
}

fn setup(shell: &Shell, booking: &Booking) -> Setup {
    Setup {
        session: booking.session,
        plan: booking.plan.clone(),
        brief: booking.brief.clone(),
        limits: shell.limits.of(&booking.plan),
        guard: booking.guard,
        models: Models {
            reply: booking.template.model.as_str().into(),
            transcription: booking.template.transcription_model.as_str().into(),
        },
        sideband: shell.sideband,
        greets: booking.door == Door::Native,
        continues: booking.door == Door::Native,
        seed: rand::random(),
        signer: shell.signer.clone(),
        journal: (0, Hash::GENESIS),
    }
}

/// The result of what is under way; never, if nothing is.
async fn waiting<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn client_says(client: &mut Option<Box<ClientLink>>) -> FromClient {
    match client {
        Some(client) => client.next().await,
        None => std::future::pending().await,
    }
}
