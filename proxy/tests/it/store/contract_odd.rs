//! The contract of what nobody expects to be said: it is stored as it is or refused by itself, and what stands beside it
//! is stored all the same.

use std::sync::Arc;

use viva_proxy::store::{Batch, Committed, StoreError};
use viva_proxy::transcript::timeline::MAX_WORDS;
use viva_proxy::transcript::{Entry, Record, Source, Speaker};

use super::fixture::{Ground, Pen, Person, opened, turn, turn_entry};

/// As long as a turn may be, in two bytes a character.
fn longest() -> &'static str {
    Box::leak("ä".repeat(MAX_WORDS / 2).into_boxed_str())
}

pub(super) async fn odd_words_and_ids_come_back_as_they_were_said(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let odd = [
        ("plain", longest()),
        ("auth0|item", "\u{1}\u{8}\u{b}\u{1b}[31m\u{7f}"),
        ("\"}],{\"x\":[{\"", "'; drop table journal; --"),
        ("\\u0000", "a backslash, u and zeros: \\u0000 \\\\u0000 \\x00"),
        ("\u{202e}\u{feff}", "\u{fffd}\u{10ffff}\u{1f468}\u{200d}\u{1f469}"),
        ("percent%25,(a.b)", "\r\n\t line\u{2028}separators\u{2029}"),
    ];
    let mut before: Option<String> = None;
    let batch = pen.batch(odd.map(|(item, words)| {
        let after = before.replace(item.to_owned());
        (turn(item, after, Speaker::Candidate), Some(words))
    }));
    assert_eq!(store.commit(person.service(), batch.clone()).await, Ok(Committed { up_to: 6 }));
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap(), batch.records);
    let turns = store.transcript(person.ctx, session).await.unwrap().unwrap().turns;
    let told: Vec<_> = turns.iter().map(|turn| (turn.item_id.as_str(), turn.text.as_str())).collect();
    assert_eq!(told, odd);
}

pub(super) async fn the_same_turn_several_times_in_a_batch_is_one_turn(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let again = Entry::Revised(turn_entry("a", None, Speaker::Ai));
    let batch = pen.batch([
        (opened("a", None, Speaker::Ai), None),
        (opened("a", None, Speaker::Ai), None),
        (turn("a", None, Speaker::Ai), Some("First.")),
        (turn("b", Some("a".into()), Speaker::Candidate), Some("Beside.")),
        (again.clone(), Some("Second.")),
        (again, Some("Third.")),
    ]);
    assert_eq!(store.commit(person.service(), batch).await, Ok(Committed { up_to: 6 }));
    let turns = store.transcript(person.ctx, session).await.unwrap().unwrap().turns;
    let told: Vec<_> = turns.iter().map(|turn| (turn.item_id.as_str(), turn.text.as_str())).collect();
    assert_eq!(told, [("a", "Third."), ("b", "Beside.")]);
}

pub(super) async fn a_character_that_cannot_be_stored_costs_nothing_but_its_batch(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let (session, other) = (person.session().await, person.session().await);
    let (mut pen, mut beside) = (Pen::new(session), Pen::new(other));
    store.commit(person.service(), pen.turns(2)).await.unwrap();
    let last = store.journal(person.ctx, session, 1).await.unwrap().remove(0);
    let entry = turn("nul", None, Speaker::Ai);
    let record = Record::next(session, 3, last.hash, 0, Source::Sideband, &entry, Some(("a\0b".into(), [1; 16])));
    let poison = Batch { session, lease_epoch: 1, expected_n: 3, prev_hash: last.hash, records: vec![record.clone()] };
    let (poisoned, fine) =
        tokio::join!(store.commit(person.service(), poison), store.commit(person.service(), beside.turns(2)));
    assert_eq!(fine, Ok(Committed { up_to: 2 }));
    let journal = store.journal(person.ctx, session, 2).await.unwrap();
    match poisoned {
        Ok(committed) => assert_eq!((committed.up_to, journal), (3, vec![record])),
        Err(refused) => {
            assert_eq!((refused, journal), (StoreError::Internal, vec![]));
            assert_eq!(store.commit(person.service(), pen.turns(1)).await, Ok(Committed { up_to: 3 }), "it goes on");
        }
    }
}
