//! Tokens against entries, with a clock that is moved by hand and key sets from a server that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::clock::{At, Millis};

const NOW_S: i64 = 1_795_000_000;
const SECRET: &str = "a secret of more than thirty-two bytes";

/// A clock that stands still until it is told otherwise.
#[derive(Default)]
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> At {
        At { mono_ms: self.0.load(Ordering::Relaxed), unix_ms: NOW_S * 1_000 }
    }
}

impl HandClock {
    fn advance(&self, by: Millis) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

/// A private key of P-256 with its published half.
struct Pair {
    private: EncodingKey,
    public: Value,
}

impl Pair {
    fn fresh(id: &str) -> Self {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("randomness");
        let pkcs8 = pair.to_pkcs8v1().expect("a key pair can be written down");
        let private = EncodingKey::from_ec_der(pkcs8.as_ref());
        let jwk = Jwk::from_encoding_key(&private, Algorithm::ES256).expect("a published half");
        let mut public = serde_json::to_value(jwk).expect("JSON");
        public["kid"] = id.into();
        Self { private, public }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        signed(header, claims, &self.private, Algorithm::ES256)
    }
}

fn signed(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).expect("it can be signed");
    format!("{message}.{signature}")
}

/// Publishes a key set and counts who asks.
struct Publisher {
    url: KeysUrl,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Publisher {
    async fn start(keys: Value) -> Self {
        let (asked, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, is_down, body) = (asked.clone(), down.clone(), json!({ "keys": keys }).to_string());
        let answer = get(async move || {
            count.fetch_add(1, Ordering::Relaxed);
            // Long enough that everybody who asks at once asks before it is answered.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let status = if is_down.load(Ordering::Relaxed) { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
            (status, body)
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/keys", listener.local_addr().expect("it is bound"));
        let task = tokio::spawn(async move {
            axum::serve(listener, Router::new().route("/keys", answer)).await.expect("it serves");
        });
        Self { url: KeysUrl::parse(&url).expect("loopback"), asked, down, task }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn published(url: &KeysUrl) -> IssuerSpec {
    let keys = KeySpec::Published { algorithms: vec![Algorithm::ES256], url: url.clone() };
    IssuerSpec { keys, ..shared() }
}

fn shared() -> IssuerSpec {
    let secrets =
        [SECRET, "the one before it, just as long as it is"].map(|text| SharedSecret::new(text).expect("long enough"));
    IssuerSpec {
        issuer: "https://id.example/".to_owned(),
        audiences: vec!["viva".to_owned(), "other".to_owned()],
        keys: KeySpec::Secrets { algorithm: Algorithm::HS256, secrets: secrets.into() },
        tenant_claim: ClaimPath::parse("app_metadata.tenant_id").ok(),
        required: vec![("role".to_owned(), "authenticated".to_owned())],
        user_ids: UserIds::Subject,
        setting: "AUTH_ISSUERS",
    }
}

fn issuers(specs: Vec<IssuerSpec>, clock: &Arc<HandClock>) -> Issuers {
    let clock: Arc<dyn Clock> = clock.clone();
    Issuers::new(specs, &Fetcher::new(Duration::from_secs(5)).expect("a client"), &clock)
}

fn claims() -> Value {
    json!({ "iss": "https://id.example/", "aud": "viva", "sub": "0190a0b0-0000-7000-8000-000000000001",
        "exp": NOW_S + 60, "role": "authenticated", "app_metadata": { "tenant_id": "Acme" },
        "user_metadata": { "full_name": "Robin", "tenant_id": "Evil", "email": "evil@example.org" },
        "email": "robin@example.org" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

fn hs256(claims: &Value, secret: &str) -> String {
    signed(
        &json!({ "alg": "HS256", "typ": "JWT" }),
        claims,
        &EncodingKey::from_secret(secret.as_bytes()),
        Algorithm::HS256,
    )
}

#[tokio::test]
async fn a_good_token_says_who_somebody_is_and_their_own_words_say_no_more_than_a_name() {
    let believed = issuers(vec![shared()], &Arc::default());
    let vouched = believed.verify(&hs256(&claims(), SECRET), NOW_S).await.expect("it is good");
    assert_eq!(
        (vouched.subject.as_str(), vouched.tenant.as_deref()),
        ("0190a0b0-0000-7000-8000-000000000001", Some("Acme"))
    );
    assert_eq!(vouched.user.expect("the subject is a UUID").to_string(), vouched.subject);
    assert_eq!(vouched.profile.name.as_deref(), Some("Robin"));
    assert_eq!(vouched.profile.email.as_deref(), Some("robin@example.org"));
    assert_eq!(vouched.expires_at, (NOW_S + 60) * 1_000);
    assert!(!format!("{vouched:?}").contains("obin"));
    let before = hs256(&claims(), "the one before it, just as long as it is");
    assert!(believed.verify(&before, NOW_S).await.is_ok(), "a secret that was replaced is still believed");
    let unchecked = hs256(&with("email_verified", false.into()), SECRET);
    assert_eq!(believed.verify(&unchecked, NOW_S).await.expect("good").profile.email, None);
}

#[tokio::test]
async fn every_claim_is_looked_at() {
    let believed = issuers(vec![shared()], &Arc::default());
    let far = NOW_S + 31;
    let cases = [
        (without("iss"), TokenError::Missing("iss")),
        (with("iss", json!("https://id.example")), TokenError::UnknownIssuer),
        (with("iss", json!(["https://id.example/"])), TokenError::Missing("iss")),
        (without("sub"), TokenError::Missing("sub")),
        (with("sub", json!("")), TokenError::Missing("sub")),
        (with("sub", json!("a\u{0}b")), TokenError::Missing("sub")),
        (without("exp"), TokenError::Missing("exp")),
        (with("exp", json!("1795000060")), TokenError::Missing("exp")),
        (with("exp", json!(1e300)), TokenError::Missing("exp")),
        (with("exp", json!(NOW_S)), TokenError::Expired),
        (without("aud"), TokenError::Missing("aud")),
        (with("aud", json!("viva2")), TokenError::Audience),
        (with("aud", json!([])), TokenError::Audience),
        (with("nbf", json!(far)), TokenError::NotYet),
        (with("iat", json!(far)), TokenError::NotYet),
        (with("nbf", json!("soon")), TokenError::Missing("nbf")),
        (with("role", json!("service_role")), TokenError::NotForPeople),
        (without("role"), TokenError::NotForPeople),
        (with("is_anonymous", json!(true)), TokenError::NotForPeople),
    ];
    for (claims, error) in cases {
        assert_eq!(believed.verify(&hs256(&claims, SECRET), NOW_S).await, Err(error), "{claims}");
    }
    for good in [
        with("nbf", json!(NOW_S + 30)),
        with("iat", json!(NOW_S + 30)),
        with("aud", json!(["x", "other"])),
        with("exp", json!(NOW_S as f64 + 1.5)),
    ] {
        assert!(believed.verify(&hs256(&good, SECRET), NOW_S).await.is_ok(), "{good}");
    }
}

#[tokio::test]
async fn an_entry_decides_how_its_tokens_are_signed() {
    let pair = Pair::fresh("k1");
    let publisher = Publisher::start(json!([pair.public])).await;
    let clock = Arc::default();
    let only_published = issuers(vec![published(&publisher.url)], &clock);
    let es256 = json!({ "alg": "ES256", "kid": "k1" });
    assert!(only_published.verify(&pair.token(&es256, &claims()), NOW_S).await.is_ok());

    // The published half as a shared secret, in the forms that people have tried.
    for secret in [pair.public.to_string(), pair.public["x"].as_str().expect("text").to_owned()] {
        assert_eq!(only_published.verify(&hs256(&claims(), &secret), NOW_S).await, Err(TokenError::Algorithm));
    }
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for none in ["none", "None", "NONE", "nOnE"] {
        let token = format!("{}.{}.", part(json!({ "alg": none })), part(claims()));
        assert_eq!(only_published.verify(&token, NOW_S).await, Err(TokenError::Algorithm), "{none}");
    }
    // With both ways configured each key still signs in its own way only.
    let both = issuers(vec![published(&publisher.url), shared()], &clock);
    assert!(both.verify(&pair.token(&es256, &claims()), NOW_S).await.is_ok());
    assert!(both.verify(&hs256(&claims(), SECRET), NOW_S).await.is_ok());
    let confused = hs256(&claims(), &pair.public.to_string());
    assert_eq!(both.verify(&confused, NOW_S).await, Err(TokenError::Signature));
    assert_eq!(Issuers::none().verify(&confused, NOW_S).await, Err(TokenError::UnknownIssuer));
}

#[tokio::test]
async fn the_header_may_not_bring_keys_or_demands() {
    let pair = Pair::fresh("k1");
    let stranger = Pair::fresh("k1");
    let publisher = Publisher::start(json!([pair.public])).await;
    let believed = issuers(vec![published(&publisher.url)], &Arc::default());
    let cases = [
        (json!({ "alg": "ES256", "kid": "k1", "crit": ["exp"] }), TokenError::Critical),
        (json!({ "alg": "ES256", "kid": "k1", "b64": false, "crit": ["b64"] }), TokenError::Critical),
        (json!({ "alg": "ES256", "jwk": stranger.public }), TokenError::HeaderKey),
        (json!({ "alg": "ES256", "jku": publisher.url.as_str() }), TokenError::HeaderKey),
        (json!({ "alg": "ES256", "x5u": "https://evil.example/" }), TokenError::HeaderKey),
        (json!({ "alg": "ES256", "x5c": [] }), TokenError::HeaderKey),
        (json!({ "alg": "ES256", "kid": "k1", "typ": "logout+jwt" }), TokenError::Type),
        (json!({ "alg": "ES256", "kid": "k1", "typ": 7 }), TokenError::Malformed),
        (json!({ "kid": "k1" }), TokenError::Malformed),
        (json!({ "alg": "ES256", "kid": "k2" }), TokenError::UnknownKey),
        (json!({ "alg": "ES384", "kid": "k1" }), TokenError::Algorithm),
    ];
    for (header, error) in cases {
        assert_eq!(believed.verify(&pair.token(&header, &claims()), NOW_S).await, Err(error), "{header}");
    }
    let own = json!({ "alg": "ES256", "kid": "k1", "typ": "application/at+JWT" });
    assert!(believed.verify(&pair.token(&own, &claims()), NOW_S).await.is_ok());
    assert_eq!(believed.verify(&stranger.token(&own, &claims()), NOW_S).await, Err(TokenError::Signature));
    assert!(believed.verify(&pair.token(&json!({ "alg": "ES256" }), &claims()), NOW_S).await.is_ok(), "the only key");
}

#[tokio::test]
async fn what_is_no_token_is_told_apart() {
    let believed = issuers(vec![shared()], &Arc::default());
    let good = hs256(&claims(), SECRET);
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let cases = [
        (format!("{good}{}", "A".repeat(8 * 1024)), TokenError::TooLarge),
        (format!("{good}.x.y"), TokenError::Encrypted),
        (format!("{good}.x"), TokenError::Malformed),
        (head.to_owned(), TokenError::Malformed),
        ("..".to_owned(), TokenError::Malformed),
        (format!("{good}="), TokenError::Signature),
        (format!("{head}."), TokenError::Signature),
        (format!("{head}.{}", signature.chars().rev().collect::<String>()), TokenError::Signature),
        (format!("W10.{}", &good[good.find('.').expect("a dot") + 1..]), TokenError::Malformed),
    ];
    for (token, error) in cases {
        assert_eq!(believed.verify(&token, NOW_S).await, Err(error));
    }
}

#[test]
fn keys_are_for_signatures_of_their_own_kind() {
    let public = Pair::fresh("k1").public;
    let usable = |change: &dyn Fn(&mut Value)| {
        let mut key = public.clone();
        change(&mut key);
        let keys = Keys::parse(json!({ "keys": [key] }).to_string().as_bytes()).expect("a set");
        keys.find(Some("k1"), Algorithm::ES256).is_some()
    };
    assert!(usable(&|_| {}));
    assert!(usable(&|key| {
        key.as_object_mut().expect("an object").remove("alg");
    }));
    assert!(!usable(&|key| key["use"] = "enc".into()));
    assert!(!usable(&|key| key["key_ops"] = json!(["encrypt"])));
    assert!(!usable(&|key| key["alg"] = "ES384".into()));
    assert!(!usable(&|key| key["alg"] = "RS256".into()));
    assert!(!usable(&|key| key["crv"] = "P-384".into()));
    assert!(!usable(&|key| key["kty"] = "RSA".into()));
    assert!(!usable(&|key| key["x"] = "!".into()));
    let strange = json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0", "kid": "k1" }, { "kty": "new" }, 7, public] });
    let keys = Keys::parse(strange.to_string().as_bytes()).expect("a set");
    assert_eq!((keys.total(), keys.usable()), (4, 1));
    assert!(keys.find(Some("k1"), Algorithm::HS256).is_none(), "a published secret is nobody's");
    assert!(Keys::parse(b"{}").is_err());
}

#[tokio::test]
async fn without_an_id_several_keys_decide_nothing() {
    let (one, two) = (Pair::fresh("k1"), Pair::fresh("k2"));
    let publisher = Publisher::start(json!([one.public, two.public])).await;
    let believed = issuers(vec![published(&publisher.url)], &Arc::default());
    let token = one.token(&json!({ "alg": "ES256" }), &claims());
    assert_eq!(believed.verify(&token, NOW_S).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn many_at_once_cost_one_fetch_and_unknown_keys_one_in_half_a_minute() {
    let pair = Pair::fresh("k1");
    let publisher = Publisher::start(json!([pair.public])).await;
    let clock = Arc::<HandClock>::default();
    let believed = issuers(vec![published(&publisher.url)], &clock);
    let good = pair.token(&json!({ "alg": "ES256", "kid": "k1" }), &claims());
    let verified = futures_util::future::join_all((0..50).map(|_| believed.verify(&good, NOW_S))).await;
    assert!(verified.iter().all(Result::is_ok));
    assert_eq!(publisher.asked(), 1);

    clock.advance(30_000);
    for round in 0..100 {
        let token = pair.token(&json!({ "alg": "ES256", "kid": format!("unknown-{round}") }), &claims());
        assert_eq!(believed.verify(&token, NOW_S).await, Err(TokenError::UnknownKey));
    }
    assert_eq!(publisher.asked(), 2);
    clock.advance(599_999);
    assert!(believed.verify(&good, NOW_S).await.is_ok());
    assert_eq!(publisher.asked(), 2, "ten minutes from the second fetch are not over");
    clock.advance(1);
    assert!(believed.verify(&good, NOW_S).await.is_ok());
    assert_eq!(publisher.asked(), 3);
}

#[tokio::test]
async fn an_issuer_that_is_down_is_believed_for_twenty_minutes() {
    let pair = Pair::fresh("k1");
    let publisher = Publisher::start(json!([pair.public])).await;
    let clock = Arc::<HandClock>::default();
    let believed = issuers(vec![published(&publisher.url)], &clock);
    let good = pair.token(&json!({ "alg": "ES256", "kid": "k1" }), &claims());
    assert!(believed.verify(&good, NOW_S).await.is_ok());
    publisher.down.store(true, Ordering::Relaxed);
    clock.advance(1_199_999);
    assert!(believed.verify(&good, NOW_S).await.is_ok(), "old keys are better than none");
    clock.advance(1);
    assert!(matches!(believed.verify(&good, NOW_S).await, Err(TokenError::Unavailable { .. })));
    let asked = publisher.asked();
    for _ in 0..20 {
        assert!(matches!(believed.verify(&good, NOW_S).await, Err(TokenError::Unavailable { .. })));
    }
    assert!(publisher.asked() <= asked + 1, "one that is down is not asked by everybody");
    publisher.down.store(false, Ordering::Relaxed);
    clock.advance(5_000);
    assert!(believed.verify(&good, NOW_S).await.is_ok());
}

#[test]
fn a_tenant_is_never_taken_from_what_people_write_themselves() {
    assert_eq!(ClaimPath::parse("user_metadata.tenant_id"), Err(SpecFault::UserWritable));
    assert_eq!(ClaimPath::parse("a..b"), Err(SpecFault::ClaimPath));
    let claims = json!({ "https://viva.example/tenant": "Acme", "a": { "b": "c" } });
    let find = |path: &str| {
        ClaimPath::parse(path).expect("a path").find(claims.as_object().expect("an object")).map(str::to_owned)
    };
    assert_eq!(
        (find("https://viva.example/tenant").as_deref(), find("a.b").as_deref(), find("a")),
        (Some("Acme"), Some("c"), None)
    );
}

#[test]
fn keys_come_over_https_or_from_this_machine() {
    for good in ["https://id.example/keys", "http://127.0.0.1:1/keys", "http://localhost/keys", "http://[::1]:9/keys"] {
        assert!(KeysUrl::parse(good).is_ok(), "{good}");
    }
    assert_eq!(KeysUrl::parse("http://id.example/keys"), Err(SpecFault::Clear));
    assert_eq!(KeysUrl::parse("http://127.0.0.1.example/keys"), Err(SpecFault::Clear));
    for bad in ["id.example", "file:///etc/passwd", "https://user:pw@id.example/keys", "https://"] {
        assert_eq!(KeysUrl::parse(bad), Err(SpecFault::Url), "{bad}");
    }
}
