//! The breakers of one server, one for each key: a key that fails closes the door for nobody else. What its metrics say is
//! how many there are, never whose.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::{Breaker, BreakerState, Outcome};
use super::error::{Cause, CreateError};
use crate::ids::KeyRef;

/// Keys in trouble at once; a key that works takes no room. Full: a further one is asked without a breaker.
const MAX_KEYS: usize = 4096;

/// How the breakers of a server stand, for `/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit {
    /// With the operator's own key.
    pub server_key: BreakerState,
    /// Stored keys that are not asked with at the moment.
    pub stored_keys_open: usize,
}

/// All breakers of a server. The lock is held for a look, never over an await.
pub(super) struct Circuits {
    upstream: String,
    origin: Instant,
    /// Only those of keys that something speaks against.
    troubled: Mutex<HashMap<KeyRef, Breaker>>,
}

impl Circuits {
    /// Of the server of this name.
    pub(super) fn of(upstream: &str) -> Self {
        Self { upstream: upstream.to_owned(), origin: Instant::now(), troubled: Mutex::default() }
    }

    /// How long an offer with this key would be refused; `None`: it would not.
    pub(super) fn wait(&self, key: KeyRef) -> Option<Duration> {
        let troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        troubled.get(&key)?.wait(self.origin.elapsed())
    }

    /// An offer is about to be sent with this key.
    ///
    /// # Errors
    /// [`Cause::Paused`]: it is not.
    pub(super) fn ask(&self, key: KeyRef) -> Result<(), CreateError> {
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        match troubled.get_mut(&key) {
            None => Ok(()),
            Some(breaker) => {
                breaker.ask(self.origin.elapsed()).map_err(|retry_after| Cause::Paused { retry_after }.into())
            }
        }
    }

    /// Takes note of what came of it.
    pub(super) fn note<T>(&self, key: KeyRef, outcome: &Result<T, CreateError>) {
        let outcome = judge(outcome);
        let now = self.origin.elapsed();
        let mut troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        if !troubled.contains_key(&key) {
            if !matches!(outcome, Outcome::Failed { .. }) {
                return;
            }
            if troubled.len() >= MAX_KEYS {
                troubled.retain(|_, breaker| breaker.state(now) != BreakerState::Closed);
            }
            if troubled.len() >= MAX_KEYS {
                return;
            }
        }
        let breaker = troubled.entry(key).or_default();
        let before = breaker.state(now);
        breaker.note(now, outcome);
        let after = breaker.state(now);
        if breaker.is_spotless() {
            troubled.remove(&key);
        }
        if before != after {
            self.tell(&troubled, key, after, now);
        }
    }

    /// How they stand.
    pub(super) fn read(&self) -> Circuit {
        let troubled = self.troubled.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.origin.elapsed();
        let server_key = troubled.get(&KeyRef::Server).map_or(BreakerState::Closed, |breaker| breaker.state(now));
        Circuit { server_key, stored_keys_open: stored_open(&troubled, now) }
    }

    fn tell(&self, troubled: &HashMap<KeyRef, Breaker>, key: KeyRef, to: BreakerState, now: Duration) {
        let whose = if key == KeyRef::Server { "server" } else { "stored" };
        match to {
            BreakerState::Open => tracing::warn!(
                upstream = self.upstream,
                key = whose,
                "the model's server is left alone for a while: it failed too often with a key"
            ),
            BreakerState::Closed | BreakerState::HalfOpen => {
                tracing::info!(upstream = self.upstream, key = whose, "the model's server answers again");
            }
        }
        let labels = [("upstream", self.upstream.clone()), ("key", whose.to_owned()), ("to", to.as_str().to_owned())];
        metrics::counter!("viva_upstream_breaker_total", &labels).increment(1);
        let server_open =
            troubled.get(&KeyRef::Server).is_some_and(|breaker| breaker.state(now) != BreakerState::Closed);
        for (whose, open) in [("server", usize::from(server_open)), ("stored", stored_open(troubled, now))] {
            let labels = [("upstream", self.upstream.clone()), ("key", whose.to_owned())];
            #[expect(clippy::cast_precision_loss, reason = "at most MAX_KEYS")]
            metrics::gauge!("viva_upstream_breakers_open", &labels).set(open as f64);
        }
    }
}

