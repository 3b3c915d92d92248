//! A store that is away for a while: what was acknowledged meanwhile is there afterwards, once and in order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use viva_proxy::clock::Clock;
use viva_proxy::identity::{Consent, TenantCtx, Ticket, TicketHash};
use viva_proxy::ids::{CallId, ProviderCallId, SessionId, TenantId, UserId};
use viva_proxy::store::spool::{Bounds, Spooled};
use viva_proxy::store::supabase::{Client, Project, SupabaseStore, Timeouts};
use viva_proxy::store::{
    Answer, Batch, CallRow, CallStart, Changed, Committed, NewSession, Page, Session, SessionChange, SessionFailure,
    Store, StoreError, StoreHealth, Transcript, Unfinished, Unwritable,
};
use viva_proxy::transcript::{HangUp, Record, Source, Speaker, chain};

use super::contract::contract;
use super::fixture::{Ground, HandClock, Pen, Person, call, turn};
use super::memory::MemoryStore;
use crate::support::faulty::{Faulty, Weather};
use crate::support::postgres::Database;

/// A spool before another store, with which it shares the people.
struct Fronted {
    spooled: Spooled,
    ground: Arc<dyn Ground>,
}

macro_rules! delegate {
    ($($method:ident($($name:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Store for Fronted {
            $(fn $method(&self, $($name: $kind),*) -> Answer<'_, $answer> {
                self.spooled.$method($($name),*)
            })*
            fn health(&self) -> StoreHealth {
                self.spooled.health()
            }
        }
    };
}
delegate! {
    ticket(hash: TicketHash) -> Option<Ticket>;
    create_session(ctx: TenantCtx, new: NewSession, ticket: Ticket, consent: Consent) -> Session;
    add_ticket(ctx: TenantCtx, ticket: Ticket, consent: Consent) -> bool;
    revoke_tickets(ctx: TenantCtx, session: SessionId) -> bool;
    session(ctx: TenantCtx, id: SessionId) -> Option<Session>;
    change_session(ctx: TenantCtx, id: SessionId, change: SessionChange) -> Changed;
    sessions(ctx: TenantCtx, page: Page) -> Vec<Session>;
    start_call(ctx: TenantCtx, call: CallStart) -> ();
    call_answered(ctx: TenantCtx, call: CallId, provider: ProviderCallId, at: i64) -> ();
    close_call(ctx: TenantCtx, call: CallId, hang_up: HangUp, at: i64) -> ();
    calls(ctx: TenantCtx, session: SessionId) -> Vec<CallRow>;
    unfinished() -> Vec<Unfinished>;
    unconfirmed(since: i64) -> Vec<Unfinished>;
    stale(before: i64) -> Vec<Unfinished>;
    fail_session(ctx: TenantCtx, failure: SessionFailure) -> ();
    commit(ctx: TenantCtx, batch: Batch) -> Committed;
    journal(ctx: TenantCtx, session: SessionId, after_n: u64) -> Vec<Record>;
    transcript(ctx: TenantCtx, session: SessionId) -> Option<Transcript>;
    close() -> ();
}

impl Ground for Fronted {
    fn settle(&self, user: UserId, tenant: TenantId) -> Answer<'_, ()> {
        self.ground.settle(user, tenant)
    }
}

async fn in_front_of(store: Arc<dyn Ground>, dir: &Path, bounds: Bounds) -> Arc<dyn Ground> {
    let clock: Arc<dyn Clock> = Arc::new(HandClock::default());
    let remote: Arc<dyn Store> = store.clone();
    let spooled = Spooled::open(remote, dir, clock, bounds).await.unwrap();
    Arc::new(Fronted { spooled, ground: store })
}

/// A spool that is never needed.
async fn fresh() -> (Arc<dyn Ground>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (in_front_of(MemoryStore::open(), dir.path(), Bounds::default()).await, dir)
}

contract!(fresh().await);

/// A database behind a way that fails when it is told to, and a directory for the spool.
struct Ward {
    way: Faulty,
    database: Database,
    dir: tempfile::TempDir,
}

impl Ward {
    async fn open() -> Self {
        let database = Database::fresh();
        Self { way: Faulty::to(&database.project.rest).await, database, dir: tempfile::tempdir().unwrap() }
    }

    /// A process. Whoever drops it without closing it has killed it.
    async fn process(&self, bounds: Bounds) -> Arc<dyn Ground> {
        let project = Project { rest: self.way.url.clone(), ..self.database.project.clone() };
        let timeouts = Timeouts { connect: Duration::from_millis(500), attempt: Duration::from_secs(1) };
        let store = SupabaseStore::new(Client::new(&project, timeouts).unwrap(), Arc::new(HandClock::default()));
        in_front_of(Arc::new(store), self.dir.path(), bounds).await
    }
}

/// Waits until nothing is spooled any more.
async fn settled(store: &Arc<dyn Ground>) {
    let wait = async {
        while store.health() != StoreHealth::Ok {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("what waits is brought over");
}

#[tokio::test]
async fn whatever_fails_nothing_acknowledged_is_lost_or_stored_twice() {
    let ward = Ward::open().await;
    let store = ward.process(Bounds::default()).await;
    let person = Person::sign_in(&store).await;
    let mut pens = Vec::new();
    for _ in 0..5 {
        pens.push((Pen::new(person.session().await), Vec::new()));
    }
    let mut up_to = 0;
    for weather in
        [Weather::Refused, Weather::Silent, Weather::Broken, Weather::Away, Weather::Stale, Weather::AnswerLost]
    {
        for weather in [Weather::Fair, weather] {
            ward.way.turn(weather);
            for _ in 0..3 {
                up_to += 2;
                let commits = pens.iter_mut().map(|(pen, told)| {
                    let batch = pen.turns(2);
                    told.extend(batch.records.clone());
                    store.commit(person.service(), batch)
                });
                for answer in futures_util::future::join_all(commits).await {
                    assert_eq!(answer, Ok(Committed { up_to }), "{weather:?}");
                }
            }
            if weather != Weather::Fair {
                assert!(matches!(store.health(), StoreHealth::Spooling { waiting: 1.. }), "{weather:?}");
            }
        }
        ward.way.turn(Weather::Fair);
        settled(&store).await;
    }
    for (pen, told) in &pens {
        let journal = store.journal(person.ctx, pen.session, 0).await.unwrap();
        assert_eq!(&journal, told);
        chain::verify(pen.session, &journal).unwrap();
    }
    // The next commit brings the rows up to date as well.
    store.commit(person.service(), pens[0].0.turns(1)).await.unwrap();
    let behind = format!("select projected_n from public.interview_sessions where id = '{}'", pens[0].0.session);
    assert_eq!(ward.database.sql(&behind), (up_to + 1).to_string());
}

#[tokio::test]
async fn a_kill_during_an_outage_loses_nothing_and_the_next_process_goes_on_after_it() {
    let ward = Ward::open().await;
    let store = ward.process(Bounds::default()).await;
    let person = Person::sign_in(&store).await;
    let session = person.session().await;
    let begun = call(session, 1);
    store.start_call(person.service(), begun.clone()).await.unwrap();
    let mut pen = Pen::new(session);
    let mut told = pen.turns(2).records;
    let first = Batch { records: told.clone(), ..Pen::new(session).turns(2) };
    store.commit(person.service(), first).await.unwrap();
    ward.way.turn(Weather::Refused);
    for _ in 0..10 {
        let batch = pen.turns(3);
        told.extend(batch.records.clone());
        store.commit(person.service(), batch).await.unwrap();
    }
    let provider = ProviderCallId::parse("rtc_u0_abc").unwrap();
    store.call_answered(person.service(), begun.call_id.clone(), provider.clone(), 1).await.unwrap();
    store.close_call(person.service(), begun.call_id, HangUp::Confirmed, 2).await.unwrap();
    drop(store);

    ward.way.turn(Weather::Fair);
    let next = ward.process(Bounds::default()).await;
    assert_eq!(next.health(), StoreHealth::Ok, "it is all over before anybody asks");
    assert_eq!(next.journal(person.ctx, session, 0).await.unwrap(), told);
    let calls = next.calls(person.ctx, session).await.unwrap();
    assert_eq!((calls[0].provider.as_ref(), calls[0].closed_at), (Some(&provider), Some(2)));
}

#[tokio::test]
async fn a_full_spool_takes_nothing_more_and_says_so() {
    let ward = Ward::open().await;
    let store = ward.process(Bounds { bytes: 8 * 1024 }).await;
    let person = Person::sign_in(&store).await;
    let mut pen = Pen::new(person.session().await);
    ward.way.turn(Weather::Away);
    let (mut up_to, mut refused) = (0, None);
    for _ in 0..100 {
        let batch = pen.clone().turns(1);
        match store.commit(person.service(), batch).await {
            Ok(committed) => {
                let _written = pen.turns(1);
                up_to = committed.up_to;
            }
            Err(error) => refused = Some(error),
        }
    }
    assert_eq!(refused, Some(StoreError::Overloaded), "the call keeps it");
    assert_eq!(store.health(), StoreHealth::Failing(Unwritable::Full));
    let size = ward.dir.path().join("spool.db").metadata().unwrap().len();
    assert!(up_to > 3 && size < 200 * 1024, "{up_to} {size}");
    ward.way.turn(Weather::Fair);
    settled(&store).await;
    assert_eq!(store.commit(person.service(), pen.turns(1)).await, Ok(Committed { up_to: up_to + 1 }));
}

#[tokio::test]
async fn what_the_store_refuses_for_good_is_put_aside_and_holds_up_nobody() {
    let ward = Ward::open().await;
    let store = ward.process(Bounds::default()).await;
    let person = Person::sign_in(&store).await;
    let (good, bad) = (person.session().await, person.session().await);
    let (mut pen, mut poisoned) = (Pen::new(good), Pen::new(bad));
    ward.way.turn(Weather::Broken);
    let fine = poisoned.turns(5);
    store.commit(person.service(), fine.clone()).await.unwrap();
    let last = fine.records.last().unwrap();
    let (salt, words) = ([1; 16], "no database stores this: \0");
    let entry = turn("nul", None, Speaker::Ai);
    let record = Record::next(bad, 6, last.hash, 0, Source::Sideband, &entry, Some((words.to_owned(), salt)));
    let poison = Batch { session: bad, lease_epoch: 1, expected_n: 6, prev_hash: last.hash, records: vec![record] };
    store.commit(person.service(), poison).await.unwrap();
    store.commit(person.service(), pen.turns(5)).await.unwrap();
    ward.way.turn(Weather::Fair);
    settled(&store).await;
    assert_eq!(store.journal(person.ctx, good, 0).await.unwrap().len(), 5);
    assert_eq!(store.journal(person.ctx, bad, 0).await.unwrap(), fine.records, "up to the first that is refused");
    drop(store);
    let letters = rusqlite::Connection::open(ward.dir.path().join("spool.db")).unwrap();
    let letters: Vec<String> = letters
        .prepare("SELECT reason FROM dead_letters")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(!letters.is_empty() && letters.iter().all(|reason| !reason.is_empty()), "{letters:?}");
}
