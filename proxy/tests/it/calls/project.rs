//! Interviews that are kept in a project's Postgres: its loss, a kill meanwhile, and another machine on the same database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use viva_proxy::clock::SystemClock;
use viva_proxy::identity::TenantCtx;
use viva_proxy::store::Store as _;
use viva_proxy::store::supabase::{Client, SupabaseStore, Timeouts};
use viva_proxy::transcript::{Record, chain};

use super::browser::{Browser, brief};
use super::house::{Booked, House, KEY};
use crate::support::Launch;
use crate::support::faulty::{Faulty, Weather};
use crate::support::postgres::Database;

/// A call has so long for what takes a turn or two.
const A_WHILE: Duration = Duration::from_secs(60);

fn settings<'a>(database: &'a Database, way: &'a Faulty) -> [(&'a str, &'a str); 3] {
    [("SUPABASE_URL", &way.url), ("SUPABASE_SECRET_KEY", &database.key), ("ALLOW_LOCAL_GUEST", "true")]
}

async fn journal(database: &Database, booked: &Booked) -> Vec<Record> {
    let client = Client::new(&database.project, Timeouts::default()).unwrap();
    let store = SupabaseStore::new(client, Arc::new(SystemClock::new()));
    let records = store.journal(TenantCtx::service(booked.tenant), booked.session, 0).await.unwrap();
    chain::verify(booked.session, &records).unwrap();
    records
}

/// What a client was told, as it is in the journal.
async fn is_on_record(database: &Database, booked: &Booked, browser: &Browser) {
    let journal = journal(database, booked).await;
    for (n, words) in browser.log().turns() {
        assert_eq!(journal[usize::try_from(n - 1).unwrap()].text.as_deref(), Some(words));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interview_goes_on_without_its_database_and_a_kill_meanwhile_loses_nothing() {
    let database = Database::fresh();
    let way = Faulty::to(&database.project.rest).await;
    let house = House::open(&settings(&database, &way)).await;
    assert_eq!(house.get("/health").await["store"]["kind"], "supabase");
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until_within(A_WHILE, "turns", |log| log.turns().len() >= 2).await;

    way.turn(Weather::Away);
    let spooled = |saved: &serde_json::Value| saved["durable"] == "spool";
    let began = browser.log().turns().len();
    browser
        .until_within(A_WHILE, "turns that are saved all the same", |log| {
            log.turns().len() >= began + 2 && log.of("saved").any(spooled)
        })
        .await;
    let health = house.get("/health").await;
    assert_eq!((&health["status"], &health["store"]["state"]), (&"degraded".into(), &"spooling".into()), "{health}");

    way.turn(Weather::Fair);
    let house = house.restarted();
    browser.until_closed(Duration::from_secs(5)).await;
    is_on_record(&database, &booked, &browser).await;
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    assert_eq!(browser.log().last("session").unwrap()["resumed"], true);
    browser.until_within(A_WHILE, "more turns", |log| log.turns().len() >= began + 3).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    assert_eq!(house.session(&booked).await["status"], "completed");
    assert_eq!(house.get("/health").await["store"]["state"], "ok");
    is_on_record(&database, &booked, &browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_machine_goes_on_with_what_a_killed_one_had() {
    let database = Database::fresh();
    let way = Faulty::to(&database.project.rest).await;
    let house = House::open(&settings(&database, &way)).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until_within(A_WHILE, "turns", |log| log.turns().len() >= 2).await;
    let before = browser.log().turns().len();

    let elsewhere = tempfile::tempdir().unwrap();
    let model = format!("http://{}", house.tap.address);
    let killed = Instant::now();
    let house = house.served_by(|_same_machine| {
        let launch = Launch::on(&elsewhere.path().join("data"), &[]);
        let own = [("OPENAI_BASE_URL", model.as_str()), ("OPENAI_API_KEY", KEY)];
        let all = own.into_iter().chain(settings(&database, &way));
        all.fold(launch, |launch, (name, value)| launch.env(name, value)).start()
    });
    browser.until_closed(Duration::from_secs(5)).await;
    assert_eq!(house.session(&booked).await["live"], false, "nobody takes what may come back");
    while house.session(&booked).await["live"] == false {
        assert!(killed.elapsed() < Duration::from_secs(18), "8 s of a lease, and less than 10 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    assert_eq!(browser.log().last("session").unwrap()["resumed"], true);
    browser.until_within(A_WHILE, "more turns", |log| log.turns().len() > before).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    assert_eq!((house.probe().calls().len(), house.tap.offers()), (1, 1), "the same call all the time");
    is_on_record(&database, &booked, &browser).await;
    let owners = "select count(distinct lease_epoch) from public.journal";
    assert_eq!(database.sql(owners), "2", "each wrote under its own lease");
}
