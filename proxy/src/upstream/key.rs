//! [`ModelKey`]: the key that a request to the model carries. Always an argument, never part of a client, because calls of
//! different people are paid for with different keys.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::ids::KeyRef;

/// The key has characters that no header may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model key contains characters that cannot be sent; check that it was copied whole and alone")]
pub struct BadKey;

/// A key, ready to be sent. Cheap to clone; wiped with its last clone; does not print itself.
#[derive(Clone)]
pub struct ModelKey {
    reference: KeyRef,
    bearer: HeaderValue,
}

/// Makes the text of a header that is wiped when the last reference to it goes.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl ModelKey {
    /// A key and what it is called in rows and logs.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn new(reference: KeyRef, key: &str) -> Result<Self, BadKey> {
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadKey);
        }
        let mut text = Zeroizing::new(Vec::with_capacity("Bearer ".len() + key.len()));
        text.extend_from_slice(b"Bearer ");
        text.extend_from_slice(key.as_bytes());
        let mut bearer = HeaderValue::from_maybe_shared(Bytes::from_owner(Wiped(text))).map_err(|_| BadKey)?;
        bearer.set_sensitive(true);
        Ok(Self { reference, bearer })
    }

    /// Which key it is.
    #[must_use]
    pub fn reference(&self) -> KeyRef {
        self.reference
    }

    /// `Authorization` as it is sent.
    pub(super) fn bearer(&self) -> HeaderValue {
        self.bearer.clone()
    }
}

impl fmt::Debug for ModelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelKey({})", self.reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_whole_and_never_shown() {
        let key = ModelKey::new(KeyRef::Server, "sk-planted").expect("a key");
        assert_eq!(key.bearer().as_bytes(), b"Bearer sk-planted");
        assert!(key.bearer().is_sensitive());
        assert_eq!(format!("{key:?} {:?}", key.bearer()), "ModelKey(server) Sensitive");
        for wrong in ["", "two words", "line\r\nX: y", "schlüssel"] {
            assert_eq!(ModelKey::new(KeyRef::Server, wrong).err(), Some(BadKey), "{wrong}");
        }
    }
}
