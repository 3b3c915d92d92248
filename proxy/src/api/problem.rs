//! The one error shape: [`Problem`] as `application/problem+json` (RFC 9457), or in the provider's envelope on
//! `/v1/realtime/*` ([`ProviderProblem`]). A detail says what to do; it must not quote a body, a credential or a cause
//! that lies inside the service.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::code::Code;
use crate::ops::request_id;
use crate::sdp::Rule;

/// A refusal or failure on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    status: StatusCode,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    rule: Option<Rule>,
    field: Option<Cow<'static, str>>,
    /// The provider's own name for it, where its clients look for one.
    known_as: Option<&'static str>,
    /// The provider's id of the request that failed at it.
    upstream_request: Option<String>,
}

/// The body of a [`Problem`].
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(in crate::api) struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[schema(value_type = Code)]
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    /// The field or parameter that it is about, with dots into objects, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    /// A problem with the code's own status. `detail` is one or two sentences for the person who has to act.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            status: code.status(),
            detail: detail.into(),
            retry_after: code.usual_wait(),
            rule: None,
            field: None,
            known_as: None,
            upstream_request: None,
        }
    }

    /// An offer that breaks `rule`. Too many bytes for a description is still 400; a body beyond the route's limit is
    /// [`Code::PayloadTooLarge`].
    #[must_use]
    pub fn invalid_sdp(rule: Rule) -> Self {
        Self { rule: Some(rule), ..Self::new(Code::InvalidSdp, rule.advice()) }
    }

    /// A defect or a failure whose cause the client must not see. The cause is logged where it is handled.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(Code::Internal, "The request could not be completed. Quote the request id when you report it.")
    }

    /// No such object for this caller; a foreign one looks the same.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here for you under this address.")
    }

    /// When asking again makes sense; also sent as `Retry-After` in whole seconds, rounded up.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// Which field or parameter of the request it is about, so that a form can show it there.
    #[must_use]
    pub fn of_field(self, field: impl Into<Cow<'static, str>>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// By which code the provider's clients know it; only its own envelope shows it.
    #[must_use]
    pub fn known_as(self, code: &'static str) -> Self {
        Self { known_as: Some(code), ..self }
    }

    /// The provider refused a request that it knows by this id. It becomes the answer's `X-Request-Id`, so that both
    /// sides of a support case name the same thing.
    #[must_use]
    pub fn of_upstream_request(self, id: Option<&str>) -> Self {
        Self { upstream_request: id.map(str::to_owned), ..self }
    }

    /// Another status than the code's own, e.g. the one a framework chose.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentences for the person who has to act.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The rule that an offer broke.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        self.rule
    }

    /// The field that it is about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// After how many milliseconds asking again makes sense.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
    }

    fn respond(&self, content_type: &'static str, body: Vec<u8>) -> Response {
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(id) = self.upstream_request.as_ref().and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(request_id::HEADER, id);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1 wants a challenge with every 401.
            headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Rule> for Problem {
    fn from(rule: Rule) -> Self {
        Self::invalid_sdp(rule)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let request_id = request_id::current();
        let body = Body {
            r#type: format!("urn:viva:problem:{}", slug(self.code)),
            title: self.code.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            request_id: request_id.as_deref(),
            retry_after_ms: self.retry_after_ms(),
            rule: self.rule.map(Rule::name),
            field: self.field(),
        };
        let body = serde_json::to_vec(&body).expect("plain strings and numbers always serialise");
        self.respond("application/problem+json", body)
    }
}

/// The same problem in the provider's envelope, so that its official SDKs show something sensible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderProblem(pub Problem);

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ProviderError)]
pub(in crate::api) struct Envelope<'a> {
    error: EnvelopeError<'a>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ProviderErrorBody)]
struct EnvelopeError<'a> {
    message: Cow<'a, str>,
    r#type: &'a str,
    param: Option<&'a str>,
    code: String,
}

impl From<Problem> for ProviderProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ProviderProblem {
    fn into_response(self) -> Response {
        let problem = &self.0;
        let message = match problem.rule {
            Some(rule) => Cow::Owned(format!("{} (rule: {})", problem.detail, rule.name())),
            None => Cow::Borrowed(&*problem.detail),
        };
        let error = EnvelopeError {
            message,
            r#type: if problem.status.is_server_error() { "server_error" } else { "invalid_request_error" },
            param: problem.rule.map(|_| "sdp").or(problem.field()),
            code: match problem.known_as {
                Some(code) => code.to_owned(),
                None if problem.code == Code::InvalidSdp => "invalid_offer".to_owned(),
                None => problem.code.as_str().to_lowercase(),
            },
        };
        let body = serde_json::to_vec(&Envelope { error }).expect("plain strings always serialise");
        problem.respond("application/json", body)
    }
}

/// `INVALID_SDP` → `invalid-sdp`, the last part of `type`.
fn slug(code: Code) -> String {
    code.as_str().to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(response: Response) -> serde_json::Value {
        let bytes = futures_util::FutureExt::now_or_never(axum::body::to_bytes(response.into_body(), 4096));
        serde_json::from_slice(&bytes.expect("a full body is ready").expect("small")).expect("JSON")
    }

    #[test]
    fn a_problem_has_every_member_and_says_when_to_come_back() {
        let response =
            Problem::new(Code::RateLimited, "Wait a moment.").retry_after(Duration::from_millis(1200)).into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            body(response),
            serde_json::json!({"type": "urn:viva:problem:rate-limited", "title": "Too many requests", "status": 429,
                "detail": "Wait a moment.", "code": "RATE_LIMITED", "retry_after_ms": 1200})
        );
    }

    #[tokio::test]
    async fn a_problem_carries_the_request_id() {
        let id = request_id::RequestId::fresh();
        let response = request_id::scope(id.clone(), async { Problem::internal().into_response() }).await;
        assert_eq!(body(response)["request_id"], id.as_str());
    }

    #[test]
    fn a_broken_rule_is_named_in_both_shapes() {
        let problem = Problem::from(Rule::Fingerprint);
        assert_eq!(body(problem.clone().into_response())["rule"], "fingerprint");
        let response = ProviderProblem(problem).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[CONTENT_TYPE]),
            (400, &HeaderValue::from_static("application/json"))
        );
        let error = &body(response)["error"];
        assert_eq!(
            (&error["code"], &error["param"], &error["type"]),
            (&"invalid_offer".into(), &"sdp".into(), &"invalid_request_error".into())
        );
        assert!(error["message"].as_str().is_some_and(|text| text.ends_with("(rule: fingerprint)")));
    }
}
