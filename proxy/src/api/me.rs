//! `GET /api/me`: who the caller is and where they belong; `POST /api/me/tenant`: where they act from now on. Neither
//! signs anybody in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, State};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Input;
use super::openapi::refused;
use super::{Caller, Problem};
use crate::identity::{Identity, Role};
use crate::ids::{TenantId, UserId};
use crate::store::people::{People, TenantKind};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn People>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(me)).routes(routes!(status)).routes(routes!(choose))
}

#[derive(Serialize, utoipa::ToSchema)]
struct Me {
    user: User,
    /// The one that this request acted in comes first.
    tenants: Vec<Tenant>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Myself)]
struct User {
    id: UserId,
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = MyTenant)]
struct Tenant {
    id: TenantId,
    name: String,
    kind: TenantKind,
    role: Role,
    active: bool,
}

/// The body of `POST /api/me/tenant`.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ChosenTenant)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tenant: TenantId,
}

/// Who am I
#[utoipa::path(get, path = "/api/me", operation_id = "getMe", tag = "people",
    responses((status = 200, description = "The person and where they belong.", body = Me), refused::NoObject))]
async fn me(caller: Caller, State(people): State<Arc<dyn People>>) -> Result<Json<Me>, Problem> {
    let person = caller.person()?;
    let standing = people.standing(person.user).await?.ok_or_else(Problem::not_found)?;
    let mut tenants: Vec<Tenant> = standing
        .memberships
        .into_iter()
        .map(|membership| Tenant {
            active: membership.tenant == person.tenant,
            id: membership.tenant,
            name: membership.name,
            kind: membership.kind,
            role: membership.role,
        })
        .collect();
    tenants.sort_by_key(|tenant| !tenant.active);
    let user = standing.user;
    let user = User {
        id: user.id,
        name: user.name,
        kind: person.kind.as_str(),
        email: user.email,
        avatar_url: user.avatar_url,
    };
    Ok(Json(Me { user, tenants }))
}

/// Who am I, by the older name
#[utoipa::path(get, path = "/api/auth/status", operation_id = "getAuthStatus", tag = "people",
    responses((status = 200, description = "As `/api/me`.", body = Me), refused::NoObject))]
async fn status(caller: Caller, people: State<Arc<dyn People>>) -> Result<Json<Me>, Problem> {
    me(caller, people).await
}

/// Act in another tenant
///
/// A credential that names a tenant itself goes on acting there.
#[utoipa::path(post, path = "/api/me/tenant", operation_id = "chooseTenant", tag = "people", request_body = Wanted,
    responses((status = 204, description = "From now on."), refused::NoObject))]
async fn choose(
    caller: Caller,
    State(people): State<Arc<dyn People>>,
    State(identity): State<Identity>,
    Input(wanted): Input<Wanted>,
) -> Result<http::StatusCode, Problem> {
    let person = caller.person()?;
    if !people.choose_tenant(person.user, wanted.tenant).await? {
        return Err(Problem::not_found());
    }
    identity.forget(person.user);
    Ok(http::StatusCode::NO_CONTENT)
}
