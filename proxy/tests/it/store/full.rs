//! The embedded store without room: what it says, what it leaves, and how it finds out that there is room again.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use viva_proxy::clock::SystemClock;
use viva_proxy::store::sqlite::{Options, SqliteStore};
use viva_proxy::store::{Committed, NewSession, StoreError, StoreHealth, Unwritable};

use super::fixture::{Ground, HandClock, Pen, Person, consent, new_session, ticket};

#[tokio::test]
async fn a_full_store_says_so_and_recovers_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let options = Options { max_bytes: Some(512 * 1024), ..Options::new(dir.path(), Arc::<HandClock>::clone(&clock)) };
    let store: Arc<dyn Ground> = Arc::new(SqliteStore::open_with(options).unwrap());
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
    assert_eq!(store.commit(person.service(), next.clone()).await, Err(StoreError::Unwritable(Unwritable::Full)));

    // What is there can be read, and nothing of the refused batches is.
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap().len(), 2);
    assert_eq!(store.transcript(person.ctx, filler).await.unwrap().unwrap().turns.len() as u64, filled);

    // An operator makes room.
    let operator = Connection::open(dir.path().join("viva.db")).unwrap();
    operator.execute("DELETE FROM journal WHERE session_id = ?1", [filler.0.as_bytes()]).unwrap();
    clock.advance(1500);
    assert_eq!(store.commit(person.service(), next.clone()).await, Ok(Committed { up_to: 4 }));
    assert_eq!(store.health(), StoreHealth::Ok);
    assert_eq!(store.journal(person.ctx, session, 2).await.unwrap(), next.records);
}

#[tokio::test]
async fn a_full_store_notices_space_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { max_bytes: Some(512 * 1024), ..Options::new(dir.path(), Arc::new(SystemClock::new())) };
    let store: Arc<dyn Ground> = Arc::new(SqliteStore::open_with(options).unwrap());
    let person = Person::sign_in(&store).await;
    // Rows that leave nothing to project: only the probe can find out.
    loop {
        let stage_plan = "x".repeat(50_000).into();
        let new = NewSession { stage_plan, ..new_session(person.user) };
        let ticket = ticket(person.tenant, new.id);
        if store.create_session(person.ctx, new, ticket, consent()).await.is_err() {
            break;
        }
    }
    // Tried and found wanting: a few free bytes are no space.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(store.health(), StoreHealth::Failing(Unwritable::Full));

    let operator = Connection::open(dir.path().join("viva.db")).unwrap();
    operator.execute("DELETE FROM interview_sessions", []).unwrap();
    // The probe comes within a second of quiet; the wait only ends early.
    for _ in 0..500 {
        if store.health() == StoreHealth::Ok {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the store did not find out that it can be written");
}

#[tokio::test]
async fn a_group_that_fails_leaves_nothing_behind_of_any_job() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock::default());
    let options = Options { max_bytes: Some(512 * 1024), ..Options::new(dir.path(), Arc::<HandClock>::clone(&clock)) };
    let store: Arc<dyn Ground> = Arc::new(SqliteStore::open_with(options).unwrap());
    let person = Person::sign_in(&store).await;
    let (session, greedy) = (person.session().await, person.session().await);
    let waiting = person.session().await;
    // Somebody holds the file: what is asked while the writer waits for it comes into one group.
    let operator = Connection::open(dir.path().join("viva.db")).unwrap();
    operator.execute_batch("BEGIN IMMEDIATE").unwrap();
    let held_up = store.commit(person.service(), Pen::new(waiting).turns(1));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let first = Pen::new(session).turns(1);
    let too_much = Pen::new(greedy).turns(2000);
    let asked = [first.clone(), too_much].map(|batch| store.commit(person.service(), batch));
    operator.execute_batch("ROLLBACK").unwrap();
    let [of_first, of_too_much] = asked;
    held_up.await.unwrap();
    let full = Err(StoreError::Unwritable(Unwritable::Full));
    assert_eq!(of_too_much.await, full);
    // Alone in an earlier group it is there; in the same group it is not. Nothing between.
    let there = store.journal(person.ctx, session, 0).await.unwrap().len();
    let answer = of_first.await;
    assert!((answer == full && there == 0) || (answer.is_ok() && there == 1), "{answer:?}, {there} there");

    clock.advance(1500);
    assert_eq!(store.commit(person.service(), first.clone()).await, Ok(Committed { up_to: 1 }));
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap(), first.records);
}

#[tokio::test]
async fn a_full_queue_refuses_instead_of_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { queue: 4, ..Options::new(dir.path(), Arc::new(HandClock::default())) };
    let store: Arc<dyn Ground> = Arc::new(SqliteStore::open_with(options).unwrap());
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    // Somebody holds the file, so that the writer has to wait and its queue fills.
    let operator = Connection::open(dir.path().join("viva.db")).unwrap();
    operator.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut pen = Pen::new(session);
    let asked: Vec<_> = (0..600).map(|_| store.commit(person.service(), pen.turns(1))).collect();
    operator.execute_batch("ROLLBACK").unwrap();
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await);
    }
    let overloaded = answers.iter().filter(|answer| **answer == Err(StoreError::Overloaded)).count();
    assert!(overloaded > 0, "{answers:?}");
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap().len(), accepted);
}
