//! The live calls of this process: who is in, who may come in, and how to reach them. Every admitted call holds a
//! [`Seat`]; dropping it releases the place, exactly once. A map guard is never held over an await: the handle is cloned
//! out.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocket;
use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{mpsc, oneshot};

use super::actor::Actor;
use super::audience::NotHeard;
use super::booking::{BadPlan, Booking, Door};
use super::client::ClientLink;
use super::core::{EndedBy, Input, NotResumable, UpstreamInput};
use super::edition::{Edition, Editions};
use super::exchange::{self, Answer, ExchangeError};
use super::inherited::Inherited;
use super::line::{Found, Started};
use super::places::{Caps, Full, Place, Places};
use super::reported::Reported;
use super::shelf::Shelf;
use super::shell::Shell;
use super::spent::{Spent, Unusable};
use crate::identity::{Policy, Ticket, TicketHash};
use crate::ids::{CallId, SessionId};
use crate::interview::Conversation;
use crate::interview::machine::SkipRefused;
use crate::store::Session;
use crate::transcript::Record;
use crate::upstream::facts::Gate;
use crate::upstream::session::create_session;

/// How long an application waits for a sideband that is still being opened.
const LISTEN_LIMIT: Duration = Duration::from_secs(5);
/// Letters that may wait for one call. Full: the sender is told that the call is busy.
const MAILBOX: usize = 32;

/// What reaches a call from outside its own sockets. Boxed on its way: a mailbox has room for its letters from the start,
/// and most calls get one.
pub(super) enum Mail {
    /// A client's socket, after its `init`.
    Attach(Box<ClientLink>, Arc<Ticket>),
    /// End it.
    End(EndedBy),
    /// Another process has it: stop, and write nothing more.
    Lost,
    /// Go to a later stage.
    Skip(String, oneshot::Sender<Result<(), SkipRefused>>),
    /// An application wants to listen and speak by a socket of its own: whether it may, when that is known.
    Ask(oneshot::Sender<Result<(), NotHeard>>),
    /// Its socket.
    Listen(Box<WebSocket>),
    /// Turns that its client tells of, and whom to tell when what came of them is durable.
    Report(Vec<Reported>, oneshot::Sender<()>),
}

#[derive(Clone)]
struct Handle {
    mailbox: mpsc::Sender<Box<Mail>>,
}

/// All live calls. Cheap to clone.
#[derive(Clone)]
pub struct Calls(Arc<Inner>);

struct Inner {
    shell: Shell,
    places: Places,
    live: DashMap<SessionId, Handle>,
    by_call: DashMap<CallId, SessionId>,
    spent: Spent,
    inherited: Inherited,
    shelf: Shelf,
    editions: Editions,
}

/// Why a call was not begun.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// New calls are switched off.
    #[error("new calls are switched off")]
    Closed,
    /// The person has as many calls as they may.
    #[error("all calls of this person are taken")]
    PersonCapacity,
    /// The tenant has as many calls as it may.
    #[error("all calls of this tenant are taken")]
    TenantCapacity,
    /// No room on this machine.
    #[error("all calls of this server are taken")]
    Capacity,
    /// The session has a call.
    #[error("the session has a call already")]
    Live,
    /// Somebody changed the session while it was about to begin.
    #[error("the session was changed a moment ago")]
    Changed,
    /// The ticket started a call before.
    #[error("the ticket was used")]
    Spent,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The exchange failed.
    #[error(transparent)]
    Exchange(ExchangeError),
}

/// Why a call of an earlier process does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// There is no room for it.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its journal is not that of a running interview.
    #[error(transparent)]
    Journal(#[from] NotResumable),
}

/// What became of a wish to end a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOutcome {
    /// Its call is being ended.
    Ending,
    /// It has no live call here.
    NotLive,
}

/// A call begun over HTTP.
pub struct Begun {
    /// Our id of the call.
    pub call_id: CallId,
    /// The answer, byte for byte.
    pub answer: Bytes,
    /// The provider's id of the request, for support cases.
    pub request_id: Option<String>,
}

impl Calls {
    /// No calls yet; never more than the caps allow.
    #[must_use]
    pub fn new(shell: Shell, caps: Caps) -> Self {
        let inner = Inner {
            shell,
            places: Places::new(caps),
            live: DashMap::new(),
            by_call: DashMap::new(),
            spent: Spent::default(),
            inherited: Inherited::default(),
            shelf: Shelf::default(),
            editions: Editions::default(),
        };
        Self(Arc::new(inner))
    }

