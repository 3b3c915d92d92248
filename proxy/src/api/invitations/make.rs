//! Making invitations, looking at them and taking them back: for those who see all of a tenant's interviews. The link is
//! shown once, in the answer that makes it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::body::Input;
use super::super::openapi::refused;
use super::super::part::Part;
use super::super::refusals::too_fast;
use super::super::sessions::{Wanted as WantedSession, fields};
use super::super::{Caller, Code, Peer, Problem};
use super::view::View;
use crate::identity::{Door, Identity, InvitationSecret, Role};
use crate::ids::{InvitationId, UserId};
use crate::interview::SessionKind;
use crate::interview::plan::Plans;
use crate::store::invitations::{InvitationPage, Invitations, NewInvitation, Settled};
use crate::upstream::Upstream;
use crate::vault::Keychain;

/// Hours that a link is good for.
const HOURS: std::ops::RangeInclusive<u32> = 1..=720;
const DEFAULT_HOURS: u32 = 168;
/// Longest way to reach a person, characters.
const MAX_CONTACT: usize = 200;

/// The body of `POST`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = InvitationWish)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    session: WantedSession,
    /// The address that whoever accepts must type.
    email: Option<String>,
    /// A person whom the candidate may ask.
    contact: Option<String>,
    expires_in_hours: Option<u32>,
}

/// The invitation and its link, which is shown here and never again.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewInvitation)]
pub(super) struct Made {
    invitation: View,
    url: String,
}

/// Invite a candidate
///
/// `session` is what the interview will be; whoever accepts becomes its candidate and gives the consent.
#[utoipa::path(post, path = "/api/invitations", operation_id = "invite", tag = "invitations", request_body = Wanted,
    responses((status = 201, description = "Made.", body = Made), refused::Collides, refused::NoKey, refused::TooFast))]
pub(super) async fn make(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    State(invitations): State<Arc<dyn Invitations>>,
    State(plans): State<Arc<Plans>>,
    (upstream, keychain): (State<Upstream>, State<Keychain>),
    Input(wanted): Input<Wanted>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let person = caller.require(Role::Interviewer)?;
    identity.rates().knock(Door::Sessions, peer.0).map_err(too_fast)?;
    if wanted.session.consent.is_some() {
        return Err(fields::invalid(
            "session.consent",
            "`session.consent` is for the candidate to give, who does so by accepting.",
        ));
    }
    if wanted.session.kind() != SessionKind::Interview {
        return Err(fields::invalid("session.kind", "`session.kind`: people are invited to interviews only."));
    }
    if wanted.session.user.is_some() {
        return Err(fields::invalid(
            "session.user",
            "`session.user` is for access keys: who accepts an invitation becomes its candidate.",
        ));
    }
    let hours = wanted.expires_in_hours.unwrap_or(DEFAULT_HOURS);
    if !HOURS.contains(&hours) {
        return Err(fields::invalid("expires_in_hours", "`expires_in_hours` must be between 1 and 720."));
    }
    let email = fields::email("email", wanted.email)?;
    let contact = fields::text("contact", wanted.contact, MAX_CONTACT)?;
    let now = identity.now_unix_ms();
    // Nobody yet: who accepts becomes a person then. Their call is paid by the tenant or the server.
    let nobody = UserId::fresh();
    let request = wanted.session.into_session(nobody, &plans, &upstream.0, now)?;
    keychain.expect(person.tenant, nobody).await?;
    let secret = InvitationSecret::from_random(rand::random());
    let new = NewInvitation {
        id: InvitationId::fresh(),
        token: secret.hash(),
        email,
        contact,
        request,
        expires_at: now + i64::from(hours) * 3_600_000,
        created_by: person.user,
        created_at: now,
    };
    let made = invitations.invite(person.ctx(), new).await.map_err(|error| match error {
        crate::store::StoreError::Missing => Problem::new(
            Code::Conflict,
            "This is a personal tenant: it is one person's and stays so. Invite from an organisation.",
        ),
        error => error.into(),
    })?;
    let url = format!("{}/invite/{}", identity.origins().base(&caller.host), secret.expose());
    Ok((StatusCode::CREATED, Json(Made { invitation: View::new(made, now), url })))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Invitations)]
pub(super) struct List {
    items: Vec<View>,
    /// Pass as `before` for what follows; absent at the end.
    next: Option<InvitationId>,
}

/// List invitations
///
/// The tenant's, for those who see all of its interviews.
#[utoipa::path(get, path = "/api/invitations", operation_id = "listInvitations", tag = "invitations",
    params(Part<InvitationId>), responses((status = 200, description = "Newest first.", body = List)))]
pub(super) async fn list(
    caller: Caller,
    State(identity): State<Identity>,
    State(invitations): State<Arc<dyn Invitations>>,
    part: Result<Part<InvitationId>, Problem>,
) -> Result<Json<List>, Problem> {
    let person = caller.require(Role::Interviewer)?;
    let part = part?;
    let page = InvitationPage { limit: part.limit, before: part.before };
    let found = invitations.invitations(person.ctx(), page).await?;
    let next = part.next_of(&found, |invitation| invitation.id);
    let now = identity.now_unix_ms();
    Ok(Json(List { items: found.into_iter().map(|invitation| View::new(invitation, now)).collect(), next }))
}

/// Take an invitation back
#[utoipa::path(delete, path = "/api/invitations/{id}", operation_id = "revokeInvitation", tag = "invitations",
    params(("id" = InvitationId, Path)),
    responses((status = 204, description = "Its link opens nothing any more."), refused::Collides))]
pub(super) async fn revoke(
    caller: Caller,
    State(invitations): State<Arc<dyn Invitations>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let person = caller.require(Role::Interviewer)?;
    let id = id.parse().map_err(|_| Problem::new(Code::BadMessage, "The invitation's id is not a UUID."))?;
    match invitations.revoke(person.ctx(), id).await? {
        Settled::Done => Ok(StatusCode::NO_CONTENT),
        Settled::Missing => Err(Problem::not_found()),
        Settled::Gone => Err(Problem::new(
            Code::Conflict,
            "The candidate has answered already. End or delete the interview instead.",
        )),
    }
}
