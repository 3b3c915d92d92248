//! The append-only journal: compare-and-append and reading it back. The heads of recently written
//! sessions are kept in memory, so that a commit reads nothing. It must not look into bodies.

use std::collections::HashMap;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::codec::{Key as _, Named as _, Refusal, count, hash, id, named, signed, unsigned};
use super::job::Db;
use crate::identity::{Actor, TenantCtx};
use crate::ids::{SessionId, TenantId, UserId};
use crate::store::{Batch, Committed, StoreError};
use crate::transcript::{Hash, Kind, Record};

/// Heads kept in each of two generations; a head is about 120 bytes.
const GENERATION: usize = 8192;

/// The end of a session's journal, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    tenant: TenantId,
    user: UserId,
    n: u64,
    hash: Hash,
    lease_epoch: u64,
}

/// Recently used heads. When the young generation is full the old one is forgotten: bounded, and no bookkeeping on use.
#[derive(Debug, Default)]
pub(super) struct Heads {
    young: HashMap<SessionId, Head>,
    old: HashMap<SessionId, Head>,
}

impl Heads {
    fn get(&mut self, session: SessionId) -> Option<Head> {
        self.young.get(&session).or_else(|| self.old.get(&session)).copied()
    }

    fn put(&mut self, session: SessionId, head: Head) {
        if self.young.len() >= GENERATION && !self.young.contains_key(&session) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(session, head);
    }

    fn drop(&mut self, session: SessionId) {
        self.young.remove(&session);
        self.old.remove(&session);
    }

    /// After a rollback: what was remembered may never have been written.
    pub(super) fn forget(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

/// Appends, inside the writer's transaction. Everything is checked before the first row is written: a refusal of this
/// job leaves no row behind, without a savepoint.
pub(super) fn append(db: &mut Db, ctx: TenantCtx, batch: &Batch) -> Result<Committed, Refusal> {
    let head = match db.heads.get(batch.session) {
        Some(head) => head,
        None => load_head(&db.conn, batch.session)?.ok_or(StoreError::Missing)?,
    };
    let foreign_user = matches!(ctx.actor, Actor::User(user) if user != head.user);
    if head.tenant != ctx.tenant || foreign_user || !ctx.may_see(batch.session) {
        return Err(StoreError::Missing.into());
    }
    if batch.lease_epoch < head.lease_epoch || batch.expected_n > head.n + 1 {
        return Err(StoreError::Fenced.into());
    }
    let last = batch.expected_n + batch.records.len() as u64 - 1;
    // The hash of a record covers everything before it: one comparison tells whether both journals agree so far.
    let common = head.n.min(last);
    let told = common.checked_sub(batch.expected_n).map_or(batch.prev_hash, |at| batch.records[at as usize].hash);
    let stored = if common == head.n { Some(head.hash) } else { hash_at(&db.conn, batch.session, common)? };
    if stored != Some(told) {
        return Err(StoreError::Fenced.into());
    }

    let new = &batch.records[(common + 1 - batch.expected_n) as usize..];
    if let Some(newest) = new.last() {
        insert(&db.conn, &head, batch, new).map_err(whole)?;
        // Nothing follows a seal, almost always.
        if newest.kind == Kind::Seal {
            db.heads.drop(batch.session);
        } else {
            let head = Head { n: newest.n, hash: newest.hash, lease_epoch: batch.lease_epoch, ..head };
            db.heads.put(batch.session, head);
        }
        db.stale.mark(batch.session);
    }
    Ok(Committed { up_to: last })
}

/// A batch that stopped half-way cannot be told apart from a written one: the transaction goes with it.
fn whole(error: rusqlite::Error) -> Refusal {
    match Refusal::from(error) {
        Refusal::Job(_) => Refusal::Group(crate::store::Unwritable::Io),
        group @ Refusal::Group(_) => group,
    }
}

fn insert(conn: &Connection, head: &Head, batch: &Batch, records: &[Record]) -> rusqlite::Result<()> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO journal (tenant_id, session_id, n, epoch, lease_epoch, kind, source, hash, body, salt, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let (tenant, session) = (head.tenant.key(), batch.session.key());
    for record in records {
        insert.execute(params![
            tenant,
            session,
            signed(record.n),
            record.epoch,
            signed(batch.lease_epoch),
            record.kind.name(),
            record.source.name(),
            record.hash.0,
            &record.body[..],
            record.salt,
            record.text,
        ])?;
    }
    Ok(())
}

fn load_head(conn: &Connection, session: SessionId) -> rusqlite::Result<Option<Head>> {
    conn.prepare_cached(
        "SELECT s.tenant_id, s.user_id, coalesce(j.n, 0) AS n, coalesce(j.hash, zeroblob(32)) AS hash, coalesce(j.lease_epoch, 0) AS lease_epoch
         FROM interview_sessions s
         LEFT JOIN journal j ON j.session_id = s.id AND j.n = (SELECT max(n) FROM journal WHERE session_id = s.id)
         WHERE s.id = ?1",
    )?
    .query_row([session.key()], |row| {
        Ok(Head {
            tenant: TenantId(id(row, "tenant_id")?),
            user: UserId(id(row, "user_id")?),
            n: count(row, "n")?,
            hash: hash(row, "hash")?,
            lease_epoch: count(row, "lease_epoch")?,
        })
    })
    .optional()
}

fn hash_at(conn: &Connection, session: SessionId, n: u64) -> rusqlite::Result<Option<Hash>> {
    if n == 0 {
        return Ok(Some(Hash::GENESIS));
    }
    conn.prepare_cached("SELECT hash FROM journal WHERE session_id = ?1 AND n = ?2")?
        .query_row(params![session.key(), signed(n)], |row| row.get(0).map(Hash))
        .optional()
}

/// Number and hash of the last record; zero and [`Hash::GENESIS`] when there is none.
pub(super) fn head(conn: &Connection, session: SessionId) -> rusqlite::Result<(u64, Hash)> {
    conn.prepare_cached("SELECT n, hash FROM journal WHERE session_id = ?1 ORDER BY n DESC LIMIT 1")?
        .query_row([session.key()], |row| Ok((row.get(0).map(unsigned)?, row.get(1).map(Hash)?)))
        .optional()
        .map(|head| head.unwrap_or((0, Hash::GENESIS)))
}

/// The records after `after_n`, in order. A journal is as long as one interview, which the session cap bounds.
pub(super) fn records(conn: &Connection, session: SessionId, after_n: u64) -> rusqlite::Result<Vec<Record>> {
    conn.prepare_cached(
        "SELECT n, epoch, kind, source, hash, body, salt, text FROM journal WHERE session_id = ?1 AND n > ?2 ORDER BY n",
    )?
    .query_map(params![session.key(), signed(after_n)], |row| {
        Ok(Record {
            n: count(row, "n")?,
            epoch: row.get("epoch")?,
            kind: named(row, "kind")?,
            source: named(row, "source")?,
            body: Bytes::from(row.get::<_, Vec<u8>>("body")?),
            text: row.get("text")?,
            salt: row.get("salt")?,
            hash: hash(row, "hash")?,
        })
    })?
    .collect()
}
