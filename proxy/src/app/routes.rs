//! Which address leads where. Order does not matter here: no two of them overlap, and pages are what is left.

use axum::Router;

use super::AppState;
use crate::ops::health;
use crate::ops::metrics::Metrics;
use crate::{api, signaling, web};

/// Every route of the main port. `metrics`: served here too.
pub(super) fn router(state: &AppState, metrics: Option<Metrics>) -> Router {
    let mut router = Router::new()
        .merge(api::router())
        .merge(signaling::ws::router(state))
        .merge(signaling::http::router(state))
        .merge(health::router())
        .merge(web::router());
    if let Some(metrics) = metrics {
        router = router.merge(health::metrics_router(metrics));
    }
    router.method_not_allowed_fallback(web::method_not_allowed).fallback(web::asset).with_state(state.clone())
}
