//! `GET /api/sessions` and `GET /api/sessions/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};

use super::super::refusals::session_id;
use super::super::{Caller, Code, LiveCalls, Problem, SessionsRead, Within};
use super::view::{Liveness, View};
use crate::identity::TenantCtx;
use crate::ids::SessionId;
use crate::store::{Page, Session, SessionStatus, Store, StoreError};

/// Which part of the list. Text, so that a wrong value gets our own refusal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    limit: Option<String>,
    before: Option<String>,
    status: Option<SessionStatus>,
    #[serde(rename = "kind")]
    _kind: Option<SessionKind>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Sessions)]
pub(super) struct List {
    items: Vec<View>,
    /// Pass as `before` for what follows; absent at the end.
    next: Option<SessionId>,
}

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;
/// Parts of a list that one filtered request may read.
const MAX_PARTS: usize = 10;

/// The only kind of session that there is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum SessionKind {
    Interview,
}

/// List interviews
///
/// One's own; interviewers and admins see their tenant's.
#[utoipa::path(get, path = "/api/sessions", operation_id = "listSessions", tag = "sessions",
    params(("limit" = Option<u32>, Query, description = "1 to 100, default 50.", minimum = 1, maximum = 100),
        ("before" = Option<SessionId>, Query, description = "`next` of an earlier answer."),
        ("status" = inline(Option<SessionStatus>), Query), ("kind" = inline(Option<SessionKind>), Query)), security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "Newest first.", body = List)))]
pub(super) async fn list(
    Within(caller, _): Within<SessionsRead>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    part: Result<Query<Part>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<List>, Problem> {
    let malformed = |detail: &'static str| Problem::new(Code::BadMessage, detail);
    let Query(part) = part.map_err(|_| malformed("The list takes `limit`, `before`, `status` (scheduled, in_progress, completed, cancelled, failed) and `kind` (interview) only."))?;
    let limit = match part.limit.as_deref().map(str::parse::<u32>) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
        Some(_) => return Err(malformed("`limit` must be a number from 1 to 100.")),
    };
    let before = match part.before.as_deref().map(str::parse) {
        None => None,
        Some(Ok(before)) => Some(before),
        Some(Err(_)) => return Err(malformed("`before` must be the `next` of an earlier answer.")),
    };
    let ctx = caller.principal.ctx();
    let (sessions, next) = match part.status {
        None => {
            let sessions = store.sessions(ctx, Page { limit, before }).await?;
            let is_full = u32::try_from(sessions.len()).is_ok_and(|count| count == limit);
            let next = sessions.last().filter(|_| is_full).map(|session| session.new.id);
            (sessions, next)
        }
        Some(status) => with_status(store.as_ref(), ctx, status, Page { limit, before }).await?,
    };
    let items = sessions.into_iter().map(|session| view(calls.as_ref(), session)).collect();
    Ok(Json(List { items, next }))
}

/// Sessions of one status. Where a session stands is concluded from several rows, so it is not a store's question: parts
/// of the list are read until there are enough, up to a bound. An answer may hold fewer than were asked for, and still say
/// where the list goes on.
async fn with_status(
    store: &dyn Store,
    ctx: TenantCtx,
    status: SessionStatus,
    Page { limit, mut before }: Page,
) -> Result<(Vec<Session>, Option<SessionId>), StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for _ in 0..MAX_PARTS {
        let part = store.sessions(ctx, Page { limit: MAX_LIMIT, before }).await?;
        let is_last = part.len() < usize::try_from(MAX_LIMIT).unwrap_or(usize::MAX);
        for session in part {
            before = Some(session.new.id);
            if session.status == status {
                found.push(session);
                if found.len() == wanted {
                    return Ok((found, before));
                }
            }
        }
        if is_last {
            return Ok((found, None));
        }
    }
    Ok((found, before))
}

/// Read an interview
#[utoipa::path(get, path = "/api/sessions/{id}", operation_id = "getSession", tag = "sessions",
    params(("id" = SessionId, Path)), security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "The interview.", body = View)))]
pub(super) async fn one(
    Within(caller, _): Within<SessionsRead>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    Path(id): Path<String>,
) -> Result<Json<View>, Problem> {
    let session = find(&caller, store.as_ref(), session_id(&id)?).await?;
    Ok(Json(view(calls.as_ref(), session)))
}

/// A session that the caller may see; a foreign one looks like none.
pub(in crate::api) async fn find(caller: &Caller, store: &dyn Store, id: SessionId) -> Result<Session, Problem> {
    if !caller.principal.may_see(id) {
        return Err(Problem::not_found());
    }
    store.session(caller.principal.ctx(), id).await?.ok_or_else(Problem::not_found)
}

pub(super) fn view(calls: &dyn LiveCalls, session: Session) -> View {
    let liveness = if calls.is_live(session.new.id) { Liveness::Live } else { Liveness::Idle };
    View::new(session, liveness)
}
