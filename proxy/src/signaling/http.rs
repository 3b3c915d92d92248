//! The provider's contract as a door: its clients work against Viva by changing one address. A ticket is
//! the key, an offer goes in, an answer comes out with a `Location`, and the call is ended by `DELETE` or `hangup`.
//! Errors have the provider's envelope. The session a client may send along is not used: what a call is was decided
//! when its ticket was minted.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequest as _, Multipart, Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::MethodRouter;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST,
    LOCATION, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use super::entrance::Entrance;
use crate::api::openapi::refused;
use crate::api::{Code, Peer, Problem, ProviderProblem};
use crate::call::core::EndedBy;
use crate::call::{Calls, Course, Door, EndOutcome, ExchangeError, StartError};
use crate::identity::{Credential, Door as Rate, Identity, TenantCtx, Ticket, Way};
use crate::ids::{CallId, SessionId};
use crate::store::shared::Whereabouts;
use crate::store::{SessionStatus, Store};
use crate::usage::purse::NoCall;

/// Body of an offer: the offer's own limit is 32 KiB and is judged by its rule; this one bounds what is read at all.
const MAX_BODY: usize = 64 * 1024;
const EXPOSED: HeaderValue = HeaderValue::from_static("Location, X-Request-Id");

impl FromRef<Entrance> for Identity {
    fn from_ref(entrance: &Entrance) -> Self {
        entrance.identity.clone()
    }
}

/// `/v1/realtime/calls` and what belongs to it.
pub fn described<S>(state: &S) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Identity: FromRef<S>,
    Calls: FromRef<S>,
{
    let entrance = Entrance::of(state);
    OpenApiRouter::new()
        .routes(routes!(create).map(resource))
        .routes(routes!(delete).map(resource))
        .routes(routes!(hangup).map(resource))
        .routes(routes!(offer_session))
        .with_state(entrance)
}

/// What every resource here answers besides its own methods.
fn resource(methods: MethodRouter<Entrance>) -> MethodRouter<Entrance> {
    methods.options(preflight).fallback(no_such_method)
}

/// Start a call
///
/// The provider's own contract: an offer goes in, raw or as the part `sdp` of a form, and an answer comes out.
#[utoipa::path(post, path = "/v1/realtime/calls", operation_id = "createCall", tag = "calls", security(("ticket" = [])),
    request_body(content((String = "application/sdp"), (OfferForm = "multipart/form-data"))),
    responses((status = 201, description = "The answer.", body = String, content_type = "application/sdp",
        headers(("Location" = String))), refused::NoOffer))]
async fn create(State(entrance): State<Entrance>, peer: Peer, request: Request) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let answered = match ticket(&entrance, request.headers()).await {
        Ok(ticket) => offer(&entrance, ticket, peer, request).await,
        Err(problem) => Err(problem),
    };
    let response = answered.unwrap_or_else(|problem| ProviderProblem(problem).into_response());
    shared(response, origin)
}

/// Start an interview's call
///
/// The same as `POST /v1/realtime/calls` where the interview is named by the address; refusals have this interface's form.
#[utoipa::path(post, path = "/api/sessions/{id}/sdp", operation_id = "offerSession", tag = "sessions",
    security(("ticket" = [])), params(("id" = SessionId, Path)), request_body(content((String = "application/sdp"), (OfferForm = "multipart/form-data"))),
    responses((status = 201, description = "The answer.", body = String, content_type = "application/sdp",
        headers(("Location" = String))), refused::NoObject, refused::NoOffer))]
async fn offer_session(
    State(entrance): State<Entrance>,
    Path(id): Path<String>,
    peer: Peer,
    request: Request,
) -> Result<Response, Problem> {
    let ticket = ticket(&entrance, request.headers()).await?;
    if ticket.session.to_string() != id {
        return Err(Problem::not_found());
    }
    offer(&entrance, ticket, peer, request).await
}

