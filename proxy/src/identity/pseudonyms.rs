//! What stands for a person where others must tell people apart without learning who they are: a keyed hash. Without the
//! key nobody finds out whose it is, not even by trying every id. It is a name, not a secret, and proves nothing.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;

use crate::ids::UserId;

/// Keeps this use of the key apart from any other.
const AT_PROVIDER: &[u8] = b"viva.safety-identifier.v1\0";
/// 128 bits: no two people of a deployment meet.
const LENGTH: usize = 16;

/// Gives people their pseudonyms. Cheap to clone.
#[derive(Clone)]
pub struct Pseudonyms(Arc<hmac::Key>);

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms(…)")
    }
}

impl Pseudonyms {
    /// Under a key. With another key everybody has another pseudonym.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    /// A person at the model's provider, as 32 hex digits: the same in all their calls, so that the provider can act
    /// against one person and not against everybody (platform.openai.com/docs/guides/safety-best-practices).
    #[must_use]
    pub fn at_provider(&self, user: UserId) -> String {
        let mut hash = hmac::Context::with_key(&self.0);
        hash.update(AT_PROVIDER);
        hash.update(user.0.as_bytes());
        hex::encode(&hash.sign().as_ref()[..LENGTH])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_one_pseudonym_under_each_key() {
        let (ours, theirs) = (Pseudonyms::new(&[1; 32]), Pseudonyms::new(&[2; 32]));
        let user = UserId::fresh();
        let name = ours.at_provider(user);
        assert_eq!(name, Pseudonyms::new(&[1; 32]).at_provider(user));
        assert_eq!(name.len(), 32);
        assert_ne!(name, ours.at_provider(UserId::fresh()));
        assert_ne!(name, theirs.at_provider(user));
        assert!(!user.to_string().replace('-', "").contains(&name));
        assert_eq!(format!("{ours:?}"), "Pseudonyms(…)");
    }
}
