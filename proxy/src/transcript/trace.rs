//! What is left of a settled turn: marks that tell its words and its name apart from others and cannot be read back.

use sha2::{Digest, Sha256};

/// A short, stable mark of a text that cannot be read back.
pub(super) fn trace(words: &str) -> u64 {
    Sha256::digest(words).iter().take(8).fold(0, |trace, byte| trace << 8 | u64::from(*byte))
}

/// The mark of no words at all.
pub(super) const NOTHING: u64 = 0xe3b0_c442_98fc_1c14;

/// The same of a turn's name: what is left of it when it is past revising.
pub(super) fn key(item: &str, content_index: u32) -> u64 {
    trace(&format!("{item}/{content_index}"))
}

/// The last place at or before `max` bytes where `text` can be cut.
pub(super) fn floor_char(text: &str, max: usize) -> usize {
    let mut cut = text.len().min(max);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_words_have_the_mark_they_are_given() {
        assert_eq!(trace(""), NOTHING);
    }
}
