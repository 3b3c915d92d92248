//! The fake upstream: a small hyper server that answers an offer as the provider would, at once or after a set time. It
//! notes how long it really held each offer, because a timer is late by up to a millisecond and the question is about
//! less than that.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::sdp;

/// A running fake upstream; it ends with its connections when dropped.
#[derive(Debug)]
pub(crate) struct Upstream {
    addr: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    hold_us: AtomicU64,
    calls: AtomicU64,
    /// Filled only while offers are held, so it grows with the latency run alone.
    held: Mutex<HashMap<u64, Duration>>,
}

impl Upstream {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { addr, state, accepting })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on every offer is held for about this long.
    pub(crate) fn hold(&self, time: Duration) {
        self.state.hold_us.store(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long the offer of this number was really held; each is asked for once.
    pub(crate) fn take_held(&self, id: u64) -> Option<Duration> {
        self.state.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    // The connections are few (both proxies pool theirs) and end with this set.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Only a delay of the small replies is lost with the option, never the measurement.
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&state), request));
            // A peer that goes away in the middle is its own affair; the generator notices what it misses.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_offer = request.method() == Method::POST && request.uri().path() == "/v1/realtime/calls";
    let is_hang_up = request.method() == Method::POST && request.uri().path().ends_with("/hangup");
    let Ok(body) = request.into_body().collect().await.map(|body| body.to_bytes()) else {
        return Ok(plain(StatusCode::BAD_REQUEST, ""));
    };
    if is_hang_up {
        return Ok(plain(StatusCode::OK, ""));
    }
    if !is_offer {
        return Ok(plain(StatusCode::NOT_FOUND, r#"{"error":{"code":"not_found","message":"offers only"}}"#));
    }
    let hold = Duration::from_micros(state.hold_us.load(Ordering::Relaxed));
    if !hold.is_zero() {
        let since = Instant::now();
        tokio::time::sleep(hold).await;
        if let Some(id) = sdp::id_of(&body) {
            state.held.lock().unwrap_or_else(PoisonError::into_inner).insert(id, since.elapsed());
        }
    }
    let call = state.calls.fetch_add(1, Ordering::Relaxed);
    let mut response = plain(StatusCode::CREATED, sdp::ANSWER);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/sdp"));
    if let Ok(location) = format!("/v1/realtime/calls/rtc_bench{call:012}").try_into() {
        headers.insert(LOCATION, location);
    }
    Ok(response)
}

fn plain(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response
}
