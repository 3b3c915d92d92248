//! Where speech begins and ends, by energy alone.
//!
//! Loud is what stands out from the background: speech dips between its sounds, so the quietest
//! moment of the last two seconds is background. A steady tone (a fan, the fake microphone of a
//! browser) is taken for speech at first and for background soon.

use std::collections::VecDeque;

use super::{FRAME_MS, FRAME_SAMPLES, Frame, loudness};

/// Loud frames in a row that make speech: shorter sounds are clicks.
const ONSET_FRAMES: u64 = 3;
/// Loudness at a threshold of 1; the provider's default of 0.5 then stands for 0.01.
const FULL_SCALE: f32 = 0.02;
/// Frames whose quietest is the background: two seconds, longer than any sound of speech.
const BACKGROUND_FRAMES: usize = 100;
/// How much louder than the background speech is.
const ABOVE_BACKGROUND: f32 = 1.8;

/// How speech is told from silence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VadSettings {
    /// 0 to 1, as in `turn_detection.threshold`.
    pub threshold: f32,
    /// Audio before the onset that is counted to the speech.
    pub prefix_padding_ms: u64,
    /// Silence that ends speech.
    pub silence_ms: u64,
}

impl Default for VadSettings {
    /// The provider's defaults, as it echoes them.
    fn default() -> Self {
        Self { threshold: 0.5, prefix_padding_ms: 300, silence_ms: 200 }
    }
}

/// A change of voice activity. Times are milliseconds of audio fed so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Speech began; the time includes the prefix padding.
    Started {
        /// Where the turn's audio begins.
        start_ms: u64,
    },
    /// Speech ended; the time includes the silence that showed it.
    Stopped {
        /// Where the turn's audio ends.
        end_ms: u64,
        /// Net speech: without padding and without the final silence.
        speech_ms: u64,
    },
}

/// Finds speech in a stream of samples.
#[derive(Debug)]
pub struct Vad {
    settings: VadSettings,
    pending: Vec<i16>,
    recent: VecDeque<f32>,
    clock_ms: u64,
    loud_frames: u64,
    quiet_ms: u64,
    onset_ms: Option<u64>,
}

impl Vad {
    /// A detector that hears silence so far.
    #[must_use]
    pub fn new(settings: VadSettings) -> Self {
        Self {
            settings,
            pending: Vec::with_capacity(FRAME_SAMPLES),
            recent: VecDeque::with_capacity(BACKGROUND_FRAMES),
            clock_ms: 0,
            loud_frames: 0,
            quiet_ms: 0,
            onset_ms: None,
        }
    }

    /// Use other settings from here on; speech in progress stays in progress.
    pub fn configure(&mut self, settings: VadSettings) {
        self.settings = settings;
    }

    /// Audio heard so far.
    #[must_use]
    pub fn clock_ms(&self) -> u64 {
        self.clock_ms
    }

    /// Whether speech is in progress.
    #[must_use]
    pub fn speaking(&self) -> bool {
        self.onset_ms.is_some()
    }

    /// Hear samples of any number; a rest shorter than a frame waits for more.
    pub fn feed(&mut self, samples: &[i16]) -> Vec<Activity> {
        let mut changes = Vec::new();
        let mut rest = samples;
        while !rest.is_empty() {
            let take = rest.len().min(FRAME_SAMPLES - self.pending.len());
            let (now, later) = rest.split_at(take);
            self.pending.extend_from_slice(now);
            rest = later;
            if let Ok(frame) = Frame::try_from(self.pending.as_slice()) {
                self.pending.clear();
                changes.extend(self.hear(&frame));
            }
        }
        changes
    }

    fn stands_out(&mut self, level: f32) -> bool {
        if self.recent.len() == BACKGROUND_FRAMES {
            self.recent.pop_front();
        }
        self.recent.push_back(level);
        let background = if self.recent.len() == BACKGROUND_FRAMES {
            self.recent.iter().copied().fold(f32::INFINITY, f32::min)
        } else {
            0.0
        };
        level > (self.settings.threshold * FULL_SCALE).max(background * ABOVE_BACKGROUND)
    }

