//! The seam behind which the keys that wrap keys lie: a ring in memory today, a key management service where one is
//! wanted. Whatever stands behind it, a data key is only ever asked for under the name of the key that wrapped it and
//! with the context it was wrapped in.

use std::fmt;

use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Name of a key that wraps keys: 16 hex digits of its hash, so that a ring cannot hold it under a wrong name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KekId(String);

impl KekId {
    /// The name of a key.
    #[must_use]
    pub fn of(key: &[u8; 32]) -> Self {
        let hash = Sha256::new().chain_update(b"viva.kek.v1").chain_update(key).finalize();
        Self(hex::encode(&hash[..8]))
    }

    /// A name as it was stored; whether a key of that name is there is another question.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It comes from a row, which anybody may have written.
        for c in self.0.chars().take(32).map(|c| if c.is_ascii_alphanumeric() { c } else { '?' }) {
            write!(f, "{c}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KekId({self})")
    }
}

/// A data key: it seals one stored key and nothing else.
pub type Dek = Zeroizing<[u8; 32]>;

/// Why a data key cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KekError {
    /// It was wrapped by a key that is not there.
    #[error("it was wrapped with key {0}, which is in neither ENCRYPTION_KEY nor ENCRYPTION_KEY_PREVIOUS")]
    Missing(KekId),
    /// What is stored is not what was wrapped, or belongs elsewhere.
    #[error("the wrapped key was altered or belongs to another row")]
    Altered,
    /// Whoever holds the key does not answer.
    #[error("the keys that wrap keys cannot be reached")]
    Unavailable,
}

/// Keys that wrap keys.
pub trait Keks: Send + Sync + 'static {
    /// The one that wraps from now on.
    fn newest(&self) -> &KekId;

    /// Whether keys wrapped under this name can be unwrapped, as far as is known without asking.
    fn holds(&self, id: &KekId) -> bool;

    /// Wraps with the newest. `nonce` is fresh and random; a service that makes its own ignores it.
    fn wrap<'a>(&'a self, dek: &'a Dek, context: &'a [u8], nonce: [u8; 24])
    -> BoxFuture<'a, Result<Vec<u8>, KekError>>;

    /// Unwraps what `id` has wrapped in the same context.
    fn unwrap<'a>(
        &'a self,
        id: &'a KekId,
        wrapped: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<Dek, KekError>>;
}
