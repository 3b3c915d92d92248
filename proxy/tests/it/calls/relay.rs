//! Calls that the server does not watch itself: the browser reports what is said and carries out what is decided, and
//! the record says whose word it is.

use std::time::Duration;

use serde_json::Value;
use viva_simulator::{Faults, Origin};

use super::browser::{Browser, brief};
use super::house::{Booked, House};

/// A whole interview of a few sentences, with the client as the source of the record.
async fn goes_to_its_end(house: House, booked: &Booked, mut browser: Browser, sideband: &str) {
    // The client records at once when it is told to greet; that nothing will come of our socket is known later.
    browser
        .until("the client records", |log| {
            log.control() == "relay" && log.last("control").is_some_and(|told| told["sideband"] == sideband)
        })
        .await;
    browser
        .until("a question and an answer", |log| {
            log.finals("user_caption").len() >= 2 && log.finals("agent_caption").len() >= 2
        })
        .await;
    assert_eq!(browser.log().stages()[..2], [("welcome", "start"), ("self_intro", "completed")]);
    browser.send(serde_json::json!({ "type": "skip_stage", "target_stage": "closing" })).await;
    assert_eq!(browser.until_closed(Duration::from_secs(40)).await, 1000);
    assert_eq!(
        browser.log().last("session_ended").unwrap()["ended_by"],
        "natural_completion",
        "{:?}",
        browser.log().stages()
    );
    assert_eq!(browser.log().stages().last(), Some(&("closing", "skipped")));
    assert!(
        browser.orders.iter().any(|order| order["type"] == "session.update"),
        "the client carries out what is decided"
    );

    // What the client reported is acknowledged when it is stored, in order.
    let acknowledged: Vec<_> =
        browser.log().of("transcript_acknowledged").map(|told| told["seq"].as_u64().unwrap()).collect();
    assert!(!acknowledged.is_empty() && acknowledged.is_sorted(), "{acknowledged:?}");
    let call = house.probe().calls().pop().unwrap();
    let from = house.probe().client_events(&call);
    assert!(from.iter().all(|event| event.origin == Origin::Channel), "nothing came by a sideband");
    let transcript = house.transcript(booked).await;
    let turns = transcript["turns"].as_array().unwrap();
    assert!(turns.len() >= 5 && turns.iter().all(|turn| turn["source"] == "client"), "{turns:#?}");
    assert_eq!(
        (&turns[0]["speaker"], &turns[0]["stage"]),
        (&"ai".into(), &"welcome".into()),
        "the greeting is there: {turns:#?}"
    );
    let said: Vec<_> =
        turns.iter().filter(|turn| turn["speaker"] == "candidate").map(|turn| turn["text"].as_str().unwrap()).collect();
    assert_eq!(said, browser.said[..said.len()], "everything from the first word on");
    let session = house.session(booked).await;
    assert_eq!((&session["control"], &session["sideband"]), (&"relay".into(), &Value::from(sideband)));
    house.closed().sealed(booked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_a_sideband_is_recorded_by_its_client() {
    let house = House::open(&[("SIDEBAND", "off")]).await;
    let booked = house.book("short").await;
    let browser = Browser::call(&house, &booked, brief()).await;
    goes_to_its_end(house, &booked, browser, "unavailable").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sideband_that_never_opens_leaves_the_call_to_its_client() {
    let faults = Faults { sideband_never: true, ..Faults::default() };
    let house = House::with(faults, &[]).await;
    let booked = house.book("short").await;
    let browser = Browser::call(&house, &booked, brief()).await;
    goes_to_its_end(house, &booked, browser, "lost").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_call_command_records_from_the_first_word_without_a_sideband() {
    let faults = Faults { sideband_never: true, ..Faults::default() };
    let house = House::with(faults, &[]).await;
    let (code, lines) = super::command::viva_call(&house, &["--plan", "short"]).await;
    let summary = lines.last().unwrap();
    assert_eq!(code, Some(0), "{summary}");
    let turns = summary["turns"].as_array().unwrap();
    assert_eq!((&turns[0]["speaker"], &turns[0]["stage"]), (&"ai".into(), &"welcome".into()), "{turns:#?}");
    assert!(turns.iter().all(|turn| turn["source"] == "client"), "{turns:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sideband_that_comes_late_takes_over_and_greets_nobody_twice() {
    let faults = Faults { sideband_late: Duration::from_millis(1_500), ..Faults::default() };
    let house = House::with(faults, &[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("the sideband records", |log| log.control() == "sideband").await;
    browser.until("an answer", |log| !log.finals("user_caption").is_empty()).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    let transcript = house.transcript(&booked).await;
    let turns = transcript["turns"].as_array().unwrap();
    let first: Vec<_> = turns.iter().take(2).map(|turn| turn["speaker"].as_str().unwrap()).collect();
    assert_eq!(first, ["ai", "candidate"], "one greeting, then the first answer: {turns:#?}");
    assert!(turns.iter().all(|turn| turn["source"] == "sideband"), "{turns:#?}");
    let call = house.probe().calls().pop().unwrap();
    let events = house.probe().client_events(&call);
    let until_answer = events.iter().take_while(|event| event.at_ms < 6_000);
    let asked = until_answer.filter(|event| event.event["type"] == "response.create").count();
    assert_eq!(asked, 1, "the greeting was asked for once");
    assert_eq!(house.session(&booked).await["sideband"], "attached");
}
