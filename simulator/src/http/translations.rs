//! `/v1/realtime/translations/*`: the interpreter's own addresses. A session begins with a client secret and with nothing
//! else, and its socket is apart from those of other calls.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::auth::{Bearer, refuse_beta};
use super::create::{self, Refused, unix_now};
use super::error::ApiError;
use super::offer::Asked;
use super::sideband::{self, Wanted};
use super::{Shared, secrets};
use crate::call::{ChannelFilter, Mind};
use crate::model::Setup;
use crate::model::ids::Ids;
use crate::model::interpreter::{self, Interpreter};
use crate::model::refusal::Refusal;

/// A secret for one translation.
pub(super) async fn mint(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    refuse_beta(&headers)?;
    let Bearer::Project(project) = shared.keys.check(&headers)? else {
        return Err(ApiError::unauthorized("Ephemeral keys cannot make ephemeral keys."));
    };
    let asked = secrets::parse(&body)?;
    let seconds = secrets::lifetime(&asked)?;
    let mut session = Value::Object(interpreter::session_of(&asked["session"])?.clone());
    session["type"] = "translation".into();
    let value = shared.keys.mint(project, std::time::Duration::from_secs(seconds), Some(session.clone()))?;
    let expires_at = unix_now().saturating_add_unsigned(seconds);
    Ok(Json(json!({ "value": value, "expires_at": expires_at, "session": session })))
}

/// An offer in, an answer and a call out.
pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    refuse_beta(&headers)?;
    let (project, settings) = match shared.keys.check(&headers)? {
        Bearer::Ephemeral(project, Some(settings)) if settings["type"] == "translation" => (project, settings),
        Bearer::Ephemeral(..) | Bearer::Project(_) => {
            return Err(ApiError::unauthorized("A translation begins with a client secret of its own."));
        }
    };
    let asked = Asked::read(request).await?;
    let faults = match create::go_wrong(&shared).await {
        Ok(faults) => faults,
        Err(Refused::Error(error)) => return Err(error),
        Err(Refused::Garbage(garbage)) => return Ok(garbage),
    };
    if faults.quirks.realtime_only {
        return Err(Refusal::new("invalid_value", "This server only converses.").at("session.type").into());
    }
    let suffix = Ids::fresh().letters(21);
    let (call_id, session_id) = (format!("rtc_u0_{suffix}"), format!("sess_u0_{suffix}"));
    let cap = faults.session_cap.unwrap_or(shared.config.max_session);
    let expires_at = unix_now().saturating_add_unsigned(cap.as_secs());
    let setup = Setup::of(&shared.config, faults.clone());
    let model = Interpreter::new(setup, Ids::fresh(), &session_id, expires_at, &settings)?;
    let mind = Mind::Interpreter(Box::new(model));
    let answer = create::start(&shared, (&call_id, project), mind, (&asked.sdp, ChannelFilter::Off), faults).await?;
    let mut response = (StatusCode::CREATED, answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/sdp"));
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/realtime/translations/calls/{call_id}")) {
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The socket beside a call. That there is one is not documented; a quirk takes it away.
pub(super) async fn attach(
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let call_id = wanted.call_id.unwrap_or_default();
    if shared.calls.get(&call_id).is_some_and(|call| call.faults().quirks.translation_unwatched) {
        return Err(ApiError::call_not_found());
    }
    sideband::attach_to(shared, call_id, headers, upgrade, ApiError::call_not_found).await
}
