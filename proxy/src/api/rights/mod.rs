//! What people may ask of what is stored about them: taking a consent back, a copy of everything, and being erased. How
//! one interview is deleted is with the interviews, how long a tenant keeps them with the tenant.

mod export;
mod person;
mod session;

use std::sync::Arc;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::LiveCalls;
use crate::identity::Identity;
use crate::store::Store;
use crate::store::rights::Rights;
use crate::transcript::Signer;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn Rights>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
    Identity: FromRef<S>,
    Signer: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(session::withdraw))
        .routes(routes!(person::erase))
        .routes(routes!(export::export))
}
