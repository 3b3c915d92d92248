//! Why a token is not believed. No message repeats anything of the token.

use std::time::Duration;

/// A refusal. The order is roughly that of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More than 8 KiB.
    #[error("the token is larger than 8 KiB")]
    TooLarge,
    /// Five parts: encrypted (JWE, RFC 7516), which nobody here can read.
    #[error("the token is encrypted; send a signed one")]
    Encrypted,
    /// Not three parts of base64url with a JSON object in the first two.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// A required claim is missing or has another type.
    #[error("the token has no usable `{0}`")]
    Missing(&'static str),
    /// Nobody by that name is trusted here.
    #[error("the token's issuer is not trusted by this server")]
    UnknownIssuer,
    /// Not an algorithm of that issuer's entry; `none` never is.
    #[error("the token is not signed as this issuer's tokens are")]
    Algorithm,
    /// `crit` names something that must be understood (RFC 7515 §4.1.11); nothing is.
    #[error("the token's header demands an extension that is not known here")]
    Critical,
    /// The header brings its own key, which would prove nothing.
    #[error("the token's header brings a key of its own")]
    HeaderKey,
    /// `typ` is that of something else.
    #[error("the token is of another type")]
    Type,
    /// The issuer publishes no such key, or one for another purpose.
    #[error("the token was signed with a key that its issuer does not publish")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is not valid")]
    Signature,
    /// Meant for somebody else.
    #[error("the token is meant for another audience")]
    Audience,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet; check the clocks")]
    NotYet,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// A claim does not have the value that this issuer's entry asks for.
    #[error("the token is not one for signed-in people")]
    NotForPeople,
    /// The issuer's keys cannot be fetched.
    #[error("the issuer's keys cannot be fetched at the moment")]
    Unavailable {
        /// When asking again makes sense.
        retry_after: Duration,
    },
}

impl TokenError {
    /// The label of the counter.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Encrypted => "encrypted",
            Self::Malformed => "malformed",
            Self::Missing(_) => "missing_claim",
            Self::UnknownIssuer => "issuer",
            Self::Algorithm => "algorithm",
            Self::Critical => "crit",
            Self::HeaderKey => "header_key",
            Self::Type => "typ",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::NotYet => "not_yet",
            Self::Expired => "expired",
            Self::NotForPeople => "not_for_people",
            Self::Unavailable { .. } => "unavailable",
        }
    }
}
