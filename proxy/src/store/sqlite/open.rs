//! Opening the store's directory: created private, locked against a second process, checked to be writable, its schema
//! brought up to date. Everything that can be wrong is found here, at start, and named with what to do about it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::schema;
use crate::clock::Clock;

/// The database inside the directory.
pub(super) const DATABASE: &str = "viva.db";
/// What a running process holds.
const LOCK: &str = "viva.lock";
/// How long to wait for an operator's shell that holds the file.
pub(super) const BUSY: Duration = Duration::from_secs(2);

/// Pages that a connection keeps. SQLite's default is 2 MiB for each, and what a reader misses lies in the system's own
/// cache; the writer goes back to the same pages with every commit.
const CACHE_KIB: i64 = 256;
const WRITER_CACHE_KIB: i64 = 2 * 1024;

/// How a store is opened. [`Options::new`] has the defaults.
#[derive(Clone)]
pub struct Options {
    /// The directory (`DATA_DIR`). Created with mode 0700 when missing.
    pub dir: PathBuf,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Jobs that may wait for the writer; beyond that [`crate::store::StoreError::Overloaded`].
    pub queue: usize,
    /// Threads that read, each with a connection of its own.
    pub readers: usize,
    /// Reads that may wait; beyond that [`crate::store::StoreError::Overloaded`].
    pub read_queue: usize,
    /// How large the database may become, bytes; `None` leaves it to the disk.
    pub max_bytes: Option<u64>,
}

impl Options {
    /// The defaults for a directory.
    #[must_use]
    pub fn new(dir: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { dir: dir.to_owned(), clock, queue: 4096, readers: 2, read_queue: 1024, max_bytes: None }
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory is missing and cannot be created, or nothing can be created in it.
    #[error("the data directory {} cannot be written: {source}; set DATA_DIR to a directory this user may write", dir.display())]
    Directory {
        /// Which.
        dir: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the data directory {} is in use by another process; stop that one or set DATA_DIR to another directory", dir.display())]
    Locked {
        /// Which.
        dir: PathBuf,
    },
    /// The file is a database, but not ours.
    #[error("viva.db is not a Viva store; move it away or set DATA_DIR to another directory")]
    Foreign,
    /// A newer version wrote it.
    #[error(
        "the store has schema version {found}, this version knows {known}; start the newer Viva or restore a backup"
    )]
    Newer {
        /// In the file.
        found: i64,
        /// The newest this version knows.
        known: i64,
    },
    /// Nobody has migrated it yet.
    #[error("the store has schema version {found}, this version needs {known}; start Viva or run `viva migrate` first")]
    Older {
        /// In the file.
        found: i64,
        /// The version this one needs.
        known: i64,
    },
    /// Its schema is not what its version says.
    #[error("the store's schema (version {version}) was changed by somebody else; restore a backup")]
    Altered {
        /// What the file says it is.
        version: i64,
    },
    /// There is no store yet.
    #[error("there is no store in {} yet; start the server once, or set DATA_DIR to where it is", dir.display())]
    Absent {
        /// Which directory.
        dir: PathBuf,
    },
    /// SQLite's own reason.
    #[error("the store cannot be opened: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// No thread could be started for it.
    #[error("the store's threads cannot be started: {0}")]
    Threads(io::Error),
}

/// A data directory that no other process has until this is dropped.
pub struct HeldDirectory {
    _lock: File,
}

impl HeldDirectory {
    /// Creates the directory if need be and takes it.
    ///
    /// # Errors
    /// When it cannot be written, or another process has it.
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        let refused = |source| OpenError::Directory { dir: dir.to_owned(), source };
        let is_new = !dir.exists();
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused)?;
        let lock = private(dir, LOCK)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Locked { dir: dir.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(refused(source)),
        }
        // Its name must survive a power cut as well as what is in it.
        if let Some(parent) = dir.parent().filter(|parent| is_new && !parent.as_os_str().is_empty()) {
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(refused)?;
        }
        Ok(Self { _lock: lock })
    }
}

/// A directory that is ours until this is dropped.
pub(super) struct Held {
    /// The database's path.
    pub(super) database: PathBuf,
    _directory: HeldDirectory,
}

/// Creates the directory if need be and takes it.
pub(super) fn take(dir: &Path) -> Result<Held, OpenError> {
    let directory = HeldDirectory::take(dir)?;
    // SQLite gives its log files the rights of the database: created here, all of them are private.
    private(dir, DATABASE)?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|source| OpenError::Directory { dir: dir.to_owned(), source })?;
    Ok(Held { database: dir.join(DATABASE), _directory: directory })
}

/// A file in the directory that only this user can read.
fn private(dir: &Path, name: &str) -> Result<File, OpenError> {
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(dir.join(name));
    file.map_err(|source| OpenError::Directory { dir: dir.to_owned(), source })
}

/// The writer's connection, on the present schema.
pub(super) fn writer(held: &Held, options: &Options) -> Result<Connection, OpenError> {
    let mut conn = connect(&held.database, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE_KIB)?;
    schema::migrate(&mut conn, options.clock.now().unix_ms)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    // What is erased or replaced is overwritten in the file as well.
    conn.pragma_update(None, "secure_delete", true)?;
    if let Some(bytes) = options.max_bytes {
        let page: i64 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        conn.pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(()))?;
    }
    Ok(conn)
}

/// A connection that writes beside the process that has the store open.
pub(super) fn beside(dir: &Path) -> Result<Connection, OpenError> {
    let database = dir.join(DATABASE);
    if !database.is_file() {
        return Err(OpenError::Absent { dir: dir.to_owned() });
    }
    let conn = connect(&database, OpenFlags::SQLITE_OPEN_READ_WRITE, CACHE_KIB)?;
    schema::is_current(&conn)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "secure_delete", true)?;
    Ok(conn)
}

/// The checkpointer's connection.
pub(super) fn copier(held: &Held) -> Result<Connection, OpenError> {
    connect(&held.database, OpenFlags::SQLITE_OPEN_READ_WRITE, CACHE_KIB)
}

/// A reader's connection.
pub(super) fn reader(held: &Held) -> Result<Connection, OpenError> {
    connect(&held.database, OpenFlags::SQLITE_OPEN_READ_ONLY, CACHE_KIB)
}

fn connect(database: &Path, access: OpenFlags, cache_kib: i64) -> Result<Connection, OpenError> {
    let conn = Connection::open_with_flags(database, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(64);
    // A plan must not depend on bound values: otherwise SQLite prepares a statement again whenever they change, which
    // costs more than running it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Negative: KiB, not pages.
    conn.pragma_update(None, "cache_size", -cache_kib)?;
    // Only the data directory may be writable: what SQLite sorts or may have to undo stays in memory.
    conn.pragma_update(None, "temp_store", "memory")?;
    if access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) {
        // Stays in the file; setting it again is free.
        conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        conn.pragma_update(None, "synchronous", "full")?;
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    }
    Ok(conn)
}
