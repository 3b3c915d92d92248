//! `POST /api/invitations/accept` and `/decline`. Accepting makes a candidate of the browser: a person without an account,
//! a session with the consent it rests on, a ticket, and a cookie with which the same browser comes back. It works once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::SET_COOKIE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::super::body::Input;
use super::super::caller::{COOKIE, host};
use super::super::openapi::refused;
use super::super::sessions::{TicketValue, fields};
use super::super::{Code, Peer, Problem};
use super::open::{Known, is_open, is_theirs, known};
use crate::identity::{Consent, Identity, Person, SignInSecret, Terms, Ticket, TicketSecret, is_same_address};
use crate::ids::{SessionId, UserId};
use crate::store::Store;
use crate::store::invitations::{Acceptance, Invitation, Invitations, Settled};
use crate::upstream::Upstream;
use crate::vault::Keychain;

/// Shown for somebody who does not say who they are.
const NAMELESS: &str = "Candidate";

/// The body of `accept`. It has no `Debug`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = InvitationAcceptance)]
#[serde(deny_unknown_fields)]
pub(super) struct Accepting {
    token: String,
    consent: Option<Consent>,
    name: Option<String>,
    email: Option<String>,
}

/// What the candidate goes on with.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AcceptedInvitation)]
struct Accepted {
    session_id: SessionId,
    ticket: TicketValue,
    ws_url: String,
}

impl Accepted {
    fn new(identity: &Identity, parts: &Parts, secret: &TicketSecret, ticket: &Ticket) -> Self {
        let base = identity.origins().socket_base(&host(parts).unwrap_or_default());
        Self {
            session_id: ticket.session,
            ticket: TicketValue::new(secret, ticket),
            ws_url: format!("{base}/ws?session={}", ticket.session),
        }
    }
}

/// Accept an invitation
///
/// Makes a candidate of whoever has the link: a session with their consent, its ticket, and a cookie for their browser.
/// Once; the same browser gets a fresh ticket.
#[utoipa::path(post, path = "/api/invitations/accept", operation_id = "acceptInvitation", tag = "invitations",
    request_body = Accepting, security(()),
    responses((status = 201, description = "The interview and its ticket.", body = Accepted,
            headers(("Set-Cookie" = String))),
        (status = 200, description = "Accepted in this browser before: a fresh ticket.", body = Accepted),
        refused::NoInvitation, refused::NoConsent, refused::NoKey, refused::Over, refused::TooFast))]
pub(super) async fn accept(
    parts: Parts,
    peer: Peer,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(invitations): State<Arc<dyn Invitations>>,
    (upstream, keychain): (State<Upstream>, State<Keychain>),
    Input(accepting): Input<Accepting>,
) -> Result<Response, Problem> {
    let found = known(&identity, invitations.as_ref(), &parts, peer, &accepting.token).await?;
    let Known { token, invited, reader } = found;
    let invitation = invited.invitation;
    let consent = fields::consent(accepting.consent)?;
    if let Some(reader) = reader.filter(|reader| is_theirs(&invitation, Some(reader))) {
        return again(&identity, store.as_ref(), &parts, &reader, &invitation, consent).await;
    }
    is_open(&invitation, identity.now_unix_ms())?;
    let presented = accepting.email.unwrap_or_default();
    if invitation.email.as_deref().is_some_and(|bound| !is_same_address(bound, &presented)) {
        let how = "This invitation is for another e-mail address. Type the one that it was sent to.";
        return Err(Problem::new(Code::Forbidden, how));
    }
    let user = UserId::fresh();
    let mut session = invitation.request.clone().ok_or_else(Problem::internal)?;
    let name = fields::label("name", accepting.name)?;
    session.user = user;
    session.candidate_name = name.or(session.candidate_name);
    session.details.candidate_email = session.details.candidate_email.or(invitation.email);
    session.created_at = identity.now_unix_ms();
    // The server may have got another model since.
    session.model.clone_from(&upstream.profile().model);
    session.simulation = upstream.is_simulation();
    keychain.expect(invitation.tenant, user).await?;

    let (secret, ticket) = identity.tickets().mint(invitation.tenant, session.id, Terms::default());
    let cookie = SignInSecret::from_random(rand::random());
    let acceptance = Acceptance {
        user,
        name: session.candidate_name.clone().unwrap_or_else(|| NAMELESS.to_owned()),
        ticket: ticket.clone(),
        consent,
        sign_in: cookie.hash(),
        signed_in_until: identity.now_unix_ms() + SignInSecret::LIFETIME_MS,
        session,
    };
    match invitations.accept(token, Box::new(acceptance)).await? {
        Settled::Done => {}
        Settled::Missing => return Err(Problem::not_found()),
        // Somebody was faster.
        Settled::Gone => return Err(Problem::new(Code::InvitationUsed, "This invitation has just been answered.")),
    }
    identity.tickets().remember(&ticket);
    let mut response = (StatusCode::CREATED, Json(Accepted::new(&identity, &parts, &secret, &ticket))).into_response();
    response.headers_mut().insert(SET_COOKIE, signed_in(&identity, &parts, &cookie));
    Ok(response)
}

