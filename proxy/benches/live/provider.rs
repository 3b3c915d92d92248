//! The provider's addresses: create, hang up, sideband. No retries and no cleverness: what it answers is what is asked.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Writes down what the caller of the checks says.
pub(crate) const TRANSCRIPTION: &str = "gpt-4o-mini-transcribe";
const LIMIT: Duration = Duration::from_secs(20);

/// An open sideband.
pub(crate) type Sideband = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One provider.
#[derive(Debug)]
pub(crate) struct Provider {
    http: Client,
    base: String,
    key: String,
    model: String,
}

/// What a create came to.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Provider {
    pub(crate) fn from_env(key: String) -> Result<Self> {
        let base = std::env::var("OPENAI_BASE_URL").unwrap_or_else(|_| "https://api.openai.com/v1".into());
        let base = base.trim_end_matches('/').to_owned();
        let base = if base.ends_with("/v1") { base } else { format!("{base}/v1") };
        let model = std::env::var("OPENAI_REALTIME_MODEL").unwrap_or_else(|_| "gpt-realtime-2.1".into());
        Ok(Self { http: Client::builder().timeout(LIMIT).build()?, base, key, model })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// The session that every check begins with: short answers, so that they cost little.
    pub(crate) fn session(&self) -> Value {
        json!({
            "type": "realtime", "model": self.model, "output_modalities": ["audio"], "max_output_tokens": 400,
            "instructions": "You are a test. Answer in one short sentence unless you are asked to count.",
            "audio": {
                "input": {
                    "transcription": { "model": TRANSCRIPTION },
                    "turn_detection": { "type": "server_vad", "silence_duration_ms": 500, "create_response": false,
                        "interrupt_response": true },
                },
                "output": { "voice": "marin" },
            },
        })
    }

    pub(crate) async fn create(&self, offer: &str) -> Result<Created> {
        self.create_for(offer, "viva-live-check").await
    }

    /// The same for a person: a stable, meaningless text. Whether the header is taken on this address is a question.
    pub(crate) async fn create_for(&self, offer: &str, person: &str) -> Result<Created> {
        let session = Part::text(self.session().to_string()).mime_str("application/json")?;
        let form = Form::new().part("sdp", Part::text(offer.to_owned()).mime_str("application/sdp")?);
        let request = self.http.post(format!("{}/realtime/calls", self.base)).multipart(form.part("session", session));
        let request = request.header("openai-safety-identifier", person);
        created(request.bearer_auth(&self.key).send().await?).await
    }

    /// Only the offer, as the official clients send it when they are given nothing else.
    pub(crate) async fn create_without_session(&self, offer: &str) -> Result<Created> {
        let request = self.http.post(format!("{}/realtime/calls", self.base)).body(offer.to_owned());
        created(request.header("content-type", "application/sdp").bearer_auth(&self.key).send().await?).await
    }

    /// Status and body.
    pub(crate) async fn hang_up(&self, call: &str) -> Result<(u16, String)> {
        let request = self.http.post(format!("{}/realtime/calls/{call}/hangup", self.base));
        let response = request.bearer_auth(&self.key).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// A sideband, or the status and body of the refusal.
    pub(crate) async fn watch(&self, call: &str) -> Result<Result<Sideband, (u16, String)>> {
        let url = format!("{}/realtime?call_id={call}", self.base.replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        let bearer = format!("Bearer {}", self.key).parse().context("the key has characters that cannot be sent")?;
        request.headers_mut().insert(http::header::AUTHORIZATION, bearer);
        match tokio::time::timeout(LIMIT, tokio_tungstenite::connect_async(request)).await? {
            Ok((socket, _)) => Ok(Ok(socket)),
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
                Ok(Err((response.status().as_u16(), body)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// An Azure resource, asked with its own key.
pub(crate) struct Azure(Provider);

impl Azure {
    pub(crate) fn from_env() -> Result<Option<Self>> {
        let set = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
        let Some((base, key)) = set("AZURE_OPENAI_BASE_URL").zip(set("AZURE_OPENAI_API_KEY")) else { return Ok(None) };
        let model = set("AZURE_OPENAI_DEPLOYMENT").unwrap_or_else(|| "gpt-realtime-2.1".into());
        let base = base.trim_end_matches('/').to_owned();
        Ok(Some(Self(Provider { http: Client::builder().timeout(LIMIT).build()?, base, key, model })))
    }

    /// Offer and session in one form.
    pub(crate) async fn create(&self, offer: &str) -> Result<Created> {
        let Provider { http, base, key, .. } = &self.0;
        let session = Part::text(self.0.session().to_string()).mime_str("application/json")?;
        let form = Form::new().part("sdp", Part::text(offer.to_owned()).mime_str("application/sdp")?);
        let request = http.post(format!("{base}/realtime/calls")).multipart(form.part("session", session));
        created(request.header("api-key", key).send().await?).await
    }

    /// The status.
    pub(crate) async fn hang_up(&self, call: &str) -> Result<u16> {
        let Provider { http, base, key, .. } = &self.0;
        let request = http.post(format!("{base}/realtime/calls/{call}/hangup")).header("api-key", key);
        Ok(request.send().await?.status().as_u16())
    }
}

async fn created(response: Response) -> Result<Created> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, location, content_type) =
        (response.status().as_u16(), header("location"), header("content-type").unwrap_or_default());
    Ok(Created { status, location, content_type, body: response.text().await? })
}

/// One event in a frame, if it is one.
pub(crate) fn event(message: &Message) -> Option<Value> {
    serde_json::from_str(message.to_text().ok()?).ok()
}
