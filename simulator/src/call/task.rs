//! One live call: its peer, its model, its sidebands, and its end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::delivery::Delivery;
use super::ears::Ears;
use super::filter::ChannelFilter;
use super::mind::Mind;
use super::mouth::{Mouth, Playback};
use super::registry::Seat;
use super::replay::Replay;
use super::sidebands::Sidebands;
use super::wording::{reword, with_own_id};
use super::{CallRecord, ClientEvent, Frame, Message, Orders, Origin};
use crate::faults::{Faults, Trouble};
use crate::model::{From, Input, Output, Target, millis};
use crate::peer::{Command, Event, Peer, State};
use crate::speech::FRAME_MS;
use crate::speech::codec::CodecError;
use crate::speech::vad::Activity;

/// Label of the channel on which a native caller announces its words.
pub(crate) const ANNOUNCEMENTS: &str = "viva-sim";
/// How long closing may take before the peer is dropped, which closes it behind our back.
const CLOSING: Duration = Duration::from_secs(2);

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    HungUp,
    PeerGone,
    NeverConnected,
    TooLong,
    /// A fault: the provider ended it by itself.
    Dropped,
    /// A fault: the provider's machine is gone.
    Crashed,
    Shutdown,
}

/// How long a call may take, unless a fault says otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) no_ice: Duration,
    pub(crate) session: Duration,
}

/// A call before and while it runs. Dropping it closes the peer and gives its place back.
pub(crate) struct Call {
    seat: Seat,
    orders: Orders,
    faults: Faults,
    record: Arc<CallRecord>,
    peer: Peer,
    model: Mind,
    ears: Ears,
    mouth: Mouth,
    limits: Limits,
    delivery: Delivery,
    created: Instant,
    connected: bool,
    stuck: bool,
    /// The label of the data channel that carries events, once one is open.
    channel: Option<String>,
    filter: ChannelFilter,
    sidebands: Sidebands,
    replay: Replay,
    /// The model ended it.
    is_over: bool,
}

impl Call {
    pub(crate) fn new(
        (seat, mut orders): (Seat, Orders),
        record: Arc<CallRecord>,
        peer: Peer,
        model: Mind,
        limits: Limits,
        seed: u64,
    ) -> Result<Self, CodecError> {
        let faults = orders.faults.borrow_and_update().clone();
        Ok(Self {
            seat,
            orders,
            faults,
            record,
            peer,
            ears: Ears::new(model.listening())?,
            mouth: Mouth::new()?,
            model,
            limits,
            delivery: Delivery::new(seed),
            created: Instant::now(),
            connected: false,
            stuck: false,
            channel: None,
            filter: ChannelFilter::default(),
            sidebands: Sidebands::default(),
            replay: Replay::default(),
            is_over: false,
        })
    }

    /// The same call, whose data channel is told only what the filter lets pass.
    pub(crate) fn filtered(self, filter: ChannelFilter) -> Self {
        Self { filter, ..self }
    }

