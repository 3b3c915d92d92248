//! The store's methods: each hands its work to the writer or to a reader, and says nothing else.

use futures_util::future::ready;

use super::{SqliteStore, calls, changes, journal, rows, tickets, views};
use crate::identity::{Consent, TenantCtx, Ticket, TicketHash};
use crate::ids::{CallId, ProviderCallId, SessionId};
use crate::store::{
    Answer, Batch, CallRow, CallStart, Changed, Committed, NewSession, Page, Session, SessionChange, SessionFailure,
    Store, StoreError, StoreHealth, Transcript, Unfinished,
};
use crate::transcript::{HangUp, Record};

impl Store for SqliteStore {
    fn ticket(&self, hash: TicketHash) -> Answer<'_, Option<Ticket>> {
        self.read(move |conn| tickets::ticket(conn, hash))
    }

    fn create_session(&self, ctx: TenantCtx, new: NewSession, ticket: Ticket, consent: Consent) -> Answer<'_, Session> {
        self.write(move |db| calls::create_session(db, ctx, new, &ticket, &consent))
    }

    fn add_ticket(&self, ctx: TenantCtx, ticket: Ticket, consent: Consent) -> Answer<'_, bool> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| tickets::add_ticket(db, ctx, &ticket, &consent, now))
    }

    fn revoke_tickets(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| tickets::revoke(db, ctx, session, now))
    }

    fn session(&self, ctx: TenantCtx, id: SessionId) -> Answer<'_, Option<Session>> {
        self.read(move |conn| views::session(conn, ctx, id))
    }

    fn change_session(&self, ctx: TenantCtx, id: SessionId, change: SessionChange) -> Answer<'_, Changed> {
        self.write(move |db| changes::change(db, ctx, id, change))
    }

    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>> {
        self.read(move |conn| views::sessions(conn, ctx, page))
    }

    fn start_call(&self, ctx: TenantCtx, call: CallStart) -> Answer<'_, ()> {
        self.write(move |db| calls::start(db, ctx, &call))
    }

    fn call_answered(&self, ctx: TenantCtx, call: CallId, provider: ProviderCallId, at_unix_ms: i64) -> Answer<'_, ()> {
        self.write(move |db| calls::answered(db, ctx, &call, &provider, at_unix_ms))
    }

    fn close_call(&self, ctx: TenantCtx, call: CallId, hang_up: HangUp, at_unix_ms: i64) -> Answer<'_, ()> {
        self.write(move |db| calls::close(db, ctx, &call, hang_up, at_unix_ms))
    }

    fn calls(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<CallRow>> {
        self.read(move |conn| calls::list(conn, ctx, session))
    }

    fn unfinished(&self) -> Answer<'_, Vec<Unfinished>> {
        self.read(calls::unfinished)
    }

    fn unconfirmed(&self, since_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.read(move |conn| calls::unconfirmed(conn, since_unix_ms))
    }

    fn stale(&self, before_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.read(move |conn| calls::stale(conn, before_unix_ms))
    }

    fn fail_session(&self, ctx: TenantCtx, failure: SessionFailure) -> Answer<'_, ()> {
        self.write(move |db| calls::fail(db, ctx, &failure))
    }

    fn commit(&self, ctx: TenantCtx, batch: Batch) -> Answer<'_, Committed> {
        // Hashing stays with the caller's thread; the writer has enough to do.
        if !batch.is_chained() {
            return Box::pin(ready(Err(StoreError::Fenced)));
        }
        self.write(move |db| journal::append(db, ctx, &batch))
    }

    fn journal(&self, ctx: TenantCtx, session: SessionId, after_n: u64) -> Answer<'_, Vec<Record>> {
        self.read(move |conn| {
            if rows::sees(conn, ctx, session)? { journal::records(conn, session, after_n) } else { Ok(Vec::new()) }
        })
    }

    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>> {
        self.read(move |conn| views::transcript(conn, ctx, session))
    }

    fn health(&self) -> StoreHealth {
        self.health.get()
    }

    fn close(&self) -> Answer<'_, ()> {
        let running = self.stop();
        Box::pin(async move {
            let Some(running) = running else {
                return Ok(());
            };
            // The last group is an fsync away; waiting for it does not belong on a runtime thread.
            tokio::task::spawn_blocking(move || running.join()).await.map_err(|_| StoreError::Internal)
        })
    }
}
