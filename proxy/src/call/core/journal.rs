//! The journal's growing end: numbers, hashes, what is in flight, and the messages that wait for a record to be durable.
//! One commit is in flight at a time; a failed one is repeated unchanged. It must not know what the
//! records mean.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Notice};
use crate::ids::SessionId;
use crate::transcript::chain::text_hash;
use crate::transcript::{Entry, Hash, Record, Seeded, Source};

/// More uncommitted records than this and the call asks for no more replies.
const MAX_BEHIND: usize = 256;
/// The same in bytes.
const MAX_BEHIND_BYTES: usize = 1024 * 1024;
/// This many times as much, and the call cannot wait any longer for the store.
const TOO_FAR: usize = 4;

/// Records that a turn of a conversation leaves for the next commit, at most.
const QUIET: usize = 4;

/// The end of one session's journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    session: SessionId,
    /// Number and hash of the last record made.
    n: u64,
    head: Hash,
    /// Hash before the first record in `behind`.
    base: Hash,
    /// Made but not known to be durable.
    behind: VecDeque<Record>,
    behind_bytes: usize,
    /// Handed to the store; answered by `committed` or `failed`.
    in_flight: usize,
    /// The batch that failed: repeated as it was, since it may have been written after all.
    failed: usize,
    failing: bool,
    /// Something in `behind` should be committed now; records that may ride along do not set it.
    urgent: bool,
    /// Released when their record is durable.
    waiting: VecDeque<(u64, Notice)>,
    salts: Seeded,
}

impl Journal {
    pub(super) fn new(session: SessionId, n: u64, head: Hash, salts: Seeded) -> Self {
        Self {
            session,
            n,
            head,
            base: head,
            behind: VecDeque::new(),
            behind_bytes: 0,
            in_flight: 0,
            failed: 0,
            failing: false,
            urgent: false,
            waiting: VecDeque::new(),
            salts,
        }
    }

    /// Number of the last record made.
    pub(super) fn n(&self) -> u64 {
        self.n
    }

    /// Hash of the last record made.
    pub(super) fn head(&self) -> Hash {
        self.head
    }

    /// Number of the last durable record.
    pub(super) fn durable(&self) -> u64 {
        self.n - self.behind.len() as u64
    }

    /// After a restore: the seed is no part of what was serialised.
    pub(super) fn reseed(&mut self, seed: [u8; 32]) {
        self.salts.reseed(seed);
    }

    /// A one-time mark.
    pub(super) fn nonce(&mut self) -> String {
        hex::encode(self.salts.draw())
    }

    /// Makes the next record; it is committed with the next batch.
    pub(super) fn append(&mut self, epoch: u32, source: Source, entry: &mut Entry, words: Option<String>) -> u64 {
        self.urgent = true;
        self.make(epoch, source, entry, words)
    }

    /// Makes the next record, which alone is no reason for a commit.
    pub(super) fn append_later(&mut self, epoch: u32, source: Source, entry: &mut Entry) -> u64 {
        self.make(epoch, source, entry, None)
    }

    fn make(&mut self, epoch: u32, source: Source, entry: &mut Entry, words: Option<String>) -> u64 {
        let words = words.map(|words| (words, self.salts.draw()));
        if let (Some((words, salt)), Entry::Turn(turn) | Entry::Revised(turn)) = (&words, &mut *entry) {
            turn.text_hash = Some(text_hash(salt, words));
        }
        self.n += 1;
        let record = Record::next(self.session, self.n, self.head, epoch, source, entry, words);
        self.head = record.hash;
        self.behind_bytes += weight(&record);
        self.behind.push_back(record);
        self.n
    }

    /// Holds `notice` back until record `n` is durable; gives it back if it is already.
    pub(super) fn when_durable(&mut self, n: u64, notice: Notice) -> Option<Notice> {
        if n <= self.durable() {
            return Some(notice);
        }
        self.waiting.push_back((n, notice));
        None
    }

    /// What would ride along with a later commit is committed now.
    pub(super) fn hurry(&mut self) {
        self.urgent = true;
    }

    /// The next commit, if there is a reason for one and none is in flight.
    pub(super) fn next_commit(&mut self) -> Option<Effect> {
        if self.in_flight > 0 || self.failed > 0 || !self.urgent || self.behind.is_empty() {
            return None;
        }
        self.urgent = false;
        Some(self.commit(self.behind.len()))
    }

    fn commit(&mut self, records: usize) -> Effect {
        self.in_flight = records;
        Effect::Commit {
            expected_n: self.durable() + 1,
            prev_hash: self.base,
            records: self.behind.iter().take(records).cloned().collect(),
        }
    }

    /// Everything up to `up_to` is durable. Returns what may be told now, in order.
    pub(super) fn committed(&mut self, up_to: u64) -> Vec<Notice> {
        while self.durable() < up_to
            && let Some(record) = self.behind.pop_front()
        {
            self.behind_bytes -= weight(&record);
            self.base = record.hash;
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        // A store that took only a part is asked for the rest.
        self.urgent |= self.in_flight > 0;
        self.in_flight = 0;
        self.failed = 0;
        self.failing = false;
        let durable = self.durable();
        let mut released = Vec::new();
        while let Some((n, _)) = self.waiting.front()
            && *n <= durable
        {
            released.extend(self.waiting.pop_front().map(|(_, notice)| notice));
        }
        // What a burst needed is given back: a call is quiet most of the time.
        if self.behind.len() <= QUIET && self.behind.capacity() > 2 * QUIET {
            self.behind.shrink_to(QUIET);
        }
        if self.waiting.is_empty() && self.waiting.capacity() > QUIET {
            self.waiting.shrink_to(0);
        }
        released
    }

    /// The commit in flight did not happen, or nobody knows. Returns whether that is news.
    pub(super) fn failed(&mut self) -> bool {
        self.failed = std::mem::take(&mut self.in_flight);
        !std::mem::replace(&mut self.failing, true)
    }

    /// The commit that failed, again.
    pub(super) fn retry(&mut self) -> Option<Effect> {
        let records = std::mem::take(&mut self.failed);
        (records > 0).then(|| self.commit(records))
    }

    /// Whether the store refused the last commit.
    pub(super) fn is_failing(&self) -> bool {
        self.failing
    }

    /// Messages that wait for their record.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether so much is uncommitted that the conversation must slow down.
    pub(super) fn is_overloaded(&self) -> bool {
        self.behind.len() > MAX_BEHIND || self.behind_bytes > MAX_BEHIND_BYTES
    }

    /// Whether it is so much that the conversation must end.
    pub(super) fn is_lost(&self) -> bool {
        self.behind.len() > TOO_FAR * MAX_BEHIND || self.behind_bytes > TOO_FAR * MAX_BEHIND_BYTES
    }
}

fn weight(record: &Record) -> usize {
    record.body.len() + record.text.as_ref().map_or(0, String::len)
}
