//! Reading sessions back: the stored row and projection, and on top of them what the journal has beyond. Everything a
//! reader gets goes up to the journal's head at the moment of its read transaction.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::codec::{Key as _, Sight, count, id, named, unsigned};
use super::{journal, project};
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::projection::{Projection, SessionState, Turn, TurnKey};
use crate::store::standing::{self, Failure, LatestCall};
use crate::store::{NewSession, Page, Session, StageRow, Transcript, TurnRow};

/// Whether a loaded projection carries what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// For somebody to read.
    Loaded,
    /// To find out what changes: the pages with the text are not touched.
    Left,
}

/// A session as its row and its calls tell it, before the journal's latest.
struct Stored {
    new: NewSession,
    tenant: TenantId,
    state: SessionState,
    failure: Option<Failure>,
    call: Option<LatestCall>,
    head_n: u64,
}

const SESSION: &str = "SELECT s.*, c.ordinal AS call_ordinal, c.answered_at AS call_answered_at, c.closed_at AS call_closed_at,
        coalesce((SELECT max(n) FROM journal WHERE session_id = s.id), 0) AS head_n
    FROM interview_sessions s
    LEFT JOIN calls c ON c.session_id = s.id AND c.ordinal = (SELECT max(ordinal) FROM calls WHERE session_id = s.id)
    WHERE s.tenant_id = :tenant AND (:session IS NULL OR s.id = :session) AND (:user IS NULL OR s.user_id = :user)";

/// One session up to its journal's head.
pub(super) fn session(conn: &Connection, ctx: TenantCtx, wanted: SessionId) -> rusqlite::Result<Option<Session>> {
    stored(conn, ctx, wanted)?.map(|stored| current(conn, stored, Words::Left).map(|(session, _)| session)).transpose()
}

/// Sessions of the actor, newest first: ids are time-ordered.
pub(super) fn sessions(conn: &Connection, ctx: TenantCtx, page: Page) -> rusqlite::Result<Vec<Session>> {
    let sight = Sight::of(ctx);
    let found: Vec<Stored> = conn
        .prepare_cached(&format!("{SESSION} AND (:before IS NULL OR s.id < :before) ORDER BY s.id DESC LIMIT :limit"))?
        .query_map(
            named_params! {
                ":tenant": sight.tenant,
                ":session": sight.session,
                ":user": sight.user,
                ":before": page.before.map(|id| id.key()),
                ":limit": page.limit.clamp(1, 100),
            },
            stored_row,
        )?
        .collect::<Result<_, _>>()?;
    found.into_iter().map(|stored| current(conn, stored, Words::Left).map(|(session, _)| session)).collect()
}

/// Everything readable of a session.
pub(super) fn transcript(conn: &Connection, ctx: TenantCtx, wanted: SessionId) -> rusqlite::Result<Option<Transcript>> {
    let Some(stored) = stored(conn, ctx, wanted)? else { return Ok(None) };
    let (session, mut projection) = current(conn, stored, Words::Loaded)?;
    let (_, head) = journal::head(conn, wanted)?;
    let stages = std::mem::take(&mut projection.stages);
    Ok(Some(Transcript { session, stages, turns: projection.into_turn_rows(), head }))
}

fn stored(conn: &Connection, ctx: TenantCtx, wanted: SessionId) -> rusqlite::Result<Option<Stored>> {
    if !ctx.may_see(wanted) {
        return Ok(None);
    }
    let sight = Sight::of(ctx);
    conn.prepare_cached(SESSION)?
        .query_row(
            named_params! { ":tenant": sight.tenant, ":session": wanted.key(), ":user": sight.user },
            stored_row,
        )
        .optional()
}

/// Whether the actor has this session.
pub(super) fn sees(conn: &Connection, ctx: TenantCtx, wanted: SessionId) -> rusqlite::Result<bool> {
    let sight = Sight::of(ctx);
    let found = conn
        .prepare_cached("SELECT 1 FROM interview_sessions WHERE id = :id AND tenant_id = :tenant AND (:user IS NULL OR user_id = :user)")?
        .exists(named_params! { ":id": wanted.key(), ":tenant": sight.tenant, ":user": sight.user })?;
    Ok(found && ctx.may_see(wanted))
}

/// Brings a stored session up to its journal's head, in memory. With [`Words::Left`] and nothing to fold, the
/// projection stays empty: nobody asked for its turns.
fn current(conn: &Connection, stored: Stored, words: Words) -> rusqlite::Result<(Session, Projection)> {
    let id = stored.new.id;
    let behind = stored.state.projected_n < stored.head_n;
    let projection = if behind || words == Words::Loaded {
        let records = journal::records(conn, id, stored.state.projected_n)?;
        let mut projection = projection(conn, id, stored.state, words)?;
        project::fold(&mut projection, id, &records);
        projection
    } else {
        Projection::stored(stored.state, Vec::new(), Vec::new())
    };
    let state = projection.session.clone();
    Ok((standing::session(stored.new, stored.tenant, state, stored.failure, stored.call), projection))
}

