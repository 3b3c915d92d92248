//! `POST /api/sessions/{id}/stage`: the candidate wants to go on to a later stage. The running call decides; nothing is
//! written here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::super::body::Input;
use super::super::live::SkipRefused;
use super::super::openapi::refused;
use super::super::refusals::session_id;
use super::super::{Code, LiveCalls, Problem, SessionsWrite, Within};
use super::fields;
use super::read::{find, view};
use super::view::{View, plan_of};
use crate::ids::SessionId;
use crate::store::Store;

/// The body.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = StageWish)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    target_stage: String,
}

/// Go on to a later stage
#[utoipa::path(post, path = "/api/sessions/{id}/stage", operation_id = "skipStage", tag = "sessions",
    params(("id" = SessionId, Path)), request_body = Wanted, security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:write"])),
    responses((status = 200, description = "It was taken up.", body = View), refused::NoSkip))]
pub(super) async fn skip(
    Within(caller, _): Within<SessionsWrite>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    Path(id): Path<String>,
    Input(wanted): Input<Wanted>,
) -> Result<Json<View>, Problem> {
    let id = session_id(&id)?;
    let session = find(&caller, store.as_ref(), id).await?;
    if session.ended_at.is_some() {
        return Err(Problem::new(Code::SessionEnded, "This interview is over."));
    }
    if plan_of(&session).is_some_and(|plan| plan.position(&wanted.target_stage).is_none()) {
        return Err(fields::invalid("target_stage", "`target_stage` is not a stage of this interview's plan."));
    }
    calls.skip(id, wanted.target_stage).await.map_err(|refused| {
        Problem::new(
            Code::SkipNotAllowed,
            match refused {
                SkipRefused::NotLive => "The interview is not running, so its stage cannot be changed.",
                SkipRefused::NotAllowed => {
                    "Only a later stage can be skipped to, and not while the interview is ending."
                }
            },
        )
    })?;
    let session = find(&caller, store.as_ref(), id).await?;
    Ok(Json(view(calls.as_ref(), session)))
}
