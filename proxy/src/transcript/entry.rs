//! What a journal record says. These types are the stored format: fields may be added, never renamed or re-typed,
//! because the hash chain covers the bytes they serialise to. They hold no transcript text; it lies beside the body.

use serde::{Deserialize, Serialize};

use super::seal::{PublicKey, Signature};

/// The kind of a record, stored in a column of its own so that projections need not parse what they skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A turn was first seen: id and place, no words yet.
    Opened,
    /// A turn settled.
    Turn,
    /// Words or trust of a settled turn changed later.
    Revised,
    /// The interview began, changed its stage, or ended.
    Stage,
    /// What a reply or a transcription consumed.
    Usage,
    /// Something that should not have happened.
    Incident,
    /// A stretch in which nothing was recorded.
    Gap,
    /// An upstream call opened, changed how it is watched, or closed.
    Call,
    /// The last record: head of the chain.
    Seal,
}

impl Kind {
    /// The name in the `kind` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Turn => "turn",
            Self::Revised => "revised",
            Self::Stage => "stage",
            Self::Usage => "usage",
            Self::Incident => "incident",
            Self::Gap => "gap",
            Self::Call => "call",
            Self::Seal => "seal",
        }
    }
}

/// Who says that it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Our own socket to the provider.
    Sideband,
    /// The browser, relaying its data channel: a claim.
    Client,
    /// The server itself: stages, limits, calls.
    Server,
    /// An older system, whose record was imported: nobody here heard it.
    Imported,
}

impl Source {
    /// The name in the `source` column and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sideband => "sideband",
            Self::Client => "client",
            Self::Server => "server",
            Self::Imported => "imported",
        }
    }
}

/// Who spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person interviewed.
    Candidate,
    /// The model.
    Ai,
    /// A message placed in the conversation by neither.
    System,
}

impl Speaker {
    /// The name in the `speaker` column and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Ai => "ai",
            Self::System => "system",
        }
    }
}

/// How a turn came to be in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Heard by the provider's voice activity detection.
    Speech,
    /// Typed into the data channel.
    Typed,
    /// Produced by the model.
    Reply,
    /// Placed by somebody as an item.
    Injected,
}

/// How a turn settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Complete, with its words.
    Final,
    /// Cut off; the text may exceed what was heard, `audio_end_ms` says where it stopped.
    Interrupted,
    /// The provider could not produce words or the reply failed.
    Failed,
    /// Settled without words (noise, a breath).
    Empty,
    /// No words came within the settle time; they may come later as a revision.
    TimedOut,
}

impl TurnState {
    /// The name in the `state` column and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Empty => "empty",
            Self::TimedOut => "timed_out",
        }
    }
}

/// Why a stage event was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageReason {
    /// The first stage of the interview.
    Start,
    /// Its conditions were met.
    Completed,
    /// Its time was over.
    Forced,
    /// The candidate asked to go on.
    Skipped,
    /// The closing words.
    Closing,
    /// The interview is over; `to` repeats the last real stage.
    Ended,
}

impl StageReason {
    /// The name in the `reason` column and in `stage_change`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Completed => "completed",
            Self::Forced => "forced",
            Self::Skipped => "skipped",
            Self::Closing => "closing",
            Self::Ended => "ended",
        }
    }
}

/// A settled turn, or (as [`Entry::Revised`]) its new state. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnEntry {
    /// Which upstream call of the session, from 1.
    pub call: u32,
    /// The provider's item id, or `span-<speaker>-<start_ms>` where there are no items.
    pub item: String,
    /// Content part inside the item.
    pub content_index: u32,
    /// Who spoke.
    pub speaker: Speaker,
    /// How it settled.
    pub state: TurnState,
    /// How it came to be.
    pub origin: Origin,
    /// The stage it belongs to.
    pub stage: String,
    /// The item before it; `None` when it is the first of its call or the predecessor is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Start on the provider's session audio clock, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// Length of the speech, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Where an interrupted reply stopped being heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_end_ms: Option<u64>,
    /// `SHA-256(salt ‖ text)` in hex; the text lies beside the body so that erasure keeps the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_hash: Option<String>,
    /// The text was cut to the turn limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// A client told of it and the provider does not know it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disputed: bool,
    /// It counts as a question of its stage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub question: bool,
    /// Wall time at which it began, Unix milliseconds.
    pub spoken_at: i64,
}

