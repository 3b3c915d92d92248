//! A small client for the project's PostgREST: one POST to `/rpc/<function>` for each operation, JSON in and out. It
//! must not follow redirects or use a proxy, since the key travels in a header, and it must not log what it sends, what
//! is answered, or the text of an error: Postgres quotes values there. Only function, status and code are ever shown.
//!
//! A database function answers with one JSON value. It refuses with an SQLSTATE, which [`CallError`] names; those of our
//! own are `PT404` (no such row), `PT409` (taken), `PT412` (the journal was continued by somebody else) and `PT429` (no
//! place left).

use std::time::Duration;

use futures_util::StreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::redirect;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::own::PersonToken;
use super::project::{Project, ProjectKey};
use crate::store::{StoreError, Unwritable};

/// Larger than the transcript of the longest interview.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Larger than any error that PostgREST words.
const MAX_REFUSAL: usize = 64 * 1024;
/// Waits before each further attempt of what may be repeated.
const BEFORE_ATTEMPT: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

/// How long the database may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Opening a connection.
    pub connect: Duration,
    /// One attempt, connection and answer included. Longer than the `statement_timeout` of the platform's roles (8 s),
    /// so that a slow statement is told apart from a silent server.
    pub attempt: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), attempt: Duration::from_secs(10) }
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

/// Why a call brought no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answers, or says that they cannot just now. What became of the call is unknown.
    #[error("the database does not answer")]
    Away,
    /// There is no such function: the schema is older than this version, or PostgREST has not looked again since it was
    /// migrated.
    #[error("the database does not have the functions of this version")]
    Unmigrated,
    /// The key is not accepted, or its role may not call the function.
    #[error("the database does not accept the key")]
    Denied,
    /// The database cannot take any more, or is read-only.
    #[error("the database cannot be written ({0})")]
    Unwritable(Unwritable),
    /// The row that should be written to is not there for this tenant and actor.
    #[error("no such row")]
    Missing,
    /// A unique value is taken.
    #[error("the row exists already")]
    Conflict,
    /// The journal was continued by somebody else.
    #[error("the journal was continued by somebody else")]
    Fenced,
    /// No place is left: a cap that the database counts.
    #[error("no place is left")]
    Capped,
    /// The values cannot be stored, now or later.
    #[error("the database refuses the values")]
    Rejected,
    /// The answer is not one that this version knows.
    #[error("the database answers something else than this version expects")]
    Unreadable,
}

impl CallError {
    /// Whether the same call may succeed later although nobody changes what it says.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Away | Self::Unmigrated | Self::Denied | Self::Unwritable(_))
    }

    /// What an answer that is no success means. `code` is an SQLSTATE or PostgREST's own.
    fn of(status: StatusCode, code: &str) -> Self {
        match code {
            "PT404" | "23503" => Self::Missing,
            "PT409" | "23505" => Self::Conflict,
            "PT412" => Self::Fenced,
            "PT429" => Self::Capped,
            "53100" => Self::Unwritable(Unwritable::Full),
            "25006" => Self::Unwritable(Unwritable::ReadOnly),
            "42501" => Self::Denied,
            // A function that is not there, or calls what is not there.
            "PGRST202" | "PGRST205" | "42883" | "42P01" | "42703" => Self::Unmigrated,
            // Deadlock, serialisation, timeout, too many connections, shutting down; PostgREST without its database.
            "40001" | "40P01" | "57014" | "PGRST000" | "PGRST001" | "PGRST002" | "PGRST003" => Self::Away,
            _ if code.starts_with("53") || code.starts_with("57P") || code.starts_with("08") => Self::Away,
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Self::Away,
            _ if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN => Self::Denied,
            // A gateway that has lost its way to PostgREST, or PostgREST its view of the schema: the body is `{}`.
            _ if status == StatusCode::NOT_FOUND && code.is_empty() => Self::Unmigrated,
            _ => Self::Rejected,
        }
    }
}

impl From<CallError> for StoreError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Away | CallError::Unmigrated | CallError::Denied => Self::Unwritable(Unwritable::Away),
            CallError::Unwritable(reason) => Self::Unwritable(reason),
            CallError::Missing => Self::Missing,
            CallError::Conflict => Self::Conflict,
            CallError::Fenced => Self::Fenced,
            CallError::Capped => Self::Overloaded,
            CallError::Rejected | CallError::Unreadable => Self::Internal,
        }
    }
}

/// One project's database. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    rpc: String,
    headers: HeaderMap,
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
        Ok(Self { http, rpc: format!("{}/rpc/", project.rest), headers })
    }

    /// The same database, asked as somebody and not as the service.
    #[must_use]
    pub(super) fn under(&self, token: &PersonToken) -> Self {
        let mut client = self.clone();
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
                Some(wait) if again => tokio::time::sleep(*wait).await,
                _ => return Err(error),
            }
        }
    }

    async fn attempt(&self, function: &'static str, body: bytes::Bytes) -> Result<Vec<u8>, CallError> {
        let request = self.http.post(format!("{}{function}", self.rpc)).headers(self.headers.clone()).body(body);
        let response = request.send().await.map_err(|error| {
            // Without its address, which is the operator's; what went wrong is in the chain of sources.
            tracing::debug!(function, error = %error.without_url(), "the database was not reached");
            CallError::Away
        })?;
        let status = response.status();
        if status.is_success() {
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
            CallError::Missing | CallError::Conflict | CallError::Fenced | CallError::Capped => {}
            CallError::Rejected => {
                tracing::error!(function, status = status.as_u16(), code, "the database refuses values");
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_means_depends_on_its_code_before_its_status() {
        let of = |status: u16, code| CallError::of(StatusCode::from_u16(status).expect("a status"), code);
        assert_eq!(of(404, "PT404"), CallError::Missing);
        assert_eq!(of(409, "23505"), CallError::Conflict);
        assert_eq!(of(412, "PT412"), CallError::Fenced);
        for (status, code) in [(500, "57014"), (503, "PGRST000"), (500, ""), (502, ""), (429, ""), (400, "40P01")] {
            assert_eq!(of(status, code), CallError::Away, "{status} {code}");
        }
        for (status, code) in [(404, ""), (404, "PGRST202")] {
            assert_eq!(of(status, code), CallError::Unmigrated, "{status} {code}");
        }
        for (status, code) in [(401, "PGRST301"), (403, "42501"), (401, "")] {
            assert_eq!(of(status, code), CallError::Denied, "{status} {code}");
        }
        for (status, code) in [(400, "22P05"), (400, "22P02"), (400, "23514"), (404, "P0001"), (302, "")] {
            assert_eq!(of(status, code), CallError::Rejected, "{status} {code}");
        }
    }
}
