//! The readable record of an interview, as JSON, plain text and Markdown, and its journal as it is ([`journal`]). Pure: it is given what is stored and adds
//! nothing to it; a missing time stays missing and is never a made-up zero.

mod captions;
mod clock_face;
pub mod journal;
mod markdown;
mod older;
mod text;

use serde::Serialize;

pub use captions::{to_srt, to_vtt};
pub use markdown::to_markdown;
pub use older::WithOlderNames;
pub use text::to_text;

use super::{Source, Speaker, StageReason, TurnState};
use crate::interview::SessionKind;

/// An interview with its stages and turns; serialised as it is, this is the JSON export.
#[derive(Clone, Debug, Serialize)]
pub struct Interview {
    /// What it was.
    pub meta: Meta,
    /// Changes of stage in order.
    pub stages: Vec<StageLine>,
    /// Turns in conversation order.
    pub turns: Vec<TurnLine>,
}

/// What an interview was. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TranscriptMeta)]
pub struct Meta {
    /// The session.
    pub session_id: String,
    /// What it was for.
    pub kind: SessionKind,
    /// Name of its plan.
    pub plan: String,
    /// `scheduled`, `in_progress`, `completed`, `cancelled` or `failed`.
    pub status: &'static str,
    /// Name of the candidate, if told.
    pub candidate_name: Option<String>,
    /// The role they interviewed for, if told.
    pub job_role: Option<String>,
    /// Language, BCP 47, if told; of several the first.
    pub language: Option<String>,
    /// Languages of a transcription, if told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Language that was translated into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_language: Option<String>,
    /// Model that asked.
    pub model: String,
    /// The model was simulated.
    pub simulation: bool,
    /// When it was made.
    pub created_at: String,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// Why it ended.
    pub ended_by: Option<String>,
    /// The last real stage, once it ended.
    pub final_stage: Option<String>,
    /// Stages that were skipped.
    pub skipped_stages: Vec<String>,
    /// How many transitions the clock forced.
    pub forced_transitions: u32,
    /// How the record was made at the end: `sideband` or `relay`; `imported`: by an older system.
    pub control: Option<String>,
    /// Hash of the last journal record, hex.
    pub head: String,
    /// Labels of the stages, in the plan's order.
    pub stage_labels: Vec<StageLabel>,
}

/// A stage as people see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StageLabel {
    /// Its name.
    pub name: String,
    /// Its label.
    pub label: String,
}

/// A change of stage.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StageChange)]
pub struct StageLine {
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
    /// Time spent in it.
    pub seconds_in_stage: f64,
    /// When, RFC 3339.
    pub at: String,
}

/// A turn.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Turn)]
pub struct TurnLine {
    /// Journal number that first recorded it.
    pub n: u64,
    /// First-commit order among turns; never changes.
    pub seq: u32,
    /// Place in the conversation, from 1.
    pub position: u32,
    /// The item.
    pub item_id: String,
    /// Content part.
    pub content_index: u32,
    /// Who spoke.
    pub speaker: Speaker,
    /// The words; empty when there are none or they were erased.
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
    /// The browser told of it and the model's server does not know it.
    pub disputed: bool,
    /// When it began, RFC 3339.
    pub spoken_at: String,
    /// Milliseconds since the interview began, for the readable forms.
    #[serde(skip)]
    pub since_start_ms: Option<u64>,
}

impl Interview {
    fn label<'a>(&'a self, stage: &'a str) -> &'a str {
        self.meta.stage_labels.iter().find(|label| label.name == stage).map_or(stage, |label| &label.label)
    }

    fn speaker(&self, turn: &TurnLine) -> &str {
        match turn.speaker {
            Speaker::Ai => self.model(),
            Speaker::Candidate => self.meta.candidate_name.as_deref().unwrap_or(match self.meta.kind {
                SessionKind::Interview => "Candidate",
                SessionKind::Transcription | SessionKind::Translation => "Speaker",
            }),
            Speaker::System => "System",
        }
    }

    /// Who speaks, as a caption says it: a transcript of nobody in particular has one voice.
    fn voice(&self, turn: &TurnLine) -> Option<&str> {
        let nameless = self.meta.kind == SessionKind::Transcription && self.meta.candidate_name.is_none();
        (!nameless).then(|| self.speaker(turn))
    }

