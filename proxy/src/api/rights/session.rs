//! `POST /api/sessions/{id}/consent/withdraw`: a consent is taken back by whoever gave it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::super::openapi::refused;
use super::super::refusals::session_id;
use super::super::sessions::{Ending, end_as, find};
use super::super::{Caller, Code, LiveCalls, Problem};
use crate::call::core::EndedBy;
use crate::identity::{Identity, Principal};
use crate::ids::SessionId;
use crate::store::Store;
use crate::store::rights::Rights;
use crate::transcript::Signer;

/// What a withdrawal answers.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WithdrawnConsent)]
pub(super) struct Withdrawn {
    session_id: SessionId,
    ended_by: Option<String>,
    /// What is stored stays until it is deleted like this, or its time is over.
    erasure: Offer,
}

/// How to have it erased.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ErasureOffer)]
struct Offer {
    method: &'static str,
    href: String,
}

/// Take a consent back
///
/// By whoever gave it. A running call ends; what was recorded stays until it is deleted or its time is over.
#[utoipa::path(post, path = "/api/sessions/{id}/consent/withdraw", operation_id = "withdrawConsent", tag = "rights",
    params(("id" = SessionId, Path)), security(("cookie" = []), ("bearer" = []), ("ticket" = [])),
    responses((status = 200, description = "It is taken back, now or before.", body = Withdrawn), refused::Collides))]
pub(super) async fn withdraw(
    caller: Caller,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(rights): State<Arc<dyn Rights>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    State(signer): State<Signer>,
    Path(id): Path<String>,
) -> Result<Json<Withdrawn>, Problem> {
    let id = session_id(&id)?;
    let session = find(&caller, store.as_ref(), id).await?;
    let is_theirs = match &caller.principal {
        Principal::Person(person) => person.user == session.new.user,
        Principal::Ticket(ticket) => ticket.session == id,
        Principal::AccessKey(_) => false,
    };
    if !is_theirs {
        return Err(Problem::new(Code::Forbidden, "Only whoever gave a consent can take it back."));
    }
    if !rights.withdraw_consent(caller.principal.ctx(), id).await? {
        return Err(Problem::not_found());
    }
    // An interview that is over takes no ticket and no offer: nothing more reaches the model.
    if session.ended_at.is_none() {
        let ending = Ending { store: store.as_ref(), calls: calls.as_ref(), signer: &signer, identity: &identity };
        end_as(ending, &session, EndedBy::ConsentWithdrawn).await?;
    }
    let session = find(&caller, store.as_ref(), id).await?;
    let erasure = Offer { method: "DELETE", href: format!("/api/sessions/{id}") };
    Ok(Json(Withdrawn { session_id: id, ended_by: session.ended_by, erasure }))
}
