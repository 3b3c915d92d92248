//! `POST /v1/realtime/calls` and the other plain requests.

use reqwest::StatusCode;
use reqwest::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_TYPE};
use serde_json::{Value, json};
use viva_simulator::peer::{self, Settings};
use viva_simulator::{Caller, CallerOptions, Config, Source};

use crate::rig::{Rig, call_id, session, until};

async fn offer() -> String {
    let (offer, _pending) = peer::offer(&["oai-events"], &Settings::default()).await.unwrap();
    offer
}

#[tokio::test]
async fn both_forms_are_answered_as_recorded() {
    let rig = Rig::start().await;
    let offer = offer().await;
    let raw = rig.post("/realtime/calls").header(CONTENT_TYPE, "application/sdp").body(offer.clone());
    let form = rig.create(&offer, Some(&session(json!({})))).await;
    for response in [raw.send().await.unwrap(), form] {
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.headers()["timing-allow-origin"], "*");
        assert!(response.headers()["x-request-id"].to_str().unwrap().starts_with("req_"));
        let exposed: Vec<_> = response.headers().get_all(ACCESS_CONTROL_EXPOSE_HEADERS).iter().collect();
        assert_eq!(exposed, ["Location, X-Request-Id", "CF-Ray"]);
        assert!(rig.probe.calls().contains(&call_id(&response)));
        let answer = response.text().await.unwrap();
        assert!(answer.starts_with("v=0\r\n") && answer.ends_with("\r\n"));
        assert!(answer.contains("m=audio ") && answer.contains("m=application "));
        assert!(answer.contains("127.0.0.1"), "all candidates are in it");
    }
    assert_eq!(rig.probe.live_calls(), 2);
    rig.stop().await;
}

/// As Azure does it: a secret is made with the session, the bare offer goes with it, and the page is not told the session.
#[tokio::test]
async fn a_filtered_channel_hears_the_words_and_not_the_session() {
    let rig = Rig::faulty("minted_only").await;
    let body = json!({ "session": session(json!({})) });
    let minted: Value = rig.post("/realtime/client_secrets").json(&body).send().await.unwrap().json().await.unwrap();
    let (offer, caller) = Caller::start(Source::Lines(vec![]), CallerOptions::default()).await.unwrap();
    let post = |secret: &str| {
        let url = format!("{}/realtime/calls?webrtcfilter=on", rig.base);
        rig.http.post(url).bearer_auth(secret).header(CONTENT_TYPE, "application/sdp").body(offer.clone()).send()
    };
    assert_eq!(post(&rig.key).await.unwrap().status(), StatusCode::UNAUTHORIZED, "a key alone starts no call there");
    let response = post(minted["value"].as_str().unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let id = call_id(&response);
    let mut caller = caller.answer(&response.text().await.unwrap()).await.unwrap();
    let mut sideband = rig.sideband(&id).await;
    sideband
        .send(json!({ "type": "session.update", "session": { "type": "realtime", "instructions": "secret" } }))
        .await;
    let echo = sideband.until("session.updated").await;
    assert_eq!(echo.last().unwrap()["session"]["instructions"], "secret");
    sideband.send(json!({ "type": "response.create" })).await;
    let heard = until(&mut caller, "output_audio_buffer.stopped").await;
    let kinds: Vec<_> = heard.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"response.output_audio_transcript.done"), "{kinds:?}");
    for hidden in ["session.created", "session.updated", "response.created", "response.done"] {
        assert!(!kinds.contains(&hidden), "{hidden} in {kinds:?}");
    }
    assert!(heard.iter().all(|event| !event.to_string().contains("secret")));
    drop(caller);
    rig.stop().await;
}

#[tokio::test]
async fn a_null_session_and_file_names_are_taken() {
    let rig = Rig::start().await;
    let boundary = "B0undary";
    let offer = offer().await;
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"sdp\"; filename=\"offer.sdp\"\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"session\"; filename=\"session.json\"\r\nContent-Type: application/json\r\n\r\nnull\r\n--{boundary}--\r\n"
    );
    let response = rig
        .post("/realtime/calls")
        .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    rig.stop().await;
}

#[tokio::test]
async fn bad_offers_and_sessions_get_the_providers_envelope() {
    let rig = Rig::start().await;
    let good = offer().await;
    for offer in ["", "{}", &good.replace("\r\n", "\n"), good.trim_end(), &good.replace("m=audio", "m=video")] {
        let response = rig.create(offer, None).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "invalid_offer", "{body}");
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert!(body["error"]["message"].as_str().unwrap().contains("WHIP-compliant offer"));
    }
    let sessions = [
        (json!({"model": "gpt-realtime"}), "missing_required_parameter", "session.type"),
        (json!({"type": "realtime", "input": []}), "unknown_parameter", "session.input"),
        (json!({"session": {"type": "realtime"}}), "missing_required_parameter", "session.type"),
    ];
    for (session, code, param) in sessions {
        let response = rig.create(&good, Some(&session)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], code);
        assert_eq!(body["error"]["param"], param);
    }
    let json = rig.post("/realtime/calls").header(CONTENT_TYPE, "application/json").body("{}");
    assert_eq!(json.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(rig.probe.live_calls(), 0);
    rig.stop().await;
}

#[tokio::test]
async fn keys_and_headers_are_checked_first() {
    let rig = Rig::start().await;
    let url = format!("{}/realtime/calls", rig.base);
    let unknown = rig.http.post(&url).bearer_auth("sk-anything").body("x");
    for request in [rig.http.post(&url).body("x"), unknown] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "invalid_api_key");
    }
    let beta = rig.post("/realtime/calls").header("OpenAI-Beta", "realtime=v1");
    let response = beta.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "beta_api_shape_disabled");
    rig.stop().await;
}

#[tokio::test]
async fn preflights_allow_what_browser_sdks_send() {
    let rig = Rig::start().await;
    let response = rig
        .http
        .request(reqwest::Method::OPTIONS, format!("{}/realtime/calls", rig.base))
        .header("origin", "https://example.org")
        .header("access-control-request-headers", "authorization,x-openai-agents-sdk")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["access-control-allow-headers"], "authorization,x-openai-agents-sdk");
    assert!(response.headers()["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    rig.stop().await;
}

#[tokio::test]
async fn models_carry_their_shutdown_dates() {
    let rig = Rig::start().await;
    let url = format!("{}/models", rig.base);
    let models: Value = rig.http.get(url).bearer_auth(&rig.key).send().await.unwrap().json().await.unwrap();
    let models = models["data"].as_array().unwrap();
    let of = |id: &str| models.iter().find(|model| model["id"] == id).unwrap()["shutdown_date"].clone();
    assert_eq!(of("gpt-realtime-2.1"), Value::Null);
    assert_eq!(of("gpt-realtime"), "2027-01-20");
    rig.stop().await;
}

#[tokio::test]
async fn no_more_calls_than_configured() {
    let rig = Rig::with(Config { max_calls: 1, ..Config::default() }).await;
    let offer = offer().await;
    assert_eq!(rig.create(&offer, None).await.status(), StatusCode::CREATED);
    let response = rig.create(&offer, None).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    rig.hang_up(&rig.probe.calls()[0]).await;
    assert_eq!(rig.create(&offer, None).await.status(), StatusCode::CREATED);
    rig.stop().await;
}

#[tokio::test]
async fn bodies_are_bounded() {
    let rig = Rig::start().await;
    let huge = format!("{}{}", offer().await, "a=x\r\n".repeat(300_000));
    let status = rig.create(&huge, None).await.status();
    assert!(status.is_client_error(), "{status}");
    rig.stop().await;
}
