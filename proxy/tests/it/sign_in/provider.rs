//! Stand-ins for providers. Supabase Auth: `/authorize` (PKCE, `redirect_to` outside the allow list is silently the site),
//! `/token?grant_type=pkce` with its errors, and what it sends besides: tokens of the provider behind it. An OpenID provider:
//! the code flow of OpenID Connect Core with PKCE. Sources: supabase.com/docs/guides/auth/sessions/pkce-flow, RFC 6749,
//! RFC 7636.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;

pub(super) const API_KEY: &str = "sb_publishable_stand-in";
pub(super) const CLIENT: &str = "viva-pages";
pub(super) const CLIENT_SECRET: &str = "planted-client-secret";
/// What must not be found anywhere afterwards.
pub(super) const PROVIDER_TOKEN: &str = "planted-google-token";
pub(super) const REFRESH_TOKEN: &str = "planted-refresh-token";
pub(super) const SITE: &str = "http://site.example/";

/// One stand-in for both.
pub(super) struct Provider {
    pub(super) url: String,
    state: Shared,
    task: JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Shared(Arc<Inner>);

struct Inner {
    url: String,
    key: EcdsaKeyPair,
    allowed: Mutex<Vec<String>>,
    /// Codes that were given and not used: challenge, address, nonce.
    codes: Mutex<HashMap<String, Given>>,
    next: Mutex<u32>,
    /// What the next answer is instead.
    mood: Mutex<Mood>,
}

struct Given {
    challenge: String,
    redirect: String,
    nonce: Option<String>,
}

/// How a provider treats the next exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Well,
    Down,
    /// Its ID token has another sign-in's nonce.
    WrongNonce,
    /// Its token is for another audience.
    WrongAudience,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Shared(Arc::new(Inner {
            url: url.clone(),
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            allowed: Mutex::default(),
            codes: Mutex::default(),
            next: Mutex::default(),
            mood: Mutex::default(),
        }));
        let routes = Router::new()
            .route("/auth/v1/authorize", get(supabase_authorize))
            .route("/auth/v1/token", post(supabase_token))
            .route("/auth/v1/.well-known/jwks.json", get(keys))
            .route("/oidc/authorize", get(oidc_authorize))
            .route("/oidc/token", post(oidc_token))
            .route("/oidc/keys", get(keys))
            .with_state(state.clone());
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, state, task }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let oidc = json!([{ "issuer": format!("{}/oidc", self.url), "audiences": ["viva-api"], "algorithms": ["ES256"],
            "jwks_url": format!("{}/oidc/keys", self.url), "sign_in": { "label": "Example ID", "client_id": CLIENT,
            "client_secret": CLIENT_SECRET, "authorize_url": format!("{}/oidc/authorize", self.url),
            "token_url": format!("{}/oidc/token", self.url) } }]);
        vec![
            ("SUPABASE_URL", self.url.clone()),
            ("SUPABASE_ANON_KEY", API_KEY.to_owned()),
            ("AUTH_ISSUERS", oidc.to_string()),
            ("RATE_LIMIT_PER_MINUTE", "10000".to_owned()),
        ]
    }

    /// The exact callback that may be used.
    pub(super) fn allow(&self, callback: &str) {
        self.state.0.allowed.lock().unwrap().push(callback.to_owned());
    }

    pub(super) fn be(&self, mood: Mood) {
        *self.state.0.mood.lock().unwrap() = mood;
    }

    /// A token for `/auth/session`.
    pub(super) fn token(&self) -> String {
        self.state.supabase_token()
    }
}

type Asked = Query<HashMap<String, String>>;

impl Shared {
    fn give(&self, challenge: &str, redirect: &str, nonce: Option<&String>) -> String {
        let mut next = self.0.next.lock().unwrap();
        *next += 1;
        let code = format!("code-{next}");
        let given = Given { challenge: challenge.to_owned(), redirect: redirect.to_owned(), nonce: nonce.cloned() };
        self.0.codes.lock().unwrap().insert(code.clone(), given);
        code
    }

