//! One offer, one POST, one answer. There is no retry except when the connection was refused before anything was sent:
//! the POST is not idempotent and every call costs money.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;
use serde::Deserialize;

use super::ask::Ask;
use super::client::Upstream;
use super::error::{Cause, CreateError, Garbage};
use super::key::ModelKey;
use super::manner::{CallIdAt, Manner, OfferForm};
use crate::ids::ProviderCallId;

/// An answer is about 1.3 kB; whatever is longer than this is not one.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// A server that asks for more patience than this is down.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);
const SAFETY_IDENTIFIER: HeaderName = HeaderName::from_static("openai-safety-identifier");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the provider answered.
pub struct Answered {
    /// The answer, byte for byte. It begins like SDP; what it must contain is checked by `sdp`.
    pub answer: Bytes,
    /// The provider's id of the call. `None` when it gave no `Location`: the call can then be neither watched nor
    /// hung up.
    pub provider: Option<ProviderCallId>,
    /// The provider's id of the request, for support cases.
    pub request_id: Option<String>,
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answered")
            .field("answer_bytes", &self.answer.len())
            .field("provider", &self.provider)
            .field("request_id", &self.request_id)
            .finish()
    }
}

impl Upstream {
    /// Exchanges an offer for an answer. `session_json` is the bare session object; `safety_id` a stable hash that
    /// stands for the person, at most 64 characters of visible ASCII.
    ///
    /// # Errors
    /// See [`Cause`]. After an error that [is not definite](CreateError::is_definite) a call may be running.
    pub async fn create(
        &self,
        key: &ModelKey,
        offer: Bytes,
        session_json: Bytes,
        safety_id: &str,
    ) -> Result<Answered, CreateError> {
        self.0.circuits.ask(key.reference())?;
        let exchange = self.exchange(key, &offer, &session_json, safety_id);
        let outcome = match tokio::time::timeout(self.0.timeouts.exchange, exchange).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(Cause::Timeout.into()),
        };
        self.0.pulse.note(key.reference(), &outcome);
        self.0.circuits.note(key.reference(), &outcome);
        outcome
    }

    async fn exchange(
        &self,
        key: &ModelKey,
        offer: &Bytes,
        session_json: &Bytes,
        safety_id: &str,
    ) -> Result<Answered, CreateError> {
        let ask = self.ask(key, offer, session_json).await?;
        let response = match self.send_offer(&ask, safety_id).await {
            Err(error) if was_refused(&error) => self.send_offer(&ask, safety_id).await,
            other => other,
        };
        let response = response.map_err(|error| unsent(&error))?;
        let request_id = request_id(response.headers());
        read(response, &self.0.profile.manner)
            .await
            .map(|(answer, provider)| Answered { answer, provider, request_id: request_id.clone() })
            .map_err(|cause| CreateError { cause, request_id })
    }

    async fn send_offer(&self, ask: &Ask, safety_id: &str) -> Result<Response<Incoming>, ClientError> {
        let mut request = Request::new(Full::new(ask.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.create_uri().clone();
        let headers = request.headers_mut();
        headers.clone_from(&self.0.headers);
        headers.extend(ask.headers.clone());
        if let Ok(value) = HeaderValue::from_str(safety_id) {
            headers.insert(SAFETY_IDENTIFIER, value);
        }
        self.0.http.request(request).await
    }
}

/// Only a refused connection is tried again: nothing was sent, and a server that restarts is back in a moment.
fn was_refused(error: &ClientError) -> bool {
    let mut source = error.source();
    while error.is_connect()
        && let Some(inner) = source
    {
        if inner.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        source = inner.source();
    }
    false
}

/// Why a request got no answer: nothing was sent, or nobody knows.
pub(super) fn unsent(error: &ClientError) -> CreateError {
    tracing::warn!(reason = %reason(error), "the model's server gave no answer");
    if error.is_connect() { Cause::Unreachable } else { Cause::BrokenOff }.into()
}

/// The innermost error; hyper's own says no more than "client error". These texts come from the OS and TLS, never from
/// the provider.
fn reason(error: &ClientError) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    innermost.to_string()
}

