//! Making invitations, looking at them and taking them back: for those who see all of a tenant's interviews. The link is
//! shown once, in the answer that makes it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::body::Input;
use super::super::refusals::too_fast;
use super::super::sessions::{Wanted as WantedSession, fields};
use super::super::{Caller, Code, Peer, Problem};
use super::view::View;
use crate::identity::{Door, Identity, InvitationSecret, Role};
use crate::ids::{InvitationId, UserId};
use crate::interview::plan::Plans;
use crate::store::invitations::{InvitationPage, Invitations, NewInvitation, Settled};
use crate::upstream::Upstream;
use crate::vault::Keychain;

/// Hours that a link is good for.
const HOURS: std::ops::RangeInclusive<u32> = 1..=720;
const DEFAULT_HOURS: u32 = 168;
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;
/// Longest way to reach a person, characters.
const MAX_CONTACT: usize = 200;

/// The body of `POST`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    session: WantedSession,
    /// The address that whoever accepts must type.
    email: Option<String>,
    /// A person whom the candidate may ask.
    contact: Option<String>,
    expires_in_hours: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Made {
    invitation: View,
    url: String,
}

pub(super) async fn make(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    State(invitations): State<Arc<dyn Invitations>>,
    State(plans): State<Arc<Plans>>,
    (State(upstream), State(keychain)): (State<Upstream>, State<Keychain>),
    Input(wanted): Input<Wanted>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let person = caller.require(Role::Interviewer)?;
    identity.rates().knock(Door::Sessions, peer.0).map_err(too_fast)?;
    if wanted.session.consent.is_some() {
        return Err(fields::invalid(
            "`session.consent` is for the candidate to give, who does so by accepting.".to_owned(),
        ));
    }
    if wanted.session.user.is_some() {
        return Err(fields::invalid(
            "`session.user` is for access keys: who accepts an invitation becomes its candidate.".to_owned(),
        ));
    }
    let hours = wanted.expires_in_hours.unwrap_or(DEFAULT_HOURS);
    if !HOURS.contains(&hours) {
        return Err(fields::invalid("`expires_in_hours` must be between 1 and 720.".to_owned()));
    }
    let email = fields::email("email", wanted.email)?;
    let contact = fields::text("contact", wanted.contact, MAX_CONTACT)?;
    let now = identity.now_unix_ms();
    // Nobody yet: who accepts becomes a person then. Their call is paid by the tenant or the server.
    let nobody = UserId::fresh();
    let request = wanted.session.into_session(nobody, &plans, &upstream, now)?;
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

/// Which part of the list. Text, so that a wrong value gets our own refusal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    limit: Option<String>,
    before: Option<String>,
}

#[derive(Serialize)]
pub(super) struct List {
    items: Vec<View>,
    /// Pass as `before` for what follows; absent at the end.
    next: Option<InvitationId>,
}

pub(super) async fn list(
    caller: Caller,
    State(identity): State<Identity>,
    State(invitations): State<Arc<dyn Invitations>>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Json<List>, Problem> {
    let person = caller.require(Role::Interviewer)?;
    let malformed = |detail: &'static str| Problem::new(Code::BadMessage, detail);
    let Query(part) = part.map_err(|_| malformed("The list takes `limit` and `before` only."))?;
    let limit = part.limit.as_deref().map_or(Ok(DEFAULT_LIMIT), str::parse).ok();
    let limit = limit
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| malformed("`limit` must be a number from 1 to 100."))?;
    let before = part.before.as_deref().map(str::parse).transpose();
    let before = before.map_err(|_| malformed("`before` must be the `next` of an earlier answer."))?;
    let found = invitations.invitations(person.ctx(), InvitationPage { limit, before }).await?;
    let is_full = u32::try_from(found.len()).is_ok_and(|count| count == limit);
    let next = found.last().filter(|_| is_full).map(|invitation| invitation.id);
    let now = identity.now_unix_ms();
    Ok(Json(List { items: found.into_iter().map(|invitation| View::new(invitation, now)).collect(), next }))
}

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
