//! `GET /api/sessions` and `GET /api/sessions/{id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;
use utoipa::PartialSchema as _;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{ObjectBuilder, Type};

use super::super::part::{Filter, MAX_LIMIT, Part, in_query};
use super::super::refusals::session_id;
use super::super::sight::Sight;
use super::super::{Caller, LiveCalls, Problem, SessionsRead, Within};
use super::view::{Liveness, View, kind_of};
use crate::ids::SessionId;
use crate::interview::SessionKind;
use crate::store::{Page, Session, SessionStatus, Store, StoreError, Which};

/// Which interviews of the list.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    status: Option<SessionStatus>,
    kind: Option<SessionKind>,
    live: Option<()>,
}

impl Filter for Chosen {
    const REFUSAL: &'static str = "The list takes `limit`, `before`, `status` (scheduled, in_progress, completed, \
        cancelled, failed), `kind` (interview, transcription, translation) and `live` (true) only.";

    fn take(&mut self, name: &str, value: &str) -> bool {
        fn first<T>(place: &mut Option<T>, value: Option<T>) -> bool {
            value.is_some_and(|value| place.replace(value).is_none())
        }
        match name {
            "status" => first(&mut self.status, named(value)),
            "kind" => first(&mut self.kind, named(value)),
            "live" => first(&mut self.live, (value == "true").then_some(())),
            _ => false,
        }
    }

    fn described() -> Vec<Parameter> {
        let only_true = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).build();
        vec![
            in_query(
                "status",
                "Only these. An answer may hold fewer and still have a `next`.",
                SessionStatus::schema(),
            ),
            in_query("kind", "Only these. An answer may hold fewer and still have a `next`.", SessionKind::schema()),
            in_query("live", "Only those whose interview is on or whose call is being made.", only_true),
        ]
    }
}

/// A value by its name on the wire.
fn named<T: DeserializeOwned>(value: &str) -> Option<T> {
    T::deserialize(StrDeserializer::<serde::de::value::Error>::new(value)).ok()
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Sessions)]
pub(super) struct List {
    items: Vec<View>,
    /// Pass as `before` for what follows; absent at the end.
    next: Option<SessionId>,
}

/// Parts of a list that one filtered request may read.
const MAX_PARTS: usize = 10;

/// List interviews
///
/// One's own; interviewers and admins see their tenant's.
#[utoipa::path(get, path = "/api/sessions", operation_id = "listSessions", tag = "sessions",
    params(Part<SessionId, Chosen>), security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "Newest first.", body = List)))]
pub(super) async fn list(
    Within(caller, _): Within<SessionsRead>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    part: Result<Part<SessionId, Chosen>, Problem>,
) -> Result<Json<List>, Problem> {
    let part = part?;
    let sight = Sight::of(&caller, store.as_ref());
    let which = if part.filter.live.is_some() { Which::UnderWay } else { Which::All };
    let page = Page { limit: part.limit, before: part.before, which };
    let Chosen { status, kind, live: _ } = part.filter;
    let (mut sessions, next) = if status.is_none() && kind.is_none() {
        let sessions = sight.sessions(page).await?;
        let next = part.next_of(&sessions, |session| session.new.id);
        (sessions, next)
    } else {
        let is_wanted = |session: &Session| {
            status.is_none_or(|status| session.status == status) && kind.is_none_or(|kind| kind_of(session) == kind)
        };
        chosen(&sight, is_wanted, page).await?
    };
    if which == Which::UnderWay {
        sessions.retain(|session| session.ended_at.is_none());
    }
    let items = sessions.into_iter().map(|session| view(calls.as_ref(), session)).collect();
    Ok(Json(List { items, next }))
}

/// Sessions of one status or kind. Where a session stands is concluded from several rows, and what it is for from its plan,
/// so neither is a store's question: parts of the list are read until there are enough, up to a bound. An answer may hold
/// fewer than were asked for, and still say where the list goes on.
async fn chosen(
    sight: &Sight<'_>,
    is_wanted: impl Fn(&Session) -> bool,
    Page { limit, mut before, which }: Page,
) -> Result<(Vec<Session>, Option<SessionId>), StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for _ in 0..MAX_PARTS {
        let part = sight.sessions(Page { limit: MAX_LIMIT, before, which }).await?;
        let is_last = part.len() < usize::try_from(MAX_LIMIT).unwrap_or(usize::MAX);
        for session in part {
            before = Some(session.new.id);
            if is_wanted(&session) {
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
    Sight::of(caller, store).session(id).await?.ok_or_else(Problem::not_found)
}

pub(super) fn view(calls: &dyn LiveCalls, session: Session) -> View {
    let liveness = if calls.is_live(session.new.id) { Liveness::Live } else { Liveness::Idle };
    View::new(session, liveness)
}
