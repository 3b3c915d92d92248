//! Sessions in which nobody is asked anything, over real sockets: whoever speaks is written down, and the record, the bill,
//! the end and a restart are those of any call.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use viva_proxy::transcript::Entry;
use viva_simulator::caller::MannerSettings;
use viva_simulator::{CallerOptions, Faults, Source};

use super::browser::Browser;
use super::command::viva_call;
use super::house::{Booked, House, consent, until};

/// Somebody who talks on, with pauses.
fn talks() -> (Source, CallerOptions) {
    let lines = ["We begin with the ledger", "It moved last year", "Nobody noticed", "That was the plan"];
    let manner = MannerSettings { patience: Duration::from_millis(1_200), ..MannerSettings::default() };
    let source = Source::Lines(lines.into_iter().cycle().take(40).map(str::to_owned).collect());
    (source, CallerOptions { manner, ..CallerOptions::default() })
}

async fn listens(house: &House, booked: &Booked) -> Browser {
    let (source, options) = talks();
    Browser::call_as(house, booked, source, options).await
}

/// Requests for a reply that the model got, by whichever way.
fn asked_to_speak(house: &House) -> usize {
    let calls = house.probe().calls();
    let events = calls.iter().flat_map(|call| house.probe().client_events(call));
    events.filter(|event| event.event["type"] == "response.create").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_speaks_is_written_down_while_they_speak() {
    let house = House::open(&[]).await;
    let (code, lines) = viva_call(&house, &["--kind", "transcription", "--language", "en-GB"]).await;
    let summary = lines.last().unwrap();
    assert_eq!((code, &summary["saved"]), (Some(0), &true.into()), "{summary}");
    let turns = summary["turns"].as_array().unwrap();
    assert!(turns.len() >= 3 && turns.iter().all(|turn| turn["speaker"] == "candidate"), "{turns:#?}");
    assert!(turns.iter().all(|turn| turn["source"] == "sideband" && turn["stage"] == "live"), "{turns:#?}");
    let changes = lines.iter().filter(|line| line["type"] == "stage_change").count();
    assert_eq!((changes, asked_to_speak(&house)), (1, 0), "one stage, and nobody is asked to speak");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_socket_of_our_own_the_page_reports() {
    let house = House::open(&[("SIDEBAND", "off")]).await;
    let (code, lines) = viva_call(&house, &["--kind", "transcription"]).await;
    let summary = lines.last().unwrap();
    assert_eq!(code, Some(0), "{summary}");
    let turns = summary["turns"].as_array().unwrap();
    assert!(turns.len() >= 3 && turns.iter().all(|turn| turn["source"] == "client"), "{turns:#?}");
    assert_eq!(asked_to_speak(&house), 0);
}

/// What the interface says of a transcription in English, and what it cost.
async fn is_told_as_a_transcription(house: &House, booked: &Booked) {
    let id = booked.session;
    let session = house.get(&format!("/api/sessions/{id}")).await;
    assert_eq!(
        (&session["kind"], &session["language"], &session["languages"], &session["model"]),
        (&json!("transcription"), &json!("en-GB"), &json!(["en-GB"]), &json!("gpt-realtime-whisper"))
    );
    let listed = async |kind: &str| {
        let list = house.get(&format!("/api/sessions?kind={kind}")).await;
        list["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((listed("transcription").await, listed("interview").await), (vec![json!(id.to_string())], vec![]));
    let transcript = house.get(&format!("/api/sessions/{id}/transcript")).await;
    assert_eq!(transcript["meta"]["kind"], "transcription");
    for (format, begins) in [("txt", "Transcript\n"), ("srt", "1\n00:00:"), ("vtt", "WEBVTT\n")] {
        let path = format!("/api/sessions/{id}/transcript?format={format}");
        let text = house.request(Method::GET, &path).send().await.unwrap().text().await.unwrap();
        assert!(text.starts_with(begins), "{format}: {} bytes", text.len());
    }
    // $0.017 a minute, by the second.
    let usage = house.get("/api/usage?group=session").await;
    assert!(usage["items"][0]["cost_usd"].as_f64().is_some_and(|cost| cost > 0.0), "{usage}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_listening_after_the_server_was_killed() {
    let house = House::open(&[]).await;
    let booked = house.book_as(json!({ "kind": "transcription", "language": "en-GB" })).await;
    let mut browser = listens(&house, &booked).await;
    browser.until("a turn", |log| !log.finals("user_caption").is_empty()).await;
    let house = house.restarted();
    browser.until_closed(Duration::from_secs(5)).await;
    let before = browser.log().turns().len();
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    let session = browser.log().last("session").unwrap();
    assert_eq!((&session["kind"], &session["resumed"]), (&"transcription".into(), &true.into()), "{session}");
    browser.until("another turn", |log| log.finals("user_caption").len() > 1).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    assert_eq!((house.probe().calls().len(), asked_to_speak(&house)), (1, 0), "the same call all the time");
    assert!(before >= 1);
    is_told_as_a_transcription(&house, &booked).await;
    let books = house.closed();
    books.sealed(&booked).await;
    let journal = books.journal(&booked).await;
    assert!(journal.iter().any(|record| matches!(record.entry(), Ok(Entry::Gap { .. }))), "the gap is marked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_down_is_on_the_record_as_that() {
    let house = House::with(Faults::parse("transcription_failed").unwrap(), &[]).await;
    let booked = house.book_as(json!({ "kind": "transcription" })).await;
    let mut browser = listens(&house, &booked).await;
    until("a turn that failed", || house.probe().live_calls() == 1).await;
    browser.until("two turns", |log| log.finals("user_caption").len() >= 2).await;
    browser.end().await;
    browser.until("the end", |log| log.last("session_ended").is_some()).await;
    let turns = house.transcript(&booked).await["turns"].clone();
    assert!(turns.as_array().unwrap().iter().any(|turn| turn["state"] == "failed"), "{turns:#}");
    assert_eq!(asked_to_speak(&house), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_only_converses_is_told_apart() {
    let house = House::with(Faults::parse("realtime_only").unwrap(), &[]).await;
    let (code, lines) = viva_call(&house, &["--kind", "transcription"]).await;
    assert_eq!(code, Some(2), "{}", lines.last().unwrap());
    let (code, lines) = viva_call(&house, &[]).await;
    assert_eq!(code, Some(0), "{}", lines.last().unwrap());
}

#[tokio::test]
async fn a_wish_that_does_not_fit_is_refused_by_its_field() {
    let house = House::open(&[]).await;
    let refused = async |wish: Value| {
        let mut wish = wish;
        wish["consent"] = consent();
        let response = house.post("/api/sessions", wish).await;
        assert_eq!(response.status(), 422);
        let problem: Value = response.json().await.unwrap();
        (problem["field"].as_str().unwrap().to_owned(), problem["detail"].as_str().unwrap().to_owned())
    };
    let (field, detail) = refused(json!({ "kind": "transcription", "language": "tlh" })).await;
    assert_eq!(field, "language");
    assert!(detail.contains("af, ar, az") && detail.contains("vi, zh") && !detail.contains("tlh"), "{detail}");
    let (field, detail) = refused(json!({ "kind": "translation", "target_language": "cy" })).await;
    assert!(field == "target_language" && detail.contains("de, en, es, fr"), "{detail}");
    for (wish, field) in [
        (json!({ "kind": "translation" }), "target_language"),
        (json!({ "kind": "translation", "target_language": "de", "language": "en" }), "language"),
        (json!({ "kind": "transcription", "target_language": "de" }), "target_language"),
        (json!({ "kind": "transcription", "languages": [] }), "languages"),
        (json!({ "kind": "transcription", "languages": ["de", "de-AT"] }), "languages"),
        (json!({ "kind": "transcription", "languages": ["de"], "language": "de" }), "languages"),
        (json!({ "kind": "transcription", "plan": "short" }), "plan"),
        (json!({ "kind": "transcription", "resume_text": "x" }), "resume_text"),
        (json!({ "kind": "interview", "languages": ["de"] }), "languages"),
        (json!({ "target_language": "de" }), "target_language"),
    ] {
        assert_eq!(refused(wish.clone()).await.0, field, "{wish}");
    }
    let unknown = house.post("/api/sessions", json!({ "kind": "podcast", "consent": consent() })).await;
    assert!(unknown.status().is_client_error());

    // What a session listens for stays; the rest may change until it begins.
    let booked = house.book_as(json!({ "kind": "transcription", "languages": ["de", "en"] })).await;
    let path = format!("/api/sessions/{}", booked.session);
    let change = async |change: Value| house.request(Method::PATCH, &path).json(&change).send().await.unwrap().status();
    assert_eq!(change(json!({ "plan": "short" })).await, 422);
    assert_eq!(change(json!({ "language": "fr" })).await, 422);
    assert_eq!(change(json!({ "title": "Weekly meeting" })).await, 200);
    let session = house.session(&booked).await;
    assert_eq!((&session["title"], &session["languages"]), (&"Weekly meeting".into(), &json!(["de", "en"])));
}

#[tokio::test]
async fn a_server_without_such_a_model_takes_no_such_session() {
    let house = House::open(&[("UPSTREAM", "localai")]).await;
    let response = house.post("/api/sessions", json!({ "kind": "transcription", "consent": consent() })).await;
    assert_eq!(response.status(), 422);
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["field"], "kind", "{problem}");
}

/// Without the language's name, which stands for a translation here.
fn bare(text: &Value) -> String {
    text.as_str().unwrap().replace("[es] ", "").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_speaks_is_translated_aloud_and_in_writing() {
    let house = House::open(&[]).await;
    let (code, lines) = viva_call(&house, &["--kind", "translation", "--language", "es"]).await;
    let summary = lines.last().unwrap();
    assert_eq!((code, &summary["saved"]), (Some(0), &true.into()), "{summary}");
    assert!(summary["setup_ms"]["first_audio"].is_u64(), "the translation is heard: {summary}");
    let turns = summary["turns"].as_array().unwrap();
    let of = |speaker: &str| {
        turns.iter().filter(|turn| turn["speaker"] == speaker).map(|turn| bare(&turn["text"])).collect::<Vec<_>>()
    };
    let (said, translated) = (of("candidate"), of("ai"));
    assert!(said.len() >= 3 && translated.len() >= 3, "{turns:#?}");
    // Word for word, however many turns a busy machine makes of it; the last one may be cut off by the end.
    let (here, there) = (said.join(" "), translated.join(" "));
    assert!(here.starts_with(&there) || there.starts_with(&here), "{turns:#?}");
    // What was said stands before what became of it.
    assert_eq!(turns[0]["speaker"], "candidate", "{turns:#?}");
    // The end cuts off what is being said, and what becomes of it.
    let whole = &turns[..turns.len() - 2];
    assert!(whole.iter().all(|turn| turn["state"] == "final"), "{turns:#?}");
    assert!(turns.iter().all(|turn| turn["source"] == "sideband"), "{turns:#?}");
    assert_eq!(asked_to_speak(&house), 0);
    until("the model's call is over", || house.probe().live_calls() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_translation_that_cannot_be_watched_is_reported_by_the_page() {
    let house = House::with(Faults::parse("translation_unwatched").unwrap(), &[]).await;
    let (code, lines) = viva_call(&house, &["--kind", "translation"]).await;
    let summary = lines.last().unwrap();
    assert_eq!(code, Some(0), "{summary}");
    let turns = summary["turns"].as_array().unwrap();
    assert!(turns.iter().all(|turn| turn["source"] == "client"), "{turns:#?}");
    assert!(turns.iter().any(|turn| turn["speaker"] == "ai"), "{turns:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_translation_goes_on_after_the_server_was_killed() {
    let house = House::open(&[]).await;
    let booked = house.book_as(json!({ "kind": "translation", "target_language": "fr" })).await;
    let mut browser = listens(&house, &booked).await;
    browser.until("a translated turn", |log| !log.finals("agent_caption").is_empty()).await;
    let house = house.restarted();
    browser.until_closed(Duration::from_secs(5)).await;
    let again = house.ticket(&booked).await;
    drop(browser.rejoin(&house, &again).await);
    browser.until("another one", |log| log.finals("agent_caption").len() > 1).await;
    browser.end().await;
    assert_eq!(browser.until_closed(Duration::from_secs(20)).await, 1000);
    assert_eq!(house.probe().calls().len(), 1, "the same call all the time");
    house.closed().sealed(&booked).await;
}
