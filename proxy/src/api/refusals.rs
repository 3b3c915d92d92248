//! Errors of other areas in the shape of a [`Problem`]. Decided once, here.

use std::time::Duration;

use super::{Code, Problem};
use crate::identity::issuers::TokenError;
use crate::identity::{OriginRefusal, TokenRefusal};
use crate::ids::SessionId;
use crate::store::StoreError;
use crate::vault::KeyError;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing => Self::not_found(),
            StoreError::Untrusted => {
                let how = "The database does not take this token. Sign in again, or show a token of a person who is signed in.";
                Self::new(Code::AuthenticationFailed, how)
            }
            StoreError::Conflict | StoreError::Fenced => {
                Self::new(Code::Conflict, "Somebody else changed this at the same time. Read it again and retry.")
            }
            StoreError::Unwritable(_) | StoreError::Overloaded | StoreError::Closed | StoreError::Internal => {
                tracing::error!(%error, "a request failed because of the store");
                Self::new(Code::DatabaseUnavailable, "The store is not available at the moment. Nothing was changed.")
                    .retry_after(Duration::from_secs(2))
            }
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let detail = match error {
            KeyError::Store(error) => return error.into(),
            KeyError::NoVault => {
                let how =
                    "This server cannot keep keys: its operator has to set ENCRYPTION_KEY (`viva keygen` prints one).";
                return Self::new(Code::VaultUnavailable, how);
            }
            KeyError::NotConfigured => "There is no model key that this interview could be held with. Save one first.",
            KeyError::Unreadable => "The stored model key cannot be opened any more. Save it again.",
        };
        Self::new(Code::KeyNotConfigured, detail)
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let worded = |code, what_to_do: &str| {
            let error = error.to_string();
            let (first, rest) = error.split_at(1);
            Self::new(code, format!("{}{rest}. {what_to_do}", first.to_uppercase()))
        };
        match error {
            TokenError::Expired => worded(Code::TokenExpired, "Get a fresh one from your identity provider."),
            TokenError::Unavailable { retry_after } => {
                worded(Code::AuthUnavailable, "Nothing is wrong with the token. Try again.").retry_after(retry_after)
            }
            _ => worded(Code::AuthenticationFailed, "Sign in again."),
        }
    }
}

impl From<TokenRefusal> for Problem {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::Token(error) => error.into(),
            TokenRefusal::Store(error) => error.into(),
        }
    }
}

impl From<OriginRefusal> for Problem {
    fn from(refusal: OriginRefusal) -> Self {
        Self::new(
            Code::Forbidden,
            match refusal {
                OriginRefusal::Host => {
                    "The Host header does not name this server. Use the address it printed, or PUBLIC_URL."
                }
                OriginRefusal::Missing => {
                    "Send the Origin of this server's own page with a cookie, e.g. `Origin: http://127.0.0.1:8080`."
                }
                OriginRefusal::Foreign => "Pages of this origin may not act here. Add it to ALLOWED_ORIGINS.",
            },
        )
    }
}

/// Too many knocks.
pub(super) fn too_fast(wait: Duration) -> Problem {
    Problem::new(Code::RateLimited, "Too many requests. Wait and try again.").retry_after(wait)
}

/// Reads a session's id from a path.
pub(super) fn session_id(text: &str) -> Result<SessionId, Problem> {
    text.parse().map_err(|_| Problem::new(Code::BadMessage, "The session id in the address is not a UUID."))
}

/// For methods that a resource does not have.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "This address does not know that method; see the Allow header.")
}