    /// Run until the call ends for whatever reason, then release everything.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let end = tokio::select! {
            () = shutdown.cancelled() => End::Shutdown,
            end = self.converse() => end,
        };
        tracing::debug!(call = self.seat.id(), ?end, "call ended");
        self.finish(end).await;
    }

    async fn converse(&mut self) -> End {
        let mut ticks = tokio::time::interval(Duration::from_millis(FRAME_MS));
        // Frames that were missed are caught up: playback keeps its length under load.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let end = tokio::select! {
                message = self.orders.inbox.recv() => match message {
                    Some(message) => self.message(message),
                    // The registry let go of the call: it was hung up.
                    None => Some(End::HungUp),
                },
                event = self.peer.next_event() => match event {
                    Some(event) => self.event(event),
                    None => Some(End::PeerGone),
                },
                _ = ticks.tick() => self.tick(),
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    fn now(&self) -> u64 {
        millis(self.created.elapsed())
    }

    // === inputs ===

    /// From here on the faults are those that were ordered last.
    fn obey(&mut self) {
        // Nobody can order anything once the registry let go of the call; it is about to end.
        if self.orders.faults.has_changed().unwrap_or(false) {
            self.faults = self.orders.faults.borrow_and_update().clone();
            self.model.set_faults(self.faults.clone());
        }
    }

    fn message(&mut self, message: Message) -> Option<End> {
        self.obey();
        match message {
            Message::Attach(id, frames) => {
                let now = self.now();
                for event in self.replay.since(now) {
                    // It was attached just now: its queue is empty, and longer than what is kept.
                    let _ = frames.try_send(Frame::Event(event.clone()));
                }
                self.sidebands.attach(now, id, frames);
            }
            Message::Client(text) => self.client(From::Sideband, &text),
            Message::Detach(id) => self.sidebands.detach(id),
            Message::Trouble(trouble) => self.sidebands.suffer(trouble),
            Message::HangUp => return Some(End::HungUp),
            Message::Drop => return Some(End::Dropped),
        }
        None
    }

    fn event(&mut self, event: Event) -> Option<End> {
        match event {
            Event::ChannelOpen { label } if label != ANNOUNCEMENTS && self.channel.is_none() => {
                self.channel = Some(label);
                self.input(Input::ChannelOpen);
            }
            Event::Text { label, text } if label == ANNOUNCEMENTS => self.announced(&text),
            Event::Text { label, text } if self.channel.as_ref() == Some(&label) => {
                self.client(From::Channel, &text);
            }
            Event::Rtp { payload } => {
                let activity = self.ears.packet(&payload);
                self.heard(activity);
            }
            Event::State(State::Connected) => {
                self.connected = true;
                self.input(Input::MediaUp);
            }
            Event::State(State::Failed) => return Some(End::PeerGone),
            // The channel's end is the first sign that a peer has left; its connection state
            // would take half a minute to say so.
            Event::ChannelClosed { label } if self.channel.as_ref() == Some(&label) => {
                return Some(End::PeerGone);
            }
            Event::Closed => return Some(End::PeerGone),
            Event::ChannelOpen { .. }
            | Event::Text { .. }
            | Event::ChannelClosed { .. }
            | Event::State(State::IceConnected | State::Disconnected) => {}
        }
        None
    }

    fn tick(&mut self) -> Option<End> {
        self.obey();
        let age = self.created.elapsed();
        if !self.connected && age > self.faults.no_ice.unwrap_or(self.limits.no_ice) {
            return Some(End::NeverConnected);
        }
        if self.stuck {
            return Some(End::PeerGone);
        }
        if self.is_over {
            return Some(End::HungUp);
        }
        if age > self.cap() {
            return Some(End::TooLong);
        }
        if self.faults.call_drops.is_some_and(|limit| age > limit) {
            return Some(End::Dropped);
        }
        if self.faults.call_crashes.is_some_and(|limit| age > limit) {
            return Some(End::Crashed);
        }
        self.sidebands.age(millis(age), &self.faults);
        if self.connected {
            let (packet, playback) = self.mouth.frame();
            self.peer.offer_command(Command::Opus(packet));
            match playback {
                Some(Playback::Started(id)) => self.input(Input::PlaybackStarted(&id)),
                Some(Playback::Stopped(id)) => self.input(Input::PlaybackStopped(&id)),
                None => {}
            }
            let activity = self.ears.tick();
            self.heard(activity);
        }
        if self.model.next_deadline().is_some_and(|at| at <= self.now()) {
            self.input(Input::Tick);
        }
        let mut due = Vec::new();
        self.delivery.due(self.now(), &mut due);
        self.send(due);
        None
    }

    fn cap(&self) -> Duration {
        self.faults.session_cap.unwrap_or(self.limits.session)
    }

    fn client(&mut self, from: From, text: &str) {
        let event = serde_json::from_str(text).unwrap_or(Value::Null);
        self.record.note(ClientEvent {
            origin: match from {
                From::Channel => Origin::Channel,
                From::Sideband => Origin::Sideband,
            },
            at_ms: self.now(),
            event,
        });
        self.input(Input::Client(from, text));
    }

    /// `{"type":"utterance","n":1,"text":"..."}`; anything else on that channel is ignored.
    fn announced(&mut self, text: &str) {
        let Ok(event) = serde_json::from_str::<Value>(text) else {
            return;
        };
        if let (Some("utterance"), Some(n), Some(text)) =
            (event["type"].as_str(), event["n"].as_u64(), event["text"].as_str())
        {
            let text = text.to_owned();
            self.input(Input::Announced { n, text });
        }
    }

    fn heard(&mut self, activity: Vec<Activity>) {
        for change in activity {
            let input = match change {
                Activity::Started { start_ms } => Input::SpeechStarted { start_ms },
                Activity::Stopped { end_ms, speech_ms } => Input::SpeechStopped { end_ms, speech_ms },
            };
            self.input(input);
        }
    }

    // === outputs ===

    fn input(&mut self, input: Input<'_>) {
        let now = self.now();
        let outputs = self.model.handle(now, input);
        self.perform(outputs);
    }

    fn perform(&mut self, outputs: Vec<Output>) {
        let now = self.now();
        let mut leaving = Vec::new();
        for output in outputs {
            match output {
                Output::Event(target, event) => {
                    self.delivery.push(now, target, event, &self.faults, &mut leaving);
                }
                Output::Say { response_id, text, pace } => self.mouth.say(response_id, &text, pace),
                Output::StopSpeaking => self.mouth.stop(),
                Output::SpeakAtMost { response_id, audio } => self.mouth.at_most(&response_id, audio),
                Output::Listen(listening) => self.ears.listen(listening),
                Output::End => self.is_over = true,
            }
        }
        self.send(leaving);
    }

    fn send(&mut self, events: Vec<(Target, Value)>) {
        for (target, event) in events {
            self.send_one(target, &reword(event, &self.faults));
        }
    }

    fn send_one(&mut self, target: Target, event: &Value) {
        let text = Utf8Bytes::from(event.to_string());
        let passes = target != Target::Sidebands && self.filter.passes(event["type"].as_str().unwrap_or_default());
        if let Some(label) = self.channel.clone().filter(|_| passes) {
            let text = text.to_string();
            // A full queue means that the peer takes nothing any more: texts wait behind the
            // stack's own buffer of megabytes. Such a call is over.
            self.stuck |= !self.peer.offer_command(Command::Text { label, text });
        }
        if target == Target::Channel {
            return;
        }
        if self.model.repeats(event) {
            self.replay.keep(self.now(), text.clone());
        }
        if !self.sidebands.are_none() {
            let own_ids = self.faults.quirks.event_ids_differ;
            self.sidebands.send(|id| if own_ids { with_own_id(event, id.0).to_string().into() } else { text.clone() });
        }
    }

    async fn finish(mut self, end: End) {
        if end != End::Crashed {
            let outputs = self.model.last_words(end, self.cap().as_secs() / 60, &self.faults);
            self.perform(outputs);
        }
        let (code, reason) = match end {
            End::TooLong => (1001, "Your session hit the maximum duration."),
            End::Shutdown => (1001, "The server is going away."),
            End::Crashed => {
                self.sidebands.suffer(Trouble::Drop);
                return self.peer.vanish();
            }
            End::HungUp | End::PeerGone | End::NeverConnected | End::Dropped => (1000, ""),
        };
        let rest = self.delivery.rest();
        self.send(rest);
        // Behind the last texts. Should the queue be full, dropping the peer closes it as well.
        self.peer.offer_command(Command::Close);
        self.sidebands.leave(code, reason, &self.faults);
        let closed = async { while !matches!(self.peer.next_event().await, None | Some(Event::Closed)) {} };
        let _ = tokio::time::timeout(CLOSING, closed).await;
    }
}
