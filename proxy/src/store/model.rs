//! The rows that cross the store's border. Plain data; times are Unix milliseconds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Details;
use crate::identity::TicketHash;
use crate::ids::{CallId, KeyRef, ProviderCallId, SessionId, TenantId, UserId};
use crate::transcript::chain::record_hash;
use crate::transcript::{HangUp, Hash, Record, Source, Speaker, StageReason, TurnState};

/// Status of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Created, not begun.
    Scheduled,
    /// The interview is on.
    InProgress,
    /// Ended after it began.
    Completed,
    /// Ended before it began.
    Cancelled,
    /// The call could not be made or broke.
    Failed,
}

impl SessionStatus {
    /// The name in the `status` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// Where the peer connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebrtcStatus {
    /// No offer yet.
    Pending,
    /// Offer sent upstream.
    Negotiating,
    /// Answer returned.
    Answered,
    /// Media is up.
    Connected,
    /// It was up.
    Disconnected,
    /// It could not be made.
    Failed,
}

impl WebrtcStatus {
    /// The name in the `webrtc_status` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Negotiating => "negotiating",
            Self::Answered => "answered",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
        }
    }
}

/// What a session is created with.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Who speaks.
    pub user: UserId,
    /// Name of the plan.
    pub plan: String,
    /// The plan itself, as JSON text: a later change of the file does not alter a session.
    pub stage_plan: Arc<str>,
    /// Name of the candidate, if told.
    pub candidate_name: Option<String>,
    /// The role they interview for, if told.
    pub job_role: Option<String>,
    /// Language, BCP 47.
    pub language: Option<String>,
    /// What else was said of candidate and role.
    pub details: Details,
    /// Model asked for upstream.
    pub model: String,
    /// Voice asked for upstream.
    pub voice: String,
    /// The upstream is a simulator.
    pub simulation: bool,
    /// When.
    pub created_at: i64,
}

/// A session with its projected state.
#[derive(Clone, Debug)]
pub struct Session {
    /// What it was created with.
    pub new: NewSession,
    /// Its tenant.
    pub tenant: TenantId,
    /// Calls at once that the tenant chose; `None`: the server's own limit.
    pub tenant_max_sessions: Option<u32>,
    /// Status.
    pub status: SessionStatus,
    /// Peer connection.
    pub webrtc_status: WebrtcStatus,
    /// Last real stage; `None` before the start.
    pub stage: Option<String>,
    /// When that stage began.
    pub stage_started_at: Option<i64>,
    /// Stages that were skipped.
    pub skipped_stages: Vec<String>,
    /// How many transitions the clock forced.
    pub forced_transitions: u32,
    /// Why it ended.
    pub ended_by: Option<String>,
    /// Code of the failure that ended it before it began.
    pub upstream_error: Option<String>,
    /// `sideband` or `relay`, as last recorded.
    pub control: Option<String>,
    /// State of the sideband, as last recorded.
    pub sideband: Option<String>,
    /// Began.
    pub started_at: Option<i64>,
    /// Ended.
    pub ended_at: Option<i64>,
    /// Settled turns of the model.
    pub agent_turns: u32,
    /// Settled turns of the candidate.
    pub candidate_turns: u32,
    /// Journal head this state was projected up to.
    pub projected_n: u64,
}

/// Which sessions of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// At most so many, 1–100.
    pub limit: u32,
    /// Only sessions created before this one.
    pub before: Option<SessionId>,
    /// Of all of them, or of those with a call.
    pub which: Which,
}

/// Which sessions a list is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// All.
    #[default]
    All,
    /// Those whose interview is on, or whose call is being made, as the rows say: one that ended a moment ago may still
    /// be among them. A call that is being made is found for two days after its session was.
    UnderWay,
}

/// A call about to be made.
#[derive(Clone, Debug)]
pub struct CallStart {
    /// Its session.
    pub session: SessionId,
    /// Which call of the session, from 1.
    pub ordinal: u32,
    /// Our id for it.
    pub call_id: CallId,
    /// The ticket that pays for it.
    pub ticket: TicketHash,
    /// Which key it is made with.
    pub key: KeyRef,
    /// At which server, by its name in the settings.
    pub upstream: String,
    /// When.
    pub opened_at: i64,
}

