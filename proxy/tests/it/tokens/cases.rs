//! The cases: what is presented, and what has to come of it. Each is one line of the table in docs/security.md.

use serde_json::{Value, json};

use super::issuer::{DOWN, EMPTY, Issuer, Key, LEGACY, OIDC, OWN, OWN_BEFORE, now};

/// What has to come of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 200.
    Accepted,
    /// A status with a stable code, and the close code of a socket.
    Refused(u16, &'static str, u16),
}

pub(super) const REFUSED: Verdict = Verdict::Refused(401, "AUTHENTICATION_FAILED", 4401);
const EXPIRED: Verdict = Verdict::Refused(401, "TOKEN_EXPIRED", 4401);
const UNAVAILABLE: Verdict = Verdict::Refused(503, "AUTH_UNAVAILABLE", 1013);

/// One token.
pub(super) struct Case {
    /// For people: a line of the table.
    pub(super) what: &'static str,
    pub(super) token: String,
    pub(super) verdict: Verdict,
}

/// Every token that is presented as a bearer and as the first message of a socket.
pub(super) fn tokens(issuer: &Issuer) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |what, token, verdict| cases.push(Case { what, token, verdict });
    let project = || json!({ "alg": "ES256", "kid": "p1", "typ": "JWT" });
    let shared = || json!({ "alg": "HS256", "typ": "JWT" });
    let rsa = || json!({ "alg": "RS256", "kid": "r1", "typ": "JWT" });
    let claims = || issuer.claims();
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    let headed = |name: &str, value: Value| {
        let mut header = project();
        header[name] = value;
        header
    };
    let oidc = |issuer: &str| json!({ "iss": issuer, "aud": "viva-api", "sub": "auth0|5f7c", "exp": now() + 3_600, "name": "Ada" });
    let own = || json!({ "iss": "viva", "aud": "viva", "sub": "a program", "exp": now() + 60 });
    let es256 = |header: &Value, claims: &Value| issuer.sign(header, claims, Key::Project);

    // What is good.
    case("ES256, by the key that the project publishes", es256(&project(), &claims()), Verdict::Accepted);
    case(
        "HS256, by the project's older secret",
        issuer.sign(&shared(), &claims(), Key::Secret(LEGACY)),
        Verdict::Accepted,
    );
    case(
        "RS256, by the key that another issuer publishes",
        issuer.sign(&rsa(), &oidc(OIDC), Key::Rsa),
        Verdict::Accepted,
    );
    case(
        "no `kid`, and a single key that fits",
        issuer.sign(&json!({ "alg": "RS256" }), &oidc(OIDC), Key::Rsa),
        Verdict::Accepted,
    );
    case("HS256, by `JWT_SECRET`", issuer.sign(&shared(), &own(), Key::Secret(OWN)), Verdict::Accepted);
    case(
        "HS256, by a secret of `JWT_SECRET_PREVIOUS`",
        issuer.sign(&shared(), &own(), Key::Secret(OWN_BEFORE)),
        Verdict::Accepted,
    );
    case(
        "`aud` is a list with ours in it",
        es256(&project(), &with("aud", json!(["other", "authenticated"]))),
        Verdict::Accepted,
    );
    case("`typ` is `at+jwt`", es256(&headed("typ", json!("at+jwt")), &claims()), Verdict::Accepted);
    case("`nbf` and clock 20 seconds apart", es256(&project(), &with("nbf", json!(now() + 20))), Verdict::Accepted);

    // How it is signed.
    for (what, alg) in [("`alg` is `none`, no signature", "none"), ("`alg` is `NoNe`, no signature", "NoNe")] {
        case(what, issuer.sign(&json!({ "alg": alg }), &claims(), Key::Nothing), REFUSED);
    }
    case("`alg` is `none`, with a good signature", es256(&json!({ "alg": "none" }), &claims()), REFUSED);
    case("`alg` is ES256, no signature", issuer.sign(&project(), &claims(), Key::Nothing), REFUSED);
    case(
        "HS256 over the published key (JWK), where a secret exists too",
        issuer.sign(&shared(), &claims(), Key::PublicAsSecret),
        REFUSED,
    );
    case(
        "HS256 over the published key (PEM), where none exists",
        issuer.sign(&shared(), &oidc(OIDC), Key::PemAsSecret),
        REFUSED,
    );
    case("HS256 over an empty secret", issuer.sign(&shared(), &claims(), Key::Secret("")), REFUSED);
    case("another issuer's way of signing (ES256 for RS256)", es256(&project(), &oidc(OIDC)), REFUSED);
    case(
        "an algorithm that the entry does not list (ES384)",
        es256(&json!({ "alg": "ES384", "kid": "p1" }), &claims()),
        REFUSED,
    );
    case(
        "`alg` names another algorithm than the signature (HS512)",
        issuer.sign(&json!({ "alg": "HS512" }), &claims(), Key::Secret(LEGACY)),
        REFUSED,
    );
    case("`JWT_SECRET` used for the project's tokens", issuer.sign(&shared(), &claims(), Key::Secret(OWN)), REFUSED);
    case("the project's secret used for our own tokens", issuer.sign(&shared(), &own(), Key::Secret(LEGACY)), REFUSED);
    case("another issuer's key for the project's tokens", issuer.sign(&rsa(), &claims(), Key::Rsa), REFUSED);
    case("a key that is not published any more", issuer.sign(&project(), &claims(), Key::Withdrawn), REFUSED);
    case(
        "a published key that is for encryption",
        issuer.sign(&headed("kid", json!("p2")), &claims(), Key::ForEncryption),
        REFUSED,
    );
    case("an unknown `kid`", es256(&headed("kid", json!("p9")), &claims()), REFUSED);
    case("a `kid` that is a path", es256(&headed("kid", json!("../../../../etc/passwd")), &claims()), REFUSED);
    case("a `kid` of another issuer", es256(&headed("kid", json!("r1")), &claims()), REFUSED);
    case("a `kid` that is a number", es256(&headed("kid", json!(1)), &claims()), REFUSED);
    let good = es256(&project(), &claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let other = es256(&project(), &with("role", json!("service_role")));
    let other_payload = other.split('.').nth(1).unwrap();
    case("other claims under the same signature", format!("{header}.{other_payload}.{signature}"), REFUSED);
    case("half a signature", format!("{head}.{}", &signature[..signature.len() / 2]), REFUSED);
    case("a signature of 64 zero bytes", format!("{head}.{}", "A".repeat(86)), REFUSED);

    // What the header says.
    case("`crit` demands an extension", es256(&headed("crit", json!(["exp"])), &claims()), REFUSED);
    case(
        "`crit` with `b64: false`",
        es256(&json!({ "alg": "ES256", "kid": "p1", "b64": false, "crit": ["b64"] }), &claims()),
        REFUSED,
    );
    let own_key = issuer.foreign_jwk();
    case(
        "the header brings its own key (`jwk`)",
        issuer.sign(&json!({ "alg": "ES256", "jwk": own_key }), &claims(), Key::Withdrawn),
        REFUSED,
    );
    case(
        "the header says where a key is (`jku`)",
        es256(&headed("jku", json!(format!("{}/keys/oidc", issuer.url))), &claims()),
        REFUSED,
    );
    case(
        "the header says where a certificate is (`x5u`)",
        es256(&headed("x5u", json!("https://evil.example/")), &claims()),
        REFUSED,
    );
    case("the header brings a certificate (`x5c`)", es256(&headed("x5c", json!(["MIIB"])), &claims()), REFUSED);
    case("`typ` of something else", es256(&headed("typ", json!("logout+jwt")), &claims()), REFUSED);
    case("no `alg`", es256(&json!({ "kid": "p1" }), &claims()), REFUSED);

    // What it says.
    case("an issuer that nobody trusts", es256(&project(), &with("iss", json!("https://evil.example/"))), REFUSED);
    case("`iss` with a slash more", es256(&project(), &with("iss", json!(format!("{}/", issuer.project())))), REFUSED);
    case("no `iss`", es256(&project(), &without("iss")), REFUSED);
    case("for another audience", es256(&project(), &with("aud", json!("anon"))), REFUSED);
    case("for no audience (`[]`)", es256(&project(), &with("aud", json!([]))), REFUSED);
    case("no `aud`", es256(&project(), &without("aud")), REFUSED);
    case("expired a second ago", es256(&project(), &with("exp", json!(now() - 1))), EXPIRED);
    case("expired in 1970", es256(&project(), &with("exp", json!(0))), EXPIRED);
    case("no `exp`", es256(&project(), &without("exp")), REFUSED);
    case("`exp` is text", es256(&project(), &with("exp", json!("never"))), REFUSED);
    case("`nbf` is in a minute", es256(&project(), &with("nbf", json!(now() + 60))), REFUSED);
    case("`iat` is in a minute", es256(&project(), &with("iat", json!(now() + 60))), REFUSED);
    case("no `sub`", es256(&project(), &without("sub")), REFUSED);
    case("`sub` is empty", es256(&project(), &with("sub", json!(""))), REFUSED);
    case(
        "a server's key (`role` is `service_role`)",
        issuer.sign(&shared(), &with("role", json!("service_role")), Key::Secret(LEGACY)),
        REFUSED,
    );
    case("nobody's key (`role` is `anon`)", es256(&project(), &with("role", json!("anon"))), REFUSED);
    case("no `role`", es256(&project(), &without("role")), REFUSED);
    case(
        "somebody whom the issuer does not know (`is_anonymous`)",
        es256(&project(), &with("is_anonymous", json!(true))),
        REFUSED,
    );

    // What it is.
    case("encrypted (five parts)", format!("{good}.AAAA.AAAA"), REFUSED);
    case("larger than 8 KiB", es256(&project(), &with("padding", json!("x".repeat(7 * 1024)))), REFUSED);
    case("two parts", head.to_owned(), REFUSED);
    case("claims that are no object", format!("{header}.W10.{signature}"), REFUSED);
    case("a header that is no JSON", format!("AAAA.{payload}.{signature}"), REFUSED);
    case("padded base64", format!("{header}=.{payload}.{signature}"), REFUSED);

    // Whether its keys can be had.
    case("the issuer's keys cannot be fetched", issuer.sign(&rsa(), &oidc(DOWN), Key::Rsa), UNAVAILABLE);
    case("the issuer publishes an empty set", issuer.sign(&rsa(), &oidc(EMPTY), Key::Rsa), REFUSED);
    cases
}
