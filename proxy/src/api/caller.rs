//! [`Caller`]: who sent a request. Credentials are judged first (401), then where it came from (403): a cookie needs one
//! of our own pages behind it. A bearer that is not valid is refused even when a good cookie lies beside it, because
//! the sender meant the bearer.

use axum::extract::{FromRef, FromRequestParts};
use http::header::{AUTHORIZATION, COOKIE as COOKIE_HEADER, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method};

use super::{Code, Problem};
use crate::identity::{
    AccessKeySecret, Credential, Identity, Person, Principal, Recognised, Role, TicketSecret, VerifiedToken, Way,
};

/// Where an access key may come, besides `Authorization: Bearer`.
const API_KEY: &str = "x-api-key";
/// Name of the sign-in cookie.
pub const COOKIE: &str = "viva_session";

/// A recognised caller whose request may be served.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who acts.
    pub principal: Principal,
    /// The `Host` it used, checked.
    pub host: String,
    /// The issuer's token that says who it is, if one does: a store that knows the issuer is asked as them.
    pub token: Option<VerifiedToken>,
}

impl Caller {
    /// The person, where a ticket is not enough.
    ///
    /// # Errors
    /// 403 for the holder of a ticket.
    pub fn person(&self) -> Result<&Person, Problem> {
        match &self.principal {
            Principal::Person(person) => Ok(person),
            Principal::Ticket(_) => Err(Problem::new(Code::Forbidden, "A ticket opens its own session only. Sign in.")),
            Principal::AccessKey(_) => Err(no_keys()),
        }
    }

    /// The person, if they have at least this role in the tenant they act in. Whether an object is theirs is another
    /// question, which the store answers.
    ///
    /// # Errors
    /// 403 for a lesser role, and for the holder of a ticket.
    pub fn require(&self, least: Role) -> Result<&Person, Problem> {
        let person = self.person()?;
        if person.role >= least {
            return Ok(person);
        }
        let detail =
            format!("In this tenant that takes the role `{}`; yours is `{}`.", least.as_str(), person.role.as_str());
        Err(Problem::new(Code::Forbidden, detail))
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Identity: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Self::of_any_kind(parts, &Identity::from_ref(state)).await?;
        match caller.principal {
            Principal::AccessKey(_) => Err(no_keys()),
            Principal::Person(_) | Principal::Ticket(_) => Ok(caller),
        }
    }
}

fn no_keys() -> Problem {
    Problem::new(Code::Forbidden, "An access key is not taken here. Sign in.")
}

impl Caller {
    /// Whoever it is, other servers too.
    pub(crate) async fn of_any_kind(parts: &Parts, identity: &Identity) -> Result<Self, Problem> {
        let Shown { principal, credential, token } = recognise(identity, &parts.headers).await?;
        let way = if matches!(parts.method, Method::GET | Method::HEAD) { Way::Read } else { Way::Write };
        let host = host(parts).unwrap_or_default();
        identity.origins().check(way, credential, Some(&host), header(&parts.headers, ORIGIN.as_str()))?;
        Ok(Self { principal, host, token })
    }
}

/// Who a request's headers say it is.
struct Shown {
    principal: Principal,
    credential: Credential,
    token: Option<VerifiedToken>,
}

impl Shown {
    fn by(credential: Credential, principal: Principal) -> Self {
        Self { principal, credential, token: None }
    }
}

