//! The embedded store: one SQLite file in a private directory. One thread writes, a few read, one copies the
//! write-ahead log back; this file only hands requests to them. No SQL leaves this folder.
//!
//! Requests are queued when a method is called, not when its future is first polled: what one task asks in order is
//! done in order. Dropping the future does not take the request back.

mod access_keys;
mod audit;
mod beside;
mod beside_keys;
mod calls;
mod changes;
mod checkpoint;
mod claims;
mod codec;
mod health;
mod imports;
mod invitations;
mod job;
mod journal;
mod keys;
mod open;
mod people;
mod project;
mod readers;
mod requests;
mod rights;
mod rows;
mod schema;
mod tickets;
mod usage;
mod views;
mod writer;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{Builder, JoinHandle};

use futures_util::future::ready;
use rusqlite::Connection;
use tokio::sync::oneshot;

pub use beside::journal_beside;
pub use beside_keys::KeysBeside;
pub use open::{HeldDirectory, OpenError, Options};
pub use people::Desk;

use self::codec::Refusal;
use self::health::Health;
use self::job::{Db, Job, Pending};
use self::readers::Query;
use self::writer::Writer;
use super::{Answer, StoreError};
use crate::clock::Clock;
use crate::ids::SessionId;

/// The store in one file.
pub struct SqliteStore {
    clock: Arc<dyn Clock>,
    health: Arc<Health>,
    /// `None` once closed. Both queues are bounded; a full one refuses with [`StoreError::Overloaded`].
    queues: RwLock<Option<Queues>>,
    running: Mutex<Option<Running>>,
}

struct Queues {
    jobs: SyncSender<Box<dyn Job>>,
    queries: SyncSender<Query>,
}

/// The threads, and the directory they work in: released when the last of them has gone.
struct Running {
    threads: Vec<JoinHandle<()>>,
    _held: open::Held,
}

impl Running {
    /// Waits for every thread; each ends by itself once its queue is closed and empty.
    fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl SqliteStore {
    /// Opens the store in `dir` with the defaults, creating it when it is not there.
    ///
    /// # Errors
    /// See [`OpenError`]: each says what to do.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_with(Options::new(dir, clock))
    }

    /// Opens the store as told.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_with(options: Options) -> Result<Self, OpenError> {
        let held = open::take(&options.dir)?;
        let mut conn = open::writer(&held, &options)?;
        let (jobs, job_queue) = sync_channel(options.queue);
        let (queries, query_queue) = sync_channel::<Query>(options.read_queue);
        let (wake, asked) = sync_channel(1);
        let rest_is_small = Arc::new(AtomicBool::new(false));
        let health = Arc::new(Health::default());
        let mut threads = Vec::with_capacity(options.readers + 2);

        let wal = checkpoint::Wal::watch(&mut conn, Arc::clone(&rest_is_small), wake)?;
        let db =
            Db { conn, heads: journal::Heads::default(), stale: project::Stale::at_start(), log_holds_erased: false };
        let writer = Writer::new(db, job_queue, Arc::clone(&health), wal, Arc::clone(&options.clock));
        let copier = open::copier(&held)?;
        let query_queue = Arc::new(Mutex::new(query_queue));
        let readers = (0..options.readers.max(1)).map(|_| open::reader(&held)).collect::<Result<Vec<_>, _>>()?;

        threads.push(spawn("store-writer", move || writer.run())?);
        threads.push(spawn("store-copier", move || checkpoint::run(&copier, &asked, &rest_is_small))?);
        for reader in readers {
            let queue = Arc::clone(&query_queue);
            threads.push(spawn("store-reader", move || readers::run(&reader, &queue))?);
        }
        Ok(Self {
            clock: options.clock,
            health,
            queues: RwLock::new(Some(Queues { jobs, queries })),
            running: Mutex::new(Some(Running { threads, _held: held })),
        })
    }

    /// Drops every projection of one session and builds it again from its journal. For repair; readers never need it.
    ///
    /// # Errors
    /// As any write.
    pub fn rebuild(&self, session: SessionId) -> Answer<'_, ()> {
        self.write(move |db| {
            db.atomically(|db| {
                project::forget(&db.conn, session)?;
                Ok(project::project(&mut db.conn, session)?)
            })
        })
    }

    /// Writes the projection of one session up to its journal's head now. The writer does it by itself within a second.
    ///
    /// # Errors
    /// As any write.
    pub fn project(&self, session: SessionId) -> Answer<'_, ()> {
        self.write(move |db| db.atomically(|db| Ok(project::project(&mut db.conn, session)?)))
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, Refusal> + Send + 'static,
    ) -> Answer<'_, T> {
        let (reply, answer) = oneshot::channel();
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let sent = readers::send(queues.as_ref().map(|queues| &queues.jobs), Box::new(Pending::new(work, reply)));
        answered(sent, answer)
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<'_, T> {
        let (query, answer) = readers::query(read);
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        let sent = readers::send(queues.as_ref().map(|queues| &queues.queries), query);
        answered(sent, answer)
    }

    /// Closes the queues; what is in them is still done.
    fn stop(&self) -> Option<Running> {
        *self.queues.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Some(running) = self.stop() {
            running.join();
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    Builder::new().name(name.to_owned()).spawn(work).map_err(OpenError::Threads)
}

/// The answer to a request that was queued, or the reason it was not.
fn answered<'a, T: Send + 'a>(
    sent: Result<(), StoreError>,
    answer: oneshot::Receiver<Result<T, StoreError>>,
) -> Answer<'a, T> {
    match sent {
        // A thread that ends drops what it did not get to.
        Ok(()) => Box::pin(async move { answer.await.unwrap_or(Err(StoreError::Closed)) }),
        Err(refused) => Box::pin(ready(Err(refused))),
    }
}
