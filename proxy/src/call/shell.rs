//! What every live call's task works with. Made once, cloned by reference counts.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::core::Limits;
use crate::clock::Clock;
use crate::store::Store;
use crate::transcript::Signer;
use crate::upstream::Upstream;

/// Sideband dials at once in the process.
const MAX_DIALS: usize = 64;

/// The outside world as a call sees it.
#[derive(Clone)]
pub struct Shell {
    pub(super) store: Arc<dyn Store>,
    pub(super) upstream: Upstream,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    /// Signs the end of every journal.
    pub(super) signer: Signer,
    /// Whether calls are watched at all (`SIDEBAND`).
    pub(super) sideband: bool,
    pub(super) dials: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

impl Shell {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        upstream: Upstream,
        clock: Arc<dyn Clock>,
        limits: Limits,
        signer: Signer,
        watch: Watch,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            store,
            upstream,
            clock,
            limits,
            signer,
            sideband: watch == Watch::Sideband,
            dials: Arc::new(Semaphore::new(MAX_DIALS)),
            tasks: TaskTracker::new(),
            shutdown,
        }
    }
}

/// How calls are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// By our own socket to the provider, and by the client while there is none.
    Sideband,
    /// Only by the client.
    Relay,
}
