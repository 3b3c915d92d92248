//! `/api/access-keys`: keys with which other servers act in a tenant, made and taken back by its admins. A key is shown
//! once, in the answer that makes it.

use axum::Json;
use axum::extract::{FromRef, Path, State};
use axum::response::IntoResponse;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Input;
use super::openapi::refused;
use super::refusals::too_fast;
use super::sessions::fields;
use super::{Caller, Code, Peer, Problem};
use crate::clock::rfc3339;
use crate::identity::access_keys::Wanted as Made;
use crate::identity::{AccessKey, Door, Identity, Role, Scope};
use crate::ids::AccessKeyId;
use crate::store::access_keys::MOST;

/// Longest life that may be asked for; without one a key is good until it is revoked.
const MAX_DAYS: u32 = 3_650;
const DAY_MS: i64 = 24 * 3_600 * 1_000;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = NewAccessKey)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    scopes: Vec<Scope>,
    expires_in_days: Option<u32>,
}

/// A key as it is shown.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AccessKey)]
struct View {
    id: AccessKeyId,
    name: String,
    prefix: String,
    scopes: Vec<Scope>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
}

impl From<AccessKey> for View {
    fn from(key: AccessKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes,
            created_at: rfc3339(key.created_at),
            expires_at: key.expires_at.map(rfc3339),
            revoked_at: key.revoked_at.map(rfc3339),
            last_used_at: key.last_used_at.map(rfc3339),
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = FreshAccessKey)]
struct Fresh {
    #[serde(flatten)]
    view: View,
    /// The key itself: shown here and never again.
    value: String,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AccessKeys)]
struct List {
    items: Vec<View>,
}

/// Make an access key
#[utoipa::path(post, path = "/api/access-keys", operation_id = "makeAccessKey", tag = "tenant", request_body = Wanted,
    responses((status = 201, description = "The key: shown here and never again.", body = Fresh), refused::Collides,
        refused::TooFast))]
async fn make(
    caller: Caller,
    peer: Peer,
    State(identity): State<Identity>,
    Input(wanted): Input<Wanted>,
) -> Result<impl IntoResponse, Problem> {
    let admin = caller.require(Role::Admin)?;
    identity.rates().knock_as(Door::Keys, peer.0, caller.principal.ctx()).map_err(too_fast)?;
    let name = fields::label("name", Some(wanted.name))?
        .ok_or_else(|| fields::invalid("name", "`name` says what the key is for."))?;
    let mut scopes = wanted.scopes;
    scopes.dedup();
    if scopes.is_empty() || scopes.len() > Scope::ALL.len() {
        return Err(fields::invalid(
            "scopes",
            "`scopes` needs at least one of sessions:write, sessions:read, tickets:write.",
        ));
    }
    let expires_at = match wanted.expires_in_days {
        None => None,
        Some(days @ 1..=MAX_DAYS) => Some(identity.now_unix_ms() + i64::from(days) * DAY_MS),
        Some(_) => {
            return Err(fields::invalid("expires_in_days", format!("`expires_in_days` must be from 1 to {MAX_DAYS}.")));
        }
    };
    let made =
        identity.access_keys().make(caller.principal.ctx(), admin.user, Made { name, scopes, expires_at }).await?;
    let (secret, key) = made.ok_or_else(|| {
        Problem::new(Code::Conflict, format!("There are {MOST} access keys already. Revoke one that is not used."))
    })?;
    tracing::info!(key = %key.id, "an access key was made");
    let fresh = Fresh { view: key.into(), value: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(fresh)))
}

/// List access keys
#[utoipa::path(get, path = "/api/access-keys", operation_id = "listAccessKeys", tag = "tenant",
    responses((status = 200, description = "The tenant's, revoked ones too.", body = List)))]
async fn list(caller: Caller, State(identity): State<Identity>) -> Result<Json<List>, Problem> {
    caller.require(Role::Admin)?;
    let keys = identity.access_keys().list(caller.principal.ctx()).await?;
    Ok(Json(List { items: keys.into_iter().map(View::from).collect() }))
}

/// Revoke an access key
#[utoipa::path(delete, path = "/api/access-keys/{id}", operation_id = "revokeAccessKey", tag = "tenant",
    params(("id" = AccessKeyId, Path)), responses((status = 204, description = "It is good for nothing now.")))]
async fn revoke(
    caller: Caller,
    State(identity): State<Identity>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Role::Admin)?;
    let id: AccessKeyId =
        id.parse().map_err(|_| Problem::new(Code::BadMessage, "The id in the address is not a UUID."))?;
    if !identity.access_keys().revoke(caller.principal.ctx(), id).await? {
        return Err(Problem::not_found());
    }
    tracing::info!(key = %id, "an access key was revoked");
    Ok(StatusCode::NO_CONTENT)
}
