//! What a client missed, from the journal: the captions and changes of stage it would have been told, in the order of the
//! record. Pure: durable records in, notices out; who missed what is the shell's business.

use super::{Caption, Notice};
use crate::clock::rfc3339;
use crate::interview::Plan;
use crate::transcript::{Entry, Record, StageReason, TurnEntry};

/// The notices of these records, each exactly as it was told when its record became durable.
#[must_use]
pub fn missed(plan: &Plan, records: &[Record]) -> Vec<Notice> {
    records.iter().filter_map(|record| notice(plan, record)).collect()
}

fn notice(plan: &Plan, record: &Record) -> Option<Notice> {
    match record.entry().ok()? {
        // Words that were erased are not told again; a turn that never had any is.
        Entry::Turn(turn) if record.text.is_none() && turn.text_hash.is_some() => None,
        Entry::Turn(turn) => caption(turn, record.n, record.text.clone().unwrap_or_default()),
        Entry::Revised(turn) => caption(turn, record.n, record.text.clone()?),
        Entry::Stage(stage) if stage.reason != StageReason::Ended => {
            let now = plan.position(&stage.to).map(|index| &plan.stages[index]);
            Some(Notice::StageChange {
                n: record.n,
                limit_seconds: now.map_or(0, |stage| stage.limit_s),
                min_questions: now.map_or(0, |stage| stage.min_questions),
                stage: stage.to,
                from: stage.from,
                reason: stage.reason,
                questions_asked: stage.questions_asked,
                started_at: rfc3339(stage.at),
            })
        }
        _ => None,
    }
}

fn caption(turn: TurnEntry, n: u64, text: String) -> Option<Notice> {
    Notice::caption(turn.speaker, Caption { text, item_id: turn.item, r#final: true, n: Some(n) })
}

impl Notice {
    /// The journal number a client remembers having processed; none for what is only told live.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::StageChange { n, .. } => Some(*n),
            Self::AgentCaption(caption) | Self::UserCaption(caption) => caption.n,
            Self::Saved { up_to, .. } => Some(*up_to),
            _ => None,
        }
    }
}
