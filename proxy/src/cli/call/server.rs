//! The server's HTTP interface as a caller needs it: sign in as the local guest, create a session, read what was stored.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::interview::SessionKind;

/// Longer than any request of a healthy server takes.
const LIMIT: Duration = Duration::from_secs(15);

/// Why a call could not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerError {
    /// No connection.
    #[error("{base} cannot be reached; is the server running there?")]
    Unreachable { base: String },
    /// A refusal, in the server's own words.
    #[error("{what} was refused: {detail}")]
    Refused { what: &'static str, detail: String },
    /// Not a Viva server.
    #[error("{what} gave an answer that is none of Viva's")]
    Strange { what: &'static str },
}

/// What a session is to be.
pub(super) struct Wish {
    pub(super) kind: SessionKind,
    /// Of an interview.
    pub(super) plan: String,
    pub(super) language: Option<String>,
}

/// Translated into, unless something else is asked for.
const TARGET: &str = "es";

impl Wish {
    fn body(&self) -> Value {
        let mut body = json!({ "kind": self.kind, "candidate_name": "Test caller",
            "consent": { "version": "2026-11", "locale": "en" } });
        let language = self.language.as_deref();
        match (self.kind, language) {
            (SessionKind::Translation, language) => body["target_language"] = language.unwrap_or(TARGET).into(),
            (SessionKind::Interview | SessionKind::Transcription, Some(language)) => body["language"] = language.into(),
            (SessionKind::Interview | SessionKind::Transcription, None) => {}
        }
        if self.kind == SessionKind::Interview {
            body["plan"] = self.plan.as_str().into();
        }
        body
    }
}

/// A server one may call.
pub(super) struct Server {
    http: Client,
    base: String,
    cookie: Option<String>,
    /// The ticket that opens the call.
    pub(super) ticket: String,
}

impl Server {
    /// With a ticket, or as the guest with a fresh session.
    pub(super) async fn sign_in(base: &str, ticket: Option<&str>, wish: &Wish) -> Result<Self, ServerError> {
        let base = base.trim_end_matches('/').to_owned();
        let http = Client::builder()
            .timeout(LIMIT)
            .no_proxy()
            .build()
            .map_err(|_| ServerError::Strange { what: "the HTTP client" })?;
        let mut server = Self { http, base, cookie: None, ticket: ticket.unwrap_or_default().to_owned() };
        if ticket.is_none() {
            server.cookie = Some(server.guest().await?);
            server.ticket = server.create(wish).await?;
        }
        Ok(server)
    }

    /// Address of the call's socket.
    pub(super) fn socket_url(&self) -> String {
        format!("{}/ws", self.base.replacen("http", "ws", 1))
    }

    /// The origin this caller says it comes from: the server's own.
    pub(super) fn origin(&self) -> &str {
        &self.base
    }

    /// For a caller who joins again: a guest asks for another ticket, and one that was given is good for its session.
    pub(super) async fn fresh_ticket(&self, session: &str) -> Result<String, ServerError> {
        if self.cookie.is_none() {
            return Ok(self.ticket.clone());
        }
        let what = "asking for a ticket";
        let body = json!({ "consent": { "version": "2026-11", "locale": "en" } });
        let request = self.http.post(format!("{}/api/sessions/{session}/tickets", self.base)).json(&body);
        let body: Value = self.send(request, what).await?.json().await.map_err(|_| ServerError::Strange { what })?;
        body["ticket"]["value"].as_str().map(str::to_owned).ok_or(ServerError::Strange { what })
    }

    /// Where a person reads the transcript.
    pub(super) fn transcript_url(&self, session: &str) -> String {
        format!("{}/api/sessions/{session}/transcript", self.base)
    }

    /// What is stored of a session.
    pub(super) async fn transcript(&self, session: &str) -> Result<Value, ServerError> {
        let what = "reading the transcript";
        let response = self.send(self.http.get(self.transcript_url(session)), what).await?;
        response.json().await.map_err(|_| ServerError::Strange { what })
    }

    async fn guest(&self) -> Result<String, ServerError> {
        let what = "the guest sign-in";
        let response = self.send(self.http.post(format!("{}/auth/guest", self.base)), what).await?;
        let cookie = response.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
        let pair = cookie.and_then(|cookie| cookie.split(';').next()).ok_or(ServerError::Strange { what })?;
        Ok(pair.to_owned())
    }

    async fn create(&self, wish: &Wish) -> Result<String, ServerError> {
        let what = "creating a session";
        let request = self.http.post(format!("{}/api/sessions", self.base)).json(&wish.body());
        let response = self.send(request, what).await?;
        let body: Value = response.json().await.map_err(|_| ServerError::Strange { what })?;
        body["ticket"]["value"].as_str().map(str::to_owned).ok_or(ServerError::Strange { what })
    }

    async fn send(&self, request: RequestBuilder, what: &'static str) -> Result<Response, ServerError> {
        let request = request.header(ORIGIN, &self.base);
        let request = match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None if self.ticket.is_empty() => request,
            None => request.header(AUTHORIZATION, format!("Bearer {}", self.ticket)),
        };
        let response = request.send().await.map_err(|_| ServerError::Unreachable { base: self.base.clone() })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let problem: Value = response.json().await.unwrap_or_default();
        let detail = problem["detail"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        Err(ServerError::Refused { what, detail })
    }
}
