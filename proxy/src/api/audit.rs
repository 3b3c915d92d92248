//! `GET /api/audit`: who did what to what in the tenant that an admin acts in. Ids and fixed words; no content.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, State};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::part::Part;
use super::{Caller, Problem};
use crate::clock::rfc3339;
use crate::identity::{Identity, Role};
use crate::store::audit::{Audit, AuditPage, Row};

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn Audit>: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(list))
}

/// What somebody did. Times are RFC 3339 in UTC.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AuditRow)]
struct View {
    n: i64,
    at: String,
    actor: Actor,
    action: &'static str,
    /// The id of what it was done to.
    object: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AuditActor)]
struct Actor {
    /// `person`, `ticket` (its session) or `service`.
    kind: &'static str,
    id: Option<Uuid>,
}

impl From<Row> for View {
    fn from(row: Row) -> Self {
        Self {
            n: row.n,
            at: rfc3339(row.at),
            actor: Actor { kind: row.actor.as_str(), id: row.actor_id },
            action: row.action.as_str(),
            object: row.object,
            detail: row.detail,
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AuditRows)]
struct List {
    items: Vec<View>,
    /// Pass as `before` for what follows; absent at the end.
    next: Option<i64>,
}

/// The audit
///
/// Who did what to what in the tenant that an admin acts in. Ids and fixed words; no content.
#[utoipa::path(get, path = "/api/audit", operation_id = "listAudit", tag = "tenant", params(Part<i64>),
    responses((status = 200, description = "Newest first.", body = List)))]
async fn list(
    caller: Caller,
    State(audit): State<Arc<dyn Audit>>,
    part: Result<Part<i64>, Problem>,
) -> Result<Json<List>, Problem> {
    let admin = caller.require(Role::Admin)?;
    let part = part?;
    let rows = audit.audit(admin.ctx(), AuditPage { limit: part.limit, before: part.before }).await?;
    let next = part.next_of(&rows, |row| row.n);
    Ok(Json(List { items: rows.into_iter().map(View::from).collect(), next }))
}
