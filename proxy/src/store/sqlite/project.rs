//! Writes the projection: which sessions are behind their journal, and bringing one up to it. Readers do not wait for
//! this; they fold what is missing by themselves.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use rusqlite::{Connection, named_params, params};

use super::codec::{Key as _, Named as _, signed};
use super::job::Db;
use super::journal;
use super::rows::{self, Words};
use super::usage;
use crate::ids::SessionId;
use crate::store::projection::{Changes, Projection, Turn};

/// Sessions remembered as behind. When there are more, the rest is brought up to date by their next commit or start.
const REMEMBERED: usize = 65_536;
/// Sessions looked at in one go when catching up after a start.
const SCAN: usize = 512;

/// The sessions that are behind, oldest first.
pub(super) struct Stale {
    order: VecDeque<(SessionId, Instant)>,
    known: HashSet<SessionId>,
    /// The last session looked at since the start; `None` when all were.
    unscanned: Option<[u8; 16]>,
}

impl Stale {
    /// Nothing is known yet about what an earlier process left behind.
    pub(super) fn at_start() -> Self {
        Self { order: VecDeque::new(), known: HashSet::new(), unscanned: Some([0; 16]) }
    }

    /// A session got a record.
    pub(super) fn mark(&mut self, session: SessionId) {
        if self.known.len() < REMEMBERED && self.known.insert(session) {
            self.order.push_back((session, Instant::now()));
        }
    }

    /// The one that is behind for longest.
    pub(super) fn take(&mut self) -> Option<SessionId> {
        let (session, _) = self.order.pop_front()?;
        self.known.remove(&session);
        Some(session)
    }

    /// Since when the oldest is behind.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.order.front().map(|(_, since)| *since)
    }

    /// Whether sessions of an earlier process may still be behind.
    pub(super) fn has_unscanned(&self) -> bool {
        self.unscanned.is_some()
    }
}

