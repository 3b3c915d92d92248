//! The provider's HTTP surface: routes, and what every answer carries.

mod auth;
mod create;
mod error;
mod hangup;
mod headers;
mod live;
mod models;
mod offer;
mod secrets;
mod sideband;
mod translations;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::call::{Calls, Records};
use crate::config::Config;
use crate::faults::{Faults, Script};
use auth::Keys;
pub(crate) use auth::Project;

/// The largest body of any request: an offer, a session with its tools, and room.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What the handlers share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Apart from the configuration, since a test may change them while the server runs.
    pub(crate) script: Mutex<Script>,
    pub(crate) keys: Keys,
    pub(crate) calls: Arc<Calls>,
    pub(crate) records: Records,
    /// Where media is received.
    pub(crate) media: Vec<IpAddr>,
    /// Calls and sidebands; awaited at the end.
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Shared {
    pub(crate) fn new(config: Config, key: String) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(Script::new(config.faults.clone(), &config.script)),
            keys: Keys::new(std::iter::once(key.as_str()).chain(config.more_keys.iter().map(String::as_str))),
            calls: Calls::new(config.max_calls),
            records: Records::default(),
            media: config.media.addresses(),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            config,
        })
    }

    /// What is to go wrong in the call that is asked for now.
    fn next_faults(&self) -> Faults {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

/// All routes. Headers are outermost, so that errors and preflights carry them too.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/realtime/calls", post(create::create))
        .route("/v1/realtime/calls/{id}/hangup", post(hangup::hang_up))
        .route("/v1/realtime/client_secrets", post(secrets::mint))
        // Where compatible servers take offers.
        .route("/v1/realtime", get(sideband::attach).post(create::create))
        .route("/v1/realtime/translations", get(translations::attach))
        .route("/v1/realtime/translations/client_secrets", post(translations::mint))
        .route("/v1/realtime/translations/calls", post(translations::create))
        .route("/v1/live/sessions", post(live::create))
        .route("/v1/live/sessions/{id}/hangup", post(live::hang_up))
        .route("/v1/live/sessions/{id}/attach", get(live::attach))
        .route("/v1/models", get(models::list))
        .fallback(error::unknown_url)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(axum::middleware::from_fn(headers::on_every_answer))
        .with_state(shared)
}
