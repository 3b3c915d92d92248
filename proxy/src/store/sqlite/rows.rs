//! Reading the projected rows back into the types of the projection, for whoever goes on folding.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::codec::{Key as _, Sight, count, named, unsigned};
use crate::identity::TenantCtx;
use crate::ids::SessionId;
use crate::store::projection::{Projection, SessionState, Turn, TurnKey};
use crate::store::{StageRow, TurnRow};

/// Whether a loaded projection carries what was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// For somebody to read.
    Loaded,
    /// To find out what changes: the pages with the text are not touched.
    Left,
}

/// Whether the actor has this session.
pub(super) fn sees(conn: &Connection, ctx: TenantCtx, wanted: SessionId) -> rusqlite::Result<bool> {
    let sight = Sight::of(ctx);
    let found = conn
        .prepare_cached("SELECT 1 FROM interview_sessions WHERE id = :id AND tenant_id = :tenant AND (:user IS NULL OR user_id = :user)")?
        .exists(named_params! { ":id": wanted.key(), ":tenant": sight.tenant, ":user": sight.user })?;
    Ok(found && ctx.may_see(wanted))
}

/// The projected columns of a session, whoever it belongs to: for the writer.
pub(super) fn session_state(conn: &Connection, session: SessionId) -> rusqlite::Result<Option<SessionState>> {
    conn.prepare_cached("SELECT * FROM interview_sessions WHERE id = ?1")?
        .query_row([session.key()], state_row)
        .optional()
}

/// The stored projection of a session.
pub(super) fn projection(
    conn: &Connection,
    session: SessionId,
    state: SessionState,
    words: Words,
) -> rusqlite::Result<Projection> {
    let text = match words {
        Words::Loaded => "coalesce(text, '')",
        Words::Left => "''",
    };
    let turns = conn
        .prepare_cached(&format!(
            "SELECT call_ordinal, item_id, content_index, first_n, previous_item_id, speaker, state, n, seq, position, stage, source,
                 start_ms, duration_ms, audio_end_ms, truncated, disputed, spoken_at, {text} AS text
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
    let key =
        TurnKey { call: row.get("call_ordinal")?, item: row.get("item_id")?, content_index: row.get("content_index")? };
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
            disputed: row.get("disputed")?,
            spoken_at: row.get("spoken_at")?,
        }),
    };
    Ok(Turn { key, first_n: count(row, "first_n")?, after: row.get("previous_item_id")?, speaker, settled })
}

pub(super) fn state_row(row: &Row<'_>) -> rusqlite::Result<SessionState> {
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

/// The JSON in a column.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|_| rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text))
}
