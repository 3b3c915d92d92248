//! `POST /v1/realtime/client_secrets`: a secret for somebody else's client, good to start one call with the settings that
//! it was minted with. The model, its key and its price are the server's; so is how long a secret may live at most.

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Desk;
use super::SESSION;
use super::bearer::Bearer;
use crate::api::openapi::refused;
use crate::api::sessions::Made;
use crate::api::sessions::conversation::{Conversing, Wanted, With, converse};
use crate::api::{Code, Peer, Problem, ProviderProblem};
use crate::call::Door;
use crate::identity::{Door as Rate, Way};
use crate::upstream::dialect::Dialect;
use crate::upstream::settings::{self, Offered, Unfit};

/// Instructions and tools, and room.
const MAX_BODY: usize = 64 * 1024;
/// For how long a secret may start its call, seconds; the provider's own limits and default.
const SECONDS: std::ops::RangeInclusive<u64> = 10..=7_200;
const DEFAULT_SECONDS: u64 = 600;
/// The provider takes marks of at most 64 characters.
const MAX_SAFETY_ID: usize = 64;
const SAFETY_IDENTIFIER: HeaderName = HeaderName::from_static("openai-safety-identifier");

/// The provider's body, and beside it what only Viva knows.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[schema(as = SecretWish)]
#[serde(deny_unknown_fields)]
struct Wish {
    expires_after: Option<ExpiresAfter>,
    /// The provider's session object.
    #[schema(value_type = Option<Object>)]
    session: Option<Value>,
    viva: Option<Wanted>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ExpiresAfter {
    /// `created_at`, the only one.
    anchor: Option<String>,
    /// 10 to 7200, usually 600.
    #[schema(value_type = Option<u64>)]
    seconds: Option<Value>,
}

/// The provider's answer.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ClientSecret)]
struct Minted {
    /// Shown here and never again.
    value: String,
    /// Until when it starts a call, Unix seconds.
    expires_at: i64,
    /// What the call will be, the model included.
    #[schema(value_type = Object)]
    session: Value,
}

/// Mint a client secret
///
/// The provider's own contract. The session is what the call is created with; how firmly it stands says `viva.policy`.
/// Besides that `viva` takes the consent of the person, who they are (for access keys), and a title.
#[utoipa::path(post, path = "/v1/realtime/client_secrets", operation_id = "createClientSecret", tag = "calls",
    security(("bearer" = []), ("access_key" = ["sessions:write"])), request_body = Wish,
    responses((status = 200, description = "Minted.", body = Minted), refused::NoKey, refused::TooFast))]
pub(super) async fn mint(State(desk): State<Desk>, peer: Peer, request: Request) -> Response {
    minted(&desk, peer, request).await.unwrap_or_else(|problem| ProviderProblem(problem).into_response())
}

async fn minted(desk: &Desk, peer: Peer, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let caller = match Bearer::of(desk, &parts, Way::Write).await? {
        Bearer::Caller(caller) => caller,
        Bearer::Secret(_) => {
            return Err(Problem::new(
                Code::Forbidden,
                "A client secret cannot mint another. Use the key it came from.",
            ));
        }
    };
    desk.identity
        .rates()
        .knock_as(Rate::Sessions, peer.0, caller.principal.ctx())
        .map_err(|wait| Problem::new(Code::RateLimited, "Too many secrets. Wait and try again.").retry_after(wait))?;
    let Wish { expires_after, session, viva } = read(&parts.headers, body).await?;
    let lifetime = lifetime(expires_after)?;
    let session = check(desk, session.as_ref())?;
    let safety_id = safety_id(&parts.headers)?;
    let wanted = viva.unwrap_or_default();
    let conversing = Conversing { session, lifetime, wanted, safety_id };
    let Made { session, secret, ticket } = converse(with(desk), &caller, conversing).await.map_err(as_theirs)?;
    let booking = desk.calls.book(&session, ticket.policy, Door::DropIn).map_err(|error| {
        tracing::error!(%error, "a session cannot be called");
        Problem::internal()
    })?;
    let mut shown = desk.calls.opening(&booking);
    shown["object"] = "realtime.session".into();
    shown["id"] = format!("sess_viva_{}", session.new.id.0.simple()).into();
    shown["expires_at"] = 0.into();
    let minted =
        Minted { value: secret.expose().to_owned(), expires_at: ticket.expires_at.div_euclid(1_000), session: shown };
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (SESSION, HeaderValue::try_from(session.new.id.to_string()).expect("ids are ASCII")),
    ];
    Ok((headers, Json(minted)).into_response())
}

