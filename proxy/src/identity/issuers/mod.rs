//! Whom we believe: the list of trusted issuers, and the check of a token against it. What a token says of itself only
//! chooses the entry; the entry decides how it must be signed and what it must contain (RFC 8725). Nothing here knows
//! HTTP requests or the store.

mod claims;
mod error;
mod fetch;
mod jwks;
mod keys;
mod spec;
mod token;

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey};

pub use claims::Vouched;
pub use error::TokenError;
pub(in crate::identity) use fetch::answer;
pub use fetch::{FetchError, Fetcher};
pub use jwks::KeySet;
pub use keys::{Keys, SetFault};
pub use spec::{ClaimPath, IssuerSpec, KeySpec, KeysUrl, SharedSecret, SpecFault, UserIds, algorithm, parse_algorithm};

use crate::clock::Clock;
use token::Token;

/// The trusted issuers of a deployment. Cheap to clone.
#[derive(Clone)]
pub struct Issuers(Arc<[Issuer]>);

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|issuer| &issuer.spec.issuer)).finish()
    }
}

/// One entry: an issuer's name with one way of signing.
struct Issuer {
    spec: IssuerSpec,
    source: Source,
}

enum Source {
    /// Shared secrets, the present one first.
    Secrets(Vec<DecodingKey>),
    /// Public keys that the issuer publishes.
    Set(KeySet),
}

impl Issuers {
    /// Nobody is believed.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::from([]))
    }

    /// Builds the list. Key sets are fetched when they are first needed.
    #[must_use]
    pub fn new(specs: Vec<IssuerSpec>, fetcher: &Fetcher, clock: &Arc<dyn Clock>) -> Self {
        let issuer = |spec: IssuerSpec| {
            let source = match &spec.keys {
                KeySpec::Secrets { secrets, .. } => {
                    Source::Secrets(secrets.iter().map(SharedSecret::decoding_key).collect())
                }
                KeySpec::Published { url, .. } => Source::Set(KeySet::new(url.clone(), fetcher.clone(), clock.clone())),
            };
            Issuer { spec, source }
        };
        Self(specs.into_iter().map(issuer).collect())
    }

    /// Whether anybody is believed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks a token. `now_s`: Unix seconds.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub async fn verify(&self, text: &str, now_s: i64) -> Result<Vouched, TokenError> {
        let checked = self.check(text, now_s).await;
        match &checked {
            Ok(_) => metrics::counter!("viva_auth_ok_total").increment(1),
            Err(error) => metrics::counter!("viva_auth_failures_total", "reason" => error.reason()).increment(1),
        }
        checked
    }

    async fn check(&self, text: &str, now_s: i64) -> Result<Vouched, TokenError> {
        let token = Token::parse(text)?;
        let (entry, algorithm) = self.entry(&token)?;
        token.check_header()?;
        let key_id = token.header.kid.as_deref();
        match &entry.source {
            Source::Secrets(secrets) => {
                if !secrets.iter().any(|key| is_signed(&token, key, algorithm)) {
                    return Err(TokenError::Signature);
                }
            }
            Source::Set(set) => {
                if !is_signed(&token, &set.key(key_id, algorithm).await?, algorithm) {
                    return Err(TokenError::Signature);
                }
            }
        }
        claims::check(&token.claims, &entry.spec, now_s)
    }
}

impl Issuers {
    /// The entry for a token. An issuer that changes its way of signing has two; each knows its own algorithms, so that
    /// a public key is never taken for a shared secret.
    fn entry(&self, token: &Token<'_>) -> Result<(&Issuer, Algorithm), TokenError> {
        let claimed = token.claimed_issuer().ok_or(TokenError::Missing("iss"))?;
        let mut known = TokenError::UnknownIssuer;
        for entry in self.0.iter().filter(|entry| entry.spec.issuer == claimed) {
            if let Some(algorithm) = entry.spec.algorithm(&token.header.alg) {
                return Ok((entry, algorithm));
            }
            known = TokenError::Algorithm;
        }
        Err(known)
    }
}

fn is_signed(token: &Token<'_>, key: &DecodingKey, algorithm: Algorithm) -> bool {
    // An error is a key of another kind than the algorithm's, or a signature that is no base64: not signed.
    jsonwebtoken::crypto::verify(token.signature, token.signed.as_bytes(), key, algorithm).unwrap_or(false)
}

#[cfg(test)]
mod tests;
