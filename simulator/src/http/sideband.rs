//! `GET /v1/realtime?call_id=`: the WebSocket beside a call.
//!
//! It gets every event of the call from now on, no `session.created` and no replay, and may send
//! any client event.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as WsMessage, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::auth::{Project, beta_refusal, refuse_beta};
use super::error::ApiError;
use crate::call::{CallRef, Frame, Message, SIDEBAND_QUEUE, SidebandId};
use crate::model::ids::Ids;
use crate::model::refusal::Refusal;

/// A silent socket is let go after this: it is not seen whether anybody is still there.
const SILENCE_AT_MOST: Duration = Duration::from_secs(120);

/// The largest client event: the provider's 15 MiB are for audio, which has no business here.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

#[derive(Deserialize)]
pub(super) struct Wanted {
    pub(super) call_id: Option<String>,
}

pub(super) async fn attach(
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    authorize(&shared, &headers)?;
    let call_id = wanted.call_id.ok_or_else(|| {
        let text = "Missing required parameter: 'call_id'. Only sidebands of calls are served here.";
        Refusal::new("missing_required_parameter", text).at("call_id")
    })?;
    attach_to(shared, call_id, headers, upgrade, ApiError::call_not_found).await
}

/// The same under any address; `unknown` says that there is nothing of that name.
pub(super) async fn attach_to(
    shared: Arc<Shared>,
    call_id: String,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
    unknown: fn() -> ApiError,
) -> Result<Response, ApiError> {
    let project = authorize(&shared, &headers)?;
    let upgrade = upgrade.map_err(|_| Refusal::new("invalid_request", "This is a WebSocket endpoint."))?;
    let upgrade = upgrade.protocols(["realtime"]).max_message_size(MAX_EVENT_BYTES).max_frame_size(MAX_EVENT_BYTES);
    if refuse_beta(&headers).is_err() {
        return Ok(upgrade.on_upgrade(close_beta));
    }
    if let Some(call) = shared.calls.get(&call_id).filter(|call| call.project == project) {
        tokio::time::sleep(call.faults().sideband_delay).await;
    }
    let call = match find(&shared, &call_id, project) {
        Found::Call(call) => call,
        Found::Nothing => return Err(unknown()),
        Found::NothingToSay => return Ok(StatusCode::NOT_FOUND.into_response()),
        Found::Taken => {
            let refusal = Refusal::new("sideband_already_attached", "This call has a sideband already.");
            return Err(ApiError::new(StatusCode::CONFLICT, refusal));
        }
    };
    let id = shared.calls.sideband();
    let tasks = shared.tasks.clone();
    let shutdown = shared.shutdown.clone();
    Ok(upgrade.on_upgrade(async move |socket| {
        // Tracked with the calls, so that the end of the server waits for it.
        let _ = tasks.spawn(serve(socket, call, id, shutdown)).await;
    }))
}

/// By `Authorization`, or as browsers must, by a subprotocol with the key in it.
fn authorize(shared: &Shared, headers: &HeaderMap) -> Result<Project, ApiError> {
    let protocols = headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    let key = protocols.and_then(|protocols| {
        protocols.split(',').find_map(|protocol| protocol.trim().strip_prefix("openai-insecure-api-key."))
    });
    match key.and_then(|key| shared.keys.bearer(key)) {
        Some(bearer) => Ok(bearer.project()),
        None => shared.keys.check(headers).map(|bearer| bearer.project()),
    }
}

/// What there is under a call id.
enum Found {
    Call(CallRef),
    Nothing,
    /// A quirk: 404 without a body.
    NothingToSay,
    /// A quirk: another sideband is attached.
    Taken,
}

/// Too early, ended, unknown and another project's look alike, as upstream.
fn find(shared: &Shared, call_id: &str, project: Project) -> Found {
    let Some(call) = shared.calls.get(call_id).filter(|call| call.project == project) else {
        return Found::Nothing;
    };
    let faults = call.faults();
    let early = call.created.elapsed() < faults.sideband_late;
    if early || faults.sideband_never {
        return if faults.quirks.sideband_404_empty { Found::NothingToSay } else { Found::Nothing };
    }
    if faults.quirks.sideband_single && call.sidebands.load(Ordering::Relaxed) > 0 {
        return Found::Taken;
    }
    Found::Call(call)
}

async fn close_beta(mut socket: WebSocket) {
    let error = beta_refusal().event(None);
    let event = json!({"type": "error", "event_id": Ids::fresh().next("event"), "error": error});
    let _ = socket.send(WsMessage::text(event.to_string())).await;
    let _ = socket.send(close(4000, "beta_api_shape_disabled")).await;
}

async fn serve(mut socket: WebSocket, call: CallRef, id: SidebandId, shutdown: CancellationToken) {
    let (frames, mut outgoing) = mpsc::channel(SIDEBAND_QUEUE);
    let served = Served::begin(call.sidebands.clone());
    if call.inbox.send(Message::Attach(id, frames)).await.is_err() {
        let _ = socket.send(close(1000, "")).await;
        return;
    }
    let last = loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break going_away(),
            frame = outgoing.recv() => match frame {
                Some(Frame::Event(text)) => {
                    if socket.send(WsMessage::Text(text)).await.is_err() {
                        break Last::Nothing;
                    }
                }
                Some(Frame::Close(code, reason, late)) => break Last::Close(close(code, reason), late),
                Some(Frame::Drop) => break Last::Nothing,
                Some(Frame::Silence) => break Last::Silence,
                Some(Frame::Linger) => break Last::Linger,
                None => break Last::Close(close(1013, "too slow"), Duration::ZERO),
            },
            message = socket.recv() => match message {
                Some(Ok(WsMessage::Text(text))) => {
                    // A call that is gone takes nothing; its close is on the way, or is not
                    // meant to come.
                    let _ = call.inbox.send(Message::Client(text.to_string())).await;
                }
                Some(Ok(WsMessage::Close(_)) | Err(_)) | None => break Last::Nothing,
                Some(Ok(WsMessage::Binary(_) | WsMessage::Ping(_) | WsMessage::Pong(_))) => {}
            },
        }
    };
    let _ = call.inbox.send(Message::Detach(id)).await;
    // The call is not held on to: whoever looks for its end must see it.
    drop((served, call, outgoing));
    leave(socket, last, &shutdown).await;
}

/// How a sideband is left.
enum Last {
    /// The socket is dropped as it is.
    Nothing,
    Close(WsMessage, Duration),
    Silence,
    Linger,
}

async fn leave(mut socket: WebSocket, last: Last, shutdown: &CancellationToken) {
    match last {
        Last::Nothing => {}
        Last::Close(frame, late) => {
            shutdown.run_until_cancelled(tokio::time::sleep(late)).await;
            let _ = socket.send(frame).await;
        }
        // Reading would answer pings, and show that the client went.
        Last::Silence => {
            shutdown.run_until_cancelled(tokio::time::sleep(SILENCE_AT_MOST)).await;
        }
        Last::Linger => {
            let gone = async { while let Some(Ok(_)) = socket.recv().await {} };
            if shutdown.run_until_cancelled(gone).await.is_none()
                && let Last::Close(frame, _) = going_away()
            {
                let _ = socket.send(frame).await;
            }
        }
    }
}

fn going_away() -> Last {
    Last::Close(close(1001, "The server is going away."), Duration::ZERO)
}

/// Counts a sideband among its call's for as long as it lives.
struct Served(Arc<AtomicUsize>);

impl Served {
    fn begin(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn close(code: u16, reason: &'static str) -> WsMessage {
    WsMessage::Close(Some(CloseFrame { code, reason: reason.into() }))
}
