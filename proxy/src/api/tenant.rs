//! `/api/tenant`: how the tenant that a caller acts in is set up. Its people may read that, its admins change it. What a
//! deployment allows is a bound that no admin can raise.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, State};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{Input, present};
use super::openapi::refused;
use super::sessions::fields;
use super::{Caller, LiveCalls, Problem};
use crate::clock::rfc3339;
use crate::identity::{Identity, Role};
use crate::ids::TenantId;
use crate::store::people::{People, SetUp, Tenant, TenantKind};
use crate::vault::KeyPolicy;

/// Longest retention, days.
const MAX_DAYS: u32 = 1_095;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn People>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(read, change))
}

/// How a tenant is set up.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Tenant)]
struct View {
    id: TenantId,
    name: String,
    kind: TenantKind,
    plan: String,
    #[schema(value_type = String)]
    key_policy: &'static str,
    /// Calls at once that were chosen; absent: as many as the server allows.
    max_sessions: Option<u32>,
    /// The most that can be chosen.
    max_sessions_limit: u32,
    /// After so many days interviews are deleted; 0: never.
    retention_days: u32,
    /// Nothing is deleted, whatever the retention says.
    legal_hold: bool,
    created_at: String,
}

impl View {
    fn new(tenant: Tenant, max_sessions_limit: u32) -> Self {
        Self {
            id: tenant.id,
            name: tenant.name,
            kind: tenant.kind,
            plan: tenant.plan,
            key_policy: tenant.key_policy.as_str(),
            max_sessions: tenant.max_sessions,
            max_sessions_limit,
            retention_days: tenant.retention_days,
            legal_hold: tenant.legal_hold,
            created_at: rfc3339(tenant.created_at),
        }
    }
}

/// The body of `PATCH`: what is absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = TenantChange)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// `server`, `byok` or `byok_then_server`.
    key_policy: Option<String>,
    /// `null`: as many as the server allows.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u32>)]
    max_sessions: Option<Option<u32>>,
    /// 1 to 1095; 0 (never) for a personal tenant only.
    retention_days: Option<u32>,
    legal_hold: Option<bool>,
}

/// How is the tenant set up
#[utoipa::path(get, path = "/api/tenant", operation_id = "getTenant", tag = "tenant",
    responses((status = 200, description = "The tenant that the caller acts in.", body = View), refused::NoObject))]
async fn read(
    caller: Caller,
    State(people): State<Arc<dyn People>>,
    State(calls): State<Arc<dyn LiveCalls>>,
) -> Result<Json<View>, Problem> {
    let tenant = people.tenant(caller.person()?.tenant).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(View::new(tenant, calls.most_of_tenant())))
}

/// Set the tenant up
#[utoipa::path(patch, path = "/api/tenant", operation_id = "changeTenant", tag = "tenant", request_body = Wanted,
    responses((status = 200, description = "As it is now.", body = View), refused::NoObject))]
async fn change(
    caller: Caller,
    State(people): State<Arc<dyn People>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    Input(wanted): Input<Wanted>,
) -> Result<Json<View>, Problem> {
    let admin = caller.require(Role::Admin)?;
    let most = calls.most_of_tenant();
    let tenant = people.tenant(admin.tenant).await?.ok_or_else(Problem::not_found)?;
    let key_policy = wanted.key_policy.map(|name| {
        KeyPolicy::parse(&name)
            .ok_or_else(|| fields::invalid("key_policy", "`key_policy` is server, byok or byok_then_server."))
    });
    if wanted.max_sessions.flatten().is_some_and(|chosen| chosen > most) {
        return Err(fields::invalid("max_sessions", format!("`max_sessions` may be at most {most} on this server.")));
    }
    let least_days = if tenant.kind == TenantKind::Personal { 0 } else { 1 };
    if wanted.retention_days.is_some_and(|days| !(least_days..=MAX_DAYS).contains(&days)) {
        return Err(fields::invalid(
            "retention_days",
            format!("`retention_days` must be from {least_days} to {MAX_DAYS}."),
        ));
    }
    let set_up = SetUp {
        key_policy: key_policy.transpose()?,
        max_sessions: wanted.max_sessions,
        retention_days: wanted.retention_days,
        legal_hold: wanted.legal_hold,
    };
    let tenant = people.set_up(admin.ctx(), set_up).await?.ok_or_else(Problem::not_found)?;
    tracing::info!(tenant = %tenant.id, "a tenant was set up anew");
    Ok(Json(View::new(tenant, most)))
}
