//! Event ids that came already: a provider may send an event twice, and one that is attached to again repeats the last
//! seconds. Fingerprints, since the ids themselves would be most of a call's memory.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The last event ids of one source; beyond its bound the oldest is forgotten.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Seen(VecDeque<u64>);

impl Seen {
    /// Whether this event came before; from here on it has. One without an id never has.
    pub(super) fn is_repeat(&mut self, event: &Value, most: usize) -> bool {
        let Some(id) = event["event_id"].as_str() else { return false };
        let id = fingerprint(id);
        if self.0.contains(&id) {
            return true;
        }
        while self.0.len() >= most {
            self.0.pop_front();
        }
        self.0.push_back(id);
        false
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The same on every run: the hasher has fixed keys unless it is given others. Two ids that meet, one chance in 2^56 for
/// all that are remembered, would cost one event.
pub(super) fn fingerprint(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
