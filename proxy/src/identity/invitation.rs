//! The secret in an invitation's link: 256 random bits. Stored hashed, so that a copy of the database lets nobody in. Also
//! whether somebody knows the address that an invitation was meant for.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

/// A link's token in clear. Shown once; never in `Debug`.
pub struct InvitationSecret(String);

impl fmt::Debug for InvitationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationSecret(…)")
    }
}

impl InvitationSecret {
    /// From 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The hash of a presented token; `None` when it does not have the form.
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

/// Whether two addresses are the same but for case and blanks around them. Takes as long for every wrong one.
#[must_use]
pub fn is_same_address(bound: &str, presented: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.trim().to_lowercase());
    digest(bound).ct_eq(&digest(presented)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_by_its_own_hash_only() {
        let secret = InvitationSecret::from_random([9; 32]);
        assert_eq!(InvitationSecret::hash_presented(secret.expose()), Some(secret.hash()));
        assert_eq!(InvitationSecret::hash_presented("short"), None);
        assert_eq!(InvitationSecret::hash_presented(&"é".repeat(22)), None);
        assert_eq!(format!("{secret:?}"), "InvitationSecret(…)");
    }

    #[test]
    fn an_address_is_the_same_in_any_case() {
        assert!(is_same_address("Robin@Example.org", " robin@example.ORG "));
        assert!(!is_same_address("robin@example.org", "robin@example.com"));
        assert!(!is_same_address("robin@example.org", ""));
    }
}
