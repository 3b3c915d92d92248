//! An invitation as those who made it see it. What its candidate sees is in [`super::open`].

use serde::Serialize;

use crate::clock::rfc3339;
use crate::ids::{InvitationId, SessionId, UserId};
use crate::store::invitations::{Invitation, Status};

/// An invitation. Times are RFC 3339 in UTC.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Invitation)]
pub(super) struct View {
    id: InvitationId,
    session_id: SessionId,
    /// `pending`, `accepted`, `declined`, `revoked`, or `expired`.
    status: &'static str,
    /// Gone once it is settled.
    email: Option<String>,
    contact: Option<String>,
    title: Option<String>,
    candidate_name: Option<String>,
    job_role: Option<String>,
    language: Option<String>,
    plan: Option<String>,
    expires_at: String,
    created_by: Option<UserId>,
    created_at: String,
    accepted_by: Option<UserId>,
    settled_at: Option<String>,
}

impl View {
    pub(super) fn new(invitation: Invitation, now_unix_ms: i64) -> Self {
        let is_expired = invitation.status == Status::Pending && !invitation.is_open(now_unix_ms);
        let request = invitation.request;
        Self {
            id: invitation.id,
            session_id: invitation.session,
            status: if is_expired { "expired" } else { invitation.status.as_str() },
            email: invitation.email,
            contact: invitation.contact,
            title: request.as_ref().and_then(|request| request.details.title.clone()),
            candidate_name: request.as_ref().and_then(|request| request.candidate_name.clone()),
            job_role: request.as_ref().and_then(|request| request.job_role.clone()),
            language: request.as_ref().and_then(|request| request.language.clone()),
            plan: request.map(|request| request.plan),
            expires_at: rfc3339(invitation.expires_at),
            created_by: invitation.created_by,
            created_at: rfc3339(invitation.created_at),
            accepted_by: invitation.accepted_by,
            settled_at: invitation.settled_at.map(rfc3339),
        }
    }
}
