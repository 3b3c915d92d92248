//! A store in memory: the contract in its plainest form, and the ground on which a store is made hostile. Not part of
//! the product: what it keeps, no process survives.

mod calls;
mod hostile;
mod rows;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::ready;
use viva_proxy::identity::{Consent, TenantCtx, Ticket, TicketHash};
use viva_proxy::ids::{CallId, ProviderCallId, SessionId};
use viva_proxy::store::{
    Answer, AuthSession, Batch, CallRow, CallStart, Committed, NewSession, Page, Session, SessionFailure, Store,
    StoreError, StoreHealth, Transcript, Unfinished,
};
use viva_proxy::transcript::{HangUp, Record};

use self::rows::Rows;
use super::contract::contract;

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

impl Store for MemoryStore {
    fn sign_in(&self, auth: AuthSession) -> Answer<'_, ()> {
        self.with(|rows| rows.sign_in(auth))
    }

    fn auth_session(&self, hash: [u8; 32], now_unix_ms: i64) -> Answer<'_, Option<AuthSession>> {
        self.with(|rows| Ok(rows.auth_session(hash, now_unix_ms)))
    }

    fn ticket(&self, hash: TicketHash) -> Answer<'_, Option<Ticket>> {
        self.with(|rows| Ok(rows.ticket(hash)))
    }

    fn create_session(&self, ctx: TenantCtx, new: NewSession, ticket: Ticket, _: Consent) -> Answer<'_, Session> {
        self.with(|rows| rows.create_session(ctx, new, ticket))
    }

    fn add_ticket(&self, ctx: TenantCtx, ticket: Ticket, _: Consent) -> Answer<'_, bool> {
        self.with(|rows| rows.add_ticket(ctx, ticket))
    }

    fn session(&self, ctx: TenantCtx, id: SessionId) -> Answer<'_, Option<Session>> {
        self.with(|rows| Ok(rows.session(ctx, id)))
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
fn fresh() -> (Arc<dyn Store>, ()) {
    (MemoryStore::open(), ())
}

contract! { fresh();
    contract::{
        what_was_committed_is_read_back,
        the_same_records_again_are_one_set_of_rows,
        a_different_record_at_a_taken_place_is_fenced,
        a_hole_is_fenced,
        records_that_could_never_verify_are_fenced,
        an_older_lease_is_fenced,
    }
    contract_sharing::{
        of_many_appenders_at_one_place_one_wins,
        sessions_written_at_once_do_not_mix,
        a_journal_needs_its_session,
        strangers_neither_read_nor_write_a_journal,
        closing_finishes_what_was_asked_and_takes_nothing_more,
    }
    contract_people::{
        a_sign_in_is_found_until_it_expires,
        a_session_comes_with_its_ticket_or_not_at_all,
        tickets_are_added_to_own_sessions_only,
        sessions_are_created_by_and_for_known_people,
        lists_are_the_actors_own_newest_first,
    }
    contract_calls::{
        a_call_goes_from_its_row_to_its_hang_up,
        a_refused_call_fails_the_session_until_the_next_try,
        an_interview_between_two_calls_is_left_to_the_next_process,
        strangers_see_and_change_no_rows,
    }
    contract_readable::{
        the_readable_record_follows_the_conversation,
        late_words_and_links_change_place_and_text_only,
        what_is_readable_does_not_depend_on_when_it_is_read,
    }
    contract_course::{
        a_session_shows_how_its_interview_went,
        an_end_without_a_beginning_is_no_interview,
    }
}
