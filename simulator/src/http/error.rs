//! Errors in the provider's envelope.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::model::refusal::Refusal;

/// A refusal with its status.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    refusal: Refusal,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, refusal: Refusal) -> Self {
        Self { status, refusal }
    }

    pub(super) fn invalid_offer(why: &str) -> Self {
        let message = format!("Invalid SDP offer: {why}. Please send a WHIP-compliant offer.");
        Refusal::new("invalid_offer", message).into()
    }

    pub(super) fn call_not_found() -> Self {
        let refusal = Refusal::new("call_id_not_found", "No call found for the given call_id.");
        Self::new(StatusCode::NOT_FOUND, refusal)
    }

    pub(super) fn session_not_found() -> Self {
        let refusal = Refusal::new("session_id_not_found", "No session found for the given session_id.");
        Self::new(StatusCode::NOT_FOUND, refusal)
    }

    pub(super) fn rate_limited(code: &'static str, message: &str) -> Self {
        let mut refusal = Refusal::new(code, message);
        refusal.kind = code;
        Self::new(StatusCode::TOO_MANY_REQUESTS, refusal)
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Refusal::new("invalid_api_key", message))
    }

    /// What the provider says with this status, for faults.
    pub(super) fn of_status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match status {
            StatusCode::UNAUTHORIZED => Self::unauthorized("Incorrect API key provided."),
            StatusCode::TOO_MANY_REQUESTS => Self::rate_limited("rate_limit_exceeded", "Rate limit reached."),
            status if status.is_server_error() => {
                let mut refusal =
                    Refusal::new("server_error", "The server had an error while processing your request.");
                refusal.kind = "server_error";
                Self::new(status, refusal)
            }
            status => Self::new(status, Refusal::new("invalid_request", "The request was refused.")),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::new(StatusCode::BAD_REQUEST, refusal)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.refusal.envelope())).into_response()
    }
}

pub(super) async fn unknown_url() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, Refusal::new("unknown_url", "Unknown request URL."))
}
