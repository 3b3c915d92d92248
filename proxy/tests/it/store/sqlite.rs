//! The embedded store: the contract, and what its file and directory promise.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use viva_proxy::clock::SystemClock;
use viva_proxy::store::sqlite::{OpenError, SqliteStore};
use viva_proxy::store::{Committed, Store};

use super::contract::contract;
use super::contract_accounts::{House, accounts_contract};
use super::fixture::{Ground, HandClock, Pen, Person};

/// A store in a directory of its own, which goes when the second part is dropped.
pub(super) fn fresh() -> (Arc<dyn Ground>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path(), Arc::new(HandClock::default())).unwrap();
    (Arc::new(store), dir)
}

pub(super) fn open(dir: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(dir, Arc::new(SystemClock::new()))
}

/// The same, for what is around interviews.
fn house() -> (House, tempfile::TempDir) {
    let (clock, dir) = (Arc::new(HandClock::default()), tempfile::tempdir().unwrap());
    let store = SqliteStore::open(dir.path(), clock.clone()).unwrap();
    (House { store: Arc::new(store), clock }, dir)
}

contract!(fresh());
accounts_contract!(house());

#[tokio::test]
async fn everything_is_there_after_closing_and_opening_again() {
    let (store, dir) = fresh();
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let written = pen.turns(4);
    store.commit(person.service(), written.clone()).await.unwrap();
    let before = format!("{:?}", store.transcript(person.ctx, session).await.unwrap());
    store.close().await.unwrap();
    drop(store);

    let store = open(dir.path()).unwrap();
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap(), written.records);
    assert_eq!(format!("{:?}", store.transcript(person.ctx, session).await.unwrap()), before);
    assert_eq!(store.commit(person.service(), pen.turns(1)).await, Ok(Committed { up_to: 5 }));
}

#[test]
fn the_directory_is_created_private() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("new/data");
    let store = open(&dir).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in std::fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    drop(store);
}

#[test]
fn two_processes_cannot_have_it_open() {
    let (store, dir) = fresh();
    let refused = open(dir.path()).err().unwrap();
    assert!(matches!(&refused, OpenError::Locked { .. }), "{refused}");
    assert!(refused.to_string().contains("in use by another process"));
    drop(store);
    open(dir.path()).unwrap();
}

#[test]
fn a_newer_altered_or_foreign_file_is_refused() {
    let with = |sql: &str| {
        let (store, dir) = fresh();
        drop(store);
        Connection::open(dir.path().join("viva.db")).unwrap().execute_batch(sql).unwrap();
        let error = open(dir.path()).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(with("PRAGMA user_version = 99").contains("has schema version 99, this version knows "));
    for altered in [
        "ALTER TABLE journal ADD COLUMN extra TEXT",
        "DROP TABLE consents",
        "CREATE INDEX fast ON journal (kind)",
        "UPDATE schema_migrations SET checksum = zeroblob(32)",
        "DELETE FROM schema_migrations",
        "DROP TABLE schema_migrations",
    ] {
        assert!(with(altered).contains("was changed by somebody else"), "{altered}");
    }
    assert!(with("PRAGMA application_id = 7").contains("not a Viva store"));
    assert_eq!(with("ANALYZE"), "");

    let dir = tempfile::tempdir().unwrap();
    Connection::open(dir.path().join("viva.db")).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(open(dir.path()).err(), Some(OpenError::Foreign)));
    std::fs::write(dir.path().join("viva.db"), "not a database at all, but long enough to be looked at".repeat(100))
        .unwrap();
    assert!(matches!(open(dir.path()).err(), Some(OpenError::Sqlite(_))));
}

#[test]
fn a_file_in_the_directorys_place_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    std::fs::write(&file, "x").unwrap();
    let error = open(&file).err().unwrap();
    assert!(matches!(&error, OpenError::Directory { .. }), "{error}");
    assert!(error.to_string().contains("set DATA_DIR"));
}
