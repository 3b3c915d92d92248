//! What was consumed, once: the same figure comes again when events are told again, by the client or by another way.
//! It goes on the record as the provider told it; what it costs is reckoned elsewhere.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::CallCore;
use crate::transcript::{Entry, Source};
use crate::upstream::facts::Operation;

/// Figures remembered: more than are under way between two processes or two ways. Past it the oldest is forgotten.
const MAX_KNOWN: usize = 512;
/// New figures that nobody took; whoever reckons takes them after every input.
const MAX_NEWS: usize = 64;

/// Figures that are on the record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Used {
    known: VecDeque<u64>,
    /// Went on the record since somebody last asked. Full: the oldest is dropped, and the sum is too small until it is
    /// read from the store again.
    #[serde(skip)]
    news: VecDeque<(Operation, Value)>,
}

impl Used {
    /// Whether it is new.
    pub(super) fn note(&mut self, key: &str, operation: &str) -> bool {
        let digest = Sha256::digest(format!("{operation}/{key}"));
        let mark = digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte));
        if self.known.contains(&mark) {
            return false;
        }
        if self.known.len() == MAX_KNOWN {
            self.known.pop_front();
        }
        self.known.push_back(mark);
        true
    }
}

impl CallCore {
    pub(super) fn used(&mut self, source: Source, key: String, operation: Operation, usage: Value) {
        if !self.used.note(&key, operation.as_str()) {
            return;
        }
        if self.used.news.len() == MAX_NEWS {
            self.used.news.pop_front();
        }
        self.used.news.push_back((operation, usage.clone()));
        let mut entry = Entry::Usage {
            key,
            operation: operation.as_str().into(),
            usage,
            call: self.call,
            model: self.setup.models.of(operation).to_owned(),
            at: self.now.unix_ms,
        };
        self.journal.append_later(self.link.epoch, source, &mut entry);
    }

    /// What went on the record since the last time, as the provider told it, oldest first; for those who reckon.
    pub fn take_used(&mut self) -> impl Iterator<Item = (Operation, Value)> {
        std::mem::take(&mut self.used.news).into_iter()
    }
}
