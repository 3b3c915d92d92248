//! `POST /api/invitations/open`: what whoever has a link may know before they answer. Nothing of it is about a person,
//! except that the one who accepted is told which interview is theirs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::request::Parts;
use serde::{Deserialize, Serialize};

use super::super::body::Input;
use super::super::caller::{cookie, header, host};
use super::super::openapi::refused;
use super::super::refusals::too_fast;
use super::super::{Code, Peer, Problem};
use crate::clock::rfc3339;
use crate::identity::{Credential, Door, Identity, InvitationSecret, Person, Way};
use crate::ids::SessionId;
use crate::interview::plan::Plan;
use crate::store::invitations::{Invitation, Invitations, Invited, Status};
use crate::upstream::Upstream;

/// The body. It has no `Debug`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = InvitationToken)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    token: String,
}

/// What the page shows.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = OpenInvitation)]
pub(super) struct View {
    /// `pending`, or `accepted` for the one who did.
    status: &'static str,
    organisation: String,
    job_role: Option<String>,
    language: Option<String>,
    contact: Option<String>,
    /// The longest that the interview can take.
    limit_seconds: Option<u32>,
    stages: Option<usize>,
    /// An address must be typed to accept.
    needs_email: bool,
    /// The call meets a simulator and no model.
    simulation: bool,
    /// Days that the record is kept; 0: until it is deleted.
    retention_days: u32,
    expires_at: String,
    /// The interview, for the one who accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<SessionId>,
}

/// Open an invitation
///
/// What whoever has its link may know before they answer. The link's token is the credential; the cookie of the browser
/// that accepted finds its interview again.
#[utoipa::path(post, path = "/api/invitations/open", operation_id = "openInvitation", tag = "invitations",
    request_body = Shown, security(()),
    responses((status = 200, description = "It can be answered, or was accepted in this browser.", body = View),
        refused::NoInvitation, refused::TooFast))]
pub(super) async fn open(
    parts: Parts,
    peer: Peer,
    State(identity): State<Identity>,
    State(invitations): State<Arc<dyn Invitations>>,
    State(upstream): State<Upstream>,
    Input(shown): Input<Shown>,
) -> Result<Json<View>, Problem> {
    let Known { invited, reader, .. } = known(&identity, invitations.as_ref(), &parts, peer, &shown.token).await?;
    let Invited { invitation, organisation, retention_days } = invited;
    let is_theirs = is_theirs(&invitation, reader.as_ref());
    if !is_theirs {
        is_open(&invitation, identity.now_unix_ms())?;
    }
    let request = invitation.request.as_ref();
    let plan: Option<Plan> = request.and_then(|request| serde_json::from_str(&request.stage_plan).ok());
    Ok(Json(View {
        status: if is_theirs { Status::Accepted.as_str() } else { Status::Pending.as_str() },
        organisation,
        job_role: request.and_then(|request| request.job_role.clone()),
        language: request.and_then(|request| request.language.clone()),
        limit_seconds: plan.as_ref().map(|plan| plan.stages.iter().map(|stage| stage.limit_s).sum()),
        stages: plan.map(|plan| plan.stages.len()),
        needs_email: invitation.email.is_some(),
        simulation: upstream.is_simulation(),
        retention_days,
        expires_at: rfc3339(invitation.expires_at),
        session_id: is_theirs.then_some(invitation.session),
        contact: invitation.contact,
    }))
}

/// An invitation, its token's hash, and who has it open, as far as their browser says.
pub(super) struct Known {
    pub(super) token: [u8; 32],
    pub(super) invited: Invited,
    pub(super) reader: Option<Person>,
}

/// Finds the invitation behind a token. The token is the credential: a page of another origin may not bring it, a program
/// without an origin may.
pub(super) async fn known(
    identity: &Identity,
    invitations: &dyn Invitations,
    parts: &Parts,
    peer: Peer,
    token: &str,
) -> Result<Known, Problem> {
    let host = host(parts);
    let origin = header(&parts.headers, http::header::ORIGIN.as_str());
    identity.origins().check(Way::Write, Credential::Bearer, host.as_deref(), origin)?;
    identity.rates().knock(Door::SignIn, peer.0).map_err(too_fast)?;
    let token = InvitationSecret::hash_presented(token).ok_or_else(Problem::not_found)?;
    let invited = invitations.invited(token).await?.ok_or_else(Problem::not_found)?;
    let reader = match cookie(&parts.headers) {
        Some(cookie) => identity.by_cookie(cookie).await?,
        None => None,
    };
    Ok(Known { token, invited, reader })
}

/// Whether the reader is the one who accepted it.
pub(super) fn is_theirs(invitation: &Invitation, reader: Option<&Person>) -> bool {
    invitation.accepted_by.is_some_and(|candidate| reader.is_some_and(|reader| reader.user == candidate))
}

/// 410 with what became of it, unless it can still be answered.
pub(super) fn is_open(invitation: &Invitation, now_unix_ms: i64) -> Result<(), Problem> {
    if invitation.is_open(now_unix_ms) {
        return Ok(());
    }
    let (code, detail) = match invitation.status {
        Status::Pending => (Code::InvitationExpired, "This invitation has expired. Ask whoever sent it for another."),
        Status::Accepted => {
            (Code::InvitationUsed, "This invitation was accepted. Go on in the browser in which that was done.")
        }
        Status::Declined => {
            (Code::InvitationDeclined, "This invitation was declined. Ask whoever sent it for another.")
        }
        Status::Revoked => (Code::InvitationRevoked, "This invitation was taken back by whoever sent it."),
    };
    Err(Problem::new(code, detail))
}
