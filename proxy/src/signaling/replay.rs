//! A reconnect that lands on the wrong machine of a deployment on Fly.io: its proxy is told, by a header of the answer, to
//! bring the same request to the machine that has the call, before anything is upgraded. Anywhere else nobody reads that
//! header, and it is not sent.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Uri};

use crate::api::{Code, Problem};
use crate::call::Calls;
use crate::ids::SessionId;

/// On every request that came through Fly's proxy.
const THROUGH_FLY: &str = "fly-request-id";
/// On those that a machine has sent on already: once is enough.
const SENT_ON: &str = "fly-replay-src";

/// The answer that sends a reconnect on, if it belongs to another machine.
pub(super) async fn elsewhere(calls: &Calls, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
    if !headers.contains_key(THROUGH_FLY) || headers.contains_key(SENT_ON) {
        return None;
    }
    let machine = calls.elsewhere(session(uri)?).await?;
    let mut response =
        Problem::new(Code::Conflict, "This call is on another machine. Connect again in a moment.").into_response();
    response.headers_mut().insert("fly-replay", instruction(&machine)?);
    metrics::counter!("viva_replayed_total").increment(1);
    Some(response)
}

/// The session that a reconnect names (`/ws?session=…`).
fn session(uri: &Uri) -> Option<SessionId> {
    let pairs = uri.query()?.split('&');
    pairs.filter_map(|pair| pair.strip_prefix("session=")).find_map(|id| id.parse().ok())
}

/// If that machine does not answer in time, this one takes the request as it is.
fn instruction(machine: &str) -> Option<HeaderValue> {
    let is_name = !machine.is_empty() && machine.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let text = || format!("prefer_instance={machine};timeout=2s;fallback=prefer_self");
    is_name.then(text).and_then(|text| HeaderValue::from_str(&text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_is_read_from_the_address() {
        let of = |uri: &str| session(&uri.parse().expect("an address")).map(|id| id.to_string());
        let id = "0193f5d0-0000-7000-8000-000000000001";
        assert_eq!(of(&format!("/ws?session={id}")).as_deref(), Some(id));
        assert_eq!(of(&format!("/ws?x=1&session={id}&y")).as_deref(), Some(id));
        for none in ["/ws", "/ws?session=", "/ws?session=1", "/ws?sessions=2"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_machine_is_named_and_nothing_else_gets_into_the_header() {
        let header = instruction("91852933b1d083").expect("a name");
        assert_eq!(header, "prefer_instance=91852933b1d083;timeout=2s;fallback=prefer_self");
        for bad in ["", "a;b", "a b", "a\nb"] {
            assert_eq!(instruction(bad), None, "{bad:?}");
        }
    }
}
