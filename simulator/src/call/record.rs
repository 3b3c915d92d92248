//! What a call was told, for tests: a bounded memory that outlives the call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Client events kept for each call; the oldest go first.
const EVENTS_KEPT: usize = 1_000;
/// Calls remembered after they began; the oldest go first.
const CALLS_KEPT: usize = 256;

/// Where a client event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The caller's data channel.
    Channel,
    /// A sideband.
    Sideband,
}

/// A client event as the call received it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientEvent {
    /// Where it came from.
    pub origin: Origin,
    /// Milliseconds since the call was created.
    pub at_ms: u64,
    /// The event.
    pub event: Value,
}

/// The memory of one call.
#[derive(Debug, Default)]
pub(crate) struct CallRecord {
    events: Mutex<VecDeque<ClientEvent>>,
}

impl CallRecord {
    pub(crate) fn note(&self, event: ClientEvent) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() == EVENTS_KEPT {
            events.pop_front();
        }
        events.push_back(event);
    }

    pub(crate) fn events(&self) -> Vec<ClientEvent> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().cloned().collect()
    }
}

/// The memory of a simulator.
#[derive(Debug, Default)]
pub(crate) struct Records {
    calls: Mutex<VecDeque<(String, Arc<CallRecord>)>>,
    hangups: Mutex<VecDeque<String>>,
}

impl Records {
    pub(crate) fn open(&self, call: &str) -> Arc<CallRecord> {
        let record = Arc::new(CallRecord::default());
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() == CALLS_KEPT {
            calls.pop_front();
        }
        calls.push_back((call.to_owned(), record.clone()));
        record
    }

    pub(crate) fn of(&self, call: &str) -> Option<Arc<CallRecord>> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let found = calls.iter().find(|(id, _)| id == call);
        found.map(|(_, record)| record.clone())
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn hung_up(&self, call: &str) {
        let mut hangups = self.hangups.lock().unwrap_or_else(PoisonError::into_inner);
        if hangups.len() == CALLS_KEPT {
            hangups.pop_front();
        }
        hangups.push_back(call.to_owned());
    }

    pub(crate) fn hangups(&self) -> Vec<String> {
        let hangups = self.hangups.lock().unwrap_or_else(PoisonError::into_inner);
        hangups.iter().cloned().collect()
    }
}
