//! The store in a project's Postgres, behind a real PostgREST: the contract, and what it promises beyond.

use std::sync::Arc;

use serde_json::json;
use viva_proxy::clock::Clock;
use viva_proxy::ids::{TenantId, UserId};
use viva_proxy::store::supabase::{Client, Repeat, SupabaseStore, Timeouts};
use viva_proxy::store::{Answer, Committed, StoreError};

use super::contract::contract;
use super::contract_accounts::{House, accounts_contract};
use super::fixture::{Ground, HandClock, Pen, Person};
use crate::support::postgres::Database;

impl Ground for SupabaseStore {
    fn settle(&self, user: UserId, tenant: TenantId) -> Answer<'_, ()> {
        Box::pin(async move {
            let asked = json!({ "user": user, "tenant": tenant });
            self.client().call::<()>("settle", Repeat::Never, &asked).await.map_err(StoreError::from)
        })
    }
}

fn on(database: &Database) -> Arc<dyn Ground> {
    let clock: Arc<dyn Clock> = Arc::new(HandClock::default());
    let client = Client::new(&database.project, Timeouts::default()).unwrap();
    Arc::new(SupabaseStore::new(client, clock))
}

/// A store on a database of its own, which goes when the second part is dropped.
fn fresh() -> (Arc<dyn Ground>, Database) {
    let database = Database::fresh();
    (on(&database), database)
}

/// The same, for what is around interviews.
fn house() -> (House, Database) {
    let (clock, database) = (Arc::new(HandClock::default()), Database::fresh());
    let client = Client::new(&database.project, Timeouts::default()).unwrap();
    (House { store: Arc::new(SupabaseStore::new(client, clock.clone())), clock }, database)
}

contract!(fresh());
accounts_contract!(house());

#[tokio::test]
async fn rows_are_as_current_as_the_journal_and_a_second_process_goes_on() {
    let (store, database) = fresh();
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    store.commit(person.service(), pen.turns(3)).await.unwrap();
    let rows = "select s.projected_n, s.agent_turns, count(t.text), max(t.position)
        from public.interview_sessions s join public.transcript_entries t on t.session_id = s.id group by 1, 2";
    assert_eq!(database.sql(rows), "3|2|3|3");
    // Another process knows nothing of what this one keeps in memory.
    let other = on(&database);
    assert_eq!(other.commit(person.service(), pen.turns(2)).await, Ok(Committed { up_to: 5 }));
    assert_eq!(database.sql(rows), "5|3|5|5");
    // Nor this one of what the other did: it reads what it lacks, once.
    assert_eq!(store.commit(person.service(), pen.turns(1)).await, Ok(Committed { up_to: 6 }));
    assert_eq!(store.commit(person.service(), pen.turns(1)).await, Ok(Committed { up_to: 7 }));
    assert_eq!(database.sql(rows), "7|4|7|7");
    let told = |store: Arc<dyn Ground>| async move {
        format!("{:?}", store.transcript(person.ctx, session).await.unwrap().unwrap())
    };
    assert_eq!(told(store).await, told(other).await);
}