async fn offer(entrance: &Entrance, ticket: Ticket, peer: Peer, request: Request) -> Result<Response, Problem> {
    let who = TenantCtx::service(ticket.tenant);
    entrance
        .identity
        .rates()
        .knock_as(Rate::Offers, peer.0, who)
        .map_err(|wait| Problem::new(Code::RateLimited, "Too many offers. Wait and try again.").retry_after(wait))?;
    let offer = body(request).await?;
    if !ticket.may_start(entrance.identity.now_unix_ms()) {
        return Err(Problem::new(Code::TokenExpired, "The ticket has expired. Ask for a fresh one."));
    }
    if !entrance.calls.settled(ticket.session).await {
        return Err(Problem::new(Code::Unavailable, "The server has just started. Try again in a moment."));
    }
    let edition = entrance.calls.edition(ticket.session);
    let session = entrance
        .store
        .session(TenantCtx::service(ticket.tenant), ticket.session)
        .await?
        .ok_or_else(Problem::not_found)?;
    if matches!(session.status, SessionStatus::Completed | SessionStatus::Cancelled) {
        return Err(Problem::new(Code::SessionEnded, "This interview is over."));
    }
    if session.status == SessionStatus::InProgress {
        return Err(Problem::new(Code::Conflict, "This interview has begun already. Create another session."));
    }
    let booking = entrance.calls.book(&session, ticket.policy, Door::DropIn).map_err(|error| {
        tracing::error!(%error, "a session cannot be called");
        Problem::internal()
    })?;
    match entrance.calls.own(ticket.tenant, ticket.session, Course::Begins).await? {
        Whereabouts::Here => {}
        Whereabouts::TenantFull => return Err(start_problem(StartError::TenantCapacity)),
        Whereabouts::PersonFull => return Err(start_problem(StartError::PersonCapacity)),
        Whereabouts::Elsewhere(_) => {
            return Err(Problem::new(Code::Conflict, "The session has a call already, on another machine."));
        }
    }
    let begun = entrance.calls.start(booking.at(edition), ticket.hash, offer).await.map_err(start_problem)?;
    let location = format!("/v1/realtime/calls/{}", begun.call_id);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/sdp")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (LOCATION, HeaderValue::try_from(location).expect("ids are ASCII")),
    ];
    Ok((StatusCode::CREATED, headers, begun.answer).into_response())
}

/// The offer as a form.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "only described; the form is read part by part")]
struct OfferForm {
    /// The offer.
    sdp: String,
    /// Taken and not used: what a call is was decided with its ticket.
    session: Option<String>,
}

/// End a call
#[utoipa::path(delete, path = "/v1/realtime/calls/{id}", operation_id = "deleteCall", tag = "calls",
    security(("ticket" = [])), params(("id" = String, Path)), responses((status = 200, description = "It is being ended.")))]
async fn delete(entrance: State<Entrance>, id: Path<String>, headers: HeaderMap) -> Response {
    end(entrance, id, headers).await
}

/// Hang up
#[utoipa::path(post, path = "/v1/realtime/calls/{id}/hangup", operation_id = "hangUpCall", tag = "calls",
    security(("ticket" = [])), params(("id" = String, Path)), responses((status = 200, description = "It is being ended.")))]
async fn hangup(entrance: State<Entrance>, id: Path<String>, headers: HeaderMap) -> Response {
    end(entrance, id, headers).await
}

async fn end(State(entrance): State<Entrance>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let response = match hang_up(&entrance, &id, &headers).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(problem) => ProviderProblem(problem).into_response(),
    };
    shared(response, headers.get(ORIGIN).cloned())
}

