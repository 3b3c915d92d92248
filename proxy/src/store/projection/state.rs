//! What a projection consists of. Plain data: a store writes it down and takes it up again.

use serde::{Deserialize, Serialize};

use crate::store::{SessionStatus, TurnRow, WebrtcStatus};
use crate::transcript::Speaker;
use crate::upstream::facts::Operation;
use crate::usage::Measure;

/// What the journal says about the session itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    /// Journal number this state goes up to.
    pub projected_n: u64,
    /// Status, as far as the journal knows; a refused exchange is not in it.
    pub status: SessionStatus,
    /// Peer connection of the call `webrtc_call`.
    pub webrtc_status: WebrtcStatus,
    /// The newest call the journal mentions; 0 before the first.
    pub webrtc_call: u32,
    /// Last real stage.
    pub stage: Option<String>,
    /// When that stage began.
    pub stage_started_at: Option<i64>,
    /// Stages that were skipped, in order.
    pub skipped_stages: Vec<String>,
    /// Transitions the clock forced.
    pub forced_transitions: u32,
    /// Why it ended.
    pub ended_by: Option<String>,
    /// `sideband` or `relay`.
    pub control: Option<String>,
    /// State of the sideband.
    pub sideband: Option<String>,
    /// Began.
    pub started_at: Option<i64>,
    /// Ended.
    pub ended_at: Option<i64>,
    /// Settled turns of the model.
    pub agent_turns: u32,
    /// Settled turns of the candidate.
    pub candidate_turns: u32,
}

impl Default for SessionState {
    fn default() -> Self {
        Self {
            projected_n: 0,
            status: SessionStatus::Scheduled,
            webrtc_status: WebrtcStatus::Pending,
            webrtc_call: 0,
            stage: None,
            stage_started_at: None,
            skipped_stages: Vec::new(),
            forced_transitions: 0,
            ended_by: None,
            control: None,
            sideband: None,
            started_at: None,
            ended_at: None,
            agent_turns: 0,
            candidate_turns: 0,
        }
    }
}

/// One content part of one item: what a turn is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TurnKey {
    /// Upstream call, from 1.
    pub call: u32,
    /// The item.
    pub item: String,
    /// Content part.
    pub content_index: u32,
}

/// A turn from the moment its item was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// What it is known by.
    pub key: TurnKey,
    /// Journal number that first mentioned it.
    pub first_n: u64,
    /// Its predecessor, once known.
    pub after: Option<String>,
    /// Who speaks.
    pub speaker: Speaker,
    /// What was said, once it settled; its `position` is kept by [`super::Projection::arrange`].
    pub settled: Option<TurnRow>,
}

/// One figure of what a call consumed.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What for.
    pub operation: Operation,
    /// Response or item it belongs to; with `operation`, unique within a session.
    pub key: String,
    /// Upstream call, from 1.
    pub call: u32,
    /// Which model; empty: the record does not say.
    pub model: String,
    /// How much.
    pub used: Measure,
    /// Whether our own socket told of it.
    pub confirmed: bool,
    /// When, Unix milliseconds.
    pub at: i64,
}
