//! What happens to every request around its handler. One function and no stack of layers: the order is readable in
//! [`Front::serve`], nothing is boxed on the way to the offer's route, and whatever happens inside, the answer leaves
//! with its headers. It must not look at bodies.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tower::ServiceExt as _;

use crate::api::{Code, Problem, ProviderProblem};
use crate::config::{Server, defaults};
use crate::identity::{Credential, Origins, Way};
use crate::ops::request_id::{self, RequestId};
use crate::web::{SecurityHeaders, Transport};

/// The routes and what stands around them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Front {
    router: Router,
    origins: Origins,
    headers: SecurityHeaders,
}

impl Front {
    pub(super) fn new(router: Router, origins: Origins, server: &Server) -> Self {
        let secure = server.public_url.as_ref().is_some_and(crate::config::Origin::is_secure);
        let transport = if secure { Transport::Https } else { Transport::Http };
        Self { router, origins, headers: SecurityHeaders::new(transport) }
    }

    /// The same around other routes.
    pub(super) fn around(&self, router: Router) -> Self {
        Self { router, ..self.clone() }
    }

    /// Answers a request, from the outermost step to the innermost and back.
    pub(super) async fn serve(self, peer: SocketAddr, mut request: Request<Incoming>) -> Result<Response, Infallible> {
        let begun = Instant::now();
        let id = request.headers().get(&request_id::HEADER).and_then(RequestId::accept).unwrap_or_else(RequestId::fresh);
        let method = request.method().clone();
        let door = Door::of(request.uri().path());
        let page_host = self.own_host(&request);
        request.extensions_mut().insert(ConnectInfo(peer));

        let answer = async {
            if declared_length(&request) > Some(defaults::MAX_BODY_BYTES as u64) {
                let _ = discard(request.into_body()).await;
                return door.word(Problem::new(Code::PayloadTooLarge, "The body is larger than anything that is taken here."));
            }
            let request = request.map(|body| Body::new(Limited::new(body, defaults::MAX_BODY_BYTES)));
            let routed = AssertUnwindSafe(self.router.oneshot(request)).catch_unwind();
            match tokio::time::timeout(defaults::REQUEST_TIMEOUT, routed).await {
                Ok(Ok(Ok(response))) => response,
                Ok(Ok(Err(never))) => match never {},
                Ok(Err(_panic)) => {
                    metrics::counter!("viva_panics_total").increment(1);
                    door.word(Problem::internal())
                }
                Err(_) => door.word(Problem::new(Code::RequestTimeout, "It took too long. Try again.")),
            }
        };
        let mut response = request_id::scope(id.clone(), answer).await;

        self.headers.apply(&mut response, page_host.as_deref());
        response.headers_mut().insert(request_id::HEADER, id.header());
        note(&method, door, &response, begun, &id);
        Ok(response)
    }

    /// The WebSocket address of the page that is being asked for; only when `Host` is one of our names, because it
    /// goes into a policy.
    fn own_host(&self, request: &Request<Incoming>) -> Option<String> {
        if request.method() != Method::GET {
            return None;
        }
        let host = request.headers().get(HOST)?.to_str().ok()?;
        self.origins.check(Way::Read, Credential::None, Some(host), None).ok()?;
        Some(self.origins.socket_base(host))
    }
}

/// Which contract a path belongs to: how a refusal is worded, and the only part of a path that is logged, since the
/// rest names sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Provider,
    Api,
    Socket,
    Ops,
    Page,
}

impl Door {
    fn of(path: &str) -> Self {
        match path.split('/').nth(1).unwrap_or_default() {
            "v1" => Self::Provider,
            "api" | "auth" => Self::Api,
            "ws" => Self::Socket,
            "health" | "live" | "ready" | "metrics" => Self::Ops,
            _ => Self::Page,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "v1",
            Self::Api => "api",
            Self::Socket => "ws",
            Self::Ops => "ops",
            Self::Page => "page",
        }
    }

    fn word(self, problem: Problem) -> Response {
        match self {
            Self::Provider => ProviderProblem(problem).into_response(),
            Self::Api | Self::Socket | Self::Ops | Self::Page => problem.into_response(),
        }
    }
}

fn declared_length(request: &Request<Incoming>) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Takes in what a client is sending before it is refused. A connection closed in the middle of a body is reset, and
/// the client would see that instead of the answer. Bounded: beyond this a client is not worth a clean refusal.
async fn discard(body: Incoming) -> Option<()> {
    const MOST: usize = 4 * 1024 * 1024;
    let mut body = std::pin::pin!(Limited::new(body, MOST));
    let read = async { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} };
    tokio::time::timeout(defaults::DISCARD_TIMEOUT, read).await.ok()
}

fn note(method: &Method, door: Door, response: &Response, begun: Instant, id: &RequestId) {
    let status = response.status();
    let class = match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::counter!("viva_http_requests_total", "door" => door.as_str(), "status" => class).increment(1);
    metrics::histogram!("viva_http_seconds", "door" => door.as_str()).record(begun.elapsed());
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if status.is_server_error() {
        tracing::warn!(request_id = id.as_str(), %method, door = door.as_str(), status = status.as_u16(), took_ms = ms, "request failed");
    } else {
        tracing::debug!(request_id = id.as_str(), %method, door = door.as_str(), status = status.as_u16(), took_ms = ms, "request");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_its_first_part_only() {
        for (path, door) in [
            ("/v1/realtime/calls", Door::Provider),
            ("/v1", Door::Provider),
            ("/api/sessions/0190", Door::Api),
            ("/auth/guest", Door::Api),
            ("/ws", Door::Socket),
            ("/health", Door::Ops),
            ("/", Door::Page),
            ("", Door::Page),
            ("/v1x", Door::Page),
        ] {
            assert_eq!(Door::of(path), door, "{path}");
        }
    }
}
