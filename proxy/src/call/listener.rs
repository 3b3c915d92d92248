//! One socket of an application on a call, in a task of its own: frames out, events in, with every bound a socket needs. It
//! checks only that what is said is an event the provider can be handed; what it may change is judged where it takes
//! effect. It ends with its call.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use governor::{Quota, RateLimiter};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::duplex::{Bound, Duplex};

/// Largest event an application may send: its instructions and tools, and room.
pub const MAX_EVENT: usize = 64 * 1024;
/// Room for the largest event of the provider, which is written whole.
pub const MAX_WRITE_BUFFER: usize = 17 * 1024 * 1024;
/// 20 events a second, bursts of 60, as for any client.
const RATE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
const BURST: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Between pings; two missed ones and the application counts as gone.
const PING: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(50);
/// Taken from the call's queue ahead of what the socket has written.
const AHEAD: usize = 8;
/// One event may be megabytes, so bytes are bounded where they wait, in the call's own queue.
const BOUND: Bound = Bound { messages: 2 * AHEAD, bytes: usize::MAX };
/// How long a last word may take.
const LAST_WORD: Duration = Duration::from_secs(2);

/// RFC 6455 §7.4.1 and the registry it opens: the call is over, this end restarts, the peer does not keep up, it broke a
/// rule, or its message is too large.
pub(super) const NORMAL: u16 = 1000;
pub(super) const RESTART: u16 = 1012;
const BUSY: u16 = 1013;
const POLICY: u16 = 1008;
const TOO_LARGE: u16 = 1009;

/// What goes out.
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// A server event.
    Event(Utf8Bytes),
    /// The end, and why.
    Close(u16, &'static str),
}

/// Serves a socket until its call or its application leaves.
pub(super) async fn serve(
    socket: WebSocket,
    mut frames: mpsc::Receiver<Frame>,
    owed: Arc<AtomicUsize>,
    said: mpsc::Sender<String>,
) {
    let mut socket = Duplex::new(socket, BOUND);
    let rate = RateLimiter::direct(Quota::per_second(RATE).allow_burst(BURST));
    let mut heard = Instant::now();
    let mut ping = tokio::time::interval_at(heard + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (code, reason) = loop {
        let has_room = socket.waiting() < AHEAD;
        tokio::select! {
            frame = frames.recv(), if has_room => match frame {
                Some(Frame::Event(event)) => {
                    owed.fetch_sub(event.len(), Ordering::Relaxed);
                    // There is room.
                    let _taken = socket.push(event.len(), Message::text(event.as_str()));
                }
                Some(Frame::Close(code, reason)) => break (code, reason),
                None => break (BUSY, "too slow, or one too many"),
            },
            message = socket.next() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => match event(text.as_str()) {
                        _ if rate.check().is_err() => break (POLICY, "too many events"),
                        // The call is over when nobody takes it.
                        Ok(event) => if said.send(event).await.is_err() { break (NORMAL, "the call is over") },
                        Err(refusal) => { let _full = socket.push(0, Message::text(refusal)); }
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Binary(_))) => break (POLICY, "events are text"),
                    Some(Ok(Message::Close(_))) | None => return,
                    Some(Err(_)) => break (TOO_LARGE, "an event is too large, or no text"),
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() >= SILENCE {
                    return;
                }
                // A full queue is noticed by the next event.
                let _full = socket.push(0, Message::Ping(bytes::Bytes::new()));
            }
        }
    };
    let last = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    if socket.push(0, last).is_ok() {
        let _gone = tokio::time::timeout(LAST_WORD, socket.flush()).await;
    }
}

/// An event as it may be handed to the provider, or the refusal to answer it with.
fn event(text: &str) -> Result<String, String> {
    let event: Value =
        serde_json::from_str(text).map_err(|_| refusal("invalid_json", "The event is not JSON.", None))?;
    let id = event["event_id"].as_str();
    let refuse = |code, message| Err(refusal(code, message, id));
    match event["type"].as_str() {
        None => refuse("invalid_value", "An event is an object with a `type`."),
        // Another voice in the call than the one that is heard.
        Some("input_audio_buffer.append") => refuse("invalid_value", "Sound comes from the caller's own connection."),
        // Marks of our own: an answer to them must be an answer to us.
        Some(_) if id.is_some_and(|id| id.starts_with("viva_")) => {
            refuse("invalid_value", "`event_id` must not begin with `viva_`.")
        }
        Some(_) => Ok(text.to_owned()),
    }
}

/// The provider does not take events fast enough.
pub(super) fn not_passed_on() -> String {
    refusal("rate_limit_exceeded", "The model did not take the last event. Send it again.", None)
}

/// In the provider's own form.
fn refusal(code: &str, message: &str, of: Option<&str>) -> String {
    let error =
        json!({ "type": "invalid_request_error", "code": code, "message": message, "param": null, "event_id": of });
    json!({ "type": "error", "event_id": format!("event_viva_{code}"), "error": error }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_that_the_provider_can_be_handed_are() {
        let sound = r#"{"type":"response.create","event_id":"mine"}"#;
        assert_eq!(event(sound).as_deref(), Ok(sound));
        for (text, of) in [
            ("", Value::Null),
            ("[]", Value::Null),
            (r#"{"type":1}"#, Value::Null),
            (r#"{"event_id":"a"}"#, json!("a")),
            (r#"{"type":"input_audio_buffer.append","audio":"AA==","event_id":"b"}"#, json!("b")),
            (r#"{"type":"response.create","event_id":"viva_1_1"}"#, json!("viva_1_1")),
        ] {
            let refusal: Value = serde_json::from_str(&event(text).expect_err(text)).expect("JSON");
            assert_eq!((&refusal["type"], &refusal["error"]["event_id"]), (&json!("error"), &of), "{text}");
        }
    }
}
