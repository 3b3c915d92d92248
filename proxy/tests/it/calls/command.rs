//! `viva call`, the smoke test of a deployment, against the built server.

use std::time::{Duration, Instant};

use serde_json::Value;
use viva_proxy::transcript::HangUp;

use super::house::{Booked, House, until};
use crate::support::Launch;

/// Runs `viva call --json` and gives its exit code and its output, one object a line.
pub(super) async fn viva_call(house: &House, arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let arguments: Vec<String> =
        ["call", "--json", "--server", &house.viva.url].iter().chain(arguments).map(ToString::to_string).collect();
    let ended = tokio::task::spawn_blocking(move || {
        Launch::new(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).output()
    });
    let ended = ended.await.unwrap();
    let lines = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    (ended.code, lines)
}

/// Speakers of turns that have words.
fn speakers(turns: &Value) -> Vec<&str> {
    let spoken = turns.as_array().unwrap().iter().filter(|turn| turn["text"] != "");
    spoken.map(|turn| turn["speaker"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_call_shows_stages_and_turns_that_outlive_the_server() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let begun = Instant::now();
    let (code, lines) = viva_call(&house, &["--token", &booked.ticket]).await;
    let summary = lines.last().unwrap();
    assert_eq!(code, Some(0), "{summary}");
    assert!(begun.elapsed() < Duration::from_secs(120));

    assert_eq!((&summary["type"], &summary["ok"], &summary["saved"]), (&"summary".into(), &true.into(), &true.into()));
    assert_eq!(summary["session_id"], booked.session.to_string());
    assert_eq!(summary["ended_by"], "user_end");
    let stages: Vec<_> = summary["stages"].as_array().unwrap().iter().map(|stage| stage.as_str().unwrap()).collect();
    assert_eq!(stages[..3], ["welcome", "self_intro", "past_experience"]);
    for step in ["answer", "ice_ms", "dtls_ms", "channel_ms", "first_audio"] {
        assert!(summary["setup_ms"][step].is_u64(), "{step}: {}", summary["setup_ms"]);
    }
    let spoken = speakers(&summary["turns"]);
    assert!(spoken.len() >= 6, "{spoken:?}");
    // In conversation order: the greeting, then an answer after each question.
    let expected: Vec<_> = ["ai", "candidate"].into_iter().cycle().take(spoken.len()).collect();
    assert_eq!(spoken, expected);
    let positions: Vec<_> =
        summary["turns"].as_array().unwrap().iter().map(|turn| turn["position"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");

    let house = house.restarted();
    assert_eq!(house.transcript(&booked).await["turns"], summary["turns"]);
    let path = format!("/api/sessions/{}/transcript?format=txt", booked.session);
    let text = house.request(reqwest::Method::GET, &path).send().await.unwrap().text().await.unwrap();
    let mut from = 0;
    for turn in summary["turns"].as_array().unwrap() {
        let words = turn["text"].as_str().unwrap();
        from += text[from..].find(words).unwrap_or_else(|| panic!("`{words}` is missing, or out of order:\n{text}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_call_goes_through_all_stages_to_its_natural_end() {
    let house = House::open(&[]).await;
    let (code, lines) = viva_call(&house, &["--full", "--plan", "short"]).await;
    let summary = lines.last().unwrap();
    assert_eq!((code, &summary["ended_by"]), (Some(0), &"natural_completion".into()), "{summary}");
    let changes: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "stage_change")
        .map(|line| (&line["stage"], &line["from"], &line["reason"]))
        .collect();
    let expected = [
        ("welcome", None, "start"),
        ("self_intro", Some("welcome"), "completed"),
        ("past_experience", Some("self_intro"), "completed"),
        ("company_fit", Some("past_experience"), "completed"),
        ("closing", Some("company_fit"), "closing"),
    ];
    let values = expected.map(|(stage, from, reason)| (Value::from(stage), Value::from(from), Value::from(reason)));
    assert_eq!(changes, values.iter().map(|(stage, from, reason)| (stage, from, reason)).collect::<Vec<_>>());
    let last_words = ["interview_ending", "session_ended", "interview_saved", "summary"];
    let kinds = lines.iter().map(|line| line["type"].as_str().unwrap());
    // Who speaks into the goodbye is still written down.
    assert_eq!(kinds.filter(|kind| last_words.contains(kind)).collect::<Vec<_>>(), last_words);
    let of = |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let booked = Booked {
        session: text(&summary["session_id"]).parse().unwrap(),
        tenant: text(&of("session")["tenantId"]).parse().unwrap(),
        ticket: String::new(),
    };
    let head = text(&of("interview_saved")["head"]);

    until("the model's call is over", || house.probe().live_calls() == 0).await;
    assert_eq!((house.probe().calls(), house.tap.offers()), (house.probe().hangups(), 1));
    let books = house.closed();
    assert_eq!(books.sealed(&booked).await, head, "what the client was told is the head of the record");
    let calls = books.calls(&booked).await;
    assert_eq!((calls.len(), calls[0].hang_up), (1, Some(HangUp::Confirmed)));
    assert!(calls[0].closed_at.is_some());
    let stored = books.transcript(&booked).await;
    let stages: Vec<_> =
        stored.stages.iter().map(|stage| (stage.to.as_str(), stage.from.as_deref(), stage.reason.as_str())).collect();
    assert_eq!(stages[..5], expected);
    assert_eq!(stages[5..], [("closing", Some("closing"), "ended")]);
    assert!(stored.stages[2..5].iter().all(|stage| stage.questions_asked >= 1), "{:?}", stored.stages);
    let session = stored.session;
    assert_eq!(
        (session.status.as_str(), session.forced_transitions, session.skipped_stages.len()),
        ("completed", 0, 0)
    );
}

#[tokio::test]
async fn a_call_that_cannot_begin_says_why() {
    let house = House::open(&[]).await;
    let (code, lines) = viva_call(&house, &["--token", "ek_viva_none"]).await;
    assert_eq!(code, Some(2));
    let summary = lines.last().unwrap();
    assert_eq!((&summary["type"], &summary["ok"]), (&"summary".into(), &false.into()));
    assert!(summary["error"].as_str().is_some_and(|error| error.starts_with("AUTHENTICATION_FAILED")), "{summary}");
}
