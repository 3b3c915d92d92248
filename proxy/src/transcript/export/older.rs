//! The JSON export with the names that older systems read besides: they are kept, so that what was written for those goes
//! on working.

use serde::Serialize;

use super::{Interview, Meta, StageLine, TurnLine};
use crate::transcript::Speaker;

/// The export under both names.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Transcript)]
pub struct WithOlderNames<'a> {
    success: bool,
    meta: MetaWithOlderNames<'a>,
    stages: &'a [StageLine],
    turns: &'a [TurnLine],
    ordered_conversation: Vec<Said<'a>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = TranscriptMetaWithOlderNames)]
struct MetaWithOlderNames<'a> {
    #[serde(flatten)]
    meta: &'a Meta,
    /// `candidate_name`.
    candidate: Option<&'a str>,
    /// `started_at`.
    interview_date: Option<&'a str>,
    total_messages: usize,
}

/// A turn with words.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = TranscriptMessage)]
struct Said<'a> {
    /// `agent`, `user` or `system`.
    role: &'static str,
    text: &'a str,
    timestamp: &'a str,
    stage: &'a str,
}

impl<'a> WithOlderNames<'a> {
    /// Of an interview.
    #[must_use]
    pub fn of(interview: &'a Interview) -> Self {
        let said: Vec<_> = interview.turns.iter().filter(|turn| !turn.text.is_empty()).map(said).collect();
        let meta = MetaWithOlderNames {
            candidate: interview.meta.candidate_name.as_deref(),
            interview_date: interview.meta.started_at.as_deref(),
            total_messages: said.len(),
            meta: &interview.meta,
        };
        Self { success: true, meta, stages: &interview.stages, turns: &interview.turns, ordered_conversation: said }
    }
}

fn said(turn: &TurnLine) -> Said<'_> {
    let role = match turn.speaker {
        Speaker::Ai => "agent",
        Speaker::Candidate => "user",
        Speaker::System => "system",
    };
    Said { role, text: &turn.text, timestamp: &turn.spoken_at, stage: &turn.stage }
}
