//! The one thread that writes. It takes a job, drains what else is waiting, runs all of it in one transaction, commits
//! once, and only then answers: group commit without a timer. Between groups it projects, and probes a store that failed.
//!
//! ```text
//!  jobs ─▶ bounded queue ─▶ group (≤ 512) ─▶ BEGIN · each job · COMMIT (fsync) ─▶ answers
//!                                     └ any failure of the file: ROLLBACK ─▶ every job of the group: Unwritable
//! ```

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::checkpoint::Wal;
use super::codec::Refusal;
use super::health::Health;
use super::job::{Db, Job};
use super::project;
use crate::clock::Clock;
use crate::store::{StoreError, Unwritable};

/// Jobs in one transaction: enough to share an fsync, few enough that the first does not wait long for the last.
const GROUP: usize = 512;
/// How long unprojected records lie while the writer has nothing else to do. A reader folds them in by itself, so nobody
/// ever sees a stale state.
const PROJECT_WITHIN: Duration = Duration::from_secs(1);
/// Without a job for so long the writer has nothing else to do.
const QUIET: Duration = Duration::from_millis(2);
/// How long a projection may keep the writer from the next group.
const PROJECT_SLICE: Duration = Duration::from_millis(5);
/// How long they lie at most when the writer is never quiet, and what it then spends on them: 4 % of its time.
const PROJECT_LATEST: Duration = Duration::from_secs(10);
const BUSY_SLICE: Duration = Duration::from_millis(2);
const BUSY_SLICE_EVERY: Duration = Duration::from_millis(50);
/// What may still be projected when the store closes; the rest is caught up with at the next start.
const PROJECT_AT_CLOSE: Duration = Duration::from_millis(500);
/// Quiet time before looking for sessions that an earlier process left unprojected.
const SCAN_AFTER: Duration = Duration::from_millis(20);
/// A store that failed is tried again at most this often.
const PROBE_EVERY_MS: u64 = 1000;

/// Whether somebody waits for a transaction to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// Yes: its commit is an fsync.
    Acknowledged,
    /// No: it can be derived again, and reaches the disk with the next one that is.
    Derived,
}

/// The thread's state.
pub(super) struct Writer {
    db: Db,
    queue: Receiver<Box<dyn Job>>,
    health: Arc<Health>,
    wal: Wal,
    clock: Arc<dyn Clock>,
    durability: Durability,
}

impl Writer {
    /// A writer on a connection that [`super::open::writer`] opened.
    pub(super) fn new(
        db: Db,
        queue: Receiver<Box<dyn Job>>,
        health: Arc<Health>,
        wal: Wal,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { db, queue, health, wal, clock, durability: Durability::Acknowledged }
    }

