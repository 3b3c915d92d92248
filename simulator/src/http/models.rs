//! `GET /v1/models`: what one may choose, with the dates on which some of it ends.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::Shared;
use super::error::ApiError;

/// Name, time of creation, and the announced shutdown.
const MODELS: &[(&str, i64, Option<&str>)] = &[
    ("gpt-realtime-2.1", 1_787_000_000, None),
    ("gpt-realtime-2.1-mini", 1_787_000_000, None),
    ("gpt-realtime-2", 1_778_100_000, None),
    ("gpt-realtime-1.5", 1_770_700_000, None),
    ("gpt-realtime", 1_756_200_000, Some("2027-01-20")),
    ("gpt-realtime-mini", 1_759_700_000, Some("2027-01-20")),
    ("gpt-realtime-whisper", 1_778_100_000, None),
    ("gpt-4o-transcribe", 1_742_000_000, Some("2027-02-26")),
    ("gpt-4o-mini-transcribe", 1_742_000_000, Some("2027-02-26")),
    ("whisper-1", 1_677_500_000, Some("2027-02-26")),
];

pub(super) async fn list(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Json<Value>, ApiError> {
    shared.keys.check(&headers)?;
    let data: Vec<Value> = MODELS
        .iter()
        .map(|(id, created, shutdown_date)| {
            json!({
                "id": id,
                "object": "model",
                "created": created,
                "owned_by": "system",
                "shutdown_date": shutdown_date,
            })
        })
        .collect();
    Ok(Json(json!({"object": "list", "data": data})))
}
