//! The call itself: two sources of events, the server's socket and the native WebRTC peer, in one loop. It shows what
//! happens as it happens and carries out what the server has its client carry out.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use viva_simulator::caller::SetupTimes;
use viva_simulator::{Caller, CallerEvent, CallerHandle, CallerOptions, Source};

use super::goal::{Goal, Seen};
use super::relay::Relay;
use super::report::Report;
use super::server::Server;
use super::socket::{Socket, SocketError};

/// After a recording, so long without a new turn and its last words are in.
const AFTER_RECORDING: Duration = Duration::from_secs(4);

/// Why a call did not come about.
#[derive(Debug, thiserror::Error)]
pub(super) enum TalkError {
    /// No socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The WebRTC side.
    #[error("the media side failed: {0}")]
    Media(String),
    /// The server refused.
    #[error("{code}: {message}")]
    Refused { code: String, message: String },
    /// The socket closed before there was a call.
    #[error("the server closed the socket before the call began")]
    Closed,
}

/// Times of the set-up, milliseconds from the first byte sent to the server's socket.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct Setup {
    pub(super) answer: u64,
    #[serde(flatten)]
    pub(super) media: SetupTimes,
    pub(super) first_audio: Option<u64>,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) session_id: String,
    pub(super) seen: Seen,
    pub(super) setup: Setup,
    pub(super) saved: bool,
    pub(super) goal_met: bool,
}

struct Talk<'a> {
    socket: Socket,
    caller: CallerHandle,
    goal: Goal,
    seen: Seen,
    setup: Setup,
    saved: bool,
    ending: bool,
    relay: Relay,
    epoch: u64,
    executed: HashSet<String>,
    recording_over: Option<Instant>,
    report: &'a mut Report,
}

/// Makes the call and stays in it until it is over.
pub(super) async fn talk(
    server: &Server,
    source: Source,
    goal: Goal,
    limit: Duration,
    report: &mut Report,
) -> Result<Outcome, TalkError> {
    let media = |error: viva_simulator::caller::CallerError| TalkError::Media(error.to_string());
    let (offer, caller) = Caller::start(source, CallerOptions::default()).await.map_err(media)?;
    let started = Instant::now();
    let mut socket = Socket::open(&server.socket_url(), server.origin()).await?;
    socket.send(json!({ "type": "init", "token": server.ticket, "client": { "name": "viva call", "version": crate::ops::version::LONG } })).await;
    let session = expect(&mut socket, "session").await?;
    let session_id = session["sessionId"].as_str().unwrap_or_default().to_owned();
    report.event("session", &session);
    socket.send(json!({ "type": "sdp_offer", "offer": { "type": "offer", "sdp": offer } })).await;
    let answer = expect(&mut socket, "sdp_answer").await?;
    let answer_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let caller = caller.answer(answer["answer"]["sdp"].as_str().unwrap_or_default()).await.map_err(media)?;
    let mut talk = Talk {
        socket,
        caller,
        goal,
        seen: Seen::default(),
        setup: Setup { answer: answer_ms, ..Setup::default() },
        saved: false,
        ending: false,
        relay: Relay::default(),
        epoch: session["epoch"].as_u64().unwrap_or(0),
        executed: HashSet::new(),
        recording_over: None,
        report,
    };
    talk.until_over(limit).await;
    talk.caller.hang_up().await;
    let goal_met = goal.is_met(&talk.seen);
    Ok(Outcome { session_id, seen: talk.seen, setup: talk.setup, saved: talk.saved, goal_met })
}

/// Waits for a message of this type; an error message before it is the refusal.
async fn expect(socket: &mut Socket, kind: &str) -> Result<Value, TalkError> {
    while let Some(message) = socket.next().await {
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        match message["type"].as_str() {
            Some(found) if found == kind => return Ok(message),
            Some("error") => return Err(TalkError::Refused { code: text("code"), message: text("message") }),
            _ => {}
        }
    }
    Err(TalkError::Closed)
}

