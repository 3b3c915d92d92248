//! The embedded migrations: applied in order, each in one transaction, and held against their checksums at every start.
//! A file that a newer Viva wrote, or whose schema somebody changed by hand, is refused: guessing would cost records.

use std::cmp::Ordering;

use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::open::OpenError;

/// In every file of ours (`PRAGMA application_id`): "VIVA".
const APPLICATION_ID: i64 = 0x5649_5641;

/// One step of the schema.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// Every step, oldest first. A step is never edited once released.
const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "first_call",
        sql: include_str!("../../../../migrations/embedded/0001_first_call.sql"),
    },
    Migration {
        version: 2,
        name: "unconfirmed",
        sql: include_str!("../../../../migrations/embedded/0002_unconfirmed.sql"),
    },
    Migration { version: 3, name: "people", sql: include_str!("../../../../migrations/embedded/0003_people.sql") },
    Migration { version: 4, name: "keys", sql: include_str!("../../../../migrations/embedded/0004_keys.sql") },
    Migration { version: 5, name: "request", sql: include_str!("../../../../migrations/embedded/0005_request.sql") },
    Migration {
        version: 6,
        name: "invitations",
        sql: include_str!("../../../../migrations/embedded/0006_invitations.sql"),
    },
    Migration { version: 7, name: "rights", sql: include_str!("../../../../migrations/embedded/0007_rights.sql") },
    Migration {
        version: 8,
        name: "revocation",
        sql: include_str!("../../../../migrations/embedded/0008_revocation.sql"),
    },
    Migration { version: 9, name: "usage", sql: include_str!("../../../../migrations/embedded/0009_usage.sql") },
    Migration {
        version: 10,
        name: "upstreams",
        sql: include_str!("../../../../migrations/embedded/0010_upstreams.sql"),
    },
    Migration { version: 11, name: "imports", sql: include_str!("../../../../migrations/embedded/0011_imports.sql") },
];

/// Brings the file to this version's schema, or says why not.
pub(super) fn migrate(conn: &mut Connection, now_unix_ms: i64) -> Result<(), OpenError> {
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if found > newest {
        return Err(OpenError::Newer { found, known: newest });
    }
    check_owner(conn, found)?;
    check_history(conn, found)?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > found) {
        let step = conn.transaction()?;
        step.execute_batch(migration.sql)?;
        step.execute(
            "INSERT INTO schema_migrations (version, name, checksum, fingerprint, applied_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![migration.version, migration.name, checksum(migration.sql), fingerprint(&step)?, now_unix_ms],
        )?;
        step.pragma_update(None, "application_id", APPLICATION_ID)?;
        step.pragma_update(None, "user_version", migration.version)?;
        step.commit()?;
    }
    Ok(())
}

/// The newest version there is.
pub(super) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

/// Whether the file has exactly this version's schema: for whoever works beside a server and must not migrate.
pub(super) fn is_current(conn: &Connection) -> Result<(), OpenError> {
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    check_owner(conn, found)?;
    match found.cmp(&known) {
        Ordering::Less => Err(OpenError::Older { found, known }),
        Ordering::Greater => Err(OpenError::Newer { found, known }),
        Ordering::Equal => Ok(()),
    }
}

/// A file with another owner's mark, or with tables but none of ours, is somebody else's.
fn check_owner(conn: &Connection, version: i64) -> Result<(), OpenError> {
    let owner: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let ours = if version == 0 { owner == 0 && tables == 0 } else { owner == APPLICATION_ID };
    if ours { Ok(()) } else { Err(OpenError::Foreign) }
}

fn check_history(conn: &Connection, found: i64) -> Result<(), OpenError> {
    if found == 0 {
        return Ok(());
    }
    let applied: Vec<(i64, [u8; 32], [u8; 32])> = conn
        .prepare("SELECT version, checksum, fingerprint FROM schema_migrations ORDER BY version")
        .map_err(|_| OpenError::Altered { version: found })?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()
        .map_err(|_| OpenError::Altered { version: found })?;
    let expected = MIGRATIONS.iter().filter(|migration| migration.version <= found);
    let fits = |(migration, (version, sum, _)): (&Migration, &(i64, [u8; 32], [u8; 32]))| {
        migration.version == *version && checksum(migration.sql) == *sum
    };
    let known = applied.len() == expected.clone().count() && expected.zip(&applied).all(fits);
    let untouched = applied.last().is_some_and(|(_, _, print)| fingerprint(conn).is_ok_and(|now| now == *print));
    if known && untouched { Ok(()) } else { Err(OpenError::Altered { version: found }) }
}

fn checksum(sql: &str) -> [u8; 32] {
    Sha256::digest(sql.as_bytes()).into()
}

/// A hash over every table, index, view and trigger; SQLite's own tables (statistics) may come and go.
fn fingerprint(conn: &Connection) -> rusqlite::Result<[u8; 32]> {
    let mut sha = Sha256::new();
    let mut schema = conn.prepare(
        r"SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY type, name",
    )?;
    let mut rows = schema.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..3 {
            sha.update(row.get_ref(column)?.as_str()?.as_bytes());
            sha.update([0]);
        }
    }
    Ok(sha.finalize().into())
}
