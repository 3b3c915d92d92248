//! The store in a Supabase project's Postgres, spoken to through PostgREST. Every operation is one database function,
//! which is one transaction; the functions are in `migrations/` under the same names as the methods here. No SQL in this
//! folder.

mod access_keys;
mod acting;
mod ask;
mod audit;
mod call_error;
mod client;
mod health;
mod imports;
mod invitations;
mod keys;
mod lanes;
mod leases;
mod operators;
mod own;
mod people;
mod project;
mod projections;
mod requests;
mod rights;
mod rows;
pub mod schema;
mod usage;
mod wire;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::ready;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;

pub use call_error::CallError;
pub use client::{Client, Repeat, Timeouts};
pub use leases::Owner;
pub use project::{BadKey, Project, ProjectKey};

use self::ask::{Asked, CommitJson};
use self::health::Health;
use self::lanes::Lanes;
use self::leases::Leases;
use self::projections::{AtHead, Projections};
use self::rows::{SessionJson, Strange};
use super::{Answer, Batch, Committed, StoreError};
use crate::clock::Clock;
use crate::identity::TenantCtx;
use crate::ids::SessionId;

/// Writes that may be on their way or wait for those; beyond that [`StoreError::Overloaded`].
const WAITING: usize = 4096;

/// The store in a project's database. Cheap to clone.
#[derive(Clone)]
pub struct SupabaseStore {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    clock: Arc<dyn Clock>,
    health: Health,
    leases: Option<Leases>,
    projections: Projections,
    lanes: Lanes,
    places: Arc<Semaphore>,
    closed: AtomicBool,
    tasks: TaskTracker,
}

impl SupabaseStore {
    /// Prepares the store; asks nothing of the database yet. No other process may write to the same sessions.
    #[must_use]
    pub fn new(client: Client, clock: Arc<dyn Clock>) -> Self {
        Self::with(client, clock, None)
    }

    /// The same for a process that shares the database with others.
    #[must_use]
    pub fn among_others(client: Client, clock: Arc<dyn Clock>, owner: Owner) -> Self {
        Self::with(client, clock, Some(owner))
    }

    fn with(client: Client, clock: Arc<dyn Clock>, owner: Option<Owner>) -> Self {
        let inner = Inner {
            client,
            clock,
            health: Health::default(),
            leases: owner.map(Leases::new),
            projections: Projections::default(),
            lanes: Lanes::default(),
            places: Arc::new(Semaphore::new(WAITING)),
            closed: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The way to the database, for whoever asks it something of their own.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Unix milliseconds.
    fn now(&self) -> i64 {
        self.inner.clock.now().unix_ms
    }

    /// What this machine is called among those that work on the database.
    fn machine(&self) -> Option<&str> {
        self.inner.leases.as_ref().map(Leases::machine)
    }

    /// Takes nothing more.
    fn stop(&self) {
        self.inner.closed.store(true, Ordering::Release);
        self.inner.health.close();
        self.inner.tasks.close();
    }

    /// Asks for something that changes nothing, when it is awaited.
    fn read<A, F, T>(
        &self,
        function: &'static str,
        asked: A,
        understand: impl FnOnce(F) -> Result<T, Strange> + Send + 'static,
    ) -> Answer<'_, T>
    where
        A: Serialize + Send + Sync + 'static,
        F: DeserializeOwned + Send,
        T: Send + 'static,
    {
        if self.inner.closed.load(Ordering::Acquire) {
            return Box::pin(ready(Err(StoreError::Closed)));
        }
        Box::pin(async move {
            let found = self.inner.call(function, Repeat::Safe, &asked).await?;
            understand(found).map_err(|Strange| {
                tracing::error!(function, "the database's answer has values that this version does not know");
                StoreError::Internal
            })
        })
    }

    /// Has something written, from now on.
    fn write<T>(&self, function: &'static str, repeat: Repeat, asked: &impl Serialize) -> Answer<'static, T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        // As a value: what it is made from is borrowed, and the write outlives it.
        let Ok(asked) = serde_json::to_value(asked) else {
            return Box::pin(ready(Err(StoreError::Internal)));
        };
        let inner = Arc::clone(&self.inner);
        self.begin(None, async move { inner.call(function, repeat, &asked).await })
    }

    /// Begins a write: after those of the same session, if it is one to a journal.
    fn begin<T: Send + 'static>(
        &self,
        session: Option<SessionId>,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Answer<'static, T> {
        let inner = &self.inner;
        if inner.closed.load(Ordering::Acquire) {
            return Box::pin(ready(Err(StoreError::Closed)));
        }
        let Ok(place) = Arc::clone(&inner.places).try_acquire_owned() else {
            return Box::pin(ready(Err(StoreError::Overloaded)));
        };
        let (reply, answer) = oneshot::channel();
        let job = async move {
            // Nobody may wait for it any more, which is no error.
            let _gone = reply.send(work.await);
            drop(place);
        };
        match session {
            Some(session) => inner.lanes.push(&inner.tasks, session, Box::pin(job)),
            None => drop(inner.tasks.spawn(job)),
        }
        // A runtime that ends drops what it did not get to.
        Box::pin(async move { answer.await.unwrap_or(Err(StoreError::Closed)) })
    }
}

impl Inner {
    /// Calls a function and notes what that says of the database.
    async fn call<T: DeserializeOwned>(
        &self,
        function: &'static str,
        repeat: Repeat,
        asked: &impl Serialize,
    ) -> Result<T, StoreError> {
        let answer = self.client.call(function, repeat, asked).await;
        self.health.note(answer.as_ref().err().copied());
        Ok(answer?)
    }

    /// Appends a batch together with what it changes in the projection. Nobody else in this process appends to the same
    /// session meanwhile.
    async fn commit(&self, ctx: TenantCtx, mut batch: Batch) -> Result<Committed, StoreError> {
        if batch.lease_epoch == 0 {
            batch.lease_epoch = self.lease_epoch(ctx, batch.session).await?;
        }
        // Whatever was kept belongs to a shorter journal from now on; when this fails nobody knows which.
        let at = match self.projections.take(batch.session).filter(|at| at.precedes(&batch)) {
            Some(at) => Some(at),
            None if batch.expected_n == 1 => Some(AtHead::empty()),
            None => self.read_projection(ctx, batch.session).await?,
        };
        // `None`: a batch that was told before and has others after it, or one that will be refused.
        let folded = at.and_then(|at| at.fold(&batch));
        let asked =
            CommitJson::of(&batch, folded.as_ref().map(|folded| folded.changes())).ok_or(StoreError::Internal)?;
        let up_to = self.call("commit_call", Repeat::Safe, &Asked::by(ctx, asked)).await?;
        if let Some(folded) = folded {
            self.projections.put(batch.session, folded.saved());
        }
        Ok(Committed { up_to })
    }

    async fn read_projection(&self, ctx: TenantCtx, session: SessionId) -> Result<Option<AtHead>, StoreError> {
        let asked = json!({ "tenant": ctx.tenant, "session": session });
        let found: Option<SessionJson> = self.call("projection", Repeat::Safe, &asked).await?;
        let kept = found.map(SessionJson::kept).transpose().map_err(|Strange| StoreError::Internal)?;
        Ok(kept.map(|kept| AtHead::read(session, kept)))
    }
}
