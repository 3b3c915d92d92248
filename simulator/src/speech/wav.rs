//! WAV files as 48 kHz mono samples, and the utterances in them.

use std::io::{Read, Seek};
use std::ops::Range;
use std::path::Path;

use hound::{SampleFormat, WavReader};

use super::vad::{Activity, Vad, VadSettings};
use super::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// The longest recording that is read: fifteen minutes are 86 MB.
const MAX_SECONDS: u32 = 900;

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// It is no WAV file, or cannot be read.
    #[error("cannot read the WAV file: {0}")]
    Read(#[from] hound::Error),
    /// More than two channels or no rate.
    #[error("the WAV file must be mono or stereo with a sample rate, not {channels} channels at {rate} Hz")]
    Layout {
        /// Channels in the file.
        channels: u16,
        /// Its rate.
        rate: u32,
    },
    /// Longer than fifteen minutes.
    #[error("the WAV file is longer than {MAX_SECONDS} s")]
    TooLong,
}

/// A recording, ready to be played.
#[derive(Clone)]
pub struct Recording {
    samples: Vec<i16>,
}

impl Recording {
    /// Read a file of any rate, mono or stereo.
    ///
    /// # Errors
    /// See [`WavError`].
    pub fn open(path: &Path) -> Result<Self, WavError> {
        Self::decode(WavReader::open(path)?)
    }

    /// The same from bytes.
    ///
    /// # Errors
    /// See [`WavError`].
    pub fn read(source: impl Read + Seek) -> Result<Self, WavError> {
        Self::decode(WavReader::new(source)?)
    }

    /// Samples that are 48 kHz mono already.
    #[must_use]
    pub fn from_samples(samples: Vec<i16>) -> Self {
        Self { samples }
    }

    fn decode(mut reader: WavReader<impl Read>) -> Result<Self, WavError> {
        let spec = reader.spec();
        let (channels, rate) = (spec.channels, spec.sample_rate);
        if !(1..=2).contains(&channels) || rate == 0 {
            return Err(WavError::Layout { channels, rate });
        }
        if reader.duration() / rate > MAX_SECONDS {
            return Err(WavError::TooLong);
        }
        let samples: Vec<f32> = match spec.sample_format {
            SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>()?,
            SampleFormat::Int => {
                let full_scale = (1_i64 << (spec.bits_per_sample - 1)) as f32;
                reader
                    .samples::<i32>()
                    .map(|sample| sample.map(|sample| sample as f32 / full_scale))
                    .collect::<Result<_, _>>()?
            }
        };
        let mono: Vec<f32> =
            samples.chunks(channels.into()).map(|frame| frame.iter().sum::<f32>() / frame.len() as f32).collect();
        Ok(Self { samples: resample(&mono, rate) })
    }

    /// Frames of 20 ms from the start; the last is padded with silence.
    pub fn frames(&self) -> impl Iterator<Item = Frame> {
        self.samples.chunks(FRAME_SAMPLES).map(|chunk| {
            let mut frame = [0; FRAME_SAMPLES];
            frame[..chunk.len()].copy_from_slice(chunk);
            frame
        })
    }

    /// Its length in milliseconds, rounded up to whole frames.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.samples.len().div_ceil(FRAME_SAMPLES) as u64 * super::FRAME_MS
    }

    /// The stretches of net speech in it, in milliseconds, as a server with these settings would
    /// hear them; speech at the very end counts.
    #[must_use]
    pub fn utterances(&self, settings: VadSettings) -> Vec<Range<u64>> {
        let settings = VadSettings { prefix_padding_ms: 0, ..settings };
        let mut vad = Vad::new(settings);
        let silence = vec![0; (settings.silence_ms as usize + 20) * SAMPLE_RATE as usize / 1_000];
        let mut changes: Vec<Activity> = self.frames().flat_map(|frame| vad.feed(&frame)).collect();
        changes.extend(vad.feed(&silence));
        let mut found = Vec::new();
        let mut begin = 0;
        for change in changes {
            match change {
                Activity::Started { start_ms } => begin = start_ms,
                Activity::Stopped { speech_ms, .. } => found.push(begin..begin + speech_ms),
            }
        }
        found
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recording({} ms)", self.duration_ms())
    }
}

/// To 48 kHz: by linear interpolation upwards, by averaging downwards, which is enough for
/// energy and for ears.
fn resample(samples: &[f32], rate: u32) -> Vec<i16> {
    let step = f64::from(rate) / f64::from(SAMPLE_RATE);
    let length = (samples.len() as f64 / step) as usize;
    let at = |index: usize| samples.get(index).copied().unwrap_or(0.0);
    (0..length)
        .map(|index| {
            let from = index as f64 * step;
            let first = from as usize;
            let value = if step > 1.0 {
                let last = ((from + step) as usize).max(first + 1);
                (first..last).map(at).sum::<f32>() / (last - first) as f32
            } else {
                let share = from.fract() as f32;
                at(first) * (1.0 - share) + at(first + 1) * share
            };
            (value * 32_767.0).clamp(-32_768.0, 32_767.0) as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::{loudness, voice::Voice};
    use std::io::Cursor;

    /// Two utterances with 700 ms between them, at this rate and so many channels.
    fn file(rate: u32, channels: u16) -> Vec<u8> {
        let mut samples = vec![0; 24_000];
        samples.extend(Voice::CALLER.speak("I would be glad to", 1.0).flatten());
        samples.extend([0; 33_600]);
        samples.extend(Voice::CALLER.speak("and here is why", 1.0).flatten());
        let spec =
            hound::WavSpec { channels, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        let step = f64::from(SAMPLE_RATE) / f64::from(rate);
        for index in 0..(samples.len() as f64 / step) as usize {
            for _ in 0..channels {
                writer.write_sample(samples[(index as f64 * step) as usize]).unwrap();
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn any_rate_has_the_same_utterances() {
        let settings = VadSettings { silence_ms: 500, ..VadSettings::default() };
        for (rate, channels) in [(48_000, 1), (16_000, 1), (22_050, 1), (44_100, 2), (96_000, 2)] {
            let recording = Recording::read(Cursor::new(file(rate, channels))).unwrap();
            let found = recording.utterances(settings);
            assert_eq!(found.len(), 2, "{rate} Hz, {channels} channels");
            assert!(found[0].start.abs_diff(500) <= 40, "{found:?}");
            let samples: Vec<i16> = recording.frames().flatten().collect();
            assert!(loudness(&samples) > 0.02);
        }
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(Recording::read(Cursor::new(b"no wav")), Err(WavError::Read(_))));
        let three = file(8_000, 3);
        assert!(matches!(Recording::read(Cursor::new(three)), Err(WavError::Layout { channels: 3, .. })));
    }
}
