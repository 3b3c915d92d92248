//! The task behind a caller: paces its audio, follows the conversation, reports.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::dead_man::DeadManSwitch;
use super::lines::{Lines, Turn};
use super::manner::{Change, Manner};
use super::{CallerEvent, CallerOptions, DeadMan, EVENTS, Floor, Heard, Request, SetupTimes, Source};
use crate::model::millis;
use crate::peer::{Command, Event, Peer, State};
use crate::speech::codec::{CodecError, OpusDecoder, OpusEncoder};
use crate::speech::voice::{Utterance, Voice};
use crate::speech::{FRAME_MS, Frame, SILENCE, loudness};

/// Label of the channel on which the simulator is told the words.
pub(super) const ANNOUNCEMENTS: &str = "viva-sim";

/// From one report of what was heard to the next.
const REPORT_EVERY_MS: u64 = 1_000;

/// Louder than this is audible: the threshold of voice activity with its default settings.
const AUDIBLE: f32 = 0.01;

/// What is being said.
struct Saying {
    n: u64,
    text: String,
    utterance: Utterance,
}

/// What a request means for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Vanish,
}

pub(super) struct Task {
    peer: Peer,
    events: mpsc::Sender<CallerEvent>,
    requests: mpsc::Receiver<Request>,
    options: CallerOptions,
    lines: Lines,
    floor: Floor,
    dead_man: DeadManSwitch,
    encoder: OpusEncoder,
    decoder: OpusDecoder,
    silence: Bytes,
    begun: Instant,
    times: SetupTimes,
    media: bool,
    channel: bool,
    manner: Option<Manner>,
    saying: Option<Saying>,
    said: u64,
    heard: Heard,
    audible: bool,
    reported_ms: u64,
}

impl Task {
    pub(super) fn new(
        peer: Peer,
        source: Source,
        options: CallerOptions,
        events: mpsc::Sender<CallerEvent>,
        requests: mpsc::Receiver<Request>,
    ) -> Result<Self, CodecError> {
        let mut encoder = OpusEncoder::new()?;
        let silence = encoder.encode(&SILENCE)?;
        Ok(Self {
            peer,
            events,
            requests,
            floor: options.floor,
            options,
            lines: source.into(),
            dead_man: DeadManSwitch::default(),
            encoder,
            decoder: OpusDecoder::new()?,
            silence,
            begun: Instant::now(),
            times: SetupTimes::default(),
            media: false,
            channel: false,
            manner: None,
            saying: None,
            said: 0,
            heard: Heard::default(),
            audible: false,
            reported_ms: 0,
        })
    }

    /// Until the call is over; what was left to say.
    pub(super) async fn run(mut self) -> Lines {
        let mut ticks = tokio::time::interval(Duration::from_millis(FRAME_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut then = Then::GoOn;
        while then == Then::GoOn {
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => then = self.request(request),
                    None => break,
                },
                event = self.peer.next_event() => match event {
                    Some(Event::Closed) | None => break,
                    Some(event) => self.event(event),
                },
                _ = ticks.tick() => self.tick(),
            }
        }
        let lines = self.yield_floor();
        self.report(CallerEvent::Heard(self.heard));
        self.report(CallerEvent::Closed);
        if then == Then::Vanish {
            self.peer.vanish();
        }
        lines
    }

    fn now(&self) -> u64 {
        millis(self.begun.elapsed())
    }

    fn report(&self, event: CallerEvent) {
        let _ = self.events.try_send(event);
    }

    fn request(&mut self, request: Request) -> Then {
        match request {
            Request::Event(event) => self.send(EVENTS, &event),
            Request::Say(text) => self.say(text),
            Request::Hush => self.lines = Lines::default(),
            Request::Yield(reply) => {
                // Whoever asked and is gone has lost them.
                let _ = reply.send(self.yield_floor());
            }
            Request::Take(lines) => self.take_floor(lines),
            Request::Link(link) => self.dead_man.link(link),
            Request::StandDown => self.dead_man.stand_down(),
            Request::HangUp => {
                self.peer.offer_command(Command::Close);
            }
            Request::Vanish => return Then::Vanish,
        }
        Then::GoOn
    }

    // === the floor ===

    fn yield_floor(&mut self) -> Lines {
        self.floor = Floor::Waits;
        let mut turn = match &self.manner {
            Some(manner) if manner.is_answered() => Turn::Mine,
            Some(_) => Turn::Theirs,
            None => self.lines.turn(),
        };
        if let Some(Saying { n, text, .. }) = self.saying.take() {
            self.lines.put_back(text);
            turn = Turn::Mine;
            self.report(CallerEvent::BrokeOff { n });
        }
        self.lines.hand_over(turn)
    }

    fn take_floor(&mut self, lines: Lines) {
        let now = self.now();
        self.floor = Floor::Has;
        if let Some(manner) = &mut self.manner {
            manner.resume(now, lines.turn());
        }
        self.lines = lines;
    }

