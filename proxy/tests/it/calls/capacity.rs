//! When all places are taken: both doors say so, and a place that becomes free is a place.

use serde_json::Value;
use viva_simulator::Source;

use super::browser::{Browser, offer};
use super::house::House;
use super::socket::Socket;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_refuses_calls_until_one_ends() {
    let house = House::open(&[("MAX_CONCURRENT_SESSIONS", "1")]).await;
    let (first, second) = (house.book("short").await, house.book("short").await);
    let mut browser = Browser::call(&house, &first, Source::Lines(vec![])).await;
    browser.until("the call is on", |log| log.has("stage_change")).await;

    let mut refused = Socket::connect(&house).await;
    refused.init(&second).await;
    let error = refused.wait("error").await;
    assert_eq!((&error["code"], &error["retryable"]), (&"CAPACITY_REACHED".into(), &true.into()));
    assert_eq!(refused.wait_closed().await, 4503);
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let answer = house.offer(&second.ticket, sdp.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["code"], "capacity_reached");
    assert_eq!((house.tap.offers(), house.probe().live_calls()), (1, 1));
    let health = house.get("/health").await;
    assert_eq!((&health["sessions"]["active"], &health["sessions"]["max"]), (&1.into(), &1.into()));

    browser.end().await;
    assert_eq!(browser.until_closed(super::socket::PATIENCE).await, 1000);
    house.over(&first).await;
    assert_eq!(house.offer(&second.ticket, sdp).send().await.unwrap().status(), 201);
}
