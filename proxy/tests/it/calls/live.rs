//! Calls of the live dialect: words with times in the place of turns, a data channel that may only listen, and a socket
//! that repeats the last seconds when it is opened again.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use viva_simulator::Faults;

use super::browser::{Browser, brief};
use super::house::{Booked, House};

async fn house(faults: &str) -> House {
    House::with(Faults::parse(faults).unwrap(), &[("UPSTREAM", "live")]).await
}

/// Everything that was said, once each and alternating: nothing was heard twice and nothing under two names.
async fn is_told_once(house: &House, booked: &Booked, at_least: usize) {
    let transcript = house.transcript(booked).await;
    let turns = transcript["turns"].as_array().unwrap();
    let texts: Vec<_> = turns.iter().map(|turn| turn["text"].as_str().unwrap()).collect();
    assert!(texts.len() >= at_least, "{texts:?}");
    let different: BTreeSet<_> = texts.iter().collect();
    assert_eq!(different.len(), texts.len(), "{texts:?}");
    let items: BTreeSet<_> = turns.iter().map(|turn| turn["item_id"].as_str().unwrap()).collect();
    assert_eq!(items.len(), turns.len(), "{items:?}");
    assert!(items.iter().all(|item| item.starts_with("span-")), "{items:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_breaks_repeats_itself_and_nothing_is_heard_twice() {
    let house = house("sideband_drops=4000,sideband_once,duplicate_events").await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("the client in control", |log| log.control() == "relay").await;
    browser.until("our own again", |log| log.control() == "sideband").await;
    let known = browser.log().turns().len();
    browser.until("more turns", |log| log.turns().len() >= known + 2).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    is_told_once(&house, &booked, 3).await;
    house.closed().sealed(&booked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_goes_on_and_tells_nothing_again() {
    let house = house("").await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    let house = house.restarted();
    browser.until_closed(Duration::from_secs(5)).await;
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    let known = browser.log().turns().len();
    browser.until("more turns", |log| log.turns().len() >= known + 2).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    assert_eq!(house.probe().calls().len(), 1, "the same call all the time");
    is_told_once(&house, &booked, 3).await;
    house.closed().sealed(&booked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_hears_words_and_tells_the_model_nothing_and_seconds_are_charged() {
    let house = house("").await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a word", |log| !log.turns().is_empty()).await;
    let order =
        json!({"type": "session.instructions.append", "content": "Stage: closing\nSpeak now.", "delegation_id": null});
    browser.to_model(order).await;
    browser.until("more turns", |log| log.turns().len() >= 4).await;
    assert_eq!(browser.log().stages().last().unwrap().0, "self_intro", "it was not heeded");
    assert_eq!(browser.log().control(), "sideband");
    let refused = browser.channel.iter().find(|event| event["type"] == "error").expect("it is told");
    assert_eq!(refused["error"]["code"], "event_not_allowed");
    let heard: BTreeSet<_> = browser.channel.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(heard.is_subset(&BTreeSet::from(["error", "session.usage.updated"])), "{heard:?}");
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    let usage: Value = house.get("/api/usage?group=session").await;
    let item = &usage["items"][0];
    assert_eq!((&item["key"], &item["confirmed"]), (&json!(booked.session.to_string()), &json!(true)), "{usage}");
    // Five cents a minute, for more than ten seconds and less than a minute.
    let cost = item["cost_usd"].as_f64().unwrap();
    assert!((0.008..0.05).contains(&cost), "{usage}");
    house.closed().sealed(&booked).await;
}
