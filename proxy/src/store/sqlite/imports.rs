//! Imports in SQLite. Each interview is one transaction.

use rusqlite::params;

use super::codec::{Key as _, Refusal, count, id};
use super::job::Db;
use super::{SqliteStore, audit, calls, journal, project};
use crate::identity::{Actor, TenantCtx};
use crate::ids::{ImportId, SessionId, TenantId};
use crate::store::audit::{Action, Note};
use crate::store::imports::{Imported, Imports, Run, Taken, Undone};
use crate::store::{Answer, Batch, StoreError};
use crate::transcript::Hash;

impl Imports for SqliteStore {
    fn import(&self, ctx: TenantCtx, interview: Imported) -> Answer<'_, Taken> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| db.atomically(|db| import(db, ctx, &interview, now)))
    }

    fn imports(&self) -> Answer<'_, Vec<Run>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT import_batch, count(*) AS sessions FROM interview_sessions
                 WHERE import_batch IS NOT NULL GROUP BY import_batch ORDER BY import_batch DESC",
            )?
            .query_map([], |row| {
                Ok(Run { batch: ImportId(id(row, "import_batch")?), sessions: count(row, "sessions")? })
            })?
            .collect()
        })
    }

    fn undo_import(&self, batch: ImportId) -> Answer<'_, Undone> {
        let now = self.clock.now().unix_ms;
        self.write(move |db| db.atomically(|db| undo(db, batch, now)))
    }
}

fn import(db: &mut Db, ctx: TenantCtx, interview: &Imported, now: i64) -> Result<Taken, Refusal> {
    if ctx.actor != Actor::Service {
        return Err(StoreError::Missing.into());
    }
    let Imported { new, batch, from, records } = interview;
    let there = db.conn.prepare_cached("SELECT 1 FROM interview_sessions WHERE id = ?1 AND tenant_id = ?2")?;
    if { there }.exists(params![new.id.key(), ctx.tenant.key()])? {
        return Ok(Taken::There);
    }
    let erased = db.conn.prepare_cached(
        "SELECT 1 FROM audit WHERE tenant_id = ?1 AND object_id = ?2 AND action IN ('session.deleted', 'retention.applied')",
    )?;
    if { erased }.exists(params![ctx.tenant.key(), new.id.key()])? {
        return Ok(Taken::Erased);
    }
    calls::insert_session(&db.conn, ctx, new)?;
    db.conn
        .prepare_cached("UPDATE interview_sessions SET import_batch = ?2, imported_from = ?3 WHERE id = ?1")?
        .execute(params![new.id.key(), batch.key(), from])?;
    let batch =
        Batch { session: new.id, lease_epoch: 0, expected_n: 1, prev_hash: Hash::GENESIS, records: records.clone() };
    if !batch.is_chained() {
        return Err(StoreError::Fenced.into());
    }
    journal::append(db, ctx, &batch)?;
    project::project(&mut db.conn, new.id)?;
    audit::note(&db.conn, ctx, now, &Note::of(Action::SessionImported, new.id.0))?;
    Ok(Taken::Stored)
}

fn undo(db: &mut Db, batch: ImportId, now: i64) -> Result<Undone, Refusal> {
    let due: Vec<(TenantId, SessionId)> = db
        .conn
        .prepare_cached(
            "SELECT s.tenant_id, s.id FROM interview_sessions s JOIN tenants t ON t.id = s.tenant_id
             WHERE s.import_batch = ?1 AND t.legal_hold = 0",
        )?
        .query_map([batch.key()], |row| Ok((TenantId(id(row, "tenant_id")?), SessionId(id(row, "id")?))))?
        .collect::<Result<_, _>>()?;
    for (tenant, session) in &due {
        db.conn.prepare_cached("DELETE FROM interview_sessions WHERE id = ?1")?.execute([session.key()])?;
        audit::note(&db.conn, TenantCtx::service(*tenant), now, &Note::of(Action::ImportUndone, session.0))?;
    }
    // A journal that is not there must not be written on from memory.
    db.heads.forget();
    db.log_holds_erased |= !due.is_empty();
    let held: i64 = db
        .conn
        .prepare_cached("SELECT count(*) FROM interview_sessions WHERE import_batch = ?1")?
        .query_row([batch.key()], |row| row.get(0))?;
    Ok(Undone { gone: due.len() as u64, held: held.unsigned_abs() })
}
