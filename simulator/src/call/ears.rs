//! What a call hears: packets in, voice activity out. Loss and silence alike are silence.

use crate::model::session::TurnDetection;
use crate::speech::codec::{CodecError, OpusDecoder};
use crate::speech::vad::{Activity, Vad, VadSettings};
use crate::speech::{FRAME_MS, SILENCE};

/// After so long without a packet the caller is taken to be silent; packets that are merely late
/// come sooner.
const PATIENCE_MS: u64 = 100;

/// A decoder with a detector behind it.
#[derive(Debug)]
pub(super) struct Ears {
    decoder: OpusDecoder,
    vad: Vad,
    deaf_ms: u64,
}

impl Ears {
    pub(super) fn new(listening: TurnDetection) -> Result<Self, CodecError> {
        Ok(Self {
            decoder: OpusDecoder::new()?,
            vad: Vad::new(settings(listening)),
            deaf_ms: 0,
        })
    }

    pub(super) fn listen(&mut self, listening: TurnDetection) {
        self.vad.configure(settings(listening));
    }

    /// A packet came. One that is no Opus is skipped, as a lost one would be.
    pub(super) fn packet(&mut self, packet: &[u8]) -> Vec<Activity> {
        self.deaf_ms = 0;
        match self.decoder.decode(packet) {
            Ok(samples) => self.vad.feed(samples),
            Err(_) => Vec::new(),
        }
    }

    /// 20 ms passed.
    pub(super) fn tick(&mut self) -> Vec<Activity> {
        self.deaf_ms = self.deaf_ms.saturating_add(FRAME_MS);
        if self.deaf_ms > PATIENCE_MS {
            self.vad.feed(&SILENCE)
        } else {
            Vec::new()
        }
    }
}

/// With turn detection off we still listen, for the client's own commits.
fn settings(listening: TurnDetection) -> VadSettings {
    match listening {
        TurnDetection::Off => VadSettings::default(),
        TurnDetection::Vad {
            threshold,
            prefix_padding_ms,
            silence_ms,
            ..
        } => VadSettings {
            threshold,
            prefix_padding_ms,
            silence_ms,
        },
    }
}
