//! Tickets, and the consent that each was minted under.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::codec::{Key as _, Named as _, Refusal, id, named};
use super::job::Db;
use super::rows;
use crate::identity::{Consent, TenantCtx, Ticket, TicketHash};
use crate::ids::{SessionId, TenantId};

pub(super) fn ticket(conn: &Connection, hash: TicketHash) -> rusqlite::Result<Option<Ticket>> {
    conn.prepare_cached(
        "SELECT tenant_id, session_id, policy, expires_at FROM tickets WHERE hash = ?1 AND revoked_at IS NULL",
    )?
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

/// Takes every ticket back; `false` when the actor has no such session.
pub(super) fn revoke(db: &mut Db, ctx: TenantCtx, session: SessionId, now: i64) -> Result<bool, Refusal> {
    if !rows::sees(&db.conn, ctx, session)? {
        return Ok(false);
    }
    db.conn
        .prepare_cached("UPDATE tickets SET revoked_at = ?2 WHERE session_id = ?1 AND revoked_at IS NULL")?
        .execute(params![session.key(), now])?;
    Ok(true)
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
