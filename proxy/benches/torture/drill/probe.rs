//! Somebody who wants to begin a call while the database is away. They may be refused, and must be told so in time, by a
//! code that stays, and when to come again.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use crate::desk::Booked;
use crate::rig::socket::{Said, Socket};
use crate::world::World;

/// What every refusal for want of the database is called.
const CODE: &str = "DATABASE_UNAVAILABLE";
/// Longer than the database is waited for by anybody.
const PATIENCE: Duration = Duration::from_secs(20);

/// How they were refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) what: &'static str,
    pub(crate) after: Duration,
    /// Why that is not how it should be.
    pub(crate) wrong: Option<String>,
}

/// Makes a session, and knocks with the ticket of one that was made before.
pub(crate) async fn begin(world: &World, booked: &Booked) -> Result<Vec<Refused>> {
    let asked = Instant::now();
    let wanted = json!({ "plan": "default", "consent": { "version": "2026-11", "locale": "en" } });
    let (status, problem) = world.desk.once(world.doors[0], "POST", "/api/sessions", &wanted).await?;
    let is_so = status == 503 && problem["code"] == CODE && problem["retry_after_ms"].is_u64();
    let session = Refused {
        what: "a new session",
        after: asked.elapsed(),
        wrong: (!is_so).then(|| format!("{status} {problem}")),
    };
    let asked = Instant::now();
    // Whoever is not let in at all was told nothing.
    let told = tokio::time::timeout(PATIENCE, knock(world, booked)).await;
    let told = told.map_or(Value::Null, |told| told.unwrap_or_else(|error| json!({ "error": error.to_string() })));
    let is_so = told["code"] == CODE && told["retryable"] == true && told["retryAfterMs"].is_u64();
    let call =
        Refused { what: "a new call", after: asked.elapsed(), wrong: (!is_so).then(|| format!("it was told {told}")) };
    Ok(vec![session, call])
}

/// The first thing that a socket with this ticket is told.
async fn knock(world: &World, booked: &Booked) -> Result<Value> {
    let mut socket = Socket::open(world.doors[0], "", Some(world.desk.cookie())).await?;
    socket.send(&json!({ "type": "init", "token": booked.ticket })).await?;
    Ok(match socket.next().await {
        Said::Text(text) => serde_json::from_str(text.as_str())?,
        Said::Closed(code) => json!({ "closed": code }),
    })
}
