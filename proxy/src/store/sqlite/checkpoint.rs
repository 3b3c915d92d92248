//! Keeps the write-ahead log short without slowing commits. A thread with a connection of its own copies pages back
//! while the writer goes on; since the log can only start over when nothing is left to copy, and a busy writer always
//! leaves something, the writer copies that small rest itself once the log is long and the bulk is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

use rusqlite::Connection;

use super::open::BUSY;

/// Pages (4 KiB each) after which the bulk is copied.
const COPY_AFTER: u32 = 1024;
/// How long a reader may keep the log from being emptied before it is left for later.
const EMPTY_WAIT: Duration = Duration::from_millis(20);
/// Pages from which the log is made to start over.
const START_OVER_AT: u32 = 16 * 1024;

/// The writer's side.
pub(super) struct Wal {
    frames: Arc<AtomicU32>,
    asked_at: u32,
    rest_is_small: Arc<AtomicBool>,
    wake: SyncSender<()>,
}

impl Wal {
    /// Counts the log's pages from now on.
    pub(super) fn watch(
        conn: &mut Connection,
        rest_is_small: Arc<AtomicBool>,
        wake: SyncSender<()>,
    ) -> rusqlite::Result<Self> {
        let frames = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&frames);
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
            seen.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { frames, asked_at: 0, rest_is_small, wake })
    }

    /// After a group.
    pub(super) fn written(&mut self, conn: &Connection) {
        let frames = self.frames.load(Ordering::Relaxed);
        if frames < self.asked_at {
            self.asked_at = 0; // it started over
        }
        if self.rest_is_small.swap(false, Ordering::AcqRel) {
            checkpoint(conn);
        } else if frames - self.asked_at >= COPY_AFTER {
            self.ask(frames);
        }
    }

    /// Nothing to write just now.
    pub(super) fn idle(&mut self) {
        if self.has_uncopied() {
            self.ask(self.frames.load(Ordering::Relaxed));
        }
    }

    /// Copies everything and cuts the log to nothing. `false`: somebody reads from it, or copies.
    pub(super) fn empty(&mut self, conn: &Connection) -> bool {
        // The writer has calls to serve: it does not wait for a reader as long as for an operator's shell.
        let patience = |wait: Duration| conn.busy_timeout(wait);
        let emptied = patience(EMPTY_WAIT)
            .and_then(|()| conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)))
            .is_ok_and(|busy| busy == 0);
        if let Err(error) = patience(BUSY) {
            tracing::warn!(%error, "the store's patience could not be set back");
        }
        if emptied {
            self.frames.store(0, Ordering::Relaxed);
            self.asked_at = 0;
        }
        emptied
    }

    /// Whether the log grew since the last copy was asked for.
    pub(super) fn has_uncopied(&self) -> bool {
        self.frames.load(Ordering::Relaxed) != self.asked_at
    }

    fn ask(&mut self, frames: u32) {
        // A full queue: the thread is already at it and will be asked again.
        if self.wake.try_send(()).is_ok() {
            self.asked_at = frames;
        }
    }
}

/// The thread: copies whenever it is asked, ends with the writer.
pub(super) fn run(conn: &Connection, asked: &Receiver<()>, rest_is_small: &AtomicBool) {
    while asked.recv().is_ok() {
        if checkpoint(conn) >= START_OVER_AT {
            rest_is_small.store(true, Ordering::Release);
        }
    }
}

/// Copies what can be copied without waiting for anybody; the log's length in pages.
fn checkpoint(conn: &Connection) -> u32 {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1))
        .map(|pages| u32::try_from(pages).unwrap_or(0))
        .unwrap_or_else(|error| {
            tracing::warn!(%error, "copying the write-ahead log back failed; it stays and grows");
            0
        })
}
