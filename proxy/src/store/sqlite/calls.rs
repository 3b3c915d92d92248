//! Sessions and their upstream calls. Starting a call is the hot path of an offer: one insert, nothing updated.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::codec::{Key as _, Named as _, Refusal, Sight, id, maybe, named};
use super::job::Db;
use super::rows;
use super::tickets::insert_ticket;
use crate::identity::{Actor, Consent, TenantCtx, Ticket, TicketHash};
use crate::ids::{CallId, KeyRef, ProviderCallId, SessionId, TenantId};
use crate::store::projection::SessionState;
use crate::store::{
    CallRow, CallStart, Level, NewSession, Profile, Session, SessionFailure, StoreError, Unfinished, standing,
};
use crate::transcript::HangUp;

/// What the actor may touch among calls.
const VISIBLE: &str = "tenant_id = :tenant AND (:session IS NULL OR session_id = :session)
    AND (:user IS NULL OR EXISTS (SELECT 1 FROM interview_sessions s WHERE s.id = session_id AND s.user_id = :user))";

/// Session, first ticket and consent. A person creates sessions for themself; a ticket creates none.
pub(super) fn create_session(
    db: &mut Db,
    ctx: TenantCtx,
    new: NewSession,
    ticket: &Ticket,
    consent: &Consent,
) -> Result<Session, Refusal> {
    let allowed = match ctx.actor {
        Actor::User(user) | Actor::Staff(user) => user == new.user,
        Actor::Service => true,
        Actor::Ticket(_) => false,
    };
    if !allowed || ticket.session != new.id || ticket.tenant != ctx.tenant {
        return Err(StoreError::Missing.into());
    }
    db.atomically(|db| {
        insert_session(&db.conn, ctx, &new)?;
        insert_ticket(&db.conn, ticket, consent, new.created_at)
    })?;
    Ok(standing::session(new, ctx.tenant, SessionState::default(), None, None))
}

/// Its row, and nothing around it. The composite reference says whether the person belongs to the tenant.
pub(super) fn insert_session(conn: &Connection, ctx: TenantCtx, new: &NewSession) -> rusqlite::Result<()> {
    let details = &new.details;
    conn.prepare_cached(
                "INSERT INTO interview_sessions (id, tenant_id, user_id, plan, stage_plan, candidate_name, job_role, language, model, voice,
                     simulation, created_at, title, candidate_email, experience_level, resume_text, job_description,
                     extra_instructions, include_profile)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
            )?
            .execute(params![
                new.id.key(),
                ctx.tenant.key(),
                new.user.key(),
                new.plan,
                &*new.stage_plan,
                new.candidate_name,
                new.job_role,
                new.language,
                new.model,
                new.voice,
                new.simulation,
                new.created_at,
                details.title,
                details.candidate_email,
                details.experience_level.map(Level::as_str),
                details.resume_text,
                details.job_description,
                details.extra_instructions,
                details.profile == Profile::Included,
            ])?;
    Ok(())
}

/// The row of a call about to be made. The composite reference says whether the session is this tenant's.
pub(super) fn start(db: &mut Db, ctx: TenantCtx, call: &CallStart) -> Result<(), Refusal> {
    own(&db.conn, ctx, call.session)?;
    let inserted = db
        .conn
        .prepare_cached(
            "INSERT INTO calls (tenant_id, session_id, ordinal, call_id, ticket_hash, key_ref, opened_at, upstream)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            ctx.tenant.key(),
            call.session.key(),
            call.ordinal,
            call.call_id.as_str(),
            call.ticket.0,
            call.key.to_string(),
            call.opened_at,
            call.upstream,
        ]);
    match inserted.map_err(Refusal::from) {
        Ok(_) => Ok(()),
        // Told twice, or somebody else's ordinal or id.
        Err(Refusal::Job(StoreError::Conflict)) => {
            let again = db
                .conn
                .prepare_cached(
                    "SELECT 1 FROM calls WHERE call_id = ?1 AND tenant_id = ?2 AND session_id = ?3 AND ordinal = ?4",
                )?
                .exists(params![call.call_id.as_str(), ctx.tenant.key(), call.session.key(), call.ordinal])?;
            if again { Ok(()) } else { Err(StoreError::Conflict.into()) }
        }
        Err(refusal) => Err(refusal),
    }
}

