//! Whether the database can be written, as the last call found out. Shared without a lock; it decides nothing.

use std::sync::atomic::{AtomicU8, Ordering};

use super::call_error::CallError;
use crate::store::{StoreHealth, Unwritable};

const OK: u8 = 0;
const FULL: u8 = 1;
const READ_ONLY: u8 = 2;
const AWAY: u8 = 3;
const CLOSED: u8 = 4;

/// Written after every call.
#[derive(Debug, Default)]
pub(super) struct Health(AtomicU8);

impl Health {
    /// As the trait tells it.
    pub(super) fn get(&self) -> StoreHealth {
        match self.0.load(Ordering::Acquire) {
            OK => StoreHealth::Ok,
            CLOSED => StoreHealth::Closed,
            FULL => StoreHealth::Failing(Unwritable::Full),
            READ_ONLY => StoreHealth::Failing(Unwritable::ReadOnly),
            _ => StoreHealth::Failing(Unwritable::Away),
        }
    }

    /// A call came to this end. A refusal is an answer: the database is there. Only changes are logged.
    pub(super) fn note(&self, failed: Option<CallError>) {
        let state = match failed {
            Some(CallError::Away | CallError::Unmigrated | CallError::Denied | CallError::Unreadable) => AWAY,
            Some(CallError::Unwritable(Unwritable::Full)) => FULL,
            Some(CallError::Unwritable(Unwritable::ReadOnly)) => READ_ONLY,
            Some(CallError::Unwritable(_)) => AWAY,
            Some(_) | None => OK,
        };
        let change = |before| (before != CLOSED && before != state).then_some(state);
        if self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).is_ok() {
            match failed.filter(|_| state != OK) {
                Some(error) => tracing::error!(%error, "the database cannot be used"),
                None => tracing::info!("the database can be used again"),
            }
        }
    }

    /// Nothing is asked of it any more.
    pub(super) fn close(&self) {
        self.0.store(CLOSED, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_refuses_is_no_outage() {
        let health = Health::default();
        health.note(Some(CallError::Fenced));
        assert_eq!(health.get(), StoreHealth::Ok);
        health.note(Some(CallError::Denied));
        assert_eq!(health.get(), StoreHealth::Failing(Unwritable::Away));
        health.note(None);
        assert_eq!(health.get(), StoreHealth::Ok);
        health.close();
        health.note(None);
        assert_eq!(health.get(), StoreHealth::Closed);
    }
}
