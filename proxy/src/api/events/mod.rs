//! `GET /api/sessions/{id}/events`: an interview as it is written down, as server-sent events, for whoever may read it. It
//! follows the store's journal, so it does not matter which machine has the call; what this process writes is seen at
//! once. What an event says is in [`told`], how long somebody is served in [`serving`].

mod serving;
mod told;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, Path, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::openapi::refused;
use super::refusals::session_id;
use super::sessions::find;
use super::{Code, LiveCalls, Problem, SessionsRead, Within};
use crate::identity::Identity;
use crate::ids::SessionId;
use crate::store::Store;
use serving::{BEAT, QUEUE, Serving};

/// Proxies that collect what they pass on would have live events wait.
const NOT_COLLECTED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
    Identity: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(events))
}

/// Where to begin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    after: Option<String>,
}

/// Follow an interview
///
/// Server-sent events: `turn`, `revised` and `stage` with their journal number as id, `status` whenever that changes, `end`
/// as the last one. `Last-Event-ID` (or `after`) goes on behind that number; without either it begins at the beginning.
#[utoipa::path(get, path = "/api/sessions/{id}/events", operation_id = "followSession", tag = "sessions",
    params(("id" = SessionId, Path), ("after" = Option<u64>, Query, description = "Only what follows this journal number."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The same, as browsers send it when they come back.")),
    security(("cookie" = []), ("bearer" = []), ("ticket" = []), ("access_key" = ["sessions:read"])),
    responses((status = 200, description = "The events, until the interview ends.", body = String,
        content_type = "text/event-stream"), refused::NoPlace))]
async fn events(
    Within(caller, _): Within<SessionsRead>,
    parts: Parts,
    State(identity): State<Identity>,
    State(store): State<Arc<dyn Store>>,
    State(calls): State<Arc<dyn LiveCalls>>,
    Path(id): Path<String>,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let id = session_id(&id)?;
    let after = after(&parts, wanted.ok().map(|Query(wanted)| wanted))?;
    find(&caller, store.as_ref(), id).await?;
    let following = calls.follow(id, caller.principal.ctx()).ok_or_else(|| {
        Problem::new(Code::CapacityReached, "Too many follow interviews at once. Close one, or try again later.")
    })?;
    let (events, queue) = mpsc::channel(QUEUE);
    let stopping = calls.stopping();
    let serving = Serving { parts, identity, store, session: id, after, following, stopping };
    // It ends with its reader, with the interview, and with the process at the latest.
    tokio::spawn(serving.run(events));
    let events = stream::unfold(queue, |mut queue: mpsc::Receiver<Event>| async move {
        queue.recv().await.map(|event| (Ok::<_, Infallible>(event), queue))
    });
    let beat = KeepAlive::new().interval(BEAT).text("still there");
    Ok(([NOT_COLLECTED], Sse::new(events).keep_alive(beat)).into_response())
}

/// What comes with the request wins over what stands in its address: a browser that comes back asks for the same address.
fn after(parts: &Parts, wanted: Option<Wanted>) -> Result<u64, Problem> {
    let malformed =
        || Problem::new(Code::BadMessage, "`after` and `Last-Event-ID` are journal numbers.").of_field("after");
    let wanted = wanted.ok_or_else(malformed)?;
    let header = parts.headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").trim().to_owned());
    header
        .or(wanted.after)
        .map_or(Ok(0), |number| number.parse::<i64>().ok().and_then(|n| u64::try_from(n).ok()).ok_or_else(malformed))
}
