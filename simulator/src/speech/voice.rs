//! A voice that is not speech but sounds and measures like it: voiced syllables with formants,
//! whose number and length follow the words, short gaps between words, none long enough to be
//! taken for the end of a turn.

use std::f32::consts::TAU;
use std::time::Duration;

use super::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// About two and a half words a second.
const SYLLABLE_S: f32 = 0.25;
const WORD_GAP_S: f32 = 0.06;
/// Pauses stay below the shortest silence that ends a turn (200 ms), so that one text is one turn.
const COMMA_S: f32 = 0.08;
const SENTENCE_S: f32 = 0.11;
/// Rise and fall of a syllable.
const ATTACK_S: f32 = 0.015;
const RELEASE_S: f32 = 0.03;
/// Partials of the voice; more are above what matters and cost time.
const HARMONICS: usize = 10;
/// The longest text that is spoken, in syllables (about two minutes).
const MAX_SYLLABLES: usize = 600;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voice {
    /// The pitch it speaks around, in hertz.
    pitch: f32,
}

impl Voice {
    /// The interviewer.
    pub const MODEL: Self = Self { pitch: 118.0 };
    /// The caller.
    pub const CALLER: Self = Self { pitch: 186.0 };

    /// Speak a text at a pace (1 is normal): frames of 20 ms, as many as it takes.
    #[must_use]
    pub fn speak(self, text: &str, pace: f32) -> Utterance {
        Utterance::new(self, text, pace)
    }
}

/// One sound or pause of an utterance.
#[derive(Debug, Clone, Copy)]
struct Segment {
    samples: usize,
    vowel: Option<Vowel>,
}

/// Two resonances, in hertz.
#[derive(Debug, Clone, Copy)]
struct Vowel(f32, f32);

/// A text being spoken. Yields its frames once; the last is padded with silence.
#[derive(Debug)]
pub struct Utterance {
    voice: Voice,
    segments: Vec<Segment>,
    total: usize,
    position: usize,
    segment: usize,
    within: usize,
    phase: f32,
}

impl Utterance {
    fn new(voice: Voice, text: &str, pace: f32) -> Self {
        let pace = pace.clamp(0.25, 1.5);
        let samples = |seconds: f32| (seconds / pace * SAMPLE_RATE as f32) as usize;
        let mut segments = Vec::new();
        for word in text.split_whitespace() {
            if segments.len() >= MAX_SYLLABLES {
                break;
            }
            for vowel in syllables(word) {
                segments.push(Segment { samples: samples(SYLLABLE_S), vowel: Some(vowel) });
            }
            let gap = match word.chars().last() {
                Some('.' | '?' | '!') => SENTENCE_S,
                Some(',' | ';' | ':') => COMMA_S,
                _ => WORD_GAP_S,
            };
            segments.push(Segment { samples: samples(gap), vowel: None });
        }
        let total = segments.iter().map(|segment| segment.samples).sum();
        Self { voice, segments, total, position: 0, segment: 0, within: 0, phase: 0.0 }
    }

    /// How long it takes to say all of it.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let frames = self.total.div_ceil(FRAME_SAMPLES) as u64;
        Duration::from_millis(frames * super::FRAME_MS)
    }

    fn sample(&mut self) -> i16 {
        while let Some(segment) = self.segments.get(self.segment).copied() {
            if self.within < segment.samples {
                let value = self.sound(segment);
                self.within += 1;
                self.position += 1;
                return value;
            }
            self.segment += 1;
            self.within = 0;
        }
        0
    }

    fn sound(&mut self, segment: Segment) -> i16 {
        // The pitch falls over the utterance and trembles a little, as voices do.
        let progress = self.position as f32 / self.total.max(1) as f32;
        let time = self.position as f32 / SAMPLE_RATE as f32;
        let pitch = self.voice.pitch * (1.12 - 0.24 * progress) * (1.0 + 0.02 * (TAU * 5.0 * time).sin());
        self.phase = (self.phase + pitch / SAMPLE_RATE as f32).fract();
        let Some(vowel) = segment.vowel else {
            return 0;
        };
        let mut value = 0.0;
        for harmonic in 1..=HARMONICS {
            let frequency = pitch * harmonic as f32;
            value += vowel.gain(frequency) * (TAU * self.phase * harmonic as f32).sin();
        }
        let at = self.within as f32 / SAMPLE_RATE as f32;
        let left = (segment.samples - self.within) as f32 / SAMPLE_RATE as f32;
        let envelope = (at / ATTACK_S).min(left / RELEASE_S).min(1.0);
        (value * envelope * 5_000.0).clamp(-32_000.0, 32_000.0) as i16
    }
}

