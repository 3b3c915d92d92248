//! Calls on keys that people bring: each is made, watched and hung up with its own, and no key is seen anywhere but at
//! the model. The model takes a call of one key for unknown under another, as the provider does.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use viva_proxy::transcript::HangUp;
use viva_simulator::Faults;
use viva_simulator::faults::CreateFault;

use super::browser::{Browser, brief};
use super::house::{BYOK, Booked, House, KEY, until};
use super::socket::{PATIENCE, Socket};
use super::tap::Line;

/// Every byte under a directory.
pub(super) fn bytes_of(dir: &Path) -> Vec<u8> {
    let entries = std::fs::read_dir(dir).unwrap().flatten().filter(|entry| entry.path().is_file());
    entries.flat_map(|entry| std::fs::read(entry.path()).unwrap()).collect()
}

pub(super) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Refused offers, by the code that the socket is told.
pub(super) async fn offer_refused(house: &House, booked: &Booked) -> (Value, Value) {
    let mut socket = Socket::join(house, booked).await;
    let (sdp, _caller) = super::browser::offer(brief()).await;
    socket.offer(&sdp).await;
    let error = socket.wait("error").await;
    (error["code"].clone(), error["message"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_calls_at_once_on_two_keys_each_keep_their_own() {
    let mut house = House::open(&[]).await;
    assert_eq!(house.save_key(BYOK[0]).await.status(), 200);
    let one = house.book("short").await;
    house.sign_in().await;
    assert_eq!(house.save_key(BYOK[1]).await.status(), 200);
    let two = house.book("short").await;
    house.sign_in().await;
    let three = house.book("short").await;
    let mut calls = Vec::new();
    for booked in [&one, &two, &three] {
        calls.push(Browser::call(&house, booked, brief()).await);
    }
    let ids = house.probe().calls();
    let projects: Vec<_> = ids.iter().map(|id| house.probe().project(id)).collect();
    assert_eq!(projects, [Some(1), Some(2), Some(0)], "each was created with its own, and the third with the server's");
    for browser in &mut calls {
        browser.until("the sideband attached", |log| log.control() == "sideband" && !log.turns().is_empty()).await;
        browser.end().await;
    }
    for browser in &mut calls {
        assert_eq!(browser.until_closed(PATIENCE).await, 1000);
    }
    let mut hung_up = house.probe().hangups();
    hung_up.sort();
    let mut made = ids;
    made.sort();
    assert_eq!(hung_up, made, "each hang-up was with the key that the call is known to");

    let (log, data) = (house.viva.logged(), house.data_dir());
    let books = house.closed();
    for booked in [&one, &two, &three] {
        assert_eq!(books.calls(booked).await[0].hang_up, Some(HangUp::Confirmed));
    }
    let stored = bytes_of(&data);
    for key in [KEY, BYOK[0], BYOK[1]] {
        assert!(!holds(&stored, key) && !holds(&stored, &key[8..]), "the data directory holds a key");
        assert!(!log.contains(key), "the log holds a key");
    }
    assert!(holds(&stored, &BYOK[0][BYOK[0].len() - 4..]), "what may be shown is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_on_with_its_key_after_a_kill() {
    let house = House::open(&[]).await;
    house.save_key(BYOK[0]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a turn over the sideband", |log| log.control() == "sideband" && !log.turns().is_empty()).await;
    let house = house.restarted();
    browser.until_closed(PATIENCE).await;
    browser.come_back(&house, &booked).await;
    browser.until("the sideband is back", |log| log.control() == "sideband").await;
    browser.end().await;
    assert_eq!(browser.until_closed(PATIENCE).await, 1000);
    assert_eq!(house.probe().hangups(), house.probe().calls());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_deleted_in_the_middle_ends_nothing_and_starts_nothing() {
    let house = House::open(&[("KEY_POLICY", "byok")]).await;
    house.save_key(BYOK[0]).await;
    let (booked, later) = (house.book("default").await, house.book("default").await);
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("the sideband records", |log| log.control() == "sideband" && !log.turns().is_empty()).await;
    let remove = || house.request(Method::DELETE, "/api/user/keys/openai").send();
    assert_eq!(remove().await.unwrap().status(), 204);
    assert_eq!(remove().await.unwrap().status(), 404);
    assert_eq!(house.get("/api/user/keys").await, json!([]));
    let refused = house.post("/api/sessions", json!({ "plan": "short", "consent": super::house::consent() })).await;
    let problem: Value = refused.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["code"]), (&409.into(), &"KEY_NOT_CONFIGURED".into()));
    assert_eq!(offer_refused(&house, &later).await.0, "KEY_NOT_CONFIGURED");

    browser.until("more turns", |log| log.turns().len() >= 3).await;
    browser.end().await;
    assert_eq!(browser.until_closed(PATIENCE).await, 1000);
    assert_eq!(house.probe().hangups(), house.probe().calls(), "with the key it has");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_key_was_deleted_is_said_to_be_out_of_reach_after_a_kill() {
    let house = House::open(&[]).await;
    house.save_key(BYOK[0]).await;
    let booked = house.book("default").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    house.request(Method::DELETE, "/api/user/keys/openai").send().await.unwrap();
    let house = house.restarted();
    browser.until_closed(PATIENCE).await;
    browser.come_back(&house, &booked).await;
    browser.until("the page records", |log| log.control() == "relay").await;
    until("it says so", || house.viva.logged().contains("the key of a call was deleted")).await;
    browser.end().await;
    assert_eq!(browser.until_closed(PATIENCE).await, 1000);
    assert!(house.probe().hangups().is_empty(), "nobody pretends");
    let books = house.closed();
    assert_eq!(books.calls(&booked).await[0].hang_up, Some(HangUp::Unconfirmed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_asked_about_before_it_is_saved() {
    let house = House::open(&[]).await;
    let wrong = "sk-planted-wrong-000000000000";
    let refused = house.save_key(wrong).await;
    assert_eq!(refused.status(), 422);
    let text = refused.text().await.unwrap();
    assert!(text.contains("KEY_REJECTED") && !text.contains("planted"), "{text}");
    assert_eq!(house.get("/api/user/keys").await, json!([]), "nothing was saved");
    for malformed in ["short", "two words in a sentence", ""] {
        assert_eq!(house.save_key(malformed).await.status(), 422, "{malformed}");
    }

    let saved: Value = house.save_key(&format!("  {}\n", BYOK[0])).await.json().await.unwrap();
    assert_eq!((&saved["last4"], &saved["status"]), (&BYOK[0][BYOK[0].len() - 4..].into(), &"valid".into()));
    assert!(saved["checked_at"].is_string());
    let shown = house.get("/api/user/keys").await;
    assert_eq!(shown, json!([saved]));
    assert!(!shown.to_string().contains("planted"));
    let verdict = async |body: Value| -> Value {
        let response = house.post("/api/user/keys/validate", body).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    };
    assert_eq!(verdict(json!({})).await["valid"], true);
    assert_eq!(verdict(json!({ "key": wrong })).await["valid"], false);

    // What the model says with a call is kept, and told without the model's words.
    let booked = house.book("short").await;
    house.probe().next_call(Faults { create: CreateFault::Status(401), ..Faults::default() });
    let (code, message) = offer_refused(&house, &booked).await;
    assert_eq!(code, "KEY_REJECTED");
    assert!(!message.to_string().contains("sk-"), "{message}");
    let rejected = async || house.get("/api/user/keys").await[0]["status"] == "rejected";
    for _ in 0..100 {
        if rejected().await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(rejected().await);

    house.tap.set(Line::Cut);
    assert_eq!(verdict(json!({})).await["valid"], Value::Null);
    let saved: Value = house.save_key(wrong).await.json().await.unwrap();
    assert_eq!((&saved["status"], &saved["checked_at"]), (&"unchecked".into(), &Value::Null), "nobody could be asked");
    assert!(!house.viva.logged().contains("sk-planted"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_s_key_comes_first_and_the_server_s_only_where_the_policy_says_so() {
    let house = House::open(&[]).await;
    house.save_key(BYOK[0]).await;
    let body = json!({ "key": BYOK[1] });
    let saved = house.request(Method::PUT, "/api/tenant/keys/openai").json(&body).send().await.unwrap();
    assert_eq!(saved.status(), 200);
    let made_with = async |house: &House| {
        let booked = house.book("short").await;
        let mut browser = Browser::call(house, &booked, brief()).await;
        let newest = house.probe().calls().pop().unwrap();
        let project = house.probe().project(&newest);
        browser.end().await;
        browser.until_closed(PATIENCE).await;
        project
    };
    assert_eq!(made_with(&house).await, Some(2), "the tenant pays");
    house.request(Method::DELETE, "/api/tenant/keys/openai").send().await.unwrap();
    assert_eq!(made_with(&house).await, Some(1), "else the person");
    let house = house.served_by(|launch| launch.env("KEY_POLICY", "server").start());
    assert_eq!(made_with(&house).await, Some(0), "a deployment may say that the operator always pays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interview_that_goes_on_in_another_call_keeps_its_key() {
    let house = House::open(&[]).await;
    house.save_key(BYOK[0]).await;
    let booked = house.book("default").await;
    let mut before = Browser::call(&house, &booked, brief()).await;
    before.until("a question and an answer", |log| log.control() == "sideband" && log.turns().len() >= 2).await;
    let first = house.probe().calls()[0].clone();
    assert_eq!(house.probe().project(&first), Some(1), "the person's own");
    // The page is loaded anew: another socket with another offer.
    let again = house.ticket(&booked).await;
    let mut after = Browser::call(&house, &again, brief()).await;
    assert_eq!(after.log().last("session").unwrap()["resumed"], true);
    before.leave().await;
    after.until("the interview goes on", |log| log.control() == "sideband" && !log.turns().is_empty()).await;
    let calls = house.probe().calls();
    let second: Vec<_> = calls.iter().filter(|call| **call != first).collect();
    assert_eq!(second.len(), 1, "{calls:?}");
    assert_eq!(house.probe().project(second[0]), Some(1), "and its successor");
    after.end().await;
    assert_eq!(after.until_closed(PATIENCE).await, 1000);
    let mut hung_up = house.probe().hangups();
    hung_up.sort();
    hung_up.dedup();
    assert_eq!(hung_up.len(), 2, "each was ended with the key that it is known to");
    let books = house.closed();
    let rows = books.calls(&booked).await;
    assert_eq!(rows.iter().map(|row| row.hang_up).collect::<Vec<_>>(), [Some(HangUp::Confirmed); 2]);
    assert_eq!(rows[0].key, rows[1].key);
}
