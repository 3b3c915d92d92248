//! How a key is sealed: under a fresh data key of its own with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), bound to
//! its place, so that a row that was copied elsewhere does not open. The data key is wrapped by [`Keks`]. These ciphers
//! do not commit to a key (one text can open under two), so a commitment is stored beside it and compared. Randomness
//! comes in from outside; there is no other input and no memory.

use std::fmt;

use aws_lc_rs::hmac;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize as _, Zeroizing};

use super::kek::{Dek, KekError, KekId, Keks};
use super::stored::{Owner, Provider};
use crate::ids::{KeyId, TenantId};

/// The version that is written.
const VERSION: u8 = 1;

/// A key in clear. It is wiped when it is dropped, and does not print itself.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Shorter ones are no keys, and their last four characters would say too much.
    const SHORTEST: usize = 16;
    /// Longer ones are something else that was pasted.
    const LONGEST: usize = 512;

    /// Takes a key: one word of visible ASCII of a plausible length. `None` for anything else.
    #[must_use]
    pub fn new(mut text: String) -> Option<Self> {
        let plausible =
            (Self::SHORTEST..=Self::LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if plausible {
            return Some(Self(Zeroizing::new(text)));
        }
        text.zeroize();
        None
    }

    /// The key itself, for the provider only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be shown of it.
    #[must_use]
    pub fn last4(&self) -> &str {
        &self.0[self.0.len() - 4..]
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a sealed key belongs. It opens there and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Tenant of the row.
    pub tenant: TenantId,
    /// Id of the row.
    pub key: KeyId,
    /// Whose key it is.
    pub owner: Owner,
    /// For which provider.
    pub provider: Provider,
}

impl Place {
    /// What both ciphers authenticate beside the text. Every part has its length before it, so that no two places read
    /// the same.
    fn context(&self, version: u8) -> Vec<u8> {
        let purpose = match self.owner {
            Owner::Tenant => format!("{}/tenant", self.provider.as_str()),
            Owner::User(user) => format!("{}/user/{user}", self.provider.as_str()),
        };
        let parts: [&[u8]; 5] =
            [b"viva.vault", &[version], self.tenant.0.as_bytes(), self.key.0.as_bytes(), purpose.as_bytes()];
        let mut context = Vec::with_capacity(128);
        for part in parts {
            let length = u32::try_from(part.len()).expect("parts are short");
            context.extend_from_slice(&length.to_be_bytes());
            context.extend_from_slice(part);
        }
        context
    }
}

/// The randomness of one sealing. Never to be used twice.
pub struct Entropy {
    /// The data key.
    pub dek: Dek,
    /// Under which the key is sealed.
    pub nonce: [u8; 24],
    /// Under which the data key is wrapped.
    pub wrap_nonce: [u8; 24],
}

impl Entropy {
    /// Fresh, from the system.
    #[must_use]
    pub fn fresh() -> Self {
        Self { dek: Zeroizing::new(rand::random()), nonce: rand::random(), wrap_nonce: rand::random() }
    }
}

/// A sealed key, as a row holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What wrapped the data key.
    pub kek_id: KekId,
    /// The data key, wrapped. The only part that changes when keys are rotated.
    pub wrapped_dek: Vec<u8>,
    /// Of the ciphertext.
    pub nonce: [u8; 24],
    /// The key, sealed.
    pub ciphertext: Vec<u8>,
    /// Which form the associated data has.
    pub aad_version: u8,
    /// Which data key it was sealed under.
    pub commitment: [u8; 32],
    /// Tells this key from another without saying anything of it; no two rows share one, not even for the same key.
    pub fingerprint: [u8; 32],
    /// What may be shown.
    pub last4: String,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("kek_id", &self.kek_id).finish_non_exhaustive()
    }
}

/// Why a sealed key does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Altered {
    /// Its data key cannot be had.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// A newer Viva sealed it.
    #[error("it was sealed in a form (version {0}) that this version does not know")]
    Version(u8),
    /// It is not what was sealed, or belongs elsewhere.
    #[error("the stored key was altered or belongs to another row")]
    Row,
}

