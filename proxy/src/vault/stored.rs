//! What is known of a stored key without opening it.

use std::fmt;

use super::envelope::Sealed;
use crate::ids::{KeyId, UserId};

/// Whose key it is, within a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The tenant's: it pays for everybody's calls there.
    Tenant,
    /// One person's.
    User(UserId),
}

/// Which provider it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// The operator's model server, which speaks that protocol.
    OpenAi,
}

impl Provider {
    /// The name in rows and addresses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
        }
    }

    /// The provider of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        (name == Self::OpenAi.as_str()).then_some(Self::OpenAi)
    }
}

/// What the provider last said of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// Nothing yet: it could not be asked.
    Unchecked,
    /// It is good.
    Valid,
    /// It is not.
    Rejected,
}

impl KeyStatus {
    /// The name in rows and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Valid => "valid",
            Self::Rejected => "rejected",
        }
    }
}

/// A key as it is stored.
#[derive(Clone)]
pub struct StoredKey {
    /// Its id. A key that takes its place has another, so that a call never goes on with a key that it was not made with.
    pub id: KeyId,
    /// Whose.
    pub owner: Owner,
    /// For which provider.
    pub provider: Provider,
    /// The key, closed.
    pub sealed: Sealed,
    /// What the provider last said of it.
    pub status: KeyStatus,
    /// When it said so, Unix milliseconds.
    pub checked_at: Option<i64>,
    /// When it was stored, Unix milliseconds.
    pub created_at: i64,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKey").field("id", &self.id).field("status", &self.status).finish_non_exhaustive()
    }
}
