//! `POST /auth/guest`: the local guest signs in. It exists only on a server that listens on loopback and has no other
//! way to sign in, for a page or program on the same machine: peer, `Host` and `Origin` must all say so.

use axum::extract::{FromRef, State};
use http::header::{ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::{COOKIE, header, host};
use super::openapi::refused;
use super::refusals::too_fast;
use super::{Code, Peer, Problem};
use crate::identity::{Door, Guests, Identity, SignInSecret};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(sign_in))
}

type Cookie = [(HeaderName, HeaderValue); 1];

/// Sign in as a guest
///
/// Only for pages and programs of the same machine, and only while nobody else can sign in.
#[utoipa::path(post, path = "/auth/guest", operation_id = "signInGuest", tag = "people", security(()),
    responses((status = 204, description = "Signed in: the answer sets the cookie."), refused::NotAllowed,
        refused::NoObject, refused::TooFast, refused::NoStore))]
async fn sign_in(State(identity): State<Identity>, peer: Peer, parts: Parts) -> Result<(StatusCode, Cookie), Problem> {
    if identity.guests() == Guests::Off {
        return Err(Problem::not_found());
    }
    let host = host(&parts).unwrap_or_default();
    let page = header(&parts.headers, ORIGIN.as_str()).unwrap_or_default();
    if !peer.is_local(&parts.headers) || !identity.origins().is_local_page(&host, page) {
        let how = "Guests exist only on this machine: open the address that the server printed, or send its Origin.";
        return Err(Problem::new(Code::Forbidden, how));
    }
    identity.rates().knock(Door::SignIn, peer.0).map_err(too_fast)?;
    let secret = identity.sign_in_guest().await?;
    // No `Secure`: on loopback there is no https. `Strict` keeps it out of every request that another site starts.
    let lifetime_s = SignInSecret::LIFETIME_MS / 1_000;
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={lifetime_s}", secret.expose());
    let mut cookie = HeaderValue::try_from(cookie).expect("base64url and plain attributes");
    cookie.set_sensitive(true);
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]))
}
