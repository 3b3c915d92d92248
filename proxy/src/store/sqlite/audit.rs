//! Audit rows in SQLite. Triggers refuse every change to them; this file only adds and reads.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::SqliteStore;
use super::codec::{Key as _, Named as _, named};
use crate::identity::{Actor, TenantCtx};
use crate::store::Answer;
use crate::store::audit::{ActorKind, Audit, AuditPage, Note, Row};

impl Audit for SqliteStore {
    fn note(&self, ctx: TenantCtx, what: Note) -> Answer<'_, ()> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| Ok(note(&db.conn, ctx, now, &what)?))
    }

    fn audit(&self, ctx: TenantCtx, page: AuditPage) -> Answer<'_, Vec<Row>> {
        self.read(move |conn| {
            let limit = page.limit.clamp(1, 100);
            conn.prepare_cached(
                "SELECT id, at, actor_kind, actor_id, action, object_id, detail FROM audit
                 WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?
            .query_map(params![ctx.tenant.key(), page.before.unwrap_or(i64::MAX), limit], row)?
            .collect()
        })
    }
}

/// Adds a row, inside the transaction of what it tells of.
pub(super) fn note(conn: &Connection, ctx: TenantCtx, at: i64, note: &Note) -> rusqlite::Result<()> {
    let (kind, actor) = match ctx.actor {
        Actor::User(user) | Actor::Staff(user) => (ActorKind::Person, Some(user.key())),
        Actor::Ticket(session) => (ActorKind::Ticket, Some(session.key())),
        Actor::Service => (ActorKind::Service, None),
    };
    conn.prepare_cached(
        "INSERT INTO audit (tenant_id, at, actor_kind, actor_id, action, object_id, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        ctx.tenant.key(),
        at,
        kind.name(),
        actor,
        note.action.name(),
        note.object.map(Uuid::into_bytes),
        note.detail,
    ])?;
    Ok(())
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let id = |column: &str| row.get::<_, Option<[u8; 16]>>(column).map(|id| id.map(Uuid::from_bytes));
    Ok(Row {
        n: row.get("id")?,
        at: row.get("at")?,
        actor: named(row, "actor_kind")?,
        actor_id: id("actor_id")?,
        action: named(row, "action")?,
        object: id("object_id")?,
        detail: row.get("detail")?,
    })
}
