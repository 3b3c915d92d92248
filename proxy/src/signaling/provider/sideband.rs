//! `GET /v1/realtime?call_id=`: an application's own socket on a call of its. Our sideband is up first, then the upgrade is
//! answered: whoever asks too early, too late, or for somebody else's call gets a status and no socket that closes again.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse as _, Response};
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};

use super::Desk;
use super::bearer::{Bearer, no_such_call};
use super::secrets;
use crate::api::openapi::refused;
use crate::api::{Code, Problem, ProviderProblem};
use crate::call::{MAX_EVENT, MAX_WRITE_BUFFER, NotHeard};
use crate::identity::Way;
use crate::ids::SessionId;

/// What the provider's browser library offers, and the only one that is chosen.
const PROTOCOL: &str = "realtime";
/// A browser cannot send `Authorization` with a socket: its library offers the secret as a protocol.
const SECRET_PROTOCOL: &str = "openai-insecure-api-key.";
/// When asking again makes sense.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// Watch a call
///
/// The provider's own contract: a WebSocket with every event of the call, by which events can be sent. The secret that
/// started the call, its person's token, or an access key of the tenant; a browser offers the protocols `realtime` and
/// `openai-insecure-api-key.<secret>`.
#[utoipa::path(get, path = "/v1/realtime", operation_id = "watchCall", tag = "calls",
    security(("ticket" = []), ("bearer" = []), ("access_key" = ["sessions:write"])),
    params(("call_id" = Option<String>, Query, description = "From the `Location` of the call.")),
    responses((status = 101, description = "The socket is open."), refused::NoUpgrade, refused::NoObject,
        refused::NotWatched))]
pub(super) async fn attach(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match admit(&desk, uri, headers, socket).await {
        Ok((session, socket)) => socket
            .protocols([PROTOCOL])
            .max_message_size(MAX_EVENT)
            .max_frame_size(MAX_EVENT)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_WRITE_BUFFER)
            .on_upgrade(async move |socket| desk.calls.listen(session, socket)),
        Err(problem) => ProviderProblem(problem).into_response(),
    }
}

async fn admit(
    desk: &Desk,
    uri: Uri,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<(SessionId, WebSocketUpgrade), Problem> {
    let call = call_id(&uri).map(str::to_owned);
    let bearer = Bearer::of(desk, &parts(uri, headers), Way::Upgrade).await?;
    let call = call.ok_or_else(|| {
        let how = "Name a call by `call_id`; sessions without a call are not served here.";
        Problem::new(Code::BadMessage, how).of_field("call_id")
    })?;
    let session = bearer.session_of(desk, &call).await?;
    secrets::speaks_realtime(desk)?;
    let socket = socket.map_err(|_| {
        Problem::new(Code::BadMessage, "This address speaks WebSocket only; connect with ws:// or wss://.")
            .with_status(StatusCode::UPGRADE_REQUIRED)
    })?;
    desk.calls.may_listen(session).await.map_err(|refused| match refused {
        NotHeard::Over => no_such_call(),
        NotHeard::NotDropIn => Problem::new(Code::Forbidden, "This call belongs to an interview's own page."),
        NotHeard::Full => Problem::new(Code::CapacityReached, "This call has as many sockets as it may."),
        NotHeard::Unwatched | NotHeard::Busy => {
            let what = "The model lets nobody watch this call at the moment.";
            Problem::new(Code::Unavailable, what).retry_after(COME_AGAIN)
        }
    })?;
    Ok((session, socket))
}

fn call_id(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("call_id="))
}

/// The request as one that shows its credential in a header.
fn parts(uri: Uri, mut headers: HeaderMap) -> Parts {
    if !headers.contains_key(AUTHORIZATION)
        && let Some(secret) = offered_secret(&headers)
        && let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {secret}"))
    {
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::GET;
    parts.uri = uri;
    parts.headers = headers;
    parts
}

fn offered_secret(headers: &HeaderMap) -> Option<&str> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).find_map(|name| name.trim().strip_prefix(SECRET_PROTOCOL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_shows_its_secret_as_a_protocol_and_a_header_counts_first() {
        let offered = HeaderValue::from_static("realtime, openai-insecure-api-key.ek_viva_x");
        let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_PROTOCOL, offered.clone())]);
        let uri: Uri = "/v1/realtime?model=m&call_id=rtc_viva_1".parse().expect("an address");
        assert_eq!(call_id(&uri), Some("rtc_viva_1"));
        assert_eq!(parts(uri.clone(), headers).headers[AUTHORIZATION], "Bearer ek_viva_x");
        let both = HeaderMap::from_iter([
            (SEC_WEBSOCKET_PROTOCOL, offered),
            (AUTHORIZATION, HeaderValue::from_static("Bearer vk_y")),
        ]);
        assert_eq!(parts(uri, both).headers[AUTHORIZATION], "Bearer vk_y");
        assert_eq!(call_id(&"/v1/realtime?model=m".parse().expect("an address")), None);
    }
}
