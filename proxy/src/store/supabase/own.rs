//! What somebody reads under a token of their own: the database is asked as them and not as the service, and row-level
//! security decides what there is. Only tokens that the project itself issued are known there. It must not read anything
//! as the service.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Repeat};
use super::rows::{SessionJson, Strange};
use crate::ids::{SessionId, TenantId};
use crate::store::{Answer, Page, Session, StoreError, Transcript};

/// A token that was verified, and whose issuer is the project. It does not print itself.
#[derive(Clone)]
pub struct PersonToken(SecretString);

impl PersonToken {
    /// Takes a token that was verified. `None`: somebody else than `issuer` made it, so the database would not know whom it
    /// means.
    #[must_use]
    pub fn of(verified: &str, issuer: &str) -> Option<Self> {
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

/// The project's database as one person may see it. What the model is told (plan, résumé, job description, instructions)
/// is not part of it: there a text is empty, and says that there is one.
#[derive(Clone, Debug)]
pub struct OwnReads(Client);

impl OwnReads {
    /// Under this token.
    #[must_use]
    pub fn new(client: &Client, token: &PersonToken) -> Self {
        Self(client.under(token))
    }

    /// Sessions in a tenant, newest first, whether their call is under way or not.
    #[must_use]
    pub fn sessions(&self, tenant: TenantId, page: Page) -> Answer<'_, Vec<Session>> {
        Box::pin(async move {
            let asked = json!({ "tenant": tenant, "limit": page.limit, "before": page.before });
            let found: Vec<SessionJson> = self.0.call("my_sessions", Repeat::Safe, &asked).await?;
            found.into_iter().map(SessionJson::session).collect::<Result<_, _>>().map_err(strange)
        })
    }

    /// One session.
    #[must_use]
    pub fn session(&self, tenant: TenantId, session: SessionId) -> Answer<'_, Option<Session>> {
        Box::pin(async move {
            let asked = json!({ "tenant": tenant, "session": session });
            let found: Option<SessionJson> = self.0.call("my_session", Repeat::Safe, &asked).await?;
            found.map(SessionJson::session).transpose().map_err(strange)
        })
    }

    /// Everything readable of one.
    #[must_use]
    pub fn transcript(&self, tenant: TenantId, session: SessionId) -> Answer<'_, Option<Transcript>> {
        Box::pin(async move {
            let asked = json!({ "tenant": tenant, "session": session });
            let found: Option<SessionJson> = self.0.call("my_transcript", Repeat::Safe, &asked).await?;
            found.map(SessionJson::transcript).transpose().map_err(strange)
        })
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
