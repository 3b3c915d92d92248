//! `GET /api/me`: who the caller is. It never signs anybody in.

use axum::extract::FromRef;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::{Caller, Problem};
use crate::identity::Identity;
use crate::ids::{TenantId, UserId};

pub(super) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
{
    Router::new().route("/api/me", get(me))
}

#[derive(Serialize)]
struct Me {
    user: User,
    tenants: [Tenant; 1],
}

#[derive(Serialize)]
struct User {
    id: UserId,
    name: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Tenant {
    id: TenantId,
    name: String,
    kind: &'static str,
    role: &'static str,
}

async fn me(caller: Caller) -> Result<Json<Me>, Problem> {
    let person = caller.person()?;
    Ok(Json(Me {
        user: User { id: person.user, name: person.name.clone(), kind: person.kind.as_str() },
        // Everybody owns their personal tenant, which bears their name.
        tenants: [Tenant { id: person.tenant, name: person.name.clone(), kind: "personal", role: "admin" }],
    }))
}
