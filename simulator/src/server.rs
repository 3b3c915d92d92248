//! A simulator: bound first, so that it knows its address, then run.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::call::ClientEvent;
use crate::config::Config;
use crate::faults::Faults;
use crate::http::{Shared, router};
use crate::model::ids::Ids;

/// A server that is bound and not running yet.
pub struct Simulator {
    listener: TcpListener,
    addr: SocketAddr,
    key: String,
    shared: Arc<Shared>,
}

impl Simulator {
    /// Bind the port.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.bind).await?;
        let addr = listener.local_addr()?;
        let key = config.key.clone().unwrap_or_else(|| format!("sk-sim-{}", Ids::fresh().letters(32)));
        let shared = Shared::new(config, key.clone());
        Ok(Self { listener, addr, key, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL to give to clients: `http://127.0.0.1:12345/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// The key it wants as Bearer.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A view of what happens inside, for tests; usable while it runs and afterwards.
    #[must_use]
    pub fn probe(&self) -> Probe {
        Probe { shared: self.shared.clone() }
    }

    /// Serve until cancelled; then calls are ended, sidebands closed, and all tasks awaited.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, cancel: CancellationToken) -> io::Result<()> {
        let shared = self.shared;
        let app = router(shared.clone());
        // However the server ends, its calls end with it.
        let calls_end = shared.shutdown.clone().drop_guard();
        // A create that hangs on purpose must not hold the end up, nor a slow client.
        let served = tokio::select! {
            served = axum::serve(self.listener, app) => served,
            () = cancel.cancelled() => Ok(()),
        };
        drop(calls_end);
        shared.tasks.close();
        shared.tasks.wait().await;
        served
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// What tests may look at and change. There is nothing of it on the wire.
#[derive(Clone)]
pub struct Probe {
    shared: Arc<Shared>,
}

impl Probe {
    /// Calls that are live.
    #[must_use]
    pub fn live_calls(&self) -> usize {
        self.shared.calls.ids().len()
    }

    /// Ids of the calls that were created, in order; the last 256.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.shared.records.seen()
    }

    /// Client events that a call received, in order; the last 1,000. Empty for unknown calls.
    #[must_use]
    pub fn client_events(&self, call_id: &str) -> Vec<ClientEvent> {
        let record = self.shared.records.of(call_id);
        record.map(|record| record.events()).unwrap_or_default()
    }

    /// Calls that were hung up over HTTP, in order; the last 256.
    #[must_use]
    pub fn hangups(&self) -> Vec<String> {
        self.shared.records.hangups()
    }

    /// Misbehave like this from now on. Calls that are live keep the faults they began with.
    pub fn set_faults(&self, faults: Faults) {
        let mut current = self.shared.faults.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *current = faults;
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("live_calls", &self.live_calls()).finish()
    }
}