/// Seals a key for its place.
///
/// # Errors
/// When the data key cannot be wrapped.
pub async fn seal(keks: &dyn Keks, place: Place, secret: &Secret, entropy: Entropy) -> Result<Sealed, KekError> {
    let context = place.context(VERSION);
    let Entropy { dek, nonce, wrap_nonce } = entropy;
    let payload = Payload { msg: secret.expose().as_bytes(), aad: &context };
    let sealed = XChaCha20Poly1305::new(dek.as_slice().into()).encrypt(XNonce::from_slice(&nonce), payload);
    Ok(Sealed {
        kek_id: keks.newest().clone(),
        wrapped_dek: keks.wrap(&dek, &context, wrap_nonce).await?,
        nonce,
        ciphertext: sealed.map_err(|_| KekError::Altered)?,
        aad_version: VERSION,
        commitment: tag(&dek, b"commit", b""),
        fingerprint: tag(&dek, b"fingerprint", secret.expose().as_bytes()),
        last4: secret.last4().to_owned(),
    })
}

/// Opens a sealed key at its place.
///
/// # Errors
/// See [`Altered`].
pub async fn open(keks: &dyn Keks, place: Place, sealed: &Sealed) -> Result<Secret, Altered> {
    let context = context_of(place, sealed)?;
    let dek = keks.unwrap(&sealed.kek_id, &sealed.wrapped_dek, &context).await?;
    // Before anything is decrypted under it.
    if !is_tag(&dek, b"commit", b"", &sealed.commitment) {
        return Err(Altered::Row);
    }
    let payload = Payload { msg: &sealed.ciphertext, aad: &context };
    let text = XChaCha20Poly1305::new(dek.as_slice().into())
        .decrypt(XNonce::from_slice(&sealed.nonce), payload)
        .map_err(|_| Altered::Row)?;
    let secret = String::from_utf8(text).ok().and_then(Secret::new).ok_or(Altered::Row)?;
    let is_whole =
        is_tag(&dek, b"fingerprint", secret.expose().as_bytes(), &sealed.fingerprint) && secret.last4() == sealed.last4;
    if is_whole { Ok(secret) } else { Err(Altered::Row) }
}

/// The data key wrapped by the newest key instead; everything else of the row stays. `None`: it is already.
///
/// # Errors
/// See [`Altered`].
pub async fn rewrap(
    keks: &dyn Keks,
    place: Place,
    sealed: &Sealed,
    nonce: [u8; 24],
) -> Result<Option<(KekId, Vec<u8>)>, Altered> {
    if sealed.kek_id == *keks.newest() {
        return Ok(None);
    }
    let context = context_of(place, sealed)?;
    let dek = keks.unwrap(&sealed.kek_id, &sealed.wrapped_dek, &context).await?;
    // A data key that is not this row's must not be carried on.
    if !is_tag(&dek, b"commit", b"", &sealed.commitment) {
        return Err(Altered::Row);
    }
    Ok(Some((keks.newest().clone(), keks.wrap(&dek, &context, nonce).await?)))
}

fn context_of(place: Place, sealed: &Sealed) -> Result<Vec<u8>, Altered> {
    if sealed.aad_version == VERSION {
        Ok(place.context(sealed.aad_version))
    } else {
        Err(Altered::Version(sealed.aad_version))
    }
}

fn tag(dek: &Dek, purpose: &[u8], text: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, dek.as_slice());
    hmac::sign(&key, &tagged(purpose, text)).as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
}

fn is_tag(dek: &Dek, purpose: &[u8], text: &[u8], tag: &[u8; 32]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, dek.as_slice());
    hmac::verify(&key, &tagged(purpose, text), tag).is_ok()
}

fn tagged(purpose: &[u8], text: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([purpose, &[0], text].concat())
}

#[cfg(test)]
mod tests;
