//! The caller's line to the server: one socket after another for as long as the interview may still be there. Each
//! begins by saying up to where the last one had come.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::socket::{Said, Socket, SocketError};
use crate::signaling::protocol::close;

/// The server lets a session go 60 s after its socket; a little longer, so that the last try still finds it.
const GIVE_UP_AFTER: Duration = Duration::from_secs(75);
const FIRST_PAUSE_MS: u64 = 250;
const LONGEST_PAUSE_MS: u64 = 8_000;

/// How to get through.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) origin: String,
    pub(super) token: String,
}

/// A line that comes back.
pub(super) struct Line {
    address: Address,
    state: State,
    told: Told,
    /// Since when it is down.
    down: Instant,
    attempt: u32,
    /// The server's own wish for the next pause.
    wished: Option<Duration>,
}

enum State {
    Up(Box<Socket>),
    Waiting(Instant),
    Dialling(BoxFuture<'static, Result<Socket, SocketError>>),
    Closed,
}

/// Up to where this caller was told.
#[derive(Clone, Debug, Default)]
struct Told {
    n: u64,
    seq: u64,
    call_ref: Option<String>,
    /// Highest number that came before what was missed is complete; absent while nothing is missing.
    ahead: Option<u64>,
}

impl Line {
    /// The first socket; nothing is repeated yet, so that a wrong address shows at once.
    pub(super) async fn open(address: Address) -> Result<Self, SocketError> {
        let told = Told::default();
        let socket = dial(address.clone(), told.clone()).await?;
        Ok(Self { address, state: State::Up(Box::new(socket)), told, down: Instant::now(), attempt: 0, wished: None })
    }

    /// Whether a socket is open.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Sends now; while the line is down nothing is kept.
    pub(super) async fn send(&mut self, message: &Value) {
        if let State::Up(socket) = &mut self.state {
            socket.send(message).await;
        }
    }

    /// The next message; after a loss it is a `session`. `None` when the line is closed for good. Safe to drop.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            match &mut self.state {
                State::Up(socket) => match socket.next().await {
                    Said::Message(message) => {
                        self.note(&message);
                        return Some(message);
                    }
                    Said::Closed(code) => {
                        self.down = Instant::now();
                        self.lost(code);
                    }
                },
                State::Waiting(until) => {
                    sleep_until(*until).await;
                    self.state = State::Dialling(Box::pin(dial(self.address.clone(), self.told.clone())));
                }
                State::Dialling(dialling) => match dialling.await {
                    Ok(socket) => self.state = State::Up(Box::new(socket)),
                    Err(_) => self.lost(None),
                },
                State::Closed => return None,
            }
        }
    }

    fn note(&mut self, message: &Value) {
        match message["type"].as_str().unwrap_or_default() {
            "session" => self.attempt = 0,
            "reconnect" => self.wished = message["afterMs"].as_u64().map(Duration::from_millis),
            _ => {}
        }
        self.told.note(message);
    }

    fn lost(&mut self, code: Option<u16>) {
        if code.is_some_and(is_final) || self.down.elapsed() > GIVE_UP_AFTER {
            self.state = State::Closed;
            return;
        }
        let pause = self.wished.take().unwrap_or_else(|| pause(self.attempt, rand::random()));
        self.attempt += 1;
        self.state = State::Waiting(Instant::now() + pause);
    }
}

impl Told {
    fn note(&mut self, message: &Value) {
        match message["type"].as_str().unwrap_or_default() {
            "session" => self.ahead = (message["resumed"] == true).then_some(0),
            "sdp_answer" => self.call_ref = message["callRef"].as_str().map(str::to_owned).or(self.call_ref.take()),
            "transcript_acknowledged" => self.seq = self.seq.max(message["seq"].as_u64().unwrap_or(0)),
            "missed" => {
                let missed = message["messages"].as_array().into_iter().flatten();
                self.n = missed.filter_map(number).fold(self.n, u64::max);
                if message["last"] == true {
                    self.n = self.n.max(self.ahead.take().unwrap_or(0));
                }
            }
            _ => match (number(message), &mut self.ahead) {
                // What is new must not hide what is still missing.
                (Some(n), Some(ahead)) => *ahead = n.max(*ahead),
                (Some(n), None) => self.n = n.max(self.n),
                (None, _) => {}
            },
        }
    }
}

/// The journal's number of what a message tells.
fn number(message: &Value) -> Option<u64> {
    match message["type"].as_str()? {
        "saved" => message["upTo"].as_u64(),
        "stage_change" => message["n"].as_u64(),
        "agent_caption" | "user_caption" if message["final"] == true => message["n"].as_u64(),
        _ => None,
    }
}

async fn dial(address: Address, told: Told) -> Result<Socket, SocketError> {
    let mut socket = Socket::open(&address.url, &address.origin).await?;
    let client = json!({ "name": "viva call", "version": crate::ops::version::LONG });
    let mut init = json!({ "type": "init", "token": address.token, "n": told.n, "seq": told.seq, "client": client });
    if let Some(call_ref) = told.call_ref {
        init["callRef"] = call_ref.into();
    }
    socket.send(&init).await;
    Ok(socket)
}

/// After these the same ticket need not try again.
fn is_final(code: u16) -> bool {
    [
        close::NORMAL,
        close::BAD_MESSAGE,
        close::UNAUTHENTICATED,
        close::GONE,
        close::REPLACED,
        close::TOO_LARGE,
        close::CAPACITY,
    ]
    .contains(&code)
}

/// Exponential with jitter on the upper half: many callers that lost one server must not come back at one moment.
fn pause(attempt: u32, random: f64) -> Duration {
    let ceiling = LONGEST_PAUSE_MS.min(FIRST_PAUSE_MS << attempt.min(16));
    Duration::from_millis(ceiling).mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caption(n: u64) -> Value {
        json!({ "type": "agent_caption", "itemId": "a", "text": "x", "final": true, "n": n })
    }

    #[test]
    fn what_was_told_is_counted_and_never_jumps_over_what_is_missing() {
        let mut told = Told::default();
        for message in
            [json!({ "type": "session", "resumed": false }), caption(2), json!({ "type": "saved", "upTo": 3 })]
        {
            told.note(&message);
        }
        told.note(&json!({ "type": "agent_caption", "text": "x", "final": false, "n": 9 }));
        assert_eq!(told.n, 3);
        told.note(&json!({ "type": "session", "resumed": true }));
        told.note(&caption(9));
        told.note(
            &json!({ "type": "missed", "messages": [caption(4), { "type": "stage_change", "n": 5 }], "last": false }),
        );
        assert_eq!(told.n, 5, "six to eight may be missing");
        told.note(&json!({ "type": "missed", "messages": [], "last": true }));
        assert_eq!(told.n, 9);
    }

    #[test]
    fn the_newest_reference_of_a_call_is_kept() {
        let mut told = Told::default();
        told.note(&json!({ "type": "sdp_answer", "callRef": "one" }));
        told.note(&json!({ "type": "sdp_answer" }));
        assert_eq!(told.call_ref.as_deref(), Some("one"));
    }

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(pause(0, 1.0), Duration::from_millis(250));
        assert_eq!(pause(2, 0.0), Duration::from_millis(500));
        assert_eq!(pause(60, 1.0), Duration::from_millis(8_000));
    }
}
