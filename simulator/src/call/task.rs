//! One live call: its peer, its model, its sidebands, and its end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::ears::Ears;
use super::mouth::{Mouth, Playback};
use super::registry::Seat;
use super::{CallRecord, ClientEvent, Frame, Message, Origin, SidebandId};
use crate::model::{From, Input, Model, Output, Target, millis};
use crate::peer::{Command, Event, Peer, State};
use crate::speech::FRAME_MS;
use crate::speech::codec::CodecError;
use crate::speech::vad::Activity;

/// Label of the channel on which a native caller announces its words.
pub(crate) const ANNOUNCEMENTS: &str = "viva-sim";
/// Sidebands of one call at once; more are turned away.
const SIDEBANDS: usize = 32;

/// How long closing may take before the peer is dropped, which closes it behind our back.
const CLOSING: Duration = Duration::from_secs(2);

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    HungUp,
    PeerGone,
    NeverConnected,
    TooLong,
    Shutdown,
}

/// What sidebands are told at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Farewell {
    Close,
    /// A fault: nothing.
    None,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) no_ice: Duration,
    pub(crate) session: Duration,
}

/// A call before and while it runs. Dropping it closes the peer and gives its place back.
pub(crate) struct Call {
    seat: Seat,
    inbox: mpsc::Receiver<Message>,
    record: Arc<CallRecord>,
    peer: Peer,
    model: Model,
    ears: Ears,
    mouth: Mouth,
    limits: Limits,
    farewell: Farewell,
    created: Instant,
    connected: bool,
    stuck: bool,
    /// The label of the data channel that carries events, once one is open.
    channel: Option<String>,
    sidebands: Vec<(SidebandId, mpsc::Sender<Frame>)>,
}

impl Call {
    pub(crate) fn new(
        (seat, inbox): (Seat, mpsc::Receiver<Message>),
        record: Arc<CallRecord>,
        peer: Peer,
        model: Model,
        limits: Limits,
        farewell: Farewell,
    ) -> Result<Self, CodecError> {
        Ok(Self {
            seat,
            inbox,
            record,
            peer,
            ears: Ears::new(model.listening())?,
            mouth: Mouth::new()?,
            model,
            limits,
            farewell,
            created: Instant::now(),
            connected: false,
            stuck: false,
            channel: None,
            sidebands: Vec::new(),
        })
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
                message = self.inbox.recv() => match message {
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

    fn message(&mut self, message: Message) -> Option<End> {
        match message {
            Message::Attach(id, frames) => {
                if self.sidebands.len() < SIDEBANDS {
                    self.sidebands.push((id, frames));
                } else {
                    let _ = frames.try_send(Frame::Close(1013, "too many sidebands"));
                }
            }
            Message::Client(text) => self.client(From::Sideband, &text),
            Message::Detach(id) => self.sidebands.retain(|(other, _)| *other != id),
            Message::HangUp => return Some(End::HungUp),
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
        let age = self.created.elapsed();
        if !self.connected && age > self.limits.no_ice {
            return Some(End::NeverConnected);
        }
        if self.stuck {
            return Some(End::PeerGone);
        }
        if age > self.limits.session {
            return Some(End::TooLong);
        }
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
        None
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
        for output in outputs {
            match output {
                Output::Event(target, event) => self.send(target, &event),
                Output::Say { response_id, text, pace } => self.mouth.say(response_id, &text, pace),
                Output::StopSpeaking => self.mouth.stop(),
                Output::SpeakAtMost { response_id, audio } => self.mouth.at_most(&response_id, audio),
                Output::Listen(listening) => self.ears.listen(listening),
            }
        }
    }

    fn send(&mut self, target: Target, event: &Value) {
        let text = Utf8Bytes::from(event.to_string());
        if let Some(label) = self.channel.clone() {
            let text = text.to_string();
            // A full queue means that the peer takes nothing any more: texts wait behind the
            // stack's own buffer of megabytes. Such a call is over.
            self.stuck |= !self.peer.offer_command(Command::Text { label, text });
        }
        if target == Target::Both {
            self.sidebands.retain(|(_, frames)| {
                let kept = frames.try_send(Frame::Event(text.clone())).is_ok();
                if !kept {
                    tracing::debug!("a sideband does not read and is dropped");
                }
                kept
            });
        }
    }

    async fn finish(mut self, end: End) {
        let (code, reason) = match end {
            End::TooLong => {
                let minutes = self.limits.session.as_secs() / 60;
                let outputs = self.model.expire(minutes);
                self.perform(outputs);
                (1001, "Your session hit the maximum duration.")
            }
            End::Shutdown => (1001, "The server is going away."),
            End::HungUp | End::PeerGone | End::NeverConnected => (1000, ""),
        };
        // Behind the last texts. Should the queue be full, dropping the peer closes it as well.
        self.peer.offer_command(Command::Close);
        if self.farewell == Farewell::None {
            // The sidebands' senders are leaked to a task that ends with their sockets: a closed
            // queue would end them now.
            let sidebands = std::mem::take(&mut self.sidebands);
            tokio::spawn(async move {
                for (_, frames) in sidebands {
                    frames.closed().await;
                }
            });
        }
        for (_, frames) in &self.sidebands {
            let _ = frames.try_send(Frame::Close(code, reason));
        }
        let closed = async { while !matches!(self.peer.next_event().await, None | Some(Event::Closed)) {} };
        let _ = tokio::time::timeout(CLOSING, closed).await;
    }
}
