//! Sound: Opus, voice activity, a speech-like voice, WAV files.
//!
//! All of it works on 48 kHz mono samples and knows neither clocks nor sockets.

pub mod codec;
pub mod vad;
pub mod voice;
pub mod wav;

/// Samples a second, of everything in this crate.
pub const SAMPLE_RATE: u32 = 48_000;

/// Samples of one 20 ms frame.
pub const FRAME_SAMPLES: usize = 960;

/// Milliseconds of one frame.
pub const FRAME_MS: u64 = 20;

/// One 20 ms frame.
pub type Frame = [i16; FRAME_SAMPLES];

/// A frame in which nothing is heard.
pub const SILENCE: Frame = [0; FRAME_SAMPLES];

/// How loud samples are, 0 to 1: the root of their mean square.
#[must_use]
pub fn loudness(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let energy: f32 = samples
        .iter()
        .map(|&sample| {
            let sample = f32::from(sample) / 32_768.0;
            sample * sample
        })
        .sum();
    (energy / samples.len() as f32).sqrt()
}
