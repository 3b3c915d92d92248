//! Stored model keys. A person reaches the rows of their own, an admin those of the tenant; the service reaches what its
//! calls were made with. Deleted rows are overwritten in the file (`secure_delete`).

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::SqliteStore;
use super::audit;
use super::codec::{Key as _, Named as _, Refusal, count, id, named};
use super::job::Db;
use crate::identity::{Actor, TenantCtx};
use crate::ids::{KeyId, TenantId, UserId};
use crate::store::audit::{Action, Note};
use crate::store::keys::{Keys, Usable, Wrapped};
use crate::store::{Answer, StoreError};
use crate::vault::{KekId, KeyStatus, Owner, Provider, Sealed, StoredKey};

impl Keys for SqliteStore {
    fn usable(&self, tenant: TenantId, user: UserId, provider: Provider) -> Answer<'_, Usable> {
        self.read(move |conn| usable(conn, tenant, user, provider))
    }

    fn key(&self, ctx: TenantCtx, id: KeyId) -> Answer<'_, Option<StoredKey>> {
        self.read(move |conn| {
            let found = conn
                .prepare_cached("SELECT * FROM user_api_keys WHERE id = ?1 AND tenant_id = ?2")?
                .query_row(params![id.key(), ctx.tenant.key()], stored)
                .optional()?;
            Ok(match found {
                Some(key) if may_read(conn, ctx, key.owner)? => Some(key),
                _ => None,
            })
        })
    }

    fn keys(&self, ctx: TenantCtx, owner: Owner) -> Answer<'_, Vec<StoredKey>> {
        self.read(move |conn| {
            if !may_read(conn, ctx, owner)? {
                return Ok(Vec::new());
            }
            conn.prepare_cached("SELECT * FROM user_api_keys WHERE tenant_id = ?1 AND user_id IS ?2 ORDER BY provider")?
                .query_map(params![ctx.tenant.key(), user_of(owner)], stored)?
                .collect()
        })
    }

    fn put_key(&self, ctx: TenantCtx, key: StoredKey) -> Answer<'_, ()> {
        self.write(move |db| put(db, ctx, &key))
    }

    fn remove_key(&self, ctx: TenantCtx, owner: Owner, provider: Provider) -> Answer<'_, bool> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| {
            if !may_read(&db.conn, ctx, owner)? {
                return Ok(false);
            }
            db.atomically(|db| {
                let key: Option<[u8; 16]> = db
                    .conn
                    .prepare_cached(
                        "DELETE FROM user_api_keys WHERE tenant_id = ?1 AND user_id IS ?2 AND provider = ?3 RETURNING id",
                    )?
                    .query_row(params![ctx.tenant.key(), user_of(owner), provider.as_str()], |row| row.get(0))
                    .optional()?;
                let Some(key) = key else { return Ok(false) };
                audit::note(&db.conn, ctx, now, &Note::of(Action::KeyDeleted, uuid::Uuid::from_bytes(key)))?;
                Ok(true)
            })
        })
    }

    fn note_key(&self, ctx: TenantCtx, id: KeyId, status: KeyStatus, at_unix_ms: i64) -> Answer<'_, bool> {
        self.write(move |db| {
            let noted = db
                .conn
                .prepare_cached(
                    "UPDATE user_api_keys SET status = ?1, checked_at = ?2
                     WHERE id = ?3 AND tenant_id = ?4 AND (?5 IS NULL OR user_id IS NULL OR user_id = ?5)",
                )?
                .execute(params![status.name(), at_unix_ms, id.key(), ctx.tenant.key(), person(ctx)])?;
            Ok(noted > 0)
        })
    }

    fn wrapped_keys(&self) -> Answer<'_, Vec<Wrapped>> {
        self.read(|conn| {
            conn.prepare("SELECT kek_id, count(*) AS keys FROM user_api_keys GROUP BY kek_id ORDER BY kek_id")?
                .query_map([], |row| {
                    Ok(Wrapped { kek_id: KekId::stored(row.get("kek_id")?), keys: count(row, "keys")? })
                })?
                .collect()
        })
    }
}

