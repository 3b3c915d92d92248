//! The contract of imports, against any store: taken once, told by their run, and taken back.

use viva_proxy::identity::{Actor, TenantCtx};
use viva_proxy::ids::{ImportId, UserId};
use viva_proxy::older::Older;
use viva_proxy::store::audit::Action;
use viva_proxy::store::imports::{Imported, Run, Taken, Undone};
use viva_proxy::store::people::SetUp;
use viva_proxy::store::rights::Deletion;
use viva_proxy::store::{SessionStatus, StoreError};
use viva_proxy::transcript::{Signer, Source};

use super::contract_accounts::House;
use super::fixture::new_session;

/// An interview with two turns, as an older system had it.
fn interview(user: UserId, key: &str, batch: ImportId) -> Imported {
    let row = serde_json::json!({
        "id": key, "user_id": user.to_string(), "interview_date": "2026-11-01T10:00:00Z", "ended_by": "user_end",
        "conversation": { "agent": [{ "text": "Hello?", "timestamp": 1 }], "user": [{ "text": "Yes.", "timestamp": 2 }] },
    });
    let older = Older::read(row.as_object().unwrap()).unwrap_or_else(|refusal| panic!("{refusal}"));
    let session = older.session("https://id.example/");
    let records = older.journal(session, "welcome", &Signer::from_seed(&[4; 32]), rand::random);
    Imported {
        new: viva_proxy::store::NewSession { id: session, ..new_session(user) },
        batch,
        from: key.into(),
        records,
    }
}

pub(super) async fn an_interview_of_an_older_system_is_taken_once_and_says_so(house: House) {
    let store = &house.store;
    let (user, person) = house.person().await;
    let service = TenantCtx::service(person.tenant);
    let batch = ImportId::fresh();
    let wanted = interview(user, "one", batch);
    let session = wanted.new.id;
    assert_eq!(store.import(service, wanted.clone()).await, Ok(Taken::Stored));
    assert_eq!(store.import(service, interview(user, "one", ImportId::fresh())).await, Ok(Taken::There));
    let read = store.transcript(person, session).await.unwrap().unwrap();
    assert_eq!((read.session.status, read.session.control.as_deref()), (SessionStatus::Completed, Some("imported")));
    assert_eq!((read.session.agent_turns, read.session.candidate_turns), (1, 1));
    assert!(read.turns.iter().all(|turn| turn.source == Source::Imported), "{:?}", read.turns);
    assert_eq!(store.journal(person, session, 0).await.unwrap(), wanted.records);
    assert_eq!(house.deeds(person.tenant).await, [Action::SessionImported]);

    // For somebody who does not belong there, by somebody who may not, or with a record that does not hold together.
    let (stranger, elsewhere) = house.person().await;
    let theirs = interview(stranger, "two", batch);
    assert_eq!(store.import(service, theirs.clone()).await, Err(StoreError::Missing));
    let as_person = TenantCtx { tenant: elsewhere.tenant, actor: Actor::User(stranger) };
    assert_eq!(store.import(as_person, theirs.clone()).await, Err(StoreError::Missing));
    let mut broken = theirs;
    broken.records.remove(1);
    assert!(store.import(TenantCtx::service(elsewhere.tenant), broken.clone()).await.is_err());
    assert!(store.session(elsewhere, broken.new.id).await.unwrap().is_none(), "nothing of it stays");
}

pub(super) async fn an_import_is_taken_back_as_a_whole_and_nothing_else_with_it(house: House) {
    let store = &house.store;
    let (user, person) = house.person().await;
    let service = TenantCtx::service(person.tenant);
    let (held, held_ctx) = house.person().await;
    let own = house.session(person.tenant, user).await;
    let (first, second) = (ImportId::fresh(), ImportId::fresh());
    for (key, batch) in [("one", first), ("two", first), ("three", second)] {
        assert_eq!(store.import(service, interview(user, key, batch)).await, Ok(Taken::Stored));
    }
    let kept = interview(held, "kept", first);
    let kept_id = kept.new.id;
    assert_eq!(store.import(TenantCtx::service(held_ctx.tenant), kept).await, Ok(Taken::Stored));
    let hold = SetUp { legal_hold: Some(true), ..SetUp::default() };
    store.set_up(TenantCtx::service(held_ctx.tenant), hold).await.unwrap().unwrap();
    let runs = [Run { batch: second, sessions: 1 }, Run { batch: first, sessions: 3 }];
    assert_eq!(store.imports().await.unwrap(), runs);

    assert_eq!(store.undo_import(first).await, Ok(Undone { gone: 2, held: 1 }));
    assert_eq!(store.undo_import(first).await, Ok(Undone { gone: 0, held: 1 }));
    let gone = interview(user, "one", second).new.id;
    assert!(store.session(person, gone).await.unwrap().is_none());
    assert_eq!(store.journal(service, gone, 0).await.unwrap(), []);
    for (ctx, there) in [(person, own), (person, interview(user, "three", second).new.id), (held_ctx, kept_id)] {
        assert!(store.session(ctx, there).await.unwrap().is_some());
    }
    // What was taken back may come again; what somebody deleted does not.
    assert_eq!(store.import(service, interview(user, "one", second)).await, Ok(Taken::Stored));
    assert_eq!(store.delete_session(person, gone).await, Ok(Deletion::Done));
    assert_eq!(store.import(service, interview(user, "one", second)).await, Ok(Taken::Erased));
}
