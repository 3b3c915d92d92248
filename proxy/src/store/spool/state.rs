//! What waits in the spool, as everybody may ask: which lanes, and how much. Shared without holding anything over an
//! await; the file is the truth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::log::{Held, Lane};

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of everything that waits. Beyond it nothing is taken, and calls wait.
    pub bytes: u64,
}

impl Default for Bounds {
    /// An hour of a thousand calls.
    fn default() -> Self {
        Self { bytes: 512 * 1024 * 1024 }
    }
}

#[derive(Default)]
struct Inner {
    /// Entries in each lane.
    lanes: HashMap<Lane, u64>,
    held: Held,
    /// The store did not answer last time: nothing is tried there until the spool got through.
    away: bool,
    /// The file could not be written last time.
    broken: bool,
}

/// The account.
pub(super) struct State {
    bounds: Bounds,
    inner: Mutex<Inner>,
}

/// What whoever asks may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) entries: u64,
    pub(super) away: bool,
    pub(super) full: bool,
    pub(super) broken: bool,
}

impl State {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, inner: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether something of this lane has to go the same way.
    pub(super) fn waits(&self, lane: Lane) -> bool {
        self.with(|inner| inner.away || inner.lanes.contains_key(&lane))
    }

    /// Whether something of this lane is in the file.
    pub(super) fn holds(&self, lane: Lane) -> bool {
        self.with(|inner| inner.lanes.contains_key(&lane))
    }

    /// A place for one more entry, behind what waits or since the store did not answer. `false`: it is full.
    pub(super) fn enter(&self, lane: Lane) -> bool {
        self.with(|inner| {
            let fits = inner.held.bytes < self.bounds.bytes;
            if fits {
                *inner.lanes.entry(lane).or_default() += 1;
                inner.held.entries += 1;
            }
            fits
        })
    }

    /// What an earlier process left.
    pub(super) fn found(&self, lane: Lane, entries: u64) {
        self.with(|inner| {
            *inner.lanes.entry(lane).or_default() += entries;
            inner.held.entries += entries;
        });
    }

    /// What came of it.
    pub(super) fn entered(&self, lane: Lane, written: Option<u64>) {
        match written {
            Some(bytes) => self.with(|inner| {
                inner.held.bytes += bytes;
                inner.broken = false;
            }),
            None => {
                self.left(lane, 1);
                self.with(|inner| inner.broken = true);
            }
        }
    }

    /// Entries that wait no more.
    pub(super) fn left(&self, lane: Lane, entries: u64) {
        self.with(|inner| {
            inner.held.entries = inner.held.entries.saturating_sub(entries);
            if let Some(count) = inner.lanes.get_mut(&lane) {
                *count = count.saturating_sub(entries);
                if *count == 0 {
                    inner.lanes.remove(&lane);
                }
            }
        });
    }

    /// Whether the store took something.
    pub(super) fn answered(&self, away: bool) {
        self.with(|inner| inner.away = away);
    }

    /// The file's own count, when nothing is on its way.
    pub(super) fn recount(&self, bytes: u64) {
        self.with(|inner| inner.held.bytes = bytes);
    }

    pub(super) fn told(&self) -> Told {
        self.with(|inner| Told {
            entries: inner.held.entries,
            away: inner.away,
            full: inner.held.bytes >= self.bounds.bytes,
            broken: inner.broken,
        })
    }
}
