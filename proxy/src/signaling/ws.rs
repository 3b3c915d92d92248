//! The native door: `GET /ws` speaks `viva.v1`. The upgrade checks who may knock (origin; a cookie or bearer, if one is
//! sent), the first message shows who it is and which session is meant; then the socket belongs to that session's call. No
//! credential ever stands in the address.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode, Uri};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::entrance::Entrance;
use super::protocol::{ClientMessage, Init, close};
use super::refusal::{Refusal, refusal};
use super::replay;
use super::shown::{self, Shown};
use crate::api::openapi::refused;
use crate::api::{Code, Peer, Problem, presented, recognise_if_present};
use crate::call::{Booking, Calls, ClientLink, Course, Door, MAX_FRAME, NotRecovered, READ_BUFFER, StartError};
use crate::identity::{Credential, Crowd, Identity, Presence, TenantCtx, Way};
use crate::store::shared::Whereabouts;
use crate::store::{SessionStatus, Store};

/// How long the first message may take, and how long it may be.
const INIT_WAIT: Duration = Duration::from_secs(5);
const MAX_INIT: usize = 16 * 1024;
/// How long a credential beside the upgrade may take to be judged.
const CREDENTIAL_WAIT: Duration = Duration::from_secs(2);
/// Sockets without a session at once; more are refused before the upgrade, so that strangers cannot use up memory.
const MAX_STRANGERS: usize = 1_024;
/// Of one address, so that nobody alone keeps others out: a quarter.
const MAX_STRANGERS_OF_ADDRESS: usize = MAX_STRANGERS / 4;
const MAX_WRITE_BUFFER: usize = 256 * 1024;

impl FromRef<Gate> for Identity {
    fn from_ref(gate: &Gate) -> Self {
        gate.entrance.identity.clone()
    }
}

#[derive(Clone)]
struct Gate {
    entrance: Entrance,
    strangers: Arc<Semaphore>,
    by_address: Crowd,
}

/// A stranger's place: in all, and of its address.
type Turn = (OwnedSemaphorePermit, Presence);

/// `/ws`.
pub fn described<S>(state: &S) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Identity: FromRef<S>,
    Calls: FromRef<S>,
{
    let gate = Gate {
        entrance: Entrance::of(state),
        strangers: Arc::new(Semaphore::new(MAX_STRANGERS)),
        by_address: Crowd::new(MAX_STRANGERS_OF_ADDRESS),
    };
    OpenApiRouter::new().routes(routes!(upgrade)).with_state(gate)
}

/// Speak `viva.v1`
///
/// A WebSocket. The first message is `init` with a ticket, within five seconds; no credential ever stands in the address.
#[utoipa::path(get, path = "/ws", operation_id = "openSocket", tag = "calls", security(()),
    params(("session" = Option<String>, Query, description = "Only so that a reconnect finds its machine.")),
    responses((status = 101, description = "The socket is open."), refused::NoUpgrade))]
async fn upgrade(
    State(gate): State<Gate>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let admitted = admit(&gate, peer, &headers, socket).await;
    if admitted.is_ok()
        && let Some(sent_on) = replay::elsewhere(&gate.entrance.calls, &headers, &uri).await
    {
        return sent_on;
    }
    match admitted {
        Ok((socket, turn)) => socket
            .max_message_size(MAX_FRAME)
            .max_frame_size(MAX_FRAME)
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_WRITE_BUFFER)
            .on_upgrade(move |socket| greet(gate.entrance, socket, turn, peer)),
        Err(problem) => problem.into_response(),
    }
}

