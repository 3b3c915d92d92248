//! What happens to every request around its handler. One function and no stack of layers: the order is readable in
//! [`Front::serve`], nothing is boxed on the way to the offer's route, and whatever happens inside, the answer leaves
//! with its headers. It must not look at bodies.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::header::{CONTENT_LENGTH, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tower::ServiceExt as _;

use super::door::Door;
use super::meters::Meters;
use crate::api::{Code, Problem};
use crate::config::{Server, defaults};
use crate::identity::{Credential, Origins, Way};
use crate::ops::request_id::{self, RequestId};
use crate::web::{SecurityHeaders, Transport, cors};

/// The routes and what stands around them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Front {
    router: Router,
    origins: Origins,
    headers: SecurityHeaders,
    meters: Arc<Meters>,
}

impl Front {
    pub(super) fn new(router: Router, origins: Origins, server: &Server) -> Self {
        let secure = server.public_url.as_ref().is_some_and(crate::config::Origin::is_secure);
        let transport = if secure { Transport::Https } else { Transport::Http };
        Self { router, origins, headers: SecurityHeaders::new(transport), meters: Arc::new(Meters::new()) }
    }

    /// The same around other routes.
    pub(super) fn around(&self, router: Router) -> Self {
        Self { router, ..self.clone() }
    }

    /// Answers a request, from the outermost step to the innermost and back.
    pub(super) async fn serve(self, peer: SocketAddr, mut request: Request<Incoming>) -> Result<Response, Infallible> {
        let begun = Instant::now();
        let id =
            request.headers().get(&request_id::HEADER).and_then(RequestId::accept).unwrap_or_else(RequestId::fresh);
        let method = request.method().clone();
        let door = Door::of(request.uri().path());
        let socket = self.socket_of_page(door, request.headers());
        let guest_page = self.page_elsewhere(door, request.headers());
        request.extensions_mut().insert(ConnectInfo(peer));

        let contract = door.contract();
        let preflight = guest_page.as_ref().and_then(|_| cors::preflight(contract, &method, request.headers()));
        let answer = async {
            match preflight {
                Some(answer) => answer,
                None => self.route(door, request).await,
            }
        };
        let mut response = request_id::scope(id.clone(), answer).await;

        if let Some(origin) = guest_page {
            cors::share(contract, &mut response, origin);
        }
        self.headers.apply(&mut response, socket.as_deref());
        note_id(door, response.headers_mut(), &id);
        self.meters.note(&method, door, &response, begun, &id);
        Ok(response)
    }

    /// The handler's answer, whatever happens: a body that is too large is taken in and refused, a panic is a problem,
    /// and nothing takes for ever.
    async fn route(&self, door: Door, request: Request<Incoming>) -> Response {
        let most = most_of(request.uri().path());
        if declared_length(&request) > Some(most as u64) {
            discard(request.into_body()).await;
            return door
                .word(Problem::new(Code::PayloadTooLarge, "The body is larger than anything that is taken here."));
        }
        let request = request.map(|body| Body::new(Limited::new(body, most)));
        let routed = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind();
        match tokio::time::timeout(defaults::REQUEST_TIMEOUT, routed).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_panic)) => {
                metrics::counter!("viva_panics_total").increment(1);
                door.word(Problem::internal())
            }
            Err(_) => door.word(Problem::new(Code::RequestTimeout, "It took too long. Try again.")),
        }
    }

    /// The address of the page's own WebSocket; only when `Host` is one of our names, because it goes into a policy.
    fn socket_of_page(&self, door: Door, headers: &HeaderMap) -> Option<String> {
        let host = headers.get(HOST).filter(|_| door == Door::Page)?.to_str().ok()?;
        self.origins.check(Way::Read, Credential::None, Some(host), None).ok()?;
        Some(self.origins.socket_base(host))
    }

    /// The origin of an allowed page that is not ours and may use the interface with a bearer.
    fn page_elsewhere(&self, door: Door, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN).filter(|_| matches!(door, Door::Api | Door::Provider))?;
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let allowed = self.origins.check(Way::Write, Credential::Bearer, host, Some(origin.to_str().ok()?));
        allowed.is_ok().then(|| origin.clone())
    }
}

/// Where the model's provider gave an id of its own, that one stays: it is what its support asks for. Ours stands beside it.
fn note_id(door: Door, headers: &mut HeaderMap, id: &RequestId) {
    match door {
        Door::Provider => {
            headers.insert(request_id::OWN_HEADER, id.header());
            headers.entry(request_id::HEADER).or_insert_with(|| id.header());
        }
        Door::Api | Door::Socket | Door::Ops | Door::Page => {
            headers.insert(request_id::HEADER, id.header());
        }
    }
}

/// How much of a body is read at all.
fn most_of(path: &str) -> usize {
    if path == "/api/documents" || path.starts_with("/functions/v1/") {
        defaults::MAX_UPLOAD_BYTES
    } else {
        defaults::MAX_BODY_BYTES
    }
}

fn declared_length(request: &Request<Incoming>) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Takes in what a client is sending before it is refused. A connection closed in the middle of a body is reset, and
/// the client would see that instead of the answer. Bounded: beyond this a client is not worth a clean refusal.
async fn discard(body: Incoming) {
    let mut body = std::pin::pin!(Limited::new(body, defaults::DISCARD_BYTES));
    let read = async { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} };
    // In time or not: the refusal is the answer.
    let _ = tokio::time::timeout(defaults::DISCARD_TIMEOUT, read).await;
}
