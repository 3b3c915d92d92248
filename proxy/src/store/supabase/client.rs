//! A small client for the project's PostgREST: one POST to `/rpc/<function>` for each operation, JSON in and out. It
//! must not follow redirects or use a proxy, since the key travels in a header, and it must not log what it sends, what
//! is answered, or the text of an error: Postgres quotes values there. Only function, status and code are ever shown.
//!
//! A database function answers with one JSON value, or refuses with an SQLSTATE, which [`CallError`] names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use reqwest::redirect;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::call_error::CallError;
use super::own::PersonToken;
use super::project::{Project, ProjectKey};

/// Larger than the transcript of the longest interview.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Larger than any error that PostgREST words.
const MAX_REFUSAL: usize = 64 * 1024;
/// Waits before each further attempt of what may be repeated.
const BEFORE_ATTEMPT: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];
/// Nothing is repeated when this long has passed: whoever asked has waited enough, and has another way.
const REPEATS_WITHIN: Duration = Duration::from_secs(2);

/// How long the database may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Opening a connection.
    pub connect: Duration,
    /// One attempt, connection and answer included.
    pub attempt: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), attempt: Duration::from_secs(5) }
    }
}

/// Whether a call may be made again when nobody knows what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// A second one changes nothing and answers the same: reads, and writes that are idempotent.
    Safe,
    /// It must not be.
    Never,
}

/// One project's database. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    rpc: String,
    headers: HeaderMap,
    /// Whose tokens are known there.
    issuer: Arc<str>,
    /// The last call failed, and it was said: an outage is one line and not ten a second.
    in_trouble: Arc<AtomicBool>,
}

impl Client {
    /// Prepares the client; opens no connection.
    ///
    /// # Errors
    /// When the TLS stack cannot be set up.
    pub fn new(project: &Project, timeouts: Timeouts) -> Result<Self, reqwest::Error> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("apikey", project.key.header());
        // An opaque key is turned into a role by the gateway; a bearer beside it would be taken for a user's token.
        if let ProjectKey::Legacy(_) = &project.key {
            headers.insert(AUTHORIZATION, project.key.bearer());
        }
        let http = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.attempt)
            // Shorter than the idle limit of common front ends: a request is not written to a closing connection.
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .http1_only()
            // The platform refuses secret keys from what looks like a browser.
            .user_agent(concat!("viva/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let rpc = format!("{}/rpc/", project.rest);
        Ok(Self { http, rpc, headers, issuer: project.issuer.as_str().into(), in_trouble: Arc::default() })
    }

    /// Whose tokens are known there.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The same database, asked as somebody and not as the service.
    #[must_use]
    pub(super) fn under(&self, token: &PersonToken) -> Self {
        // What they are refused says nothing of how the database is.
        let mut client = Self { in_trouble: Arc::default(), ..self.clone() };
        client.headers.insert(AUTHORIZATION, token.bearer());
        client
    }

    /// Calls a database function with these named arguments.
    ///
    /// # Errors
    /// See [`CallError`]. What may be repeated was repeated before [`CallError::Away`] is told.
    pub async fn call<T: DeserializeOwned>(
        &self,
        function: &'static str,
        repeat: Repeat,
        arguments: &impl serde::Serialize,
    ) -> Result<T, CallError> {
        let body = serde_json::to_vec(arguments).map_err(|_| CallError::Rejected)?;
        if super::wire::holds_nul(&body) {
            tracing::warn!(function, "a text with a NUL character is not stored");
            return Err(CallError::Rejected);
        }
        let body = bytes::Bytes::from(body);
        let mut waits = BEFORE_ATTEMPT.iter();
        let began = Instant::now();
        loop {
            let error = match self.attempt(function, body.clone()).await {
                Ok(answer) => {
                    return serde_json::from_slice(&answer).map_err(|error| {
                        tracing::error!(function, line = error.line(), "the database's answer cannot be read");
                        CallError::Unreadable
                    });
                }
                Err(error) => error,
            };
            let again = repeat == Repeat::Safe && matches!(error, CallError::Away | CallError::Unmigrated);
            match waits.next() {
                Some(wait) if again && began.elapsed() < REPEATS_WITHIN => tokio::time::sleep(*wait).await,
                _ => return Err(error),
            }
        }
    }

    async fn attempt(&self, function: &'static str, body: bytes::Bytes) -> Result<Vec<u8>, CallError> {
        let request = self.http.post(format!("{}{function}", self.rpc)).headers(self.headers.clone()).body(body);
        let response = request.send().await.map_err(|error| {
            if !self.in_trouble.swap(true, Ordering::Relaxed) {
                // Without its address, which is the operator's.
                tracing::warn!(function, error = %error.without_url(), "the database was not reached");
            }
            CallError::Away
        })?;
        let status = response.status();
        if status.is_success() {
            self.in_trouble.store(false, Ordering::Relaxed);
            return read(response, MAX_ANSWER).await;
        }
        #[derive(Default, Deserialize)]
        struct Refusal {
            #[serde(default)]
            code: String,
        }
        let body = read(response, MAX_REFUSAL).await.unwrap_or_default();
        let Refusal { code } = serde_json::from_slice(&body).unwrap_or_default();
        let code = if code.len() <= 16 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) { &*code } else { "" };
        let error = CallError::of(status, code);
        match error {
            // Answers, not faults: whoever asked decides what they mean.
            CallError::Missing | CallError::Conflict | CallError::Fenced => {}
            CallError::Rejected => {
                tracing::error!(function, status = status.as_u16(), code, "the database refuses values");
            }
            _ if self.in_trouble.swap(true, Ordering::Relaxed) => {}
            _ => tracing::warn!(function, status = status.as_u16(), code, "the database did not do it: {error}"),
        }
        Err(error)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client(…)")
    }
}

async fn read(response: reqwest::Response, most: usize) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| CallError::Away)?;
        if body.len() + chunk.len() > most {
            return Err(CallError::Unreadable);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