async fn admit(
    gate: &Gate,
    peer: Peer,
    headers: &HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<(WebSocketUpgrade, Turn), Problem> {
    let credential = credential(&gate.entrance.identity, headers).await?;
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    gate.entrance.identity.origins().check(
        Way::Upgrade,
        credential.unwrap_or(Credential::None),
        text(HOST),
        text(ORIGIN),
    )?;
    let socket = socket.map_err(|_| {
        Problem::new(Code::BadMessage, "This address speaks WebSocket only; connect with ws:// or wss://.")
            .with_status(StatusCode::UPGRADE_REQUIRED)
    })?;
    let full = || {
        let what = "Too many connections are waiting to say who they are.";
        Problem::new(Code::CapacityReached, what).retry_after(INIT_WAIT)
    };
    let of_address = gate.by_address.enter(peer.0).ok_or_else(full)?;
    let turn = gate.strangers.clone().try_acquire_owned().map_err(|_| full())?;
    Ok((socket, (turn, of_address)))
}

/// A bad cookie or bearer is refused here; one that cannot be judged just now is not. It opens nothing: who it is shows the
/// first message.
async fn credential(identity: &Identity, headers: &HeaderMap) -> Result<Option<Credential>, Problem> {
    match tokio::time::timeout(CREDENTIAL_WAIT, recognise_if_present(identity, headers)).await {
        Ok(Err(problem)) if problem.code() == Code::DatabaseUnavailable => Ok(presented(headers)),
        Ok(judged) => judged,
        Err(_elapsed) => Ok(presented(headers)),
    }
}

async fn greet(entrance: Entrance, mut socket: WebSocket, turn: Turn, peer: Peer) {
    let admitted = match first_message(&mut socket).await {
        Ok(init) => match book(&entrance, &init, peer).await {
            Ok(booked) => Ok((init, booked)),
            Err(refused) => Err(refused),
        },
        Err(refused) => Err(refused),
    };
    match admitted {
        Ok((init, (booked, shown))) => {
            drop(turn);
            join(&entrance, socket, init, booked, shown).await;
        }
        Err(refused) => {
            count(&refused);
            let last_words = async {
                socket.send(Message::text(refused.frame())).await?;
                socket
                    .send(Message::Close(Some(CloseFrame {
                        code: refused.close,
                        reason: refused.code.as_str().into(),
                    })))
                    .await
            };
            let _gone = tokio::time::timeout(INIT_WAIT, last_words).await;
        }
    }
}

/// Hands the socket to its session's call.
async fn join(entrance: &Entrance, socket: WebSocket, init: Init, booked: Booked, Shown { ticket, pass }: Shown) {
    let calls = &entrance.calls;
    let hash = ticket.hash;
    let ticket = entrance.identity.tickets().in_use(ticket);
    let handed = match booked {
        Booked::Live => calls.rejoin(&ticket, ClientLink::new(socket, init.has, pass)).map_err(|client| {
            let over = "The call has ended or is busy just now. Connect again in a moment.";
            (refusal(Code::Unavailable, over, close::RESTART), client)
        }),
        Booked::Session(booking) => {
            if let Some(call_ref) = &init.has.call_ref {
                calls.present(&booking, hash, call_ref).await;
            }
            calls
                .attach(*booking, ticket, ClientLink::new(socket, init.has, pass))
                .map_err(|(error, client)| (start_refusal(&error), client))
        }
    };
    if let Err((refused, mut client)) = handed {
        count(&refused);
        let frame = refused.frame();
        calls.spawn(async move { client.refuse(frame, refused.close).await });
    }
}

fn count(refused: &Refusal) {
    metrics::counter!("viva_ws_rejected_total", "reason" => refused.code.as_str()).increment(1);
}

async fn first_message(socket: &mut WebSocket) -> Result<Init, Refusal> {
    let bad = refusal(Code::BadMessage, "The first message must be `init` with a token.", close::BAD_MESSAGE);
    let first = async {
        loop {
            match socket.recv().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return other,
            }
        }
    };
    match tokio::time::timeout(INIT_WAIT, first).await {
        Ok(Some(Ok(Message::Text(text)))) if text.len() <= MAX_INIT => match ClientMessage::parse(text.as_str()) {
            Ok(ClientMessage::Init(init)) => Ok(init),
            Ok(_) | Err(_) => Err(bad),
        },
        Ok(Some(Ok(Message::Text(_)) | Err(_))) => {
            Err(refusal(Code::PayloadTooLarge, "The first message is too large.", close::TOO_LARGE))
        }
        Ok(Some(Ok(_)) | None) => Err(bad),
        Err(_elapsed) => Err(refusal(Code::RequestTimeout, "No `init` came within five seconds.", close::TIMEOUT)),
    }
}

/// What a client comes to.
enum Booked {
    /// A call that is under way here: what it is was settled when it began.
    Live,
    /// A session without a call here.
    Session(Box<Booking>),
}