    /// A code is good once, and only with its verifier.
    fn take(&self, code: &str, verifier: &str) -> Result<Given, &'static str> {
        let given = self.0.codes.lock().unwrap().remove(code).ok_or("flow_state_not_found")?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        if challenge == given.challenge { Ok(given) } else { Err("bad_code_verifier") }
    }

    fn mood(&self) -> Mood {
        std::mem::take(&mut self.0.mood.lock().unwrap())
    }

    fn sign(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": "k", "typ": "JWT" })), part(claims));
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signature = self.0.key.sign(&random, message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn supabase_token(&self) -> String {
        self.sign(&json!({ "iss": format!("{}/auth/v1", self.0.url), "sub": "7d9b7c0e-52a4-4c55-9b5e-6d0c1f0c8a11",
            "aud": "authenticated", "exp": now() + 3_600, "iat": now(), "role": "authenticated",
            "email": "robin@example.org", "user_metadata": { "full_name": "Robin" }, "is_anonymous": false }))
    }
}

async fn supabase_authorize(State(shared): State<Shared>, Query(asked): Asked) -> Response {
    let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let challenge = text("code_challenge");
    if !(43..=128).contains(&challenge.len()) || text("code_challenge_method") != "s256" || text("provider") != "google"
    {
        return (StatusCode::BAD_REQUEST, Json(json!({ "code": "validation_failed" }))).into_response();
    }
    let wanted = text("redirect_to");
    let allowed = shared.0.allowed.lock().unwrap().contains(&wanted);
    let redirect = if allowed { wanted } else { SITE.to_owned() };
    let code = shared.give(&challenge, &redirect, None);
    Redirect::to(&format!("{redirect}?code={code}")).into_response()
}

async fn supabase_token(
    State(shared): State<Shared>,
    Query(asked): Asked,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mood = shared.mood();
    if mood == Mood::Down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    if headers.get("apikey").is_none_or(|key| key != API_KEY)
        || asked.get("grant_type").is_none_or(|kind| kind != "pkce")
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    match shared.take(text("auth_code"), text("code_verifier")) {
        Ok(_) => {
            let answer = json!({ "access_token": shared.supabase_token(), "token_type": "bearer", "expires_in": 3_600,
                "refresh_token": REFRESH_TOKEN, "provider_token": PROVIDER_TOKEN, "provider_refresh_token": PROVIDER_TOKEN,
                "user": { "email": "robin@example.org" } });
            Json(answer).into_response()
        }
        Err(code) => {
            let status = if code == "flow_state_not_found" { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
            (status, Json(json!({ "code": code, "message": "no" }))).into_response()
        }
    }
}

async fn oidc_authorize(State(shared): State<Shared>, Query(asked): Asked) -> Response {
    let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let good = text("response_type") == "code"
        && text("client_id") == CLIENT
        && text("code_challenge_method") == "S256"
        && text("scope").split(' ').any(|scope| scope == "openid")
        && shared.0.allowed.lock().unwrap().contains(&text("redirect_uri"));
    if !good {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let code = shared.give(&text("code_challenge"), &text("redirect_uri"), asked.get("nonce"));
    Redirect::to(&format!("{}?code={code}&state={}", text("redirect_uri"), text("state"))).into_response()
}

async fn oidc_token(State(shared): State<Shared>, Form(form): Form<HashMap<String, String>>) -> Response {
    let mood = shared.mood();
    let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let client = text("client_id") == CLIENT && text("client_secret") == CLIENT_SECRET;
    if mood == Mood::Down || !client || text("grant_type") != "authorization_code" {
        let status = if mood == Mood::Down { StatusCode::BAD_GATEWAY } else { StatusCode::UNAUTHORIZED };
        return status.into_response();
    }
    match shared.take(text("code"), text("code_verifier")) {
        Ok(given) if given.redirect == text("redirect_uri") => {
            let nonce = if mood == Mood::WrongNonce { Some("another".to_owned()) } else { given.nonce };
            let audience = if mood == Mood::WrongAudience { "viva-api" } else { CLIENT };
            let id_token =
                shared.sign(&json!({ "iss": format!("{}/oidc", shared.0.url), "sub": "ada|1", "aud": audience,
                "exp": now() + 600, "iat": now(), "nonce": nonce, "name": "Ada", "email": "ada@example.org",
                "email_verified": true }));
            Json(json!({ "access_token": PROVIDER_TOKEN, "id_token": id_token, "token_type": "Bearer" }))
                .into_response()
        }
        _ => (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response(),
    }
}

async fn keys(State(shared): State<Shared>) -> Json<Value> {
    let point = shared.0.key.public_key().as_ref();
    let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Json(json!({ "keys": [{ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k",
        "x": coordinate(&point[1..33]), "y": coordinate(&point[33..65]) }] }))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
