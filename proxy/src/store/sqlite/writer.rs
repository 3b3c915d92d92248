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
/// How long unprojected records may lie. A reader folds them in by itself, so nobody sees a stale state.
const PROJECT_WITHIN: Duration = Duration::from_secs(1);
/// How long a projection may keep the writer from the next group.
const PROJECT_SLICE: Duration = Duration::from_millis(5);
/// What may still be projected when the store closes; the rest is caught up with at the next start.
const PROJECT_AT_CLOSE: Duration = Duration::from_millis(500);
/// Quiet time before looking for sessions that an earlier process left unprojected.
const SCAN_AFTER: Duration = Duration::from_millis(20);
/// A store that failed is tried again at most this often.
const PROBE_EVERY_MS: u64 = 1000;

/// The thread's state.
pub(super) struct Writer {
    pub(super) db: Db,
    pub(super) queue: Receiver<Box<dyn Job>>,
    pub(super) health: Arc<Health>,
    pub(super) wal: Wal,
    pub(super) clock: Arc<dyn Clock>,
}

impl Writer {
    /// Works until every sender is gone and everything they sent is answered.
    pub(super) fn run(mut self) {
        let _closed = self.health.closed_on_drop();
        let mut group: Vec<Box<dyn Job>> = Vec::with_capacity(GROUP);
        loop {
            match self.wait() {
                Ok(first) => {
                    group.push(first);
                    group.extend(self.queue.try_iter().take(GROUP - 1));
                    self.write(&mut group);
                    self.wal.written(&self.db.conn);
                }
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self
                .db
                .stale
                .oldest()
                .is_some_and(|since| since.elapsed() >= PROJECT_WITHIN)
            {
                self.project(PROJECT_SLICE);
            }
        }
        self.project(PROJECT_AT_CLOSE);
    }

    /// The next job, or the time to look after something else.
    fn wait(&self) -> Result<Box<dyn Job>, RecvTimeoutError> {
        let patience = if self.health.failing() {
            Some(Duration::from_millis(PROBE_EVERY_MS))
        } else {
            let until_project = self
                .db
                .stale
                .oldest()
                .map(|since| PROJECT_WITHIN.saturating_sub(since.elapsed()));
            let until_scan = self.db.stale.has_unscanned().then_some(SCAN_AFTER);
            let until_copy = self.wal.has_uncopied().then_some(PROJECT_WITHIN);
            [until_project, until_scan, until_copy]
                .into_iter()
                .flatten()
                .min()
        };
        match patience {
            Some(patience) => self.queue.recv_timeout(patience),
            None => self
                .queue
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected),
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
        self.wal.idle();
    }

    /// One group: all of it durable, or none of it.
    fn write(&mut self, group: &mut Vec<Box<dyn Job>>) {
        let result = if self.may_try() {
            self.transaction(|db| group.iter_mut().try_for_each(|job| job.run(db)))
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
        !self.health.failing()
            || self
                .clock
                .now()
                .mono_ms
                .saturating_sub(self.health.failed_at_ms())
                >= PROBE_EVERY_MS
    }

    fn project(&mut self, slice: Duration) {
        if !self.may_try() {
            return;
        }
        let until = Instant::now() + slice;
        let mut taken = Vec::new();
        let result = self.transaction(|db| {
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
            taken
                .into_iter()
                .for_each(|session| self.db.stale.mark(session));
        }
    }

    /// Takes some pages and gives them back, so that "it can be written" is not said of a store without space.
    fn probe(&mut self) {
        if !self.may_try() {
            return;
        }
        let _ = self.transaction(|db| {
            let probe =
                "INSERT OR REPLACE INTO write_probe (id, filler) VALUES (1, zeroblob(65536))";
            db.conn
                .execute(probe, [])
                .map(|_| ())
                .map_err(|error| reason(&error))
        });
        if !self.health.failing() {
            let _ = self.transaction(|db| {
                db.conn
                    .execute("DELETE FROM write_probe", [])
                    .map(|_| ())
                    .map_err(|error| reason(&error))
            });
        }
    }

    /// Runs `work` between BEGIN and COMMIT and keeps the health. After an error nothing of it is there.
    fn transaction(
        &mut self,
        work: impl FnOnce(&mut Db) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        let result = self.attempt(work);
        if result.is_err() {
            // The failure may have ended the transaction already.
            if !self.db.conn.is_autocommit()
                && let Err(error) = self.db.conn.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "the store's transaction could not be taken back");
            }
            self.db.heads.forget();
        }
        self.health.note(result, self.clock.now().mono_ms);
        result
    }

    fn attempt(
        &mut self,
        work: impl FnOnce(&mut Db) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        let run = |conn: &Connection, sql: &str| {
            conn.prepare_cached(sql)
                .and_then(|mut statement| statement.execute([]))
                .map_err(|error| reason(&error))
        };
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
