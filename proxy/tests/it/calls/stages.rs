//! Changes of stage that are not earned by questions: skips, the clock, and a model that does as it likes.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use viva_simulator::{Faults, Source};

use super::browser::{Browser, brief};
use super::house::House;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_skip_goes_over_stages_and_is_refused_backwards() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![])).await;
    browser
        .until("self_intro after the greeting", |log| log.stages().last() == Some(&("self_intro", "completed")))
        .await;

    browser.send(json!({ "type": "skip_stage", "target_stage": "company_fit" })).await;
    browser.until("the skip", |log| log.stages().last() == Some(&("company_fit", "skipped"))).await;
    let skipped = browser.log().last("stage_change").unwrap();
    assert_eq!((&skipped["from"], &skipped["limitSeconds"]), (&"self_intro".into(), &24.into()));

    // Neither back, nor to where it is, nor to nowhere; by neither way.
    for (count, (target, status)) in (1..).zip([("welcome", 409), ("company_fit", 409), ("lunch", 422)]) {
        browser.send(json!({ "type": "skip_stage", "target_stage": target })).await;
        browser.until("a refusal", |log| log.of("error").count() == count).await;
        assert_eq!(browser.log().last("error").unwrap()["code"], "SKIP_NOT_ALLOWED");
        let answer =
            house.post(&format!("/api/sessions/{}/stage", booked.session), json!({ "target_stage": target })).await;
        assert_eq!(answer.status(), status, "{target}");
    }
    assert_eq!(browser.log().last("stage_change").unwrap()["stage"], "company_fit");

    let answer =
        house.post(&format!("/api/sessions/{}/stage", booked.session), json!({ "target_stage": "closing" })).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(browser.until_closed(Duration::from_secs(40)).await, 1000);
    assert_eq!(browser.log().last("session_ended").unwrap()["ended_by"], "natural_completion");
    let session = house.session(&booked).await;
    // What was jumped over, and what was left before its question was asked.
    assert_eq!(session["skipped_stages"], json!(["self_intro", "past_experience", "company_fit"]), "{session}");
    assert_eq!(session["forced_transitions"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_ends_a_stage_in_which_nobody_answers() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, Source::Lines(vec![])).await;
    browser.until_within(Duration::from_secs(60), "a forced change", |log| log.stages().len() == 3).await;
    assert_eq!(
        browser.log().stages(),
        [("welcome", "start"), ("self_intro", "completed"), ("past_experience", "forced")]
    );
    // The model says so and goes on: what it was told after the change belongs to the new stage.
    let entered = browser.log().last("stage_change").unwrap()["n"].as_u64().unwrap();
    browser
        .until("words of the new stage", |log| log.finals("agent_caption").last().is_some_and(|(n, _)| *n > entered))
        .await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);

    let transcript = house.transcript(&booked).await;
    let forced = &transcript["stages"][2];
    assert_eq!(
        (&forced["from"], &forced["to"], &forced["reason"]),
        (&"self_intro".into(), &"past_experience".into(), &"forced".into())
    );
    let seconds = forced["seconds_in_stage"].as_f64().unwrap();
    assert!((20.0..30.0).contains(&seconds), "the limit is 20 s, and a sentence may be finished: {seconds}");
    let last = transcript["turns"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["speaker"], &last["stage"]), (&"ai".into(), &"past_experience".into()));
    assert_eq!(house.session(&booked).await["forced_transitions"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_course_is_right_with_a_model_that_ignores_it() {
    let faults = Faults { ignores_stage: true, ..Faults::default() };
    let house = House::with(faults, &[]).await;
    let booked = house.book("short").await;
    let mut browser = Browser::call(&house, &booked, brief()).await;
    browser.until_within(Duration::from_secs(60), "three stages", |log| log.stages().len() == 3).await;
    assert_eq!(
        browser.log().stages(),
        [("welcome", "start"), ("self_intro", "completed"), ("past_experience", "completed")]
    );
    browser.send(json!({ "type": "skip_stage", "target_stage": "closing" })).await;
    // It never says goodbye; what it says in the closing is taken for it.
    assert_eq!(browser.until_closed(Duration::from_secs(60)).await, 1000);
    let ended = browser.log().last("session_ended").unwrap();
    let by = ended["ended_by"].as_str().unwrap();
    assert!(["natural_completion", "closing_timeout"].contains(&by), "{ended}");
    assert_eq!(ended["final_stage"], "closing");
    let turns = house.transcript(&booked).await["turns"].as_array().unwrap().len();
    assert!(turns >= 5, "{turns}");
    let session = house.request(Method::GET, &format!("/api/sessions/{}", booked.session)).send().await.unwrap();
    let session: Value = session.json().await.unwrap();
    assert_eq!((&session["status"], &session["stage"]), (&"completed".into(), &"closing".into()));
}
