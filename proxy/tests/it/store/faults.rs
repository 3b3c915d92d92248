//! What the embedded store does when it is killed, full, starved of its file or not allowed into its directory.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rusqlite::Connection;
use viva_proxy::identity::TenantCtx;
use viva_proxy::ids::{SessionId, TenantId};
use viva_proxy::store::sqlite::{Options, SqliteStore};
use viva_proxy::store::{Committed, Store, StoreError, StoreHealth, Unwritable};
use viva_proxy::transcript::chain;

use super::child::{self, Report, Task};
use super::fixture::{HandClock, Pen, Person};
use super::sqlite::open;

/// What a child was answered, by session: whose it is and the last acknowledged number.
#[derive(Default)]
struct Told(HashMap<SessionId, (TenantId, u64)>);

impl Told {
    fn hear(&mut self, report: &Report) {
        match report {
            Report::Session(tenant, session) => {
                self.0.insert(*session, (*tenant, 0));
            }
            Report::Acknowledged(session, n) => {
                let (_, last) = self.0.get_mut(session).unwrap();
                assert!(*n > *last);
                *last = *n;
            }
            Report::Refused(_) | Report::Opened | Report::NotOpened(_) => {}
        }
    }

    /// Opens what the child left and holds it against what it was told. How many records are there beyond that.
    async fn hold_against(&self, dir: &Path) -> u64 {
        let store = open(dir).unwrap();
        let mut beyond = 0;
        for (&session, &(tenant, acknowledged)) in &self.0 {
            let ctx = TenantCtx::service(tenant);
            let journal = store.journal(ctx, session, 0).await.unwrap();
            let stored = journal.len() as u64;
            assert!(chain::verify(session, &journal).is_ok());
            assert!(
                stored >= acknowledged,
                "{acknowledged} acknowledged, {stored} there"
            );
            assert_eq!(stored % 3, 0, "a batch is there whole or not at all");
            assert_eq!(
                store
                    .transcript(ctx, session)
                    .await
                    .unwrap()
                    .unwrap()
                    .turns
                    .len() as u64,
                stored
            );
            let mut pen = Pen::after(session, &journal);
            assert_eq!(
                store.commit(ctx, pen.turns(1)).await,
                Ok(Committed { up_to: stored + 1 })
            );
            beyond += stored - acknowledged;
        }
        beyond
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let line = child::command(Task::Commit, dir.path());
    let (mut killed, mut reports) = child::spawn(Command::new(&line[0]).args(&line[1..]));
    let mut told = Told::default();
    let mut acknowledged = 0;
    while acknowledged < 400 {
        let report = child::next(&mut reports).unwrap();
        acknowledged += u32::from(matches!(report, Report::Acknowledged(..)));
        told.hear(&report);
    }
    killed.kill().unwrap(); // SIGKILL, by its id
    while let Some(report) = child::next(&mut reports) {
        told.hear(&report);
    }
    killed.wait().unwrap();
    assert_eq!(told.0.len(), 8);
    told.hold_against(dir.path()).await;
}

#[tokio::test]
async fn a_file_that_may_not_grow_acknowledges_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let line = child::command(Task::Commit, dir.path());
    // With the signal ignored, writing beyond the limit fails like a device would.
    let starved = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let (mut starving, mut reports) =
        child::spawn(Command::new("sh").args(["-c", starved, "sh"]).args(&line));
    let (mut told, mut refused) = (Told::default(), Vec::new());
    while let Some(report) = child::next(&mut reports) {
        told.hear(&report);
        if let Report::Refused(error) = report {
            refused.push(error);
        }
    }
    assert!(starving.wait().unwrap().success());
    assert_eq!(refused.len(), 8);
    assert!(
        refused
            .iter()
            .all(|error| error.contains("cannot be written")),
        "{refused:?}"
    );
    assert!(told.0.values().map(|(_, n)| n).sum::<u64>() > 100);
    told.hold_against(dir.path()).await;
}

