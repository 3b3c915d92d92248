//! Tenants and how they are set up.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::audit;
use super::super::codec::{Key as _, Refusal, id, named};
use super::super::job::Db;
use crate::identity::TenantCtx;
use crate::ids::TenantId;
use crate::store::StoreError;
use crate::store::people::{SetUp, Tenant};

pub(super) fn found(db: &mut Db, tenant: TenantId, name: &str, now: i64) -> Result<Tenant, Refusal> {
    db.conn
        .prepare_cached("INSERT INTO tenants (id, name, kind, created_at) VALUES (?1, ?2, 'organisation', ?3)")?
        .execute(params![tenant.key(), name, now])?;
    by_id(&db.conn, tenant)?.ok_or_else(|| StoreError::Internal.into())
}

/// The change and the rows that tell of it.
pub(super) fn set_up(db: &mut Db, ctx: TenantCtx, set_up: SetUp, now: i64) -> Result<Option<Tenant>, Refusal> {
    let SetUp { key_policy, max_sessions, retention_days, legal_hold } = set_up;
    let tenant = ctx.tenant;
    let changed = db
        .conn
        .prepare_cached(
            "UPDATE tenants SET key_policy = coalesce(?2, key_policy),
                max_sessions = CASE WHEN ?3 THEN ?4 ELSE max_sessions END,
                retention_days = coalesce(?5, retention_days), legal_hold = coalesce(?6, legal_hold), updated_at = ?7
            WHERE id = ?1",
        )?
        .execute(params![
            tenant.key(),
            key_policy.map(crate::vault::KeyPolicy::as_str),
            max_sessions.is_some(),
            max_sessions.flatten(),
            retention_days,
            legal_hold,
            now,
        ])?;
    if changed == 0 {
        return Ok(None);
    }
    for what in set_up.notes(tenant) {
        audit::note(&db.conn, ctx, now, &what)?;
    }
    Ok(by_id(&db.conn, tenant)?)
}

pub(super) fn by_id(conn: &Connection, tenant: TenantId) -> rusqlite::Result<Option<Tenant>> {
    conn.prepare_cached("SELECT * FROM tenants WHERE id = ?1")?.query_row([tenant.key()], row).optional()
}

pub(super) fn by_name(conn: &Connection, name: &str) -> rusqlite::Result<Option<Tenant>> {
    conn.prepare_cached("SELECT * FROM tenants WHERE kind = 'organisation' AND name = ?1")?
        .query_row([name], row)
        .optional()
}

fn row(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    Ok(Tenant {
        id: TenantId(id(row, "id")?),
        name: row.get("name")?,
        kind: named(row, "kind")?,
        plan: row.get("plan")?,
        key_policy: named(row, "key_policy")?,
        max_sessions: row.get("max_sessions")?,
        retention_days: row.get("retention_days")?,
        legal_hold: row.get("legal_hold")?,
        created_at: row.get("created_at")?,
    })
}
