//! A published key set (RFC 7517): which of its keys may check a signature, and with which algorithm. Keys of unknown
//! kinds are passed over; a set may hold more than we understand.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Keys that are looked at; issuers have two or three.
const MAX_KEYS: usize = 64;

/// The usable keys of a set.
#[derive(Clone, Default)]
pub struct Keys {
    keys: Vec<Key>,
    /// How many the set has, usable or not.
    total: usize,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    fits: Vec<Algorithm>,
    key: DecodingKey,
}

/// What a set is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a key set")]
pub struct SetFault;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// Reads a set.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(body: &[u8]) -> Result<Self, SetFault> {
        let set: Set = serde_json::from_slice(body).map_err(|_| SetFault)?;
        let total = set.keys.len();
        Ok(Self { keys: set.keys.into_iter().take(MAX_KEYS).filter_map(usable).collect(), total })
    }

    /// How many keys the set has, usable or not.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// How many of them can check a signature.
    #[must_use]
    pub fn usable(&self) -> usize {
        self.keys.len()
    }

    /// The key of that id, if it is one for that algorithm. Without an id only a set with a single such key decides.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let mut fitting =
            self.keys.iter().filter(|key| key.fits.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id));
        let first = fitting.next()?;
        fitting.next().is_none().then(|| first.key.clone())
    }
}

/// A key for signatures, of a kind that fits at least one algorithm. Shared secrets are not published: a set that holds
/// one is a mistake of the issuer, and the key is not used.
fn usable(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let of_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => &[],
    };
    let for_signatures = jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && jwk.common.key_operations.as_ref().is_none_or(|may| may.contains(&KeyOperations::Verify));
    let named = jwk.common.key_algorithm;
    let fits: Vec<_> = of_kind.iter().copied().filter(|kind| named.is_none_or(|named| is(named, *kind))).collect();
    if fits.is_empty() || !for_signatures {
        return None;
    }
    Some(Key { id: jwk.common.key_id.clone(), fits, key: DecodingKey::from_jwk(&jwk).ok()? })
}

fn is(named: KeyAlgorithm, algorithm: Algorithm) -> bool {
    named == KeyAlgorithm::from(algorithm)
}
