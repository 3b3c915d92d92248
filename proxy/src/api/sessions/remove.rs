//! `DELETE /api/sessions/{id}`: an interview goes with its record. By the person it is of, or by an admin.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use super::super::openapi::refused;
use super::super::refusals::session_id;
use super::super::{Caller, Code, LiveCalls, Problem};
use super::read::find;
use crate::identity::Role;
use crate::ids::SessionId;
use crate::store::rights::{Deletion, Rights};
use crate::store::{SessionStatus, Store, WebrtcStatus};

/// Delete an interview
///
/// With its record, by the person it is of or an admin. It is not kept anywhere.
#[utoipa::path(delete, path = "/api/sessions/{id}", operation_id = "deleteSession", tag = "sessions",
    params(("id" = SessionId, Path)),
    responses((status = 204, description = "It is gone."), refused::Held))]
pub(super) async fn remove(
    caller: Caller,
    State(store): State<Arc<dyn Store>>,
    State(rights): State<Arc<dyn Rights>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = session_id(&id)?;
    let person = caller.person()?;
    let session = find(&caller, store.as_ref(), id).await?;
    if session.new.user != person.user && person.role < Role::Admin {
        return Err(Problem::new(Code::Forbidden, "The person it is of or an admin can delete an interview."));
    }
    // A call that is being made may be another machine's.
    let is_called = session.ended_at.is_none()
        && matches!(
            session.webrtc_status,
            WebrtcStatus::Negotiating | WebrtcStatus::Answered | WebrtcStatus::Connected
        );
    if calls.is_live(id) || is_called || session.status == SessionStatus::InProgress {
        return Err(Problem::new(Code::Conflict, "The interview is running. End it first."));
    }
    match rights.delete_session(person.ctx(), id).await? {
        Deletion::Done => Ok(StatusCode::NO_CONTENT),
        Deletion::Missing => Err(Problem::not_found()),
        Deletion::Held => Err(held()),
    }
}

/// The tenant must keep everything for now.
pub(in crate::api) fn held() -> Problem {
    Problem::new(Code::LegalHold, "The organisation has to keep its records for now. Ask again when that is over.")
}
