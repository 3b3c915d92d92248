//! What was consumed, once: the same figure comes again when events are told again, by the client or by another way.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::CallCore;
use crate::transcript::{Entry, Source};
use crate::upstream::facts::Operation;

/// Figures remembered: more than are under way between two processes or two ways. Past it the oldest is forgotten.
const MAX_KNOWN: usize = 512;

/// Figures that are on the record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Used(VecDeque<u64>);

impl Used {
    /// Whether it is new.
    pub(super) fn note(&mut self, key: &str, operation: &str) -> bool {
        let digest = Sha256::digest(format!("{operation}/{key}"));
        let mark = digest.iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte));
        if self.0.contains(&mark) {
            return false;
        }
        if self.0.len() == MAX_KNOWN {
            self.0.pop_front();
        }
        self.0.push_back(mark);
        true
    }
}

impl CallCore {
    pub(super) fn used(&mut self, source: Source, key: String, operation: Operation, usage: serde_json::Value) {
        if self.used.note(&key, operation.as_str()) {
            let mut entry = Entry::Usage { key, operation: operation.as_str().into(), usage };
            self.journal.append_later(self.link.epoch, source, &mut entry);
        }
    }
}
