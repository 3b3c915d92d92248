//! Keeps a session's change and its call apart. A door reads a session, and a moment later a call begins with what it read;
//! a change in between would have the call held after a plan that is not the session's any more. So a door notes the
//! edition before it reads, and a call that begins with an older one is refused and tried again.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ids::SessionId;

/// Sessions share counters: two that meet cost one of them another try, and memory stays what it is.
const COUNTERS: usize = 64;

/// What a session's counter stood at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition(u64);

/// Counts changes.
pub(super) struct Editions([AtomicU64; COUNTERS]);

impl Default for Editions {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Editions {
    pub(super) fn now(&self, session: SessionId) -> Edition {
        Edition(self.of(session).load(Ordering::SeqCst))
    }

    /// A change begins. Only after this whoever changes looks whether there is a call, and only after a call has its seat
    /// the door looks at the edition: one of the two sees the other.
    pub(super) fn next(&self, session: SessionId) {
        self.of(session).fetch_add(1, Ordering::SeqCst);
    }

    fn of(&self, session: SessionId) -> &AtomicU64 {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(session);
        &self.0[usize::try_from(hash % COUNTERS as u64).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_makes_another_edition_of_its_session() {
        let editions = Editions::default();
        let session = SessionId::fresh();
        let before = editions.now(session);
        assert_eq!(editions.now(session), before);
        editions.next(session);
        assert_ne!(editions.now(session), before);
    }
}
