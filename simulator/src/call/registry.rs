//! The calls that are live, and the guard that takes each one out exactly once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

use super::{INBOX, Message, SidebandId};

/// No more calls are taken.
#[derive(Debug)]
pub(crate) struct Full;

/// How to reach a live call.
#[derive(Debug, Clone)]
pub(crate) struct CallRef {
    pub(crate) inbox: mpsc::Sender<Message>,
    pub(crate) created: Instant,
}

/// All live calls of one simulator.
#[derive(Debug)]
pub(crate) struct Calls {
    live: Mutex<HashMap<String, CallRef>>,
    most: usize,
    sidebands: AtomicU64,
}

impl Calls {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { live: Mutex::default(), most, sidebands: AtomicU64::new(0) })
    }

    /// Take a place for a call. It is given back when the seat is dropped.
    pub(crate) fn admit(self: &Arc<Self>, id: &str) -> Result<(Seat, mpsc::Receiver<Message>), Full> {
        let (inbox, messages) = mpsc::channel(INBOX);
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.len() >= self.most {
            return Err(Full);
        }
        let created = Instant::now();
        live.insert(id.to_owned(), CallRef { inbox, created });
        let seat = Seat { calls: self.clone(), id: id.to_owned() };
        Ok((seat, messages))
    }

    pub(crate) fn get(&self, id: &str) -> Option<CallRef> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.get(id).cloned()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.keys().cloned().collect()
    }

    /// A name for one more sideband.
    pub(crate) fn sideband(&self) -> SidebandId {
        SidebandId(self.sidebands.fetch_add(1, Ordering::Relaxed))
    }

    /// End a call now: from here on its id is unknown. `None` when it already is.
    pub(crate) fn take(&self, id: &str) -> Option<CallRef> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.remove(id)
    }
}

/// A call's place among the live ones.
#[derive(Debug)]
pub(crate) struct Seat {
    calls: Arc<Calls>,
    id: String,
}

impl Seat {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.calls.take(&self.id);
    }
}
