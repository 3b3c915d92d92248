//! `POST /v1/realtime/calls/{id}/hangup`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::Shared;
use super::auth::refuse_beta;
use super::error::ApiError;
use crate::call::Message;

/// 200 with nothing in it; from then on the call is unknown.
pub(super) async fn hang_up(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    refuse_beta(&headers)?;
    let project = shared.keys.check(&headers)?.project();
    let call = shared.calls.get(&id).filter(|call| call.project == project);
    if let Some(call) = &call {
        let (fails, delay) = call.hangup_faults();
        tokio::time::sleep(delay).await;
        if fails {
            return Err(ApiError::of_status(500));
        }
    }
    let call = call.and_then(|_| shared.calls.take(&id)).ok_or_else(ApiError::call_not_found)?;
    shared.records.hung_up(&id);
    // Should the call have ended meanwhile, it is as hung up as it can be.
    let _ = call.inbox.send(Message::HangUp).await;
    Ok(StatusCode::OK)
}
