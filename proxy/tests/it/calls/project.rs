//! Interviews that are kept in a project's Postgres: its loss, a kill meanwhile, and another machine on the same database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use viva_proxy::clock::SystemClock;
use viva_proxy::identity::TenantCtx;
use viva_proxy::store::Store as _;
use viva_proxy::store::supabase::{Client, SupabaseStore, Timeouts};
use viva_proxy::transcript::{Kind, Record, chain};

use super::browser::{Browser, brief};
use super::house::{Booked, House, KEY, consent};
use super::socket::Socket;
use crate::support::Launch;
use crate::support::faulty::{Faulty, Weather};
use crate::support::postgres::Database;

/// A call has so long for what takes a turn or two.
const A_WHILE: Duration = Duration::from_secs(60);

fn settings<'a>(database: &'a Database, way: &'a Faulty) -> [(&'a str, &'a str); 3] {
    [("SUPABASE_URL", &way.url), ("SUPABASE_SECRET_KEY", &database.key), ("ALLOW_LOCAL_GUEST", "true")]
}

/// Waits until nothing is spooled any more.
async fn until_well(house: &House) {
    let well = async {
        while house.get("/health").await["store"]["state"] != "ok" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(A_WHILE, well).await.expect("what waits is brought over");
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
async fn a_client_comes_back_to_its_call_without_the_database_and_nobody_begins_one() {
    let database = Database::fresh();
    let way = Faulty::to(&database.project.rest).await;
    let house = House::open(&settings(&database, &way)).await;
    let (booked, other) = (house.book("default").await, house.book("default").await);
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until_within(A_WHILE, "turns", |log| log.turns().len() >= 2).await;

    way.turn(Weather::Stale);
    let spooled = |saved: &serde_json::Value| saved["durable"] == "spool";
    browser.until_within(A_WHILE, "something in the spool", |log| log.of("saved").any(spooled)).await;
    let (had, turns) = (browser.log().processed(), browser.log().turns().len());
    browser.until_within(A_WHILE, "more in the spool", |log| log.turns().len() >= turns + 2).await;
    // It comes back without what was told last, which is in no database yet.
    let mut back = Socket::join_with(&house, &booked, json!({ "n": had })).await;
    assert_eq!(back.log.last("session").unwrap()["resumed"], true);
    let missed = back.wait("missed").await;
    let missed: Vec<_> =
        missed["messages"].as_array().unwrap().iter().map(|message| message["n"].as_u64().unwrap()).collect();
    assert!(missed.len() >= 2 && missed.is_sorted() && missed[0] > had, "{missed:?}");
    browser.socket = back;
    browser
        .until_within(A_WHILE, "the call goes on", |log| log.turns().len() >= 2 && log.of("saved").any(spooled))
        .await;

    let refused = house.post("/api/sessions", json!({ "plan": "default", "consent": consent() })).await;
    assert_eq!(refused.status(), 503);
    let refused: serde_json::Value = refused.json().await.unwrap();
    assert_eq!((&refused["code"], &refused["retry_after_ms"]), (&"DATABASE_UNAVAILABLE".into(), &2_000.into()));
    let mut early = Socket::connect(&house).await;
    early.init(&other).await;
    let refused = early.wait("error").await;
    assert_eq!((&refused["code"], &refused["retryAfterMs"]), (&"DATABASE_UNAVAILABLE".into(), &2_000.into()));
    assert_eq!(early.wait_closed().await, 1013);

    way.turn(Weather::Fair);
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    until_well(&house).await;
    is_on_record(&database, &booked, &browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_spool_is_told_acknowledges_nothing_more_and_does_not_grow() {
    let database = Database::fresh();
    let way = Faulty::to(&database.project.rest).await;
    let small = [("SPOOL_MAX_BYTES", "4096")];
    let house = House::open(&[&settings(&database, &way)[..], &small].concat()).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until_within(A_WHILE, "turns", |log| log.turns().len() >= 2).await;

    way.turn(Weather::Away);
    browser.until_within(A_WHILE, "it is told", |log| log.has("save_error")).await;
    assert_eq!(browser.log().last("save_error").unwrap()["retrying"], true);
    let health = house.request(reqwest::Method::GET, "/health").send().await.unwrap();
    assert_eq!(health.status(), 503);
    let health: serde_json::Value = health.json().await.unwrap();
    assert_eq!((&health["status"], &health["store"]["state"]), (&"unhealthy".into(), &"failing".into()), "{health}");
    let size = || std::fs::metadata(house.data_dir().join("spool.db-wal")).unwrap().len();
    let (saved, spooled, spoken) = (browser.log().saved(), size(), browser.said.len());
    while browser.said.len() < spoken + 2 {
        browser.for_a_while(Duration::from_millis(200)).await;
    }
    assert_eq!((browser.log().saved(), size()), (saved, spooled), "the conversation goes on, and neither grows");
    assert_eq!(browser.log().of("save_error").count(), 1, "told once");

    way.turn(Weather::Fair);
    browser.until_within(A_WHILE, "it is made up for", |log| log.saved() > saved).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    until_well(&house).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_ended_and_skipped_by_whichever_machine_is_asked() {
    let database = Database::fresh();
    let way = Faulty::to(&database.project.rest).await;
    let house = House::open(&settings(&database, &way)).await;
    let other_data = tempfile::tempdir().unwrap();
    let model = format!("http://{}", house.tap.address);
    let all =
        [("OPENAI_BASE_URL", model.as_str()), ("OPENAI_API_KEY", KEY)].into_iter().chain(settings(&database, &way));
    let launch = Launch::on(&other_data.path().join("data"), &[]);
    let other = all.fold(launch, |launch, (name, value)| launch.env(name, value)).start();
    let ask = async |method: Method, path: &str, body: Option<Value>| {
        let request = other.request(method, path).header("cookie", house.cookie()).header("origin", &other.url);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
    };

    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until_within(A_WHILE, "a question", |log| !log.finals("agent_caption").is_empty()).await;
    let path = format!("/api/sessions/{}", booked.session);
    assert_eq!(ask(Method::GET, &path, None).await.1["live"], false, "it runs on the other machine");

    let stage = format!("{path}/stage");
    let skipped = ask(Method::POST, &stage, Some(json!({ "target_stage": "company_fit" })));
    let (skipped, _) = tokio::join!(
        skipped,
        browser.until_within(A_WHILE, "the stage", |log| {
            log.last("stage_change").is_some_and(|change| change["stage"] == "company_fit")
        })
    );
    assert_eq!(skipped.0, 200, "{}", skipped.1);
    let (status, refused) = ask(Method::POST, &stage, Some(json!({ "target_stage": "welcome" }))).await;
    assert_eq!((status, &refused["code"]), (409, &json!("SKIP_NOT_ALLOWED")), "{refused}");
    assert_eq!(ask(Method::DELETE, &path, None).await.0, 409, "as on the machine that has it");

    let end = format!("{path}/end");
    let ended = ask(Method::POST, &end, None);
    let (ended, closed) = tokio::join!(ended, browser.until_closed(Duration::from_secs(20)));
    assert_eq!((ended.0, closed), (200, 1000), "{}", ended.1);
    assert_eq!(ended.1["ended_by"], "user_end", "{}", ended.1);
    is_on_record(&database, &booked, &browser).await;
    let journal = journal(&database, &booked).await;
    assert_eq!(journal.iter().filter(|record| record.kind == Kind::Seal).count(), 1, "it ended once");
    assert_eq!(ask(Method::DELETE, &path, None).await.0, 204);
}
