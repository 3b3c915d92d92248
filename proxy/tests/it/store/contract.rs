//! The contract of [`viva_proxy::store::Store::commit`] and of what is read back, against any store. Each function is one promise; the
//! modules of the stores call them through `contract!`.

use std::sync::Arc;

use viva_proxy::ids::SessionId;
use viva_proxy::store::{Batch, Committed, StoreError};
use viva_proxy::transcript::{Hash, Speaker, chain};

use super::fixture::{Ground, Pen, Person, turn};

/// Makes a test of every promise for one kind of store. `$open` gives a fresh store and what keeps it alive.
macro_rules! contract {
    ($open:expr) => {
        contract! { $open;
            contract::{
                what_was_committed_is_read_back,
                the_same_records_again_are_one_set_of_rows,
                a_different_record_at_a_taken_place_is_fenced,
                a_hole_is_fenced,
                records_that_could_never_verify_are_fenced,
                an_older_lease_is_fenced,
            }
            contract_sharing::{
                of_many_appenders_at_one_place_one_wins,
                sessions_written_at_once_do_not_mix,
                a_journal_needs_its_session,
                strangers_neither_read_nor_write_a_journal,
                closing_finishes_what_was_asked_and_takes_nothing_more,
            }
            contract_people::{
                a_session_comes_with_its_ticket_or_not_at_all,
                tickets_are_added_to_own_sessions_only,
                tickets_that_are_taken_back_are_not_found,
                sessions_are_created_by_and_for_known_people,
                lists_are_the_actors_own_newest_first,
                staff_see_what_is_the_tenants_and_change_nothing_by_seeing,
            }
            contract_calls::{
                a_call_goes_from_its_row_to_its_hang_up,
                a_refused_call_fails_the_session_until_the_next_try,
                an_interview_between_two_calls_is_left_to_the_next_process,
                those_under_way_are_told_from_the_rest,
                a_session_is_changed_until_it_has_a_call_or_a_record,
                strangers_see_and_change_no_rows,
            }
            contract_readable::{
                the_readable_record_follows_the_conversation,
                late_words_and_links_change_place_and_text_only,
                what_is_readable_does_not_depend_on_when_it_is_read,
            }
            contract_odd::{
                odd_words_and_ids_come_back_as_they_were_said,
                the_same_turn_several_times_in_a_batch_is_one_turn,
                a_character_that_cannot_be_stored_costs_nothing_but_its_batch,
            }
            contract_course::{
                a_session_shows_how_its_interview_went,
                an_end_without_a_beginning_is_no_interview,
            }
        }
    };
    ($open:expr; $($module:ident :: { $($promise:ident),* $(,)? })*) => {
        $($(
            #[tokio::test]
            async fn $promise() {
                let (store, _keep) = $open;
                super::$module::$promise(store).await;
            }
        )*)*
    };
}
pub(super) use contract;

pub(super) async fn what_was_committed_is_read_back(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let (first, second) = (pen.turns(2), pen.turns(3));
    assert_eq!(store.commit(person.service(), first.clone()).await, Ok(Committed { up_to: 2 }));
    assert_eq!(store.commit(person.service(), second.clone()).await, Ok(Committed { up_to: 5 }));

    let journal = store.journal(person.ctx, session, 0).await.unwrap();
    assert_eq!(journal, [first.records, second.records.clone()].concat());
    assert_eq!(store.journal(person.ctx, session, 2).await.unwrap(), second.records);
    assert_eq!(chain::verify(session, &journal), Ok(journal[4].hash));
    let transcript = store.transcript(person.ctx, session).await.unwrap().unwrap();
    assert_eq!(transcript.head, journal[4].hash);
    assert_eq!(transcript.session.projected_n, 5);
    assert_eq!(transcript.turns.iter().map(|turn| turn.n).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

pub(super) async fn the_same_records_again_are_one_set_of_rows(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let (first, second) = (pen.turns(3), pen.turns(2));
    for batch in [&first, &first, &second, &first, &second] {
        let last = batch.records.last().unwrap().n;
        assert_eq!(store.commit(person.service(), batch.clone()).await, Ok(Committed { up_to: last }));
    }
    // The unknown outcome of a batch, told again together with what came since.
    let both = Batch { records: [first.records.clone(), second.records].concat(), ..first };
    let longer = Batch { records: [both.records.clone(), pen.turns(1).records].concat(), ..both.clone() };
    assert_eq!(store.commit(person.service(), both).await, Ok(Committed { up_to: 5 }));
    assert_eq!(store.commit(person.service(), longer.clone()).await, Ok(Committed { up_to: 6 }));
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap(), longer.records);
}

pub(super) async fn a_different_record_at_a_taken_place_is_fenced(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let written = pen.turns(3);
    store.commit(person.service(), written.clone()).await.unwrap();

    let other = Pen::new(session).batch([(turn("other", None, Speaker::Ai), Some("Hello."))]);
    assert_eq!(store.commit(person.service(), other).await, Err(StoreError::Fenced));
    let mut fork = Pen::after(session, &written.records[..2]);
    let fork = fork.batch([(turn("fork", None, Speaker::Ai), None)]);
    assert_eq!(store.commit(person.service(), fork).await, Err(StoreError::Fenced));
    let foreign_head = Batch { prev_hash: Hash([9; 32]), ..pen.turns(1) };
    assert_eq!(store.commit(person.service(), foreign_head).await, Err(StoreError::Fenced));
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap(), written.records);
}

pub(super) async fn a_hole_is_fenced(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let (first, second) = (pen.turns(1), pen.turns(1));
    assert_eq!(store.commit(person.service(), second.clone()).await, Err(StoreError::Fenced));
    assert_eq!(store.commit(person.service(), first).await, Ok(Committed { up_to: 1 }));
    assert_eq!(store.commit(person.service(), second).await, Ok(Committed { up_to: 2 }));
}

pub(super) async fn records_that_could_never_verify_are_fenced(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let good = Pen::new(session).turns(3);
    let mut swapped = good.clone();
    swapped.records.swap(0, 1);
    let mut altered = good.clone();
    altered.records[2].body = altered.records[1].body.clone();
    let foreign = Pen::new(SessionId::fresh()).turns(1);
    let bad = [
        Batch { records: Vec::new(), ..good.clone() },
        Batch { expected_n: 0, ..good.clone() },
        Batch { expected_n: u64::MAX, ..good.clone() },
        Batch { session, ..foreign },
        swapped,
        altered,
    ];
    for batch in bad {
        assert_eq!(store.commit(person.service(), batch).await, Err(StoreError::Fenced));
    }
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap(), []);
}

pub(super) async fn an_older_lease_is_fenced(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    pen.lease_epoch = 7;
    let owned = pen.turns(1);
    store.commit(person.service(), owned.clone()).await.unwrap();
    let stale = Batch { lease_epoch: 6, ..pen.clone().turns(1) };
    assert_eq!(store.commit(person.service(), stale).await, Err(StoreError::Fenced));
    assert_eq!(store.commit(person.service(), Batch { lease_epoch: 6, ..owned }).await, Err(StoreError::Fenced));
    assert_eq!(
        store.commit(person.service(), Batch { lease_epoch: 8, ..pen.turns(1) }).await,
        Ok(Committed { up_to: 2 })
    );
}
