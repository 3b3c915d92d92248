//! Access keys: how another server acts in a tenant. `vk_` + 256 random bits; only the hash is stored, the first
//! characters are shown in lists, and what a key may do is a short list of scopes.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{AccessKeyId, TenantId, UserId};

/// One thing that a key may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Scope {
    /// Making sessions, with their first ticket, skipping a stage, ending them.
    #[serde(rename = "sessions:write")]
    SessionsWrite,
    /// Reading sessions and their transcripts.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Minting further tickets.
    #[serde(rename = "tickets:write")]
    TicketsWrite,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::SessionsWrite, Self::SessionsRead, Self::TicketsWrite];

    /// The name in requests and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionsWrite => "sessions:write",
            Self::SessionsRead => "sessions:read",
            Self::TicketsWrite => "tickets:write",
        }
    }

    /// The scope of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// SHA-256 of a key's secret; what is stored and looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccessKeyHash(pub [u8; 32]);

impl fmt::Debug for AccessKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKeyHash(…)")
    }
}

/// A key in clear. Shown once; never in `Debug`.
pub struct AccessKeySecret(String);

impl fmt::Debug for AccessKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKeySecret(…)")
    }
}

impl AccessKeySecret {
    /// What every key begins with.
    pub const PREFIX: &str = "vk_";
    /// How much of a key is shown: enough to tell two apart, 30 of its 256 bits.
    const SHOWN: usize = Self::PREFIX.len() + 5;
    /// The prefix, and 32 bytes in base64url.
    const LENGTH: usize = Self::PREFIX.len() + 43;

    /// From 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The hash of a presented secret; `None` when it does not have a key's form.
    #[must_use]
    pub fn hash_presented(text: &str) -> Option<AccessKeyHash> {
        let is_one = text.len() == Self::LENGTH && text.starts_with(Self::PREFIX);
        is_one.then(|| AccessKeyHash(Sha256::digest(text).into()))
    }

    /// The hash to store.
    #[must_use]
    pub fn hash(&self) -> AccessKeyHash {
        AccessKeyHash(Sha256::digest(&self.0).into())
    }

    /// The secret, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What lists show of it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.0[..Self::SHOWN]
    }
}

/// An access key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Which.
    pub id: AccessKeyId,
    /// The tenant it acts in.
    pub tenant: TenantId,
    /// The admin who made it.
    pub created_by: UserId,
    /// What it is for, in the admin's words.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made, Unix milliseconds.
    pub created_at: i64,
    /// From when on it is good no more, Unix milliseconds.
    pub expires_at: Option<i64>,
    /// When it was revoked, Unix milliseconds.
    pub revoked_at: Option<i64>,
    /// When it was last used, to a minute, Unix milliseconds.
    pub last_used_at: Option<i64>,
}

impl AccessKey {
    /// Whether it opens anything now.
    #[must_use]
    pub fn is_good(&self, now_unix_ms: i64) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| now_unix_ms < expires)
    }

    /// Whether it is for this.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognised_by_its_own_hash_only() {
        let secret = AccessKeySecret::from_random([7; 32]);
        assert_eq!(AccessKeySecret::hash_presented(secret.expose()), Some(secret.hash()));
        assert_eq!(secret.expose().len(), AccessKeySecret::LENGTH);
        assert!(secret.expose().starts_with(secret.shown()) && secret.shown().len() == 8);
        for other in ["", "vk_", "ek_viva_x", &secret.expose().replace("vk_", "vl_"), &format!("{}x", secret.expose())]
        {
            assert_eq!(AccessKeySecret::hash_presented(other), None, "{other}");
        }
        assert_eq!(format!("{secret:?} {:?}", secret.hash()), "AccessKeySecret(…) AccessKeyHash(…)");
    }

    #[test]
    fn scopes_have_one_name_everywhere() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
            assert_eq!(serde_json::to_value(scope).expect("a text"), scope.as_str());
        }
    }
}