fn usable(conn: &Connection, tenant: TenantId, user: UserId, provider: Provider) -> rusqlite::Result<Usable> {
    let policy = conn
        .prepare_cached("SELECT key_policy FROM tenants WHERE id = ?1")?
        .query_row([tenant.key()], |row| named(row, "key_policy"))
        .optional()?;
    let mut usable = Usable { policy: policy.unwrap_or_default(), ..Usable::default() };
    let mut statement = conn.prepare_cached(
        "SELECT * FROM user_api_keys WHERE tenant_id = :tenant AND provider = :provider AND (user_id IS NULL OR user_id = :user)",
    )?;
    let found = statement.query_map(
        named_params! { ":tenant": tenant.key(), ":provider": provider.as_str(), ":user": user.key() },
        stored,
    )?;
    for key in found {
        let key = key?;
        match key.owner {
            Owner::Tenant => usable.of_tenant = Some(key),
            Owner::User(_) => usable.of_user = Some(key),
        }
    }
    Ok(usable)
}

fn put(db: &mut Db, ctx: TenantCtx, key: &StoredKey) -> Result<(), Refusal> {
    if !may_read(&db.conn, ctx, key.owner)? {
        return Err(StoreError::Missing.into());
    }
    db.atomically(|db| {
        let (tenant, user) = (ctx.tenant.key(), user_of(key.owner));
        db.conn
            .prepare_cached("DELETE FROM user_api_keys WHERE tenant_id = ?1 AND user_id IS ?2 AND provider = ?3")?
            .execute(params![tenant, user, key.provider.as_str()])?;
        let Sealed { kek_id, wrapped_dek, nonce, ciphertext, aad_version, commitment, fingerprint, last4 } = &key.sealed;
        db.conn
            .prepare_cached(
                "INSERT INTO user_api_keys (id, tenant_id, user_id, provider, kek_id, wrapped_dek, nonce, ciphertext, aad_version,
                     commitment, fingerprint, last4, status, checked_at, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                key.id.key(),
                tenant,
                user,
                key.provider.as_str(),
                kek_id.as_str(),
                wrapped_dek,
                nonce,
                ciphertext,
                aad_version,
                commitment,
                fingerprint,
                last4,
                key.status.name(),
                key.checked_at,
                key.created_at,
            ])?;
        audit::note(&db.conn, ctx, key.created_at, &Note::of(Action::KeySaved, key.id.0))?;
        Ok(())
    })
}

/// The second wall: a person has their own keys and, as an admin, the tenant's; a ticket has none.
fn may_read(conn: &Connection, ctx: TenantCtx, owner: Owner) -> rusqlite::Result<bool> {
    match (ctx.actor, owner) {
        (Actor::Service, _) => Ok(true),
        (Actor::User(actor) | Actor::Staff(actor), Owner::User(user)) => Ok(actor == user),
        (Actor::User(actor) | Actor::Staff(actor), Owner::Tenant) => conn
            .prepare_cached("SELECT 1 FROM memberships WHERE tenant_id = ?1 AND user_id = ?2 AND role = 'admin' AND removed_at IS NULL")?
            .exists(params![ctx.tenant.key(), actor.key()]),
        (Actor::Ticket(_), _) => Ok(false),
    }
}

fn person(ctx: TenantCtx) -> Option<[u8; 16]> {
    match ctx.actor {
        Actor::User(user) | Actor::Staff(user) => Some(user.key()),
        Actor::Service | Actor::Ticket(_) => None,
    }
}

fn user_of(owner: Owner) -> Option<[u8; 16]> {
    match owner {
        Owner::Tenant => None,
        Owner::User(user) => Some(user.key()),
    }
}

pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredKey> {
    let wrong = |column: &str| rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text);
    let owner = match row.get::<_, Option<[u8; 16]>>("user_id")? {
        None => Owner::Tenant,
        Some(user) => Owner::User(UserId(uuid::Uuid::from_bytes(user))),
    };
    Ok(StoredKey {
        id: KeyId(id(row, "id")?),
        owner,
        provider: Provider::parse(row.get_ref("provider")?.as_str()?).ok_or_else(|| wrong("provider"))?,
        sealed: Sealed {
            kek_id: KekId::stored(row.get("kek_id")?),
            wrapped_dek: row.get("wrapped_dek")?,
            nonce: row.get("nonce")?,
            ciphertext: row.get("ciphertext")?,
            aad_version: row.get("aad_version")?,
            commitment: row.get("commitment")?,
            fingerprint: row.get("fingerprint")?,
            last4: row.get("last4")?,
        },
        status: named(row, "status")?,
        checked_at: row.get("checked_at")?,
        created_at: row.get("created_at")?,
    })
}
