//! Deletes, once a day, what is older than its tenant keeps it. One task of the process; what is deleted is the store's to
//! decide ([`Rights::expire`]). Counts are logged, never what was in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::rights::{Expired, Rights};

/// How often it looks whether a day has passed: a machine that slept is not a day late.
const LOOK: Duration = Duration::from_secs(600);
const DAY_MS: i64 = 86_400_000;
/// Interviews in one transaction: the writer has calls to serve meanwhile.
const AT_ONCE: u32 = 20;
/// Between two transactions.
const PAUSE: Duration = Duration::from_millis(50);

/// The daily round.
pub struct Retention {
    rights: Arc<dyn Rights>,
    clock: Arc<dyn Clock>,
    due_unix_ms: AtomicI64,
}

impl Retention {
    /// The first round is due at once: nobody knows when the last process had one.
    #[must_use]
    pub fn new(rights: Arc<dyn Rights>, clock: Arc<dyn Clock>) -> Self {
        Self { rights, clock, due_unix_ms: AtomicI64::new(i64::MIN) }
    }

    /// Works until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut timer = tokio::time::interval(LOOK);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(timer.tick()).await.is_some() {
            match stop.run_until_cancelled(self.round_if_due()).await {
                Some(Ok(Some(expired))) if expired != Expired::default() => {
                    tracing::info!(?expired, "what was older than it is kept was deleted")
                }
                Some(Ok(_)) | None => {}
                Some(Err(error)) => tracing::warn!(%error, "what is older than it is kept could not be deleted"),
            }
        }
    }

    /// A round, if a day has passed since the last one that was finished. `None`: not due.
    ///
    /// # Errors
    /// When the store cannot be written; the round is then still due.
    pub async fn round_if_due(&self) -> Result<Option<Expired>, StoreError> {
        let now = self.clock.now().unix_ms;
        if now < self.due_unix_ms.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut all = Expired::default();
        loop {
            let expired = self.rights.expire(AT_ONCE).await?;
            all = all.and(expired);
            metrics::counter!("viva_retention_deleted_total", "what" => "sessions").increment(expired.sessions as u64);
            metrics::counter!("viva_retention_deleted_total", "what" => "candidates")
                .increment(expired.candidates as u64);
            metrics::counter!("viva_retention_deleted_total", "what" => "audit").increment(expired.audit as u64);
            if expired.sessions < AT_ONCE as usize {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.due_unix_ms.store(now + DAY_MS, Ordering::Relaxed);
        Ok(Some(all))
    }
}
