//! Offers that are no good, at both doors: the rule is named, nothing reaches the model, and nothing is used up.

use serde_json::{Value, json};
use viva_simulator::Source;

use super::browser::offer;
use super::house::House;
use super::socket::Socket;

const GOOD: &str = include_str!("../../fixtures/sdp/chrome.offer.sdp");

/// Offers, each with the rule that it breaks.
fn broken() -> Vec<(String, &'static str)> {
    let without = |line: &str| GOOD.split_inclusive("\r\n").filter(|text| !text.starts_with(line)).collect::<String>();
    let session = GOOD.find("m=audio").unwrap();
    let data = GOOD.find("m=application").unwrap();
    let padding = "a=padding:0123456789012345678901234567890123456789\r\n";
    vec![
        (String::new(), "empty"),
        (json!({ "type": "offer", "sdp": GOOD }).to_string(), "not_sdp"),
        (format!("{}{}", &GOOD[..session], &GOOD[data..]), "media_audio"),
        (without("a=fingerprint"), "fingerprint"),
        (GOOD.replace("\r\n", "\n"), "line_ending"),
        (GOOD.trim_end().to_owned(), "final_newline"),
        (format!("{GOOD}{}", padding.repeat(33 * 1024 / padding.len())), "size"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_offer_on_the_socket_costs_nothing() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let before = house.session(&booked).await;
    assert_eq!((&before["status"], &before["webrtc_status"]), (&"scheduled".into(), &"pending".into()));
    let mut socket = Socket::join(&house, &booked).await;
    for (sdp, rule) in broken() {
        socket.offer(&sdp).await;
        let error = socket.wait("error").await;
        assert_eq!(
            (&error["code"], &error["rule"], &error["retryable"]),
            (&"INVALID_SDP".into(), &rule.into(), &false.into()),
            "{error}"
        );
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 20));
    }
    assert_eq!(house.tap.offers(), 0);
    let after = house.session(&booked).await;
    for field in ["status", "webrtc_status", "upstream_error", "started_at", "ended_at", "agent_turns"] {
        assert_eq!(after[field], before[field], "{field}");
    }

    // The same socket and ticket begin the call.
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    socket.offer(&sdp).await;
    assert!(socket.wait("sdp_answer").await["answer"]["sdp"].as_str().is_some_and(|sdp| sdp.starts_with("v=0\r\n")));
    assert_eq!(house.tap.offers(), 1);
    // One call a session.
    socket.offer(&sdp).await;
    assert_eq!(socket.wait("error").await["code"], "CONFLICT");
    assert_eq!(house.tap.offers(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_of_a_mebibyte_closes_the_socket() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let mut socket = Socket::join(&house, &booked).await;
    socket.offer(&format!("{GOOD}{}", "a=x:0\r\n".repeat(150_000))).await;
    assert_eq!(socket.wait_closed().await, 4413);
    assert_eq!(house.tap.offers(), 0);
    assert_eq!(house.session(&booked).await["status"], "scheduled");
    // The ticket was not used.
    let mut socket = Socket::join(&house, &booked).await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    socket.offer(&sdp).await;
    socket.wait("sdp_answer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_offer_at_the_providers_address_costs_nothing() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    for (sdp, rule) in broken() {
        let answer = house.offer(&booked.ticket, sdp).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{rule}");
        let body: Value = answer.json().await.unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert_eq!((&body["error"]["code"], &body["error"]["param"]), (&"invalid_offer".into(), &"sdp".into()));
        assert!(message.ends_with(&format!("(rule: {rule})")), "{message}");
    }
    let large = [300 * 1024, 1024 * 1024].map(|bytes| format!("{GOOD}{}", "a=x:0\r\n".repeat(bytes / 7)));
    for sdp in large {
        assert_eq!(house.offer(&booked.ticket, sdp).send().await.unwrap().status(), 413);
    }
    let plain = house
        .viva
        .request(reqwest::Method::POST, "/v1/realtime/calls")
        .bearer_auth(&booked.ticket)
        .header("content-type", "text/plain")
        .body(GOOD);
    let refusals = [
        (plain, 415, "unsupported_media_type"),
        (house.offer("", GOOD), 401, "authentication_failed"),
        (house.offer(&format!("ek_viva_{}", "A".repeat(43)), GOOD), 401, "authentication_failed"),
        (house.offer(&booked.ticket, GOOD).header("origin", "https://elsewhere.example"), 403, "forbidden"),
    ];
    for (request, status, code) in refusals {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), status, "{code}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["code"], code);
    }
    assert_eq!(house.tap.offers(), 0);
    let session = house.session(&booked).await;
    assert_eq!((&session["status"], &session["upstream_error"]), (&"scheduled".into(), &Value::Null));

    // The same ticket begins the call, once.
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let answer = house.offer(&booked.ticket, sdp.clone()).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (201, "application/sdp")
    );
    assert!(answer.headers()["location"].to_str().unwrap().starts_with("/v1/realtime/calls/rtc_viva_"));
    assert!(answer.text().await.unwrap().starts_with("v=0\r\n"));
    assert_eq!(house.offer(&booked.ticket, sdp).send().await.unwrap().status(), 409);
    assert_eq!(house.tap.offers(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_may_come_as_a_part_of_a_form() {
    let house = House::open(&[]).await;
    let booked = house.book("short").await;
    let (sdp, _caller) = offer(Source::Lines(vec![])).await;
    let form = |sdp: String| {
        reqwest::multipart::Form::new()
            .text("sdp", sdp)
            .text("session", r#"{"type":"realtime","instructions":"Obey."}"#)
    };
    let post = |sdp: String| {
        house.viva.request(reqwest::Method::POST, "/v1/realtime/calls").bearer_auth(&booked.ticket).multipart(form(sdp))
    };
    let refused = post(GOOD.replace("\r\n", "\n")).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), house.tap.offers()), (400, 0));
    assert_eq!(post(sdp).send().await.unwrap().status(), 201);
    assert_eq!(house.probe().live_calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_may_name_its_interview_by_the_address_and_only_its_own() {
    let house = House::open(&[]).await;
    let (booked, other) = (house.book("short").await, house.book("short").await);
    let (sdp, caller) = offer(Source::Lines(vec![])).await;
    let post = |session: String| {
        let path = format!("/api/sessions/{session}/sdp");
        let request = house.viva.request(reqwest::Method::POST, &path).bearer_auth(&booked.ticket);
        request.header("content-type", "application/sdp").body(sdp.clone())
    };
    assert_eq!(post(other.session.to_string()).send().await.unwrap().status(), 404);
    assert_eq!(house.tap.offers(), 0);
    let answer = post(booked.session.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["content-type"], "application/sdp");
    let _peer = caller.answer(&answer.text().await.unwrap()).await.unwrap();
    assert_eq!(house.probe().calls().len(), 1);
}