/// Refuses an actor who is bound to another session or is not the session's person. The service is not looked up.
fn own(conn: &Connection, ctx: TenantCtx, session: SessionId) -> Result<(), Refusal> {
    let allowed = match ctx.actor {
        Actor::Service | Actor::Staff(_) => true,
        Actor::Ticket(_) => ctx.may_see(session),
        Actor::User(user) => conn
            .prepare_cached("SELECT 1 FROM interview_sessions WHERE id = ?1 AND user_id = ?2")?
            .exists(params![session.key(), user.key()])?,
    };
    if allowed { Ok(()) } else { Err(StoreError::Missing.into()) }
}

/// The provider's id. Told twice it stands; a different one is a conflict.
pub(super) fn answered(
    db: &mut Db,
    ctx: TenantCtx,
    call: &CallId,
    provider: &ProviderCallId,
    at: i64,
) -> Result<(), Refusal> {
    let sight = Sight::of(ctx);
    let stored: Option<Option<String>> = db
        .conn
        .prepare_cached(&format!("SELECT provider_call_id FROM calls WHERE call_id = :call AND {VISIBLE}"))?
        .query_row(
            named_params! { ":call": call.as_str(), ":tenant": sight.tenant, ":session": sight.session, ":user": sight.user },
            |row| row.get(0),
        )
        .optional()?;
    match stored {
        None => Err(StoreError::Missing.into()),
        Some(Some(known)) if known != provider.expose() => Err(StoreError::Conflict.into()),
        Some(Some(_)) => Ok(()),
        Some(None) => {
            db.conn
                .prepare_cached("UPDATE calls SET provider_call_id = ?1, answered_at = ?2 WHERE call_id = ?3")?
                .execute(params![provider.expose(), at, call.as_str()])?;
            Ok(())
        }
    }
}

/// The end of a call. A confirmation stands; "unconfirmed" may become "confirmed" later.
pub(super) fn close(db: &mut Db, ctx: TenantCtx, call: &CallId, hang_up: HangUp, at: i64) -> Result<(), Refusal> {
    let sight = Sight::of(ctx);
    let closed = db
        .conn
        .prepare_cached(&format!(
            "UPDATE calls SET closed_at = coalesce(closed_at, :at), hang_up = CASE WHEN hang_up = 'confirmed' THEN hang_up ELSE :hang_up END
             WHERE call_id = :call AND {VISIBLE}"
        ))?
        .execute(named_params! {
            ":at": at,
            ":hang_up": hang_up.name(),
            ":call": call.as_str(),
            ":tenant": sight.tenant,
            ":session": sight.session,
            ":user": sight.user,
        })?;
    if closed == 0 { Err(StoreError::Missing.into()) } else { Ok(()) }
}

pub(super) fn list(conn: &Connection, ctx: TenantCtx, session: SessionId) -> rusqlite::Result<Vec<CallRow>> {
    if !ctx.may_see(session) {
        return Ok(Vec::new());
    }
    let sight = Sight::of(ctx);
    conn.prepare_cached(&format!(
        "SELECT ordinal, call_id, provider_call_id, key_ref, upstream, opened_at, answered_at, closed_at, hang_up FROM calls
         WHERE session_id = :of AND {VISIBLE} ORDER BY ordinal"
    ))?
    .query_map(
        named_params! { ":of": session.key(), ":tenant": sight.tenant, ":session": sight.session, ":user": sight.user },
        call_row,
    )?
    .collect()
}

/// Columns of a call with its ticket.
const LEFT: &str =
    "SELECT c.ordinal, c.call_id, c.provider_call_id, c.key_ref, c.upstream, c.opened_at, c.answered_at, c.closed_at, c.hang_up,
        t.hash, t.tenant_id, t.session_id, t.policy, t.expires_at";

/// Without an index: it is asked seldom, and an index would cost every offer.
pub(super) fn unfinished(conn: &Connection) -> rusqlite::Result<Vec<Unfinished>> {
    conn.prepare(&format!(
        "{LEFT} FROM calls c JOIN tickets t ON t.hash = c.ticket_hash
         WHERE c.closed_at IS NULL OR c.call_id IN (
             SELECT last.call_id FROM interview_sessions s JOIN calls last ON last.session_id = s.id
                 AND last.ordinal = (SELECT max(ordinal) FROM calls WHERE session_id = s.id)
             WHERE s.id >= unhex(printf('%012x', (unixepoch() - 172800) * 1000)) AND s.ended_at IS NULL)
         ORDER BY c.opened_at LIMIT 10000"
    ))?
    .query_map([], left_row)?
    .collect()
}

