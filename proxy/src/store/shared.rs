//! What is decided beyond [`super::Store`] when several processes work on one database: which of them has a session. Its
//! call runs in that process and nowhere else, and only that process can append to its journal.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Answer, Unfinished};
use crate::identity::TenantCtx;
use crate::ids::SessionId;
use crate::transcript::Speaker;

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

/// What a client asks of a call that runs in another process. Its names travel between versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Wish {
    /// To end it.
    End {
        /// Why, by its name on the record.
        by: String,
    },
    /// To go on to a later stage.
    Skip {
        /// Which.
        stage: String,
    },
    /// To take what its client heard.
    Report {
        /// The turns.
        turns: Vec<ToldTurn>,
    },
}

/// A turn as somebody tells of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldTurn {
    /// The model's id of the item.
    pub item_id: String,
    /// Content part.
    pub content_index: u32,
    /// Who spoke: the candidate or the model.
    pub speaker: Speaker,
    /// All the words.
    pub text: String,
}

// Words are what was said: never in a log.
impl std::fmt::Debug for ToldTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToldTurn")
            .field("item_id", &self.item_id)
            .field("speaker", &self.speaker)
            .finish_non_exhaustive()
    }
}

/// A wish, as the process that it is meant for finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Of which session's call.
    pub session: SessionId,
    /// By what the answer is known.
    pub id: Uuid,
    /// What.
    pub wish: Wish,
}

/// What came of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It is not allowed.
    Refused,
    /// No call of the session runs there.
    NotLive,
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

    /// Tells the other process that has this session now what is asked of it. `false`: no other process has it. A wish that
    /// nobody looked at yet gives way to the next one.
    fn ask(&self, session: SessionId, id: Uuid, wish: Wish) -> Answer<'_, bool>;

    /// What others asked of this process a moment ago; each is told once.
    fn asked(&self) -> Answer<'_, Vec<Asked>>;

    /// Says what came of it.
    fn grant(&self, session: SessionId, id: Uuid, outcome: Outcome) -> Answer<'_, ()>;

    /// What came of a wish. `None`: nobody said so far.
    fn outcome(&self, session: SessionId, id: Uuid) -> Answer<'_, Option<Outcome>>;

    /// Calls of sessions whose process neither kept nor gave them back. It may only have lost the database for a while.
    fn abandoned(&self) -> Answer<'_, Vec<Unfinished>>;
}
