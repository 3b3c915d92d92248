//! What the service asks of a store, in domain terms: [`Store`] for interviews, and a trait of its own for each further
//! concern ([`people`]). Implementations: [`sqlite`] (embedded) and [`supabase`] (a project's Postgres). No SQL here, no HTTP, and no method without a
//! [`TenantCtx`] except those that find out which tenant it is.
//!
//! The write that matters is [`Store::commit`]: compare-and-append on a session's journal. "Not found" is `Ok(None)`;
//! a foreign tenant's row is not found.

pub mod access_keys;
pub mod audit;
mod change;
mod details;
mod error;
pub mod imports;
pub mod invitations;
pub mod keys;
mod model;
mod named;
mod own;
pub mod people;
pub mod postgres;
pub mod projection;
mod request;
pub mod rights;
pub mod shared;
pub mod spool;
pub mod sqlite;
pub mod standing;
pub mod supabase;
pub mod usage;

use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use change::{Changed, SessionChange};
pub use details::{Details, Level, Profile};
pub use error::{StoreError, Unwritable};
pub use model::{
    Batch, CallRow, CallStart, Committed, NewSession, Page, Session, SessionFailure, SessionStatus, StageRow,
    StoreHealth, Transcript, TurnRow, Unfinished, WebrtcStatus, Which,
};
pub use own::OwnReads;

use crate::identity::{Consent, TenantCtx, Ticket, TicketHash, VerifiedToken};
use crate::ids::{CallId, ProviderCallId, SessionId};
use crate::transcript::{HangUp, Record};

/// A store's answer.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The durable side of Viva.
pub trait Store: Send + Sync + 'static {
    /// Finds a ticket by its hash, expired or not, unless it was taken back: the caller decides between "may start" and "may resume".
    fn ticket(&self, hash: TicketHash) -> Answer<'_, Option<Ticket>>;

    /// Stores a new session with its first ticket and the consent it was minted under, in one transaction.
    fn create_session(&self, ctx: TenantCtx, new: NewSession, ticket: Ticket, consent: Consent) -> Answer<'_, Session>;

    /// Stores a further ticket (and its consent) of a session. `false`: no such session for this actor.
    fn add_ticket(&self, ctx: TenantCtx, ticket: Ticket, consent: Consent) -> Answer<'_, bool>;

    /// Takes every ticket of a session back: none of them starts or resumes anything any more. `false`: no such session
    /// for this actor. Repeating it changes nothing.
    fn revoke_tickets(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool>;

    /// One session with its projected state.
    fn session(&self, ctx: TenantCtx, id: SessionId) -> Answer<'_, Option<Session>>;

    /// Changes a session that has no record and no call under way.
    fn change_session(&self, ctx: TenantCtx, id: SessionId, change: SessionChange) -> Answer<'_, Changed>;

    /// Sessions of the actor, newest first.
    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>>;

    /// The durable row of a call that is about to start: written in parallel with the upstream exchange.
    /// Idempotent on `call_id`; [`StoreError::Conflict`] when the ordinal is taken.
    fn start_call(&self, ctx: TenantCtx, call: CallStart) -> Answer<'_, ()>;

    /// The provider's id of a started call, so that a later process can hang it up.
    fn call_answered(&self, ctx: TenantCtx, call: CallId, provider: ProviderCallId, at_unix_ms: i64) -> Answer<'_, ()>;

    /// The call is over, and whether the provider confirmed it.
    fn close_call(&self, ctx: TenantCtx, call: CallId, hang_up: HangUp, at_unix_ms: i64) -> Answer<'_, ()>;

    /// The calls of a session in order.
    fn calls(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<CallRow>>;

    /// What a process that starts has to look after, of every tenant, oldest first: calls that were begun and not closed,
    /// and, closed or not, the last call of every session of the last two days that has no end on its record, since its
    /// process may have died between two calls. The end may be on the journal all the same. At most 10,000; more than
    /// that is not one machine's work.
    fn unfinished(&self) -> Answer<'_, Vec<Unfinished>>;

    /// Closed calls whose hang-up nobody confirmed, with the provider's id, closed at or after `since_unix_ms`; oldest
    /// first, at most 10,000.
    fn unconfirmed(&self, since_unix_ms: i64) -> Answer<'_, Vec<Unfinished>>;

    /// The newest call of every interview that began and did not end, as far as it is projected, opened and, if at all,
    /// closed before `before_unix_ms`; oldest first, at most 10,000.
    fn stale(&self, before_unix_ms: i64) -> Answer<'_, Vec<Unfinished>>;

    /// The offer was refused or never answered: the session stays, `failed`, with the code, and its call row closed.
    fn fail_session(&self, ctx: TenantCtx, failure: SessionFailure) -> Answer<'_, ()>;

    /// Compare-and-append: appends `batch.records` when the journal's head is
    /// `(expected_n - 1, prev_hash)`. The same records again are [`Committed`] without a second row; anything else is
    /// [`StoreError::Fenced`]. When this returns `Ok` the records survive a kill and a power cut.
    fn commit(&self, ctx: TenantCtx, batch: Batch) -> Answer<'_, Committed>;

    /// Journal records after `after_n`, in order.
    fn journal(&self, ctx: TenantCtx, session: SessionId, after_n: u64) -> Answer<'_, Vec<Record>>;

    /// The readable record: session, stages and turns in conversation order, projected up to the journal's head.
    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>>;

    /// Whether it can write now; cheap, cached.
    fn health(&self) -> StoreHealth;

    /// Its interviews as one person may see them, for a token that was verified. `None`: the store does not know whoever
    /// issued it, and is asked as the service, with tenant and actor.
    fn seen_by(&self, _token: &VerifiedToken) -> Option<Arc<dyn OwnReads>> {
        None
    }

    /// What it decides beyond, when other processes work on the same database. `None`: this process has it for itself.
    fn shared(&self) -> Option<&dyn shared::Shared> {
        None
    }

    /// Finishes what was acknowledged, stops the writer. Nothing is accepted afterwards.
    fn close(&self) -> Answer<'_, ()>;
}
