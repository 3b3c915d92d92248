//! Ids in the provider's forms.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A source of ids. A live call draws its seed from the system, so that two runs never share an
/// id; a test draws the same ids again.
#[derive(Debug)]
pub struct Ids(StdRng);

impl Ids {
    /// Ids that were never seen before.
    #[must_use]
    pub fn fresh() -> Self {
        Self(StdRng::from_os_rng())
    }

    /// The same ids every time.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// `<prefix>_` and 21 letters and digits, as most ids are.
    pub fn next(&mut self, prefix: &str) -> String {
        format!("{prefix}_{}", self.letters(21))
    }

    /// `event_` and 16 hex digits: the form of `output_audio_buffer.*` events only.
    pub fn buffer_event(&mut self) -> String {
        format!("event_{:016x}", self.0.random::<u64>())
    }

    /// The padding that hides the length of a delta.
    pub fn obfuscation(&mut self) -> String {
        let length = self.0.random_range(6..14);
        self.letters(length)
    }

    /// So many letters and digits.
    pub fn letters(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(ALPHABET[self.0.random_range(0..ALPHABET.len())])).collect()
    }
}
