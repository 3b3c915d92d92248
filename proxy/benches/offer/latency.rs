//! An open loop at a modest rate: offers go out on a schedule, each target in turn, whatever became of those before.
//! What counts is the time that the upstream did *not* hold the offer; what a target adds is that, less the same time of
//! an offer sent to the upstream directly.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::sdp;
use crate::stats::percentile;
use crate::upstream::Upstream;
use crate::wire::Wire;

/// Offers to each target that open connections and warm caches, and are not counted.
pub(crate) const WARM_UP: usize = 48;

/// Connections that wait for each target's next offer. More offers on the way than this open further ones.
const POOLED: usize = 16;

/// The time on the way, by target, in the order of the targets.
#[derive(Debug)]
pub(crate) struct Latencies {
    pub(crate) targets: Vec<(&'static str, OnTheWay)>,
}

/// Median and 99th percentile of what an offer spent outside the upstream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnTheWay {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Sends every target as many offers as there are tickets, `rate` a second over all of them.
pub(crate) async fn measure(
    targets: &[(&'static str, SocketAddr)],
    tickets: &[String],
    rate: u32,
    upstream: &Upstream,
) -> Result<Latencies> {
    let pools: Vec<Pool> = targets.iter().map(|(_, addr)| Pool::new(*addr)).collect();
    for pool in &pools {
        pool.fill().await?;
    }
    let mut schedule = tokio::time::interval(Duration::from_secs(1) / rate);
    schedule.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut on_the_way: Vec<JoinSet<Result<(u64, Duration)>>> = targets.iter().map(|_| JoinSet::new()).collect();
    for (turn, ticket) in tickets.iter().enumerate() {
        for (target, pool) in pools.iter().enumerate() {
            schedule.tick().await;
            let id = u64::try_from(turn * pools.len() + target)?;
            on_the_way[target].spawn(one(pool.clone(), sdp::post(pool.addr, ticket, id), id));
        }
    }
    let mut latencies = Latencies { targets: Vec::with_capacity(targets.len()) };
    let counted = u64::try_from(WARM_UP * targets.len())?;
    for ((name, _), mut offers) in targets.iter().zip(on_the_way) {
        let mut times = Vec::with_capacity(tickets.len());
        while let Some(offer) = offers.join_next().await {
            let (id, took) = offer?.with_context(|| format!("an offer through {name}"))?;
            let held =
                upstream.take_held(id).with_context(|| format!("{name}: the upstream did not see offer {id}"))?;
            if id >= counted {
                times.push(took.saturating_sub(held));
            }
        }
        let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
        latencies.targets.push((name, OnTheWay { p50: p50.context("no offers")?, p99: p99.context("no offers")? }));
    }
    Ok(latencies)
}

async fn one(pool: Pool, request: Vec<u8>, id: u64) -> Result<(u64, Duration)> {
    let mut wire = pool.take().await?;
    let since = Instant::now();
    let reply = wire.exchange(&request).await?;
    let took = since.elapsed();
    ensure!(reply.status == 201, "got {}: {}", reply.status, String::from_utf8_lossy(reply.body));
    pool.give_back(wire);
    Ok((id, took))
}

/// Idle connections to one target.
#[derive(Debug, Clone)]
struct Pool {
    addr: SocketAddr,
    idle: Arc<Mutex<VecDeque<Wire>>>,
}

impl Pool {
    fn new(addr: SocketAddr) -> Self {
        Self { addr, idle: Arc::default() }
    }

    async fn fill(&self) -> Result<()> {
        for _ in 0..POOLED {
            let wire = Wire::open(self.addr).await?;
            self.give_back(wire);
        }
        Ok(())
    }

    /// The connection that waited longest, so that all of them stay warm.
    async fn take(&self) -> Result<Wire> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match idle {
            Some(wire) => Ok(wire),
            None => Wire::open(self.addr).await,
        }
    }

    fn give_back(&self, wire: Wire) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push_back(wire);
    }
}
