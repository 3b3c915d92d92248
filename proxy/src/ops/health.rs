//! `/live`: the process answers. `/ready`: send people here. `/health`: the story, for people and dashboards. All of it
//! is passive and cheap: the last real write and the last real exchange are the probes. It must not show anything that
//! a stranger could use: no path, no private key, no name of a person.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::lifecycle::Shutdown;
use super::metrics::Metrics;
use super::version;
use crate::call::Calls;
use crate::store::{Store, StoreHealth};
use crate::transcript::PublicKey;
use crate::upstream::{State as UpstreamState, Upstream, Upstreams};

/// What the verdict rests on. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    store: Arc<dyn Store>,
    store_kind: &'static str,
    upstreams: Upstreams,
    calls: Calls,
    seal: PublicKey,
    shutdown: Shutdown,
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = HealthStatus)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Healthy,
    /// It works, and something needs attention.
    Degraded,
    /// Interviews cannot be recorded.
    Unhealthy,
}

/// The body of `/health`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Health)]
struct Story {
    status: Status,
    service: &'static str,
    version: &'static str,
    git: &'static str,
    draining: bool,
    store: StoreStory,
    upstream: UpstreamStory,
    /// Asked when the first has certainly made nothing of an offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<UpstreamStory>,
    sessions: Sessions,
    simulation: bool,
    seal: SealStory,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct StoreStory {
    kind: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct UpstreamStory {
    name: String,
    kind: &'static str,
    state: &'static str,
    base_url_host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
    /// `closed`: it is asked with the operator's key; `open`: it failed too often and is not; `half_open`: the next call is
    /// a trial.
    breaker: &'static str,
    /// Stored keys with which it is not asked at the moment.
    stored_keys_paused: usize,
}

impl UpstreamStory {
    fn of(upstream: &Upstream) -> Self {
        let (profile, health, circuit) = (upstream.profile(), upstream.health(), upstream.circuit());
        Self {
            name: profile.name.clone(),
            kind: profile.kind.as_str(),
            state: health.state.as_str(),
            base_url_host: profile.base_url.host().to_owned(),
            code: health.code,
            age_ms: health.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            breaker: circuit.server_key.as_str(),
            stored_keys_paused: circuit.stored_keys_open,
        }
    }
}

/// By which the seals of this server's records can be checked.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct SealStory {
    key_id: String,
    #[schema(value_type = String)]
    public_key: PublicKey,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SessionCount)]
struct Sessions {
    active: usize,
    max: usize,
}

impl Health {
    /// Watches these parts. `store_kind` is what the store is called.
    #[must_use]
    pub fn new(
        (store, store_kind): (Arc<dyn Store>, &'static str),
        upstreams: Upstreams,
        calls: Calls,
        seal: PublicKey,
        shutdown: Shutdown,
    ) -> Self {
        Self { store, store_kind, upstreams, calls, seal, shutdown }
    }

    fn verdict(&self) -> Status {
        judge(self.store.health(), self.upstreams.primary().health().state)
    }

    /// Whether new people should be sent here.
    fn is_ready(&self) -> bool {
        !self.shutdown.is_draining() && self.verdict() != Status::Unhealthy
    }

    fn story(&self) -> Story {
        let store = self.store.health();
        Story {
            status: self.verdict(),
            service: "viva",
            version: version::VERSION,
            git: version::GIT,
            draining: self.shutdown.is_draining(),
            store: StoreStory {
                kind: self.store_kind,
                state: match store {
                    StoreHealth::Ok => "ok",
                    StoreHealth::Spooling { .. } => "spooling",
                    StoreHealth::Failing(_) => "failing",
                    StoreHealth::Closed => "closed",
                },
                detail: match store {
                    StoreHealth::Failing(reason) => {
                        Some(format!("{reason}; nothing is acknowledged until it can be written again"))
                    }
                    StoreHealth::Spooling { waiting } => Some(format!(
                        "the database is away; {waiting} entries of running calls wait on this machine, and no call can begin"
                    )),
                    StoreHealth::Ok | StoreHealth::Closed => None,
                },
            },
            upstream: UpstreamStory::of(self.upstreams.primary()),
            backup: self.upstreams.backup().map(|backup| UpstreamStory::of(&backup.upstream)),
            sessions: Sessions { active: self.calls.active(), max: self.calls.max() },
            simulation: self.upstreams.primary().is_simulation(),
            seal: SealStory { key_id: self.seal.id(), public_key: self.seal },
        }
    }
}

/// A model that fails keeps nobody from reading what was recorded; a store that fails makes every call pointless.
fn judge(store: StoreHealth, upstream: UpstreamState) -> Status {
    match (store, upstream) {
        (StoreHealth::Failing(_) | StoreHealth::Closed, _) => Status::Unhealthy,
        (StoreHealth::Spooling { .. }, _) | (StoreHealth::Ok, UpstreamState::Failing) => Status::Degraded,
        (StoreHealth::Ok, UpstreamState::Ok | UpstreamState::Unknown) => Status::Healthy,
    }
}

/// `/live`, `/ready` and `/health`.
pub fn described<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Health: FromRef<S>,
{
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(health))
}

/// `/metrics`, on whichever port it is served.
pub fn metrics<S: Clone + Send + Sync + 'static>(metrics: Metrics) -> OpenApiRouter<S> {
    OpenApiRouter::new().routes(routes!(render)).with_state(metrics)
}

/// The process answers
#[utoipa::path(get, path = "/live", operation_id = "getLive", tag = "health", security(()),
    responses((status = 200, description = "It does.", body = String)))]
async fn live() -> Response {
    plain(StatusCode::OK, "live\n")
}

/// Whether people may be sent here
#[utoipa::path(get, path = "/ready", operation_id = "getReady", tag = "health", security(()),
    responses((status = 200, description = "They may.", body = String), (status = 503, description = "Why not.", body = String)))]
async fn ready(State(health): State<Health>) -> Response {
    if health.is_ready() {
        plain(StatusCode::OK, "ready\n")
    } else if health.shutdown.is_draining() {
        plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "the store cannot be written\n")
    }
}

/// How it is
#[utoipa::path(get, path = "/health", operation_id = "getHealth", tag = "health", security(()),
    responses((status = 200, description = "It works.", body = Story), (status = 503, description = "It cannot record.", body = Story)))]
async fn health(State(health): State<Health>) -> Response {
    let story = health.story();
    let status = if story.status == Status::Unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, [(CACHE_CONTROL, "no-store")], Json(story)).into_response()
}

/// Metrics
///
/// In Prometheus' text form; on a port of its own unless the main one is local.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "health", security(()),
    responses((status = 200, description = "Counters, gauges and histograms.", body = String)))]
async fn render(State(metrics): State<Metrics>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")], metrics.render())
        .into_response()
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Unwritable;

    #[test]
    fn only_a_store_that_cannot_record_is_unhealthy() {
        assert_eq!(judge(StoreHealth::Ok, UpstreamState::Unknown), Status::Healthy);
        assert_eq!(judge(StoreHealth::Ok, UpstreamState::Failing), Status::Degraded);
        assert_eq!(judge(StoreHealth::Failing(Unwritable::Full), UpstreamState::Ok), Status::Unhealthy);
        assert_eq!(judge(StoreHealth::Closed, UpstreamState::Ok), Status::Unhealthy);
        assert_eq!(judge(StoreHealth::Spooling { waiting: 3 }, UpstreamState::Ok), Status::Degraded);
    }
}
