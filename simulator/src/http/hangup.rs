//! `POST /v1/realtime/calls/{id}/hangup`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::Shared;
use super::auth::refuse_beta;
use super::error::ApiError;
use crate::call::Message;
use crate::model::refusal::Refusal;

/// 200 with nothing in it; from then on the call is unknown.
pub(super) async fn hang_up(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    end(&shared, &id, &headers, ApiError::call_not_found).await
}

/// The same under any address; `unknown` says that there is nothing of that name.
pub(super) async fn end(
    shared: &Shared,
    id: &str,
    headers: &HeaderMap,
    unknown: fn() -> ApiError,
) -> Result<StatusCode, ApiError> {
    refuse_beta(headers)?;
    let project = shared.keys.check(headers)?.project();
    let call = shared.calls.get(id).filter(|call| call.project == project);
    if call.as_ref().is_some_and(|call| call.faults().quirks.hangup_sip_only) {
        return Err(Refusal::new("invalid_request", "Only calls of telephones are ended like this.").into());
    }
    if let Some(call) = &call {
        let (fails, delay) = call.hangup_faults();
        tokio::time::sleep(delay).await;
        if fails {
            return Err(ApiError::of_status(500));
        }
    }
    let call = call.and_then(|_| shared.calls.take(id)).ok_or_else(unknown)?;
    shared.records.hung_up(id);
    // Should the call have ended meanwhile, it is as hung up as it can be.
    let _ = call.inbox.send(Message::HangUp).await;
    Ok(StatusCode::OK)
}
