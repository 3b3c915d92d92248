//! A model that gives no answer to an offer: each way has its code, the offer is sent once and never again, and the
//! session says what happened. Whether the same ticket may begin again depends on whether a call could exist.

use serde_json::Value;
use viva_simulator::Source;

use super::browser::offer;
use super::house::{Booked, House};
use super::socket::Socket;
use super::tap::Line;
use crate::fake_model::response;

/// A way to fail and what is said about it.
struct Case {
    line: Line,
    code: &'static str,
    status: u16,
    retryable: bool,
    retry_after_ms: Option<u64>,
}

fn refusals() -> Vec<Case> {
    let envelope =
        |code: &str| format!(r#"{{"error":{{"type":"invalid_request_error","code":"{code}","message":"No."}}}}"#);
    let says =
        |status: &str, headers: &[(&str, &str)], body: &str| Line::Says(response(status, headers, body.as_bytes()));
    let case = |line, code, status, retryable| Case { line, code, status, retryable, retry_after_ms: None };
    vec![
        case(says("401 Unauthorized", &[], &envelope("invalid_api_key")), "KEY_REJECTED", 502, false),
        Case {
            retry_after_ms: Some(7_000),
            ..case(
                says("429 Too Many Requests", &[("retry-after", "7")], &envelope("rate_limit_exceeded")),
                "UPSTREAM_RATE_LIMITED",
                503,
                true,
            )
        },
        case(says("500 Internal Server Error", &[], &envelope("server_error")), "UPSTREAM_ERROR", 502, true),
        case(
            says("201 Created", &[("content-type", "text/plain")], "<html>502 Bad Gateway</html>"),
            "SDP_EXCHANGE_FAILED",
            502,
            false,
        ),
    ]
}

/// The session is failed with this code, and nothing else came of it.
async fn is_failed(house: &House, booked: &Booked, code: &str) {
    let session = house.session(booked).await;
    assert_eq!((&session["status"], &session["upstream_error"]), (&"failed".into(), &code.into()), "{session}");
    assert_eq!(
        (&session["agent_turns"], &session["candidate_turns"], &session["started_at"]),
        (&0.into(), &0.into(), &Value::Null)
    );
    let transcript = house.transcript(booked).await;
    assert_eq!((&transcript["turns"], &transcript["stages"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    assert_eq!(house.probe().live_calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definite_refusal_on_the_socket_has_its_code_and_leaves_the_ticket() {
    for case in refusals() {
        let house = House::open(&[]).await;
        let booked = house.book("short").await;
        let mut socket = Socket::join(&house, &booked).await;
        let (sdp, _caller) = offer(Source::Lines(vec![])).await;
        house.tap.set(case.line);
        socket.offer(&sdp).await;
        let error = socket.wait("error").await;
        assert_eq!((&error["code"], &error["retryable"]), (&case.code.into(), &case.retryable.into()), "{error}");
        assert_eq!(error["retryAfterMs"].as_u64(), case.retry_after_ms, "{error}");
        assert!(!error["message"].as_str().unwrap().contains("No."), "the provider's words stay here: {error}");
        assert_eq!(house.tap.offers(), 1, "{}: one offer, one request", case.code);
        is_failed(&house, &booked, case.code).await;

        house.tap.set(Line::Through);
        socket.offer(&sdp).await;
        socket.wait("sdp_answer").await;
        assert_eq!((house.tap.offers(), house.probe().live_calls()), (2, 1));
        socket.send(serde_json::json!({ "type": "end_session", "reason": "user_end" })).await;
        assert_eq!(socket.wait_closed().await, 1000);
        super::house::until("it is hung up", || house.probe().live_calls() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definite_refusal_at_the_providers_address_has_its_code_and_leaves_the_ticket() {
    for case in refusals() {
        let house = House::open(&[]).await;
        let booked = house.book("short").await;
        let (sdp, _caller) = offer(Source::Lines(vec![])).await;
        house.tap.set(case.line);
        let answer = house.offer(&booked.ticket, sdp.clone()).send().await.unwrap();
        assert_eq!(answer.status(), case.status, "{}", case.code);
        let wait =
            answer.headers().get("retry-after").map(|value| value.to_str().unwrap().parse::<u64>().unwrap() * 1_000);
        assert_eq!(wait, case.retry_after_ms);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], case.code.to_lowercase());
        assert_eq!(house.tap.offers(), 1);
        is_failed(&house, &booked, case.code).await;

        house.tap.set(Line::Through);
        assert_eq!(house.offer(&booked.ticket, sdp).send().await.unwrap().status(), 201);
        assert_eq!((house.tap.offers(), house.probe().live_calls()), (2, 1));
        assert_eq!(house.post(&format!("/api/sessions/{}/end", booked.session), Value::Null).await.status(), 200);
        super::house::until("it is hung up", || house.probe().live_calls() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_in_time_has_its_code_and_uses_the_ticket_up() {
    let house = House::open(&[("UPSTREAM_TIMEOUT_SECONDS", "1")]).await;
    let (by_socket, by_http) = (house.book("short").await, house.book("short").await);
    house.tap.set(Line::Silent);
    let mut socket = Socket::join(&house, &by_socket).await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    socket.offer(&sdp).await;
    let error = socket.wait("error").await;
    assert_eq!((&error["code"], &error["retryable"]), (&"UPSTREAM_TIMEOUT".into(), &true.into()));
    assert_eq!(house.tap.offers(), 1);
    is_failed(&house, &by_socket, "UPSTREAM_TIMEOUT").await;
    let answer = house.offer(&by_http.ticket, sdp.clone()).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), house.tap.offers()), (504, 2));
    is_failed(&house, &by_http, "UPSTREAM_TIMEOUT").await;

    // A call may exist, so these tickets have had their chance; fresh ones begin.
    house.tap.set(Line::Through);
    socket.offer(&sdp).await;
    assert_eq!(socket.wait("error").await["code"], "CONFLICT");
    assert_eq!(house.offer(&by_http.ticket, sdp.clone()).send().await.unwrap().status(), 409);
    assert_eq!(house.tap.offers(), 2);
    let fresh = house.ticket(&by_http).await;
    assert_eq!(house.offer(&fresh.ticket, sdp).send().await.unwrap().status(), 201);
    assert_eq!((house.tap.offers(), house.probe().live_calls()), (3, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_an_id_is_recorded_by_its_client() {
    let faults = viva_simulator::Faults {
        create: viva_simulator::faults::CreateFault::NoLocation,
        ..viva_simulator::Faults::default()
    };
    let house = House::with(faults, &[]).await;
    // Without an id nobody can watch or hang up, yet the person can talk: the client records.
    let booked = house.book("short").await;
    let mut browser = super::browser::Browser::call(&house, &booked, Source::Seeded(1)).await;
    browser.until("the client records", |log| log.control() == "relay").await;
    browser.until("a turn", |log| !log.turns().is_empty()).await;
    browser.end().await;
    assert_eq!(browser.until_closed(std::time::Duration::from_secs(20)).await, 1000);
    let books = house.closed();
    assert_eq!(books.calls(&booked).await[0].hang_up, Some(viva_proxy::transcript::HangUp::Unconfirmed));
    books.sealed(&booked).await;
}
