//! `POST /api/sessions/{id}/consent/withdraw` and `DELETE /api/sessions/{id}`. A consent is taken back by whoever gave it; an
//! interview is deleted by the person it is of, or by an admin.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;

use super::super::refusals::session_id;
use super::super::sessions::{Ending, end_as, find};
use super::super::{Caller, Code, LiveCalls, Problem};
use crate::call::core::EndedBy;
use crate::identity::{Identity, Principal, Role};
use crate::ids::SessionId;
use crate::store::rights::{Deletion, Rights};
use crate::store::{SessionStatus, Store};
use crate::transcript::Signer;

/// What a withdrawal answers.
#[derive(Serialize)]
pub(super) struct Withdrawn {
    session_id: SessionId,
    ended_by: Option<String>,
    /// What is stored stays until it is deleted like this, or its time is over.
    erasure: Offer,
}

/// How to have it erased.
#[derive(Serialize)]
struct Offer {
    method: &'static str,
    href: String,
}

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
    if calls.is_live(id) || session.status == SessionStatus::InProgress {
        return Err(Problem::new(Code::Conflict, "The interview is running. End it first."));
    }
    match rights.delete_session(person.ctx(), id).await? {
        Deletion::Done => Ok(StatusCode::NO_CONTENT),
        Deletion::Missing => Err(Problem::not_found()),
        Deletion::Held => Err(held()),
    }
}

/// The tenant must keep everything for now.
pub(super) fn held() -> Problem {
    Problem::new(Code::LegalHold, "The organisation has to keep its records for now. Ask again when that is over.")
}
