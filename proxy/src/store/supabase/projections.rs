//! The projections of sessions that this process writes to, so that a commit need not read what it changes. Without their
//! words: about 300 bytes a turn. It must not be asked for what somebody reads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::ask::ChangesJson;
use super::rows::Kept;
use crate::ids::SessionId;
use crate::store::Batch;
use crate::store::projection::{Changes, Projection};
use crate::transcript::Hash;

/// Sessions kept in each of two generations. When the young one is full the old one is forgotten: its sessions are read
/// once more when they are written to again.
const GENERATION: usize = 4096;

/// A projection at the journal's head, as it is stored.
pub(super) struct AtHead {
    projection: Projection,
    /// Journal number up to which the database has it.
    saved_n: u64,
    saved_stages: usize,
    n: u64,
    head: Hash,
}

/// A projection and what a batch changes in it.
pub(super) struct Folded {
    at: AtHead,
    changes: Changes,
}

impl AtHead {
    /// Of a journal without a record.
    pub(super) fn empty() -> Self {
        Self { projection: Projection::default(), saved_n: 0, saved_stages: 0, n: 0, head: Hash::GENESIS }
    }

    /// As it was read, with what it lacks of its journal folded in.
    pub(super) fn read(session: SessionId, kept: Kept) -> Self {
        let Kept { mut projection, records, head_n, head } = kept;
        let (saved_n, saved_stages) = (projection.session.projected_n, projection.stages.len());
        for record in &records {
            // What cannot be read is said when somebody reads it.
            let _unknown = projection.fold(record);
        }
        tracing::debug!(%session, records = records.len(), "a projection was read to go on with");
        Self { projection, saved_n, saved_stages, n: head_n, head }
    }

    /// How many of the batch's records are in it already, if the batch goes on from here.
    fn known(&self, batch: &Batch) -> Option<usize> {
        match self.n.checked_sub(batch.expected_n) {
            None => (self.n + 1 == batch.expected_n && self.head == batch.prev_hash).then_some(0),
            // Told again, together with what came since.
            Some(at) => {
                let at = usize::try_from(at).ok()?;
                (batch.records.get(at)?.hash == self.head).then_some(at + 1)
            }
        }
    }

    /// Whether the batch goes on from here.
    pub(super) fn precedes(&self, batch: &Batch) -> bool {
        self.known(batch).is_some()
    }

    /// Takes in what it lacks of a batch that goes on from here.
    pub(super) fn fold(mut self, batch: &Batch) -> Option<Folded> {
        let new = &batch.records[self.known(batch)?..];
        let changes = self.projection.take_in(batch.session, new);
        if let Some(last) = new.last() {
            (self.n, self.head) = (last.n, last.hash);
        }
        Some(Folded { at: self, changes })
    }
}

impl Folded {
    /// What has to be written.
    pub(super) fn changes(&self) -> ChangesJson<'_> {
        ChangesJson::of(&self.at.projection, &self.changes, (self.at.saved_n, self.at.saved_stages))
    }

    /// It was written.
    pub(super) fn saved(mut self) -> AtHead {
        self.at.projection.forget_words(&self.changes.said);
        self.at.saved_n = self.at.n;
        self.at.saved_stages = self.at.projection.stages.len();
        self.at
    }
}

/// Recently used projections. Whoever works on one takes it out; one that failed is not put back.
#[derive(Default)]
pub(super) struct Projections(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<SessionId, AtHead>,
    old: HashMap<SessionId, AtHead>,
}

impl Projections {
    pub(super) fn take(&self, session: SessionId) -> Option<AtHead> {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        both.young.remove(&session).or_else(|| both.old.remove(&session))
    }

    pub(super) fn put(&self, session: SessionId, at: AtHead) {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if both.young.len() >= GENERATION {
            both.old = std::mem::take(&mut both.young);
        }
        both.young.insert(session, at);
    }
}
