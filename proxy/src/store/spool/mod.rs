//! A store in front of one that may be away: what a running call has to write goes to a file here when the other does not
//! answer, is acknowledged when it is durable there, and is brought over in order when the other is back. Nothing is
//! begun while it is away: sessions, tickets and the rows of new calls are not spooled. Reads are the other store's, with
//! what waits here.

mod drain;
mod letters;
mod log;
mod reads;
mod state;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::ready;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use letters::{DeadLetter, DeadLetters, Refused, Retried};
pub use state::Bounds;

use self::drain::is_passing;
use self::log::{Item, Lane, Log};
use self::reads::OwnWithHeld;
use self::state::State;
use super::shared::Shared;
use super::sqlite::OpenError;
use super::{
    Answer, Batch, CallRow, CallStart, Changed, Committed, NewSession, OwnReads, Page, Session, SessionChange,
    SessionFailure, Store, StoreError, StoreHealth, Transcript, Unfinished, Unwritable,
};
use crate::clock::Clock;
use crate::identity::{Actor, Consent, TenantCtx, Ticket, TicketHash, VerifiedToken};
use crate::ids::{CallId, ProviderCallId, SessionId};
use crate::transcript::{HangUp, Record};

/// The store with its spool.
pub struct Spooled {
    inner: Arc<Inner>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Inner {
    remote: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Locked on threads that may block, for one transaction.
    log: Arc<Mutex<Log>>,
    state: State,
    /// Something waits.
    news: Notify,
}

impl Spooled {
    /// Opens the spool in a directory that this process holds, and brings over what an earlier process left in it, as
    /// far as the store answers: it must be there before anybody goes on with a journal.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn open(
        remote: Arc<dyn Store>,
        dir: &Path,
        clock: Arc<dyn Clock>,
        bounds: Bounds,
    ) -> Result<Self, OpenError> {
        let log = Log::open(dir)?;
        let (_, lanes) = log.waiting().unwrap_or_default();
        let state = State::new(bounds);
        for (lane, entries) in &lanes {
            state.found(*lane, *entries);
        }
        let inner = Inner { remote, clock, log: Arc::new(Mutex::new(log)), state, news: Notify::new() };
        let spooled = Self { inner: Arc::new(inner), tasks: TaskTracker::new(), stop: CancellationToken::new() };
        if !lanes.is_empty() {
            tracing::warn!(sessions = lanes.len(), "an earlier process left records in the spool");
            if !spooled.inner.drained().await {
                spooled.inner.news.notify_one();
            }
        }
        let (inner, stop) = (Arc::clone(&spooled.inner), spooled.stop.clone());
        spooled.tasks.spawn(async move { stop.run_until_cancelled(inner.drain()).await });
        Ok(spooled)
    }

    /// What the store refused for good, and nobody took out of the spool yet.
    pub async fn dead_letters(&self) -> Result<u64, StoreError> {
        self.inner.with_log(|log| log.dead()).await
    }

    /// Asks the store, or, where something of the lane waits already, puts it behind that.
    fn write<'a, T: Send + 'a>(
        &'a self,
        ctx: TenantCtx,
        (lane, item): (Lane, Item),
        done: T,
        direct: impl FnOnce(&'a dyn Store) -> Answer<'a, T>,
    ) -> Answer<'a, T> {
        if self.stop.is_cancelled() {
            return Box::pin(ready(Err(StoreError::Closed)));
        }
        let inner = Arc::clone(&self.inner);
        // A task of its own: what was begun is finished, whether or not somebody waits for it.
        let tasks = self.tasks.clone();
        let spool = move |item| tasks.spawn(async move { inner.spool(ctx, lane, item).await });
        if self.inner.state.waits(lane) {
            let spooled = spool(item);
            return Box::pin(async move { spooled.await.unwrap_or(Err(StoreError::Closed)).map(|()| done) });
        }
        let direct = direct(self.inner.remote.as_ref());
        let state = &self.inner.state;
        Box::pin(async move {
            match direct.await {
                Err(error) if is_passing(error) && error != StoreError::Closed => {
                    // Only this says so: what goes behind something that waits is no sign of it, or whoever writes while it is
                    // brought over would keep everybody from the store.
                    state.answered(true);
                    spool(item).await.unwrap_or(Err(StoreError::Closed)).map(|()| done)
                }
                answer => answer,
            }
        })
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Inner {
    async fn spool(&self, ctx: TenantCtx, lane: Lane, item: Item) -> Result<(), StoreError> {
        if !self.state.enter(lane) {
            // The call keeps it and asks again.
            return Err(StoreError::Overloaded);
        }
        let at = self.clock.now().unix_ms;
        let written = self.with_log(move |log| log.append(ctx.tenant, lane, &item, at)).await;
        self.state.entered(lane, written.ok());
        self.news.notify_one();
        metrics::counter!("viva_spooled_total").increment(u64::from(written.is_ok()));
        self.show();
        written.map(|_bytes| ())
    }

    /// Works on the file where blocking is allowed.
    async fn with_log<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Log) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let log = Arc::clone(&self.log);
        let done = tokio::task::spawn_blocking(move || work(&mut log.lock().unwrap_or_else(PoisonError::into_inner)));
        let done = done.await.unwrap_or(Err(StoreError::Closed));
        self.show();
        done
    }

