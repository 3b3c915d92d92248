//! `POST /v1/realtime/client_secrets`: ephemeral keys.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::Shared;
use super::auth::{Bearer, refuse_beta};
use super::create::unix_now;
use super::error::ApiError;
use crate::model::ids::Ids;
use crate::model::refusal::Refusal;
use crate::model::session::Session;

const SECONDS: std::ops::RangeInclusive<u64> = 10..=7_200;
const DEFAULT_SECONDS: u64 = 600;

pub(super) async fn mint(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    refuse_beta(&headers)?;
    let Bearer::Project(project) = shared.keys.check(&headers)? else {
        return Err(ApiError::unauthorized("Ephemeral keys cannot make ephemeral keys."));
    };
    let asked = parse(&body)?;
    let seconds = lifetime(&asked)?;
    let given = asked.get("session").filter(|session| !session.is_null());
    let mut session = Session::new(&Ids::fresh().next("sess"), 0, 0);
    if let Some(given) = given {
        session.create(given)?;
    }
    let value = shared.keys.mint(project, Duration::from_secs(seconds), given.cloned())?;
    let expires_at = unix_now().saturating_add_unsigned(seconds);
    Ok(Json(json!({
        "value": value,
        "expires_at": expires_at,
        "session": session.to_value(),
    })))
}

/// All of the request is optional, its body too.
pub(super) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if value.is_object() => Ok(value),
        _ => Err(Refusal::new("invalid_json", "The body is not a JSON object.").into()),
    }
}

pub(super) fn lifetime(asked: &Value) -> Result<u64, ApiError> {
    let at = "expires_after.seconds";
    let wrong = || {
        let text = format!("Invalid value for '{at}': supported are integers from 10 to 7200.");
        Refusal::new("invalid_value", text).at(at)
    };
    match &asked["expires_after"]["seconds"] {
        Value::Null => Ok(DEFAULT_SECONDS),
        seconds => Ok(seconds.as_u64().filter(|s| SECONDS.contains(s)).ok_or_else(wrong)?),
    }
}