/// What it takes to make a conversation.
pub(super) fn with(desk: &Desk) -> With<'_> {
    let Desk { store, identity, upstream, keychain, .. } = desk;
    With { identity, store: store.as_ref(), upstream, keychain }
}

/// A session's settings, as far as they are the application's to choose.
///
/// # Errors
/// 400 with the field's name.
pub(super) fn check(desk: &Desk, session: Option<&Value>) -> Result<Value, Problem> {
    speaks_realtime(desk)?;
    let profile = desk.upstream.profile();
    let offered = Offered { model: &profile.model, transcription_model: &profile.transcription_model };
    let Some(session) = session else { return Ok(Value::Object(serde_json::Map::new())) };
    settings::check(session, offered).map_err(|Unfit { param, code, detail }| {
        as_theirs(Problem::new(Code::ValidationFailed, detail).of_field(param)).known_as(code)
    })
}

/// Whether the server's model speaks the interface that this contract is of.
///
/// # Errors
/// 400 where it speaks another one: a client of this contract would understand nothing of it.
pub(super) fn speaks_realtime(desk: &Desk) -> Result<(), Problem> {
    if desk.upstream.dialect() == Dialect::Realtime {
        return Ok(());
    }
    let detail = "This server's model does not speak the Realtime interface.";
    Err(as_theirs(Problem::new(Code::ValidationFailed, detail)).known_as("model_not_supported"))
}

/// A value that is not acceptable is a 400 in the provider's contract.
pub(super) fn as_theirs(problem: Problem) -> Problem {
    if problem.code() == Code::ValidationFailed {
        problem.with_status(http::StatusCode::BAD_REQUEST).known_as("invalid_value")
    } else {
        problem
    }
}

/// `OpenAI-Safety-Identifier`: an application that sends it says by it who speaks.
///
/// # Errors
/// 400 for one that the provider would not take.
pub(super) fn safety_id(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(SAFETY_IDENTIFIER) else { return Ok(None) };
    let legal = |text: &&str| (1..=MAX_SAFETY_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    match value.to_str().ok().filter(legal) {
        Some(mark) => Ok(Some(mark.to_owned())),
        None => Err(Problem::new(
            Code::BadMessage,
            "OpenAI-Safety-Identifier must be 1 to 64 visible characters: a hash, never a name or an address.",
        )),
    }
}

/// All of a request is optional, its body too.
async fn read(headers: &HeaderMap, body: axum::body::Body) -> Result<Wish, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send JSON with `Content-Type: application/json`."));
    }
    let bytes = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::new(Code::PayloadTooLarge, "The body may have at most 64 KiB.")
        } else {
            Problem::new(Code::BadMessage, "The body broke off.")
        }
    })?;
    let bytes = bytes.to_bytes();
    if bytes.is_empty() {
        return Ok(Wish::default());
    }
    serde_json::from_slice(&bytes).map_err(|error| as_theirs(crate::api::fault(&error)))
}

fn lifetime(wanted: Option<ExpiresAfter>) -> Result<Duration, Problem> {
    let wrong = |at: &'static str, what: &str| {
        let detail = format!("Invalid value for '{at}': {what}.");
        as_theirs(Problem::new(Code::ValidationFailed, detail).of_field(at))
    };
    let Some(ExpiresAfter { anchor, seconds }) = wanted else { return Ok(Duration::from_secs(DEFAULT_SECONDS)) };
    if anchor.is_some_and(|anchor| anchor != "created_at") {
        return Err(wrong("expires_after.anchor", "supported is 'created_at'"));
    }
    let seconds = match seconds {
        None | Some(Value::Null) => DEFAULT_SECONDS,
        Some(seconds) => seconds
            .as_u64()
            .filter(|seconds| SECONDS.contains(seconds))
            .ok_or_else(|| wrong("expires_after.seconds", "supported are integers from 10 to 7200"))?,
    };
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_lives_as_long_as_the_provider_s_would() {
        let of = |wish: Value| lifetime(serde_json::from_value(wish).expect("its form"));
        assert_eq!(lifetime(None).map(|life| life.as_secs()), Ok(600));
        assert_eq!(of(json!({ "anchor": "created_at", "seconds": 10 })).map(|life| life.as_secs()), Ok(10));
        assert_eq!(of(json!({ "seconds": 7_200 })).map(|life| life.as_secs()), Ok(7_200));
        for seconds in [json!(9), json!(7_201), json!(-1), json!("60"), json!(60.5)] {
            let refused = of(json!({ "seconds": seconds })).expect_err("out of bounds");
            assert_eq!(refused.field(), Some("expires_after.seconds"));
        }
        assert!(of(json!({ "anchor": "now" })).is_err());
    }
}
