//! How the model's server did last time. Health is passive: nothing is sent for it, real calls are the probe, because
//! a probe of our own would cost money or say little.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::error::{Cause, CreateError};
use crate::ids::KeyRef;

/// How long an outcome says something about now.
const FRESH: Duration = Duration::from_secs(300);

/// What is known about the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The last exchange worked, or failed by the caller's own fault.
    Ok,
    /// Nothing was asked for a while.
    Unknown,
    /// The last exchange failed by the server's fault or the key's.
    Failing,
}

impl State {
    /// The name on `/health`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Failing => "failing",
        }
    }
}

/// What `/health` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The verdict.
    pub state: State,
    /// Stable code of the last failure, while `Failing`.
    pub code: Option<&'static str>,
    /// Age of what the verdict rests on.
    pub age: Option<Duration>,
}

/// The last outcome. The lock is held for a copy, never over an await.
#[derive(Debug, Default)]
pub(super) struct Pulse(Mutex<Option<(Instant, Option<&'static str>)>>);

impl Pulse {
    /// Takes note of an exchange.
    pub(super) fn note<T>(&self, key: KeyRef, outcome: &Result<T, CreateError>) {
        let code = outcome.as_ref().err().filter(|error| is_theirs(&error.cause, key)).map(CreateError::code);
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((Instant::now(), code));
    }

    /// The verdict now.
    pub(super) fn read(&self) -> Health {
        let last = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some((age, code)) = last.map(|(at, code)| (at.elapsed(), code)).filter(|(age, _)| *age <= FRESH) else {
            return Health { state: State::Unknown, code: None, age: None };
        };
        let state = if code.is_some() { State::Failing } else { State::Ok };
        Health { state, code, age: Some(age) }
    }
}

/// A key that somebody stored is theirs: what is wrong with it says nothing about the server.
fn is_theirs(cause: &Cause, key: KeyRef) -> bool {
    match cause {
        Cause::OfferRefused | Cause::RateLimited { .. } => false,
        Cause::KeyRejected | Cause::Quota => key == KeyRef::Server,
        Cause::Refused { .. }
        | Cause::Paused { .. }
        | Cause::NotFound
        | Cause::Server { .. }
        | Cause::Timeout
        | Cause::BrokenOff
        | Cause::Unreachable
        | Cause::Garbage(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::KeyId;

    #[tokio::test(start_paused = true)]
    async fn an_outcome_is_forgotten_after_five_minutes() {
        let pulse = Pulse::default();
        assert_eq!(pulse.read().state, State::Unknown);
        pulse.note::<()>(KeyRef::Stored(KeyId::fresh()), &Err(Cause::KeyRejected.into()));
        assert_eq!(pulse.read().state, State::Ok, "somebody's own key is not the server's fault");
        pulse.note::<()>(KeyRef::Server, &Err(Cause::KeyRejected.into()));
        assert_eq!(pulse.read().code, Some("KEY_REJECTED"));
        pulse.note::<()>(KeyRef::Server, &Err(Cause::OfferRefused.into()));
        assert_eq!(pulse.read().state, State::Ok, "a bad offer is not the server's fault");
        tokio::time::advance(FRESH + Duration::from_secs(1)).await;
        assert_eq!(pulse.read().state, State::Unknown);
    }
}
