//! A store in a bad mood: what every other store does now and then, this one does when it is told to. Only commits are
//! treated so; the rest passes through.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use viva_proxy::identity::{Consent, TenantCtx, Ticket, TicketHash};
use viva_proxy::ids::{CallId, ProviderCallId, SessionId, TenantId, UserId};
use viva_proxy::store::{
    Answer, Batch, CallRow, CallStart, Changed, Committed, NewSession, Page, Session, SessionChange, SessionFailure,
    Store, StoreError, StoreHealth, Transcript, Unfinished, Unwritable,
};
use viva_proxy::transcript::{Entry, HangUp, Record, Source};

use super::super::fixture::Ground;
use super::MemoryStore;

/// How one commit is treated.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mood {
    /// As it should be.
    Well,
    /// Written and told, after so long.
    Late(Duration),
    /// Written; the answer is lost on the way and reads as a failure.
    AnswerLost,
    /// Not written, and nobody says whether it was.
    Unknown,
    /// Somebody else continued the journal just before.
    Fenced,
    /// The disk is full.
    Full,
    /// The store was closed.
    Closed,
}

/// The store.
pub(super) struct Hostile {
    inner: Arc<MemoryStore>,
    moods: Mutex<VecDeque<Mood>>,
    usual: Mutex<Mood>,
}

impl Hostile {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { inner: MemoryStore::open(), moods: Mutex::default(), usual: Mutex::new(Mood::Well) })
    }

    /// The next commits are treated so, one after the other.
    pub(super) fn next(&self, moods: impl IntoIterator<Item = Mood>) {
        self.moods.lock().unwrap_or_else(PoisonError::into_inner).extend(moods);
    }

    /// Commits for which nothing else was said are treated so from here on.
    #[expect(clippy::wrong_self_convention, reason = "a time, not a conversion")]
    pub(super) fn from_now_on(&self, mood: Mood) {
        *self.usual.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Whether all that was planned has happened.
    pub(super) fn is_through(&self) -> bool {
        self.moods.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn mood(&self) -> Mood {
        let planned = self.moods.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        planned.unwrap_or(*self.usual.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What somebody else would append here.
fn foreign(batch: &Batch) -> Batch {
    let entry = Entry::Gap { from: 1, to: Some(2), told: None };
    let (n, head) = (batch.expected_n, batch.prev_hash);
    let record = Record::next(batch.session, n, head, 0, Source::Server, &entry, None);
    Batch { records: vec![record], lease_epoch: batch.lease_epoch, ..batch.clone() }
}

impl Ground for Hostile {
    fn settle(&self, user: UserId, tenant: TenantId) -> Answer<'_, ()> {
        self.inner.settle(user, tenant)
    }
}

impl Store for Hostile {
    fn commit(&self, ctx: TenantCtx, batch: Batch) -> Answer<'_, Committed> {
        let mood = self.mood();
        Box::pin(async move {
            match mood {
                Mood::Well => self.inner.commit(ctx, batch).await,
                Mood::Late(by) => {
                    tokio::time::sleep(by).await;
                    self.inner.commit(ctx, batch).await
                }
                Mood::AnswerLost => self.inner.commit(ctx, batch).await.and(Err(StoreError::Internal)),
                Mood::Unknown => Err(StoreError::Internal),
                Mood::Fenced => {
                    self.inner.commit(ctx, foreign(&batch)).await?;
                    self.inner.commit(ctx, batch).await
                }
                Mood::Full => Err(StoreError::Unwritable(Unwritable::Full)),
                Mood::Closed => Err(StoreError::Closed),
            }
        })
    }

    fn ticket(&self, hash: TicketHash) -> Answer<'_, Option<Ticket>> {
        self.inner.ticket(hash)
    }

    fn create_session(&self, ctx: TenantCtx, new: NewSession, ticket: Ticket, consent: Consent) -> Answer<'_, Session> {
        self.inner.create_session(ctx, new, ticket, consent)
    }

    fn add_ticket(&self, ctx: TenantCtx, ticket: Ticket, consent: Consent) -> Answer<'_, bool> {
        self.inner.add_ticket(ctx, ticket, consent)
    }

    fn revoke_tickets(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool> {
        self.inner.revoke_tickets(ctx, session)
    }

    fn session(&self, ctx: TenantCtx, id: SessionId) -> Answer<'_, Option<Session>> {
        self.inner.session(ctx, id)
    }

    fn change_session(&self, ctx: TenantCtx, id: SessionId, change: SessionChange) -> Answer<'_, Changed> {
        self.inner.change_session(ctx, id, change)
    }

    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>> {
        self.inner.sessions(ctx, page)
    }

    fn start_call(&self, ctx: TenantCtx, call: CallStart) -> Answer<'_, ()> {
        self.inner.start_call(ctx, call)
    }

    fn call_answered(&self, ctx: TenantCtx, call: CallId, provider: ProviderCallId, at_unix_ms: i64) -> Answer<'_, ()> {
        self.inner.call_answered(ctx, call, provider, at_unix_ms)
    }

    fn close_call(&self, ctx: TenantCtx, call: CallId, hang_up: HangUp, at_unix_ms: i64) -> Answer<'_, ()> {
        self.inner.close_call(ctx, call, hang_up, at_unix_ms)
    }

    fn calls(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<CallRow>> {
        self.inner.calls(ctx, session)
    }

    fn unfinished(&self) -> Answer<'_, Vec<Unfinished>> {
        self.inner.unfinished()
    }

    fn unconfirmed(&self, since_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.inner.unconfirmed(since_unix_ms)
    }

    fn stale(&self, before_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.inner.stale(before_unix_ms)
    }

    fn fail_session(&self, ctx: TenantCtx, failure: SessionFailure) -> Answer<'_, ()> {
        self.inner.fail_session(ctx, failure)
    }

    fn journal(&self, ctx: TenantCtx, session: SessionId, after_n: u64) -> Answer<'_, Vec<Record>> {
        self.inner.journal(ctx, session, after_n)
    }

    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>> {
        self.inner.transcript(ctx, session)
    }

    fn health(&self) -> StoreHealth {
        self.inner.health()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}
