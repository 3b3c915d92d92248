//! `GET /v1/realtime?call_id=`: the WebSocket beside a call.
//!
//! It gets every event of the call from now on, no `session.created` and no replay, and may send
//! any client event.

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message as WsMessage, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::auth::{beta_refusal, refuse_beta};
use super::error::ApiError;
use crate::call::{CallRef, Frame, Message, SIDEBAND_QUEUE, SidebandId};
use crate::model::ids::Ids;
use crate::model::refusal::Refusal;

/// The largest client event: the provider's 15 MiB are for audio, which has no business here.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

#[derive(Deserialize)]
pub(super) struct Wanted {
    call_id: Option<String>,
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
    let upgrade = upgrade.map_err(|_| Refusal::new("invalid_request", "This is a WebSocket endpoint."))?;
    let upgrade = upgrade.protocols(["realtime"]).max_message_size(MAX_EVENT_BYTES).max_frame_size(MAX_EVENT_BYTES);
    if refuse_beta(&headers).is_err() {
        return Ok(upgrade.on_upgrade(close_beta));
    }
    let call = find(&shared, &call_id).ok_or_else(ApiError::call_not_found)?;
    let id = shared.calls.sideband();
    let tasks = shared.tasks.clone();
    let shutdown = shared.shutdown.clone();
    Ok(upgrade.on_upgrade(async move |socket| {
        // Tracked with the calls, so that the end of the server waits for it.
        let _ = tasks.spawn(serve(socket, call, id, shutdown)).await;
    }))
}

/// By `Authorization`, or as browsers must, by a subprotocol with the key in it.
fn authorize(shared: &Shared, headers: &HeaderMap) -> Result<(), ApiError> {
    let protocols = headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    let key = protocols.and_then(|protocols| {
        protocols.split(',').find_map(|protocol| protocol.trim().strip_prefix("openai-insecure-api-key."))
    });
    if key.is_some_and(|key| shared.keys.bearer(key).is_some()) {
        return Ok(());
    }
    shared.keys.check(headers).map(|_| ())
}

/// Too early, ended and unknown look alike, as upstream.
fn find(shared: &Shared, call_id: &str) -> Option<CallRef> {
    let faults = shared.faults();
    let call = shared.calls.get(call_id)?;
    let early = call.created.elapsed() < faults.sideband_late;
    (!early && !faults.sideband_never).then_some(call)
}

async fn close_beta(mut socket: WebSocket) {
    let error = beta_refusal().event(None);
    let event = json!({"type": "error", "event_id": Ids::fresh().next("event"), "error": error});
    let _ = socket.send(WsMessage::text(event.to_string())).await;
    let _ = socket.send(close(4000, "beta_api_shape_disabled")).await;
}

async fn serve(mut socket: WebSocket, call: CallRef, id: SidebandId, shutdown: CancellationToken) {
    let (frames, mut outgoing) = mpsc::channel(SIDEBAND_QUEUE);
    if call.inbox.send(Message::Attach(id, frames)).await.is_err() {
        let _ = socket.send(close(1000, "")).await;
        return;
    }
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {
                let _ = socket.send(close(1001, "The server is going away.")).await;
                return;
            }
            frame = outgoing.recv() => match frame {
                Some(Frame::Event(text)) => {
                    if socket.send(WsMessage::Text(text)).await.is_err() {
                        break;
                    }
                }
                Some(Frame::Close(code, reason)) => {
                    let _ = socket.send(close(code, reason)).await;
                    return;
                }
                None => {
                    let _ = socket.send(close(1013, "too slow")).await;
                    return;
                }
            },
            message = socket.recv() => match message {
                Some(Ok(WsMessage::Text(text))) => {
                    // A call that is gone takes nothing; its close is on the way, or is not
                    // meant to come.
                    let _ = call.inbox.send(Message::Client(text.to_string())).await;
                }
                Some(Ok(WsMessage::Close(_)) | Err(_)) | None => break,
                Some(Ok(WsMessage::Binary(_) | WsMessage::Ping(_) | WsMessage::Pong(_))) => {}
            },
        }
    }
    let _ = call.inbox.send(Message::Detach(id)).await;
}

fn close(code: u16, reason: &'static str) -> WsMessage {
    WsMessage::Close(Some(CloseFrame { code, reason: reason.into() }))
}