    /// Live calls, calls about to be, and sockets that wait with an offer.
    #[must_use]
    pub fn active(&self) -> usize {
        self.0.places.taken()
    }

    /// The limits.
    pub(super) fn caps(&self) -> Caps {
        self.0.places.caps()
    }

    /// How many there may be.
    #[must_use]
    pub fn max(&self) -> usize {
        self.0.places.total()
    }

    /// Whether a session has a live call here.
    #[must_use]
    pub fn is_live(&self, session: SessionId) -> bool {
        self.0.live.contains_key(&session)
    }

    /// The session a call of ours belongs to, while it is live.
    #[must_use]
    pub fn session_of(&self, call: &CallId) -> Option<SessionId> {
        self.0.by_call.get(call).map(|session| *session)
    }

    /// What a call of this session is made from.
    ///
    /// # Errors
    /// [`BadPlan`].
    pub fn book(&self, session: &Session, policy: Policy, door: Door) -> Result<Booking, BadPlan> {
        let profile = self.0.shell.upstreams.primary().profile();
        Booking::new(session, policy, door, &profile.transcription_model, &self.0.shelf)
    }

    /// Begins a call whose client speaks HTTP: exchange first, then the call lives on by itself.
    ///
    /// # Errors
    /// See [`StartError`]; after an error nothing is live.
    pub async fn start(&self, booking: Booking, ticket: TicketHash, offer: Bytes) -> Result<Begun, StartError> {
        let (seat, mailbox) = self.admit(&booking)?;
        self.claim(ticket)?;
        let actor = Actor::new(self.0.shell.clone(), seat, booking, mailbox);
        let (tell, told) = oneshot::channel();
        // A task of its own: whoever asked may hang up in the middle, and the call must not be lost by that.
        self.0.shell.tasks.spawn(self.clone().live(actor, ticket, offer, tell));
        told.await.unwrap_or(Err(StartError::Stopping))
    }

    /// A call begun over HTTP, from its exchange to its end.
    async fn live(
        self,
        mut actor: Box<Actor>,
        ticket: TicketHash,
        offer: Bytes,
        tell: oneshot::Sender<Result<Begun, StartError>>,
    ) {
        let order = actor.order(ticket);
        // Boxed: a task is as large as its largest moment for all of its life, and this one is short.
        let answered = Box::pin(exchange::exchange(&self.0.shell, order, offer)).await;
        match answered {
            Ok(Answer { sdp, started, request_id }) => {
                let call_id = started.call_id.clone();
                actor.begin(started);
                // Whoever asked may have gone: the call then ends because nobody connects.
                let _gone = tell.send(Ok(Begun { call_id, answer: sdp, request_id }));
                drop(self);
                actor.run().await;
            }
            Err(error) => {
                if error.is_definite() {
                    self.unclaim(ticket);
                }
                // The place is given back before the refusal is told: the next attempt may follow at once.
                drop(actor);
                let _gone = tell.send(Err(StartError::Exchange(error)));
            }
        }
    }

    /// Hands a client's socket to its session's call, which begins to exist with it if need be.
    ///
    /// # Errors
    /// With the socket, so that the refusal can be told on it.
    pub(crate) fn attach(
        &self,
        booking: Booking,
        ticket: Arc<Ticket>,
        client: Box<ClientLink>,
    ) -> Result<(), (StartError, Box<ClientLink>)> {
        if self.is_live(booking.session) {
            return self.rejoin(&ticket, client).map_err(|client| (StartError::Live, client));
        }
        match self.admit(&booking) {
            Ok((seat, mailbox)) => {
                let mut actor = Actor::new(self.0.shell.clone(), seat, booking, mailbox);
                actor.attach(client, ticket);
                self.0.shell.tasks.spawn(actor.run());
                Ok(())
            }
            Err(error) => Err((error, client)),
        }
    }

    /// Hands a client's socket to the live call of its ticket's session: no store is needed for that.
    ///
    /// # Errors
    /// With the socket, when the call is over or does not take any letters at the moment.
    pub(crate) fn rejoin(&self, ticket: &Arc<Ticket>, client: Box<ClientLink>) -> Result<(), Box<ClientLink>> {
        let handle = self.0.live.get(&ticket.session).map(|handle| handle.clone());
        let Some(handle) = handle else { return Err(client) };
        match handle.mailbox.try_send(Box::new(Mail::Attach(client, ticket.clone()))) {
            Ok(()) => Ok(()),
            Err(refused) => match *refused.into_inner() {
                Mail::Attach(client, _) => Err(client),
                Mail::End(_) | Mail::Lost | Mail::Skip(..) | Mail::Report(..) | Mail::Ask(_) | Mail::Listen(_) => {
                    Ok(())
                }
            },
        }
    }

