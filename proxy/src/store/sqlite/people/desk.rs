//! People and tenants for an operator's command, beside the server that has the store open: SQLite lets both write in
//! turn, and the server keeps nothing of these tables for more than a minute. Journals must not be written this way.

use std::path::Path;

use super::super::codec::Refusal;
use super::super::job::Db;
use super::super::open::{self, OpenError};
use super::super::{journal, project, schema};
use super::{members, standings, tenants};
use crate::identity::TenantCtx;
use crate::ids::TenantId;
use crate::store::StoreError;
use crate::store::people::{Change, Grant, Lookup, Tenant, User};

/// A connection of its own. Everything it does is durable when it returns.
pub struct Desk(Db);

impl Desk {
    /// Opens the store in `dir`, which must be there and on the present schema.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let conn = open::beside(dir)?;
        Ok(Self(Db {
            conn,
            heads: journal::Heads::default(),
            stale: project::Stale::at_start(),
            log_holds_erased: false,
        }))
    }

    /// Version of the schema, which is this program's.
    #[must_use]
    pub fn schema_version(&self) -> i64 {
        schema::newest()
    }

    /// People that are meant.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(&self, wanted: &Lookup) -> Result<Vec<User>, StoreError> {
        standings::find(&self.0.conn, wanted).map_err(unreadable)
    }

    /// A tenant by its id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tenant(&self, tenant: TenantId) -> Result<Option<Tenant>, StoreError> {
        tenants::by_id(&self.0.conn, tenant).map_err(unreadable)
    }

    /// An organisation by its name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn organisation(&self, name: &str) -> Result<Option<Tenant>, StoreError> {
        tenants::by_name(&self.0.conn, name).map_err(unreadable)
    }

    /// Makes an organisation.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken, or when the store cannot be written.
    pub fn found(&mut self, name: &str, now_unix_ms: i64) -> Result<Tenant, StoreError> {
        self.write(|db| tenants::found(db, TenantId::fresh(), name, now_unix_ms))
    }

    /// Makes somebody a member, or changes their role.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn grant(&mut self, tenant: TenantId, grant: Grant, now_unix_ms: i64) -> Result<Change, StoreError> {
        self.write(|db| members::grant(db, TenantCtx::service(tenant), grant, now_unix_ms))
    }

    fn write<T>(&mut self, work: impl FnOnce(&mut Db) -> Result<T, Refusal>) -> Result<T, StoreError> {
        let run = |db: &Db, sql: &str| db.conn.execute_batch(sql).map_err(|error| refused(error.into()));
        run(&self.0, "BEGIN IMMEDIATE")?;
        match work(&mut self.0) {
            Ok(done) => run(&self.0, "COMMIT").map(|()| done),
            Err(refusal) => {
                run(&self.0, "ROLLBACK")?;
                Err(refused(refusal))
            }
        }
    }
}

fn unreadable(error: rusqlite::Error) -> StoreError {
    super::super::codec::unreadable(&error)
}

fn refused(refusal: Refusal) -> StoreError {
    match refusal {
        Refusal::Job(error) => error,
        Refusal::Group(reason) => StoreError::Unwritable(reason),
    }
}
