//! `/api/invitations`: whoever conducts interviews makes links; whoever has a link opens, accepts or declines it without an
//! account. A link's token is in the address of its page and in bodies, never in an address of this interface.

mod answer;
mod make;
mod open;
mod view;

use std::sync::Arc;

use axum::extract::FromRef;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::identity::Identity;
use crate::interview::plan::Plans;
use crate::store::Store;
use crate::store::invitations::Invitations;
use crate::upstream::Upstream;
use crate::vault::Keychain;

pub(super) fn routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn Invitations>: FromRef<S>,
    Arc<Plans>: FromRef<S>,
    Identity: FromRef<S>,
    Upstream: FromRef<S>,
    Keychain: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(make::list, make::make))
        .routes(routes!(make::revoke))
        .routes(routes!(open::open))
        .routes(routes!(answer::accept))
        .routes(routes!(answer::decline))
}
