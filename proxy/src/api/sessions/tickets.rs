//! `/api/sessions/{id}/tickets`: a fresh ticket, e.g. for the interview page, which keeps it in memory only; and taking
//! back all that there are.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::super::body::Input;
use super::super::openapi::refused;
use super::super::refusals::{session_id, too_fast};
use super::super::{Caller, Code, Peer, Problem, TicketsWrite, Within};
use super::create::Made;
use super::fields;
use crate::clock::rfc3339;
use crate::identity::{Consent, Door, Identity, Principal, Terms, Ticket, TicketSecret};
use crate::ids::SessionId;
use crate::store::Store;

/// The body.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = TicketWish)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    consent: Option<Consent>,
}

/// A ticket on its way out: the only time its secret is shown.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NewTicket)]
pub(super) struct TicketView {
    ticket: TicketValue,
    ws_url: String,
}

/// A ticket's secret and until when it can start a call.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::api) struct TicketValue {
    value: String,
    expires_at: String,
}

impl TicketValue {
    pub(in crate::api) fn new(secret: &TicketSecret, ticket: &Ticket) -> Self {
        Self { value: secret.expose().to_owned(), expires_at: rfc3339(ticket.expires_at) }
    }
}

impl TicketView {
    pub(super) fn new(identity: &Identity, caller: &Caller, secret: &TicketSecret, ticket: &Ticket) -> Self {
        Self {
            ticket: TicketValue::new(secret, ticket),
            ws_url: format!("{}/ws?session={}", identity.origins().socket_base(&caller.host), ticket.session),
        }
    }
}

/// Get a fresh ticket
///
/// For whoever is interviewed, with their consent.
#[utoipa::path(post, path = "/api/sessions/{id}/tickets", operation_id = "mintTicket", tag = "sessions",
    params(("id" = SessionId, Path)), request_body = Wanted,
    security(("cookie" = []), ("bearer" = []), ("access_key" = ["tickets:write"])),
    responses((status = 201, description = "The ticket: shown here and never again.", body = TicketView),
        refused::NoConsent, refused::Over, refused::TooFast))]
pub(super) async fn mint(
    Within(caller, _): Within<TicketsWrite>,
    peer: Peer,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    Path(id): Path<String>,
    Input(wanted): Input<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    // A ticket must not outlive itself by minting others.
    if let Principal::Ticket(_) = &caller.principal {
        caller.person()?;
    }
    identity.rates().knock_as(Door::Sessions, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    let id = session_id(&id)?;
    let consent = fields::consent(wanted.consent)?;
    let Made { secret, ticket, .. } = mint_for(&caller, &identity, store.as_ref(), id, consent).await?;
    Ok((StatusCode::CREATED, Json(TicketView::new(&identity, &caller, &secret, &ticket))))
}

/// A fresh ticket of a session that exists, for whoever may have one.
pub(in crate::api) async fn mint_for(
    caller: &Caller,
    identity: &Identity,
    store: &dyn Store,
    id: SessionId,
    consent: Consent,
) -> Result<Made, Problem> {
    let ctx = caller.principal.ctx();
    let session = store.session(ctx, id).await?.ok_or_else(Problem::not_found)?;
    // Only whoever is interviewed can agree to it.
    let is_theirs = match &caller.principal {
        Principal::Person(person) => session.new.user == person.user,
        // Whose consent it is, the server that knows them vouches for.
        Principal::AccessKey(_) => true,
        Principal::Ticket(_) => false,
    };
    if !is_theirs {
        return Err(Problem::new(Code::Forbidden, "Only the person who is interviewed can agree and get a ticket."));
    }
    if session.ended_at.is_some() {
        return Err(Problem::new(Code::SessionEnded, "This interview is over. Make a new one."));
    }
    let (secret, ticket) = identity.tickets().mint(ctx.tenant, id, Terms::default());
    if !store.add_ticket(ctx, ticket.clone(), consent).await? {
        return Err(Problem::not_found());
    }
    identity.tickets().remember(&ticket);
    Ok(Made { session, secret, ticket })
}

/// Take tickets back
///
/// All of the session's, by whoever may mint them: a link that went to the wrong person opens nothing any more. A call
/// that runs goes on until it is ended.
#[utoipa::path(delete, path = "/api/sessions/{id}/tickets", operation_id = "revokeTickets", tag = "sessions",
    params(("id" = SessionId, Path)),
    security(("cookie" = []), ("bearer" = []), ("access_key" = ["tickets:write"])),
    responses((status = 204, description = "They are good for nothing now.")))]
pub(super) async fn revoke(
    Within(caller, _): Within<TicketsWrite>,
    State(identity): State<Identity>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if let Principal::Ticket(_) = &caller.principal {
        caller.person()?;
    }
    let taken_back = identity.tickets().revoke(caller.principal.ctx(), session_id(&id)?).await?;
    if taken_back { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found()) }
}