async fn read(response: Response<Incoming>, manner: &Manner) -> Result<(Bytes, Option<ProviderCallId>), Cause> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map(http_body_util::Collected::to_bytes);
    if !head.status.is_success() {
        return Err(refusal(head.status, &head.headers, &body.unwrap_or_default()));
    }
    let location = match manner.call_id {
        CallIdAt::Location => head.headers.get(LOCATION),
        CallIdAt::Nowhere | CallIdAt::Field(_) => None,
    };
    let location = location.map(|value| value.to_str().ok().and_then(ProviderCallId::from_location));
    let body = match body {
        Ok(body) => body,
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(Cause::Garbage(Garbage::TooLarge(location.flatten())));
        }
        // The status said that a call exists, its answer is lost.
        Err(_broken) => return Err(Cause::BrokenOff),
    };
    if matches!(manner.offer, OfferForm::Json | OfferForm::Session) {
        return read_json(&body, &manner.call_id, location.flatten());
    }
    if !body.starts_with(b"v=0") || std::str::from_utf8(&body).is_err() {
        return Err(Cause::Garbage(Garbage::NotSdp(location.flatten())));
    }
    match location {
        Some(None) => Err(Cause::Garbage(Garbage::BadLocation)),
        Some(Some(id)) => Ok((body, Some(id))),
        None => Ok((body, None)),
    }
}

/// An answer in JSON: the description under `sdp`, or in `answer` or `transport`.
fn read_json(
    body: &[u8],
    call_id: &CallIdAt,
    location: Option<ProviderCallId>,
) -> Result<(Bytes, Option<ProviderCallId>), Cause> {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let id = match call_id {
        CallIdAt::Field(field) => {
            let found = field.split('.').fold(&answer, |value, name| &value[name]);
            found.as_str().and_then(ProviderCallId::parse)
        }
        CallIdAt::Location | CallIdAt::Nowhere => location,
    };
    let places = [&answer["sdp"], &answer["answer"]["sdp"], &answer["transport"]["sdp"]];
    let sdp = places.into_iter().find_map(serde_json::Value::as_str);
    match sdp.filter(|sdp| sdp.starts_with("v=0")) {
        Some(sdp) => Ok((Bytes::copy_from_slice(sdp.as_bytes()), id)),
        None => Err(Cause::Garbage(Garbage::NotSdp(id))),
    }
}

/// The provider's envelope, as far as it decides anything. Its message is not even parsed.
#[derive(Default, Deserialize)]
struct Envelope {
    #[serde(default)]
    error: Named,
}

#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    code: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Cause {
    let named = serde_json::from_slice::<Envelope>(body).unwrap_or_default().error;
    let says = |code: &str| named.code.as_deref() == Some(code) || named.kind.as_deref() == Some(code);
    match status.as_u16() {
        400 if says("invalid_offer") => Cause::OfferRefused,
        401 | 403 => Cause::KeyRejected,
        404 => Cause::NotFound,
        429 if says("insufficient_quota") => Cause::Quota,
        429 => Cause::RateLimited { retry_after: retry_after(headers) },
        // A gateway gave up waiting (524 is Cloudflare's): what stands behind it may still have opened the call.
        504 | 524 => Cause::Timeout,
        status @ 500..=599 => Cause::Server { status },
        status @ 400..=499 => Cause::Refused { status },
        300..=399 => Cause::Garbage(Garbage::Redirect),
        _ => Cause::Garbage(Garbage::Status),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// A foreign text that ends up in our logs and problems: taken only when it is short, plain, and does not look like a
/// key that the provider gives back.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    ((1..=128).contains(&text.len()) && text.bytes().all(plain) && !text.contains("sk-")).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(status: u16, body: &str) -> Cause {
        refusal(StatusCode::from_u16(status).expect("a status"), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn a_refusal_is_told_by_status_and_code_and_never_by_prose() {
        assert!(matches!(cause(400, r#"{"error":{"code":"invalid_offer","message":"x"}}"#), Cause::OfferRefused));
        assert!(matches!(
            cause(400, r#"{"error":{"code":null,"message":"invalid_offer"}}"#),
            Cause::Refused { status: 400 }
        ));
        assert!(matches!(cause(429, r#"{"error":{"type":"insufficient_quota"}}"#), Cause::Quota));
        assert!(matches!(cause(429, "<html>"), Cause::RateLimited { retry_after: None }));
        assert!(matches!(cause(504, ""), Cause::Timeout));
        assert!(matches!(cause(307, ""), Cause::Garbage(Garbage::Redirect)));
    }

    #[test]
    fn a_request_id_that_is_not_plain_is_dropped() {
        let headers = |value: &'static str| HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static(value))]);
        assert_eq!(request_id(&headers("req_1-a")).as_deref(), Some("req_1-a"));
        assert_eq!(request_id(&headers("sk secret")), None);
        assert_eq!(request_id(&headers("req-sk-planted")), None);
    }
}
