//! The calls that are live, and the guard that takes each one out exactly once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::{INBOX, Message, SidebandId};
use crate::faults::Faults;
use crate::http::Project;

/// No more calls are taken.
#[derive(Debug)]
pub(crate) struct Full;

/// How to reach a live call.
#[derive(Debug, Clone)]
pub(crate) struct CallRef {
    pub(crate) inbox: mpsc::Sender<Message>,
    /// Whose it is.
    pub(crate) project: Project,
    pub(crate) created: Instant,
    /// Sidebands being served.
    pub(crate) sidebands: Arc<AtomicUsize>,
    /// What goes wrong in it; may be changed while it runs.
    pub(crate) faults: watch::Sender<Faults>,
}

impl CallRef {
    /// What goes wrong in the call, as of now.
    pub(crate) fn faults(&self) -> Faults {
        self.faults.borrow().clone()
    }

    /// Whether hanging up fails, and how long it takes.
    pub(crate) fn hangup_faults(&self) -> (bool, Duration) {
        let faults = self.faults.borrow();
        (faults.hangup_fails, faults.hangup_delay)
    }
}

/// A call's own ends of what [`CallRef`] reaches it by.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) inbox: mpsc::Receiver<Message>,
    pub(crate) faults: watch::Receiver<Faults>,
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
    pub(crate) fn admit(self: &Arc<Self>, id: &str, project: Project, faults: Faults) -> Result<(Seat, Orders), Full> {
        let (inbox, messages) = mpsc::channel(INBOX);
        let (faults, wrong) = watch::channel(faults);
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.len() >= self.most {
            return Err(Full);
        }
        let created = Instant::now();
        live.insert(id.to_owned(), CallRef { inbox, project, created, sidebands: Arc::default(), faults });
        let seat = Seat { calls: self.clone(), id: id.to_owned() };
        Ok((seat, Orders { inbox: messages, faults: wrong }))
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