/// A fresh ticket for the one who has accepted.
async fn again(
    identity: &Identity,
    store: &dyn Store,
    parts: &Parts,
    reader: &Person,
    invitation: &Invitation,
    consent: Consent,
) -> Result<Response, Problem> {
    let session = store.session(reader.ctx(), invitation.session).await?.ok_or_else(Problem::not_found)?;
    if session.ended_at.is_some() {
        return Err(Problem::new(Code::SessionEnded, "This interview is over."));
    }
    let (secret, ticket) = identity.tickets().mint(invitation.tenant, invitation.session, Terms::default());
    if !store.add_ticket(reader.ctx(), ticket.clone(), consent).await? {
        return Err(Problem::not_found());
    }
    identity.tickets().remember(&ticket);
    Ok(Json(Accepted::new(identity, parts, &secret, &ticket)).into_response())
}

/// `Lax`, because the candidate comes back by the link in their mail; every change needs one of our pages all the same.
fn signed_in(identity: &Identity, parts: &Parts, secret: &SignInSecret) -> HeaderValue {
    let is_secure = identity.origins().base(&host(parts).unwrap_or_default()).starts_with("https:");
    let secure = if is_secure { "; Secure" } else { "" };
    let lifetime_s = SignInSecret::LIFETIME_MS / 1_000;
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lifetime_s}{secure}", secret.expose());
    let mut cookie = HeaderValue::try_from(cookie).expect("base64url and plain attributes");
    cookie.set_sensitive(true);
    cookie
}

/// The body of `decline`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = InvitationRefusal)]
#[serde(deny_unknown_fields)]
pub(super) struct Declining {
    token: String,
}

/// Decline an invitation
#[utoipa::path(post, path = "/api/invitations/decline", operation_id = "declineInvitation", tag = "invitations",
    request_body = Declining, security(()),
    responses((status = 204, description = "Declined."), refused::NoInvitation, refused::TooFast))]
pub(super) async fn decline(
    parts: Parts,
    peer: Peer,
    State(identity): State<Identity>,
    State(invitations): State<Arc<dyn Invitations>>,
    Input(declining): Input<Declining>,
) -> Result<StatusCode, Problem> {
    let Known { token, invited, .. } = known(&identity, invitations.as_ref(), &parts, peer, &declining.token).await?;
    is_open(&invited.invitation, identity.now_unix_ms())?;
    match invitations.decline(token).await? {
        Settled::Done => Ok(StatusCode::NO_CONTENT),
        Settled::Missing => Err(Problem::not_found()),
        Settled::Gone => Err(Problem::new(Code::InvitationUsed, "This invitation has just been answered.")),
    }
}
