//! One live call's task. It waits for whatever comes next, hands it to the core and performs what the core wants; it
//! decides nothing about the interview. One commit is in flight at a time, and no socket is ever waited for with the
//! core standing still.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::booking::{Booking, Door};
use super::client::{ClientLink, FromClient};
use super::core::{
    CallCore, ClientInput, CloseReason, Directive, Effect, Input, NotResumable, Notice, Pipe, Setup, Sideband,
    StoreInput, UpstreamInput,
};
use super::exchange::{Answer, ExchangeError, Order};
use super::registry::{Mail, Seat};
use super::shell::Shell;
use super::sideband::{News, SidebandLink};
use crate::identity::TicketHash;
use crate::ids::{CallId, ProviderCallId};
use crate::interview::machine::SkipRefused;
use crate::signaling::protocol::{self, ChannelEvent, ServerMessage, close};
use crate::store::{Batch, Committed, StoreError};
use crate::transcript::{HangUp, Hash, Record, Source};
use crate::upstream::facts::Capabilities;
use crate::upstream::facts::realtime::Realtime;

/// A call the provider knows.
pub(super) struct Started {
    pub(super) call_id: CallId,
    pub(super) provider: Option<ProviderCallId>,
}

/// A live call.
pub(super) struct Actor {
    pub(super) shell: Shell,
    pub(super) core: CallCore,
    pub(super) booking: Booking,
    pub(super) client: Option<Box<ClientLink>>,
    pub(super) call: Option<Started>,
    pub(super) exchange: Option<BoxFuture<'static, (CallId, Result<Answer, ExchangeError>)>>,
    pub(super) ticket: Option<TicketHash>,
    pub(super) offers: u32,
    pub(super) last_seq: u64,
    pub(super) seat: Seat,
    heard: Realtime,
    relayed: Realtime,
    mailbox: mpsc::Receiver<Mail>,
    sideband: SidebandLink,
    commit: Option<BoxFuture<'static, Result<Committed, StoreError>>>,
    hang_up: Option<BoxFuture<'static, HangUp>>,
    closing: Option<CloseReason>,
}

/// Whatever comes next.
enum Next {
    Mail(Option<Mail>),
    Client(FromClient),
    Sideband(News),
    Committed(Result<Committed, StoreError>),
    Exchanged(CallId, Result<Answer, ExchangeError>),
    HungUp(HangUp),
    Tick,
    Shutdown,
}

impl Actor {
    pub(super) fn new(shell: Shell, seat: Seat, booking: Booking, mailbox: mpsc::Receiver<Mail>) -> Self {
        let core = CallCore::new(setup(&shell, &booking), shell.clock.now());
        Self::with(core, shell, seat, booking, mailbox)
    }

    /// A call that an earlier process began, from its journal.
    pub(super) fn resume(
        shell: Shell,
        seat: Seat,
        booking: Booking,
        mailbox: mpsc::Receiver<Mail>,
        call: Started,
        journal: &[Record],
    ) -> Result<Self, NotResumable> {
        let core = CallCore::resume(setup(&shell, &booking), journal, shell.clock.now())?;
        let mut actor = Self::with(core, shell, seat, booking, mailbox);
        actor.seat.name(&call.call_id);
        if let Some(provider) = call.provider.clone().filter(|_| actor.shell.sideband) {
            actor.sideband.watch_again(provider);
        }
        actor.call = Some(call);
        Ok(actor)
    }

    fn with(core: CallCore, shell: Shell, seat: Seat, booking: Booking, mailbox: mpsc::Receiver<Mail>) -> Self {
        Self {
            core,
            sideband: SidebandLink::off(shell.upstream.clone(), shell.dials.clone()),
            shell,
            booking,
            client: None,
            call: None,
            exchange: None,
            ticket: None,
            offers: 0,
            last_seq: 0,
            seat,
            heard: Realtime::new(),
            relayed: Realtime::new(),
            mailbox,
            commit: None,
            hang_up: None,
            closing: None,
        }
    }

    /// An order for the exchange that begins this call.
    pub(super) fn order(&self, ticket: TicketHash) -> Order {
        let (instructions, gate) = self.core.opening();
        let session = crate::upstream::session::create_session(&self.booking.template.spec(&instructions, gate));
        Order {
            ctx: self.booking.ctx,
            session: self.booking.session,
            ticket,
            call_id: CallId::fresh(),
            session_json: session.to_string().into(),
            safety_id: self.booking.safety_id.clone(),
        }
    }

