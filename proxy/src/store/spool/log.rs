//! The file that what waits is in: appended durably, read in order, removed when the store has it. What the store refuses
//! for good moves to a table of its own, with the reason, and stays until an operator has looked at it. It must not know
//! why something waits.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{CallId, ProviderCallId, SessionId, TenantId};
use crate::store::StoreError;
use crate::store::sqlite::OpenError;
use crate::transcript::{HangUp, Hash, Record};

/// In the data directory, beside nothing but keys.
const FILE: &str = "spool.db";
/// `PRAGMA application_id`: "VSPL".
const APPLICATION_ID: i64 = 0x5653_504C;
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entries (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant  BLOB    NOT NULL CHECK (length(tenant) = 16),
        lane    BLOB    NOT NULL CHECK (length(lane) = 16),
        first_n INTEGER NOT NULL,
        item    BLOB    NOT NULL,
        at      INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS entries_in_order ON entries (lane, first_n, id);
    CREATE TABLE IF NOT EXISTS dead_letters (
        id     INTEGER PRIMARY KEY AUTOINCREMENT,
        tenant BLOB    NOT NULL,
        lane   BLOB    NOT NULL,
        item   BLOB    NOT NULL,
        reason TEXT    NOT NULL,
        at     INTEGER NOT NULL
    ) STRICT;";
/// Read at once: as much as one request to the store should carry.
const PORTION: usize = 200;

/// What is to be written, as it was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum Item {
    /// Records of a journal.
    Commit { lease_epoch: u64, expected_n: u64, prev_hash: Hash, records: Vec<Record> },
    /// The provider's id of a call.
    Answered { call: CallId, provider: ProviderCallId, at: i64 },
    /// The end of a call.
    Closed { call: CallId, hang_up: HangUp, at: i64 },
}

/// What is written in order: the journal of one session, or, one after the other, everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lane(pub(super) Uuid);

impl Lane {
    /// Of everything that is no journal.
    pub(super) const CALLS: Self = Self(Uuid::nil());

    pub(super) fn of(session: SessionId) -> Self {
        Self(session.0)
    }
}

/// Something that waits.
pub(super) struct Entry {
    pub(super) id: i64,
    pub(super) tenant: TenantId,
    pub(super) item: Item,
}

/// Something that the store will never take, as it lies there.
pub(super) struct Letter {
    pub(super) id: i64,
    pub(super) tenant: TenantId,
    pub(super) lane: Lane,
    pub(super) item: Vec<u8>,
    pub(super) reason: String,
    pub(super) at: i64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

/// The file. One connection; whoever has it writes.
pub(super) struct Log(Connection);

impl Log {
    /// Whether there is one in this directory.
    pub(super) fn exists(dir: &Path) -> bool {
        dir.join(FILE).is_file()
    }

