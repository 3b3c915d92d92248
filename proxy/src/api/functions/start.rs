//! `interview-start`: a ticket for one call, of an interview that exists or of one that is made now.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::super::openapi::refused;
use super::super::refusals::too_fast;
use super::super::sessions::fields::{self, invalid};
use super::super::sessions::{Made, Making, TicketValue, Wanted, make, mint_for};
use super::super::{Code, Peer, Problem, SessionsWrite, Within};
use super::Fields;
use crate::identity::{Door, Identity, Principal, Scope};
use crate::ids::{SessionId, TenantId};
use crate::interview::plan::Plans;
use crate::store::{SessionStatus, Store};
use crate::upstream::Upstream;

/// What of a body is read, besides `session_id`.
const KNOWN: [&str; 13] = [
    "consent",
    "plan",
    "title",
    "candidate_name",
    "candidate_email",
    "job_role",
    "experience_level",
    "resume_text",
    "job_description",
    "include_profile",
    "extra_instructions",
    "language",
    "voice",
];

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = StartedInterview)]
pub(super) struct Started {
    success: bool,
    session_id: SessionId,
    tenant_id: TenantId,
    status: SessionStatus,
    /// It was made by this request.
    created: bool,
    ticket: TicketValue,
    ws_url: String,
}

/// The body, as it is described; what is not among it is ignored.
#[derive(utoipa::ToSchema)]
#[schema(as = InterviewStart)]
#[expect(dead_code, reason = "only described")]
struct Start {
    /// Of an interview that exists; without it one is made.
    session_id: Option<SessionId>,
    #[schema(value_type = Object)]
    consent: Value,
    /// Decides nothing.
    tenant_id: Option<String>,
    plan: Option<String>,
    title: Option<String>,
    candidate_name: Option<String>,
    candidate_email: Option<String>,
    job_role: Option<String>,
    experience_level: Option<String>,
    resume_text: Option<String>,
    job_description: Option<String>,
    include_profile: Option<bool>,
    extra_instructions: Option<String>,
    language: Option<String>,
    voice: Option<String>,
}

/// interview-start
///
/// A ticket for one call, of an interview that exists (`session_id`) or of a new one.
#[utoipa::path(post, path = "/functions/v1/interview-start", operation_id = "interviewStart", tag = "functions",
    request_body = Start, security(("cookie" = []), ("bearer" = []), ("access_key" = ["sessions:write", "tickets:write"])),
    responses((status = 201, description = "The ticket: shown here and never again.", body = Started),
        refused::NoObject, refused::NoConsent, refused::Over, refused::TooFast))]
pub(super) async fn start(
    Within(caller, _): Within<SessionsWrite>,
    peer: Peer,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    (plans, upstream): (State<Arc<Plans>>, State<Upstream>),
    body: Fields<{ 64 * 1024 }>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    // A ticket must not outlive itself by minting others.
    if let Principal::Ticket(_) = &caller.principal {
        caller.person()?;
    }
    identity.rates().knock_as(Door::Sessions, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    if body.0.get("plan").is_some_and(|plan| !plan.is_string() && !plan.is_null()) {
        return Err(invalid("plan", "`plan` is a name here; a whole plan can be sent to POST /api/sessions."));
    }
    let existing = body.session()?;
    let mut wanted: Wanted = body.read(&KNOWN)?;
    let (made, created) = match existing {
        Some(id) => {
            if let Principal::AccessKey(key) = &caller.principal
                && !key.may(Scope::TicketsWrite)
            {
                return Err(Problem::new(Code::Forbidden, "The access key does not have the scope `tickets:write`."));
            }
            let consent = fields::consent(wanted.consent.take())?;
            (mint_for(&caller, &identity, store.as_ref(), id, consent).await?, false)
        }
        None => {
            let making = Making {
                identity: &identity,
                store: store.as_ref(),
                plans: &plans,
                upstream: &upstream.0,
                // Whether there is a key, the call finds out.
                keychain: None,
            };
            (make(making, &caller, wanted).await?, true)
        }
    };
    let Made { session, secret, ticket } = made;
    let ws_url = format!("{}/ws?session={}", identity.origins().socket_base(&caller.host), ticket.session);
    let started = Started {
        success: true,
        session_id: ticket.session,
        tenant_id: session.tenant,
        status: session.status,
        created,
        ticket: TicketValue::new(&secret, &ticket),
        ws_url,
    };
    Ok((StatusCode::CREATED, Json(started)))
}
