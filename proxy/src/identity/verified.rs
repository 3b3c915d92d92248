//! [`VerifiedToken`]: an issuer's token that was believed, kept for as long as its request, so that whoever knows the same
//! issuer can be asked as that person. It does not print itself, and is never stored.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

/// A token that was verified.
#[derive(Clone)]
pub struct VerifiedToken(SecretString);

impl VerifiedToken {
    /// Takes a token that [`super::Identity::by_token`] believed.
    #[must_use]
    pub fn new(verified: &str) -> Self {
        Self(verified.into())
    }

    /// The token itself, for whoever shows it on.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_print_itself() {
        let token = VerifiedToken::new("e30.e30.c2ln");
        assert_eq!(format!("{token:?}"), "VerifiedToken(…)");
        assert_eq!(token.expose(), "e30.e30.c2ln");
    }
}
