//! [`Ring`]: the keys that wrap keys, from the settings, in memory. The newest wraps; the others only unwrap what was
//! wrapped before, until everything is rewrapped and they can be dropped.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use futures_util::future::{BoxFuture, ready};
use zeroize::Zeroizing;

use super::kek::{Dek, KekError, KekId, Keks};
use super::key_file::Secret32;

const NONCE: usize = 24;

/// The ring.
pub struct Ring {
    newest: KekId,
    keys: Vec<(KekId, XChaCha20Poly1305)>,
}

/// Why there is no ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// The same key stands there twice.
    #[error("names the same key twice")]
    Twice,
}

impl Ring {
    /// The newest key, and those that came before it.
    ///
    /// # Errors
    /// See [`RingError`].
    pub fn new<'k>(newest: &'k Secret32, before: impl IntoIterator<Item = &'k Secret32>) -> Result<Self, RingError> {
        let mut keys: Vec<(KekId, XChaCha20Poly1305)> = Vec::new();
        for key in std::iter::once(newest).chain(before) {
            let id = KekId::of(key);
            if keys.iter().any(|(known, _)| *known == id) {
                return Err(RingError::Twice);
            }
            keys.push((id, XChaCha20Poly1305::new(key.as_slice().into())));
        }
        Ok(Self { newest: KekId::of(newest), keys })
    }

    fn seal(&self, dek: &Dek, context: &[u8], nonce: [u8; NONCE]) -> Result<Vec<u8>, KekError> {
        let (_, cipher) = self.find(&self.newest)?;
        let payload = Payload { msg: dek.as_slice(), aad: context };
        let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| KekError::Altered)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, id: &KekId, wrapped: &[u8], context: &[u8]) -> Result<Dek, KekError> {
        let (_, cipher) = self.find(id)?;
        let (nonce, sealed) = wrapped.split_at_checked(NONCE).ok_or(KekError::Altered)?;
        let payload = Payload { msg: sealed, aad: context };
        let dek = cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| KekError::Altered)?;
        let dek = Zeroizing::new(dek);
        dek.as_slice().try_into().map(Zeroizing::new).map_err(|_| KekError::Altered)
    }

    fn find(&self, id: &KekId) -> Result<&(KekId, XChaCha20Poly1305), KekError> {
        self.keys.iter().find(|(known, _)| known == id).ok_or_else(|| KekError::Missing(id.clone()))
    }
}

impl Keks for Ring {
    fn newest(&self) -> &KekId {
        &self.newest
    }

    fn holds(&self, id: &KekId) -> bool {
        self.find(id).is_ok()
    }

    fn wrap<'a>(
        &'a self,
        dek: &'a Dek,
        context: &'a [u8],
        nonce: [u8; NONCE],
    ) -> BoxFuture<'a, Result<Vec<u8>, KekError>> {
        Box::pin(ready(self.seal(dek, context, nonce)))
    }

    fn unwrap<'a>(
        &'a self,
        id: &'a KekId,
        wrapped: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<Dek, KekError>> {
        Box::pin(ready(self.open(id, wrapped, context)))
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}
