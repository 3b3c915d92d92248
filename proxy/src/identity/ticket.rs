//! Tickets: `ek_viva_` + 256 random bits, good for one call of one session. Only the hash is stored; the
//! secret exists in the answer that mints it and in the request that uses it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{SessionId, TenantId};

/// What a client holding the ticket may change about the model's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Transcription and limits are guarded, nothing else.
    Open,
    /// The fields the session sets are re-asserted.
    #[default]
    Locked,
    /// A change ends the call.
    Strict,
}

impl Policy {
    /// The name in the `policy` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Locked => "locked",
            Self::Strict => "strict",
        }
    }
}

/// SHA-256 of a ticket's secret; what is stored and looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TicketHash(pub [u8; 32]);

impl fmt::Debug for TicketHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketHash(…)")
    }
}

/// A ticket in clear. Shown once; never in `Debug`.
pub struct TicketSecret(String);

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(…)")
    }
}

impl TicketSecret {
    /// The browser SDKs insist on `ek_`.
    pub const PREFIX: &str = "ek_viva_";

    /// From 32 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The hash of a presented secret; `None` when it does not have a ticket's form.
    #[must_use]
    pub fn hash_presented(text: &str) -> Option<TicketHash> {
        let rest = text.strip_prefix(Self::PREFIX)?;
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        (rest.len() == 43 && rest.bytes().all(legal)).then(|| TicketHash(Sha256::digest(text.as_bytes()).into()))
    }

    /// The hash to store.
    #[must_use]
    pub fn hash(&self) -> TicketHash {
        TicketHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The text to hand out, once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A ticket as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Hash of its secret.
    pub hash: TicketHash,
    /// Tenant of its session.
    pub tenant: TenantId,
    /// The session it opens.
    pub session: SessionId,
    /// What its holder may change.
    pub policy: Policy,
    /// Until when it may start the call, Unix milliseconds. It resumes the session for as long as that lasts.
    pub expires_at: i64,
}

impl Ticket {
    /// Whether it is early enough to start the call.
    #[must_use]
    pub fn may_start(&self, now_unix_ms: i64) -> bool {
        now_unix_ms < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognised_by_its_own_hash_only() {
        let secret = TicketSecret::from_random([7; 32]);
        assert_eq!(TicketSecret::hash_presented(secret.expose()), Some(secret.hash()));
        assert_eq!(TicketSecret::hash_presented("ek_other"), None);
        assert_eq!(TicketSecret::hash_presented(&secret.expose().replace("ek_viva_", "ek_viva_x")), None);
        assert_eq!(format!("{secret:?} {:?}", secret.hash()), "TicketSecret(…) TicketHash(…)");
    }
}
