//! How much is allowed. Benches and tests raise these by environment; nothing goes around them.

use std::time::Duration;

use super::defaults;
use super::reader::Reader;

/// Limits that operators set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `MAX_CONCURRENT_SESSIONS`: live calls on this machine.
    pub sessions: u32,
    /// `MAX_SESSIONS_PER_TENANT`: live calls of one tenant that chose no limit of its own.
    pub sessions_per_tenant: u32,
    /// `MAX_SESSIONS_PER_USER`: live calls of one person.
    pub sessions_per_user: u32,
    /// `MAX_SESSION_SECONDS`: the longest interview.
    pub session: Duration,
    /// `RESUME_GRACE_SECONDS`: how long a call outlives its browser's socket.
    pub resume_grace: Duration,
    /// `INACTIVITY_SECONDS`: silence on both sides that ends an interview.
    pub inactivity: Duration,
    /// `RATE_LIMIT_PER_MINUTE`: requests of one caller.
    pub requests_per_minute: u32,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let sessions = reader.number_or_alias(
            "MAX_CONCURRENT_SESSIONS",
            "MAX_CONCURRENT_WORKERS",
            &defaults::MAX_CONCURRENT_SESSIONS,
        );
        let per_tenant = reader.number("MAX_SESSIONS_PER_TENANT", &defaults::MAX_SESSIONS_PER_TENANT);
        let per_user = reader.number("MAX_SESSIONS_PER_USER", &defaults::MAX_SESSIONS_PER_USER);
        let session = reader.seconds("MAX_SESSION_SECONDS", &defaults::MAX_SESSION_SECONDS);
        let resume_grace = reader.seconds("RESUME_GRACE_SECONDS", &defaults::RESUME_GRACE_SECONDS);
        let inactivity = reader.seconds("INACTIVITY_SECONDS", &defaults::INACTIVITY_SECONDS);
        let requests = reader.number("RATE_LIMIT_PER_MINUTE", &defaults::RATE_LIMIT_PER_MINUTE);
        Self {
            sessions: bounded(sessions),
            sessions_per_tenant: bounded(per_tenant),
            sessions_per_user: bounded(per_user),
            session,
            resume_grace,
            inactivity,
            requests_per_minute: bounded(requests),
        }
    }
}

/// The bounds of every count are far below `u32::MAX`.
fn bounded(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
