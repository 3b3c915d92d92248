//! A stand-in issuer: it signs tokens in every way that is asked for, right or wrong, and publishes key sets that count
//! who fetches them. What it publishes has the form of Supabase Auth and of any OIDC issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Shared secrets of the deployment under test.
pub(super) const LEGACY: &str = "planted-legacy-secret-of-the-project-0001";
pub(super) const OWN: &str = "planted-own-secret-of-the-operator-000002";
pub(super) const OWN_BEFORE: &str = "planted-own-secret-of-the-year-before-003";

/// The issuers that the server is told to believe, besides the project and the server's own.
pub(super) const OIDC: &str = "https://id.example/";
pub(super) const DOWN: &str = "https://down.example/";
pub(super) const EMPTY: &str = "https://empty.example/";

/// What a token is signed with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    /// The project's, published as `p1`.
    Project,
    /// One that the project publishes for encryption only, as `p2`.
    ForEncryption,
    /// One that it used to publish.
    Withdrawn,
    /// The OIDC issuer's RSA key, published as `r1`.
    Rsa,
    /// A shared secret.
    Secret(&'static str),
    /// The published half of the project's key, as text, used as a secret.
    PublicAsSecret,
    /// The published half of the OIDC issuer's key, in PEM, used as a secret.
    PemAsSecret,
    /// Nothing: no signature.
    Nothing,
}

/// The stand-in.
pub(super) struct Issuer {
    pub(super) url: String,
    project: EcdsaKeyPair,
    encryption: EcdsaKeyPair,
    withdrawn: EcdsaKeyPair,
    rsa: RsaKeyPair,
    fetched: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Published {
    sets: Arc<[(&'static str, Value)]>,
    fetched: Arc<AtomicUsize>,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let pair = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (project, encryption, withdrawn) = (pair(), pair(), pair());
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let mut for_encryption = ec_jwk(&encryption, "p2");
        for_encryption["use"] = "enc".into();
        let fetched = Arc::new(AtomicUsize::new(0));
        let published = Published {
            sets: Arc::from([
                ("project", json!({ "keys": [ec_jwk(&project, "p1"), for_encryption] })),
                ("oidc", json!({ "keys": [rsa_jwk(&rsa)] })),
                ("empty", json!({ "keys": [] })),
            ]),
            fetched: fetched.clone(),
        };
        let routes = Router::new()
            .route("/auth/v1/.well-known/jwks.json", get(async |state| keys(state, Path("project".to_owned())).await))
            .route("/keys/{set}", get(keys))
            .with_state(published);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, project, encryption, withdrawn, rsa, fetched, task }
    }

    /// `iss` of the project's tokens.
    pub(super) fn project(&self) -> String {
        format!("{}/auth/v1", self.url)
    }

    /// What the server has to be told.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let set = |issuer: &str, name: &str| {
            json!({ "issuer": issuer, "audiences": ["viva-api"], "jwks_url": format!("{}/keys/{name}", self.url),
                "algorithms": ["RS256"], "tenant_claim": "org" })
        };
        let listed = json!([set(OIDC, "oidc"), set(DOWN, "down"), set(EMPTY, "empty")]);
        vec![
            ("SUPABASE_URL", self.url.clone()),
            ("SUPABASE_JWT_SECRET", LEGACY.to_owned()),
            ("JWT_SECRET", OWN.to_owned()),
            ("JWT_SECRET_PREVIOUS", OWN_BEFORE.to_owned()),
            ("AUTH_ISSUERS", listed.to_string()),
            ("RATE_LIMIT_PER_MINUTE", "100000".to_owned()),
        ]
    }

    /// How often the project's key set was fetched.
    pub(super) fn fetched(&self) -> usize {
        self.fetched.load(Ordering::Relaxed)
    }

    /// A good token of the project for somebody.
    pub(super) fn token_of(&self, subject: &str, email: &str) -> String {
        let mut claims = self.claims();
        claims["sub"] = subject.into();
        claims["email"] = email.into();
        self.sign(&json!({ "alg": "ES256", "kid": "p1", "typ": "JWT" }), &claims, Key::Project)
    }

    /// Claims as the project writes them.
    pub(super) fn claims(&self) -> Value {
        json!({ "iss": self.project(), "aud": "authenticated", "sub": "7d9b7c0e-52a4-4c55-9b5e-6d0c1f0c8a11",
            "exp": now() + 3_600, "iat": now(), "role": "authenticated", "email": "robin@example.org",
            "app_metadata": { "provider": "google" }, "user_metadata": { "full_name": "Robin" },
            "session_id": "0f1e", "is_anonymous": false })
    }

    /// Whatever claims, under whatever header, signed with whatever key.
    pub(super) fn sign(&self, header: &Value, claims: &Value, key: Key) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes(), key)))
    }

    fn signature(&self, message: &[u8], key: Key) -> Vec<u8> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let ecdsa = |pair: &EcdsaKeyPair| pair.sign(&random, message).unwrap().as_ref().to_vec();
        let hmac = |secret: &[u8]| {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
            aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec()
        };
        match key {
            Key::Project => ecdsa(&self.project),
            Key::ForEncryption => ecdsa(&self.encryption),
            Key::Withdrawn => ecdsa(&self.withdrawn),
            Key::Rsa => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Key::Secret(secret) => hmac(secret.as_bytes()),
            Key::PublicAsSecret => hmac(ec_jwk(&self.project, "p1").to_string().as_bytes()),
            Key::PemAsSecret => {
                let der = base64::engine::general_purpose::STANDARD.encode(self.rsa.public_key().as_ref());
                hmac(format!("-----BEGIN RSA PUBLIC KEY-----\n{der}\n-----END RSA PUBLIC KEY-----\n").as_bytes())
            }
            Key::Nothing => Vec::new(),
        }
    }

    /// The published half of a key that nobody publishes, for a header that brings its own.
    pub(super) fn foreign_jwk(&self) -> Value {
        ec_jwk(&self.withdrawn, "own")
    }
}

async fn keys(State(published): State<Published>, Path(set): Path<String>) -> Result<Json<Value>, StatusCode> {
    if set == "project" {
        published.fetched.fetch_add(1, Ordering::Relaxed);
    }
    let found = published.sets.iter().find(|(name, _)| *name == set);
    found.map(|(_, keys)| Json(keys.clone())).ok_or(StatusCode::BAD_GATEWAY)
}

/// RFC 7518 §6.2. An uncompressed point is a byte, then both coordinates.
fn ec_jwk(pair: &EcdsaKeyPair, id: &str) -> Value {
    let point = pair.public_key().as_ref();
    let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": id, "use": "sig",
        "x": coordinate(&point[1..33]), "y": coordinate(&point[33..65]) })
}

fn rsa_jwk(pair: &RsaKeyPair) -> Value {
    let public = pair.public_key();
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({ "kty": "RSA", "alg": "RS256", "kid": "r1", "use": "sig",
        "n": number(public.modulus().big_endian_without_leading_zero()),
        "e": number(public.exponent().big_endian_without_leading_zero()) })
}

/// Unix seconds.
pub(super) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}
