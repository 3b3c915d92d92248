//! `viva.v1` from the client's side, with everything that was said on record.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::house::{Booked, House};

/// Nothing that is waited for takes longer, except where a test says so.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Messages of the server in the order of their arrival.
#[derive(Default)]
pub(super) struct Log(Vec<Value>);

impl Log {
    pub(super) fn of(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |message| message["type"] == *kind)
    }

    pub(super) fn last(&self, kind: &str) -> Option<&Value> {
        self.of(kind).last()
    }

    /// Every frame as it came.
    pub(super) fn frames(&self) -> &[Value] {
        &self.0
    }

    pub(super) fn has(&self, kind: &str) -> bool {
        self.last(kind).is_some()
    }

    /// Types of all messages, in order.
    pub(super) fn kinds(&self) -> Vec<&str> {
        self.0.iter().map(|message| message["type"].as_str().unwrap()).collect()
    }

    /// Stage and reason of each change.
    pub(super) fn stages(&self) -> Vec<(&str, &str)> {
        self.of("stage_change")
            .map(|change| (change["stage"].as_str().unwrap(), change["reason"].as_str().unwrap()))
            .collect()
    }

    /// Journal number and words of the settled captions of one kind, without empty ones.
    pub(super) fn finals(&self, kind: &str) -> Vec<(u64, &str)> {
        let settled = self.of(kind).filter(|caption| caption["final"] == true);
        let all = settled.map(|caption| (caption["n"].as_u64().unwrap(), caption["text"].as_str().unwrap()));
        all.filter(|(_, text)| !text.is_empty()).collect()
    }

    /// Settled captions of both speakers.
    pub(super) fn turns(&self) -> Vec<(u64, &str)> {
        let mut turns = self.finals("agent_caption");
        turns.extend(self.finals("user_caption"));
        turns.sort_unstable();
        turns
    }

    /// Messages with a journal number, as told live or as missed, in the order of their arrival.
    pub(super) fn numbered(&self) -> Vec<&Value> {
        let mut all = Vec::new();
        for message in &self.0 {
            match message["type"].as_str().unwrap() {
                "missed" => all.extend(message["messages"].as_array().unwrap()),
                _ => all.push(message),
            }
        }
        all.retain(|message| message["n"].is_u64() && message["type"] != "transcript_acknowledged");
        all
    }

    /// The highest journal number that a client has processed.
    pub(super) fn processed(&self) -> u64 {
        let numbered = self.numbered().into_iter().filter_map(|message| message["n"].as_u64());
        numbered.max().unwrap_or(0).max(self.saved())
    }

    /// What the server has promised to keep.
    pub(super) fn saved(&self) -> u64 {
        self.of("saved").map(|saved| saved["upTo"].as_u64().unwrap()).max().unwrap_or(0)
    }

    /// Who records now.
    pub(super) fn control(&self) -> &str {
        let told = self.last("control").or_else(|| self.last("session"));
        told.map_or("pending", |told| told["control"].as_str().unwrap())
    }
}

/// An open socket.
pub(super) struct Socket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(super) log: Log,
    /// The close code, once it is closed; 1006 when there was none.
    pub(super) closed: Option<u16>,
}

impl Socket {
    /// Connects and sends nothing.
    pub(super) async fn connect(house: &House) -> Self {
        let mut request = format!("{}/ws", house.viva.url.replacen("http", "ws", 1)).into_client_request().unwrap();
        request.headers_mut().insert("origin", house.viva.url.parse().unwrap());
        let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        Self { socket, log: Log::default(), closed: None }
    }

    /// Waits for the first message of one of these kinds.
    pub(super) async fn first(&mut self, kinds: &[&str]) -> String {
        loop {
            if let Some(kind) = self.log.kinds().into_iter().find(|kind| kinds.contains(kind)) {
                return kind.to_owned();
            }
            let next = tokio::time::timeout(PATIENCE, self.next()).await.expect("something is told");
            assert!(next.is_some(), "closed {:?} without any of {kinds:?}", self.closed);
        }
    }

    /// Connects, shows the ticket and waits for the session.
    pub(super) async fn join(house: &House, booked: &Booked) -> Self {
        let mut socket = Self::connect(house).await;
        socket.init(booked).await;
        socket.wait("session").await;
        socket
    }

    /// The same, by a client that has something of an earlier connection: fields of `init`.
    pub(super) async fn join_with(house: &House, booked: &Booked, has: Value) -> Self {
        let mut socket = Self::connect(house).await;
        let mut init = json!({ "type": "init", "token": booked.ticket, "sessionId": booked.session.to_string() });
        init.as_object_mut().unwrap().extend(has.as_object().unwrap().clone());
        socket.send(init).await;
        socket.wait("session").await;
        socket
    }

    pub(super) async fn init(&mut self, booked: &Booked) {
        self.send(json!({ "type": "init", "token": booked.ticket, "sessionId": booked.session.to_string() })).await;
    }

    pub(super) async fn send(&mut self, message: Value) {
        // A socket that is gone is noticed by whoever waits for a message.
        let _gone = self.socket.send(Message::text(message.to_string())).await;
    }

    pub(super) async fn offer(&mut self, sdp: &str) {
        self.send(json!({ "type": "sdp_offer", "offer": { "type": "offer", "sdp": sdp } })).await;
    }

    /// The next message; `None` when it is closed. Safe to drop.
    pub(super) async fn next(&mut self) -> Option<&Value> {
        if self.closed.is_some() {
            return None;
        }
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    self.log.0.push(serde_json::from_str(text.as_str()).unwrap());
                    return self.log.0.last();
                }
                Some(Ok(Message::Close(frame))) => {
                    self.closed = Some(frame.map_or(1005, |frame| frame.code.into()));
                    return None;
                }
                Some(Err(_)) | None => {
                    self.closed = Some(1006);
                    return None;
                }
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            }
        }
    }

    /// The next message of a type, or the one of this type that is next after a refusal would be a surprise.
    pub(super) async fn wait(&mut self, kind: &str) -> Value {
        let found = async {
            while let Some(message) = self.next().await {
                if message["type"] == *kind {
                    return Some(message.clone());
                }
            }
            None
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.ok().flatten().unwrap_or_else(|| panic!("no {kind}: closed {:?}, {:?}", self.closed, self.log.kinds()))
    }

    /// Reads to the end.
    pub(super) async fn wait_closed(&mut self) -> u16 {
        let closed = tokio::time::timeout(PATIENCE, async { while self.next().await.is_some() {} }).await;
        assert!(closed.is_ok(), "it stays open: {:?}", self.log.kinds());
        self.closed.unwrap()
    }
}