pub(super) fn unconfirmed(conn: &Connection, since: i64) -> rusqlite::Result<Vec<Unfinished>> {
    conn.prepare(&format!(
        "{LEFT} FROM calls c JOIN tickets t ON t.hash = c.ticket_hash
         WHERE c.hang_up = 'unconfirmed' AND c.closed_at >= ?1 AND c.provider_call_id IS NOT NULL
         ORDER BY c.closed_at LIMIT 10000"
    ))?
    .query_map([since], left_row)?
    .collect()
}

pub(super) fn stale(conn: &Connection, before: i64) -> rusqlite::Result<Vec<Unfinished>> {
    conn.prepare(&format!(
        "{LEFT} FROM interview_sessions s
         JOIN calls c ON c.session_id = s.id AND c.ordinal = (SELECT max(ordinal) FROM calls WHERE session_id = s.id)
         JOIN tickets t ON t.hash = c.ticket_hash
         WHERE s.status = 'in_progress' AND s.started_at < ?1 AND coalesce(c.closed_at, c.opened_at) < ?1
         ORDER BY s.started_at LIMIT 10000"
    ))?
    .query_map([before], left_row)?
    .collect()
}

fn left_row(row: &Row<'_>) -> rusqlite::Result<Unfinished> {
    let ticket = Ticket {
        hash: TicketHash(row.get("hash")?),
        tenant: TenantId(id(row, "tenant_id")?),
        session: SessionId(id(row, "session_id")?),
        policy: named(row, "policy")?,
        expires_at: row.get("expires_at")?,
    };
    Ok(Unfinished { ticket, call: call_row(row)? })
}

fn call_row(row: &Row<'_>) -> rusqlite::Result<CallRow> {
    let text = |column: &str| rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text);
    let provider: Option<String> = row.get("provider_call_id")?;
    Ok(CallRow {
        ordinal: row.get("ordinal")?,
        call_id: CallId::parse(row.get_ref("call_id")?.as_str()?).ok_or_else(|| text("call_id"))?,
        provider: provider.map(|id| ProviderCallId::parse(&id).ok_or_else(|| text("provider_call_id"))).transpose()?,
        key: KeyRef::parse(row.get_ref("key_ref")?.as_str()?).ok_or_else(|| text("key_ref"))?,
        upstream: row.get("upstream")?,
        opened_at: row.get("opened_at")?,
        answered_at: row.get("answered_at")?,
        closed_at: row.get("closed_at")?,
        hang_up: maybe(row, "hang_up")?,
    })
}

/// A refused exchange. It belongs to its call, or to the newest one when its row was never written. A later attempt's
/// failure is not replaced by what an earlier one still reports.
pub(super) fn fail(db: &mut Db, ctx: TenantCtx, failure: &SessionFailure) -> Result<(), Refusal> {
    if !rows::sees(&db.conn, ctx, failure.session)? {
        return Err(StoreError::Missing.into());
    }
    let session = failure.session.key();
    let call = failure.call_id.as_ref().map(CallId::as_str);
    let ordinal: i64 = db
        .conn
        .prepare_cached(
            "SELECT coalesce((SELECT ordinal FROM calls WHERE call_id = ?1 AND session_id = ?2),
                 (SELECT max(ordinal) FROM calls WHERE session_id = ?2), 0)",
        )?
        .query_row(params![call, session], |row| row.get(0))?;
    db.atomically(|db| {
        db.conn
            .prepare_cached(
                "UPDATE interview_sessions SET failed_code = ?1, failed_at = ?2, failed_ordinal = ?3
                 WHERE id = ?4 AND coalesce(failed_ordinal, 0) <= ?3",
            )?
            .execute(params![failure.code, failure.at, ordinal, session])?;
        db.conn
            .prepare_cached(
                "UPDATE calls SET closed_at = coalesce(closed_at, ?1) WHERE call_id = ?2 AND session_id = ?3",
            )?
            .execute(params![failure.at, call, session])?;
        Ok(())
    })
}
