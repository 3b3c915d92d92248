//! The server's HTTP interface, as a page uses it: a guest signs in, makes sessions, asks for tickets, reads the health.
//! The server may be gone at any moment, so everything is tried again for a while.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use viva_proxy::ids::{SessionId, TenantId};

use crate::wire::{self, Wire};

/// A restart takes milliseconds; after this long it is no restart.
const PATIENCE: Duration = Duration::from_secs(20);
const AGAIN: Duration = Duration::from_millis(100);

/// A signed-in guest.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    /// Asked in turn: whoever has just been killed does not answer.
    doors: Vec<SocketAddr>,
    cookie: String,
}

/// A session and the way into it.
#[derive(Debug, Clone)]
pub(crate) struct Booked {
    pub(crate) session: SessionId,
    pub(crate) tenant: TenantId,
    pub(crate) ticket: String,
}

impl Desk {
    pub(crate) async fn sign_in(doors: Vec<SocketAddr>) -> Result<Self> {
        let addr = *doors.first().context("there is no door")?;
        let origin = format!("http://{addr}");
        let request = wire::request("POST", addr, "/auth/guest", &[("origin", &origin)], b"");
        let mut wire = Wire::open(addr).await?;
        let reply = wire.exchange(&request).await?;
        ensure!(reply.status == 204, "signing in as a guest got {}", reply.status);
        let cookie = reply.header("set-cookie").and_then(|cookie| cookie.split(';').next()).context("no cookie")?;
        Ok(Self { doors, cookie: cookie.to_owned() })
    }

    pub(crate) async fn book(&self, plan: &str) -> Result<Booked> {
        let wanted = json!({ "plan": plan, "consent": { "version": "2026-11", "locale": "en" } });
        let reply = self.ask("POST", "/api/sessions", &wanted, 201).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a field is missing");
        Ok(Booked {
            session: text(&reply["session"]["id"])?.parse()?,
            tenant: text(&reply["session"]["tenant_id"])?.parse()?,
            ticket: text(&reply["ticket"]["value"])?,
        })
    }

    /// A further ticket of a session.
    pub(crate) async fn ticket(&self, session: SessionId) -> Result<String> {
        let wanted = json!({ "consent": { "version": "2026-11", "locale": "en" } });
        let reply = self.ask("POST", &format!("/api/sessions/{session}/tickets"), &wanted, 201).await?;
        reply["ticket"]["value"].as_str().map(str::to_owned).context("no ticket")
    }

    /// What a browser sends along.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// How many sessions the servers count as live.
    pub(crate) async fn active(&self) -> Result<u64> {
        let mut active = 0;
        for door in &self.doors {
            let (_, story) = self.patiently("GET", "/health", &Value::Null, 200, &[*door]).await?;
            active += story["sessions"]["active"].as_u64().context("no count of sessions")?;
        }
        Ok(active)
    }

    async fn ask(&self, method: &str, path: &str, body: &Value, status: u16) -> Result<Value> {
        self.patiently(method, path, body, status, &self.doors).await.map(|(_, reply)| reply)
    }

    async fn patiently(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        status: u16,
        doors: &[SocketAddr],
    ) -> Result<(u16, Value)> {
        let deadline = Instant::now() + PATIENCE;
        for door in doors.iter().cycle() {
            match self.once(*door, method, path, body).await {
                Ok((got, reply)) if got == status => return Ok((got, reply)),
                // A server that is stopping says so.
                Ok((got, _)) if got == 503 && Instant::now() < deadline => {}
                Ok((got, reply)) => anyhow::bail!("{method} {path} got {got}: {reply}"),
                Err(error) if Instant::now() >= deadline => return Err(error.context(format!("{method} {path}"))),
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
        anyhow::bail!("there is no door")
    }

    /// Asks at one door, once; status and answer, whatever they are.
    pub(crate) async fn once(&self, door: SocketAddr, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let origin = format!("http://{door}");
        let headers = [("origin", origin.as_str()), ("cookie", &self.cookie), ("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = wire::request(method, door, path, &headers, body.as_bytes());
        let mut wire = Wire::open(door).await?;
        let reply = tokio::time::timeout(PATIENCE, wire.exchange(&request)).await??;
        Ok((reply.status, serde_json::from_slice(reply.body).unwrap_or_default()))
    }
}
