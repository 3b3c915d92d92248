//! Calls that nobody looks after any more: whose id was lost with the process, whose hang-up was never confirmed, whose
//! interview nobody went on with.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use viva_proxy::call::core::Limits;
use viva_proxy::call::{Calls, Caps, Reaped, Shell, Watch};
use viva_proxy::clock::{At, Clock, SystemClock};
use viva_proxy::identity::{Pseudonyms, TenantCtx};
use viva_proxy::store::{SessionStatus, Store};
use viva_proxy::transcript::{Entry, HangUp, Signer, chain};
use viva_simulator::Faults;

use super::browser::{Browser, brief};
use super::house::{House, until};
use crate::fake_model::{self, FakeModel};

/// Ten minutes later.
struct Later(SystemClock);

impl Clock for Later {
    fn now(&self) -> At {
        let now = self.0.now();
        At { mono_ms: now.mono_ms + 600_000, unix_ms: now.unix_ms + 600_000 }
    }
}

/// Calls of a process that begins ten minutes later, before a model that knows none of them.
async fn later(store: Arc<dyn Store>) -> (Calls, FakeModel) {
    let model = FakeModel::answering("404 Not Found", &[], b"{}").await;
    let limits = Limits { session_ms: 7_200_000, grace_ms: 60_000, inactivity_ms: 120_000 };
    let clock = Arc::new(Later(SystemClock::new()));
    let signer = Signer::from_seed(&[7; 32]);
    let stop = CancellationToken::new();
    let (model_side, keys) =
        ((model.client(), fake_model::keychain(), fake_model::purse()), (signer, Pseudonyms::new(&[8; 32])));
    let shell = Shell::new(store, model_side, clock, limits, keys, Watch::Sideband, stop);
    (Calls::new(shell, Caps { total: 4, per_tenant: 4, per_person: 4 }), model)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interview_that_nobody_goes_on_with_is_ended_and_sealed() {
    let house = House::open(&[]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    let (store, _data) = house.killed().into_store();
    let (calls, _model) = later(store.clone()).await;
    // What the killed process had not projected is projected by the next one when it is idle.
    let mut ended = 0;
    for _ in 0..100 {
        ended += calls.reap_once().await.unwrap().ended;
        if ended > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(ended, 1);
    until("it is over", || !calls.is_live(booked.session)).await;
    let ctx = TenantCtx::service(booked.tenant);
    let session = store.session(ctx, booked.session).await.unwrap().unwrap();
    assert_eq!((session.status, session.ended_by.as_deref()), (SessionStatus::Completed, Some("abandoned")));
    let journal = store.journal(ctx, booked.session, 0).await.unwrap();
    chain::verify(booked.session, &journal).unwrap();
    assert!(matches!(journal.last().unwrap().entry(), Ok(Entry::Seal { .. })));
    for _ in 0..50 {
        if store.calls(ctx, booked.session).await.unwrap()[0].closed_at.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(store.calls(ctx, booked.session).await.unwrap()[0].hang_up, Some(HangUp::Confirmed));
    assert_eq!(calls.reap_once().await.unwrap(), Reaped::default(), "nothing is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_that_was_not_confirmed_is_tried_again() {
    let house = House::with(Faults { hangup_fails: true, ..Faults::default() }, &[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(40)).await, 1000);
    let books = house.closed();
    assert_eq!(books.calls(&booked).await[0].hang_up, Some(HangUp::Unconfirmed));
    let (store, _data) = books.into_store();
    let (calls, model) = later(store.clone()).await;
    let reaped = calls.reap_once().await.unwrap();
    assert_eq!((reaped.confirmed, reaped.unconfirmed), (1, 0), "404: it is gone");
    assert!(model.requests().iter().any(|request| request.starts_with("POST") && request.contains("/hangup")));
    let row = store.calls(TenantCtx::service(booked.tenant), booked.session).await.unwrap().remove(0);
    assert_eq!(row.hang_up, Some(HangUp::Confirmed));
    assert_eq!(calls.reap_once().await.unwrap(), Reaped::default());
}

/// Kills the server and takes from its store what a kill right after the answer would have kept out of it.
fn killed_before(house: House, lost: &'static str) -> House {
    let database = house.database();
    house.served_by(move |launch| {
        let conn = rusqlite::Connection::open(database).unwrap();
        conn.execute_batch(lost).unwrap();
        drop(conn);
        launch.start()
    })
}

const ID: &str = "UPDATE calls SET provider_call_id = NULL, answered_at = NULL;";
const ALL: &str = "UPDATE calls SET provider_call_id = NULL, answered_at = NULL;
    DELETE FROM journal; DELETE FROM transcript_entries; DELETE FROM stage_events;
    UPDATE interview_sessions SET projected_n = 0, status = 'scheduled', webrtc_status = 'pending', webrtc_call = 0,
        stage = NULL, stage_started_at = NULL, control = NULL, sideband = NULL, started_at = NULL,
        agent_turns = 0, candidate_turns = 0;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_brings_back_the_id_that_its_server_lost() {
    for lost in [ID, ALL] {
        let house = House::open(&[]).await;
        let booked = house.book("default").await;
        let mut browser = Browser::call(&house, &booked, brief()).await;
        browser.until("a question", |log| !log.turns().is_empty()).await;
        let house = killed_before(house, lost);
        browser.until_closed(Duration::from_secs(5)).await;
        assert!(browser.call_ref.is_some());
        browser.come_back(&house, &booked).await;
        assert_eq!(browser.log().last("session").unwrap()["resumed"], true);
        // A page says so whenever it joins with media.
        browser.send(serde_json::json!({ "type": "connection_state", "state": "connected" })).await;
        browser.until("the sideband records", |log| log.control() == "sideband").await;
        let goes_on = Duration::from_secs(60);
        browser.until_within(goes_on, "it goes on", |log| log.turns().len() > 1).await;
        browser.end().await;
        assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
        assert_eq!((house.probe().calls().len(), house.tap.offers()), (1, 1), "the same call");
        assert_eq!(house.probe().hangups(), house.probe().calls(), "and it is hung up");
        let books = house.closed();
        assert_eq!(books.calls(&booked).await[0].hang_up, Some(HangUp::Confirmed));
        books.sealed(&booked).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reference_of_another_server_changes_nothing() {
    let (house, other) = (House::open(&[]).await, House::open(&[]).await);
    let (booked, elsewhere) = (house.book("default").await, other.book("default").await);
    let browser = Browser::call(&other, &elsewhere, brief()).await;
    let has = serde_json::json!({ "callRef": browser.call_ref });
    let socket = super::socket::Socket::join_with(&house, &booked, has).await;
    assert_eq!(socket.log.last("session").unwrap()["resumed"], false);
    assert_eq!(house.probe().calls().len(), 0);
}
