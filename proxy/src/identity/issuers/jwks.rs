//! An issuer's published keys, kept for a while. Many tokens at once cost one fetch; a key that nobody knows costs one
//! fetch every 30 seconds, whoever asks how often; an issuer that is down is believed for 20 minutes and no longer, since
//! a key may have been withdrawn meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::error::TokenError;
use super::fetch::{FetchError, Fetcher};
use super::keys::Keys;
use super::spec::KeysUrl;
use crate::clock::{Clock, Millis};

/// Keys are not asked for again for so long.
const FRESH_MS: Millis = 600_000;
/// Keys older than this are not believed.
const BELIEVED_MS: Millis = 1_200_000;
/// Between two fetches while there are keys to go on with.
const FLOOR_MS: Millis = 30_000;
/// Between two fetches while there are none: everybody is waiting then.
const FLOOR_WITHOUT_MS: Millis = 5_000;

type Flight = Shared<BoxFuture<'static, ()>>;

/// The keys of one address.
pub struct KeySet(Arc<Inner>);

struct Inner {
    url: KeysUrl,
    fetcher: Fetcher,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<(Arc<Keys>, Millis)>,
    tried: Option<Millis>,
    /// The fetch under way: whoever needs it waits for the same one.
    flight: Option<Flight>,
}

/// What to do for a token now.
enum Step {
    Use(DecodingKey),
    Wait(Flight),
    Refuse(TokenError),
}

impl KeySet {
    pub(super) fn new(url: KeysUrl, fetcher: Fetcher, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { url, fetcher, clock, state: Mutex::default() }))
    }

    /// The key for a signature.
    pub(super) async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, TokenError> {
        // After a flight the next step uses or refuses, unless its waiters had left it lying about for long.
        for _ in 0..3 {
            match self.step(id, algorithm) {
                Step::Use(key) => return Ok(key),
                Step::Wait(flight) => flight.await,
                Step::Refuse(error) => return Err(error),
            }
        }
        Err(TokenError::Unavailable { retry_after: Duration::from_millis(FLOOR_WITHOUT_MS) })
    }

    fn step(&self, id: Option<&str>, algorithm: Algorithm) -> Step {
        let now = self.0.clock.now().mono_ms;
        let mut state = self.0.state();
        let believed = state.known.as_ref().filter(|(_, at)| now.saturating_sub(*at) < BELIEVED_MS);
        let found = believed.and_then(|(keys, _)| keys.find(id, algorithm));
        let is_fresh = believed.is_some_and(|(_, at)| now.saturating_sub(*at) < FRESH_MS);
        let floor = if believed.is_some() { FLOOR_MS } else { FLOOR_WITHOUT_MS };
        let has_keys = believed.is_some();
        match found {
            Some(key) if is_fresh => return Step::Use(key),
            _ => {}
        }
        if let Some(flight) = &state.flight {
            return Step::Wait(flight.clone());
        }
        let waited = state.tried.map_or(floor, |tried| now.saturating_sub(tried));
        if waited >= floor {
            state.tried = Some(now);
            let flight = fetch(self.0.clone()).boxed().shared();
            state.flight = Some(flight.clone());
            return Step::Wait(flight);
        }
        match found {
            Some(key) => Step::Use(key),
            None if has_keys => Step::Refuse(TokenError::UnknownKey),
            None => Step::Refuse(TokenError::Unavailable { retry_after: Duration::from_millis(floor - waited) }),
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fetch(inner: Arc<Inner>) {
    let fetched = match inner.fetcher.get(&inner.url).await {
        Ok(body) => Keys::parse(&body).map_err(|_| FetchError::NotKeys),
        Err(error) => Err(error),
    };
    let result = if fetched.is_ok() { "ok" } else { "failed" };
    metrics::counter!("viva_jwks_fetches_total", "result" => result).increment(1);
    let now = inner.clock.now().mono_ms;
    let mut state = inner.state();
    state.flight = None;
    match fetched {
        Ok(keys) => {
            if keys.usable() == 0 {
                tracing::warn!(host = ?inner.url, keys = keys.total(), "an issuer publishes no key that can be used; does it still sign with a shared secret?");
            }
            state.known = Some((Arc::new(keys), now));
        }
        Err(error) => tracing::warn!(host = ?inner.url, %error, "an issuer's keys could not be fetched"),
    }
}
