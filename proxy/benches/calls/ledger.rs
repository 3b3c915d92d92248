//! What all browsers saw together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Counts of one run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    saved: AtomicU64,
    broken: AtomicU64,
    over: AtomicU64,
    timing: AtomicBool,
    /// From the event that completed a turn to the `saved` that covers it.
    latencies: Mutex<Vec<Duration>>,
}

impl Ledger {
    /// A turn is durable, and its browser knows.
    pub(crate) fn turn_saved(&self, took: Option<Duration>) {
        self.saved.fetch_add(1, Ordering::Relaxed);
        if let Some(took) = took.filter(|_| self.timing.load(Ordering::Relaxed)) {
            self.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        }
    }

    /// A call ended before it was asked to.
    pub(crate) fn call_broke(&self) {
        self.broken.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn call_over(&self) {
        self.over.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn saved(&self) -> u64 {
        self.saved.load(Ordering::Relaxed)
    }

    pub(crate) fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    pub(crate) fn over(&self) -> u64 {
        self.over.load(Ordering::Relaxed)
    }

    pub(crate) fn start_timing(&self) {
        self.timing.store(true, Ordering::Relaxed);
    }

    /// Stops, and hands out what was measured.
    pub(crate) fn stop_timing(&self) -> Vec<Duration> {
        self.timing.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.latencies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