    /// What the model is to people.
    fn model(&self) -> &'static str {
        match self.meta.kind {
            SessionKind::Interview => "Interviewer",
            SessionKind::Transcription => "Written by",
            SessionKind::Translation => "Translation",
        }
    }

    /// What the whole is called.
    fn heading(&self) -> &'static str {
        match self.meta.kind {
            SessionKind::Interview => "Interview",
            SessionKind::Transcription => "Transcript",
            SessionKind::Translation => "Translation",
        }
    }

    /// Whether it has stages worth showing.
    fn has_stages(&self) -> bool {
        self.meta.kind == SessionKind::Interview
    }

    /// Title, value: what stands above the turns.
    fn particulars(&self) -> Vec<(&'static str, String)> {
        let meta = &self.meta;
        let told = |title, value: &Option<String>| value.clone().map(|value| (title, value));
        let skipped: Vec<_> = meta.skipped_stages.iter().map(|stage| self.label(stage)).collect();
        [
            Some(("Session", meta.session_id.clone())),
            self.has_stages().then(|| ("Plan", meta.plan.clone())),
            told(if self.has_stages() { "Candidate" } else { "Speaker" }, &meta.candidate_name),
            told("Role", &meta.job_role),
            (!meta.languages.is_empty()).then(|| ("Languages", meta.languages.join(", "))),
            told("Into", &meta.target_language),
            told("Started", &meta.started_at),
            told("Ended", &meta.ended_at),
            told("Ended by", &meta.ended_by),
            (!skipped.is_empty()).then(|| ("Skipped", skipped.join(", "))),
            Some((
                self.model(),
                if meta.simulation { format!("{} (simulated)", meta.model) } else { meta.model.clone() },
            )),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What has to be said about a turn besides its words.
fn remark(turn: &TurnLine) -> Option<String> {
    let mut remarks = Vec::new();
    match turn.state {
        TurnState::Final => {}
        TurnState::Interrupted => remarks.push(match turn.audio_end_ms {
            Some(heard) => format!("interrupted after {} s", clock_face::seconds(heard)),
            None => "interrupted".to_owned(),
        }),
        TurnState::Failed => remarks.push("could not be written down".to_owned()),
        TurnState::Empty => remarks.push("no words".to_owned()),
        TurnState::TimedOut => remarks.push("the words never came".to_owned()),
    }
    if turn.truncated {
        remarks.push("cut to the limit".to_owned());
    }
    match turn.source {
        Source::Client => remarks.push("as reported by the browser".to_owned()),
        Source::Imported => remarks.push("imported from an older system".to_owned()),
        Source::Sideband | Source::Server => {}
    }
    if turn.disputed {
        remarks.push("unknown to the model: disputed".to_owned());
    }
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(position: u32, speaker: Speaker, stage: &str, text: &str) -> TurnLine {
        TurnLine {
            n: u64::from(position) + 1,
            seq: position,
            position,
            item_id: format!("item_{position}"),
            content_index: 0,
            speaker,
            text: text.to_owned(),
            stage: stage.to_owned(),
            state: TurnState::Final,
            source: Source::Sideband,
            start_ms: None,
            duration_ms: Some(1_500),
            audio_end_ms: None,
            truncated: false,
            disputed: false,
            spoken_at: "2026-11-20T10:00:01.000Z".to_owned(),
            since_start_ms: Some(u64::from(position) * 40_000),
        }
    }

    fn interview() -> Interview {
        let stage = |n, from: Option<&str>, to: &str, reason| StageLine {
            n,
            from: from.map(str::to_owned),
            to: to.to_owned(),
            reason,
            questions_asked: 1,
            seconds_in_stage: 12.5,
            at: "2026-11-20T10:00:00.000Z".to_owned(),
        };
        let label = |name: &str, label: &str| StageLabel { name: name.to_owned(), label: label.to_owned() };
        Interview {
            meta: Meta {
                session_id: "0190a0a0-0000-7000-8000-000000000001".to_owned(),
                kind: SessionKind::Interview,
                plan: "short".to_owned(),
                status: "completed",
                candidate_name: Some("A *starred* name".to_owned()),
                job_role: None,
                language: None,
                languages: Vec::new(),
                target_language: None,
                model: "gpt-realtime-2.1".to_owned(),
                simulation: true,
                created_at: "2026-11-20T09:59:00.000Z".to_owned(),
                started_at: Some("2026-11-20T10:00:00.000Z".to_owned()),
                ended_at: Some("2026-11-20T10:03:00.000Z".to_owned()),
                ended_by: Some("natural_completion".to_owned()),
                final_stage: Some("closing".to_owned()),
                skipped_stages: vec!["company_fit".to_owned()],
                forced_transitions: 0,
                control: Some("sideband".to_owned()),
                head: "00".repeat(32),
                stage_labels: vec![
                    label("welcome", "Welcome"),
                    label("company_fit", "Company fit"),
                    label("closing", "Closing"),
                ],
            },
            stages: vec![
                stage(1, None, "welcome", StageReason::Start),
                stage(2, Some("welcome"), "closing", StageReason::Skipped),
            ],
            turns: vec![
                turn(1, Speaker::Ai, "welcome", "Hello. Who are you?"),
                TurnLine {
                    text: "# I am <b>me</b>.\nSecond line.".to_owned(),
                    ..turn(2, Speaker::Candidate, "welcome", "")
                },
                TurnLine {
                    state: TurnState::Interrupted,
                    audio_end_ms: Some(2_340),
                    source: Source::Client,
                    ..turn(3, Speaker::Ai, "closing", "Thank you and")
                },
                TurnLine {
                    state: TurnState::TimedOut,
                    since_start_ms: None,
                    ..turn(4, Speaker::Candidate, "closing", "")
                },
            ],
        }
    }

    #[test]
    fn a_translation_reads_as_one_and_has_no_stages() {
        let mut whole = interview();
        whole.meta.kind = SessionKind::Translation;
        whole.meta.candidate_name = None;
        whole.meta.target_language = Some("de".to_owned());
        let text = to_text(&whole);
        assert!(text.starts_with("Translation\n"), "{text}");
        assert!(text.contains("Into:        de\n") && !text.contains("---") && !text.contains("Plan:"), "{text}");
        assert!(text.contains("] Translation: Hello. Who are you?") && text.contains("] Speaker: # I am"), "{text}");
        assert!(!to_markdown(&whole).contains("## "));
        whole.meta.kind = SessionKind::Transcription;
        assert!(to_srt(&whole).contains("\nHello. Who are you?\n") && to_vtt(&whole).contains("\nHello."), "no names");
        whole.meta.candidate_name = Some("Ada".to_owned());
        assert!(to_vtt(&whole).contains("<v Ada># I am"));
    }

    #[test]
    fn the_text_is_readable() {
        insta::assert_snapshot!(to_text(&interview()));
    }

    #[test]
    fn the_markdown_shows_words_as_they_were_said() {
        insta::assert_snapshot!(to_markdown(&interview()));
    }

    #[test]
    fn the_json_has_the_contract_s_fields() {
        insta::assert_json_snapshot!(interview());
    }
}
