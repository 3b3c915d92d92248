//! [`Upstreams`]: the servers that calls may be made at, by name. The first is always asked first; the second only when it
//! is certain that the first made nothing of an offer. A call stays where it was made: what watches it and hangs it up has
//! to find its server again, also in a later process.

use super::client::Upstream;
use super::error::CreateError;
use super::key::ModelKey;
use crate::ids::KeyRef;

/// A second server, with the operator's key for it. Nobody else's key is ever sent there.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The server.
    pub upstream: Upstream,
    /// The operator's key for it.
    pub key: ModelKey,
}

/// Every server of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstreams {
    primary: Upstream,
    backup: Option<Backup>,
}

/// Where a stored call was made.
#[derive(Clone, Copy, Debug)]
pub enum Made<'a> {
    /// At the first server; its key is in the keychain.
    Primary(&'a Upstream),
    /// At the second.
    Backup(&'a Backup),
}

impl From<Upstream> for Upstreams {
    fn from(primary: Upstream) -> Self {
        Self { primary, backup: None }
    }
}

impl Upstreams {
    /// One server, and perhaps a second.
    #[must_use]
    pub fn new(primary: Upstream, backup: Option<Backup>) -> Self {
        Self { primary, backup }
    }

    /// The first.
    #[must_use]
    pub fn primary(&self) -> &Upstream {
        &self.primary
    }

    /// The second, if there is one.
    #[must_use]
    pub fn backup(&self) -> Option<&Backup> {
        self.backup.as_ref()
    }

    /// Who may be asked instead after this failure: only with the operator's own key, and only when the first server made
    /// nothing of the offer for certain.
    #[must_use]
    pub fn instead(&self, key: KeyRef, error: &CreateError) -> Option<&Backup> {
        self.backup.as_ref().filter(|_| key == KeyRef::Server && error.made_nothing())
    }

    /// The server that a stored call was made at. Without a name it was made by a version that knew but one. `None`: it is
    /// not one of this process, and to any other the call does not exist.
    #[must_use]
    pub fn named(&self, name: Option<&str>) -> Option<Made<'_>> {
        let is = |upstream: &Upstream| name.is_none_or(|name| upstream.profile().name == name);
        if is(&self.primary) {
            return Some(Made::Primary(&self.primary));
        }
        self.backup.as_ref().filter(|backup| is(&backup.upstream)).map(Made::Backup)
    }
}
