//! Shutdown in two stages. Soft: not ready any more, no new calls, what is under way is written down and handed over.
//! Hard: whatever is left is dropped. The first signal begins the soft stage; the second one, or too long a wait, the
//! hard one. It must not decide what draining means for a call.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Both stages. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// Nothing is shutting down yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the soft stage begins.
    #[must_use]
    pub fn soft(&self) -> &CancellationToken {
        &self.soft
    }

    /// Cancelled when the hard stage begins.
    #[must_use]
    pub fn hard(&self) -> &CancellationToken {
        &self.hard
    }

    /// Begins the soft stage.
    pub fn begin(&self) {
        self.soft.cancel();
    }

    /// Begins the hard stage, and the soft one if need be.
    pub fn force(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Whether either stage has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.soft.is_cancelled()
    }
}

/// SIGTERM and SIGINT, from when they are listened to.
#[derive(Debug)]
pub struct Signals(());

/// What ends a server from outside.
#[must_use]
pub fn on_signals() -> Signals {
    Signals(())
}

impl Signals {
    /// Waits for a signal and begins the soft stage, waits for a second one or the end of patience and begins the hard
    /// stage. Returns after that.
    ///
    /// # Errors
    /// When the process cannot listen to signals.
    pub(crate) async fn drive(self, shutdown: &Shutdown, patience: Duration) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let name = next().await;
        tracing::info!(
            signal = name,
            patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
            "draining"
        );
        shutdown.begin();
        match tokio::time::timeout(patience, next()).await {
            Ok(name) => tracing::warn!(signal = name, "second signal: stopping at once"),
            Err(_) => tracing::warn!("drained for as long as allowed: stopping"),
        }
        shutdown.force();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_stage_implies_the_soft_one() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.is_draining());
        shutdown.clone().force();
        assert!(shutdown.is_draining() && shutdown.hard().is_cancelled());
        let soft = Shutdown::new();
        soft.begin();
        assert!(soft.is_draining() && !soft.hard().is_cancelled());
    }
}
