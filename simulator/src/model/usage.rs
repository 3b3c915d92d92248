//! Token counts that add up.
//!
//! The provider bills the whole context again with every response, mostly at the cached rate;
//! speech counts by its length, text by its size.

use serde_json::{Value, json};

/// The project's token limit, as recorded in `rate_limits.updated`.
pub(super) const TOKEN_LIMIT: u64 = 15_000_000;

/// The caller's speech: one token per 100 ms.
const INPUT_MS_PER_TOKEN: u64 = 100;
/// The model's speech: one token per 50 ms.
const OUTPUT_MS_PER_TOKEN: u64 = 50;

/// Tokens by modality.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of text.
    pub text: u64,
    /// Of audio.
    pub audio: u64,
}

impl Tokens {
    /// A text's tokens: about one for four bytes.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let text = (text.len() as u64).div_ceil(4);
        Self { text, audio: 0 }
    }

    /// The caller's speech.
    #[must_use]
    pub fn heard(ms: u64) -> Self {
        let audio = ms.div_ceil(INPUT_MS_PER_TOKEN);
        Self { text: 0, audio }
    }

    /// The model's speech.
    #[must_use]
    pub fn spoken(ms: u64) -> Self {
        let audio = ms.div_ceil(OUTPUT_MS_PER_TOKEN);
        Self { text: 0, audio }
    }

    fn total(self) -> u64 {
        self.text + self.audio
    }
}

impl std::ops::Add for Tokens {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { text: self.text + other.text, audio: self.audio + other.audio }
    }
}

/// What a session's responses have seen so far.
#[derive(Debug, Default)]
pub struct Context {
    conversation: Tokens,
    cached: Tokens,
}

impl Context {
    /// Something was said.
    pub fn add(&mut self, tokens: Tokens) {
        self.conversation = self.conversation + tokens;
    }

    /// The usage of one response with these instructions and this output; also what it cost in
    /// all. What one response read, the next finds in the cache.
    pub fn bill(&mut self, instructions: &str, output: Tokens) -> (Value, u64) {
        let input = self.conversation + Tokens::of_text(instructions);
        let cached = Tokens { text: self.cached.text.min(input.text), audio: self.cached.audio.min(input.audio) };
        self.cached = input;
        let total = input.total() + output.total();
        let usage = json!({
            "total_tokens": total,
            "input_tokens": input.total(),
            "output_tokens": output.total(),
            "input_token_details": {
                "text_tokens": input.text,
                "audio_tokens": input.audio,
                "image_tokens": 0,
                "cached_tokens": cached.total(),
                "cached_tokens_details": {
                    "text_tokens": cached.text,
                    "audio_tokens": cached.audio,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": output.text, "audio_tokens": output.audio},
        });
        (usage, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(usage: &Value, path: &str) -> u64 {
        usage.pointer(path).and_then(Value::as_u64).unwrap()
    }

    #[test]
    fn every_block_adds_up_and_the_cache_is_part_of_the_input() {
        let mut context = Context::default();
        let mut before = 0;
        for turn in 0..5 {
            context.add(Tokens::heard(2_000 + turn * 130));
            let output = Tokens::of_text("What did you do?") + Tokens::spoken(1_730);
            let (usage, total) = context.bill("Be kind.", output);
            context.add(output);
            let n = |path: &str| number(&usage, path);
            assert_eq!(n("/total_tokens"), n("/input_tokens") + n("/output_tokens"));
            assert_eq!(total, n("/total_tokens"));
            assert_eq!(
                n("/input_tokens"),
                n("/input_token_details/text_tokens") + n("/input_token_details/audio_tokens")
            );
            assert_eq!(
                n("/output_tokens"),
                n("/output_token_details/text_tokens") + n("/output_token_details/audio_tokens")
            );
            let cached = n("/input_token_details/cached_tokens");
            assert_eq!(
                cached,
                n("/input_token_details/cached_tokens_details/text_tokens")
                    + n("/input_token_details/cached_tokens_details/audio_tokens")
            );
            assert_eq!(cached, before, "the last input is the next cache");
            before = n("/input_tokens");
        }
    }

    #[test]
    fn speech_counts_by_its_length() {
        assert_eq!(Tokens::heard(1_000).audio, 10);
        assert_eq!(Tokens::spoken(1_000).audio, 20);
        assert_eq!(Tokens::of_text("").text, 0);
    }
}