async fn hang_up(entrance: &Entrance, id: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let ticket = ticket(entrance, headers).await?;
    let unknown = || Problem::new(Code::NotFound, "No such call is running.");
    let call = CallId::parse(id).ok_or_else(unknown)?;
    let is_ending = match entrance.calls.session_of(&call) {
        Some(session) => {
            session == ticket.session && entrance.calls.end(session, EndedBy::UserEnd) == EndOutcome::Ending
        }
        // It may run on another machine.
        None => {
            let known = entrance.store.calls(TenantCtx::service(ticket.tenant), ticket.session).await?;
            known.iter().any(|row| row.call_id == call && row.closed_at.is_none())
                && entrance.calls.end_elsewhere(ticket.session, EndedBy::UserEnd).await
        }
    };
    if is_ending { Ok(()) } else { Err(unknown()) }
}

/// The ticket in `Authorization`, and the right of the page behind the request to use it.
async fn ticket(entrance: &Entrance, headers: &HeaderMap) -> Result<Ticket, Problem> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let secret = bearer.map(|(_, secret)| secret.trim()).unwrap_or_default();
    let ticket = entrance.identity.tickets().resolve(secret).await?;
    let ticket = ticket.ok_or_else(|| {
        Problem::new(Code::AuthenticationFailed, "Send a ticket of this server as `Authorization: Bearer ek_viva_…`.")
    })?;
    entrance.identity.origins().check(Way::Write, Credential::Bearer, text(HOST), text(ORIGIN))?;
    Ok(ticket)
}

/// The offer in either form the provider takes: raw, or as the part `sdp` of a form.
async fn body(request: Request) -> Result<Bytes, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/sdp" => match Limited::new(request.into_body(), MAX_BODY).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
            Err(_) => Err(broke_off()),
        },
        "multipart/form-data" => {
            let (head, body) = request.into_parts();
            let limited = Request::from_parts(head, axum::body::Body::new(Limited::new(body, MAX_BODY)));
            let mut form = Multipart::from_request(limited, &()).await.map_err(|_| broke_off())?;
            let mut offer = None;
            while let Some(field) = form.next_field().await.map_err(|error| form_problem(&error))? {
                if field.name() == Some("sdp") {
                    offer = Some(field.bytes().await.map_err(|error| form_problem(&error))?);
                }
            }
            offer.ok_or_else(|| Problem::new(Code::BadMessage, "The form needs a part named `sdp`."))
        }
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send the offer as `application/sdp`, or as the part `sdp` of `multipart/form-data`.",
        )),
    }
}

fn form_problem(error: &axum::extract::multipart::MultipartError) -> Problem {
    // Our own limit comes back wrapped by whoever read the body.
    let mut causes = std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source());
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE || causes.any(|cause| cause.is::<LengthLimitError>()) {
        too_large()
    } else {
        broke_off()
    }
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, "An offer may have at most 32 KiB.")
}

fn broke_off() -> Problem {
    Problem::new(Code::BadMessage, "The body broke off or is not the form it says it is.")
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
            let problem = Problem::new(Code::from_wire(error.code()).unwrap_or(Code::UpstreamError), error.to_string());
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

async fn no_such_method() -> Response {
    ProviderProblem(Problem::new(Code::MethodNotAllowed, "This address does not know that method.")).into_response()
}

/// CORS: the page's origin was checked with the request itself; here browsers are told what it may send and read.
async fn preflight(State(entrance): State<Entrance>, headers: HeaderMap) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Err(refused) = entrance.identity.origins().check(Way::Write, Credential::Bearer, text(HOST), text(ORIGIN)) {
        return ProviderProblem(refused.into()).into_response();
    }
    let allowed = [
        (http::header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, DELETE, OPTIONS")),
        (
            http::header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type, x-openai-agents-sdk"),
        ),
        (http::header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
        (http::header::ALLOW, HeaderValue::from_static(Method::POST.as_str())),
    ];
    shared((StatusCode::NO_CONTENT, allowed).into_response(), headers.get(ORIGIN).cloned())
}

fn shared(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin.filter(|_| response.status() != StatusCode::FORBIDDEN) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
    response
}
