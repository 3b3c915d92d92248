//! `POST /v1/realtime/calls`: an offer in, an answer and a call out.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shared;
use super::auth::{Bearer, Project, refuse_beta};
use super::error::ApiError;
use super::offer::{Asked, Form};
use crate::call::{Call, ChannelFilter, Limits, Mind};
use crate::faults::{CreateFault, Faults};
use crate::model::ids::Ids;
use crate::model::refusal::Refusal;
use crate::model::session::{Session, SessionKind};
use crate::model::{Model, Setup};
use crate::peer::{self, PeerError, Weather};

/// The provider answers so, although its specification says `application/sdp`.
const ANSWER_TYPE: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    refuse_beta(&headers)?;
    let bearer = shared.keys.check(&headers)?;
    let filter = ChannelFilter::asked(request.uri().query());
    let asked = Asked::read(request).await?;
    let faults = match go_wrong(&shared).await {
        Ok(faults) => faults,
        Err(Refused::Error(error)) => return Err(error),
        Err(Refused::Garbage(garbage)) => return Ok(garbage),
    };

    let project = bearer.project();
    let is_whole = matches!(bearer, Bearer::Project(_));
    if is_whole && faults.quirks.minted_only {
        return Err(ApiError::unauthorized("Calls are created with a client secret here."));
    }
    if is_whole && asked.session.is_none() && faults.quirks.create_needs_session {
        let text = "Missing required parameter: 'session'.";
        return Err(Refusal::new("missing_required_parameter", text).at("session").into());
    }
    let is_form = asked.form == Form::Multipart;
    if is_form && asked.session.as_ref().is_some_and(|session| session["type"] == "transcription") {
        let text = "Invalid value for 'session.type': supported are 'realtime'.";
        return Err(Refusal::new("invalid_value", text).at("session.type").into());
    }
    let suffix = Ids::fresh().letters(21);
    let (call_id, session_id) = (format!("rtc_u0_{suffix}"), format!("sess_u0_{suffix}"));
    let cap = faults.session_cap.unwrap_or(shared.config.max_session);
    let mut session = Session::new(&session_id, unix_now(), cap.as_secs());
    let settings = match bearer {
        Bearer::Project(_) => asked.session,
        // The secret's settings are the defaults; what comes with the offer goes on top.
        Bearer::Ephemeral(_, minted) => {
            if let Some(minted) = minted {
                session.create(&minted)?;
            }
            asked.session
        }
    };
    if let Some(settings) = settings {
        session.create(&settings)?;
    }
    if session.kind() != SessionKind::Realtime && faults.quirks.realtime_only {
        return Err(Refusal::new("invalid_value", "This server only converses.").at("session.type").into());
    }
    let fault = faults.create;
    let form = asked.form;
    let model = Model::new(Setup::of(&shared.config, faults.clone()), session, Ids::fresh());
    let answer =
        start(&shared, (&call_id, project), Mind::Turns(Box::new(model)), (&asked.sdp, filter), faults).await?;
    if form == Form::Json {
        // As servers do that answer so: no header, the id beside the answer.
        return Ok((StatusCode::CREATED, Json(json!({ "sdp": answer, "session_id": call_id }))).into_response());
    }
    let mut response = (StatusCode::CREATED, answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, ANSWER_TYPE);
    if fault != CreateFault::NoLocation
        && let Ok(location) = HeaderValue::from_str(&format!("/v1/realtime/calls/{call_id}"))
    {
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What is said instead of an answer.
pub(super) enum Refused {
    Error(ApiError),
    Garbage(Response),
}

/// What goes wrong in the call that is asked for now; some of it before there is a call.
pub(super) async fn go_wrong(shared: &Shared) -> Result<Faults, Refused> {
    let faults = shared.next_faults();
    tokio::time::sleep(faults.create_delay).await;
    match faults.create {
        CreateFault::Status(status) => Err(Refused::Error(ApiError::of_status(status))),
        // The client gives up, or the server ends.
        CreateFault::Hang => {
            shared.shutdown.cancelled().await;
            Err(Refused::Error(ApiError::of_status(503)))
        }
        CreateFault::Garbage => Err(Refused::Garbage(garbage())),
        CreateFault::None | CreateFault::NoLocation | CreateFault::Unanswered => Ok(faults),
    }
}

/// Begins a call; returns the answer to its offer.
pub(super) async fn start(
    shared: &Arc<Shared>,
    (call_id, project): (&str, Project),
    mind: Mind,
    (offer, filter): (&str, ChannelFilter),
    faults: Faults,
) -> Result<String, ApiError> {
    let fault = faults.create;
    let seat = shared
        .calls
        .admit(call_id, project, faults.clone())
        .map_err(|_| ApiError::rate_limited("rate_limit_exceeded", "Too many calls at once."))?;
    let config = &shared.config;
    let settings = peer::Settings {
        addresses: shared.media.clone(),
        ice_timeout: faults.peer_timeout.unwrap_or(config.peer_timeout),
        weather: Weather { loss_percent: faults.loss_percent, jitter: faults.jitter, seed: config.seed },
        ..peer::Settings::default()
    };
    let (answer, peer) = peer::accept(offer, &settings).await.map_err(|error| match error {
        PeerError::Description(_) => ApiError::invalid_offer("it cannot be answered"),
        PeerError::Setup(_) | PeerError::NotGathered => {
            tracing::warn!(%error, "a call could not be set up");
            ApiError::of_status(500)
        }
    })?;
    let limits = Limits { no_ice: config.no_ice_timeout, session: config.max_session };
    let record = shared.records.open(call_id);
    let call = Call::new(seat, record, peer, mind, limits, config.seed).map_err(|error| {
        tracing::warn!(%error, "a call could not be set up");
        ApiError::of_status(500)
    })?;
    shared.tasks.spawn(call.filtered(filter).run(shared.shutdown.clone()));
    if fault == CreateFault::Unanswered {
        shared.shutdown.cancelled().await;
        return Err(ApiError::of_status(503));
    }
    Ok(answer)
}

fn garbage() -> Response {
    let body = "<html><body>502 Bad Gateway</body></html>";
    let mut response = (StatusCode::CREATED, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, ANSWER_TYPE);
    response
}

pub(super) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
