//! `GET /api/audit`: who did what to what in the tenant that an admin acts in. Ids and fixed words; no content.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRef, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Caller, Code, Problem};
use crate::clock::rfc3339;
use crate::identity::{Identity, Role};
use crate::store::audit::{Audit, AuditPage, Row};

pub(super) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Identity: FromRef<S>,
    Arc<dyn Audit>: FromRef<S>,
{
    Router::new().route("/api/audit", get(list))
}

#[derive(Serialize)]
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

#[derive(Serialize)]
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

#[derive(Serialize)]
struct List {
    items: Vec<View>,
    /// Pass as `before` for what follows; absent at the end.
    next: Option<i64>,
}

/// Which part of the list. Text, so that a wrong value gets our own refusal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    limit: Option<String>,
    before: Option<String>,
}

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

async fn list(
    caller: Caller,
    State(audit): State<Arc<dyn Audit>>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Json<List>, Problem> {
    let admin = caller.require(Role::Admin)?;
    let malformed = |detail: &'static str| Problem::new(Code::BadMessage, detail);
    let Query(part) = part.map_err(|_| malformed("The list takes `limit` and `before` only."))?;
    let limit = part.limit.as_deref().map_or(Ok(DEFAULT_LIMIT), str::parse).ok();
    let limit = limit
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| malformed("`limit` must be a number from 1 to 100."))?;
    let before = part.before.as_deref().map(str::parse).transpose();
    let before = before.map_err(|_| malformed("`before` must be the `next` of an earlier answer."))?;
    let rows = audit.audit(admin.ctx(), AuditPage { limit, before }).await?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| is_full).map(|row| row.n);
    Ok(Json(List { items: rows.into_iter().map(View::from).collect(), next }))
}
