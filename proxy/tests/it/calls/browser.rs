//! A browser without a browser: the socket and the peer connection of one page, and what a page does for the server:
//! it says when media is up, writes what it is told to the data channel, and relays what it hears while it records.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use viva_proxy::signaling::protocol::is_relayed;
use viva_simulator::{Caller, CallerEvent, CallerHandle, CallerOptions, Source};

use super::house::{Booked, House};
use super::socket::{Log, PATIENCE, Socket};

/// A page in a call.
pub(super) struct Browser {
    pub(super) socket: Socket,
    caller: CallerHandle,
    media_is_over: bool,
    epoch: u64,
    seq: u64,
    /// Events of the model from before it was known who records.
    kept: Vec<Value>,
    /// Relayed and not acknowledged.
    relayed: VecDeque<(u64, Value)>,
    acknowledged: u64,
    /// The last final events with the time they came, whoever records.
    ring: VecDeque<(i64, Value)>,
    /// How many events were told again because the server asked.
    pub(super) replayed: usize,
    /// The last `callRef`.
    pub(super) call_ref: Option<String>,
    executed: HashSet<String>,
    /// Items of the candidate, as the model put them into the conversation.
    pub(super) committed: Vec<String>,
    /// What was said aloud, in order.
    pub(super) said: Vec<String>,
    /// What the model told the page over the data channel, without deltas: the truth that a record is compared with.
    pub(super) channel: Vec<Value>,
    /// Events that were carried out for the server.
    pub(super) orders: Vec<Value>,
}

/// Somebody who answers in one short sentence each, which is enough to count as an answer and does not take long.
pub(super) fn brief() -> Source {
    let answers = [
        "I build payment systems in a team",
        "Mostly the ledger and its reports",
        "We moved it without an hour of downtime",
        "I wrote the checks that compare both",
    ];
    let more = [
        "It taught me to measure things first",
        "I like to work with few people",
        "The product is one that I use",
        "I could begin in about a month",
    ];
    Source::Lines(answers.into_iter().chain(more).cycle().take(40).map(str::to_owned).collect())
}

/// An offer with a microphone behind it.
pub(super) async fn offer(source: Source) -> (String, Caller) {
    Caller::start(source, CallerOptions::default()).await.unwrap()
}

impl Browser {
    /// Calls a session and waits until it is answered.
    pub(super) async fn call(house: &House, booked: &Booked, source: Source) -> Self {
        Self::call_as(house, booked, source, CallerOptions::default()).await
    }

    /// The same of somebody who behaves like this.
    pub(super) async fn call_as(house: &House, booked: &Booked, source: Source, options: CallerOptions) -> Self {
        let mut socket = Socket::join(house, booked).await;
        let (sdp, caller) = Caller::start(source, options).await.unwrap();
        socket.offer(&sdp).await;
        let answer = socket.wait("sdp_answer").await;
        let caller = caller.answer(answer["answer"]["sdp"].as_str().unwrap()).await.unwrap();
        Self {
            socket,
            caller,
            media_is_over: false,
            epoch: 0,
            seq: 0,
            kept: Vec::new(),
            relayed: VecDeque::new(),
            acknowledged: 0,
            ring: VecDeque::new(),
            replayed: 0,
            call_ref: answer["callRef"].as_str().map(str::to_owned),
            executed: HashSet::new(),
            committed: Vec::new(),
            said: Vec::new(),
            channel: Vec::new(),
            orders: Vec::new(),
        }
    }

    pub(super) fn log(&self) -> &Log {
        &self.socket.log
    }

    pub(super) async fn send(&mut self, message: Value) {
        self.socket.send(message).await;
    }

    /// Something that no page of ours would write to its data channel.
    #[expect(clippy::wrong_self_convention, reason = "it goes to the model and converts nothing")]
    pub(super) async fn to_model(&mut self, event: Value) {
        self.caller.send_event(event).await;
    }

    pub(super) async fn end(&mut self) {
        self.send(json!({ "type": "end_session", "reason": "user_end" })).await;
    }

    /// The socket breaks; media goes on.
    pub(super) async fn rejoin(&mut self, house: &House, booked: &Booked) -> Socket {
        let socket = Socket::join(house, booked).await;
        std::mem::replace(&mut self.socket, socket)
    }

    /// What this page has, for an `init`.
    pub(super) fn has(&self) -> Value {
        let mut has = json!({ "n": self.log().processed(), "seq": self.acknowledged });
        if let Some(call_ref) = &self.call_ref {
            has["callRef"] = json!(call_ref);
        }
        has
    }

    /// The socket breaks and comes back as a page's does: it says what it has and relays again what is not acknowledged.
    /// The earlier socket's log is returned.
    pub(super) async fn come_back(&mut self, house: &House, booked: &Booked) -> Log {
        let socket = Socket::join_with(house, booked, self.has()).await;
        let session = socket.log.last("session").unwrap().clone();
        let earlier = std::mem::replace(&mut self.socket, socket);
        self.epoch = session["epoch"].as_u64().unwrap();
        let last = session["lastSeq"].as_u64().unwrap();
        self.forget(last);
        if session["control"] == "relay" {
            for (seq, event) in self.relayed.clone() {
                self.send(json!({ "type": "transcript", "seq": seq, "event": event })).await;
            }
        }
        earlier.log
    }

