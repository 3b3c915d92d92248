//! Turns that somebody posts instead of relaying events: they count while the client records, and never otherwise.

use reqwest::Method;
use serde_json::{Value, json};

use super::browser::{Browser, brief};
use super::house::{Booked, House};
use super::socket::PATIENCE;

fn entry(item: &str, words: &str) -> Value {
    json!({ "item_id": item, "speaker": "candidate", "text": words })
}

async fn tell(house: &House, booked: &Booked, entries: Vec<Value>) -> (u16, Value) {
    let path = format!("/api/sessions/{}/transcript", booked.session);
    let request = house.viva.request(Method::POST, &path).bearer_auth(&booked.ticket);
    let told = request.json(&json!({ "entries": entries })).send().await.unwrap();
    (told.status().as_u16(), told.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_client_records_a_report_is_its_word_and_stored_once() {
    let house = House::open(&[("SIDEBAND", "off")]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("the client records", |log| log.control() == "relay" && !log.turns().is_empty()).await;
    let words = "What the page's own socket never relayed.";
    let (status, told) =
        tell(&house, &booked, vec![entry("item_reported", words), entry("item_reported", "again")]).await;
    assert_eq!(
        (status, &told["saved_count"], &told["duplicates"], &told["pending"]),
        (200, &json!(1), &json!(1), &json!([]))
    );
    let (_, again) = tell(&house, &booked, vec![entry("item_reported", "Other words.")]).await;
    assert_eq!((&again["saved_count"], &again["duplicates"]), (&json!(0), &json!(1)));
    assert!(again["last_seq"].as_u64() >= told["last_seq"].as_u64());

    browser.end().await;
    assert_eq!(browser.until_closed(PATIENCE).await, 1000);
    let transcript = house.transcript(&booked).await;
    let turns = transcript["turns"].as_array().unwrap();
    let reported: Vec<_> = turns.iter().filter(|turn| turn["item_id"] == "item_reported").collect();
    assert_eq!(reported.len(), 1);
    assert_eq!((&reported[0]["text"], &reported[0]["source"]), (&json!(words), &json!("client")));
    let (status, late) = tell(&house, &booked, vec![entry("item_late", "Too late.")]).await;
    assert_eq!((status, &late["code"]), (409, &json!("SESSION_ENDED")));
    house.closed().sealed(&booked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_hears_itself_a_report_changes_nothing() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let (status, early) = tell(&house, &booked, vec![entry("item_early", "Too early.")]).await;
    assert_eq!((status, &early["code"]), (409, &json!("CONFLICT")), "there is no call yet");
    let mut browser = Browser::call(&house, &booked, brief()).await;
    // Just after it took over what was under way from the client may still count.
    browser.until("the sideband records", |log| log.control() == "sideband" && log.turns().len() >= 3).await;
    let transcript = house.transcript(&booked).await;
    let known = transcript["turns"][0]["item_id"].as_str().unwrap().to_owned();
    let said = transcript["turns"][0]["text"].clone();
    let (status, told) =
        tell(&house, &booked, vec![entry(&known, "Never said."), entry("item_forged", "Nor this.")]).await;
    assert_eq!((status, &told["saved_count"], &told["pending"]), (200, &json!(0), &json!(["item_forged"])), "{told}");
    browser.end().await;
    assert_eq!(browser.until_closed(PATIENCE).await, 1000);
    let transcript = house.transcript(&booked).await;
    let turns = transcript["turns"].as_array().unwrap();
    assert!(turns.iter().all(|turn| turn["source"] == "sideband" && turn["item_id"] != "item_forged"), "{turns:#?}");
    assert_eq!(turns[0]["text"], said);
}
