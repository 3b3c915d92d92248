//! A client that records, whose line breaks or whose server dies: what it had no acknowledgement for it relays again, and
//! the record has every turn once.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::browser::{Browser, brief};
use super::house::{Booked, House};

const RELAY: &[(&str, &str)] = &[("SIDEBAND", "off")];

/// Whatever the candidate said is stored, once, in the order of the conversation, and nothing is stored twice.
async fn is_whole(house: &House, booked: &Booked, committed: &[String]) {
    let transcript = house.transcript(booked).await;
    let turns = transcript["turns"].as_array().unwrap();
    let item = |turn: &Value| turn["item_id"].as_str().unwrap().to_owned();
    let stored: Vec<_> = turns.iter().filter(|turn| turn["speaker"] == "candidate").map(item).collect();
    assert!(stored.len() >= 3, "{turns:#?}");
    assert_eq!(stored, committed[..stored.len()], "each once and in order: {turns:#?}");
    assert!(committed.len() - stored.len() <= 1, "only what was being said at the end may be missing: {turns:#?}");
    let all: BTreeSet<_> = turns.iter().map(item).collect();
    assert_eq!(all.len(), turns.len(), "{turns:#?}");
    assert!(turns.iter().all(|turn| turn["source"] == "client"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_breaks_again_and_again_costs_and_doubles_nothing() {
    let house = House::open(RELAY).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("the client records", |log| log.control() == "relay").await;
    let mut answers = 0;
    for wait in [900, 2_300, 3_700, 5_100, 6_100, 7_300] {
        browser.for_a_while(Duration::from_millis(wait)).await;
        answers += browser.come_back(&house, &booked).await.finals("user_caption").len();
    }
    browser.until("answers", |log| answers + log.finals("user_caption").len() >= 4).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    is_whole(&house, &booked, &browser.committed).await;
    house.closed().sealed(&booked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_is_told_again_what_it_had_not_stored() {
    let mut house = House::open(RELAY).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("the client records", |log| log.control() == "relay").await;
    for wait in [4_200, 6_900, 5_300] {
        browser.for_a_while(Duration::from_millis(wait)).await;
        house = house.restarted();
        browser.until_closed(Duration::from_secs(5)).await;
        browser.come_back(&house, &booked).await;
        assert_eq!(browser.log().last("session").unwrap()["resumed"], true);
    }
    browser.until("answers", |log| log.finals("user_caption").len() >= 2).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    is_whole(&house, &booked, &browser.committed).await;
    assert_eq!(house.probe().calls().len(), 1, "the same call all the time");
    house.closed().sealed(&booked).await;
}