    /// Ends a session's call, if it has one.
    #[must_use]
    pub fn end(&self, session: SessionId, by: EndedBy) -> EndOutcome {
        let handle = self.0.live.get(&session).map(|handle| handle.clone());
        match handle.map(|handle| handle.mailbox.try_send(Box::new(Mail::End(by)))) {
            Some(Ok(())) => EndOutcome::Ending,
            // A full mailbox is a flood of skips; a closed one is a call that is over.
            Some(Err(_)) | None => EndOutcome::NotLive,
        }
    }

    /// The sessions with a call here.
    pub(super) fn live_sessions(&self) -> Vec<SessionId> {
        self.0.live.iter().map(|handle| *handle.key()).collect()
    }

    /// Stops a session's call: it goes on in another process. With a full mailbox its next commit tells it as well.
    pub(super) fn lose(&self, session: SessionId) {
        if let Some(handle) = self.0.live.get(&session).map(|handle| handle.clone()) {
            let _gone = handle.mailbox.try_send(Box::new(Mail::Lost));
        }
    }

    /// Moves a session's interview to a later stage.
    ///
    /// # Errors
    /// When there is no such later stage or no live call.
    pub async fn skip(&self, session: SessionId, target: &str) -> Result<(), SkipRefused> {
        let handle = self.0.live.get(&session).map(|handle| handle.clone()).ok_or(SkipRefused::NotRunning)?;
        let (reply, answer) = oneshot::channel();
        handle.mailbox.try_send(Box::new(Mail::Skip(target.to_owned(), reply))).map_err(|_| SkipRefused::NotRunning)?;
        answer.await.unwrap_or(Err(SkipRefused::NotRunning))
    }

    /// Hands a running call what its client tells of. Returns when what came of it is durable; `false`: no call runs
    /// here, or it ended before that.
    pub async fn report(&self, session: SessionId, turns: Vec<Reported>) -> bool {
        let handle = self.0.live.get(&session).map(|handle| handle.clone());
        let Some(handle) = handle else { return false };
        let (done, when_done) = oneshot::channel();
        handle.mailbox.try_send(Box::new(Mail::Report(turns, done))).is_ok() && when_done.await.is_ok()
    }

    /// Waits until an application may have a socket of its own on a session's call: until the provider has let us watch.
    ///
    /// # Errors
    /// Why it may not.
    pub async fn may_listen(&self, session: SessionId) -> Result<(), NotHeard> {
        let handle = self.0.live.get(&session).map(|handle| handle.clone()).ok_or(NotHeard::Over)?;
        let (tell, told) = oneshot::channel();
        handle.mailbox.try_send(Box::new(Mail::Ask(tell))).map_err(|_| NotHeard::Busy)?;
        tokio::time::timeout(LISTEN_LIMIT, told).await.map_err(|_| NotHeard::Unwatched)?.unwrap_or(Err(NotHeard::Over))
    }

    /// Hands an application's socket to a session's call. Without one the socket is dropped, which closes it.
    pub fn listen(&self, session: SessionId, socket: WebSocket) {
        if let Some(handle) = self.0.live.get(&session).map(|handle| handle.clone()) {
            // Full: it is closed, and its client comes again.
            let _full = handle.mailbox.try_send(Box::new(Mail::Listen(Box::new(socket))));
        }
    }

    /// The session object that a call of this booking is created with.
    #[must_use]
    pub fn opening(&self, booking: &Booking) -> serde_json::Value {
        let instructions = booking.plan.conversation.as_deref().map_or("", Conversation::instructions);
        create_session(&booking.template.spec(instructions, Gate::Provider))
    }

    /// The edition of a session, to be noted before it is read for a [`Booking`].
    #[must_use]
    pub fn edition(&self, session: SessionId) -> Edition {
        self.0.editions.now(session)
    }

    /// Announces that a session is about to be changed. `false`: it has a call here, and must stay as it is.
    #[must_use]
    pub fn may_change(&self, session: SessionId) -> bool {
        self.0.editions.next(session);
        !self.is_live(session)
    }

