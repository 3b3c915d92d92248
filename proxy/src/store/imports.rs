//! What the service asks of a store about interviews of an older system: taken over as a whole, known by the run that
//! brought them, and taken back by it. Only an operator's command uses it; no request does.

use super::{Answer, NewSession};
use crate::identity::TenantCtx;
use crate::ids::ImportId;
use crate::transcript::Record;

/// The durable side of imports.
pub trait Imports: Send + Sync {
    /// Stores an interview with its whole journal, or nothing of it. The same again is [`Taken::There`], whichever run
    /// brought it.
    fn import(&self, ctx: TenantCtx, interview: Imported) -> Answer<'_, Taken>;

    /// What is there of each run, newest first.
    fn imports(&self) -> Answer<'_, Vec<Run>>;

    /// Takes back what a run brought, with all that hung on it since. A tenant on legal hold loses nothing.
    fn undo_import(&self, batch: ImportId) -> Answer<'_, Undone>;
}

/// An interview of an older system.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The session.
    pub new: NewSession,
    /// Which run brings it.
    pub batch: ImportId,
    /// What it was called there, at most 200 characters.
    pub from: String,
    /// Its journal, from the first record to the seal.
    pub records: Vec<Record>,
}

/// What became of an interview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is here now.
    Stored,
    /// It was here already, and was not changed.
    There,
    /// It was here and was deleted, by somebody or because its time was over; it does not come back.
    Erased,
}

/// What is there of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub batch: ImportId,
    /// So many sessions.
    pub sessions: u64,
}

/// What was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undone {
    /// So many sessions are gone.
    pub gone: u64,
    /// So many stay, because their tenant is on legal hold.
    pub held: u64,
}
