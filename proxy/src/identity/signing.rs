//! Signing people in and out: a cookie's secret for whoever an issuer vouches for, a new one from time to time, and the end
//! of it, here or on every device.

use super::providers::{Providers, SignInError};
use super::service::{Identity, TokenRefusal};
use super::{Flow, SignInSecret};
use crate::ids::UserId;
use crate::store::StoreError;
use crate::store::people::{SignIn, SignOut};

/// However often it is renewed, a sign-in ends after a week: then the issuer is asked again.
const LONGEST_MS: i64 = 7 * 86_400_000;
/// A secret that was replaced is still good for requests that are on their way.
const REPLACED_MS: i64 = 60_000;

/// Why nobody was signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The provider or its token.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Identity {
    /// Where people can sign in.
    #[must_use]
    pub fn providers(&self) -> &Providers {
        &self.settings().providers
    }

    /// Finishes what a browser began at a provider.
    ///
    /// # Errors
    /// See [`SigningError`].
    pub async fn sign_in_by_code(
        &self,
        flow: &Flow,
        code: &str,
        state: Option<&str>,
        callback: &str,
    ) -> Result<SignInSecret, SigningError> {
        let now_s = self.now_unix_ms().div_euclid(1_000);
        let vouched = self.providers().finish(flow, code, state, callback, (&self.settings().issuers, now_s)).await?;
        let standing = self.standing_of(&vouched).await?;
        Ok(self.signed_in(standing.user.id).await?)
    }

    /// Signs in whoever brings a good token. The sign-in lasts beyond the token.
    ///
    /// # Errors
    /// As [`Identity::by_token`].
    pub async fn sign_in_by_token(&self, token: &str) -> Result<SignInSecret, TokenRefusal> {
        let person = self.by_token(token).await?;
        Ok(self.signed_in(person.user).await?)
    }

    async fn signed_in(&self, user: UserId) -> Result<SignInSecret, StoreError> {
        let secret = SignInSecret::from_random(rand::random());
        let since = self.now_unix_ms();
        let expires_at = since + SignInSecret::LIFETIME_MS;
        self.people().sign_in(SignIn { hash: secret.hash(), user, since, expires_at }).await?;
        Ok(secret)
    }

    /// A new secret in the place of one that is still good. `None`: it is not, or it was replaced already.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn renew(&self, presented: &str) -> Result<Option<SignInSecret>, StoreError> {
        let Some(hash) = SignInSecret::hash_presented(presented) else { return Ok(None) };
        let now = self.now_unix_ms();
        let Some(old) = self.people().signed_in(hash, now).await? else { return Ok(None) };
        let secret = SignInSecret::from_random(rand::random());
        let expires_at = (now + SignInSecret::LIFETIME_MS).min(old.since + LONGEST_MS);
        if expires_at <= now {
            return Ok(None);
        }
        let new = SignIn { hash: secret.hash(), expires_at, ..old };
        let replaced = self.people().replace_sign_in(hash, new, now + REPLACED_MS).await?;
        self.forget_cookie(hash);
        Ok(replaced.then_some(secret))
    }

    /// Ends the sign-in behind a cookie; or with [`Reach::Everywhere`] all of that person.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub async fn sign_out(&self, presented: &str, reach: Reach) -> Result<(), StoreError> {
        let Some(hash) = SignInSecret::hash_presented(presented) else { return Ok(()) };
        let Some(sign_in) = self.people().signed_in(hash, self.now_unix_ms()).await? else { return Ok(()) };
        let which = match reach {
            Reach::Here => SignOut::One(hash),
            Reach::Everywhere => SignOut::Everywhere(sign_in.user),
        };
        self.people().sign_out(which).await?;
        self.forget(sign_in.user);
        Ok(())
    }
}

/// How far a sign-out goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This browser.
    Here,
    /// Every browser.
    Everywhere,
}