    /// Opens it in a directory that this process holds, or beside the one that does, to look after dead letters.
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let file = dir.join(FILE);
        // What people said is in it: private, as are the files that SQLite puts beside it.
        let made = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(&file);
        made.map_err(|source| OpenError::Directory { dir: dir.to_owned(), source })?;
        let conn = Connection::open(&file)?;
        let owner: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
        if owner != 0 && owner != APPLICATION_ID {
            return Err(OpenError::Foreign);
        }
        conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "secure_delete", true)?;
        conn.pragma_update(None, "temp_store", "memory")?;
        conn.pragma_update(None, "application_id", APPLICATION_ID)?;
        conn.execute_batch(SCHEMA)?;
        Ok(Self(conn))
    }

    /// Durable when it returns.
    pub(super) fn append(&self, tenant: TenantId, lane: Lane, item: &Item, at: i64) -> Result<u64, StoreError> {
        let first_n = match item {
            Item::Commit { expected_n, .. } => i64::try_from(*expected_n).unwrap_or(i64::MAX),
            Item::Answered { .. } | Item::Closed { .. } => 0,
        };
        let body = serde_json::to_vec(item).map_err(|_| StoreError::Internal)?;
        self.run(
            "INSERT INTO entries (tenant, lane, first_n, item, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![tenant.0.as_bytes(), lane.0.as_bytes(), first_n, body, at],
        )?;
        Ok(body.len() as u64)
    }

    /// How much waits, and how many entries in which lanes; those that wait for longest first.
    pub(super) fn waiting(&self) -> Result<(Held, Vec<(Lane, u64)>), StoreError> {
        let held = self.0.query_row("SELECT count(*), coalesce(sum(length(item)), 0) FROM entries", [], |row| {
            Ok(Held { entries: row.get::<_, i64>(0)?.unsigned_abs(), bytes: row.get::<_, i64>(1)?.unsigned_abs() })
        });
        let lanes = self
            .0
            .prepare_cached("SELECT lane, count(*) FROM entries GROUP BY lane ORDER BY min(id)")
            .and_then(|mut all| {
                let counted = |row: &rusqlite::Row<'_>| {
                    Ok((Lane(Uuid::from_bytes(row.get(0)?)), row.get::<_, i64>(1)?.unsigned_abs()))
                };
                all.query_map([], counted)?.collect()
            });
        Ok((held.map_err(unreadable)?, lanes.map_err(unreadable)?))
    }

    /// What waits in a lane, in order: as much as is delivered at once.
    pub(super) fn next(&self, lane: Lane) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<(i64, [u8; 16], Vec<u8>)> = self
            .0
            .prepare_cached("SELECT id, tenant, item FROM entries WHERE lane = ?1 ORDER BY first_n, id LIMIT ?2")
            .and_then(|mut next| {
                next.query_map(params![lane.0.as_bytes(), PORTION as i64], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?
                .collect()
            })
            .map_err(unreadable)?;
        rows.into_iter()
            .map(|(id, tenant, item)| {
                let item = serde_json::from_slice(&item).map_err(|_| StoreError::Internal)?;
                Ok(Entry { id, tenant: TenantId(Uuid::from_bytes(tenant)), item })
            })
            .collect()
    }

    /// Records of a tenant's journal that wait, in order: those after `after_n`, and, of the batch in which the next one is, perhaps
    /// some before.
    pub(super) fn records(&self, tenant: TenantId, lane: Lane, after_n: u64) -> Result<Vec<Record>, StoreError> {
        let from = i64::try_from(after_n.saturating_add(1)).unwrap_or(i64::MAX);
        let items: Vec<Vec<u8>> = self
            .0
            .prepare_cached(
                "SELECT item FROM entries WHERE lane = ?1 AND tenant = ?3 AND first_n >=
                    coalesce((SELECT max(first_n) FROM entries WHERE lane = ?1 AND first_n <= ?2), 0)
                 ORDER BY first_n, id",
            )
            .and_then(|mut all| {
                all.query_map(params![lane.0.as_bytes(), from, tenant.0.as_bytes()], |row| row.get(0))?.collect()
            })
            .map_err(unreadable)?;
        let mut records = Vec::new();
        for item in items {
            match serde_json::from_slice(&item).map_err(|_| StoreError::Internal)? {
                Item::Commit { records: batch, .. } => records.extend(batch),
                Item::Answered { .. } | Item::Closed { .. } => {}
            }
        }
        Ok(records)
    }

    /// The store has these.
    pub(super) fn remove(&mut self, entries: &[i64]) -> Result<(), StoreError> {
        self.atomically(entries, |step, id| step.execute("DELETE FROM entries WHERE id = ?1", [id]).map(|_| ()))
    }

    /// The store will never take these.
    pub(super) fn bury(&mut self, entries: &[i64], reason: &str, at: i64) -> Result<(), StoreError> {
        self.atomically(entries, |step, id| {
            step.execute(
                "INSERT INTO dead_letters (tenant, lane, item, reason, at)
                 SELECT tenant, lane, item, ?2, ?3 FROM entries WHERE id = ?1",
                params![id, reason, at],
            )?;
            step.execute("DELETE FROM entries WHERE id = ?1", [id]).map(|_| ())
        })
    }

    /// All letters, oldest first.
    pub(super) fn letters(&self) -> Result<Vec<Letter>, StoreError> {
        self.0
            .prepare_cached("SELECT * FROM dead_letters ORDER BY id")
            .and_then(|mut all| all.query_map([], letter)?.collect())
            .map_err(unreadable)
    }

    /// One of them.
    pub(super) fn letter(&self, id: i64) -> Result<Option<Letter>, StoreError> {
        self.0
            .prepare_cached("SELECT * FROM dead_letters WHERE id = ?1")
            .and_then(|mut one| one.query_row([id], letter).optional())
            .map_err(unreadable)
    }

    /// Somebody looked after it. `false`: there is none.
    pub(super) fn drop_letter(&mut self, id: i64) -> Result<bool, StoreError> {
        self.0.execute("DELETE FROM dead_letters WHERE id = ?1", [id]).map(|gone| gone > 0).map_err(unreadable)
    }

    /// How many letters nobody took.
    pub(super) fn dead(&self) -> Result<u64, StoreError> {
        let count = self.0.query_row("SELECT count(*) FROM dead_letters", [], |row| row.get::<_, i64>(0));
        count.map(i64::unsigned_abs).map_err(unreadable)
    }

    fn atomically(
        &mut self,
        entries: &[i64],
        each: impl Fn(&rusqlite::Transaction<'_>, i64) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let step = self.0.transaction().map_err(unreadable)?;
        for &id in entries {
            each(&step, id).map_err(unreadable)?;
        }
        step.commit().map_err(unreadable)
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        self.0.prepare_cached(sql).and_then(|mut step| step.execute(values)).map(|_| ()).map_err(unreadable)
    }
}

fn letter(row: &rusqlite::Row<'_>) -> rusqlite::Result<Letter> {
    Ok(Letter {
        id: row.get("id")?,
        tenant: TenantId(Uuid::from_bytes(row.get("tenant")?)),
        lane: Lane(Uuid::from_bytes(row.get("lane")?)),
        item: row.get("item")?,
        reason: row.get("reason")?,
        at: row.get("at")?,
    })
}

/// Logged here, opaque to the caller: nothing is acknowledged then.
fn unreadable(error: rusqlite::Error) -> StoreError {
    use crate::store::Unwritable;
    tracing::error!(%error, "the spool cannot be used");
    StoreError::Unwritable(match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => Unwritable::Full,
        Some(rusqlite::ErrorCode::ReadOnly) => Unwritable::ReadOnly,
        _ => Unwritable::Io,
    })
}
