//! What a call hears: packets in, voice activity out. Loss and silence alike are silence.

use crate::model::session::TurnDetection;
use crate::speech::codec::{CodecError, OpusDecoder};
use crate::speech::vad::{Activity, Vad, VadSettings};
use crate::speech::{FRAME_MS, SILENCE};

/// When what was heard lags so far behind the clock, silence is heard instead. Packets that are
/// merely late come sooner; and since the lag is measured, not the gap, silence that was filled in
/// too early is not filled in twice, and audio time stays close to the clock.
const PATIENCE_MS: u64 = 100;

/// A decoder with a detector behind it.
#[derive(Debug)]
pub(super) struct Ears {
    decoder: OpusDecoder,
    vad: Vad,
    elapsed_ms: u64,
}

impl Ears {
    pub(super) fn new(listening: TurnDetection) -> Result<Self, CodecError> {
        Ok(Self { decoder: OpusDecoder::new()?, vad: Vad::new(settings(listening)), elapsed_ms: 0 })
    }

    pub(super) fn listen(&mut self, listening: TurnDetection) {
        self.vad.configure(settings(listening));
    }

    /// A packet came. One that is no Opus is skipped, as a lost one would be.
    pub(super) fn packet(&mut self, packet: &[u8]) -> Vec<Activity> {
        match self.decoder.decode(packet) {
            Ok(samples) => self.vad.feed(samples),
            Err(_) => Vec::new(),
        }
    }

    /// 20 ms passed.
    pub(super) fn tick(&mut self) -> Vec<Activity> {
        self.elapsed_ms += FRAME_MS;
        if self.vad.clock_ms() + PATIENCE_MS < self.elapsed_ms { self.vad.feed(&SILENCE) } else { Vec::new() }
    }
}

/// With turn detection off we still listen, for the client's own commits.
fn settings(listening: TurnDetection) -> VadSettings {
    match listening {
        TurnDetection::Off => VadSettings::default(),
        TurnDetection::Vad { threshold, prefix_padding_ms, silence_ms, .. } => {
            VadSettings { threshold, prefix_padding_ms, silence_ms }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::FRAME_SAMPLES;
    use crate::speech::codec::OpusEncoder;

    fn ears() -> Ears {
        Ears::new(TurnDetection::Off).unwrap()
    }

    #[test]
    fn a_caller_who_stops_sending_stops_speaking() {
        let (mut ears, mut encoder) = (ears(), OpusEncoder::new().unwrap());
        let mut changes = Vec::new();
        for n in 0..60_i32 {
            if n < 30 {
                let tone: Vec<i16> = (0..FRAME_SAMPLES as i32).map(|i| ((i % 96) * 200 - 9_600) as i16).collect();
                let packet = encoder.encode(&tone.try_into().unwrap()).unwrap();
                changes.extend(ears.packet(&packet));
            }
            changes.extend(ears.tick());
        }
        assert!(matches!(changes[..], [Activity::Started { .. }, Activity::Stopped { .. }]), "{changes:?}");
    }

    #[test]
    fn late_packets_do_not_stretch_time() {
        let (mut ears, mut encoder) = (ears(), OpusEncoder::new().unwrap());
        let packet = encoder.encode(&SILENCE).unwrap();
        for _ in 0..20 {
            // Two tenths of a second without a packet, then all of them at once.
            for _ in 0..10 {
                ears.tick();
            }
            for _ in 0..10 {
                ears.packet(&packet);
            }
        }
        let drift = ears.vad.clock_ms().abs_diff(ears.elapsed_ms);
        assert!(drift <= 200, "{drift} ms");
    }
}
