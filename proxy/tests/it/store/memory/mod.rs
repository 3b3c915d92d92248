//! A store in memory: the contract in its plainest form, and the ground on which a store is made hostile. Not part of
//! the product: what it keeps, no process survives.

mod calls;
mod hostile;
mod rows;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::ready;
use viva_proxy::identity::{Consent, TenantCtx, Ticket, TicketHash};
use viva_proxy::ids::{CallId, ProviderCallId, SessionId, TenantId, UserId};
use viva_proxy::store::{
    Answer, Batch, CallRow, CallStart, Changed, Committed, NewSession, Page, Session, SessionChange, SessionFailure,
    Store, StoreError, StoreHealth, Transcript, Unfinished,
};
use viva_proxy::transcript::{HangUp, Record};

use self::rows::Rows;
use super::contract::contract;
use super::fixture::Ground;

/// The store.
#[derive(Default)]
pub(super) struct MemoryStore {
    /// `None` once it is closed. Never held over an await.
    rows: Mutex<Option<Rows>>,
}

impl MemoryStore {
    pub(super) fn open() -> Arc<Self> {
        Arc::new(Self { rows: Mutex::new(Some(Rows::default())) })
    }

    fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut Rows) -> Result<T, StoreError>) -> Answer<'_, T> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(rows.as_mut().ok_or(StoreError::Closed).and_then(work)))
    }
}

impl Ground for MemoryStore {
    fn settle(&self, user: UserId, tenant: TenantId) -> Answer<'_, ()> {
        self.with(|rows| {
            rows.settle(user, tenant);
            Ok(())
        })
    }
}

impl Store for MemoryStore {
    fn ticket(&self, hash: TicketHash) -> Answer<'_, Option<Ticket>> {
        self.with(|rows| Ok(rows.ticket(hash)))
    }

    fn create_session(&self, ctx: TenantCtx, new: NewSession, ticket: Ticket, _: Consent) -> Answer<'_, Session> {
        self.with(|rows| rows.create_session(ctx, new, ticket))
    }

    fn add_ticket(&self, ctx: TenantCtx, ticket: Ticket, _: Consent) -> Answer<'_, bool> {
        self.with(|rows| rows.add_ticket(ctx, ticket))
    }

    fn revoke_tickets(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool> {
        self.with(|rows| Ok(rows.revoke_tickets(ctx, session)))
    }

    fn session(&self, ctx: TenantCtx, id: SessionId) -> Answer<'_, Option<Session>> {
        self.with(|rows| Ok(rows.session(ctx, id)))
    }

    fn change_session(&self, ctx: TenantCtx, id: SessionId, change: SessionChange) -> Answer<'_, Changed> {
        self.with(move |rows| Ok(rows.change_session(ctx, id, change)))
    }

    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>> {
        self.with(|rows| Ok(rows.sessions(ctx, page)))
    }

    fn start_call(&self, ctx: TenantCtx, call: CallStart) -> Answer<'_, ()> {
        self.with(|rows| rows.start_call(ctx, call))
    }

    fn call_answered(&self, ctx: TenantCtx, call: CallId, provider: ProviderCallId, at_unix_ms: i64) -> Answer<'_, ()> {
        self.with(|rows| rows.call_answered(ctx, &call, provider, at_unix_ms))
    }

    fn close_call(&self, ctx: TenantCtx, call: CallId, hang_up: HangUp, at_unix_ms: i64) -> Answer<'_, ()> {
        self.with(|rows| rows.close_call(ctx, &call, hang_up, at_unix_ms))
    }

    fn calls(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<CallRow>> {
        self.with(|rows| Ok(rows.calls(ctx, session)))
    }

    fn unfinished(&self) -> Answer<'_, Vec<Unfinished>> {
        self.with(|rows| Ok(rows.unfinished()))
    }

    fn unconfirmed(&self, since_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.with(move |rows| Ok(rows.unconfirmed(since_unix_ms)))
    }

    fn stale(&self, before_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.with(move |rows| Ok(rows.stale(before_unix_ms)))
    }

    fn fail_session(&self, ctx: TenantCtx, failure: SessionFailure) -> Answer<'_, ()> {
        self.with(|rows| rows.fail_session(ctx, failure))
    }

    fn commit(&self, ctx: TenantCtx, batch: Batch) -> Answer<'_, Committed> {
        self.with(|rows| rows.commit(ctx, batch))
    }

    fn journal(&self, ctx: TenantCtx, session: SessionId, after_n: u64) -> Answer<'_, Vec<Record>> {
        self.with(|rows| Ok(rows.journal(ctx, session, after_n)))
    }

    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>> {
        self.with(|rows| Ok(rows.transcript(ctx, session)))
    }

    fn health(&self) -> StoreHealth {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.is_some() { StoreHealth::Ok } else { StoreHealth::Closed }
    }

    fn close(&self) -> Answer<'_, ()> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(ready(Ok(())))
    }
}

/// A store, and nothing that has to outlive it.
fn fresh() -> (Arc<dyn Ground>, ()) {
    (MemoryStore::open(), ())
}

contract!(fresh());
