//! The sound of both sides, mirrored to sidebands as the provider does: much text that says nothing to a recorder. What is
//! in it is silence; that it comes, and how much of it, is what counts.

use serde_json::{Value, json};

/// Between two pieces, and their length.
const PIECE_MS: u64 = 200;
/// Base64 of PCM16 at 24 kHz for that long.
const PIECE_BYTES: usize = 12_800;

/// When the next piece is due.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    due: u64,
}

impl Mirror {
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    /// A piece of each side, which began `PIECE_MS` before `clock`. What was missed is not made up for.
    pub(super) fn take(&mut self, now: u64, clock: u64) -> [Value; 2] {
        self.due = now + PIECE_MS;
        let silence = "A".repeat(PIECE_BYTES);
        let input = json!({"type": "session.input_audio.append", "audio": silence});
        let output = json!({
            "type": "session.output_audio.delta",
            "delta": silence,
            "start_ms": clock.saturating_sub(PIECE_MS),
            "end_ms": clock,
        });
        [input, output]
    }
}