    fn forget(&mut self, seq: u64) {
        self.acknowledged = self.acknowledged.max(seq);
        self.relayed.retain(|(kept, _)| *kept > seq);
    }

    /// Takes part until this is so.
    pub(super) async fn until(&mut self, what: &str, is_so: impl FnMut(&Log) -> bool) {
        self.until_within(PATIENCE, what, is_so).await;
    }

    pub(super) async fn until_within(&mut self, limit: Duration, what: &str, mut is_so: impl FnMut(&Log) -> bool) {
        let deadline = Instant::now() + limit;
        while !is_so(&self.socket.log) {
            let open = self.step(deadline).await;
            assert!(
                open || is_so(&self.socket.log),
                "in vain: {what}: closed {:?}, {:?}",
                self.socket.closed,
                self.socket.log.kinds()
            );
            assert!(Instant::now() < deadline, "in vain: {what}: {:?}, {:?}", self.log().stages(), self.log().kinds());
        }
    }

    /// Takes part for so long, for what must not happen in this time.
    pub(super) async fn for_a_while(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline && self.step(deadline).await {}
    }

    /// Takes part to the end; the close code.
    pub(super) async fn until_closed(&mut self, limit: Duration) -> u16 {
        let deadline = Instant::now() + limit;
        while self.step(deadline).await {
            assert!(Instant::now() < deadline, "it goes on: {:?}, {:?}", self.log().stages(), self.log().kinds());
        }
        self.socket.closed.unwrap()
    }

    /// The socket breaks for good; the microphone stays on for as long as what is returned is kept.
    pub(super) fn lose_socket(self) -> CallerHandle {
        self.caller
    }

    /// Reports what never happened.
    pub(super) async fn forge(&mut self, events: Vec<Value>) {
        for event in events {
            self.report(event).await;
        }
    }

    /// Hangs up and leaves, as a closed tab does.
    pub(super) async fn leave(self) {
        self.lose_socket().hang_up().await;
    }

    /// Whatever comes next; `false` when the socket is closed.
    async fn step(&mut self, deadline: Instant) -> bool {
        tokio::select! {
            message = self.socket.next() => match message.cloned() {
                Some(message) => self.told(&message).await,
                None => return false,
            },
            event = self.caller.next_event(), if !self.media_is_over => match event {
                Some(event) => self.noticed(event).await,
                None => self.media_is_over = true,
            },
            () = tokio::time::sleep_until(deadline) => {}
        }
        true
    }

    async fn told(&mut self, message: &Value) {
        match message["type"].as_str().unwrap() {
            "control" => {
                self.epoch = message["epoch"].as_u64().unwrap();
                let kept = std::mem::take(&mut self.kept);
                if message["control"] == "relay" {
                    for event in kept {
                        self.report(event).await;
                    }
                }
            }
            "realtime_send" if message["epoch"].as_u64().unwrap() >= self.epoch => {
                for order in message["events"].as_array().unwrap() {
                    if self.executed.insert(order["id"].as_str().unwrap().to_owned()) {
                        self.orders.push(order["event"].clone());
                        self.caller.send_event(order["event"].clone()).await;
                    }
                }
            }
            "transcript_acknowledged" => self.forget(message["seq"].as_u64().unwrap()),
            "replay" => {
                let since = message["since"].as_i64().unwrap();
                let events: Vec<_> =
                    self.ring.iter().filter(|(at, _)| *at >= since).map(|(_, event)| event.clone()).collect();
                self.replayed += events.len();
                self.send(json!({ "type": "replayed", "id": message["id"], "events": events, "last": true })).await;
            }
            _ => {}
        }
    }

    /// Final events, for a server that asks.
    fn remember(&mut self, event: &Value) {
        if event["delta"].is_null() && is_relayed(event["type"].as_str().unwrap()) {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            self.ring.push_back((i64::try_from(now.as_millis()).unwrap(), event.clone()));
            if self.ring.len() > 200 {
                self.ring.pop_front();
            }
        }
    }

    async fn noticed(&mut self, event: CallerEvent) {
        if let CallerEvent::Server(event) = &event
            && event["delta"].is_null()
        {
            self.channel.push(event.clone());
        }
        if let CallerEvent::Server(event) = &event {
            self.remember(event);
            if event["type"] == "input_audio_buffer.committed" {
                self.committed.push(event["item_id"].as_str().unwrap().to_owned());
            }
        }
        match event {
            CallerEvent::Connected(_) => self.send(json!({ "type": "connection_state", "state": "connected" })).await,
            CallerEvent::Closed => self.send(json!({ "type": "connection_state", "state": "closed" })).await,
            CallerEvent::Speaking { text, .. } => self.said.push(text),
            CallerEvent::Server(event) if is_relayed(event["type"].as_str().unwrap()) => match self.log().control() {
                // Words come again, whole, when they are complete.
                "pending" if event["delta"].is_null() => self.kept.push(event),
                "relay" => self.report(event).await,
                _ => {}
            },
            _ => {}
        }
    }

    async fn report(&mut self, event: Value) {
        self.seq += 1;
        self.relayed.push_back((self.seq, event.clone()));
        self.send(json!({ "type": "transcript", "seq": self.seq, "event": event })).await;
    }
}
