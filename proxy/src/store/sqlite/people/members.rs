//! Who belongs to a tenant, with which role. A tenant of several people always has somebody who may let others in.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::audit;
use super::super::codec::{Key as _, Named as _, Refusal, named};
use super::super::job::Db;
use super::{standings, tenants};
use crate::identity::{Role, TenantCtx};
use crate::ids::{TenantId, UserId};
use crate::store::audit::{Action, Note};
use crate::store::people::{Change, DefaultTenant, Grant, Member, MemberPage, TenantKind};

pub(super) fn list(conn: &Connection, ctx: TenantCtx, page: MemberPage) -> rusqlite::Result<Vec<Member>> {
    conn.prepare_cached(
        "SELECT u.*, m.role, m.created_at AS since FROM memberships m JOIN users u ON u.id = m.user_id
         WHERE m.tenant_id = ?1 AND m.removed_at IS NULL AND (?2 IS NULL OR m.user_id < ?2)
         ORDER BY m.user_id DESC LIMIT ?3",
    )?
    .query_map(params![ctx.tenant.key(), page.before.map(|user| user.key()), page.limit.clamp(1, 100)], |row| {
        Ok(Member { user: standings::user(row)?, role: named(row, "role")?, since: row.get("since")? })
    })?
    .collect()
}

pub(super) fn grant(db: &mut Db, ctx: TenantCtx, grant: Grant, now: i64) -> Result<Change, Refusal> {
    db.atomically(|db| {
        let conn = &db.conn;
        let Some(tenant) = tenants::by_id(conn, ctx.tenant)? else { return Ok(Change::Missing) };
        if tenant.kind == TenantKind::Personal {
            return Ok(Change::Personal);
        }
        if !conn.prepare_cached("SELECT 1 FROM users WHERE id = ?1")?.exists([grant.user.key()])? {
            return Ok(Change::Missing);
        }
        if grant.role < Role::Admin && is_last_admin(conn, ctx.tenant, grant.user)? {
            return Ok(Change::LastAdmin);
        }
        conn.prepare_cached(
            "INSERT INTO memberships (tenant_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = excluded.role,
                 created_at = CASE WHEN removed_at IS NULL THEN created_at ELSE excluded.created_at END, removed_at = NULL",
        )?
        .execute(params![ctx.tenant.key(), grant.user.key(), grant.role.name(), now])?;
        audit::note(conn, ctx, now, &Note::of(Action::MemberGranted, grant.user.0).with(grant.role.name()))?;
        if grant.default == DefaultTenant::LeavesHome {
            conn.prepare_cached(
                "UPDATE users SET default_tenant = ?2 WHERE id = ?1 AND NOT EXISTS (
                     SELECT 1 FROM tenants t JOIN memberships m ON m.tenant_id = t.id AND m.user_id = users.id AND m.removed_at IS NULL
                     WHERE t.id = users.default_tenant AND t.kind = 'organisation')",
            )?
            .execute(params![grant.user.key(), ctx.tenant.key()])?;
        }
        Ok(Change::Done)
    })
}

pub(super) fn remove(db: &mut Db, ctx: TenantCtx, user: UserId, now: i64) -> Result<Change, Refusal> {
    db.atomically(|db| {
        let conn = &db.conn;
        match tenants::by_id(conn, ctx.tenant)? {
            None => return Ok(Change::Missing),
            Some(tenant) if tenant.kind == TenantKind::Personal => return Ok(Change::Personal),
            Some(_) => {}
        }
        if is_last_admin(conn, ctx.tenant, user)? {
            return Ok(Change::LastAdmin);
        }
        let removed = conn
            .prepare_cached(
                "UPDATE memberships SET removed_at = ?3 WHERE tenant_id = ?1 AND user_id = ?2 AND removed_at IS NULL",
            )?
            .execute(params![ctx.tenant.key(), user.key(), now])?;
        if removed == 0 {
            return Ok(Change::Missing);
        }
        audit::note(conn, ctx, now, &Note::of(Action::MemberRemoved, user.0))?;
        Ok(Change::Done)
    })
}

fn is_last_admin(conn: &Connection, tenant: TenantId, user: UserId) -> rusqlite::Result<bool> {
    let admins = "SELECT user_id FROM memberships WHERE tenant_id = ?1 AND role = 'admin' AND removed_at IS NULL";
    let is_admin =
        conn.prepare_cached(&format!("{admins} AND user_id = ?2"))?.exists(params![tenant.key(), user.key()])?;
    let other = conn
        .prepare_cached(&format!("{admins} AND user_id <> ?2 LIMIT 1"))?
        .query_row(params![tenant.key(), user.key()], |_| Ok(()))
        .optional()?;
    Ok(is_admin && other.is_none())
}
