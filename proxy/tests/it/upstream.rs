//! The upstream client against a server that misbehaves in every way we know of. Each fault has one cause, and no fault
//! ever makes the client send an offer twice.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use viva_proxy::ids::{KeyId, KeyRef, ProviderCallId};
use viva_proxy::upstream::{
    Answered, BreakerState, Cause, CreateError, DialError, Garbage, HangUpOutcome, ModelKey, State, Timeouts, Upstream,
};

use crate::fake_model::{FakeModel, Reply, client, key, response};

const OFFER: &[u8] = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n";
const ANSWER: &[u8] = b"v=0\r\no=- 3 4 IN IP4 127.0.0.1\r\n";

async fn offer_to(upstream: &Upstream) -> Result<Answered, CreateError> {
    upstream
        .create(&key(), Bytes::from_static(OFFER), Bytes::from_static(br#"{"type":"realtime"}"#), "person-hash")
        .await
}

fn call_id() -> ProviderCallId {
    ProviderCallId::parse("rtc_u0_abc").expect("an id")
}

/// The cause of a refusal, after exactly one POST.
async fn cause_of(status: &str, headers: &[(&str, &str)], body: &[u8]) -> CreateError {
    let model = FakeModel::answering(status, headers, body).await;
    let error = offer_to(&model.client()).await.expect_err("a refusal");
    assert_eq!(model.requests().len(), 1, "an offer was sent more than once");
    assert!(!format!("{error} {error:?}").contains("sk-planted"), "a provider's text was kept");
    error
}

#[tokio::test]
async fn an_answer_comes_back_as_it_was_sent() {
    let headers =
        [("Location", "/v1/realtime/calls/rtc_u0_abc"), ("x-request-id", "req_1"), ("content-type", "text/plain")];
    let model = FakeModel::answering("201 Created", &headers, ANSWER).await;
    let upstream = model.client();
    assert_eq!(upstream.health().state, State::Unknown);
    let answered = offer_to(&upstream).await.expect("an answer");
    assert_eq!(answered.answer, ANSWER);
    assert_eq!(answered.provider, Some(call_id()));
    assert_eq!(answered.request_id.as_deref(), Some("req_1"));
    assert_eq!(upstream.health().state, State::Ok);

    let request = model.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").expect("a request");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/realtime/calls http/1.1"), "{head}");
    for line in ["authorization: bearer sk-planted", "accept: application/sdp", "openai-safety-identifier: person-hash"]
    {
        assert!(head.contains(line), "{line} is missing in {head}");
    }
    assert!(!head.contains("openai-beta"), "the beta header alone makes a request fail");
    let offer = std::str::from_utf8(OFFER).expect("text");
    assert!(body.contains(&format!("Content-Type: application/sdp\r\n\r\n{offer}\r\n--viva-")), "{body}");
    assert!(body.contains("Content-Type: application/json\r\n\r\n{\"type\":\"realtime\"}\r\n--viva-"), "{body}");
}

#[tokio::test]
async fn two_offers_have_different_boundaries() {
    let model = FakeModel::answering("201 Created", &[], ANSWER).await;
    let upstream = model.client();
    offer_to(&upstream).await.expect("an answer");
    offer_to(&upstream).await.expect("an answer");
    let bodies: Vec<_> =
        model.requests().iter().map(|text| text.split_once("\r\n\r\n").expect("a body").1.to_owned()).collect();
    assert_ne!(bodies[0], bodies[1], "a boundary that can be guessed lets an offer end its part");
}

#[tokio::test]
async fn a_missing_location_is_a_call_that_cannot_be_watched() {
    let model = FakeModel::answering("200 OK", &[], ANSWER).await;
    assert_eq!(offer_to(&model.client()).await.expect("an answer").provider, None);
}

#[tokio::test]
async fn a_doubled_path_in_location_is_understood() {
    let headers = [("Location", "https://x/v1/realtime/calls/calls/rtc_u0_abc?a=1")];
    let model = FakeModel::answering("201 Created", &headers, ANSWER).await;
    assert_eq!(offer_to(&model.client()).await.expect("an answer").provider, Some(call_id()));
}