    fn show(&self) {
        #[expect(clippy::cast_precision_loss, reason = "bounded by the spool's size")]
        metrics::gauge!("viva_spool_entries").set(self.state.told().entries as f64);
    }
}

impl Store for Spooled {
    fn ticket(&self, hash: TicketHash) -> Answer<'_, Option<Ticket>> {
        self.inner.remote.ticket(hash)
    }

    fn create_session(&self, ctx: TenantCtx, new: NewSession, ticket: Ticket, consent: Consent) -> Answer<'_, Session> {
        self.inner.remote.create_session(ctx, new, ticket, consent)
    }

    fn add_ticket(&self, ctx: TenantCtx, ticket: Ticket, consent: Consent) -> Answer<'_, bool> {
        self.inner.remote.add_ticket(ctx, ticket, consent)
    }

    fn revoke_tickets(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool> {
        self.inner.remote.revoke_tickets(ctx, session)
    }

    fn session(&self, ctx: TenantCtx, id: SessionId) -> Answer<'_, Option<Session>> {
        Box::pin(async move {
            match self.inner.remote.session(ctx, id).await? {
                Some(found) => self.inner.current(found).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn change_session(&self, ctx: TenantCtx, id: SessionId, change: SessionChange) -> Answer<'_, Changed> {
        self.inner.remote.change_session(ctx, id, change)
    }

    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>> {
        Box::pin(async move { self.inner.current_list(self.inner.remote.sessions(ctx, page).await?).await })
    }

    fn start_call(&self, ctx: TenantCtx, call: CallStart) -> Answer<'_, ()> {
        self.inner.remote.start_call(ctx, call)
    }

    fn call_answered(&self, ctx: TenantCtx, call: CallId, provider: ProviderCallId, at: i64) -> Answer<'_, ()> {
        let item = Item::Answered { call: call.clone(), provider: provider.clone(), at };
        self.write(ctx, (Lane::CALLS, item), (), |remote| remote.call_answered(ctx, call, provider, at))
    }

    fn close_call(&self, ctx: TenantCtx, call: CallId, hang_up: HangUp, at: i64) -> Answer<'_, ()> {
        let item = Item::Closed { call: call.clone(), hang_up, at };
        self.write(ctx, (Lane::CALLS, item), (), |remote| remote.close_call(ctx, call, hang_up, at))
    }

    fn calls(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<CallRow>> {
        self.inner.remote.calls(ctx, session)
    }

    fn unfinished(&self) -> Answer<'_, Vec<Unfinished>> {
        self.inner.remote.unfinished()
    }

    fn unconfirmed(&self, since_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.inner.remote.unconfirmed(since_unix_ms)
    }

    fn stale(&self, before_unix_ms: i64) -> Answer<'_, Vec<Unfinished>> {
        self.inner.remote.stale(before_unix_ms)
    }

    fn fail_session(&self, ctx: TenantCtx, failure: SessionFailure) -> Answer<'_, ()> {
        self.inner.remote.fail_session(ctx, failure)
    }

    fn commit(&self, ctx: TenantCtx, batch: Batch) -> Answer<'_, Committed> {
        // Only the service is believed without asking, and only what a journal can hold.
        let last = batch.records.last().map_or(0, |last| last.n);
        if ctx.actor != Actor::Service || !batch.is_chained() {
            return self.inner.remote.commit(ctx, batch);
        }
        let Batch { lease_epoch, expected_n, prev_hash, .. } = batch;
        let item = Item::Commit { lease_epoch, expected_n, prev_hash, records: batch.records.clone() };
        let lane = Lane::of(batch.session);
        self.write(ctx, (lane, item), Committed { up_to: last }, |remote| remote.commit(ctx, batch))
    }

    fn journal(&self, ctx: TenantCtx, session: SessionId, after_n: u64) -> Answer<'_, Vec<Record>> {
        Box::pin(self.inner.journal(ctx, session, after_n))
    }

    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>> {
        Box::pin(async move {
            match self.inner.remote.transcript(ctx, session).await? {
                Some(found) => self.inner.current_transcript(found).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn seen_by(&self, token: &VerifiedToken) -> Option<Arc<dyn OwnReads>> {
        let own = self.inner.remote.seen_by(token)?;
        Some(Arc::new(OwnWithHeld { own, inner: Arc::clone(&self.inner) }))
    }

    fn health(&self) -> StoreHealth {
        let told = self.inner.state.told();
        match self.inner.remote.health() {
            StoreHealth::Closed => StoreHealth::Closed,
            _ if told.full => StoreHealth::Failing(Unwritable::Full),
            _ if told.broken => StoreHealth::Failing(Unwritable::Io),
            StoreHealth::Ok if told.entries == 0 => StoreHealth::Ok,
            _ => StoreHealth::Spooling { waiting: told.entries },
        }
    }

    fn shared(&self) -> Option<&dyn Shared> {
        self.inner.remote.shared()
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            // A last try; what the store does not take now, the next process brings over.
            if self.inner.state.told().entries > 0 {
                let _left = self.inner.drained().await;
            }
            self.stop.cancel();
            self.tasks.close();
            self.tasks.wait().await;
            self.inner.remote.close().await
        })
    }
}
