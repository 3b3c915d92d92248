//! What was consumed, once: the same figure comes again when events are told again, by the client or by another way.
//! It goes on the record as the provider told it; what it costs is reckoned elsewhere.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
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
    /// Of the call in force: how much the provider's meter showed, and how much of it is on the record. Milliseconds.
    #[serde(default)]
    meter_ms: u64,
    #[serde(default)]
    recorded_ms: u64,
    /// Of the call before: how much of it is on the record.
    #[serde(default)]
    before_ms: u64,
    /// Consumed since somebody last asked. Full: the oldest is dropped, and the sum is too small until it is
    /// read from the store again.
    #[serde(skip)]
    news: VecDeque<(Operation, Value)>,
}

/// So much more on a meter, and it is put on the record.
const METER_STEP_MS: u64 = 10_000;

/// A stretch of a call as other figures by the length are told, and where its meter stood.
fn duration(ms: u64, total_ms: u64) -> Value {
    json!({ "type": "duration", "seconds": ms as f64 / 1e3, "total_ms": total_ms })
}

impl Used {
    fn tell(&mut self, operation: Operation, usage: Value) {
        if self.news.len() == MAX_NEWS {
            self.news.pop_front();
        }
        self.news.push_back((operation, usage));
    }

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
        self.used.tell(operation, usage.clone());
        self.put_on_record(source, (self.call, key), operation, usage);
    }

    /// A meter that runs as long as the call. What it shows is charged at once; the record gets it in larger steps.
    pub(super) fn metered(&mut self, source: Source, operation: Operation, total_ms: u64) {
        // It never runs backwards: an older figure was told again.
        let Some(more) = total_ms.checked_sub(self.used.meter_ms).filter(|more| *more > 0) else { return };
        self.used.meter_ms = total_ms;
        self.used.tell(operation, duration(more, total_ms));
        if total_ms - self.used.recorded_ms >= METER_STEP_MS {
            self.record_meter_by(source, operation);
        }
    }

    /// The call is over: the rest of its meter goes on the record.
    pub(super) fn record_meter(&mut self) {
        self.record_meter_by(Source::Sideband, Operation::Reply);
        self.used.before_ms = std::mem::take(&mut self.used.meter_ms);
        self.used.recorded_ms = 0;
    }

    /// The meter of the call before, which ran until it was hung up.
    pub(super) fn metered_before(&mut self, source: Source, call: Option<u32>, operation: Operation, total_ms: u64) {
        let more = total_ms.checked_sub(self.used.before_ms).filter(|more| *more > 0);
        if let (Some(call), Some(more)) = (call, more) {
            self.used.before_ms = total_ms;
            let usage = duration(more, total_ms);
            self.used.tell(operation, usage.clone());
            self.put_on_record(source, (call, format!("call-{call}-{total_ms}")), operation, usage);
        }
    }

    fn record_meter_by(&mut self, source: Source, operation: Operation) {
        let Used { meter_ms, recorded_ms, .. } = self.used;
        if meter_ms > recorded_ms {
            self.used.recorded_ms = meter_ms;
            let key = format!("call-{}-{meter_ms}", self.call);
            let usage = duration(meter_ms - recorded_ms, meter_ms);
            self.put_on_record(source, (self.call, key), operation, usage);
        }
    }

    fn put_on_record(&mut self, source: Source, (call, key): (u32, String), operation: Operation, usage: Value) {
        let mut entry = Entry::Usage {
            key,
            operation: operation.as_str().into(),
            usage,
            call,
            model: self.setup.models.of(operation).to_owned(),
            at: self.now.unix_ms,
        };
        self.journal.append_later(self.link.epoch, source, &mut entry);
    }

    /// A figure of the time before a restart counts on.
    pub(super) fn recall_used(&mut self, call: u32, key: &str, operation: &str, usage: &Value) {
        self.used.note(key, operation);
        if let Some(total_ms) = usage["total_ms"].as_u64().filter(|_| call == self.call) {
            self.used.meter_ms = self.used.meter_ms.max(total_ms);
            self.used.recorded_ms = self.used.meter_ms;
        }
    }

    /// What was consumed since the last time, as the provider told it, oldest first; for those who reckon.
    pub fn take_used(&mut self) -> impl Iterator<Item = (Operation, Value)> {
        std::mem::take(&mut self.used.news).into_iter()
    }
}
