//! `POST /v1/realtime/calls` and what ends a call. With a secret the session is the one that it was minted for; whoever may
//! mint secrets can send an offer and a session at once.

use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::Value;

use super::Desk;
use super::SESSION;
use super::bearer::{self, Bearer, no_such_call};
use super::offer::{self, Offer, OfferForm};
use super::secrets;
use crate::api::openapi::refused;
use crate::api::sessions::conversation::{Conversing, Wanted, converse};
use crate::api::{Caller, Code, Peer, Problem, ProviderProblem};
use crate::call::core::EndedBy;
use crate::call::{Course, Door, EndOutcome, ExchangeError, StartError};
use crate::identity::{Door as Rate, TenantCtx, Ticket, Way};
use crate::ids::{CallId, SessionId};
use crate::ops::request_id;
use crate::store::SessionStatus;
use crate::store::shared::Whereabouts;
use crate::usage::purse::NoCall;

/// Read by the provider's libraries (`openai` for Node and Python).
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// A secret that is used at once need not live longer.
const AT_ONCE: Duration = Duration::from_secs(60);

/// Start a call
///
/// The provider's own contract: an offer goes in, raw or as the part `sdp` of a form, and an answer comes out. With a
/// secret its own session is called; an access key or a token makes one of the part `session`.
#[utoipa::path(post, path = "/v1/realtime/calls", operation_id = "createCall", tag = "calls",
    security(("ticket" = []), ("bearer" = []), ("access_key" = ["sessions:write"])),
    request_body(content((String = "application/sdp"), (OfferForm = "multipart/form-data"))),
    responses((status = 201, description = "The answer.", body = String, content_type = "application/sdp",
        headers(("Location" = String))), refused::NoOffer))]
pub(super) async fn create(State(desk): State<Desk>, peer: Peer, request: Request) -> Response {
    begun(&desk, peer, request).await.unwrap_or_else(|problem| refusal(problem).into_response())
}

/// The provider's libraries send a request again that was refused with 408, 409 or a 5xx, unless they are told not to. An
/// offer that may have led to a call must not be: nobody would hold the first one. Where nothing was begun it may.
fn refusal(problem: Problem) -> ([(HeaderName, &'static str); 1], ProviderProblem) {
    let again = match problem.code() {
        Code::RateLimited | Code::CapacityReached | Code::Unavailable | Code::UpstreamUnavailable => "true",
        _ => "false",
    };
    ([(SHOULD_RETRY, again)], ProviderProblem(problem))
}

async fn begun(desk: &Desk, peer: Peer, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bearer = Bearer::of(desk, &parts, Way::Write).await?;
    let ctx = match &bearer {
        Bearer::Secret(ticket) => TenantCtx::service(ticket.tenant),
        Bearer::Caller(caller) => caller.principal.ctx(),
    };
    knock(desk, peer, ctx)?;
    let uri = parts.uri.clone();
    let safety_id = secrets::safety_id(&parts.headers)?;
    let offer = offer::read(Request::from_parts(parts, body)).await?;
    is_our_model(desk, &uri, offer.session.as_ref())?;
    match bearer {
        Bearer::Secret(ticket) => call(desk, ticket, offer).await,
        Bearer::Caller(caller) => {
            let session = secrets::check(desk, offer.session.as_ref())?;
            call_anew(desk, &caller, session, safety_id, offer).await
        }
    }
}

/// Start an interview's call
///
/// The same as `POST /v1/realtime/calls` where the interview is named by the address; refusals have this interface's form.
#[utoipa::path(post, path = "/api/sessions/{id}/sdp", operation_id = "offerSession", tag = "sessions",
    security(("ticket" = [])), params(("id" = SessionId, Path)), request_body(content((String = "application/sdp"), (OfferForm = "multipart/form-data"))),
    responses((status = 201, description = "The answer.", body = String, content_type = "application/sdp",
        headers(("Location" = String))), refused::NoObject, refused::NoOffer))]
