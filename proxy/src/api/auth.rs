//! `/auth/*`: signing in and out for the pages. A browser leaves for a provider and comes back with a code; or a page brings
//! a token once. What it then has is a cookie that means nothing by itself. Nothing secret is in an address but the code,
//! which is good once and only together with what this browser kept.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{LOCATION, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Input;
use super::caller::{self, COOKIE, cookie, header, host};
use super::openapi::refused;
use super::refusals::too_fast;
use super::{Code, Peer, Problem, claims};
use crate::identity::{Credential, Door, Flow, Guests, Identity, Reach, SignInError, SignInSecret, SigningError, Way};

/// What a browser keeps between leaving and coming back, for ten minutes.
const FLOW: &str = "viva_sign_in";
const FLOW_S: u32 = 600;
/// Where it goes then.
const NEXT: &str = "viva_next";
const MAX_NEXT: usize = 200;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(offered))
        .routes(routes!(login))
        .routes(routes!(callback))
        .routes(routes!(session))
        .routes(routes!(logout))
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SignInOffers)]
struct Offered {
    /// The local guest can sign in here.
    guest: bool,
    providers: Vec<Offer>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SignInOffer)]
struct Offer {
    id: String,
    label: String,
}

/// Ways to sign in
///
/// For the sign-in page; says nothing about the caller.
#[utoipa::path(get, path = "/auth/providers", operation_id = "listProviders", tag = "people", security(()),
    responses((status = 200, description = "What is offered here.", body = Offered)))]
async fn offered(State(identity): State<Identity>) -> Json<Offered> {
    let offer = |(id, label): (&str, &str)| Offer { id: id.to_owned(), label: label.to_owned() };
    let providers = identity.providers().offered().map(offer).collect();
    Json(Offered { guest: identity.guests() == Guests::Offered, providers })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Departure {
    provider: String,
    next: Option<String>,
}

/// Leave for a provider
#[utoipa::path(get, path = "/auth/login", operation_id = "signInAway", tag = "people", security(()),
    params(("provider" = String, Query), ("next" = Option<String>, Query, description = "A path of this server to come back to.")),
    responses((status = 303, description = "To the provider."), refused::NotAllowed, refused::NoObject, refused::TooFast))]
async fn login(
    State(identity): State<Identity>,
    peer: Peer,
    parts: Parts,
    wanted: Result<Query<Departure>, QueryRejection>,
) -> Result<Response, Problem> {
    let base = base(&identity, &parts)?;
    let Query(wanted) =
        wanted.map_err(|_| Problem::new(Code::BadMessage, "The address takes `provider` and `next` only."))?;
    identity.rates().knock(Door::SignIn, peer.0).map_err(too_fast)?;
    let begun = identity.providers().begin(&wanted.provider, &callback_of(&base)).ok_or_else(Problem::not_found)?;
    let next = wanted.next.as_deref().filter(|next| is_own_path(next)).unwrap_or("/");
    let kept = [(FLOW, begun.flow.cookie()), (NEXT, hex::encode(next))];
    let kept = kept.map(|(name, value)| set(&identity, name, &value, "/auth", FLOW_S));
    Ok(redirect(&begun.location, kept))
}

/// What a provider sends a browser back with. Unknown parameters are normal: providers add some.
#[derive(Deserialize)]
struct Arrival {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// Come back from a provider
#[utoipa::path(get, path = "/auth/callback", operation_id = "signInBack", tag = "people", security(()),
    params(("code" = Option<String>, Query), ("state" = Option<String>, Query), ("error" = Option<String>, Query)),
    responses((status = 303, description = "To the page that was left, or to the sign-in page with what went wrong."),
        refused::NotAllowed, refused::TooFast, refused::NoStore))]
async fn callback(
    State(identity): State<Identity>,
    peer: Peer,
    parts: Parts,
    arrival: Result<Query<Arrival>, QueryRejection>,
) -> Result<Response, Problem> {
    let base = base(&identity, &parts)?;
    identity.rates().knock(Door::SignIn, peer.0).map_err(too_fast)?;
    let gone = [FLOW, NEXT].map(|name| set(&identity, name, "", "/auth", 0));
    let flow = caller::named_cookie(&parts.headers, FLOW).and_then(Flow::from_cookie);
    let next = caller::named_cookie(&parts.headers, NEXT)
        .and_then(|value| hex::decode(value).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|next| is_own_path(next))
        .unwrap_or_else(|| "/".to_owned());
    let back = |why: &str| redirect(&format!("/sign-in?error={why}"), gone.clone());
    let Ok(Query(arrival)) = arrival else { return Ok(back("failed")) };
    let (Some(flow), Some(code)) = (flow, arrival.code) else {
        return Ok(back(if arrival.error.is_some() { "denied" } else { "expired" }));
    };
    match identity.sign_in_by_code(&flow, &code, arrival.state.as_deref(), &callback_of(&base)).await {
        Ok(secret) => {
            let kept = claims::keep(&identity, &parts.headers).await?;
            Ok(redirect(&next, gone.into_iter().chain([signed_in(&identity, &secret)]).chain(kept)))
        }
        Err(SigningError::Store(error)) => Err(error.into()),
        Err(SigningError::SignIn(error)) => {
            tracing::info!(%error, "a sign-in came to nothing");
            Ok(back(match error {
                SignInError::NotBegun => "expired",
                SignInError::Unavailable => "unavailable",
                SignInError::Refused | SignInError::Token(_) => "failed",
            }))
        }
    }
}

