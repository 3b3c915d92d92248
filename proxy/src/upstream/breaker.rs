//! [`Breaker`]: when a server that keeps failing with a key is left alone for a while. Pure: time is an argument, counted
//! from wherever the caller likes. What counts as a failure is decided by whoever asks.
//!
//! ```text
//!            FAILURES in a row                 the pause is over, somebody asks
//!  Closed ───────────────────────▶ Open ──────────────────────────────────────▶ HalfOpen
//!    ▲                              ▲  └─ an answer after all ─▶ Closed              │  │
//!    │                              └──────────── the probe failed: twice as long ───┘  │
//!    └───────────────────────────────────────── the probe was answered ─────────────────┘
//! ```

use std::time::Duration;

/// Failures in a row that open it. One that is answered in between starts the count anew.
const FAILURES: u32 = 5;
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// People wait in front of it: a server that is back should not go unused for longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A probe of which nothing was heard for so long was lost; longer than any exchange may take.
const PROBE_LIMIT: Duration = Duration::from_secs(75);
/// When to come again while somebody else's probe is under way.
const AFTER_PROBE: Duration = Duration::from_secs(1);

/// What came of an exchange, as far as it says something about the server and the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An answer.
    Worked,
    /// The server's fault or the key's.
    Failed {
        /// How long the server asked to be left alone.
        wait: Option<Duration>,
    },
    /// The asker's own fault: the server answers, and that says nothing about the next offer.
    Beside,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Everybody passes.
    Closed,
    /// Nobody does.
    Open,
    /// One may try.
    HalfOpen,
}

impl BreakerState {
    /// The name on `/health` and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// One server with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breaker {
    Closed { failures: u32 },
    Open { until: Duration, pause: Duration },
    HalfOpen { since: Duration, pause: Duration },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// How long somebody who asked now would have to wait; `None`: not at all. Changes nothing.
    pub(super) fn wait(&self, now: Duration) -> Option<Duration> {
        match *self {
            Self::Closed { .. } => None,
            Self::Open { until, .. } => until.checked_sub(now).filter(|left| !left.is_zero()),
            Self::HalfOpen { since, .. } => (now.saturating_sub(since) < PROBE_LIMIT).then_some(AFTER_PROBE),
        }
    }

    /// Somebody wants to ask the server.
    ///
    /// # Errors
    /// With the time after which it is worth trying again.
    pub(super) fn ask(&mut self, now: Duration) -> Result<(), Duration> {
        if let Some(wait) = self.wait(now) {
            return Err(wait);
        }
        if let Self::Open { pause, .. } | Self::HalfOpen { pause, .. } = *self {
            *self = Self::HalfOpen { since: now, pause };
        }
        Ok(())
    }

    /// Takes note of what came of asking.
    pub(super) fn note(&mut self, now: Duration, outcome: Outcome) {
        *self = match (*self, outcome) {
            (Self::Closed { failures }, Outcome::Failed { wait }) if failures + 1 >= FAILURES => {
                Self::opened(now, FIRST_PAUSE, wait)
            }
            (Self::Closed { failures }, Outcome::Failed { .. }) => Self::Closed { failures: failures + 1 },
            (same @ Self::Closed { .. }, Outcome::Beside) => same,
            (Self::HalfOpen { pause, .. }, Outcome::Failed { wait }) => Self::opened(now, pause * 2, wait),
            // Asked before it opened: failures were to be expected, an answer is what everybody waits for.
            (same @ Self::Open { .. }, Outcome::Failed { .. } | Outcome::Beside) => same,
            (Self::Closed { .. } | Self::Open { .. } | Self::HalfOpen { .. }, Outcome::Worked)
            | (Self::HalfOpen { .. }, Outcome::Beside) => Self::default(),
        };
    }

