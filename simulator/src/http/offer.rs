//! The offer and the session in a request: in both of the provider's forms, and as JSON, as some compatible servers want it.

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use serde_json::Value;

use super::error::ApiError;
use crate::model::refusal::Refusal;

/// The longest offer: a browser's is 1 to 6 KiB.
const MAX_SDP_BYTES: usize = 64 * 1024;

/// What a create request asks for.
pub(super) struct Asked {
    pub(super) sdp: String,
    /// Not from a bare offer. `null`, which the Python SDK sends, is absent.
    pub(super) session: Option<Value>,
    pub(super) form: Form,
}

/// How it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Multipart,
    Bare,
    Json,
}

impl Asked {
    pub(super) async fn read(request: Request) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        let asked = if kind.starts_with("multipart/form-data") {
            Self::read_form(request).await?
        } else if kind.starts_with("application/sdp") {
            let body = Bytes::from_request(request, &())
                .await
                .map_err(|_| ApiError::invalid_offer("the body is too large or was cut off"))?;
            let session = None;
            Self { sdp: utf8(&body)?, session, form: Form::Bare }
        } else if kind.starts_with("application/json") {
            Self::read_json(request).await?
        } else {
            return Err(ApiError::invalid_offer("the content type is neither application/sdp nor multipart/form-data"));
        };
        check(&asked.sdp)?;
        Ok(asked)
    }

    async fn read_form(request: Request) -> Result<Self, ApiError> {
        let broken = || -> ApiError { Refusal::new("invalid_multipart", "The multipart body cannot be read.").into() };
        let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
        let (mut sdp, mut session) = (None, None);
        while let Some(part) = form.next_field().await.map_err(|_| broken())? {
            let name = part.name().unwrap_or_default().to_owned();
            let bytes = part.bytes().await.map_err(|_| broken())?;
            match name.as_str() {
                "sdp" => sdp = Some(utf8(&bytes)?),
                "session" => {
                    session = serde_json::from_slice(&bytes).map_err(|_| {
                        ApiError::from(Refusal::new("invalid_json", "The session is not JSON.").at("session"))
                    })?;
                }
                other => {
                    let at = other.chars().take(64).collect::<String>();
                    return Err(Refusal::new("unknown_parameter", format!("Unknown parameter: '{at}'.")).at(at).into());
                }
            }
        }
        let sdp = sdp.ok_or_else(|| {
            ApiError::from(Refusal::new("missing_required_parameter", "Missing required parameter: 'sdp'.").at("sdp"))
        })?;
        Ok(Self { sdp, session, form: Form::Multipart })
    }

    /// `{"sdp", "session"?, "model"?}`.
    async fn read_json(request: Request) -> Result<Self, ApiError> {
        let broken = || -> ApiError { Refusal::new("invalid_json", "The body is not a JSON object.").into() };
        let body = Bytes::from_request(request, &()).await.map_err(|_| broken())?;
        let mut body: Value = serde_json::from_slice(&body).map_err(|_| broken())?;
        let Some(sdp) = body["sdp"].as_str().map(str::to_owned) else {
            return Err(Refusal::new("missing_required_parameter", "Missing required parameter: 'sdp'.")
                .at("sdp")
                .into());
        };
        let session = Some(body["session"].take()).filter(|session| !session.is_null());
        Ok(Self { sdp, session, form: Form::Json })
    }
}

fn utf8(bytes: &[u8]) -> Result<String, ApiError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(ApiError::invalid_offer("it is not UTF-8")),
    }
}

/// What makes an offer unusable before any parser sees it.
pub(super) fn check(sdp: &str) -> Result<(), ApiError> {
    let fault = if sdp.is_empty() {
        "it is empty"
    } else if sdp.len() > MAX_SDP_BYTES {
        "it is too large"
    } else if !sdp.starts_with("v=0") {
        "it does not begin with v=0"
    } else if sdp.replace("\r\n", "").contains(['\r', '\n']) {
        "its lines do not end with CRLF"
    } else if !sdp.ends_with("\r\n") {
        "its last line has no end"
    } else if !sdp.lines().any(|line| line.starts_with("m=audio ")) {
        "it has no audio"
    } else if !sdp.lines().any(|line| line.starts_with("a=fingerprint:")) {
        "it has no fingerprint"
    } else {
        return Ok(());
    };
    Err(ApiError::invalid_offer(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_offers_pass() {
        let good = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=fingerprint:sha-256 AA\r\n";
        assert!(check(good).is_ok());
        let bad = [
            "",
            "{\"sdp\":\"v=0\"}",
            good.trim_end(),
            &good.replace("\r\n", "\n"),
            &good.replace("m=audio", "m=video"),
            &good.replace("a=fingerprint", "a=setup"),
            &format!("{good}{}", "a=x\r\n".repeat(20_000)),
        ];
        for offer in bad {
            assert!(check(offer).is_err(), "{offer:.40}");
        }
    }
}