pub(super) async fn offer_session(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    peer: Peer,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let ticket = bearer::ticket(&desk, &parts.headers, Way::Write).await?;
    if ticket.session.to_string() != id {
        return Err(Problem::not_found());
    }
    knock(&desk, peer, TenantCtx::service(ticket.tenant))?;
    let offer = offer::read(Request::from_parts(parts, body)).await?;
    call(&desk, ticket, offer).await
}

fn knock(desk: &Desk, peer: Peer, ctx: TenantCtx) -> Result<(), Problem> {
    let knocked = desk.identity.rates().knock_as(Rate::Offers, peer.0, ctx);
    knocked.map_err(|wait| Problem::new(Code::RateLimited, "Too many offers. Wait and try again.").retry_after(wait))
}

/// Whoever names a model means one: nobody gets another than they asked for without being told.
fn is_our_model(desk: &Desk, uri: &Uri, session: Option<&Value>) -> Result<(), Problem> {
    let ours = &desk.upstream.profile().model;
    let asked = uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("model=")));
    let beside = session.and_then(|session| session["model"].as_str());
    if asked.into_iter().chain(beside).all(|model| model == ours) {
        return Ok(());
    }
    let detail = format!("This server's model is '{ours}'; leave `model` out or name that one.");
    Err(secrets::as_theirs(Problem::new(Code::ValidationFailed, detail).of_field("session.model")))
}

/// A session is made and called in one step.
async fn call_anew(
    desk: &Desk,
    caller: &Caller,
    session: Value,
    safety_id: Option<String>,
    offer: Offer,
) -> Result<Response, Problem> {
    // Nothing is stored for an offer that cannot be one.
    crate::sdp::check_offer(&offer.sdp)?;
    let conversing = Conversing { session, lifetime: AT_ONCE, wanted: Wanted::default(), safety_id };
    let made = converse(secrets::with(desk), caller, conversing).await.map_err(secrets::as_theirs)?;
    call(desk, made.ticket, offer).await
}

/// Calls a ticket's session.
async fn call(desk: &Desk, ticket: Ticket, offer: Offer) -> Result<Response, Problem> {
    if !ticket.may_start(desk.identity.now_unix_ms()) {
        return Err(Problem::new(Code::TokenExpired, "The ticket has expired. Ask for a fresh one."));
    }
    if !desk.calls.settled(ticket.session).await {
        return Err(Problem::new(Code::Unavailable, "The server has just started. Try again in a moment."));
    }
    let edition = desk.calls.edition(ticket.session);
    let session =
        desk.store.session(TenantCtx::service(ticket.tenant), ticket.session).await?.ok_or_else(Problem::not_found)?;
    if matches!(session.status, SessionStatus::Completed | SessionStatus::Cancelled) {
        return Err(Problem::new(Code::SessionEnded, "This interview is over."));
    }
    if session.status == SessionStatus::InProgress {
        return Err(Problem::new(Code::Conflict, "This interview has begun already. Create another session."));
    }
    let booking = desk.calls.book(&session, ticket.policy, Door::DropIn).map_err(|error| {
        tracing::error!(%error, "a session cannot be called");
        Problem::internal()
    })?;
    match desk.calls.own(ticket.tenant, ticket.session, Course::Begins).await? {
        Whereabouts::Here => {}
        Whereabouts::TenantFull => return Err(start_problem(StartError::TenantCapacity)),
        Whereabouts::PersonFull => return Err(start_problem(StartError::PersonCapacity)),
        Whereabouts::Elsewhere(_) => {
            return Err(Problem::new(Code::Conflict, "The session has a call already, on another machine."));
        }
    }
    let begun = desk.calls.start(booking.at(edition), ticket.hash, offer.sdp).await.map_err(start_problem)?;
    let id = |text: String| HeaderValue::try_from(text).expect("ids are ASCII");
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/sdp")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (LOCATION, id(format!("/v1/realtime/calls/{}", begun.call_id))),
        (SESSION, id(ticket.session.to_string())),
    ];
    let mut response = (StatusCode::CREATED, headers, begun.answer).into_response();
    if let Some(theirs) = begun.request_id.and_then(|id| HeaderValue::try_from(id).ok()) {
        response.headers_mut().insert(request_id::HEADER, theirs);
    }
    Ok(response)
}