async fn book(entrance: &Entrance, init: &Init, peer: Peer) -> Result<(Booked, Shown), Refusal> {
    let shown = shown::recognise(entrance, init, peer).await?;
    let ticket = &shown.ticket;
    if !entrance.calls.settled(ticket.session).await {
        return Err(refusal(
            Code::Unavailable,
            "The server has just started and looks for your call. Connect again in a moment.",
            close::RESTART,
        ));
    }
    if entrance.calls.is_live(ticket.session) {
        return Ok((Booked::Live, shown));
    }
    let edition = entrance.calls.edition(ticket.session);
    let session = entrance
        .store
        .session(TenantCtx::service(ticket.tenant), ticket.session)
        .await
        .map_err(shown::unavailable)?
        .ok_or_else(shown::unknown)?;
    let may_run = !matches!(session.status, SessionStatus::Completed | SessionStatus::Cancelled);
    if may_run && !entrance.calls.is_live(ticket.session) {
        let course = if session.status == SessionStatus::InProgress { Course::GoesOn } else { Course::Begins };
        let owned = entrance.calls.own(ticket.tenant, ticket.session, course).await.map_err(shown::unavailable)?;
        match owned {
            Whereabouts::Here => {}
            Whereabouts::TenantFull => return Err(start_refusal(&StartError::TenantCapacity)),
            Whereabouts::PersonFull => return Err(start_refusal(&StartError::PersonCapacity)),
            Whereabouts::Elsewhere(_) => return Err(elsewhere()),
        }
    }
    if session.status == SessionStatus::InProgress
        && !entrance.calls.is_live(ticket.session)
        && let Err(error) = entrance.calls.take_up(ticket).await
    {
        return Err(not_taken_up(&error));
    }
    let is_live = entrance.calls.is_live(ticket.session);
    match session.status {
        SessionStatus::Completed | SessionStatus::Cancelled if !is_live => {
            return Err(refusal(Code::SessionEnded, "This interview is over.", close::GONE));
        }
        _ if !is_live && !ticket.may_start(entrance.identity.now_unix_ms()) => {
            return Err(refusal(
                Code::TokenExpired,
                "The ticket has expired. Ask for a fresh one.",
                close::UNAUTHENTICATED,
            ));
        }
        _ => {}
    }
    let booking = entrance.calls.book(&session, ticket.policy, Door::Native).map_err(|error| {
        tracing::error!(%error, "a session cannot be called");
        refusal(Code::Internal, "This session was made by another version of the server.", close::GONE)
    })?;
    Ok((Booked::Session(Box::new(booking.at(edition))), shown))
}

/// Only what cannot change is a reason not to come again.
fn not_taken_up(error: &NotRecovered) -> Refusal {
    match error {
        NotRecovered::Store(error) => shown::unavailable(*error),
        NotRecovered::Elsewhere => elsewhere(),
        NotRecovered::Session | NotRecovered::OtherModel | NotRecovered::Resume(_) => {
            tracing::warn!(%error, "an interview on the record cannot go on");
            refusal(Code::Conflict, "This interview cannot go on. Its transcript is kept.", close::GONE)
        }
    }
}

fn elsewhere() -> Refusal {
    refusal(Code::Unavailable, "Your call is on another machine. Connect again in a moment.", close::RESTART)
}

fn start_refusal(error: &StartError) -> Refusal {
    match error {
        StartError::Capacity => {
            refusal(Code::CapacityReached, "All calls of this server are taken. Try again later.", close::CAPACITY)
        }
        StartError::TenantCapacity => {
            refusal(Code::CapacityReached, "Your organisation has as many calls as it may.", close::CAPACITY)
        }
        StartError::PersonCapacity => {
            refusal(Code::CapacityReached, "You have as many calls as you may. End one first.", close::CAPACITY)
        }
        StartError::Closed => refusal(Code::Unavailable, "New calls are switched off at the moment.", close::CAPACITY),
        StartError::Stopping => {
            refusal(Code::Unavailable, "The server restarts. Connect again in a moment.", close::RESTART)
        }
        StartError::Live | StartError::Changed | StartError::Spent | StartError::Exchange(_) => {
            refusal(Code::Conflict, "The session is busy. Try again in a moment.", close::RATE)
        }
    }
}
