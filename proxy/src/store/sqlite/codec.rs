//! Between columns and types: ids as bytes, counters as signed integers, and SQLite's error codes as
//! refusals. It must not build queries.

use rusqlite::types::Type;
use rusqlite::{ErrorCode, Row, ffi};
use uuid::Uuid;

use crate::identity::{Actor, TenantCtx};
use crate::ids::{AccessKeyId, ImportId, InvitationId, KeyId, SessionId, TenantId, UserId};
pub(super) use crate::store::named::Named;
use crate::store::{StoreError, Unwritable};
use crate::transcript::Hash;

/// Why a job did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// This job only; the transaction it runs in stands.
    Job(StoreError),
    /// Nothing can be written; the whole transaction is lost.
    Group(Unwritable),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Job(error)
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(cause, _) = &error else {
            tracing::error!(%error, "a statement of the store failed");
            return Self::Job(StoreError::Internal);
        };
        match cause.code {
            ErrorCode::ConstraintViolation => Self::Job(match cause.extended_code {
                ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::Missing,
                ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
                    StoreError::Conflict
                }
                _ => {
                    tracing::error!(%error, "a row does not fit the store's schema");
                    StoreError::Internal
                }
            }),
            ErrorCode::DiskFull => Self::Group(Unwritable::Full),
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Self::Group(Unwritable::ReadOnly),
            // Anything else leaves the transaction in doubt: it is given up, and the next one is tried afresh.
            _ => {
                tracing::error!(%error, code = cause.extended_code, "the store's file cannot be written");
                Self::Group(Unwritable::Io)
            }
        }
    }
}

/// A read that failed: logged here, opaque to the caller.
pub(super) fn unreadable(error: &rusqlite::Error) -> StoreError {
    tracing::error!(%error, "reading the store failed");
    StoreError::Internal
}

/// The 16 bytes of an id.
pub(super) trait Key {
    /// As a parameter.
    fn key(&self) -> [u8; 16];
}

macro_rules! keys {
    ($($id:ty),*) => {
        $(impl Key for $id {
            fn key(&self) -> [u8; 16] {
                *self.0.as_bytes()
            }
        })*
    };
}
keys!(TenantId, UserId, SessionId, KeyId, AccessKeyId, ImportId, InvitationId);

/// What an actor may touch, as three parameters: tenant, and session or user where the actor is bound to one.
/// In a query: `tenant_id = ?1 AND (?2 IS NULL OR session_id = ?2) AND (?3 IS NULL OR user_id = ?3)`.
pub(super) struct Sight {
    pub(super) tenant: [u8; 16],
    pub(super) session: Option<[u8; 16]>,
    pub(super) user: Option<[u8; 16]>,
}

impl Sight {
    pub(super) fn of(ctx: TenantCtx) -> Self {
        let (session, user) = match ctx.actor {
            Actor::Service | Actor::Staff(_) => (None, None),
            Actor::User(user) => (None, Some(user.key())),
            Actor::Ticket(session) => (Some(session.key()), None),
        };
        Self { tenant: ctx.tenant.key(), session, user }
    }
}

/// A counter as SQLite stores it. Counters never come near 2^63.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A counter as it was stored.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// The id in a column.
pub(super) fn id(row: &Row<'_>, column: &str) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

/// The counter in a column.
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get(column).map(unsigned)
}

/// The hash in a column.
pub(super) fn hash(row: &Row<'_>, column: &str) -> rusqlite::Result<Hash> {
    row.get(column).map(Hash)
}

/// The enum in a column.
pub(super) fn named<T: Named>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    maybe(row, column)?.ok_or_else(|| rusqlite::Error::InvalidColumnType(0, column.to_owned(), Type::Null))
}

/// The enum in a column that may be null.
pub(super) fn maybe<T: Named>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>> {
    let Some(name) = row.get_ref(column)?.as_str_or_null()? else {
        return Ok(None);
    };
    T::of_name(name).map(Some).ok_or_else(|| rusqlite::Error::InvalidColumnType(0, column.to_owned(), Type::Text))
}
