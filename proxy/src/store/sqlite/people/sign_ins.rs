//! Sign-ins: rows that a cookie's hash finds.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::codec::{Key as _, Refusal, id};
use super::super::job::Db;
use super::standings::home;
use crate::ids::UserId;
use crate::store::StoreError;
use crate::store::people::{SignIn, SignOut};

/// Expired sign-ins that one new sign-in sweeps away: the table cannot grow by more than it loses.
const SWEEP: u32 = 8;

pub(super) fn sign_in(db: &mut Db, sign_in: &SignIn, now: i64) -> Result<(), Refusal> {
    db.atomically(|db| {
        let conn = &db.conn;
        let home = home(conn, sign_in.user)?.ok_or(StoreError::Missing)?;
        conn.prepare_cached(
            "DELETE FROM auth_sessions WHERE hash IN (SELECT hash FROM auth_sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute(params![now, SWEEP])?;
        let signed_in = conn
            .prepare_cached(
                "INSERT INTO auth_sessions (hash, tenant_id, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (hash) DO UPDATE SET expires_at = excluded.expires_at WHERE user_id = excluded.user_id",
            )?
            .execute(params![sign_in.hash, home, sign_in.user.key(), sign_in.since, sign_in.expires_at])?;
        if signed_in == 0 { Err(StoreError::Conflict.into()) } else { Ok(()) }
    })
}

/// Only one that still has more than `old_until` to go: whoever comes second finds it replaced.
pub(super) fn replace(db: &mut Db, old: [u8; 32], new: &SignIn, old_until: i64, now: i64) -> Result<bool, Refusal> {
    db.atomically(|db| {
        let shortened = db
            .conn
            .prepare_cached("UPDATE auth_sessions SET expires_at = ?2 WHERE hash = ?1 AND expires_at > ?2")?
            .execute(params![old, old_until])?;
        if shortened == 0 {
            return Ok(false);
        }
        sign_in(db, new, now).map(|()| true)
    })
}

pub(super) fn signed_in(conn: &Connection, hash: [u8; 32], now: i64) -> rusqlite::Result<Option<SignIn>> {
    conn.prepare_cached(
        "SELECT user_id, created_at, expires_at FROM auth_sessions WHERE hash = ?1 AND expires_at > ?2",
    )?
    .query_row(params![hash, now], |row| {
        Ok(SignIn {
            hash,
            user: UserId(id(row, "user_id")?),
            since: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
        })
    })
    .optional()
}

pub(super) fn sign_out(db: &mut Db, which: SignOut) -> Result<usize, Refusal> {
    Ok(match which {
        SignOut::One(hash) => db.conn.prepare_cached("DELETE FROM auth_sessions WHERE hash = ?1")?.execute([hash])?,
        SignOut::Everywhere(user) => {
            db.conn.prepare_cached("DELETE FROM auth_sessions WHERE user_id = ?1")?.execute([user.key()])?
        }
    })
}
