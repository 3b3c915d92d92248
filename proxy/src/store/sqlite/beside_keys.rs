//! Stored keys beside the process that has the store open: rotation and import must not need a stop. Every change is a
//! transaction of its own, far shorter than the writer of a server waits, and replaces a row only as it was read.

use std::path::Path;

use futures_util::future::ready;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::codec::{Key as _, Named as _, id, unreadable};
use super::keys::stored;
use super::open::{BUSY, DATABASE, OpenError};
use super::schema;
use crate::ids::{KeyId, TenantId, UserId};
use crate::store::{Answer, StoreError};
use crate::vault::rotation::Wrappings;
use crate::vault::{KekId, Owner, StoredKey};

/// Rows read at once.
const PAGE: u32 = 256;

/// The keys of a store that somebody else may have open.
pub struct KeysBeside(Connection);

impl KeysBeside {
    /// Opens the store in `dir`, which must have this version's schema.
    ///
    /// # Errors
    /// When there is no such store.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(dir.join(DATABASE), flags)?;
        conn.busy_timeout(BUSY)?;
        schema::is_current(&conn)?;
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.pragma_update(None, "secure_delete", true)?;
        // The server copies the log back; two that do would be in each other's way.
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(Self(conn))
    }

    /// The person of an issuer with their own tenant, if they have been here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn person(&self, issuer: &str, subject: &str) -> Result<Option<(TenantId, UserId)>, StoreError> {
        self.0
            .prepare_cached(
                "SELECT t.id AS tenant, u.id AS user FROM users u
                 JOIN memberships m ON m.user_id = u.id JOIN tenants t ON t.id = m.tenant_id AND t.kind = 'personal'
                 WHERE u.issuer = ?1 AND u.subject = ?2",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![issuer, subject], |row| {
                        Ok((TenantId(id(row, "tenant")?), UserId(id(row, "user")?)))
                    })
                    .optional()
            })
            .map_err(|error| unreadable(&error))
    }

    /// Stores a key unless its owner has one. `false`: they have.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn add(&self, tenant: TenantId, key: &StoredKey) -> Result<bool, StoreError> {
        let user = match key.owner {
            Owner::Tenant => None,
            Owner::User(user) => Some(user.key()),
        };
        let sealed = &key.sealed;
        self.0
            .prepare_cached(
                "INSERT INTO user_api_keys (id, tenant_id, user_id, provider, kek_id, wrapped_dek, nonce, ciphertext, aad_version,
                     commitment, fingerprint, last4, status, checked_at, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    key.id.key(),
                    tenant.key(),
                    user,
                    key.provider.as_str(),
                    sealed.kek_id.as_str(),
                    sealed.wrapped_dek,
                    sealed.nonce,
                    sealed.ciphertext,
                    sealed.aad_version,
                    sealed.commitment,
                    sealed.fingerprint,
                    sealed.last4,
                    key.status.name(),
                    key.checked_at,
                    key.created_at,
                ])
            })
            .map(|rows| rows > 0)
            .map_err(|error| unwritable(&error))
    }
}

impl Wrappings for KeysBeside {
    fn after(&self, last: Option<KeyId>) -> Answer<'_, Vec<(TenantId, StoredKey)>> {
        let last = last.map_or([0; 16], |id| id.key());
        let read = || {
            self.0
                .prepare_cached("SELECT * FROM user_api_keys WHERE id > ?1 ORDER BY id LIMIT ?2")?
                .query_map(params![last, PAGE], |row| Ok((TenantId(id(row, "tenant_id")?), stored(row)?)))?
                .collect::<rusqlite::Result<_>>()
        };
        Box::pin(ready(read().map_err(|error| unreadable(&error))))
    }

    fn replace<'a>(&'a self, key: &'a StoredKey, kek: &'a KekId, wrapped: &'a [u8]) -> Answer<'a, bool> {
        let replaced = self
            .0
            .prepare_cached(
                "UPDATE user_api_keys SET kek_id = ?1, wrapped_dek = ?2 WHERE id = ?3 AND kek_id = ?4 AND wrapped_dek = ?5",
            )
            .and_then(|mut statement| {
                let before = &key.sealed;
                statement.execute(params![kek.as_str(), wrapped, key.id.key(), before.kek_id.as_str(), before.wrapped_dek])
            })
            .map(|rows| rows > 0)
            .map_err(|error| unwritable(&error));
        Box::pin(ready(replaced))
    }
}

/// A server that writes all the time may keep the file for longer than anybody waits: that passes.
fn unwritable(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => StoreError::Overloaded,
        _ => unreadable(error),
    }
}
