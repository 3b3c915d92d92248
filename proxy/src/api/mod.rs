//! The HTTP interface: one file a resource, and the one error shape they share. No SQL here, and no decision that
//! another door would have to repeat.

mod access_keys;
mod auth;
mod body;
mod caller;
mod code;
mod documents;
mod guest;
mod keys;
mod live;
mod me;
mod members;
mod no_store;
mod peer;
mod plans;
mod problem;
mod refusals;
mod sessions;
mod transcript;
mod within;

use std::sync::Arc;

use axum::extract::FromRef;
use axum::{Router, middleware};

pub use caller::{COOKIE, Caller, recognise_if_present};
pub use code::Code;
pub use live::{Ended, LiveCalls, SkipRefused};
pub use peer::Peer;
pub use problem::{Problem, ProviderProblem};
use within::{SessionsRead, SessionsWrite, TicketsWrite, Within};

use crate::documents::Reading;
use crate::identity::Identity;
use crate::interview::plan::Plans;
use crate::store::Store;
use crate::store::people::People;
use crate::transcript::Signer;
use crate::upstream::Upstream;
use crate::vault::Keychain;

/// `/auth/*` and `/api/*`. The application puts request ids, time limits and security headers around it.
pub fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<dyn Store>: FromRef<S>,
    Arc<dyn People>: FromRef<S>,
    Arc<dyn LiveCalls>: FromRef<S>,
    Arc<Plans>: FromRef<S>,
    Identity: FromRef<S>,
    Upstream: FromRef<S>,
    Signer: FromRef<S>,
    Keychain: FromRef<S>,
    Reading: FromRef<S>,
{
    Router::new()
        .merge(auth::routes())
        .merge(guest::routes())
        .merge(me::routes())
        .merge(keys::routes())
        .merge(access_keys::routes())
        .merge(documents::routes())
        .merge(members::routes())
        .merge(plans::routes())
        .merge(sessions::routes())
        .merge(transcript::routes())
        .method_not_allowed_fallback(refusals::method_not_allowed)
        // Cookies, tickets, names and words: nothing here may be kept by a cache.
        .layer(middleware::map_response(no_store::no_store))
}
