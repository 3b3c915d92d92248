//! Rights in SQLite. Deleted rows are overwritten in the file (`secure_delete`), and the writer empties the log that still
//! has them once the deletion is durable.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::SqliteStore;
use super::codec::{Key as _, Refusal, Sight, id};
use super::job::Db;
use super::people::by_id as standing_of;
use super::{audit, rows};
use crate::identity::{Actor, TenantCtx};
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::Answer;
use crate::store::audit::{Action, Note};
use crate::store::invitations::INVITATION_ISSUER;
use crate::store::people::Standing;
use crate::store::rights::{Deletion, Erasure, Expired, Holdings, Rights, StoredConsent};

const DAY_MS: i64 = 86_400_000;
/// As long as the trigger on `audit` keeps them; what was consumed is kept as long.
const AUDIT_MS: i64 = 730 * DAY_MS;
/// A candidate who has just accepted may not have a session for a moment of the clock's.
const SETTLING_MS: i64 = DAY_MS;

impl Rights for SqliteStore {
    fn withdraw_consent(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, bool> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| {
            db.atomically(|db| {
                if !rows::sees(&db.conn, ctx, session)? {
                    return Ok(false);
                }
                let marked = db
                    .conn
                    .prepare_cached(
                        "UPDATE consents SET withdrawn_at = ?2 WHERE session_id = ?1 AND withdrawn_at IS NULL",
                    )?
                    .execute(params![session.key(), now])?;
                if marked > 0 {
                    audit::note(&db.conn, ctx, now, &Note::of(Action::ConsentWithdrawn, session.0))?;
                }
                Ok(true)
            })
        })
    }

    fn consents(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Vec<StoredConsent>> {
        self.read(move |conn| if rows::sees(conn, ctx, session)? { consents(conn, session) } else { Ok(Vec::new()) })
    }

    fn delete_session(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Deletion> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| db.atomically(|db| delete_session(db, ctx, session, now)))
    }

    fn holdings(&self, user: UserId) -> Answer<'_, Option<Holdings>> {
        self.read(move |conn| holdings(conn, user))
    }

    fn erase(&self, user: UserId) -> Answer<'_, Erasure> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| db.atomically(|db| erase(db, user, now)))
    }

    fn expire(&self, at_most: u32) -> Answer<'_, Expired> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| db.atomically(|db| expire(db, at_most, now)))
    }
}

fn consents(conn: &Connection, session: SessionId) -> rusqlite::Result<Vec<StoredConsent>> {
    conn.prepare_cached(
        "SELECT version, locale, text_hash, agreed_at, withdrawn_at FROM consents WHERE session_id = ?1 ORDER BY agreed_at",
    )?
    .query_map([session.key()], |row| {
        Ok(StoredConsent {
            version: row.get("version")?,
            locale: row.get("locale")?,
            text_hash: row.get("text_hash")?,
            agreed_at: row.get("agreed_at")?,
            withdrawn_at: row.get("withdrawn_at")?,
        })
    })?
    .collect()
}

fn delete_session(db: &mut Db, ctx: TenantCtx, session: SessionId, now: i64) -> Result<Deletion, Refusal> {
    let sight = Sight::of(ctx);
    let found: Option<bool> = db
        .conn
        .prepare_cached(
            "SELECT t.legal_hold FROM interview_sessions s JOIN tenants t ON t.id = s.tenant_id
             WHERE s.id = ?1 AND s.tenant_id = ?2 AND (?3 IS NULL OR s.user_id = ?3)",
        )?
        .query_row(params![session.key(), sight.tenant, sight.user], |row| row.get(0))
        .optional()?;
    match found {
        None => return Ok(Deletion::Missing),
        Some(_) if !ctx.may_see(session) => return Ok(Deletion::Missing),
        Some(true) => return Ok(Deletion::Held),
        Some(false) => {}
    }
    remove_session(db, session)?;
    audit::note(&db.conn, ctx, now, &Note::of(Action::SessionDeleted, session.0))?;
    Ok(Deletion::Done)
}

/// The row, and by reference all that hangs on it: calls, tickets, consents, journal, turns, stages. What an invitation
/// knows of it goes as well.
fn remove_session(db: &mut Db, session: SessionId) -> Result<(), Refusal> {
    db.conn.prepare_cached("DELETE FROM interview_sessions WHERE id = ?1")?.execute([session.key()])?;
    // A journal that is not there must not be written on from memory.
    db.heads.forget();
    db.log_holds_erased = true;
    Ok(())
}

