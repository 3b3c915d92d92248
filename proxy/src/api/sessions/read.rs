//! `GET /api/sessions` and `GET /api/sessions/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};

use super::super::refusals::session_id;
use super::super::{Caller, Code, LiveCalls, Problem, SessionsRead, Within};
use super::view::{Liveness, View};
use crate::ids::SessionId;
use crate::store::{Page, Session, Store};

/// Which part of the list. Text, so that a wrong value gets our own refusal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    limit: Option<String>,
    before: Option<String>,
}

#[derive(Serialize)]
pub(super) struct List {
    items: Vec<View>,
    /// Pass as `before` for what follows; absent at the end.
    next: Option<SessionId>,
}

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;

pub(super) async fn list(
    Within(caller, _): Within<SessionsRead>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    part: Result<Query<Part>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<List>, Problem> {
    let malformed = |detail: &'static str| Problem::new(Code::BadMessage, detail);
    let Query(part) = part.map_err(|_| malformed("The list takes `limit` and `before` only."))?;
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
    let sessions = store.sessions(caller.principal.ctx(), Page { limit, before }).await?;
    let is_full = u32::try_from(sessions.len()).is_ok_and(|count| count == limit);
    let next = sessions.last().filter(|_| is_full).map(|session| session.new.id);
    let items = sessions.into_iter().map(|session| view(calls.as_ref(), session)).collect();
    Ok(Json(List { items, next }))
}

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
pub(super) async fn find(caller: &Caller, store: &dyn Store, id: SessionId) -> Result<Session, Problem> {
    if !caller.principal.may_see(id) {
        return Err(Problem::not_found());
    }
    store.session(caller.principal.ctx(), id).await?.ok_or_else(Problem::not_found)
}

pub(super) fn view(calls: &dyn LiveCalls, session: Session) -> View {
    let liveness = if calls.is_live(session.new.id) { Liveness::Live } else { Liveness::Idle };
    View::new(session, liveness)
}
