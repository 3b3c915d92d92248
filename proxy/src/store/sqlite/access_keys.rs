//! Access keys: rows are added and marked, never changed otherwise.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteStore;
use super::audit;
use super::codec::{Key as _, id};
use crate::identity::{AccessKey, AccessKeyHash, Scope, TenantCtx};
use crate::ids::{AccessKeyId, TenantId, UserId};
use crate::store::Answer;
use crate::store::access_keys::{AccessKeys, MOST};
use crate::store::audit::{Action, Note};

impl AccessKeys for SqliteStore {
    fn add_access_key(&self, ctx: TenantCtx, key: AccessKey, hash: AccessKeyHash) -> Answer<'_, bool> {
        self.write(move |db| {
            db.atomically(|db| {
            let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
            let added = db
                .conn
                .prepare_cached(
                    "INSERT INTO access_keys (id, tenant_id, created_by, name, prefix, hash, scopes, created_at, expires_at)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
                     WHERE (SELECT count(*) FROM access_keys WHERE tenant_id = ?2 AND revoked_at IS NULL) < ?10",
                )?
                .execute(params![
                    key.id.key(),
                    ctx.tenant.key(),
                    key.created_by.key(),
                    key.name,
                    key.prefix,
                    hash.0,
                    scopes.join(" "),
                    key.created_at,
                    key.expires_at,
                    MOST,
                ])?;
            if added > 0 {
                audit::note(&db.conn, ctx, key.created_at, &Note::of(Action::AccessKeyMade, key.id.0))?;
            }
            Ok(added > 0)
            })
        })
    }

    fn access_keys(&self, ctx: TenantCtx) -> Answer<'_, Vec<AccessKey>> {
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT * FROM access_keys WHERE tenant_id = ?1 ORDER BY created_at DESC, id DESC LIMIT 1000",
            )?
            .query_map([ctx.tenant.key()], access_key)?
            .collect()
        })
    }

    fn revoke_access_key(&self, ctx: TenantCtx, id: AccessKeyId, at_unix_ms: i64) -> Answer<'_, bool> {
        self.write(move |db| {
            db.atomically(|db| {
                let revoked = db
                .conn
                .prepare_cached(
                    "UPDATE access_keys SET revoked_at = ?1 WHERE id = ?2 AND tenant_id = ?3 AND revoked_at IS NULL",
                )?
                .execute(params![at_unix_ms, id.key(), ctx.tenant.key()])?;
                if revoked > 0 {
                    audit::note(&db.conn, ctx, at_unix_ms, &Note::of(Action::AccessKeyRevoked, id.0))?;
                }
                Ok(revoked > 0)
            })
        })
    }

    fn access_key(&self, hash: AccessKeyHash) -> Answer<'_, Option<AccessKey>> {
        self.read(move |conn| by_hash(conn, hash))
    }

    fn access_key_used(&self, tenant: TenantId, id: AccessKeyId, at_unix_ms: i64) -> Answer<'_, ()> {
        self.write(move |db| {
            db.conn
                .prepare_cached("UPDATE access_keys SET last_used_at = ?1 WHERE id = ?2 AND tenant_id = ?3")?
                .execute(params![at_unix_ms, id.key(), tenant.key()])?;
            Ok(())
        })
    }
}

fn by_hash(conn: &Connection, hash: AccessKeyHash) -> rusqlite::Result<Option<AccessKey>> {
    conn.prepare_cached("SELECT * FROM access_keys WHERE hash = ?1")?.query_row([hash.0], access_key).optional()
}

/// A scope that a newer version wrote gives nothing here.
fn access_key(row: &Row<'_>) -> rusqlite::Result<AccessKey> {
    let scopes = row.get_ref("scopes")?.as_str()?.split(' ').filter_map(Scope::parse).collect();
    Ok(AccessKey {
        id: AccessKeyId(id(row, "id")?),
        tenant: TenantId(id(row, "tenant_id")?),
        created_by: UserId(id(row, "created_by")?),
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        scopes,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}
