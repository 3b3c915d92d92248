//! A small memory of recent look-ups, so that a busy caller does not cost a read each time. Bounded in size and age; it
//! must never hold what is not in the store, and nothing longer than a revocation may take.

use std::hash::Hash;

use dashmap::DashMap;

use crate::clock::Millis;

/// How long an entry is believed.
pub(super) const BELIEVED_MS: Millis = 60_000;

/// Values by key, each for [`BELIEVED_MS`].
pub(super) struct Recent<K, V> {
    entries: DashMap<K, (V, Millis)>,
    bound: usize,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(super) fn new(bound: usize) -> Self {
        Self { entries: DashMap::new(), bound }
    }

    pub(super) fn get(&self, key: &K, now: Millis) -> Option<V> {
        self.entries.get(key).filter(|entry| entry.1 > now).map(|entry| entry.0.clone())
    }

    /// Remembers a value. Full: it is not remembered and the store is asked again next time.
    pub(super) fn put(&self, key: K, value: V, now: Millis) {
        if self.entries.len() < self.bound {
            self.entries.insert(key, (value, now + BELIEVED_MS));
        }
    }

    /// Drops one.
    pub(super) fn remove(&self, key: &K) {
        self.entries.remove(key);
    }

    /// Drops the values that `stale` says have changed in the store.
    pub(super) fn forget(&self, stale: impl Fn(&V) -> bool) {
        self.entries.retain(|_, entry| !stale(&entry.0));
    }

    /// Drops what is too old.
    pub(super) fn sweep(&self, now: Millis) {
        self.entries.retain(|_, entry| entry.1 > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_bounded_in_age_and_number() {
        let recent = Recent::new(2);
        for key in 0..3 {
            recent.put(key, "value", 1_000);
        }
        assert_eq!(recent.get(&1, 60_999), Some("value"));
        assert_eq!(recent.get(&2, 1_000), None, "the third did not fit");
        assert_eq!(recent.get(&1, 61_000), None, "too old");
        recent.sweep(61_000);
        recent.put(2, "value", 61_000);
        assert_eq!(recent.get(&2, 61_001), Some("value"));
    }
}