/// The projected columns of a session, whoever it belongs to: for the writer.
pub(super) fn session_state(conn: &Connection, session: SessionId) -> rusqlite::Result<Option<SessionState>> {
    conn.prepare_cached("SELECT * FROM interview_sessions WHERE id = ?1")?.query_row([session.key()], state_row).optional()
}

/// The stored projection of a session.
pub(super) fn projection(conn: &Connection, session: SessionId, state: SessionState, words: Words) -> rusqlite::Result<Projection> {
    let text = match words {
        Words::Loaded => "coalesce(text, '')",
        Words::Left => "''",
    };
    let turns = conn
        .prepare_cached(&format!(
            "SELECT call_ordinal, item_id, content_index, first_n, previous_item_id, speaker, state, n, seq, position, stage, source,
                 start_ms, duration_ms, audio_end_ms, truncated, spoken_at, {text} AS text
             FROM transcript_entries WHERE session_id = ?1"
        ))?
        .query_map([session.key()], turn_row)?
        .collect::<Result<_, _>>()?;
    let stages = conn
        .prepare_cached("SELECT * FROM stage_events WHERE session_id = ?1 ORDER BY n")?
        .query_map([session.key()], |row| {
            Ok(StageRow {
                n: row.get("n")?,
                from: row.get("from_stage")?,
                to: row.get("to_stage")?,
                reason: named(row, "reason")?,
                questions_asked: row.get("questions_asked")?,
                in_stage_ms: count(row, "in_stage_ms")?,
                at: row.get("at")?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Projection::stored(state, turns, stages))
}

fn turn_row(row: &Row<'_>) -> rusqlite::Result<Turn> {
    let key = TurnKey { call: row.get("call_ordinal")?, item: row.get("item_id")?, content_index: row.get("content_index")? };
    let speaker = named(row, "speaker")?;
    let span = |column: &str| row.get::<_, Option<i64>>(column).map(|value| value.map(unsigned));
    let settled = match row.get::<_, Option<u32>>("seq")? {
        None => None,
        Some(seq) => Some(TurnRow {
            n: count(row, "n")?,
            seq,
            position: row.get("position")?,
            call: key.call,
            item_id: key.item.clone(),
            content_index: key.content_index,
            speaker,
            text: row.get("text")?,
            stage: row.get("stage")?,
            state: named(row, "state")?,
            source: named(row, "source")?,
            start_ms: span("start_ms")?,
            duration_ms: span("duration_ms")?,
            audio_end_ms: span("audio_end_ms")?,
            truncated: row.get("truncated")?,
            spoken_at: row.get("spoken_at")?,
        }),
    };
    Ok(Turn { key, first_n: count(row, "first_n")?, after: row.get("previous_item_id")?, speaker, settled })
}

fn stored_row(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let failure = row.get::<_, Option<String>>("failed_code")?;
    let call = row.get::<_, Option<u32>>("call_ordinal")?;
    Ok(Stored {
        new: NewSession {
            id: SessionId(id(row, "id")?),
            user: UserId(id(row, "user_id")?),
            plan: row.get("plan")?,
            stage_plan: json(row, "stage_plan")?,
            candidate_name: row.get("candidate_name")?,
            job_role: row.get("job_role")?,
            language: row.get("language")?,
            model: row.get("model")?,
            voice: row.get("voice")?,
            simulation: row.get("simulation")?,
            created_at: row.get("created_at")?,
        },
        tenant: TenantId(id(row, "tenant_id")?),
        state: state_row(row)?,
        failure: match failure {
            Some(code) => Some(Failure { code, ordinal: row.get("failed_ordinal")? }),
            None => None,
        },
        call: match call {
            Some(ordinal) => Some(LatestCall { ordinal, answered_at: row.get("call_answered_at")?, closed_at: row.get("call_closed_at")? }),
            None => None,
        },
        head_n: count(row, "head_n")?,
    })
}

fn state_row(row: &Row<'_>) -> rusqlite::Result<SessionState> {
    Ok(SessionState {
        projected_n: count(row, "projected_n")?,
        status: named(row, "status")?,
        webrtc_status: named(row, "webrtc_status")?,
        webrtc_call: row.get("webrtc_call")?,
        stage: row.get("stage")?,
        stage_started_at: row.get("stage_started_at")?,
        skipped_stages: json(row, "skipped_stages")?,
        forced_transitions: row.get("forced_transitions")?,
        ended_by: row.get("ended_by")?,
        control: row.get("control")?,
        sideband: row.get("sideband")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        agent_turns: row.get("agent_turns")?,
        candidate_turns: row.get("candidate_turns")?,
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|_| rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text))
}
