//! `GET /api/me`: who the caller is and where they belong; `POST /api/me/tenant`: where they act from now on. Neither
//! signs anybody in.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::body::Input;
use super::{Caller, Problem};
use crate::identity::{Identity, Role};
use crate::ids::{TenantId, UserId};
use crate::store::people::{People, TenantKind};

pub(super) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn People>: FromRef<S>,
{
    Router::new().route("/api/me", get(me)).route("/api/me/tenant", post(choose))
}

#[derive(Serialize)]
struct Me {
    user: User,
    /// The one that this request acted in comes first.
    tenants: Vec<Tenant>,
}

#[derive(Serialize)]
struct User {
    id: UserId,
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<String>,
}

#[derive(Serialize)]
struct Tenant {
    id: TenantId,
    name: String,
    kind: TenantKind,
    role: Role,
    active: bool,
}

/// The body of `POST /api/me/tenant`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tenant: TenantId,
}

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

/// A credential that names a tenant itself goes on acting there.
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
