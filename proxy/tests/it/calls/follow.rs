//! Following a live call from outside: what a reader is told is what the page was told and what is stored.

use reqwest::Method;
use serde_json::{Value, json};

use super::browser::{Browser, brief};
use super::house::House;
use super::socket::PATIENCE;
use crate::support::events::Events;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_interview_is_followed_to_its_end_and_again_from_the_middle() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let path = format!("/api/sessions/{}/events", booked.session);
    // Before there is a call.
    let mut events = Events::of(house.request(Method::GET, &path).send().await.unwrap());
    events.until("how things stand", |told| told.name == "status").await;
    let following = tokio::spawn(async move {
        events.read_to_the_end().await;
        events
    });

    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a question and an answer", |log| log.turns().len() >= 3).await;
    // Another reader comes late and goes on behind what it has.
    let middle = browser.log().turns()[0].0;
    let again = house.viva.get(&path).bearer_auth(&booked.ticket).header("last-event-id", middle.to_string());
    let mut again = Events::of(again.send().await.unwrap());
    let live: Value = house.get("/api/sessions?live=true").await;
    assert_eq!(live["items"][0]["id"], json!(booked.session));
    browser.end().await;
    assert_eq!(browser.until_closed(PATIENCE).await, 1000);
    let events = following.await.unwrap();
    again.read_to_the_end().await;

    let told: Vec<_> = events.named("turn").iter().map(|told| (told.id.unwrap(), told.data["text"].clone())).collect();
    for (n, words) in browser.log().turns() {
        let is_told = |told: &&crate::support::events::Told| told.id == Some(n) && told.data["text"] == *words;
        assert!(events.all.iter().any(|event| is_told(&event)), "{n} was told to the page and not here: {told:?}");
    }
    let transcript = house.transcript(&booked).await;
    let stored = transcript["turns"].as_array().unwrap();
    assert_eq!(told.len(), stored.len(), "each turn once");
    let statuses: Vec<_> = events.named("status").iter().map(|told| told.data["status"].clone()).collect();
    assert_eq!((&statuses[0], statuses.last().unwrap()), (&json!("scheduled"), &json!("completed")), "{statuses:?}");
    assert!(statuses.contains(&json!("in_progress")) && !events.named("stage").is_empty());
    let end = events.all.last().unwrap();
    assert_eq!((end.name.as_str(), &end.data["ended_by"]), ("end", &json!("user_end")));
    assert_eq!(end.data["head"], browser.log().last("interview_saved").unwrap()["head"], "of the sealed record");

    let numbers = |events: &Events| events.all.iter().filter_map(|told| told.id).collect::<Vec<_>>();
    let whole = numbers(&events);
    assert!(whole.is_sorted());
    let rest: Vec<_> = whole.iter().copied().filter(|n| *n > middle).collect();
    assert_eq!(numbers(&again), rest, "what follows the number, each once");
    assert_eq!(house.get("/api/sessions?live=true").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_do_not_keep_a_server_from_stopping() {
    let mut house = House::open(&[]).await;
    let booked = house.book("short").await;
    let path = format!("/api/sessions/{}/events", booked.session);
    let mut events = Events::of(house.request(Method::GET, &path).send().await.unwrap());
    events.until("how things stand", |told| told.name == "status").await;
    house.viva.signal("TERM");
    events.read_to_the_end().await;
    let last = events.all.last().unwrap();
    assert_eq!((last.name.as_str(), &last.data["code"]), ("closed", &json!("UNAVAILABLE")));
    assert!(house.viva.wait().success(), "{}", house.viva.logged());
}