/// End a call
#[utoipa::path(delete, path = "/v1/realtime/calls/{id}", operation_id = "deleteCall", tag = "calls",
    security(("ticket" = []), ("bearer" = []), ("access_key" = ["sessions:write"])), params(("id" = String, Path)),
    responses((status = 200, description = "It is being ended.")))]
pub(super) async fn delete(desk: State<Desk>, id: Path<String>, request: Request) -> Response {
    end(desk, id, request.into_parts().0).await
}

/// Hang up
#[utoipa::path(post, path = "/v1/realtime/calls/{id}/hangup", operation_id = "hangUpCall", tag = "calls",
    security(("ticket" = []), ("bearer" = []), ("access_key" = ["sessions:write"])), params(("id" = String, Path)),
    responses((status = 200, description = "It is being ended.")))]
pub(super) async fn hangup(desk: State<Desk>, id: Path<String>, request: Request) -> Response {
    end(desk, id, request.into_parts().0).await
}

async fn end(State(desk): State<Desk>, Path(id): Path<String>, parts: Parts) -> Response {
    match hang_up(&desk, &id, &parts).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(problem) => ProviderProblem(problem).into_response(),
    }
}

async fn hang_up(desk: &Desk, id: &str, parts: &Parts) -> Result<(), Problem> {
    let bearer = Bearer::of(desk, parts, Way::Write).await?;
    let call = CallId::parse(id).ok_or_else(no_such_call)?;
    let is_ending = match &bearer {
        // It may run on another machine.
        Bearer::Secret(ticket) if desk.calls.session_of(&call).is_none() => {
            let known = desk.store.calls(TenantCtx::service(ticket.tenant), ticket.session).await?;
            known.iter().any(|row| row.call_id == call && row.closed_at.is_none())
                && desk.calls.end_elsewhere(ticket.session, EndedBy::UserEnd).await
        }
        Bearer::Secret(_) | Bearer::Caller(_) => {
            let session = bearer.session_of(desk, id).await?;
            desk.calls.end(session, EndedBy::UserEnd) == EndOutcome::Ending
        }
    };
    if is_ending { Ok(()) } else { Err(no_such_call()) }
}

fn start_problem(error: StartError) -> Problem {
    match error {
        StartError::Capacity => {
            Problem::new(Code::CapacityReached, "All calls of this server are taken. Try again later.")
        }
        StartError::TenantCapacity => {
            Problem::new(Code::CapacityReached, "Your organisation has as many calls as it may. Try again later.")
        }
        StartError::PersonCapacity => {
            Problem::new(Code::CapacityReached, "You have as many calls as you may. End one first.")
        }
        StartError::Closed => Problem::new(Code::Unavailable, "New calls are switched off at the moment."),
        StartError::Live => Problem::new(Code::Conflict, "The session has a call already."),
        StartError::Changed => Problem::new(Code::Conflict, "The session was changed a moment ago. Try again."),
        StartError::Spent => Problem::new(Code::Conflict, "This ticket was used. Ask for a fresh one."),
        StartError::Stopping => Problem::new(Code::Unavailable, "The server restarts. Try again in a moment."),
        StartError::Exchange(ExchangeError::Offer(rule)) => Problem::invalid_sdp(rule),
        StartError::Exchange(ExchangeError::Key(error)) => error.into(),
        StartError::Exchange(ExchangeError::Upstream(error)) => {
            let problem = Problem::new(Code::from_wire(error.code()).unwrap_or(Code::UpstreamError), error.to_string())
                .of_upstream_request(error.request_id.as_deref());
            error.retry_after().map(|wait| problem.clone().retry_after(wait)).unwrap_or(problem)
        }
        StartError::Exchange(ExchangeError::Budget(NoCall::Exhausted(period))) => {
            Problem::new(Code::BudgetExhausted, NoCall::Exhausted(period).to_string())
        }
        StartError::Exchange(ExchangeError::Budget(NoCall::Store(error))) => error.into(),
        StartError::Exchange(ExchangeError::Answer) => {
            Problem::new(Code::SdpExchangeFailed, "The model's answer is unusable.")
        }
        StartError::Exchange(ExchangeError::Store(error)) => error.into(),
    }
}
