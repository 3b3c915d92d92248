//! A fake provider: answers offers, carries conversations without media, speaks the sideband, hangs up. It is as slow,
//! as forgetful and as rude as its [`Weather`] says. What it did is the truth that a record is held against. It knows
//! nothing of Viva.

pub(crate) mod call;
mod doors;
mod events;
mod reply;
mod sideband;
mod weather;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use call::{Call, Pace, Utterance};
pub(crate) use weather::Weather;

/// A running provider; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Provider {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    weather: Weather,
    seed: u64,
    made: AtomicU64,
    calls: Mutex<HashMap<u64, Arc<Call>>>,
}

impl Provider {
    pub(crate) async fn start(weather: Weather, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared { weather, seed, made: AtomicU64::new(0), calls: Mutex::default() });
        // Only a delay of small frames is lost with the option.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let router = doors::router(Arc::clone(&shared));
        let accepting = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { addr, shared, accepting })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The call that an answer belongs to: its number stands in the answer's origin line.
    pub(crate) fn call_of(&self, answer: &str) -> Option<Arc<Call>> {
        let rest = answer.split_once("\r\no=- ")?.1;
        self.shared.call(rest.split(' ').next()?.parse().ok()?)
    }

    /// All calls ever made and not forgotten.
    pub(crate) fn calls(&self) -> Vec<Arc<Call>> {
        self.shared.lock().values().cloned().collect()
    }

    /// Drops a call whose truth is not needed any more.
    pub(crate) fn forget(&self, number: u64) {
        self.shared.lock().remove(&number);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Call>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, number: u64) -> Option<Arc<Call>> {
        self.lock().get(&number).cloned()
    }

    fn next(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Sleeps, unless there is nothing to wait for: a timer's least is a millisecond.
async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
