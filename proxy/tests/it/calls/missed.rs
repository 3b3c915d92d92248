//! A client that comes back to a running call is told what it missed: every caption and change of stage of the record,
//! once, in order, before anything newer.

use std::collections::BTreeSet;

use serde_json::Value;
use viva_proxy::transcript::{Entry, Speaker, StageReason};

use super::browser::{Browser, brief};
use super::house::House;
use super::socket::Socket;

/// How many turns are stored.
async fn stored(house: &House, booked: &super::house::Booked) -> usize {
    house.transcript(booked).await["turns"].as_array().unwrap().len()
}

fn numbers(messages: &[&Value]) -> Vec<u64> {
    messages.iter().map(|message| message["n"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_is_told_what_was_missed_once_and_in_order() {
    let house = House::open(&[]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    // The line is dead, as in a tunnel; person and model go on talking.
    let before = stored(&house, &booked).await;
    let n = browser.log().processed();
    let begun = std::time::Instant::now();
    while stored(&house, &booked).await < before + 2 {
        assert!(begun.elapsed().as_secs() < 40, "they go on talking");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let earlier = browser.come_back(&house, &booked).await;
    browser.until("what was missed", |log| log.last("missed").is_some_and(|missed| missed["last"] == true)).await;
    let kinds = browser.log().kinds();
    let told = kinds.iter().position(|kind| *kind == "missed").unwrap();
    assert!(kinds[..told].iter().all(|kind| !["agent_caption", "stage_change", "saved"].contains(kind)), "{kinds:?}");
    browser.until("it is said that it is saved", |log| log.has("saved")).await;
    let missed = numbers(&browser.log().numbered());
    assert!(missed.iter().all(|told| *told > n), "only what was missed: {missed:?}, {n}");
    browser.until("the call goes on", |log| log.finals("agent_caption").len() >= 2).await;
    browser.end().await;
    assert_eq!(browser.until_closed(std::time::Duration::from_secs(20)).await, 1000);

    let mut told = numbers(&earlier.numbered());
    let after = numbers(&browser.log().numbered());
    assert!(after.is_sorted_by(|a, b| a < b), "in order, each once: {after:?}");
    told.extend(after);
    let books = house.closed();
    let journal = books.journal(&booked).await;
    let expected: BTreeSet<_> = journal
        .iter()
        .filter(|record| match record.entry().unwrap() {
            Entry::Turn(turn) => turn.speaker != Speaker::System,
            Entry::Revised(turn) => turn.speaker != Speaker::System && record.text.is_some(),
            Entry::Stage(stage) => stage.reason != StageReason::Ended,
            _ => false,
        })
        .map(|record| record.n)
        .collect();
    assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), expected, "everything that is on the record was told");
    assert_eq!(told.len(), expected.len(), "and once: {told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_afresh_is_told_everything() {
    let house = House::open(&[]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 2).await;
    let seen: Vec<Value> = browser.log().numbered().into_iter().cloned().collect();
    let mut fresh = Socket::join(&house, &booked).await;
    let missed = fresh.wait("missed").await;
    assert_eq!(missed["last"], true);
    let told = missed["messages"].as_array().unwrap();
    assert_eq!(told[..seen.len()], seen[..], "exactly as it was told");
    let saved = fresh.wait("saved").await["upTo"].as_u64().unwrap();
    assert!(told.iter().all(|message| message["n"].as_u64().unwrap() <= saved));
    // Whoever has everything is told so.
    let mut again = Socket::join_with(&house, &booked, serde_json::json!({ "n": 1_000_000 })).await;
    let nothing = again.wait("missed").await;
    assert_eq!((&nothing["messages"], &nothing["last"]), (&Value::Array(vec![]), &true.into()));
}
