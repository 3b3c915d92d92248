//! What people may ask of what is stored about them: taking a consent back, a copy, deletion; and for a tenant how long
//! it keeps things.

mod export;
mod person;
mod session;
mod tenant;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, post};

use super::LiveCalls;
use crate::identity::Identity;
use crate::store::Store;
use crate::store::rights::Rights;
use crate::transcript::Signer;

pub(super) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn Rights>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
    Identity: FromRef<S>,
    Signer: FromRef<S>,
{
    Router::new()
        .route("/api/sessions/{id}", delete(session::remove))
        .route("/api/sessions/{id}/consent/withdraw", post(session::withdraw))
        .route("/api/me", delete(person::erase))
        .route("/api/me/export", get(export::export))
        .route("/api/tenant/retention", get(tenant::keeping).patch(tenant::keep))
}
