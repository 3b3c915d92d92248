//! Why a store did not do it, in terms the caller can act on. No SQL text and no value ever appears in a message.

/// A store's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another writer owns the journal, or the record at this place is a different one: stop and reload.
    #[error("the journal was continued by somebody else")]
    Fenced,
    /// A unique value is taken.
    #[error("the row exists already")]
    Conflict,
    /// The row that should be written to does not exist for this tenant.
    #[error("no such row")]
    Missing,
    /// No space or not writable; retrying may help once an operator acted.
    #[error("the store cannot be written ({0})")]
    Unwritable(Unwritable),
    /// The writer's queue is full: slow down and retry.
    #[error("the store is overloaded")]
    Overloaded,
    /// It does not take the token of the person on whose behalf it was asked as them.
    #[error("the store does not take the person's token")]
    Untrusted,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else; logged where it happened.
    #[error("the store failed")]
    Internal,
}

/// What keeps a store from being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritable {
    /// The disk is full.
    Full,
    /// The directory or file is read-only.
    ReadOnly,
    /// Reading or writing failed at the device.
    Io,
    /// The database does not answer, or does not let us in.
    Away,
}

impl std::fmt::Display for Unwritable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Full => "disk full",
            Self::ReadOnly => "read-only",
            Self::Io => "i/o error",
            Self::Away => "database away",
        })
    }
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing it.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Unwritable(_) | Self::Overloaded | Self::Internal)
    }
}