/// The body of `POST /auth/session`: a token to sign in with; without one the cookie is replaced by a fresh one.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ShownToken)]
#[serde(deny_unknown_fields)]
struct Shown {
    token: Option<String>,
}

/// Sign in with a token, or renew
///
/// Without a token the cookie is replaced by a fresh one.
#[utoipa::path(post, path = "/auth/session", operation_id = "signIn", tag = "people", security(()), request_body = Shown,
    responses((status = 204, description = "Signed in: the answer sets the cookie."), refused::NotAllowed,
        refused::NoSignIn, refused::TooFast))]
async fn session(
    State(identity): State<Identity>,
    peer: Peer,
    parts: Parts,
    Input(shown): Input<Shown>,
) -> Result<Response, Problem> {
    own_page(&identity, &parts)?;
    identity.rates().knock(Door::SignIn, peer.0).map_err(too_fast)?;
    let sign_in = || Problem::new(Code::AuthenticationFailed, "Sign in again.");
    let is_new = shown.token.is_some();
    let secret = match shown.token {
        Some(token) => identity.sign_in_by_token(&token).await?,
        None => {
            let presented = cookie(&parts.headers).ok_or_else(sign_in)?;
            identity.by_cookie(presented).await?.ok_or_else(sign_in)?;
            identity.renew(presented).await?.ok_or_else(sign_in)?
        }
    };
    let kept = if is_new { claims::keep(&identity, &parts.headers).await? } else { None };
    Ok(with_cookies(StatusCode::NO_CONTENT, [signed_in(&identity, &secret)].into_iter().chain(kept)))
}

/// The body of `POST /auth/logout`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = SignOut)]
#[serde(deny_unknown_fields)]
struct Leave {
    #[serde(default)]
    everywhere: bool,
}

/// Sign out
///
/// Signing out succeeds also for whoever is not signed in.
#[utoipa::path(post, path = "/auth/logout", operation_id = "signOut", tag = "people", security(()), request_body = Leave,
    responses((status = 204, description = "Signed out: the answer takes the cookie."), refused::NotAllowed,
        refused::NoStore))]
async fn logout(
    State(identity): State<Identity>,
    parts: Parts,
    Input(leave): Input<Leave>,
) -> Result<Response, Problem> {
    own_page(&identity, &parts)?;
    if let Some(presented) = cookie(&parts.headers) {
        let reach = if leave.everywhere { Reach::Everywhere } else { Reach::Here };
        identity.sign_out(presented, reach).await?;
    }
    let gone = [set(&identity, COOKIE, "", "/", 0), claims::forget(&identity)];
    Ok(with_cookies(StatusCode::NO_CONTENT, gone))
}

/// A cookie may be given, changed or taken only for one of our own pages.
fn own_page(identity: &Identity, parts: &Parts) -> Result<(), Problem> {
    let host = host(parts).unwrap_or_default();
    let origin = header(&parts.headers, ORIGIN.as_str());
    Ok(identity.origins().check(Way::Write, Credential::Cookie, Some(&host), origin)?)
}

/// The address that the provider knows us by.
fn base(identity: &Identity, parts: &Parts) -> Result<String, Problem> {
    let host = host(parts).unwrap_or_default();
    identity.origins().check(Way::Read, Credential::None, Some(&host), None)?;
    Ok(identity.origins().base(&host))
}

fn callback_of(base: &str) -> String {
    format!("{base}/auth/callback")
}

/// A path of this server, which no browser takes for another one's address.
fn is_own_path(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
    text.len() <= MAX_NEXT && text.starts_with('/') && !text.starts_with("//") && text.bytes().all(plain)
}

/// A header that sets one.
pub(super) type SetCookie = (HeaderName, HeaderValue);

/// `Lax` and not `Strict`: whoever comes back from a provider must be signed in on the page they land on.
fn signed_in(identity: &Identity, secret: &SignInSecret) -> SetCookie {
    let lifetime_s = u32::try_from(SignInSecret::LIFETIME_MS / 1_000).expect("half a day");
    set(identity, COOKIE, secret.expose(), "/", lifetime_s)
}

/// A cookie of ours; no seconds take it away.
pub(super) fn set(identity: &Identity, name: &str, value: &str, path: &str, seconds: u32) -> SetCookie {
    // Without https there is only loopback, where `Secure` would keep some browsers from storing it.
    let secure = if identity.origins().is_secure() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    let mut cookie = HeaderValue::try_from(cookie).expect("base64url, hex and plain attributes");
    cookie.set_sensitive(true);
    (SET_COOKIE, cookie)
}

fn redirect(location: &str, cookies: impl IntoIterator<Item = SetCookie>) -> Response {
    let mut headers = HeaderMap::new();
    match HeaderValue::try_from(location) {
        Ok(location) => headers.insert(LOCATION, location),
        Err(_) => return Problem::internal().into_response(),
    };
    for (name, value) in cookies {
        headers.append(name, value);
    }
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn with_cookies(status: StatusCode, cookies: impl IntoIterator<Item = SetCookie>) -> Response {
    let mut response = status.into_response();
    for (name, value) in cookies {
        response.headers_mut().append(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_back_to_a_path_of_this_server_only() {
        for good in ["/", "/dashboard", "/interview/0190?x=1#y"] {
            assert!(is_own_path(good), "{good}");
        }
        for bad in ["", "dashboard", "//evil.example", "/\\evil.example", "/a b", "/a\nb", "https://evil.example", "/é"]
        {
            assert!(!is_own_path(bad), "{bad}");
        }
        assert!(!is_own_path(&format!("/{}", "x".repeat(200))));
    }
}
