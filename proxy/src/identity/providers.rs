//! Where people sign in for the pages: Supabase Auth, or an issuer with the code flow of OpenID Connect. Both with PKCE
//! (RFC 7636, S256): what was begun in a browser can only be finished by it, because the verifier lies in a cookie that
//! only it has. Of what the provider sends, one token is verified and everything else is dropped.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::issuers::{FetchError, Fetcher, IssuerSpec, Issuers, KeysUrl, TokenError, Vouched};
use crate::clock::Clock;

/// More than any answer with tokens.
const MAX_ANSWER: usize = 64 * 1024;
/// Longest authorization code that is passed on.
const MAX_CODE: usize = 2_048;

/// One way to sign in, as it is configured.
#[derive(Clone, Debug)]
pub struct ProviderSpec {
    /// Names it in addresses: letters, digits and `-`.
    pub id: String,
    /// For people.
    pub label: String,
    /// How it works.
    pub kind: ProviderKind,
}

/// How a provider works.
#[derive(Clone, Debug)]
pub enum ProviderKind {
    /// A Supabase project, which signs people in with a provider of its own.
    Supabase {
        /// `<project>/auth/v1/authorize`.
        authorize: KeysUrl,
        /// `<project>/auth/v1/token?grant_type=pkce`.
        token: KeysUrl,
        /// The provider behind it, e.g. `google`.
        provider: String,
        /// The project's publishable key. It names the project and opens nothing.
        api_key: String,
    },
    /// An OpenID provider.
    Oidc {
        /// Its authorization endpoint.
        authorize: KeysUrl,
        /// Its token endpoint.
        token: KeysUrl,
        /// Who we are there.
        client_id: String,
        /// What proves it, for confidential clients.
        client_secret: Option<SecretString>,
        /// Whose ID tokens are believed; their audience is the client.
        issuer: Box<IssuerSpec>,
    },
}

/// The ways to sign in. Cheap to clone.
#[derive(Clone)]
pub struct Providers(Arc<[Provider]>);

struct Provider {
    spec: ProviderSpec,
    /// For ID tokens; a project's tokens are believed like any bearer.
    issuers: Issuers,
    fetcher: Fetcher,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|provider| &provider.spec.id)).finish()
    }
}

/// What the browser keeps between leaving and coming back.
#[derive(Clone, PartialEq, Eq)]
pub struct Flow {
    /// The provider's id.
    pub provider: String,
    /// RFC 7636 §4.1.
    pub verifier: String,
    /// Comes back unchanged with the code (RFC 6749 §10.12).
    pub state: String,
    /// Stands in the ID token.
    pub nonce: String,
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flow(…)")
    }
}

/// A sign-in that begins.
pub struct Begun {
    /// Where the browser goes.
    pub location: String,
    /// What it has to keep.
    pub flow: Flow,
}

/// Why a sign-in came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// There is no such provider, or this browser began nothing.
    #[error("nothing was begun here")]
    NotBegun,
    /// The provider does not take the code: used, expired, or somebody else's.
    #[error("the provider does not take the code")]
    Refused,
    /// The provider cannot be reached.
    #[error("the provider cannot be reached")]
    Unavailable,
    /// The provider's token is not believed.
    #[error("the provider's token is not believed: {0}")]
    Token(#[from] TokenError),
}

/// The part of the provider's answer that is looked at. What it has besides, the tokens of the provider behind it above
/// all, is dropped here.
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    id_token: Option<String>,
}

impl Flow {
    fn fresh(provider: &str, random: [[u8; 32]; 3]) -> Self {
        let [verifier, state, nonce] = random.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        Self { provider: provider.to_owned(), verifier, state, nonce }
    }

    /// As a cookie's value: four parts, none of which has a dot.
    #[must_use]
    pub fn cookie(&self) -> String {
        format!("{}.{}.{}.{}", self.provider, self.verifier, self.state, self.nonce)
    }

    /// From a cookie's value.
    #[must_use]
    pub fn from_cookie(value: &str) -> Option<Self> {
        let legal = |part: &&str| {
            (1..=64).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let parts: Vec<_> = value.split('.').filter(legal).map(str::to_owned).collect();
        let [provider, verifier, state, nonce] = <[String; 4]>::try_from(parts).ok()?;
        Some(Self { provider, verifier, state, nonce })
    }

    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }
}

