//! A way to a server that can be told to fail: what stands between Viva and a database on a bad day.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

/// How the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Everything arrives.
    Fair = 0,
    /// Nobody is there: the connection is closed without an answer.
    Refused = 1,
    /// An answer that never comes.
    Silent = 2,
    /// 500 without a reason.
    Broken = 3,
    /// 503, as PostgREST says it without its database.
    Away = 4,
    /// 404 with an empty object, as PostgREST says it with an old view of the schema.
    Stale = 5,
    /// The request arrives and is done, and the answer is lost.
    AnswerLost = 6,
    /// What is asked is answered, and nothing is taken for a journal.
    NoCommits = 7,
}

/// The way. Dropping it closes it.
pub(crate) struct Faulty {
    /// Where it begins.
    pub(crate) url: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    to: String,
    weather: AtomicU8,
    http: reqwest::Client,
}

impl Faulty {
    /// To a server at this address.
    pub(crate) async fn to(address: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let shared = Arc::new(Shared { to: address.to_owned(), weather: AtomicU8::new(0), http });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, server }
    }

    pub(crate) fn turn(&self, weather: Weather) {
        self.shared.weather.store(weather as u8, Ordering::SeqCst);
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let weather = shared.weather.load(Ordering::SeqCst);
    let is = |kind: Weather| weather == kind as u8;
    if is(Weather::Silent) {
        std::future::pending::<()>().await;
    }
    if is(Weather::Broken) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if is(Weather::Away) || is(Weather::NoCommits) && uri.path().ends_with("/commit_call") {
        let body = r#"{"code":"PGRST000","details":"no connection","hint":null,"message":"Database connection error"}"#;
        return (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    }
    if is(Weather::Stale) {
        return (StatusCode::NOT_FOUND, "{}").into_response();
    }
    if is(Weather::Refused) {
        return gone();
    }
    // As a project's address has it.
    let path = uri.path().strip_prefix("/rest/v1").unwrap_or(uri.path());
    let mut request = shared.http.post(format!("{}{path}", shared.to)).body(body);
    for (name, value) in headers.iter().filter(|(name, _)| !["host", "content-length"].contains(&name.as_str())) {
        request = request.header(name, value);
    }
    let answer = request.send().await.expect("the database is there");
    let (status, body) = (answer.status(), answer.bytes().await.expect("a body"));
    if is(Weather::AnswerLost) { gone() } else { (status, body).into_response() }
}

/// A body that breaks off before its first byte: the client sees a connection that was closed.
fn gone() -> Response {
    let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("gone")) });
    axum::body::Body::from_stream(broken).into_response()
}
