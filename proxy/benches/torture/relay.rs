//! What a client reports while the server has no line of its own to the model: numbered, kept until the server has it,
//! repeated after a loss, a little at a time because the socket has a rate.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Events kept. Full: the oldest go, as in the page.
const MAX_KEPT: usize = 512;
/// Stays below the socket's rate of twenty a second, and its burst of sixty, with room for other messages.
const BETWEEN: Duration = Duration::from_millis(70);
const BURST: u32 = 30;

#[derive(Debug)]
pub(crate) struct Relay {
    records: Records,
    seq: u64,
    kept: VecDeque<Kept>,
    /// Up to here it was sent over this socket.
    sent: u64,
    /// Up to here it is durable.
    acknowledged: u64,
    /// When the next one may be sent; lies in the past by what may be sent at once.
    paced: Instant,
}

#[derive(Debug)]
struct Kept {
    seq: u64,
    call: String,
    event: Arc<Value>,
}

/// Who records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Records {
    Unknown,
    Server,
    Client,
}

impl Relay {
    pub(crate) fn new() -> Self {
        Self {
            records: Records::Unknown,
            seq: 0,
            kept: VecDeque::new(),
            sent: 0,
            acknowledged: 0,
            paced: Instant::now(),
        }
    }

    pub(crate) fn records(&self) -> Records {
        self.records
    }

    /// The highest number that the server confirmed.
    pub(crate) fn acknowledged_up_to(&self) -> u64 {
        self.acknowledged
    }

    pub(crate) fn control_is(&mut self, control: &str) {
        let records = match control {
            "relay" => Records::Client,
            "sideband" => Records::Server,
            _ => Records::Unknown,
        };
        if records == Records::Server {
            self.kept.clear();
        }
        self.records = records;
    }

    /// The line is back.
    pub(crate) fn resumed(&mut self, last_seq: u64) {
        // A page that was loaded anew counts on from where the last one was.
        self.seq = self.seq.max(last_seq);
        self.sent = last_seq;
    }

    /// Everything once more, as after a lost acknowledgement.
    pub(crate) fn repeat(&mut self) {
        self.sent = 0;
    }

    /// The model said something.
    pub(crate) fn offer(&mut self, call: &str, event: &Arc<Value>) {
        // Words come again in the final event; streaming them is the page's comfort.
        let streams =
            event["type"].as_str().is_some_and(|kind| kind.ends_with(".delta") || kind.contains("content_part"));
        if self.records == Records::Server || streams {
            return;
        }
        if self.kept.len() == MAX_KEPT {
            self.kept.pop_front();
        }
        self.seq += 1;
        self.kept.push_back(Kept { seq: self.seq, call: call.to_owned(), event: Arc::clone(event) });
    }

    /// Returns the events that are durable now.
    pub(crate) fn acknowledged(&mut self, seq: u64) -> Vec<Arc<Value>> {
        self.acknowledged = self.acknowledged.max(seq);
        let durable = self.kept.partition_point(|kept| kept.seq <= seq);
        self.kept.drain(..durable).map(|kept| kept.event).collect()
    }

    /// When there is something to send.
    pub(crate) fn due(&self) -> Option<Instant> {
        let waits = self.records == Records::Client && self.kept.back().is_some_and(|kept| kept.seq > self.sent);
        waits.then(|| self.paced.checked_sub(BETWEEN * BURST).unwrap_or(self.paced))
    }

    /// The next message.
    pub(crate) fn take(&mut self) -> Option<Value> {
        let Kept { seq, call, event } = self.kept.iter().find(|kept| kept.seq > self.sent)?;
        self.sent = *seq;
        self.paced = self.paced.max(Instant::now()) + BETWEEN;
        Some(json!({ "type": "transcript", "seq": seq, "event": **event, "callId": call }))
    }
}
