//! The contract of a journal that many want: at once, from outside, and while the store closes.

use std::sync::Arc;

use viva_proxy::identity::{Actor, TenantCtx};
use viva_proxy::ids::{SessionId, TenantId, UserId};
use viva_proxy::store::{Committed, StoreError, StoreHealth};
use viva_proxy::transcript::{Speaker, chain};

use super::fixture::{Ground, Pen, Person, turn};

pub(super) async fn of_many_appenders_at_one_place_one_wins(store: Arc<dyn Ground>) {
    const ITEMS: [&str; 16] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let tries = ITEMS.map(|item| {
        let batch = Pen::new(session).batch([(turn(item, None, Speaker::Ai), None)]);
        let (store, ctx) = (Arc::clone(&store), person.service());
        tokio::spawn(async move { (batch.records.clone(), store.commit(ctx, batch).await) })
    });
    let mut winners = Vec::new();
    for attempt in tries {
        match attempt.await.unwrap() {
            (records, Ok(Committed { up_to: 1 })) => winners.push(records),
            (_, outcome) => assert_eq!(outcome, Err(StoreError::Fenced)),
        }
    }
    assert_eq!(winners, [store.journal(person.ctx, session, 0).await.unwrap()]);
}

pub(super) async fn sessions_written_at_once_do_not_mix(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let mut writing = Vec::new();
    for turns in 1..=20 {
        let session = person.session().await;
        let (store, ctx) = (Arc::clone(&store), person.service());
        writing.push(tokio::spawn(async move {
            let mut pen = Pen::new(session);
            for n in 1..=turns {
                assert_eq!(store.commit(ctx, pen.turns(1)).await, Ok(Committed { up_to: n }));
            }
            (session, turns)
        }));
    }
    for written in writing {
        let (session, turns) = written.await.unwrap();
        let journal = store.journal(person.ctx, session, 0).await.unwrap();
        assert_eq!(journal.len() as u64, turns);
        assert!(chain::verify(session, &journal).is_ok());
    }
}

pub(super) async fn a_journal_needs_its_session(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let nobody = SessionId::fresh();
    assert_eq!(store.commit(person.service(), Pen::new(nobody).turns(1)).await, Err(StoreError::Missing));
    assert_eq!(store.journal(person.service(), nobody, 0).await.unwrap(), []);
    assert!(store.transcript(person.service(), nobody).await.unwrap().is_none());
}

pub(super) async fn strangers_neither_read_nor_write_a_journal(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let own = Pen::new(session).turns(1);
    store.commit(person.holder(session), own.clone()).await.unwrap();
    let other = Person::sign_in(&store).await;
    let strangers = [
        other.ctx,
        other.service(),
        TenantCtx { tenant: other.tenant, actor: Actor::User(person.user) },
        TenantCtx { tenant: other.tenant, actor: Actor::Ticket(session) },
        TenantCtx { tenant: person.tenant, actor: Actor::User(other.user) },
        person.holder(SessionId::fresh()),
        TenantCtx::service(TenantId::fresh()),
        TenantCtx { tenant: person.tenant, actor: Actor::User(UserId::fresh()) },
    ];
    for stranger in strangers {
        let next = Pen::after(session, &own.records).turns(1);
        assert_eq!(store.commit(stranger, next).await, Err(StoreError::Missing), "{stranger:?}");
        assert_eq!(store.commit(stranger, own.clone()).await, Err(StoreError::Missing), "{stranger:?}");
        assert_eq!(store.journal(stranger, session, 0).await.unwrap(), [], "{stranger:?}");
        assert!(store.transcript(stranger, session).await.unwrap().is_none(), "{stranger:?}");
    }
    for friend in [person.ctx, person.service(), person.holder(session)] {
        assert_eq!(store.journal(friend, session, 0).await.unwrap(), own.records, "{friend:?}");
        assert!(store.transcript(friend, session).await.unwrap().is_some(), "{friend:?}");
    }
}

pub(super) async fn closing_finishes_what_was_asked_and_takes_nothing_more(store: Arc<dyn Ground>) {
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    let asked: Vec<_> = (0..50).map(|_| store.commit(person.service(), pen.turns(1))).collect();
    store.close().await.unwrap();
    for (answer, n) in asked.into_iter().zip(1..) {
        assert_eq!(answer.await, Ok(Committed { up_to: n }));
    }
    assert_eq!(store.commit(person.service(), pen.turns(1)).await, Err(StoreError::Closed));
    assert_eq!(store.journal(person.ctx, session, 0).await.unwrap_err(), StoreError::Closed);
    assert_eq!(store.health(), StoreHealth::Closed);
    store.close().await.unwrap();
}