#[tokio::test]
async fn statuses_have_causes() {
    let quoted = br#"{"error":{"message":"Incorrect API key provided: sk-planted"}}"#;
    let error = cause_of("401 Unauthorized", &[("x-request-id", "req_9")], quoted).await;
    assert!(matches!(error.cause, Cause::KeyRejected), "{error:?}");
    assert_eq!((error.code(), error.request_id.as_deref()), ("KEY_REJECTED", Some("req_9")));

    let error = cause_of("429 Too Many Requests", &[("Retry-After", "7")], b"").await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!((error.code(), error.is_retryable()), ("UPSTREAM_RATE_LIMITED", true));

    let error = cause_of("429 Too Many Requests", &[], br#"{"error":{"code":"insufficient_quota"}}"#).await;
    assert!(matches!(error.cause, Cause::Quota) && !error.is_retryable(), "{error:?}");

    let error = cause_of("400 Bad Request", &[], br#"{"error":{"code":"invalid_offer"}}"#).await;
    assert_eq!((error.code(), error.is_definite()), ("INVALID_SDP", true));

    let error = cause_of("404 Not Found", &[], b"").await;
    assert!(matches!(error.cause, Cause::NotFound), "{error:?}");

    let error = cause_of("500 Internal Server Error", &[], b"<html>sk-planted</html>").await;
    assert!(matches!(error.cause, Cause::Server { status: 500 }), "{error:?}");
    assert_eq!((error.code(), error.is_definite()), ("UPSTREAM_ERROR", true));

    let error = cause_of("504 Gateway Timeout", &[], b"").await;
    assert!(!error.is_definite(), "a call may stand behind the gateway");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_too_often_rests_and_no_other_does() {
    let refused = Reply::Bytes(response("401 Unauthorized", &[], b""));
    let answered = Reply::Bytes(response("201 Created", &[("Location", "/v1/realtime/calls/rtc_u0_abc")], ANSWER));
    let model = FakeModel::start(vec![refused; 5].into_iter().chain([answered]).collect()).await;
    let upstream = model.client();
    let stored = ModelKey::new(KeyRef::Stored(KeyId::fresh()), "sk-planted-stored").expect("a key");
    let ask = |key: ModelKey| {
        let upstream = upstream.clone();
        async move { upstream.create(&key, Bytes::from_static(OFFER), Bytes::from_static(b"{}"), "hash").await }
    };
    for _ in 0..5 {
        assert_eq!(ask(stored.clone()).await.expect_err("refused").code(), "KEY_REJECTED");
    }
    let rests = ask(stored.clone()).await.expect_err("it rests");
    assert_eq!((rests.code(), rests.is_retryable(), rests.made_nothing()), ("UPSTREAM_UNAVAILABLE", true, true));
    assert!(rests.retry_after().is_some_and(|wait| !wait.is_zero() && wait <= Duration::from_secs(2)), "{rests:?}");
    assert_eq!(model.requests().len(), 5, "nothing was sent");
    assert_eq!((upstream.circuit().stored_keys_open, upstream.circuit().server_key), (1, BreakerState::Closed));
    assert_eq!(upstream.health().state, State::Ok, "somebody's own key is not the server's fault");

    ask(key()).await.expect("the operator's key is another one");
    tokio::time::advance(Duration::from_secs(2)).await;
    ask(stored.clone()).await.expect("the trial");
    assert_eq!((upstream.pause(stored.reference()), upstream.circuit().stored_keys_open), (None, 0));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = FakeModel::answering("201 Created", &[], ANSWER).await;
    let target = format!("http://{}/v1/realtime/calls", elsewhere.address);
    for status in ["307 Temporary Redirect", "302 Found"] {
        let error = cause_of(status, &[("Location", &target)], b"").await;
        assert!(matches!(error.cause, Cause::Garbage(Garbage::Redirect)), "{error:?}");
    }
    assert!(elsewhere.requests().is_empty(), "the key travelled to another server");
}

#[tokio::test]
async fn garbage_is_told_from_an_answer_and_its_call_is_not_forgotten() {
    let named = [("Location", "/v1/realtime/calls/rtc_u0_abc")];
    for body in [&b"{\"sdp\":\"v=0\"}"[..], b"", b"v=0\xff\xfe"] {
        let error = cause_of("201 Created", &named, body).await;
        assert!(matches!(error.cause, Cause::Garbage(Garbage::NotSdp(_))), "{error:?}");
        assert_eq!((error.code(), error.orphan()), ("SDP_EXCHANGE_FAILED", Some(&call_id())));
    }
    let mut huge = ANSWER.to_vec();
    huge.resize(1024 * 1024, b'a');
    let error = cause_of("201 Created", &named, &huge).await;
    assert!(matches!(error.cause, Cause::Garbage(Garbage::TooLarge(_))), "{error:?}");
    assert_eq!(error.orphan(), Some(&call_id()));

    let error = cause_of("201 Created", &[("Location", "/v1/realtime/calls/../keys")], ANSWER).await;
    assert!(matches!(error.cause, Cause::Garbage(Garbage::BadLocation)), "{error:?}");
}

#[tokio::test]
async fn a_huge_refusal_is_still_a_refusal() {
    let error = cause_of("401 Unauthorized", &[], &vec![b'a'; 1024 * 1024]).await;
    assert!(matches!(error.cause, Cause::KeyRejected), "{error:?}");
}

#[tokio::test]
async fn silence_is_a_timeout_with_an_unknown_outcome() {
    let model = FakeModel::start(vec![Reply::Hang]).await;
    let timeouts = Timeouts { exchange: Duration::from_millis(200), ..Timeouts::default() };
    let upstream = client(model.address, timeouts);
    let error = offer_to(&upstream).await.expect_err("no answer");
    assert!(matches!(error.cause, Cause::Timeout), "{error:?}");
    assert_eq!((error.code(), error.is_definite(), model.requests().len()), ("UPSTREAM_TIMEOUT", false, 1));
    assert_eq!(upstream.health().state, State::Failing);
}

#[tokio::test]
async fn half_an_answer_has_an_unknown_outcome() {
    let head = b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\nv=0\r\n".to_vec();
    let model = FakeModel::start(vec![Reply::Bytes(head)]).await;
    let error = offer_to(&model.client()).await.expect_err("half an answer");
    assert!(matches!(error.cause, Cause::BrokenOff) && !error.is_definite(), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_after_the_offer_has_an_unknown_outcome() {
    let model = FakeModel::start(vec![Reply::Close]).await;
    let error = offer_to(&model.client()).await.expect_err("no answer");
    assert!(matches!(error.cause, Cause::BrokenOff), "{error:?}");
    assert_eq!((error.is_definite(), model.requests().len()), (false, 1));
}

#[tokio::test]
async fn a_refused_connection_sent_nothing() {
    // Bound and dropped: nobody listens there now.
    let address = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    let error = offer_to(&client(address, Timeouts::default())).await.expect_err("nobody");
    assert!(matches!(error.cause, Cause::Unreachable) && error.is_definite(), "{error:?}");
}

#[tokio::test]
async fn a_hang_up_is_confirmed_by_200_and_by_404() {
    for status in ["200 OK", "404 Not Found"] {
        let model = FakeModel::answering(status, &[], b"").await;
        assert_eq!(model.client().hang_up(&key(), &call_id()).await, HangUpOutcome::Confirmed);
        let requests = model.requests();
        assert_eq!(requests.len(), 1);
        assert!(requests[0].starts_with("POST /v1/realtime/calls/rtc_u0_abc/hangup HTTP/1.1\r\n"), "{}", requests[0]);
    }
}

#[tokio::test]
async fn a_hang_up_is_tried_again_after_a_failure() {
    let failing = Reply::Bytes(response("503 Service Unavailable", &[], b""));
    let model = FakeModel::start(vec![failing, Reply::Close, Reply::Bytes(response("200 OK", &[], b""))]).await;
    assert_eq!(model.client().hang_up(&key(), &call_id()).await, HangUpOutcome::Confirmed);
    assert_eq!(model.requests().len(), 3);
}

#[tokio::test]
async fn a_hang_up_that_nobody_confirms_is_said_to_be_so() {
    let model = FakeModel::answering("500 Internal Server Error", &[], b"").await;
    assert_eq!(model.client().hang_up(&key(), &call_id()).await, HangUpOutcome::Unconfirmed);
    assert_eq!(model.requests().len(), 4, "the retries are bounded");
}

#[tokio::test]
async fn a_sideband_opens_with_the_key_and_the_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = client(listener.local_addr().expect("bound"), Timeouts::default());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a dial");
        // The callback's type is tungstenite's, its size is not ours to choose.
        #[expect(clippy::result_large_err, reason = "the signature is given by tungstenite")]
        let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            assert_eq!(request.uri(), "/v1/realtime?call_id=rtc_u0_abc");
            assert_eq!(request.headers()["authorization"], "Bearer sk-planted");
            assert!(!request.headers().contains_key("openai-beta"));
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(stream, check).await.expect("a handshake");
        socket.send(Message::text("hello")).await.expect("sent");
        socket.next().await
    });
    let mut socket = upstream.dial(&key(), &call_id()).await.expect("a sideband");
    assert_eq!(socket.next().await.expect("a frame").expect("a message"), Message::text("hello"));
    socket.send(Message::text("there")).await.expect("sent");
    assert_eq!(server.await.expect("no panic").expect("a frame").expect("a message"), Message::text("there"));
}

#[tokio::test]
async fn a_dial_names_its_refusal() {
    let model = FakeModel::answering("404 Not Found", &[], b"").await;
    assert_eq!(model.client().dial(&key(), &call_id()).await.err(), Some(DialError::NotFound));
    let model = FakeModel::answering("401 Unauthorized", &[], b"").await;
    assert_eq!(model.client().dial(&key(), &call_id()).await.err(), Some(DialError::Rejected(401)));
    let model = FakeModel::start(vec![Reply::Hang]).await;
    let timeouts = Timeouts { dial: Duration::from_millis(200), ..Timeouts::default() };
    assert_eq!(client(model.address, timeouts).dial(&key(), &call_id()).await.err(), Some(DialError::Timeout));
    let model = FakeModel::start(vec![Reply::Close]).await;
    assert_eq!(model.client().dial(&key(), &call_id()).await.err(), Some(DialError::Unreachable));
}
