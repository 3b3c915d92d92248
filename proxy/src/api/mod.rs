//! The HTTP interface: one file a resource, and the one error shape they share. No SQL here, and no decision that
//! another door would have to repeat.

mod access_keys;
mod audit;
mod auth;
mod body;
mod budgets;
mod caller;
mod claims;
mod code;
mod consents;
mod documents;
mod events;
mod functions;
mod guest;
mod idempotency;
mod invitations;
mod keys;
mod live;
mod me;
mod members;
mod no_store;
pub(crate) mod openapi;
mod part;
mod peer;
mod plans;
mod problem;
mod refusals;
mod rights;
pub(crate) mod sessions;
mod sight;
mod tenant;
mod transcript;
mod usage;
mod within;

use std::sync::Arc;

use axum::extract::FromRef;
use axum::middleware;
use utoipa_axum::router::OpenApiRouter;

pub(crate) use body::fault;
pub(crate) use caller::presented;
pub use caller::{COOKIE, Caller, recognise_if_present};
pub use code::Code;
pub use live::{Ended, LiveCalls, SkipRefused};
pub use openapi::served;
pub use peer::Peer;
pub use problem::{Problem, ProviderProblem};
use within::{SessionsRead, SessionsWrite, TicketsWrite, Within};

use crate::documents::Reading;
use crate::identity::Identity;
use crate::interview::plan::Plans;
use crate::store::Store;
use crate::store::audit::Audit;
use crate::store::invitations::Invitations;
use crate::store::people::People;
use crate::store::rights::Rights;
use crate::store::usage::UsageLog;
use crate::transcript::Signer;
use crate::upstream::Upstream;
use crate::usage::purse::Purse;
use crate::vault::Keychain;

/// `/auth/*` and `/api/*` with their description, for [`served`]. The application puts request ids, time limits and
/// security headers around it.
pub fn described<S>(state: &S) -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn People>: FromRef<S>,
    Arc<dyn Invitations>: FromRef<S>,
    Arc<dyn Audit>: FromRef<S>,
    Arc<dyn Rights>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
    Arc<Plans>: FromRef<S>,
    Identity: FromRef<S>,
    Upstream: FromRef<S>,
    Signer: FromRef<S>,
    Keychain: FromRef<S>,
    Reading: FromRef<S>,
    Purse: FromRef<S>,
    Arc<dyn UsageLog>: FromRef<S>,
{
    let router = OpenApiRouter::new()
        .merge(auth::routes())
        .merge(guest::routes())
        .merge(me::routes())
        .merge(keys::routes())
        .merge(access_keys::routes())
        .merge(documents::routes())
        .merge(members::routes())
        .merge(tenant::routes())
        .merge(plans::routes())
        .merge(sessions::routes())
        .merge(transcript::routes())
        .merge(events::routes())
        .merge(functions::routes())
        .merge(consents::routes())
        .merge(claims::routes())
        .merge(usage::routes())
        .merge(budgets::routes())
        .merge(invitations::routes())
        .merge(rights::routes())
        .merge(audit::routes());
    let (router, document) = router.split_for_parts();
    let mut router: OpenApiRouter<S> = router
        .method_not_allowed_fallback(refusals::method_not_allowed)
        .layer(middleware::from_fn_with_state(idempotency::Kept::new(state), idempotency::idempotent))
        // Cookies, tickets, names and words: nothing here may be kept by a cache.
        .layer(middleware::map_response(no_store::no_store))
        .into();
    *router.get_openapi_mut() = document;
    router
}
