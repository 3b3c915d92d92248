//! The headers of every answer, as recorded, and the answer to preflights.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::model::ids::Ids;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TIMING: HeaderName = HeaderName::from_static("timing-allow-origin");
/// How long a browser may remember a preflight.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");
/// What browsers' SDKs send, when a preflight does not say.
const USUAL_HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, x-openai-agents-sdk");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, OPTIONS");
const ANY: HeaderValue = HeaderValue::from_static("*");

pub(super) async fn on_every_answer(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    if preflight {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(USUAL_HEADERS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    }
    expose(headers);
    response
}

/// Two lines of exposed headers: the provider sends them so, and a proxy must cope.
fn expose(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    let exposed = header::ACCESS_CONTROL_EXPOSE_HEADERS;
    headers.append(&exposed, HeaderValue::from_static("Location, X-Request-Id"));
    headers.append(&exposed, HeaderValue::from_static("CF-Ray"));
    headers.insert(TIMING, ANY);
    let id = Ids::fresh().next("req");
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
}
