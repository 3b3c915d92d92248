//! Tickets, as a browser gets them: a guest signs in and creates one session after the other, each with its own ticket.
//! And the way back: every call that a round opened is hung up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use crate::wire::{self, Wire};

/// Connections that mint or hang up at once.
const AT_ONCE: usize = 16;

/// A signed-in guest of the server under test.
#[derive(Debug)]
pub(crate) struct Guest {
    addr: SocketAddr,
    cookie: String,
}

/// Tickets that may each start one call.
#[derive(Debug)]
pub(crate) struct Minted {
    pub(crate) tickets: Vec<String>,
    took: Duration,
}

impl Minted {
    /// Sessions created and tickets minted, a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.tickets.len() as f64 / self.took.as_secs_f64()
    }
}

impl Guest {
    pub(crate) async fn sign_in(addr: SocketAddr) -> Result<Self> {
        let origin = format!("http://{addr}");
        let request = wire::request("POST", addr, "/auth/guest", &[("origin", &origin)], b"");
        let mut wire = Wire::open(addr).await?;
        let reply = wire.exchange(&request).await?;
        ensure!(reply.status == 204, "signing in as a guest got {}", reply.status);
        let cookie = reply.header("set-cookie").and_then(|cookie| cookie.split(';').next()).context("no cookie")?;
        Ok(Self { addr, cookie: cookie.to_owned() })
    }

    /// Creates `count` sessions, each with a ticket of its own.
    pub(crate) async fn mint(&self, count: usize) -> Result<Minted> {
        self.mint_of_plan("short", count).await
    }

    /// The same with another plan.
    pub(crate) async fn mint_of_plan(&self, plan: &str, count: usize) -> Result<Minted> {
        let wanted = format!(r#"{{"plan":"{plan}","consent":{{"version":"2026-11","locale":"en"}}}}"#);
        let origin = format!("http://{}", self.addr);
        let headers = [("origin", origin.as_str()), ("cookie", &self.cookie), ("content-type", "application/json")];
        let request = wire::request("POST", self.addr, "/api/sessions", &headers, wanted.as_bytes());
        let began = Instant::now();
        let requests: Arc<[Vec<u8>]> = vec![request; count].into();
        let tickets = exchange_all(self.addr, requests, |status, body| {
            ensure!(status == 201, "creating a session got {status}: {}", String::from_utf8_lossy(body));
            let reply: serde_json::Value = serde_json::from_slice(body)?;
            Ok(reply["ticket"]["value"].as_str().context("no ticket in the reply")?.to_owned())
        })
        .await?;
        Ok(Minted { tickets, took: began.elapsed() })
    }
}

/// Longer than any number of calls takes to be hung up and written down.
const OVER_WITHIN: Duration = Duration::from_secs(120);

/// Hangs up every call of a round, by the place of its ticket, and waits until all of them are over and on the record.
pub(crate) async fn hang_up(addr: SocketAddr, tickets: &[String], calls: &[(usize, String)]) -> Result<()> {
    let requests: Arc<[Vec<u8>]> = calls
        .iter()
        .map(|(place, location)| {
            let bearer = format!("Bearer {}", tickets[*place]);
            wire::request("DELETE", addr, location, &[("authorization", &bearer)], b"")
        })
        .collect();
    let hung_up = exchange_all(addr, requests, |status, body| {
        ensure!((200..300).contains(&status), "hanging up got {status}: {}", String::from_utf8_lossy(body));
        Ok(())
    })
    .await?;
    ensure!(hung_up.len() == calls.len(), "{} of {} calls were hung up", hung_up.len(), calls.len());
    let health = wire::request("GET", addr, "/health", &[], b"");
    let mut wire = Wire::open(addr).await?;
    let deadline = Instant::now() + OVER_WITHIN;
    loop {
        let story: serde_json::Value = serde_json::from_slice(wire.exchange(&health).await?.body)?;
        if story["sessions"]["active"] == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "calls that were hung up are still open: {}", story["sessions"]);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sends every request once over [`AT_ONCE`] connections and reads something from each reply.
async fn exchange_all<T, F>(addr: SocketAddr, requests: Arc<[Vec<u8>]>, read: F) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Fn(u16, &[u8]) -> Result<T> + Copy + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        connections.spawn(async move {
            let mut wire = Wire::open(addr).await?;
            let mut replies = Vec::new();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let reply = wire.exchange(request).await?;
                replies.push(read(reply.status, reply.body)?);
            }
            Ok::<_, anyhow::Error>(replies)
        });
    }
    let mut all = Vec::with_capacity(requests.len());
    while let Some(replies) = connections.join_next().await {
        all.extend(replies??);
    }
    Ok(all)
}
