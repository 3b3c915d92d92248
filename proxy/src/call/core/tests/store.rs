//! A store that is late, loses its answers, fails for a while or belongs to somebody else by now. It keeps the contract of
//! compare-and-append and complains about whoever does not.

use crate::call::core::StoreInput;
use crate::clock::Millis;
use crate::ids::SessionId;
use crate::transcript::{Entry, Hash, Record};

/// How this store behaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Moods {
    /// Until a commit is answered; each takes the next of these in turn.
    pub(super) delay_ms: Vec<Millis>,
    /// Fails in these stretches of time.
    pub(super) failing: Vec<(Millis, Millis)>,
    /// Writes, but says that it failed.
    pub(super) forgetful: Vec<(Millis, Millis)>,
    /// A commit under way when the process dies is written all the same.
    pub(super) lands: bool,
    /// From then on somebody else owns the journal.
    pub(super) fenced_from: Option<Millis>,
}

/// The journal as it is stored.
#[derive(Default)]
pub(super) struct Store {
    pub(super) moods: Moods,
    pub(super) journal: Vec<Record>,
    /// The same, read: once, since everybody asks.
    pub(super) entries: Vec<Entry>,
    commits: usize,
    pub(super) in_flight: usize,
}

impl Store {
    pub(super) fn new(moods: Moods) -> Self {
        Self { moods, ..Self::default() }
    }

    /// When the commit that is handed over now will be answered.
    pub(super) fn takes(&mut self) -> Millis {
        self.in_flight += 1;
        assert_eq!(self.in_flight, 1, "one commit at a time");
        self.commits += 1;
        self.moods.delay_ms.get(self.commits % self.moods.delay_ms.len().max(1)).copied().unwrap_or(3)
    }

    /// The commit arrives.
    pub(super) fn commit(&mut self, now: Millis, expected_n: u64, prev_hash: Hash, records: Vec<Record>) -> StoreInput {
        self.in_flight -= 1;
        let within = |times: &[(Millis, Millis)]| times.iter().any(|(from, to)| (*from..*to).contains(&now));
        if self.moods.fenced_from.is_some_and(|from| now >= from) {
            return StoreInput::Fenced;
        }
        if within(&self.moods.failing) {
            return StoreInput::Failed;
        }
        let base = usize::try_from(expected_n - 1).expect("small");
        assert!(base <= self.journal.len(), "a hole before record {expected_n}");
        assert_eq!(
            prev_hash,
            base.checked_sub(1).map_or(Hash::GENESIS, |last| self.journal[last].hash),
            "the hash before record {expected_n}"
        );
        for (record, place) in records.into_iter().zip(base..) {
            match self.journal.get(place) {
                Some(known) => assert_eq!(known.hash, record.hash, "record {} is repeated as it was", record.n),
                None => {
                    self.entries.push(record.entry().expect("readable"));
                    self.journal.push(record);
                }
            }
        }
        if within(&self.moods.forgetful) {
            StoreInput::Failed
        } else {
            StoreInput::Committed { up_to: self.journal.len() as u64 }
        }
    }

    /// Each record, with what it says.
    pub(super) fn read(&self) -> impl Iterator<Item = (&Record, &Entry)> {
        self.journal.iter().zip(&self.entries)
    }

    /// The chain, as anybody could verify it.
    pub(super) fn verify(&self, session: SessionId) -> Hash {
        crate::transcript::chain::verify(session, &self.journal).expect("the chain holds")
    }
}