impl Talk<'_> {
    async fn until_over(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut media_is_up = true;
        loop {
            let quiet = self.recording_over.map(|since| since + AFTER_RECORDING);
            tokio::select! {
                message = self.socket.next() => match message {
                    Some(message) => self.server_said(&message).await,
                    None => return,
                },
                event = self.caller.next_event(), if media_is_up => match event {
                    Some(event) => self.media_said(event).await,
                    None => media_is_up = false,
                },
                () = tokio::time::sleep_until(quiet.unwrap_or(deadline)), if quiet.is_some() => {
                    self.recording_over = None;
                    self.seen.recording_done = true;
                }
                () = tokio::time::sleep_until(deadline) => {
                    self.report.line("the time for this call is over");
                    self.socket.send(json!({ "type": "end_session", "reason": "user_end" })).await;
                    return;
                }
            }
            if !self.ending && self.goal.may_end(&self.seen) {
                self.ending = true;
                self.socket.send(json!({ "type": "end_session", "reason": "user_end" })).await;
            }
        }
    }

    async fn server_said(&mut self, message: &Value) {
        let kind = message["type"].as_str().unwrap_or_default();
        match kind {
            "stage_change" => self.seen.stages.push(message["stage"].as_str().unwrap_or_default().to_owned()),
            "agent_caption" | "user_caption" if message["final"] == true => {
                if self.recording_over.is_some() {
                    self.recording_over = Some(Instant::now());
                }
                if message["text"].as_str().is_some_and(|text| !text.is_empty()) {
                    let count =
                        if kind == "user_caption" { &mut self.seen.candidate_turns } else { &mut self.seen.ai_turns };
                    *count += 1;
                }
            }
            "agent_caption" | "user_caption" | "saved" | "pong" => return,
            "control" => {
                for kept in self.relay.control_is(message["control"].as_str().unwrap_or_default()) {
                    self.socket.send(kept).await;
                }
                self.epoch = message["epoch"].as_u64().unwrap_or(self.epoch);
            }
            "transcript_acknowledged" => return self.relay.acknowledged(message["seq"].as_u64().unwrap_or(0)),
            "realtime_send" => return self.execute(message).await,
            "session_ended" => self.seen.ended_by = message["ended_by"].as_str().map(str::to_owned),
            "interview_saved" => self.saved = true,
            _ => {}
        }
        self.report.event(kind, message);
    }

    /// What the server has its client do, once each and only under the present control.
    async fn execute(&mut self, message: &Value) {
        if message["epoch"].as_u64().is_none_or(|epoch| epoch < self.epoch) {
            return;
        }
        for step in message["events"].as_array().into_iter().flatten() {
            let id = step["id"].as_str().unwrap_or_default();
            if self.executed.insert(id.to_owned()) {
                self.caller.send_event(step["event"].clone()).await;
            }
        }
    }

    async fn media_said(&mut self, event: CallerEvent) {
        match event {
            CallerEvent::Connected(times) => {
                self.setup.media = times;
                self.socket.send(json!({ "type": "connection_state", "state": "connected", "ice": "connected" })).await;
            }
            CallerEvent::FirstAudio { ms } => self.setup.first_audio = Some(ms),
            CallerEvent::RecordingEnded => self.recording_over = Some(Instant::now()),
            CallerEvent::Server(event) => {
                for report in self.relay.offer(event) {
                    self.socket.send(report).await;
                }
            }
            CallerEvent::Closed if !self.ending && !self.saved => {
                self.socket.send(json!({ "type": "connection_state", "state": "closed" })).await;
            }
            CallerEvent::ModelSpeaking
            | CallerEvent::ModelQuiet
            | CallerEvent::Speaking { .. }
            | CallerEvent::Spoken { .. }
            | CallerEvent::Heard(_)
            | CallerEvent::Closed => {}
        }
    }
}