/// A stored call.
#[derive(Clone, Debug)]
pub struct CallRow {
    /// Which call of the session, from 1.
    pub ordinal: u32,
    /// Our id.
    pub call_id: CallId,
    /// The provider's, once it answered.
    pub provider: Option<ProviderCallId>,
    /// Which key it was made with; nothing can be done to it with another one.
    pub key: KeyRef,
    /// At which server, by its name in the settings; only there it can be watched and hung up. `None`: by a version that
    /// knew but one.
    pub upstream: Option<String>,
    /// Offer sent.
    pub opened_at: i64,
    /// Answer received.
    pub answered_at: Option<i64>,
    /// Over.
    pub closed_at: Option<i64>,
    /// Whether the provider confirmed the hang-up.
    pub hang_up: Option<HangUp>,
}

/// A call that was begun and not closed.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// The ticket that paid for it: tenant, session and policy.
    pub ticket: crate::identity::Ticket,
    /// The call.
    pub call: CallRow,
}

/// An exchange that led to nothing.
#[derive(Clone, Debug)]
pub struct SessionFailure {
    /// The session.
    pub session: SessionId,
    /// The call that was tried, if its row exists.
    pub call_id: Option<CallId>,
    /// Stable code, e.g. `UPSTREAM_TIMEOUT`.
    pub code: &'static str,
    /// When.
    pub at: i64,
}

/// Records to append.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The journal's session.
    pub session: SessionId,
    /// The owner's lease epoch; a store that knows a newer one refuses. 0: whatever the store knows of this process.
    pub lease_epoch: u64,
    /// Number of the first record.
    pub expected_n: u64,
    /// Hash of the record before it.
    pub prev_hash: Hash,
    /// At least one, consecutive.
    pub records: Vec<Record>,
}

impl Batch {
    /// Whether the records are what a journal could hold here: at least one, numbered from `expected_n`, each hash
    /// following from the one before. A store refuses anything else, since it could never be verified again.
    #[must_use]
    pub fn is_chained(&self) -> bool {
        let mut prev = self.prev_hash;
        let follows = |(record, n): (&Record, u64)| {
            let fits = record.n == n && record_hash(self.session, n, prev, &record.body) == record.hash;
            prev = record.hash;
            fits
        };
        // Journals are numbered by a signed integer.
        let numbers = 1..i64::MAX as u64;
        numbers.contains(&self.expected_n)
            && !self.records.is_empty()
            && self.records.iter().zip(self.expected_n..).all(follows)
    }
}

/// Everything up to here is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Number of the last durable record.
    pub up_to: u64,
}

/// A stored turn in conversation order.
#[derive(Clone, Debug, PartialEq)]
pub struct TurnRow {
    /// Journal number that first recorded it.
    pub n: u64,
    /// First-commit order among turns, from 1; never changes.
    pub seq: u32,
    /// Place in the conversation, from 1; may change when a late predecessor is found.
    pub position: u32,
    /// Upstream call, from 1.
    pub call: u32,
    /// The item.
    pub item_id: String,
    /// Content part.
    pub content_index: u32,
    /// Who spoke.
    pub speaker: Speaker,
    /// The words; empty when erased or none came.
    pub text: String,
    /// The stage it belongs to.
    pub stage: String,
    /// How it settled.
    pub state: TurnState,
    /// Who says so.
    pub source: Source,
    /// Start on the provider's audio clock.
    pub start_ms: Option<u64>,
    /// Length of the speech.
    pub duration_ms: Option<u64>,
    /// Where an interrupted reply stopped being heard.
    pub audio_end_ms: Option<u64>,
    /// The text was cut.
    pub truncated: bool,
    /// A client told of it and the provider does not know it.
    pub disputed: bool,
    /// Wall time at which it began.
    pub spoken_at: i64,
}

/// A stored stage event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRow {
    /// Order, from 1.
    pub n: u32,
    /// Where from.
    pub from: Option<String>,
    /// Where to.
    pub to: String,
    /// Why.
    pub reason: StageReason,
    /// Questions counted in the stage that was left.
    pub questions_asked: u32,
    /// Time spent in the stage that was left.
    pub in_stage_ms: u64,
    /// When.
    pub at: i64,
}

/// Everything readable of a session.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The session.
    pub session: Session,
    /// Stage events in order.
    pub stages: Vec<StageRow>,
    /// Turns in conversation order.
    pub turns: Vec<TurnRow>,
    /// Hash of the last journal record.
    pub head: Hash,
}

/// Whether a store can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreHealth {
    /// The last write worked.
    Ok,
    /// The store is away; what running calls write waits here, durably, and is brought over.
    Spooling {
        /// Entries that wait.
        waiting: u64,
    },
    /// It cannot be written, for this reason.
    Failing(super::Unwritable),
    /// Closed.
    Closed,
}
