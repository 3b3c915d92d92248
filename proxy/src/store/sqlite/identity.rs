//! People, their tenant, sign-ins and tickets.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::codec::{Key as _, Named as _, Refusal, id, named};
use super::job::Db;
use super::rows;
use crate::identity::{Consent, TenantCtx, Ticket, TicketHash};
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::{AuthSession, StoreError};

/// Expired sign-ins that one new sign-in sweeps away: the table cannot grow by more than it loses.
const SWEEP: u32 = 8;

/// Tenant, person, membership and sign-in. Repeating it renews the sign-in of the same person.
pub(super) fn sign_in(db: &mut Db, auth: &AuthSession, now: i64) -> Result<(), Refusal> {
    let (tenant, user) = (auth.tenant.key(), auth.user.key());
    db.atomically(|db| {
        let conn = &db.conn;
        conn.prepare_cached("INSERT INTO tenants (id, name, kind, created_at) VALUES (?1, ?2, 'personal', ?3) ON CONFLICT (id) DO NOTHING")?
            .execute(params![tenant, auth.name, now])?;
        let known = conn
            .prepare_cached(
                "INSERT INTO users (id, issuer, subject, name, created_at, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, last_seen_at = excluded.last_seen_at WHERE issuer = excluded.issuer",
            )?
            .execute(params![user, auth.issuer, auth.user.to_string(), auth.name, now])?;
        if known == 0 {
            return Err(StoreError::Conflict.into());
        }
        conn.prepare_cached(
            "INSERT INTO memberships (tenant_id, user_id, role, created_at) VALUES (?1, ?2, 'admin', ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![tenant, user, now])?;
        conn.prepare_cached(
            "DELETE FROM auth_sessions WHERE hash IN (SELECT hash FROM auth_sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute(params![now, SWEEP])?;
        let signed_in = conn
            .prepare_cached(
                "INSERT INTO auth_sessions (hash, tenant_id, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at WHERE tenant_id = excluded.tenant_id AND user_id = excluded.user_id",
            )?
            .execute(params![auth.hash, tenant, user, now, auth.expires_at])?;
        if signed_in == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
    })
}

pub(super) fn auth_session(conn: &Connection, hash: [u8; 32], now: i64) -> rusqlite::Result<Option<AuthSession>> {
    conn.prepare_cached(
        "SELECT a.user_id, a.tenant_id, u.name, u.issuer, a.expires_at FROM auth_sessions a JOIN users u ON u.id = a.user_id
         WHERE a.hash = ?1 AND a.expires_at > ?2",
    )?
    .query_row(params![hash, now], |row| {
        Ok(AuthSession {
            hash,
            user: UserId(id(row, "user_id")?),
            tenant: TenantId(id(row, "tenant_id")?),
            name: row.get("name")?,
            issuer: row.get("issuer")?,
            expires_at: row.get("expires_at")?,
        })
    })
    .optional()
}

pub(super) fn ticket(conn: &Connection, hash: TicketHash) -> rusqlite::Result<Option<Ticket>> {
    conn.prepare_cached("SELECT tenant_id, session_id, policy, expires_at FROM tickets WHERE hash = ?1")?
        .query_row([hash.0], |row| {
            Ok(Ticket {
                hash,
                tenant: TenantId(id(row, "tenant_id")?),
                session: SessionId(id(row, "session_id")?),
                policy: named(row, "policy")?,
                expires_at: row.get("expires_at")?,
            })
        })
        .optional()
}

/// A further ticket; `false` when the actor has no such session.
pub(super) fn add_ticket(
    db: &mut Db,
    ctx: TenantCtx,
    ticket: &Ticket,
    consent: &Consent,
    now: i64,
) -> Result<bool, Refusal> {
    if ticket.tenant != ctx.tenant || !rows::sees(&db.conn, ctx, ticket.session)? {
        return Ok(false);
    }
    db.atomically(|db| insert_ticket(&db.conn, ticket, consent, now)).map(|()| true)
}

/// The rows of a ticket and of the consent it was minted under.
pub(super) fn insert_ticket(conn: &Connection, ticket: &Ticket, consent: &Consent, now: i64) -> Result<(), Refusal> {
    let (tenant, session) = (ticket.tenant.key(), ticket.session.key());
    conn.prepare_cached("INSERT INTO tickets (hash, tenant_id, session_id, policy, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![ticket.hash.0, tenant, session, ticket.policy.name(), now, ticket.expires_at])?;
    conn.prepare_cached(
        "INSERT INTO consents (tenant_id, session_id, ticket_hash, version, locale, text_hash, agreed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![tenant, session, ticket.hash.0, consent.version, consent.locale, consent.text_hash, now])?;
    Ok(())
}
