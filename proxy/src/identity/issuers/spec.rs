//! An entry of the list of trusted issuers, as an operator writes it. An entry has shared secrets or published keys,
//! never both: that is a type here and not a check.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

/// An entry.
#[derive(Clone, Debug)]
pub struct IssuerSpec {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// One of them must be in `aud`.
    pub audiences: Vec<String>,
    /// How its tokens are signed.
    pub keys: KeySpec,
    /// Where a token names the tenant it is for.
    pub tenant_claim: Option<ClaimPath>,
    /// Claims at the top level that must have exactly this text.
    pub required: Vec<(String, String)>,
    /// Whose ids people have.
    pub user_ids: UserIds,
    /// The setting it comes from, for people who have to mend it.
    pub setting: &'static str,
}

impl IssuerSpec {
    /// The algorithm of that name, if this entry's tokens may be signed with it.
    #[must_use]
    pub fn algorithm(&self, name: &str) -> Option<Algorithm> {
        let named = parse_algorithm(name)?;
        let allowed = match &self.keys {
            KeySpec::Secrets { algorithm, .. } => *algorithm == named,
            KeySpec::Published { algorithms, .. } => algorithms.contains(&named),
        };
        allowed.then_some(named)
    }
}

/// How an issuer's tokens are signed.
#[derive(Clone, Debug)]
pub enum KeySpec {
    /// With a secret that both sides have.
    Secrets {
        /// HS256, HS384 or HS512.
        algorithm: Algorithm,
        /// The present one first, then those that are still believed.
        secrets: Vec<SharedSecret>,
    },
    /// With a private key whose public part the issuer publishes.
    Published {
        /// Asymmetric ones only.
        algorithms: Vec<Algorithm>,
        /// Where the key set is.
        url: KeysUrl,
    },
}

/// A secret of at least 32 bytes.
#[derive(Clone, Debug)]
pub struct SharedSecret(SecretString);

impl SharedSecret {
    /// As many bytes as the hash has: with fewer it could be searched for (RFC 7518 §3.2).
    pub const LEAST_BYTES: usize = 32;

    /// Takes a secret, byte for byte.
    ///
    /// # Errors
    /// [`SpecFault::ShortSecret`].
    pub fn new(text: &str) -> Result<Self, SpecFault> {
        if text.len() < Self::LEAST_BYTES { Err(SpecFault::ShortSecret) } else { Ok(Self(text.into())) }
    }

    pub(super) fn decoding_key(&self) -> DecodingKey {
        DecodingKey::from_secret(self.0.expose_secret().as_bytes())
    }
}

/// Whose ids people have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserIds {
    /// Ours: the issuer's may be anything.
    Ours,
    /// The subject, where it is a UUID; so that rows of the issuer's own database and ours name people alike.
    Subject,
}

/// A way through nested claims, e.g. `app_metadata.tenant_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// Steps are separated by dots. A name that is an address (`https://viva.example/tenant`) is one step.
    ///
    /// # Errors
    /// [`SpecFault::UserWritable`] for what people write themselves, [`SpecFault::ClaimPath`] for an empty step.
    pub fn parse(text: &str) -> Result<Self, SpecFault> {
        let steps: Vec<String> = match text.contains("://") {
            true => vec![text.to_owned()],
            false => text.split('.').map(str::to_owned).collect(),
        };
        if steps.first().is_some_and(|first| first == "user_metadata") {
            return Err(SpecFault::UserWritable);
        }
        if steps.iter().any(String::is_empty) { Err(SpecFault::ClaimPath) } else { Ok(Self(steps)) }
    }

    pub(super) fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c str> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, step| value.get(step))?.as_str()
    }
}

/// Where a key set is published: https, or this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct KeysUrl(reqwest::Url);

impl KeysUrl {
    /// Takes an address.
    ///
    /// # Errors
    /// [`SpecFault::Url`], [`SpecFault::Clear`].
    pub fn parse(text: &str) -> Result<Self, SpecFault> {
        let url = reqwest::Url::parse(text).map_err(|_| SpecFault::Url)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(SpecFault::Url);
        }
        let host = url.host_str().ok_or(SpecFault::Url)?;
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if local => Ok(Self(url)),
            "http" => Err(SpecFault::Clear),
            _ => Err(SpecFault::Url),
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(in crate::identity) fn url(&self) -> reqwest::Url {
        self.0.clone()
    }
}

impl fmt::Debug for KeysUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.host_str().unwrap_or_default())
    }
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecFault {
    /// A secret that could be searched for.
    #[error("has a secret of fewer than 32 bytes")]
    ShortSecret,
    /// A tenant that people could choose themselves.
    #[error("takes the tenant from `user_metadata`, which people write themselves")]
    UserWritable,
    /// An empty step.
    #[error("has an empty step in its tenant claim")]
    ClaimPath,
    /// No address.
    #[error("has an address that is none")]
    Url,
    /// Keys could be replaced on the way.
    #[error("would fetch keys in clear from another machine")]
    Clear,
}

/// The name of an algorithm in a header.
#[must_use]
pub fn algorithm(algorithm: Algorithm) -> &'static str {
    NAMES.iter().find(|(_, known)| *known == algorithm).map_or("", |(name, _)| name)
}

/// The algorithm of that name, exactly as RFC 7518 and RFC 8037 write it. `none` is none.
#[must_use]
pub fn parse_algorithm(name: &str) -> Option<Algorithm> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
}

const NAMES: [(&str, Algorithm); 12] = [
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("EdDSA", Algorithm::EdDSA),
];
