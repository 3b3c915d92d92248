//! Who people are and where they belong.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::codec::{Key as _, Refusal, id, named, unreadable};
use super::super::job::Db;
use crate::ids::{TenantId, UserId};
use crate::store::StoreError;
use crate::store::people::{Lookup, Membership, Newcomer, Standing, User};

/// Found people that are shown to whoever has to choose among them.
const FOUND: u32 = 10;
/// Shown for somebody of whom the issuer told no name.
const NAMELESS: &str = "New member";

/// The person, made if need be, brought up to date otherwise.
pub(super) fn admit(db: &mut Db, newcomer: &Newcomer, now: i64) -> Result<Standing, Refusal> {
    db.atomically(|db| {
        let conn = &db.conn;
        let profile = &newcomer.profile;
        let known = conn
            .prepare_cached(
                "UPDATE users SET name = coalesce(?3, name), email = coalesce(?4, email), avatar_url = coalesce(?5, avatar_url),
                     last_seen_at = ?6 WHERE issuer = ?1 AND subject = ?2",
            )?
            .execute(params![newcomer.issuer, newcomer.subject, profile.name, profile.email, profile.avatar_url, now])?;
        if known == 0 {
            make(conn, newcomer, now)?;
        }
        let standing = by_subject(conn, &newcomer.issuer, &newcomer.subject)?;
        standing.ok_or_else(|| StoreError::Internal.into())
    })
}

/// A new person with a tenant of their own, which bears their name.
fn make(conn: &Connection, newcomer: &Newcomer, now: i64) -> Result<(), Refusal> {
    let profile = &newcomer.profile;
    let name = profile.name.as_deref().unwrap_or(NAMELESS);
    let taken = conn.prepare_cached("SELECT 1 FROM users WHERE id = ?1")?.exists([newcomer.user.key()])?;
    // An id of the issuer's is only a wish: with two issuers it may be somebody else's already.
    let user = if taken { UserId::fresh() } else { newcomer.user };
    conn.prepare_cached("INSERT INTO tenants (id, name, kind, created_at) VALUES (?1, ?2, 'personal', ?3)")?
        .execute(params![newcomer.tenant.key(), name, now])?;
    conn.prepare_cached(
        "INSERT INTO users (id, issuer, subject, name, email, avatar_url, default_tenant, created_at, last_seen_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
    )?
    .execute(params![
        user.key(),
        newcomer.issuer,
        newcomer.subject,
        name,
        profile.email,
        profile.avatar_url,
        newcomer.tenant.key(),
        now,
    ])?;
    conn.prepare_cached("INSERT INTO memberships (tenant_id, user_id, role, created_at) VALUES (?1, ?2, 'admin', ?3)")?
        .execute(params![newcomer.tenant.key(), user.key(), now])?;
    Ok(())
}

pub(in crate::store::sqlite) fn by_id(conn: &Connection, user: UserId) -> rusqlite::Result<Option<Standing>> {
    let found =
        conn.prepare_cached("SELECT * FROM users WHERE id = ?1")?.query_row([user.key()], with_default).optional()?;
    found.map(|found| standing(conn, found)).transpose()
}

pub(super) fn by_subject(conn: &Connection, issuer: &str, subject: &str) -> rusqlite::Result<Option<Standing>> {
    let found = conn
        .prepare_cached("SELECT * FROM users WHERE issuer = ?1 AND subject = ?2")?
        .query_row([issuer, subject], with_default)
        .optional()?;
    found.map(|found| standing(conn, found)).transpose()
}

fn with_default(row: &Row<'_>) -> rusqlite::Result<(User, Option<TenantId>)> {
    let default = row.get::<_, Option<[u8; 16]>>("default_tenant")?;
    Ok((user(row)?, default.map(|bytes| TenantId(uuid::Uuid::from_bytes(bytes)))))
}

/// With the memberships, one's own tenant first.
fn standing(conn: &Connection, (user, default_tenant): (User, Option<TenantId>)) -> rusqlite::Result<Standing> {
    let memberships = conn
        .prepare_cached(
            "SELECT m.tenant_id, m.role, t.name, t.kind FROM memberships m JOIN tenants t ON t.id = m.tenant_id
             WHERE m.user_id = ?1 AND m.removed_at IS NULL ORDER BY t.kind = 'personal' DESC, t.name, t.id",
        )?
        .query_map([user.id.key()], |row| {
            Ok(Membership {
                tenant: TenantId(id(row, "tenant_id")?),
                name: row.get("name")?,
                kind: named(row, "kind")?,
                role: named(row, "role")?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Standing { user, default_tenant, memberships })
}

pub(super) fn find(conn: &Connection, wanted: &Lookup) -> rusqlite::Result<Vec<User>> {
    const BY_ID: &str = "SELECT * FROM users WHERE id = ?1 LIMIT ?2";
    const BY_EMAIL: &str =
        "SELECT * FROM users WHERE email IS NOT NULL AND email = ?1 COLLATE NOCASE ORDER BY id LIMIT ?2";
    const BY_SUBJECT: &str = "SELECT * FROM users WHERE issuer = ?1 AND subject = ?2";
    match wanted {
        Lookup::Id(wanted) => conn.prepare_cached(BY_ID)?.query_map(params![wanted.key(), FOUND], user)?.collect(),
        Lookup::Email(email) => conn.prepare_cached(BY_EMAIL)?.query_map(params![email, FOUND], user)?.collect(),
        Lookup::Subject { issuer, subject } => {
            conn.prepare_cached(BY_SUBJECT)?.query_map([issuer, subject], user)?.collect()
        }
    }
}

pub(super) fn choose_tenant(db: &mut Db, user: UserId, tenant: TenantId) -> Result<bool, Refusal> {
    let chosen = db
        .conn
        .prepare_cached(
            "UPDATE users SET default_tenant = ?2 WHERE id = ?1
                 AND EXISTS (SELECT 1 FROM memberships WHERE tenant_id = ?2 AND user_id = ?1 AND removed_at IS NULL)",
        )?
        .execute(params![user.key(), tenant.key()])?;
    Ok(chosen > 0)
}

/// The columns of a person.
pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(id(row, "id")?),
        issuer: row.get("issuer")?,
        subject: row.get("subject")?,
        name: row.get("name")?,
        email: row.get("email")?,
        avatar_url: row.get("avatar_url")?,
    })
}

/// The personal tenant of somebody: where a sign-in hangs, since it lasts as long as they do.
pub(super) fn home(conn: &Connection, user: UserId) -> Result<Option<[u8; 16]>, StoreError> {
    conn.prepare_cached(
        "SELECT m.tenant_id FROM memberships m JOIN tenants t ON t.id = m.tenant_id WHERE m.user_id = ?1 AND t.kind = 'personal'",
    )
    .and_then(|mut found| found.query_row([user.key()], |row| row.get(0)).optional())
    .map_err(|error| unreadable(&error))
}
