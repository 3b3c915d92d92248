//! A client's socket after its `init`: frames in and out, with every bound a socket needs. What a message means is
//! decided by the call.

use std::num::NonZeroU32;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use governor::clock::DefaultClock;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite;

use super::duplex::{Bound, Duplex};
use super::pass::{self, Event, Pass};
use super::released::Released;
use crate::signaling::protocol::{self, BadMessage, ClientMessage, Has, ServerMessage, close};

/// Where the buffer of a client's socket begins: it says little, and only its offer is long.
pub const READ_BUFFER: usize = 512;
/// Largest frame.
pub const MAX_FRAME: usize = 128 * 1024;
/// 20 messages a second, bursts of 60.
const RATE: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
const BURST: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Between pings; two missed ones and the client counts as gone.
const PING: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(50);
/// What may wait for a slow reader. Partial captions are dropped earlier; past this the socket is closed 1013.
const BOUND: Bound = Bound { messages: 256, bytes: 512 * 1024 };
/// From here on partial captions are dropped.
const CROWDED: usize = 32;
/// Bad messages that close the socket.
const MAX_BAD: u32 = 3;
/// How long a last word may take.
const LAST_WORD: Duration = Duration::from_secs(2);

/// What a client's socket has to say.
pub(super) enum FromClient {
    /// A message.
    Message(ClientMessage),
    /// Not a message; worth a refusal.
    Bad(BadMessage),
    /// The socket is done or was closed for a reason it was told.
    Gone,
}

/// A client's socket.
pub struct ClientLink {
    /// What it had when it came.
    pub(super) has: Has,
    /// What lets it stay; `None` for a ticket, whose end ends no call.
    pass: Option<Pass>,
    socket: Duplex<WebSocket, Message>,
    released: Released<Utf8Bytes>,
    rate: RateLimiter<NotKeyed, InMemoryState, DefaultClock>,
    bad: u32,
    heard: Instant,
    ping: Pin<Box<Sleep>>,
}

impl ClientLink {
    /// Takes a socket.
    #[must_use]
    pub fn new(socket: WebSocket, has: Has, pass: Option<Pass>) -> Box<Self> {
        Box::new(Self {
            has,
            pass,
            socket: Duplex::new(socket, BOUND),
            released: Released::new(),
            rate: RateLimiter::direct(Quota::per_second(RATE).allow_burst(BURST)),
            bad: 0,
            heard: Instant::now(),
            ping: Box::pin(tokio::time::sleep(PING)),
        })
    }

    /// Queues a text frame. `false`: the reader is too slow and must be let go.
    #[must_use]
    pub(super) fn send(&mut self, frame: String) -> bool {
        self.socket.push(frame.len(), Message::text(frame)).is_ok()
    }

    /// Queues a text frame that is owed from before; only the number of messages bounds it.
    pub(super) fn owe(&mut self, frame: String) {
        // A full queue is noticed by the next message, which closes the socket.
        let _full = self.socket.push(0, Message::text(frame));
    }

    /// Whether droppable messages should be dropped.
    pub(super) fn is_crowded(&self) -> bool {
        self.socket.waiting() >= CROWDED
    }

    /// The next thing the client says. Safe to drop at any await.
    pub(super) async fn next(&mut self) -> FromClient {
        loop {
            tokio::select! {
                message = self.socket.next() => {
                    self.heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            self.released.read(&text);
                            if self.rate.check().is_err() {
                                self.close(close::RATE, "too many messages").await;
                                return FromClient::Gone;
                            }
                            match (ClientMessage::parse(text.as_str()), &mut self.pass) {
                                (Ok(ClientMessage::Init(init)), Some(pass)) => pass.shown(init.token),
                                (parsed, _) => return self.parsed(parsed).await,
                            }
                        }
                        Some(Ok(Message::Binary(_))) => return self.parsed(Err(BadMessage::Shape)).await,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Err(error)) => {
                            if is_too_large(error) {
                                self.close(close::TOO_LARGE, "the frame is too large").await;
                            }
                            return FromClient::Gone;
                        }
                        Some(Ok(Message::Close(_))) | None => return FromClient::Gone,
                    }
                }
                event = pass::next(&mut self.pass) => {
                    if self.passed(event).await {
                        return FromClient::Gone;
                    }
                }
                () = self.ping.as_mut() => {
                    if self.heard.elapsed() >= SILENCE {
                        return FromClient::Gone;
                    }
                    // A full queue is noticed by the next real message.
                    let _full = self.socket.push(0, Message::Ping(bytes::Bytes::new()));
                    self.ping.as_mut().reset(Instant::now() + PING);
                }
            }
        }
    }

    /// Tells the client about its token. `true`: it was let go.
    async fn passed(&mut self, event: Event) -> bool {
        let message = match event {
            Event::Ending { seconds_left } => {
                ServerMessage::SessionWarning { code: "TOKEN_EXPIRING", seconds_left: Some(seconds_left) }
            }
            Event::Refused => ServerMessage::Error {
                code: "AUTHENTICATION_FAILED",
                message: "The token is not a good one of the same person. The one before still counts until it ends.",
                retryable: false,
                retry_after_ms: None,
                rule: None,
                request_id: None,
            },
            Event::Renewed { .. } | Event::Unchanged => return false,
            Event::Over => {
                self.close(close::UNAUTHENTICATED, "the token has ended").await;
                return true;
            }
        };
        // A full queue is noticed by the next real message.
        let _full = self.send(protocol::frame(&message));
        false
    }

    async fn parsed(&mut self, message: Result<ClientMessage, BadMessage>) -> FromClient {
        match message {
            Ok(message) => FromClient::Message(message),
            Err(bad) => {
                self.bad += 1;
                if self.bad >= MAX_BAD {
                    self.close(close::BAD_MESSAGE, "three bad messages").await;
                    return FromClient::Gone;
                }
                FromClient::Bad(bad)
            }
        }
    }

    /// Says why not, and closes.
    pub(crate) async fn refuse(&mut self, frame: String, code: u16) {
        // An empty queue takes one message.
        let _taken = self.send(frame);
        self.close(code, "refused").await;
    }

    /// Says the last words and closes.
    pub(super) async fn close(&mut self, code: u16, reason: &'static str) {
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        if self.socket.push(0, frame).is_ok() {
            let _gone = tokio::time::timeout(LAST_WORD, self.socket.flush()).await;
        }
    }
}

fn is_too_large(error: axum::Error) -> bool {
    let inner = error.into_inner();
    matches!(inner.downcast_ref::<tungstenite::Error>(), Some(tungstenite::Error::Capacity(_)))
}
