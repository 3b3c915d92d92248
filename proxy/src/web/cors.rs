//! Pages of other origins that are allowed to use the interface (`ALLOWED_ORIGINS`). They bring a bearer, so
//! credentials are never allowed here: a cookie is for our own pages. Who is allowed is decided by the caller; this
//! only says it in headers. Clients of the model's provider send headers of their own: they may, and most are not read.

use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// Whose clients a part of the interface is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    /// Our own.
    Own,
    /// The model provider's.
    Provider,
}

/// What our own clients send.
const OWN_HEADERS: &[&str] = &["authorization", "content-type", "idempotency-key", "x-request-id"];
/// What the provider's client libraries send: names as of `openai` 6 and 7 and `@openai/agents-realtime` 0.20.
const PROVIDER_HEADERS: &[&str] = &[
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "openai-safety-identifier",
    "x-openai-agents-sdk",
    "x-request-id",
];
/// They describe the library and its platform; new ones come with new versions.
const PROVIDER_PREFIX: &str = "x-stainless-";
/// A library names about twenty headers; more are not a preflight.
const MAX_HEADERS: usize = 64;

/// The answer to a preflight; `None` when the request is none.
pub(crate) fn preflight(contract: Contract, method: &Method, request: &HeaderMap) -> Option<Response> {
    let asked = *method == Method::OPTIONS && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let allowed = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE")),
        (ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(contract, request)),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    asked.then(|| (StatusCode::NO_CONTENT, allowed).into_response())
}

/// Lets a page of `origin` read the answer.
pub(crate) fn share(contract: Contract, response: &mut Response, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(match contract {
            Contract::Own => "location, retry-after, x-request-id",
            Contract::Provider => "location, retry-after, viva-request-id, viva-session-id, x-request-id",
        }),
    );
    headers.append(VARY, HeaderValue::from_static("origin"));
}

/// The provider's libraries are told of exactly those of their headers that they asked for: there is no wildcard that
/// would cover `authorization`.
fn allowed_headers(contract: Contract, request: &HeaderMap) -> HeaderValue {
    let own = || HeaderValue::try_from(OWN_HEADERS.join(", ")).expect("names of headers are legal in one");
    if contract == Contract::Own {
        return own();
    }
    let wanted = request.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = wanted.split(',').map(|name| name.trim().to_ascii_lowercase()).take(MAX_HEADERS);
    let allowed: Vec<_> = wanted.filter(|name| is_provider_header(name)).collect();
    if allowed.is_empty() { own() } else { HeaderValue::try_from(allowed.join(", ")).unwrap_or_else(|_| own()) }
}

fn is_provider_header(name: &str) -> bool {
    let is_token = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    PROVIDER_HEADERS.contains(&name) || name.strip_prefix(PROVIDER_PREFIX).is_some_and(is_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(contract: Contract, wanted: &'static str) -> String {
        let request = HeaderMap::from_iter([
            (ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST")),
            (ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static(wanted)),
        ]);
        let answer = preflight(contract, &Method::OPTIONS, &request).expect("a preflight");
        answer.headers()[ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("ASCII").to_owned()
    }

    #[test]
    fn the_provider_s_libraries_may_send_what_they_send_and_nothing_else() {
        let wanted = "Authorization,content-type, openai-beta,x-stainless-retry-count,x-stainless-os,cookie,x-api-key";
        assert_eq!(
            allowed(Contract::Provider, wanted),
            "authorization, content-type, openai-beta, x-stainless-retry-count, x-stainless-os"
        );
        assert_eq!(allowed(Contract::Own, wanted), "authorization, content-type, idempotency-key, x-request-id");
    }

    #[test]
    fn what_is_no_preflight_is_left_alone() {
        assert!(preflight(Contract::Provider, &Method::OPTIONS, &HeaderMap::new()).is_none());
    }
}
