//! The secret in the sign-in cookie: 256 random bits that mean nothing by themselves. Stored hashed, so that a copy of
//! the database signs nobody in.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A cookie's value in clear. Shown once; never in `Debug`.
pub struct SignInSecret(String);

impl fmt::Debug for SignInSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInSecret(…)")
    }
}

impl SignInSecret {
    /// Twelve hours: a working day, and not more than a shared machine should keep.
    pub const LIFETIME_MS: i64 = 12 * 3_600_000;

    /// From 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The hash of a presented value; `None` when it does not have the form.
    #[must_use]
    pub fn hash_presented(text: &str) -> Option<[u8; 32]> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        (text.len() == 43 && text.bytes().all(legal)).then(|| Sha256::digest(text.as_bytes()).into())
    }

    /// The hash to store.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The text to hand out, once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognised_by_its_own_hash_only() {
        let secret = SignInSecret::from_random([9; 32]);
        assert_eq!(SignInSecret::hash_presented(secret.expose()), Some(secret.hash()));
        assert_eq!(SignInSecret::hash_presented("short"), None);
        assert_eq!(SignInSecret::hash_presented(&"é".repeat(22)), None);
        assert_eq!(format!("{secret:?}"), "SignInSecret(…)");
    }
}
