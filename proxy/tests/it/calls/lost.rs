//! The server loses its model in the middle of a call, while browser and model still hear each other.

use std::time::Duration;

use viva_proxy::transcript::{Entry, Source as Told};

use super::browser::{Browser, brief};
use super::house::House;
use super::tap::Line;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_by_its_client_and_back_when_the_sideband_is_lost_for_a_while() {
    let house = House::open(&[]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.control() == "sideband" && log.turns().len() >= 2).await;
    house.tap.set(Line::Cut);
    browser.until("the client records", |log| log.control() == "relay").await;
    let before = browser.log().turns().len();
    browser.until("turns by the client", |log| log.turns().len() >= before + 3).await;
    house.tap.set(Line::Through);
    browser
        .until_within(Duration::from_secs(45), "the sideband records again", |log| log.control() == "sideband")
        .await;
    let before = browser.log().turns().len();
    browser.until("turns by the sideband", |log| log.turns().len() >= before + 3).await;
    let epochs: Vec<_> = browser.log().of("control").map(|control| control["epoch"].as_u64().unwrap()).collect();
    assert!(epochs.is_sorted() && epochs.first() < epochs.last(), "{epochs:?}");
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    assert_eq!(house.probe().calls().len(), 1, "the same call all the time");

    let transcript = house.transcript(&booked).await;
    let turns = transcript["turns"].as_array().unwrap();
    let by = |source: &str| turns.iter().filter(|turn| turn["source"] == source).count();
    // What the client told meanwhile was asked of the model afterwards; what was cut off has no words there.
    let cut_off = turns.iter().filter(|turn| turn["state"] == "interrupted").count();
    assert!(by("sideband") >= 4 && by("client") <= cut_off, "{turns:#?}");
    assert!(turns.iter().all(|turn| turn["disputed"] == false), "{turns:#?}");
    let heard: Vec<_> =
        turns.iter().filter(|turn| turn["speaker"] == "candidate").map(|turn| turn["text"].as_str().unwrap()).collect();
    let mut spoken = browser.said.iter();
    assert!(
        heard.iter().all(|words| words.is_empty() || spoken.any(|said| said == words)),
        "in the order in which it was said: {heard:?}"
    );
    let books = house.closed();
    books.sealed(&booked).await;
    let journal = books.journal(&booked).await;
    assert!(
        journal.iter().any(|record| matches!(record.entry(), Ok(Entry::Gap { to: Some(_), .. }))),
        "what nobody heard is marked"
    );
    let claims = |record: &&viva_proxy::transcript::Record| {
        record.source == Told::Client && matches!(record.entry(), Ok(Entry::Turn(_)))
    };
    assert!(journal.iter().filter(claims).count() >= 2, "first they were claims");
    let confirmed = |record: &&viva_proxy::transcript::Record| {
        record.source == Told::Sideband && record.text.is_none() && matches!(record.entry(), Ok(Entry::Revised(_)))
    };
    assert!(journal.iter().filter(confirmed).count() >= 2, "and then confirmed");
}
