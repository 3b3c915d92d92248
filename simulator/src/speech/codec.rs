//! Opus packets to samples and back.

use bytes::Bytes;
use ropus::{Application, Bitrate, Channels, DecodeMode, Decoder, Encoder};

use super::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// The largest packet we make: 20 ms at our bitrate is a tenth of it.
const MAX_PACKET: usize = 1_275;
/// The longest packet that Opus knows is 120 ms.
const MAX_DECODED: usize = FRAME_SAMPLES * 6;
/// Enough for clear speech, and light on two cores.
const BITRATE: u32 = 32_000;
/// Of 10; 5 halves the work and nobody hears it.
const COMPLEXITY: u8 = 5;

/// The codec refused its settings or its input.
#[derive(Debug, thiserror::Error)]
#[error("Opus: {0}")]
pub struct CodecError(String);

impl CodecError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Samples to packets of 20 ms.
pub struct OpusEncoder(Encoder);

impl OpusEncoder {
    /// An encoder for speech.
    ///
    /// # Errors
    /// When the codec refuses its settings, which would be a fault of ours.
    pub fn new() -> Result<Self, CodecError> {
        Encoder::builder(SAMPLE_RATE, Channels::Mono, Application::Voip)
            .bitrate(Bitrate::Bits(BITRATE))
            .complexity(COMPLEXITY)
            .build()
            .map(Self)
            .map_err(CodecError::new)
    }

    /// Encode one frame.
    ///
    /// # Errors
    /// When the codec fails.
    pub fn encode(&mut self, frame: &Frame) -> Result<Bytes, CodecError> {
        let mut packet = [0; MAX_PACKET];
        let length = self.0.encode(frame, &mut packet).map_err(CodecError::new)?;
        Ok(Bytes::copy_from_slice(&packet[..length]))
    }
}

/// Packets of any length to samples.
pub struct OpusDecoder {
    decoder: Decoder,
    samples: Box<[i16; MAX_DECODED]>,
}

impl OpusDecoder {
    /// A decoder.
    ///
    /// # Errors
    /// When the codec refuses its settings, which would be a fault of ours.
    pub fn new() -> Result<Self, CodecError> {
        Ok(Self {
            decoder: Decoder::new(SAMPLE_RATE, Channels::Mono).map_err(CodecError::new)?,
            samples: Box::new([0; MAX_DECODED]),
        })
    }

    /// Decode one packet; stereo is mixed down.
    ///
    /// # Errors
    /// When the packet is no Opus.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[i16], CodecError> {
        let count = self.decoder.decode(packet, &mut self.samples[..], DecodeMode::Normal).map_err(CodecError::new)?;
        Ok(&self.samples[..count])
    }
}

impl std::fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpusEncoder")
    }
}

impl std::fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpusDecoder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::{loudness, voice::Voice};

    #[test]
    fn speech_survives_the_codec() {
        let mut encoder = OpusEncoder::new().unwrap();
        let mut decoder = OpusDecoder::new().unwrap();
        let frames: Vec<Frame> = Voice::MODEL.speak("Tell me about yourself", 1.0).collect();
        let mut heard = Vec::new();
        for frame in &frames {
            heard.extend_from_slice(decoder.decode(&encoder.encode(frame).unwrap()).unwrap());
        }
        let spoken = loudness(&frames.concat());
        assert!((loudness(&heard) / spoken - 1.0).abs() < 0.3, "as loud as it was");
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(OpusDecoder::new().unwrap().decode(&[0xff; 3]).is_err());
    }
}