impl Iterator for Utterance {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        if self.position >= self.total {
            return None;
        }
        let mut frame = [0; FRAME_SAMPLES];
        for sample in &mut frame {
            *sample = self.sample();
        }
        Some(frame)
    }
}

impl Vowel {
    fn gain(self, frequency: f32) -> f32 {
        let near = |formant: f32, width: f32| {
            let distance = (frequency - formant) / width;
            1.0 / (1.0 + distance * distance)
        };
        0.1 + near(self.0, 120.0) + 0.6 * near(self.1, 200.0)
    }
}

/// One vowel for each group of vowel letters; a word without any still has one syllable.
fn syllables(word: &str) -> Vec<Vowel> {
    let mut vowels = Vec::new();
    let mut inside = false;
    for letter in word.chars().map(|letter| letter.to_ascii_lowercase()) {
        let vowel = match letter {
            'a' => Some(Vowel(730.0, 1_090.0)),
            'e' => Some(Vowel(530.0, 1_840.0)),
            'i' | 'y' => Some(Vowel(300.0, 2_200.0)),
            'o' => Some(Vowel(570.0, 840.0)),
            'u' => Some(Vowel(320.0, 870.0)),
            _ => None,
        };
        if let Some(vowel) = vowel.filter(|_| !inside) {
            vowels.push(vowel);
        }
        inside = vowel.is_some();
    }
    if vowels.is_empty() && word.chars().any(char::is_alphanumeric) {
        vowels.push(Vowel(500.0, 1_500.0));
    }
    vowels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::loudness;
    use crate::speech::vad::{Activity, Vad, VadSettings};

    const TEXT: &str = "Thank you, that helps. What did you learn from your last big project?";

    #[test]
    fn it_takes_as_long_as_people_do() {
        let seconds = Voice::MODEL.speak(TEXT, 1.0).duration().as_secs_f32();
        let pace = TEXT.split(' ').count() as f32 / seconds;
        assert!((1.8..3.2).contains(&pace), "{pace} words a second");
        let fast = Voice::MODEL.speak(TEXT, 1.5).duration().as_secs_f32();
        assert!(fast < seconds * 0.75);
    }

    #[test]
    fn it_is_well_above_the_threshold_of_hearing() {
        let frames: Vec<Frame> = Voice::CALLER.speak(TEXT, 1.0).collect();
        assert!(loudness(&frames.concat()) > 0.05);
    }

    #[test]
    fn one_text_is_one_turn_even_with_the_shortest_silence() {
        let mut vad = Vad::new(VadSettings::default());
        let mut changes = Vec::new();
        for frame in Voice::CALLER.speak(TEXT, 1.0) {
            changes.extend(vad.feed(&frame));
        }
        changes.extend(vad.feed(&[0; FRAME_SAMPLES * 15]));
        assert!(matches!(changes[..], [Activity::Started { .. }, Activity::Stopped { .. }]), "{changes:?}");
    }

    #[test]
    fn the_frames_last_as_long_as_announced() {
        for text in ["", "...", "rhythm", TEXT] {
            let utterance = Voice::MODEL.speak(text, 1.0);
            let announced = utterance.duration();
            assert_eq!(Duration::from_millis(utterance.count() as u64 * 20), announced, "{text}");
        }
    }
}
