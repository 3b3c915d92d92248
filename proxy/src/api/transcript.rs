//! `GET /api/sessions/{id}/transcript?format=json|txt|md|srt|vtt|journal`: what was said, as it is stored;
//! `journal` is the record itself, with what it takes to verify it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRef, Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::refusals::session_id;
use super::sessions::{find, plan_of, spoken};
use super::sight::Sight;
use super::{Caller, Code, Problem, SessionsRead, Within};
use crate::clock::rfc3339;
use crate::identity::Identity;
use crate::ids::SessionId;
use crate::interview::{Plan, SessionKind};
use crate::ops::version;
use crate::store::{StageRow, Store, Transcript, TurnRow};
use crate::transcript::export::journal;
use crate::transcript::export::{
    Interview, Meta, StageLabel, StageLine, TurnLine, WithOlderNames, to_markdown, to_srt, to_text, to_vtt,
};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn Store>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(read))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[schema(as = TranscriptFormat)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Txt,
    Md,
    Srt,
    Vtt,
    Journal,
}

/// Read what was said
///
/// `journal` is the record itself, one JSON line a record, with what it takes to verify it.
#[utoipa::path(get, path = "/api/sessions/{id}/transcript", operation_id = "getTranscript", tag = "sessions",
    params(("id" = SessionId, Path), ("format" = inline(Option<Format>), Query)), security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "As it is stored.", content(
        (WithOlderNames<'static> = "application/json"), (String = "text/plain"), (String = "text/markdown"), (String = "application/x-subrip"), (String = "text/vtt"), (String = "application/x-ndjson")))))]
async fn read(
    Within(caller, _): Within<SessionsRead>,
    State(store): State<Arc<dyn Store>>,
    State(identity): State<Identity>,
    Path(id): Path<String>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let id = session_id(&id)?;
    let Query(wanted) =
        wanted.map_err(|_| Problem::new(Code::BadMessage, "`format` is json, txt, md, srt, vtt or journal."))?;
    let store = store.as_ref();
    Ok(match wanted.format {
        Format::Json => as_json(&caller, store, id).await?,
        Format::Txt => document(id, "txt", "text/plain; charset=utf-8", to_text(&readable(&caller, store, id).await?)),
        Format::Md => {
            document(id, "md", "text/markdown; charset=utf-8", to_markdown(&readable(&caller, store, id).await?))
        }
        Format::Srt => document(id, "srt", "application/x-subrip", to_srt(&readable(&caller, store, id).await?)),
        Format::Vtt => document(id, "vtt", "text/vtt; charset=utf-8", to_vtt(&readable(&caller, store, id).await?)),
        Format::Journal => exported(&caller, store, id, identity.now_unix_ms()).await?,
    })
}

/// The readable record, older names included.
pub(super) async fn as_json(caller: &Caller, store: &dyn Store, id: SessionId) -> Result<Response, Problem> {
    Ok(Json(WithOlderNames::of(&readable(caller, store, id).await?)).into_response())
}

async fn readable(caller: &Caller, store: &dyn Store, id: SessionId) -> Result<Interview, Problem> {
    Ok(interview(Sight::of(caller, store).transcript(id).await?.ok_or_else(Problem::not_found)?))
}

/// The journal, one line at a time: what is held besides is the records, which the session's length bounds.
async fn exported(caller: &Caller, store: &dyn Store, id: SessionId, now: i64) -> Result<Response, Problem> {
    find(caller, store, id).await?;
    // People see how far a journal goes and what vouches for it; the records are the service's.
    let records = store.journal(caller.principal.ctx(), id, 0).await?;
    let header = journal::Header::of(id, &records, rfc3339(now), version::LONG);
    let lines = journal::lines(&header, records).map(Ok::<_, std::convert::Infallible>);
    let name = HeaderValue::try_from(format!("attachment; filename=\"{}\"", journal::file_name(id)))
        .expect("a UUID and an extension are legal in a header");
    let kind = HeaderValue::from_static(journal::MEDIA_TYPE);
    let body = Body::from_stream(futures_util::stream::iter(lines));
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name)], body).into_response())
}

fn document(id: SessionId, extension: &str, content_type: &'static str, text: String) -> Response {
    let name = HeaderValue::try_from(format!("inline; filename=\"interview-{id}.{extension}\""))
        .expect("a UUID and an extension are legal in a header");
    ([(CONTENT_TYPE, HeaderValue::from_static(content_type)), (CONTENT_DISPOSITION, name)], text).into_response()
}

/// The readable record of what is stored.
pub(super) fn interview(stored: Transcript) -> Interview {
    let started = stored.session.started_at;
    let turns = stored.turns.into_iter().map(|turn| turn_line(turn, started)).collect();
    let stages = stored.stages.into_iter().map(stage_line).collect();
    let plan = plan_of(&stored.session);
    let kind = plan.as_ref().map_or(SessionKind::Interview, Plan::session_kind);
    let (languages, target_language) = plan.as_ref().map(spoken).unwrap_or_default();
    let labels = plan.map(|plan| plan.stages).unwrap_or_default();
    let session = stored.session;
    let meta = Meta {
        session_id: session.new.id.to_string(),
        kind,
        plan: session.new.plan,
        status: session.status.as_str(),
        candidate_name: session.new.candidate_name,
        job_role: session.new.job_role,
        language: session.new.language,
        languages,
        target_language,
        model: session.new.model,
        simulation: session.new.simulation,
        created_at: rfc3339(session.new.created_at),
        started_at: started.map(rfc3339),
        ended_at: session.ended_at.map(rfc3339),
        ended_by: session.ended_by,
        final_stage: session.ended_at.and(session.stage),
        skipped_stages: session.skipped_stages,
        forced_transitions: session.forced_transitions,
        control: session.control,
        head: stored.head.to_hex(),
        stage_labels: labels.into_iter().map(|stage| StageLabel { name: stage.name, label: stage.label }).collect(),
    };
    Interview { meta, stages, turns }
}

fn stage_line(row: StageRow) -> StageLine {
    // Days fit exactly: an f64 has 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a stage stay far below 2^53")]
    let seconds_in_stage = row.in_stage_ms as f64 / 1_000.0;
    StageLine {
        n: row.n,
        from: row.from,
        to: row.to,
        reason: row.reason,
        questions_asked: row.questions_asked,
        seconds_in_stage,
        at: rfc3339(row.at),
    }
}

fn turn_line(row: TurnRow, started: Option<i64>) -> TurnLine {
    TurnLine {
        n: row.n,
        seq: row.seq,
        position: row.position,
        item_id: row.item_id,
        content_index: row.content_index,
        speaker: row.speaker,
        text: row.text,
        stage: row.stage,
        state: row.state,
        source: row.source,
        start_ms: row.start_ms,
        duration_ms: row.duration_ms,
        audio_end_ms: row.audio_end_ms,
        truncated: row.truncated,
        disputed: row.disputed,
        spoken_at: rfc3339(row.spoken_at),
        since_start_ms: started.map(|started| u64::try_from(row.spoken_at - started).unwrap_or(0)),
    }
}
