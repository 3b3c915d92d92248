//! Security headers on every answer. A page gets a policy that names what it may load and where
//! it may connect; anything else gets one that allows nothing, in case a browser is talked into showing it.

use axum::response::Response;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Nothing may be loaded, framed or sent.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// The call page needs the microphone and nothing else of the device.
const DEVICE: HeaderValue =
    HeaderValue::from_static("microphone=(self), camera=(), display-capture=(), geolocation=(), payment=(), usb=()");

/// The headers of a deployment. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    strict_transport: Option<HeaderValue>,
}

impl SecurityHeaders {
    /// For a deployment that is reached by https, or not: on plain http the transport header means nothing.
    #[must_use]
    pub fn new(reached_by: Transport) -> Self {
        let strict_transport = match reached_by {
            Transport::Https => Some(HeaderValue::from_static("max-age=31536000; includeSubDomains")),
            Transport::Http => None,
        };
        Self { strict_transport }
    }

    /// Adds them to an answer. `socket`: `ws(s)://host` of the page's own server, checked by the caller.
    pub fn apply(&self, response: &mut Response, socket: Option<&str>) {
        let is_page =
            response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let policy = if is_page { page_policy(socket) } else { NOTHING };
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(PERMISSIONS_POLICY, DEVICE);
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        if is_page {
            headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        }
        if let Some(strict) = &self.strict_transport {
            headers.insert(STRICT_TRANSPORT_SECURITY, strict.clone());
        }
    }
}

/// How browsers reach the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In clear, on this machine.
    Http,
    /// Over TLS.
    Https,
}

/// `'self'` does not cover WebSockets in every browser, so the socket's address is named. Peer connections are not
/// covered by any policy, which is why no script but our own may run.
fn page_policy(socket: Option<&str>) -> HeaderValue {
    let connect = socket.map(|socket| format!(" {socket}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; \
         connect-src 'self'{connect}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(NOTHING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::{Html, IntoResponse as _};

    fn policy(mut response: Response, socket: Option<&str>) -> String {
        SecurityHeaders::new(Transport::Http).apply(&mut response, socket);
        response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("ASCII").to_owned()
    }

    #[test]
    fn a_page_may_connect_to_its_own_server_only() {
        let policy = policy(Html("").into_response(), Some("ws://127.0.0.1:8080"));
        assert!(policy.contains("connect-src 'self' ws://127.0.0.1:8080;"), "{policy}");
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn what_is_no_page_may_do_nothing() {
        assert_eq!(policy("{}".into_response(), Some("ws://x")), "default-src 'none'; frame-ancestors 'none'");
    }

    #[test]
    fn only_https_asks_for_https() {
        let mut response = "".into_response();
        SecurityHeaders::new(Transport::Http).apply(&mut response, None);
        assert!(!response.headers().contains_key(STRICT_TRANSPORT_SECURITY));
        SecurityHeaders::new(Transport::Https).apply(&mut response, None);
        assert!(response.headers().contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
