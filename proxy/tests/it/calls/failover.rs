//! Two servers: the second gets an offer only when the first has certainly made nothing of it, and a call stays where it
//! was made, also in a later process.

use reqwest::StatusCode;
use serde_json::Value;
use viva_proxy::transcript::HangUp;
use viva_simulator::Source;

use super::browser::{Browser, brief, offer};
use super::house::{FIRST_KEY, House, KEY, until};
use crate::fake_model::{FakeModel, Reply, response};

fn refusal(status: &str) -> Reply {
    Reply::Bytes(response(status, &[], br#"{"error":{"type":"server_error","message":"No."}}"#))
}

/// An offer at the provider's own address by somebody new.
async fn offered(house: &House) -> (StatusCode, Value) {
    let booked = house.book("short").await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let response = house.offer(&booked.ticket, sdp).send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_that_was_turned_away_goes_to_the_second_server_and_the_call_stays_there() {
    let first = FakeModel::start(vec![refusal("503 Service Unavailable")]).await;
    let house = House::second_to(first.address, &[]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    assert_eq!((first.requests().len(), house.probe().calls().len()), (1, 1));
    let health = house.get("/health").await;
    assert_eq!((&health["upstream"]["name"], &health["upstream"]["state"]), (&"custom".into(), &"failing".into()));
    assert_eq!((&health["backup"]["name"], &health["backup"]["state"]), (&"azure".into(), &"ok".into()), "{health}");

    // Another process: it finds the call's server by its name, and opens the sideband there.
    let house = house.restarted();
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    assert_eq!(browser.log().last("session").unwrap()["resumed"], true);
    browser.until("more turns", |log| !log.turns().is_empty()).await;
    browser.end().await;
    browser.until("the end", |log| log.last("session_ended").is_some()).await;
    until("the hang-up", || house.probe().live_calls() == 0).await;
    assert_eq!(house.probe().hangups(), house.probe().calls(), "where it was made");

    // Neither key went to the other server.
    let at_first = first.requests().concat();
    assert!(at_first.contains(FIRST_KEY) && !at_first.contains(KEY), "{at_first}");
    let books = house.closed();
    books.sealed(&booked).await;
    let calls = books.calls(&booked).await;
    let made: Vec<_> = calls.iter().map(|call| (call.upstream.as_deref(), call.hang_up)).collect();
    assert_eq!(
        made,
        [(Some("custom"), Some(HangUp::Confirmed)), (Some("azure"), Some(HangUp::Confirmed))],
        "the attempt that came to nothing is on record, and closed"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_reached_is_passed_over() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let house = House::second_to(nobody, &[]).await;
    assert_eq!(offered(&house).await.0, 201);
    assert_eq!(house.probe().calls().len(), 1);
}

/// A lost answer leaves a call that nobody holds; a second one would be paid for twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_outcome_is_never_tried_elsewhere() {
    let script = vec![Reply::Close, refusal("500 Internal Server Error"), refusal("504 Gateway Timeout")];
    let first = FakeModel::start(script).await;
    let house = House::second_to(first.address, &[]).await;
    for (status, code) in [(502, "sdp_exchange_failed"), (502, "upstream_error"), (504, "upstream_timeout")] {
        let (refused, body) = offered(&house).await;
        assert_eq!((refused.as_u16(), &body["error"]["code"]), (status, &code.into()), "{body}");
    }
    assert_eq!((first.requests().len(), house.probe().calls().len()), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_keeps_failing_is_left_alone() {
    let first = FakeModel::start(vec![refusal("500 Internal Server Error")]).await;
    let house = House::second_to(first.address, &[("MAX_SESSIONS_PER_USER", "20")]).await;
    for _ in 0..5 {
        assert_eq!(offered(&house).await.0, 502);
    }
    assert_eq!(offered(&house).await.0, 201, "from here on the second is asked at once");
    assert_eq!((first.requests().len(), house.probe().calls().len()), (5, 1));
    let health = house.get("/health").await;
    assert_eq!((&health["upstream"]["breaker"], &health["backup"]["breaker"]), (&"open".into(), &"closed".into()));
    let metrics = house.viva.get("/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        r#"viva_upstream_breaker_total{upstream="custom",key="server",to="open"} 1"#,
        r#"viva_upstream_breakers_open{upstream="custom",key="server"} 1"#,
        r#"viva_failovers_total{result="ok"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
}

/// Without a second server there is a stable refusal that says when to come again, and the ticket is still good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_kept_waiting_by_a_server_that_keeps_failing() {
    let house = House::open(&[("MAX_SESSIONS_PER_USER", "20")]).await;
    house.tap.set(super::tap::Line::Says(response("500 Internal Server Error", &[], b"")));
    for _ in 0..5 {
        assert_eq!(offered(&house).await.0, 502);
    }
    let booked = house.book("short").await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let refused = house.offer(&booked.ticket, sdp.clone()).send().await.unwrap();
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!((refused.status().as_u16(), (1..=2).contains(&wait)), (503, true), "{wait}");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "upstream_unavailable", "{body}");
    assert_eq!((house.tap.offers(), house.session(&booked).await["status"].as_str()), (5, Some("scheduled")));

    house.tap.set(super::tap::Line::Through);
    tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
    assert_eq!(house.offer(&booked.ticket, sdp).send().await.unwrap().status(), 201, "the trial, with the same ticket");
    assert_eq!(house.get("/health").await["upstream"]["breaker"], "closed");
}

/// To another server the call does not exist: its 404 would be taken for a hang-up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_a_server_that_is_not_configured_now_waits_for_it() {
    let house = House::open(&[]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    let house = house.restarted_with("UPSTREAM", "azure");
    until("a look at what was left", || house.viva.logged().contains("looked after the calls")).await;
    assert!(house.probe().hangups().is_empty() && house.probe().live_calls() == 1);

    let house = house.restarted_with("UPSTREAM", "");
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    assert_eq!(browser.log().last("session").unwrap()["resumed"], true);
    browser.until("more turns", |log| !log.turns().is_empty()).await;
    browser.end().await;
    browser.until("the end", |log| log.last("session_ended").is_some()).await;
    until("the hang-up", || house.probe().live_calls() == 0).await;
    assert_eq!(house.probe().hangups(), house.probe().calls());
}
