//! The provider's usage objects as figures that add up: tokens by kind with the part that was cached, and sound by its
//! length. Read leniently: every field is optional there, and a figure that is not told is none. Pure.
//! Shapes: `usage` of `response.done` and of `…input_audio_transcription.completed` in the provider's API reference.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More than this in one figure is not a figure.
const MOST: u64 = 1 << 40;

/// What was consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Measure {
    /// Tokens of text that were read, cached or not.
    pub text_in: u64,
    /// Tokens of sound that were read, cached or not.
    pub audio_in: u64,
    /// Tokens of pictures that were read, cached or not.
    pub image_in: u64,
    /// Of `text_in`, what came from the provider's cache.
    pub text_cached: u64,
    /// Of `audio_in`, what came from the provider's cache.
    pub audio_cached: u64,
    /// Of `image_in`, what came from the provider's cache.
    pub image_cached: u64,
    /// Tokens of text that were made.
    pub text_out: u64,
    /// Tokens of sound that were made.
    pub audio_out: u64,
    /// Sound that is charged by its length, milliseconds.
    pub ms: u64,
}

impl Measure {
    /// What a usage object says.
    #[must_use]
    pub fn of(usage: &Value) -> Self {
        let (read, made) = (&usage["input_token_details"], &usage["output_token_details"]);
        let cached = &read["cached_tokens_details"];
        let (text, audio, image) =
            (count(&read["text_tokens"]), count(&read["audio_tokens"]), count(&read["image_tokens"]));
        let (text_out, audio_out) = (count(&made["text_tokens"]), count(&made["audio_tokens"]));
        // Tokens of no told kind are text: that is what a model without the details deals in.
        let untold = |all: &Value, told: u64| count(all).saturating_sub(told);
        let text = text + untold(&usage["input_tokens"], text + audio + image);
        Self {
            text_in: text,
            audio_in: audio,
            image_in: image,
            text_cached: count(&cached["text_tokens"]).min(text),
            audio_cached: count(&cached["audio_tokens"]).min(audio),
            image_cached: count(&cached["image_tokens"]).min(image),
            text_out: text_out + untold(&usage["output_tokens"], text_out + audio_out),
            audio_out,
            ms: milliseconds(&usage["seconds"]),
        }
    }

    /// Whether nothing was consumed, or nothing told.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0).min(MOST)
}

fn milliseconds(seconds: &Value) -> u64 {
    let ms = seconds.as_f64().unwrap_or(0.0) * 1e3;
    // A float cast saturates, and what is no number becomes 0.
    (ms.round() as u64).min(MOST)
}

impl Add for Measure {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            text_in: self.text_in.saturating_add(other.text_in),
            audio_in: self.audio_in.saturating_add(other.audio_in),
            image_in: self.image_in.saturating_add(other.image_in),
            text_cached: self.text_cached.saturating_add(other.text_cached),
            audio_cached: self.audio_cached.saturating_add(other.audio_cached),
            image_cached: self.image_cached.saturating_add(other.image_cached),
            text_out: self.text_out.saturating_add(other.text_out),
            audio_out: self.audio_out.saturating_add(other.audio_out),
            ms: self.ms.saturating_add(other.ms),
        }
    }
}

impl AddAssign for Measure {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reply_is_read_by_kind() {
        let usage = json!({
            "total_tokens": 330, "input_tokens": 260, "output_tokens": 70,
            "input_token_details": {
                "text_tokens": 120, "audio_tokens": 140, "image_tokens": 0, "cached_tokens": 160,
                "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 96, "image_tokens": 0}
            },
            "output_token_details": {"text_tokens": 20, "audio_tokens": 50}
        });
        let measure = Measure {
            text_in: 120,
            audio_in: 140,
            text_cached: 64,
            audio_cached: 96,
            text_out: 20,
            audio_out: 50,
            ..Measure::default()
        };
        assert_eq!(Measure::of(&usage), measure);
    }

    #[test]
    fn a_transcription_is_read_by_length_or_by_tokens() {
        assert_eq!(Measure::of(&json!({"type": "duration", "seconds": 3})).ms, 3_000);
        assert_eq!(Measure::of(&json!({"type": "duration", "seconds": 4.25})).ms, 4_250);
        let tokens = json!({"type": "tokens", "total_tokens": 22, "input_tokens": 13, "output_tokens": 9,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 13}});
        assert_eq!(Measure::of(&tokens), Measure { audio_in: 13, text_out: 9, ..Measure::default() });
    }

    #[test]
    fn what_is_missing_or_absurd_is_no_figure() {
        for nothing in [json!(null), json!({}), json!([]), json!({"input_tokens": -4, "seconds": "3"})] {
            assert!(Measure::of(&nothing).is_none(), "{nothing}");
        }
        let more_cached_than_read =
            json!({"input_token_details": {"text_tokens": 5, "cached_tokens_details": {"text_tokens": 9}}});
        assert_eq!(Measure::of(&more_cached_than_read).text_cached, 5);
        assert_eq!(Measure::of(&json!({"seconds": 1e300})).ms, MOST);
    }
}