fn holdings(conn: &Connection, user: UserId) -> rusqlite::Result<Option<Holdings>> {
    let Some(Standing { user: person, memberships, .. }) = standing_of(conn, user)? else { return Ok(None) };
    let key = user.key();
    let (created_at, last_seen_at) = conn
        .prepare_cached("SELECT created_at, last_seen_at FROM users WHERE id = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let interviews = conn
        .prepare_cached("SELECT tenant_id, id FROM interview_sessions WHERE user_id = ?1 ORDER BY id")?
        .query_map([key], |row| Ok((TenantId(id(row, "tenant_id")?), SessionId(id(row, "id")?))))?
        .collect::<Result<_, _>>()?;
    let sign_ins = conn
        .prepare_cached("SELECT created_at, expires_at FROM auth_sessions WHERE user_id = ?1 ORDER BY created_at")?
        .query_map([key], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let named = |sql: &str| -> rusqlite::Result<Vec<(String, i64)>> {
        conn.prepare_cached(sql)?.query_map([key], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    Ok(Some(Holdings {
        user: person,
        created_at,
        last_seen_at,
        memberships,
        interviews,
        sign_ins,
        model_keys: named("SELECT last4, created_at FROM user_api_keys WHERE user_id = ?1 ORDER BY created_at")?,
        access_keys: named("SELECT name, created_at FROM access_keys WHERE created_by = ?1 ORDER BY created_at")?,
    }))
}

fn erase(db: &mut Db, user: UserId, now: i64) -> Result<Erasure, Refusal> {
    let conn = &db.conn;
    let key = user.key();
    if standing_of(conn, user)?.is_none() {
        return Ok(Erasure::Missing);
    }
    let held = conn
        .prepare_cached(
            "SELECT 1 FROM tenants t WHERE t.legal_hold = 1 AND (
                 EXISTS (SELECT 1 FROM interview_sessions s WHERE s.user_id = ?1 AND s.tenant_id = t.id)
                 OR t.kind = 'personal' AND EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = ?1 AND m.tenant_id = t.id))",
        )?
        .exists([key])?;
    if held {
        return Ok(Erasure::Held);
    }
    let last_admin = conn
        .prepare_cached(
            "SELECT 1 FROM memberships m JOIN tenants t ON t.id = m.tenant_id AND t.kind = 'organisation'
             WHERE m.user_id = ?1 AND m.role = 'admin' AND m.removed_at IS NULL AND NOT EXISTS (
                 SELECT 1 FROM memberships o WHERE o.tenant_id = m.tenant_id AND o.user_id <> ?1 AND o.role = 'admin' AND o.removed_at IS NULL)",
        )?
        .exists([key])?;
    if last_admin {
        return Ok(Erasure::LastAdmin);
    }
    // Also where they do not belong any more: interviews of theirs may be there.
    let tenants: Vec<TenantId> = conn
        .prepare_cached("SELECT tenant_id FROM memberships WHERE user_id = ?1")?
        .query_map([key], |row| id(row, "tenant_id").map(TenantId))?
        .collect::<Result<_, _>>()?;
    for tenant in tenants {
        let ctx = TenantCtx { tenant, actor: Actor::User(user) };
        audit::note(conn, ctx, now, &Note::of(Action::PersonErased, user.0))?;
    }
    conn.prepare_cached("DELETE FROM interview_sessions WHERE user_id = ?1")?.execute([key])?;
    conn.prepare_cached("DELETE FROM interview_invitations WHERE accepted_by = ?1")?.execute([key])?;
    // Nobody else belongs to a personal tenant.
    conn.prepare_cached(
        "DELETE FROM tenants WHERE kind = 'personal' AND id IN (SELECT tenant_id FROM memberships WHERE user_id = ?1)",
    )?
    .execute([key])?;
    conn.prepare_cached("DELETE FROM users WHERE id = ?1")?.execute([key])?;
    db.heads.forget();
    db.log_holds_erased = true;
    Ok(Erasure::Done)
}

fn expire(db: &mut Db, at_most: u32, now: i64) -> Result<Expired, Refusal> {
    let due: Vec<(TenantId, SessionId)> = db
        .conn
        .prepare_cached(
            "SELECT s.tenant_id, s.id FROM interview_sessions s JOIN tenants t ON t.id = s.tenant_id
             WHERE t.legal_hold = 0 AND t.retention_days > 0 AND s.status <> 'in_progress'
                 AND coalesce(s.ended_at, s.created_at) < ?1 - t.retention_days * 86400000
                 AND s.projected_n >= coalesce((SELECT max(n) FROM journal WHERE session_id = s.id), 0)
             LIMIT ?2",
        )?
        .query_map(params![now, at_most], |row| Ok((TenantId(id(row, "tenant_id")?), SessionId(id(row, "id")?))))?
        .collect::<Result<_, _>>()?;
    for (tenant, session) in &due {
        remove_session(db, *session)?;
        audit::note(&db.conn, TenantCtx::service(*tenant), now, &Note::of(Action::RetentionApplied, session.0))?;
    }
    let conn = &db.conn;
    let run = |sql: &str, before: i64| -> rusqlite::Result<usize> { conn.prepare_cached(sql)?.execute([before]) };
    let invitations = run(
        "UPDATE interview_invitations SET request = NULL, email = NULL WHERE request IS NOT NULL AND expires_at <= ?1",
        now,
    )?;
    let sign_ins = run("DELETE FROM auth_sessions WHERE expires_at <= ?1", now)?;
    run("DELETE FROM usage_logs WHERE at <= ?1", now - AUDIT_MS)?;
    let audit = run("DELETE FROM audit WHERE at <= ?1 AND at <= (unixepoch() - 63072000) * 1000", now - AUDIT_MS)?;
    let candidates = conn
        .prepare_cached(
            "DELETE FROM users WHERE issuer = ?1 AND created_at < ?2
                 AND NOT EXISTS (SELECT 1 FROM interview_sessions s WHERE s.user_id = users.id)",
        )?
        .execute(params![INVITATION_ISSUER, now - SETTLING_MS])?;
    let expired = Expired { sessions: due.len(), candidates, invitations, sign_ins, audit };
    db.log_holds_erased |= candidates + invitations > 0;
    Ok(expired)
}
