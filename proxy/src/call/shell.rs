//! What every live call's task works with. Made once, cloned by reference counts.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call_ref::CallRefs;
use super::core::Limits;
use super::followers::Followers;
use super::recording::Recordings;
use crate::clock::Clock;
use crate::identity::Pseudonyms;
use crate::store::Store;
use crate::transcript::Signer;
use crate::upstream::Upstreams;
use crate::usage::purse::Purse;
use crate::vault::Keychain;

/// Sideband dials at once in the process.
const MAX_DIALS: usize = 50;

/// The outside world as a call sees it.
#[derive(Clone)]
pub struct Shell {
    pub(super) store: Arc<dyn Store>,
    pub(super) upstreams: Upstreams,
    /// With whose key.
    pub(super) keychain: Keychain,
    /// What may still be spent.
    pub(super) purse: Purse,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    /// Signs the end of every journal.
    pub(super) signer: Signer,
    /// What stands for people at the provider.
    pub(super) pseudonyms: Pseudonyms,
    /// What pages hold of their calls.
    pub(super) call_refs: Arc<CallRefs>,
    /// Whether calls are watched at all (`SIDEBAND`).
    pub(super) sideband: bool,
    pub(super) dials: Arc<Semaphore>,
    /// Where calls are recorded, if they are.
    pub(super) recordings: Option<Recordings>,
    /// Who is to know when something was written.
    pub(super) followers: Followers,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

impl Shell {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        (upstreams, keychain, purse): (impl Into<Upstreams>, Keychain, Purse),
        clock: Arc<dyn Clock>,
        limits: Limits,
        (signer, pseudonyms): (Signer, Pseudonyms),
        watch: Watch,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            store,
            upstreams: upstreams.into(),
            keychain,
            purse,
            clock,
            limits,
            call_refs: Arc::new(CallRefs::of(&signer)),
            signer,
            pseudonyms,
            sideband: watch == Watch::Sideband,
            dials: Arc::new(Semaphore::new(MAX_DIALS)),
            recordings: None,
            followers: Followers::default(),
            tasks: TaskTracker::new(),
            shutdown,
        }
    }

    /// The same, with every call recorded in `dir`, which is made when it is missing.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn recording_to(self, dir: &Path) -> io::Result<Self> {
        let recordings = Recordings::open(dir, self.tasks.clone())?;
        Ok(Self { recordings: Some(recordings), ..self })
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
