//! The call itself: two sources of events, the server's line and the WebRTC connections, in one loop. It shows what
//! happens as it happens, carries out what the server has its client carry out, and outlives what a page outlives: a
//! lost line, a renewed or lost connection, and being loaded again.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use viva_simulator::caller::{Link, SetupTimes};
use viva_simulator::{Caller, CallerEvent};

use super::goal::{Goal, Seen};
use super::legs::{Leg, Legs, Place, Voice, call_of};
use super::line::{Address, Line};
use super::offer::{Aim, Offer};
use super::relay::Relay;
use super::report::Report;
use super::ring::Ring;
use super::server::{Server, ServerError};
use super::socket::SocketError;
use crate::clock::{Clock as _, SystemClock};

/// After a recording, so long without a new turn and its last words are in.
const AFTER_RECORDING: Duration = Duration::from_secs(4);
/// The server mostly knows why a connection was lost, and says what to do; after this the caller offers by itself.
const SERVER_PATIENCE: Duration = Duration::from_secs(3);

/// Why a call did not come about.
#[derive(Debug, thiserror::Error)]
pub(super) enum TalkError {
    /// No socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// No new ticket.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The WebRTC side.
    #[error("the media side failed: {0}")]
    Media(#[from] viva_simulator::caller::CallerError),
    /// The server refused.
    #[error("{code}: {message}")]
    Refused { code: String, message: String },
    /// The socket closed before there was a call.
    #[error("the server closed the socket before the call began")]
    Closed,
}

/// What kind of call it is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub(super) goal: Goal,
    /// Longer than this and something is wrong.
    pub(super) limit: Duration,
    /// So long after it was connected everything is dropped, and joined again as a page would that was loaded anew.
    pub(super) reload_after: Option<Duration>,
}

/// Times of the first call's set-up in milliseconds: to the answer from the offer, and from there on.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct Setup {
    pub(super) answer: u64,
    #[serde(flatten)]
    pub(super) media: SetupTimes,
    pub(super) first_audio: Option<u64>,
}

/// What happened so far, whatever was lost on the way.
#[derive(Default)]
pub(super) struct Story {
    pub(super) session_id: String,
    pub(super) seen: Seen,
    pub(super) setup: Setup,
    pub(super) saved: bool,
    pub(super) goal_met: bool,
    /// Calls to the model that this interview took.
    pub(super) calls: u32,
    ending: bool,
}

/// How a stay at the line ended.
enum Life {
    Over,
    /// Everything was dropped.
    Dropped,
}

struct Talk<'a> {
    line: Line,
    legs: Legs,
    offer: Option<Offer>,
    /// The connection in force is gone, and nobody has said how to go on.
    lost: Option<Instant>,
    /// What the connection in force was told of the line.
    link: Link,
    relay: Relay,
    ring: Ring,
    epoch: u64,
    executed: HashSet<String>,
    recording_over: Option<Instant>,
    reload_at: Option<Instant>,
    goal: Goal,
    voice: &'a mut Voice,
    story: &'a mut Story,
    report: &'a mut Report,
}

/// Makes the call and stays in it until it is over.
pub(super) async fn talk(
    server: &Server,
    mut voice: Voice,
    course: Course,
    report: &mut Report,
) -> Result<Story, TalkError> {
    let mut story = Story::default();
    let deadline = Instant::now() + course.limit;
    let mut reload_after = course.reload_after;
    let mut ticket = server.ticket.clone();
    loop {
        let address = Address { url: server.socket_url(), origin: server.origin().to_owned(), token: ticket };
        let mut talk = Talk {
            line: Line::open(address).await?,
            legs: Legs::default(),
            offer: None,
            lost: None,
            link: Link::Up,
            relay: Relay::default(),
            ring: Ring::default(),
            epoch: 0,
            executed: HashSet::new(),
            recording_over: None,
            reload_at: None,
            goal: course.goal,
            voice: &mut voice,
            story: &mut story,
            report,
        };
        match talk.until_over(deadline, reload_after.take()).await? {
            Life::Over => {
                talk.legs.hang_up().await;
                break;
            }
            // What is dropped here ends as a closed tab ends it. What was not said yet, the caller says later.
            Life::Dropped => talk.legs.drop_now(talk.voice).await,
        }
        report.line("everything was dropped; joining again");
        ticket = server.fresh_ticket(&story.session_id).await?;
    }
    story.goal_met = course.goal.is_met(&story.seen);
    Ok(story)
}

