//! What the suite has cost so far, by the price list that the server reckons with, and the limit at which it stops. A figure
//! whose model has no price counts as the limit: nobody knows what it costs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use viva_proxy::usage::prices::Prices;
use viva_proxy::usage::{Measure, Nanos};

/// Ten times of what it takes.
const DEFAULT_LIMIT_USD: f64 = 0.5;
/// Nobody means more for a few questions.
const MOST_USD: f64 = 20.0;

/// A purse with a bottom. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Spent(Arc<Inner>);

struct Inner {
    prices: Prices,
    model: String,
    transcription_model: &'static str,
    nanos: AtomicU64,
    limit: Nanos,
}

impl Spent {
    /// Nothing yet, of `LIVE_LIMIT_USD`.
    pub(crate) fn from_env(model: &str, transcription_model: &'static str) -> Result<Self> {
        let limit = match std::env::var("LIVE_LIMIT_USD") {
            Ok(text) => text.parse::<f64>().ok().filter(|usd| (0.0..=MOST_USD).contains(usd)),
            Err(_) => Some(DEFAULT_LIMIT_USD),
        };
        let limit = limit.and_then(Nanos::from_dollars).context("LIVE_LIMIT_USD is an amount from 0 to 20")?;
        let (prices, model) = (Prices::built_in(), model.to_owned());
        Ok(Self(Arc::new(Inner { prices, model, transcription_model, nanos: AtomicU64::new(0), limit })))
    }

    /// What an event of a sideband tells.
    pub(crate) fn note(&self, event: &Value) {
        let (model, usage) = match event["type"].as_str() {
            Some("response.done") => (self.0.model.as_str(), &event["response"]["usage"]),
            Some("conversation.item.input_audio_transcription.completed") => {
                (self.0.transcription_model, &event["usage"])
            }
            _ => return,
        };
        let used = Measure::of(usage);
        if used.is_none() {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let cost = self.0.prices.cost(model, now, &used).unwrap_or(self.0.limit);
        self.0.nanos.fetch_add(cost.0, Ordering::Relaxed);
    }

    /// # Errors
    /// The limit is reached: nothing more may be asked that costs something.
    pub(crate) fn allows(&self) -> Result<()> {
        if self.0.nanos.load(Ordering::Relaxed) >= self.0.limit.0 {
            bail!("stopped: {self}; raise LIVE_LIMIT_USD if that is meant");
        }
        Ok(())
    }

    /// In dollars.
    pub(crate) fn dollars(&self) -> f64 {
        Nanos(self.0.nanos.load(Ordering::Relaxed)).dollars()
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.0.prices.version();
        write!(f, "${:.4} of ${} spent, by the prices of {version}", self.dollars(), self.0.limit.dollars())
    }
}

impl fmt::Debug for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
