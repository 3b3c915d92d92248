//! What a call plays: queued utterances, frame by frame, and silence between them.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::speech::codec::{CodecError, OpusEncoder};
use crate::speech::voice::{Utterance, Voice};
use crate::speech::{FRAME_MS, SILENCE};

/// Utterances waiting; a model that is asked for more says the latest ones only.
const QUEUE: usize = 16;

/// What the frame just sent means for its response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Playback {
    /// It was the first.
    Started(String),
    /// The one before was the last.
    Stopped(String),
}

#[derive(Debug)]
struct Part {
    response_id: String,
    utterance: Utterance,
    played: u64,
    at_most: u64,
}

/// An encoder with a queue before it.
#[derive(Debug)]
pub(super) struct Mouth {
    encoder: OpusEncoder,
    silence: Bytes,
    queue: VecDeque<Part>,
}

impl Mouth {
    pub(super) fn new() -> Result<Self, CodecError> {
        let mut encoder = OpusEncoder::new()?;
        // Encoded once: most of a call is silence of one side.
        let silence = encoder.encode(&SILENCE)?;
        Ok(Self { encoder, silence, queue: VecDeque::new() })
    }

    pub(super) fn say(&mut self, response_id: String, text: &str, pace: f32) {
        if self.queue.len() >= QUEUE {
            self.queue.pop_front();
        }
        self.queue.push_back(Part {
            response_id,
            utterance: Voice::MODEL.speak(text, pace),
            played: 0,
            at_most: u64::MAX,
        });
    }

    pub(super) fn stop(&mut self) {
        self.queue.clear();
    }

    pub(super) fn at_most(&mut self, response_id: &str, audio: Duration) {
        let part = self.queue.iter_mut().find(|part| part.response_id == response_id);
        if let Some(part) = part {
            part.at_most = (audio.as_millis() as u64) / FRAME_MS;
        }
    }

    /// The packet for the next 20 ms.
    pub(super) fn frame(&mut self) -> (Bytes, Option<Playback>) {
        let silence = self.silence.clone();
        let Some(part) = self.queue.front_mut() else {
            return (silence, None);
        };
        let next = if part.played < part.at_most { part.utterance.next() } else { None };
        let Some(frame) = next else {
            let done = self.queue.pop_front().map(|part| Playback::Stopped(part.response_id));
            return (silence, done);
        };
        let started = (part.played == 0).then(|| Playback::Started(part.response_id.clone()));
        part.played += 1;
        let packet = self.encoder.encode(&frame).unwrap_or(silence);
        (packet, started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(mouth: &mut Mouth, frames: usize) -> Vec<Playback> {
        (0..frames).filter_map(|_| mouth.frame().1).collect()
    }

    #[test]
    fn utterances_follow_one_another() {
        let mut mouth = Mouth::new().unwrap();
        assert_eq!(play(&mut mouth, 3), []);
        mouth.say("a".into(), "Hello there", 1.0);
        mouth.say("b".into(), "Bye", 1.0);
        assert_eq!(
            play(&mut mouth, 200),
            [
                Playback::Started("a".into()),
                Playback::Stopped("a".into()),
                Playback::Started("b".into()),
                Playback::Stopped("b".into()),
            ]
        );
    }

    #[test]
    fn a_cut_utterance_still_ends() {
        let mut mouth = Mouth::new().unwrap();
        mouth.say("a".into(), "A rather long sentence that is cut", 1.0);
        play(&mut mouth, 5);
        mouth.at_most("a", Duration::from_millis(200));
        assert_eq!(play(&mut mouth, 5), []);
        assert_eq!(play(&mut mouth, 1), [Playback::Stopped("a".into())]);
        mouth.say("b".into(), "Gone", 1.0);
        mouth.stop();
        assert_eq!(play(&mut mouth, 50), []);
    }
}
