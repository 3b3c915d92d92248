//! What a candidate agreed to. No consent, no exchange with the model.

use serde::{Deserialize, Serialize};

/// Consent as it is stored when a ticket is minted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Consent {
    /// Version of the notice that was shown, e.g. `2026-11`.
    pub version: String,
    /// Language it was shown in, BCP 47.
    pub locale: String,
    /// SHA-256 of the notice text, hex, when the client knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_hash: Option<String>,
}

impl Consent {
    /// Whether the fields have a sane form: 1–32 characters each, 64 hex digits for the hash.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let short = |text: &str| (1..=32).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        let hash = |text: &String| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        short(&self.version) && short(&self.locale) && self.text_hash.as_ref().is_none_or(hash)
    }
}