    /// Runs something that must be finished before the process may stop.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.shell.tasks.spawn(work);
    }

    /// Hands every call over to the next process and waits until what was told of it is durable.
    pub async fn drain(&self) {
        self.0.shell.shutdown.cancel();
        self.0.shell.tasks.close();
        self.0.shell.tasks.wait().await;
    }

    /// Goes on with a call of an earlier process, which is dialled after a while.
    pub(super) fn resume(
        &self,
        booking: Booking,
        ticket: TicketHash,
        (call, found, dial_after): (Started, Found, Duration),
        journal: &[Record],
    ) -> Result<(), ResumeError> {
        let (seat, mailbox) = self.seat(&booking, self.0.places.keep((&booking).into()))?;
        // A client that comes back may bring the ticket that it began with.
        let _spent_before = self.claim(ticket);
        let mut actor = Actor::resume(self.0.shell.clone(), seat, booking, mailbox, (call, dial_after), journal)?;
        if found == Found::Closed {
            actor.feed(Input::Upstream(UpstreamInput::Gone));
        }
        self.0.shell.tasks.spawn(actor.run());
        Ok(())
    }

    /// Takes up a call that an earlier process had answered and of which it left no record.
    pub(super) fn adopt(&self, booking: Booking, ticket: TicketHash, call: Started) -> Result<(), StartError> {
        let (seat, mailbox) = self.seat(&booking, self.0.places.keep((&booking).into()))?;
        let _claimed = self.claim(ticket);
        let mut actor = Actor::new(self.0.shell.clone(), seat, booking, mailbox);
        actor.adopt(call);
        self.0.shell.tasks.spawn(actor.run());
        Ok(())
    }

    pub(super) fn shell(&self) -> &Shell {
        &self.0.shell
    }

    pub(super) fn inherited(&self) -> &Inherited {
        &self.0.inherited
    }

    /// Takes a place and a session's only seat, both or neither.
    fn admit(&self, booking: &Booking) -> Result<(Seat, mpsc::Receiver<Box<Mail>>), StartError> {
        if self.0.shell.shutdown.is_cancelled() {
            return Err(StartError::Stopping);
        }
        let place = self.0.places.take(booking.into()).map_err(|full| match full {
            Full::Closed => StartError::Closed,
            Full::Machine => StartError::Capacity,
            Full::Tenant => StartError::TenantCapacity,
            Full::Person => StartError::PersonCapacity,
        })?;
        let seated = self.seat(booking, place)?;
        if booking.edition.is_some_and(|edition| edition != self.edition(booking.session)) {
            return Err(StartError::Changed);
        }
        Ok(seated)
    }

    fn seat(&self, booking: &Booking, place: Place) -> Result<(Seat, mpsc::Receiver<Box<Mail>>), StartError> {
        let (mailbox, letters) = mpsc::channel(MAILBOX);
        match self.0.live.entry(booking.session) {
            Entry::Occupied(_) => Err(StartError::Live),
            Entry::Vacant(vacant) => {
                vacant.insert(Handle { mailbox });
                Ok((Seat { calls: self.clone(), session: booking.session, call: None, _place: place }, letters))
            }
        }
    }

    fn name(&self, call: &CallId, session: SessionId) {
        self.0.by_call.insert(call.clone(), session);
    }

    /// A ticket starts one call. It is given back only when nothing can be running because of it.
    pub(super) fn claim(&self, ticket: TicketHash) -> Result<(), StartError> {
        self.0.spent.add(ticket, self.0.shell.clock.now().mono_ms).map_err(|unusable| match unusable {
            Unusable::Spent => StartError::Spent,
            Unusable::Full => StartError::Capacity,
        })
    }

    pub(super) fn unclaim(&self, ticket: TicketHash) {
        self.0.spent.remove(ticket);
    }
}

/// An admitted call's place. Dropping it is the release.
pub(super) struct Seat {
    calls: Calls,
    session: SessionId,
    call: Option<CallId>,
    _place: Place,
}

impl Seat {
    /// The registry this seat is in.
    pub(super) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Makes the call findable by its id until the seat is released.
    pub(super) fn name(&mut self, call: &CallId) {
        self.calls.name(call, self.session);
        if let Some(before) = self.call.replace(call.clone()) {
            self.calls.0.by_call.remove(&before);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let inner = &self.calls.0;
        inner.live.remove(&self.session);
        if let Some(call) = &self.call {
            inner.by_call.remove(call);
        }
    }
}
