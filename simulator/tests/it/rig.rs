//! A running simulator with clients, and what tests ask of events.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use viva_simulator::peer::{self, PendingPeer, Settings};
use viva_simulator::{Caller, CallerEvent, CallerHandle, CallerOptions, Config, Faults, Probe, Simulator, Source};

/// Long enough for anything in these tests, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    pub(crate) base: String,
    pub(crate) key: String,
    pub(crate) probe: Probe,
    pub(crate) http: reqwest::Client,
    cancel: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn faulty(faults: &str) -> Self {
        let faults = Faults::parse(faults).unwrap();
        Self::with(Config { faults, ..Config::default() }).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let simulator = Simulator::bind(config).await.unwrap();
        let cancel = CancellationToken::new();
        Self {
            base: simulator.base_url(),
            key: simulator.key().to_owned(),
            probe: simulator.probe(),
            http: reqwest::Client::new(),
            server: tokio::spawn(simulator.run(cancel.clone())),
            cancel,
        }
    }

    /// Stop the server; it must release everything by itself.
    pub(crate) async fn stop(self) {
        self.cancel.cancel();
        tokio::time::timeout(PATIENCE, self.server).await.unwrap().unwrap().unwrap();
        assert_eq!(self.probe.live_calls(), 0);
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    pub(crate) async fn create(&self, offer: &str, session: Option<&Value>) -> Response {
        let sdp = Part::text(offer.to_owned()).mime_str("application/sdp").unwrap();
        let mut form = Form::new().part("sdp", sdp);
        if let Some(session) = session {
            let session = Part::text(session.to_string()).mime_str("application/json").unwrap();
            form = form.part("session", session);
        }
        self.post("/realtime/calls").multipart(form).send().await.unwrap()
    }

    /// A call of a native caller.
    pub(crate) async fn call(&self, source: Source, session: &Value) -> (CallerHandle, String) {
        let (offer, caller) = Caller::start(source, CallerOptions::default()).await.unwrap();
        let response = self.create(&offer, Some(session)).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let id = call_id(&response);
        let answer = response.text().await.unwrap();
        (caller.answer(&answer).await.unwrap(), id)
    }

    /// A call whose media never connects.
    pub(crate) async fn silent_call(&self, session: Option<&Value>) -> (PendingPeer, String) {
        let (offer, pending) = peer::offer(&["oai-events"], &Settings::default()).await.unwrap();
        let response = self.create(&offer, session).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        (pending, call_id(&response))
    }

    pub(crate) async fn dial(&self, call_id: &str) -> Result<Sideband, WsError> {
        self.dial_at(&format!("/realtime?call_id={call_id}")).await
    }

    pub(crate) async fn dial_at(&self, path: &str) -> Result<Sideband, WsError> {
        let url = format!("{}{path}", self.base).replace("http://", "ws://");
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {}", self.key);
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        let (socket, _) = connect_async(request).await?;
        Ok(Sideband { socket, closed: None })
    }

    pub(crate) async fn sideband(&self, call_id: &str) -> Sideband {
        self.dial(call_id).await.unwrap()
    }

    pub(crate) async fn hang_up(&self, call_id: &str) -> Response {
        self.post(&format!("/realtime/calls/{call_id}/hangup")).send().await.unwrap()
    }

    /// Wait until so many calls are live.
    pub(crate) async fn live(&self, calls: usize) {
        let reached = async {
            while self.probe.live_calls() != calls {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.unwrap();
    }
}

pub(crate) fn call_id(response: &Response) -> String {
    let location = response.headers()["location"].to_str().unwrap();
    let id = location.strip_prefix("/v1/realtime/calls/").unwrap();
    assert!(id.starts_with("rtc_"), "{id}");
    id.to_owned()
}

/// The settings that most tests use: turns by voice activity, words wanted.
pub(crate) fn session(extra: Value) -> Value {
    let mut session = json!({
        "type": "realtime",
        "instructions": "You interview.\nStage: self_intro",
        "audio": {"input": {
            "transcription": {"model": "gpt-realtime-whisper"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 300},
        }},
    });
    for (name, value) in extra.as_object().unwrap() {
        session[name] = value.clone();
    }
    session
}

pub(crate) fn lines(lines: &[&str]) -> Source {
    Source::Lines(lines.iter().map(|&line| line.to_owned()).collect())
}

/// The caller's server events up to and including the first of this type.
pub(crate) async fn until(caller: &mut CallerHandle, kind: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    let search = async {
        while let Some(event) = caller.next_event().await {
            if let CallerEvent::Server(event) = event {
                let found = event["type"] == kind;
                seen.push(event);
                if found {
                    return;
                }
            }
        }
        panic!("the call ended before {kind}");
    };
    if tokio::time::timeout(PATIENCE, search).await.is_err() {
        panic!("no {kind} after {:?}", kinds(&seen));
    }
    seen
}

/// Wait for the caller to be connected; returns nothing that came before.
pub(crate) async fn connected(caller: &mut CallerHandle) {
    let search = async {
        while let Some(event) = caller.next_event().await {
            if matches!(event, CallerEvent::Connected(_)) {
                return;
            }
        }
        panic!("the call ended before it was connected");
    };
    tokio::time::timeout(PATIENCE, search).await.unwrap();
}

/// Everything until the caller's call is over.
pub(crate) async fn rest(caller: &mut CallerHandle) -> Vec<CallerEvent> {
    let mut events = Vec::new();
    let drain = async {
        while let Some(event) = caller.next_event().await {
            events.push(event);
        }
    };
    tokio::time::timeout(PATIENCE, drain).await.unwrap();
    assert!(matches!(events.last(), Some(CallerEvent::Closed)));
    events
}

pub(crate) fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

pub(crate) fn find<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    let found = events.iter().find(|event| event["type"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {:?}", kinds(events)))
}

pub(crate) struct Sideband {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    pub(crate) closed: Option<u16>,
}

impl Sideband {
    pub(crate) async fn send(&mut self, event: Value) {
        self.socket.send(Message::text(event.to_string())).await.unwrap();
    }

    /// The next event, or `None` after the close, whose code is kept.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            match message.expect("something comes in time") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    self.closed = frame.map(|frame| frame.code.into());
                    return None;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Events up to and including the first of this type.
    pub(crate) async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        while let Some(event) = self.next().await {
            let found = event["type"] == kind;
            seen.push(event);
            if found {
                return seen;
            }
        }
        panic!("closed before {kind}, after {:?}", kinds(&seen));
    }

    /// Everything until the close; its code.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        while self.next().await.is_some() {}
        self.closed
    }

    pub(crate) async fn ping(&mut self) {
        self.socket.send(Message::Ping(Vec::new().into())).await.unwrap();
    }

    /// Whether the next thing is a pong.
    pub(crate) async fn pong(&mut self) -> bool {
        let message = tokio::time::timeout(PATIENCE, self.socket.next()).await;
        matches!(message, Ok(Some(Ok(Message::Pong(_)))))
    }

    /// Whether nothing comes for so long.
    pub(crate) async fn silent_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.socket.next()).await.is_err()
    }
}