    /// How it stands.
    pub(super) fn state(&self, now: Duration) -> BreakerState {
        match *self {
            Self::Closed { .. } => BreakerState::Closed,
            Self::Open { until, .. } if now < until => BreakerState::Open,
            Self::Open { .. } | Self::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// Whether nothing speaks against the server.
    pub(super) fn is_spotless(&self) -> bool {
        *self == Self::default()
    }

    fn opened(now: Duration, pause: Duration, wait: Option<Duration>) -> Self {
        let pause = pause.max(wait.unwrap_or_default()).min(LONGEST_PAUSE);
        Self::Open { until: now + pause, pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Outcome = Outcome::Failed { wait: None };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert_eq!(breaker.ask(at(0)), Ok(()));
            breaker.note(at(0), FAILED);
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_not_before() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                breaker.note(at(0), FAILED);
                breaker.note(at(0), Outcome::Beside);
            }
            assert_eq!(breaker.ask(at(0)), Ok(()), "one is still missing");
            breaker.note(at(0), Outcome::Worked);
            assert!(breaker.is_spotless());
        }
        assert_eq!(opened().ask(at(0)), Err(FIRST_PAUSE));
        assert_eq!(opened().wait(at(1)), Some(at(1)));
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let mut breaker = opened();
        assert_eq!((breaker.state(at(1)), breaker.state(at(2))), (BreakerState::Open, BreakerState::HalfOpen));
        assert_eq!(breaker.ask(at(2)), Ok(()), "the probe");
        assert_eq!(breaker.ask(at(2)), Err(AFTER_PROBE));
        breaker.note(at(3), FAILED);
        assert_eq!(breaker.ask(at(3)), Err(2 * FIRST_PAUSE), "twice as long");
        assert_eq!(breaker.ask(at(7)), Ok(()));
        breaker.note(at(7), Outcome::Beside);
        assert!(breaker.is_spotless(), "it answers, whatever it says of the offer");
    }

    #[test]
    fn a_probe_that_is_lost_is_followed_by_another() {
        let mut breaker = opened();
        assert_eq!(breaker.ask(at(2)), Ok(()));
        assert_eq!(breaker.ask(at(2) + PROBE_LIMIT), Ok(()));
        assert_eq!(breaker.ask(at(3) + PROBE_LIMIT), Err(AFTER_PROBE));
    }

    #[test]
    fn a_pause_is_as_long_as_the_server_asks_and_never_longer_than_a_minute() {
        let failing = |wait| {
            let mut breaker = Breaker::Closed { failures: FAILURES - 1 };
            breaker.note(at(0), Outcome::Failed { wait });
            breaker.wait(at(0))
        };
        assert_eq!(failing(Some(at(20))), Some(at(20)));
        assert_eq!(failing(Some(at(3600))), Some(LONGEST_PAUSE));
        let mut breaker = opened();
        let mut now = at(0);
        for _ in 0..20 {
            now += LONGEST_PAUSE;
            assert_eq!(breaker.ask(now), Ok(()));
            breaker.note(now, FAILED);
        }
        assert_eq!(breaker.wait(now), Some(LONGEST_PAUSE));
    }

    #[test]
    fn what_was_asked_before_it_opened_closes_it_only_by_an_answer() {
        let mut breaker = opened();
        let before = breaker;
        breaker.note(at(1), FAILED);
        breaker.note(at(1), Outcome::Beside);
        assert_eq!(breaker, before);
        breaker.note(at(1), Outcome::Worked);
        assert_eq!(breaker.ask(at(1)), Ok(()));
    }

    /// Whatever happens in whatever order: it never refuses for longer than a minute, and never for ever.
    #[test]
    fn nobody_waits_for_longer_than_a_minute() {
        let mut random = 0x9e37_79b9_u64;
        let mut breaker = Breaker::default();
        let mut now = at(0);
        for _ in 0..10_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += Duration::from_millis(random >> 40 & 0x3fff);
            match random >> 33 & 7 {
                0 => breaker.note(now, Outcome::Worked),
                1 => breaker.note(now, Outcome::Beside),
                2..5 => breaker.note(now, Outcome::Failed { wait: Some(Duration::from_secs(random >> 50)) }),
                _ => {
                    if let Err(wait) = breaker.ask(now) {
                        assert!(!wait.is_zero() && wait <= LONGEST_PAUSE, "{breaker:?}");
                    }
                }
            }
            assert_eq!(breaker.clone().ask(now + LONGEST_PAUSE + PROBE_LIMIT), Ok(()));
        }
    }
}
