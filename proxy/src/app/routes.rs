//! Which address leads where. Order does not matter here: no two of them overlap, and pages are what is left.

use axum::Router;

use super::AppState;
use crate::ops::health;
use crate::ops::metrics::Metrics;
use crate::{api, signaling, web};

/// Every route of the main port. `metrics`: served here too.
pub(super) fn router(state: &AppState, metrics: Option<Metrics>) -> Router {
    let mut described = api::described(state)
        .merge(signaling::ws::described(state))
        .merge(signaling::provider::described(state))
        .merge(health::described());
    if let Some(metrics) = metrics {
        described = described.merge(health::metrics(metrics));
    }
    api::served(described)
        .merge(web::router())
        .method_not_allowed_fallback(web::method_not_allowed)
        .fallback(web::asset)
        .with_state(state.clone())
}