/// A change of stage, or the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEntry {
    /// Where from; `None` at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where to.
    pub to: String,
    /// Why.
    pub reason: StageReason,
    /// Questions counted in the stage that was left.
    pub questions_asked: u32,
    /// Time spent in the stage that was left, milliseconds.
    pub in_stage_ms: u64,
    /// Stages that count as skipped by this change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// With [`StageReason::Ended`]: `natural_completion`, `user_end`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// Wall time, Unix milliseconds.
    pub at: i64,
}

/// Whether the provider said that the call is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HangUp {
    /// 200, or 404 because it was gone already.
    Confirmed,
    /// No definite answer within the retries.
    Unconfirmed,
}

/// What happened to an upstream call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum CallEvent {
    /// The provider answered the offer.
    Answered {
        /// Our id of the call.
        call_id: String,
        /// Its client speaks the provider's contract and knows nothing of us.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        drop_in: bool,
        /// What its upstream cannot do, by name: a core that goes on with the call must know.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lacks: Vec<String>,
    },
    /// Media is up.
    Connected,
    /// How the call is watched from here on.
    Control {
        /// `sideband` or `relay`.
        control: String,
        /// The sideband's state: `attached`, `retrying`, `lost`, `unavailable`.
        sideband: String,
    },
    /// It is over.
    Closed {
        /// Whether the hang-up was confirmed.
        hang_up: HangUp,
    },
}

/// What an incident was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// A guarded session field was changed by somebody else.
    Tamper,
    /// The reply gate was left to the provider.
    GateLost,
    /// A reply failed at the provider.
    ReplyFailed,
    /// A bound was hit and something was dropped.
    Overflow,
    /// The client reported something that contradicts the sideband.
    Contradiction,
}

/// One journal record's body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// See [`Kind::Opened`].
    Opened {
        /// Upstream call, from 1.
        call: u32,
        /// The item.
        item: String,
        /// Its predecessor, when known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// Who speaks.
        speaker: Speaker,
    },
    /// See [`Kind::Turn`].
    Turn(TurnEntry),
    /// See [`Kind::Revised`]: the same turn as it is from now on. Without `text_hash` its words stay as they were.
    Revised(TurnEntry),
    /// See [`Kind::Stage`].
    Stage(StageEntry),
    /// See [`Kind::Usage`]. Token counts as the provider reported them.
    Usage {
        /// Response or item the figure belongs to; unique within a session and operation.
        key: String,
        /// `reply` or `transcription`.
        operation: String,
        /// The provider's usage object, unchanged.
        usage: serde_json::Value,
        /// Upstream call, from 1.
        #[serde(default = "first_call")]
        call: u32,
        /// The model that consumed it; empty: the record is older than the field.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        model: String,
        /// Wall time, Unix milliseconds; 0: the record is older than the field.
        #[serde(default)]
        at: i64,
    },
    /// See [`Kind::Incident`].
    Incident {
        /// What it was.
        incident: IncidentKind,
        /// A short code, never content.
        code: String,
        /// Wall time, Unix milliseconds.
        at: i64,
    },
    /// See [`Kind::Gap`].
    Gap {
        /// From, Unix milliseconds.
        from: i64,
        /// To, Unix milliseconds; `None` while it is open.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<i64>,
        /// Final events that the client told of it afterwards; `None`: nobody did, all of it is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<u32>,
    },
    /// See [`Kind::Call`].
    Call {
        /// Upstream call, from 1.
        call: u32,
        /// What happened.
        #[serde(flatten)]
        event: CallEvent,
        /// Wall time, Unix milliseconds.
        at: i64,
    },
    /// See [`Kind::Seal`].
    Seal {
        /// Records before this one.
        n: u64,
        /// Hash of the record before this one, hex.
        head: String,
        /// Whose signature it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<PublicKey>,
        /// Over session, `n` and `head`; see [`super::seal`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<Signature>,
    },
}

/// Records from before the field are of interviews that had one call, or do not say of which they are.
fn first_call() -> u32 {
    1
}

impl Entry {
    /// The kind, for the column.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Opened { .. } => Kind::Opened,
            Self::Turn(_) => Kind::Turn,
            Self::Revised(_) => Kind::Revised,
            Self::Stage(_) => Kind::Stage,
            Self::Usage { .. } => Kind::Usage,
            Self::Incident { .. } => Kind::Incident,
            Self::Gap { .. } => Kind::Gap,
            Self::Call { .. } => Kind::Call,
            Self::Seal { .. } => Kind::Seal,
        }
    }
}