/// Looks at the next sessions of an earlier process and marks those that are behind.
pub(super) fn scan(db: &mut Db) -> rusqlite::Result<()> {
    let Some(last) = db.stale.unscanned else {
        return Ok(());
    };
    let seen: Vec<([u8; 16], bool)> = db
        .conn
        .prepare_cached(
            "SELECT s.id, s.projected_n < coalesce((SELECT max(n) FROM journal WHERE session_id = s.id), 0)
             FROM interview_sessions s WHERE s.id > ?1 ORDER BY s.id LIMIT ?2",
        )?
        .query_map(params![last, SCAN as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    db.stale.unscanned = seen.last().map(|(id, _)| *id);
    for (id, _) in seen.iter().filter(|(_, behind)| *behind) {
        db.stale.mark(SessionId(uuid::Uuid::from_bytes(*id)));
    }
    Ok(())
}

/// Brings one session up to its journal's head, inside the writer's transaction.
pub(super) fn project(conn: &mut Connection, session: SessionId) -> rusqlite::Result<()> {
    let Some(stored) = rows::session_state(conn, session)? else {
        return Ok(());
    };
    let from = stored.projected_n;
    let records = journal::records(conn, session, from)?;
    if records.is_empty() {
        return Ok(());
    }
    let mut projection = rows::projection(conn, session, stored, Words::Left)?;
    let stages_before = projection.stages.len();
    let changes = projection.take_in(session, &records);
    save(conn, session, &projection, &changes, stages_before)
}

/// Empties the projection of one session, so that the next [`project`] rebuilds it from the first record.
pub(super) fn forget(conn: &Connection, session: SessionId) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM transcript_entries WHERE session_id = ?1", [session.key()])?;
    conn.execute("DELETE FROM stage_events WHERE session_id = ?1", [session.key()])?;
    conn.execute("DELETE FROM usage_logs WHERE session_id = ?1", [session.key()])?;
    save_session(conn, session, &Projection::default())
}

fn save(
    conn: &Connection,
    session: SessionId,
    projection: &Projection,
    changes: &Changes,
    stages_before: usize,
) -> rusqlite::Result<()> {
    let turns = projection.turns();
    for turn in changes.said.iter().map(|&at| &turns[at]) {
        save_turn(conn, session, turn)?;
    }
    for figure in &changes.figures {
        usage::save(conn, session, figure)?;
    }
    for turn in changes.moved.iter().map(|&at| &turns[at]) {
        conn.prepare_cached(
            "UPDATE transcript_entries SET previous_item_id = ?1, position = ?2
             WHERE session_id = ?3 AND call_ordinal = ?4 AND item_id = ?5 AND content_index = ?6",
        )?
        .execute(params![
            turn.after,
            turn.settled.as_ref().map(|row| row.position),
            session.key(),
            turn.key.call,
            turn.key.item,
            turn.key.content_index,
        ])?;
    }
    for stage in &projection.stages[stages_before..] {
        conn.prepare_cached(
            "INSERT INTO stage_events (tenant_id, session_id, n, from_stage, to_stage, reason, questions_asked, in_stage_ms, at)
             SELECT tenant_id, id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM interview_sessions WHERE id = ?1",
        )?
        .execute(params![
            session.key(),
            stage.n,
            stage.from,
            stage.to,
            stage.reason.name(),
            stage.questions_asked,
            signed(stage.in_stage_ms),
            stage.at,
        ])?;
    }
    save_session(conn, session, projection)
}

fn save_turn(conn: &Connection, session: SessionId, turn: &Turn) -> rusqlite::Result<()> {
    let row = turn.settled.as_ref();
    conn.prepare_cached(
        "INSERT INTO transcript_entries (tenant_id, session_id, call_ordinal, item_id, content_index, first_n, previous_item_id, speaker,
             state, n, seq, position, stage, source, start_ms, duration_ms, audio_end_ms, truncated, disputed, spoken_at, text)
         SELECT tenant_id, id, :call, :item, :part, :first_n, :after, :speaker,
             :state, :n, :seq, :position, :stage, :source, :start_ms, :duration_ms, :audio_end_ms, :truncated, :disputed, :spoken_at, nullif(:text, '')
         FROM interview_sessions WHERE id = :session
         ON CONFLICT (session_id, call_ordinal, item_id, content_index) DO UPDATE SET
             previous_item_id = excluded.previous_item_id, speaker = excluded.speaker, state = excluded.state, n = excluded.n,
             seq = excluded.seq, position = excluded.position, stage = excluded.stage, source = excluded.source,
             start_ms = excluded.start_ms, duration_ms = excluded.duration_ms, audio_end_ms = excluded.audio_end_ms,
             truncated = excluded.truncated, disputed = excluded.disputed, spoken_at = excluded.spoken_at,
             text = coalesce(excluded.text, transcript_entries.text)",
    )?
    .execute(named_params! {
        ":session": session.key(),
        ":call": turn.key.call,
        ":item": turn.key.item,
        ":part": turn.key.content_index,
        ":first_n": signed(turn.first_n),
        ":after": turn.after,
        ":speaker": turn.speaker.name(),
        ":state": row.map_or("open", |row| row.state.name()),
        ":n": row.map(|row| signed(row.n)),
        ":seq": row.map(|row| row.seq),
        ":position": row.map(|row| row.position),
        ":stage": row.map(|row| &row.stage),
        ":source": row.map(|row| row.source.name()),
        ":start_ms": row.and_then(|row| row.start_ms).map(signed),
        ":duration_ms": row.and_then(|row| row.duration_ms).map(signed),
        ":audio_end_ms": row.and_then(|row| row.audio_end_ms).map(signed),
        ":truncated": row.is_some_and(|row| row.truncated),
        ":disputed": row.is_some_and(|row| row.disputed),
        ":spoken_at": row.map(|row| row.spoken_at),
        ":text": row.map(|row| &row.text),
    })?;
    Ok(())
}

fn save_session(conn: &Connection, session: SessionId, projection: &Projection) -> rusqlite::Result<()> {
    let state = &projection.session;
    conn.prepare_cached(
        "UPDATE interview_sessions SET projected_n = :projected_n, status = :status, webrtc_status = :webrtc_status, webrtc_call = :webrtc_call,
             stage = :stage, stage_started_at = :stage_started_at, skipped_stages = :skipped_stages,
             forced_transitions = :forced_transitions, ended_by = :ended_by, control = :control, sideband = :sideband,
             started_at = :started_at, ended_at = :ended_at, agent_turns = :agent_turns, candidate_turns = :candidate_turns
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": session.key(),
        ":projected_n": signed(state.projected_n),
        ":status": state.status.name(),
        ":webrtc_status": state.webrtc_status.name(),
        ":webrtc_call": state.webrtc_call,
        ":stage": state.stage,
        ":stage_started_at": state.stage_started_at,
        ":skipped_stages": serde_json::to_string(&state.skipped_stages).expect("a list of strings is JSON"),
        ":forced_transitions": state.forced_transitions,
        ":ended_by": state.ended_by,
        ":control": state.control,
        ":sideband": state.sideband,
        ":started_at": state.started_at,
        ":ended_at": state.ended_at,
        ":agent_turns": state.agent_turns,
        ":candidate_turns": state.candidate_turns,
    })?;
    Ok(())
}
