//! A simulator: bound first, so that it knows its address, then run.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::call::{ClientEvent, Message};
use crate::config::Config;
use crate::faults::{Faults, Script, Trouble};
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

    /// With which key a live call was created: 0 for the first, 1 and up for `more_keys`.
    #[must_use]
    pub fn project(&self, call_id: &str) -> Option<usize> {
        self.shared.calls.get(call_id).map(|call| call.project.0)
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

    /// Ids of the calls that are live, in no order.
    #[must_use]
    pub fn live(&self) -> Vec<String> {
        self.shared.calls.ids()
    }

    /// Misbehave like this in all calls that are not scripted. Calls that are live keep the faults
    /// they have.
    pub fn set_faults(&self, faults: Faults) {
        self.script().set_general(faults);
    }

    /// The next call has these faults; what was scripted comes after it.
    pub fn next_call(&self, faults: Faults) {
        self.script().put_next(faults);
    }

    /// The faults of a live call, or `None` when there is no such call.
    #[must_use]
    pub fn call_faults(&self, call_id: &str) -> Option<Faults> {
        self.shared.calls.get(call_id).map(|call| call.faults())
    }

    /// Give a live call other faults: within a frame (20 ms) they are in force. What is decided
    /// when a call begins stays: creating, loss, jitter, the time after which a vanished caller is
    /// noticed, and `expires_at`. `false`: there is no such call.
    pub fn set_call_faults(&self, call_id: &str, faults: Faults) -> bool {
        self.shared.calls.get(call_id).is_some_and(|call| call.faults.send(faults).is_ok())
    }

    /// Let this befall the sidebands that a live call has now; those that attach later are well.
    /// `false`: there is no such call, or it takes nothing at the moment.
    pub fn trouble(&self, call_id: &str, trouble: Trouble) -> bool {
        self.order(call_id, Message::Trouble(trouble))
    }

    /// Have the provider end a live call by itself. `false` as with [`Probe::trouble`].
    pub fn drop_call(&self, call_id: &str) -> bool {
        self.order(call_id, Message::Drop)
    }

    fn order(&self, call_id: &str, order: Message) -> bool {
        self.shared.calls.get(call_id).is_some_and(|call| call.inbox.try_send(order).is_ok())
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.shared.script.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("live_calls", &self.live_calls()).finish()
    }
}