impl Providers {
    /// No page can sign anybody in.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::from([]))
    }

    /// Builds the list.
    #[must_use]
    pub fn new(specs: Vec<ProviderSpec>, fetcher: &Fetcher, clock: &Arc<dyn Clock>) -> Self {
        let provider = |spec: ProviderSpec| {
            let issuers = match &spec.kind {
                ProviderKind::Supabase { .. } => Issuers::none(),
                ProviderKind::Oidc { issuer, .. } => Issuers::new(vec![(**issuer).clone()], fetcher, clock),
            };
            Provider { spec, issuers, fetcher: fetcher.clone() }
        };
        Self(specs.into_iter().map(provider).collect())
    }

    /// Id and label of each.
    pub fn offered(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|provider| (provider.spec.id.as_str(), provider.spec.label.as_str()))
    }

    /// Begins. `callback`: the exact address that the provider knows of us.
    #[must_use]
    pub fn begin(&self, id: &str, callback: &str) -> Option<Begun> {
        let provider = self.0.iter().find(|provider| provider.spec.id == id)?;
        let flow = Flow::fresh(id, rand::random());
        let mut url = match &provider.spec.kind {
            ProviderKind::Supabase { authorize, .. } | ProviderKind::Oidc { authorize, .. } => authorize.url(),
        };
        let challenge = flow.challenge();
        match &provider.spec.kind {
            ProviderKind::Supabase { provider, .. } => {
                url.query_pairs_mut()
                    .append_pair("provider", provider)
                    .append_pair("redirect_to", callback)
                    .append_pair("code_challenge", &challenge)
                    .append_pair("code_challenge_method", "s256");
            }
            ProviderKind::Oidc { client_id, .. } => {
                url.query_pairs_mut()
                    .append_pair("response_type", "code")
                    .append_pair("client_id", client_id)
                    .append_pair("redirect_uri", callback)
                    .append_pair("scope", "openid profile email")
                    .append_pair("state", &flow.state)
                    .append_pair("nonce", &flow.nonce)
                    .append_pair("code_challenge", &challenge)
                    .append_pair("code_challenge_method", "S256");
            }
        }
        Some(Begun { location: url.into(), flow })
    }

    /// Trades the code for a token and says whom it vouches for. `believed`: the issuers of bearers.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn finish(
        &self,
        flow: &Flow,
        code: &str,
        state: Option<&str>,
        callback: &str,
        (believed, now_s): (&Issuers, i64),
    ) -> Result<Vouched, SignInError> {
        let provider = self.0.iter().find(|provider| provider.spec.id == flow.provider).ok_or(SignInError::NotBegun)?;
        if code.is_empty() || code.len() > MAX_CODE {
            return Err(SignInError::Refused);
        }
        match &provider.spec.kind {
            ProviderKind::Supabase { token, api_key, .. } => {
                let body = json!({ "auth_code": code, "code_verifier": flow.verifier });
                let request = provider.fetcher.post(token).header("apikey", api_key).json(&body);
                let token = answer(request).await?.access_token.ok_or(SignInError::Refused)?;
                Ok(believed.verify(&token, now_s).await?)
            }
            ProviderKind::Oidc { token, client_id, client_secret, .. } => {
                // The browser that comes back must be the one that left.
                if state != Some(flow.state.as_str()) {
                    return Err(SignInError::NotBegun);
                }
                let mut form = vec![
                    ("grant_type", "authorization_code"),
                    ("code", code),
                    ("redirect_uri", callback),
                    ("client_id", client_id),
                    ("code_verifier", &flow.verifier),
                ];
                form.extend(client_secret.iter().map(|secret| ("client_secret", secret.expose_secret())));
                let body = reqwest::Url::parse_with_params("http://form/", form).map_err(|_| SignInError::Refused)?;
                let body = body.query().unwrap_or_default().to_owned();
                let form = "application/x-www-form-urlencoded";
                let request = provider.fetcher.post(token).header(http::header::CONTENT_TYPE, form).body(body);
                let token = answer(request).await?.id_token.ok_or(SignInError::Refused)?;
                let vouched = provider.issuers.verify(&token, now_s).await?;
                // A token of another sign-in, put in the place of this one's.
                if vouched.nonce.as_deref() != Some(flow.nonce.as_str()) {
                    return Err(SignInError::Refused);
                }
                Ok(vouched)
            }
        }
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Answer, SignInError> {
    let body = super::issuers::answer(request, MAX_ANSWER).await.map_err(|error| match error {
        FetchError::Status(status) if status < 500 && status != 429 => SignInError::Refused,
        FetchError::Status(_) | FetchError::Unreachable | FetchError::Body | FetchError::NotKeys => {
            SignInError::Unavailable
        }
    })?;
    serde_json::from_slice(&body).map_err(|_| SignInError::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_comes_back_as_it_went_and_nothing_else_is_one() {
        let flow = Flow::fresh("google", [[1; 32], [2; 32], [3; 32]]);
        assert_eq!(Flow::from_cookie(&flow.cookie()), Some(flow.clone()));
        for bad in ["", "a.b.c", "a.b.c.d.e", "a.b.c.", "a.b.c.d%20", &format!("a.b.c.{}", "x".repeat(65))] {
            assert_eq!(Flow::from_cookie(bad), None, "{bad}");
        }
        assert_eq!(format!("{flow:?}"), "Flow(…)");
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let flow = Flow { verifier, ..Flow::fresh("x", [[0; 32]; 3]) };
        assert_eq!(flow.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
