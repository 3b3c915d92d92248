//! Tenants and how they are set up.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::codec::{Key as _, Refusal, id, named};
use super::super::job::Db;
use crate::ids::TenantId;
use crate::store::StoreError;
use crate::store::people::Tenant;

pub(super) fn found(db: &mut Db, tenant: TenantId, name: &str, now: i64) -> Result<Tenant, Refusal> {
    db.conn
        .prepare_cached("INSERT INTO tenants (id, name, kind, created_at) VALUES (?1, ?2, 'organisation', ?3)")?
        .execute(params![tenant.key(), name, now])?;
    by_id(&db.conn, tenant)?.ok_or_else(|| StoreError::Internal.into())
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
