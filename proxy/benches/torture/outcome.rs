//! What became of a candidate, for whoever counts.

use std::sync::Arc;

use crate::desk::Booked;
use crate::rig::provider::Call;
use crate::told::Told;

/// What became of a candidate.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) number: u64,
    pub(crate) booked: Booked,
    pub(crate) told: Told,
    /// The provider's calls, oldest first.
    pub(crate) calls: Vec<Arc<Call>>,
    pub(crate) joined: u32,
    pub(crate) resumed: u32,
    pub(crate) autopilot: u32,
    pub(crate) relayed: u64,
    pub(crate) why: Why,
}

/// Why a browser stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The server closed after the end.
    Ended,
    Left,
    /// The server said that there is nothing to come back to.
    SentAway(u16),
    GaveUp,
    /// It asked for the end, and nothing happened.
    NotEnded,
    /// No call could be made.
    NoCall,
}
