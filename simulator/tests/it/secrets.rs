//! Ephemeral keys.

use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use viva_simulator::{Caller, CallerOptions};

use crate::rig::{Rig, find, lines, session, until};

#[tokio::test]
async fn a_secret_starts_calls_with_its_session() {
    let rig = Rig::start().await;
    let asked = json!({
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "session": session(json!({"instructions": "From the secret."})),
    });
    let minted: Value =
        rig.post("/realtime/client_secrets").body(asked.to_string()).send().await.unwrap().json().await.unwrap();
    let key = minted["value"].as_str().unwrap();
    assert!(key.starts_with("ek_"));
    assert_eq!(minted["session"]["object"], "realtime.session");
    assert_eq!(minted["session"]["expires_at"], 0);
    assert_eq!(minted["session"]["instructions"], "From the secret.");

    let (offer, caller) = Caller::start(lines(&[]), CallerOptions::default()).await.unwrap();
    let response = rig
        .http
        .post(format!("{}/realtime/calls", rig.base))
        .bearer_auth(key)
        .header(CONTENT_TYPE, "application/sdp")
        .body(offer)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let answer = response.text().await.unwrap();
    let mut caller = caller.answer(&answer).await.unwrap();
    let events = until(&mut caller, "session.created").await;
    let created = find(&events, "session.created");
    assert_eq!(created["session"]["instructions"], "From the secret.");
    caller.hang_up().await;
    rig.stop().await;
}

#[tokio::test]
async fn lifetimes_and_sessions_are_checked() {
    let rig = Rig::start().await;
    let mint = async |body: Value| {
        let response = rig.post("/realtime/client_secrets").body(body.to_string()).send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        (status, body)
    };
    for seconds in [9, 7_201] {
        let (status, body) = mint(json!({"expires_after": {"seconds": seconds}})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"]["param"], "expires_after.seconds");
    }
    let (status, body) = mint(json!({"session": {"model": "x"}})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["error"]["param"], "session.type");
    let (status, body) = mint(json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let again =
        rig.http.post(format!("{}/realtime/client_secrets", rig.base)).bearer_auth(body["value"].as_str().unwrap());
    assert_eq!(again.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    rig.stop().await;
}
