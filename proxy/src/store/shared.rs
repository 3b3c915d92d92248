//! What is decided beyond [`super::Store`] when several processes work on one database: which of them has a session. Its
//! call runs in that process and nowhere else, and only that process can append to its journal.

use super::{Answer, Unfinished};
use crate::identity::TenantCtx;
use crate::ids::SessionId;

/// How many sessions may be held at once, by all processes together.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Of one tenant that chose no limit of its own.
    pub per_tenant: usize,
    /// Of one person.
    pub per_person: usize,
}

/// Which process has a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// This one, from now on, for as long as it says so in time.
    Here,
    /// Another one, on the machine of this name.
    Elsewhere(String),
    /// None: the tenant has as many as it may.
    TenantFull,
    /// None: the person has as many as they may.
    PersonFull,
}

/// A store that other processes work on as well.
pub trait Shared: Send + Sync {
    /// Takes a session for this process, unless another one has it or there is no room. The same again changes nothing.
    /// Without `room` whatever is taken has a place: it runs already.
    fn own(&self, ctx: TenantCtx, session: SessionId, room: Option<Room>) -> Answer<'_, Whereabouts>;

    /// The machine of another process that has this session now, whoever it belongs to. Takes nothing.
    fn elsewhere(&self, session: SessionId) -> Answer<'_, Option<String>>;

    /// Keeps those of `live` and what was taken a moment ago, and gives the rest back. Answers with the sessions that
    /// another process has by now: nothing of theirs can be written here any more.
    fn renew(&self, live: Vec<SessionId>) -> Answer<'_, Vec<SessionId>>;

    /// Calls of sessions whose process neither kept nor gave them back. It may only have lost the database for a while.
    fn abandoned(&self) -> Answer<'_, Vec<Unfinished>>;
}
