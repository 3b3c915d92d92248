//! One interview over several calls: the page is loaded anew, the provider ends a call at its cap, a call breaks off. Each
//! keeps the same promise: one transcript in order, one greeting, stages that go on, and no call left behind.

use std::time::Duration;

use serde_json::Value;
use viva_proxy::transcript::{CallEvent, Entry, HangUp, Speaker};
use viva_simulator::Faults;

use super::browser::{Browser, brief};
use super::command::viva_call;
use super::house::{Booked, House, until};

/// What holds for every interview that took two calls.
async fn went_on(house: House, code: Option<i32>, lines: &[Value]) -> Vec<Entry> {
    let summary = lines.last().unwrap();
    assert_eq!((code, &summary["ended_by"]), (Some(0), &"natural_completion".into()), "{summary}");
    let of = |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let booked = Booked {
        session: text(&summary["session_id"]).parse().unwrap(),
        tenant: text(&of("session")["tenantId"]).parse().unwrap(),
        ticket: String::new(),
    };
    until("the model's calls are over", || house.probe().live_calls() == 0).await;
    assert_eq!(house.probe().calls().len(), 2);

    let books = house.closed();
    books.sealed(&booked).await;
    let calls = books.calls(&booked).await;
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.closed_at.is_some() && call.hang_up == Some(HangUp::Confirmed)), "{calls:?}");
    let entries: Vec<Entry> = books.journal(&booked).await.iter().map(|record| record.entry().unwrap()).collect();

    // Stages: each once, only onwards.
    let stages: Vec<_> = entries
        .iter()
        .filter_map(|entry| if let Entry::Stage(stage) = entry { Some(stage.to.as_str()) } else { None })
        .collect();
    assert_eq!(stages, ["welcome", "self_intro", "past_experience", "company_fit", "closing", "closing"]);

    // Turns: those of the first call, then those of the second, each once; the opening is spoken in the first only.
    let stored = books.transcript(&booked).await;
    let places: Vec<_> = stored.turns.iter().map(|turn| (turn.call, turn.position)).collect();
    assert!(places.is_sorted() && places.first().unwrap().0 == 1 && places.last().unwrap().0 == 2, "{places:?}");
    let mut items: Vec<_> = stored.turns.iter().map(|turn| &turn.item_id).collect();
    items.sort();
    items.dedup();
    assert_eq!(items.len(), stored.turns.len());
    let greetings = stored.turns.iter().filter(|turn| turn.speaker == Speaker::Ai && turn.stage == "welcome").count();
    assert_eq!(greetings, 1);
    assert!(!stored.turns.iter().filter(|turn| turn.call == 2).any(|turn| turn.text.contains("welcome")));
    entries
}

/// Killed after the old call was hung up and before the new one was on the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interview_between_two_calls_outlives_a_kill() {
    let house = House::open(&[]).await;
    let booked = house.book("default").await;
    let mut before = Browser::call(&house, &booked, brief()).await;
    before.until("a question and an answer", |log| log.turns().len() >= 2).await;
    let house = house.restarted_between_calls(&booked).await;
    before.leave().await;
    let again = house.ticket(&booked).await;
    let mut after = Browser::call(&house, &again, brief()).await;
    assert_eq!(after.log().last("session").unwrap()["resumed"], true);
    after.until("the interview goes on", |log| log.turns().len() >= 2).await;
    after.end().await;
    assert_eq!(after.until_closed(Duration::from_secs(20)).await, 1000);
    let books = house.closed();
    books.sealed(&booked).await;
    let stored = books.transcript(&booked).await;
    let calls: Vec<_> = stored.turns.iter().map(|turn| turn.call).collect();
    assert!(calls.is_sorted() && calls.first() == Some(&1) && calls.last() == Some(&2), "{calls:?}");
    assert_eq!(stored.stages.iter().filter(|stage| stage.to == "welcome").count(), 1, "one beginning");
}

fn connected(entries: &[Entry]) -> Vec<u32> {
    let connected = |entry: &Entry| match entry {
        Entry::Call { call, event: CallEvent::Connected, .. } => Some(*call),
        _ => None,
    };
    entries.iter().filter_map(connected).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_loaded_anew_goes_on_where_it_was() {
    let house = House::open(&[]).await;
    let (code, lines) = viva_call(&house, &["--full", "--plan", "short", "--reload-after", "12"]).await;
    let entries = went_on(house, code, &lines).await;
    assert_eq!(connected(&entries), [1, 2]);
    let joined: Vec<_> = lines.iter().filter(|line| line["type"] == "session").map(|line| &line["resumed"]).collect();
    assert_eq!(joined, [&Value::from(false), &Value::from(true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interview_outlives_the_provider_s_cap() {
    let house = House::open(&[]).await;
    house.probe().next_call(Faults::parse("session_cap=45").unwrap());
    let (code, lines) = viva_call(&house, &["--full", "--plan", "short"]).await;
    let asked = lines.iter().find(|line| line["type"] == "renegotiate").unwrap();
    assert_eq!(asked["reason"], "cap");
    assert!(lines.iter().any(|line| line["type"] == "switch" && line["id"] == asked["id"]));
    let entries = went_on(house, code, &lines).await;
    assert_eq!(connected(&entries), [1, 2]);
    assert!(!entries.iter().any(|entry| matches!(entry, Entry::Gap { .. })), "somebody listened all the time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interview_outlives_a_call_that_breaks_off() {
    let house = House::open(&[]).await;
    house.probe().next_call(Faults::parse("call_drops=14000").unwrap());
    let (code, lines) = viva_call(&house, &["--full", "--plan", "short"]).await;
    let asked = lines.iter().find(|line| line["type"] == "renegotiate").unwrap();
    assert_eq!(asked["reason"], "lost");
    let entries = went_on(house, code, &lines).await;
    assert_eq!(connected(&entries), [1, 2]);
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Gap { to: Some(_), .. })), "what nobody heard is marked");
}
