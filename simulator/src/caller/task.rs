//! The task behind a caller: paces its audio, follows the conversation, reports.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::manner::{Change, Manner};
use super::{CallerEvent, CallerOptions, EVENTS, Heard, Request, SetupTimes, Source};
use crate::model::{Answers, millis};
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
    utterance: Utterance,
}

/// Where words or samples come from.
enum Lines {
    Seeded(Answers),
    Given(std::vec::IntoIter<String>),
    /// Samples, which are played rather than said.
    Played(std::vec::IntoIter<Frame>),
    Nothing,
}

pub(super) struct Task {
    peer: Peer,
    events: mpsc::Sender<CallerEvent>,
    requests: mpsc::Receiver<Request>,
    options: CallerOptions,
    lines: Lines,
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
        let lines = match source {
            Source::Seeded(seed) => Lines::Seeded(Answers::new(seed)),
            Source::Lines(lines) => Lines::Given(lines.into_iter()),
            Source::Recording(recording) => Lines::Played(recording.frames().collect::<Vec<_>>().into_iter()),
        };
        Ok(Self {
            peer,
            events,
            requests,
            options,
            lines,
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

    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(FRAME_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => self.request(request),
                    None => break,
                },
                event = self.peer.next_event() => match event {
                    Some(Event::Closed) | None => break,
                    Some(event) => self.event(event),
                },
                _ = ticks.tick() => self.tick(),
            }
        }
        self.report(CallerEvent::Heard(self.heard));
        self.report(CallerEvent::Closed);
    }

    fn now(&self) -> u64 {
        millis(self.begun.elapsed())
    }

    fn report(&self, event: CallerEvent) {
        let _ = self.events.try_send(event);
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Event(event) => self.send(EVENTS, &event),
            Request::Say(text) => self.say(text),
            Request::Hush => self.lines = Lines::Nothing,
            Request::HangUp => {
                self.peer.offer_command(Command::Close);
            }
        }
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
            self.manner = Some(Manner::new(self.options.manner, self.now()));
            self.report(CallerEvent::Connected(self.times));
        }
    }

    fn server_event(&mut self, text: &str) {
        let Ok(event) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let now = self.now();
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
        let line = match &mut self.lines {
            Lines::Seeded(answers) => answers.next().map(str::to_owned),
            Lines::Given(lines) => lines.next(),
            Lines::Played(_) | Lines::Nothing => None,
        };
        if let Some(line) = line {
            self.say(line);
        }
    }

    fn say(&mut self, text: String) {
        self.said += 1;
        let n = self.said;
        if self.options.announce == super::Announce::Words {
            self.send(ANNOUNCEMENTS, &json!({"type": "utterance", "n": n, "text": text}));
        }
        self.saying = Some(Saying { n, utterance: Voice::CALLER.speak(&text, 1.0) });
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
        let Lines::Played(frames) = &mut self.lines else {
            return None;
        };
        // From the moment of connection: the server hears from then on, and no earlier.
        self.manner.as_ref()?;
        let frame = frames.next();
        if frame.is_none() {
            self.lines = Lines::Nothing;
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