    fn send(&self, label: &str, event: &Value) {
        let (label, text) = (label.to_owned(), event.to_string());
        self.peer.offer_command(Command::Text { label, text });
    }

    // === what comes in ===

    fn event(&mut self, event: Event) {
        match event {
            Event::State(State::IceConnected) => self.times.ice_ms = self.now(),
            Event::State(State::Connected) => {
                self.times.dtls_ms = self.now();
                self.media = true;
                self.connected();
            }
            Event::ChannelOpen { label } if label == EVENTS => {
                self.times.channel_ms = self.now();
                self.channel = true;
                self.connected();
            }
            Event::Text { label, text } if label == EVENTS => self.server_event(&text),
            Event::Rtp { payload } => self.hear(&payload),
            // A server that hangs up closes the channel; the connection's state follows only
            // much later.
            Event::ChannelClosed { label } if label == EVENTS => {
                self.peer.offer_command(Command::Close);
            }
            Event::State(State::Failed) => {
                self.peer.offer_command(Command::Close);
            }
            Event::ChannelOpen { .. }
            | Event::Text { .. }
            | Event::ChannelClosed { .. }
            | Event::State(State::Disconnected)
            | Event::Closed => {}
        }
    }

    fn connected(&mut self) {
        if self.media && self.channel && self.manner.is_none() {
            let mut manner = Manner::new(self.options.manner, self.now());
            manner.resume(self.now(), self.lines.turn());
            self.manner = Some(manner);
            self.report(CallerEvent::Connected(self.times));
        }
    }

    fn server_event(&mut self, text: &str) {
        let Ok(event) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let now = self.now();
        self.dead_man.event(now, &event);
        let change = self.manner.as_mut().and_then(|manner| manner.server_event(now, &event));
        match change {
            Some(Change::Speaking) => self.report(CallerEvent::ModelSpeaking),
            Some(Change::Quiet) => self.report(CallerEvent::ModelQuiet),
            None => {}
        }
        self.report(CallerEvent::Server(event));
    }

    fn hear(&mut self, packet: &[u8]) {
        self.heard.packets += 1;
        let Ok(samples) = self.decoder.decode(packet) else {
            self.heard.undecodable += 1;
            return;
        };
        let loudness = loudness(samples);
        let seconds = samples.len() as f64 / f64::from(crate::speech::SAMPLE_RATE);
        self.heard.energy += f64::from(loudness * loudness) * seconds;
        if loudness > AUDIBLE && !self.audible {
            self.audible = true;
            let ms = self.now();
            self.report(CallerEvent::FirstAudio { ms });
        }
    }

    // === what goes out ===

    fn tick(&mut self) {
        if !self.media {
            return;
        }
        let now = self.now();
        if now >= self.reported_ms + REPORT_EVERY_MS {
            self.reported_ms = now;
            self.report(CallerEvent::Heard(self.heard));
        }
        if self.options.dead_man == DeadMan::On {
            for event in self.dead_man.act(now) {
                self.send(EVENTS, &event);
            }
        }
        if self.floor == Floor::Waits {
            return;
        }
        let turn = self.manner.as_ref().is_some_and(|manner| manner.may_speak(now));
        if turn && self.saying.is_none() {
            self.next_line();
        }
        let packet = match self.next_frame() {
            Some(frame) => self.encoder.encode(&frame).unwrap_or(self.silence.clone()),
            None => self.silence.clone(),
        };
        self.peer.offer_command(Command::Opus(packet));
    }

    fn next_line(&mut self) {
        if let Some(line) = self.lines.next() {
            self.say(line);
        }
    }

    fn say(&mut self, text: String) {
        self.said += 1;
        let n = self.said;
        if self.options.announce == super::Announce::Words {
            self.send(ANNOUNCEMENTS, &json!({"type": "utterance", "n": n, "text": text}));
        }
        let utterance = Voice::CALLER.speak(&text, 1.0);
        self.saying = Some(Saying { n, text: text.clone(), utterance });
        self.report(CallerEvent::Speaking { n, text });
    }

    fn next_frame(&mut self) -> Option<Frame> {
        if let Some(saying) = &mut self.saying {
            if let Some(frame) = saying.utterance.next() {
                return Some(frame);
            }
            let n = saying.n;
            self.saying = None;
            let now = self.now();
            if let Some(manner) = &mut self.manner {
                manner.spoke(now);
            }
            self.report(CallerEvent::Spoken { n });
        }
        // From the moment of connection: the server hears from then on, and no earlier.
        self.manner.as_ref()?;
        let frame = self.lines.next_frame()?;
        if frame.is_none() {
            self.report(CallerEvent::RecordingEnded);
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::vad::VadSettings;

    #[test]
    fn audible_is_what_voice_activity_hears_by_default() {
        let mut vad = crate::speech::vad::Vad::new(VadSettings::default());
        let level = (AUDIBLE * 1.05 * 32_768.0) as i16;
        let started = (0..5).flat_map(|_| vad.feed(&[level; 960])).count();
        assert_eq!(started, 1);
    }
}
