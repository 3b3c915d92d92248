//! What readers are shown: the stored row and projection, and on top of them what the journal has beyond. All of it goes
//! up to the journal's head at the moment of the read transaction, whatever the writer has projected so far.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::codec::{Key as _, Sight, count, id, maybe};
use super::journal;
use super::rows::{self, Words};
use crate::identity::TenantCtx;
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::projection::{Projection, SessionState};
use crate::store::standing::{self, Failure, LatestCall};
use crate::store::{Details, NewSession, Page, Profile, Session, Transcript, Which};

/// A session as its row and its calls tell it, before the journal's latest.
struct Stored {
    new: NewSession,
    tenant: TenantId,
    tenant_max_sessions: Option<u32>,
    state: SessionState,
    failure: Option<Failure>,
    call: Option<LatestCall>,
    head_n: u64,
}

const SESSION: &str =
    "SELECT s.*, c.ordinal AS call_ordinal, c.answered_at AS call_answered_at, c.closed_at AS call_closed_at,
        coalesce((SELECT max(n) FROM journal WHERE session_id = s.id), 0) AS head_n,
        (SELECT max_sessions FROM tenants WHERE id = s.tenant_id) AS tenant_max_sessions
    FROM interview_sessions s
    LEFT JOIN calls c ON c.session_id = s.id AND c.ordinal = (SELECT max(ordinal) FROM calls WHERE session_id = s.id)
    WHERE s.tenant_id = :tenant AND (:user IS NULL OR s.user_id = :user)";

/// Every offer asks for one: it is found by its key, however many the tenant has. An `IS NULL OR` here would have all of
/// the tenant's looked at.
const BY_ID: &str = "AND s.id = :id";
const NEWEST_FIRST: &str =
    "AND (:session IS NULL OR s.id = :session) AND (:before IS NULL OR s.id < :before) ORDER BY s.id DESC LIMIT :limit";
/// From the few that are on, however many there are besides. Calls have no index on their end, since it would cost every
/// offer: those of two days are looked at.
const UNDER_WAY: &str = "AND s.id IN (
        SELECT id FROM interview_sessions INDEXED BY interview_sessions_going_on WHERE status = 'in_progress'
        UNION ALL SELECT session_id FROM calls
            WHERE session_id >= unhex(printf('%012x', (unixepoch() - 172800) * 1000)) AND closed_at IS NULL)";

/// One session up to its journal's head.
pub(super) fn session(conn: &Connection, ctx: TenantCtx, wanted: SessionId) -> rusqlite::Result<Option<Session>> {
    stored(conn, ctx, wanted)?.map(|stored| current(conn, stored, Words::Left).map(|(session, _)| session)).transpose()
}

/// Sessions of the actor, newest first: ids are time-ordered.
pub(super) fn sessions(conn: &Connection, ctx: TenantCtx, page: Page) -> rusqlite::Result<Vec<Session>> {
    let sight = Sight::of(ctx);
    let which = match page.which {
        Which::All => "",
        Which::UnderWay => UNDER_WAY,
    };
    let found: Vec<Stored> = conn
        .prepare_cached(&format!("{SESSION} {which} {NEWEST_FIRST}"))?
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
    let Some(stored) = stored(conn, ctx, wanted)? else {
        return Ok(None);
    };
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
    conn.prepare_cached(&format!("{SESSION} {BY_ID}"))?
        .query_row(named_params! { ":tenant": sight.tenant, ":id": wanted.key(), ":user": sight.user }, stored_row)
        .optional()
}

/// Brings a stored session up to its journal's head, in memory. With [`Words::Left`] and nothing to fold, the
/// projection stays empty: nobody asked for its turns.
fn current(conn: &Connection, stored: Stored, words: Words) -> rusqlite::Result<(Session, Projection)> {
    let id = stored.new.id;
    let behind = stored.state.projected_n < stored.head_n;
    let projection = if behind || words == Words::Loaded {
        let records = journal::records(conn, id, stored.state.projected_n)?;
        let mut projection = rows::projection(conn, id, stored.state, words)?;
        projection.take_in(id, &records);
        projection
    } else {
        Projection::stored(stored.state, Vec::new(), Vec::new())
    };
    let state = projection.session.clone();
    let mut session = standing::session(stored.new, stored.tenant, state, stored.failure, stored.call);
    session.tenant_max_sessions = stored.tenant_max_sessions;
    Ok((session, projection))
}

