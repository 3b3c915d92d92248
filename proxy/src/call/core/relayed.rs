//! What the client relays, and when it may forget it. An event is acknowledged when everything it led to is durable:
//! words of a turn that is not on the record yet are kept by the client, so that a process that is killed can be told
//! them again. What is told again is told apart by the timeline, never by trusting a number.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{CallCore, Control, Notice};
use crate::transcript::turn::TurnRef;

/// Acknowledgements that wait for their record. Each stands for a batch of the journal, whose own bound is reached
/// earlier; past this the oldest is told with the next one, since they are cumulative.
const MAX_WAITING: usize = 64;

/// The client's numbers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Relayed {
    /// The last one that was taken.
    taken: u64,
    /// The last one up to which everything is on the record, durable or not.
    recorded: u64,
    /// The last one up to which everything is durable: what the client may forget.
    acknowledged: u64,
    /// Turns that the client speaks of and that did not settle, with the first number that did. Bounded by the open
    /// turns of the timeline.
    open: Vec<(TurnRef, u64)>,
    /// Journal number, and the number it covers.
    waiting: VecDeque<(u64, u64)>,
}

impl Relayed {
    /// Everything up to here led to records.
    fn settled(&self) -> u64 {
        self.open.iter().map(|(_, first)| first.saturating_sub(1)).min().unwrap_or(u64::MAX).min(self.taken)
    }
}

impl CallCore {
    /// Whether an event that a client relays is taken.
    #[must_use]
    pub fn takes(&self, seq: u64) -> bool {
        self.hears_client() && seq > self.relayed.taken
    }

    /// The last relayed number whose event is durable, for a client that comes back.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.relayed.acknowledged
    }

    /// A client says where it stands. What it has no acknowledgement for it will relay again; one that begins anew
    /// numbers from the start, and what was under way for its predecessor means nothing to it.
    pub(super) fn relays_from(&mut self, seq: u64) {
        if seq == 0 {
            self.relayed = Relayed::default();
        } else {
            let acknowledged = self.relayed.acknowledged;
            self.relayed.taken = acknowledged;
            self.relayed.recorded = acknowledged;
            self.relayed.waiting.clear();
        }
    }

    /// A fact of the client is about this turn.
    pub(super) fn relays_turn(&mut self, turn: &TurnRef) {
        let next = self.relayed.taken + 1;
        match self.relayed.open.iter_mut().find(|(known, _)| known == turn) {
            Some((_, first)) => *first = next.min(*first),
            None => self.relayed.open.push((turn.clone(), next)),
        }
    }

    /// A relayed event was taken; its facts came before.
    pub(super) fn relayed(&mut self, seq: u64) {
        self.relayed.taken = seq;
    }

    /// What settled since the last time only has to become durable.
    pub(super) fn acknowledge_settled(&mut self) {
        let mut open = std::mem::take(&mut self.relayed.open);
        open.retain(|(turn, _)| self.timeline.is_open(turn) || self.is_open_in_old(turn));
        self.relayed.open = open;
        let settled = self.relayed.settled();
        if settled <= self.relayed.recorded || self.link.control != Control::Relay || self.is_sealed() {
            return;
        }
        self.relayed.recorded = settled;
        let n = self.journal.n();
        if self.relayed.waiting.back().is_some_and(|(last, _)| *last == n) {
            self.relayed.waiting.pop_back();
        }
        self.relayed.waiting.push_back((n, settled));
        if self.relayed.waiting.len() > MAX_WAITING {
            self.relayed.waiting.pop_front();
        }
        self.acknowledge_durable();
    }

    /// Tells what became durable; once, since it is cumulative.
    pub(super) fn acknowledge_durable(&mut self) {
        let durable = self.journal.durable();
        let mut last = None;
        while let Some((n, seq)) = self.relayed.waiting.pop_front_if(|(n, _)| *n <= durable) {
            last = Some((n, seq));
        }
        if let Some((n, seq)) = last {
            self.relayed.acknowledged = seq;
            self.tell(Notice::TranscriptAcknowledged { seq, n });
        }
    }
}