async fn recognise(identity: &Identity, headers: &HeaderMap) -> Result<Shown, Problem> {
    if let Some(value) = headers.get(API_KEY) {
        // Whoever sends two credentials means two callers.
        let only = !headers.contains_key(AUTHORIZATION) && headers.get_all(API_KEY).iter().count() == 1;
        let presented = value.to_str().ok().filter(|_| only).unwrap_or_default();
        return by_access_key(identity, presented.trim()).await;
    }
    if let Some(value) = headers.get(AUTHORIZATION) {
        let secret = value.to_str().ok().and_then(bearer).unwrap_or_default();
        if secret.starts_with(AccessKeySecret::PREFIX) && !secret.contains('.') {
            return by_access_key(identity, secret).await;
        }
        // A ticket has no dots and a token has two: neither is ever tried as the other.
        if !secret.starts_with(TicketSecret::PREFIX) && secret.contains('.') {
            let person = Principal::Person(identity.by_token(secret).await?);
            return Ok(Shown { token: Some(VerifiedToken::new(secret)), ..Shown::by(Credential::Bearer, person) });
        }
        return match identity.by_ticket(secret).await? {
            Recognised::Yes(ticket) => Ok(Shown::by(Credential::Bearer, Principal::Ticket(ticket))),
            Recognised::Expired => {
                Err(Problem::new(Code::TokenExpired, "The ticket has expired. Ask for a fresh one."))
            }
            Recognised::No => Err(Problem::new(
                Code::AuthenticationFailed,
                "The bearer is neither a ticket nor a token for this server.",
            )),
        };
    }
    let sign_in = || Problem::new(Code::AuthenticationFailed, "Sign in first, or send a ticket or a token as bearer.");
    let cookie = cookie(headers).ok_or_else(sign_in)?;
    let person = identity.by_cookie(cookie).await?.ok_or_else(sign_in)?;
    Ok(Shown::by(Credential::Cookie, Principal::Person(person)))
}

async fn by_access_key(identity: &Identity, presented: &str) -> Result<Shown, Problem> {
    let unknown =
        || Problem::new(Code::AuthenticationFailed, "The access key is not known here, was revoked, or has expired.");
    let key = identity.access_keys().resolve(presented).await?.ok_or_else(unknown)?;
    Ok(Shown::by(Credential::Bearer, Principal::AccessKey(key)))
}

/// For doors where a credential may come later: what is presented must be good, but nothing needs to be.
///
/// # Errors
/// As [`Caller`], for a presented credential.
pub async fn recognise_if_present(identity: &Identity, headers: &HeaderMap) -> Result<Option<Credential>, Problem> {
    match presented(headers) {
        Some(_) => recognise(identity, headers).await.map(|shown| Some(shown.credential)),
        None => Ok(None),
    }
}

/// What kind of credential a request brings, good or not.
pub(crate) fn presented(headers: &HeaderMap) -> Option<Credential> {
    if headers.contains_key(API_KEY) || headers.contains_key(AUTHORIZATION) {
        Some(Credential::Bearer)
    } else {
        cookie(headers).map(|_| Credential::Cookie)
    }
}

/// The secret of `Bearer …`; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The sign-in cookie. With two of the name neither counts: one may have been planted by a sibling domain.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    named_cookie(headers, COOKIE)
}

/// A cookie by its name, if there is exactly one.
pub(super) fn named_cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let mut found = headers
        .get_all(COOKIE_HEADER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value);
    found.next().filter(|_| found.next().is_none())
}

/// `Host`, or the authority of an absolute request target.
pub(super) fn host(parts: &Parts) -> Option<String> {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    header(&parts.headers, HOST.as_str()).or(authority).map(str::to_owned)
}

/// A header that is there exactly once and is text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (COOKIE_HEADER, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others_and_not_when_there_are_two() {
        assert_eq!(cookie(&with(&["a=b; viva_session=x; c=d"])), Some("x"));
        assert_eq!(cookie(&with(&["viva_session_2=x"])), None);
        assert_eq!(cookie(&with(&["viva_session=x; viva_session=y"])), None);
        assert_eq!(cookie(&with(&["viva_session=x", "viva_session=y"])), None);
    }

    #[test]
    fn a_bearer_is_recognised_in_any_case() {
        assert_eq!(bearer("bearer x"), Some("x"));
        assert_eq!(bearer("Basic x"), None);
        assert_eq!(bearer("Bearer"), None);
    }
}