impl Talk<'_> {
    async fn until_over(&mut self, deadline: Instant, reload_after: Option<Duration>) -> Result<Life, TalkError> {
        loop {
            let quiet = self.recording_over.map(|since| since + AFTER_RECORDING);
            let wake = [Some(deadline), quiet, self.reload_at, self.wake()].into_iter().flatten().min();
            tokio::select! {
                message = self.line.next() => match message {
                    Some(message) => self.server_said(&message).await?,
                    None if self.story.calls == 0 => return Err(TalkError::Closed),
                    None => return Ok(Life::Over),
                },
                (place, event) = self.legs.heard() => {
                    if matches!(event, CallerEvent::Connected(_)) && self.reload_at.is_none() {
                        self.reload_at = reload_after.map(|after| Instant::now() + after);
                    }
                    self.media_said(place, event).await;
                }
                () = tokio::time::sleep_until(wake.unwrap_or(deadline)) => {}
            }
            let now = Instant::now();
            self.on_time(now).await?;
            if quiet.is_some_and(|quiet| quiet <= now) {
                self.recording_over = None;
                self.story.seen.recording_done = true;
            }
            if self.reload_at.is_some_and(|at| at <= now) && !self.story.ending {
                return Ok(Life::Dropped);
            }
            if now >= deadline {
                self.report.line("the time for this call is over");
                self.end().await;
                return Ok(Life::Over);
            }
            if !self.story.ending && self.goal.may_end(&self.story.seen) {
                self.end().await;
            }
        }
    }

    async fn end(&mut self) {
        self.story.ending = true;
        self.line.send(&json!({ "type": "end_session", "reason": "user_end" })).await;
    }

    /// The next moment at which something is to be done.
    fn wake(&self) -> Option<Instant> {
        [self.offer.as_ref().map(Offer::wake), self.lost, self.legs.fades_at()].into_iter().flatten().min()
    }

    async fn on_time(&mut self, now: Instant) -> Result<(), TalkError> {
        self.legs.fade(now).await;
        let link = if self.line.is_up() { Link::Up } else { Link::Down };
        if std::mem::replace(&mut self.link, link) != link {
            self.legs.server_is(link).await;
        }
        if self.lost.is_some_and(|until| until <= now) {
            self.lost = None;
            if self.offer.is_none() && link == Link::Up && !self.story.ending {
                self.offer = Some(Offer::own(now));
            }
        }
        if self.offer.as_ref().is_some_and(|offer| offer.is_due(now)) {
            self.make_offer(now).await?;
        }
        Ok(())
    }

    // --- connections ---

    async fn make_offer(&mut self, now: Instant) -> Result<(), TalkError> {
        let Some(mut offer) = self.offer.take() else { return Ok(()) };
        if offer.is_too_late(now) {
            self.report.line("no new connection came about in time");
            return Ok(());
        }
        if offer.is_out() || !self.line.is_up() {
            // The answer did not come, or could not.
            offer.again(None, now);
            self.offer = Some(offer);
            return Ok(());
        }
        let (source, options) = self.voice.begin(offer.aim);
        let floor = options.floor;
        let (sdp, caller) = Caller::start(source, options).await?;
        let mut message = json!({ "type": "sdp_offer", "offer": { "type": "offer", "sdp": sdp } });
        if let Some(id) = &offer.renegotiate_id {
            message["renegotiateId"] = id.as_str().into();
        }
        self.line.send(&message).await;
        offer.sent(caller, floor, Instant::now());
        self.offer = Some(offer);
        Ok(())
    }

    async fn answered(&mut self, message: &Value) -> Result<(), TalkError> {
        let now = Instant::now();
        let Some(offer) = &mut self.offer else { return Ok(()) };
        let Some((caller, waited)) = offer.answered(message, now) else { return Ok(()) };
        let (aim, floor) = (offer.aim, offer.floor);
        self.offer = None;
        let handle = caller.answer(message["answer"]["sdp"].as_str().unwrap_or_default()).await?;
        let leg = Leg::new(call_of(message).unwrap_or_default().to_owned(), handle, floor);
        self.story.calls += 1;
        if self.story.calls == 1 {
            self.story.setup.answer = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        }
        match aim {
            Aim::Instead => {
                self.link = Link::Up;
                self.legs.replace(leg, self.voice).await;
            }
            Aim::Beside => self.legs.bring(leg),
        }
        Ok(())
    }

    /// An error is the answer to an offer that is out. Before the first call it is the end of it.
    fn refused(&mut self, message: &Value) -> Result<(), TalkError> {
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let out = self.offer.as_mut().filter(|offer| offer.is_out());
        if self.story.calls == 0 {
            return Err(TalkError::Refused { code: text("code"), message: text("message") });
        }
        match out {
            Some(offer) if message["retryable"] == true => {
                offer.again(message["retryAfterMs"].as_u64().map(Duration::from_millis), Instant::now());
            }
            Some(_) => self.offer = None,
            None => {}
        }
        Ok(())
    }

    async fn renegotiate(&mut self, message: &Value) {
        let known = self.offer.as_ref().and_then(|offer| offer.renegotiate_id.as_deref());
        if known.is_some() && known == message["id"].as_str() {
            return;
        }
        let Some(offer) = Offer::asked(message, Instant::now()) else { return };
        self.lost = None;
        self.legs.drop_next();
        if offer.aim == Aim::Instead {
            self.legs.drop_now(self.voice).await;
        }
        self.offer = Some(offer);
    }

    async fn switch(&mut self, message: &Value) {
        let call_id = call_of(message).unwrap_or_default();
        let moved = self.legs.switch(call_id, self.voice, Instant::now()).await;
        let is_in_force = self.legs.now().is_some_and(|leg| leg.call_id == call_id);
        if moved || is_in_force {
            self.line.send(&json!({ "type": "switched", "id": message["id"] })).await;
        }
    }

    // --- what the server says ---

    async fn server_said(&mut self, message: &Value) -> Result<(), TalkError> {
        let kind = message["type"].as_str().unwrap_or_default();
        match kind {
            "session" => self.joined(message).await,
            "missed" => {
                for missed in message["messages"].as_array().into_iter().flatten() {
                    if self.told(missed) {
                        self.report.event(missed["type"].as_str().unwrap_or_default(), missed);
                    }
                }
                return Ok(());
            }
            "stage_change" | "agent_caption" | "user_caption" if !self.told(message) => return Ok(()),
            "saved" | "pong" => return Ok(()),
            "control" => self.control(message).await,
            "sdp_answer" => return self.answered(message).await,
            "error" => self.refused(message)?,
            "renegotiate" => self.renegotiate(message).await,
            "switch" => self.switch(message).await,
            "transcript_acknowledged" => {
                self.relay.acknowledged(message["seq"].as_u64().unwrap_or(0));
                return Ok(());
            }
            "replay" => {
                for part in self.ring.replay(message) {
                    self.line.send(&part).await;
                }
                return Ok(());
            }
            "realtime_send" => {
                self.execute(message).await;
                return Ok(());
            }
            "session_ended" => {
                self.story.ending = true;
                self.story.seen.ended_by = message["ended_by"].as_str().map(str::to_owned);
            }
            "interview_ending" | "slow_down" => self.legs.stand_down().await,
            "interview_saved" => self.story.saved = true,
            _ => {}
        }
        self.report.event(kind, message);
        Ok(())
    }

    /// The line is there, for the first time or again.
    async fn joined(&mut self, session: &Value) {
        self.story.session_id = session["sessionId"].as_str().unwrap_or_default().to_owned();
        self.voice.kind_is(session["kind"].as_str().unwrap_or("interview"));
        self.relay.acknowledged(session["lastSeq"].as_u64().unwrap_or(0));
        for kept in self.relay.again() {
            self.line.send(&kept).await;
        }
        self.control(session).await;
        if self.story.ending {
            self.end().await;
        }
        let state = match self.legs.now() {
            Some(leg) if leg.is_over() => {
                self.lost = Some(Instant::now() + SERVER_PATIENCE);
                return;
            }
            Some(leg) if leg.connected => {
                json!({ "type": "connection_state", "state": "connected", "callId": leg.call_id })
            }
            Some(_) => return,
            None => {
                self.offer.get_or_insert_with(|| Offer::own(Instant::now()));
                return;
            }
        };
        self.line.send(&state).await;
    }

    async fn control(&mut self, message: &Value) {
        let control = message["control"].as_str().unwrap_or_default();
        for kept in self.relay.control_is(control) {
            self.line.send(&kept).await;
        }
        let epoch = message["epoch"].as_u64().unwrap_or(self.epoch);
        if epoch > self.epoch {
            // What was carried out in an epoch is not asked for in a later one.
            self.executed.clear();
            self.epoch = epoch;
        }
    }

    /// A stage or a caption, now or missed. Whether it is news.
    fn told(&mut self, message: &Value) -> bool {
        let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let seen = &mut self.story.seen;
        let is_news = match message["type"].as_str().unwrap_or_default() {
            "stage_change" => return seen.stage(text("stage")),
            "user_caption" if message["final"] == true => seen.candidate(text("itemId"), &text("text")),
            "agent_caption" if message["final"] == true => seen.ai(text("itemId"), &text("text")),
            _ => return false,
        };
        if self.recording_over.is_some() {
            self.recording_over = Some(Instant::now());
        }
        is_news
    }

    /// What the server has its client do, once each and only under the present control.
    async fn execute(&mut self, message: &Value) {
        if message["epoch"].as_u64().is_none_or(|epoch| epoch < self.epoch) {
            return;
        }
        let Some(leg) = self.legs.of(call_of(message)) else { return };
        for step in message["events"].as_array().into_iter().flatten() {
            let id = step["id"].as_str().unwrap_or_default();
            if self.executed.insert(id.to_owned()) {
                leg.caller.send_event(step["event"].clone()).await;
            }
        }
    }

    // --- what the connections say ---

    async fn media_said(&mut self, place: Place, event: CallerEvent) {
        let Some(call_id) = self.legs.at(place).map(|leg| leg.call_id.clone()) else { return };
        match event {
            CallerEvent::Connected(times) => {
                if self.story.calls == 1 {
                    self.story.setup.media = times;
                }
                self.is_now("connected", &call_id).await;
            }
            CallerEvent::FirstAudio { ms } => {
                self.story.setup.first_audio.get_or_insert(ms);
            }
            CallerEvent::RecordingEnded => self.recording_over = Some(Instant::now()),
            CallerEvent::Server(event) => {
                self.ring.add(SystemClock::new().now().unix_ms, &event);
                for report in self.relay.offer(event, &call_id) {
                    self.line.send(&report).await;
                }
            }
            CallerEvent::Closed => self.closed(place, &call_id).await,
            CallerEvent::ModelSpeaking
            | CallerEvent::ModelQuiet
            | CallerEvent::Speaking { .. }
            | CallerEvent::Spoken { .. }
            | CallerEvent::BrokeOff { .. }
            | CallerEvent::Heard(_) => {}
        }
    }

    async fn closed(&mut self, place: Place, call_id: &str) {
        if self.story.ending || self.story.saved || place == Place::Old {
            return;
        }
        self.is_now("failed", call_id).await;
        match place {
            Place::Now => self.lost = Some(Instant::now() + SERVER_PATIENCE),
            Place::Next | Place::Old => self.legs.drop_next(),
        }
    }

    async fn is_now(&mut self, state: &str, call_id: &str) {
        let ice = if state == "connected" { "connected" } else { "failed" };
        self.line.send(&json!({ "type": "connection_state", "state": state, "ice": ice, "callId": call_id })).await;
    }
}
