//! The store in a project's Postgres, behind a real PostgREST: the contract, and what it promises beyond.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;
use viva_proxy::clock::Clock;
use viva_proxy::ids::{TenantId, UserId};
use viva_proxy::store::shared::{Asked, Outcome, Room, Shared as _, Whereabouts, Wish};
use viva_proxy::store::supabase::{Client, Owner, Repeat, SupabaseStore, Timeouts};
use viva_proxy::store::{Answer, CallStart, Committed, Store as _, StoreError, Unfinished};
use viva_proxy::transcript::Speaker;

use super::contract::contract;
use super::contract_accounts::{House, accounts_contract};
use super::fixture::{Ground, HandClock, Pen, Person, call, turn};
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
    Arc::new(process(database, None, &Arc::default()))
}

fn process(database: &Database, machine: Option<&str>, clock: &Arc<HandClock>) -> SupabaseStore {
    let clock: Arc<dyn Clock> = clock.clone();
    let client = Client::new(&database.project, Timeouts::default()).unwrap();
    match machine {
        None => SupabaseStore::new(client, clock),
        Some(machine) => {
            SupabaseStore::among_others(client, clock, Owner { machine: machine.into(), boot: Uuid::new_v4() })
        }
    }
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

#[tokio::test]
async fn what_is_asked_of_a_session_reaches_whoever_has_it_once() {
    let database = Database::fresh();
    let clock = Arc::new(HandClock::default());
    let (one, two) = (process(&database, Some("one"), &clock), process(&database, Some("two"), &clock));
    let ground: Arc<dyn Ground> = Arc::new(one.clone());
    let person = Person::sign_in(&ground).await;
    let session = person.session().await;
    let end = || Wish::End { by: "user_end".into() };
    let [first, second, third] = [(); 3].map(|()| Uuid::new_v4());
    assert_eq!(two.ask(session, first, end()).await, Ok(false), "nobody has it");
    assert_eq!(one.own(person.service(), session, None).await, Ok(Whereabouts::Here));
    assert_eq!(one.ask(session, first, end()).await, Ok(false), "it has it itself");

    assert_eq!(two.ask(session, first, end()).await, Ok(true));
    let skip = Wish::Skip { stage: "closing".into() };
    assert_eq!(two.ask(session, second, skip.clone()).await, Ok(true));
    assert_eq!(two.asked().await, Ok(vec![]));
    assert_eq!(one.asked().await, Ok(vec![Asked { session, id: second, wish: skip }]), "the one before gave way");
    assert_eq!(one.asked().await, Ok(vec![]), "once");
    assert_eq!(two.outcome(session, second).await, Ok(None));
    one.grant(session, second, Outcome::Refused).await.unwrap();
    assert_eq!(two.outcome(session, second).await, Ok(Some(Outcome::Refused)));
    assert_eq!(two.outcome(session, first).await, Ok(None), "it is the other's answer");

    // What nobody looked at for long is not done late.
    assert_eq!(two.ask(session, third, end()).await, Ok(true));
    database.sql("update public.leases set wish_at = now() - interval '16 seconds'");
    assert_eq!(one.asked().await, Ok(vec![]));
    run_out(&database);
    assert_eq!(two.ask(session, third, end()).await, Ok(false), "whoever had it says nothing any more");
}

/// As if its holder had said nothing for so long.
fn run_out(database: &Database) {
    database.sql("update public.leases set until = now() - interval '1 second'");
}

#[tokio::test]
async fn a_session_has_one_owner_and_who_lost_it_writes_nothing_more() {
    let database = Database::fresh();
    let clock = Arc::new(HandClock::default());
    let (one, two) = (process(&database, Some("one"), &clock), process(&database, Some("two"), &clock));
    let ground: Arc<dyn Ground> = Arc::new(one.clone());
    let person = Person::sign_in(&ground).await;
    let session = person.session().await;
    let mut pen = Pen::new(session);
    pen.lease_epoch = 0;

    assert_eq!(one.own(person.service(), session, None).await, Ok(Whereabouts::Here));
    assert_eq!(one.own(person.service(), session, None).await, Ok(Whereabouts::Here), "it has it already");
    assert_eq!(two.own(person.service(), session, None).await, Ok(Whereabouts::Elsewhere("one".into())));
    assert_eq!(two.elsewhere(session).await, Ok(Some("one".into())));
    assert_eq!(one.elsewhere(session).await, Ok(None));
    let first = pen.turns(1);
    assert_eq!(two.commit(person.service(), first.clone()).await, Err(StoreError::Fenced));
    assert_eq!(one.commit(person.service(), first).await, Ok(Committed { up_to: 1 }));
    let other = Person::sign_in(&ground).await;
    assert_eq!(one.own(other.service(), session, None).await, Err(StoreError::Missing), "it is not that tenant's");

    // It may be late, as long as nobody else came.
    run_out(&database);
    assert_eq!(one.renew(vec![session]).await, Ok(vec![]));
    assert_eq!(two.own(person.service(), session, None).await, Ok(Whereabouts::Elsewhere("one".into())));
    run_out(&database);
    assert_eq!(two.own(person.service(), session, None).await, Ok(Whereabouts::Here));
    let theirs = pen.clone().batch([(turn("theirs", None, Speaker::Ai), None)]);
    assert_eq!(one.commit(person.service(), pen.clone().turns(1)).await, Err(StoreError::Fenced));
    assert_eq!(one.renew(vec![session]).await, Ok(vec![session]), "it is told");
    assert_eq!(two.commit(person.service(), theirs).await, Ok(Committed { up_to: 2 }));
    assert_eq!(one.commit(person.service(), pen.turns(1)).await, Err(StoreError::Fenced));

    // A machine that starts again need not wait for what it had itself.
    let again = process(&database, Some("two"), &clock);
    assert_eq!(again.own(person.service(), session, None).await, Ok(Whereabouts::Here));
    assert_eq!(two.renew(vec![session]).await, Ok(vec![session]));
    again.close().await.unwrap();
    assert_eq!(one.own(person.service(), session, None).await, Ok(Whereabouts::Here), "it was given back");
}

#[tokio::test]
async fn of_many_processes_that_want_a_session_one_has_it() {
    let database = Database::fresh();
    let clock = Arc::new(HandClock::default());
    let first: Arc<dyn Ground> = Arc::new(process(&database, Some("0"), &clock));
    let person = Person::sign_in(&first).await;
    let session = person.session().await;
    let tries = (1..=8).map(|n| {
        let (process, ctx) = (process(&database, Some(&n.to_string()), &clock), person.service());
        tokio::spawn(async move { process.own(ctx, session, None).await.unwrap() })
    });
    let mut here = 0;
    for outcome in futures_util::future::join_all(tries).await {
        here += usize::from(outcome.unwrap() == Whereabouts::Here);
    }
    assert_eq!(here, 1);
}

#[tokio::test]
async fn what_a_process_leaves_behind_is_found_and_what_it_has_is_left_alone() {
    let database = Database::fresh();
    let clock = Arc::new(HandClock::default());
    let (one, two) = (process(&database, Some("one"), &clock), process(&database, Some("two"), &clock));
    let ground: Arc<dyn Ground> = Arc::new(one.clone());
    let person = Person::sign_in(&ground).await;
    let session = person.session().await;
    let begun = CallStart { ticket: person.ticket_of(session).await, ..call(session, 1) };
    one.own(person.service(), session, None).await.unwrap();
    one.start_call(person.service(), begun.clone()).await.unwrap();
    let ids = |left: Vec<Unfinished>| left.into_iter().map(|left| left.call.call_id).collect::<Vec<_>>();
    assert_eq!(ids(two.unfinished().await.unwrap()), [], "it runs elsewhere");
    assert_eq!(ids(one.unfinished().await.unwrap()), std::slice::from_ref(&begun.call_id));
    assert_eq!(ids(two.abandoned().await.unwrap()), []);
    run_out(&database);
    assert_eq!(ids(two.abandoned().await.unwrap()), [begun.call_id]);
    assert_eq!(ids(two.unfinished().await.unwrap()), [], "its process may come back");
    one.renew(vec![session]).await.unwrap();
    assert_eq!(ids(two.abandoned().await.unwrap()), [], "it came back in time");

    // Taken, and no call came of it: given back after a while.
    clock.advance(60_000);
    assert_eq!(one.renew(vec![]).await, Ok(vec![]));
    assert_eq!(two.own(person.service(), session, None).await, Ok(Whereabouts::Here));
}

#[tokio::test]
async fn places_are_counted_over_all_processes() {
    let database = Database::fresh();
    let clock = Arc::new(HandClock::default());
    let processes = [1, 2, 3, 4].map(|n: u32| process(&database, Some(&n.to_string()), &clock));
    let ground: Arc<dyn Ground> = Arc::new(processes[0].clone());
    let (person, other) = (Person::sign_in(&ground).await, Person::sign_in(&ground).await);
    let room = Some(Room { per_tenant: 5, per_person: 3 });
    let mut tries = Vec::new();
    for n in 0..12 {
        let (process, ctx, session) = (processes[n % 4].clone(), person.service(), person.session().await);
        tries.push(tokio::spawn(async move { (session, process.own(ctx, session, room).await.unwrap()) }));
    }
    let mut here = Vec::new();
    for outcome in futures_util::future::join_all(tries).await {
        match outcome.unwrap() {
            (session, Whereabouts::Here) => here.push(session),
            (_, refused) => assert_eq!(refused, Whereabouts::PersonFull),
        }
    }
    assert_eq!(here.len(), 3);
    let one = &processes[0];
    assert_eq!(one.own(other.service(), other.session().await, room).await, Ok(Whereabouts::Here), "not theirs");
    assert_eq!(one.own(person.service(), person.session().await, None).await, Ok(Whereabouts::Here), "it runs already");
    database.sql("update public.tenants set max_sessions = 1");
    assert_eq!(one.own(other.service(), other.session().await, room).await, Ok(Whereabouts::TenantFull));
    run_out(&database);
    assert_eq!(one.own(other.service(), other.session().await, room).await, Ok(Whereabouts::Here), "nobody holds it");
}
