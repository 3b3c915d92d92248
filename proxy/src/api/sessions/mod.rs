//! `/api/sessions`: interviews before, during and after their calls.

mod create;
mod end;
pub(super) mod fields;
mod read;
mod stage;
mod tickets;
mod view;
mod wanted;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};

use super::LiveCalls;
use crate::identity::Identity;
use crate::interview::plan::Plans;
use crate::store::Store;
use crate::transcript::Signer;
use crate::upstream::Upstream;
use crate::vault::Keychain;

pub(super) use view::plan_of;

pub(super) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
    Arc<Plans>: FromRef<S>,
    Identity: FromRef<S>,
    Upstream: FromRef<S>,
    Keychain: FromRef<S>,
    Signer: FromRef<S>,
{
    Router::new()
        .route("/api/sessions", get(read::list).post(create::create))
        .route("/api/sessions/{id}", get(read::one))
        .route("/api/sessions/{id}/tickets", post(tickets::mint).delete(tickets::revoke))
        .route("/api/sessions/{id}/end", post(end::end))
        .route("/api/sessions/{id}/stage", post(stage::skip))
}
