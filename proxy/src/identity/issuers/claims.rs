//! What a token with a good signature must say. Pure: the time is given.

use std::fmt;

use serde_json::{Map, Value};

use super::error::TokenError;
use super::spec::{IssuerSpec, UserIds};
use crate::ids::UserId;
use crate::store::people::Profile;

/// How far clocks may differ, seconds; for `nbf` and `iat` only.
const LEEWAY_S: i64 = 30;
/// Longest subject, name and e-mail address that are kept.
const MAX_SUBJECT: usize = 255;
const MAX_NAME: usize = 120;
const MAX_EMAIL: usize = 254;
const MAX_URL: usize = 1_024;

/// What a believed token says.
#[derive(Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Who vouches.
    pub issuer: String,
    /// Whom they mean.
    pub subject: String,
    /// What they say of them.
    pub profile: Profile,
    /// The tenant the token names, by id or name; a wish until there is a membership.
    pub tenant: Option<String>,
    /// The id that the person should have with us, where the issuer's own ids are good for that.
    pub user: Option<UserId>,
    /// Until when, Unix milliseconds.
    pub expires_at: i64,
    /// `nonce`, for whoever began a sign-in with one.
    pub nonce: Option<String>,
}

impl fmt::Debug for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vouched").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

pub(super) fn check(claims: &Map<String, Value>, spec: &IssuerSpec, now_s: i64) -> Result<Vouched, TokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(spec.issuer.as_str()) {
        return Err(TokenError::UnknownIssuer);
    }
    let subject = text("sub").filter(|subject| is_plain(subject, MAX_SUBJECT)).ok_or(TokenError::Missing("sub"))?;
    let expires_s = date(claims, "exp")?.ok_or(TokenError::Missing("exp"))?;
    if !is_for(claims.get("aud").ok_or(TokenError::Missing("aud"))?, &spec.audiences) {
        return Err(TokenError::Audience);
    }
    for name in ["nbf", "iat"] {
        if date(claims, name)?.is_some_and(|from| from > now_s.saturating_add(LEEWAY_S)) {
            return Err(TokenError::NotYet);
        }
    }
    if expires_s <= now_s {
        return Err(TokenError::Expired);
    }
    // A person whom the issuer does not know either would be a guest with our key.
    let anonymous = claims.get("is_anonymous") == Some(&Value::Bool(true));
    if anonymous || spec.required.iter().any(|(claim, wanted)| text(claim) != Some(wanted)) {
        return Err(TokenError::NotForPeople);
    }
    Ok(Vouched {
        issuer: spec.issuer.clone(),
        subject: subject.to_owned(),
        profile: profile(claims),
        tenant: spec.tenant_claim.as_ref().and_then(|path| path.find(claims)).map(str::to_owned),
        user: match spec.user_ids {
            UserIds::Ours => None,
            UserIds::Subject => subject.parse().ok(),
        },
        expires_at: expires_s.saturating_mul(1_000),
        nonce: text("nonce").map(str::to_owned),
    })
}

/// NumericDate (RFC 7519 §2): seconds, perhaps with a fraction, which is cut. A claim of another type is refused.
fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let fraction = || value.as_f64().filter(|seconds| seconds.abs() < 1e15);
    #[expect(clippy::cast_possible_truncation, reason = "bounded far below 2^63 just before")]
    let seconds = value.as_i64().or_else(|| fraction().map(|seconds| seconds.floor() as i64));
    seconds.map(Some).ok_or(TokenError::Missing(name))
}

/// `aud` is one name or several (RFC 7519 §4.1.3); one of them must be ours.
fn is_for(audience: &Value, ours: &[String]) -> bool {
    let is_ours = |value: &Value| value.as_str().is_some_and(|name| ours.iter().any(|own| own == name));
    match audience {
        Value::Array(names) => names.iter().any(is_ours),
        name => is_ours(name),
    }
}

/// For showing only. `user_metadata` is written by its user, which is what a name may be; an e-mail address is not taken
/// from there, and not when the issuer says that it did not check it.
fn profile(claims: &Map<String, Value>) -> Profile {
    let own_words = claims.get("user_metadata").and_then(Value::as_object);
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let told = |name: &str| own_words.and_then(|words| words.get(name)).and_then(Value::as_str);
    let name = [text("name"), told("full_name"), told("name")].into_iter().flatten().map(str::trim);
    let picture = [text("picture"), told("avatar_url")].into_iter().flatten();
    let unchecked = claims.get("email_verified") == Some(&Value::Bool(false));
    Profile {
        name: name.filter(|name| !name.is_empty()).map(|name| shortened(name, MAX_NAME)).next(),
        email: text("email")
            .filter(|email| !unchecked && is_plain(email, MAX_EMAIL) && email.contains('@'))
            .map(str::to_owned),
        avatar_url: picture
            .filter(|url| is_plain(url, MAX_URL) && url.starts_with("https://"))
            .map(str::to_owned)
            .next(),
    }
}

fn is_plain(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}
