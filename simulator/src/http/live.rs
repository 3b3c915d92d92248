//! `/v1/live/sessions`: the other interface. One JSON object each way, the project's key alone, and a socket beside the
//! session.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Path, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::auth::{Bearer, refuse_beta};
use super::create::{self, Refused, unix_now};
use super::error::ApiError;
use super::{Shared, hangup, offer, sideband};
use crate::call::{ChannelFilter, Mind};
use crate::model::Setup;
use crate::model::ids::Ids;
use crate::model::live::LiveModel;
use crate::model::refusal::Refusal;

/// An offer in, an answer and a session out.
pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    refuse_beta(&headers)?;
    let project = match shared.keys.check(&headers)? {
        Bearer::Project(project) => project,
        Bearer::Ephemeral(..) => return Err(ApiError::unauthorized("Live sessions take no client secrets.")),
    };
    let body = Bytes::from_request(request, &()).await.map_err(|_| broken())?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| broken())?;
    if body["transport"]["type"] != "webrtc" {
        let text = "Invalid value for 'transport.type'.";
        return Err(Refusal::new("invalid_value", text).at("transport.type").into());
    }
    let sdp = body["transport"]["sdp"].as_str().unwrap_or_default();
    offer::check(sdp)?;
    let faults = match create::go_wrong(&shared).await {
        Ok(faults) => faults,
        Err(Refused::Error(error)) => return Err(error),
        Err(Refused::Garbage(garbage)) => return Ok(garbage),
    };
    let id = format!("live_{}", Ids::fresh().letters(21));
    let cap = faults.session_cap.unwrap_or(shared.config.max_session);
    let expires_at = unix_now().saturating_add_unsigned(cap.as_secs());
    let setup = Setup::of(&shared.config, faults.clone());
    let model = LiveModel::new(setup, Ids::fresh(), &id, expires_at, &body["session"])?;
    let answer =
        create::start(&shared, (&id, project), Mind::Live(Box::new(model)), (sdp, ChannelFilter::Off), faults).await?;
    let session = json!({"id": id, "expires_at": expires_at, "status": "active"});
    let transport = json!({"type": "webrtc", "sdp": answer});
    Ok((StatusCode::CREATED, Json(json!({"session": session, "transport": transport}))).into_response())
}

/// 200 with nothing in it; from then on the session is unknown.
pub(super) async fn hang_up(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    hangup::end(&shared, &id, &headers, ApiError::session_not_found).await
}

/// The socket beside a session.
pub(super) async fn attach(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    sideband::attach_to(shared, id, headers, upgrade, ApiError::session_not_found).await
}

fn broken() -> ApiError {
    Refusal::new("invalid_json", "The body is not a JSON object.").into()
}
