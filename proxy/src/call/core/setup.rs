//! What a core is made with. Plain data, decided by the shell before there is a call.

use std::sync::Arc;

use super::Guard;
use crate::clock::Millis;
use crate::ids::SessionId;
use crate::interview::{Brief, Plan};
use crate::transcript::Hash;

/// Limits on a call whose media we do not carry. Milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Our own cap on a session.
    pub session_ms: Millis,
    /// How long a client may be away.
    pub grace_ms: Millis,
    /// How long nobody may speak.
    pub inactivity_ms: Millis,
}

/// What a core is made with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The interview.
    pub session: SessionId,
    /// Its stages.
    pub plan: Arc<Plan>,
    /// What is known of candidate and role.
    pub brief: Brief,
    /// Limits.
    pub limits: Limits,
    /// How changes by the client are met.
    pub guard: Guard,
    /// Whether this call should ever have a sideband.
    pub sideband: bool,
    /// Whether the model speaks first; a drop-in client decides that itself.
    pub greets: bool,
    /// Time limits in percent of the plan's.
    pub pace: u32,
    /// 32 random bytes for nonces and salts; never stored.
    pub seed: [u8; 32],
    /// Last journal record that exists already: number and hash.
    pub journal: (u64, Hash),
}
