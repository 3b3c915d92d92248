//! What somebody reads under a token of their own: the database is asked as them and not as the service, and row-level
//! security decides what there is. Only tokens that the project itself issued are known there. It must not show anything
//! that the person was not shown by the database.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::SupabaseStore;
use super::call_error::CallError;
use super::client::{Client, Repeat};
use super::rows::{SessionJson, Strange};
use crate::identity::{Actor, TenantCtx};
use crate::ids::{SessionId, UserId};
use crate::store::{Answer, OwnReads, Page, Session, Store as _, StoreError, Transcript, Which};

/// A token that was verified, and whose issuer is the project. It does not print itself.
pub(super) struct PersonToken(SecretString);

impl PersonToken {
    /// Takes a token that was verified. `None`: somebody else than `issuer` made it, so the database would not know whom it
    /// means.
    pub(super) fn of(verified: &str, issuer: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Claims {
            iss: String,
        }
        let payload = verified.split('.').nth(1)?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        (claims.iss == issuer && bearer(verified).is_some()).then(|| Self(verified.into()))
    }

    pub(super) fn bearer(&self) -> HeaderValue {
        bearer(self.0.expose_secret()).expect("it was looked at when it was taken")
    }
}

fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl std::fmt::Debug for PersonToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonToken(…)")
    }
}

/// The project's database as one person may see it.
pub(super) struct AsPerson {
    person: Client,
    /// Folds what a projection lacks, which takes the records: of sessions that the person was shown and no others.
    service: SupabaseStore,
}

impl AsPerson {
    /// Under this token.
    pub(super) fn new(service: &SupabaseStore, token: &PersonToken) -> Self {
        Self { person: service.client().under(token), service: service.clone() }
    }

    async fn ask<T: DeserializeOwned>(&self, function: &'static str, asked: &Value) -> Result<T, StoreError> {
        self.person.call(function, Repeat::Safe, asked).await.map_err(|error| match error {
            // Not the service's key this time: the person's token.
            CallError::Denied => StoreError::Untrusted,
            other => other.into(),
        })
    }

    async fn one(
        &self,
        function: &'static str,
        ctx: TenantCtx,
        session: SessionId,
    ) -> Result<Option<SessionJson>, StoreError> {
        let found: Option<SessionJson> =
            self.ask(function, &json!({ "tenant": ctx.tenant, "session": session })).await?;
        Ok(found.filter(|found| user_of(ctx).is_none_or(|user| found.user() == user)))
    }
}

impl OwnReads for AsPerson {
    fn sessions(&self, ctx: TenantCtx, page: Page) -> Answer<'_, Vec<Session>> {
        Box::pin(async move {
            let which = (page.which == Which::UnderWay).then_some("under_way");
            let asked = json!({
                "tenant": ctx.tenant, "user": user_of(ctx), "limit": page.limit, "before": page.before, "which": which,
            });
            let found: Vec<SessionJson> = self.ask("my_sessions", &asked).await?;
            let mut sessions = Vec::with_capacity(found.len());
            for found in found {
                if found.is_behind() {
                    sessions.extend(self.service.session(ctx, found.id()).await?);
                } else {
                    sessions.push(found.session().map_err(strange)?);
                }
            }
            Ok(sessions)
        })
    }

    fn session(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Session>> {
        Box::pin(async move {
            match self.one("my_session", ctx, session).await? {
                Some(found) if found.is_behind() => self.service.session(ctx, session).await,
                found => found.map(SessionJson::session).transpose().map_err(strange),
            }
        })
    }

    fn transcript(&self, ctx: TenantCtx, session: SessionId) -> Answer<'_, Option<Transcript>> {
        Box::pin(async move {
            match self.one("my_transcript", ctx, session).await? {
                Some(found) if found.is_behind() => self.service.transcript(ctx, session).await,
                found => found.map(SessionJson::transcript).transpose().map_err(strange),
            }
        })
    }
}

/// Whose interviews alone the context shows.
fn user_of(ctx: TenantCtx) -> Option<UserId> {
    match ctx.actor {
        Actor::User(user) => Some(user),
        Actor::Staff(_) | Actor::Service | Actor::Ticket(_) => None,
    }
}

fn strange(_: Strange) -> StoreError {
    tracing::error!("the database's answer has values that this version does not know");
    StoreError::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_projects_own_tokens_are_taken() {
        const OURS: &str = "https://abc.supabase.co/auth/v1";
        let token = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let own = token(r#"{"iss":"https://abc.supabase.co/auth/v1","sub":"x"}"#);
        let taken = PersonToken::of(&own, OURS).expect("ours");
        assert!(taken.bearer().is_sensitive());
        assert!(!format!("{taken:?}").contains(&own));
        for other in [token(r#"{"iss":"https://acme.auth0.com/"}"#), token("{}"), "a.b".into(), String::new()] {
            assert!(PersonToken::of(&other, OURS).is_none(), "{other}");
        }
    }
}
