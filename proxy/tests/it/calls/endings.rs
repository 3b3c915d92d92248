//! Ends of calls, and that the model's side ends with them: by the candidate, by a closed tab, by other programs, by the
//! model itself. Whether the hang-up was confirmed is on the record each time.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use viva_proxy::transcript::HangUp;
use viva_simulator::{Faults, Source};

use super::browser::{Browser, brief, offer};
use super::house::{Booked, House, until};

const SHORTLY: Duration = Duration::from_secs(20);

/// The model's side of the only call is over because the server hung up, and the record says so.
async fn is_hung_up(house: House, booked: &Booked, ended_by: &str) {
    until("the hang-up", || house.probe().live_calls() == 0).await;
    assert_eq!(house.probe().hangups(), house.probe().calls());
    is_over(house, booked, ended_by).await;
}

/// The session is over for this reason, its call is known to be, and the record is complete.
async fn is_over(house: House, booked: &Booked, ended_by: &str) {
    let session = house.over(booked).await;
    assert_eq!((&session["status"], &session["ended_by"]), (&"completed".into(), &ended_by.into()), "{session}");
    let books = house.closed();
    let calls = books.calls(booked).await;
    assert_eq!((calls.len(), calls[0].hang_up), (1, Some(HangUp::Confirmed)));
    books.sealed(booked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_candidate_ends_it_and_is_told_in_order() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    browser.end().await;
    assert_eq!(browser.until_closed(SHORTLY).await, 1000);
    let kinds = browser.log().kinds();
    assert_eq!(kinds[kinds.len() - 2..], ["session_ended", "interview_saved"], "{kinds:?}");
    let ended = browser.log().last("session_ended").unwrap();
    assert_eq!((&ended["ended_by"], &ended["sessionId"]), (&"user_end".into(), &booked.session.to_string().into()));
    let promised = browser.log().turns().len();
    assert_eq!(
        house.transcript(&booked).await["turns"].as_array().unwrap().iter().filter(|turn| turn["text"] != "").count(),
        promised
    );
    is_hung_up(house, &booked, "user_end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_does_not_come_back_is_hung_up() {
    let house = House::open(&[("RESUME_GRACE_SECONDS", "1")]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![])).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    assert_eq!(house.session(&booked).await["live"], true);
    // Media alone keeps no call: it could be a page that nobody looks at.
    let _caller = browser.lose_socket();
    is_hung_up(house, &booked, "user_disconnect").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_tab_ends_the_call_after_the_grace() {
    let house = House::open(&[("RESUME_GRACE_SECONDS", "1")]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![])).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    browser.leave().await;
    // The model noticed first; asking it to hang up is answered by saying that there is no such call.
    until("the end", || house.probe().live_calls() == 0).await;
    is_over(house, &booked, "user_disconnect").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_lost_may_come_back_within_the_grace() {
    let house = House::open(&[("RESUME_GRACE_SECONDS", "3")]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    assert_eq!(browser.log().last("session").unwrap()["resumed"], false);
    let before = browser.log().turns().len();

    // The socket breaks without a word; a fresh ticket brings the page back, and media never stopped.
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    let session = browser.log().last("session").unwrap();
    assert_eq!(
        (&session["resumed"], &session["control"], &session["status"]),
        (&true.into(), &"sideband".into(), &"in_progress".into()),
        "{session}"
    );
    browser.until("more turns", |log| log.turns().len() >= 2).await;

    // While one socket is open, another takes its place.
    let third = house.ticket(&booked).await;
    let mut replaced = browser.rejoin(&house, &third).await;
    assert_eq!(replaced.wait_closed().await, 4409);
    // Longer than the grace that began when the first socket broke.
    browser.for_a_while(Duration::from_millis(3_500)).await;
    assert_eq!(house.session(&booked).await["live"], true);
    browser.end().await;
    assert_eq!(browser.until_closed(SHORTLY).await, 1000);
    assert!(house.transcript(&booked).await["turns"].as_array().unwrap().len() >= before + 2);
    assert_eq!(house.tap.offers(), 1);
    is_hung_up(house, &booked, "user_end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_interface_ends_a_call() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![])).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    let path = format!("/api/sessions/{}/end", booked.session);
    let ended: Value = house.post(&path, Value::Null).await.json().await.unwrap();
    assert_eq!((&ended["live"], &ended["status"]), (&false.into(), &"completed".into()), "{ended}");
    assert_eq!(browser.until_closed(SHORTLY).await, 1000);
    // Once more changes nothing.
    let again: Value = house.post(&path, Value::Null).await.json().await.unwrap();
    assert_eq!(again["ended_at"], ended["ended_at"]);
    is_hung_up(house, &booked, "user_end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_provider_begins_and_ends_a_call() {
    let house = House::open(&[]).await;
    let (booked, other) = (house.book("short").await, house.book("short").await);
    let (sdp, caller) = offer(Source::Seeded(2)).await;
    let answer = house.offer(&booked.ticket, sdp).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let mut caller = caller.answer(&answer.text().await.unwrap()).await.unwrap();
    // Such a client says nothing about itself: that media is up follows from what is heard. Nobody greets it.
    assert!(caller.say("Good morning, I am here for the interview.").await);
    let begun = tokio::time::Instant::now();
    while house.session(&booked).await["candidate_turns"] == 0 {
        assert!(begun.elapsed() < SHORTLY, "no turn was recorded");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let delete = |ticket: &str| house.viva.request(Method::DELETE, &location).bearer_auth(ticket).send();
    assert_eq!(delete(&other.ticket).await.unwrap().status(), 404, "a call of somebody else is none");
    assert_eq!(delete(&booked.ticket).await.unwrap().status(), 200);
    house.over(&booked).await;
    assert_eq!(delete(&booked.ticket).await.unwrap().status(), 404);
    caller.hang_up().await;
    is_hung_up(house, &booked, "user_end").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_asker_went_away_is_not_lost() {
    let faults = Faults { create_delay: Duration::from_millis(600), ..Faults::default() };
    let house = House::with(faults, &[]).await;
    let booked = house.book("short").await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let asked = house.offer(&booked.ticket, sdp).timeout(Duration::from_millis(250)).send().await;
    assert!(asked.unwrap_err().is_timeout());
    until("the model has the call", || house.probe().live_calls() == 1).await;
    assert_eq!(house.session(&booked).await["live"], true);
    assert_eq!(house.post(&format!("/api/sessions/{}/end", booked.session), Value::Null).await.status(), 200);
    until("the hang-up", || house.probe().hangups().len() == 1).await;
    assert_eq!(house.probe().live_calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_leaves_during_the_exchange_leaves_no_call() {
    let faults = Faults { create_delay: Duration::from_millis(600), ..Faults::default() };
    let house = House::with(faults, &[]).await;
    let booked = house.book("short").await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let mut socket = super::socket::Socket::join(&house, &booked).await;
    socket.offer(&sdp).await;
    until("the offer is on its way", || house.tap.offers() == 1).await;
    drop(socket);
    until("the model's call was hung up", || house.probe().hangups().len() == 1).await;
    assert_eq!((house.probe().live_calls(), house.probe().calls().len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_the_model_is_about_to_end_and_nobody_follows_is_over_and_sealed() {
    let faults = Faults { session_cap: Some(Duration::from_secs(6)), ..Faults::default() };
    let house = House::with(faults, &[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    assert_eq!(browser.until_closed(Duration::from_secs(30)).await, 1000);
    let ended = browser.log().last("session_ended").unwrap();
    assert_eq!(ended["ended_by"], "session_cap", "{:?}", browser.log().kinds());
    assert!(browser.log().has("renegotiate"), "the client was asked for another call, and made none");
    assert!(!browser.log().turns().is_empty());
    let head = browser.log().last("interview_saved").unwrap()["head"].as_str().unwrap().to_owned();
    assert_eq!(house.closed().sealed(&booked).await, head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_that_nobody_confirms_is_recorded_as_such() {
    let faults = Faults { hangup_fails: true, ..Faults::default() };
    let house = House::with(faults, &[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![])).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    browser.send(json!({ "type": "end_session", "reason": "user_end" })).await;
    assert_eq!(browser.until_closed(Duration::from_secs(30)).await, 1000);
    assert_eq!(browser.log().last("session_ended").unwrap()["ended_by"], "user_end");
    assert!(house.probe().hangups().is_empty());
    let books = house.closed();
    assert_eq!(books.calls(&booked).await[0].hang_up, Some(HangUp::Unconfirmed));
    books.sealed(&booked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_model_is_gone_ends_after_the_grace() {
    let mut house = House::open(&[("RESUME_GRACE_SECONDS", "2")]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![])).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    house.stop_model().await;
    // Nobody answers a hang-up any more; that takes its retries.
    assert_eq!(browser.until_closed(Duration::from_secs(40)).await, 1000);
    let ended = browser.log().last("session_ended").unwrap();
    assert_eq!(ended["ended_by"], "upstream_error", "the candidate was there all the time");
    let books = house.closed();
    assert_eq!(books.calls(&booked).await[0].hang_up, Some(HangUp::Unconfirmed));
    books.sealed(&booked).await;
}
