//! `transcript-processor`: the interview as it reads.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::super::openapi::refused;
use super::super::transcript::as_json;
use super::super::{Problem, SessionsRead, Within};
use super::Fields;
use crate::ids::SessionId;
use crate::store::Store;
use crate::transcript::export::WithOlderNames;

/// The body, as it is described.
#[derive(utoipa::ToSchema)]
#[schema(as = TranscriptProcessor)]
#[expect(dead_code, reason = "only described")]
struct Body {
    session_id: SessionId,
    /// Decides nothing.
    tenant_id: Option<String>,
}

/// transcript-processor
///
/// Turns in conversation order, each once, with the stages.
#[utoipa::path(post, path = "/functions/v1/transcript-processor", operation_id = "transcriptProcessor", tag = "functions",
    request_body = Body,
    security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "As `GET /api/sessions/{id}/transcript` tells it.", body = WithOlderNames<'static>),
        refused::NoObject))]
pub(super) async fn read(
    Within(caller, _): Within<SessionsRead>,
    State(store): State<Arc<dyn Store>>,
    body: Fields<{ 16 * 1024 }>,
) -> Result<Response, Problem> {
    let id = body.needed_session()?;
    as_json(&caller, store.as_ref(), id).await
}