fn stored_row(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let failure = row.get::<_, Option<String>>("failed_code")?;
    let call = row.get::<_, Option<u32>>("call_ordinal")?;
    Ok(Stored {
        new: NewSession {
            id: SessionId(id(row, "id")?),
            user: UserId(id(row, "user_id")?),
            plan: row.get("plan")?,
            stage_plan: row.get("stage_plan")?,
            candidate_name: row.get("candidate_name")?,
            job_role: row.get("job_role")?,
            language: row.get("language")?,
            details: Details {
                title: row.get("title")?,
                candidate_email: row.get("candidate_email")?,
                experience_level: maybe(row, "experience_level")?,
                resume_text: row.get("resume_text")?,
                job_description: row.get("job_description")?,
                extra_instructions: row.get("extra_instructions")?,
                profile: if row.get("include_profile")? { Profile::Included } else { Profile::Withheld },
            },
            model: row.get("model")?,
            voice: row.get("voice")?,
            simulation: row.get("simulation")?,
            created_at: row.get("created_at")?,
        },
        tenant: TenantId(id(row, "tenant_id")?),
        tenant_max_sessions: row.get("tenant_max_sessions")?,
        state: rows::state_row(row)?,
        failure: match failure {
            Some(code) => Some(Failure { code, ordinal: row.get("failed_ordinal")? }),
            None => None,
        },
        call: match call {
            Some(ordinal) => Some(LatestCall {
                ordinal,
                answered_at: row.get("call_answered_at")?,
                closed_at: row.get("call_closed_at")?,
            }),
            None => None,
        },
        head_n: count(row, "head_n")?,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rusqlite::StatementStatus;

    use super::super::{open, schema};
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_session_is_found_by_its_key_and_not_among_all_of_its_tenant() {
        let mut conn = Connection::open_in_memory().expect("memory");
        schema::migrate(&mut conn, 0).expect("the schema");
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {SESSION} {BY_ID}")).expect("the query");
        let anybody = named_params! { ":tenant": [0_u8; 16], ":id": [0_u8; 16], ":user": None::<[u8; 16]> };
        let steps: Vec<String> =
            plan.query_map(anybody, |row| row.get("detail")).and_then(Iterator::collect).expect("its steps");
        let found = steps.iter().find(|step| step.starts_with("SEARCH s "));
        assert!(found.is_some_and(|step| step.contains("AND id=?")), "{steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:?}");
    }

    #[test]
    fn those_under_way_are_found_without_looking_at_all_of_the_tenant() {
        let mut conn = Connection::open_in_memory().expect("memory");
        schema::migrate(&mut conn, 0).expect("the schema");
        let query = format!("EXPLAIN QUERY PLAN {SESSION} {UNDER_WAY} {NEWEST_FIRST}");
        let mut plan = conn.prepare(&query).expect("the query");
        let first = named_params! { ":tenant": [0_u8; 16], ":session": None::<[u8; 16]>, ":user": None::<[u8; 16]>,
        ":before": None::<[u8; 16]>, ":limit": 50 };
        let steps: Vec<String> =
            plan.query_map(first, |row| row.get("detail")).and_then(Iterator::collect).expect("its steps");
        assert!(steps.iter().any(|step| step.starts_with("SEARCH s ") && step.contains("AND id=?")), "{steps:?}");
        assert!(steps.iter().any(|step| step.contains("interview_sessions_going_on")), "{steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN s")), "{steps:?}");
    }

    #[test]
    fn a_session_is_looked_up_without_preparing_the_query_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let held = open::take(dir.path()).expect("ours");
        let options = open::Options::new(dir.path(), Arc::new(SystemClock::new()));
        let conn = open::writer(&held, &options).expect("a store");
        for _ in 0..3 {
            let ctx = TenantCtx::service(TenantId::fresh());
            let nobody = session(&conn, ctx, SessionId::fresh()).expect("it can be read");
            assert!(nobody.is_none());
        }
        let query = conn.prepare_cached(&format!("{SESSION} {BY_ID}")).expect("the query");
        assert_eq!(query.get_status(StatementStatus::Run), 3, "the same statement");
        assert_eq!(query.get_status(StatementStatus::RePrepare), 0);
    }
}