fn stored_open(troubled: &HashMap<KeyRef, Breaker>, now: Duration) -> usize {
    let is_open = |(key, breaker): &(&KeyRef, &Breaker)| {
        matches!(key, KeyRef::Stored(_)) && breaker.state(now) != BreakerState::Closed
    };
    troubled.iter().filter(is_open).count()
}

/// What an exchange says about the server and the key. 401 and 429 count like a server that fails: asking again at once
/// with that key only makes it worse.
fn judge<T>(outcome: &Result<T, CreateError>) -> Outcome {
    let Err(error) = outcome else { return Outcome::Worked };
    match error.cause {
        Cause::KeyRejected
        | Cause::RateLimited { .. }
        | Cause::Quota
        | Cause::Server { .. }
        | Cause::Timeout
        | Cause::BrokenOff
        | Cause::Unreachable => Outcome::Failed { wait: error.retry_after() },
        Cause::OfferRefused | Cause::Refused { .. } | Cause::NotFound | Cause::Garbage(_) | Cause::Paused { .. } => {
            Outcome::Beside
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::KeyId;

    fn fail(circuits: &Circuits, key: KeyRef, times: usize) {
        for _ in 0..times {
            circuits.note::<()>(key, &Err(Cause::KeyRejected.into()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_fails_closes_the_door_for_no_other() {
        let circuits = Circuits::of("openai");
        let (bad, good) = (KeyRef::Stored(KeyId::fresh()), KeyRef::Stored(KeyId::fresh()));
        fail(&circuits, bad, 5);
        let refused = circuits.ask(bad).expect_err("it is left alone");
        assert_eq!((refused.code(), refused.retry_after()), ("UPSTREAM_UNAVAILABLE", Some(Duration::from_secs(2))));
        assert!(refused.is_definite() && refused.is_retryable());
        assert!(circuits.ask(good).is_ok() && circuits.ask(KeyRef::Server).is_ok());
        assert_eq!(circuits.read(), Circuit { server_key: BreakerState::Closed, stored_keys_open: 1 });
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(circuits.ask(bad).is_ok() && circuits.ask(bad).is_err(), "one probe");
        circuits.note(bad, &Ok(()));
        assert!(circuits.ask(bad).is_ok() && circuits.wait(bad).is_none());
        assert_eq!(circuits.read().stored_keys_open, 0);
        assert!(circuits.troubled.lock().expect("sound").is_empty(), "a key that works takes no room");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_without_end_take_no_room_without_end() {
        let circuits = Circuits::of("openai");
        for _ in 0..MAX_KEYS {
            fail(&circuits, KeyRef::Stored(KeyId::fresh()), 1);
        }
        let one_more = KeyRef::Stored(KeyId::fresh());
        fail(&circuits, one_more, 5);
        assert!(circuits.ask(one_more).is_err(), "those that only stumbled made room");
        assert_eq!(circuits.troubled.lock().expect("sound").len(), 1);
        for _ in 0..MAX_KEYS {
            fail(&circuits, KeyRef::Stored(KeyId::fresh()), 5);
        }
        assert_eq!(circuits.troubled.lock().expect("sound").len(), MAX_KEYS);
        let beyond = KeyRef::Stored(KeyId::fresh());
        fail(&circuits, beyond, 9);
        assert!(circuits.ask(beyond).is_ok(), "asked without a breaker");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_offer_says_nothing_about_the_server() {
        let circuits = Circuits::of("openai");
        for _ in 0..20 {
            circuits.note::<()>(KeyRef::Server, &Err(Cause::OfferRefused.into()));
            circuits.note::<()>(KeyRef::Server, &Err(Cause::Refused { status: 400 }.into()));
        }
        assert!(circuits.ask(KeyRef::Server).is_ok());
    }
}
