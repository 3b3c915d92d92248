//! The embedded store's written projection: it follows within a second, and dropping it loses nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;
use viva_proxy::ids::SessionId;
use viva_proxy::store::Store;
use viva_proxy::store::sqlite::SqliteStore;
use viva_proxy::transcript::{CallEvent, Entry, Speaker, StageReason, TurnEntry, TurnState};

use super::fixture::{Ground, NOW, Pen, Person, opened, stage, turn_entry};
use super::sqlite::open;

/// Every projected byte of a session.
fn dump(dir: &Path, session: SessionId) -> Vec<Vec<Value>> {
    let conn = Connection::open(dir.join("viva.db")).unwrap();
    let queries = [
        "SELECT * FROM interview_sessions WHERE id = ?1",
        "SELECT * FROM transcript_entries WHERE session_id = ?1 ORDER BY call_ordinal, item_id, content_index",
        "SELECT * FROM stage_events WHERE session_id = ?1 ORDER BY n",
    ];
    let mut rows = Vec::new();
    for query in queries {
        let mut statement = conn.prepare(query).unwrap();
        let columns = statement.column_count();
        let found =
            statement.query_map([session.0.as_bytes()], |row| (0..columns).map(|at| row.get(at)).collect()).unwrap();
        rows.extend(found.map(Result::unwrap));
    }
    rows
}

fn projected_n(dir: &Path, session: SessionId) -> i64 {
    let conn = Connection::open(dir.join("viva.db")).unwrap();
    conn.query_row("SELECT projected_n FROM interview_sessions WHERE id = ?1", [session.0.as_bytes()], |row| row.get(0))
        .unwrap()
}

/// Waits for the writer to have projected by itself.
async fn projected(dir: &Path, session: SessionId, n: i64) {
    for _ in 0..500 {
        if projected_n(dir, session) == n {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing was projected");
}

#[tokio::test]
async fn the_writer_projects_when_it_has_time_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Ground> = Arc::new(open(dir.path()).unwrap());
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    store.commit(person.service(), pen.turns(3)).await.unwrap();
    projected(dir.path(), session, 3).await;
    let written = dump(dir.path(), session);
    store.close().await.unwrap();
    drop(store);

    let left_behind = Connection::open(dir.path().join("viva.db")).unwrap();
    left_behind.execute_batch("DELETE FROM transcript_entries; UPDATE interview_sessions SET projected_n = 0, agent_turns = 0, candidate_turns = 0").unwrap();
    drop(left_behind);
    let _store = open(dir.path()).unwrap();
    projected(dir.path(), session, 3).await;
    assert_eq!(dump(dir.path(), session), written);
}

/// Entries of every kind a projection reads, in any order a journal could bring them.
fn entries() -> impl Strategy<Value = Vec<(Entry, Option<&'static str>)>> {
    let speaker = prop_oneof![Just(Speaker::Ai), Just(Speaker::Candidate), Just(Speaker::System)];
    let item = (1_u32..3, 0_u8..6, 0_u32..2, prop::option::of(0_u8..8), speaker, any::<bool>());
    let entry = (item, 0_u8..8).prop_map(|((call, item, content_index, after, speaker, has_words), kind)| {
        let after = after.map(|after| format!("i{after}"));
        let said = TurnEntry { call, content_index, ..turn_entry(&format!("i{item}"), after.clone(), speaker) };
        let words = has_words.then_some("Some words.");
        match kind {
            0 => (opened(&said.item, after.as_deref(), speaker), None),
            1..=3 => (Entry::Turn(said), words),
            4 => (Entry::Revised(TurnEntry { state: TurnState::Interrupted, truncated: has_words, ..said }), words),
            5 => (
                Entry::Stage(stage(
                    Some("welcome"),
                    "self_intro",
                    if has_words { StageReason::Forced } else { StageReason::Ended },
                )),
                None,
            ),
            6 => (Entry::Stage(stage(None, "welcome", StageReason::Start)), None),
            _ => (Entry::Call { call, event: CallEvent::Connected, at: NOW }, None),
        }
    });
    prop::collection::vec(entry, 1..40)
}

async fn rebuilt_is_equal(
    store: &Arc<SqliteStore>,
    person: &Person,
    dir: &Path,
    entries: Vec<(Entry, Option<&'static str>)>,
    cut: usize,
) {
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let cut = cut % entries.len();
    let (first, rest) = entries.split_at(cut);
    for part in [first, rest].into_iter().filter(|part| !part.is_empty()) {
        store.commit(person.service(), pen.batch(part.iter().cloned())).await.unwrap();
        store.project(session).await.unwrap();
    }
    let in_two_steps = dump(dir, session);
    store.rebuild(session).await.unwrap();
    assert_eq!(dump(dir, session), in_two_steps);
}

#[test]
fn a_dropped_projection_is_rebuilt_byte_for_byte() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(dir.path()).unwrap());
    let any_store: Arc<dyn Ground> = Arc::<SqliteStore>::clone(&store);
    let person = runtime.block_on(Person::sign_in(&any_store));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(100));
    runner
        .run(&(entries(), any::<usize>()), |(entries, cut)| {
            runtime.block_on(rebuilt_is_equal(&store, &person, dir.path(), entries, cut));
            Ok(())
        })
        .unwrap();
}
