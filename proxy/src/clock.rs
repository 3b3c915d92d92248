//! Time as the core sees it. Every instant is handed in as [`At`], so that a call can be recorded, replayed and
//! rebuilt after a restart. Only [`SystemClock`] reads the machine's clocks; pure modules must never use it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds on the monotonic clock of one process.
pub type Millis = u64;

/// One instant on both clocks: `mono_ms` orders and measures within a process, `unix_ms` is what a record stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// Milliseconds since an arbitrary origin; never goes backwards.
    pub mono_ms: Millis,
    /// Milliseconds since 1970-01-01T00:00:00Z; may be stepped by the machine.
    pub unix_ms: i64,
}

/// Where the shell takes its time from.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> At;
}

/// The machine's own clocks.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Monotonic time does not begin at zero, so that moments before this process can be named too: a session that it goes
/// on with began earlier. A year.
const BEFORE_ORIGIN_MS: Millis = 365 * 24 * 3_600 * 1_000;

impl Clock for SystemClock {
    fn now(&self) -> At {
        let unix_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        At {
            mono_ms: BEFORE_ORIGIN_MS + u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX / 2),
            unix_ms,
        }
    }
}

/// RFC 3339 in UTC with milliseconds, the one format of times in JSON and logs.
#[must_use]
pub fn rfc3339(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms)
        .map_or_else(|_| String::from("1970-01-01T00:00:00.000Z"), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds() {
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
    }
}