    fn hear(&mut self, frame: &Frame) -> Option<Activity> {
        let loud = self.stands_out(loudness(frame));
        self.clock_ms += FRAME_MS;
        if loud {
            self.loud_frames += 1;
            self.quiet_ms = 0;
        } else {
            self.loud_frames = 0;
            self.quiet_ms += FRAME_MS;
        }
        match self.onset_ms {
            None if self.loud_frames >= ONSET_FRAMES => {
                let onset = self.clock_ms - ONSET_FRAMES * FRAME_MS;
                self.onset_ms = Some(onset);
                let start_ms = onset.saturating_sub(self.settings.prefix_padding_ms);
                Some(Activity::Started { start_ms })
            }
            Some(onset) if self.quiet_ms >= self.settings.silence_ms.max(FRAME_MS) => {
                self.onset_ms = None;
                Some(Activity::Stopped { end_ms: self.clock_ms, speech_ms: self.clock_ms - self.quiet_ms - onset })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::SILENCE;

    const LOUD: Frame = [3_000; FRAME_SAMPLES];

    fn vad(silence_ms: u64) -> Vad {
        Vad::new(VadSettings { silence_ms, ..VadSettings::default() })
    }

    fn feed(vad: &mut Vad, frame: &Frame, times: usize) -> Vec<Activity> {
        (0..times).flat_map(|_| vad.feed(frame)).collect()
    }

    #[test]
    fn speech_has_a_begin_with_padding_and_an_end_with_silence() {
        let mut vad = vad(500);
        assert_eq!(feed(&mut vad, &SILENCE, 50), []);
        assert_eq!(feed(&mut vad, &LOUD, 40), [Activity::Started { start_ms: 700 }]);
        assert!(vad.speaking());
        assert_eq!(feed(&mut vad, &SILENCE, 24), []);
        assert_eq!(feed(&mut vad, &SILENCE, 1), [Activity::Stopped { end_ms: 2_300, speech_ms: 800 }]);
        assert!(!vad.speaking());
    }

    #[test]
    fn a_pause_shorter_than_the_silence_does_not_end_speech() {
        let mut vad = vad(300);
        feed(&mut vad, &LOUD, 10);
        assert_eq!(feed(&mut vad, &SILENCE, 14), []);
        assert_eq!(feed(&mut vad, &LOUD, 10), []);
        assert_eq!(feed(&mut vad, &SILENCE, 15).len(), 1);
    }

    #[test]
    fn clicks_and_noise_are_not_speech() {
        let mut vad = vad(200);
        assert_eq!(feed(&mut vad, &LOUD, 2), []);
        feed(&mut vad, &SILENCE, 5);
        assert_eq!(feed(&mut vad, &[200; FRAME_SAMPLES], 100), []);
    }

    #[test]
    fn a_steady_tone_becomes_background_and_speech_above_it_is_heard() {
        let mut vad = vad(200);
        let changes = feed(&mut vad, &LOUD, 200);
        assert!(matches!(changes[..], [Activity::Started { .. }, Activity::Stopped { .. }]), "{changes:?}");
        assert_eq!(feed(&mut vad, &[9_000; FRAME_SAMPLES], 5).len(), 1);
    }

    #[test]
    fn packets_of_other_lengths_are_heard_alike() {
        let mut vad = vad(200);
        let samples = [3_000; 480];
        let started = (0..6).flat_map(|_| vad.feed(&samples)).count();
        assert_eq!(started, 1);
        assert_eq!(vad.clock_ms(), 60);
    }

    #[test]
    fn the_threshold_decides() {
        let settings = VadSettings { threshold: 1.0, ..VadSettings::default() };
        let quiet = [500; FRAME_SAMPLES];
        assert_eq!(feed(&mut Vad::new(settings), &quiet, 10), []);
        assert_eq!(feed(&mut vad(200), &quiet, 10).len(), 1);
    }
}
