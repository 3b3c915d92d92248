//! Words that are erased from a store are gone, and what is left still verifies.

use std::path::Path;

use rusqlite::{Connection, params};
use viva_proxy::ids::SessionId;
use viva_proxy::store::Store as _;
use viva_proxy::store::sqlite::journal_beside;
use viva_proxy::transcript::verify::{Fault, Vouched, verify};
use viva_proxy::transcript::{Sealed, Signer};

use super::fixture::{Pen, Person};
use super::sqlite::{fresh, open};

/// What an erasure does to a session: words and salts go, in the journal and in what is projected from it.
fn erase_text(dir: &Path, session: SessionId) -> usize {
    let conn = Connection::open(dir.join("viva.db")).unwrap();
    conn.pragma_update(None, "secure_delete", true).unwrap();
    let key = session.0.as_bytes();
    let erased = conn
        .execute("UPDATE journal SET text = NULL, salt = NULL WHERE session_id = ?1 AND text IS NOT NULL", params![key])
        .unwrap();
    conn.execute("UPDATE transcript_entries SET text = NULL WHERE session_id = ?1", params![key]).unwrap();
    erased
}

#[tokio::test]
async fn an_erased_session_s_journal_verifies_and_hides_no_alteration() {
    let (store, dir) = fresh();
    let person = Person::sign_in(&store).await;
    let (erased, kept) = (person.session().await, person.session().await);
    let signer = Signer::from_seed(&[1; 32]);
    for session in [erased, kept] {
        let mut pen = Pen::new(session);
        let turns = pen.turns(6);
        let head = turns.records.last().unwrap().hash;
        store.commit(person.service(), turns).await.unwrap();
        let seal = signer.seal(&Sealed { session, n: 6, head });
        store.commit(person.service(), pen.batch([(seal, None)])).await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    assert_eq!(erase_text(dir.path(), erased), 6);

    let store = open(dir.path()).unwrap();
    let records = store.journal(person.ctx, erased, 0).await.unwrap();
    assert!(records.iter().all(|record| record.text.is_none() && record.salt.is_none()));
    let found = verify(erased, &records, None, &[signer.public()]).unwrap();
    assert_eq!((found.erased, found.records), (vec![1, 2, 3, 4, 5, 6], 7));
    assert_eq!(found.vouched, Vouched::Signed { key: signer.public(), trusted: true });
    assert_eq!(journal_beside(dir.path(), erased).unwrap(), Some(records), "the same beside the open store");
    assert_eq!(journal_beside(dir.path(), SessionId::fresh()).unwrap(), None);
    let shown = store.transcript(person.ctx, erased).await.unwrap().unwrap();
    assert!(shown.turns.len() == 6 && shown.turns.iter().all(|turn| turn.text.is_empty()));
    let untouched = store.journal(person.ctx, kept, 0).await.unwrap();
    assert_eq!(verify(kept, &untouched, None, &[]).unwrap().erased, Vec::<u64>::new());
    store.close().await.unwrap();
    drop(store);

    // Who has the file open can still not change what was said, nor put words where there are none any more.
    let alter = |what: &str| {
        let conn = Connection::open(dir.path().join("viva.db")).unwrap();
        let changed = conn
            .execute(
                &format!("UPDATE journal SET {what} WHERE session_id = ?1 AND n = 4"),
                params![erased.0.as_bytes()],
            )
            .unwrap();
        assert_eq!(changed, 1);
        let records = journal_beside(dir.path(), erased).unwrap().unwrap();
        verify(erased, &records, None, &[signer.public()]).map_err(|altered| (altered.record, altered.fault)).err()
    };
    assert_eq!(alter("text = 'I lied', salt = zeroblob(16)"), Some((Some(4), Fault::Text)));
    assert_eq!(alter("text = NULL, salt = NULL, source = 'client'"), Some((Some(4), Fault::Source)));
    assert_eq!(alter("source = 'sideband', epoch = 9"), Some((Some(4), Fault::Epoch)));
    assert_eq!(alter("epoch = 0, kind = 'gap'"), Some((Some(4), Fault::Kind)));
    assert_eq!(alter("kind = 'turn', hash = zeroblob(32)"), Some((Some(4), Fault::Hash)));
}