#[test]
fn a_directory_that_may_not_be_written_is_named_at_start() {
    const NOBODY: u32 = 65_534;
    let dir = tempfile::tempdir().unwrap();
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap()
    };
    // Root may write anywhere, so the child is somebody else there, with a binary that somebody else may reach.
    let mut line = child::command(Task::Open, &dir.path().join("data"));
    let as_root = std::fs::metadata("/proc/self")
        .is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let mut command = Command::new("env");
    if as_root {
        let reachable = dir.path().join("it");
        std::fs::copy(&line[2], &reachable).unwrap();
        set(&reachable, 0o755);
        line[2] = reachable.to_str().unwrap().to_owned();
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/").args(&line[1..]);
    set(dir.path(), 0o555);
    let (mut refused, mut reports) = child::spawn(&mut command);
    let report = child::next(&mut reports);
    refused.wait().unwrap();
    let existing = dir.path().join("data");
    set(dir.path(), 0o755);
    assert!(
        matches!(&report, Some(Report::NotOpened(error)) if error.contains("cannot be written") && error.contains("set DATA_DIR")),
        "{report:?}"
    );
    assert!(!existing.exists());
}

#[tokio::test]
async fn a_full_store_says_so_and_recovers_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let options = Options {
        max_bytes: Some(512 * 1024),
        ..Options::new(dir.path(), Arc::<HandClock>::clone(&clock))
    };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open_with(options).unwrap());
    let person = Person::sign_in(&store).await;
    let (filler, session) = (person.session().await, person.session().await);
    let mut fill = Pen::new(filler);
    let mut pen = Pen::new(session);
    store.commit(person.service(), pen.turns(2)).await.unwrap();
    assert_eq!(store.health(), StoreHealth::Ok);

    let mut filled = 0;
    let error = loop {
        match store.commit(person.service(), fill.turns(40)).await {
            Ok(done) => filled = done.up_to,
            Err(error) => break error,
        }
    };
    assert_eq!(error, StoreError::Unwritable(Unwritable::Full));
    assert!(error.is_retryable());
    assert_eq!(store.health(), StoreHealth::Failing(Unwritable::Full));
    let next = pen.turns(2);
    // Still inside the second in which nothing is tried.
    assert_eq!(
        store.commit(person.service(), next.clone()).await,
        Err(StoreError::Unwritable(Unwritable::Full))
    );

    // What is there can be read, and nothing of the refused batches is.
    assert_eq!(
        store.journal(person.ctx, session, 0).await.unwrap().len(),
        2
    );
    assert_eq!(
        store
            .transcript(person.ctx, filler)
            .await
            .unwrap()
            .unwrap()
            .turns
            .len() as u64,
        filled
    );

    // An operator makes room.
    let operator = Connection::open(dir.path().join("viva.db")).unwrap();
    operator
        .execute(
            "DELETE FROM journal WHERE session_id = ?1",
            [filler.0.as_bytes()],
        )
        .unwrap();
    clock.advance(1500);
    assert_eq!(
        store.commit(person.service(), next.clone()).await,
        Ok(Committed { up_to: 4 })
    );
    assert_eq!(store.health(), StoreHealth::Ok);
    assert_eq!(
        store.journal(person.ctx, session, 2).await.unwrap(),
        next.records
    );
}

#[tokio::test]
async fn a_full_store_notices_space_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        max_bytes: Some(512 * 1024),
        ..Options::new(dir.path(), Arc::new(viva_proxy::clock::SystemClock::new()))
    };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open_with(options).unwrap());
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut fill = Pen::new(session);
    while store.commit(person.service(), fill.turns(40)).await.is_ok() {}
    let operator = Connection::open(dir.path().join("viva.db")).unwrap();
    operator.execute("DELETE FROM journal", []).unwrap();
    // The probe comes within a second of quiet; the wait only ends early.
    for _ in 0..500 {
        if store.health() == StoreHealth::Ok {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the store did not find out that it can be written");
}

#[tokio::test]
async fn a_full_queue_refuses_instead_of_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        queue: 4,
        ..Options::new(dir.path(), Arc::new(HandClock::default()))
    };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open_with(options).unwrap());
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    // Somebody holds the file, so that the writer has to wait and its queue fills.
    let operator = Connection::open(dir.path().join("viva.db")).unwrap();
    operator.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut pen = Pen::new(session);
    let asked: Vec<_> = (0..600)
        .map(|_| store.commit(person.service(), pen.turns(1)))
        .collect();
    operator.execute_batch("ROLLBACK").unwrap();
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await);
    }
    let overloaded = answers
        .iter()
        .filter(|answer| **answer == Err(StoreError::Overloaded))
        .count();
    assert!(overloaded > 0, "{answers:?}");
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(
        store.journal(person.ctx, session, 0).await.unwrap().len(),
        accepted
    );
}