    /// The provider answered: there is a call.
    pub(super) fn begin(&mut self, started: Started) {
        self.seat.name(&started.call_id);
        let input = UpstreamInput::Answered {
            call_id: started.call_id.as_str().to_owned(),
            capabilities: Capabilities::REALTIME,
        };
        self.feed(Input::Upstream(input));
        match started.provider.clone() {
            Some(provider) => {
                self.remember(started.call_id.clone(), provider.clone());
                if self.shell.sideband {
                    self.sideband.watch(provider);
                }
            }
            None => self.feed(Input::Upstream(UpstreamInput::Sideband(Sideband::Unavailable))),
        }
        self.call = Some(started);
    }

    /// The provider's id becomes durable beside the call, not before its answer: the answer does not wait for it.
    fn remember(&self, call: CallId, provider: ProviderCallId) {
        let (shell, ctx) = (self.shell.clone(), self.booking.ctx);
        self.shell.tasks.spawn(async move {
            let at = shell.clock.now().unix_ms;
            if let Err(error) = shell.store.call_answered(ctx, call, provider, at).await {
                tracing::error!(%error, "a call's provider id could not be stored");
            }
        });
    }

    /// Lives until the core says that it is over.
    pub(super) async fn run(mut self) {
        let mut told_to_stop = false;
        while self.closing.is_none() {
            match self.next(told_to_stop).await {
                Next::Mail(mail) => self.mail(mail),
                Next::Client(said) => self.client_said(said),
                Next::Sideband(news) => self.sideband_said(news),
                Next::Committed(result) => self.committed(result),
                Next::Exchanged(call_id, result) => self.exchanged(call_id, result),
                Next::HungUp(result) => self.hung_up(result),
                Next::Tick => self.feed(Input::Tick),
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
        let wait = self.core.next_deadline().map(|at| Duration::from_millis(at.saturating_sub(now)));
        tokio::select! {
            mail = self.mailbox.recv() => Next::Mail(mail),
            result = waiting(&mut self.commit) => { self.commit = None; Next::Committed(result) }
            (call_id, result) = waiting(&mut self.exchange) => { self.exchange = None; Next::Exchanged(call_id, result) }
            result = waiting(&mut self.hang_up) => { self.hang_up = None; Next::HungUp(result) }
            said = client_says(&mut self.client) => Next::Client(said),
            news = self.sideband.next() => Next::Sideband(news),
            () = self.shell.shutdown.cancelled(), if !told_to_stop => Next::Shutdown,
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => Next::Tick,
        }
    }

    /// One input for the core, and what it wants done.
    pub(super) fn feed(&mut self, input: Input) {
        for effect in self.core.handle(self.shell.clock.now(), input) {
            match effect {
                Effect::ToClient(notice) => self.notify(&notice),
                Effect::ToModel { pipe, epoch, directive } => self.direct(pipe, epoch, &directive),
                Effect::Commit { expected_n, prev_hash, records } => {
                    let (store, ctx) = (self.shell.store.clone(), self.booking.ctx);
                    let batch = Batch { session: self.booking.session, lease_epoch: 0, expected_n, prev_hash, records };
                    self.commit = Some(Box::pin(async move { store.commit(ctx, batch).await }));
                }
                Effect::HangUp => self.start_hang_up(),
                Effect::Close(reason) => self.closing = Some(reason),
            }
        }
    }

    fn mail(&mut self, mail: Option<Mail>) {
        match mail {
            Some(Mail::Attach(client, ticket)) => self.attach(client, ticket),
            Some(Mail::End(by)) => self.feed(Input::Client(ClientInput::End { by })),
            Some(Mail::Skip(target, reply)) => self.skip(target, reply),
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

    fn sideband_said(&mut self, news: News) {
        match news {
            News::State(state) => {
                metrics::counter!("viva_sideband_total", "state" => state.as_str()).increment(1);
                if state == Sideband::Attached {
                    self.heard = Realtime::new();
                }
                self.feed(Input::Upstream(UpstreamInput::Sideband(state)));
            }
            News::Event(text) => self.hear(&text),
            News::Gone => self.feed(Input::Upstream(UpstreamInput::Gone)),
        }
    }

    fn hear(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Ok(event) => {
                for fact in self.heard.feed(&event) {
                    self.feed(Input::Fact(Source::Sideband, fact));
                }
            }
            Err(_) => tracing::warn!(bytes = text.len(), "the provider sent something that is not JSON"),
        }
    }

    /// An event the client relays; it counts only while the client is in control.
    pub(super) fn relay(&mut self, seq: u64, event: &serde_json::Value) {
        if !self.core.hears_client() || seq <= self.last_seq {
            return;
        }
        self.last_seq = seq;
        for fact in self.relayed.feed(event) {
            self.feed(Input::Fact(Source::Client, fact));
        }
        self.feed(Input::Client(ClientInput::Relayed { seq }));
    }

    fn committed(&mut self, result: Result<Committed, StoreError>) {
        let input = match result {
            Ok(committed) => StoreInput::Committed { up_to: committed.up_to },
            Err(StoreError::Fenced) => StoreInput::Fenced,
            Err(error) => {
                tracing::warn!(%error, "a commit failed and will be repeated");
                StoreInput::Failed
            }
        };
        self.feed(Input::Store(input));
    }

    fn notify(&mut self, notice: &Notice) {
        let Some(client) = &self.client else { return };
        if notice.is_droppable() && client.is_crowded() {
            return;
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

    /// Closes a client's socket beside the call, so that the call does not wait for it.
    pub(super) fn dismiss(&self, mut client: Box<ClientLink>, code: u16, reason: &'static str) {
        self.shell.tasks.spawn(async move { client.close(code, reason).await });
    }

    fn direct(&mut self, pipe: Pipe, epoch: u32, directive: &Directive) {
        let events = self.booking.template.encode(directive);
        match pipe {
            Pipe::Sideband => {
                for event in events {
                    self.sideband.send(event.to_string());
                }
            }
            Pipe::Client => {
                let events = events
                    .into_iter()
                    .map(|event| ChannelEvent { id: event["event_id"].as_str().unwrap_or_default().to_owned(), event })
                    .collect();
                self.send(protocol::frame(&ServerMessage::RealtimeSend { epoch, events }));
            }
        }
    }

    fn start_hang_up(&mut self) {
        // From here on the socket can only close, which would be no news.
        self.sideband.stop();
        let provider = self.call.as_ref().and_then(|call| call.provider.clone());
        let upstream = self.shell.upstream.clone();
        self.hang_up = Some(Box::pin(async move {
            match provider {
                Some(provider) => upstream.hang_up(&provider).await.into(),
                // Nobody knows its id: the provider ends it when the media is gone.
                None => HangUp::Unconfirmed,
            }
        }));
    }

    fn hung_up(&mut self, result: HangUp) {
        if let Some(call) = &self.call {
            let (shell, ctx, call_id) = (self.shell.clone(), self.booking.ctx, call.call_id.clone());
            self.shell.tasks.spawn(async move {
                let at = shell.clock.now().unix_ms;
                if let Err(error) = shell.store.close_call(ctx, call_id, result, at).await {
                    tracing::error!(%error, "a call's end could not be stored");
                }
            });
        }
        self.feed(Input::Upstream(UpstreamInput::HungUp(result)));
    }

    async fn leave(mut self) {
        // An exchange whose client is gone may still make a call; nobody wants it.
        if let Some(exchange) = self.exchange.take()
            && let (_, Ok(Answer { provider: Some(provider), .. })) = exchange.await
        {
            let result = self.shell.upstream.hang_up(&provider).await;
            tracing::info!(?result, "a call whose client had left was hung up");
        }
        if let Some(client) = &mut self.client {
            let (code, reason) = match self.closing {
                Some(CloseReason::HandedOver) => (close::RESTART, "the server restarts"),
                Some(CloseReason::Fenced) => (close::REPLACED, "the session continues elsewhere"),
                Some(CloseReason::Done | CloseReason::Unsaved) | None => (close::NORMAL, "done"),
            };
            client.close(code, reason).await;
        }
    }
}

fn setup(shell: &Shell, booking: &Booking) -> Setup {
    Setup {
        session: booking.session,
        plan: booking.plan.clone(),
        brief: booking.brief.clone(),
        limits: shell.limits,
        guard: booking.guard,
        sideband: shell.sideband,
        greets: booking.door == Door::Native,
        pace: 100,
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
