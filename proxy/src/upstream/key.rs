//! [`ModelKey`]: the key that a request to the model carries. Always an argument, never part of a client, because calls of
//! different people are paid for with different keys.

use std::fmt;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::manner::Auth;
use crate::ids::KeyRef;

const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The key has characters that no header may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model key contains characters that cannot be sent; check that it was copied whole and alone")]
pub struct BadKey;

/// A key, ready to be sent. Cheap to clone; wiped with its last clone; does not print itself.
#[derive(Clone)]
pub struct ModelKey {
    reference: KeyRef,
    bearer: HeaderValue,
    /// The same bytes without the scheme, for servers that want the key alone.
    alone: HeaderValue,
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
        let text = Bytes::from_owner(Wiped(text));
        let header = |text: Bytes| {
            let mut value = HeaderValue::from_maybe_shared(text).map_err(|_| BadKey)?;
            value.set_sensitive(true);
            Ok(value)
        };
        let alone = header(text.slice("Bearer ".len()..))?;
        Ok(Self { reference, bearer: header(text)?, alone })
    }

    /// Which key it is.
    #[must_use]
    pub fn reference(&self) -> KeyRef {
        self.reference
    }

    /// Puts the key where the server wants it.
    pub(super) fn show(&self, auth: Auth, headers: &mut HeaderMap) {
        match auth {
            Auth::Bearer => headers.insert(AUTHORIZATION, self.bearer.clone()),
            Auth::ApiKey => headers.insert(API_KEY, self.alone.clone()),
        };
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
        for (auth, name, sent) in
            [(Auth::Bearer, AUTHORIZATION, "Bearer sk-planted"), (Auth::ApiKey, API_KEY, "sk-planted")]
        {
            let mut headers = HeaderMap::new();
            key.show(auth, &mut headers);
            assert_eq!((headers.len(), headers[&name].as_bytes()), (1, sent.as_bytes()));
            assert!(headers[&name].is_sensitive() && !format!("{key:?} {headers:?}").contains("planted"));
        }
        for wrong in ["", "two words", "line\r\nX: y", "schlüssel"] {
            assert_eq!(ModelKey::new(KeyRef::Server, wrong).err(), Some(BadKey), "{wrong}");
        }
    }
}