    /// Works until every sender is gone and everything they sent is answered.
    pub(super) fn run(mut self) {
        let _closed = self.health.closed_on_drop();
        let mut group: Vec<Box<dyn Job>> = Vec::with_capacity(GROUP);
        let mut last_slice = Instant::now();
        loop {
            match self.wait() {
                Ok(first) => {
                    group.push(first);
                    group.extend(self.queue.try_iter().take(GROUP - 1));
                    self.write(&mut group);
                    self.wal.written(&self.db.conn);
                    self.empty_log();
                    if self.behind_by(PROJECT_LATEST) && last_slice.elapsed() >= BUSY_SLICE_EVERY {
                        self.project(BUSY_SLICE);
                        last_slice = Instant::now();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.project(PROJECT_AT_CLOSE);
    }

    fn behind_by(&self, time: Duration) -> bool {
        self.db.stale.oldest().is_some_and(|since| since.elapsed() >= time)
    }

    /// The next job, or the time to look after something else.
    fn wait(&self) -> Result<Box<dyn Job>, RecvTimeoutError> {
        let patience = if self.health.failing() {
            Some(Duration::from_millis(PROBE_EVERY_MS))
        } else {
            let until_project =
                self.db.stale.oldest().map(|since| PROJECT_WITHIN.saturating_sub(since.elapsed()).max(QUIET));
            let until_scan = self.db.stale.has_unscanned().then_some(SCAN_AFTER);
            let until_copy = self.wal.has_uncopied().then_some(PROJECT_WITHIN);
            let until_empty = self.db.log_holds_erased.then_some(PROJECT_WITHIN);
            [until_project, until_scan, until_copy, until_empty].into_iter().flatten().min()
        };
        match patience {
            Some(patience) => self.queue.recv_timeout(patience),
            None => self.queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn idle(&mut self) {
        if self.health.failing() {
            self.probe();
            return;
        }
        if let Err(error) = project::scan(&mut self.db) {
            tracing::error!(%error, "looking for unprojected sessions failed");
        }
        if self.behind_by(PROJECT_WITHIN) {
            self.project(PROJECT_SLICE);
        }
        self.wal.idle();
        self.empty_log();
    }

    /// What was erased is overwritten in the database; in the log it lies until that is emptied. A reader may be in the
    /// way, and then it is tried again.
    fn empty_log(&mut self) {
        if self.db.log_holds_erased && self.wal.empty(&self.db.conn) {
            self.db.log_holds_erased = false;
        }
    }

    /// One group: all of it durable, or none of it.
    fn write(&mut self, group: &mut Vec<Box<dyn Job>>) {
        let result = if self.may_try() {
            self.transaction(Durability::Acknowledged, |db| group.iter_mut().try_for_each(|job| job.run(db)))
        } else {
            Err(self.health.reason())
        };
        for job in group.drain(..) {
            match result {
                Ok(()) => job.answer(),
                Err(reason) => job.refuse(StoreError::Unwritable(reason)),
            }
        }
    }

    /// A failed store is left alone for a second: retrying every job against a full disk would only heat it.
    fn may_try(&self) -> bool {
        !self.health.failing() || self.clock.now().mono_ms.saturating_sub(self.health.failed_at_ms()) >= PROBE_EVERY_MS
    }

    fn project(&mut self, slice: Duration) {
        // Whether a store that failed is well again is for the probe to say, which waits for the disk.
        if self.health.failing() {
            return;
        }
        let until = Instant::now() + slice;
        let mut taken = Vec::new();
        let result = self.transaction(Durability::Derived, |db| {
            while let Some(session) = db.stale.take() {
                taken.push(session);
                // One that does not fit is left as it was; its journal is whole and its readers fold it themselves.
                match db.atomically(|db| Ok(project::project(&mut db.conn, session)?)) {
                    Err(Refusal::Group(reason)) => return Err(reason),
                    Err(Refusal::Job(_)) => {
                        tracing::error!(%session, "a session could not be projected")
                    }
                    Ok(()) => {}
                }
                if Instant::now() >= until {
                    break;
                }
            }
            Ok(())
        });
        if result.is_err() {
            taken.into_iter().for_each(|session| self.db.stale.mark(session));
        }
    }

    /// Takes some pages and gives them back, so that "it can be written" is not said of a store without space.
    fn probe(&mut self) {
        if !self.may_try() {
            return;
        }
        let _ = self.transaction(Durability::Acknowledged, |db| {
            let probe = "INSERT OR REPLACE INTO write_probe (id, filler) VALUES (1, zeroblob(65536))";
            db.conn.execute(probe, []).map(|_| ()).map_err(|error| reason(&error))
        });
        if !self.health.failing() {
            let _ = self.transaction(Durability::Acknowledged, |db| {
                db.conn.execute("DELETE FROM write_probe", []).map(|_| ()).map_err(|error| reason(&error))
            });
        }
    }

    /// Runs `work` between BEGIN and COMMIT and keeps the health. After an error nothing of it is there.
    fn transaction(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&mut Db) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        let result = self.attempt(durability, work);
        if result.is_err() {
            // The failure may have ended the transaction already.
            if !self.db.conn.is_autocommit()
                && let Err(error) = self.db.conn.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "the store's transaction could not be taken back");
            }
            self.db.heads.forget();
        }
        if result.is_err() || durability == Durability::Acknowledged {
            self.health.note(result, self.clock.now().mono_ms);
        }
        result
    }

    fn attempt(
        &mut self,
        durability: Durability,
        work: impl FnOnce(&mut Db) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        let run = |conn: &Connection, sql: &str| {
            conn.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map_err(|error| reason(&error))
        };
        if self.durability != durability {
            // A failure here refuses the transaction: nothing is acknowledged on the weaker setting.
            let synchronous = match durability {
                Durability::Acknowledged => "full",
                Durability::Derived => "normal",
            };
            let set = self.db.conn.pragma_update(None, "synchronous", synchronous);
            set.map_err(|error| reason(&error))?;
            self.durability = durability;
        }
        run(&self.db.conn, "BEGIN IMMEDIATE")?;
        work(&mut self.db)?;
        run(&self.db.conn, "COMMIT")?;
        Ok(())
    }
}

fn reason(error: &rusqlite::Error) -> Unwritable {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => Unwritable::Full,
        Some(rusqlite::ErrorCode::ReadOnly) => Unwritable::ReadOnly,
        _ => {
            tracing::error!(%error, "the store's file cannot be written");
            Unwritable::Io
        }
    }
}
