//! The provider's three addresses: create, hang up, sideband.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Query, State, WebSocketUpgrade};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::super::sdp;
use super::call::{Call, HangUp};
use super::weather::{Fate, Quirks};
use super::{Shared, sideband};

/// Buffers keep their size, and there are many sockets.
const READ_BUFFER: usize = 4 * 1024;

const PREFIX: &str = "rtc_rig";

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/realtime/calls", post(create))
        .route("/v1/realtime/calls/{id}/hangup", post(hang_up))
        .route("/v1/realtime", get(watch))
        .with_state(shared)
}

async fn create(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let posted = Instant::now();
    // In a task of its own: who asked may be killed meanwhile, and the call is there all the same.
    let made = tokio::spawn(async move {
        let number = shared.next();
        let mut quirks = Quirks::new(shared.weather, shared.seed, number);
        match quirks.fate() {
            Fate::Answered => {}
            Fate::Refused(status) => return refusal(status, "rate_limit_exceeded"),
            Fate::Late(by) => tokio::time::sleep(by).await,
        }
        let Some(session) = session_of(&body) else { return refusal(400, "invalid_request_error") };
        let call = Call::new(number, session, quirks, posted);
        shared.lock().insert(number, Arc::clone(&call));
        call.answered();
        let answer = sdp::ANSWER.replacen("o=- 4611731400430051336 ", &format!("o=- {number} "), 1);
        let location = format!("/v1/realtime/calls/{PREFIX}{number}");
        (StatusCode::CREATED, [(CONTENT_TYPE, "text/plain".to_owned()), (LOCATION, location)], answer).into_response()
    });
    made.await.unwrap_or_else(|_| refusal(500, "server_error"))
}

async fn hang_up(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    match number_of(&id).and_then(|number| shared.call(number)).map(|call| call.hang_up()) {
        Some(HangUp::Done) => StatusCode::OK.into_response(),
        Some(HangUp::FailsThisTime) => refusal(500, "server_error"),
        Some(HangUp::WasOver) | None => refusal(404, "call_id_not_found"),
    }
}

#[derive(Deserialize)]
struct Watched {
    call_id: String,
}

async fn watch(
    State(shared): State<Arc<Shared>>,
    Query(Watched { call_id }): Query<Watched>,
    socket: WebSocketUpgrade,
) -> Response {
    let call = number_of(&call_id).and_then(|number| shared.call(number)).filter(|call| call.is_known());
    let Some(call) = call else { return refusal(404, "call_id_not_found") };
    socket
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(1024 * 1024)
        .on_upgrade(move |socket| sideband::serve(call, socket))
}

fn number_of(id: &str) -> Option<u64> {
    id.strip_prefix(PREFIX)?.parse().ok()
}

/// The session object, out of the form that the official clients send.
fn session_of(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    let part = text.split_once("name=\"session\"")?.1.split_once("\r\n\r\n")?.1;
    serde_json::from_str(part.split_once("\r\n--")?.0).ok()
}

fn refusal(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::json!({ "error": { "message": "No.", "type": "rig", "param": null, "code": code } });
    let retry = HeaderName::from_static("retry-after");
    (status, [(CONTENT_TYPE, "application/json"), (retry, "1")], body.to_string()).into_response()
}
