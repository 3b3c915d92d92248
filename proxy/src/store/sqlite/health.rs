//! Whether the store can be written, as the last write found out. Shared without a lock; it decides nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::store::{StoreHealth, Unwritable};

const OK: u8 = 0;
const FULL: u8 = 1;
const READ_ONLY: u8 = 2;
const IO: u8 = 3;
const CLOSED: u8 = 4;

/// Written by the writer thread only, read by anybody.
#[derive(Debug, Default)]
pub(super) struct Health {
    state: AtomicU8,
    failed_at_ms: AtomicU64,
}

impl Health {
    /// As the trait tells it.
    pub(super) fn get(&self) -> StoreHealth {
        match self.state.load(Ordering::Acquire) {
            OK => StoreHealth::Ok,
            CLOSED => StoreHealth::Closed,
            state => StoreHealth::Failing(unwritable(state)),
        }
    }

    /// The last write failed.
    pub(super) fn failing(&self) -> bool {
        matches!(self.get(), StoreHealth::Failing(_))
    }

    /// Why it failed. Only asked while it is failing.
    pub(super) fn reason(&self) -> Unwritable {
        unwritable(self.state.load(Ordering::Acquire))
    }

    /// When it failed last, on the injected monotonic clock.
    pub(super) fn failed_at_ms(&self) -> u64 {
        self.failed_at_ms.load(Ordering::Relaxed)
    }

    /// A write was tried. Only changes are logged: a full disk is one line, not one a second.
    pub(super) fn note(&self, result: Result<(), Unwritable>, now_ms: u64) {
        let state = match result {
            Ok(()) => OK,
            Err(Unwritable::Full) => FULL,
            Err(Unwritable::ReadOnly) => READ_ONLY,
            Err(Unwritable::Io | Unwritable::Away) => IO,
        };
        if let Err(reason) = result {
            self.failed_at_ms.store(now_ms, Ordering::Relaxed);
            if self.state.swap(state, Ordering::AcqRel) != state {
                tracing::error!(%reason, "the store cannot be written; nothing is acknowledged until it can");
            }
        } else if self.state.load(Ordering::Relaxed) != OK {
            self.state.store(OK, Ordering::Release);
            tracing::info!("the store can be written again");
        }
    }

    /// Says [`StoreHealth::Closed`] when the writer ends, however it ends.
    pub(super) fn closed_on_drop(self: &Arc<Self>) -> ClosedOnDrop {
        ClosedOnDrop(Arc::clone(self))
    }
}

fn unwritable(state: u8) -> Unwritable {
    match state {
        FULL => Unwritable::Full,
        READ_ONLY => Unwritable::ReadOnly,
        _ => Unwritable::Io,
    }
}

/// See [`Health::closed_on_drop`].
pub(super) struct ClosedOnDrop(Arc<Health>);

impl Drop for ClosedOnDrop {
    fn drop(&mut self) {
        self.0.state.store(CLOSED, Ordering::Release);
    }
}
