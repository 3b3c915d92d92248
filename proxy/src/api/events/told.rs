//! What a journal record is to whoever follows an interview. Records that only the server needs are nothing.

use axum::response::sse::Event;
use serde::Serialize;

use crate::clock::rfc3339;
use crate::store::{Session, SessionStatus, WebrtcStatus};
use crate::transcript::{Entry, Record, Source, Speaker, StageReason, TurnEntry, TurnState};

/// A settled turn, or what became of it later.
#[derive(Serialize)]
struct Turn {
    n: u64,
    item_id: String,
    content_index: u32,
    call: u32,
    speaker: Speaker,
    state: TurnState,
    stage: String,
    /// With `revised` only if the words changed; never when they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    source: Source,
    truncated: bool,
    disputed: bool,
    spoken_at: String,
}

#[derive(Serialize)]
struct Stage {
    n: u64,
    from: Option<String>,
    to: String,
    reason: StageReason,
    questions_asked: u32,
    at: String,
}

/// How things stand; told whenever that changes.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    status: SessionStatus,
    webrtc_status: WebrtcStatus,
    stage: Option<String>,
    control: Option<String>,
    sideband: Option<String>,
}

/// The last word.
#[derive(Serialize)]
struct End {
    ended_by: Option<String>,
    final_stage: Option<String>,
    /// Hash of the last record, for whoever verifies an export later.
    head: Option<String>,
}

/// Why nothing more comes although the interview goes on.
#[derive(Serialize)]
struct Closed {
    code: &'static str,
}

fn event(name: &'static str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}

/// A record as an event, if it is one.
pub(super) fn of_record(record: Record) -> Option<Event> {
    let (n, source) = (record.n, record.source);
    let event = match record.entry().ok()? {
        Entry::Turn(entry) => event("turn", &turn(n, source, entry, record.text)),
        Entry::Revised(entry) => event("revised", &turn(n, source, entry, record.text)),
        Entry::Stage(stage) if stage.reason != StageReason::Ended => {
            let stage = Stage {
                n,
                from: stage.from,
                to: stage.to,
                reason: stage.reason,
                questions_asked: stage.questions_asked,
                at: rfc3339(stage.at),
            };
            event("stage", &stage)
        }
        _ => None,
    };
    event.map(|event| event.id(n.to_string()))
}

fn turn(n: u64, source: Source, entry: TurnEntry, text: Option<String>) -> Turn {
    Turn {
        n,
        item_id: entry.item,
        content_index: entry.content_index,
        call: entry.call,
        speaker: entry.speaker,
        state: entry.state,
        stage: entry.stage,
        text,
        source,
        truncated: entry.truncated,
        disputed: entry.disputed,
        spoken_at: rfc3339(entry.spoken_at),
    }
}

impl Standing {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            status: session.status,
            webrtc_status: session.webrtc_status,
            stage: session.stage.clone(),
            control: session.control.clone(),
            sideband: session.sideband.clone(),
        }
    }

    pub(super) fn event(&self) -> Option<Event> {
        event("status", self)
    }
}

/// The interview is over and its record complete.
pub(super) fn end(session: Session, last: Option<&Record>) -> Option<Event> {
    let head = last.map(|record| record.hash.to_hex());
    event("end", &End { ended_by: session.ended_by, final_stage: session.stage, head })
}

/// Nothing more comes, for this reason.
pub(super) fn closed(code: &'static str) -> Option<Event> {
    event("closed", &Closed { code })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SessionId;
    use crate::transcript::{Hash, Origin, StageEntry};

    fn record(entry: &Entry, words: Option<&str>) -> Record {
        let words = words.map(|words| (words.to_owned(), [7; 16]));
        Record::next(SessionId::fresh(), 4, Hash::GENESIS, 0, Source::Sideband, entry, words)
    }

    fn shown(event: Event) -> String {
        format!("{event:?}")
    }

    #[test]
    fn turns_and_stages_are_told_with_their_number_and_the_rest_is_not() {
        let turn = TurnEntry {
            call: 1,
            item: "item_1".into(),
            content_index: 0,
            speaker: Speaker::Candidate,
            state: TurnState::Final,
            origin: Origin::Speech,
            stage: "welcome".into(),
            after: None,
            start_ms: None,
            duration_ms: None,
            audio_end_ms: None,
            text_hash: None,
            truncated: false,
            disputed: false,
            question: false,
            spoken_at: 0,
        };
        let told = shown(of_record(record(&Entry::Turn(turn.clone()), Some("Good\nmorning"))).expect("a turn"));
        assert!(told.contains("event: turn") && told.contains("id: 4") && told.contains("morning"), "{told}");
        let later = shown(of_record(record(&Entry::Revised(turn), None)).expect("a revision"));
        assert!(later.contains("event: revised") && !later.contains("text"), "{later}");
        let stage = |reason| {
            Entry::Stage(StageEntry {
                from: None,
                to: "welcome".into(),
                reason,
                questions_asked: 0,
                in_stage_ms: 0,
                skipped: Vec::new(),
                ended_by: None,
                at: 0,
            })
        };
        assert!(of_record(record(&stage(StageReason::Start), None)).is_some());
        assert!(of_record(record(&stage(StageReason::Ended), None)).is_none(), "the end is told once, at the end");
        let opened = Entry::Opened { call: 1, item: "item_1".into(), after: None, speaker: Speaker::Ai };
        assert!(of_record(record(&opened, None)).is_none());
    }
}
